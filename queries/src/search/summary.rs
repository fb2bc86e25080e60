//! One row a trace, from all its spans.

use std::collections::BTreeMap;

use duckdb::Row;

use crate::api::traces::{SpanMatch, TraceSummary};
use crate::store::StoreError;

use super::plan::{Params, TooLarge};
use super::session::{AROUND_NS, Found, Session};
use super::time_text;

/// Traces that are read together.
const TOGETHER: usize = 200;
/// Spans that are read together: of one trace with more, these are all that is told.
const SPANS_TOGETHER: usize = 200_000;
/// Services that are named of one trace.
const MAX_SERVICES: usize = 200;

/// The summary of a trace, with what it is ordered by.
#[derive(Clone, Debug)]
pub(super) struct Summarised {
    pub(super) summary: TraceSummary,
    pub(super) start_ns: i64,
    /// Start of its newest span that met the conditions.
    pub(super) matched_start_ns: i64,
    /// Duration of its longest span that did.
    pub(super) matched_ns: u64,
    /// All its spans that did.
    pub(super) matched_spans: Vec<u64>,
}

/// Tells of the traces of these spans, as far as they meet the conditions, in no order.
pub(super) fn summarise(session: &Session, found: &[Found]) -> Result<Vec<Summarised>, StoreError> {
    let mut by_time = found.to_vec();
    by_time.sort_unstable_by_key(|span| span.start_ns);
    let mut summaries = Vec::new();
    // What lies far apart is read apart, so that the time between is not read.
    let near = |one: &Found, other: &Found| other.start_ns.saturating_sub(one.start_ns) <= 2 * AROUND_NS;
    for group in by_time.chunk_by(near).flat_map(|group| group.chunks(TOGETHER)) {
        read_group(session, group, &mut summaries)?;
    }
    Ok(summaries)
}

fn read_group(session: &Session, group: &[Found], summaries: &mut Vec<Summarised>) -> Result<(), StoreError> {
    let spans = session.read_traces(group, SPANS_TOGETHER)?;
    if spans > SPANS_TOGETHER && group.len() > 1 {
        let (first, second) = group.split_at(group.len() / 2);
        read_group(session, first, summaries)?;
        return read_group(session, second, summaries);
    }
    session.make_sets_of_found()?;
    let mut params = Params::default();
    let sql = session.with_conditions(
        include_str!("../../sql/search/summaries.sql"),
        &session.plan.main,
        &TooLarge::default(),
        &mut params,
    );
    let mut traces: BTreeMap<u128, Vec<SpanLine>> = BTreeMap::new();
    for (trace_id, line) in session.rows(&sql, &params, SpanLine::read)? {
        traces.entry(trace_id).or_default().push(line);
    }
    summaries.extend(traces.into_iter().filter_map(|(trace_id, lines)| summary(trace_id, lines)));
    Ok(())
}

/// What a summary needs of a span.
#[derive(Clone, Debug, Default)]
struct SpanLine {
    span_id: u64,
    parent_span_id: u64,
    start_ns: i64,
    duration_ns: u64,
    service: String,
    version: String,
    name: String,
    method: String,
    route: String,
    http_status: u16,
    is_error: bool,
    is_proxy: bool,
    is_match: bool,
}

impl SpanLine {
    fn read(row: &Row<'_>) -> Result<(u128, Self), duckdb::Error> {
        let (hi, lo): (u64, u64) = (row.get(0)?, row.get(1)?);
        let line = Self {
            span_id: row.get(2)?,
            parent_span_id: row.get(3)?,
            start_ns: row.get(4)?,
            duration_ns: row.get(5)?,
            service: row.get(6)?,
            version: row.get(7)?,
            name: row.get(8)?,
            method: row.get(9)?,
            route: row.get(10)?,
            http_status: row.get(11)?,
            is_error: row.get(12)?,
            is_proxy: row.get(13)?,
            is_match: row.get(14)?,
        };
        Ok((u128::from(hi) << 64 | u128::from(lo), line))
    }

    fn end_ns(&self) -> i64 {
        self.start_ns.saturating_add_unsigned(self.duration_ns)
    }
}

/// The summary of a trace; none where no span of it meets the conditions.
fn summary(trace_id: u128, mut spans: Vec<SpanLine>) -> Option<Summarised> {
    // Of spans that start together, the one without a parent is the first.
    spans.sort_by_key(|span| (span.start_ns, span.parent_span_id != 0, span.span_id));
    let matches = || spans.iter().filter(|span| span.is_match);
    let longest = matches().max_by_key(|span| (span.duration_ns, std::cmp::Reverse(span.start_ns)))?;
    let first = spans.first()?;
    let end_ns = spans.iter().map(SpanLine::end_ns).max()?;
    let route = spans
        .iter()
        .find(|span| !span.route.is_empty())
        .map(|span| format!("{} {}", span.method, span.route).trim_start().to_owned());
    let summary = TraceSummary {
        trace_id: format!("{trace_id:032x}"),
        start: time_text(first.start_ns),
        duration_ms: end_ns.saturating_sub(first.start_ns) as f64 / 1e6,
        service: first.service.clone(),
        name: first.name.clone(),
        route,
        http_status: spans.iter().map(|span| span.http_status).find(|&status| status != 0),
        is_error: first.is_error,
        span_count: spans.len() as u32,
        error_count: spans.iter().filter(|span| span.is_error).count() as u32,
        services: services(&spans),
        matched: SpanMatch {
            span_id: format!("{:016x}", longest.span_id),
            start: time_text(longest.start_ns),
            duration_ms: longest.duration_ns as f64 / 1e6,
            service: longest.service.clone(),
            version: Some(longest.version.clone()).filter(|version| !version.is_empty()),
            name: longest.name.clone(),
            is_error: longest.is_error,
        },
        matched_count: matches().count() as u32,
    };
    Some(Summarised {
        start_ns: first.start_ns,
        matched_start_ns: matches().map(|span| span.start_ns).max()?,
        matched_ns: longest.duration_ns,
        matched_spans: matches().map(|span| span.span_id).collect(),
        summary,
    })
}

/// The services in the order in which they start. A proxy that carries no name stands before one that does.
fn services(spans: &[SpanLine]) -> Vec<String> {
    let is_named = |span: &&SpanLine| !(span.is_proxy && span.service == "unknown_service");
    let mut names: Vec<String> = Vec::new();
    for span in spans.iter().filter(is_named) {
        if names.len() < MAX_SERVICES && !names.contains(&span.service) {
            names.push(span.service.clone());
        }
    }
    if names.is_empty() {
        names.extend(spans.first().map(|span| span.service.clone()));
    }
    names
}

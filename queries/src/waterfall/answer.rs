//! A trace in the words of the API.

use std::collections::BTreeMap;

use foldhash::HashMap;
use serde_json::Value;

use crate::api::graph::Source;
use crate::api::traces::{CriticalPiece, LogSource, SpanEvent, SpanLink, Trace, TraceLog, TraceSpan};
use crate::rows::span::{SpanKind, SpanStatus};
use crate::store::{StoredLog, StoredLogs, StoredTrace};

use super::forest::{Forest, Placed};
use super::times::{critical_path, self_times};
use super::warnings::warnings;

/// Everything but log lines and calls.
pub(super) fn trace(trace_id: u128, stored: &StoredTrace, forest: &Forest<'_>, now_ns: i64) -> Trace {
    let start_ns = i128::from(forest.start_ns);
    let pieces = critical_path(forest);
    let mut is_critical = vec![false; forest.spans.len()];
    for piece in &pieces {
        is_critical[piece.span] = true;
    }
    let places: HashMap<u64, u32> = stored.resources.keys().copied().zip(0..).collect();
    let mut resources: Vec<BTreeMap<String, String>> = stored.resources.values().cloned().collect();
    if resources.is_empty() {
        resources.push(BTreeMap::new());
    }
    let spans = forest.spans.iter().zip(self_times(forest)).zip(is_critical);
    Trace {
        trace_id: format!("{trace_id:032x}"),
        start: rfc3339(forest.start_ns),
        duration_ns: u64::try_from(forest.end_ns() - start_ns).unwrap_or(u64::MAX),
        spans: spans
            .map(|((placed, self_ns), is_critical)| TraceSpan {
                self_ns,
                is_critical,
                resource: places.get(&placed.stored.shape.resource_id).copied().unwrap_or_default(),
                ..span(placed, start_ns)
            })
            .collect(),
        span_count: stored.span_count.max(forest.spans.len() as u64),
        resources,
        critical_path: pieces
            .iter()
            .map(|piece| CriticalPiece {
                span: piece.span as u32,
                offset_ns: after(piece.from, start_ns),
                duration_ns: u64::try_from(piece.to - piece.from).unwrap_or_default(),
            })
            .collect(),
        warnings: warnings(forest, stored.span_count, now_ns),
        ..Trace::default()
    }
}

/// Adds the lines that name the trace.
pub(super) fn add_logs(
    trace: &mut Trace,
    forest: &Forest<'_>,
    logs: StoredLogs,
    access_logs: StoredLogs,
    most: usize,
) {
    trace.log_count = logs.count + access_logs.count;
    let places: HashMap<u64, u32> =
        forest.spans.iter().map(|placed| placed.stored.skeleton.span_id).zip(0..).collect();
    let line = |source: LogSource, log: StoredLog| TraceLog {
        offset_ns: after(log.time_ns.into(), forest.start_ns.into()),
        duration_ns: log.duration_ns,
        span: places.get(&log.span_id).copied(),
        source,
        severity: log.severity,
        service: log.service,
        body: log.body,
        attributes: log.attributes,
    };
    let logs = logs.lines.into_iter().map(|log| line(LogSource::Log, log));
    let access_logs = access_logs.lines.into_iter().map(|log| line(LogSource::AccessLog, log));
    trace.logs = logs.chain(access_logs).collect();
    trace.logs.sort_by_key(|log| log.offset_ns);
    trace.logs.truncate(most);
}

/// What a span says of itself.
fn span(placed: &Placed<'_>, start_ns: i128) -> TraceSpan {
    let (stored, skeleton, shape) = (placed.stored, &placed.stored.skeleton, &placed.stored.shape);
    let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let flags = skeleton.flags;
    TraceSpan {
        span_id: format!("{:016x}", skeleton.span_id),
        parent_span_id: (skeleton.parent_span_id != 0).then(|| format!("{:016x}", skeleton.parent_span_id)),
        parent: placed.parent.map(|parent| parent as u32),
        depth: placed.depth,
        hop: placed.hop,
        offset_ns: after(placed.start(), start_ns),
        duration_ns: skeleton.duration_ns,
        service: placed.workload.service.clone(),
        version: some(&placed.workload.version),
        instance: some(&shape.instance),
        name: shape.name.clone(),
        kind: kind(skeleton.kind).to_owned(),
        protocol: skeleton.protocol.name().to_owned(),
        method: some(&shape.method),
        route: some(&shape.route),
        http_status: Some(shape.http_status).filter(|&status| status != 0),
        status_code: status(shape.status).to_owned(),
        status_message: some(&stored.status_message),
        is_error: flags.error,
        is_timeout: flags.timeout,
        is_proxy: flags.proxy,
        peer: some(&shape.peer),
        scope: some(&shape.scope),
        attributes: stored.attributes.clone(),
        events: events(&stored.events, start_ns),
        links: links(&stored.links),
        evidence: Some(if flags.xray { Source::Xray } else { Source::Trace }),
        ..TraceSpan::default()
    }
}

/// How long after the start, ns, as far as a number can say.
fn after(time: i128, start_ns: i128) -> i64 {
    (time - start_ns).clamp(i64::MIN.into(), i64::MAX.into()) as i64
}

fn kind(kind: SpanKind) -> &'static str {
    match kind {
        SpanKind::Unspecified => "UNSPECIFIED",
        SpanKind::Internal => "INTERNAL",
        SpanKind::Server => "SERVER",
        SpanKind::Client => "CLIENT",
        SpanKind::Producer => "PRODUCER",
        SpanKind::Consumer => "CONSUMER",
    }
}

fn status(status: SpanStatus) -> &'static str {
    match status {
        SpanStatus::Unset => "UNSET",
        SpanStatus::Ok => "OK",
        SpanStatus::Error => "ERROR",
    }
}

fn rfc3339(time_ns: i64) -> String {
    jiff::Timestamp::from_nanosecond(time_ns.into()).map(|time| time.to_string()).unwrap_or_default()
}

/// Events or links as they are stored; none where the text is none.
pub(super) fn list(json: &str) -> Vec<Value> {
    if json.is_empty() { Vec::new() } else { serde_json::from_str(json).unwrap_or_default() }
}

fn events(json: &str, start_ns: i128) -> Vec<SpanEvent> {
    let event = |event: &Value| SpanEvent {
        offset_ns: after(event["time_unix_ns"].as_u64().unwrap_or_default().into(), start_ns),
        name: event["name"].as_str().unwrap_or_default().to_owned(),
        attributes: attributes(&event["attributes"]),
    };
    let mut events: Vec<SpanEvent> = list(json).iter().map(event).collect();
    events.sort_by_key(|event| event.offset_ns);
    events
}

fn links(json: &str) -> Vec<SpanLink> {
    let link = |link: &Value| SpanLink {
        trace_id: link["trace_id"].as_str().unwrap_or_default().to_owned(),
        span_id: link["span_id"].as_str().unwrap_or_default().to_owned(),
        attributes: attributes(&link["attributes"]),
    };
    list(json).iter().map(link).collect()
}

/// Values as text: strings as they are, all else as JSON.
fn attributes(value: &Value) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let pairs = value.as_object().into_iter().flatten();
    pairs.map(|(key, value)| (key.clone(), text(value))).collect()
}

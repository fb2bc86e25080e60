//! What is asked of X-Ray.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_sdk_xray::Client;
use aws_sdk_xray::primitives::DateTime;
use aws_sdk_xray::types::{
    RetrievalStatus, TimeRangeType, TraceFormatType, TraceSegmentDestination, TraceSummary,
};

use super::progress::Window;
use crate::aws::{AwsSource, Fault};
use crate::xray::ids::trace_id;

/// Traces that `BatchGetTraces` takes.
const IDS_A_CALL: usize = 5;
/// Traces that `StartTraceRetrieval` takes, and that are fetched before they are stored.
pub(super) const IDS_AT_ONCE: usize = 100;
/// Bytes of documents after which what was fetched is stored.
pub(super) const MAX_BYTES: usize = 4 << 20;
/// How often it is asked whether a retrieval is complete, before it is started again.
const MAX_POLLS: u32 = 120;

/// Where an account keeps its traces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// In X-Ray.
    Classic,
    /// In CloudWatch Logs.
    TransactionSearch,
}

/// A page of summaries.
pub(super) struct Page {
    pub(super) summaries: Vec<TraceSummary>,
    pub(super) next_token: Option<String>,
}

/// What came of traces that were asked for.
#[derive(Debug, Default)]
pub(super) struct Fetched {
    /// Documents by trace.
    pub(super) documents: BTreeMap<u128, Vec<String>>,
    /// Traces that are to be asked for again.
    pub(super) unprocessed: BTreeSet<u128>,
    /// Traces that were asked for at all.
    pub(super) asked: Vec<u128>,
    /// Traces that X-Ray says are larger than it keeps.
    pub(super) too_large: u64,
    /// Documents in a form that is none of segments.
    pub(super) other_format: u64,
    /// Segments that came without their document.
    pub(super) empty: u64,
}

impl Fetched {
    fn bytes(&self) -> usize {
        self.documents.values().flatten().map(String::len).sum()
    }
}

/// A trace id as X-Ray writes it.
fn written(trace: u128) -> String {
    format!("1-{:08x}-{:024x}", trace >> 96, trace & ((1 << 96) - 1))
}

fn date_time(ns: i64) -> DateTime {
    DateTime::from_nanos(i128::from(ns)).unwrap_or_else(|_| DateTime::from_secs(0))
}

/// Where the account keeps its traces.
pub(super) async fn way(client: &Client, source: &AwsSource) -> Result<Way, Fault> {
    let answer =
        source.call("xray:GetTraceSegmentDestination", client.get_trace_segment_destination().send()).await?;
    Ok(match answer.destination() {
        Some(TraceSegmentDestination::CloudWatchLogs) => Way::TransactionSearch,
        _ => Way::Classic,
    })
}

/// A page of the summaries of what happened in a window.
pub(super) async fn summaries(
    client: &Client,
    source: &AwsSource,
    window: Window,
    expression: Option<String>,
    token: Option<String>,
) -> Result<Page, Fault> {
    let call = client
        .get_trace_summaries()
        .start_time(date_time(window.from_ns))
        .end_time(date_time(window.to_ns))
        .time_range_type(TimeRangeType::Event)
        .set_filter_expression(expression)
        .set_next_token(token);
    let answer = source.call("xray:GetTraceSummaries", call.send()).await?;
    let found = answer.trace_summaries().len() as u64;
    let scanned = u64::try_from(answer.traces_processed_count().unwrap_or_default()).unwrap_or_default();
    source.charge("xray:GetTraceSummaries", scanned.max(found));
    let next_token = answer.next_token.filter(|token| !token.is_empty());
    Ok(Page { summaries: answer.trace_summaries.unwrap_or_default(), next_token })
}

/// Fetches traces of X-Ray, few at a time, until there are enough bytes. What came before a fault comes with it.
pub(super) async fn batches(
    client: &Client,
    source: &AwsSource,
    traces: &[u128],
) -> (Fetched, Result<(), Fault>) {
    let mut fetched = Fetched::default();
    for few in traces.chunks(IDS_A_CALL) {
        if fetched.bytes() >= MAX_BYTES {
            break;
        }
        match batch(client, source, few).await {
            Ok(more) => {
                fetched.documents.extend(more.documents);
                fetched.unprocessed.extend(more.unprocessed);
                fetched.asked.extend(few);
                fetched.too_large += more.too_large;
                fetched.empty += more.empty;
            }
            Err(fault) => return (fetched, Err(fault)),
        }
    }
    (fetched, Ok(()))
}

async fn batch(client: &Client, source: &AwsSource, traces: &[u128]) -> Result<Fetched, Fault> {
    let ids: Vec<String> = traces.iter().copied().map(written).collect();
    let mut fetched = Fetched::default();
    let mut token = None;
    loop {
        let call = client.batch_get_traces().set_trace_ids(Some(ids.clone())).set_next_token(token);
        let answer = source.call("xray:BatchGetTraces", call.send()).await?;
        fetched.unprocessed.extend(answer.unprocessed_trace_ids().iter().filter_map(|id| trace_id(id)));
        for trace in answer.traces.unwrap_or_default() {
            let Some(id) = trace.id().and_then(trace_id) else { continue };
            fetched.too_large += u64::from(trace.limit_exceeded() == Some(true));
            let segments = trace.segments.unwrap_or_default();
            fetched.empty += segments.iter().filter(|segment| segment.document.is_none()).count() as u64;
            let documents = segments.into_iter().filter_map(|segment| segment.document);
            fetched.documents.entry(id).or_default().extend(documents);
        }
        token = answer.next_token.filter(|token| !token.is_empty());
        if token.is_none() {
            break;
        }
    }
    let missing = traces.iter().filter(|trace| fetched.unprocessed.contains(trace)).count();
    source.charge("xray:BatchGetTraces", (traces.len() - missing) as u64);
    Ok(fetched)
}

/// Fetches traces of Transaction Search, whose events were from the one time to the other, ns since 1970. Where a
/// retrieval ends before it is complete, or nobody knows its token any longer, all of it is to be asked for again.
pub(super) async fn retrieval(
    client: &Client,
    source: &AwsSource,
    traces: &[u128],
    (from_ns, to_ns): (i64, i64),
    poll: Duration,
) -> Result<Fetched, Fault> {
    let ids: Vec<String> = traces.iter().copied().map(written).collect();
    let call = client
        .start_trace_retrieval()
        .set_trace_ids(Some(ids))
        .start_time(date_time(from_ns))
        .end_time(date_time(to_ns));
    let started = source.call("xray:StartTraceRetrieval", call.send()).await?;
    source.charge("xray:StartTraceRetrieval", traces.len() as u64);
    let token = started.retrieval_token.unwrap_or_default();
    let mut fetched = Fetched { asked: traces.to_vec(), ..Fetched::default() };
    let mut next = None;
    let mut polls = 0;
    loop {
        let call = client
            .list_retrieved_traces()
            .retrieval_token(&token)
            .trace_format(TraceFormatType::Xray)
            .set_next_token(next.clone());
        let answer = match source.call("xray:ListRetrievedTraces", call.send()).await {
            Ok(answer) => answer,
            Err(Fault::Refused { code, .. }) if code == "ResourceNotFoundException" => {
                return Ok(undone(traces));
            }
            Err(fault) => return Err(fault),
        };
        match answer.retrieval_status() {
            Some(RetrievalStatus::Complete) => {}
            Some(RetrievalStatus::Running | RetrievalStatus::Scheduled) if polls < MAX_POLLS => {
                polls += 1;
                tokio::time::sleep(poll).await;
                continue;
            }
            _ => return Ok(undone(traces)),
        }
        let is_other = answer.trace_format() == Some(&TraceFormatType::Otel);
        for trace in answer.traces.unwrap_or_default() {
            let Some(id) = trace.id().and_then(trace_id) else { continue };
            let spans = trace.spans.unwrap_or_default();
            let documents = fetched.documents.entry(id).or_default();
            if is_other {
                fetched.other_format += spans.len() as u64;
            } else {
                fetched.empty += spans.iter().filter(|span| span.document.is_none()).count() as u64;
                documents.extend(spans.into_iter().filter_map(|span| span.document));
            }
        }
        next = answer.next_token.filter(|token| !token.is_empty());
        if next.is_none() {
            return Ok(fetched);
        }
    }
}

/// Nothing came, and all is to be asked for again.
fn undone(traces: &[u128]) -> Fetched {
    Fetched { asked: traces.to_vec(), unprocessed: traces.iter().copied().collect(), ..Fetched::default() }
}

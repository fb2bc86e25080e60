//! One trace told whole: where its time went, what is odd about it, and the log lines at their place.
//!
//! 1. The store gives the spans, their resources, and the lines that name the trace.
//! 2. [`forest`] puts the spans in the order of their tree, each in its hop.
//! 3. [`times`] finds each span's own time and the critical path, [`warnings`] what is odd.
//! 4. [`answer`] puts it into the wire types; [`otlp`] writes the spans as a sender sends them.

mod answer;
mod forest;
mod otlp;
mod times;
mod warnings;

use crate::api::traces::Trace;
use crate::graph::{IdentityRules, trace_calls};
use crate::store::{Store, StoreError, TimeRange};
use crate::trace::{BUCKET_SECONDS, contributions_alone};

use self::forest::Forest;

/// Spans that are given of a trace at most.
const MAX_SPANS: usize = 20_000;
/// Spans that are written as OTLP at most.
pub const MAX_OTLP_SPANS: usize = 50_000;
/// Log lines that are given at most, of each kind and together.
const MAX_LOGS: usize = 10_000;
/// How long before a trace's start and after its end lines that name it are looked for, ns.
const AROUND_NS: i64 = 3_600 * 1_000_000_000;
/// The longest part of a trace for which the graph is asked how its nodes are called, seconds.
const MAX_GRAPH_SECONDS: i64 = 900;
/// How much of the graph before and after the trace is looked at for that, seconds.
const AROUND_SECONDS: i64 = 60;

/// A trace as far as it is stored, where `now_ns` is the time now, ns since 1970. None where no span of it is. Blocks.
///
/// # Errors
/// Where the store cannot be read.
pub fn trace(
    store: &Store,
    rules: &IdentityRules,
    trace_id: u128,
    now_ns: i64,
) -> Result<Option<Trace>, StoreError> {
    let stored = store.trace(trace_id, MAX_SPANS)?;
    if stored.spans.is_empty() {
        return Ok(None);
    }
    let forest = Forest::of(&stored.spans);
    let times_ns = [
        forest.start_ns.saturating_sub(AROUND_NS),
        i64::try_from(forest.end_ns()).unwrap_or(i64::MAX).saturating_add(AROUND_NS),
    ];
    let logs = store.trace_logs(trace_id, times_ns, MAX_LOGS)?;
    let access_logs = store.trace_access_logs(trace_id, times_ns, MAX_LOGS)?;
    let mut trace = answer::trace(trace_id, &stored, &forest, now_ns);
    answer::add_logs(&mut trace, &forest, logs, access_logs, MAX_LOGS);
    trace.calls = trace_calls(store, rules, &contributions_alone(&forest.skeletons()), graph_range(&forest))?;
    Ok(Some(trace))
}

/// Everything that is stored of a trace but its attributes as text, without the log lines and without the calls, for
/// which others than its spans must be asked. Pure.
#[cfg(test)]
fn told(trace_id: u128, stored: &crate::store::StoredTrace, now_ns: i64) -> Trace {
    answer::trace(trace_id, stored, &Forest::of(&stored.spans), now_ns)
}

/// The spans of a trace as OTLP in JSON, as a sender would send them, and how many are stored: where that is more than
/// [`MAX_OTLP_SPANS`], nothing is written. None where no span of it is stored. Blocks.
///
/// Attributes are text, as they are stored; time, ids, kind, status, events and links are what they were.
///
/// # Errors
/// Where the store cannot be read.
pub fn otlp(store: &Store, trace_id: u128) -> Result<Option<(String, u64)>, StoreError> {
    let stored = store.trace(trace_id, MAX_OTLP_SPANS)?;
    let json = match stored.span_count {
        0 => return Ok(None),
        count if count > MAX_OTLP_SPANS as u64 => String::new(),
        _ => otlp::json(&stored),
    };
    Ok(Some((json, stored.span_count)))
}

/// The time over which the graph is asked how it calls the trace's nodes.
fn graph_range(forest: &Forest<'_>) -> TimeRange {
    const NANOS: i128 = 1_000_000_000;
    let from_s = forest.start_ns.div_euclid(1_000_000_000);
    let end_s = i64::try_from(forest.end_ns().div_euclid(NANOS)).unwrap_or(i64::MAX);
    let to_s = end_s.min(from_s.saturating_add(MAX_GRAPH_SECONDS));
    let bound = |seconds: i64| seconds.clamp(i64::MIN / 2, i64::MAX / 2);
    TimeRange::covering(bound(from_s) - AROUND_SECONDS, bound(to_s) + AROUND_SECONDS + BUCKET_SECONDS)
}

#[cfg(test)]
mod tests;

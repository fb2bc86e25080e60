//! The calls of one trace between the nodes that the graph shows.

use std::collections::BTreeMap;

use crate::api::traces::TraceCall;
use crate::store::{Counts, Measures, SeriesTotal, Store, StoreError, TimeRange};
use crate::trace::{Contribution, Endpoint};

use super::GraphQuery;
use super::answer::node_ids;
use super::edges::{identity, merge};
use super::rules::IdentityRules;

/// Calls by caller, callee and protocol. Nodes have the ids that the graph of the range gives them, which knows more than
/// the trace: names that are taken twice, proxies, what others call a cluster.
pub(crate) fn trace_calls(
    store: &Store,
    rules: &IdentityRules,
    contributions: &[Contribution],
    range: TimeRange,
) -> Result<Vec<TraceCall>, StoreError> {
    let query = GraphQuery { range, by_version: false, now_s: i64::MAX };
    // That something is counted is enough to know what there is.
    let counts = Counts { requests: 1, ..Counts::default() };
    let measures = Measures { counts, ..Measures::default() };
    let total = SeriesTotal { measures, settled_requests: 1 };
    let totals: Vec<(u32, SeriesTotal)> =
        store.active_series(range)?.into_iter().map(|series| (series, total.clone())).collect();
    Ok(store.directory(|directory| {
        let mut merged = merge(directory, rules, &totals, &query);
        let identity = identity(directory, rules, &totals);
        let mut calls: BTreeMap<(usize, usize, &str), TraceCall> = BTreeMap::new();
        for contribution in contributions {
            let caller = match &contribution.source {
                Endpoint::Workload(workload) => workload.service.as_str(),
                _ => "",
            };
            let source = merged.endpoint(&identity, &contribution.source, "");
            let target = merged.endpoint(&identity, &contribution.target, caller);
            let (Some(source), Some(target)) = (source, target) else { continue };
            if merged.are_one(source, target) {
                continue;
            }
            let call = calls.entry((source, target, contribution.protocol.name())).or_default();
            call.requests += 1;
            call.errors += u32::from(contribution.error);
            call.retries += contribution.attempts.saturating_sub(1);
            let took_ns = contribution.client_ns.or(contribution.server_ns).unwrap_or(0);
            call.total_ns = call.total_ns.saturating_add(took_ns);
        }
        let ids = node_ids(&merged, false);
        let named = calls.into_iter().map(|((source, target, protocol), call)| TraceCall {
            source: ids[source].clone(),
            target: ids[target].clone(),
            protocol: protocol.to_owned(),
            ..call
        });
        let mut named: Vec<TraceCall> = named.collect();
        named.sort_by(|one, other| {
            (&one.source, &one.target, &one.protocol).cmp(&(&other.source, &other.target, &other.protocol))
        });
        named
    }))
}

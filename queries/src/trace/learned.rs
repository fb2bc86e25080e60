//! Which workload answered for which cluster, and which proxies stand before which workload.

use foldhash::{HashMap, HashMapExt as _};
use std::sync::Arc;

use super::calls::Calls;
use super::tree::Tree;
use super::{Learned, LearnedCluster, LearnedProxy};

/// What a trace tells beside its edges.
pub(super) fn learned(tree: &Tree<'_>, calls: &Calls) -> Learned {
    Learned { clusters: clusters(tree, calls), proxies: proxies(tree) }
}

/// The proxies of a trace with the workloads whose spans theirs are connected with.
fn proxies(tree: &Tree<'_>) -> Vec<LearnedProxy> {
    let mut applications = vec![false; tree.spans.len()];
    for (span, &hop) in tree.spans.iter().zip(&tree.hops) {
        applications[hop] |= !span.flags.proxy;
    }
    let mut proxies: Vec<LearnedProxy> = Vec::new();
    for (number, span) in tree.spans.iter().enumerate() {
        let Some(node_id) = span.node_id.as_ref() else { continue };
        let (workload, has_application) = (tree.workload(number), applications[tree.hops[number]]);
        let known = |proxy: &LearnedProxy| {
            proxy.node_id == *node_id
                && proxy.has_application == has_application
                && proxy.workload == *workload
        };
        if !proxies.iter().any(known) {
            let (node_id, workload) = (Arc::clone(node_id), Arc::clone(workload));
            proxies.push(LearnedProxy { node_id, workload, has_application });
        }
    }
    proxies.sort_unstable();
    proxies
}

/// What a trace tells about clusters, each once. A service's own application, reached through the inbound cluster of
/// its proxy, is among the answers.
fn clusters(tree: &Tree<'_>, calls: &Calls) -> Vec<LearnedCluster> {
    // A proxy names the cluster of its last try: only the last landing directly below can be its answer.
    let mut last_below: HashMap<usize, usize> = HashMap::new();
    let landings = calls.all.iter().flat_map(|call| &call.landings).map(|landing| landing.span);
    for answer in landings.chain(calls.inside.iter().copied()) {
        let parent = tree.parents[answer].filter(|&parent| tree.spans[parent].flags.proxy);
        if let Some(parent) = parent {
            let last = last_below.entry(parent).or_insert(answer);
            *last = answer.max(*last);
        }
    }
    let mut learned: Vec<LearnedCluster> = last_below
        .into_iter()
        .filter_map(|(parent, answer)| {
            Some(LearnedCluster {
                caller: tree.workload(parent).service.clone(),
                cluster: tree.spans[parent].upstream_cluster.clone()?,
                workload: Arc::clone(tree.workload(answer)),
            })
        })
        .collect();
    learned.sort_unstable();
    learned.dedup();
    learned
}

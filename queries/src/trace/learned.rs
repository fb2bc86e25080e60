//! Which workload answered for which cluster.

use std::collections::HashMap;
use std::sync::Arc;

use super::LearnedCluster;
use super::calls::Calls;
use super::tree::Tree;

/// What a trace tells about clusters, each once. A service's own application, reached through the inbound cluster of
/// its proxy, is among the answers.
pub(super) fn learned(tree: &Tree<'_>, calls: &Calls) -> Vec<LearnedCluster> {
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

//! What the calls of a trace add to the edges of the graph.

use std::sync::Arc;

use crate::rows::span::{Peer, PeerKind, Protocol, Skeleton, SpanKind, Workload};

use super::calls::{Call, Calls};
use super::tree::Tree;
use super::{BUCKET_SECONDS, Contribution, Endpoint, LearnedCluster};

/// Everything that a trace, as far as it is known, says of the graph. The order of `spans` does not matter.
pub fn contributions(spans: &[Skeleton]) -> (Vec<Contribution>, Vec<LearnedCluster>) {
    let tree = Tree::new(spans);
    let calls = Calls::of(&tree);
    let mut found = Vec::new();
    for call in &calls.calls {
        of_call(&tree, call, &mut found);
    }
    for &(parent, landing) in &calls.uncalled {
        let source = Endpoint::Workload(Arc::clone(tree.workload(parent)));
        found.push(received(&tree, landing, source));
    }
    for &span in &tree.order {
        of_receiver(&tree, span, &mut found);
    }
    (found, learned(&tree, &calls))
}

/// A request as the span that received it saw it.
fn received(tree: &Tree<'_>, span: usize, source: Endpoint) -> Contribution {
    let skeleton = tree.spans[span];
    Contribution {
        bucket_s: bucket_s(skeleton),
        source,
        target: Endpoint::Workload(Arc::clone(tree.workload(span))),
        protocol: skeleton.protocol,
        error: skeleton.flags.error,
        timeout: skeleton.flags.timeout,
        attempts: 1,
        client_ns: None,
        server_ns: Some(skeleton.duration_ns),
    }
}

fn of_call(tree: &Tree<'_>, call: &Call, found: &mut Vec<Contribution>) {
    let root = tree.spans[call.root];
    let sent = |target: Endpoint, attempts: u32| Contribution {
        bucket_s: bucket_s(root),
        source: Endpoint::Workload(Arc::clone(tree.workload(call.root))),
        target,
        protocol: root.protocol,
        error: root.flags.error,
        timeout: root.flags.timeout
            || root.flags.error && call.members.iter().any(|&member| tree.spans[member].flags.timeout),
        attempts,
        client_ns: Some(root.duration_ns),
        server_ns: None,
    };
    if root.kind == SpanKind::Producer {
        let queue = queue_of(root).unwrap_or_else(unnamed_queue);
        found.push(Contribution { protocol: Protocol::Messaging, ..sent(Endpoint::Peer(queue), 1) });
    } else if !call.landings.is_empty() {
        for (last, landings) in by_service(tree, &call.landings) {
            let only_target = landings as usize == call.landings.len();
            let attempts = if only_target { landings.max(call.tries) } else { landings };
            let landed = tree.spans[last];
            let protocol = if landed.protocol == Protocol::Unknown { root.protocol } else { landed.protocol };
            let target = Endpoint::Workload(Arc::clone(tree.workload(last)));
            let server_ns = Some(landed.duration_ns);
            found.push(Contribution { protocol, server_ns, ..sent(target, attempts) });
        }
    } else if !call.stayed_inside {
        found.push(sent(named_target(tree, call), call.tries));
    }
}

/// The landings of a call by the service they landed in: for each service the last one, which gave the final answer,
/// and their number.
fn by_service(tree: &Tree<'_>, landings: &[usize]) -> Vec<(usize, u32)> {
    let mut services: Vec<(usize, u32)> = Vec::new();
    for &landing in landings {
        let workload = tree.workload(landing);
        match services.iter_mut().find(|(last, _)| tree.workload(*last).same_service(workload)) {
            Some((last, count)) => (*last, *count) = (landing, *count + 1),
            None => services.push((landing, 1)),
        }
    }
    services
}

/// Where a call went that landed nowhere: by the peer its spans name, by the cluster the proxy sent it to, by its host.
fn named_target(tree: &Tree<'_>, call: &Call) -> Endpoint {
    let peers = || call.members.iter().filter_map(|&member| tree.spans[member].peer.as_ref());
    let cluster = || call.members.iter().rev().find_map(|&member| tree.spans[member].upstream_cluster.as_ref());
    if let Some(peer) = peers().find(|peer| peer.kind != PeerKind::Host) {
        Endpoint::Peer(Arc::clone(peer))
    } else if let Some(cluster) = cluster() {
        Endpoint::Cluster(Arc::clone(cluster))
    } else if let Some(host) = peers().next() {
        Endpoint::Peer(Arc::clone(host))
    } else {
        let name = "unknown host".to_owned();
        Endpoint::Peer(Arc::new(Peer { kind: PeerKind::Host, system: String::new(), name }))
    }
}

/// What came in from outside the trace's spans: from a client, from a caller not stored, from a queue.
fn of_receiver(tree: &Tree<'_>, span: usize, found: &mut Vec<Contribution>) {
    let skeleton = tree.spans[span];
    let parent = tree.parents[span];
    match skeleton.kind {
        SpanKind::Server if parent.is_none() => {
            let source = if skeleton.parent_span_id == 0 { Endpoint::Client } else { Endpoint::Unknown };
            found.push(received(tree, span, source));
        }
        SpanKind::Consumer => {
            // Taking a batch of messages holds the handling of each: the outermost counts.
            let nested = parent.is_some_and(|parent| {
                tree.hops[parent] == tree.hops[span] && tree.spans[parent].kind == SpanKind::Consumer
            });
            if !nested {
                let senders = parent.filter(|&parent| tree.spans[parent].kind == SpanKind::Producer);
                let queue = queue_of(skeleton)
                    .or_else(|| queue_of(tree.spans[senders?]))
                    .unwrap_or_else(unnamed_queue);
                let received = received(tree, span, Endpoint::Peer(queue));
                found.push(Contribution { protocol: Protocol::Messaging, ..received });
            }
        }
        _ => {}
    }
}

fn queue_of(span: &Skeleton) -> Option<Arc<Peer>> {
    span.peer.as_ref().filter(|peer| peer.kind == PeerKind::Queue).map(Arc::clone)
}

fn unnamed_queue() -> Arc<Peer> {
    Arc::new(Peer { kind: PeerKind::Queue, system: String::new(), name: "unknown queue".to_owned() })
}

/// Which workload each cluster led to.
fn learned(tree: &Tree<'_>, calls: &Calls) -> Vec<LearnedCluster> {
    let mut learned = Vec::new();
    for call in &calls.calls {
        let caller: &Workload = tree.workload(call.root);
        for &landing in &call.landings {
            if let Some(cluster) = cluster_above(tree, landing) {
                let workload = Arc::clone(tree.workload(landing));
                learned.push(LearnedCluster { caller: caller.service.clone(), cluster, workload });
            }
        }
    }
    // A sidecar's own application, reached through its inbound cluster.
    for &span in &tree.order {
        let inside = !tree.is_entry(span) && tree.spans[span].kind == SpanKind::Server;
        if inside && let Some(cluster) = cluster_above(tree, span) {
            let workload = Arc::clone(tree.workload(span));
            learned.push(LearnedCluster { caller: workload.service.clone(), cluster, workload });
        }
    }
    learned
}

/// The cluster that the proxy span directly above sent the request to.
fn cluster_above(tree: &Tree<'_>, span: usize) -> Option<Arc<str>> {
    let parent = tree.spans[tree.parents[span]?];
    parent.upstream_cluster.clone().filter(|_| parent.flags.proxy)
}

fn bucket_s(span: &Skeleton) -> i64 {
    (span.start_ns.div_euclid(1_000_000_000)).div_euclid(BUCKET_SECONDS) * BUCKET_SECONDS
}

//! What the calls of a trace add to the edges of the graph.

use foldhash::{HashSet, HashSetExt as _};
use std::sync::Arc;

use crate::rows::outcome::Outcome;
use crate::rows::span::{Peer, PeerKind, Protocol, Skeleton, SpanKind};

use super::calls::{Call, Calls};
use super::learned::learned;
use super::parts::{Part, Parts};
use super::tree::{ServiceKey, Tree};
use super::{BUCKET_SECONDS, Contribution, Endpoint, Learned};

/// Everything that a trace, as far as it is known, says of the graph. The order of `spans` does not matter, and of
/// several spans with one id only one counts.
pub fn contributions(spans: &[Skeleton]) -> (Vec<Contribution>, Learned) {
    let tree = Tree::new(spans);
    let calls = Calls::of(&tree);
    (found(&tree, &calls), learned(&tree, &calls))
}

/// The same without what is learned beside it.
pub fn contributions_alone(spans: &[Skeleton]) -> Vec<Contribution> {
    let tree = Tree::new(spans);
    found(&tree, &Calls::of(&tree))
}

fn found(tree: &Tree<'_>, calls: &Calls) -> Vec<Contribution> {
    let mut finder = Finder { tree, found: Vec::new(), indirect: HashSet::new() };
    for call in &calls.all {
        finder.sent(call);
    }
    for &(parent, landing) in &calls.uncalled {
        finder.received_below(parent, landing, &workload(tree, parent), None);
    }
    finder.received_from_outside(calls);
    finder.found
}

struct Finder<'a> {
    tree: &'a Tree<'a>,
    found: Vec<Contribution>,
    /// Services that showed below a span by other than server spans, which count once.
    indirect: HashSet<(usize, ServiceKey<'a>)>,
}

impl Finder<'_> {
    /// What the caller's side of a call says, and the other side where it answered.
    fn sent(&mut self, call: &Call) {
        let root = self.tree.spans[call.root()];
        if root.kind == SpanKind::Producer {
            self.sent_message(call);
            return;
        }
        let split = Parts::of(self.tree, call);
        for part in &split.parts {
            if let Some(target) = target(self.tree, call, part) {
                self.found.push(contribution(self.tree, part, target));
            }
        }
        let source = workload(self.tree, call.root());
        for (parent, landing) in split.shared {
            self.received_below(parent, landing, &source, None);
        }
    }

    fn sent_message(&mut self, call: &Call) {
        let queues = || call.members.iter().find_map(|member| queue_of(self.tree.spans[member.span]));
        let queue = Endpoint::Peer(queues().unwrap_or_else(unnamed_queue));
        let root = self.tree.spans[call.root()];
        self.found.push(Contribution {
            bucket_s: bucket_s(root),
            source: workload(self.tree, call.root()),
            target: queue.clone(),
            protocol: Protocol::Messaging,
            error: root.flags.error,
            timeout: root.flags.timeout,
            attempts: 1,
            client_ns: Some(root.duration_ns),
            server_ns: None,
            by_xray: root.flags.xray,
            route: None,
            outcome: Outcome::default(),
        });
        for landing in &call.landings {
            self.received_below(call.root(), landing.span, &queue, Some(Protocol::Messaging));
        }
    }

    /// A request of which only the receiving side tells.
    fn received_below(&mut self, parent: usize, span: usize, source: &Endpoint, protocol: Option<Protocol>) {
        let by_server = self.tree.spans[span].kind == SpanKind::Server;
        if by_server || self.indirect.insert((parent, self.tree.service(span))) {
            let mut received = received(self.tree, span, source.clone());
            received.protocol = protocol.unwrap_or(received.protocol);
            self.found.push(received);
        }
    }

    /// What came from a client, from a caller whose span is not stored, from a queue.
    fn received_from_outside(&mut self, calls: &Calls) {
        let tree = self.tree;
        // Taking a batch of messages holds the handling of each: the outermost counts.
        let mut handles_message = vec![false; tree.spans.len()];
        for &span in &tree.order {
            let skeleton = tree.spans[span];
            let around = tree.parents[span].filter(|&parent| {
                !tree.is_entry(span)
                    && calls.around(parent).is_none()
                    && tree.spans[parent].kind != SpanKind::Server
            });
            let nested = around.is_some_and(|parent| handles_message[parent]);
            handles_message[span] = nested || skeleton.kind == SpanKind::Consumer;
            match (skeleton.kind, tree.parents[span]) {
                (SpanKind::Server, None) => {
                    let source =
                        if skeleton.parent_span_id == 0 { Endpoint::Client } else { Endpoint::Unknown };
                    self.found.push(received(tree, span, source));
                }
                (SpanKind::Consumer, parent) if !nested => {
                    let sender = || parent.and_then(|parent| calls.around(parent));
                    let sent_to = || {
                        sender()?.members.iter().rev().find_map(|member| queue_of(tree.spans[member.span]))
                    };
                    let queue = queue_of(skeleton).or_else(sent_to).unwrap_or_else(unnamed_queue);
                    let received = received(tree, span, Endpoint::Peer(queue));
                    self.found.push(Contribution { protocol: Protocol::Messaging, ..received });
                }
                _ => {}
            }
        }
    }
}

fn workload(tree: &Tree<'_>, span: usize) -> Endpoint {
    Endpoint::Workload(Arc::clone(tree.workload(span)))
}

/// A request as the span that received it saw it.
fn received(tree: &Tree<'_>, span: usize, source: Endpoint) -> Contribution {
    let skeleton = tree.spans[span];
    Contribution {
        bucket_s: bucket_s(skeleton),
        source,
        target: workload(tree, span),
        protocol: skeleton.protocol,
        error: skeleton.flags.error,
        timeout: skeleton.flags.timeout,
        attempts: 1,
        client_ns: None,
        server_ns: server_ns(skeleton),
        by_xray: skeleton.flags.xray,
        route: received_route(tree, span),
        outcome: outcome(tree, &[], Some(span)),
    }
}

fn contribution(tree: &Tree<'_>, part: &Part, target: Endpoint) -> Contribution {
    let outermost = part.spans[0];
    let top = tree.spans[outermost];
    let answer = part.answer.map(|span| tree.spans[span]);
    let said = part.spans.iter().map(|&span| tree.spans[span]).chain(answer);
    let protocol = match &target {
        Endpoint::Peer(peer) if peer.kind == PeerKind::Queue => Protocol::Messaging,
        _ => said.map(|span| span.protocol).max_by_key(|&protocol| exactness(protocol)).unwrap_or_default(),
    };
    let has_route = match &target {
        Endpoint::Peer(peer) => matches!(peer.kind, PeerKind::Host | PeerKind::Service),
        _ => true,
    };
    // What the application that answered says comes first, and what proxies make of paths last.
    let route = part.answer.and_then(|answer| received_route(tree, answer)).or_else(|| {
        let mut sent: Vec<&Skeleton> = part.spans.iter().map(|&span| tree.spans[span]).collect();
        sent.sort_by_key(|span| span.flags.proxy);
        sent.into_iter().find_map(|span| span.route.clone())
    });
    Contribution {
        bucket_s: bucket_s(top),
        source: workload(tree, outermost),
        target,
        protocol,
        error: top.flags.error,
        timeout: part.timeout,
        attempts: part.tries.max(1),
        client_ns: Some(top.duration_ns),
        server_ns: answer.and_then(server_ns),
        by_xray: top.flags.xray,
        route: route.filter(|_| has_route),
        outcome: outcome(tree, &part.spans, part.answer),
    }
}

/// The route of a request by the spans of the hop that received it, of which this one is the first: the application's word
/// counts before its proxy's.
fn received_route(tree: &Tree<'_>, first: usize) -> Option<Arc<str>> {
    let application = tree.entered(first).filter(|&span| !tree.spans[span].flags.proxy);
    let by_application = application.and_then(|span| tree.spans[span].route.clone());
    let by_first =
        || (tree.spans[first].kind == SpanKind::Server).then(|| tree.spans[first].route.clone())?;
    by_application.or_else(by_first)
}

/// How a request was answered: by the outermost span that says so, of the caller's first. Flags are those of the outermost
/// proxy, whose last word they are; those of its tries may have been made up for.
fn outcome(tree: &Tree<'_>, sent: &[usize], answer: Option<usize>) -> Outcome {
    let entered = answer.and_then(|answer| tree.entered(answer)).filter(|&span| Some(span) != answer);
    let said = || sent.iter().copied().chain(answer).chain(entered).map(|span| tree.spans[span]);
    Outcome {
        http_status: said().map(|span| span.outcome.http_status).find(|&status| status != 0).unwrap_or(0),
        grpc_status: said().find_map(|span| span.outcome.grpc_status),
        flags: said().find(|span| span.flags.proxy).map(|span| span.outcome.flags).unwrap_or_default(),
    }
}

/// Where a part of a call went: none if nowhere of interest.
fn target(tree: &Tree<'_>, call: &Call, part: &Part) -> Option<Endpoint> {
    if let Some(answer) = part.answer {
        return Some(workload(tree, answer));
    }
    if part.stayed_inside {
        return None;
    }
    let target = named_target(tree, part);
    // The message counts already, however it gets to its queue.
    let is_transport = match &target {
        Endpoint::Peer(peer) => matches!(peer.kind, PeerKind::Host | PeerKind::Queue),
        _ => false,
    };
    (!(call.sends_message && is_transport)).then_some(target)
}

/// Where a request went that landed nowhere: by the peer its spans name, by the cluster the proxy sent it to, by its
/// host.
fn named_target(tree: &Tree<'_>, part: &Part) -> Endpoint {
    let peers = || part.spans.iter().filter_map(|&span| tree.spans[span].peer.as_ref());
    let cluster = || part.spans.iter().rev().find_map(|&span| tree.spans[span].upstream_cluster.as_ref());
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

/// Of several words for one request the one that says most: a wrapper or an application knows what it speaks, a proxy
/// sees HTTP.
fn exactness(protocol: Protocol) -> u8 {
    match protocol {
        Protocol::Unknown => 0,
        Protocol::Http => 1,
        Protocol::Rpc => 2,
        Protocol::Grpc => 3,
        Protocol::Messaging => 4,
        Protocol::Database => 5,
    }
}

/// How long the callee took, where the span is one that received the request.
fn server_ns(span: &Skeleton) -> Option<u64> {
    matches!(span.kind, SpanKind::Server | SpanKind::Consumer).then_some(span.duration_ns)
}

fn queue_of(span: &Skeleton) -> Option<Arc<Peer>> {
    span.peer.as_ref().filter(|peer| peer.kind == PeerKind::Queue).map(Arc::clone)
}

fn unnamed_queue() -> Arc<Peer> {
    Arc::new(Peer { kind: PeerKind::Queue, system: String::new(), name: "unknown queue".to_owned() })
}

fn bucket_s(span: &Skeleton) -> i64 {
    span.start_ns.div_euclid(1_000_000_000).div_euclid(BUCKET_SECONDS) * BUCKET_SECONDS
}

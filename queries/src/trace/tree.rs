//! The tree of a trace's spans, cut into hops.

use foldhash::{HashMap, HashMapExt as _};
use std::cmp::{Ordering, Reverse};
use std::collections::hash_map::Entry;
use std::sync::Arc;

use super::owners::owners;
use crate::rows::span::{Skeleton, SpanKind, Workload};

/// Name, namespace and environment of a service.
pub(super) type ServiceKey<'a> = (&'a str, &'a str, &'a str);

/// A trace as a tree. Spans are numbered by start time.
pub(super) struct Tree<'a> {
    /// The spans, each id once, by start time and id.
    pub(super) spans: Vec<&'a Skeleton>,
    /// For each span the number of its parent, where that is stored.
    pub(super) parents: Vec<Option<usize>>,
    /// The spans' numbers, parents before their children.
    pub(super) order: Vec<usize>,
    /// For each span the number of its hop.
    pub(super) hops: Vec<usize>,
    /// For each hop the span by which its application received the request, or else its proxy.
    entered: Vec<Option<usize>>,
    /// For each span the number of its workload.
    workload_of: Vec<usize>,
    workloads: Vec<Arc<Workload>>,
}

impl<'a> Tree<'a> {
    pub(super) fn new(spans: &'a [Skeleton]) -> Self {
        let mut sorted: Vec<&Skeleton> = spans.iter().collect();
        sorted.sort_by(|one, other| compare(one, other));
        let mut spans: Vec<&Skeleton> = Vec::with_capacity(sorted.len());
        let mut by_id: HashMap<u64, usize> = HashMap::with_capacity(sorted.len());
        for span in sorted {
            // Of a span that came more than once, the first and longest counts.
            if let Entry::Vacant(entry) = by_id.entry(span.span_id) {
                entry.insert(spans.len());
                spans.push(span);
            }
        }
        let parents: Vec<Option<usize>> =
            spans.iter().map(|span| by_id.get(&span.parent_span_id).copied()).collect();
        let (order, parents) = parents_first(parents);
        let owners = owners(&spans, &parents, &order);
        let (hops, workload_of, workloads) = (Vec::new(), Vec::new(), Vec::new());
        let mut tree = Self { spans, parents, order, hops, entered: Vec::new(), workload_of, workloads };
        tree.cut_into_hops(&owners);
        tree.find_entered();
        tree
    }

    /// Whether the span is the first of its hop.
    pub(super) fn is_entry(&self, span: usize) -> bool {
        self.parents[span].is_none_or(|parent| self.hops[parent] != self.hops[span])
    }

    /// The service that the span is of, as a key.
    pub(super) fn service(&self, span: usize) -> ServiceKey<'_> {
        let workload = self.workload(span);
        (&workload.service, &workload.namespace, &workload.environment)
    }

    /// The workload that the span is of.
    pub(super) fn workload(&self, span: usize) -> &Arc<Workload> {
        &self.workloads[self.workload_of[span]]
    }

    /// The span by which the application received the request that this span's hop is about, or else its proxy. In a hop
    /// that calls itself the outermost counts.
    pub(super) fn entered(&self, span: usize) -> Option<usize> {
        self.entered[self.hops[span]]
    }

    fn find_entered(&mut self) {
        self.entered = vec![None; self.hops.iter().max().map_or(0, |last| last + 1)];
        let by_proxy = |span: usize| self.spans[span].flags.proxy;
        for &span in self.order.iter().filter(|&&span| self.spans[span].kind == SpanKind::Server) {
            let entered = &mut self.entered[self.hops[span]];
            if entered.is_none_or(|known| by_proxy(known) && !by_proxy(span)) {
                *entered = Some(span);
            }
        }
    }

    fn cut_into_hops(&mut self, owners: &[Arc<Workload>]) {
        let count = self.spans.len();
        (self.hops, self.workload_of) = (vec![0; count], vec![0; count]);
        let mut hop_count = 0;
        let mut versions_by_app = Vec::new();
        for &span in &self.order {
            let owner = &owners[span];
            let by_app = !self.spans[span].flags.proxy && !owner.version.is_empty();
            let above = self.parents[span].map(|parent| (self.hops[parent], self.workload_of[parent]));
            let above = above.filter(|&(_, number)| may_be_one_service(&self.workloads[number], owner));
            self.hops[span] = above.map_or(hop_count, |(hop, _)| hop);
            hop_count += usize::from(above.is_none());
            // One version of a service may call another: that is no edge, but what follows is the other's doing.
            let same_version = |number: usize| {
                !(by_app && versions_by_app[number]) || self.workloads[number].version == owner.version
            };
            let number = match above {
                Some((_, number)) if same_version(number) => number,
                _ => {
                    self.workloads.push(Arc::clone(owner));
                    versions_by_app.push(by_app);
                    self.workloads.len() - 1
                }
            };
            // A proxy rarely knows the version it stands before; what the application says of itself wins.
            complete(&mut self.workloads[number], owner, by_app && !versions_by_app[number]);
            versions_by_app[number] |= by_app;
            self.workload_of[span] = number;
        }
    }
}

/// Orders spans so that parents come before children. Circles, which only broken or hostile senders make, are cut open
/// at their earliest span.
fn parents_first(mut parents: Vec<Option<usize>>) -> (Vec<usize>, Vec<Option<usize>>) {
    const NEW: u8 = 0;
    const ON_PATH: u8 = 1;
    const DONE: u8 = 2;
    let mut state = vec![NEW; parents.len()];
    let mut order = Vec::with_capacity(parents.len());
    let mut path = Vec::new();
    for start in 0..parents.len() {
        let mut at = start;
        while state[at] == NEW {
            state[at] = ON_PATH;
            path.push(at);
            match parents[at] {
                Some(parent) if state[parent] == ON_PATH => {
                    let circle = path.iter().skip_while(|&&span| span != parent);
                    let earliest = circle.copied().min().unwrap_or(at);
                    parents[earliest] = None;
                    // Walk again from the cut, which is a root now.
                    path.drain(..).for_each(|span| state[span] = NEW);
                    at = start;
                }
                Some(parent) => at = parent,
                None => break,
            }
        }
        while let Some(span) = path.pop() {
            state[span] = DONE;
            order.push(span);
        }
    }
    (order, parents)
}

/// Whether two spans next to each other may be of one service: equal in what both state.
fn may_be_one_service(one: &Workload, other: &Workload) -> bool {
    let agree = |one: &str, other: &str| one == other || one.is_empty() || other.is_empty();
    one.service == other.service
        && agree(&one.namespace, &other.namespace)
        && agree(&one.environment, &other.environment)
}

/// Adds to a hop's workload what a span of the hop knows better.
fn complete(workload: &mut Arc<Workload>, from: &Arc<Workload>, take_version: bool) {
    if Arc::ptr_eq(workload, from) {
        return;
    }
    let lacks = |text: &str, more: &str| text.is_empty() && !more.is_empty();
    let version = lacks(&workload.version, &from.version) || take_version && workload.version != from.version;
    let namespace = lacks(&workload.namespace, &from.namespace);
    let environment = lacks(&workload.environment, &from.environment);
    if !(version || namespace || environment) {
        return;
    }
    let whole = Arc::make_mut(workload);
    if version {
        whole.version.clone_from(&from.version);
    }
    if namespace {
        whole.namespace.clone_from(&from.namespace);
    }
    if environment {
        whole.environment.clone_from(&from.environment);
    }
}

/// By start time and id. What follows only makes the order of contradicting spans with one id the same every time; the
/// longest comes first, since a span may be sent before it has ended and again when it has.
fn compare(one: &Skeleton, other: &Skeleton) -> Ordering {
    let when = |span: &Skeleton| (span.start_ns, span.span_id, Reverse(span.duration_ns));
    let what = |span: &Skeleton| {
        let flags = span.flags;
        (
            span.parent_span_id,
            span.kind as u8,
            span.protocol,
            flags.error,
            flags.timeout,
            flags.proxy,
            flags.xray,
        )
    };
    when(one)
        .cmp(&when(other))
        .then_with(|| what(one).cmp(&what(other)))
        .then_with(|| one.workload.cmp(&other.workload))
        .then_with(|| one.upstream_cluster.cmp(&other.upstream_cluster))
        .then_with(|| one.node_id.cmp(&other.node_id))
        .then_with(|| one.peer.cmp(&other.peer))
        .then_with(|| one.route.cmp(&other.route))
        .then_with(|| one.outcome.cmp(&other.outcome))
}

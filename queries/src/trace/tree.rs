//! The tree of a trace's spans, cut into hops.

use std::collections::HashMap;
use std::sync::Arc;

use crate::rows::span::{Skeleton, SpanKind, Workload};

/// A trace as a tree. Spans are numbered by start time.
pub(super) struct Tree<'a> {
    /// The spans, by start time and id.
    pub(super) spans: Vec<&'a Skeleton>,
    /// For each span the number of its parent, where that is stored.
    pub(super) parents: Vec<Option<usize>>,
    /// The spans' numbers, parents before their children.
    pub(super) order: Vec<usize>,
    /// For each span the number of its hop.
    pub(super) hops: Vec<usize>,
    /// The workload of each hop.
    pub(super) workloads: Vec<Arc<Workload>>,
}

impl<'a> Tree<'a> {
    pub(super) fn new(spans: &'a [Skeleton]) -> Self {
        let mut spans: Vec<&Skeleton> = spans.iter().collect();
        spans.sort_by_key(|span| (span.start_ns, span.span_id));
        let by_id: HashMap<u64, usize> =
            spans.iter().enumerate().rev().map(|(number, span)| (span.span_id, number)).collect();
        let parents: Vec<Option<usize>> =
            spans.iter().map(|span| by_id.get(&span.parent_span_id).copied()).collect();
        let (order, parents) = parents_first(parents);
        let owners = owners(&spans, &parents, &order);
        let mut tree = Self { spans, parents, order, hops: Vec::new(), workloads: Vec::new() };
        tree.cut_into_hops(&owners);
        tree
    }

    /// Whether the span is the first of its hop.
    pub(super) fn is_entry(&self, span: usize) -> bool {
        self.parents[span].is_none_or(|parent| self.hops[parent] != self.hops[span])
    }

    pub(super) fn workload(&self, span: usize) -> &Arc<Workload> {
        &self.workloads[self.hops[span]]
    }

    fn cut_into_hops(&mut self, owners: &[Arc<Workload>]) {
        self.hops = vec![0; self.spans.len()];
        let mut versions_by_app = Vec::new();
        for &span in &self.order {
            let owner = &owners[span];
            let hop = self.parents[span].map(|parent| self.hops[parent]);
            let hop = match hop.filter(|&hop| may_be_one_service(&self.workloads[hop], owner)) {
                Some(hop) => hop,
                None => {
                    self.workloads.push(Arc::clone(owner));
                    versions_by_app.push(false);
                    self.workloads.len() - 1
                }
            };
            self.hops[span] = hop;
            // A proxy rarely knows the version it stands before; what the application says of itself wins.
            let by_app = !self.spans[span].flags.proxy && !owner.version.is_empty();
            if self.workloads[hop] != *owner {
                complete(&mut self.workloads[hop], owner, by_app && !versions_by_app[hop]);
            }
            versions_by_app[hop] |= by_app;
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

/// The workload each span belongs to. A proxy whose tracer was not told a service name (`unknown_service:envoy`)
/// belongs to the application behind it or before it, and for want of one is called by its node id.
fn owners(spans: &[&Skeleton], parents: &[Option<usize>], order: &[usize]) -> Vec<Arc<Workload>> {
    let nameless = |span: usize| spans[span].flags.proxy && spans[span].workload.service.starts_with("unknown_service");
    let mut owners: Vec<Arc<Workload>> = spans.iter().map(|span| Arc::clone(&span.workload)).collect();
    if !(0..spans.len()).any(nameless) {
        return owners;
    }
    let mut known: Vec<bool> = (0..spans.len()).map(|span| !nameless(span)).collect();
    // Inbound proxies hand on to the application: from the leaves up.
    for &span in order.iter().rev() {
        if let Some(parent) = parents[span].filter(|&parent| !known[parent] && known[span]) {
            let inbound = spans[span].kind == SpanKind::Server || spans[parent].node_id == spans[span].node_id;
            if inbound && spans[parent].kind != SpanKind::Client {
                owners[parent] = Arc::clone(&owners[span]);
                known[parent] = true;
            }
        }
    }
    // Outbound proxies are called by the application: from the root down.
    for &span in order {
        if known[span] {
            continue;
        }
        let caller = parents[span].filter(|_| spans[span].kind == SpanKind::Client);
        owners[span] = match (caller, &spans[span].node_id) {
            (Some(parent), _) => Arc::clone(&owners[parent]),
            (None, Some(node_id)) => Arc::new(Workload { service: node_id.to_string(), ..Workload::default() }),
            (None, None) => continue,
        };
        known[span] = true;
    }
    owners
}

/// Whether two spans next to each other may be of one service: equal in what both state.
fn may_be_one_service(one: &Workload, other: &Workload) -> bool {
    let agree = |one: &str, other: &str| one == other || one.is_empty() || other.is_empty();
    one.service == other.service
        && agree(&one.namespace, &other.namespace)
        && agree(&one.environment, &other.environment)
}

fn complete(workload: &mut Arc<Workload>, from: &Workload, take_version: bool) {
    let mut whole = Workload::clone(workload);
    for (text, more) in [(&mut whole.namespace, &from.namespace), (&mut whole.environment, &from.environment)] {
        if text.is_empty() {
            text.clone_from(more);
        }
    }
    if take_version || whole.version.is_empty() {
        whole.version.clone_from(&from.version);
    }
    *workload = Arc::new(whole);
}

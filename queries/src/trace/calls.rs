//! The outgoing calls of each hop.

use crate::rows::span::SpanKind;

use super::tree::Tree;

/// One outgoing call: its outermost span and what happened below it within the hop.
pub(super) struct Call {
    /// The outermost span.
    pub(super) root: usize,
    /// All client spans of the call, the root first: wrappers, proxies, tries.
    pub(super) members: Vec<usize>,
    /// How many of the members have no member below them: each is one try.
    pub(super) tries: u32,
    /// The first spans of other services below, by start time.
    pub(super) landings: Vec<usize>,
    /// Whether the call came back into the same service, as from a sidecar to its application.
    pub(super) stayed_inside: bool,
}

/// The calls of a trace, and what lies outside any call.
pub(super) struct Calls {
    pub(super) calls: Vec<Call>,
    /// First spans of other services whose parents are no client spans, with those parents.
    pub(super) uncalled: Vec<(usize, usize)>,
    /// For each span the call it is part of, with the innermost member of the call at or above the span.
    of_span: Vec<Option<(usize, usize)>>,
    /// Whether a member of a call has members below it.
    divided: Vec<bool>,
}

impl Calls {
    pub(super) fn of(tree: &Tree<'_>) -> Self {
        let count = tree.spans.len();
        let mut calls =
            Self { calls: Vec::new(), uncalled: Vec::new(), of_span: vec![None; count], divided: vec![false; count] };
        for &span in &tree.order {
            let around = tree.parents[span].and_then(|parent| calls.of_span[parent]);
            let around = calls.arrive(tree, span, around);
            calls.of_span[span] = calls.depart(tree, span, around);
        }
        for call in &mut calls.calls {
            call.landings.sort_unstable();
        }
        calls
    }

    /// Lets a call end where a request is received; returns the call that goes on around the span.
    fn arrive(&mut self, tree: &Tree<'_>, span: usize, around: Option<(usize, usize)>) -> Option<(usize, usize)> {
        let kind = tree.spans[span].kind;
        let receives = matches!(kind, SpanKind::Server | SpanKind::Consumer);
        if tree.is_entry(span) {
            // A message is received from the queue and not from its sender.
            let parent = tree.parents[span].filter(|_| kind != SpanKind::Consumer);
            match (around, parent) {
                (Some((call, _)), Some(_)) => self.calls[call].landings.push(span),
                (None, Some(parent)) => self.uncalled.push((parent, span)),
                (_, None) => {}
            }
            return None;
        }
        if receives && let Some((call, _)) = around {
            self.calls[call].stayed_inside = true;
        }
        around.filter(|_| !receives)
    }

    /// Begins a call at the span, or makes the span a part of the call around it.
    fn depart(&mut self, tree: &Tree<'_>, span: usize, around: Option<(usize, usize)>) -> Option<(usize, usize)> {
        let skeleton = tree.spans[span];
        let forwards = skeleton.flags.proxy && skeleton.upstream_cluster.is_some();
        match (skeleton.kind, around) {
            (SpanKind::Client, Some((call, above))) if self.is_part_of(tree, span, call) => {
                // Each member without members below is one try: the first below a member takes that over from it.
                self.calls[call].tries += u32::from(self.divided[above]);
                self.divided[above] = true;
                self.calls[call].members.push(span);
                Some((call, span))
            }
            (SpanKind::Client, Some((call, _))) => {
                // The application behind the proxy forwards the request without a span of its own.
                self.calls[call].stayed_inside = true;
                Some(self.begin(span))
            }
            (SpanKind::Client, None) | (SpanKind::Producer, _) => Some(self.begin(span)),
            _ if forwards => Some(self.begin(span)),
            _ => around,
        }
    }

    fn begin(&mut self, root: usize) -> (usize, usize) {
        let call = Call { root, members: vec![root], tries: 1, landings: Vec::new(), stayed_inside: false };
        self.calls.push(call);
        (self.calls.len() - 1, root)
    }

    /// Whether a client span below a call is part of it. Below an application's client span everything is; below a
    /// proxy's only the proxy's own tries, which name the same cluster.
    fn is_part_of(&self, tree: &Tree<'_>, span: usize, call: usize) -> bool {
        let (root, span) = (tree.spans[self.calls[call].root], tree.spans[span]);
        match root.kind {
            SpanKind::Producer => false,
            _ if root.flags.proxy => {
                span.flags.proxy && span.node_id == root.node_id && span.upstream_cluster == root.upstream_cluster
            }
            _ => true,
        }
    }
}

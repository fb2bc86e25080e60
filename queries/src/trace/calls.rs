//! The outgoing calls of each hop.

use crate::rows::span::SpanKind;

use super::owners::is_same_proxy;
use super::tree::Tree;

/// One outgoing call: its outermost span and what happened below it within the hop.
pub(super) struct Call {
    /// The client spans of the call, the outermost first and each after the one it is below: wrappers, proxies, tries.
    pub(super) members: Vec<Member>,
    /// Where spans of other services begin below, by start time.
    pub(super) landings: Vec<Landing>,
    /// Whether it is made to send a message.
    pub(super) sends_message: bool,
}

/// One client span of a call.
pub(super) struct Member {
    pub(super) span: usize,
    /// The number of the member that it is below.
    pub(super) above: Option<usize>,
    /// Whether no member is below it.
    pub(super) is_leaf: bool,
    /// Whether it came back into the same service, as from a sidecar to its application.
    pub(super) stayed_inside: bool,
}

/// The first span of another service below a call.
pub(super) struct Landing {
    pub(super) span: usize,
    /// The number of the innermost member above.
    pub(super) member: usize,
}

/// The calls of a trace, and what lies outside any call.
pub(super) struct Calls {
    pub(super) all: Vec<Call>,
    /// First spans of other services whose parents are in no call, with those parents.
    pub(super) uncalled: Vec<(usize, usize)>,
    /// Spans of the same service in which a proxy's call ended.
    pub(super) inside: Vec<usize>,
    /// For each span the call around it, itself included.
    of_span: Vec<Option<At>>,
    /// For each span whether it is a proxy's with tries in spans of their own.
    has_tries: Vec<bool>,
}

/// A place within a call: the numbers of the call and of its innermost member at or above.
#[derive(Clone, Copy)]
struct At {
    call: usize,
    member: usize,
}

/// How a proxy's span relates to its parent.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Below {
    /// The same request on its way.
    Part,
    /// A request of the proxy itself, as for leave to go on.
    Aside,
    /// A request of the application behind the proxy, which passed on the context it got.
    Forwarded,
}

impl Call {
    /// The outermost span.
    pub(super) fn root(&self) -> usize {
        self.members[0].span
    }
}

impl Calls {
    pub(super) fn of(tree: &Tree<'_>) -> Self {
        let count = tree.spans.len();
        let mut calls = Self {
            all: Vec::new(),
            uncalled: Vec::new(),
            inside: Vec::new(),
            of_span: vec![None; count],
            has_tries: vec![false; count],
        };
        for span in 0..count {
            if let Some(parent) = tree.parents[span].filter(|&parent| is_try_of(tree, parent, span)) {
                calls.has_tries[parent] = true;
            }
        }
        for &span in &tree.order {
            let around = calls.arrive(tree, span);
            calls.of_span[span] = calls.depart(tree, span, around);
        }
        for call in &mut calls.all {
            call.landings.sort_unstable_by_key(|landing| landing.span);
        }
        calls
    }

    /// The call that the span is a part of or below, where there is one.
    pub(super) fn around(&self, span: usize) -> Option<&Call> {
        self.of_span[span].map(|at| &self.all[at.call])
    }

    /// Lets a call end where a request is received; returns the call that goes on around the span.
    fn arrive(&mut self, tree: &Tree<'_>, span: usize) -> Option<At> {
        let parent = tree.parents[span]?;
        let around = self.of_span[parent];
        let skeleton = tree.spans[span];
        if skeleton.kind == SpanKind::Consumer {
            // A message is received from the queue and not from its sender.
            return None;
        }
        if tree.is_entry(span) {
            match around {
                Some(at) => self.all[at.call].landings.push(Landing { span, member: at.member }),
                None => self.uncalled.push((parent, span)),
            }
            return None;
        }
        let at = around?;
        if self.is_own_egress(tree, parent, span, at) {
            return Some(at);
        }
        let by_proxy = tree.spans[self.all[at.call].root()].flags.proxy;
        // What an application does behind its proxy is no longer the proxy's call.
        let left_proxy =
            by_proxy && (!skeleton.flags.proxy || self.below(tree, parent, span) == Below::Forwarded);
        if left_proxy || skeleton.kind == SpanKind::Server {
            self.all[at.call].members[at.member].stayed_inside = true;
            self.inside.push(span);
            return None;
        }
        Some(at)
    }

    /// Begins a call at the span, or makes the span a part of the call around it.
    fn depart(&mut self, tree: &Tree<'_>, span: usize, around: Option<At>) -> Option<At> {
        let skeleton = tree.spans[span];
        let forwards = skeleton.flags.proxy && skeleton.upstream_cluster.is_some();
        match (skeleton.kind, around, tree.parents[span]) {
            (SpanKind::Client, Some(at), Some(parent)) => {
                let sends_message = self.sends_message(tree, at);
                if sends_message || self.below(tree, parent, span) == Below::Aside {
                    Some(self.begin(span, sends_message))
                } else {
                    Some(self.join(span, at))
                }
            }
            // The call goes on at a server span only where that is the caller's own sidecar's.
            (SpanKind::Server, Some(at), _) if forwards => {
                let sends_message = self.sends_message(tree, at);
                Some(if sends_message { self.begin(span, true) } else { self.join(span, at) })
            }
            (SpanKind::Producer, Some(at), _) if self.sends_the_same(tree, span, at) => {
                Some(self.join(span, at))
            }
            (SpanKind::Client | SpanKind::Producer, ..) => Some(self.begin(span, false)),
            _ if forwards => Some(self.begin(span, false)),
            _ => around,
        }
    }

    fn sends_message(&self, tree: &Tree<'_>, at: At) -> bool {
        tree.spans[self.all[at.call].root()].kind == SpanKind::Producer
    }

    /// Whether a server span is that of the sidecar through which the application above sends its request: an Envoy that
    /// makes a span for each try, too, says `SERVER` of its span of the whole request whichever way that goes.
    fn is_own_egress(&self, tree: &Tree<'_>, parent: usize, span: usize, at: At) -> bool {
        let (above, skeleton) = (tree.spans[parent], tree.spans[span]);
        skeleton.kind == SpanKind::Server
            && skeleton.flags.proxy
            && skeleton.upstream_cluster.is_some()
            && !above.flags.proxy
            && self.all[at.call].members[at.member].span == parent
    }

    fn begin(&mut self, span: usize, sends_message: bool) -> At {
        let root = Member { span, above: None, is_leaf: true, stayed_inside: false };
        self.all.push(Call { members: vec![root], landings: Vec::new(), sends_message });
        At { call: self.all.len() - 1, member: 0 }
    }

    fn join(&mut self, span: usize, at: At) -> At {
        let members = &mut self.all[at.call].members;
        members[at.member].is_leaf = false;
        members.push(Member { span, above: Some(at.member), is_leaf: true, stayed_inside: false });
        At { call: at.call, member: members.len() - 1 }
    }

    /// Whether a producer span below a call sends the message that the call is about.
    fn sends_the_same(&self, tree: &Tree<'_>, span: usize, at: At) -> bool {
        let root = tree.spans[self.all[at.call].root()];
        let (outer, inner) = (&root.peer, &tree.spans[span].peer);
        outer == inner && inner.is_some()
            || root.kind == SpanKind::Producer && (outer.is_none() || inner.is_none())
    }

    fn below(&self, tree: &Tree<'_>, parent: usize, span: usize) -> Below {
        let (above, skeleton) = (tree.spans[parent], tree.spans[span]);
        let between_proxies = above.flags.proxy && skeleton.flags.proxy && skeleton.kind == SpanKind::Client;
        if !between_proxies || above.upstream_cluster.is_none() || is_try_of(tree, parent, span) {
            return Below::Part;
        }
        // Envoy names the node on the spans of requests that it was sent, and on no others.
        let by_same = is_same_proxy(above, skeleton) && skeleton.node_id.is_none();
        if !by_same || above.node_id.is_none() && !self.has_tries[parent] {
            Below::Forwarded
        } else if self.has_tries[parent] && skeleton.flags.error {
            // A try that failed in one cluster before another cluster got the next.
            Below::Part
        } else {
            Below::Aside
        }
    }
}

/// Whether the span is one try of the proxy whose span the parent is.
fn is_try_of(tree: &Tree<'_>, parent: usize, span: usize) -> bool {
    let (above, skeleton) = (tree.spans[parent], tree.spans[span]);
    is_same_proxy(above, skeleton)
        && above.upstream_cluster == skeleton.upstream_cluster
        && tree.hops[parent] == tree.hops[span]
}

//! What a call is made of: as a rule of one request to one place. A client span that only holds calls to several
//! places is taken apart into those.

use foldhash::{HashMap, HashMapExt as _};

use crate::rows::span::{Peer, PeerKind, SpanKind};

use super::calls::{Call, Landing};
use super::tree::{ServiceKey, Tree};

/// A request to one place, with all its tries.
pub(super) struct Part {
    /// The spans of its members, the outermost first.
    pub(super) spans: Vec<usize>,
    /// How often it was tried, at least once.
    pub(super) tries: u32,
    /// The span of another service that answered.
    pub(super) answer: Option<usize>,
    /// Whether it came back into the same service.
    pub(super) stayed_inside: bool,
    /// Whether it failed by a time-out.
    pub(super) timeout: bool,
}

/// The parts of a call.
pub(super) struct Parts {
    pub(super) parts: Vec<Part>,
    /// Landings in several services below one client span, which therefore tells nothing of each, with that span.
    pub(super) shared: Vec<(usize, usize)>,
}

/// Where the spans below a member lead.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    Nowhere,
    One(usize),
    Several,
}

#[derive(PartialEq, Eq, Hash)]
enum Place<'a> {
    Service(ServiceKey<'a>),
    Peer(&'a Peer),
}

impl Parts {
    pub(super) fn of(tree: &Tree<'_>, call: &Call) -> Self {
        let reach = reach(tree, call);
        let mut split = Self { parts: Vec::new(), shared: Vec::new() };
        let mut part_of: Vec<Option<usize>> = Vec::with_capacity(call.members.len());
        for (member, reach) in call.members.iter().zip(reach) {
            let part = if reach == Reach::Several {
                None
            } else {
                Some(member.above.and_then(|above| part_of[above]).unwrap_or_else(|| split.begin()))
            };
            if let Some(part) = part.map(|part| &mut split.parts[part]) {
                part.spans.push(member.span);
                part.stayed_inside |= member.stayed_inside;
            }
            part_of.push(part);
        }
        let mut landed = vec![false; call.members.len()];
        for landing in &call.landings {
            match part_of[landing.member] {
                Some(part) => split.parts[part].land(tree, landing, &mut landed),
                None => split.shared.push((call.members[landing.member].span, landing.span)),
            }
        }
        for (number, member) in call.members.iter().enumerate() {
            if let Some(part) = part_of[number].filter(|_| member.is_leaf && !landed[number]) {
                split.parts[part].tries += 1;
            }
        }
        split.find_timeouts(tree, call, &part_of);
        split
    }

    fn begin(&mut self) -> usize {
        let part = Part { spans: Vec::new(), tries: 0, answer: None, stayed_inside: false, timeout: false };
        self.parts.push(part);
        self.parts.len() - 1
    }

    /// A part timed out if it failed and its outermost span, or on the way down its last try says so.
    fn find_timeouts(&mut self, tree: &Tree<'_>, call: &Call, part_of: &[Option<usize>]) {
        let mut last_below: Vec<Option<usize>> = vec![None; call.members.len()];
        for (number, member) in call.members.iter().enumerate() {
            if let Some(above) = member.above {
                let last = &mut last_below[above];
                if last.is_none_or(|last| call.members[last].span < member.span) {
                    *last = Some(number);
                }
            }
        }
        let mut on_way = vec![false; call.members.len()];
        for (number, member) in call.members.iter().enumerate() {
            let Some(part) = part_of[number].map(|part| &mut self.parts[part]) else { continue };
            let failed = tree.spans[part.spans[0]].flags.error;
            on_way[number] = part.spans[0] == member.span
                || member.above.is_some_and(|above| on_way[above] && last_below[above] == Some(number));
            part.timeout |= on_way[number] && failed && tree.spans[member.span].flags.timeout;
        }
    }
}

impl Part {
    fn land(&mut self, tree: &Tree<'_>, landing: &Landing, landed: &mut [bool]) {
        // A service whose own server span is missing shows by whatever it did, however much: that is one try.
        if tree.spans[landing.span].kind == SpanKind::Server || !landed[landing.member] {
            self.tries += 1;
        }
        landed[landing.member] = true;
        // The last answer is the final one, save that a request which succeeded was not answered by a failure.
        let failed = |span: usize| tree.spans[span].flags.error;
        let succeeded_before = self.answer.is_some_and(|answer| !failed(answer));
        if !(succeeded_before && failed(landing.span) && !failed(self.spans[0])) {
            self.answer = Some(landing.span);
        }
    }
}

/// Where each member of a call leads.
fn reach(tree: &Tree<'_>, call: &Call) -> Vec<Reach> {
    let mut reach = vec![Reach::Nowhere; call.members.len()];
    let mut places: HashMap<Place<'_>, usize> = HashMap::new();
    let mut number = |place| {
        let next = places.len();
        Reach::One(*places.entry(place).or_insert(next))
    };
    for landing in &call.landings {
        let place = number(Place::Service(tree.service(landing.span)));
        reach[landing.member] = reach[landing.member].and(place);
    }
    let store_of = |span: usize| tree.spans[span].peer.as_deref().filter(|peer| is_store(peer));
    let is_to_store = store_of(call.root()).is_some();
    for (at, member) in call.members.iter().enumerate().rev() {
        if member.stayed_inside {
            reach[at] = reach[at].and(number(Place::Service(tree.service(member.span))));
        }
        if let Some(peer) = store_of(member.span).filter(|_| reach[at] == Reach::Nowhere && !is_to_store) {
            reach[at] = number(Place::Peer(peer));
        }
        if let Some(above) = member.above {
            reach[above] = reach[above].and(reach[at]);
        }
    }
    reach
}

impl Reach {
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Nowhere, reach) | (reach, Self::Nowhere) => reach,
            (one, other) if one == other => one,
            _ => Self::Several,
        }
    }
}

fn is_store(peer: &Peer) -> bool {
    matches!(peer.kind, PeerKind::Database | PeerKind::Queue)
}

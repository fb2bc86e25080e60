//! One trace made ready to be drawn: who is whose child, what is a try of what, and what belongs to which span.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use sidecarta_queries::api::traces::{CriticalPiece, Trace, TraceLog, TraceSpan};

pub(crate) mod find;
pub(crate) mod flame;
pub(crate) mod marks;
pub(crate) mod operations;
pub(crate) mod path;
pub(crate) mod query;
pub(crate) mod timeline;

/// How many colours the tokens have for services.
pub(crate) const COLOURS: u8 = 12;

/// One try of a request that was tried several times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Attempt {
    /// Which it is, from 1.
    pub(crate) number: u16,
    /// How many there are.
    pub(crate) of: u16,
}

/// A trace with what drawing it needs. Spans are named by their place in `trace.spans`.
#[derive(Debug, Default)]
pub(crate) struct TraceModel {
    /// The trace as the server gave it.
    pub(crate) trace: Trace,
    /// Spans without a parent that is stored.
    pub(crate) roots: Vec<u32>,
    /// The children of each span.
    pub(crate) children: Vec<Vec<u32>>,
    /// All spans, each before its children.
    pub(crate) order: Vec<u32>,
    /// The place of each span in that order.
    pub(crate) rank: Vec<u32>,
    /// Which try a span is, where there are several.
    pub(crate) attempts: Vec<Option<Attempt>>,
    /// Spans of proxies that disappear into their hop until it is opened.
    pub(crate) foldable: Vec<bool>,
    /// Log lines of each span, by their place in `trace.logs`.
    pub(crate) logs: Vec<Vec<u32>>,
    /// The pieces of each span on the critical path.
    pub(crate) critical: Vec<Vec<CriticalPiece>>,
    /// The colour of each service, by number.
    pub(crate) colours: BTreeMap<String, u8>,
    haystacks: OnceLock<Vec<String>>,
}

impl TraceModel {
    /// Makes a trace ready. Places that do not exist are ignored.
    pub(crate) fn new(trace: Trace) -> Self {
        let count = trace.spans.len();
        let mut children = vec![Vec::new(); count];
        let mut roots = Vec::new();
        for (at, span) in trace.spans.iter().enumerate() {
            // A parent stands before its children; what says otherwise would make a circle.
            match span.parent.filter(|parent| (*parent as usize) < at) {
                Some(parent) => children[parent as usize].push(at as u32),
                None => roots.push(at as u32),
            }
        }
        let order = walk(&roots, &children);
        let mut rank = vec![0; count];
        for (place, at) in (0..).zip(&order) {
            rank[*at as usize] = place;
        }
        let attempts = attempts(&trace.spans, &children);
        let foldable = foldable(&trace.spans, &order, &attempts);
        let mut logs = vec![Vec::new(); count];
        for (at, log) in trace.logs.iter().enumerate() {
            if let Some(of) = log.span.and_then(|span| logs.get_mut(span as usize)) {
                of.push(at as u32);
            }
        }
        let mut critical = vec![Vec::new(); count];
        for piece in &trace.critical_path {
            if let Some(of) = critical.get_mut(piece.span as usize) {
                of.push(*piece);
            }
        }
        let colours = colours(trace.spans.iter().map(|span| span.service.as_str()));
        Self {
            trace,
            roots,
            children,
            order,
            rank,
            attempts,
            foldable,
            logs,
            critical,
            colours,
            haystacks: OnceLock::new(),
        }
    }

    /// A span by its place.
    pub(crate) fn span(&self, at: u32) -> Option<&TraceSpan> {
        self.trace.spans.get(at as usize)
    }

    /// The place of the first span with an id.
    pub(crate) fn find_id(&self, id: &str) -> Option<u32> {
        self.trace.spans.iter().position(|span| span.span_id == id).map(|at| at as u32)
    }

    /// The parent of a span, where it is stored.
    pub(crate) fn parent(&self, at: u32) -> Option<u32> {
        self.span(at)?.parent.filter(|parent| *parent < at)
    }

    /// Everything above a span, nearest first.
    pub(crate) fn ancestors(&self, at: u32) -> impl Iterator<Item = u32> {
        std::iter::successors(self.parent(at), |at| self.parent(*at))
    }

    /// The log lines of a span.
    pub(crate) fn logs_of(&self, at: u32) -> impl Iterator<Item = &TraceLog> {
        self.logs.get(at as usize).into_iter().flatten().filter_map(|log| self.trace.logs.get(*log as usize))
    }

    /// The number of a service's colour.
    pub(crate) fn colour(&self, service: &str) -> u8 {
        self.colours.get(service).copied().unwrap_or_default()
    }

    /// Whether more of it may come.
    pub(crate) fn is_arriving(&self) -> bool {
        self.trace.warnings.iter().any(|warning| warning.kind == "still_arriving")
    }

    /// How many spans stand below each other at most.
    pub(crate) fn depth(&self) -> u32 {
        self.trace.spans.iter().map(|span| span.depth + 1).max().unwrap_or_default()
    }

    /// The parts of a span in which none of its children was at work: start and length, ns.
    pub(crate) fn own_work(&self, at: u32) -> Vec<(i64, u64)> {
        let Some(span) = self.span(at) else { return Vec::new() };
        let end = end_of(span);
        let mut below: Vec<(i64, i64)> = self.children[at as usize]
            .iter()
            .filter_map(|child| self.span(*child))
            .map(|child| (child.offset_ns, end_of(child)))
            .collect();
        below.sort_unstable();
        let mut own = Vec::new();
        let mut reached = span.offset_ns;
        for (from, to) in below {
            if from.min(end) > reached {
                own.push((reached, from.min(end).abs_diff(reached)));
            }
            reached = reached.max(to);
        }
        if reached < end {
            own.push((reached, end.abs_diff(reached)));
        }
        own
    }
}

/// When a span ends, ns after the start of the trace.
pub(crate) fn end_of(span: &TraceSpan) -> i64 {
    span.offset_ns.saturating_add_unsigned(span.duration_ns)
}

/// All spans, each before its children. No recursion: a trace may be as deep as it is long.
fn walk(roots: &[u32], children: &[Vec<u32>]) -> Vec<u32> {
    let mut order = Vec::with_capacity(children.len());
    let mut open: Vec<u32> = roots.iter().rev().copied().collect();
    while let Some(at) = open.pop() {
        order.push(at);
        open.extend(children[at as usize].iter().rev());
    }
    order
}

/// Numbers the tries of each request. A proxy tries again where it has several client spans of its own below it, or
/// without those, where it has several landings in the same service.
fn attempts(spans: &[TraceSpan], children: &[Vec<u32>]) -> Vec<Option<Attempt>> {
    let mut attempts = vec![None; spans.len()];
    for (at, span) in spans.iter().enumerate().filter(|(at, span)| span.is_proxy && children[*at].len() > 1) {
        let below = || children[at].iter().map(|child| (*child, &spans[*child as usize]));
        let own: Vec<u32> = below()
            .filter(|(_, child)| child.is_proxy && child.hop == span.hop && child.kind == "CLIENT")
            .map(|(child, _)| child)
            .collect();
        if own.len() > 1 {
            number(&mut attempts, &own);
            continue;
        }
        let mut landings: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
        for (child, of) in below().filter(|(_, child)| child.hop != span.hop) {
            landings.entry(&of.service).or_default().push(child);
        }
        landings.values().filter(|tries| tries.len() > 1).for_each(|tries| number(&mut attempts, tries));
    }
    attempts
}

fn number(attempts: &mut [Option<Attempt>], tries: &[u32]) {
    let of = tries.len() as u16;
    for (number, at) in (1..).zip(tries) {
        attempts[*at as usize] = Some(Attempt { number, of });
    }
}

/// Spans of proxies fold into their hop, except what stands for a hop without an application, and the tries of a
/// proxy that tried again.
fn foldable(spans: &[TraceSpan], order: &[u32], attempts: &[Option<Attempt>]) -> Vec<bool> {
    let mut stands_for: BTreeMap<u32, u32> = BTreeMap::new();
    for at in order {
        let span = &spans[*at as usize];
        let known = stands_for.entry(span.hop).or_insert(*at);
        if spans[*known as usize].is_proxy && !span.is_proxy {
            *known = *at;
        }
    }
    let is_try = |at: usize| {
        let parent = spans[at].parent.and_then(|parent| spans.get(parent as usize));
        attempts[at].is_some() && parent.is_some_and(|parent| parent.hop == spans[at].hop)
    };
    let folds = |(at, span): (usize, &TraceSpan)| {
        span.is_proxy && stands_for.get(&span.hop) != Some(&(at as u32)) && !is_try(at)
    };
    spans.iter().enumerate().map(folds).collect()
}

/// A colour for each service: the same in every trace as far as it is free, so that a service is known by it.
fn colours<'a>(services: impl Iterator<Item = &'a str>) -> BTreeMap<String, u8> {
    let names: std::collections::BTreeSet<&str> = services.collect();
    let mut taken = [false; COLOURS as usize];
    let mut colours = BTreeMap::new();
    for name in names {
        let wanted = name
            .bytes()
            .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        let wanted = (wanted ^ (wanted >> 16)) % u32::from(COLOURS);
        let free = (0..u32::from(COLOURS)).map(|step| (wanted + step) % u32::from(COLOURS));
        let colour = free.into_iter().find(|colour| !taken[*colour as usize]).unwrap_or(wanted);
        taken[colour as usize] = true;
        colours.insert(name.to_owned(), colour as u8);
    }
    colours
}

#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;

//! The rows of the waterfall: which spans have one, how far they stand in, and which of them are in the window.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::model::trace::{Attempt, TraceModel};

/// Rows that are drawn above and below what is seen, so that a quick hand sees no gap.
const SPARE_ROWS: usize = 6;

/// What the viewer has opened and closed.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Folding {
    /// Ids of the spans whose children are hidden.
    pub(crate) closed: BTreeSet<String>,
    /// Whether hops show their proxies.
    pub(crate) proxies: bool,
    /// Numbers of the hops that do it the other way.
    pub(crate) hops: BTreeSet<u32>,
}

impl Folding {
    /// Whether a hop shows its proxies.
    pub(crate) fn shows_proxies(&self, hop: u32) -> bool {
        self.proxies != self.hops.contains(&hop)
    }

    /// Opens or closes the proxies of a hop.
    pub(crate) fn toggle_hop(&mut self, hop: u32) {
        if !self.hops.remove(&hop) {
            self.hops.insert(hop);
        }
    }

    /// Opens or closes the proxies of all hops.
    pub(crate) fn toggle_proxies(&mut self) {
        self.proxies = !self.proxies;
        self.hops.clear();
    }

    /// Opens or closes what is below a span.
    pub(crate) fn set_open(&mut self, id: &str, open: bool) {
        if open {
            self.closed.remove(id);
        } else {
            self.closed.insert(id.to_owned());
        }
    }

    /// Opens whatever hides a span.
    pub(crate) fn reveal(&mut self, model: &TraceModel, at: u32) {
        let Some(span) = model.span(at) else { return };
        if model.foldable[at as usize] && !self.shows_proxies(span.hop) {
            self.toggle_hop(span.hop);
        }
        for above in model.ancestors(at).filter_map(|above| model.span(above)) {
            self.closed.remove(&above.span_id);
        }
    }
}

/// The proxies of a row's hop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct HopProxies {
    /// How many spans of proxies fold into it.
    pub(crate) count: u32,
    /// Whether they are shown.
    pub(crate) open: bool,
}

/// One row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Row {
    /// Its span.
    pub(crate) span: u32,
    /// How far it stands in.
    pub(crate) depth: u32,
    /// Whether something is below it, and whether that is shown.
    pub(crate) open: Option<bool>,
    /// Rows that are hidden below it.
    pub(crate) below: u32,
    /// Spans that failed among them.
    pub(crate) errors_below: u32,
    /// The proxies of its hop, on the hop's first row.
    pub(crate) proxies: Option<HopProxies>,
    /// Whether the span of a proxy that is folded into it failed.
    pub(crate) proxy_failed: bool,
    /// Which try it is, where there are several.
    pub(crate) attempt: Option<Attempt>,
}

/// The rows and which of them stands for each span.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Rows {
    /// From the first to the last.
    pub(crate) all: Vec<Row>,
    /// The row on which each span is seen: its own, or of what it is folded into.
    shown_by: Vec<u32>,
    /// Spans of proxies that are folded into a row.
    folded: BTreeMap<u32, Vec<u32>>,
}

impl Rows {
    /// Works out the rows of a trace.
    pub(crate) fn of(model: &TraceModel, folding: &Folding) -> Self {
        let mut walk = Walk {
            model,
            folding,
            rows: Vec::new(),
            shown_by: vec![0; model.order.len()],
            folded: Vec::new(),
        };
        walk.go();
        let folded = walk.assign_folded();
        Self { all: walk.rows, shown_by: walk.shown_by, folded }
    }

    /// The row on which a span is seen.
    pub(crate) fn row_of(&self, span: u32) -> Option<usize> {
        self.shown_by.get(span as usize).map(|row| *row as usize).filter(|row| *row < self.all.len())
    }

    /// Spans of proxies that are folded into a row.
    pub(crate) fn folded_into(&self, row: usize) -> &[u32] {
        self.folded.get(&(row as u32)).map_or(&[], Vec::as_slice)
    }

    /// The row above which the row at a place hangs.
    pub(crate) fn parent_row(&self, row: usize) -> Option<usize> {
        let depth = self.all.get(row)?.depth;
        self.all[..row].iter().rposition(|above| above.depth < depth)
    }

    /// The rows that are drawn for a window of some height, both in px.
    pub(crate) fn window(&self, top: f64, height: f64, row_height: f64) -> Range<usize> {
        let first = (top / row_height).floor().max(0.0) as usize;
        let count = (height / row_height).ceil().max(0.0) as usize + 1;
        let end = (first + count + SPARE_ROWS).min(self.all.len());
        first.saturating_sub(SPARE_ROWS).min(end)..end
    }
}

/// Where a span is reached: how far in, below which row, as which try.
#[derive(Clone, Copy)]
struct Step {
    span: u32,
    depth: u32,
    above: Option<u32>,
    attempt: Option<Attempt>,
}

struct Walk<'a> {
    model: &'a TraceModel,
    folding: &'a Folding,
    rows: Vec<Row>,
    shown_by: Vec<u32>,
    /// Spans without a row, with the row above them.
    folded: Vec<(u32, Option<u32>)>,
}

impl Walk<'_> {
    fn go(&mut self) {
        let model = self.model;
        let mut open: Vec<Step> = model
            .roots
            .iter()
            .rev()
            .map(|span| Step { span: *span, depth: 0, above: None, attempt: None })
            .collect();
        while let Some(step) = open.pop() {
            let at = step.span as usize;
            let span = &model.trace.spans[at];
            let children = model.children[at].iter().rev();
            let attempt = model.attempts[at].or(step.attempt);
            if self.is_folded(step.span) {
                self.folded.push((step.span, step.above));
                // A try that lands on a folded proxy is the try of what stands behind the proxy.
                let attempt_of =
                    |child: u32| attempt.filter(|_| model.trace.spans[child as usize].hop == span.hop);
                open.extend(children.map(|child| Step { span: *child, attempt: attempt_of(*child), ..step }));
                continue;
            }
            let row = self.rows.len() as u32;
            self.shown_by[at] = row;
            let has_children = !model.children[at].is_empty();
            let closed = has_children && self.folding.closed.contains(&span.span_id);
            self.rows.push(Row {
                span: step.span,
                depth: step.depth,
                open: has_children.then_some(!closed),
                below: 0,
                errors_below: 0,
                proxies: None,
                proxy_failed: false,
                attempt,
            });
            if closed {
                self.hide_below(step.span, row);
            } else {
                let below = Step { depth: step.depth + 1, above: Some(row), attempt: None, span: 0 };
                open.extend(children.map(|child| Step { span: *child, ..below }));
            }
        }
    }

    fn is_folded(&self, span: u32) -> bool {
        let hop = self.model.trace.spans[span as usize].hop;
        self.model.foldable[span as usize] && !self.folding.shows_proxies(hop)
    }

    fn hide_below(&mut self, span: u32, row: u32) {
        let mut open: Vec<u32> = self.model.children[span as usize].clone();
        while let Some(at) = open.pop() {
            self.shown_by[at as usize] = row;
            let shown = &mut self.rows[row as usize];
            shown.errors_below += u32::from(self.model.trace.spans[at as usize].is_error);
            shown.below += 1;
            open.extend(&self.model.children[at as usize]);
        }
    }

    /// A folded span is seen on the row of its hop above it, or else on the first row of its hop.
    fn assign_folded(&mut self) -> BTreeMap<u32, Vec<u32>> {
        let mut folded: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        let spans = &self.model.trace.spans;
        let mut first_of_hop: BTreeMap<u32, u32> = BTreeMap::new();
        for (row, shown) in self.rows.iter().enumerate() {
            first_of_hop.entry(spans[shown.span as usize].hop).or_insert(row as u32);
        }
        for (span, above) in std::mem::take(&mut self.folded) {
            let hop = spans[span as usize].hop;
            let same_hop = above.filter(|row| spans[self.rows[*row as usize].span as usize].hop == hop);
            let row = same_hop.or_else(|| first_of_hop.get(&hop).copied()).or(above);
            // Its hop may lie below a closed span.
            let row = row.unwrap_or_default();
            self.shown_by[span as usize] = row;
            folded.entry(row).or_default().push(span);
            if let Some(shown) = self.rows.get_mut(row as usize) {
                shown.proxy_failed |= spans[span as usize].is_error;
            }
        }
        let mut counts: BTreeMap<u32, u32> = BTreeMap::new();
        for (span, _) in spans.iter().zip(&self.model.foldable).filter(|(_, foldable)| **foldable) {
            *counts.entry(span.hop).or_default() += 1;
        }
        for (hop, row) in first_of_hop {
            let proxies = |count: &u32| HopProxies { count: *count, open: self.folding.shows_proxies(hop) };
            self.rows[row as usize].proxies = counts.get(&hop).map(proxies);
        }
        folded
    }
}

#[cfg(test)]
mod tests;

//! Where the time of a trace went.

use crate::rows::span::SpanKind;

use super::forest::Forest;

/// A piece of the critical path, ns since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) span: usize,
    pub(super) from: i128,
    pub(super) to: i128,
}

/// For each span the part of it in which no child was at work, ns.
pub(super) fn self_times(forest: &Forest<'_>) -> Vec<u64> {
    let self_time = |span: usize| {
        let placed = &forest.spans[span];
        let (mut covered, mut at) = (0, placed.start());
        for child in forest.children(span).iter().map(|&child| &forest.spans[child]) {
            let (from, to) = (child.start().max(at), child.end().min(placed.end()));
            if from < to {
                covered += to - from;
                at = to;
            }
        }
        u64::try_from(i128::from(placed.duration_ns()) - covered).unwrap_or(0)
    };
    (0..forest.spans.len()).map(self_time).collect()
}

/// What decided how long the trace's main root took, from its start to its end: pieces that follow each other without a
/// gap. Seen from the end backwards, a span waited for the child that ended last before, which in turn waited for its own;
/// the rest is the span's own doing. A child that overlaps with one that ended later did not hold it up, and one that
/// outlives its parent was not waited for, unless it answers the parent's call: then a clock is wrong, or the caller gave
/// up.
pub(super) fn critical_path(forest: &Forest<'_>) -> Vec<Piece> {
    let Some(root) = forest.main_root() else { return Vec::new() };
    let mut pieces = Vec::new();
    let whole = [forest.spans[root].start(), forest.spans[root].end()];
    let mut path = vec![Frame::of(forest, root, whole)];
    while let Some(frame) = path.last_mut() {
        let before = frame.at;
        if let Some((child, window)) = frame.waited_for(forest) {
            pieces.push(Piece { span: frame.span, from: window[1], to: before });
            path.push(Frame::of(forest, child, window));
        } else {
            pieces.push(Piece { span: frame.span, from: frame.from, to: before });
            path.pop();
        }
    }
    pieces.retain(|piece| piece.from < piece.to);
    pieces.reverse();
    pieces.dedup_by(|next, piece| {
        let goes_on = next.span == piece.span;
        if goes_on {
            piece.to = next.to;
        }
        goes_on
    });
    pieces
}

/// A span on the way back along the critical path.
struct Frame {
    span: usize,
    /// Where its part of the path begins and ends.
    from: i128,
    to: i128,
    /// What is later is known already.
    at: i128,
    /// Children that it may have waited for, the one that ended last at the end.
    children: Vec<usize>,
}

impl Frame {
    fn of(forest: &Forest<'_>, span: usize, [from, to]: [i128; 2]) -> Self {
        let mut children: Vec<usize> = forest
            .children(span)
            .iter()
            .copied()
            .filter(|&child| is_waited_for(forest, span, child))
            .collect();
        let end = |child: usize| forest.spans[child].end().min(to);
        // Of those that end together the longest comes first.
        children.sort_by_key(|&child| (end(child), std::cmp::Reverse(forest.spans[child].start())));
        Self { span, from, to, at: to, children }
    }

    /// The child that ended last before, with its part of the path.
    fn waited_for(&mut self, forest: &Forest<'_>) -> Option<(usize, [i128; 2])> {
        while let Some(child) = self.children.pop() {
            let placed = &forest.spans[child];
            let end = placed.end().min(self.to);
            let (from, to) = (placed.start().max(self.from), end.min(self.at));
            // What overlaps by no more than clocks leave out did not overlap.
            if from < to && end <= self.at + placed.rounding_ns() {
                self.at = from;
                return Some((child, [from, to]));
            }
        }
        None
    }
}

/// Whether a span may have waited for its child.
fn is_waited_for(forest: &Forest<'_>, span: usize, child: usize) -> bool {
    let (parent, child) = (&forest.spans[span], &forest.spans[child]);
    let is_answer = parent.kind() == SpanKind::Client && child.kind() != SpanKind::Consumer;
    is_answer || child.end() <= parent.end() + child.rounding_ns()
}

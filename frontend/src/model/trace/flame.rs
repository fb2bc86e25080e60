//! The flame graph: every span below its parent, what runs at the same time below each other.

use std::collections::BTreeMap;

use super::timeline::Stretch;
use super::{TraceModel, end_of};

/// Lanes that are tried for a span before it is drawn over another. Bounds the work on traces that fan out wildly.
const TRIES: u32 = 120;
/// A box narrower than this share of the window is left out where another stands at its place already.
const NARROWEST: f64 = 0.0012;

/// The lane of every span.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Flame {
    /// The spans of each lane, by their start.
    pub(crate) lanes: Vec<Vec<u32>>,
    lane_of: Vec<u32>,
}

/// A span as it is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct FlameBox {
    /// The span.
    pub(crate) span: u32,
    /// Its lane, 0 at the top.
    pub(crate) lane: u32,
    /// Where it starts, as a share of the window.
    pub(crate) from: f64,
    /// Where it ends.
    pub(crate) to: f64,
}

impl Flame {
    /// Gives each span the highest lane below its parent that is free while it runs.
    pub(crate) fn of(model: &TraceModel) -> Self {
        let mut taken: Vec<BTreeMap<i64, (i64, u32)>> = Vec::new();
        let mut lane_of = vec![0; model.order.len()];
        for at in &model.order {
            let Some(span) = model.span(*at) else { continue };
            let (from, to) = (span.offset_ns, end_of(span).max(span.offset_ns + 1));
            let first = model.parent(*at).map_or(0, |parent| lane_of[parent as usize] + 1);
            let is_free = |lane: &u32| {
                let before = taken.get(*lane as usize).and_then(|lane| lane.range(..to).next_back());
                before.is_none_or(|(_, (end, _))| *end <= from)
            };
            let lane = (first..first + TRIES).find(is_free).unwrap_or(first + TRIES);
            if taken.len() <= lane as usize {
                taken.resize(lane as usize + 1, BTreeMap::new());
            }
            taken[lane as usize].insert(from, (to, *at));
            lane_of[*at as usize] = lane;
        }
        let mut lanes = vec![Vec::new(); taken.len()];
        let mut by_start = model.order.clone();
        by_start.sort_by_key(|at| model.span(*at).map(|span| span.offset_ns));
        for at in by_start {
            lanes[lane_of[at as usize] as usize].push(at);
        }
        Self { lanes, lane_of }
    }

    /// The lane of a span.
    pub(crate) fn lane(&self, span: u32) -> Option<u32> {
        self.lane_of.get(span as usize).copied()
    }

    /// What is drawn of some lanes in a window of time. Spans too narrow to be told apart are drawn once.
    pub(crate) fn boxes(
        &self,
        model: &TraceModel,
        lanes: std::ops::Range<usize>,
        window: Stretch,
    ) -> Vec<FlameBox> {
        let mut boxes: Vec<FlameBox> = Vec::new();
        for lane in lanes.start..lanes.end.min(self.lanes.len()) {
            let mut drawn_to = -1.0;
            for at in &self.lanes[lane] {
                let Some(span) = model.span(*at) else { continue };
                let Some((from, to)) = window.seen(span.offset_ns, span.duration_ns) else { continue };
                if to - from < NARROWEST && to <= drawn_to {
                    continue;
                }
                drawn_to = from.max(drawn_to) + (to - from).max(NARROWEST);
                boxes.push(FlameBox { span: *at, lane: lane as u32, from, to });
            }
        }
        boxes
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::trace;
    use super::*;

    #[test]
    fn what_runs_at_once_stands_below_each_other() {
        let model = trace("a SERVER 0+10\n b CLIENT 1+3\n  c SERVER 2+1\n d CLIENT 2+5\n e CLIENT 8+1");
        let flame = Flame::of(&model);
        let lanes: Vec<_> = (0..5).map(|at| flame.lane(at).unwrap()).collect();
        assert_eq!(lanes, [0, 1, 2, 3, 1]);
    }

    #[test]
    fn no_box_lies_over_another_and_children_stand_below() {
        let model =
            trace("a SERVER 0+9\n b CLIENT 0+9\n b CLIENT 0+9\n  c CLIENT 3+2\n b CLIENT 9+0\nz SERVER 0+1");
        let flame = Flame::of(&model);
        for (at, span) in model.trace.spans.iter().enumerate() {
            let lane = flame.lane(at as u32).unwrap();
            assert!(span.parent.is_none_or(|parent| flame.lane(parent).unwrap() < lane));
            for (other, of) in model.trace.spans.iter().enumerate().filter(|(other, _)| *other != at) {
                let apart = end_of(of) <= span.offset_ns || end_of(span) <= of.offset_ns;
                assert!(apart || flame.lane(other as u32).unwrap() != lane, "{at} {other}");
            }
        }
    }

    #[test]
    fn spans_that_cannot_be_told_apart_are_drawn_once() {
        let lines: Vec<String> = (0..5_000).map(|at| format!(" b CLIENT {at}+1\n")).collect();
        let model = trace(&format!("a SERVER 0+5000\n{}", lines.concat()));
        let flame = Flame::of(&model);
        let whole = Stretch::whole(model.trace.duration_ns);
        assert!(flame.boxes(&model, 0..2, whole).len() < 1_000);
        let near = Stretch { from: 1.0005e9, to: 1.0095e9 };
        assert_eq!(flame.boxes(&model, 0..9, near).len(), 11, "the root and ten");
    }

    #[test]
    fn a_trace_that_fans_out_wildly_takes_bounded_work() {
        let lines: String = (0..2_000).map(|_| " b CLIENT 0+9\n").collect();
        let flame = Flame::of(&trace(&format!("a SERVER 0+9\n{lines}")));
        assert_eq!(flame.lanes.len(), TRIES as usize + 2);
    }
}

//! The latencies of both sides in steps that are as wide as each other, for whoever draws them.

use std::collections::BTreeMap;

use crate::api::canary::{LatencyShares, LatencyStep};
use crate::sketch::to_six_digits;

use super::traffic::Both;

/// Steps in which a latency doubles.
const EACH_DOUBLING: f64 = 8.0;

/// What part of its requests each side has in each step, by its bins with their requests, and by those that timed out. A bin
/// that lies in several steps counts in each by how much of it lies there. Nothing where a side has no requests.
pub(super) fn shares(bins: Both<Vec<(f64, f64, f64)>>, never: Both<f64>) -> Option<LatencyShares> {
    let mut steps: BTreeMap<i64, Both<f64>> = BTreeMap::new();
    let mut totals = never;
    for (side, bins) in bins.into_iter().enumerate() {
        for (low, high, requests) in bins {
            totals[side] += requests;
            spread((low, high), |step, part| steps.entry(step).or_default()[side] += part * requests);
        }
    }
    if totals.iter().any(|total| *total <= 0.0) {
        return None;
    }
    let (first, last) = (*steps.keys().next()?, *steps.keys().next_back()?);
    let steps = (first..=last).map(|step| {
        let of = |side: usize| six(steps.get(&step).map_or(0.0, |both| both[side]) / totals[side]);
        LatencyStep { low_ms: bound(step), high_ms: bound(step + 1), baseline: of(0), candidate: of(1) }
    });
    let timed_out = |side: usize| six(never[side] / totals[side]);
    Some(LatencyShares {
        steps: steps.collect(),
        baseline_timeouts: timed_out(0),
        candidate_timeouts: timed_out(1),
    })
}

/// Calls `take` with each step that a bin lies in, and how much of the bin that is.
fn spread((low, high): (f64, f64), mut take: impl FnMut(i64, f64)) {
    // A bin without a lower or upper bound is drawn as one doubling.
    let high = if high.is_finite() { high } else { 2.0 * low };
    let low = if low > 0.0 { low } else { high / 2.0 };
    let place = |ms: f64| ms.max(f64::MIN_POSITIVE).log2() * EACH_DOUBLING;
    let (from, to) = (place(low), place(high));
    let (first, last) = (from.floor() as i64, (to - 1e-9).floor() as i64);
    if last <= first {
        return take(first, 1.0);
    }
    for step in first..=last {
        let inside = (to.min((step + 1) as f64) - from.max(step as f64)).max(0.0);
        take(step, inside / (to - from));
    }
}

fn bound(step: i64) -> f64 {
    six((step as f64 / EACH_DOUBLING).exp2())
}

/// With six digits, which are enough for a drawing.
fn six(value: f64) -> f64 {
    to_six_digits(value, f64::round)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_each_side_are_one_together() {
        let one = vec![(0.0, 1.0, 3.0), (1.0, 2.0, 5.0), (10.0, 10.1, 2.0)];
        let other = vec![(3.0, 700.0, 9.0), (1_000.0, f64::INFINITY, 1.0)];
        let shares = shares([one, other], [0.0, 10.0]).unwrap();
        let sum = |of: fn(&LatencyStep) -> f64| shares.steps.iter().map(of).sum::<f64>();
        assert!((sum(|step| step.baseline) - 1.0).abs() < 1e-4, "{shares:?}");
        assert!((sum(|step| step.candidate) - 0.5).abs() < 1e-4, "{shares:?}");
        assert!(shares.baseline_timeouts < 1e-9 && (shares.candidate_timeouts - 0.5).abs() < 1e-4);
        let follows = |two: &[LatencyStep]| (two[0].high_ms - two[1].low_ms).abs() < 1e-12;
        assert!(shares.steps.windows(2).all(follows), "{shares:?}");
        let at_ten = shares.steps.iter().find(|step| step.low_ms <= 10.0 && step.high_ms > 10.0);
        assert!(at_ten.is_some_and(|step| (step.baseline - 0.2).abs() < 1e-4), "{shares:?}");
    }

    #[test]
    fn nothing_is_drawn_of_a_side_without_requests() {
        assert_eq!(shares([vec![(1.0, 2.0, 1.0)], Vec::new()], [0.0; 2]), None);
        assert_eq!(shares([Vec::new(), Vec::new()], [0.0; 2]), None);
    }
}

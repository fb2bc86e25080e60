//! What both sides did, step by step: by route and caller, and put together so that the sides can be compared.

use std::collections::BTreeMap;

use crate::api::canary::LatencyShares;
use crate::sketch::{Bins, Scheme};

use super::errors::Trials;
use super::latency::{Bin, Distribution};
use super::shares::shares;

/// What one side did in a step, along one route and for one caller.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Side {
    /// Finished requests.
    pub requests: i64,
    /// Those that failed.
    pub errors: i64,
    /// Requests that timed out and are not in [`Self::latency`].
    pub never: i64,
    /// How long requests took.
    pub latency: Bins,
}

impl Side {
    /// Adds another.
    pub fn add(&mut self, other: &Self) {
        self.requests = self.requests.saturating_add(other.requests);
        self.errors = self.errors.saturating_add(other.errors);
        self.never = self.never.saturating_add(other.never);
        self.latency.merge(&other.latency, 1);
    }

    fn requests(&self) -> f64 {
        self.requests.max(0) as f64
    }

    fn errors(&self) -> f64 {
        self.errors.clamp(0, self.requests.max(0)) as f64
    }
}

/// The two sides: the baseline first.
pub type Both<T> = [T; 2];

/// Requests on either side from which on a block is compared.
const ENOUGH: i64 = 20;
/// Steps after which it is in any case, where neither side is without.
const LONGEST: usize = 30;

/// Cuts the steps of one route and caller into blocks: long enough for the split of traffic to be known, short enough for it
/// to stay the same. Where a cut is depends on how many requests there were, and not on how they went.
#[derive(Clone, Debug, Default)]
pub(super) struct Blocks {
    open: Both<Side>,
    steps: usize,
}

impl Blocks {
    /// Adds a step; a block that is complete by that.
    pub(super) fn push(&mut self, step: &Both<Side>) -> Option<Both<Side>> {
        for (open, side) in self.open.iter_mut().zip(step) {
            open.add(side);
        }
        self.steps += 1;
        let least = self.open.iter().map(|side| side.requests).min().unwrap_or(0);
        if least >= ENOUGH || least > 0 && self.steps >= LONGEST {
            self.steps = 0;
            return Some(std::mem::take(&mut self.open));
        }
        if self.steps >= LONGEST {
            // Nothing on one side that the other could be compared with.
            *self = Self::default();
        }
        None
    }
}

/// Requests and failures of a block.
pub(super) fn trials([baseline, candidate]: &Both<Side>) -> Trials {
    Trials {
        baseline: baseline.requests(),
        baseline_errors: baseline.errors(),
        candidate: candidate.requests(),
        candidate_errors: candidate.errors(),
    }
}

/// The latencies of both sides, of blocks that may differ in their split of traffic.
///
/// A slow hour in which the candidate had more traffic than at other times would make it look slow. So of each block both
/// sides count in the same proportion, as if the split had been the same all the time: where one side has more than that,
/// its requests count as less than one each.
#[derive(Clone, Debug)]
pub(super) struct Latencies {
    scheme: Scheme,
    blocks: Vec<Both<Counted>>,
    /// Requests of all blocks.
    requests: Both<f64>,
    /// Requests of the candidate for each of the baseline, as was last assumed, and what follows from it.
    split: f64,
    sums: Both<BTreeMap<i16, f64>>,
    never: Both<f64>,
}

/// What counts of a block.
#[derive(Clone, Debug, Default)]
struct Counted {
    bins: Vec<(i16, f64)>,
    never: f64,
    /// With all whose latency is known.
    total: f64,
}

/// How far the split may move away from what was assumed.
const MOVES: f64 = 0.1;

impl Latencies {
    pub(super) fn new(scheme: Scheme) -> Self {
        Self {
            scheme,
            blocks: Vec::new(),
            requests: [0.0; 2],
            split: 1.0,
            sums: Default::default(),
            never: [0.0; 2],
        }
    }

    pub(super) fn push(&mut self, block: &Both<Side>) {
        let counted = block.each_ref().map(|side| {
            let bins: Vec<(i16, f64)> =
                side.latency.iter().filter(|one| one.1 > 0).map(|(bin, count)| (bin, count as f64)).collect();
            let never = side.never.max(0) as f64;
            let total = never + bins.iter().map(|one| one.1).sum::<f64>();
            Counted { bins, never, total }
        });
        if counted.iter().any(|side| side.total <= 0.0) {
            return;
        }
        for (sum, side) in self.requests.iter_mut().zip(&counted) {
            *sum += side.total;
        }
        let split = self.requests[1] / self.requests[0];
        if (split / self.split - 1.0).abs() > MOVES {
            self.split = split;
            self.sums = Default::default();
            self.never = [0.0; 2];
            for block in &self.blocks {
                add(block, split, &mut self.sums, &mut self.never);
            }
        }
        add(&counted, self.split, &mut self.sums, &mut self.never);
        self.blocks.push(counted);
    }

    /// The same for whoever draws them.
    pub(super) fn shares(&self) -> Option<LatencyShares> {
        let bins = self.sums.each_ref().map(|sums| {
            let bin = |(&bin, &requests): (&i16, &f64)| {
                let (low_ms, high_ms) = self.scheme.bounds_ms(bin);
                (low_ms, high_ms, requests)
            };
            sums.iter().map(bin).collect()
        });
        shares(bins, self.never)
    }

    /// The latencies of both sides.
    pub(super) fn distributions(&self) -> Both<Distribution> {
        std::array::from_fn(|side| {
            let bins = self.sums[side].iter().map(|(&bin, &requests)| {
                let (low_ms, high_ms) = self.scheme.bounds_ms(bin);
                (low_ms, high_ms, requests)
            });
            let never: Bin = (f64::INFINITY, f64::INFINITY, self.never[side]);
            Distribution::new(bins.chain([never]))
        })
    }
}

fn add(block: &Both<Counted>, split: f64, sums: &mut Both<BTreeMap<i16, f64>>, never: &mut Both<f64>) {
    let [baseline, candidate] = block.each_ref().map(|side| side.total);
    let weights = [(candidate / (split * baseline)).min(1.0), (split * baseline / candidate).min(1.0)];
    for side in 0..2 {
        for &(bin, count) in &block[side].bins {
            *sums[side].entry(bin).or_default() += weights[side] * count;
        }
        never[side] += weights[side] * block[side].never;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(requests: i64, bin: i16) -> Side {
        Side { requests, latency: Bins::from_iter([(bin, requests)]), ..Side::default() }
    }

    #[test]
    fn a_block_waits_for_both_sides() {
        let mut blocks = Blocks::default();
        assert_eq!(blocks.push(&[side(100, 1), side(10, 1)]), None);
        let [baseline, candidate] = blocks.push(&[side(100, 1), side(10, 1)]).unwrap();
        assert_eq!((baseline.requests, candidate.requests), (200, 20));
        assert_eq!(blocks.push(&[side(19, 1), side(0, 1)]), None, "begun anew");
        for _ in 2..LONGEST {
            assert_eq!(blocks.push(&[side(0, 1), side(0, 1)]), None);
        }
        assert!(blocks.push(&[side(0, 1), side(1, 1)]).is_some(), "few, after long");
    }

    #[test]
    fn what_one_side_does_alone_is_not_compared() {
        let mut blocks = Blocks::default();
        for _ in 0..10 * LONGEST {
            assert_eq!(blocks.push(&[side(100, 1), Side::default()]), None);
        }
        let [baseline, _] = blocks.push(&[side(30, 1), side(30, 1)]).unwrap();
        assert!(baseline.requests < 100 * LONGEST as i64, "{}", baseline.requests);
    }

    #[test]
    fn a_slow_time_with_more_of_one_side_makes_neither_slower() {
        let mut latencies = Latencies::new(Scheme::Log);
        for _ in 0..10 {
            latencies.push(&[side(900, 100), side(100, 100)]);
        }
        for _ in 0..10 {
            latencies.push(&[side(500, 800), side(500, 800)]);
        }
        let [baseline, candidate] = latencies.distributions();
        let share = |side: &Distribution| side.quantile(0.5);
        assert_eq!(share(&baseline), share(&candidate));
        let slow = |sums: &BTreeMap<i16, f64>| sums[&800] / (sums[&100] + sums[&800]);
        assert!((slow(&latencies.sums[0]) - slow(&latencies.sums[1])).abs() < 1e-9);
    }
}

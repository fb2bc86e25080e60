//! What Flagger would say: each minute the candidate alone against fixed thresholds, and back after five misses.
//!
//! Its thresholds are as good as they can be here: those of the real baseline plus the same margins that Sidecarta judges by.

use sidecarta_queries::api::policy::{Margin, Policy};
use sidecarta_queries::canary::{Both, Side};
use sidecarta_queries::sketch::Scheme;

use super::STEP_S;
use super::traffic::Scenario;

const INTERVAL_S: i64 = 60;
const THRESHOLD: u32 = 5;

#[derive(Debug)]
pub(super) struct Flagger {
    most_errors: f64,
    most_ms: f64,
    interval: Side,
    missed: u32,
}

impl Flagger {
    pub(super) fn new(scenario: &Scenario, policy: &Policy) -> Self {
        let of = |margin: Margin, value: f64| match margin {
            Margin::Absolute(absolute) => value + absolute,
            Margin::Relative(part) => value * (1.0 + part),
        };
        let latency = policy.latency.last().map_or(Margin::Relative(0.0), |latency| latency.margin);
        Self {
            most_errors: of(policy.errors.margin, scenario.errors),
            most_ms: of(latency, scenario.p99_ms()),
            interval: Side::default(),
            missed: 0,
        }
    }

    pub(super) fn push(&mut self, [_, candidate]: &Both<Side>) {
        self.interval.add(candidate);
    }

    pub(super) fn fails(&mut self, now_s: i64) -> bool {
        debug_assert_eq!(now_s % STEP_S, 0, "asked after each step");
        if now_s % INTERVAL_S != 0 {
            return false;
        }
        let told = std::mem::take(&mut self.interval);
        // No value counts as a miss.
        let errors =
            if told.requests > 0 { told.errors as f64 / told.requests as f64 } else { f64::INFINITY };
        let is_missed = errors > self.most_errors || p99_ms(&told).is_none_or(|ms| ms > self.most_ms);
        self.missed += u32::from(is_missed);
        self.missed >= THRESHOLD
    }
}

/// The 99th percentile of a side, ms.
pub(super) fn p99_ms(side: &Side) -> Option<f64> {
    let total: i64 = side.latency.iter().map(|one| one.1).sum();
    let rank = (0.99 * total as f64).ceil() as i64;
    let mut so_far = 0;
    let bin = side.latency.iter().find(|one| {
        so_far += one.1;
        so_far >= rank
    })?;
    let (low_ms, high_ms) = Scheme::Log.bounds_ms(bin.0);
    Some(f64::midpoint(low_ms, high_ms))
}

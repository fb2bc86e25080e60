//! What Kayenta's judge would say: per metric a Mann-Whitney test over the values of each minute, a score over all metrics.
//!
//! Written after what Kayenta does, with its constants: a confidence of 0.98, and a shift that has to be larger than a quarter
//! of the estimated one. Analyses come every ten minutes over everything since the start, with metrics for errors and for
//! the 99th percentile that weigh the same, and a canary fails whose score is below the usual 75.

use sidecarta_queries::canary::{Both, Side};

use super::STEP_S;
use super::flagger::p99_ms;

const MINUTE_S: i64 = 60;
const ANALYSIS_S: i64 = 600;
const MARGINAL: f64 = 75.0;
/// Of a confidence of 0.98, on both sides.
const Z: f64 = 2.326;
const TOLERANCE: f64 = 0.25;

#[derive(Debug, Default)]
pub(super) struct Kayenta {
    minute: Both<Side>,
    steps: i64,
    errors: Both<Vec<f64>>,
    p99: Both<Vec<f64>>,
}

impl Kayenta {
    pub(super) fn push(&mut self, step: &Both<Side>) {
        self.steps += 1;
        for (minute, side) in self.minute.iter_mut().zip(step) {
            minute.add(side);
        }
        if self.steps * STEP_S % MINUTE_S != 0 {
            return;
        }
        for (side, told) in std::mem::take(&mut self.minute).iter().enumerate() {
            // A minute without requests has no value.
            if told.requests > 0 {
                self.errors[side].push(told.errors as f64 / told.requests as f64);
                self.p99[side].extend(p99_ms(told));
            }
        }
    }

    pub(super) fn fails(&self, now_s: i64) -> bool {
        if now_s % ANALYSIS_S != 0 {
            return false;
        }
        let metrics = [&self.errors, &self.p99];
        let passed = metrics.iter().filter(|values| !is_high(&values[1], &values[0])).count();
        100.0 * passed as f64 / (metrics.len() as f64) < MARGINAL
    }
}

/// Whether the values of the experiment are higher than those of the control.
fn is_high(experiment: &[f64], control: &[f64]) -> bool {
    if experiment.is_empty() || control.is_empty() {
        return false;
    }
    let mut sorted = [experiment.to_vec(), control.to_vec()];
    for values in &mut sorted {
        values.sort_by(f64::total_cmp);
    }
    if sorted[0] == sorted[1] {
        return false;
    }
    let mut shifts: Vec<f64> =
        experiment.iter().flat_map(|one| control.iter().map(move |other| one - other)).collect();
    shifts.sort_by(f64::total_cmp);
    let (n, m) = (experiment.len() as f64, control.len() as f64);
    let half = Z * (n * m * (n + m + 1.0) / 12.0).sqrt() + 0.5;
    let lowest = (n * m / 2.0 - half).floor();
    if lowest < 0.0 {
        return false;
    }
    let estimate = shifts[shifts.len() / 2];
    shifts[lowest as usize] > TOLERANCE * estimate.abs()
}

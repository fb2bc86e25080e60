//! What the judge tells: each check, and each route, in the words of the API.

use crate::api::canary::{Check, Interval, Look, Outcome, RouteCheck, RouteVerdict, SideSummary, Unit};
use crate::api::policy::{LatencyPolicy, Margin};
use crate::canary::errors::{Claim, Trials};
use crate::canary::latency::{Distribution, QuantileTest};
use crate::canary::sentence::quantile_name;
use crate::canary::traffic::Both;
use crate::sketch::to_six_digits;

use super::{Finding, Judge, Pile, refuted, slower};

impl Judge {
    pub(super) fn check(
        &self,
        check: usize,
        finding: &Finding,
        both: &Both<Distribution>,
        at: &impl Fn(usize) -> String,
    ) -> Check {
        let part = self.part(check, &self.whole, both, self.alpha);
        let history = self.history.iter().map(|(steps, seen)| Look {
            at: at(*steps),
            difference: seen[check].0,
            interval: seen[check].1,
        });
        let needed = finding.passes.into_iter().chain(finding.fails).reduce(f64::min);
        let needed = needed.filter(|_| finding.result == Outcome::Insufficient);
        let base = Check {
            result: finding.result,
            muted: self.is_muted(check),
            baseline: part.baseline,
            candidate: part.candidate,
            difference: part.difference,
            interval: part.interval,
            confidence: 1.0 - self.alpha,
            needed_requests: needed.and_then(|times| self.needed(times)).map(|(requests, _)| requests),
            failed_at: self.failed[check].map(at),
            history: history.collect(),
            ..Check::default()
        };
        match check.checked_sub(1) {
            None => {
                let margin = self.policy.errors.margin;
                Check {
                    name: "errors".to_owned(),
                    unit: Unit::Share,
                    margin,
                    margin_difference: match margin {
                        Margin::Absolute(absolute) => absolute,
                        Margin::Relative(part) => six(part * base.baseline.value),
                    },
                    detectable: self.whole.detectable(self.enough()).map(six),
                    ..base
                }
            }
            Some(latency) => {
                let (policy, test) = &self.quantiles[latency];
                let (low, high) = test.ratio((&both[0], &both[1]), self.alpha);
                let has_any = both.iter().all(|side| side.total() > 0.0);
                Check {
                    name: quantile_name(policy.quantile),
                    unit: Unit::Ms,
                    ratio: has_any.then(|| interval(if low > 0.0 { low } else { f64::NEG_INFINITY }, high)),
                    margin: policy.margin,
                    margin_difference: margin_ms(policy, base.baseline.value),
                    ..base
                }
            }
        }
    }

    /// What a part of the traffic says about one check.
    fn part(&self, check: usize, pile: &Pile, both: &Both<Distribution>, alpha: f64) -> RouteCheck {
        let total = pile.errors.total();
        let side = |requests: f64, errors: f64| SideSummary {
            requests: requests as u64,
            errors: errors as u64,
            ..SideSummary::default()
        };
        let (baseline, candidate) =
            (side(total.baseline, total.baseline_errors), side(total.candidate, total.candidate_errors));
        match check.checked_sub(1) {
            None => {
                let rate = |side: SideSummary, value: f64| SideSummary {
                    value: six(value),
                    low: six(value),
                    high: Some(six(value)),
                    ..side
                };
                let (low, high) = pile.errors.interval(alpha);
                RouteCheck {
                    baseline: rate(baseline, total.baseline_rate()),
                    candidate: rate(candidate, total.candidate_rate()),
                    difference: six(pile.errors.difference()),
                    interval: share_interval(low, high),
                    ln_evidence: six(pile.errors.ln_evidence(Claim::NotWorse)),
                    ..RouteCheck::default()
                }
            }
            Some(latency) => {
                let test = &self.quantiles[latency].1;
                let value = |side: SideSummary, distribution: &Distribution| {
                    let (low, high) = distribution.quantile(test.quantile()).unwrap_or_default();
                    let finite = |bound: f64| Some(bound).filter(|bound| bound.is_finite()).map(six);
                    let value = middle((low, high));
                    SideSummary {
                        value: finite(value).unwrap_or_default(),
                        low: finite(low).unwrap_or_default(),
                        high: finite(high),
                        ..side
                    }
                };
                let (low, high) = test.difference_ms((&both[0], &both[1]), alpha);
                RouteCheck {
                    baseline: value(baseline, &both[0]),
                    candidate: value(candidate, &both[1]),
                    difference: six(difference_ms(test, both)),
                    interval: interval(low, high),
                    ..RouteCheck::default()
                }
            }
        }
    }

    /// Every route, the worst first, and whether one of them fails by each check.
    pub(super) fn routes(&self) -> (Vec<RouteVerdict>, Vec<bool>) {
        let count = self.strata.len();
        let both: Vec<Both<Distribution>> =
            self.strata.iter().map(|stratum| stratum.pile.latencies.distributions()).collect();
        let mut verdicts: Vec<RouteVerdict> = self
            .strata
            .iter()
            .map(|stratum| RouteVerdict {
                route: stratum.key.route.clone(),
                caller: stratum.key.caller.clone(),
                ..RouteVerdict::default()
            })
            .collect();
        let mut fails = Vec::new();
        for check in 0..self.failed.len() {
            let evidence = |at: usize, claim: Claim| {
                let stratum = &self.strata[at];
                match check.checked_sub(1) {
                    None => stratum.pile.errors.ln_evidence(claim),
                    Some(latency) => {
                        let (policy, test) = &self.quantiles[latency];
                        let slower = slower(stratum.latency.unwrap_or(policy.margin), policy.least_ms);
                        let enough = self.enough() + (count as f64).ln();
                        test.ln_evidence(claim, (&both[at][0], &both[at][1]), slower, (1.0, enough))
                    }
                }
            };
            let against: Vec<f64> = (0..count).map(|at| evidence(at, Claim::NotWorse)).collect();
            let failing = refuted(&against, self.alpha);
            let level = self.alpha * failing.max(1) as f64 / count as f64;
            for (at, verdict) in verdicts.iter_mut().enumerate() {
                let mut part = self.part(check, &self.strata[at].pile, &both[at], level);
                part.ln_evidence = six(against[at]);
                part.result = if failing > 0 && against[at] >= -level.ln() - 1e-9 {
                    Outcome::Fail
                } else if evidence(at, Claim::Worse) >= -level.ln() {
                    Outcome::Pass
                } else {
                    Outcome::Insufficient
                };
                verdict.checks.push(part);
            }
            fails.push(failing > 0 && count > 1);
        }
        for verdict in &mut verdicts {
            let results = || verdict.checks.iter().enumerate().filter(|one| !self.is_muted(one.0));
            verdict.result = if results().any(|one| one.1.result == Outcome::Fail) {
                Outcome::Fail
            } else if results().all(|one| one.1.result == Outcome::Pass) {
                Outcome::Pass
            } else {
                Outcome::Insufficient
            };
        }
        let strongest = |verdict: &RouteVerdict| {
            verdict.checks.iter().map(|check| check.ln_evidence).fold(f64::NEG_INFINITY, f64::max)
        };
        verdicts.sort_by(|one, other| {
            strongest(other)
                .total_cmp(&strongest(one))
                .then_with(|| (&one.route, &one.caller).cmp(&(&other.route, &other.caller)))
        });
        (verdicts, fails)
    }
}

impl Pile {
    /// The smallest difference of error rates beyond the margin that as many requests would have shown.
    fn detectable(&self, enough: f64) -> Option<f64> {
        const STEPS: usize = 30;
        let total = *self.errors.total();
        if total.baseline <= 0.0 || total.candidate <= 0.0 {
            return None;
        }
        let shows = |excess: f64| {
            let rate = (total.baseline_rate() + excess).min(1.0);
            let mut test = self.errors.fresh();
            test.add(&Trials { candidate_errors: rate * total.candidate, ..total });
            test.ln_evidence(Claim::NotWorse) >= enough
        };
        let (mut low, mut high) = (0.0, 1.0 - total.baseline_rate());
        if !shows(high) {
            return None;
        }
        for _ in 0..STEPS {
            let middle = f64::midpoint(low, high);
            if shows(middle) {
                high = middle;
            } else {
                low = middle;
            }
        }
        Some(high)
    }
}

fn margin_ms(policy: &LatencyPolicy, baseline_ms: f64) -> f64 {
    let margin = match policy.margin {
        Margin::Absolute(ms) => ms,
        Margin::Relative(part) => part * baseline_ms,
    };
    six(margin.max(policy.least_ms))
}

pub(super) fn difference_ms(test: &QuantileTest, both: &Both<Distribution>) -> f64 {
    let [baseline, candidate] = both.each_ref().map(|side| side.quantile(test.quantile()).map(middle));
    match (baseline, candidate) {
        (Some(baseline), Some(candidate)) if baseline.is_finite() && candidate.is_finite() => {
            candidate - baseline
        }
        _ => 0.0,
    }
}

fn middle((low, high): (f64, f64)) -> f64 {
    if high.is_finite() { f64::midpoint(low, high) } else { low }
}

pub(super) fn interval(low: f64, high: f64) -> Interval {
    let bound = |bound: f64| Some(bound).filter(|bound| bound.is_finite()).map(six);
    Interval { low: bound(low), high: bound(high) }
}

/// A share is never less than nothing, nor more than all.
pub(super) fn share_interval(low: f64, high: f64) -> Interval {
    const ALL: f64 = 1.0 - 1e-9;
    Interval {
        low: Some(six(low)).filter(|low| *low > -ALL),
        high: Some(six(high)).filter(|high| *high < ALL),
    }
}

pub(super) fn six(value: f64) -> f64 {
    if value.is_finite() { to_six_digits(value.abs(), f64::round).copysign(value) } else { value }
}

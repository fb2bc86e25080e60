//! The judge: takes the steps of a comparison as they come, and can tell at any time what they come to.

mod told;

use crate::api::canary::{Check, Interval, LatencyShares, Outcome, RouteVerdict};
use crate::api::policy::{LatencyPolicy, Margin, Policy};
use crate::sketch::Scheme;

use super::errors::{Allowance, Claim, ErrorTest, Trials};
use super::latency::{Distribution, QuantileTest, Slower};
use super::traffic::{Blocks, Both, Latencies, Side, trials};
use told::{difference_ms, interval, share_interval, six};

/// Requests along one route and of one caller, which are compared among themselves alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StratumKey {
    /// Method and template.
    pub route: String,
    /// Node id of the caller, where known.
    pub caller: Option<String>,
}

/// Everything that is compared.
#[derive(Clone, Debug)]
pub struct Judge {
    policy: Policy,
    /// Chance of a mistake to either side, for each check that is not muted.
    alpha: f64,
    quantiles: Vec<(LatencyPolicy, QuantileTest)>,
    whole: Pile,
    strata: Vec<Stratum>,
    steps: usize,
    step_s: i64,
    /// Steps after which each check failed first.
    failed: Vec<Option<usize>>,
    history: Vec<(usize, Vec<(f64, Interval)>)>,
    /// How many times the history is looked at; none where nobody looks at it.
    looks: usize,
}

/// What is known of some requests.
#[derive(Clone, Debug)]
struct Pile {
    errors: ErrorTest,
    latencies: Latencies,
}

impl Pile {
    fn new(margin: Margin, scheme: Scheme) -> Self {
        Self { errors: ErrorTest::new(allowance(margin)), latencies: Latencies::new(scheme) }
    }

    fn push(&mut self, block: &Both<Side>) {
        self.errors.add(&trials(block));
        self.latencies.push(block);
    }
}

#[derive(Clone, Debug)]
struct Stratum {
    key: StratumKey,
    blocks: Blocks,
    pile: Pile,
    /// Of its own, where its route has one.
    latency: Option<Margin>,
}

/// What a check comes to.
#[derive(Clone, Debug)]
struct Finding {
    result: Outcome,
    /// How many times as much of the same traffic is needed for a pass.
    passes: Option<f64>,
    /// And for a failure.
    fails: Option<f64>,
}

/// More than so many times what there is, nobody waits for.
const MOST_TIMES: f64 = 1e3;

impl Judge {
    /// Over these routes and callers, with bins of one scheme and steps of so many seconds. What the policy ignores is for
    /// whoever calls to leave out.
    pub fn new(policy: &Policy, strata: Vec<StratumKey>, (scheme, step_s): (Scheme, i64)) -> Self {
        let policy = &of_one_route(policy, &strata);
        let told = 1 + policy.latency.iter().filter(|latency| !latency.muted).count()
            - usize::from(policy.errors.muted && policy.latency.iter().any(|latency| !latency.muted));
        let strata: Vec<Stratum> = strata
            .into_iter()
            .map(|key| {
                let own = policy.route(&key.route);
                let errors = own.and_then(|own| own.errors).unwrap_or(policy.errors.margin);
                let latency = own.and_then(|own| own.latency);
                Stratum { key, blocks: Blocks::default(), pile: Pile::new(errors, scheme), latency }
            })
            .collect();
        // Half of the chance of a mistake is for the whole, half for its parts, where there are any.
        let parts = if strata.len() > 1 { 2.0 } else { 1.0 };
        Self {
            alpha: (1.0 - policy.confidence) / told as f64 / parts,
            quantiles: policy.latency.iter().map(|one| (*one, QuantileTest::new(one.quantile))).collect(),
            whole: Pile::new(policy.errors.margin, scheme),
            strata,
            steps: 0,
            step_s,
            failed: vec![None; 1 + policy.latency.len()],
            history: Vec::new(),
            looks: 0,
            policy: policy.clone(),
        }
    }

    /// The same, that keeps what it found at up to so many times of `steps` steps.
    #[must_use]
    pub fn with_history(self, looks: usize, steps: usize) -> Self {
        Self { looks: steps.div_ceil(looks.max(1)).max(1), ..self }
    }

    /// Takes the next step, of each route and caller in the order given, and looks at what it says.
    pub fn push(&mut self, step: &[Both<Side>]) {
        self.steps += 1;
        let mut is_new = false;
        for (stratum, sides) in self.strata.iter_mut().zip(step) {
            if let Some(block) = stratum.blocks.push(sides) {
                stratum.pile.push(&block);
                self.whole.push(&block);
                is_new = true;
            }
        }
        if !is_new {
            return;
        }
        let distributions = self.whole.latencies.distributions();
        for check in 0..self.failed.len() {
            if self.failed[check].is_none() && self.fails_by_now(check, &distributions) {
                self.failed[check] = Some(self.steps);
            }
        }
        if self.looks > 0 && self.history.last().is_none_or(|last| self.steps - last.0 >= self.looks) {
            self.look();
        }
    }

    /// Whether everything is decided, so that nobody needs to go on.
    pub fn has_failed(&self) -> bool {
        self.failed.iter().enumerate().any(|(check, failed)| failed.is_some() && !self.is_muted(check))
    }

    /// Whether each check that counts is passed by now.
    pub fn has_passed(&self) -> bool {
        let distributions = self.whole.latencies.distributions();
        self.has_least()
            && !self.has_failed()
            && (0..self.failed.len())
                .all(|check| self.is_muted(check) || self.refutes(check, Claim::Worse, &distributions, 1.0))
    }

    /// Requests and failures that were compared.
    pub fn total(&self) -> &Trials {
        self.whole.errors.total()
    }

    /// Seconds that were compared.
    pub fn seconds(&self) -> i64 {
        self.steps as i64 * self.step_s
    }

    fn has_least(&self) -> bool {
        let total = self.total();
        self.seconds() >= i64::from(self.policy.least_s)
            && total.baseline.min(total.candidate) >= self.policy.least_requests as f64
    }

    fn is_muted(&self, check: usize) -> bool {
        match check.checked_sub(1) {
            None => self.policy.errors.muted,
            Some(latency) => self.policy.latency[latency].muted,
        }
    }

    fn enough(&self) -> f64 {
        -self.alpha.ln()
    }

    /// Whether everything together refutes a claim, had there been `times` as much of it.
    fn refutes(&self, check: usize, claim: Claim, both: &Both<Distribution>, times: f64) -> bool {
        match check.checked_sub(1) {
            None => self.whole.errors.ln_evidence_after(claim, times) >= self.enough(),
            Some(latency) => {
                let (policy, test) = &self.quantiles[latency];
                let slower = slower(policy.margin, policy.least_ms);
                test.refutes(claim, (&both[0], &both[1]), slower, (times, self.enough()))
            }
        }
    }

    fn fails_by_now(&self, check: usize, both: &Both<Distribution>) -> bool {
        if self.refutes(check, Claim::NotWorse, both, 1.0) {
            return true;
        }
        // The routes' latencies are looked at in the end.
        check == 0 && self.strata.len() > 1 && {
            let evidence: Vec<f64> =
                self.strata.iter().map(|one| one.pile.errors.ln_evidence(Claim::NotWorse)).collect();
            refuted(&evidence, self.alpha) > 0
        }
    }

    fn look(&mut self) {
        let both = self.whole.latencies.distributions();
        let seen = (0..self.failed.len()).map(|check| match check.checked_sub(1) {
            None => {
                let (low, high) = self.whole.errors.interval(self.alpha);
                (six(self.whole.errors.difference()), share_interval(low, high))
            }
            Some(latency) => {
                let test = &self.quantiles[latency].1;
                let (low, high) = test.difference_ms((&both[0], &both[1]), self.alpha);
                (six(difference_ms(test, &both)), interval(low, high))
            }
        });
        let seen = seen.collect();
        self.history.push((self.steps, seen));
    }

    /// What all steps so far come to: one check after the other, and the routes with the worst first. `at` tells the time
    /// after so many steps.
    pub fn finish(mut self, at: impl Fn(usize) -> String) -> Judged {
        let both = self.whole.latencies.distributions();
        let (routes, failing) = self.routes();
        for (failed, failing) in self.failed.iter_mut().zip(failing) {
            if failing {
                failed.get_or_insert(self.steps);
            }
        }
        if self.looks > 0 && self.steps > 0 {
            if self.history.last().is_some_and(|last| last.0 == self.steps) {
                self.history.pop();
            }
            self.look();
        }
        let findings: Vec<Finding> = (0..self.failed.len()).map(|check| self.finding(check, &both)).collect();
        let checks = (0..self.failed.len()).map(|check| self.check(check, &findings[check], &both, &at));
        let checks: Vec<Check> = checks.collect();
        let counts = |check: &usize| !self.is_muted(*check);
        let has_failed =
            (0..checks.len()).filter(counts).any(|check| findings[check].result == Outcome::Fail);
        let all_pass = (0..checks.len()).filter(counts).all(|check| findings[check].result == Outcome::Pass);
        // One check is enough for a failure; a pass takes all.
        let decides = || (0..checks.len()).filter(counts);
        let fails = decides().filter_map(|check| findings[check].fails).reduce(f64::min);
        let passes = decides().map(|check| findings[check].passes).collect::<Option<Vec<f64>>>();
        let passes = passes.and_then(|all| all.into_iter().reduce(f64::max));
        let times = fails.into_iter().chain(passes).reduce(f64::min);
        let result = match (has_failed, all_pass && self.has_least()) {
            (true, _) => Outcome::Fail,
            (false, true) => Outcome::Pass,
            (false, false) => Outcome::Insufficient,
        };
        let needed = times.filter(|_| result == Outcome::Insufficient).and_then(|times| self.needed(times));
        let (total, excess) = (*self.total(), self.whole.errors.excess());
        let latency = self.whole.latencies.shares();
        Judged { result, checks, routes, latency, needed, total, excess, seconds: self.seconds() }
    }

    /// More requests to the candidate, and seconds that they take, until there is so many times what there is by now.
    fn needed(&self, times: f64) -> Option<(u64, u64)> {
        let total = self.total();
        if total.candidate <= 0.0 || total.baseline <= 0.0 || self.steps == 0 {
            return None;
        }
        let least = self.policy.least_requests as f64 / total.candidate.min(total.baseline);
        let seconds = self.seconds() as f64;
        let times = times.max(least).max(f64::from(self.policy.least_s) / seconds);
        let more = times - 1.0;
        Some(((more * total.candidate).ceil() as u64, (more * seconds).ceil() as u64))
    }

    fn finding(&self, check: usize, both: &Both<Distribution>) -> Finding {
        let reaches = |claim: Claim, times: f64| self.refutes(check, claim, both, times);
        let (result, passes, fails) = if self.failed[check].is_some() {
            (Outcome::Fail, None, Some(1.0))
        } else if reaches(Claim::Worse, 1.0) {
            (Outcome::Pass, Some(1.0), None)
        } else {
            let first = |claim: Claim| first_reached(|times| reaches(claim, times));
            (Outcome::Insufficient, first(Claim::Worse), first(Claim::NotWorse))
        };
        Finding { result, passes, fails }
    }
}

/// What a comparison came to, but for its guards.
#[derive(Clone, Debug)]
pub struct Judged {
    /// In one word.
    pub result: Outcome,
    /// Error rate and quantiles.
    pub checks: Vec<Check>,
    /// Route by route, the worst first.
    pub routes: Vec<RouteVerdict>,
    /// How long requests of both sides took.
    pub latency: Option<LatencyShares>,
    /// More requests to the candidate that are needed, and the seconds they take.
    pub needed: Option<(u64, u64)>,
    /// What was compared.
    pub total: Trials,
    /// Failures of the candidate beyond those that the baseline would have had in its place.
    pub excess: f64,
    /// Over how long.
    pub seconds: i64,
}

/// How many of several claims are refuted, where of those that are, a part of `alpha` at most is wrongly so, on average: the
/// e-BH procedure of Wang and Ramdas. None is, if all claims are true, but for a chance of `alpha`, however often one looks.
fn refuted(ln_evidence: &[f64], alpha: f64) -> usize {
    let mut sorted = ln_evidence.to_vec();
    sorted.sort_by(|one, other| other.total_cmp(one));
    let claims = sorted.len() as f64;
    let reaches = |(at, ln): (usize, &f64)| *ln >= (claims / ((at + 1) as f64 * alpha)).ln();
    sorted.iter().enumerate().rposition(reaches).map_or(0, |last| last + 1)
}

/// The least multiple of what there is at which something is reached.
fn first_reached(reaches: impl Fn(f64) -> bool) -> Option<f64> {
    const STEPS: usize = 12;
    if !reaches(MOST_TIMES) {
        return None;
    }
    let (mut low, mut high) = (0.0, MOST_TIMES.ln());
    for _ in 0..STEPS {
        let middle = f64::midpoint(low, high);
        if reaches(middle.exp()) {
            high = middle;
        } else {
            low = middle;
        }
    }
    Some(high.exp())
}

/// A policy under which the margins of a route hold for everything, where it is all that there is.
fn of_one_route(policy: &Policy, strata: &[StratumKey]) -> Policy {
    let mut policy = policy.clone();
    let [only] = strata else { return policy };
    let Some(own) = policy.route(&only.route).cloned() else { return policy };
    policy.errors.margin = own.errors.unwrap_or(policy.errors.margin);
    for latency in &mut policy.latency {
        latency.margin = own.latency.unwrap_or(latency.margin);
    }
    policy
}

fn allowance(margin: Margin) -> Allowance {
    match margin {
        Margin::Absolute(absolute) => Allowance::Absolute(absolute),
        Margin::Relative(part) => Allowance::Relative(part),
    }
}

fn slower(margin: Margin, least_ms: f64) -> Slower {
    match margin {
        Margin::Absolute(ms) => Slower { factor: 1.0, plus_ms: ms, least_ms },
        Margin::Relative(part) => Slower { factor: 1.0 + part, plus_ms: 0.0, least_ms },
    }
}

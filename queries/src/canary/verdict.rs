//! A verdict on what the store holds.

use jiff::Timestamp;

use crate::api::canary::{Guard, Interval, Outcome, Traffic, Verdict};
use crate::api::policy::{NoTraffic, Policy};
use crate::graph::{ErrorRules, IdentityRules, Sides, SidesQuestion, sides};
use crate::store::{Store, StoreError, TimeRange};

use super::guards::{Scene, guards, share_interval};
use super::judge::{Judge, Judged, StratumKey};
use super::sentence::summary;
use super::traffic::{Both, Side};

/// What is to be judged.
#[derive(Clone, Debug, PartialEq)]
pub struct CanaryQuestion {
    /// Name or node id of the service.
    pub service: String,
    /// The version that is known.
    pub baseline: String,
    /// The version that is judged.
    pub candidate: String,
    /// When.
    pub range: TimeRange,
    /// When the baseline is looked at, where that is at another time: its end. As long as the range.
    pub baseline_until_s: Option<i64>,
    /// By what it is judged.
    pub policy: Policy,
    /// Whether nobody waits for more.
    pub is_final: bool,
    /// The time now, seconds since 1970.
    pub now_s: i64,
}

/// Spans, log lines and counters come this late, seconds. What is younger is not looked at: the two sides may be late
/// differently.
pub const LATE_S: i64 = 20;
/// How far before the range one looks for the candidate's first request, seconds, at least.
const LOOK_BACK_S: i64 = 60;
/// Times at which the intervals are kept.
const LOOKS: usize = 40;

/// Judges. Blocks.
///
/// # Errors
/// Where the store cannot be read.
pub fn canary(
    store: &Store,
    rules: (&IdentityRules, &ErrorRules),
    question: &CanaryQuestion,
) -> Result<Verdict, StoreError> {
    let window = Window::of(question);
    let sides = sides(store, rules, &window.question(question))?;
    Ok(verdict(question, &window, &sides))
}

/// The verdict that somebody would have reached first who looks all the time and stops with it, and when that would have been,
/// seconds since 1970; where there would have been none, what is known in the end. Blocks.
///
/// # Errors
/// Where the store cannot be read.
pub(super) fn first_verdict(
    store: &Store,
    rules: (&IdentityRules, &ErrorRules),
    question: &CanaryQuestion,
) -> Result<(Verdict, Option<i64>), StoreError> {
    let window = Window::of(question);
    let sides = sides(store, rules, &window.question(question))?;
    let played = play(question, &window, &sides, |judge| judge.has_failed() || judge.has_passed());
    let to_s = played.start_s + played.judge.seconds();
    if to_s < window.to_s {
        let range = TimeRange { to_s, ..question.range };
        let then = canary(store, rules, &CanaryQuestion { range, is_final: false, ..question.clone() })?;
        // A guard may have held it.
        if then.result != Outcome::Insufficient {
            return Ok((then, Some(to_s)));
        }
    }
    let whole = verdict(question, &window, &sides);
    let decided_s = (whole.result != Outcome::Insufficient).then_some(window.to_s);
    Ok((whole, decided_s))
}

/// Which steps are looked at, and which of them are judged.
#[expect(clippy::struct_field_names, reason = "the unit is part of each name")]
struct Window {
    step_s: i64,
    /// Start of the first step that is read.
    begin_s: i64,
    /// Start of the first that may be judged.
    from_s: i64,
    to_s: i64,
}

impl Window {
    fn of(question: &CanaryQuestion) -> Self {
        let step_s = match question.range.seconds() {
            ..7_201 => 10,
            7_201..172_801 => 60,
            _ => 3_600,
        };
        let whole = |seconds: i64| seconds.div_euclid(step_s) * step_s;
        let to_s = whole(question.range.to_s.min(question.now_s - LATE_S));
        let from_s = whole(question.range.from_s).min(to_s);
        let back_s = i64::from(question.policy.warm_up_s).max(LOOK_BACK_S).max(step_s);
        Self { step_s, begin_s: whole(from_s - back_s), from_s, to_s }
    }

    fn question(&self, question: &CanaryQuestion) -> SidesQuestion {
        let range = TimeRange { from_s: self.begin_s, to_s: self.to_s };
        let baseline = question.baseline_until_s.map_or(range, |until_s| {
            let until_s = until_s.div_euclid(self.step_s) * self.step_s;
            TimeRange { from_s: until_s - range.seconds(), to_s: until_s }
        });
        SidesQuestion {
            service: question.service.clone(),
            versions: [question.baseline.clone(), question.candidate.clone()],
            ranges: [baseline, range],
            step_s: self.step_s,
            now_s: question.now_s,
        }
    }

    /// The first step that is judged: within the range, and after the candidate has warmed up.
    fn first_step(&self, question: &CanaryQuestion, sides: &Sides) -> usize {
        let in_range = usize::try_from((self.from_s - self.begin_s) / self.step_s).unwrap_or(0);
        let first = sides.by_step.iter().position(|both| both[1] > 0).unwrap_or(0);
        let warm_up = i64::from(question.policy.warm_up_s);
        let warm_up = usize::try_from((warm_up + self.step_s - 1) / self.step_s).unwrap_or(0);
        in_range.max(first + warm_up)
    }
}

fn verdict(question: &CanaryQuestion, window: &Window, sides: &Sides) -> Verdict {
    let Played { judge, start_s } = play(question, window, sides, |_| false);
    let judged = judge.finish(|steps| rfc3339(start_s + steps as i64 * window.step_s));
    put_together(question, window, sides, (judged, start_s))
}

/// A judge who has seen something.
struct Played {
    judge: Judge,
    /// Start of the first step that was seen, seconds since 1970.
    start_s: i64,
}

/// Shows a judge one step after the other, until it is enough.
fn play(
    question: &CanaryQuestion,
    window: &Window,
    sides: &Sides,
    is_enough: impl Fn(&Judge) -> bool,
) -> Played {
    let policy = &question.policy;
    let first = window.first_step(question, sides);
    let is_judged: Vec<bool> =
        sides.strata.iter().map(|key| policy.route(&key.route).is_none_or(|route| !route.ignored)).collect();
    let mut places = vec![None; sides.strata.len()];
    let mut keys: Vec<StratumKey> = Vec::new();
    for (number, key) in sides.strata.iter().enumerate().filter(|one| is_judged[one.0]) {
        places[number] = Some(keys.len());
        keys.push(key.clone());
    }
    let steps = sides.steps.saturating_sub(first);
    let mut judge = Judge::new(policy, keys, (sides.scheme(), window.step_s)).with_history(LOOKS, steps);
    let mut step: Vec<Both<Side>> = vec![Both::default(); places.iter().flatten().count()];
    let mut cells = sides.cells.iter().peekable();
    for at in 0..sides.steps {
        step.fill_with(Both::default);
        while let Some(cell) = cells.next_if(|cell| cell.step == at) {
            if let Some(place) = places[cell.stratum] {
                step[place].clone_from(&cell.sides);
            }
        }
        if at >= first {
            judge.push(&step);
            if is_enough(&judge) {
                break;
            }
        }
    }
    Played { judge, start_s: window.begin_s + first as i64 * window.step_s }
}

fn put_together(
    question: &CanaryQuestion,
    window: &Window,
    sides: &Sides,
    (judged, start_s): (Judged, i64),
) -> Verdict {
    let in_range = usize::try_from((window.from_s - window.begin_s) / window.step_s).unwrap_or(0);
    let by_step = sides.by_step.get(in_range..).unwrap_or_default();
    let difference = judged.checks.first().map_or(0.0, |check| check.difference);
    let scene = Scene {
        sides,
        policy: &question.policy,
        names: [&question.baseline, &question.candidate],
        by_step,
        step_s: window.step_s,
        differences: (judged.total.candidate_rate() - judged.total.baseline_rate(), difference),
    };
    let mut verdict = Verdict {
        result: judged.result,
        summary: String::new(),
        service: sides.service.clone().unwrap_or_else(|| question.service.clone()),
        baseline: question.baseline.clone(),
        candidate: question.candidate.clone(),
        from: rfc3339(start_s.clamp(window.from_s, window.to_s)),
        to: rfc3339(window.to_s),
        before_after: question.baseline_until_s.is_some(),
        evidence: sides.source,
        guards: guards(&scene),
        traffic: traffic(&scene, &judged),
        checks: judged.checks,
        routes: judged.routes,
        latency: judged.latency,
        needed_requests: judged.needed.map(|needed| needed.0),
        needed_seconds: judged.needed.map(|needed| needed.1),
        policy: question.policy.clone(),
    };
    if verdict.guards.iter().any(Guard::is_failure) {
        verdict.result = Outcome::Fail;
    } else if verdict.result == Outcome::Pass && verdict.guards.iter().any(Guard::is_held) {
        verdict.result = Outcome::Insufficient;
    }
    let is_over = question.is_final || window.to_s - window.from_s >= i64::from(question.policy.longest_s);
    if verdict.traffic.compared_requests == 0 && is_over {
        verdict.result = match question.policy.no_traffic {
            NoTraffic::Wait => verdict.result,
            NoTraffic::Pass => Outcome::Pass,
            NoTraffic::Fail => Outcome::Fail,
        };
    }
    verdict.summary = summary(&verdict);
    verdict
}

fn traffic(scene: &Scene<'_>, judged: &Judged) -> Traffic {
    let requests = scene.by_step.iter().fold([0_i64; 2], |sum, both| [sum[0] + both[0], sum[1] + both[1]]);
    let total = requests[0] + requests[1];
    let (low, high) = share_interval(requests[1], total);
    let configured = &scene.sides.configured;
    let is_one = configured.windows(2).all(|two| (two[0] - two[1]).abs() < 1e-9);
    let minutes = judged.seconds as f64 / 60.0;
    let compared = judged.total.baseline + judged.total.candidate;
    let excess_each = if judged.total.candidate > 0.0 { judged.excess / judged.total.candidate } else { 0.0 };
    Traffic {
        baseline_requests: requests[0].max(0) as u64,
        candidate_requests: requests[1].max(0) as u64,
        compared_requests: compared as u64,
        candidate_share: if total > 0 { requests[1] as f64 / total as f64 } else { 0.0 },
        candidate_share_interval: if total > 0 {
            Interval { low: Some(low), high: Some(high) }
        } else {
            Interval::default()
        },
        configured_share: configured.first().copied().filter(|_| is_one),
        excess_errors: judged.excess.max(0.0).round(),
        excess_errors_per_minute_at_full: if minutes > 0.0 {
            (excess_each.max(0.0) * compared / minutes).round()
        } else {
            0.0
        },
    }
}

pub(super) fn rfc3339(seconds: i64) -> String {
    Timestamp::from_second(seconds).map(|time| time.to_string()).unwrap_or_default()
}

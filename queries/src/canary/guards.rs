//! What else might make a verdict wrong: each guard looks at one thing, says what it saw, and may fail or hold the verdict.

mod calls;
mod hosts;

use crate::api::canary::{Guard, fixed_number};
use crate::api::policy::{GuardAction, Margin, Policy};
use crate::graph::{Sides, Tried};

use super::errors::{Allowance, Claim, ErrorTest};
use super::traffic::{Blocks, Both, Side, trials};

/// What guards look at beside what the two sides did.
pub(super) struct Scene<'a> {
    pub(super) sides: &'a Sides,
    pub(super) policy: &'a Policy,
    /// Names of the versions.
    pub(super) names: Both<&'a str>,
    /// Requests of each step.
    pub(super) by_step: &'a [Both<i64>],
    pub(super) step_s: i64,
    /// Difference of the error rates: as they are, and with the same mix on both sides.
    pub(super) differences: (f64, f64),
}

/// Looks at one thing: whether something was found, and what.
type Look = fn(&Scene<'_>) -> (bool, String);

/// All guards that are on.
pub(super) fn guards(scene: &Scene<'_>) -> Vec<Guard> {
    let actions = scene.policy.guards;
    let all: [(&str, GuardAction, Look); 9] = [
        ("retries", actions.retries, retries),
        ("split", actions.split, split),
        ("mix", actions.mix, mix),
        ("stopped", actions.stopped, stopped),
        ("survivors", actions.survivors, hosts::survivors),
        ("capacity", actions.capacity, hosts::capacity),
        ("calls", actions.calls, calls::calls),
        ("inherited", actions.inherited, calls::inherited),
        ("evidence", actions.evidence, evidence),
    ];
    all.into_iter()
        .filter(|one| one.1 != GuardAction::Off)
        .map(|(name, action, look)| {
            let (found, summary) = look(scene);
            Guard { name: name.to_owned(), found, action, summary }
        })
        .collect()
}

/// Failures that were tried again are none to the callers. They are to the version that made them.
fn retries(scene: &Scene<'_>) -> (bool, String) {
    let [baseline, candidate] = scene.names;
    let allowance = match scene.policy.errors.margin {
        Margin::Absolute(absolute) => Allowance::Absolute(absolute),
        Margin::Relative(part) => Allowance::Relative(part),
    };
    let mut test = ErrorTest::new(allowance);
    let mut blocks = Blocks::default();
    for step in &scene.sides.tried {
        let step =
            step.map(|Tried { requests, retries }| Side { requests, errors: retries, ..Side::default() });
        if let Some(block) = blocks.push(&step) {
            test.add(&trials(&block));
        }
    }
    let total = *test.total();
    if total.baseline <= 0.0 {
        return (false, "nothing tells of retries".to_owned());
    }
    let alpha = (1.0 - scene.policy.confidence) / 2.0;
    let found = test.ln_evidence(Claim::NotWorse) >= -alpha.ln();
    let (low, high) = test.interval(alpha);
    let rates = format!(
        "{candidate} was tried again {} in 100 requests, {baseline} {}",
        two(100.0 * total.candidate_rate()),
        two(100.0 * total.baseline_rate())
    );
    if found {
        let by = format!("{} to {} points more often", two(100.0 * low), two(100.0 * high));
        return (
            true,
            format!("{candidate} fails {by} than {baseline} at the first try, which retries hide: {rates}"),
        );
    }
    (false, rates)
}

/// Steps over which the split is looked at: before that it may have been configured otherwise.
const LATELY: usize = 30;
/// A split that is off by less does not matter.
const OFF: f64 = 0.02;

fn split(scene: &Scene<'_>) -> (bool, String) {
    let candidate = scene.names[1];
    let lately = &scene.by_step[scene.by_step.len().saturating_sub(LATELY)..];
    let [baseline_requests, candidate_requests] = sum(lately);
    let total = baseline_requests + candidate_requests;
    if total <= 0 {
        return (false, "no traffic to be split".to_owned());
    }
    let (low, high) = share_interval(candidate_requests, total);
    let observed = format!("{candidate} gets {} to {} % of the traffic", two(100.0 * low), two(100.0 * high));
    let configured = &scene.sides.configured;
    if configured.is_empty() {
        return (false, format!("{observed}; no proxy tells what is configured"));
    }
    let least = configured.iter().copied().fold(f64::INFINITY, f64::min);
    let most = configured.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let wanted = if most - least < 1e-9 {
        format!("{} % is configured", two(100.0 * least))
    } else {
        format!("{} to {} % is configured, by route and proxy", two(100.0 * least), two(100.0 * most))
    };
    let found = high < least - OFF || low > most + OFF;
    (found, format!("{observed}; {wanted}"))
}

/// Where a part of all requests lies: the score interval of Wilson, wrong once in a thousand times.
pub(super) fn share_interval(part: i64, total: i64) -> (f64, f64) {
    const Z: f64 = 3.29;
    let (part, total) = (part.max(0) as f64, total.max(1) as f64);
    let share = part / total;
    let middle = (share + Z * Z / (2.0 * total)) / (1.0 + Z * Z / total);
    let half =
        Z / (1.0 + Z * Z / total) * (share * (1.0 - share) / total + Z * Z / (4.0 * total * total)).sqrt();
    ((middle - half).max(0.0), (middle + half).min(1.0))
}

/// A side that is asked what the other is not.
fn mix(scene: &Scene<'_>) -> (bool, String) {
    /// Requests that cannot be compared at most.
    const ALONE: f64 = 0.05;
    let [baseline, candidate] = scene.names;
    let (raw, same_mix) = scene.differences;
    let total = sum(scene.by_step);
    let part = |side: usize| {
        let alone = scene.sides.alone[side] as f64;
        if alone > 0.0 { (alone / total[side].max(1) as f64).min(1.0) } else { 0.0 }
    };
    let margin = match scene.policy.errors.margin {
        Margin::Absolute(absolute) => absolute,
        Margin::Relative(_) => 0.005,
    };
    let mut told = format!(
        "error rates differ by {} points as they are, and by {} with the same mix of routes, callers and times",
        two(100.0 * raw),
        two(100.0 * same_mix)
    );
    let mut found = (raw - same_mix).abs() > margin;
    for (side, name, other) in [(1, candidate, baseline), (0, baseline, candidate)] {
        if part(side) > ALONE {
            found = true;
            let routes: Vec<String> =
                scene.sides.alone_routes.iter().take(3).map(|key| format!("`{}`", key.route)).collect();
            told = format!(
                "{told}; {} % of the requests to {name} are of a kind that {other} had none of, such as {}",
                two(100.0 * part(side)),
                routes.join(", ")
            );
        }
    }
    (found, told)
}

/// A side that gets no requests any more tells nothing of how it is now.
fn stopped(scene: &Scene<'_>) -> (bool, String) {
    /// Without requests for so long, seconds, where there were more than a few in that time before.
    const SILENT_S: i64 = 60;
    let silent_steps = usize::try_from(SILENT_S / scene.step_s.max(1)).unwrap_or(1).max(1);
    for side in 0..2 {
        let Some(last) = scene.by_step.iter().rposition(|both| both[side] > 0) else { continue };
        let silent = scene.by_step.len() - 1 - last;
        let before = sum(&scene.by_step[..=last])[side] as f64 / (last + 1) as f64;
        if silent >= silent_steps && before * silent as f64 >= 10.0 {
            let seconds = silent as i64 * scene.step_s;
            return (true, format!("{} has had no requests for {seconds} seconds", scene.names[side]));
        }
    }
    (false, "both had requests to the end".to_owned())
}

/// Proxies that do not report, and evidence that contradicts itself.
fn evidence(scene: &Scene<'_>) -> (bool, String) {
    /// Requests from which on error rates are compared, and by how much they may differ.
    const ENOUGH: i64 = 200;
    const APART: f64 = 0.05;
    let (known, reporting) = scene.sides.proxies;
    let mut told = Vec::new();
    if reporting < known {
        told.push(format!("{reporting} of {known} proxies report"));
    }
    let rates = |side: usize| {
        let sources = scene.sides.by_source.iter().map(move |(source, both)| (*source, both[side]));
        sources
            .filter(|one| one.1.requests >= ENOUGH)
            .map(|(source, counts)| (source, counts.errors as f64 / counts.requests as f64))
    };
    for (side, name) in scene.names.into_iter().enumerate() {
        let least = rates(side).min_by(|one, other| one.1.total_cmp(&other.1));
        let most = rates(side).max_by(|one, other| one.1.total_cmp(&other.1));
        if let (Some((one, low)), Some((other, high))) = (least, most)
            && high - low > APART
        {
            told.push(format!(
                "of {name}, {} says that {} % fail, and {} that {} % do",
                source_name(one),
                two(100.0 * low),
                source_name(other),
                two(100.0 * high)
            ));
        }
    }
    if told.is_empty() {
        return (false, "all proxies that are known report, and no evidence contradicts another".to_owned());
    }
    (true, told.join("; "))
}

fn source_name(source: crate::api::graph::Source) -> String {
    serde_json::to_value(source).ok().and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
}

fn sum(steps: &[Both<i64>]) -> Both<i64> {
    steps.iter().fold([0; 2], |sum, both| [sum[0] + both[0], sum[1] + both[1]])
}

fn two(value: f64) -> String {
    fixed_number(value, 2)
}

#[cfg(test)]
mod tests;

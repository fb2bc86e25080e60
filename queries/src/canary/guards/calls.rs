//! Guards that look at what each version calls, as far as traces tell.

use crate::api::policy::Margin;

use super::{Scene, share_interval, two};

/// Calls that are too few to be compared.
const FEW: i64 = 20;

/// What a person calls a node.
fn name_of(id: &str) -> &str {
    id.split_once(':').map_or(id, |(_, name)| name)
}

/// Calls that only one version makes, or one many more of.
pub(super) fn calls(scene: &Scene<'_>) -> (bool, String) {
    /// A version that calls so many times as often does something else.
    const MULTIPLIED: f64 = 1.5;
    let [baseline, candidate] = scene.names;
    let [asked, candidate_asked] = scene.sides.calling;
    if asked < FEW || candidate_asked < FEW {
        return (false, "too few traces to compare what both call".to_owned());
    }
    let mut told = Vec::new();
    for (callee, both) in &scene.sides.calls {
        let (name, [calls, candidate_calls]) = (name_of(callee), both.map(|calls| calls.requests));
        let ratio = candidate_asked as f64 / asked as f64;
        let expected = calls as f64 * ratio;
        let (seen, expected) = (candidate_calls as f64, expected);
        // Four standard deviations of counts that come by chance.
        let is_chance = (seen - expected).abs() <= 4.0 * (seen + expected * ratio).sqrt();
        if is_chance || seen.max(expected) < FEW as f64 {
            continue;
        }
        let each = |calls: i64, asked: i64| two(calls as f64 / asked as f64);
        if calls == 0 {
            told.push(format!("{candidate} calls {name}, {baseline} does not"));
        } else if candidate_calls == 0 {
            told.push(format!("{candidate} no longer calls {name}"));
        } else if seen > MULTIPLIED * expected || MULTIPLIED * seen < expected {
            told.push(format!(
                "{candidate} calls {name} {} times a request, {baseline} {} times",
                each(candidate_calls, candidate_asked),
                each(calls, asked)
            ));
        }
    }
    if told.is_empty() { (false, "both make the same calls".to_owned()) } else { (true, told.join("; ")) }
}

/// Whoever both call and that fails both makes both fail; that is no difference between them, and hides one.
pub(super) fn inherited(scene: &Scene<'_>) -> (bool, String) {
    let [baseline, candidate] = scene.names;
    let margin = match scene.policy.errors.margin {
        Margin::Absolute(absolute) => absolute,
        Margin::Relative(_) => 0.005,
    };
    let mut told = Vec::new();
    for (callee, both) in &scene.sides.calls {
        if both.iter().any(|calls| calls.requests < FEW) {
            continue;
        }
        // More than the margin fails, whatever chance did.
        let fails = both.iter().all(|calls| share_interval(calls.errors, calls.requests).0 > margin);
        if fails {
            let [rate, candidate_rate] =
                both.map(|calls| two(100.0 * calls.errors as f64 / calls.requests.max(1) as f64));
            told.push(format!(
                "{} fails {candidate_rate} in 100 calls of {candidate} and {rate} of {baseline}",
                name_of(callee)
            ));
        }
    }
    if told.is_empty() {
        return (false, "nothing that both call fails both, as far as traces tell".to_owned());
    }
    (true, format!("{}: both fail for that, which says nothing of either", told.join("; ")))
}

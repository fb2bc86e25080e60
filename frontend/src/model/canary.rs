//! Verdicts in words and numbers for the page.

use sidecarta_queries::api::canary::{
    Check, Interval, LatencyStep, Outcome, SideSummary, Unit, short_number as number,
};
use sidecarta_queries::api::graph::VersionShare;

use crate::format;

/// An outcome in a word.
pub(crate) fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Pass => "Pass",
        Outcome::Fail => "Fail",
        Outcome::Insufficient => "Not decided",
    }
}

/// The class that gives an outcome its colour.
pub(crate) fn class(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Pass => "is-healthy",
        Outcome::Fail => "is-failing",
        Outcome::Insufficient => "is-idle",
    }
}

/// What a check is called on the page.
pub(crate) fn title(check: &Check) -> String {
    if check.unit == Unit::Share { "Error rate".to_owned() } else { format!("Latency, {}", check.name) }
}

/// A value with its unit.
pub(crate) fn value(unit: Unit, side: &SideSummary) -> String {
    match unit {
        _ if side.requests == 0 => "–".to_owned(),
        Unit::Share => format::percent(side.value),
        Unit::Ms => format::duration(side.value),
    }
}

/// A difference with its sign.
pub(crate) fn difference(unit: Unit, value: f64) -> String {
    let sign = if value > 0.0 { "+" } else { "" };
    match unit {
        Unit::Share => format!("{sign}{} points", number(100.0 * value)),
        Unit::Ms => format!("{sign}{} ms", number(value)),
    }
}

/// An interval in words.
pub(crate) fn between(unit: Unit, interval: &Interval) -> String {
    let (scale, name) = if unit == Unit::Share { (100.0, "points") } else { (1.0, "ms") };
    let bound = |bound: f64| {
        let sign = if bound > 0.0 { "+" } else { "" };
        format!("{sign}{}", number(scale * bound))
    };
    match (interval.low, interval.high) {
        (Some(low), Some(high)) => format!("{} to {} {name}", bound(low), bound(high)),
        (Some(low), None) => format!("at least {} {name}", bound(low)),
        (None, Some(high)) => format!("at most {} {name}", bound(high)),
        (None, None) => "not known yet".to_owned(),
    }
}

/// Lowest and highest difference that a drawing of a check shows: what is not refuted by now, no difference, and the margin,
/// with room around. How wide the interval was at first, nobody needs to see.
pub(crate) fn domain(check: &Check) -> (f64, f64) {
    let mut values = vec![0.0, check.margin_difference, check.difference];
    values.extend([check.interval.low, check.interval.high].into_iter().flatten());
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let room = 0.6 * (high - low).max(if check.unit == Unit::Share { 1e-4 } else { 0.1 });
    (low - room, high + room)
}

/// The corners of a shape over steps of latencies, as an SVG polygon has them: up and down by the part of requests in each.
pub(crate) fn outline(
    steps: &[LatencyStep],
    part: impl Fn(&LatencyStep) -> f64,
    across: impl Fn(f64) -> f64,
    upright: impl Fn(f64) -> f64,
) -> String {
    let (Some(first), Some(last)) = (steps.first(), steps.last()) else { return String::new() };
    let corner = |ms: f64, part: f64| format!("{:.1},{:.1}", across(ms), upright(part));
    let tops =
        steps.iter().flat_map(|step| [corner(step.low_ms, part(step)), corner(step.high_ms, part(step))]);
    let begin = std::iter::once(corner(first.low_ms, 0.0));
    let corners: Vec<String> = begin.chain(tops).chain([corner(last.high_ms, 0.0)]).collect();
    corners.join(" ")
}

/// Whether a watch that is begun now holds what is seen on the page: unless that leaves less than half of its time.
pub(crate) fn watch_holds(seen_from_ms: f64, longest_s: u32, now_ms: f64) -> bool {
    now_ms - seen_from_ms <= 500.0 * f64::from(longest_s)
}

/// The two versions that one would compare: the one with the most requests, and the last of the others by name, as
/// versions are mostly counted up.
pub(crate) fn likely(versions: &[VersionShare]) -> Option<(String, String)> {
    let known = || versions.iter().filter(|version| !version.version.is_empty());
    let old = known().max_by_key(|version| version.requests)?;
    let new = known()
        .filter(|version| version.version != old.version)
        .max_by(|one, other| natural(&one.version).cmp(&natural(&other.version)))?;
    Some((old.version.clone(), new.version.clone()))
}

/// A text that sorts by the numbers in it.
fn natural(text: &str) -> Vec<(u64, &str)> {
    let mut parts = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let word = rest.find(|letter: char| letter.is_ascii_digit()).unwrap_or(rest.len());
        let (name, digits) = rest.split_at(word);
        let end = digits.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(digits.len());
        let (number, after) = digits.split_at(end);
        parts.push((0, name));
        parts.push((number.parse().unwrap_or(u64::MAX), ""));
        rest = after;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(name: &str, requests: u64) -> VersionShare {
        VersionShare { version: name.to_owned(), requests, ..VersionShare::default() }
    }

    #[test]
    fn the_newest_version_is_held_against_the_one_with_the_most_requests() {
        let versions = [version("v9", 900), version("v10", 90), version("", 5), version("v2", 3)];
        assert_eq!(likely(&versions), Some(("v9".to_owned(), "v10".to_owned())));
        assert_eq!(likely(&versions[..1]), None);
        assert_eq!(likely(&[version("", 1), version("v1", 3)]), None);
    }

    #[test]
    fn differences_have_a_sign_and_intervals_their_ends() {
        assert_eq!(difference(Unit::Share, 0.0123), "+1.23 points");
        assert_eq!(difference(Unit::Ms, -3.0), "-3 ms");
        let interval = |low, high| Interval { low, high };
        assert_eq!(between(Unit::Share, &interval(Some(-0.001), Some(0.02))), "-0.1 to +2 points");
        assert_eq!(between(Unit::Ms, &interval(None, Some(12.0))), "at most +12 ms");
        assert_eq!(between(Unit::Ms, &interval(None, None)), "not known yet");
    }

    #[test]
    fn a_watch_has_half_of_its_time_before_it() {
        let now = 10_000_000.0;
        assert!(watch_holds(now - 900e3, 3_600, now));
        assert!(!watch_holds(now - 86_400e3, 3_600, now));
    }

    #[test]
    fn a_shape_stands_on_its_axis() {
        let steps = [(1.0, 2.0, 0.25), (2.0, 4.0, 0.75)].map(|(low_ms, high_ms, baseline)| LatencyStep {
            low_ms,
            high_ms,
            baseline,
            candidate: 0.0,
        });
        let shape = outline(&steps, |step| step.baseline, |ms| ms, |part| 100.0 * part);
        assert_eq!(shape, "1.0,0.0 1.0,25.0 2.0,25.0 2.0,75.0 4.0,75.0 4.0,0.0");
        assert_eq!(outline(&[], |step| step.baseline, |ms| ms, |part| part), "");
    }

    #[test]
    fn a_drawing_shows_zero_and_the_margin() {
        let check = Check {
            margin_difference: 0.005,
            difference: 0.02,
            interval: Interval { low: Some(0.01), high: Some(0.03) },
            ..Check::default()
        };
        let (low, high) = domain(&check);
        assert!(low < 0.0 && high > 0.03, "{low} {high}");
        let (low, high) = domain(&Check::default());
        assert!(low < high);
    }
}

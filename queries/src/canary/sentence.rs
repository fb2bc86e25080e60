//! A verdict in one sentence.

use crate::api::canary::{Check, Interval, Outcome, RouteVerdict, Unit, Verdict, fixed_number as number};

/// A quantile as people say it: `p50`, `p99.9`.
pub(super) fn quantile_name(quantile: f64) -> String {
    format!("p{}", number(quantile * 100.0, 1))
}

/// What a verdict says.
pub(super) fn summary(verdict: &Verdict) -> String {
    let (baseline, candidate) = (&verdict.baseline, &verdict.candidate);
    let confidence = number(verdict.policy.confidence * 100.0, 2);
    match verdict.result {
        Outcome::Fail => failure(verdict).unwrap_or_else(|| {
            let guards = verdict.guards.iter().find(|guard| guard.is_failure());
            guards.map_or_else(
                || format!("there was no traffic to compare {candidate} with {baseline} by"),
                |guard| guard.summary.clone(),
            )
        }),
        Outcome::Pass if verdict.traffic.compared_requests == 0 => {
            format!("there was no traffic to compare, which the policy takes for a pass of {candidate}")
        }
        Outcome::Pass => {
            format!(
                "{candidate} is not worse than {baseline} by more than the margin, with {confidence} % confidence"
            )
        }
        Outcome::Insufficient => insufficient(verdict),
    }
}

fn failure(verdict: &Verdict) -> Option<String> {
    let (baseline, candidate) = (&verdict.baseline, &verdict.candidate);
    let (at, check) =
        verdict.checks.iter().enumerate().find(|(_, check)| check.result == Outcome::Fail && !check.muted)?;
    let of_check = |route: &RouteVerdict| route.checks.get(at).is_some_and(|one| one.result == Outcome::Fail);
    let worst = verdict.routes.iter().filter(|route| of_check(route));
    let worst =
        worst.max_by(|one, other| one.checks[at].ln_evidence.total_cmp(&other.checks[at].ln_evidence));
    // What all routes share is not the fault of one.
    let others = verdict.routes.iter().filter(|route| of_check(route)).count();
    let (interval, place) = match worst.filter(|_| verdict.routes.len() > 1) {
        Some(route) => (&route.checks[at].interval, place(route, others - 1)),
        None => (&check.interval, String::new()),
    };
    Some(format!("{candidate} {}{place}", more(check, interval, baseline)))
}

fn place(route: &RouteVerdict, others: usize) -> String {
    let caller = route.caller.as_ref().map(|caller| format!(" from `{}`", bare(caller))).unwrap_or_default();
    let others = match others {
        0 => String::new(),
        1 => ", and on one more".to_owned(),
        more => format!(", and on {more} more"),
    };
    let name = route.one_route().map_or_else(|| route.name().to_owned(), |route| format!("`{route}`"));
    format!(" on {name}{caller}{others}")
}

/// The name in a node id.
fn bare(id: &str) -> &str {
    id.split_once(':').map_or(id, |(_, name)| name)
}

fn more(check: &Check, interval: &Interval, baseline: &str) -> String {
    match check.unit {
        Unit::Share => {
            let points = |share: f64| number(share * 100.0, 2);
            let by = match (interval.low, interval.high) {
                (Some(low), Some(high)) => format!("{} to {} points", points(low), points(high)),
                (Some(low), None) => format!("at least {} points", points(low)),
                _ => format!("{} points", points(check.difference)),
            };
            format!("fails {by} more often than {baseline}")
        }
        Unit::Ms => {
            let by = match (interval.low, interval.high) {
                (Some(low), Some(high)) => format!("{} to {} ms", number(low, 1), number(high, 1)),
                (Some(low), None) => format!("at least {} ms", number(low, 1)),
                _ => format!("{} ms", number(check.difference, 1)),
            };
            format!("is {by} slower at {} than {baseline}", check.name)
        }
    }
}

fn insufficient(verdict: &Verdict) -> String {
    let (baseline, candidate) = (&verdict.baseline, &verdict.candidate);
    if let Some(guard) = verdict.guards.iter().find(|guard| guard.is_held()) {
        return guard.summary.clone();
    }
    if verdict.traffic.compared_requests == 0 {
        return match (verdict.traffic.baseline_requests, verdict.traffic.candidate_requests) {
            (0, 0) => format!("neither {baseline} nor {candidate} had any requests"),
            (0, _) => format!("{baseline} had no requests to compare {candidate} with"),
            (_, 0) => format!("{candidate} had no requests yet"),
            _ => format!("{baseline} and {candidate} had too few requests at the same time to compare them"),
        };
    }
    match (verdict.needed_requests, verdict.needed_seconds) {
        (Some(requests), Some(seconds)) => {
            format!(
                "about {} more requests to {candidate}, {} at this rate",
                thousands(requests),
                duration(seconds)
            )
        }
        _ => format!(
            "the difference between {candidate} and {baseline} is so close to the margin that more traffic will hardly decide"
        ),
    }
}

/// Two digits that count.
fn thousands(requests: u64) -> String {
    let magnitude = 10_u64.pow(requests.max(1).ilog10().saturating_sub(1));
    let rounded = (requests.div_ceil(magnitude) * magnitude).to_string();
    let mut told = String::new();
    for (at, digit) in rounded.char_indices() {
        if at > 0 && (rounded.len() - at).is_multiple_of(3) {
            told.push(',');
        }
        told.push(digit);
    }
    told
}

fn duration(seconds: u64) -> String {
    match seconds {
        0..100 => format!("{seconds} seconds"),
        100..7_200 => format!("{} minutes", seconds.div_ceil(60)),
        7_200..172_800 => format!("{} hours", seconds.div_ceil(3_600)),
        _ => format!("{} days", seconds.div_ceil(86_400)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_single_route_is_told_in_words() {
        let route = |route: &str| RouteVerdict {
            route: route.to_owned(),
            caller: Some("service:web".to_owned()),
            ..RouteVerdict::default()
        };
        assert_eq!(place(&route("GET /a"), 0), " on `GET /a` from `web`");
        assert_eq!(place(&route("*"), 1), " on all routes from `web`, and on one more");
        assert_eq!(
            place(&route("__few_requests__"), 3),
            " on routes with few requests from `web`, and on 3 more"
        );
    }

    #[test]
    fn numbers_have_the_digits_that_count() {
        assert_eq!(
            (thousands(1_893), thousands(17), thousands(0)),
            ("1,900".into(), "17".into(), "0".into())
        );
        assert_eq!(
            (number(1.0, 2), number(-0.001, 2), number(12.345, 2)),
            ("1".into(), "0".into(), "12.35".into())
        );
        assert_eq!((quantile_name(0.99), quantile_name(0.999)), ("p99".into(), "p99.9".into()));
        assert_eq!(
            (duration(840), duration(30), duration(7_300)),
            ("14 minutes".into(), "30 seconds".into(), "3 hours".into())
        );
    }
}

//! Cases in which other judges are known to be wrong, and what the parts come to together.

mod oracle;

use super::*;
use crate::api::canary::Outcome;
use crate::api::policy::{LatencyPolicy, Margin, Policy, RoutePolicy};
use crate::sketch::{Bins, Scheme, log_bin};

/// Requests that took so many milliseconds, and how many of them failed.
fn side(latencies: &[(f64, i64)], errors: i64) -> Side {
    let latency: Bins = latencies.iter().map(|&(ms, count)| (log_bin((ms * 1e6) as u64), count)).collect();
    Side { requests: latencies.iter().map(|one| one.1).sum(), errors, latency, ..Side::default() }
}

fn policy() -> Policy {
    Policy { warm_up_s: 0, least_s: 0, ..Policy::default() }
}

fn key(route: &str) -> StratumKey {
    StratumKey { route: route.to_owned(), caller: None }
}

/// What so many equal steps of one route come to.
fn judged(policy: &Policy, steps: usize, baseline: &Side, candidate: &Side) -> Judged {
    let mut judge = Judge::new(policy, vec![key("GET /")], (Scheme::Log, 10));
    for _ in 0..steps {
        judge.push(&[[baseline.clone(), candidate.clone()]]);
    }
    judge.finish(|step| step.to_string())
}

fn result(judged: &Judged, check: &str) -> Outcome {
    judged.checks.iter().find(|one| one.name == check).unwrap().result
}

#[test]
fn seven_of_ten_requests_a_hundred_times_as_slow_fail() {
    let judged = judged(&policy(), 6, &side(&[(10.0, 100)], 0), &side(&[(10.0, 30), (1_000.0, 70)], 0));
    assert_eq!((judged.result, result(&judged, "p50")), (Outcome::Fail, Outcome::Fail));
}

#[test]
fn single_errors_where_the_baseline_has_none_do_not_fail() {
    let judged = judged(&policy(), 30, &side(&[(10.0, 400)], 0), &side(&[(10.0, 400)], 0));
    assert_eq!(judged.result, Outcome::Pass);
    let mut judge = Judge::new(&policy(), vec![key("GET /")], (Scheme::Log, 10));
    for step in 0..30 {
        judge.push(&[[side(&[(10.0, 400)], 0), side(&[(10.0, 400)], i64::from(step == 3))]]);
    }
    assert_eq!(judge.finish(|step| step.to_string()).result, Outcome::Pass);
}

#[test]
fn errors_against_a_baseline_without_any_fail_by_how_many_there_are() {
    let judged = judged(&policy(), 30, &side(&[(10.0, 400)], 0), &side(&[(10.0, 400)], 8));
    assert_eq!(judged.result, Outcome::Fail);
    let errors = &judged.checks[0];
    assert!((errors.difference - 0.02).abs() < 1e-9 && errors.baseline.value == 0.0, "{errors:?}");
    assert!(errors.interval.low.unwrap() > 0.005, "{errors:?}");
}

#[test]
fn latencies_that_scatter_more_fail_though_the_median_is_the_same() {
    let baseline = side(&[(20.0, 990), (22.0, 10)], 0);
    let candidate = side(&[(20.0, 900), (90.0, 100)], 0);
    let judged = judged(&policy(), 12, &baseline, &candidate);
    assert_eq!((result(&judged, "p50"), result(&judged, "p99")), (Outcome::Pass, Outcome::Fail));
}

#[test]
fn a_better_version_passes() {
    let judged = judged(&policy(), 30, &side(&[(20.0, 400)], 8), &side(&[(10.0, 400)], 0));
    assert_eq!(judged.result, Outcome::Pass);
}

#[test]
fn no_traffic_and_traffic_of_one_side_are_insufficient() {
    for (baseline, candidate) in [(0, 0), (500, 0), (0, 500)] {
        let judged =
            judged(&policy(), 60, &side(&[(10.0, baseline)], 0), &side(&[(10.0, candidate)], candidate));
        assert_eq!(judged.result, Outcome::Insufficient, "{baseline} and {candidate}");
        assert_eq!(judged.needed, None);
    }
}

#[test]
fn what_is_missing_is_told_and_is_enough() {
    let (baseline, candidate) = (side(&[(20.0, 100)], 1), side(&[(20.0, 100)], 1));
    let judged = judged(&policy(), 12, &baseline, &candidate);
    assert_eq!(judged.result, Outcome::Insufficient);
    let (requests, seconds) = judged.needed.unwrap();
    assert_eq!(seconds, (requests as f64 / 10.0).ceil() as u64, "ten requests a second");
    let steps = 12 + (seconds as usize).div_ceil(10);
    assert_eq!(self::judged(&policy(), steps + 1, &baseline, &candidate).result, Outcome::Pass);
    assert_eq!(self::judged(&policy(), steps / 2, &baseline, &candidate).result, Outcome::Insufficient);
}

#[test]
fn no_pass_comes_before_its_time() {
    let policy = Policy { least_s: 600, ..policy() };
    let (baseline, candidate) = (side(&[(20.0, 5_000)], 5), side(&[(20.0, 5_000)], 5));
    assert_eq!(judged(&policy, 59, &baseline, &candidate).result, Outcome::Insufficient);
    assert_eq!(judged(&policy, 60, &baseline, &candidate).result, Outcome::Pass);
}

#[test]
fn the_route_that_is_bad_is_named_and_no_other() {
    let keys: Vec<StratumKey> = (0..200).map(|route| key(&format!("GET /{route}"))).collect();
    let mut judge = Judge::new(&policy(), keys, (Scheme::Log, 10));
    let (good, bad) = (side(&[(10.0, 100)], 1), side(&[(10.0, 100)], 12));
    for _ in 0..30 {
        let step: Vec<Both<Side>> = (0..200)
            .map(|route| [good.clone(), if route == 77 { bad.clone() } else { good.clone() }])
            .collect();
        judge.push(&step);
    }
    let judged = judge.finish(|step| step.to_string());
    assert_eq!(judged.result, Outcome::Fail);
    assert_eq!((judged.routes[0].route.as_str(), judged.routes[0].result), ("GET /77", Outcome::Fail));
    assert!(judged.routes[1..].iter().all(|route| route.result != Outcome::Fail));
}

#[test]
fn a_muted_check_is_told_and_decides_nothing() {
    let mut policy = policy();
    policy.errors.muted = true;
    let judged = judged(&policy, 60, &side(&[(20.0, 400)], 0), &side(&[(20.0, 400)], 100));
    assert_eq!((result(&judged, "errors"), judged.result), (Outcome::Fail, Outcome::Pass));
}

#[test]
fn a_route_has_its_own_margin_alone_and_among_others() {
    let own = RoutePolicy {
        route: "GET /".to_owned(),
        errors: Some(Margin::Absolute(0.1)),
        ..RoutePolicy::default()
    };
    let policy = Policy { routes: vec![own], ..policy() };
    let (baseline, candidate) = (side(&[(20.0, 400)], 0), side(&[(20.0, 400)], 12));
    assert_eq!(judged(&policy, 60, &baseline, &candidate).result, Outcome::Pass);
    let mut judge = Judge::new(&policy, vec![key("GET /"), key("GET /other")], (Scheme::Log, 10));
    for _ in 0..60 {
        judge.push(&[[baseline.clone(), candidate.clone()], [baseline.clone(), candidate.clone()]]);
    }
    let routes = judge.finish(|step| step.to_string()).routes;
    let of = |name: &str| routes.iter().find(|route| route.route == name).unwrap().checks[0].result;
    assert_eq!((of("GET /"), of("GET /other")), (Outcome::Pass, Outcome::Fail));
}

#[test]
fn a_margin_is_absolute_or_relative() {
    let (baseline, candidate) = (side(&[(20.0, 1_000)], 100), side(&[(20.0, 1_000)], 115));
    for (margin, expected) in [
        (Margin::Absolute(0.005), Outcome::Fail),
        (Margin::Absolute(0.03), Outcome::Pass),
        (Margin::Relative(0.05), Outcome::Fail),
        (Margin::Relative(0.3), Outcome::Pass),
    ] {
        let mut policy = policy();
        policy.errors.margin = margin;
        assert_eq!(judged(&policy, 60, &baseline, &candidate).result, expected, "{margin:?}");
    }
    let slower = side(&[(26.0, 1_000)], 0);
    for (margin, expected) in [(Margin::Absolute(3.0), Outcome::Fail), (Margin::Absolute(9.0), Outcome::Pass)]
    {
        let latency = vec![LatencyPolicy { quantile: 0.9, margin, ..LatencyPolicy::default() }];
        let policy = Policy { latency, ..policy() };
        assert_eq!(judged(&policy, 60, &baseline, &slower).result, expected, "{margin:?}");
    }
}

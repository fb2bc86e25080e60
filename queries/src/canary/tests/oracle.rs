//! Both tests beside those of the package confseq, by what that said of the same data: `tests/fixtures/canary`.

use serde::Deserialize;

use crate::canary::{Allowance, Claim, Distribution, ErrorTest, QuantileTest, Slower, Trials};

#[derive(Deserialize)]
struct Oracle {
    alpha: f64,
    bernoulli: Vec<Bernoulli>,
    quantiles: Vec<Quantile>,
}

/// Bounds of the share of all failures that are the candidate's.
#[derive(Deserialize)]
struct Bernoulli {
    failures: f64,
    of_candidate: f64,
    low: f64,
    high: f64,
}

/// Requests to each side at which a quantile was told apart.
#[derive(Deserialize)]
struct Quantile {
    #[serde(rename = "quantile")]
    share: f64,
    factor: f64,
    requests: Option<usize>,
}

fn oracle() -> Oracle {
    serde_json::from_str(include_str!("../../../../tests/fixtures/canary/oracle.json")).unwrap()
}

/// Our bounds of the same: with as many requests on both sides, a candidate that fails `k` times as often has `k / (1 + k)` of
/// all failures.
fn our_share(one: &Bernoulli, alpha: f64) -> (f64, f64) {
    let requests = 1e9;
    let trials = Trials {
        baseline: requests,
        baseline_errors: one.failures - one.of_candidate,
        candidate: requests,
        candidate_errors: one.of_candidate,
    };
    let is_refuted = |share: f64, claim: Claim| {
        let mut test = ErrorTest::new(Allowance::Relative(share / (1.0 - share) - 1.0));
        test.add(&trials);
        test.ln_evidence(claim) >= -(alpha / 2.0).ln()
    };
    let shares = || (1..1_000).map(|thousandth| f64::from(thousandth) / 1e3);
    let low = shares().take_while(|&share| is_refuted(share, Claim::NotWorse)).last().unwrap_or(0.0);
    let high = shares().rev().take_while(|&share| is_refuted(share, Claim::Worse)).last().unwrap_or(1.0);
    (low, high)
}

#[test]
fn intervals_of_failures_are_as_wide_as_those_of_a_mixture_of_beta_distributions() {
    let oracle = oracle();
    for one in &oracle.bernoulli {
        let (low, high) = our_share(one, oracle.alpha);
        let (ours, theirs) = (high - low, one.high - one.low);
        let told = format!(
            "{} of {}: ({low}, {high}), and not ({}, {})",
            one.of_candidate, one.failures, one.low, one.high
        );
        let seen = one.of_candidate / one.failures;
        assert!(low < seen && seen < high, "{told}");
        assert!((0.8..1.3).contains(&(ours / theirs)), "{told}");
    }
}

/// Exponential latencies around 20 ms, as the oracle was shown them.
fn latencies(count: usize, step: f64, factor: f64) -> Distribution {
    let latency = |number: usize| {
        let place = (0.5 + number as f64 * step).fract();
        factor * -20.0 * (1.0 - place).ln()
    };
    Distribution::new((1..=count).map(latency).map(|ms| (ms, ms, 1.0)))
}

#[test]
fn quantiles_are_told_apart_with_not_many_more_requests_and_only_where_they_differ() {
    let oracle = oracle();
    for one in &oracle.quantiles {
        let test = QuantileTest::new(one.share);
        // Of two sides the oracle has half the chance of a mistake each, as we have for each claim.
        let enough = -(oracle.alpha / 2.0).ln();
        let differs = |count: usize| {
            let baseline = latencies(count, (5.0_f64.sqrt() - 1.0) / 2.0, 1.0);
            let candidate = latencies(count, 2.0_f64.sqrt() - 1.0, one.factor);
            test.refutes(Claim::NotWorse, (&baseline, &candidate), Slower::times(1.0), (1.0, enough))
        };
        let told = format!("p{} times {}", 100.0 * one.share, one.factor);
        match one.requests {
            None => assert!(!differs(40_000), "{told} is no difference"),
            // It is tuned to a thousand requests, and ours to none.
            Some(requests) => assert!(differs(requests * 7 / 4), "{told} after {requests}"),
        }
    }
}

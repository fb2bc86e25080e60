use proptest::prelude::*;

use super::*;

fn trials(baseline: (f64, f64), candidate: (f64, f64)) -> Trials {
    Trials {
        baseline: baseline.0,
        baseline_errors: baseline.1,
        candidate: candidate.0,
        candidate_errors: candidate.1,
    }
}

fn test_of(allowance: Allowance, blocks: &[Trials]) -> ErrorTest {
    let mut test = ErrorTest::new(allowance);
    for block in blocks {
        test.add(block);
    }
    test
}

fn binomial(n: u32, k: u32, p: f64) -> f64 {
    let choose: f64 = (0..k).map(|i| f64::from(n - i) / f64::from(i + 1)).product();
    choose * p.powi(k as i32) * (1.0 - p).powi((n - k) as i32)
}

/// The mean of what the stake becomes after one block, over all that may happen in it.
fn mean_stake(allowance: Allowance, claim: Claim, (n, q): (u32, f64), (m, p): (u32, f64)) -> f64 {
    let mut mean = 0.0;
    for f in 0..=n {
        for e in 0..=m {
            let block = trials((f64::from(n), f64::from(f)), (f64::from(m), f64::from(e)));
            let stake = test_of(allowance, &[block]).ln_evidence(claim).exp();
            mean += binomial(n, f, q) * binomial(m, e, p) * stake;
        }
    }
    mean
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn nobody_grows_rich_against_a_claim_that_is_true(
        n in 1_u32..9, m in 1_u32..9, q in 0.0_f64..0.9, margin in 0.0_f64..0.2, better in 0.0_f64..1.0, part in 0.0_f64..0.5,
    ) {
        // At the margin, and beyond it.
        let most = (q + margin).min(1.0);
        for p in [most, most * better] {
            let mean = mean_stake(Allowance::Absolute(margin), Claim::NotWorse, (n, q), (m, p));
            prop_assert!(mean <= 1.0 + 1e-9, "{mean}");
        }
        for p in [q + margin, q + margin + (1.0 - q - margin) * better] {
            if p <= 1.0 {
                let mean = mean_stake(Allowance::Absolute(margin), Claim::Worse, (n, q), (m, p));
                prop_assert!(mean <= 1.0 + 1e-9, "{mean}");
            }
        }
        let p = (q * (1.0 + part)).min(1.0);
        let mean = mean_stake(Allowance::Relative(part), Claim::NotWorse, (n, q), (m, p));
        prop_assert!(mean <= 1.0 + 1e-9, "{mean}");
    }

    #[test]
    fn the_interval_holds_what_was_seen_and_grows_narrower(
        n in 20_u32..5_000, m in 20_u32..5_000, q in 0.0_f64..1.0, p in 0.0_f64..1.0,
    ) {
        let block = |times: f64| {
            let (n, m) = (f64::from(n) * times, f64::from(m) * times);
            trials((n, (n * q).round()), (m, (m * p).round()))
        };
        let test = |times: f64| test_of(Allowance::Absolute(0.0), &[block(times)]);
        let (low, high) = test(1.0).interval(0.01);
        let seen = block(1.0).candidate_rate() - block(1.0).baseline_rate();
        prop_assert!(low <= seen + 1e-6 && seen <= high + 1e-6, "{low} {seen} {high}");
        let (lower, higher) = test(16.0).interval(0.01);
        prop_assert!(higher - lower < high - low, "{lower} {higher} in {low} {high}");
    }

    #[test]
    fn an_interval_beyond_the_margin_is_what_refutes_a_claim(
        q in 0.0_f64..0.2, p in 0.0_f64..0.2, margin in 0.0_f64..0.05,
    ) {
        let test = test_of(
            Allowance::Absolute(margin),
            &[trials((3_000.0, 3_000.0 * q), (2_000.0, 2_000.0 * p))],
        );
        let (low, high) = test.interval(0.02);
        let enough = -0.02_f64.ln();
        if (low - margin).abs() > 1e-6 {
            prop_assert_eq!(low > margin, test.ln_evidence(Claim::NotWorse) >= enough);
        }
        if (high - margin).abs() > 1e-6 {
            prop_assert_eq!(high < margin, test.ln_evidence(Claim::Worse) >= enough);
        }
    }
}

#[test]
fn failures_that_only_the_candidate_has_are_seen_at_once() {
    let test = test_of(Allowance::Absolute(0.0), &[trials((1_000.0, 0.0), (1_000.0, 12.0))]);
    assert!(test.interval(0.01).0 > 0.0, "{:?}", test.interval(0.01));
    let one = test_of(Allowance::Absolute(0.0), &[trials((1_000.0, 0.0), (1_000.0, 1.0))]);
    assert!(one.interval(0.01).0 < 0.0, "one failure is none: {:?}", one.interval(0.01));
}

#[test]
fn what_makes_both_sides_fail_neither_counts_nor_blinds() {
    let calm = trials((5_000.0, 25.0), (5_000.0, 25.0));
    let storm = trials((500.0, 300.0), (500.0, 300.0));
    let worse = trials((5_000.0, 25.0), (5_000.0, 100.0));
    let mut blocks = vec![calm, storm, storm, storm];
    assert!(test_of(Allowance::Absolute(0.005), &blocks).ln_evidence(Claim::NotWorse) < 1.0);
    blocks.extend([worse; 8]);
    assert!(test_of(Allowance::Absolute(0.005), &blocks).ln_evidence(Claim::NotWorse) > 5.0);
}

#[test]
fn a_split_that_changes_while_errors_do_deceives_nobody() {
    // The candidate had most of its requests in a bad hour, as the baseline would have had.
    let blocks = [trials((9_000.0, 9.0), (1_000.0, 1.0)), trials((1_000.0, 100.0), (9_000.0, 900.0))];
    let test = test_of(Allowance::Absolute(0.0), &blocks);
    let total = test.total();
    assert!(total.candidate_rate() > 5.0 * total.baseline_rate());
    assert!(test.ln_evidence(Claim::NotWorse) < 1.0, "{}", test.ln_evidence(Claim::NotWorse));
}

#[test]
fn without_failures_a_pass_takes_as_many_requests_as_the_rule_of_three_says() {
    let passes = |requests: f64| {
        let test = test_of(Allowance::Absolute(0.01), &[trials((requests, 0.0), (requests, 0.0))]);
        test.ln_evidence(Claim::Worse) >= -0.05_f64.ln()
    };
    assert!(!passes(290.0) && passes(1_000.0));
}

#[test]
fn a_block_without_one_side_says_nothing() {
    let test = test_of(Allowance::Absolute(0.0), &[trials((0.0, 0.0), (100.0, 100.0))]);
    assert_eq!((test.total(), test.interval(0.05)), (&Trials::default(), (-1.0, 1.0)));
}

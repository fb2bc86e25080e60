use proptest::prelude::*;

use super::*;

/// Requests of each whole millisecond.
fn of(counts: &[(u32, f64)]) -> Distribution {
    Distribution::new(counts.iter().map(|&(ms, count)| (f64::from(ms), f64::from(ms) + 1.0, count)))
}

fn ln(claim: Claim, quantile: f64, both: (&Distribution, &Distribution), factor: f64) -> f64 {
    QuantileTest::new(quantile).ln_evidence(claim, both, Slower::times(factor), (1.0, f64::INFINITY))
}

fn binomial(n: u32, k: u32, p: f64) -> f64 {
    let choose: f64 = (0..k).map(|i| f64::from(n - i) / f64::from(i + 1)).product();
    choose * p.powi(k as i32) * (1.0 - p).powi((n - k) as i32)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn nobody_grows_rich_against_a_claim_that_is_true(
        n in 1_u32..9, m in 1_u32..9, fast in 0.0_f64..1.0, faster in 0.0_f64..1.0, quantile in 0.05_f64..0.95,
    ) {
        // Of each side so many requests take 10 ms, and all others 30 ms; the candidate has no fewer fast ones.
        let candidate_fast = fast + (1.0 - fast) * faster;
        let mut mean = 0.0;
        for i in 0..=n {
            for j in 0..=m {
                let baseline = of(&[(10, f64::from(i)), (30, f64::from(n - i))]);
                let candidate = of(&[(10, f64::from(j)), (30, f64::from(m - j))]);
                let stake = ln(Claim::NotWorse, quantile, (&baseline, &candidate), 1.0).exp();
                mean += binomial(n, i, fast) * binomial(m, j, candidate_fast) * stake;
            }
        }
        prop_assert!(mean <= 1.0 + 1e-9, "{mean}");
    }

    #[test]
    fn the_evidence_is_the_least_for_any_quantile_of_the_baseline(
        baseline in prop::collection::vec((0_u32..40, 1.0_f64..50.0), 1..12),
        candidate in prop::collection::vec((0_u32..40, 1.0_f64..50.0), 1..12),
        quantile in 0.1_f64..0.9, factor in 0.5_f64..2.0,
    ) {
        let (baseline, candidate) = (of(&baseline), of(&candidate));
        let test = QuantileTest::new(quantile);
        let slower = Slower { factor, plus_ms: 0.0, least_ms: 1.0 };
        let told = test.ln_evidence(Claim::NotWorse, (&baseline, &candidate), slower, (1.0, f64::INFINITY));
        let mut least = f64::INFINITY;
        for hundredth in 0..6_000 {
            let ms = f64::from(hundredth) / 100.0 + 0.001;
            let fast = baseline.highs.iter().filter(|one| one.0 <= ms).map(|one| one.1).fold(0.0, f64::max);
            let not_slow = candidate.not_slow(slower.of(ms));
            least = least.min(test.ln_at((&baseline, &candidate), (fast, not_slow), 1.0));
        }
        prop_assert!(told <= least + 1e-9, "{told} {least}");
        // The true least may lie between two hundredths.
        prop_assert!(told >= least - 1.0 || (factor - 1.0).abs() > 1e-9, "{told} {least}");
    }

    #[test]
    fn intervals_hold_what_was_seen(
        baseline in prop::collection::vec((1_u32..400, 1.0_f64..50.0), 1..12),
        candidate in prop::collection::vec((1_u32..400, 1.0_f64..50.0), 1..12),
        quantile in 0.1_f64..0.9,
    ) {
        let (baseline, candidate) = (of(&baseline), of(&candidate));
        let seen = [&baseline, &candidate].map(|side| side.quantile(quantile).unwrap());
        let test = QuantileTest::new(quantile);
        let (low, high) = test.difference_ms((&baseline, &candidate), 0.05);
        prop_assert!(low <= seen[1].1 - seen[0].0 && seen[1].0 - seen[0].1 <= high, "{low} {high} {seen:?}");
        let (low, high) = test.ratio((&baseline, &candidate), 0.05);
        prop_assert!(low <= seen[1].1 / seen[0].0 && seen[1].0 / seen[0].1 <= high, "{low} {high} {seen:?}");
    }
}

#[test]
fn most_requests_being_a_hundred_times_as_slow_is_seen() {
    let baseline = of(&[(10, 1_000.0)]);
    let candidate = of(&[(10, 300.0), (1_000, 700.0)]);
    let (low, high) = QuantileTest::new(0.5).ratio((&baseline, &candidate), 0.01);
    assert!(low > 50.0 && high < 200.0, "{low} {high}");
}

#[test]
fn a_tail_that_grew_is_seen_where_the_median_stayed() {
    let baseline = of(&[(10, 9_950.0), (50, 50.0)]);
    let candidate = of(&[(10, 9_700.0), (50, 300.0)]);
    let (p99, p50) = (QuantileTest::new(0.99), QuantileTest::new(0.5));
    assert!(p99.ratio((&baseline, &candidate), 0.01).0 > 3.0);
    let (low, high) = p50.ratio((&baseline, &candidate), 0.01);
    assert!(low > 0.8 && high < 1.2, "{low} {high}");
}

#[test]
fn requests_that_never_came_back_are_slow() {
    let baseline = of(&[(10, 1_000.0)]);
    let bins = |never: f64| Distribution::new([(10.0, 11.0, 900.0), (f64::INFINITY, f64::INFINITY, never)]);
    let test = QuantileTest::new(0.95);
    assert!(test.ratio((&baseline, &bins(100.0)), 0.01).0 > 1_000.0);
    assert!(test.ratio((&baseline, &bins(0.0)), 0.01).0 < 1.0);
}

#[test]
fn the_width_of_bins_speaks_for_nobody() {
    let coarse = |low: f64, high: f64| Distribution::new([(low, high, 10_000.0)]);
    let (low, high) = QuantileTest::new(0.5).ratio((&coarse(10.0, 20.0), &coarse(10.0, 20.0)), 0.01);
    assert!((low - 0.5).abs() < 0.01 && (high - 2.0).abs() < 0.02, "{low} {high}");
}

#[test]
fn without_requests_nothing_is_known() {
    let (none, some) = (Distribution::default(), of(&[(10, 5.0)]));
    let test = QuantileTest::new(0.5);
    assert_eq!(test.ratio((&none, &some), 0.05), (0.0, f64::INFINITY));
    assert_eq!(test.difference_ms((&some, &none), 0.05), (f64::NEG_INFINITY, f64::INFINITY));
    assert_eq!(none.quantile(0.5), None);
}

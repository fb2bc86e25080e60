//! Whether two sets of counts differ by more than chance: the chi-square test of homogeneity, and Holm's correction for
//! many tests at once.

/// Spans that a value is expected to have in the smaller set, below which it is put together with others.
const LEAST_EXPECTED: f64 = 5.0;

/// How likely counts that differ at least so much come by chance where both sets are alike, 0 to 1. Each pair is what one
/// value has in the first set and in the second. Values that are rare are taken together.
pub(super) fn chance_of_difference(counts: &[(u64, u64)]) -> f64 {
    let sum = |of: fn(&(u64, u64)) -> u64| counts.iter().map(of).sum::<u64>() as f64;
    let (first, second) = (sum(|pair| pair.0), sum(|pair| pair.1));
    let all = first + second;
    if first == 0.0 || second == 0.0 {
        return 1.0;
    }
    let smaller = first.min(second) / all;
    let is_common = |pair: &&(u64, u64)| (pair.0 + pair.1) as f64 * smaller >= LEAST_EXPECTED;
    let mut groups: Vec<(f64, f64)> =
        counts.iter().filter(is_common).map(|pair| (pair.0 as f64, pair.1 as f64)).collect();
    let rare = counts.iter().filter(|pair| !is_common(pair));
    let rare = rare.fold((0.0, 0.0), |rest, pair| (rest.0 + pair.0 as f64, rest.1 + pair.1 as f64));
    if (rare.0 + rare.1) * smaller >= LEAST_EXPECTED {
        groups.push(rare);
    } else if let Some(last) = groups.last_mut() {
        *last = (last.0 + rare.0, last.1 + rare.1);
    }
    if groups.len() < 2 {
        return 1.0;
    }
    let part = |count: f64, expected: f64| (count - expected).powi(2) / expected;
    let statistic: f64 = groups
        .iter()
        .map(|&(one, other)| {
            let both = one + other;
            part(one, both * first / all) + part(other, both * second / all)
        })
        .sum();
    upper_gamma((groups.len() - 1) as f64 / 2.0, statistic / 2.0)
}

/// Which of these chances are too small to be chance, all of them considered: by Holm's method the smallest is held against
/// `level` divided by their number, the next against `level` divided by one less, and so on until one is too large.
pub(super) fn holm(chances: &[f64], level: f64) -> Vec<bool> {
    let mut order: Vec<usize> = (0..chances.len()).collect();
    order.sort_by(|&one, &other| chances[one].total_cmp(&chances[other]));
    let mut significant = vec![false; chances.len()];
    for (rank, &number) in order.iter().enumerate() {
        if chances[number] > level / (chances.len() - rank) as f64 {
            break;
        }
        significant[number] = true;
    }
    significant
}

/// The regularised upper incomplete gamma function Q(a, x): by its series where x is small, by its continued fraction
/// (Lentz) where it is large.
fn upper_gamma(a: f64, x: f64) -> f64 {
    const STEPS: u32 = 10_000;
    const ENOUGH: f64 = 1e-14;
    if x <= 0.0 {
        return 1.0;
    }
    let scale = (a * x.ln() - x - ln_gamma(a)).exp();
    if x < a + 1.0 {
        let (mut term, mut sum) = (1.0 / a, 1.0 / a);
        for step in 1..=STEPS {
            term *= x / (a + f64::from(step));
            sum += term;
            if term < sum * ENOUGH {
                break;
            }
        }
        return (1.0 - scale * sum).clamp(0.0, 1.0);
    }
    let tiny = 1e-300;
    let mut below = x + 1.0 - a;
    let mut ahead = 1.0 / tiny;
    let mut behind = 1.0 / below;
    let mut fraction = behind;
    for step in 1..=STEPS {
        let above = -f64::from(step) * (f64::from(step) - a);
        below += 2.0;
        let not_zero = |value: f64| if value.abs() < tiny { tiny } else { value };
        behind = 1.0 / not_zero(above * behind + below);
        ahead = not_zero(below + above / ahead);
        fraction *= behind * ahead;
        if (behind * ahead - 1.0).abs() < ENOUGH {
            break;
        }
    }
    (scale * fraction).clamp(0.0, 1.0)
}

/// The logarithm of the gamma function, by Lanczos' approximation with seven terms.
fn ln_gamma(x: f64) -> f64 {
    const TERMS: [f64; 8] = [
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    let x = x - 1.0;
    let sum = TERMS
        .iter()
        .zip(1..)
        .fold(0.999_999_999_999_809_9, |sum, (term, number)| sum + term / (x + f64::from(number)));
    let t = x + 7.5;
    (2.0 * std::f64::consts::PI).ln() / 2.0 + (x + 0.5) * t.ln() - t + sum.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distribution_is_that_of_the_tables() {
        // Quantiles of chi-square: degrees of freedom, value, what lies above.
        for (degrees, value, above) in [
            (1.0, 3.841_459, 0.05),
            (1.0, 6.634_897, 0.01),
            (2.0, 5.991_465, 0.05),
            (10.0, 18.307_038, 0.05),
            (10.0, 3.940_299, 0.95),
            (100.0, 124.342_113, 0.05),
            (1_000.0, 1_106.969, 0.01),
        ] {
            let found = upper_gamma(degrees / 2.0, value / 2.0);
            assert!((found - above).abs() < 1e-4, "{degrees} degrees, {value}: {found}");
        }
        assert!(upper_gamma(0.5, 400.0) < 1e-100);
    }

    #[test]
    fn equal_shares_are_no_difference_and_others_are() {
        assert!(chance_of_difference(&[(500, 50), (500, 50)]) > 0.99);
        assert!(chance_of_difference(&[(900, 10), (100, 90)]) < 1e-10);
        assert!(chance_of_difference(&[(3, 0), (0, 3)]) > 0.99, "too few to tell");
        assert!(chance_of_difference(&[]) > 0.99);
        assert!(chance_of_difference(&[(100, 0)]) > 0.99, "nothing to compare with");
        // Many rare values together may still tell something.
        let rare: Vec<(u64, u64)> = (0..200).map(|_| (1, 0)).chain([(0, 200)]).collect();
        assert!(chance_of_difference(&rare) < 1e-10);
    }

    #[test]
    fn holm_asks_more_where_more_is_asked() {
        assert_eq!(holm(&[0.02, 0.04], 0.05), [true, true]);
        assert_eq!(holm(&[0.03, 0.04], 0.05), [false, false]);
        assert_eq!(holm(&[0.2, 0.001, 0.03], 0.05), [false, true, false]);
        assert_eq!(holm(&[], 0.05), Vec::<bool>::new());
    }
}

//! The sizes of the bets that every test here spreads its stake over.
//!
//! Each test is a game against a claim, such as "the candidate fails no more often than the baseline". Whoever bets on
//! what the claim says must not happen does not grow rich while it is true: the chance that the stake ever grows to `1/α`
//! is at most `α`, however often one looks (Ville's inequality). How much should be staked depends on how wrong the claim
//! is, which nobody knows, so the stake is spread over bets of many sizes.

/// Bets of one direction, smallest first.
pub(super) const SIZES: usize = 22;

/// Natural logarithms of the parts of the stake, which add up to less than one. A bet on a small effect pays late, when
/// its part no longer matters much; on a large one it pays at once.
pub(super) fn ln_parts() -> [f64; SIZES] {
    std::array::from_fn(|at| PARTS[at].ln())
}

/// The middle bets, on effects of a fifth to four times, have the most.
const PARTS: [f64; SIZES] = [
    0.01, 0.01, 0.015, 0.02, 0.025, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08, 0.08, 0.08, 0.08, 0.07, 0.06, 0.05,
    0.04, 0.03, 0.025, 0.02, 0.015,
];

/// Ratios that the bets are on: `1 + 2^-10`, … `1 + 2^11`.
pub(super) fn excess(at: usize) -> f64 {
    2_f64.powi(at as i32 - 10)
}

/// Natural logarithm of the sum of what all bets are worth, where `ln_worth` gives the logarithm for each.
pub(super) fn ln_sum(ln_worth: impl Iterator<Item = f64> + Clone) -> f64 {
    let most = ln_worth.clone().fold(f64::NEG_INFINITY, f64::max);
    if !most.is_finite() {
        return most;
    }
    most + ln_worth.map(|ln| (ln - most).exp()).sum::<f64>().ln()
}

/// The largest value that is refuted, where all below it are too, between `-most` and `most`.
pub(super) fn last_refuted(most: f64, is_refuted: impl Fn(f64) -> bool) -> f64 {
    const STEPS: usize = 40;
    let (mut low, mut high) = (-most, most);
    if is_refuted(high) {
        return high;
    }
    for _ in 0..STEPS {
        let middle = f64::midpoint(low, high);
        if is_refuted(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_staked_than_there_is() {
        assert!(PARTS.iter().sum::<f64>() <= 1.0, "{}", PARTS.iter().sum::<f64>());
    }

    #[test]
    fn a_sum_of_logarithms_neither_overflows_nor_vanishes() {
        assert!((ln_sum([1_000.0, 1_000.0].into_iter()) - 1_000.0 - 2_f64.ln()).abs() < 1e-9);
        assert!(ln_sum([f64::NEG_INFINITY; 2].into_iter()).is_infinite());
        assert!((ln_sum([f64::NEG_INFINITY, -5.0].into_iter()) + 5.0).abs() < 1e-9);
    }
}

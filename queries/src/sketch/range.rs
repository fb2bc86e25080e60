//! Bins as wide as a foreign histogram has them, such as 25 to 50 ms: each is a pair of points on one fixed grid.
//!
//! The grid has 28 points a decade, among them every bound that is customary, from 0.01 ms to 10,000 s. Bounds that lie
//! between two points move outwards, by a sixth at most, so that what was in the bin stays in it.

use std::sync::LazyLock;

/// The points of a decade, in hundredths of its power of ten.
const MANTISSAS: [u32; 28] = [
    100, 110, 120, 130, 140, 150, 160, 175, 180, 200, 220, 250, 275, 300, 350, 360, 400, 450, 500, 550, 600,
    650, 700, 750, 800, 850, 900, 950,
];
/// The decades, by their powers of ten in milliseconds.
const DECADES: std::ops::Range<i32> = -2..7;

/// All points: zero, those of the decades, and what no duration reaches.
static POINTS_MS: LazyLock<Vec<f64>> = LazyLock::new(|| {
    let decade = |power: i32| {
        // Powers of ten are exact one way only, and dividing by them gives the number that is meant.
        let scaled = move |hundredths: u32| {
            if power < 2 {
                f64::from(hundredths) / 10_f64.powi(2 - power)
            } else {
                f64::from(hundredths) * 10_f64.powi(power - 2)
            }
        };
        MANTISSAS.map(scaled)
    };
    std::iter::once(0.0).chain(DECADES.flat_map(decade)).chain([f64::INFINITY]).collect()
});

/// How far a bound may be off a point and be taken for it: bounds come in seconds and in single precision too.
const TOLERANCE: f64 = 1e-6;

/// The number, below zero, of the narrowest bin that holds all durations from `low_ms` to `high_ms`.
pub(super) fn range_bin(low_ms: f64, high_ms: f64) -> i16 {
    let last = POINTS_MS.len() - 1;
    let low = POINTS_MS
        .partition_point(|&point| point <= low_ms * (1.0 + TOLERANCE))
        .saturating_sub(1)
        .min(last - 1);
    let high = POINTS_MS.partition_point(|&point| point < high_ms * (1.0 - TOLERANCE)).clamp(low + 1, last);
    // Pairs are numbered by their upper point, then by their lower one.
    -1 - (high * (high - 1) / 2 + low) as i16
}

/// Lower and upper bound of the bin with this number, which is below zero, ms; the upper one may be infinite.
pub(super) fn range_bounds_ms(bin: i16) -> (f64, f64) {
    let number = usize::from((-1 - bin).unsigned_abs());
    let high = (1..POINTS_MS.len()).take_while(|high| high * (high - 1) / 2 <= number).last().unwrap_or(1);
    (POINTS_MS[(number - high * (high - 1) / 2).min(high - 1)], POINTS_MS[high])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn customary_bounds_are_kept_as_they_are() {
        let envoy = [
            0.5, 1.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1e3, 2.5e3, 5e3, 1e4, 3e4, 6e4, 3e5, 6e5,
            1.8e6, 3.6e6,
        ];
        let prometheus =
            [0.005_f32, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];
        let prometheus: Vec<f64> = prometheus.iter().map(|&seconds| f64::from(seconds) * 1e3).collect();
        for bounds in [&envoy[..], &prometheus] {
            for pair in bounds.windows(2) {
                let (low, high) = range_bounds_ms(range_bin(pair[0], pair[1]));
                assert!(
                    (low / pair[0] - 1.0).abs() < 1e-5 && (high / pair[1] - 1.0).abs() < 1e-5,
                    "{pair:?}"
                );
            }
            let (low, high) = range_bounds_ms(range_bin(bounds[bounds.len() - 1], f64::INFINITY));
            assert!(low > 0.0 && high.is_infinite());
            assert!(range_bounds_ms(range_bin(0.0, bounds[0])).0 <= 0.0);
        }
    }

    #[test]
    fn every_pair_of_points_has_a_number_of_its_own() {
        let points = POINTS_MS.len();
        let mut seen = std::collections::HashSet::new();
        for high in 1..points {
            for low in 0..high {
                let bin = range_bin(POINTS_MS[low], POINTS_MS[high]);
                assert!(bin < 0 && seen.insert(bin), "{low}..{high} is {bin}");
                assert_eq!(range_bounds_ms(bin), (POINTS_MS[low], POINTS_MS[high]));
            }
        }
    }

    proptest! {
        #[test]
        fn a_bin_holds_its_range_and_little_more(low_ms in 0.0_f64..1e6, width in 0.0_f64..1e6) {
            let high_ms = low_ms + width;
            let (low, high) = range_bounds_ms(range_bin(low_ms, high_ms));
            prop_assert!(low <= low_ms * (1.0 + TOLERANCE) && high_ms * (1.0 - TOLERANCE) <= high);
            prop_assert!(low_ms < 0.01 || low >= low_ms / 1.17, "{low} for {low_ms}");
            prop_assert!(width < 0.2 * low_ms || high_ms < 0.01 || high <= high_ms * 1.17, "{high} for {high_ms}");
        }

        #[test]
        fn every_number_means_something(bin in i16::MIN..0) {
            let (low, high) = range_bounds_ms(bin);
            prop_assert!(low < high);
        }

        #[test]
        fn odd_bounds_do_no_harm(low_ms: f64, high_ms: f64) {
            prop_assert!(range_bin(low_ms, high_ms) < 0);
        }
    }
}

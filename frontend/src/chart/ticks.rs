//! Values at which an axis is marked: round numbers, few enough to be read.

/// Multiples of a power of ten, from those that mark few values to those that mark many.
const LOG_SETS: [&[f64]; 3] = [&[1.0], &[1.0, 3.0], &[1.0, 2.0, 5.0]];
/// More are never given, whatever is asked for.
const MOST: usize = 100;

/// The smallest of 1, 2 and 5 times a power of ten that is no smaller than a length.
pub(crate) fn nice_step(length: f64) -> f64 {
    if !(length.is_finite() && length > 0.0) {
        return 1.0;
    }
    let power = 10_f64.powf(length.log10().floor());
    let nearly = length * (1.0 - 1e-9);
    [1.0, 2.0, 5.0]
        .map(|times| times * power)
        .into_iter()
        .find(|step| *step >= nearly)
        .unwrap_or(10.0 * power)
}

/// The end of an axis from zero on which a value lies and a tick stands.
pub(crate) fn nice_end(largest: f64, most: usize) -> f64 {
    let step = nice_step(largest / most.max(1) as f64);
    (largest / step).ceil().max(1.0) * step
}

/// Multiples of a nice step from low to high, at most as many as asked for.
pub(crate) fn linear_ticks(low: f64, high: f64, most: usize) -> Vec<f64> {
    let most = most.clamp(2, MOST);
    let step = nice_step((high - low) / (most - 1) as f64);
    let (first, last) = ((low / step - 1e-9).ceil(), (high / step + 1e-9).floor());
    let count = (last - first + 1.0).max(0.0) as usize;
    (0..count.min(most)).map(|index| (first + index as f64) * step).collect()
}

/// Powers of ten between low and high, with multiples between them where there is room. Where there are hardly any, the
/// range is so short that even steps serve better.
pub(crate) fn log_ticks(low: f64, high: f64, most: usize) -> Vec<f64> {
    let most = most.clamp(2, MOST);
    let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
    let marked = |times: &[f64], stride: usize| -> Vec<f64> {
        (first..=last)
            .step_by(stride)
            .flat_map(|power| times.iter().map(move |times| times * 10_f64.powi(power)))
            .filter(|value| (low * (1.0 - 1e-9)..=high * (1.0 + 1e-9)).contains(value))
            .collect()
    };
    let dense = LOG_SETS.iter().rev().map(|times| marked(times, 1)).find(|ticks| ticks.len() <= most);
    match dense {
        Some(ticks) if ticks.len() > 1 => ticks,
        Some(ticks) => longer(linear_ticks(low, high, most), ticks),
        None => marked(LOG_SETS[0], (last - first).unsigned_abs() as usize / most + 1),
    }
}

fn longer(a: Vec<f64>, b: Vec<f64>) -> Vec<f64> {
    if a.len() > b.len() { a } else { b }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn steps_are_round() {
        let cases =
            [(0.7, 1.0), (1.0, 1.0), (1.1, 2.0), (3.0, 5.0), (70.0, 100.0), (0.0, 1.0), (f64::NAN, 1.0)];
        for (length, step) in cases {
            assert_eq!(nice_step(length), step, "{length}");
        }
        assert_eq!(nice_end(37.0, 4), 40.0);
        assert_eq!(nice_end(0.0, 4), 1.0);
    }

    #[test]
    fn an_even_axis_is_marked_at_round_values() {
        assert_eq!(linear_ticks(0.0, 40.0, 5), [0.0, 10.0, 20.0, 30.0, 40.0]);
        assert_eq!(linear_ticks(3.0, 9.0, 5), [4.0, 6.0, 8.0]);
    }

    #[test]
    fn a_logarithmic_axis_is_marked_as_densely_as_there_is_room() {
        assert_eq!(log_ticks(1.0, 100.0, 4), [1.0, 10.0, 100.0]);
        assert_eq!(log_ticks(1.0, 100.0, 8), [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0]);
        assert_eq!(log_ticks(6.0, 9.0, 4), [6.0, 7.0, 8.0, 9.0]);
        assert_eq!(log_ticks(1e-6, 1e8, 5).len(), 5);
    }

    proptest! {
        #[test]
        fn there_are_never_too_many_and_they_rise_within_the_axis(
            low in 1e-6..1e6_f64, ratio in 1.01..1e9_f64, most in 2..20_usize,
        ) {
            let high = low * ratio;
            for ticks in [linear_ticks(low, high, most), log_ticks(low, high, most)] {
                prop_assert!(ticks.len() <= most, "{ticks:?}");
                prop_assert!(ticks.is_sorted_by(|a, b| a < b), "{ticks:?}");
                let slack = (high - low) * 1e-6;
                prop_assert!(ticks.iter().all(|tick| (low - slack..=high + slack).contains(tick)), "{ticks:?}");
            }
        }

        #[test]
        fn an_end_holds_its_value_and_is_not_far_from_it(largest in 1e-3..1e12_f64, most in 2..10_usize) {
            let end = nice_end(largest, most);
            prop_assert!(end >= largest * (1.0 - 1e-9));
            prop_assert!(end <= largest * 3.5 + 1e-9);
        }
    }
}

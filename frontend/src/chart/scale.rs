//! Values onto pixels and back.

use super::ticks::{linear_ticks, log_ticks};

/// Beyond this nothing is told apart, and sums would overflow.
const FARTHEST: f64 = 1e150;
/// On a logarithmic scale that would begin at zero, the share of its end at which it begins.
const FIRST_SHARE: f64 = 1e-3;

/// How distances on a scale grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Curve {
    /// Equal differences are equally far apart.
    Linear,
    /// Equal ratios are equally far apart.
    #[default]
    Log,
}

impl Curve {
    /// A value as the curve measures it.
    pub(crate) fn bent(self, value: f64) -> f64 {
        match self {
            Self::Linear => value,
            Self::Log => value.max(f64::MIN_POSITIVE).ln(),
        }
    }

    fn unbent(self, value: f64) -> f64 {
        match self {
            Self::Linear => value,
            Self::Log => value.exp(),
        }
    }
}

/// A range of values laid onto a range of pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Scale {
    curve: Curve,
    low: f64,
    high: f64,
    start: f64,
    end: f64,
}

impl Scale {
    /// Lays values from low to high onto pixels from start to end, which may lie the other way round. A range that is
    /// empty, backwards or no range at all is made a sound one.
    pub(crate) fn new(curve: Curve, (low, high): (f64, f64), (start, end): (f64, f64)) -> Self {
        let (low, high) = sound(curve, low, high);
        Self { curve, low, high, start, end }
    }

    /// An even scale.
    pub(crate) fn linear(values: (f64, f64), pixels: (f64, f64)) -> Self {
        Self::new(Curve::Linear, values, pixels)
    }

    /// The pixel of a value; those outside of the range lie on its ends.
    pub(crate) fn at(self, value: f64) -> f64 {
        let (low, high) = (self.curve.bent(self.low), self.curve.bent(self.high));
        let share =
            ((self.curve.bent(value.clamp(-FARTHEST, FARTHEST)) - low) / (high - low)).clamp(0.0, 1.0);
        // A value that is no number lies at the start.
        let share = if share.is_nan() { 0.0 } else { share };
        self.start + share * (self.end - self.start)
    }

    /// The value of a pixel; those outside of the range have the values of its ends.
    pub(crate) fn value(self, pixel: f64) -> f64 {
        let share = ((pixel - self.start) / (self.end - self.start)).clamp(0.0, 1.0);
        let share = if share.is_nan() { 0.0 } else { share };
        let (low, high) = (self.curve.bent(self.low), self.curve.bent(self.high));
        self.curve.unbent(low + share * (high - low)).clamp(self.low, self.high)
    }

    /// Lowest and highest value.
    pub(crate) fn values(self) -> (f64, f64) {
        (self.low, self.high)
    }

    /// Values that are easy to read, at most as many as asked for.
    pub(crate) fn ticks(self, most: usize) -> Vec<f64> {
        match self.curve {
            Curve::Linear => linear_ticks(self.low, self.high, most),
            Curve::Log => log_ticks(self.low, self.high, most),
        }
    }
}

/// A range that has a length and, where it must, lies above zero.
fn sound(curve: Curve, low: f64, high: f64) -> (f64, f64) {
    let known =
        |value: f64, other: f64| if value.is_nan() { other } else { value.clamp(-FARTHEST, FARTHEST) };
    let (low, high) = (known(low, 0.0), known(high, 1.0));
    match curve {
        Curve::Linear if low < high => (low, high),
        Curve::Linear => (low, low + low.abs().max(1.0)),
        Curve::Log => {
            let high = if high > 1.0 / FARTHEST { high } else { 1.0 };
            let low = if low > 0.5 / FARTHEST { low } else { high * FIRST_SHARE };
            if low < high { (low, high) } else { (low, low * 10.0) }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_lie_where_the_curve_says() {
        let linear = Scale::linear((0.0, 10.0), (100.0, 0.0));
        assert_eq!([0.0, 2.5, 10.0, 99.0].map(|value| linear.at(value)), [100.0, 75.0, 0.0, 0.0]);
        let log = Scale::new(Curve::Log, (1.0, 100.0), (0.0, 200.0));
        assert!((log.at(10.0) - 100.0).abs() < 1e-9);
        assert!((log.value(50.0) - 10_f64.sqrt()).abs() < 1e-9);
        assert_eq!(log.at(0.0), 0.0);
    }

    #[test]
    fn what_is_no_range_becomes_one() {
        for curve in [Curve::Linear, Curve::Log] {
            for (low, high) in
                [(0.0, 0.0), (5.0, 5.0), (9.0, 1.0), (f64::NAN, f64::NAN), (-3.0, -4.0), (1e300, 1e308)]
            {
                let (low, high) = Scale::new(curve, (low, high), (0.0, 1.0)).values();
                assert!(low < high && low.is_finite() && high.is_finite(), "{curve:?} {low} {high}");
            }
        }
        assert_eq!(Scale::linear((0.0, 1.0), (5.0, 5.0)).value(5.0), 0.0);
    }

    fn curves() -> impl Strategy<Value = Curve> {
        prop_oneof![Just(Curve::Linear), Just(Curve::Log)]
    }

    proptest! {
        #[test]
        fn a_pixel_leads_back_to_its_value(
            curve in curves(), low in 1e-6..1e6_f64, ratio in 1.1..1e6_f64, share in 0.0..1.0_f64,
        ) {
            let scale = Scale::new(curve, (low, low * ratio), (300.0, 20.0));
            let value = low + share * (low * ratio - low);
            prop_assert!((scale.value(scale.at(value)) / value - 1.0).abs() < 1e-6);
        }

        #[test]
        fn every_value_has_a_pixel_and_larger_ones_are_no_nearer_to_the_start(
            curve in curves(), low: f64, high: f64, a: f64, b: f64,
        ) {
            let scale = Scale::new(curve, (low, high), (0.0, 100.0));
            for value in [a, b] {
                prop_assert!((0.0..=100.0).contains(&scale.at(value)));
            }
            if a <= b {
                prop_assert!(scale.at(a) <= scale.at(b));
            }
        }
    }
}

//! Traces as points over time and duration, and the area between two places of that field.

use crate::chart::scale::{Curve, Scale};
use crate::model::query_text::{milliseconds, with, without};

/// Room above the slowest and below the fastest point, as a ratio.
const MARGIN: f64 = 1.4;
/// The end of the field, in percent of its width and height.
const END: f64 = 100.0;

/// The field: time to the right, duration upwards, places in percent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Field {
    /// Milliseconds since 1970.
    pub(crate) time: Scale,
    /// Milliseconds.
    pub(crate) duration: Scale,
}

impl Field {
    /// A field with room for all durations, ms.
    pub(crate) fn new(time_ms: (f64, f64), durations_ms: impl Iterator<Item = f64> + Clone) -> Self {
        // What took no time at all has no place on a logarithmic scale: it lies at its foot.
        let above_zero = durations_ms.filter(|ms| *ms > 0.0);
        let low = above_zero.clone().fold(f64::INFINITY, f64::min);
        let high = above_zero.fold(0.0, f64::max);
        let (low, high) = if low <= high { (low / MARGIN, high * MARGIN) } else { (0.1, 10.0) };
        Self {
            time: Scale::linear(time_ms, (0.0, END)),
            duration: Scale::new(Curve::Log, (low, high), (END, 0.0)),
        }
    }

    /// What lies between two places, whichever of them is which corner.
    pub(crate) fn area(self, one: (f64, f64), other: (f64, f64)) -> Area {
        let times = [one.0, other.0].map(|x| self.time.value(x));
        let durations = [one.1, other.1].map(|y| self.duration.value(y));
        Area {
            from_ms: times[0].min(times[1]),
            to_ms: times[0].max(times[1]),
            low_ms: durations[0].min(durations[1]),
            high_ms: durations[0].max(durations[1]),
        }
    }
}

/// A part of the field.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(clippy::struct_field_names, reason = "all are milliseconds")]
pub(crate) struct Area {
    /// Start, ms since 1970.
    pub(crate) from_ms: f64,
    /// End, ms since 1970.
    pub(crate) to_ms: f64,
    /// Shortest duration, ms.
    pub(crate) low_ms: f64,
    /// Longest duration, ms.
    pub(crate) high_ms: f64,
}

impl Area {
    /// Its times to full seconds, so that nothing within is lost, ms since 1970.
    pub(crate) fn seconds(self) -> (f64, f64) {
        let from = (self.from_ms / 1000.0).floor() * 1000.0;
        (from, ((self.to_ms / 1000.0).ceil() * 1000.0).max(from + 1000.0))
    }

    /// Its shortest and longest duration in numbers that are short to read, the area hardly larger than it was drawn.
    pub(crate) fn durations(self) -> (f64, f64) {
        let unit = |ms: f64| 10_f64.powf(ms.max(1e-6).log10().floor() - 2.0);
        let (low, high) = (self.low_ms, self.high_ms);
        ((low / unit(low)).floor() * unit(low), (high / unit(high)).ceil() * unit(high))
    }

    /// The query for the spans in it. Bounds that the query had are narrowed down, so they go.
    pub(crate) fn narrows(self, query: &str) -> String {
        let (low, high) = self.durations();
        let (low, high) =
            (format!("duration>={}", milliseconds(low)), format!("duration<{}", milliseconds(high)));
        with(&with(&without(query, &["duration>", "duration<"]), &low), &high)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR_MS: f64 = 3_600_000.0;

    fn field() -> Field {
        Field::new((0.0, HOUR_MS), [1.0, 1000.0].into_iter())
    }

    #[test]
    fn the_slowest_lies_high_and_the_newest_to_the_right() {
        let field = field();
        assert!(field.duration.at(1000.0) < field.duration.at(1.0));
        assert!(field.time.at(HOUR_MS) > field.time.at(0.0));
        assert!(field.duration.at(1000.0) > 0.0 && field.duration.at(1.0) < END);
    }

    #[test]
    fn a_field_of_nothing_is_still_one() {
        for durations in [vec![], vec![0.0], vec![f64::NAN]] {
            let field = Field::new((0.0, 0.0), durations.iter().copied());
            assert!((0.0..=END).contains(&field.duration.at(0.0)));
        }
    }

    #[test]
    fn an_area_narrows_the_query_down() {
        let area = Area { from_ms: 1500.0, to_ms: 1600.0, low_ms: 81.239, high_ms: 1240.1 };
        assert_eq!(area.seconds(), (1000.0, 2000.0));
        assert_eq!(area.narrows("service=web duration>5ms"), "service=web duration>=81.2ms duration<1250ms");
    }

    proptest! {
        #[test]
        fn what_is_in_the_area_is_found_by_its_query(
            a in (0.0..100.0_f64, 0.0..100.0_f64), b in (0.0..100.0_f64, 0.0..100.0_f64),
        ) {
            let area = field().area(a, b);
            let (low, high) = area.durations();
            prop_assert!(low <= area.low_ms && area.high_ms <= high);
            prop_assert!(low > 0.98 * area.low_ms && high < 1.02 * area.high_ms);
            let (from, to) = area.seconds();
            prop_assert!(from <= area.from_ms && area.to_ms <= to && from < to);
        }
    }
}

//! Equal steps over a time range.

use crate::store::TimeRange;

/// Lengths that people count time in, seconds.
const NICE_S: [i64; 23] = [
    10, 20, 30, 60, 120, 300, 600, 900, 1_200, 1_800, 3_600, 7_200, 10_800, 14_400, 21_600, 28_800, 43_200,
    86_400, 172_800, 432_000, 864_000, 2_592_000, 8_640_000,
];
/// Points of a series, and of the small line beside a route, at most where nobody asks for a length.
const MOST_POINTS: i64 = 90;
const MOST_IN_TREND: i64 = 30;
/// A trend has no steps shorter than this, if it has several: those of a minute are summed up already.
const TREND_STEP_S: i64 = 60;

/// Steps of one length that cover a range; the first and the last may reach beyond it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Steps {
    pub(super) seconds: i64,
    /// Start of the first.
    pub(super) from_s: i64,
    pub(super) count: usize,
}

impl Steps {
    pub(super) fn of(range: TimeRange, seconds: i64) -> Self {
        let seconds = seconds.max(10);
        let from_s = range.from_s.div_euclid(seconds) * seconds;
        let count = (range.to_s - from_s + seconds - 1).div_euclid(seconds).max(1);
        Self { seconds, from_s, count: usize::try_from(count).unwrap_or(1) }
    }

    /// As fit for a chart.
    pub(super) fn for_chart(range: TimeRange) -> Self {
        Self::of(range, nice(range, MOST_POINTS))
    }

    /// As fit for a small line.
    pub(super) fn for_trend(range: TimeRange) -> Self {
        let seconds = nice(range, MOST_IN_TREND);
        Self::of(range, if range.seconds() > 5 * TREND_STEP_S { seconds.max(TREND_STEP_S) } else { seconds })
    }

    /// The step that a bucket lies in.
    pub(super) fn at(self, bucket_s: i64) -> Option<usize> {
        let step = usize::try_from((bucket_s - self.from_s).div_euclid(self.seconds)).ok()?;
        (step < self.count).then_some(step)
    }

    pub(super) fn to_s(self) -> i64 {
        self.start_s(self.count)
    }

    /// Start of a step.
    pub(super) fn start_s(self, step: usize) -> i64 {
        self.from_s + self.seconds * step as i64
    }
}

fn nice(range: TimeRange, most: i64) -> i64 {
    let longest = NICE_S[NICE_S.len() - 1];
    NICE_S.into_iter().find(|step| step * most >= range.seconds()).unwrap_or(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_as_many_as_one_can_see() {
        for (seconds, chart, trend) in [
            (60, (10, 6), (10, 6)),
            (900, (10, 90), (60, 15)),
            (3_600, (60, 60), (120, 30)),
            (86_400, (1_200, 72), (3_600, 24)),
            (7 * 86_400, (7_200, 84), (21_600, 28)),
            (30 * 86_400, (28_800, 90), (86_400, 30)),
            (3_650 * 86_400, (8_640_000, 37), (8_640_000, 37)),
        ] {
            let range = TimeRange { from_s: 86_400_000, to_s: 86_400_000 + seconds };
            for (steps, expected) in [(Steps::for_chart(range), chart), (Steps::for_trend(range), trend)] {
                assert_eq!((steps.seconds, steps.count), expected, "{seconds} s");
                assert!(steps.to_s() >= range.to_s && steps.from_s <= range.from_s);
            }
        }
    }

    #[test]
    fn a_step_holds_its_buckets_and_no_other() {
        let steps = Steps::of(TimeRange { from_s: 1_010, to_s: 1_190 }, 60);
        assert_eq!((steps.from_s, steps.count, steps.to_s()), (960, 4, 1_200));
        assert_eq!((steps.at(1_010), steps.at(1_020), steps.at(1_190)), (Some(0), Some(1), Some(3)));
        assert_eq!((steps.at(950), steps.at(1_200)), (None, None));
    }
}

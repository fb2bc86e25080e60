//! Times at which an axis is marked: full minutes, hours and days of the viewer's clock.

const SECOND: f64 = 1000.0;
const MINUTE: f64 = 60.0 * SECOND;
const HOUR: f64 = 60.0 * MINUTE;
const DAY: f64 = 24.0 * HOUR;

/// Lengths between two ticks, ms.
const STEPS: [f64; 22] = [
    SECOND,
    2.0 * SECOND,
    5.0 * SECOND,
    10.0 * SECOND,
    15.0 * SECOND,
    30.0 * SECOND,
    MINUTE,
    2.0 * MINUTE,
    5.0 * MINUTE,
    10.0 * MINUTE,
    15.0 * MINUTE,
    30.0 * MINUTE,
    HOUR,
    2.0 * HOUR,
    3.0 * HOUR,
    6.0 * HOUR,
    12.0 * HOUR,
    DAY,
    2.0 * DAY,
    7.0 * DAY,
    14.0 * DAY,
    28.0 * DAY,
];
/// The first Monday after the epoch, at which weeks begin, ms.
const MONDAY: f64 = 4.0 * DAY;
/// More are never given, whatever is asked for.
const MOST: usize = 100;
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A marked time.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TimeTick {
    /// Milliseconds since 1970.
    pub(crate) at_ms: f64,
    /// `08:15`, `08:15:30`, and `24 Nov` where a day begins.
    pub(crate) label: String,
}

/// Times from one to another, at most as many as asked for and one. `offset_ms` is how far the viewer's clock is ahead
/// of UTC at a time.
pub(crate) fn time_ticks(
    (from_ms, to_ms): (f64, f64),
    most: usize,
    offset_ms: &dyn Fn(f64) -> f64,
) -> Vec<TimeTick> {
    let most = most.clamp(1, MOST);
    let length = to_ms - from_ms;
    if !(length.is_finite() && length > 0.0) {
        return Vec::new();
    }
    let fits = |step: &f64| length / step <= most as f64;
    let step = STEPS.into_iter().find(fits).unwrap_or_else(|| (length / DAY / most as f64).ceil() * DAY);
    let anchor = if step >= 7.0 * DAY { MONDAY } else { 0.0 };
    let first = ((from_ms + offset_ms(from_ms) - anchor) / step).ceil() * step + anchor;
    let mut ticks: Vec<TimeTick> = Vec::with_capacity(most + 1);
    // The clock may be set forward once, so that one more step is looked at.
    for index in 0..=most + 1 {
        let wall = first + index as f64 * step;
        let at_ms = wall - offset_ms(wall - offset_ms(wall));
        let is_later = ticks.last().is_none_or(|last| at_ms > last.at_ms);
        if (from_ms..=to_ms).contains(&at_ms) && is_later && ticks.len() <= most {
            ticks.push(TimeTick { at_ms, label: label(wall, step) });
        }
    }
    ticks
}

/// What stands at a tick, given the time that the viewer's clock shows.
fn label(wall_ms: f64, step: f64) -> String {
    let of_day = wall_ms.rem_euclid(DAY);
    if step >= DAY || of_day < SECOND {
        return day(wall_ms);
    }
    let (hour, minute) = ((of_day / HOUR).floor(), (of_day % HOUR / MINUTE).floor());
    if step >= MINUTE {
        return format!("{hour:02}:{minute:02}");
    }
    format!("{hour:02}:{minute:02}:{:02}", (of_day % MINUTE / SECOND).floor())
}

/// `24 Nov`.
fn day(wall_ms: f64) -> String {
    let (_, month, day) = date((wall_ms / DAY).floor() as i64);
    let name = MONTHS.get(month as usize - 1).unwrap_or(&"");
    format!("{day} {name}")
}

/// A time as RFC 3339 UTC, to the second.
pub(crate) fn rfc3339(seconds: i64) -> String {
    let (days, of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = date(days);
    let (hour, minute, second) = (of_day / 3600, of_day % 3600 / 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Year, month and day, given days since 1970: Howard Hinnant's `civil_from_days`.
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    // The year of this count begins in March.
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// 2026-11-24T08:00:00Z.
    const MORNING: f64 = 1_795_507_200_000.0;

    fn labels(range: (f64, f64), most: usize, offset_ms: f64) -> Vec<String> {
        time_ticks(range, most, &|_| offset_ms).into_iter().map(|tick| tick.label).collect()
    }

    #[test]
    fn ticks_stand_at_full_minutes_hours_and_days() {
        assert_eq!(labels((MORNING + 1.0, MORNING + 15.0 * MINUTE), 4, 0.0), ["08:05", "08:10", "08:15"]);
        assert_eq!(
            labels((MORNING, MORNING + 40.0 * SECOND), 4, 0.0),
            ["08:00:00", "08:00:10", "08:00:20", "08:00:30", "08:00:40"]
        );
        assert_eq!(labels((MORNING, MORNING + DAY), 4, 0.0), ["12:00", "18:00", "25 Nov", "06:00"]);
        // The 30th of November 2026 is a Monday.
        assert_eq!(labels((MORNING, MORNING + 28.0 * DAY), 4, 0.0), ["30 Nov", "7 Dec", "14 Dec", "21 Dec"]);
    }

    #[test]
    fn the_viewers_clock_decides_where_they_stand() {
        let half = 5.5 * HOUR;
        let ticks = time_ticks((MORNING, MORNING + 3.0 * HOUR), 3, &|_| half);
        assert_eq!(ticks[0].label, "14:00");
        assert_eq!(ticks[0].at_ms, MORNING + 0.5 * HOUR);
    }

    #[test]
    fn a_clock_that_is_set_back_marks_no_hour_twice() {
        let change = MORNING + 3.0 * HOUR;
        let offset = |at: f64| if at < change { 2.0 * HOUR } else { HOUR };
        let ticks = time_ticks((MORNING, MORNING + 6.0 * HOUR), 6, &offset);
        assert!(ticks.is_sorted_by(|a, b| a.at_ms < b.at_ms));
        assert!(ticks.windows(2).all(|pair| pair[0].label != pair[1].label), "{ticks:?}");
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        let cases = [(0.0, "1 Jan"), (951_782_400_000.0, "29 Feb"), (-DAY, "31 Dec"), (MORNING, "24 Nov")];
        for (at, wanted) in cases {
            assert_eq!(day(at), wanted);
        }
        assert_eq!(rfc3339((MORNING / 1000.0) as i64 + 61), "2026-11-24T08:01:01Z");
        assert_eq!([-1, 951_782_399].map(rfc3339), ["1969-12-31T23:59:59Z", "2000-02-28T23:59:59Z"]);
    }

    proptest! {
        #[test]
        fn there_are_few_and_they_lie_within_the_range(
            from in 0.0..4e12_f64, length in 1000.0..1e11_f64, most in 1..12_usize, zone in -12..14_i32,
        ) {
            let ticks = time_ticks((from, from + length), most, &|_| f64::from(zone) * HOUR);
            prop_assert!(ticks.len() <= most + 1);
            prop_assert!(ticks.iter().all(|tick| (from..=from + length).contains(&tick.at_ms)));
            prop_assert!(ticks.is_sorted_by(|a, b| a.at_ms < b.at_ms));
        }
    }

    #[test]
    fn no_range_has_no_ticks() {
        for range in [(0.0, 0.0), (5.0, 1.0), (f64::NAN, 1.0), (0.0, f64::INFINITY)] {
            assert!(time_ticks(range, 5, &|_| 0.0).is_empty());
        }
    }
}

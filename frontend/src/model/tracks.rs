//! What the charts of a service show: a series as lines and bars with their names, signs and values in words.

use sidecarta_queries::api::graph::Quantile;
use sidecarta_queries::api::series::{NamedCount, Percentiles, Series, SeriesPoint};

use crate::components::measures::quantile;
use crate::format;

/// How a track is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A part of a bar.
    Bar,
    /// A line of one level a step.
    Line,
    /// A mark above each step that has a value.
    Mark,
}

/// What the values of a chart are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Events per second.
    Rate,
    /// Events.
    Count,
    /// Milliseconds.
    Duration,
}

impl Unit {
    /// A value in words.
    pub(crate) fn text(self, value: f64) -> String {
        match self {
            Self::Rate => format::rate(value),
            Self::Count => format::short(value),
            Self::Duration => format::duration(value),
        }
    }
}

/// One line, mark, or part of all bars.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Track {
    /// Its name.
    pub(crate) name: &'static str,
    /// The class that gives it its colour and its pattern.
    pub(crate) class: &'static str,
    /// How it is drawn.
    pub(crate) shape: Shape,
    /// The value of each step, where one is known.
    pub(crate) values: Vec<Option<f64>>,
    /// The bounds between which the truth of each step lies; none at all where values are exact.
    pub(crate) bounds: Vec<Option<(f64, f64)>>,
    /// The value of each step in words, and last that of all steps together.
    pub(crate) words: Vec<String>,
}

impl Track {
    /// The value of a step in words, or that of all steps together.
    pub(crate) fn text(&self, step: Option<usize>) -> &str {
        let last = self.words.len().saturating_sub(1);
        self.words.get(step.unwrap_or(last).min(last)).map_or("–", String::as_str)
    }
}

/// The largest value or bound of some tracks, and the smallest above zero.
pub(crate) fn extent(tracks: &[Track]) -> Option<(f64, f64)> {
    let (mut low, mut high) = (f64::INFINITY, 0.0_f64);
    let drawn = tracks.iter().filter(|track| track.shape == Shape::Line);
    for track in drawn {
        let bounds = track.bounds.iter().flatten().flat_map(|(low, high)| [*low, *high]);
        for value in track.values.iter().flatten().copied().chain(bounds).filter(|value| value.is_finite()) {
            high = high.max(value);
            low = if value > 0.0 { low.min(value) } else { low };
        }
    }
    (high > 0.0).then_some((low, high))
}

type Count = fn(&SeriesPoint) -> u64;

/// Classes of answers in the order in which they are stacked: what went well below.
const CLASSES: [(&str, &str, Count); 6] = [
    ("2xx", "is-2xx", |point| point.classes.success),
    ("3xx", "is-3xx", |point| point.classes.redirection),
    ("1xx", "is-1xx", |point| point.classes.informational),
    ("4xx", "is-4xx", |point| point.classes.client_error),
    ("5xx", "is-5xx", |point| point.classes.server_error),
    ("No status", "is-none-xx", |point| point.classes.none),
];

/// Requests per second by the class of their answer, with the tries that were sent for them. Classes that never occurred
/// are left out.
pub(crate) fn requests(series: &Series) -> Vec<Track> {
    let step = f64::from(series.step_s.max(1));
    let whole = step * series.points.len().max(1) as f64;
    let track = |name, class, shape, count: Count| {
        let rates = series.points.iter().map(|point| count(point) as f64 / step);
        let total = count(&series.total) as f64 / whole;
        let words = rates.clone().chain([total]).map(format::rate).collect();
        Track { name, class, shape, values: rates.map(Some).collect(), bounds: Vec::new(), words }
    };
    let there = CLASSES.into_iter().filter(|(.., count)| count(&series.total) > 0);
    let mut tracks: Vec<Track> =
        there.map(|(name, class, count)| track(name, class, Shape::Bar, count)).collect();
    if series.total.attempts > 0 {
        tracks.push(track("Attempts", "is-attempts", Shape::Line, |point| point.attempts));
    }
    tracks
}

const FAILURES: [(&str, &str, Count); 4] = [
    ("Failed", "is-failed", |point| point.errors),
    ("Timed out", "is-timeout", |point| point.timeouts),
    ("Tried again", "is-retry", |point| point.retries),
    ("Not connected", "is-refused", |point| point.connection_failures),
];

/// What went wrong, by the number of times a step.
pub(crate) fn failures(series: &Series) -> Vec<Track> {
    let track = |(name, class, count): (&'static str, &'static str, Count)| Track {
        name,
        class,
        shape: Shape::Line,
        values: series.points.iter().map(|point| Some(count(point) as f64)).collect(),
        bounds: Vec::new(),
        words: series.points.iter().chain([&series.total]).map(|point| format::count(count(point))).collect(),
    };
    FAILURES.map(track).into()
}

type Percentile = fn(&Percentiles) -> Quantile;

/// The percentiles by their names, with what tells their lines apart.
pub(crate) const PERCENTILES: [(&str, &str, Percentile); 6] = [
    ("p50", "is-p50", |latency| latency.p50),
    ("p75", "is-p75", |latency| latency.p75),
    ("p90", "is-p90", |latency| latency.p90),
    ("p95", "is-p95", |latency| latency.p95),
    ("p99", "is-p99", |latency| latency.p99),
    ("p99.9", "is-p999", |latency| latency.p999),
];
/// The lines that are drawn where the viewer has chosen none.
pub(crate) const FIRST_LINES: &str = "p50,p90,p99";
/// The line of what proxies add.
pub(crate) const PROXY_ADDED: &str = "proxy p50";

/// Percentiles of each step with their bounds, and a mark where requests timed out, whose latency nobody knows.
pub(crate) fn latency(series: &Series, lines: &str) -> Vec<Track> {
    let is_wanted = |name: &str| lines.split(',').any(|line| line == name);
    let mut tracks: Vec<Track> = PERCENTILES
        .into_iter()
        .filter(|(name, ..)| is_wanted(name))
        .map(|(name, class, of)| percentile(series, name, class, |point| point.latency.as_ref().map(of)))
        .collect();
    if is_wanted(PROXY_ADDED) {
        let added = |point: &SeriesPoint| point.proxy_added.map(|added| added.p50);
        tracks.push(percentile(series, PROXY_ADDED, "is-proxy", added));
    }
    if series.total.timeouts > 0 {
        let timeouts = series.points.iter().map(|point| point.timeouts);
        tracks.push(Track {
            name: "Timed out",
            class: "is-timeout",
            shape: Shape::Mark,
            values: timeouts.clone().map(|count| (count > 0).then_some(count as f64)).collect(),
            bounds: Vec::new(),
            words: timeouts.chain([series.total.timeouts]).map(format::count).collect(),
        });
    }
    tracks
}

fn percentile(
    series: &Series,
    name: &'static str,
    class: &'static str,
    of: impl Fn(&SeriesPoint) -> Option<Quantile>,
) -> Track {
    let known: Vec<Option<Quantile>> = series.points.iter().map(&of).collect();
    let words = known.iter().copied().chain([of(&series.total)]);
    Track {
        name,
        class,
        shape: Shape::Line,
        values: known.iter().map(|one| one.map(|one| one.ms)).collect(),
        bounds: known
            .iter()
            .map(|one| one.map(|one| (one.low_ms, one.high_ms.unwrap_or(f64::INFINITY))))
            .collect(),
        words: words.map(|one| one.map_or_else(|| "–".to_owned(), quantile)).collect(),
    }
}

/// Names with their counts: `UH 12, UF 3`; a dash where there are none.
pub(crate) fn named(counts: &[NamedCount]) -> String {
    if counts.is_empty() {
        return "–".to_owned();
    }
    let one = |count: &NamedCount| format!("{} {}", count.name, format::count(count.count));
    counts.iter().map(one).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use sidecarta_queries::api::series::StatusClasses;

    use super::*;

    fn point(success: u64, failed: u64, latency: Option<f64>) -> SeriesPoint {
        let quantile =
            |ms: f64| Quantile { ms, low_ms: ms * 0.5, high_ms: (ms < 1000.0).then_some(ms * 2.0) };
        SeriesPoint {
            requests: success + failed,
            errors: failed,
            attempts: success + 2 * failed,
            timeouts: failed / 2,
            classes: StatusClasses { success, server_error: failed, ..StatusClasses::default() },
            latency: latency.map(|ms| Percentiles { count: 1, p50: quantile(ms), ..Percentiles::default() }),
            ..SeriesPoint::default()
        }
    }

    fn series() -> Series {
        Series {
            step_s: 10,
            points: vec![point(20, 0, Some(5.0)), point(0, 0, None), point(40, 10, Some(2000.0))],
            total: point(60, 10, Some(5.0)),
            ..Series::default()
        }
    }

    #[test]
    fn classes_that_never_occurred_are_left_out() {
        let tracks = requests(&series());
        assert_eq!(tracks.iter().map(|track| track.name).collect::<Vec<_>>(), ["2xx", "5xx", "Attempts"]);
        assert_eq!(tracks[0].values, [Some(2.0), Some(0.0), Some(4.0)]);
        assert_eq!((tracks[0].text(Some(2)), tracks[0].text(None)), ("4/s", "2/s"));
        assert_eq!(requests(&Series::default()), []);
    }

    #[test]
    fn percentiles_have_gaps_and_bounds_and_timeouts_marks() {
        let tracks = latency(&series(), "p50,proxy p50");
        assert_eq!(
            tracks.iter().map(|track| track.name).collect::<Vec<_>>(),
            ["p50", PROXY_ADDED, "Timed out"]
        );
        assert_eq!(tracks[0].values, [Some(5.0), None, Some(2000.0)]);
        assert_eq!(tracks[0].bounds[2], Some((1000.0, f64::INFINITY)));
        assert_eq!(tracks[0].text(Some(1)), "–");
        assert_eq!(tracks[0].text(Some(2)).replace('\u{202f}', " "), "≥ 1 s");
        assert_eq!(tracks[2].values, [None, None, Some(5.0)]);
        assert_eq!(extent(&tracks), Some((2.5, 2000.0)));
        assert_eq!(extent(&latency(&Series::default(), FIRST_LINES)), None);
    }

    #[test]
    fn failures_are_counted_also_where_there_are_none() {
        let tracks = failures(&series());
        assert_eq!(tracks.len(), 4);
        assert_eq!((tracks[0].text(None), tracks[3].text(None)), ("10", "0"));
        assert_eq!(extent(&tracks), Some((5.0, 10.0)));
    }

    #[test]
    fn names_stand_with_their_counts() {
        let counts = [("UH", 12), ("UF", 3)].map(|(name, count)| NamedCount { name: name.to_owned(), count });
        assert_eq!(named(&counts), "UH 12, UF 3");
        assert_eq!(named(&[]), "–");
    }
}

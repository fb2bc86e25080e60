//! The window of time that is looked at, and where things stand in it.

use std::fmt::Write;

/// The shortest window, ns.
const SHORTEST: f64 = 1000.0;
/// Units that a lane is wide in its drawing.
pub(crate) const LANE: f64 = 1000.0;
/// The least width that is drawn, in units of a lane.
const LEAST: f64 = 1.5;

/// A stretch of a trace, ns after its start.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Stretch {
    /// Where it starts.
    pub(crate) from: f64,
    /// Where it ends.
    pub(crate) to: f64,
}

impl Stretch {
    /// A whole trace.
    pub(crate) fn whole(duration_ns: u64) -> Self {
        Self { from: 0.0, to: (duration_ns as f64).max(SHORTEST) }
    }

    /// Its length, ns.
    pub(crate) fn length(self) -> f64 {
        self.to - self.from
    }

    /// Where a moment stands as a share of the window: 0 at its start, 1 at its end.
    pub(crate) fn share(self, ns: f64) -> f64 {
        (ns - self.from) / self.length()
    }

    /// The moment at a share of the window.
    pub(crate) fn at(self, share: f64) -> f64 {
        self.from + share * self.length()
    }

    /// The part of a span that is seen, as shares; nothing where it lies outside.
    pub(crate) fn seen(self, offset_ns: i64, duration_ns: u64) -> Option<(f64, f64)> {
        let from = self.share(offset_ns as f64);
        let to = self.share(offset_ns as f64 + duration_ns as f64);
        (from <= 1.0 && to >= 0.0).then(|| (from.max(0.0), to.min(1.0)))
    }

    /// Goes nearer by a factor while the moment at a share stays where it is, within a whole trace.
    pub(crate) fn zoomed(self, factor: f64, share: f64, whole: Self) -> Self {
        let length = (self.length() / factor).clamp(SHORTEST.min(whole.length()), whole.length());
        let from = self.at(share) - share * length;
        Self { from, to: from + length }.within(whole)
    }

    /// Goes on by some ns, within a whole trace.
    pub(crate) fn moved(self, by: f64, whole: Self) -> Self {
        Self { from: self.from + by, to: self.to + by }.within(whole)
    }

    /// The stretch between two moments, in whatever order, within a whole trace and not too short.
    pub(crate) fn between(a: f64, b: f64, whole: Self) -> Self {
        let (from, to) = (a.min(b), a.max(b));
        let short = (SHORTEST.min(whole.length()) - (to - from)).max(0.0) / 2.0;
        Self { from: from - short, to: to + short }.within(whole)
    }

    /// Keeps the length as far as it fits and moves it inside.
    fn within(self, whole: Self) -> Self {
        let length = self.length().min(whole.length());
        let from = self.from.clamp(whole.from, whole.to - length);
        Self { from, to: from + length }
    }

    /// Moments to be marked on the axis with their words, at most about `wanted`.
    pub(crate) fn ticks(self, wanted: f64) -> Vec<(f64, String)> {
        let step = nice(self.length() / wanted.max(1.0));
        let first = (self.from / step).ceil();
        let count = ((self.to / step).floor() - first).clamp(0.0, 100.0) as u32;
        (0..=count)
            .map(|at| (first + f64::from(at)) * step)
            .filter(|ns| *ns <= self.to)
            .map(|ns| (self.share(ns), moment(ns, step, self.to)))
            .collect()
    }
}

/// The next larger of 1, 2 and 5 times a power of ten.
fn nice(length: f64) -> f64 {
    let power = 10_f64.powf(length.max(1.0).log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|times| times * power);
    steps.into_iter().find(|step| *step >= length * 0.999).unwrap_or(power * 10.0)
}

/// A moment in a unit that suits the end of the window, with as many digits as its step needs.
fn moment(ns: f64, step: f64, to: f64) -> String {
    let (unit_ns, unit) = match to {
        to if to < 1e3 => (1.0, "ns"),
        to if to < 1e6 => (1e3, "µs"),
        to if to < 1e9 => (1e6, "ms"),
        to if to < 6e11 => (1e9, "s"),
        _ => (6e10, "min"),
    };
    let digits = (-(step / unit_ns).log10()).ceil().clamp(0.0, 6.0) as usize;
    format!("{:.digits$}\u{202f}{unit}", ns / unit_ns)
}

/// Pieces of time, by their start, as one path in a lane of [`LANE`] units: a rectangle for each, those too near to be
/// told apart as one that is as wide as they are together, so that many short pieces never look like one long one.
pub(crate) fn path_of(window: Stretch, pieces: &[(i64, u64)], top: f64, height: f64) -> String {
    let mut path = String::new();
    // A piece alone is seen however short it is.
    let least = if pieces.len() == 1 { LEAST } else { LEAST / 4.0 };
    let mut put = |from: f64, width: f64| {
        let width = width.max(least);
        // Writing to a string cannot fail.
        let _ = write!(path, "M{from:.2} {top}h{width:.2}v{height}h-{width:.2}z");
    };
    let mut open: Option<(f64, f64)> = None;
    for (offset, duration) in pieces {
        let Some((from, to)) = window.seen(*offset, *duration) else { continue };
        let (from, width) = (from * LANE, (to - from) * LANE);
        match &mut open {
            Some((first, together)) if from < *first + LEAST || from <= *first + *together + 0.01 => {
                *together += width;
            }
            _ => {
                if let Some((first, together)) = open.replace((from, width)) {
                    put(first, together);
                }
            }
        }
    }
    if let Some((first, together)) = open {
        put(first, together);
    }
    path
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WHOLE: Stretch = Stretch { from: 0.0, to: 1e9 };

    fn words(window: Stretch, wanted: f64) -> Vec<String> {
        window.ticks(wanted).into_iter().map(|(_, words)| words.replace('\u{202f}', " ")).collect()
    }

    #[test]
    fn ticks_are_round_numbers() {
        assert_eq!(
            words(Stretch { from: 0.0, to: 1e8 }, 5.0),
            ["0 ms", "20 ms", "40 ms", "60 ms", "80 ms", "100 ms"]
        );
        assert_eq!(words(Stretch { from: 1.2e9, to: 1.201e9 }, 2.0), ["1.2000 s", "1.2005 s", "1.2010 s"]);
        assert!(words(Stretch::whole(0), 5.0).len() > 2, "also of a trace without length");
    }

    #[test]
    fn pieces_that_touch_are_one_and_thin_ones_are_seen() {
        let many: Vec<(i64, u64)> = (0..100_000).map(|at| (at * 10_000, 10_000)).collect();
        assert_eq!(path_of(WHOLE, &many, 0.0, 1.0).matches('M').count(), 1);
        assert_eq!(path_of(WHOLE, &[(500_000_000, 0)], 2.0, 1.0), "M500.00 2h1.50v1h-1.50z");
        assert_eq!(path_of(WHOLE, &[(-9, 1), (2_000_000_000, 1)], 0.0, 1.0), "");
    }

    #[test]
    fn many_short_pieces_do_not_look_like_a_long_one() {
        let sparse: Vec<(i64, u64)> = (0..50_000).map(|at| (at * 20_000, 2_000)).collect();
        let path = path_of(WHOLE, &sparse, 0.0, 1.0);
        let widths = path
            .split('M')
            .filter_map(|piece| piece.split_once('h')?.1.split_once('v')?.0.parse::<f64>().ok());
        let (count, together) = widths.fold((0, 0.0), |(count, sum), width| (count + 1, sum + width));
        assert!(count < 1_000, "{count} rectangles");
        assert!(together < 0.3 * LANE, "a tenth is drawn as {together}");
    }

    proptest! {
        #[test]
        fn a_window_stays_within_its_trace(
            a in -1e9..2e9_f64, b in -1e9..2e9_f64, factor in 0.1..10.0_f64, share in 0.0..1.0_f64, by in -3e9..3e9_f64,
        ) {
            let window = Stretch::between(a, b, WHOLE);
            for window in [window, window.zoomed(factor, share, WHOLE), window.moved(by, WHOLE)] {
                prop_assert!(window.from >= 0.0 && window.to <= 1e9 * (1.0 + 1e-12));
                prop_assert!(window.length() >= SHORTEST * 0.999);
            }
        }

        #[test]
        fn zooming_keeps_the_moment_under_the_pointer(share in 0.1..0.9_f64, factor in 1.0..4.0_f64) {
            let window = Stretch { from: 4e8, to: 6e8 };
            let moment = window.at(share);
            prop_assert!((window.zoomed(factor, share, WHOLE).at(share) - moment).abs() < 1.0);
        }
    }
}

//! The part of a chart that is chosen: a time range, a range of durations, or both.

/// What is chosen. At least one of its bounds is there.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Selection {
    /// From when, inclusive, until when, exclusive, seconds since 1970.
    pub(crate) time: Option<(i64, i64)>,
    /// The shortest duration, inclusive, ms.
    pub(crate) low_ms: Option<f64>,
    /// The longest duration, exclusive, ms.
    pub(crate) high_ms: Option<f64>,
}

impl Selection {
    /// Reads what [`Selection::written`] wrote; nothing where it is something else.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (times, durations) = text.split_once(',')?;
        let time = match bounds::<i64>(times)? {
            (None, None) => None,
            (Some(from), Some(to)) if from < to => Some((from, to)),
            _ => return None,
        };
        let (low_ms, high_ms) = bounds::<f64>(durations)?;
        let sound = |ms: Option<f64>| ms.is_none_or(|ms| ms.is_finite() && ms >= 0.0);
        let is_empty = low_ms.zip(high_ms).is_some_and(|(low, high)| low >= high);
        let chooses = time.is_some() || low_ms.is_some() || high_ms.is_some();
        (chooses && sound(low_ms) && sound(high_ms) && !is_empty).then_some(Self { time, low_ms, high_ms })
    }

    /// As it stands in the URL: `1795507200..1795507260,5..7`, without what has no bound.
    pub(crate) fn written(self) -> String {
        let (from, to) = self.time.unzip();
        format!("{}..{},{}..{}", text(from), text(to), text(self.low_ms), text(self.high_ms))
    }
}

fn text<T: ToString>(bound: Option<T>) -> String {
    bound.map(|bound| bound.to_string()).unwrap_or_default()
}

/// Two bounds that may be missing; nothing where one cannot be read.
fn bounds<T: std::str::FromStr>(text: &str) -> Option<(Option<T>, Option<T>)> {
    let (low, high) = text.split_once("..")?;
    let bound = |text: &str| if text.is_empty() { Some(None) } else { text.parse().ok().map(Some) };
    Some((bound(low)?, bound(high)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_selection_is_none() {
        let cases =
            ["", ",", "..,..", "5..,..", "9..5,..", "..,7..5", "..,NaN..", "..,-1..2", "a..b,1..2", "1..2"];
        for text in cases {
            assert_eq!(Selection::parse(text), None, "{text}");
        }
        let wanted = Selection { time: None, low_ms: Some(0.5), high_ms: None };
        assert_eq!(Selection::parse("..,0.5.."), Some(wanted));
    }

    proptest! {
        #[test]
        fn a_selection_comes_back_from_the_url(
            time in prop::option::of((0..4_000_000_000_i64, 1..100_000_i64)),
            low in prop::option::of(0.0..1e7_f64), width in 0.001..1e6_f64, open: bool,
        ) {
            let selection = Selection {
                time: time.map(|(from, length)| (from, from + length)),
                low_ms: low,
                high_ms: (!open).then(|| low.unwrap_or_default() + width),
            };
            if selection != Selection::default() {
                prop_assert_eq!(Selection::parse(&selection.written()), Some(selection));
            }
        }

        #[test]
        fn any_text_is_read_without_harm(text in ".{0,40}") {
            let _ = Selection::parse(&text);
        }
    }
}

//! How numbers are written, everywhere the same.
//!
//! Three significant digits are what a person reads; a thin no-break space stands between a number and its unit so
//! that a line never breaks there.

/// Between a number and its unit.
const SPACE: char = '\u{202f}';

/// Events per second: `12.3/s`, `1.2k/s`, and `<0.01/s` for what is rare but not nothing.
pub(crate) fn rate(per_second: f64) -> String {
    if per_second > 0.0 && per_second < 0.01 {
        return "<0.01/s".to_owned();
    }
    format!("{}/s", short(per_second))
}

/// A ratio from 0 to 1 as a percentage: `0 %`, `<0.1 %`, `0.4 %`, `12 %`.
pub(crate) fn percent(ratio: f64) -> String {
    let value = ratio * 100.0;
    let text = if value <= 0.0 {
        "0".to_owned()
    } else if value < 0.1 {
        "<0.1".to_owned()
    } else if value < 9.95 {
        trimmed(value, 1)
    } else {
        format!("{value:.0}")
    };
    format!("{text}{SPACE}%")
}

/// A duration given in milliseconds: `840 µs`, `12.3 ms`, `1.24 s`, `2.5 min`, `24 h`.
pub(crate) fn duration(ms: f64) -> String {
    let (value, unit) = if ms > 0.0 && ms < 0.000_999_5 {
        (ms * 1_000_000.0, "ns")
    } else if ms < 0.9995 {
        (ms * 1000.0, "µs")
    } else if ms < 999.5 {
        (ms, "ms")
    } else if ms < 59_995.0 {
        (ms / 1000.0, "s")
    } else if ms < 5_400_000.0 {
        (ms / 60_000.0, "min")
    } else {
        (ms / 3_600_000.0, "h")
    };
    format!("{}{SPACE}{unit}", significant(value))
}

/// A duration that may not be known.
pub(crate) fn duration_or_dash(ms: Option<f64>) -> String {
    ms.map_or_else(|| "–".to_owned(), duration)
}

/// A whole count with its thousands parted: `12 345`.
pub(crate) fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(SPACE);
        }
        text.push(digit);
    }
    text
}

/// A size: `812 B`, `3.4 MB`.
pub(crate) fn bytes(value: u64) -> String {
    let mut size = value as f64;
    let mut unit = "B";
    for next in ["kB", "MB", "GB", "TB"] {
        if size < 999.5 {
            break;
        }
        size /= 1000.0;
        unit = next;
    }
    format!("{}{SPACE}{unit}", significant(size))
}

/// How long ago something was, given in milliseconds: `just now`, `12 s ago`, `3 h ago`.
pub(crate) fn ago(ms: f64) -> String {
    if ms < 1500.0 { "just now".to_owned() } else { format!("{} ago", lasting(ms)) }
}

/// How long something lasts that is worth no more than a look, given in milliseconds: `12 s`, `3 h`, `80 days`.
pub(crate) fn lasting(ms: f64) -> String {
    let seconds = (ms / 1000.0).max(0.0);
    let (value, unit) = match seconds {
        s if s < 90.0 => (s, "s"),
        s if s < 5400.0 => (s / 60.0, "min"),
        s if s < 129_600.0 => (s / 3600.0, "h"),
        s => (s / 86_400.0, "days"),
    };
    format!("{value:.0}{SPACE}{unit}")
}

/// A count and its noun: `1 service`, `12 services`.
pub(crate) fn plural(value: u64, one: &str, many: &str) -> String {
    let noun = if value == 1 { one } else { many };
    format!("{}{SPACE}{noun}", count(value))
}

/// Three significant digits with `k`, `M`, `G` for thousands.
pub(crate) fn short(value: f64) -> String {
    let mut value = value;
    let mut suffix = "";
    for next in ["k", "M", "G"] {
        if value < 999.5 {
            break;
        }
        value /= 1000.0;
        suffix = next;
    }
    format!("{}{suffix}", significant(value))
}

/// Up to three significant digits, at most two of them after the point.
fn significant(value: f64) -> String {
    match value {
        v if v >= 99.95 => format!("{v:.0}"),
        v if v >= 9.995 => trimmed(v, 1),
        v => trimmed(v, 2),
    }
}

/// A fixed number of digits after the point without the zeros at the end.
fn trimmed(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plain spaces are easier to compare.
    fn plain(text: &str) -> String {
        text.replace(SPACE, " ")
    }

    #[test]
    fn rates_keep_three_digits() {
        let cases = [
            (0.0, "0/s"),
            (0.004, "<0.01/s"),
            (0.25, "0.25/s"),
            (12.34, "12.3/s"),
            (20.0, "20/s"),
            (999.4, "999/s"),
            (999.6, "1k/s"),
            (1234.0, "1.23k/s"),
            (2_500_000.0, "2.5M/s"),
        ];
        for (value, text) in cases {
            assert_eq!(rate(value), text, "{value}");
        }
    }

    #[test]
    fn a_small_share_is_never_shown_as_none() {
        let cases = [
            (0.0, "0 %"),
            (0.0004, "<0.1 %"),
            (0.004, "0.4 %"),
            (0.05, "5 %"),
            (0.123, "12 %"),
            (1.0, "100 %"),
        ];
        for (value, text) in cases {
            assert_eq!(plain(&percent(value)), text, "{value}");
        }
    }

    #[test]
    fn durations_choose_their_unit() {
        let cases = [
            (0.0, "0 µs"),
            (0.84, "840 µs"),
            (0.9999, "1 ms"),
            (12.34, "12.3 ms"),
            (999.7, "1 s"),
            (1240.0, "1.24 s"),
            (150_000.0, "2.5 min"),
            (0.000_001, "1 ns"),
            (86_400_000.0, "24 h"),
        ];
        for (value, text) in cases {
            assert_eq!(plain(&duration(value)), text, "{value}");
        }
    }

    #[test]
    fn counts_are_parted_by_thousands() {
        assert_eq!(plain(&count(7)), "7");
        assert_eq!(plain(&count(1234)), "1 234");
        assert_eq!(plain(&count(12_345_678)), "12 345 678");
        assert_eq!(plain(&plural(1, "edge", "edges")), "1 edge");
        assert_eq!(plain(&plural(2, "edge", "edges")), "2 edges");
    }

    #[test]
    fn sizes_and_ages_are_rounded() {
        assert_eq!(plain(&bytes(812)), "812 B");
        assert_eq!(plain(&bytes(3_400_000)), "3.4 MB");
        assert_eq!(ago(900.0), "just now");
        assert_eq!(plain(&ago(12_000.0)), "12 s ago");
        assert_eq!(plain(&ago(10_800_000.0)), "3 h ago");
        assert_eq!(plain(&lasting(0.0)), "0 s");
        assert_eq!(plain(&lasting(6_912_000_000.0)), "80 days");
    }
}

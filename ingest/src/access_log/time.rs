//! Envoy's `%START_TIME(…)%`: the formats of `strftime` with Envoy's and absl's additions, read back.

use jiff::Timestamp;
use jiff::fmt::strtime::{self, BrokenDownTime};

/// How a point in time is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TimeFormat {
    /// RFC 3339, which Envoy writes unless it is told otherwise.
    Rfc3339,
    /// Seconds since 1970 with this many digits of fraction right behind them: `%s%3f`.
    Epoch {
        /// 0 to 9.
        fraction_digits: usize,
    },
    /// A format of `strftime`, in the words of jiff.
    Strftime(String),
}

impl TimeFormat {
    /// Takes the argument of `START_TIME`. The error says in words what is wrong.
    pub(super) fn compile(argument: &str) -> Result<Self, String> {
        if argument.is_empty() {
            return Ok(Self::Rfc3339);
        }
        if let Some(fraction_digits) = epoch_digits(argument) {
            return Ok(Self::Epoch { fraction_digits });
        }
        let compiled = Self::Strftime(translated(argument));
        // What it writes it must be able to read: that finds formats that leave out the year, or the seconds.
        let Ok(sample) = SAMPLE.parse::<Timestamp>() else { return Ok(compiled) };
        let Self::Strftime(format) = &compiled else { return Ok(compiled) };
        let written = strtime::format(format.as_str(), &sample.to_zoned(jiff::tz::TimeZone::UTC))
            .map_err(|error| format!("the time format `{argument}` is not known: {error}"))?;
        match compiled.read(&written) {
            Some(ns) if ns.div_euclid(NS_PER_S) == sample.as_second() => Ok(compiled),
            _ => Err(format!("the time format `{argument}` does not tell date and time to the second")),
        }
    }

    /// The point in time, ns since 1970. A time without an offset is taken for UTC.
    pub(super) fn read(&self, text: &str) -> Option<i64> {
        if text.len() > MAX_BYTES {
            return None;
        }
        match self {
            Self::Rfc3339 => {
                let time: Timestamp = text.parse().ok()?;
                i64::try_from(time.as_nanosecond()).ok()
            }
            Self::Epoch { fraction_digits } => {
                let split = text.len().checked_sub(*fraction_digits)?;
                let (seconds, fraction) = text.split_at_checked(split)?;
                let nanoseconds = if fraction.is_empty() { 0 } else { fraction_ns(fraction)? };
                seconds.parse::<i64>().ok()?.checked_mul(NS_PER_S)?.checked_add(nanoseconds)
            }
            Self::Strftime(format) => read_strftime(format, text),
        }
    }
}

/// No time is written longer than this. What is longer is not looked at: a line may be tried at many places.
const MAX_BYTES: usize = 100;

const NS_PER_S: i64 = 1_000_000_000;

/// No two parts of it are alike, and none is a single digit.
const SAMPLE: &str = "2031-12-23T16:47:58Z";

/// The digits of fraction in `%s`, `%s%f` and `%s%3f`.
fn epoch_digits(argument: &str) -> Option<usize> {
    match argument.strip_prefix("%s")? {
        "" => Some(0),
        "%f" => Some(9),
        rest => {
            let digit = rest.strip_prefix('%')?.strip_suffix('f')?;
            digit.parse().ok().filter(|digits| (1..=9).contains(digits))
        }
    }
}

/// From Envoy's and absl's specifiers to those of jiff: `%3f` and `%6f` are read as `%f`, `%E3S` and `%E*S` as seconds
/// with a fraction, `%Ez` as `%:z`, `%E4Y` as `%Y`, `%ET` as `T`.
fn translated(argument: &str) -> String {
    let mut out = String::with_capacity(argument.len() + 4);
    let mut rest = argument;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let (taken, jiff) = match rest.as_bytes() {
            [b'1'..=b'9', b'f', ..] => (2, "%f"),
            [b'E', b'0'..=b'9' | b'*', b'S', ..] => (3, "%S%.f"),
            [b'E', b'0'..=b'9' | b'*', b'f', ..] => (3, "%f"),
            [b'E', b'4', b'Y', ..] => (3, "%Y"),
            [b'E', b'z', ..] => (2, "%:z"),
            [b'E', b'T', ..] => (2, "T"),
            [b'%', ..] => (1, "%%"),
            _ => (0, "%"),
        };
        out.push_str(jiff);
        rest = &rest[taken..];
    }
    out.push_str(rest);
    out
}

fn read_strftime(format: &str, text: &str) -> Option<i64> {
    let parts = BrokenDownTime::parse(format, text).ok()?;
    let fraction = i64::from(parts.subsec_nanosecond().unwrap_or(0));
    if let Some(time) = parts.timestamp() {
        time.as_second().checked_mul(NS_PER_S)?.checked_add(fraction)
    } else {
        let offset = parts.offset().unwrap_or(jiff::tz::Offset::UTC);
        let time = offset.to_timestamp(parts.to_datetime().ok()?).ok()?;
        i64::try_from(time.as_nanosecond()).ok()
    }
}

/// Up to nine digits of a fraction of a second, in ns.
fn fraction_ns(digits: &str) -> Option<i64> {
    if digits.len() > 9 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse::<i64>().ok()?.checked_mul(10_i64.pow(9 - digits.len() as u32))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(format: &str, text: &str) -> Option<i64> {
        TimeFormat::compile(format).unwrap().read(text)
    }

    #[test]
    fn reads_the_formats_of_envoys_handbook() {
        let cases = [
            ("", "2026-11-23T08:36:53.279Z", 1_795_423_013_279_000_000),
            ("%Y/%m/%dT%H:%M:%S%z", "2026/11/23T09:36:53+0100", 1_795_423_013_000_000_000),
            ("%s", "1795423013", 1_795_423_013_000_000_000),
            ("%s.%3f", "1795423013.279", 1_795_423_013_279_000_000),
            ("%s.%9f", "1795423013.279000001", 1_795_423_013_279_000_001),
            ("%s%3f", "1795423013279", 1_795_423_013_279_000_000),
            ("%d/%b/%Y:%H:%M:%S %z", "23/Nov/2026:08:36:53 +0000", 1_795_423_013_000_000_000),
            ("%Y-%m-%dT%H:%M:%E3SZ", "2026-11-23T08:36:53.279Z", 1_795_423_013_279_000_000),
            ("%F %T.%6f", "2026-11-23 08:36:53.000279", 1_795_423_013_000_279_000),
            ("%Y%m%dT%H%M%S.%3f", "20261123T083653.279", 1_795_423_013_279_000_000),
            ("%E4Y-%m-%d%ET%H:%M:%S%Ez", "2026-11-23T08:36:53+00:00", 1_795_423_013_000_000_000),
        ];
        for (format, text, ns) in cases {
            assert_eq!(read(format, text), Some(ns), "{format}");
        }
    }

    #[test]
    fn formats_that_tell_no_time_are_refused_in_words() {
        for (format, words) in [
            ("%H:%M:%S", "does not tell"),
            ("%Y-%m-%d", "does not tell"),
            ("today", "does not tell"),
            ("%Y-%!", "is not known"),
        ] {
            let error = TimeFormat::compile(format).unwrap_err();
            assert!(error.contains(words), "{format}: {error}");
        }
    }

    #[test]
    fn what_is_no_time_gives_none() {
        for (format, text) in [
            ("", "-"),
            ("", "08:36"),
            ("%s", "soon"),
            ("%s%3f", "12"),
            ("%s%3f", "é1"),
            ("%s", "99999999999999999999"),
        ] {
            assert_eq!(read(format, text), None, "{format} {text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(format in ".{0,12}", text in ".{0,12}") {
            if let Ok(format) = TimeFormat::compile(&format) {
                let _ = format.read(&text);
            }
        }

        #[test]
        fn reads_back_every_millisecond(ms in 0_i64..4_000_000_000_000) {
            let text = Timestamp::from_millisecond(ms).unwrap().to_string();
            prop_assert_eq!(read("", &text), Some(ms * 1_000_000));
            let epoch = format!("{}.{:03}", ms / 1000, ms % 1000);
            prop_assert_eq!(read("%s.%3f", &epoch), Some(ms * 1_000_000));
        }
    }
}

//! Times: seconds since 1970 as decimal numbers, which are exact as they are written and would not be as floating point.

/// Digits after the point of a time that are looked at.
const MAX_DIGITS: usize = 40;
/// From here on, seconds must be milliseconds: the year 5138.
const MILLISECONDS_FROM: i128 = 100_000_000_000;
const NS_PER_S: i128 = 1_000_000_000;

/// Why a time cannot be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum TimeError {
    #[error("is not a number of seconds since 1970")]
    NotNumber,
    #[error("is so large that it must be in milliseconds, where seconds are expected")]
    Milliseconds,
    #[error("is not in a year that can be stored")]
    OutOfRange,
}

/// Reads a time as it stands in JSON, a number or a text that holds one; ns since 1970, rounded to the nearest.
pub(super) fn nanoseconds(raw: &str) -> Result<u64, TimeError> {
    let number = raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"')).unwrap_or(raw).trim();
    let nanoseconds = scaled(number).ok_or(TimeError::NotNumber)?;
    match nanoseconds {
        ..=0 => Err(TimeError::OutOfRange),
        _ if nanoseconds >= MILLISECONDS_FROM * NS_PER_S => Err(TimeError::Milliseconds),
        _ => i64::try_from(nanoseconds).map(|time| time as u64).map_err(|_| TimeError::OutOfRange),
    }
}

/// A decimal number times 1e9.
fn scaled(number: &str) -> Option<i128> {
    let (negative, number) = match number.strip_prefix('-') {
        Some(number) => (true, number),
        None => (false, number),
    };
    let (mantissa, exponent) = match number.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (number, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !are_digits(whole) || !are_digits(fraction) || whole.len() > MAX_DIGITS {
        return None;
    }
    let fraction = &fraction[..fraction.len().min(MAX_DIGITS)];
    // The digits without the point, and how many of them stand before it once nanoseconds are counted.
    let digits = [whole, fraction].concat();
    let point = i64::try_from(whole.len()).ok()? + i64::from(exponent) + 9;
    let mut value: i128 = 0;
    for position in 0..point.clamp(0, MAX_DIGITS as i64) {
        let digit = digits.as_bytes().get(position as usize).map_or(0, |byte| byte - b'0');
        value = value.saturating_mul(10).saturating_add(i128::from(digit));
    }
    if point > MAX_DIGITS as i64 && digits.bytes().any(|digit| digit != b'0') {
        return Some(i128::MAX);
    }
    let rounds_up = usize::try_from(point)
        .ok()
        .and_then(|at| digits.as_bytes().get(at))
        .is_some_and(|&digit| digit >= b'5');
    value = value.saturating_add(i128::from(rounds_up));
    Some(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn seconds_become_exact_nanoseconds() {
        for (text, expected) in [
            ("1795423385.1633489", Ok(1_795_423_385_163_348_900)),
            ("1795423385", Ok(1_795_423_385_000_000_000)),
            ("\"1795423385.5\"", Ok(1_795_423_385_500_000_000)),
            ("1.7954233851633489E9", Ok(1_795_423_385_163_348_900)),
            ("1795423385163348900e-9", Ok(1_795_423_385_163_348_900)),
            ("1795423385.1234567895", Ok(1_795_423_385_123_456_790)),
            ("1795423385.1234567894", Ok(1_795_423_385_123_456_789)),
            ("1795423385163", Err(TimeError::Milliseconds)),
            ("1e300", Err(TimeError::Milliseconds)),
            ("1e2147483647", Err(TimeError::Milliseconds)),
            ("1e-2147483648", Err(TimeError::OutOfRange)),
            ("10000000000", Err(TimeError::OutOfRange)),
            ("-1", Err(TimeError::OutOfRange)),
            ("0", Err(TimeError::OutOfRange)),
            ("true", Err(TimeError::NotNumber)),
            ("\"\"", Err(TimeError::NotNumber)),
            ("\"2026-11-23T08:43:05Z\"", Err(TimeError::NotNumber)),
            ("{}", Err(TimeError::NotNumber)),
            ("1e99999999999", Err(TimeError::NotNumber)),
        ] {
            assert_eq!(nanoseconds(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_time_is_read_as_it_was_written(time in 1_u64..9_000_000_000_000_000_000) {
            let written = format!("{}.{:09}", time / 1_000_000_000, time % 1_000_000_000);
            prop_assert_eq!(nanoseconds(&written), Ok(time));
            prop_assert_eq!(nanoseconds(&format!("{time}e-9")), Ok(time));
        }

        #[test]
        fn no_text_is_too_odd(text in ".{0,60}") {
            let _ = nanoseconds(&text);
        }

        #[test]
        fn no_number_is_too_odd(text in "-?[0-9]{0,60}[.]?[0-9]{0,60}[eE]?[-+]?[0-9]{0,12}") {
            let _ = nanoseconds(&text);
        }
    }
}

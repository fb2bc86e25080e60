//! Values that are not plain text: durations and ids.

/// Units of durations with their ns, the longest first.
const UNITS: [(&str, u64); 6] = [
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// A duration such as `250ms` or `1.5s`, ns.
pub(super) fn duration(text: &str) -> Option<u64> {
    let digits =
        text.len() - text.trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == '.').len();
    let (number, unit) = text.split_at(digits);
    let unit = if unit == "µs" || unit == "μs" { "us" } else { unit };
    let &(_, factor) = UNITS.iter().find(|(known, _)| *known == unit)?;
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || (number.contains('.') && part.is_empty()) || part.contains('.') {
        return None;
    }
    // Digits behind the point count as far as a ns goes.
    let mut ns = whole.parse::<u64>().ok()?.checked_mul(factor)?;
    let mut step = factor;
    for digit in part.bytes() {
        step /= 10;
        ns = ns.checked_add(u64::from(digit - b'0') * step)?;
    }
    Some(ns)
}

/// A duration as it is written: in the longest unit in which it is a whole number.
pub(super) fn duration_text(ns: u64) -> String {
    let unit = UNITS.iter().find(|(_, factor)| ns > 0 && ns.is_multiple_of(*factor)).unwrap_or(&UNITS[5]);
    format!("{}{}", ns / unit.1, unit.0)
}

/// The id of a trace: 32 hexadecimal digits, X-Ray's form, or within a W3C `traceparent`.
pub(super) fn trace_id(text: &str) -> Option<u128> {
    let parts: Vec<&str> = text.split('-').collect();
    let digits = match parts.as_slice() {
        [id] => (*id).to_owned(),
        ["1", seconds, rest] if seconds.len() == 8 && rest.len() == 24 => format!("{seconds}{rest}"),
        [version, id, span, flags] if (version.len(), span.len(), flags.len()) == (2, 16, 2) => {
            (*id).to_owned()
        }
        _ => return None,
    };
    hexadecimal(&digits, 32).filter(|&id| id != 0)
}

/// The id of a span: 16 hexadecimal digits.
pub(super) fn span_id(text: &str) -> Option<u64> {
    hexadecimal(text, 16).map(|id| id as u64).filter(|&id| id != 0)
}

fn hexadecimal(text: &str, digits: usize) -> Option<u128> {
    let is_hexadecimal = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hexadecimal.then(|| u128::from_str_radix(text, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_have_a_unit() {
        for (text, ns) in [
            ("250ms", Some(250_000_000)),
            ("1.5s", Some(1_500_000_000)),
            ("2m", Some(120_000_000_000)),
            ("0.25us", Some(250)),
            ("3µs", Some(3_000)),
            ("7ns", Some(7)),
            ("1h", Some(3_600_000_000_000)),
            ("250", None),
            ("ms", None),
            ("1.s", None),
            (".5s", None),
            ("1.2.3s", None),
            ("-1s", None),
            ("99999999999999h", None),
            ("5 s", None),
        ] {
            assert_eq!(duration(text), ns, "{text}");
        }
    }

    #[test]
    fn ids_come_in_three_forms() {
        let id = Some(0x5759_e988_bd86_2e3f_e1be_46a9_9427_2793);
        for text in [
            "5759e988bd862e3fe1be46a994272793",
            "5759E988BD862E3FE1BE46A994272793",
            "1-5759e988-bd862e3fe1be46a994272793",
            "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01",
        ] {
            assert_eq!(trace_id(text), id, "{text}");
        }
        for text in
            ["", "5759e988", "00000000000000000000000000000000", "+759e988bd862e3fe1be46a994272793", "1-2-3"]
        {
            assert_eq!(trace_id(text), None, "{text}");
        }
        assert_eq!(span_id("53995c3f42cd8ad8"), Some(0x5399_5c3f_42cd_8ad8));
        assert_eq!(span_id("53995c3f42cd8ad"), None);
    }

    proptest! {
        #[test]
        fn a_duration_is_read_as_it_was_written(ns: u64) {
            prop_assert_eq!(duration(&duration_text(ns)), Some(ns));
        }
    }
}

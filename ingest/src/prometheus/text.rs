//! Prometheus text and OpenMetrics text.
//!
//! The crate `prometheus-parse` takes a line apart. Its reading of whole expositions is not used: it loses series with the
//! empty label set `{}` that Envoy writes, and cuts labels at commas, braces and equals signs within their values.

use std::borrow::Cow;

use prometheus_parse::LineInfo;

use super::exposition::{Budget, DecodeLimits, Exposition, Format};
use super::family::{Kind, Labels};
use super::labels::{BadLabels, finished};

mod assembly;

use self::assembly::Assembly;

/// Reads an exposition. A line that cannot be read is counted and costs only itself.
pub(super) fn decode_text(body: &[u8], format: Format, limits: DecodeLimits) -> Exposition<'_> {
    let mut assembly = Assembly::new(Budget::new(limits));
    let mut is_ended = false;
    let mut rest = body;
    while !rest.is_empty() {
        let Some(end) = memchr_newline(rest) else {
            // The last line has no end, and so may be a part of a longer one.
            is_ended |= format == Format::OpenMetrics && rest.trim_ascii() == b"# EOF";
            assembly.rejects.is_cut |= !rest.trim_ascii().is_empty() && !is_ended;
            break;
        };
        let line = rest[..end].trim_ascii();
        rest = &rest[end + 1..];
        match std::str::from_utf8(line) {
            Ok("") => {}
            Ok("# EOF") if format == Format::OpenMetrics => {
                is_ended = true;
                break;
            }
            Ok(line) if line.starts_with('#') => comment(line, &mut assembly),
            Ok(line) => sample(line, format, &mut assembly),
            Err(_) => assembly.rejects.malformed += 1,
        }
    }
    assembly.rejects.is_cut |= format == Format::OpenMetrics && !is_ended;
    assembly.finished()
}

fn memchr_newline(bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|byte| *byte == b'\n')
}

/// What a comment says of a family. Help texts are of no use here.
fn comment<'a>(line: &'a str, assembly: &mut Assembly<'a>) {
    let mut words = line[1..].split_ascii_whitespace();
    match (words.next(), words.next(), words.next()) {
        (Some("TYPE"), Some(name), Some(kind)) if is_metric_name(name) => {
            let kind = match kind {
                "counter" => Kind::Counter,
                "gauge" => Kind::Gauge,
                "histogram" => Kind::Histogram,
                "summary" => Kind::Summary,
                _ => Kind::Unknown,
            };
            assembly.declare(name, kind);
        }
        (Some("UNIT"), Some(name), Some(unit)) => assembly.unit(name, unit),
        (Some("TYPE"), ..) => assembly.rejects.malformed += 1,
        _ => {}
    }
}

/// A line of a sample, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Line<'a> {
    name: &'a str,
    labels: &'a str,
    value: &'a str,
    timestamp: Option<&'a str>,
}

fn sample<'a>(line: &'a str, format: Format, assembly: &mut Assembly<'a>) {
    let Some(line) = apart(line) else {
        assembly.rejects.malformed += 1;
        return;
    };
    let timestamp_ms = line.timestamp.map(|text| timestamp_ms(text, format));
    let (Ok(value), Ok(timestamp_ms)) = (line.value.parse::<f64>(), timestamp_ms.transpose()) else {
        assembly.rejects.malformed += 1;
        return;
    };
    let limits = &assembly.budget.limits;
    if line.name.len() > limits.max_label_bytes {
        assembly.rejects.labels += 1;
        return;
    }
    match labels(line.labels, limits) {
        Ok(labels) => assembly.add(line.name, labels, value, timestamp_ms),
        Err(bad) => bad.count(&mut assembly.rejects),
    }
}

/// Takes a line apart.
fn apart(line: &str) -> Option<Line<'_>> {
    match LineInfo::parse(line) {
        LineInfo::Sample { metric_name, labels, value, timestamp }
            if labels.is_none_or(is_whole)
                && !value.starts_with('{')
                && !metric_name.starts_with(is_digit) =>
        {
            // What follows a `#` is an exemplar.
            let timestamp = timestamp.filter(|text| !text.starts_with('#'));
            Some(Line { name: metric_name, labels: labels.unwrap_or_default(), value, timestamp })
        }
        _ => apart_by_quotes(line),
    }
}

fn is_digit(letter: char) -> bool {
    letter.is_ascii_digit()
}

/// Whether every quote is closed. Where one is not, a brace within it was taken for the end.
fn is_whole(labels: &str) -> bool {
    let mut is_quoted = false;
    let mut bytes = labels.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => is_quoted = !is_quoted,
            b'\\' if is_quoted => {
                bytes.next();
            }
            _ => {}
        }
    }
    !is_quoted
}

/// Takes apart what the crate does not: empty label sets, braces in values, colons in names, no space before a value.
fn apart_by_quotes(line: &str) -> Option<Line<'_>> {
    let name_end = line.find(|letter: char| letter == '{' || letter.is_ascii_whitespace())?;
    let (name, rest) = line.split_at(name_end);
    let rest = rest.trim_ascii_start();
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(rest) => {
            let end = closing_brace(rest)?;
            (&rest[..end], &rest[end + 1..])
        }
        None => ("", rest),
    };
    let mut words = rest.split_ascii_whitespace();
    let value = words.next()?;
    let timestamp = words.next().filter(|text| !text.starts_with('#'));
    is_metric_name(name).then_some(Line { name, labels, value, timestamp })
}

fn closing_brace(text: &str) -> Option<usize> {
    let mut is_quoted = false;
    let mut bytes = text.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => is_quoted = !is_quoted,
            b'\\' if is_quoted => {
                bytes.next();
            }
            b'}' if !is_quoted => return Some(at),
            _ => {}
        }
    }
    None
}

fn is_metric_name(name: &str) -> bool {
    let is_start = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_' || byte == b':';
    name.bytes().next().is_some_and(is_start)
        && name.bytes().all(|byte| is_start(byte) || byte.is_ascii_digit())
}

fn timestamp_ms(text: &str, format: Format) -> Result<i64, ()> {
    if format == Format::Text {
        return text.parse().map_err(|_| ());
    }
    let seconds: f64 = text.parse().map_err(|_| ())?;
    let ms = (seconds * 1_000.0).round();
    // Beyond that a number of milliseconds is not exact, and the year has six digits.
    if ms.abs() < 9e15 { Ok(ms as i64) } else { Err(()) }
}

fn labels<'a>(text: &'a str, limits: &DecodeLimits) -> Result<Labels<'a>, BadLabels> {
    let mut labels = Vec::new();
    let mut rest = text.trim_ascii_start();
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=').ok_or(BadLabels::Malformed)?;
        let name = name.trim_ascii();
        let quoted = after.trim_ascii_start().strip_prefix('"').ok_or(BadLabels::Malformed)?;
        let end = closing_quote(quoted).ok_or(BadLabels::Malformed)?;
        if !is_metric_name(name) {
            return Err(BadLabels::Malformed);
        }
        if labels.len() >= limits.max_labels {
            return Err(BadLabels::Refused);
        }
        labels.push((Cow::Borrowed(name), unescaped(&quoted[..end])));
        rest = quoted[end + 1..].trim_ascii_start();
        if !rest.is_empty() {
            rest = rest.strip_prefix(',').ok_or(BadLabels::Malformed)?.trim_ascii_start();
        }
    }
    finished(labels, limits)
}

fn closing_quote(text: &str) -> Option<usize> {
    let mut bytes = text.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => return Some(at),
            b'\\' => {
                bytes.next();
            }
            _ => {}
        }
    }
    None
}

fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match (letter, letter == '\\') {
            (_, true) => match letters.next() {
                Some('n') => plain.push('\n'),
                Some(escaped @ ('\\' | '"')) => plain.push(escaped),
                // Not an escape, so the backslash stands for itself.
                Some(other) => plain.extend(['\\', other]),
                None => plain.push('\\'),
            },
            (letter, false) => plain.push(letter),
        }
    }
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests;

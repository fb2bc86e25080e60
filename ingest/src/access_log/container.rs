//! The wrapping that container runtimes put around what a proxy writes to its standard output.

use std::borrow::Cow;

use serde::Deserialize;

/// A line without its wrapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unwrapped<'a> {
    /// What the proxy wrote.
    pub(super) line: Cow<'a, str>,
    /// When the runtime took it, ns since 1970.
    pub(super) written_at_ns: Option<i64>,
}

/// A line of Docker's `json-file` driver.
#[derive(Deserialize)]
struct DockerLine<'a> {
    #[serde(borrow)]
    log: Cow<'a, str>,
    #[serde(borrow)]
    time: Cow<'a, str>,
}

/// Takes the wrapping off: that of Kubernetes' runtimes, `2026-11-23T08:36:53.279Z stdout F line`, and that of Docker,
/// `{"log":"line\n","stream":"stdout","time":"2026-11-23T08:36:53.279Z"}`. Other lines stay as they are.
pub(super) fn unwrapped(line: &str) -> Unwrapped<'_> {
    let wrapped = if line.starts_with(r#"{"log":""#) { docker(line) } else { kubernetes(line) };
    wrapped.unwrap_or(Unwrapped { line: Cow::Borrowed(line), written_at_ns: None })
}

fn docker(line: &str) -> Option<Unwrapped<'_>> {
    let DockerLine { log, time } = serde_json::from_str(line).ok()?;
    Some(Unwrapped { line: log, written_at_ns: Some(nanoseconds(&time)?) })
}

fn kubernetes(line: &str) -> Option<Unwrapped<'_>> {
    let (time, rest) = line.split_once(' ')?;
    let rest = rest.strip_prefix("stdout ").or_else(|| rest.strip_prefix("stderr "))?;
    // `P` marks a part of a line that was too long for the runtime.
    let line = rest.strip_prefix("F ").or_else(|| rest.strip_prefix("P "))?;
    Some(Unwrapped { line: Cow::Borrowed(line), written_at_ns: Some(nanoseconds(time)?) })
}

fn nanoseconds(time: &str) -> Option<i64> {
    i64::try_from(time.parse::<jiff::Timestamp>().ok()?.as_nanosecond()).ok()
}

#[cfg(test)]
mod tests {
    use super::unwrapped;

    #[test]
    fn the_wrapping_comes_off() {
        for wrapped in [
            "2026-11-23T08:36:53.279000001Z stdout F a \"line\"",
            r#"{"log":"a \"line\"\n","stream":"stdout","time":"2026-11-23T08:36:53.279000001Z"}"#,
        ] {
            let inner = unwrapped(wrapped);
            assert_eq!(inner.line.trim_end(), "a \"line\"", "{wrapped}");
            assert_eq!(inner.written_at_ns, Some(1_795_423_013_279_000_001));
        }
    }

    #[test]
    fn other_lines_stay_as_they_are() {
        for line in [
            "",
            "stdout F a",
            "soon stdout F a",
            "2026-11-23T08:36:53Z stdout a",
            r#"{"log":"a","time":"soon"}"#,
            r#"{"log":"a""#,
            r#"{"log":{"level":1},"time":"2026-11-23T08:36:53Z"}"#,
        ] {
            let inner = unwrapped(line);
            assert_eq!((inner.line.as_ref(), inner.written_at_ns), (line, None));
        }
    }
}

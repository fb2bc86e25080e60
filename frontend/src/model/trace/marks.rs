//! Events and log lines as marks at their place on a row.

use sidecarta_queries::api::traces::{LogSource, SpanEvent, TraceLog};

use super::TraceModel;
use super::timeline::Stretch;

/// Marks nearer to each other than this share of the window are one.
const NEAR: f64 = 0.008;

/// What a mark stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MarkKind {
    /// An event of a span.
    Event,
    /// A log record.
    Log,
    /// A line of a proxy's access log.
    AccessLog,
}

/// A mark on a row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Mark {
    /// Where it stands, as a share of the window.
    pub(crate) at: f64,
    /// What it stands for.
    pub(crate) kind: MarkKind,
    /// Whether it tells of a failure.
    pub(crate) is_bad: bool,
    /// What it says. Several lines where it stands for several.
    pub(crate) words: String,
}

/// The marks of some spans in a window, those at nearly the same place as one.
pub(crate) fn marks(model: &TraceModel, spans: &[u32], window: Stretch) -> Vec<Mark> {
    let mut marks = Vec::new();
    for at in spans {
        for event in model.span(*at).into_iter().flat_map(|span| &span.events) {
            let is_bad = is_exception(event);
            marks.extend(mark(window, event.offset_ns, MarkKind::Event, is_bad, &event_words(event)));
        }
        for log in model.logs_of(*at) {
            let kind = match log.source {
                LogSource::Log => MarkKind::Log,
                LogSource::AccessLog => MarkKind::AccessLog,
            };
            marks.extend(mark(window, log.offset_ns, kind, is_bad_log(log), &log.body));
        }
    }
    marks.sort_by(|a, b| a.at.total_cmp(&b.at));
    let mut drawn: Vec<Mark> = Vec::new();
    for mark in marks {
        match drawn.last_mut().filter(|last| last.kind == mark.kind && mark.at - last.at < NEAR) {
            Some(last) => {
                last.is_bad |= mark.is_bad;
                // What a pointer shows has room for a few lines.
                if last.words.len() < 600 {
                    last.words = format!("{}\n{}", last.words, mark.words);
                }
            }
            None => drawn.push(mark),
        }
    }
    drawn
}

fn mark(window: Stretch, offset_ns: i64, kind: MarkKind, is_bad: bool, words: &str) -> Option<Mark> {
    let (at, _) = window.seen(offset_ns, 0)?;
    Some(Mark { at, kind, is_bad, words: words.chars().take(300).collect() })
}

/// Whether an event is an exception.
pub(crate) fn is_exception(event: &SpanEvent) -> bool {
    event.name == "exception" || event.attributes.contains_key("exception.type")
}

/// An event in one line: for an exception its type and message.
pub(crate) fn event_words(event: &SpanEvent) -> String {
    let read = |key: &str| event.attributes.get(key).map(String::as_str).filter(|value| !value.is_empty());
    match (read("exception.type"), read("exception.message")) {
        (Some(kind), Some(message)) => format!("{kind}: {message}"),
        (Some(words), None) | (None, Some(words)) => words.to_owned(),
        (None, None) => event.name.clone(),
    }
}

/// Whether a log line tells of a failure.
pub(crate) fn is_bad_log(log: &TraceLog) -> bool {
    let severity = log.severity.to_ascii_uppercase();
    severity.starts_with("ERR") || severity.starts_with("FATAL") || severity.starts_with("CRIT")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::samples::{RETRIED, trace, with_log};
    use super::*;

    fn event(ms: i64, name: &str) -> SpanEvent {
        SpanEvent { offset_ns: ms * 1_000_000, name: name.to_owned(), attributes: BTreeMap::new() }
    }

    #[test]
    fn marks_at_one_place_are_one_and_bad_if_one_of_them_is() {
        let mut raw = trace(RETRIED).trace;
        let mut exception = event(10, "exception");
        exception.attributes.insert("exception.type".to_owned(), "Timeout".to_owned());
        exception.attributes.insert("exception.message".to_owned(), "too slow".to_owned());
        raw.spans[8].events =
            vec![event(10, "cache miss"), exception, event(15, "done"), event(99, "outside")];
        let model = with_log(TraceModel::new(raw), 8, "hello");
        let marks = marks(&model, &[8], Stretch::whole(20_000_000));
        let drawn: Vec<_> = marks.iter().map(|mark| (mark.kind, mark.is_bad, mark.words.as_str())).collect();
        assert_eq!(
            drawn,
            [
                (MarkKind::Log, false, "hello"),
                (MarkKind::Event, true, "cache miss\nTimeout: too slow"),
                (MarkKind::Event, false, "done"),
            ]
        );
    }

    #[test]
    fn a_severity_is_read_whatever_its_case() {
        let bad =
            |severity: &str| is_bad_log(&TraceLog { severity: severity.to_owned(), ..TraceLog::default() });
        assert!(bad("ERROR") && bad("error3") && bad("Fatal") && bad("CRITICAL"));
        assert!(!bad("INFO") && !bad(""));
    }
}

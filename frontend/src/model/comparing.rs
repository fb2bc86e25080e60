//! Comparisons of two sets of spans: where they start from, and their differences in words.

use sidecarta_queries::api::compare::{AttributeDifference, SetOfSpans};
use sidecarta_queries::api::traces::TraceSummary;

use crate::format;
use crate::model::query_text::{holds, milliseconds, quoted, value_of, with, without};
use crate::model::traces::{p90_ms, versions};
use crate::state::TraceSearch;

/// Services whose versions are offered for comparison.
const SERVICES: usize = 3;

/// Keys of the query language that are no attributes and that a span may be without, beside its status.
const TEXT_FIELDS: [&str; 9] =
    ["service", "version", "instance", "namespace", "environment", "name", "method", "peer", "route"];

/// A comparison that is offered.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Start {
    /// What is held against what.
    pub(crate) label: String,
    /// What tells the two sets apart.
    pub(crate) about: String,
    /// The two searches.
    pub(crate) searches: TraceSearch,
}

/// The comparisons that what was found asks for. `before` is the range before the one that is shown.
pub(crate) fn starts(query: &str, traces: &[TraceSummary], before: Option<(String, String)>) -> Vec<Start> {
    let slow = p90_ms(traces).filter(|ms| *ms > 0.0).map(|ms| slow_against_rest(query, ms));
    let errors = (!holds(query, "error") && !holds(query, "not error")).then(|| Start {
        label: "Errors against the rest".to_owned(),
        about: "spans that failed, and those that did not".to_owned(),
        searches: pair(with(query, "error"), with(query, "not error")),
    });
    let ranges = before.map(|(from, to)| Start {
        label: "This range against the one before".to_owned(),
        about: "the same search, as long a time ago".to_owned(),
        searches: TraceSearch {
            baseline_from: Some(from),
            baseline_to: Some(to),
            ..pair(query.to_owned(), query.to_owned())
        },
    });
    slow.into_iter().chain(errors).chain(ranges).chain(by_version(query, traces)).collect()
}

fn pair(selection: String, baseline: String) -> TraceSearch {
    TraceSearch { selection, baseline, ..TraceSearch::default() }
}

fn slow_against_rest(query: &str, p90_ms: f64) -> Start {
    let rest = without(query, &["duration>"]);
    let limit = milliseconds(p90_ms);
    Start {
        label: "Slow against the rest".to_owned(),
        about: format!("the slowest tenth: {} or more", format::duration(p90_ms)),
        searches: pair(with(&rest, &format!("duration>={limit}")), with(query, &format!("duration<{limit}"))),
    }
}

/// The newest version of each service that has several, against the others.
fn by_version(query: &str, traces: &[TraceSummary]) -> impl Iterator<Item = Start> {
    let asked = value_of(query, "service=").map(str::to_owned);
    let rest = without(query, &["version=", "version!="]);
    let known = versions(traces).into_iter().filter(|(_, versions)| versions.len() > 1).take(SERVICES);
    known.filter_map(move |(service, versions)| {
        let mut versions: Vec<String> = versions.into_iter().collect();
        versions.sort_by_key(|one| natural(one));
        let (new, others) = versions.split_last()?;
        let query = match &asked {
            Some(_) => rest.clone(),
            None => with(&rest, &format!("service={}", quoted(&service))),
        };
        let old = others.last().filter(|_| others.len() == 1);
        let against = match old {
            Some(old) => format!("version={}", quoted(old)),
            None => format!("version!={}", quoted(new)),
        };
        Some(Start {
            label: format!("{new} against {}", old.map_or("the other versions", |old| old)),
            about: format!("versions of {service}"),
            searches: pair(with(&query, &format!("version={}", quoted(new))), with(&query, &against)),
        })
    })
}

/// Letters and numbers apart, so that v10 comes behind v9.
fn natural(text: &str) -> Vec<(u64, String)> {
    let mut parts: Vec<(String, String)> = vec![Default::default()];
    for letter in text.chars() {
        let digits_are_over = parts.last().is_some_and(|(_, word)| !word.is_empty());
        if letter.is_ascii_digit() && digits_are_over {
            parts.push(Default::default());
        }
        if let Some((digits, word)) = parts.last_mut() {
            if letter.is_ascii_digit() { digits.push(letter) } else { word.push(letter) }
        }
    }
    parts.into_iter().map(|(digits, word)| (digits.parse().unwrap_or(0), word)).collect()
}

/// The range before one that ends now, where it is relative: before `-15m` come `-30m` to `-15m`.
pub(crate) fn before_relative(from: &str) -> Option<(String, String)> {
    let digits = from.strip_prefix('-')?.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = &from[1 + digits.len()..];
    let length: u32 = digits.parse().ok()?;
    Some((format!("-{}{unit}", length.checked_mul(2)?), from.to_owned()))
}

/// The search for the spans of a set that have a value, or have none. A field has no `has`: any text holds the empty one,
/// and any status is at least 0.
pub(crate) fn narrowed(query: &str, key: &str, value: Option<&str>) -> String {
    let condition = match value {
        Some(value) => format!("{key}={}", quoted(value)),
        None if key == "status" => "not status>=0".to_owned(),
        None if TEXT_FIELDS.contains(&key) => format!("not {key}~\"\""),
        None => format!("not has({key})"),
    };
    with(query, &condition)
}

/// How sure a difference is, in words.
pub(crate) fn certainty(difference: &AttributeDifference) -> &'static str {
    if difference.is_significant { "Unlikely by chance" } else { "May be chance" }
}

/// What was left out of a set, in words; nothing where all was compared.
pub(crate) fn left_out(set: &SetOfSpans) -> Option<String> {
    let words = format!("the newest {} were compared", format::count(set.compared));
    (set.compared < set.spans).then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::traces::samples::trace;

    fn labels(query: &str, traces: &[TraceSummary]) -> Vec<String> {
        starts(query, traces, before_relative("-15m")).into_iter().map(|start| start.label).collect()
    }

    #[test]
    fn what_was_found_is_split_into_slow_and_the_rest() {
        let traces: Vec<_> = (1..=20).map(|ms| trace("web", "", f64::from(ms))).collect();
        let searches = &starts("service=web duration>2ms", &traces, None)[0].searches;
        assert_eq!(searches.selection, "service=web duration>=18ms");
        assert_eq!(searches.baseline, "service=web duration>2ms duration<18ms");
        assert_eq!(
            labels("", &traces[..3]),
            ["Errors against the rest", "This range against the one before"]
        );
    }

    #[test]
    fn errors_are_not_held_against_themselves() {
        assert_eq!(labels("service=web error", &[]), ["This range against the one before"]);
        let searches = &starts("service=web or service=orders", &[], None)[0].searches;
        assert_eq!(searches.selection, "(service=web or service=orders) error");
        assert_eq!(searches.baseline, "(service=web or service=orders) not error");
    }

    #[test]
    fn the_newest_version_is_held_against_the_older_ones() {
        let traces = ["v9", "v10", "v9"].map(|version| trace("orders", version, 1.0));
        let start = starts("error version=v9", &traces, None).pop().unwrap();
        assert_eq!((start.label.as_str(), start.about.as_str()), ("v10 against v9", "versions of orders"));
        assert_eq!(start.searches.selection, "error service=orders version=v10");
        assert_eq!(start.searches.baseline, "error service=orders version=v9");
        let traces = ["v1", "v2", "v3"].map(|version| trace("orders", version, 1.0));
        let start = starts("service=orders", &traces, None).pop().unwrap();
        assert_eq!(start.searches.baseline, "service=orders version!=v3");
    }

    #[test]
    fn the_range_before_is_as_long() {
        assert_eq!(before_relative("-15m"), Some(("-30m".to_owned(), "-15m".to_owned())));
        for text in ["", "-", "-m", "2026-11-24T10:00:00Z", "-4294967295d", "-ü", "now"] {
            assert_eq!(before_relative(text), None, "{text}");
        }
    }

    #[test]
    fn a_value_narrows_the_search_down() {
        assert_eq!(narrowed("error", "user.tier", Some("gold")), "error user.tier=gold");
        assert_eq!(narrowed("error", "http.route", Some("GET /a")), r#"error http.route="GET /a""#);
        assert_eq!(narrowed("a or b", "user.tier", None), "(a or b) not has(user.tier)");
        assert_eq!(narrowed("", r#""error""#, None), r#"not has("error")"#);
        assert_eq!(narrowed("error", "version", None), r#"error not version~"""#);
        assert_eq!(narrowed("error", "status", None), "error not status>=0");
    }
}

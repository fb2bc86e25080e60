//! From a number to the traces behind it: the query that finds them, and the pages that show them.

use form_urlencoded::Serializer;
use sidecarta_queries::api::graph::NodeKind;

use super::node_id::NodeId;
use super::selection::Selection;
use crate::chart::time::rfc3339;
use crate::state::{DEFAULT_FROM, DEFAULT_TO, PageState, ServiceState, Zone};

/// Characters that a value has without quotes, beside letters and digits.
const PLAIN: &str = "-_./";

/// The requests that are spoken of, as conditions of the query language. `node` is the id of what gets them.
pub(crate) fn subject(node: &str, chosen: &ServiceState) -> String {
    let mut conditions = vec![match &chosen.caller {
        Some(caller) => call(caller, node),
        None => spans_of(node),
    }];
    if let Some(version) = &chosen.version {
        conditions.push(format!("version={}", quoted(version)));
    }
    if let Some(route) = &chosen.route {
        conditions.push(format!("route={}", quoted(route)));
    }
    conditions.join(" ")
}

/// The spans of a node, given by its id. What makes none itself is known from its callers.
pub(crate) fn spans_of(node: &str) -> String {
    let node = NodeId::parse(node);
    let name = quoted(&node.name);
    match node.kind {
        NodeKind::Service | NodeKind::Gateway | NodeKind::Client => format!("service={name}"),
        NodeKind::Database | NodeKind::Queue | NodeKind::External => format!("peer={name}"),
    }
}

/// A call from one node to another, given by their ids or names.
pub(crate) fn call(source: &str, target: &str) -> String {
    let name = |id: &str| quoted(&NodeId::parse(id).name);
    format!("edge({}, {})", name(source), name(target))
}

/// The query that finds what is selected of a subject.
pub(crate) fn selected(subject: &str, selection: Selection) -> String {
    let conditions = durations(selection);
    if conditions.is_empty() { subject.to_owned() } else { format!("{subject} {conditions}") }
}

/// The page that lists what a query finds, in the time that is selected or else in that of the page.
pub(crate) fn traces(page: &PageState, query: &str, selection: Selection) -> String {
    let mut pairs = Serializer::new(String::new());
    pairs.append_pair("q", query);
    append_range(&mut pairs, page, selection, "");
    append_zone(&mut pairs, page);
    format!("/traces?{}", pairs.finish())
}

/// The page that holds what is selected of a subject against the rest: what took another time; where only a time is
/// selected, everything in the range of the page.
pub(crate) fn comparison(page: &PageState, subject: &str, selection: Selection) -> String {
    let conditions = durations(selection);
    let rest =
        if conditions.is_empty() { subject.to_owned() } else { format!("{subject} not ({conditions})") };
    let mut pairs = Serializer::new(String::new());
    pairs.append_pair("selection", &selected(subject, selection)).append_pair("baseline", &rest);
    append_range(&mut pairs, page, selection, "");
    if selection.time.is_some() {
        append_range(&mut pairs, page, Selection::default(), "baseline_");
    }
    append_zone(&mut pairs, page);
    format!("/traces/compare?{}", pairs.finish())
}

/// The page that holds two sets of requests against each other.
pub(crate) fn against(page: &PageState, selection: &str, baseline: &str) -> String {
    let mut pairs = Serializer::new(String::new());
    pairs.append_pair("selection", selection).append_pair("baseline", baseline);
    append_range(&mut pairs, page, Selection::default(), "");
    append_zone(&mut pairs, page);
    format!("/traces/compare?{}", pairs.finish())
}

fn durations(selection: Selection) -> String {
    let low = selection.low_ms.map(|ms| format!("duration>={ms}ms"));
    let high = selection.high_ms.map(|ms| format!("duration<{ms}ms"));
    low.into_iter().chain(high).collect::<Vec<_>>().join(" ")
}

fn append_range(pairs: &mut Serializer<'_, String>, page: &PageState, selection: Selection, prefix: &str) {
    let (from, to) = match selection.time {
        Some((from, to)) => (rfc3339(from), rfc3339(to)),
        None => (page.from.clone(), page.to.clone()),
    };
    // The range of a baseline is written out: without it the selection's own would hold.
    let is_wanted = |value: &str, default: &str| !prefix.is_empty() || value != default;
    if is_wanted(&from, DEFAULT_FROM) {
        pairs.append_pair(&format!("{prefix}from"), &from);
    }
    if is_wanted(&to, DEFAULT_TO) {
        pairs.append_pair(&format!("{prefix}to"), &to);
    }
}

fn append_zone(pairs: &mut Serializer<'_, String>, page: &PageState) {
    if let Some(zone) = page.tz {
        pairs.append_pair("tz", if zone == Zone::Utc { "utc" } else { "local" });
    }
}

/// A value as the query language wants it: quoted where it is more than a word.
fn quoted(value: &str) -> String {
    let is_plain = |letter: char| letter.is_alphanumeric() || PLAIN.contains(letter);
    if !value.is_empty() && value.chars().all(is_plain) {
        return value.to_owned();
    }
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen() -> ServiceState {
        ServiceState {
            route: Some("GET /orders/{id}".to_owned()),
            version: Some("v2".to_owned()),
            ..ServiceState::default()
        }
    }

    const SELECTION: Selection =
        Selection { time: Some((1_795_507_200, 1_795_507_260)), low_ms: Some(0.5), high_ms: Some(70.0) };

    fn decoded(link: &str) -> Vec<(String, String)> {
        let (_, query) = link.split_once('?').unwrap();
        form_urlencoded::parse(query.as_bytes()).into_owned().collect()
    }

    #[test]
    fn a_query_names_what_the_charts_speak_of() {
        assert_eq!(
            subject("service:orders", &chosen()),
            "service=orders version=v2 route=\"GET /orders/{id}\""
        );
        let by_caller = ServiceState { caller: Some("service:web@v1".to_owned()), ..ServiceState::default() };
        assert_eq!(subject("order \"svc\"", &by_caller), "edge(web, \"order \\\"svc\\\"\")");
        assert_eq!(call("service:web", "database:shop"), "edge(web, shop)");
        assert_eq!(subject("database:shop", &ServiceState::default()), "peer=shop");
    }

    #[test]
    fn a_selection_leads_to_exactly_its_bins() {
        let page = PageState::parse("from=-6h&tz=utc");
        let link = traces(&page, &selected("service=orders", SELECTION), SELECTION);
        let wanted = [
            ("q", "service=orders duration>=0.5ms duration<70ms"),
            ("from", "2026-11-24T08:00:00Z"),
            ("to", "2026-11-24T08:01:00Z"),
            ("tz", "utc"),
        ];
        assert_eq!(decoded(&link), wanted.map(|(key, value)| (key.to_owned(), value.to_owned())));
        assert!(link.starts_with("/traces?q="));
        assert_eq!(traces(&PageState::default(), "x", Selection::default()), "/traces?q=x");
    }

    #[test]
    fn the_rest_is_all_of_the_range_that_took_another_time() {
        let link = comparison(&PageState::default(), "service=orders", SELECTION);
        let wanted = [
            ("selection", "service=orders duration>=0.5ms duration<70ms"),
            ("baseline", "service=orders not (duration>=0.5ms duration<70ms)"),
            ("from", "2026-11-24T08:00:00Z"),
            ("to", "2026-11-24T08:01:00Z"),
            ("baseline_from", "-15m"),
            ("baseline_to", "now"),
        ];
        assert_eq!(decoded(&link), wanted.map(|(key, value)| (key.to_owned(), value.to_owned())));
        let only_time = Selection { low_ms: None, high_ms: None, ..SELECTION };
        assert_eq!(
            decoded(&comparison(&PageState::default(), "service=orders", only_time))[1].1,
            "service=orders"
        );
    }
}

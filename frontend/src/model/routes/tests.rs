use sidecarta_queries::api::graph::Source;

use super::*;

fn row(route: &str, version: Option<&str>, requests: u64, p99_ms: Option<f64>) -> RouteSummary {
    let p99 = |ms: f64| Quantile { ms, low_ms: ms, high_ms: Some(ms) };
    RouteSummary {
        route: route.to_owned(),
        version: version.map(str::to_owned),
        requests,
        latency: p99_ms.map(|ms| Percentiles { count: requests, p99: p99(ms), ..Percentiles::default() }),
        ..RouteSummary::default()
    }
}

fn rows() -> Vec<RouteSummary> {
    vec![
        row("GET /orders/{id}", Some("v1"), 30, Some(9.0)),
        row("GET /orders/{id}", Some("v2"), 10, None),
        row("POST /orders", None, 20, Some(70.0)),
    ]
}

fn sorted(column: RouteColumn, descending: bool) -> Vec<u64> {
    let rows = rows();
    let mut rows: Vec<&RouteSummary> = rows.iter().collect();
    Order { column, descending }.sort_routes(&mut rows);
    rows.into_iter().map(|row| row.requests).collect()
}

#[test]
fn rows_are_sorted_and_what_is_not_known_stands_last() {
    assert_eq!(sorted(RouteColumn::Requests, true), [30, 20, 10]);
    assert_eq!(sorted(RouteColumn::P99, true), [20, 30, 10]);
    assert_eq!(sorted(RouteColumn::P99, false), [30, 20, 10]);
    assert_eq!(sorted(RouteColumn::Version, true), [10, 30, 20]);
    assert_eq!(sorted(RouteColumn::Route, false), [30, 10, 20]);
}

#[test]
fn every_column_has_a_name_and_an_order() {
    for (column, name) in RouteColumn::NAMES {
        assert_eq!(Order::<RouteColumn>::parse(name), Some(Order { column: *column, descending: false }));
        assert_eq!(sorted(*column, true).len(), 3);
    }
    for spec in COLUMNS {
        assert!(!name_of(spec.column).is_empty());
    }
}

#[test]
fn every_word_is_looked_for() {
    let rows = rows();
    assert_eq!(found(&rows, " ORDERS  v2 ").len(), 1);
    assert_eq!(found(&rows, "post").len(), 1);
    assert_eq!(found(&rows, "").len(), 3);
    assert_eq!(found(&rows, "nothing").len(), 0);
}

#[test]
fn columns_are_chosen_and_the_first_choice_needs_no_names() {
    assert_eq!(chosen("").len(), COLUMNS.iter().filter(|spec| spec.first).count());
    assert_eq!(chosen("colour,shape").len(), chosen("").len());
    let names = with_toggled("", RouteColumn::Flags);
    assert!(names.ends_with("flags,evidence"), "{names}");
    assert_eq!(with_toggled(&names, RouteColumn::Flags), "");
    assert_eq!(with_toggled("p50,flags", RouteColumn::P50), "flags");
}

#[test]
fn evidence_says_how_much_of_it_each_saw() {
    let one = |source, coverage| Evidence {
        source,
        coverage,
        requests: 1,
        errors: 0,
        attempts: 1,
        retries: 0,
        timeouts: 0,
        connection_failures: 0,
        latency: None,
        reporter: None,
    };
    let words = evidence_words(&[one(Source::AccessLog, 1.0), one(Source::Trace, 0.048)], SeenBy::Callers);
    assert_eq!(words.replace('\u{202f}', " "), "Access log, Traces 4.8 % · at the callers");
    assert_eq!(evidence_words(&[], SeenBy::Callee), "–");
    let answered = StatusClasses { success: 120, server_error: 3, ..StatusClasses::default() };
    assert_eq!(classes(&answered), "2xx 120, 5xx 3");
    assert_eq!(classes(&StatusClasses::default()), "–");
}

//! Routes of what proxies have logged.

use super::*;
use crate::api::routes::RouteSummary;
use crate::rows::access_log::{AccessLogBatch, AccessLogRow, Direction};
use crate::store::{self, StoreOptions, TimeRange};

const NOW_S: i64 = 1_795_000_000;

fn row(proxy: (&str, &str), direction: Direction, cluster: &str, route: &str, code: u16) -> AccessLogRow {
    AccessLogRow {
        start_ns: (NOW_S - 60) * 1_000_000_000,
        duration_ns: Some(7_000_000),
        node_id: format!("{}-{}", proxy.0, proxy.1),
        node_cluster: proxy.0.to_owned(),
        version: proxy.1.to_owned(),
        direction,
        method: "GET".to_owned(),
        route: route.to_owned(),
        upstream_cluster: cluster.to_owned(),
        response_code: code,
        attempts: 2,
        ..AccessLogRow::default()
    }
}

fn asked(rows: Vec<AccessLogRow>, filter: &RouteFilter) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let (store, mut writer) = store::open(&StoreOptions::in_dir(dir.path())).unwrap();
    writer.stage_access_logs(1, Box::new(AccessLogBatch { rows, cursor: None }));
    writer.publish().unwrap();
    let query =
        GraphQuery { range: TimeRange::covering(NOW_S - 900, NOW_S), by_version: false, now_s: NOW_S };
    let rules = (&IdentityRules::default(), &ErrorRules::default());
    let answer = routes(&store, rules, &query, &RouteFilter { limit: 99, ..filter.clone() }).unwrap();
    assert_eq!(answer.total, answer.routes.len() as u64);
    let line = |route: &RouteSummary| {
        let version = route.version.as_deref().unwrap_or("?");
        let RouteSummary { node, route: path, errors, requests, retries, .. } = route;
        format!("{node}@{version} {path} {errors}/{requests} retries {retries} {:?}", route.seen_by)
    };
    answer.routes.iter().map(line).collect()
}

fn named(service: &str) -> RouteFilter {
    RouteFilter { service: Some(service.to_owned()), ..RouteFilter::default() }
}

#[test]
fn both_ends_of_a_request_count_it_once() {
    let rows = || {
        vec![
            row(("web", "v1"), Direction::Outbound, "orders", "/orders/{id}", 200),
            row(("web", "v1"), Direction::Outbound, "orders", "/orders/{id}", 200),
            row(("orders", ""), Direction::Inbound, "local_app", "/orders/{id}", 503),
            row(("orders", ""), Direction::Inbound, "local_app", "/orders/{id}", 200),
        ]
    };
    assert_eq!(asked(rows(), &named("orders")), ["service:orders@? GET /orders/{id} 0/2 retries 2 Callers"]);
    let from_web = RouteFilter { caller: Some("web".to_owned()), ..named("orders") };
    assert_eq!(asked(rows(), &from_web), ["service:orders@? GET /orders/{id} 0/2 retries 2 Callers"]);
    let from_others = RouteFilter { caller: Some("shipping".to_owned()), ..named("orders") };
    assert_eq!(asked(rows(), &from_others), [""; 0]);
    assert_eq!(asked(rows(), &named("nobody")), [""; 0]);
}

#[test]
fn what_never_arrived_is_seen_by_the_callers() {
    let rows = vec![
        row(("web", "v1"), Direction::Outbound, "orders", "/a", 503),
        row(("web", "v1"), Direction::Outbound, "orders", "/a", 503),
        row(("orders", ""), Direction::Inbound, "local_app", "/a", 200),
    ];
    assert_eq!(asked(rows, &named("orders")), ["service:orders@? GET /a 2/2 retries 2 Callers"]);
}

#[test]
fn callers_that_do_not_log_are_made_up_for_by_the_callee() {
    let inbound = row(("orders", ""), Direction::Inbound, "local_app", "/a", 500);
    let mut rows = vec![inbound; 3];
    rows.push(row(("web", "v1"), Direction::Outbound, "orders", "/a", 200));
    assert_eq!(asked(rows, &named("orders")), ["service:orders@? GET /a 3/3 retries 3 Callee"]);
}

#[test]
fn versions_are_told_apart() {
    let rows = vec![
        row(("orders", "v1"), Direction::Inbound, "local_app", "/a", 200),
        row(("orders", "v2"), Direction::Inbound, "local_app", "/a", 500),
        row(("orders", "v2"), Direction::Inbound, "", "/b", 404),
    ];
    let all = asked(rows.clone(), &RouteFilter::default());
    assert_eq!(
        all,
        [
            "service:orders@v1 GET /a 0/1 retries 1 Callee",
            "service:orders@v2 GET /a 1/1 retries 1 Callee",
            "service:orders@v2 GET /b 0/1 retries 1 Callee",
        ]
    );
    let second = RouteFilter { version: Some("v2".to_owned()), ..RouteFilter::default() };
    assert_eq!(asked(rows, &second), all[1..]);
}

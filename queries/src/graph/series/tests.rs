//! Series of what proxies have logged and of spans.

use std::borrow::Cow;

use super::*;
use crate::graph::{ErrorRuleConfig, RouteFilter, routes};
use crate::rows::access_log::{AccessLogBatch, AccessLogRow, Direction};
use crate::rows::span::{SpanBatchBuilder, SpanKind, SpanRow};
use crate::store::{self, StoreOptions};

const NOW_S: i64 = 1_795_000_000;

fn query(seconds: i64) -> GraphQuery {
    GraphQuery { range: TimeRange::covering(NOW_S - seconds, NOW_S), by_version: false, now_s: NOW_S }
}

fn row(version: &str, ago_s: i64, code: u16) -> AccessLogRow {
    AccessLogRow {
        start_ns: (NOW_S - ago_s) * 1_000_000_000,
        duration_ns: Some(12_000_000),
        upstream_duration_ns: Some(9_000_000),
        is_whole_ms: true,
        node_id: format!("orders-{version}"),
        node_cluster: "orders".to_owned(),
        version: version.to_owned(),
        direction: Direction::Inbound,
        method: "GET".to_owned(),
        route: "/a".to_owned(),
        response_code: code,
        response_flags: if code == 503 { "UF".to_owned() } else { String::new() },
        attempts: 1,
        ..AccessLogRow::default()
    }
}

fn service(route: Option<&str>) -> SeriesQuestion {
    let subject = SeriesSubject::Service {
        service: "orders".to_owned(),
        version: None,
        caller: None,
        route: route.map(str::to_owned),
    };
    SeriesQuestion { subject, evidence: None, step_s: None }
}

fn rules() -> ErrorRules {
    let text = |text: &str| text.to_owned();
    let rule =
        ErrorRuleConfig { service: text("ord*"), statuses: vec![text("404"), text("503")], not: Vec::new() };
    ErrorRules::new(&[rule]).unwrap()
}

#[test]
fn steps_add_up_to_the_table_and_a_new_version_is_marked() {
    let dir = tempfile::tempdir().unwrap();
    let (store, mut writer) = store::open(&StoreOptions::in_dir(dir.path())).unwrap();
    let mut rows: Vec<AccessLogRow> = (0..60).map(|step| row("v1", 1_700 - 10 * step, 200)).collect();
    rows.extend((0..30).map(|step| row("v1", 600 - 10 * step, 404)));
    rows.extend((0..20).map(|step| row("v2", 405 - 10 * step, 503)));
    writer.stage_access_logs(1, Box::new(AccessLogBatch { rows, cursor: None }));
    writer.publish().unwrap();
    let identity = IdentityRules::default();
    for moved in [false, true] {
        if moved {
            writer.move_into_file().unwrap();
        }
        for (rules, errors) in [(ErrorRules::default(), 20), (rules(), 50)] {
            let table = routes(
                &store,
                (&identity, &rules),
                &query(900),
                &RouteFilter { limit: 9, ..RouteFilter::default() },
            )
            .unwrap();
            let failed: u64 = table.routes.iter().map(|route| route.errors).sum();
            let in_trend: u64 = table.routes.iter().flat_map(|route| &route.trend).map(|step| step[1]).sum();
            assert_eq!((failed, in_trend, table.step_s), (errors, errors, 60));
            let second = table.routes.iter().find(|route| route.version.as_deref() == Some("v2")).unwrap();
            assert_eq!((second.classes.server_error, second.flags[0].count), (20, 20));
            let added = second.proxy_added.unwrap();
            assert!(added.p50.low_ms <= 3.0 && added.p50.high_ms.unwrap() >= 3.0 && added.count == 20);
            for route in [None, Some("GET /a")] {
                let series = series(&store, (&identity, &rules), &query(900), &service(route)).unwrap();
                let requests: u64 = table.routes.iter().map(|route| route.requests).sum();
                assert_eq!((series.total.requests, series.total.errors), (requests, errors));
                assert_eq!(series.points.len(), 90);
                let points: u64 = series.points.iter().map(|point| point.errors).sum();
                assert_eq!((points, series.evidence), (errors, Some(Source::AccessLog)));
                let in_bins: u64 =
                    series.points.iter().flat_map(|point| &point.counts).map(|bin| bin[1]).sum();
                assert_eq!((in_bins, series.bins.len()), (requests, 1));
                assert_eq!(series.total.latency.unwrap().count, requests);
                let [deploy] = &series.deploys[..] else { panic!("{:?}", series.deploys) };
                assert_eq!(deploy.version, "v2");
                assert_eq!(deploy.at, rfc3339((NOW_S - 405).div_euclid(10) * 10));
            }
        }
    }
}

#[test]
fn a_series_is_of_the_evidence_that_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let (store, mut writer) = store::open(&StoreOptions::in_dir(dir.path())).unwrap();
    let mut spans = SpanBatchBuilder::default();
    let at_ns = (NOW_S - 300) * 1_000_000_000;
    let attributes = [(Cow::from("response_flags"), Cow::from("-"))];
    for id in 1..=7 {
        let call = SpanRow {
            trace_id: u128::from(id),
            span_id: id,
            start_ns: at_ns,
            duration_ns: 40_000_000,
            service: "web",
            kind: SpanKind::Client,
            method: "GET",
            route: "/a/{id}",
            http_status: 200,
            attributes: &attributes,
            ..SpanRow::default()
        };
        let answer = SpanRow {
            span_id: 100 + id,
            parent_span_id: id,
            duration_ns: 30_000_000,
            service: "orders",
            version: "v1",
            kind: SpanKind::Server,
            route: "/a/{number}",
            ..call.clone()
        };
        spans.push(&call).unwrap();
        spans.push(&answer).unwrap();
    }
    writer.stage_spans(1, spans.finish().unwrap());
    let rows = vec![row("v1", 300, 200); 7];
    writer.stage_access_logs(2, Box::new(AccessLogBatch { rows, cursor: None }));
    writer.publish().unwrap();
    let (identity, errors) = (IdentityRules::default(), ErrorRules::default());
    let ask =
        |question: &SeriesQuestion| series(&store, (&identity, &errors), &query(900), question).unwrap();

    let whole = ask(&service(None));
    assert_eq!((whole.evidence, &whole.others[..]), (Some(Source::AccessLog), &[Source::Trace][..]));
    let traced = ask(&SeriesQuestion { evidence: Some(Source::Trace), ..service(None) });
    let p50 = traced.total.latency.unwrap().p50;
    assert!(p50.low_ms <= 30.0 && p50.high_ms.unwrap() >= 30.0, "a node's latency is its own: {p50:?}");
    let edge = SeriesSubject::Edge { source: "service:web".to_owned(), target: "service:orders".to_owned() };
    let edge = ask(&SeriesQuestion { subject: edge, evidence: None, step_s: Some(300) });
    assert_eq!((edge.evidence, edge.step_s, edge.total.requests), (Some(Source::Trace), 300, 7));
    let p50 = edge.total.latency.unwrap().p50;
    assert!(p50.low_ms <= 40.0 && p50.high_ms.unwrap() >= 40.0, "an edge's is its caller's: {p50:?}");
    assert_eq!((edge.total.classes.success, edge.total.attempts), (7, 7));
    let route = ask(&service(Some("GET /a/{number}")));
    assert_eq!((route.evidence, route.total.requests), (Some(Source::Trace), 7));
    let nothing = ask(&service(Some("GET /nowhere")));
    assert_eq!((nothing.evidence, nothing.total.requests, nothing.points.len()), (None, 0, 90));

    let filter = RouteFilter { limit: 9, by_caller: true, ..RouteFilter::default() };
    let table = routes(&store, (&identity, &errors), &query(900), &filter).unwrap();
    let [row] = &table.routes[..] else { panic!("{:?}", table.routes) };
    assert_eq!((row.caller.as_deref(), row.route.as_str()), (Some("service:web"), "GET /a/{number}"));
    let found = RouteFilter { find: Some("NUMBER".to_owned()), ..filter.clone() };
    assert_eq!(routes(&store, (&identity, &errors), &query(900), &found).unwrap().total, 1);
    let found = RouteFilter { find: Some("nowhere".to_owned()), ..filter };
    assert_eq!(routes(&store, (&identity, &errors), &query(900), &found).unwrap().total, 0);
}

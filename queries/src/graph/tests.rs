use crate::api::graph::{Graph, NodeKind, Source};
use crate::dictionary::StatId;
use crate::rows::envoy::{
    ClusterConfig, EnvoyScrape, LatencyBin, ObjectCounts, Proxy, ProxyConfig, StatObject, WeightedRoute,
};
use crate::rows::span::{Protocol, SpanBatchBuilder, SpanKind, SpanRow};
use crate::store::{self, StoreOptions, TimeRange};

use super::*;

mod identity;

const NOW_S: i64 = 1_795_000_000;

/// The graph after these scrapes and server spans of services, each with the caller's span above it.
fn graph_of(scrapes: &[EnvoyScrape], calls: &[(&str, &str)], filter: &GraphFilter) -> Graph {
    let mut spans = SpanBatchBuilder::default();
    for (trace_id, (caller, callee)) in (1..).zip(calls) {
        for (span_id, service, kind) in [(1, caller, SpanKind::Client), (2, callee, SpanKind::Server)] {
            let parent_span_id = span_id - 1;
            spans.push(&SpanRow { trace_id, span_id, parent_span_id, service, kind, ..span() }).unwrap();
        }
    }
    asked(scrapes, spans, |store| {
        let whole = graph(store, &IdentityRules::default(), &query()).unwrap();
        filtered(&whole, filter)
    })
}

/// What a question says of these scrapes and spans.
fn asked<T>(scrapes: &[EnvoyScrape], spans: SpanBatchBuilder, question: impl FnOnce(&Store) -> T) -> T {
    let dir = tempfile::tempdir().unwrap();
    let (store, mut writer) = store::open(&StoreOptions::in_dir(dir.path())).unwrap();
    for (sequence, scrape) in (1..).zip(scrapes) {
        writer.stage_envoy(sequence, Box::new(scrape.clone()));
    }
    writer.stage_spans(100, spans.finish().unwrap());
    writer.publish().unwrap();
    question(&store)
}

fn query() -> GraphQuery {
    GraphQuery { range: TimeRange::covering(NOW_S - 900, NOW_S), by_version: false, now_s: NOW_S }
}

/// A span of a minute ago.
fn span() -> SpanRow<'static> {
    SpanRow {
        start_ns: (NOW_S - 60) * 1_000_000_000,
        duration_ns: 5_000_000,
        protocol: Protocol::Http,
        ..SpanRow::default()
    }
}

fn scrape(id: &str, cluster: &str, config: ProxyConfig, deltas: Vec<ObjectCounts>) -> EnvoyScrape {
    EnvoyScrape {
        proxy: Proxy { id: id.to_owned(), cluster: cluster.to_owned(), ..Proxy::default() },
        scraped_at_ns: (NOW_S - 60) * 1_000_000_000,
        config: Some(config),
        deltas,
        ..EnvoyScrape::default()
    }
}

fn to(cluster: &str, requests: u64, errors: u64) -> ObjectCounts {
    let counts = [
        (StatId::REQUESTS, requests),
        (StatId::class(1), requests - errors),
        (StatId::RESPONSES_5XX, errors),
        (StatId::ATTEMPTS, requests),
    ];
    ObjectCounts {
        object: StatObject::Cluster(cluster.to_owned()),
        counts: counts.into_iter().collect(),
        latency: vec![LatencyBin::fine(4, requests)],
    }
}

fn lines(graph: &Graph) -> Vec<String> {
    graph.edges.iter().map(|edge| format!("{} {}/{}", edge.id, edge.errors, edge.requests)).collect()
}

#[test]
fn counters_and_traces_of_one_edge_stand_side_by_side() {
    let web = scrape("web-1", "web", ProxyConfig::default(), vec![to("orders", 10, 2)]);
    let graph = graph_of(&[web], &[("web", "orders"), ("web", "orders")], &GraphFilter::default());
    assert_eq!(lines(&graph), ["service:web→service:orders 2/10"]);
    let edge = &graph.edges[0];
    let sources: Vec<(Source, u64)> =
        edge.evidence.iter().map(|evidence| (evidence.source, evidence.requests)).collect();
    assert_eq!(sources, [(Source::Envoy, 10), (Source::Trace, 2)]);
    assert!((edge.evidence[1].coverage - 0.2).abs() < 1e-9, "{}", edge.evidence[1].coverage);
    // Two of ten requests are too few to take latency from.
    assert_eq!(edge.p50_ms.map(|ms| (4.0..5.0).contains(&ms)), Some(true), "{:?}", edge.p50_ms);
}

#[test]
fn traces_are_one_whoever_told_them_and_the_part_of_xray_stands_beside_them() {
    let mut spans = SpanBatchBuilder::default();
    // (who calls, by X-Ray, who is called, by X-Ray)
    let calls = [
        ("web", false, "orders", true),
        ("web", true, "orders", false),
        ("web", true, "orders", true),
        ("orders", true, "users", true),
    ];
    for (trace_id, (caller, caller_by_xray, callee, callee_by_xray)) in (1..).zip(calls) {
        let both =
            [(1, caller, SpanKind::Client, caller_by_xray), (2, callee, SpanKind::Server, callee_by_xray)];
        for (span_id, service, kind, is_xray) in both {
            let parent_span_id = span_id - 1;
            let row = SpanRow { trace_id, span_id, parent_span_id, service, kind, is_xray, ..span() };
            spans.push(&row).unwrap();
        }
    }
    let graph = asked(&[], spans, |store| graph(store, &IdentityRules::default(), &query()).unwrap());
    let said: Vec<(&str, Vec<(Source, u64)>)> = graph
        .edges
        .iter()
        .map(|edge| {
            let evidence = edge.evidence.iter().map(|evidence| (evidence.source, evidence.requests));
            (edge.id.as_str(), evidence.collect())
        })
        .collect();
    assert_eq!(
        said,
        [
            ("service:orders→service:users", vec![(Source::Xray, 1)]),
            ("service:web→service:orders", vec![(Source::Trace, 3), (Source::Xray, 2)]),
        ]
    );
    assert!(graph.edges[0].p50_ms.is_some());
}

#[test]
fn counters_that_miss_most_requests_stand_behind_traces() {
    let web = scrape("web-1", "web", ProxyConfig::default(), vec![to("orders", 1, 0)]);
    let calls = [("web", "orders"); 5];
    let graph = graph_of(&[web], &calls, &GraphFilter::default());
    assert_eq!(lines(&graph), ["service:web→service:orders 0/5"]);
}

#[test]
fn names_of_clusters_are_resolved_by_the_rules() {
    let config = ProxyConfig {
        clusters: vec![ClusterConfig {
            name: "otlp".to_owned(),
            telemetry: true,
            ..ClusterConfig::default()
        }],
        weighted_routes: vec![WeightedRoute {
            name: "shop/orders".to_owned(),
            targets: vec![("orders_v1".to_owned(), 90), ("orders_v2".to_owned(), 10)],
        }],
        inbound_clusters: vec!["local_app".to_owned()],
        ..ProxyConfig::default()
    };
    let clusters = vec![
        to("orders_v1", 9, 0),
        to("orders_v2", 1, 1),
        to("outbound|80|v3|users.shop.svc.cluster.local", 4, 0),
        to("legacy", 2, 2),
        to("otlp", 50, 0),
        to("local_app", 70, 0),
    ];
    let graph = graph_of(
        &[scrape("web-1", "web", config, clusters)],
        &[("client-app", "web")],
        &GraphFilter::default(),
    );
    assert_eq!(
        lines(&graph),
        [
            "service:client-app→service:web 0/1",
            "service:web→external:legacy 2/2",
            "service:web→external:orders 1/10",
            "service:web→external:users 0/4",
        ]
    );
    let orders = graph.nodes.iter().find(|node| node.name == "orders").unwrap();
    let versions: Vec<(&str, u64)> =
        orders.versions.iter().map(|share| (share.version.as_str(), share.requests)).collect();
    assert_eq!(versions, [("v1", 9), ("v2", 1)]);
    assert!(orders.identity.as_ref().unwrap().contains("weighted route"), "{:?}", orders.identity);
}

#[test]
fn a_listener_is_the_way_in_only_before_a_gateway() {
    let listener = ObjectCounts {
        object: StatObject::Manager("ingress".to_owned()),
        counts: [(StatId::DOWNSTREAM_REQUESTS, 7)].into_iter().collect(),
        latency: Vec::new(),
    };
    let config = ProxyConfig { inbound_listeners: vec!["ingress".to_owned()], ..ProxyConfig::default() };
    let mut sidecar = scrape("web-1", "web", config, Vec::new());
    sidecar.deltas.push(listener);
    // Nothing says yet that no application stands behind it.
    let graph = graph_of(&[sidecar], &[], &GraphFilter::default());
    assert_eq!(lines(&graph), [""; 0]);
}

#[test]
fn the_filter_keeps_what_lies_around_the_focus_and_counts_what_it_hides() {
    let calls = [("a", "b"), ("b", "c"), ("c", "d"), ("x", "y")];
    let filter = GraphFilter { focus: Some("b".to_owned()), depth: 1, ..GraphFilter::default() };
    let graph = graph_of(&[], &calls, &filter);
    assert_eq!(lines(&graph), ["service:a→service:b 0/1", "service:b→service:c 0/1"]);
    assert_eq!(graph.coverage.hidden_nodes, 3);
    let filter = GraphFilter { find: Some("Y".to_owned()), ..GraphFilter::default() };
    assert_eq!(lines(&graph_of(&[], &calls, &filter)), ["service:x→service:y 0/1"]);
    assert!(
        graph_of(&[], &[], &GraphFilter::default()).nodes.iter().all(|node| node.kind == NodeKind::Client)
    );
}

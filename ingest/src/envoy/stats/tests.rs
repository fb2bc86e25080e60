use proptest::prelude::*;
use sidecarta_queries::rows::envoy::{ClusterDelta, LatencyBin, ListenerDelta};

use super::{Names, Stats};

const RECORDED: &str = include_str!("../../../../tests/fixtures/envoy/stats.json");
const RECORDED_LATER: &str = include_str!("../../../../tests/fixtures/envoy/stats_2.json");
const RECORDED_BINS: &str = include_str!("../../../../tests/fixtures/envoy/stats_hist_detailed.json");

fn decode(text: &str) -> Stats {
    Stats::decode(text.as_bytes()).expect("statistics")
}

fn series(series: &[(&str, &str)]) -> Stats {
    let elements: Vec<String> =
        series.iter().map(|(name, value)| format!(r#"{{"name":"{name}","value":{value}}}"#)).collect();
    decode(&format!(r#"{{"stats":[{}]}}"#, elements.join(",")))
}

#[test]
fn a_recorded_answer_gives_each_request_once() {
    let totals = decode(RECORDED).totals(&Names::default());
    let clusters: Vec<(&str, u64, u64)> = totals
        .clusters
        .values()
        .map(|cluster| (cluster.cluster.as_str(), cluster.requests, cluster.classes[4]))
        .collect();
    assert_eq!(
        clusters,
        [
            ("dead", 9, 9),
            ("orders_v1", 181, 26),
            ("orders_v2", 13, 3),
            ("secure", 12, 0),
            ("secure_badca", 1, 1),
            ("secure_rogue", 4, 4),
            ("tight", 54, 36),
        ]
    );
    let orders = ClusterDelta {
        cluster: "orders_v1".to_owned(),
        requests: 181,
        classes: [0, 143, 0, 12, 26],
        attempts: 205,
        retries: 24,
        timeouts: 5,
        ..ClusterDelta::default()
    };
    assert_eq!(totals.clusters["orders_v1"], orders);
    assert_eq!(totals.clusters["dead"].connection_failures, 9);
    assert_eq!(totals.clusters["dead"].attempts, 0);
    assert_eq!(totals.clusters["secure"].tls_handshakes, 2);
    let listeners: Vec<&ListenerDelta> = totals.listeners.values().collect();
    assert_eq!(listeners.len(), 2, "the admin interface is none: {listeners:?}");
    assert_eq!(listeners[0].prefix, "ingress_http");
    assert_eq!((listeners[0].requests, listeners[0].classes), (265, [0, 171, 0, 15, 79]));
    assert_eq!((listeners[1].prefix.as_str(), listeners[1].requests), ("ingress_mtls", 12));
}

#[test]
fn recorded_bins_hold_every_answered_request() {
    let totals = decode(RECORDED_BINS).totals(&Names::default());
    let latency = &totals.clusters["orders_v1"].latency;
    assert_eq!(latency.iter().map(|bin| bin.count).sum::<u64>(), 181 - 5, "time-outs have no latency");
    assert_eq!(latency[..2], [LatencyBin { lower_ms: 0, count: 4 }, LatencyBin { lower_ms: 1, count: 17 }]);
    assert!(latency.is_sorted_by(|one, other| one.lower_ms < other.lower_ms));
    assert_eq!(totals.clusters["tight"].latency.first(), Some(&LatencyBin { lower_ms: 150, count: 8 }));
    assert!(!totals.clusters.contains_key("orders_v1.external"));
    assert!(totals.listeners.is_empty());
}

#[test]
fn dots_in_names_are_no_borders() {
    let totals = series(&[
        ("cluster.orders.shop.svc.cluster.local.upstream_rq_completed", "5"),
        ("cluster.orders.shop.svc.cluster.local.external.upstream_rq_completed", "5"),
        ("cluster.outbound|8080|v2|orders.shop.ssl.handshake", "2"),
        ("cluster.ssl.upstream_rq_total", "3"),
        ("http.in.bound.downstream_rq_5xx", "5"),
    ])
    .totals(&Names::default());
    assert_eq!(totals.clusters["orders.shop.svc.cluster.local"].requests, 5);
    assert_eq!(totals.clusters["outbound|8080|v2|orders.shop"].tls_handshakes, 2);
    assert_eq!(totals.clusters["ssl"].attempts, 3);
    assert_eq!(totals.clusters.len(), 3);
    assert_eq!(totals.listeners["in.bound"].classes[4], 5);
}

#[test]
fn what_is_no_count_is_left_out() {
    let totals = series(&[
        ("cluster.a.upstream_rq_total", "18446744073709551613"),
        ("cluster.b.upstream_rq_total", "-1"),
        ("cluster.c.upstream_rq_total", "1.5"),
        ("cluster.d.upstream_rq_total", r#""many""#),
        ("cluster.e.upstream_rq_total", "null"),
        ("cluster.f.upstream_rq_total", r#"{"nested":[1]}"#),
        ("cluster.g.upstream_rq_total", "0"),
        ("cluster.h.upstream_rq_total", "7"),
        ("upstream_rq_total", "7"),
    ])
    .totals(&Names::default());
    assert_eq!(totals.clusters.keys().collect::<Vec<_>>(), ["h"]);
}

#[test]
fn the_sign_of_the_configuration_follows_it_and_not_the_traffic() {
    let sign = decode(RECORDED).configuration_sign();
    assert_eq!(sign, decode(RECORDED_LATER).configuration_sign());
    let more = RECORDED.replace(
        r#""cluster_manager.cluster_added","value":7"#,
        r#""cluster_manager.cluster_added","value":8"#,
    );
    assert_ne!(more, RECORDED);
    assert_ne!(sign, decode(&more).configuration_sign());
    let reload = |count| series(&[("http.in.rds.routes.config_reload", count)]).configuration_sign();
    assert_ne!(reload("1"), reload("2"));
}

#[test]
fn half_an_answer_is_told_from_another_answer() {
    let half = Stats::decode(&RECORDED.as_bytes()[..RECORDED.len() / 2]).expect_err("half");
    assert!(half.is_eof());
    for other in [r#"{"status":"ok"}"#, "[]", "7", r#"{"stats":[7]}"#, "<html>"] {
        assert!(!Stats::decode(other.as_bytes()).expect_err(other).is_eof(), "{other}");
    }
}

proptest! {
    #[test]
    fn no_series_name_makes_it_panic(name in r"(cluster|http)?[.a-z0-9_]{0,40}(upstream_rq_completed|downstream_rq_time)?") {
        let text = format!(
            r#"{{"stats":[{{"name":"{name}","value":1}},{{"histograms":{{"details":[{{"name":"{name}","totals":[{{"lower_bound":-1e99,"count":1}}]}}]}}}}]}}"#
        );
        decode(&text).totals(&Names::default());
    }
}

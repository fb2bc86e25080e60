//! What Envoy says in Prometheus' formats, as text and as protobuf.

use std::collections::BTreeMap;

use sidecarta_queries::rows::mesh::{MeshCounter, MeshWorkload};

use super::{pairs, sorted};
use crate::prometheus::{
    DecodeLimits, Exposition, Format, MappingContext, Rejects, Sample, Temporality, Value, decode,
    decode_stream_message, mesh_counters,
};

macro_rules! recorded {
    ($name:literal) => {
        include_bytes!(concat!("../../../tests/fixtures/envoy/", $name))
    };
}

const SCRAPE: &[u8] = recorded!("stats_prometheus.txt");
const LATER: &[u8] = recorded!("stats_prometheus_2.txt");
const USED_ONLY: &[u8] = recorded!("stats_prometheus_usedonly.txt");
const AFTER_RESET: &[u8] = recorded!("after_reset_counters.txt");
const TLS_FAILURES: &[u8] = recorded!("stats_listener_ssl_failures.txt");
const DOTTED_NAMES: &[u8] = recorded!("stats_prometheus_dotted_names.txt");
const PROTOBUF: &[u8] = recorded!("prom_proto.bin");
const NATIVE: &[u8] = recorded!("prom_proto_native.bin");
const PUSHED: [&[u8]; 2] = [recorded!("metrics_service_001.bin"), recorded!("metrics_service_003.bin")];

fn read(body: &[u8], format: Format) -> Exposition<'_> {
    let exposition = decode(body, format, DecodeLimits::default()).unwrap();
    assert_eq!(exposition.rejects, Rejects::default());
    exposition
}

/// One line a name that has counted anything: how many series it has and what they add up to, with the counts of
/// histograms for their values. Pushed families have one series each, and many the same name.
fn families(exposition: &Exposition<'_>) -> String {
    let count = |sample: &Sample<'_>| match &sample.value {
        Value::Number(number) => *number,
        Value::Histogram(histogram) => histogram.count as f64,
        Value::Summary(summary) => summary.count as f64,
    };
    let mut names: BTreeMap<String, (usize, f64)> = BTreeMap::new();
    for family in &exposition.families {
        let kind = format!("{:?}", family.kind).to_lowercase();
        let (series, sum) = names.entry(format!("{} {kind}", family.name)).or_default();
        *series += family.samples.len();
        *sum += family.samples.iter().map(count).sum::<f64>();
    }
    let series: usize = names.values().map(|(series, _)| series).sum();
    let counted = names.iter().filter(|(_, (_, sum))| *sum != 0.0);
    let lines = counted.map(|(name, (series, sum))| format!("{name} {series} series, {sum} in all"));
    [format!("{} families, {series} series", exposition.families.len())]
        .into_iter()
        .chain(lines)
        .collect::<Vec<_>>()
        .join("\n")
}

/// One line an edge that has counted anything.
fn edges(exposition: &Exposition<'_>) -> String {
    let context = MappingContext { instance: "gateway".to_owned(), ..MappingContext::default() };
    let mapped = mesh_counters(exposition, &context);
    let lines = mapped.counters.iter().filter_map(edge);
    [sorted(lines), format!("{} names cannot be read", mapped.unreadable_names)].join("\n")
}

fn edge(counter: &MeshCounter) -> Option<String> {
    let counts = serde_json::to_value(counter.counts).unwrap();
    let counts = counts.as_object().unwrap().iter();
    let counts = counts.filter(|(_, count)| **count != 0 && **count != serde_json::json!([0, 0, 0, 0, 0]));
    let latency = counter.latency.iter().map(|latency| ("latencies".to_owned(), latency.count.to_string()));
    let said = pairs(counts.map(|(name, count)| (name.clone(), count.to_string())).chain(latency));
    let edge = &counter.edge;
    let workload = |workload: &MeshWorkload| workload.name.clone();
    let about = [
        ("to", workload(&edge.target)),
        ("cluster", edge.cluster.clone()),
        ("listener", edge.listener.clone()),
        ("route", edge.route.clone()),
        ("code", edge.response_code.map(|code| code.to_string()).unwrap_or_default()),
    ];
    let about = pairs(about.into_iter().filter(|(_, value)| !value.is_empty()));
    (!said.is_empty()).then(|| format!("{:?} {about}: {said}", edge.reporter))
}

#[test]
fn text_is_this() {
    insta::assert_snapshot!("text_families", families(&read(SCRAPE, Format::Text)));
    insta::assert_snapshot!("text_edges", edges(&read(SCRAPE, Format::Text)));
    insta::assert_snapshot!("text_edges_later", edges(&read(LATER, Format::Text)));
}

#[test]
fn protobuf_is_this() {
    insta::assert_snapshot!("protobuf_edges", edges(&read(PROTOBUF, Format::Protobuf)));
    insta::assert_snapshot!("protobuf_native_edges", edges(&read(NATIVE, Format::Protobuf)));
}

#[test]
fn what_was_used_is_all_that_counts() {
    let (all, used) = (read(SCRAPE, Format::Text), read(USED_ONLY, Format::Text));
    assert!(used.families.len() < all.families.len());
    insta::assert_snapshot!("text_edges_of_what_was_used", edges(&used));
}

#[test]
fn a_reset_leaves_histograms_alone() {
    insta::assert_snapshot!(families(&read(AFTER_RESET, Format::Text)), @r#"
    5 families, 5 series
    envoy_cluster_upstream_rq_time histogram 1 series, 280 in all
    envoy_cluster_upstream_rq_timeout_budget_per_try_percent_used histogram 1 series, 316 in all
    envoy_cluster_upstream_rq_timeout_budget_percent_used histogram 1 series, 287 in all
    "#);
}

#[test]
fn failures_of_tls_are_told_by_their_reason() {
    insta::assert_snapshot!(families(&read(TLS_FAILURES, Format::Text)), @r#"
    9 families, 10 series
    envoy_listener_ssl_certificate_expiration_unix_time_seconds gauge 2 series, 4221565817 in all
    envoy_listener_ssl_ciphers counter 1 series, 1 in all
    envoy_listener_ssl_connection_error counter 1 series, 1 in all
    envoy_listener_ssl_curves counter 1 series, 1 in all
    envoy_listener_ssl_fail_verify_error counter 1 series, 1 in all
    envoy_listener_ssl_fail_verify_no_cert counter 1 series, 1 in all
    envoy_listener_ssl_handshake counter 1 series, 1 in all
    envoy_listener_ssl_sigalgs counter 1 series, 1 in all
    envoy_listener_ssl_versions counter 1 series, 1 in all
    "#);
}

#[test]
fn names_with_dots_are_cut_by_envoy() {
    insta::assert_snapshot!("dotted_edges", edges(&read(DOTTED_NAMES, Format::Text)));
}

#[test]
fn messages_of_the_metrics_service_are_these() {
    for (message, name) in PUSHED.into_iter().zip(["pushed_first", "pushed_third"]) {
        let read = decode_stream_message(message, Temporality::Cumulative, DecodeLimits::default()).unwrap();
        assert_eq!(read.exposition.rejects, Rejects::default());
        let node =
            read.node.map(|node| format!("from {} of {}\n", node.id, node.cluster)).unwrap_or_default();
        insta::assert_snapshot!(name, node + &families(&read.exposition));
    }
}

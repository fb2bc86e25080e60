//! The formats beside each other, and whole configurations.

use std::collections::BTreeMap;

use super::*;

pub(super) const TEXT: &[u8] = include_bytes!("../../../tests/fixtures/envoy/stats_prometheus.txt");
pub(super) const PROTOBUF: &[u8] = include_bytes!("../../../tests/fixtures/envoy/prom_proto.bin");
pub(super) const NATIVE: &[u8] = include_bytes!("../../../tests/fixtures/envoy/prom_proto_native.bin");

pub(super) fn read(body: &[u8], format: Format) -> Exposition<'_> {
    let exposition = decode(body, format, DecodeLimits::default()).expect("an exposition");
    assert_eq!(exposition.rejects, Rejects::default());
    exposition
}

type Series<'a> = BTreeMap<(String, Labels<'a>), (Kind, Value)>;

fn series<'a>(exposition: &Exposition<'a>) -> Series<'a> {
    let mut series = Series::new();
    for family in &exposition.families {
        for sample in &family.samples {
            let key = (family.name.clone().into_owned(), sample.labels.clone());
            let before = series.insert(key, (family.kind, sample.value.clone()));
            assert_eq!(before, None, "{} came twice", family.name);
        }
    }
    series
}

/// What asking the admin interface changes by itself.
fn is_of_the_asking(name: &str, labels: &Labels<'_>) -> bool {
    name.starts_with("envoy_listener_admin_") || labels.iter().any(|(_, value)| value == "admin")
}

/// One line a sample.
pub(super) fn shown(exposition: &Exposition<'_>, names: &[&str]) -> String {
    let mut text = Vec::new();
    for family in exposition.families.iter().filter(|family| names.contains(&&*family.name)) {
        text.push(format!("{} {:?} {:?}", family.name, family.kind, family.temporality));
        for Sample { labels, value, timestamp_ms } in &family.samples {
            let labels: Vec<_> = labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let value = match value {
                Value::Number(number) => format!("{number}"),
                Value::Summary(summary) => format!("{summary:?}"),
                Value::Histogram(Histogram { buckets, count, sum, native }) => {
                    let buckets: Vec<_> = buckets
                        .iter()
                        .map(|bucket| format!("{}:{}", bucket.upper_bound, bucket.cumulative))
                        .collect();
                    let native = native.as_ref().map(|native| format!(" {native:?}")).unwrap_or_default();
                    format!("count {count} sum {sum:?} [{}]{native}", buckets.join(" "))
                }
            };
            let at = timestamp_ms.map(|ms| format!(" at {ms}")).unwrap_or_default();
            text.push(format!("  {{{}}} {value}{at}", labels.join(",")));
        }
    }
    text.join("\n")
}

#[test]
fn text_and_protobuf_of_a_proxy_at_rest_agree() {
    let (text, protobuf) = (read(TEXT, Format::Text), read(PROTOBUF, Format::Protobuf));
    let (mut text, mut protobuf) = (series(&text), series(&protobuf));
    assert_eq!(text.keys().collect::<Vec<_>>(), protobuf.keys().collect::<Vec<_>>());
    text.retain(|(name, labels), _| !is_of_the_asking(name, labels));
    protobuf.retain(|(name, labels), _| !is_of_the_asking(name, labels));
    assert!(text.len() > 1_000, "{} series", text.len());
    for (key, in_text) in &text {
        assert_eq!(protobuf.get(key), Some(in_text), "{key:?}");
    }
}

#[test]
fn native_histograms_count_the_same_requests_as_classic_ones() {
    let (classic, native) = (read(PROTOBUF, Format::Protobuf), read(NATIVE, Format::Protobuf));
    let (classic, native) = (series(&classic), series(&native));
    let mut compared = 0;
    for (key, (_, value)) in &native {
        let Value::Histogram(fine) = value else { continue };
        let Some((_, Value::Histogram(coarse))) = classic.get(key) else { panic!("{key:?} is missing") };
        assert_eq!(
            (fine.count, fine.sum.unwrap_or(0.0)),
            (coarse.count, coarse.sum.unwrap_or(0.0)),
            "{key:?}"
        );
        let buckets = fine.native.as_ref().map(NativeHistogram::cumulative_buckets).unwrap_or_default();
        assert!(buckets.last().is_none_or(|last| last.cumulative == fine.count), "{key:?}: {buckets:?}");
        // Only the bounds 0.5 and 1 are bounds of both, whatever the schema.
        for bucket in coarse.buckets.iter().filter(|bucket| bucket.upper_bound <= 1.0) {
            let below = buckets.iter().take_while(|fine| fine.upper_bound <= bucket.upper_bound).last();
            assert_eq!(below.map_or(0, |below| below.cumulative), bucket.cumulative, "{key:?}: {buckets:?}");
        }
        compared += 1;
    }
    assert!(compared > 10, "{compared} histograms");
}

#[test]
fn recorded_families_are_as_they_were() {
    let names = [
        "envoy_cluster_upstream_rq_xx",
        "envoy_cluster_upstream_rq_time",
        "envoy_cluster_circuit_breakers_default_remaining_cx_pools",
        "envoy_server_live",
        "envoy_cluster_endpoint_rq_error",
    ];
    insta::assert_snapshot!("text", shown(&read(TEXT, Format::Text), &names));
    insta::assert_snapshot!("protobuf_native", shown(&read(NATIVE, Format::Protobuf), &names[1..2]));
}

#[test]
fn every_bad_value_is_named() {
    let config = PrometheusConfig {
        targets: ["a:1", "b", "https://c:1"].map(str::to_owned).into(),
        max_series: 0,
        discovery: DiscoveryConfig { max_targets: 0, ..DiscoveryConfig::default() },
        ..PrometheusConfig::default()
    };
    let problems = config.problems();
    assert_eq!(problems.len(), 4, "{problems:#?}");
    assert_eq!(config.named().len(), 1);
    let untouched: PrometheusConfig = toml::from_str("").expect("defaults");
    assert_eq!(untouched, PrometheusConfig::default());
    assert!(untouched.problems().is_empty());
}

mod scrapes;

//! Statistics among OTLP metrics, through the receiver.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as PointValue;
use opentelemetry_proto::tonic::metrics::v1::{
    Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use proptest::prelude::*;
use prost::Message as _;

use super::*;
use crate::otlp::{Encoding, Format, OtlpConfig, Received, Receiver, Signal};

const RECORDED: &[u8] = include_bytes!("../../../../../tests/fixtures/otlp/envoy_stat_sink.good.bin");

/// The receiver of a host. Points of any time are taken.
fn receiver(host: &Host) -> Receiver {
    let config = OtlpConfig {
        max_span_age_hours: 24 * 365 * 100,
        max_span_future_minutes: 60 * 24 * 365 * 100,
        ..OtlpConfig::default()
    };
    let receiver = Receiver::new(host.pipeline.clone(), host.book.clone(), &config);
    receiver.with_statistics(host.pushes.statistics_sink())
}

async fn send(receiver: &Receiver, host: &Host, request: &ExportMetricsServiceRequest) {
    let reservation = MemoryBudget::new(64 << 20).reservation();
    let body = request.encode_to_vec().into();
    let whole = Received { body, encoding: Encoding::Identity, format: Format::Protobuf, reservation };
    let source = host.book.source("otlp_grpc", "here");
    receiver.receive(Signal::Metrics, &source, Ok(whole)).await.unwrap();
}

fn attribute(key: &str, value: &str) -> KeyValue {
    let value = AnyValue { value: Some(any_value::Value::StringValue(value.to_owned())) };
    KeyValue { key: key.to_owned(), value: Some(value), ..KeyValue::default() }
}

fn resource(attributes: &[(&str, &str)]) -> Resource {
    let envoy = [("telemetry.sdk.name", "envoy"), ("telemetry.sdk.version", "9e5/1.40.0/Clean")];
    let attributes = envoy.iter().chain(attributes);
    let attributes = attributes.map(|(key, value)| attribute(key, value)).collect();
    Resource { attributes, ..Resource::default() }
}

/// Who all of these come from.
const SHOP: &[(&str, &str)] = &[("service.name", "shop"), ("service.instance.id", "a")];

/// What was said, in the order of Envoy's sink: gauges, counters, histograms. Those are from the start of the process.
fn metrics(said: &Said, temporality: i32) -> Vec<Metric> {
    let time_unix_nano = (said.time_ms * 1_000_000) as u64;
    let point = |value: u64, cluster: Option<&str>| NumberDataPoint {
        time_unix_nano,
        value: Some(PointValue::AsInt(value as i64)),
        attributes: cluster.map(|cluster| attribute("envoy.cluster_name", cluster)).into_iter().collect(),
        ..NumberDataPoint::default()
    };
    let metric =
        |name: &str, data: Data| Metric { name: name.to_owned(), data: Some(data), ..Metric::default() };
    let gauge = |value| Data::Gauge(Gauge { data_points: vec![point(value, None)] });
    let uptime = said.uptime_s.map(|uptime| metric("server.uptime", gauge(uptime)));
    let split = |name: &str| {
        let rest = name.strip_prefix("cluster.").unwrap();
        let (cluster, leaf) = rest.split_once('.').unwrap();
        (cluster.to_owned(), format!("cluster.{leaf}"))
    };
    let counters = said.counters.iter().map(|(name, value)| {
        let (cluster, name) = split(name);
        let data_points = vec![point(*value, Some(&cluster))];
        metric(
            &name,
            Data::Sum(Sum { data_points, aggregation_temporality: temporality, is_monotonic: true }),
        )
    });
    let histograms = said.histograms.iter().map(|(name, buckets, count)| {
        let (cluster, name) = split(name);
        let mut before = 0;
        let counts = buckets.iter().map(|(_, count)| count - std::mem::replace(&mut before, *count));
        let data_points = vec![HistogramDataPoint {
            time_unix_nano,
            count: *count,
            bucket_counts: counts.chain([0]).collect(),
            explicit_bounds: buckets.iter().map(|(bound, _)| *bound).collect(),
            attributes: vec![attribute("envoy.cluster_name", &cluster)],
            ..HistogramDataPoint::default()
        }];
        metric(&name, Data::Histogram(Histogram { data_points, aggregation_temporality: temporality }))
    });
    uptime.into_iter().chain(counters).chain(histograms).collect()
}

fn request(resource: Resource, metrics: Vec<Metric>) -> ExportMetricsServiceRequest {
    let scope_metrics = vec![ScopeMetrics { metrics, ..ScopeMetrics::default() }];
    let of_resource =
        ResourceMetrics { resource: Some(resource), scope_metrics, ..ResourceMetrics::default() };
    ExportMetricsServiceRequest { resource_metrics: vec![of_resource] }
}

const CUMULATIVE: i32 = 2;
const DELTA: i32 = 1;

fn of_shop(said: &Said) -> ExportMetricsServiceRequest {
    request(resource(SHOP), metrics(said, CUMULATIVE))
}

#[tokio::test]
async fn a_recorded_request_counts_once_it_says_who_it_is_from() {
    let host = Host::empty();
    let receiver = receiver(&host);
    let mut recorded = ExportMetricsServiceRequest::decode(RECORDED).unwrap();
    send(&receiver, &host, &recorded).await;
    let line = host.line("OTLP metrics");
    assert_eq!(line.state, SourceState::Failing);
    let words = line.last_error.unwrap();
    assert!(words.contains("`resource_detectors` that set `service.instance.id`"), "{words}");
    let points = host.line("here").accepted;
    assert!(points > 400);

    let attributes = &mut recorded.resource_metrics[0].resource.as_mut().unwrap().attributes;
    attributes.extend(SHOP.iter().map(|(key, value)| attribute(key, value)));
    send(&receiver, &host, &recorded).await;
    assert_eq!(host.line("a").detail.as_deref(), Some("a, Envoy 1.40.0, pushes as OTLP metrics"));
    assert_eq!(host.line("here").accepted, 2 * points, "they are metrics all the same");
    drop(receiver);
    let dir = host.stop().await;
    let counted = counted(&dir);
    // The same request was recorded as a message of the metrics service.
    assert_eq!(counted[&("a".to_owned(), "orders_v1".to_owned())], (44, 44));
    let (store, _writer) = store::open(&PipelineOptions::in_dir(dir.path()).store).unwrap();
    assert_eq!(store.row_counts().unwrap().data_points, 2 * points);
    store.directory(|known| assert_eq!(known.proxies()["a"].proxy.cluster, "shop"));
}

#[tokio::test]
async fn requests_that_come_again_or_too_late_add_nothing() {
    let host = Host::empty();
    let now_s = host.started_s;
    let said = |at_s, count| Said::at(now_s + at_s, now_s).requests("x", count).latencies("x", count);
    {
        let receiver = receiver(&host);
        for (at_s, count) in [(5, 3), (5, 3), (15, 9), (10, 5), (15, 9), (20, 10)] {
            send(&receiver, &host, &of_shop(&said(at_s, count))).await;
        }
    }
    let host = Host::start(host.stop().await);
    {
        let receiver = receiver(&host);
        for (at_s, count) in [(20, 10), (15, 9), (25, 12)] {
            send(&receiver, &host, &of_shop(&said(at_s, count))).await;
        }
    }
    assert_eq!(host.counted().await, of("a", "x", (12, 12)));
}

#[tokio::test]
async fn a_process_that_ran_before_and_its_successor() {
    let host = Host::empty();
    let (now_s, receiver) = (host.started_s, receiver(&host));
    let old = |at_s, count| Said::at(now_s + at_s, now_s - 600).requests("x", count).latencies("x", count);
    // As all of it comes now, the new process has to have started just now.
    let new = |at_s, count| Said::at(now_s + at_s, now_s + 15).requests("x", count).latencies("x", count);
    for said in [old(5, 700), old(10, 705), new(15, 4), new(20, 6)] {
        send(&receiver, &host, &of_shop(&said)).await;
    }
    drop(receiver);
    assert_eq!(host.counted().await, of("a", "x", (5 + 6, 5 + 6)));
}

#[tokio::test]
async fn a_request_of_too_many_proxies_counts_some() {
    let host = Host::empty();
    let receiver = receiver(&host);
    let said = Said::at(host.started_s + 5, host.started_s).requests("x", 1);
    let of = |number: usize| {
        let id = number.to_string();
        let resource = resource(&[("service.instance.id", &id)]);
        request(resource, metrics(&said, CUMULATIVE)).resource_metrics.remove(0)
    };
    let resource_metrics = (0..1_003).map(of).collect();
    send(&receiver, &host, &ExportMetricsServiceRequest { resource_metrics }).await;
    let words = host.line("OTLP metrics").last_error.unwrap();
    assert!(words.starts_with("more proxies send statistics than can be counted"), "{words}");
    drop(receiver);
    assert_eq!(host.counted().await.len(), 1_000);
}

#[tokio::test]
async fn two_proxies_under_one_id_are_told() {
    let host = Host::empty();
    let (now_s, receiver) = (host.started_s, receiver(&host));
    for number in 1..=6 {
        for (later_s, started_s) in [(0, now_s - 600), (1, now_s - 300)] {
            let said = Said::at(now_s + 5 * number + later_s, started_s).requests("x", 100 * number as u64);
            send(&receiver, &host, &of_shop(&said)).await;
        }
    }
    let detail = host.line("a").detail.unwrap();
    assert!(detail.contains("several processes push under its id"), "{detail}");
    drop(receiver);
    assert_eq!(host.counted().await, BTreeMap::new());
}

#[tokio::test]
async fn what_is_reported_as_deltas_is_told() {
    let host = Host::empty();
    let receiver = receiver(&host);
    let said = Said::at(host.started_s + 5, host.started_s).requests("x", 3);
    send(&receiver, &host, &request(resource(SHOP), metrics(&said, DELTA))).await;
    let detail = host.line("a").detail.unwrap();
    assert!(detail.contains("take `report_counters_as_deltas`"), "{detail}");
    drop(receiver);
    assert_eq!(host.counted().await, BTreeMap::new());
}

#[tokio::test]
async fn a_proxy_that_pushes_by_two_sinks_is_counted_once() {
    let host = Host::empty();
    let (receiver, stream) = (receiver(&host), host.stream("a", "p"));
    let said = |at_s, count| Said::at(host.started_s + at_s, host.started_s).requests("x", count);
    stream.say(&said(5, 3)).await;
    send(&receiver, &host, &of_shop(&said(5, 3))).await;
    let words = host.line("a@OTLP").last_error.unwrap();
    assert!(words.starts_with("a proxy pushes its statistics from p already"), "{words}");
    stream.say(&said(10, 5)).await;
    drop(stream);
    // Now it is the only one. What it said before does not matter.
    send(&receiver, &host, &of_shop(&said(15, 6))).await;
    send(&receiver, &host, &of_shop(&said(20, 8))).await;
    let stream = host.stream("a", "p");
    assert_eq!(stream.say(&said(25, 9)).await.accepted, 0);
    let words = host.line("a@p").last_error.unwrap();
    assert!(words.starts_with("a proxy pushes its statistics as OTLP metrics already"), "{words}");
    drop((receiver, stream));
    assert_eq!(host.counted().await, of("a", "x", (5 + 2, 0)));
}

#[tokio::test]
async fn full_names_and_other_senders_are_what_they_are() {
    let host = Host::empty();
    let receiver = receiver(&host);
    let said = Said::at(host.started_s + 5, host.started_s).requests("x", 3);
    let mut full = metrics(&said, CUMULATIVE);
    full.last_mut().unwrap().name = "cluster.x.upstream_rq_completed".to_owned();
    send(&receiver, &host, &request(resource(SHOP), full)).await;
    let mut other = of_shop(&Said::at(host.started_s + 5, host.started_s).requests("x", 9));
    other.resource_metrics[0].resource.as_mut().unwrap().attributes.remove(0);
    send(&receiver, &host, &other).await;
    drop(receiver);
    assert_eq!(host.counted().await, of("a", "x", (3, 0)));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// However flushes are cut into requests, and in whatever order the requests of one come.
    #[test]
    fn every_request_is_counted_once_of_otlp_too(
        is_old in any::<bool>(),
        flushes in prop::collection::vec(
            (prop::array::uniform3(0..9_u64), prop::collection::vec((0..9_usize, any::<bool>()), 0..9)), 1..6),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(async {
            let host = Host::empty();
            let receiver = receiver(&host);
            let started_s = host.started_s - if is_old { 1_000 } else { 0 };
            let mut counters = if is_old { [70, 80, 90] } else { [0; 3] };
            let mut truth = [0; 3];
            let last = flushes.len() as i64;
            for (number, (more, cuts)) in (1..).zip(flushes) {
                let mut said = Said::at(host.started_s + 5 * number, started_s);
                for (index, cluster) in ["x", "y", "z"].into_iter().enumerate() {
                    counters[index] += more[index];
                    // With the first flush of an old process counting starts.
                    truth[index] += if is_old && number == 1 { 0 } else { more[index] as i64 };
                    said = said.requests(cluster, counters[index]).latencies(cluster, counters[index]);
                }
                let mut parts = vec![metrics(&said, CUMULATIVE)];
                for (at, is_swapped) in cuts {
                    let part = parts.pop().unwrap();
                    let (one, other) = part.split_at(at.min(part.len()));
                    let halves = if is_swapped { [other, one] } else { [one, other] };
                    parts.extend(halves.map(<[Metric]>::to_vec));
                }
                for part in parts.into_iter().filter(|part| !part.is_empty()) {
                    send(&receiver, &host, &request(resource(SHOP), part)).await;
                }
            }
            drop(receiver);
            let counted = host.counted().await;
            // Of one flush of an old process nobody knows that it is whole.
            let expected = ["x", "y", "z"].into_iter().zip(truth).filter(|(_, count)| *count > 0 && (!is_old || last > 1));
            let expected: BTreeMap<_, _> =
                expected.map(|(cluster, count)| (("a".to_owned(), cluster.to_owned()), (count, count))).collect();
            prop_assert_eq!(counted, expected);
            Ok(())
        })?;
    }
}

//! Data points of metrics.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{
    ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram, HistogramDataPoint, Metric,
    NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, Summary, SummaryDataPoint, summary_data_point,
};
use sidecarta_queries::rows::metric::{MetricBatch, MetricPoint};

use super::properties::attributes;
use super::read::{Column, texts_of};
use super::*;
use crate::otlp::decode::metrics::decode_metrics;

mod properties;
mod rows;

use rows::{Row, expected, rows};

const STAT_SINK: &[u8] = include_bytes!("../../../../../tests/fixtures/otlp/envoy_stat_sink.good.bin");

const STAT_SINK_LATER: &[u8] =
    include_bytes!("../../../../../tests/fixtures/otlp/envoy_stat_sink_later.good.bin");

fn decode_bytes(payload: &[u8]) -> Result<Decoded<MetricBatch>, DecodeError> {
    let mut reserve = |_| Ok(());
    let mut meter = Meter::new(0, &mut reserve);
    decode_metrics(payload, NOW, &DecodeLimits::default(), &mut meter, &mut |_| Fate::Store)
}

fn request(data: Vec<Data>) -> ExportMetricsServiceRequest {
    let resource = Resource { attributes: vec![text("service.name", "orders")], ..Resource::default() };
    let scope = InstrumentationScope { name: "scope".into(), ..InstrumentationScope::default() };
    let metric = |(number, data)| Metric {
        name: format!("metric {number}"),
        unit: "ms".to_owned(),
        description: "not kept".to_owned(),
        data: Some(data),
        ..Metric::default()
    };
    let metrics = data.into_iter().enumerate().map(metric).collect();
    let scope_metrics = vec![ScopeMetrics { scope: Some(scope), metrics, ..ScopeMetrics::default() }];
    let resource_metrics =
        vec![ResourceMetrics { resource: Some(resource), scope_metrics, ..ResourceMetrics::default() }];
    ExportMetricsServiceRequest { resource_metrics }
}

fn decode(data: Vec<Data>) -> (Vec<Row>, Decoded<MetricBatch>) {
    let decoded = decode_bytes(&request(data).encode_to_vec()).unwrap();
    (rows(&decoded.batch), decoded)
}

fn gauge(points: Vec<NumberDataPoint>) -> Data {
    Data::Gauge(Gauge { data_points: points })
}

fn at(time: i64) -> NumberDataPoint {
    let value = Some(Number::AsInt(7));
    NumberDataPoint { time_unix_nano: time as u64, value, ..NumberDataPoint::default() }
}

fn histogram(bounds: Vec<f64>, counts: Vec<u64>) -> Data {
    let point = HistogramDataPoint {
        time_unix_nano: NOW as u64,
        explicit_bounds: bounds,
        bucket_counts: counts,
        ..HistogramDataPoint::default()
    };
    Data::Histogram(Histogram { data_points: vec![point], aggregation_temporality: 1 })
}

#[test]
fn every_recorded_point_is_kept_and_its_start_is_understood() {
    let decoded = decode_bytes(STAT_SINK).unwrap();
    assert_eq!((decoded.accepted, decoded.rejected, decoded.message.as_str()), (455, 0, ""));
    let mut expected = expected(&ExportMetricsServiceRequest::decode(STAT_SINK).unwrap());
    for row in &mut expected {
        row.start_ns *= 1_000;
        assert!(row.start_ns == 0 || (1..10 * SECOND).contains(&(row.time_ns - row.start_ns)), "{row:?}");
    }
    let rows = rows(&decoded.batch);
    assert_eq!(rows, expected);

    let named = |name: &str, prefix: &str| {
        let row =
            rows.iter().find(|row| row.name == name && row.attributes.values().any(|value| value == prefix));
        row.unwrap().clone()
    };
    let counter = named("listener.http.downstream_rq_completed", "orders_v1_in");
    assert_eq!(
        (counter.kind, counter.temporality, counter.is_monotonic, counter.value_int),
        (2, 2, true, Some(44))
    );
    assert_eq!(counter.start_ns, 1_795_423_231_768_190_000);
    let latency = named("http.downstream_rq_time", "orders_v1_in");
    assert_eq!((latency.kind, latency.temporality, latency.counts[0]), (3, 2, Some(44)));
    assert_eq!(latency.count_lists[0].as_ref().unwrap().len(), 20);
    assert_eq!(latency.double_lists[0].as_ref().unwrap().len(), 19);
}

/// One line a metric that has counted anything: its points, and what they add up to.
fn digest(payload: &[u8]) -> String {
    let decoded = decode_bytes(payload).unwrap();
    assert_eq!(decoded.rejected, 0);
    let mut metrics: BTreeMap<(String, &str), (u64, f64)> = BTreeMap::new();
    for row in rows(&decoded.batch) {
        let kind = ["gauge", "sum", "histogram"][usize::from(row.kind) - 1];
        let (points, sum) = metrics.entry((row.name, kind)).or_default();
        *points += 1;
        *sum += row.counts[0].map_or_else(|| row.value.map_or(0.0, f64::from_bits), |count| count as f64);
    }
    let lines = metrics.iter().filter(|(_, (_, sum))| *sum != 0.0);
    let lines =
        lines.map(|((name, kind), (points, sum))| format!("{name} {kind} {points} points, {sum} in all"));
    [format!("{} points", decoded.accepted)].into_iter().chain(lines).collect::<Vec<_>>().join("\n")
}

#[test]
fn recorded_points_are_these() {
    insta::assert_snapshot!("stat_sink", digest(STAT_SINK));
    insta::assert_snapshot!("stat_sink_later", digest(STAT_SINK_LATER));
}

#[test]
fn points_that_cannot_be_taken_are_counted_and_the_others_kept() {
    let (rows, decoded) = decode(vec![
        gauge(vec![at(NOW), at(1), at(-1), at(0)]),
        histogram(vec![1.0, 2.0], vec![1, 2, 3]),
        histogram(vec![1.0, 2.0], vec![1, 2]),
        histogram(vec![2.0, 1.0], vec![1, 2, 3]),
        histogram(vec![1.0, f64::NAN], vec![1, 2, 3]),
        histogram(vec![], vec![]),
        histogram(vec![], vec![5]),
        histogram((0..10_001).map(f64::from).collect(), vec![0; 10_002]),
    ]);
    let kept: Vec<(&str, i64)> = rows.iter().map(|row| (row.name.as_str(), row.time_ns)).collect();
    let times =
        [("metric 0", NOW), ("metric 0", NOW), ("metric 1", NOW), ("metric 5", NOW), ("metric 6", NOW)];
    assert_eq!(kept, times);
    assert_eq!(decoded.rejected, 6);
    assert_eq!(
        decoded.message,
        "data points not taken: 6 (a time outside the time that is accepted: 2; \
         buckets that do not fit their bounds, or bounds that do not ascend: 3; \
         more buckets than are accepted: 1)"
    );
}

#[test]
fn a_metric_without_a_name_costs_its_points_only() {
    let mut request = request(vec![gauge(vec![at(NOW), at(NOW)]), gauge(vec![at(NOW)])]);
    request.resource_metrics[0].scope_metrics[0].metrics[0].name.clear();
    request.resource_metrics[0].scope_metrics[0]
        .metrics
        .push(Metric { name: "no data".into(), ..Metric::default() });
    let decoded = decode_bytes(&request.encode_to_vec()).unwrap();
    assert_eq!((decoded.accepted, decoded.rejected), (1, 2));
    assert_eq!(decoded.message, "data points not taken: 2 (a metric without a name: 2)");
}

#[test]
fn damage_in_a_metric_costs_that_metric_only() {
    let good = request(vec![gauge(vec![at(NOW)])]);
    let mut damaged = good.resource_metrics[0].scope_metrics[0].metrics[0].encode_to_vec();
    // The length of the only point says more than there is.
    let length =
        damaged.len() - good.resource_metrics[0].scope_metrics[0].metrics[0].data.as_ref().map_or(0, |_| 19);
    damaged[length] = 0x7f;
    let scope = [&[0x12, damaged.len() as u8][..], &damaged].concat();
    let resource = [&[0x12, scope.len() as u8][..], &scope].concat();
    let bad = [&[0x0a, resource.len() as u8][..], &resource].concat();
    let decoded = decode_bytes(&[good.encode_to_vec(), bad.clone()].concat()).unwrap();
    assert_eq!((decoded.accepted, decoded.rejected), (1, 1), "{}", decoded.message);
    assert!(matches!(decode_bytes(&bad), Err(DecodeError::NothingReadable(_))));
}

#[test]
fn damage_in_a_point_costs_that_point_only() {
    let damaged = NumberDataPoint { attributes: vec![text("key", "damaged")], ..at(NOW) };
    let mut payload = request(vec![gauge(vec![at(NOW - 1), damaged, at(NOW - 3)])]).encode_to_vec();
    let value = payload.windows(7).position(|window| window == b"damaged").unwrap();
    // The tag before the length of the text.
    payload[value - 2] = 0x07;
    let decoded = decode_bytes(&payload).unwrap();
    let times: Vec<i64> = rows(&decoded.batch).into_iter().map(|row| row.time_ns).collect();
    assert_eq!(times, [NOW - 1, NOW - 3]);
    assert_eq!(decoded.message, "data points not taken: 1 (not valid protobuf: 1)");
}

#[test]
fn points_without_a_recorded_value_have_none() {
    let flagged = NumberDataPoint { flags: MetricPoint::NO_RECORDED_VALUE, value: None, ..at(NOW) };
    let (rows, decoded) = decode(vec![gauge(vec![flagged])]);
    assert_eq!((decoded.rejected, rows[0].flags, rows[0].value, rows[0].value_int), (0, 1, None, None));
}

#[test]
fn numbers_that_are_not_packed_are_read() {
    // field 8 { offset: sint32 -3, bucket_counts 5, bucket_counts [6, 7] }
    let positive = [0x42, 9, 0x08, 5, 0x10, 5, 0x12, 3, 6, 0x87, 0];
    let point = [&[0x19][..], &NOW.to_le_bytes(), &positive].concat();
    let mut metric = vec![0x0a, 1, b'm', 0x52, point.len() as u8 + 2, 0x0a, point.len() as u8];
    metric.extend(point);
    for (tag, levels) in [(0x12, 2), (0x0a, 1)] {
        for _ in 0..levels {
            metric = [&[tag, metric.len() as u8][..], &metric].concat();
        }
    }
    let decoded = decode_bytes(&metric).unwrap();
    let row = rows(&decoded.batch).remove(0);
    assert_eq!((row.integers[1], row.count_lists[1].clone()), (Some(-3), Some(vec![5, 6, 7])));
}

#[test]
fn what_a_hook_takes_is_not_stored() {
    let mut reserve = |_| Ok(());
    let mut meter = Meter::new(0, &mut reserve);
    let mut hook = |point: &MetricPoint<'_>| if point.name == "metric 0" { Fate::Taken } else { Fate::Store };
    let payload = request(vec![gauge(vec![at(NOW), at(NOW)]), gauge(vec![at(NOW)])]).encode_to_vec();
    let decoded = decode_metrics(&payload, NOW, &DecodeLimits::default(), &mut meter, &mut hook).unwrap();
    assert_eq!((decoded.accepted, decoded.batch.len(), decoded.batch.resources.len()), (3, 1, 1));
}

#[test]
fn packed_buckets_ask_for_the_memory_they_take() {
    let point = ExponentialHistogramDataPoint {
        positive: Some(Buckets { offset: 0, bucket_counts: vec![0; 9_000] }),
        ..ExponentialHistogramDataPoint::default()
    };
    let data = Data::ExponentialHistogram(ExponentialHistogram {
        data_points: vec![point; 100],
        aggregation_temporality: 2,
    });
    let payload = request(vec![data]).encode_to_vec();
    let limits = DecodeLimits::default();
    let mut asked = 0;
    let mut reserve = |bytes: usize| {
        asked += bytes;
        Ok(())
    };
    super::super::decode(Signal::Metrics, &payload, NOW, &limits, Arc::default(), &mut reserve, &mut |_| ())
        .unwrap();
    assert!(asked > 100 * 9_000 * 8, "{asked} bytes for a request of {} bytes", payload.len());
}

#[test]
fn a_frame_of_metrics_gives_the_same_rows_again() {
    let first = decode_bytes(STAT_SINK).unwrap();
    for (kind, payload) in [
        (FrameKind::OtlpMetrics, STAT_SINK.to_vec()),
        (FrameKind::OtlpMetricsZstd, compression::compress_for_log(STAT_SINK).unwrap()),
    ] {
        let frame = Frame { kind, received_at_ns: NOW, payload: payload.into() };
        let decoded = decode_frame(&frame, &DecodeLimits::default(), Arc::default()).unwrap();
        let Rows::Metrics(again) = decoded.batch else { panic!() };
        assert_eq!((&again.columns, &again.resources), (&first.batch.columns, &first.batch.resources));
    }
    let few = DecodeLimits { max_data_points: 454, ..DecodeLimits::default() };
    let refused = super::super::decode(
        Signal::Metrics,
        STAT_SINK,
        NOW,
        &few,
        Arc::default(),
        &mut |_| Ok(()),
        &mut |_| (),
    );
    assert!(matches!(refused, Err(DecodeError::TooMany { limit: 454, records: "data points" })));
}

//! Metrics and logs in JSON.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use serde_json::json;

use super::*;

const STAT_SINK: &[u8] = include_bytes!("../../../../../tests/fixtures/otlp/envoy_stat_sink.good.bin");
const ACCESS_LOG: &[u8] = include_bytes!("../../../../../tests/fixtures/otlp/envoy_access_log.good.bin");

fn transcode(signal: Signal, json: &[u8]) -> Vec<u8> {
    to_protobuf(signal, json, &mut |_| Ok(())).unwrap()
}

/// The data of the only metric of a request that has this one.
fn metric(metric: &serde_json::Value) -> Data {
    let json = json!({"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]}).to_string();
    let protobuf = transcode(Signal::Metrics, json.as_bytes());
    let mut request = ExportMetricsServiceRequest::decode(protobuf.as_slice()).unwrap();
    request.resource_metrics.remove(0).scope_metrics.remove(0).metrics.remove(0).data.unwrap()
}

#[test]
fn what_another_encoder_writes_is_read_as_it_meant_it() {
    let metrics = ExportMetricsServiceRequest::decode(STAT_SINK).unwrap();
    let protobuf = transcode(Signal::Metrics, &serde_json::to_vec(&metrics).unwrap());
    assert_eq!(ExportMetricsServiceRequest::decode(protobuf.as_slice()).unwrap(), metrics);
    let logs = ExportLogsServiceRequest::decode(ACCESS_LOG).unwrap();
    let protobuf = transcode(Signal::Logs, &serde_json::to_vec(&logs).unwrap());
    assert_eq!(ExportLogsServiceRequest::decode(protobuf.as_slice()).unwrap(), logs);
}

#[test]
fn numbers_of_points_come_as_text_or_as_numbers() {
    let sum = json!({"name": "n", "sum": {
        "aggregationTemporality": "AGGREGATION_TEMPORALITY_DELTA",
        "isMonotonic": true,
        "dataPoints": [
            {"asInt": "-9223372036854775808"}, {"asInt": 7}, {"asDouble": "Infinity"}, {"asDouble": 1, "flags": 1}
        ]
    }});
    let Data::Sum(sum) = metric(&sum) else { panic!() };
    let values: Vec<_> = sum.data_points.iter().map(|point| point.value.unwrap()).collect();
    let expected =
        [Number::AsInt(i64::MIN), Number::AsInt(7), Number::AsDouble(f64::INFINITY), Number::AsDouble(1.0)];
    assert_eq!(values, expected);
    assert_eq!((sum.aggregation_temporality, sum.is_monotonic, sum.data_points[3].flags), (1, true, 1));
}

#[test]
fn buckets_and_quantiles_are_read() {
    let histogram = json!({"name": "n", "histogram": {"aggregationTemporality": 2, "dataPoints": [
        {"count": "18446744073709551615", "sum": 1.5, "bucketCounts": ["1", 2], "explicitBounds": [10], "min": -1}
    ]}});
    let Data::Histogram(histogram) = metric(&histogram) else { panic!() };
    let point = &histogram.data_points[0];
    assert_eq!((point.count, point.sum, point.min, point.max), (u64::MAX, Some(1.5), Some(-1.0), None));
    assert_eq!((&point.bucket_counts[..], &point.explicit_bounds[..]), (&[1, 2][..], &[10.0][..]));

    let exponential = json!({"name": "n", "exponentialHistogram": {"dataPoints": [
        {"scale": -3, "zeroCount": 5, "positive": {"offset": "-7", "bucketCounts": ["18446744073709551615", 0]}}
    ]}});
    let Data::ExponentialHistogram(exponential) = metric(&exponential) else { panic!() };
    let point = &exponential.data_points[0];
    assert_eq!((point.scale, point.zero_count), (-3, 5));
    assert_eq!(point.positive, Some(Buckets { offset: -7, bucket_counts: vec![u64::MAX, 0] }));

    let summary = json!({"name": "n", "summary": {"dataPoints": [
        {"count": 2, "quantileValues": [{"quantile": 0.5, "value": "NaN"}]}
    ]}});
    let Data::Summary(summary) = metric(&summary) else { panic!() };
    assert!(summary.data_points[0].quantile_values[0].value.is_nan());
}

#[test]
fn log_records_are_read() {
    let json = json!({"resourceLogs": [{"scopeLogs": [{"logRecords": [{
        "timeUnixNano": "1", "observedTimeUnixNano": 2, "severityNumber": "SEVERITY_NUMBER_WARN", "severityText": "w",
        "body": {"kvlistValue": {"values": [{"key": "a", "value": {"intValue": "5"}}]}},
        "traceId": "0AF7651916CD43DD8448EB211C80319C", "spanId": "zz", "eventName": "e", "flags": 1, "unknown": []
    }]}]}]});
    let protobuf = transcode(Signal::Logs, json.to_string().as_bytes());
    let request = ExportLogsServiceRequest::decode(protobuf.as_slice()).unwrap();
    let record = &request.resource_logs[0].scope_logs[0].log_records[0];
    assert_eq!((record.time_unix_nano, record.observed_time_unix_nano), (1, 2));
    assert_eq!((record.severity_number, record.severity_text.as_str(), record.flags), (13, "w", 1));
    assert_eq!((record.trace_id.len(), record.span_id.len(), record.event_name.as_str()), (16, 1, "e"));
    assert!(matches!(record.body.as_ref().unwrap().value, Some(Value::KvlistValue(_))));
}

#[test]
fn numbers_out_of_range_are_refused() {
    for point in [r#"{"asInt": "9223372036854775808"}"#, r#"{"flags": -1}"#, r#"{"timeUnixNano": 1.5}"#] {
        let json = format!(
            r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{{"gauge":{{"dataPoints":[{point}]}}}}]}}]}}]}}"#
        );
        let refused = to_protobuf(Signal::Metrics, json.as_bytes(), &mut |_| Ok(()));
        assert!(matches!(refused, Err(JsonError::Invalid(_))), "{point}");
    }
}

#[test]
fn long_lists_of_short_numbers_ask_for_the_memory_they_take() {
    let counts = vec!["0"; 100_000].join(",");
    let json = format!(
        r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{{"histogram":{{"dataPoints":[{{"bucketCounts":[{counts}]}}]}}}}]}}]}}]}}"#
    );
    let mut granted = json.len();
    let protobuf = to_protobuf(Signal::Metrics, json.as_bytes(), &mut |bytes| {
        granted += bytes;
        Ok(())
    });
    assert!(protobuf.unwrap().len() <= granted);
    let refused = to_protobuf(Signal::Metrics, json.as_bytes(), &mut |_| Err(NoMemory::Now));
    assert!(matches!(refused, Err(JsonError::NoMemory(NoMemory::Now))));
}

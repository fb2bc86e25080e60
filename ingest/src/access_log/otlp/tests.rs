use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use prost::Message as _;

use super::*;
use crate::access_log::tests::summary;

const EDGE: &[u8] = include_bytes!("../../../../tests/fixtures/access_log/otlp_edge.good.bin");
const ORDERS_OUT: &[u8] = include_bytes!("../../../../tests/fixtures/access_log/otlp_orders_out.good.bin");

type Pairs = Vec<(Cow<'static, str>, Cow<'static, str>)>;

fn text(value: Option<AnyValue>) -> String {
    match value.and_then(|value| value.value) {
        Some(Value::StringValue(text)) => text,
        other => panic!("{other:?} is no text"),
    }
}

fn pairs(attributes: Vec<KeyValue>) -> Pairs {
    attributes.into_iter().map(|pair| (pair.key.into(), text(pair.value).into())).collect()
}

fn id(bytes: &[u8]) -> u128 {
    bytes.iter().fold(0, |id, byte| id << 8 | u128::from(*byte))
}

fn rows(logs: &OtlpAccessLogs, request: &[u8]) -> Vec<Option<AccessLogRow>> {
    let mut rows = Vec::new();
    for resource_logs in ExportLogsServiceRequest::decode(request).unwrap().resource_logs {
        let resource = pairs(resource_logs.resource.unwrap_or_default().attributes);
        for scope_logs in resource_logs.scope_logs {
            let scope = scope_logs.scope.unwrap_or_default().name;
            for record in scope_logs.log_records {
                rows.push(logs.row(&LogRecord {
                    time_ns: record.time_unix_nano as i64,
                    observed_at_ns: record.observed_time_unix_nano as i64,
                    trace_id: id(&record.trace_id),
                    span_id: id(&record.span_id) as u64,
                    body: text(record.body).into(),
                    attributes: &pairs(record.attributes),
                    resource: &resource,
                    scope: &scope,
                }));
            }
        }
    }
    rows
}

fn configured() -> OtlpAccessLogs {
    let config = AccessLogConfig {
        name: "edge".to_owned(),
        format: "%REQ(:METHOD)% %REQ(:PATH)% %PROTOCOL% %RESPONSE_CODE% %RESPONSE_FLAGS%".to_owned(),
        service: "gateway".to_owned(),
        direction: sidecarta_queries::rows::access_log::Direction::Inbound,
        ..AccessLogConfig::default()
    };
    let file = AccessLogConfig { name: "orders_out".to_owned(), path: "/a.log".to_owned(), ..config.clone() };
    OtlpAccessLogs::new(&[config, file]).unwrap()
}

#[test]
fn recorded_logs_become_these_rows() {
    let rows = [rows(&configured(), EDGE), rows(&configured(), ORDERS_OUT)].concat();
    assert_eq!(rows.len(), 11);
    assert!(rows.iter().all(|row| row.as_ref().is_some_and(|row| row.trace_id != 0 && row.span_id != 0)));
    let shown: Vec<_> = rows.iter().flatten().step_by(2).map(summary).collect();
    insta::assert_json_snapshot!("recorded", shown);
}

#[test]
fn only_envoys_and_configured_logs_are_access_logs() {
    let logs = configured();
    let is_one = |resource: &[(&'static str, &'static str)], scope| {
        let resource: Pairs = resource.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        logs.row(&LogRecord { resource: &resource, scope, ..LogRecord::default() }).is_some()
    };
    assert!(is_one(&[("log_name", "any"), ("node_name", "sidecar")], ""));
    assert!(is_one(&[("telemetry.sdk.name", "envoy")], ""));
    assert!(is_one(&[], "envoy"));
    assert!(is_one(&[("log_name", "edge")], ""));
    assert!(is_one(&[("service.name", "edge")], ""));
    assert!(!is_one(&[("service.name", "orders"), ("log_name", "any")], "my.library"));
    assert!(!is_one(&[], ""));
}

#[test]
fn a_body_is_read_as_far_as_it_can_be() {
    let logs = OtlpAccessLogs::new(&[]).unwrap();
    let row = |body: &'static str| {
        logs.row(&LogRecord { time_ns: 5, body: body.into(), scope: "envoy", ..LogRecord::default() })
            .unwrap()
    };
    let default = row(r#"[2026-11-23T08:36:53.287Z] "GET /a HTTP/1.1" 503 UF 0 98 0 - "-" "-" "-" "-" "-""#);
    assert_eq!((default.response_code, default.start_ns), (503, 5));
    let untimed = LogRecord { observed_at_ns: 7, scope: "envoy", ..LogRecord::default() };
    assert_eq!(logs.row(&untimed).unwrap().start_ns, 7);
    let json = row(r#"{"response_code":503,"trace_id":"ff"}"#);
    assert_eq!((json.response_code, json.trace_id), (503, 255));
    let request_line = row("GET /orders/7 HTTP/2 whatever");
    assert_eq!((request_line.method.as_str(), request_line.route.as_str()), ("GET", "/orders/{id}"));
    let unknown = row("the end of all");
    assert_eq!((unknown.method.as_str(), unknown.attributes[0].1.as_str()), ("", "the end of all"));
}

#[test]
fn every_bad_log_is_named() {
    let bad = |name: &str| AccessLogConfig {
        name: name.to_owned(),
        format: "%NOPE%".to_owned(),
        ..AccessLogConfig::default()
    };
    assert_eq!(OtlpAccessLogs::new(&[bad("a"), bad("b")]).unwrap_err().problems.len(), 2);
}

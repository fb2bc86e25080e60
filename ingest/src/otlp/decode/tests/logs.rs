//! Log records.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use proptest::prelude::*;
use sidecarta_queries::rows::log::{self, LogBatch};

use super::properties::{attributes, value};
use super::read::{Column, texts_of};
use super::*;
use crate::otlp::decode::logs::decode_logs;
use crate::otlp::value::value_text;

const ACCESS_LOG: &[u8] = include_bytes!("../../../../../tests/fixtures/otlp/envoy_access_log.good.bin");

const OTHER_ACCESS_LOG: &[u8] =
    include_bytes!("../../../../../tests/fixtures/access_log/otlp_orders_out.good.bin");

/// A row, read back.
#[derive(Debug, Default, PartialEq, Eq)]
struct Row {
    time_ns: i64,
    observed_ns: i64,
    trace_id: u128,
    span_id: u64,
    severity: (u8, String),
    service: String,
    scope: String,
    event_name: String,
    body: String,
    attributes: BTreeMap<String, String>,
}

fn rows(batch: &LogBatch) -> Vec<Row> {
    let columns = &batch.columns;
    (0..batch.len())
        .map(|row| {
            let column = |name| Column { columns, name, row };
            Row {
                time_ns: column("time_ns").i64().unwrap(),
                observed_ns: column("observed_ns").i64().unwrap(),
                trace_id: u128::from(column("trace_hi").u64().unwrap()) << 64
                    | u128::from(column("trace_lo").u64().unwrap()),
                span_id: column("span_id").u64().unwrap(),
                severity: (column("severity_number").u8().unwrap(), column("severity_text").text()),
                service: column("service").text(),
                scope: column("scope").text(),
                event_name: column("event_name").text(),
                body: column("body").text(),
                attributes: column("attributes").map(),
            }
        })
        .collect()
}

/// What valid records should give, worked out from the messages of another decoder.
fn expected(request: &ExportLogsServiceRequest) -> Vec<Row> {
    let id = |bytes: &[u8]| bytes.iter().fold(0_u128, |id, byte| id << 8 | u128::from(*byte));
    let mut rows = Vec::new();
    for resource_logs in &request.resource_logs {
        let resource = resource_logs.resource.as_ref().map_or(&[][..], |resource| &resource.attributes);
        let service = texts_of(resource).remove("service.name").unwrap_or_else(|| "unknown_service".into());
        for scope_logs in &resource_logs.scope_logs {
            let scope = scope_logs.scope.as_ref().map(|scope| scope.name.clone()).unwrap_or_default();
            for record in &scope_logs.log_records {
                let observed = record.observed_time_unix_nano;
                let observed_ns = if observed == 0 { NOW } else { observed as i64 };
                let time = record.time_unix_nano;
                let body = record.body.as_ref().map(prost::Message::encode_to_vec).unwrap_or_default();
                rows.push(Row {
                    time_ns: if time == 0 { observed_ns } else { time as i64 },
                    observed_ns,
                    trace_id: id(&record.trace_id),
                    span_id: id(&record.span_id) as u64,
                    severity: (record.severity_number as u8, record.severity_text.clone()),
                    service: service.clone(),
                    scope: scope.clone(),
                    event_name: record.event_name.clone(),
                    body: value_text(&body, usize::MAX).unwrap().into_owned(),
                    attributes: texts_of(&record.attributes),
                });
            }
        }
    }
    rows
}

fn decode_bytes(payload: &[u8]) -> Result<Decoded<LogBatch>, DecodeError> {
    let mut reserve = |_| Ok(());
    let mut meter = Meter::new(0, &mut reserve);
    decode_logs(payload, NOW, &DecodeLimits::default(), &mut meter, &mut |_| Fate::Store)
}

fn request(records: Vec<LogRecord>) -> ExportLogsServiceRequest {
    let resource = Resource { attributes: vec![text("service.name", "orders")], ..Resource::default() };
    let scope = InstrumentationScope { name: "scope".into(), ..InstrumentationScope::default() };
    let scope_logs = vec![ScopeLogs { scope: Some(scope), log_records: records, ..ScopeLogs::default() }];
    let resource_logs =
        vec![ResourceLogs { resource: Some(resource), scope_logs, ..ResourceLogs::default() }];
    ExportLogsServiceRequest { resource_logs }
}

fn decode(records: Vec<LogRecord>) -> (Vec<Row>, Decoded<LogBatch>) {
    let decoded = decode_bytes(&request(records).encode_to_vec()).unwrap();
    (rows(&decoded.batch), decoded)
}

fn body(text: &str) -> LogRecord {
    let body = Some(AnyValue { value: Some(Value::StringValue(text.to_owned())) });
    LogRecord { time_unix_nano: NOW as u64, body, ..LogRecord::default() }
}

/// The resource, and a line for each record.
fn digest(payload: &[u8]) -> (String, String) {
    let decoded = decode_bytes(payload).unwrap();
    assert_eq!((decoded.rejected, decoded.message.as_str()), (0, ""));
    let rows = rows(&decoded.batch);
    assert_eq!(rows, expected(&ExportLogsServiceRequest::decode(payload).unwrap()));
    let names: Vec<String> =
        decoded.batch.resources[0].attributes.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let lines: Vec<String> = rows
        .iter()
        .map(|row| {
            let attributes: Vec<String> =
                row.attributes.iter().map(|(key, value)| format!("{key}={value}")).collect();
            format!("{:032x} {} | {}", row.trace_id, row.body, attributes.join(" "))
        })
        .collect();
    (names.join(" "), lines.join("\n"))
}

#[test]
fn recorded_access_logs_mean_this() {
    let (resource, lines) = digest(OTHER_ACCESS_LOG);
    insta::assert_snapshot!("other_access_log", [resource, lines].join("\n"));
    let (resource, lines) = digest(ACCESS_LOG);
    insta::assert_snapshot!(resource, @"cluster_name=shop log_name=edge node_name=lab-sidecar-1 zone_name=eu-west-1a");
    insta::assert_snapshot!(lines, @r"
    737afe9449b7a932a69f2eb02ab5b8c6 GET /orders/list?id=2 HTTP/1.1 200 - | duration_ms=70 http.response.status_code=200 response_flags=- route=orders upstream_cluster=orders_v1
    0af7651916cd43dd8448eb211c80319c GET /orders/list?id=3 HTTP/1.1 200 - | duration_ms=52 http.response.status_code=200 response_flags=- route=orders upstream_cluster=orders_v1
    0af7651916cd43dd8448eb211c80319d GET /orders/list?id=4 HTTP/1.1 502 - | duration_ms=53 http.response.status_code=502 response_flags=- route=orders upstream_cluster=orders_v1
    74fdb345360c3788a1f6414a9b82563f GET /orders/list?id=5 HTTP/1.1 502 - | duration_ms=52 http.response.status_code=502 response_flags=- route=orders upstream_cluster=orders_v1
    850f96f4bd1ba2bfcb4e62a0b6b5ce50 GET /orders/list?id=7 HTTP/1.1 200 - | duration_ms=57 http.response.status_code=200 response_flags=- route=orders upstream_cluster=orders_v1
    ");
}

#[test]
fn a_record_without_a_time_has_the_next_best() {
    let (rows, _) = decode(vec![
        LogRecord { time_unix_nano: 0, observed_time_unix_nano: NOW as u64 - 5, ..body("observed") },
        LogRecord { time_unix_nano: 0, ..body("received") },
        LogRecord { observed_time_unix_nano: 1, ..body("observed in 1970") },
    ]);
    let times: Vec<(i64, i64)> = rows.iter().map(|row| (row.time_ns, row.observed_ns)).collect();
    assert_eq!(times, [(NOW - 5, NOW - 5), (NOW, NOW), (NOW, NOW)]);
}

#[test]
fn records_that_cannot_be_taken_are_counted_and_the_others_kept() {
    let nested = (0..40).fold(Value::IntValue(1), |inner, _| {
        Value::ArrayValue(ArrayValue { values: vec![AnyValue { value: Some(inner) }] })
    });
    let (rows, decoded) = decode(vec![
        body("kept"),
        LogRecord { time_unix_nano: 1, ..body("old") },
        LogRecord { time_unix_nano: u64::MAX, ..body("future") },
        LogRecord { body: Some(AnyValue { value: Some(nested) }), ..body("") },
        LogRecord { trace_id: vec![1; 15], span_id: vec![0; 8], ..body("unlinked") },
        LogRecord { trace_id: vec![0; 16], severity_number: 99_999, ..body("linked to nothing") },
    ]);
    let bodies: Vec<&str> = rows.iter().map(|row| row.body.as_str()).collect();
    assert_eq!(bodies, ["kept", "unlinked", "linked to nothing"]);
    assert_eq!((rows[1].trace_id, rows[2].severity.0), (0, 0));
    assert_eq!((decoded.accepted, decoded.rejected), (3, 3));
    assert_eq!(
        decoded.message,
        "log records not taken: 3 (a time outside the time that is accepted: 2; \
         an attribute with values too deep in each other: 1); \
         log records taken without their trace or span id, which is not valid: 1"
    );
}

#[test]
fn damage_in_a_record_costs_that_record_only() {
    let mut payload = request(vec![body("first"), body("damaged"), body("third")]).encode_to_vec();
    let message = payload.windows(7).position(|window| window == b"damaged").unwrap();
    // The tag before the length of the text in the body.
    payload[message - 2] = 0x07;
    let decoded = decode_bytes(&payload).unwrap();
    let bodies: Vec<String> = rows(&decoded.batch).into_iter().map(|row| row.body).collect();
    assert_eq!(bodies, ["first", "third"]);
    assert_eq!(decoded.message, "log records not taken: 1 (not valid protobuf: 1)");
}

#[test]
fn long_messages_and_too_many_attributes_are_cut() {
    let attributes = (0..1000).map(|n| text(&format!("key {n}"), "x")).collect();
    let (rows, decoded) = decode(vec![
        LogRecord { attributes, dropped_attributes_count: 2, ..body("attributes") },
        body(&"x".repeat(100_000)),
    ]);
    assert_eq!(rows[0].attributes["otel.dropped_attributes_count"], (1000 - 256 + 2).to_string());
    assert!(rows[1].body.ends_with("… (cut, 100000 bytes)"));
    assert!(rows[1].body.len() < 66_000);
    assert!(decoded.message.contains("taken without some of their attributes"), "{}", decoded.message);
}

#[test]
fn what_a_hook_takes_is_not_stored() {
    let mut reserve = |_| Ok(());
    let mut meter = Meter::new(0, &mut reserve);
    let mut seen = Vec::new();
    let mut hook = |record: &log::LogRecord<'_>| {
        seen.push(format!("{} {}", record.origin.service, record.resource.len()));
        if record.body == "taken" { Fate::Taken } else { Fate::Store }
    };
    let payload = request(vec![body("taken"), body("stored")]).encode_to_vec();
    let decoded = decode_logs(&payload, NOW, &DecodeLimits::default(), &mut meter, &mut hook).unwrap();
    assert_eq!((decoded.accepted, decoded.batch.len()), (2, 1));
    assert_eq!(seen, ["orders 1", "orders 1"]);
}

#[test]
fn rows_larger_than_what_they_come_from_ask_for_memory() {
    let mut request = request((0..1000).map(|_| body("x")).collect());
    let long = text("service.name", &"s".repeat(500));
    request.resource_logs[0].resource.as_mut().unwrap().attributes = vec![long];
    let payload = request.encode_to_vec();
    let mut asked = 0;
    let mut reserve = |bytes: usize| {
        asked += bytes;
        if asked > 200_000 { Err(NoMemory::Now) } else { Ok(()) }
    };
    let mut meter = Meter::new(0, &mut reserve);
    let refused = decode_logs(&payload, NOW, &DecodeLimits::default(), &mut meter, &mut |_| Fate::Store);
    assert!(matches!(refused, Err(DecodeError::NoMemory(NoMemory::Now))), "{refused:?}");
}

#[test]
fn a_frame_of_logs_gives_the_same_rows_again() {
    let first = decode_bytes(ACCESS_LOG).unwrap();
    for (kind, payload) in [
        (FrameKind::OtlpLogs, ACCESS_LOG.to_vec()),
        (FrameKind::OtlpLogsZstd, compression::compress_for_log(ACCESS_LOG).unwrap()),
    ] {
        let frame = Frame { kind, received_at_ns: NOW, payload: payload.into() };
        let decoded = decode_frame(&frame, &DecodeLimits::default(), Arc::default()).unwrap();
        let Rows::Logs { records, requests } = decoded.batch else { panic!() };
        // All of them are requests that an Envoy logged.
        assert_eq!((records.len(), requests.len()), (0, first.batch.len()));
        assert!(requests.iter().all(|request| request.is_request() && request.trace_id != 0), "{requests:?}");
    }
    let few = DecodeLimits { max_log_records: 4, ..DecodeLimits::default() };
    let refused = super::super::decode(
        Signal::Logs,
        ACCESS_LOG,
        NOW,
        &few,
        Arc::default(),
        &mut |_| Ok(()),
        &mut |_| (),
    );
    assert!(matches!(refused, Err(DecodeError::TooMany { limit: 4, records: "log records" })));
}

prop_compose! {
    fn any_record()(
        time in prop_oneof![Just(0), 1..1_000_000_000_000_i64],
        observed in prop_oneof![Just(0), 1..1_000_000_000_000_i64],
        trace_id in prop::option::of(any::<u128>()),
        span_id in prop::option::of(any::<u64>()),
        severity_number in 0..25,
        severity_text in ".{0,5}",
        event_name in ".{0,5}",
        body in prop::option::of(value()),
        attributes in attributes(),
    ) -> LogRecord {
        let at = |time| if time == 0 { 0 } else { (NOW - time) as u64 };
        LogRecord {
            time_unix_nano: at(time),
            observed_time_unix_nano: at(observed),
            trace_id: trace_id.map(|id| id.to_be_bytes().to_vec()).unwrap_or_default(),
            span_id: span_id.map(|id| id.to_be_bytes().to_vec()).unwrap_or_default(),
            severity_number,
            severity_text,
            event_name,
            body: body.map(|value| AnyValue { value }),
            attributes,
            ..LogRecord::default()
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn decoding_logs_gives_what_was_encoded(records in prop::collection::vec(any_record(), 0..8)) {
        let request = request(records);
        let decoded = decode_bytes(&request.encode_to_vec()).unwrap();
        prop_assert_eq!((decoded.rejected, decoded.message.as_str()), (0, ""));
        prop_assert_eq!(rows(&decoded.batch), expected(&request));
    }

    #[test]
    fn any_bytes_end_in_log_records_or_in_words(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = decode_bytes(&bytes);
    }

    #[test]
    fn damaged_logs_end_in_rows_or_in_words(position in 0..ACCESS_LOG.len(), byte in any::<u8>()) {
        let mut payload = ACCESS_LOG.to_vec();
        payload[position] = byte;
        if let Ok(decoded) = decode_bytes(&payload) {
            prop_assert!(decoded.batch.len() as u64 + decoded.rejected <= 10);
        }
    }
}

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, span};
use prost::Message as _;
use sidecarta_queries::rows::span::{SpanBatch, SpanKind};

use super::*;

mod logs;
mod metrics;
mod properties;
mod read;
mod routes;

use read::{Row, rows};

const SECOND: i64 = 1_000_000_000;
/// Shortly after the recorded spans.
const NOW: i64 = 1_795_423_300 * SECOND;

const ONE_TRACE: &[u8] = include_bytes!("../../../../tests/fixtures/otlp/one_trace.good.bin");
const REMOTE_PARENT: &[u8] = include_bytes!("../../../../tests/fixtures/otlp/remote_parent.good.bin");
const ENVOY_HTTP: &[u8] = include_bytes!("../../../../tests/fixtures/otlp/envoy_http_exporter.good.bin");

fn attribute(key: &str, value: impl Into<Option<Value>>) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: value.into() }), ..KeyValue::default() }
}

fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, Value::StringValue(value.to_owned()))
}

/// A span that is taken, different for each number.
fn span(number: u64) -> Span {
    Span {
        trace_id: u128::from(number).to_be_bytes().to_vec(),
        span_id: number.to_be_bytes().to_vec(),
        name: format!("span {number}"),
        start_time_unix_nano: NOW as u64,
        end_time_unix_nano: NOW as u64 + 5,
        ..Span::default()
    }
}

fn request(spans: Vec<Span>) -> ExportTraceServiceRequest {
    let resource = Resource { attributes: vec![text("service.name", "orders")], ..Resource::default() };
    let scope = InstrumentationScope { name: "scope".into(), ..InstrumentationScope::default() };
    let scope_spans = vec![ScopeSpans { scope: Some(scope), spans, ..ScopeSpans::default() }];
    let resource_spans =
        vec![ResourceSpans { resource: Some(resource), scope_spans, ..ResourceSpans::default() }];
    ExportTraceServiceRequest { resource_spans }
}

fn decode(spans: Vec<Span>) -> (Vec<Row>, Decoded<SpanBatch>) {
    let decoded =
        decode_traces(&request(spans).encode_to_vec(), NOW, &DecodeLimits::default(), Arc::default())
            .unwrap();
    (rows(&decoded.batch), decoded)
}

#[test]
fn every_recorded_span_is_kept_with_all_its_attributes() {
    for (name, payload) in [("one", ONE_TRACE), ("remote parent", REMOTE_PARENT), ("Envoy HTTP", ENVOY_HTTP)]
    {
        let received_at_ns = if name == "Envoy HTTP" { now_of(payload) } else { NOW };
        let decoded =
            decode_traces(payload, received_at_ns, &DecodeLimits::default(), Arc::default()).unwrap();
        assert_eq!((decoded.rejected, decoded.message.as_str()), (0, ""), "{name}");
        let expected = ExportTraceServiceRequest::decode(payload).unwrap();
        assert_eq!(rows(&decoded.batch), read::expected(&expected), "{name}");
        assert_eq!(decoded.batch.skeletons.len(), decoded.batch.columns.num_rows());
    }
}

fn now_of(payload: &[u8]) -> i64 {
    let request = ExportTraceServiceRequest::decode(payload).unwrap();
    request.resource_spans[0].scope_spans[0].spans[0].start_time_unix_nano as i64
}

#[test]
fn a_recorded_trace_means_this() {
    let decoded = decode_traces(ONE_TRACE, NOW, &DecodeLimits::default(), Arc::default()).unwrap();
    let mut lines: Vec<String> = decoded
        .batch
        .skeletons
        .iter()
        .zip(rows(&decoded.batch))
        .map(|(skeleton, row)| {
            let peer = skeleton.peer.as_ref().map_or_else(
                || "-".to_owned(),
                |peer| format!("{:?} {} {}", peer.kind, peer.system, peer.name),
            );
            let cluster = skeleton.upstream_cluster.as_deref().unwrap_or("-");
            format!(
                "{} {} | {:?} {} | proxy {} cluster {cluster} | peer {peer} | {}{}",
                skeleton.workload.service,
                skeleton.workload.version,
                skeleton.kind,
                skeleton.protocol.name(),
                skeleton.flags.proxy,
                row.name,
                if row.route.is_empty() {
                    String::new()
                } else {
                    format!(" | route {} {}", row.method, row.route)
                },
            )
        })
        .collect();
    lines.sort();
    insta::assert_snapshot!(lines.join("\n"), @r"
    gateway  | Client http | proxy true cluster orders_v1 | peer - | router orders_v1 egress
    gateway  | Server http | proxy true cluster orders_v1 | peer - | orders-route | route GET /orders/list
    orders  | Client http | proxy true cluster payments | peer - | egress payments | route GET /pay
    orders  | Server http | proxy true cluster orders_v1_app | peer - | ingress | route GET /orders/list
    orders v1 | Client http | proxy false cluster - | peer Service  payments | GET | route GET /pay
    orders v1 | Client sql | proxy false cluster - | peer Database postgresql shop | SELECT shop.orders
    orders v1 | Producer messaging | proxy false cluster - | peer Queue kafka order-events | send order-events
    orders v1 | Server http | proxy false cluster - | peer - | GET /orders/list | route GET /orders/list
    payments  | Server http | proxy true cluster payments_app | peer - | ingress | route GET /pay
    ");
}

#[test]
fn a_frame_gives_the_same_rows_again_however_it_is_packed() {
    use std::io::Write as _;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(ONE_TRACE).unwrap();
    let limits = DecodeLimits::default();
    let first = decode_traces(ONE_TRACE, NOW, &limits, Arc::default()).unwrap();
    for (kind, payload) in [
        (FrameKind::OtlpTraces, ONE_TRACE.to_vec()),
        (FrameKind::OtlpTracesGzip, gzip.finish().unwrap()),
        (FrameKind::OtlpTracesZstd, compression::compress_for_log(ONE_TRACE).unwrap()),
    ] {
        let frame = Frame { kind, received_at_ns: NOW, payload: payload.into() };
        let Rows::Spans(again) = decode_frame(&frame, &limits, Arc::default()).unwrap().batch else {
            panic!()
        };
        assert_eq!(again.columns, first.batch.columns);
        assert_eq!(again.shapes, first.batch.shapes);
        assert_eq!(again.skeletons, first.batch.skeletons);
        assert_eq!(again.resources, first.batch.resources);
    }
    let other = Frame { kind: FrameKind::EnvoyScrape, received_at_ns: NOW, payload: Vec::new().into() };
    assert!(matches!(
        decode_frame(&other, &limits, Arc::default()),
        Err(DecodeError::WrongFrame(FrameKind::EnvoyScrape))
    ));
}

#[test]
fn spans_that_cannot_be_taken_are_counted_and_the_others_kept() {
    let day = 24 * 3600 * SECOND;
    let starting = |number, start: i64| Span { start_time_unix_nano: start as u64, ..span(number) };
    let (rows, decoded) = decode(vec![
        span(1),
        Span { trace_id: vec![0; 16], ..span(2) },
        Span { trace_id: vec![1; 15], ..span(3) },
        Span { span_id: vec![0; 8], ..span(4) },
        Span { span_id: Vec::new(), ..span(5) },
        Span { parent_span_id: vec![1; 7], ..span(6) },
        starting(7, 0),
        starting(8, NOW - 14 * day - 1),
        starting(9, NOW - 14 * day),
        starting(10, NOW + day / 12),
        starting(11, NOW + day / 12 + 1),
        starting(12, -1),
    ]);
    let names: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
    assert_eq!(names, ["span 1", "span 9", "span 10"]);
    assert_eq!(decoded.rejected, 9);
    assert_eq!(
        decoded.message,
        "spans not taken: 9 (no valid trace id (16 bytes, not all zero): 2; \
         no valid span id (8 bytes, not all zero): 2; a parent span id that is not 8 bytes long: 1; \
         a start outside the time that is accepted: 4)"
    );
}

#[test]
fn what_is_unusual_is_tolerated() {
    let mut request = request(vec![
        Span { end_time_unix_nano: 0, ..span(1) },
        Span { end_time_unix_nano: NOW as u64 - 1, ..span(2) },
        Span { kind: 99, parent_span_id: vec![0; 8], ..span(3) },
    ]);
    request.resource_spans[0].resource = None;
    request.resource_spans[0].scope_spans[0].scope = None;
    request.resource_spans.push(ResourceSpans::default());
    let mut empty_name = self::request(vec![span(4)]);
    empty_name.resource_spans[0].resource.as_mut().unwrap().attributes = vec![text("service.name", "")];
    request.resource_spans.extend(empty_name.resource_spans);
    let decoded =
        decode_traces(&request.encode_to_vec(), NOW, &DecodeLimits::default(), Arc::default()).unwrap();
    assert_eq!(decoded.rejected, 0);
    let rows = rows(&decoded.batch);
    assert!(rows.iter().all(|row| row.service == "unknown_service"));
    assert_eq!(rows.iter().map(|row| row.duration_ns).collect::<Vec<_>>(), [0, 0, 5, 5]);
    assert_eq!(decoded.batch.skeletons[2].kind, SpanKind::Unspecified);
    assert_eq!(rows[2].parent_span_id, 0);
}

#[test]
fn a_resource_counts_wherever_it_stands() {
    let parts = request(vec![span(1)]).resource_spans.remove(0);
    let only_spans = ResourceSpans { resource: None, ..parts.clone() }.encode_to_vec();
    let only_resource = ResourceSpans { scope_spans: Vec::new(), ..parts }.encode_to_vec();
    let mut payload = vec![0x0a];
    prost::encoding::encode_varint((only_spans.len() + only_resource.len()) as u64, &mut payload);
    payload.extend(only_spans);
    payload.extend(only_resource);
    let decoded = decode_traces(&payload, NOW, &DecodeLimits::default(), Arc::default()).unwrap();
    assert_eq!(rows(&decoded.batch)[0].service, "orders");
}

#[test]
fn an_attribute_bomb_is_cut_and_the_spans_beside_it_stay_whole() {
    let mut bomb: Vec<KeyValue> = (0..100_000).map(|n| text(&format!("bomb {n}"), "x")).collect();
    bomb.push(text("http.response.status_code", "500"));
    bomb.push(text("large", &"ä".repeat(1 << 20)));
    let large = text("first.large", &"ä".repeat(1 << 20));
    let (rows, decoded) = decode(vec![
        Span { attributes: bomb, dropped_attributes_count: 2, ..span(1) },
        Span { attributes: vec![large, text("kept", "whole")], ..span(2) },
    ]);
    assert_eq!(decoded.rejected, 0);
    assert_eq!(rows[0].attributes.len(), 258);
    assert_eq!(rows[0].attributes["otel.dropped_attributes_count"], (100_000 - 256 + 1 + 2).to_string());
    assert_eq!(rows[0].attributes["http.response.status_code"], "500");
    assert!(decoded.batch.skeletons[0].flags.error);
    assert_eq!(rows[1].attributes["kept"], "whole");
    assert!(rows[1].attributes["first.large"].len() < 17 << 10);
    assert!(rows[1].attributes["first.large"].ends_with("… (cut, 2097152 bytes)"));
    assert_eq!(
        decoded.message,
        "spans taken without some of their attributes, events or links, of which they had too many: 1"
    );
}

#[test]
fn values_nested_too_deep_cost_their_span_only() {
    let nested = |depth| {
        (0..depth).fold(Value::IntValue(1), |inner, _| {
            Value::ArrayValue(ArrayValue { values: vec![AnyValue { value: Some(inner) }] })
        })
    };
    let deep = Span { attributes: vec![attribute("deep", nested(40))], ..span(1) };
    let (rows, decoded) = decode(vec![deep.clone(), span(2)]);
    assert_eq!((rows.len(), decoded.rejected), (1, 1));
    let alone = request(vec![deep]).encode_to_vec();
    let refused = decode_traces(&alone, NOW, &DecodeLimits::default(), Arc::default());
    assert!(matches!(refused, Err(DecodeError::NothingReadable(_))), "{refused:?}");
    // Far deeper than any stack: it is read without descending into it.
    let mut abyss = vec![0x18, 0x01];
    for _ in 0..10_000 {
        let mut outer = vec![0x0a];
        prost::encoding::encode_varint(abyss.len() as u64, &mut outer);
        outer.extend(&abyss);
        abyss = vec![0x2a];
        prost::encoding::encode_varint(outer.len() as u64, &mut abyss);
        abyss.extend(outer);
    }
    let max_bytes = DecodeLimits::default().max_value_bytes;
    assert!(super::super::value::value_text(&abyss, max_bytes).is_err());
}

#[test]
fn events_and_links_are_json_within_their_limits() {
    let event = |n: u64| span::Event {
        time_unix_nano: n,
        name: "exception".into(),
        attributes: vec![text("exception.message", "\"no\" stock")],
        ..span::Event::default()
    };
    let link = span::Link { trace_id: vec![0xab; 16], span_id: vec![0xcd; 8], ..span::Link::default() };
    let (rows, _) = decode(vec![
        Span { events: vec![event(7)], links: vec![link], ..span(1) },
        Span { events: (0..1000).map(event).collect(), ..span(2) },
        span(3),
    ]);
    let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    assert_eq!(
        json(&rows[0].events),
        serde_json::json!([
            {"time_unix_ns": 7, "name": "exception", "attributes": {"exception.message": "\"no\" stock"}}
        ])
    );
    assert_eq!(
        json(&rows[0].links),
        serde_json::json!([{"trace_id": "ab".repeat(16), "span_id": "cd".repeat(8), "attributes": {}}])
    );
    assert_eq!(json(&rows[1].events).as_array().unwrap().len(), 128);
    assert_eq!(rows[1].attributes["otel.dropped_events_count"], "872");
    assert_eq!((rows[2].events.as_str(), rows[2].links.as_str()), ("", ""));
    assert_eq!(rows[2].attributes, BTreeMap::new());
}

#[test]
fn a_request_that_is_none_is_refused() {
    let limits = DecodeLimits::default();
    for bad in [&b"not protobuf"[..], &ONE_TRACE[..ONE_TRACE.len() - 1], &[0x0a, 0x01, 0xff]] {
        assert!(
            matches!(decode_traces(bad, NOW, &limits, Arc::default()), Err(DecodeError::Malformed)),
            "{bad:?}"
        );
    }
    assert!(decode_traces(&[], NOW, &limits, Arc::default()).unwrap().batch.skeletons.is_empty());
    let few = DecodeLimits { max_spans: 2, ..limits };
    let three = request(vec![span(1), span(2), span(3)]).encode_to_vec();
    assert!(matches!(
        decode_traces(&three, NOW, &few, Arc::default()),
        Err(DecodeError::TooMany { limit: 2, .. })
    ));
}

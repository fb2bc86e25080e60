use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use proptest::prelude::*;
use prost::Message as _;

use super::*;

mod signals;

const ONE_TRACE: &[u8] = include_bytes!("../../../../tests/fixtures/otlp/one_trace.good.bin");
const ONE_TRACE_JSON: &[u8] = include_bytes!("../../../../tests/fixtures/otlp/one_trace.good.json");
const REMOTE_PARENT: &[u8] = include_bytes!("../../../../tests/fixtures/otlp/remote_parent.good.bin");
const REMOTE_PARENT_JSON: &[u8] = include_bytes!("../../../../tests/fixtures/otlp/remote_parent.good.json");

fn traces(json: &[u8]) -> Result<Vec<u8>, JsonError> {
    to_protobuf(Signal::Traces, json, &mut |_| Ok(()))
}

fn request(json: &str) -> ExportTraceServiceRequest {
    let protobuf = traces(json.as_bytes()).unwrap();
    ExportTraceServiceRequest::decode(protobuf.as_slice()).unwrap()
}

/// The one span of a request that has this JSON as its only span.
fn span(json: &str) -> Span {
    let mut request = request(&format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{json}]}}]}}]}}"#));
    request.resource_spans.remove(0).scope_spans.remove(0).spans.remove(0)
}

fn value(json: &str) -> Option<Value> {
    let mut span = span(&format!(r#"{{"attributes":[{{"key":"k","value":{json}}}]}}"#));
    span.attributes.remove(0).value?.value
}

fn error(json: &str) -> String {
    let JsonError::Invalid(error) = traces(json.as_bytes()).unwrap_err() else { panic!() };
    error.to_string()
}

#[test]
fn recorded_json_is_recorded_protobuf() {
    for (json, protobuf) in [(ONE_TRACE_JSON, ONE_TRACE), (REMOTE_PARENT_JSON, REMOTE_PARENT)] {
        let transcoded = traces(json).unwrap();
        assert_eq!(
            ExportTraceServiceRequest::decode(transcoded.as_slice()).unwrap(),
            ExportTraceServiceRequest::decode(protobuf).unwrap()
        );
    }
}

#[test]
fn ids_are_hex_of_either_case_and_bad_ones_stay_bad() {
    assert_eq!(span(r#"{"spanId":"EeE19b7ec3c1b174"}"#).span_id, 0xeee1_9b7e_c3c1_b174_u64.to_be_bytes());
    for bad in ["zz", "123", "ä1", "notahexid"] {
        let span = span(&format!(r#"{{"traceId":"{bad}","parentSpanId":"{bad}"}}"#));
        assert_eq!((span.trace_id.len(), span.parent_span_id.len()), (1, 1), "{bad}");
    }
    assert!(span(r#"{"parentSpanId":""}"#).parent_span_id.is_empty());
}

#[test]
fn numbers_come_as_text_or_as_numbers() {
    let expected = 1_544_712_660_300_000_001;
    assert_eq!(span(r#"{"startTimeUnixNano":"1544712660300000001"}"#).start_time_unix_nano, expected);
    assert_eq!(span(r#"{"startTimeUnixNano":1544712660300000001}"#).start_time_unix_nano, expected);
    assert_eq!(span(r#"{"startTimeUnixNano":1.5e3}"#).start_time_unix_nano, 1500);
    assert_eq!(value(r#"{"intValue":"-7"}"#), Some(Value::IntValue(-7)));
    assert_eq!(value(r#"{"intValue":-7}"#), Some(Value::IntValue(-7)));
    assert_eq!(value(r#"{"doubleValue":"-Infinity"}"#), Some(Value::DoubleValue(f64::NEG_INFINITY)));
    assert_eq!(value(r#"{"doubleValue":1}"#), Some(Value::DoubleValue(1.0)));
    let Some(Value::DoubleValue(number)) = value(r#"{"doubleValue":"NaN"}"#) else { panic!() };
    assert!(number.is_nan());
}

#[test]
fn enums_are_numbers_or_names() {
    assert_eq!(span(r#"{"kind":3}"#).kind, 3);
    assert_eq!(span(r#"{"kind":"SPAN_KIND_SERVER","status":{"code":"STATUS_CODE_ERROR"}}"#).kind, 2);
    assert!(error(r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"kind":"SERVER"}]}]}]}"#).contains("kind"));
}

#[test]
fn values_of_every_kind() {
    assert_eq!(value(r#"{"stringValue":""}"#), Some(Value::StringValue(String::new())));
    assert_eq!(value(r#"{"boolValue":false}"#), Some(Value::BoolValue(false)));
    assert_eq!(value(r#"{"bytesValue":"AP8="}"#), Some(Value::BytesValue(vec![0, 255])));
    assert_eq!(value(r#"{"bytesValue":"_-8"}"#), Some(Value::BytesValue(vec![255, 239])));
    assert_eq!(value("{}"), None);
    let nested =
        r#"{"kvlistValue":{"values":[{"key":"a","value":{"arrayValue":{"values":[{"intValue":1}]}}}]}}"#;
    let Some(Value::KvlistValue(list)) = value(nested) else { panic!() };
    assert_eq!(list.values[0].key, "a");
}

#[test]
fn unknown_fields_and_nulls_are_passed_over() {
    let json = r#"{"name":"n","future":{"deep":[1,{"x":null}]},"attributes":null,"status":null,"kind":null,
                   "events":[],"endTimeUnixNano":null,"attributes":[{"key":"k","value":{"futureValue":[1],"stringValue":"v"}}]}"#;
    let span = span(json);
    assert_eq!((span.name.as_str(), span.attributes.len()), ("n", 1));
    assert_eq!(request(r#"{"snake_case":1}"#), ExportTraceServiceRequest::default());
    assert_eq!(request(r#"{"resourceSpans":null}"#), ExportTraceServiceRequest::default());
}

#[test]
fn what_is_no_request_is_refused_in_words() {
    for (bad, words) in [
        ("", "EOF while parsing"),
        ("[]", "expected an export request"),
        ("{} {}", "trailing characters"),
        (r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":5}]}]}]}"#, "name cannot be a number"),
        (r#"{"resourceSpans":[{"scopeSpans":{}}]}"#, "an array for scopeSpans"),
        (
            r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"startTimeUnixNano":"soon"}]}]}]}"#,
            "is not a number",
        ),
        (r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"startTimeUnixNano":-1}]}]}]}"#, "out of range"),
        (r#"{"resourceSpans":["#, "EOF while parsing"),
    ] {
        assert!(error(bad).contains(words), "{bad}: {}", error(bad));
    }
}

#[test]
fn json_that_is_nested_for_ever_is_refused() {
    let open = r#"{"arrayValue":{"values":["#.repeat(100_000);
    let json = format!(r#"{{"resourceSpans":[{{"resource":{{"attributes":[{{"key":"k","value":{open}"#);
    assert!(error(&json).contains("recursion limit"), "{}", error(&json));
}

proptest! {
    /// What another encoder writes as JSON is read as what it meant.
    #[test]
    fn spans_survive_the_way_through_json(
        trace_id in any::<[u8; 16]>(),
        name in ".{0,30}",
        start in any::<u64>(),
        number in any::<i64>(),
        bytes in prop::collection::vec(any::<u8>(), 0..40),
        flags in any::<u32>(),
    ) {
        use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
        use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans};
        let attribute = |key: &str, value| KeyValue {
            key: key.to_owned(),
            value: Some(AnyValue { value: Some(value) }),
            ..KeyValue::default()
        };
        let span = Span {
            trace_id: trace_id.to_vec(),
            name,
            start_time_unix_nano: start,
            attributes: vec![
                attribute("number", Value::IntValue(number)),
                attribute("bytes", Value::BytesValue(bytes)),
            ],
            flags,
            ..Span::default()
        };
        let scope_spans = vec![ScopeSpans { spans: vec![span], ..ScopeSpans::default() }];
        let resource_spans = vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }];
        let expected = ExportTraceServiceRequest { resource_spans };
        prop_assert_eq!(request(&serde_json::to_string(&expected).unwrap()), expected);
    }

    #[test]
    fn any_text_ends_in_protobuf_or_in_words(text in ".{0,200}") {
        let _ = traces(text.as_bytes());
    }
}

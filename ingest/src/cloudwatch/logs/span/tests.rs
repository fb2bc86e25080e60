use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use serde_json::json;

use super::*;

fn event(message: &impl ToString) -> Event {
    Event { message: message.to_string(), ..Event::default() }
}

const TRACE: &str = "5759e988bd862e3fe1be46a994272793";

#[test]
fn a_span_is_read_whichever_way_its_keys_are_written() {
    let camel = json!({
        "resource": {"attributes": {"service.name": "orders", "deployment.environment": "prod"}},
        "scope": {"name": "http", "version": "1.2"},
        "traceId": TRACE, "spanId": "53995c3f42cd8ad8", "parentSpanId": "1111111111111111", "flags": 1,
        "name": "GET /orders", "kind": "SERVER", "startTimeUnixNano": 1_700_000_000_000_000_001_u64,
        "endTimeUnixNano": 1_700_000_000_500_000_000_u64, "durationNano": 499_999_999,
        "attributes": {"http.response.status_code": 503, "deep": {"a": [1, true]}},
        "status": {"code": "ERROR", "message": "no"},
        "events": [{"timeUnixNano": 5, "name": "exception", "attributes": {"exception.type": "E"}}, 7],
        "links": [{"traceId": TRACE, "spanId": "2222222222222222"}, {"traceId": "no"}],
    });
    let snake = json!({
        "resource": {"attributes": [
            {"key": "service.name", "value": {"stringValue": "orders"}},
            {"key": "deployment.environment", "value": {"stringValue": "prod"}},
        ]},
        "instrumentationScope": {"name": "http", "version": "1.2"},
        "trace_id": "1-5759e988-bd862e3fe1be46a994272793", "span_id": "53995c3f42cd8ad8",
        "parent_span_id": "1111111111111111", "flags": "1",
        "name": "GET /orders", "kind": 2, "start_time_unix_nano": "1700000000000000001",
        "duration_nano": "499999999",
        "attributes": [
            {"key": "http.response.status_code", "value": {"intValue": "503"}},
            {"key": "deep", "value": {"kvlistValue": {"values": [
                {"key": "a", "value": {"arrayValue": {"values": [{"intValue": 1}, {"boolValue": true}]}}},
            ]}}},
        ],
        "status": {"code": 2, "message": "no"},
        "events": [{"time_unix_nano": "5", "name": "exception", "attributes": [
            {"key": "exception.type", "value": {"stringValue": "E"}},
        ]}],
        "links": [{"trace_id": TRACE, "span_id": "2222222222222222"}],
    });
    let (one, unread) = spans(&[event(&camel)]);
    let (other, unread_too) = spans(&[event(&snake)]);
    assert_eq!((unread.len(), unread_too.len()), (0, 0));
    let span = |request: &ExportTraceServiceRequest| {
        let mut span = request.resource_spans[0].scope_spans[0].spans[0].clone();
        span.attributes.sort_by(|one, other| one.key.cmp(&other.key));
        span
    };
    assert_eq!(span(&one), span(&other));
    let span = span(&one);
    assert_eq!((span.kind, span.end_time_unix_nano), (2, 1_700_000_000_500_000_000));
    assert_eq!((span.events.len(), span.links.len(), span.status.unwrap().code), (1, 1, 2));
    let resource = one.resource_spans[0].resource.as_ref().unwrap();
    assert!(resource.attributes.iter().any(|pair| text_of(pair).as_deref() == Some("orders")));
}

#[test]
fn what_is_no_span_stays_beside_those_that_are() {
    let good = |name: &str| {
        json!({"traceId": TRACE, "spanId": "53995c3f42cd8ad8", "startTimeUnixNano": 1, "durationNano": 2,
               "attributes": {"aws.local.service": name}})
    };
    let events = [
        event(&good("a")),
        event(&"{\"traceId\":"),
        event(&json!([1])),
        event(
            &json!({"traceId": TRACE, "spanId": "0000000000000000", "startTimeUnixNano": 1, "durationNano": 2}),
        ),
        event(&json!({"traceId": TRACE, "spanId": "53995c3f42cd8ad8", "startTimeUnixNano": -1})),
        event(
            &json!({"traceId": TRACE, "spanId": "53995c3f42cd8ad8", "startTimeUnixNano": u64::MAX, "durationNano": 2}),
        ),
        event(&good("b")),
        event(&good("b")),
    ];
    let (request, unread) = spans(&events);
    assert_eq!(unread, events[1..6]);
    let services: Vec<(String, usize)> = request
        .resource_spans
        .iter()
        .map(|spans| {
            let name = spans.resource.as_ref().unwrap().attributes[0].value.clone().unwrap().value.unwrap();
            let Any::StringValue(name) = name else { panic!("{name:?}") };
            (name, spans.scope_spans[0].spans.len())
        })
        .collect();
    assert_eq!(services, [("a".to_owned(), 1), ("b".to_owned(), 2)]);
}

//! The spans of a trace as OTLP in JSON, which any receiver of OTLP takes, this one among them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::store::{StoredSpan, StoredTrace};

use super::answer::list;

/// An `ExportTraceServiceRequest` of all spans, by resource and scope, by their start.
pub(super) fn json(stored: &StoredTrace) -> String {
    let mut by_origin: BTreeMap<u64, BTreeMap<&str, Vec<&StoredSpan>>> = BTreeMap::new();
    for span in &stored.spans {
        let scopes = by_origin.entry(span.shape.resource_id).or_default();
        scopes.entry(&span.shape.scope).or_default().push(span);
    }
    let resources = by_origin.into_iter().map(|(resource_id, scopes)| {
        let scopes = scopes.into_iter().map(|(scope, mut spans)| {
            spans.sort_by_key(|span| (span.skeleton.start_ns, span.skeleton.span_id));
            json!({"scope": {"name": scope}, "spans": spans.into_iter().map(span).collect::<Vec<_>>()})
        });
        let attributes = stored.resources.get(&resource_id).map(texts).unwrap_or_default();
        json!({"resource": {"attributes": attributes}, "scopeSpans": scopes.collect::<Vec<_>>()})
    });
    json!({"resourceSpans": resources.collect::<Vec<_>>()}).to_string()
}

fn span(span: &StoredSpan) -> Value {
    let skeleton = &span.skeleton;
    let end_ns = i128::from(skeleton.start_ns) + i128::from(skeleton.duration_ns);
    let parent = match skeleton.parent_span_id {
        0 => String::new(),
        parent => format!("{parent:016x}"),
    };
    json!({
        "traceId": format!("{:032x}", skeleton.trace_id),
        "spanId": format!("{:016x}", skeleton.span_id),
        "parentSpanId": parent,
        "name": span.shape.name,
        "kind": skeleton.kind as u8,
        "startTimeUnixNano": skeleton.start_ns.to_string(),
        "endTimeUnixNano": end_ns.to_string(),
        "attributes": texts(&span.attributes),
        "events": list(&span.events).iter().map(event).collect::<Vec<_>>(),
        "links": list(&span.links).iter().map(link).collect::<Vec<_>>(),
        "status": {"message": span.status_message, "code": span.shape.status as u8},
    })
}

fn event(event: &Value) -> Value {
    json!({
        "timeUnixNano": event["time_unix_ns"].to_string(),
        "name": event["name"],
        "attributes": values(&event["attributes"]),
    })
}

fn link(link: &Value) -> Value {
    json!({
        "traceId": link["trace_id"],
        "spanId": link["span_id"],
        "attributes": values(&link["attributes"]),
    })
}

fn texts(attributes: &BTreeMap<String, String>) -> Vec<Value> {
    let pair = |(key, value): (&String, &String)| json!({"key": key, "value": {"stringValue": value}});
    attributes.iter().map(pair).collect()
}

fn values(attributes: &Value) -> Vec<Value> {
    let pairs = attributes.as_object().into_iter().flatten();
    pairs.map(|(key, value)| json!({"key": key, "value": any_value(value)})).collect()
}

fn any_value(value: &Value) -> Value {
    match value {
        Value::Null => json!({}),
        Value::Bool(flag) => json!({"boolValue": flag}),
        Value::Number(number) => match number.as_i64() {
            Some(number) => json!({"intValue": number.to_string()}),
            None => json!({"doubleValue": number}),
        },
        Value::String(text) => json!({"stringValue": text}),
        Value::Array(items) => {
            json!({"arrayValue": {"values": items.iter().map(any_value).collect::<Vec<_>>()}})
        }
        Value::Object(_) => json!({"kvlistValue": {"values": values(value)}}),
    }
}

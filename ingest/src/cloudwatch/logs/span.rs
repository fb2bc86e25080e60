//! Spans as X-Ray's Transaction Search keeps them: one a line of JSON, in the form of OpenTelemetry's semantic conventions.
//!
//! How the keys are written is not documented, so all ways are read that are in use for OTLP.

use std::collections::HashMap;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event as SpanEvent, Link, SpanKind};
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use serde_json::Value;

use super::event::Event;
use super::json::{Object, attributes, first, number, span_id, text, text_attribute, trace_id};

#[cfg(test)]
mod tests;

const SERVICE: &str = "service.name";

/// The spans of events, and the events that hold none.
pub(super) fn spans(events: &[Event]) -> (ExportTraceServiceRequest, Vec<Event>) {
    let mut request = ExportTraceServiceRequest::default();
    let mut places: HashMap<(String, String), usize> = HashMap::new();
    let mut unread = Vec::new();
    for event in events {
        let Some((object, span)) = parse(&event.message) else {
            unread.push(event.clone());
            continue;
        };
        let part = |keys: &[&str]| first(&object, keys).map(Value::to_string).unwrap_or_default();
        let service = service(&object, &span);
        let key = (format!("{}{service}", part(&["resource"])), part(&["scope", "instrumentationScope"]));
        let place = *places.entry(key).or_insert_with(|| {
            request.resource_spans.push(ResourceSpans {
                resource: Some(Resource { attributes: resource(&object, &service), ..Resource::default() }),
                scope_spans: vec![ScopeSpans { scope: Some(scope(&object)), ..ScopeSpans::default() }],
                ..ResourceSpans::default()
            });
            request.resource_spans.len() - 1
        });
        if let Some(scope) = request.resource_spans[place].scope_spans.first_mut() {
            scope.spans.push(span);
        }
    }
    (request, unread)
}

/// A span, if the line is one: it needs ids, a start, and an end or a duration.
fn parse(line: &str) -> Option<(Object, Span)> {
    let Ok(Value::Object(object)) = serde_json::from_str(line) else { return None };
    let trace_id = trace_id(text(&object, &["traceId", "trace_id", "traceID"]))?;
    let span_id = span_id(text(&object, &["spanId", "span_id", "spanID"]))?;
    let parent = text(&object, &["parentSpanId", "parent_span_id", "parentSpanID", "parentId"]);
    let time = |keys: &[&str]| first(&object, keys).and_then(number).filter(|&time| time > 0);
    let start = time(&["startTimeUnixNano", "start_time_unix_nano", "startTime"])?;
    let duration = || first(&object, &["durationNano", "duration_nano", "durationNanos"]).and_then(number);
    let end = time(&["endTimeUnixNano", "end_time_unix_nano", "endTime"])
        .or_else(|| start.checked_add(duration()?))?;
    let list = |key: &str| object.get(key).and_then(Value::as_array).into_iter().flatten();
    let span = Span {
        trace_id,
        span_id,
        parent_span_id: super::json::span_id(parent).unwrap_or_default(),
        trace_state: text(&object, &["traceState", "trace_state"]).to_owned(),
        flags: first(&object, &["flags", "traceFlags"])
            .and_then(number)
            .and_then(|flags| u32::try_from(flags).ok())
            .unwrap_or_default(),
        name: text(&object, &["name", "spanName", "span_name"]).to_owned(),
        kind: first(&object, &["kind", "spanKind", "span_kind"]).map_or(0, kind),
        start_time_unix_nano: start,
        end_time_unix_nano: end,
        attributes: object.get("attributes").map(attributes).unwrap_or_default(),
        events: list("events").filter_map(span_event).collect(),
        links: list("links").filter_map(link).collect(),
        status: first(&object, &["status", "statusCode"]).map(status),
        ..Span::default()
    };
    Some((object, span))
}

fn kind(value: &Value) -> i32 {
    let name = match value {
        Value::String(name) => name.to_ascii_uppercase(),
        other => {
            let number = number(other).and_then(|number| i32::try_from(number).ok()).unwrap_or_default();
            return SpanKind::try_from(number).map_or(0, i32::from);
        }
    };
    let full = if name.starts_with("SPAN_KIND_") { name } else { format!("SPAN_KIND_{name}") };
    SpanKind::from_str_name(&full).map_or(0, i32::from)
}

/// `{"code": "ERROR", "message": "…"}`, or the code alone; a code by its name or number.
fn status(value: &Value) -> Status {
    let code = value.get("code").unwrap_or(value);
    let code = match code {
        Value::String(name) if name.to_ascii_uppercase().ends_with("ERROR") => StatusCode::Error,
        Value::String(name) if name.to_ascii_uppercase().ends_with("OK") => StatusCode::Ok,
        other => match number(other) {
            Some(1) => StatusCode::Ok,
            Some(2) => StatusCode::Error,
            _ => StatusCode::Unset,
        },
    };
    let message = value.get("message").and_then(Value::as_str).unwrap_or_default();
    Status { code: code.into(), message: message.to_owned() }
}

fn span_event(value: &Value) -> Option<SpanEvent> {
    let object = value.as_object()?;
    Some(SpanEvent {
        time_unix_nano: first(object, &["timeUnixNano", "time_unix_nano", "timestamp"]).and_then(number)?,
        name: text(object, &["name"]).to_owned(),
        attributes: object.get("attributes").map(attributes).unwrap_or_default(),
        ..SpanEvent::default()
    })
}

fn link(value: &Value) -> Option<Link> {
    let object = value.as_object()?;
    Some(Link {
        trace_id: trace_id(text(object, &["traceId", "trace_id"]))?,
        span_id: span_id(text(object, &["spanId", "span_id"]))?,
        attributes: object.get("attributes").map(attributes).unwrap_or_default(),
        ..Link::default()
    })
}

/// The service, where the resource does not say it; empty where nothing does.
fn service(object: &Object, span: &Span) -> String {
    let named = resource_attributes(object).iter().any(|pair| pair.key == SERVICE);
    if named {
        return String::new();
    }
    let top = text(object, &[SERVICE, "service", "serviceName", "service_name"]);
    if !top.is_empty() {
        return top.to_owned();
    }
    let local = object.get("attributes").map(attributes).unwrap_or_default();
    let of = |key: &str| local.iter().chain(&span.attributes).find(|pair| pair.key == key).and_then(text_of);
    of(SERVICE).or_else(|| of("aws.local.service")).unwrap_or_default()
}

fn text_of(pair: &KeyValue) -> Option<String> {
    use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
    match pair.value.as_ref()?.value.as_ref()? {
        Any::StringValue(text) => Some(text.clone()),
        _ => None,
    }
}

fn resource_attributes(object: &Object) -> Vec<KeyValue> {
    let Some(resource) = object.get("resource") else { return Vec::new() };
    attributes(resource.get("attributes").unwrap_or(resource))
}

fn resource(object: &Object, service: &str) -> Vec<KeyValue> {
    let mut attributes = resource_attributes(object);
    if !service.is_empty() {
        attributes.push(text_attribute(SERVICE, service));
    }
    attributes
}

fn scope(object: &Object) -> InstrumentationScope {
    let scope = first(object, &["scope", "instrumentationScope"]).and_then(Value::as_object);
    let part = |key| scope.map(|scope| text(scope, &[key]).to_owned()).unwrap_or_default();
    InstrumentationScope { name: part("name"), version: part("version"), ..InstrumentationScope::default() }
}

//! Services that are instrumented for AWS in place of OpenTelemetry: their spans become segment documents of X-Ray, or
//! the lines that an account with Transaction Search has in its log group `aws/spans`.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry::trace::{SpanId, SpanKind, Status};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use opentelemetry_semantic_conventions::attribute::{
    DB_QUERY_TEXT, DB_SYSTEM_NAME, HTTP_REQUEST_METHOD, HTTP_RESPONSE_STATUS_CODE, SERVER_ADDRESS,
    SERVICE_NAME, SERVICE_VERSION, URL_FULL, URL_PATH,
};
use serde_json::{Map, Value, json};

/// Spans that wait for the segment they belong to. What is over is left out, as after a crash of the service.
const MAX_WAITING: usize = 10_000;

/// Where the spans of a service go.
#[derive(Clone)]
pub enum SpanSink {
    /// Each segment as a document of X-Ray, with its subsegments in it.
    Segments(Arc<dyn Fn(Value) + Send + Sync>),
    /// Each span as a line of `aws/spans`.
    Lines(Arc<dyn Fn(Value) + Send + Sync>),
}

impl fmt::Debug for SpanSink {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Segments(_) => "Segments",
            Self::Lines(_) => "Lines",
        };
        formatter.debug_tuple(name).finish_non_exhaustive()
    }
}

/// Hands spans to a sink.
#[derive(Debug)]
pub(super) struct AwsExporter {
    sink: SpanSink,
    service: String,
    version: String,
    /// Spans whose segment has not ended, by their parent's id.
    waiting: Mutex<HashMap<SpanId, Vec<SpanData>>>,
}

impl AwsExporter {
    pub(super) fn new(sink: SpanSink) -> Self {
        Self { sink, service: String::new(), version: String::new(), waiting: Mutex::default() }
    }

    /// The segments that have ended with these spans, each with everything below it.
    fn segments(&self, batch: Vec<SpanData>) -> Vec<Value> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let (segments, others): (Vec<SpanData>, Vec<SpanData>) =
            batch.into_iter().partition(|span| span.span_kind == SpanKind::Server);
        for span in others {
            waiting.entry(span.parent_span_id).or_default().push(span);
        }
        if waiting.len() > MAX_WAITING {
            waiting.clear();
        }
        segments.iter().map(|span| self.segment(span, &mut waiting)).collect()
    }

    fn segment(&self, span: &SpanData, waiting: &mut HashMap<SpanId, Vec<SpanData>>) -> Value {
        let mut document = part(span, waiting);
        document.insert("name".to_owned(), json!(self.service));
        document.insert("service".to_owned(), json!({"version": self.version}));
        let trace = span.span_context.trace_id().to_string();
        let (epoch, rest) = trace.split_at(8);
        document.insert("trace_id".to_owned(), json!(format!("1-{epoch}-{rest}")));
        if span.parent_span_id != SpanId::INVALID {
            document.insert("parent_id".to_owned(), json!(span.parent_span_id.to_string()));
        }
        Value::Object(document)
    }

    /// A span as `aws/spans` has it.
    fn line(&self, span: &SpanData) -> Value {
        let attributes: Map<String, Value> =
            span.attributes.iter().map(|pair| (pair.key.to_string(), json!(pair.value.as_str()))).collect();
        let code = if matches!(span.status, Status::Error { .. }) { "ERROR" } else { "UNSET" };
        let mut line = json!({
            "resource": {"attributes": {SERVICE_NAME: self.service, SERVICE_VERSION: self.version}},
            "traceId": span.span_context.trace_id().to_string(),
            "spanId": span.span_context.span_id().to_string(),
            "name": span.name,
            "kind": format!("{:?}", span.span_kind).to_uppercase(),
            "startTimeUnixNano": nanos(span.start_time) as u64,
            "endTimeUnixNano": nanos(span.end_time) as u64,
            "attributes": attributes,
            "status": {"code": code},
        });
        if span.parent_span_id != SpanId::INVALID {
            line["parentSpanId"] = json!(span.parent_span_id.to_string());
        }
        line
    }
}

impl SpanExporter for AwsExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        match &self.sink {
            SpanSink::Segments(take) => self.segments(batch).into_iter().for_each(|document| take(document)),
            SpanSink::Lines(take) => batch.iter().for_each(|span| take(self.line(span))),
        }
        Ok(())
    }

    fn set_resource(&mut self, resource: &Resource) {
        let text = |key: &'static str| {
            resource.get(&key.into()).map(|value| value.as_str().into_owned()).unwrap_or_default()
        };
        (self.service, self.version) = (text(SERVICE_NAME), text(SERVICE_VERSION));
    }
}

/// What segments and subsegments have in common, with the subsegments below.
fn part(span: &SpanData, waiting: &mut HashMap<SpanId, Vec<SpanData>>) -> Map<String, Value> {
    let attribute = |key: &str| {
        let pair = span.attributes.iter().find(|pair| pair.key.as_str() == key);
        pair.map(|pair| pair.value.as_str().into_owned())
    };
    let status = attribute(HTTP_RESPONSE_STATUS_CODE).and_then(|status| status.parse::<u16>().ok());
    let mut document = Map::new();
    let mut set = |key: &str, value: Value| document.insert(key.to_owned(), value);
    set("id", json!(span.span_context.span_id().to_string()));
    set("name", json!(attribute(SERVER_ADDRESS).unwrap_or_else(|| span.name.to_string())));
    set("start_time", seconds(span.start_time));
    set("end_time", seconds(span.end_time));
    if let Some(method) = attribute(HTTP_REQUEST_METHOD) {
        let url = attribute(URL_FULL)
            .unwrap_or_else(|| format!("http://localhost{}", attribute(URL_PATH).unwrap_or_default()));
        set("http", json!({"request": {"method": method, "url": url}, "response": {"status": status}}));
    }
    if let Some(system) = attribute(DB_SYSTEM_NAME) {
        set("sql", json!({"database_type": system, "sanitized_query": attribute(DB_QUERY_TEXT)}));
    }
    if span.span_kind == SpanKind::Client {
        set("namespace", json!("remote"));
    }
    match status {
        Some(400..500) => drop(set("error", json!(true))),
        _ if matches!(span.status, Status::Error { .. }) => drop(set("fault", json!(true))),
        _ => {}
    }
    let below = waiting.remove(&span.span_context.span_id()).unwrap_or_default();
    if !below.is_empty() {
        let below: Vec<Value> = below.iter().map(|span| Value::Object(part(span, waiting))).collect();
        document.insert("subsegments".to_owned(), Value::Array(below));
    }
    document
}

/// A time as X-Ray has it: seconds since 1970 with all their digits.
fn seconds(time: SystemTime) -> Value {
    let nanos = nanos(time);
    let text = format!("{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000);
    // With arbitrary precision off this rounds to what a double holds, as X-Ray's own SDKs do.
    serde_json::from_str(&text).unwrap_or_default()
}

fn nanos(time: SystemTime) -> u128 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos()
}

//! Small spans and requests.

use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};

/// Now, in ns since 1970.
pub fn now_ns() -> u64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is right");
    u64::try_from(since_1970.as_nanos()).expect("the year is before 2554")
}

/// A span in the making: now, 5 ms long, without a parent.
#[derive(Clone, Debug)]
pub struct SpanDraft(Span);

impl SpanDraft {
    /// A span of this trace and id.
    pub fn new(trace: u128, id: u64, kind: SpanKind) -> Self {
        let start_time_unix_nano = now_ns();
        Self(Span {
            trace_id: trace.to_be_bytes().to_vec(),
            span_id: id.to_be_bytes().to_vec(),
            name: "GET /things".to_owned(),
            kind: kind as i32,
            start_time_unix_nano,
            end_time_unix_nano: start_time_unix_nano + 5_000_000,
            ..Span::default()
        })
    }

    /// Below this span of the same trace.
    #[must_use]
    pub fn below(mut self, parent: u64) -> Self {
        self.0.parent_span_id = parent.to_be_bytes().to_vec();
        self
    }

    /// With a text attribute.
    #[must_use]
    pub fn with(mut self, key: &str, value: &str) -> Self {
        self.0.attributes.push(text(key, value));
        self
    }

    /// Changed in some other way.
    #[must_use]
    pub fn change(mut self, change: impl FnOnce(&mut Span)) -> Self {
        change(&mut self.0);
        self
    }

    /// The span.
    pub fn build(self) -> Span {
        self.0
    }
}

fn text(key: &str, value: &str) -> KeyValue {
    let value = Some(AnyValue { value: Some(Value::StringValue(value.to_owned())) });
    KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
}

/// Spans of one service; an empty name gives none.
pub fn resource(service: &str, spans: Vec<Span>) -> ResourceSpans {
    let attributes = if service.is_empty() { Vec::new() } else { vec![text("service.name", service)] };
    ResourceSpans {
        resource: Some(Resource { attributes, ..Resource::default() }),
        scope_spans: vec![ScopeSpans { spans, ..ScopeSpans::default() }],
        ..ResourceSpans::default()
    }
}

/// A request of these.
pub fn request_of(resource_spans: Vec<ResourceSpans>) -> ExportTraceServiceRequest {
    ExportTraceServiceRequest { resource_spans }
}

/// One call from the service `shop` to the service `stock`, in a trace of its own with two spans: the call and its answer.
pub fn shop_call(trace: u128) -> [ResourceSpans; 2] {
    let call = SpanDraft::new(trace, 1, SpanKind::Client).with("http.request.method", "GET");
    let answer = SpanDraft::new(trace, 2, SpanKind::Server).below(1).with("http.request.method", "GET");
    [resource("shop", vec![call.build()]), resource("stock", vec![answer.build()])]
}

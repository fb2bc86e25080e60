//! The applications' own instrumentation: the OpenTelemetry SDK as a service would set it up.

use std::collections::HashMap;
use std::time::Duration;

use axum::http::HeaderMap;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider};
use opentelemetry_semantic_conventions::attribute::{
    SERVICE_INSTANCE_ID, SERVICE_NAMESPACE, SERVICE_VERSION,
};

use super::segments::AwsExporter;
use super::topology::{NAMESPACE, Workload};
use super::{MeshError, MeshOptions};

/// Spans that may wait in one application: more than a test makes, so that none is dropped.
const QUEUE_LIMIT: usize = 1 << 16;

/// Trace context on its way, by header name: of a request, or of a message.
pub(super) type Carrier = HashMap<String, String>;

/// The tracer provider of one workload, which sends by OTLP unless it is to send elsewhere. Needs a Tokio runtime.
pub(super) fn provider(workload: &Workload, options: &MeshOptions) -> Result<SdkTracerProvider, MeshError> {
    if let Some(sink) = options.span_sinks.get(workload.service) {
        return Ok(provider_with(workload, AwsExporter::new(sink.clone()), options.span_flush_interval));
    }
    let exporter = SpanExporter::builder()
        .with_tonic()
        .with_endpoint(format!("http://{}", options.otlp_grpc))
        .build()
        .map_err(|source| MeshError::Exporter { workload: workload.name(), source })?;
    Ok(provider_with(workload, exporter, options.span_flush_interval))
}

fn provider_with(
    workload: &Workload,
    exporter: impl opentelemetry_sdk::trace::SpanExporter + 'static,
    interval: Duration,
) -> SdkTracerProvider {
    let batches =
        BatchConfigBuilder::default().with_max_queue_size(QUEUE_LIMIT).with_scheduled_delay(interval).build();
    let resource = Resource::builder()
        .with_service_name(workload.service)
        .with_attributes([
            KeyValue::new(SERVICE_VERSION, workload.version),
            KeyValue::new(SERVICE_NAMESPACE, NAMESPACE),
            KeyValue::new(SERVICE_INSTANCE_ID, format!("{}-1", workload.name())),
        ])
        .build();
    let processor = BatchSpanProcessor::builder(exporter).with_batch_config(batches).build();
    SdkTracerProvider::builder().with_span_processor(processor).with_resource(resource).build()
}

/// Writes the current span of `context` into headers.
pub(super) fn inject(context: &Context) -> Carrier {
    let mut carrier = Carrier::new();
    TraceContextPropagator::new().inject_context(context, &mut carrier);
    carrier
}

/// Reads the caller's span from headers.
pub(super) fn extract(carrier: &Carrier) -> Context {
    TraceContextPropagator::new().extract_with_context(&Context::new(), carrier)
}

/// The trace context among the headers of a request.
pub(super) fn carrier_of(headers: &HeaderMap) -> Carrier {
    ["traceparent", "tracestate"]
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), headers.get(name)?.to_str().ok()?.to_owned())))
        .collect()
}

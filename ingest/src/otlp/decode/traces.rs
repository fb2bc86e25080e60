//! Trace requests.

use std::sync::Arc;

use sidecarta_queries::rows::span::{SpanBatch, SpanBatchBuilder, SpanRow, VaryingKeys};

use super::span::SpanReader;
use super::walk::{Place, walk};
use super::{DecodeError, DecodeLimits, Decoded, count_records};
use crate::otlp::rejects::Rejects;
use crate::otlp::semconv;
use crate::otlp::signal::Signal;

/// Decodes an uncompressed `ExportTraceServiceRequest`.
///
/// Damage inside one span costs that span only. `received_at_ns` is ns since 1970 and stands for "now".
/// `varying` decides how the rows are laid out, not what they say.
///
/// # Errors
/// If the bytes are no such message, if none of its spans can be read, or if it has too many of them.
pub fn decode_traces(
    payload: &[u8],
    received_at_ns: i64,
    limits: &DecodeLimits,
    varying: Arc<VaryingKeys>,
) -> Result<Decoded<SpanBatch>, DecodeError> {
    decode_spans(payload, received_at_ns, limits, varying, false)
}

/// The same, where `is_xray` is whether the request was made of segments of AWS X-Ray.
pub(in crate::otlp) fn decode_spans(
    payload: &[u8],
    received_at_ns: i64,
    limits: &DecodeLimits,
    varying: Arc<VaryingKeys>,
    is_xray: bool,
) -> Result<Decoded<SpanBatch>, DecodeError> {
    let spans = count_records(Signal::Traces, payload, limits)?;
    let mut decoder = Decoder {
        limits,
        reader: SpanReader::new(received_at_ns, limits),
        builder: SpanBatchBuilder::new(spans, varying),
        resource_number: None,
        is_xray,
        rejects: Rejects::new(Signal::Traces),
    };
    walk(payload, limits, |place, message| decoder.span(place, message))?;
    let accepted = decoder.builder.len() as u64;
    let batch = decoder.builder.finish().map_err(|error| DecodeError::Columns(error.to_string()))?;
    Decoded::new(batch, accepted, &decoder.rejects)
}

/// The state of decoding one request.
struct Decoder<'a> {
    limits: &'a DecodeLimits,
    reader: SpanReader<'a>,
    builder: SpanBatchBuilder,
    /// The resource that the builder was given last.
    resource_number: Option<usize>,
    is_xray: bool,
    rejects: Rejects,
}

impl<'a> Decoder<'a> {
    /// An OTLP `Span`.
    fn span(&mut self, place: &Place<'_, 'a>, message: &'a [u8]) -> Result<(), DecodeError> {
        let span = match self.reader.read(message) {
            Ok(span) => span,
            Err(reason) => {
                self.rejects.count(reason);
                return Ok(());
            }
        };
        if self.resource_number != Some(place.resource_number) {
            self.builder.set_resource(place.resource);
            self.resource_number = Some(place.resource_number);
        }
        self.rejects.cut += u64::from(self.reader.was_cut);
        let attributes = &self.reader.attributes.entries;
        let origin = place.origin;
        let meaning = semconv::interpret(
            span.kind,
            span.status,
            attributes,
            origin.is_envoy,
            self.limits.max_name_bytes,
        );
        let row = SpanRow {
            trace_id: span.trace_id,
            span_id: span.span_id,
            parent_span_id: span.parent_span_id,
            start_ns: span.start_ns,
            duration_ns: span.duration_ns,
            service: &origin.service,
            namespace: &origin.namespace,
            version: &origin.version,
            instance: &origin.instance,
            environment: &origin.environment,
            kind: span.kind,
            name: &span.name,
            status: span.status,
            status_message: &span.status_message,
            is_error: meaning.is_error,
            is_timeout: meaning.is_timeout,
            is_proxy: meaning.is_proxy,
            is_xray: self.is_xray,
            protocol: meaning.protocol,
            method: &meaning.method,
            route: &meaning.route,
            http_status: meaning.http_status,
            peer: meaning.peer.as_ref().map(semconv::PeerMeaning::as_row),
            attributes,
            scope: place.scope,
            events: self.reader.events.as_json(),
            links: self.reader.links.as_json(),
        };
        self.builder.push(&row).map_err(|error| DecodeError::Columns(error.to_string()))
    }
}

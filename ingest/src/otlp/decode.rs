//! From the bytes of an OTLP trace request to rows. Pure: the same bytes received at the same time give the same rows,
//! on which the replay of the log relies.

use std::sync::Arc;

use sidecarta_queries::frame::{Frame, FrameKind};
use sidecarta_queries::rows::span::{SpanBatch, SpanBatchBuilder, SpanRow, VaryingKeys};

use super::attributes::Attributes;
use super::compression::{self, CompressionError, Encoding};
use super::rejects::{Reject, Rejects};
use super::semconv;
use super::value::text_within;
use crate::wire::{Fields, Malformed};

mod limits;
mod origin;
mod span;

pub use limits::DecodeLimits;
use origin::Origin;
use span::SpanReader;

/// The rows of a request.
#[derive(Clone, Debug)]
pub struct Decoded {
    /// The spans that were taken.
    pub batch: SpanBatch,
    /// Spans that were not taken.
    pub rejected: u64,
    /// Why they were not, and what was cut, in words; empty if all is well.
    pub message: String,
}

/// Why a request as a whole gives no rows.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Not an OTLP trace request.
    #[error("the body is not an OTLP trace request in protobuf")]
    Malformed,
    /// Nothing of it can be taken, because its spans are damaged or nested too deep.
    #[error("the body is not an OTLP trace request that can be read: {0}")]
    NothingReadable(String),
    /// More spans than a request may have.
    #[error("the request has more than {0} spans; send smaller batches")]
    TooManySpans(usize),
    /// The compressed payload cannot be unpacked.
    #[error("the payload cannot be unpacked")]
    Compression(#[from] CompressionError),
    /// The frame holds something else.
    #[error("a frame of kind {0:?} holds no spans")]
    WrongFrame(FrameKind),
    /// The rows do not fit into columns, which is a defect.
    #[error("the spans do not fit into columns: {0}")]
    Columns(String),
}

impl From<Malformed> for DecodeError {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

/// Decodes a frame of the log again, exactly as it was decoded when it was received.
///
/// # Errors
/// If the frame holds no trace request, which no frame does that was accepted.
pub fn decode_frame(
    frame: &Frame,
    limits: &DecodeLimits,
    varying: Arc<VaryingKeys>,
) -> Result<Decoded, DecodeError> {
    let encoding = match frame.kind {
        FrameKind::OtlpTraces => return decode_traces(&frame.payload, frame.received_at_ns, limits, varying),
        FrameKind::OtlpTracesGzip => Encoding::Gzip,
        FrameKind::OtlpTracesZstd => Encoding::Zstd,
        FrameKind::EnvoyScrape => return Err(DecodeError::WrongFrame(frame.kind)),
    };
    // It was accepted under the limit of its day, which may have been a higher one.
    let plain = compression::decompress(encoding, &frame.payload, usize::MAX, |_| Ok(()))?;
    decode_traces(&plain, frame.received_at_ns, limits, varying)
}

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
) -> Result<Decoded, DecodeError> {
    let spans = count_spans(payload)?;
    if spans > limits.max_spans {
        return Err(DecodeError::TooManySpans(limits.max_spans));
    }
    let mut decoder = Decoder {
        limits,
        reader: SpanReader::new(received_at_ns, limits),
        builder: SpanBatchBuilder::new(spans, varying),
        resource: Attributes::default(),
        rejects: Rejects::default(),
    };
    let mut fields = Fields::of(payload);
    while let Some((number, value)) = fields.next()? {
        if number == 1 {
            decoder.resource_spans(value.bytes()?)?;
        }
    }
    decoder.finish()
}

/// The number of spans in an `ExportTraceServiceRequest`, without looking into them.
pub(super) fn count_spans(payload: &[u8]) -> Result<usize, Malformed> {
    let mut count = 0;
    let mut request = Fields::of(payload);
    while let Some((number, value)) = request.next()? {
        if number != 1 {
            continue;
        }
        let mut resource_spans = Fields::of(value.bytes()?);
        while let Some((number, value)) = resource_spans.next()? {
            if number != 2 {
                continue;
            }
            let mut scope_spans = Fields::of(value.bytes()?);
            while let Some((number, _)) = scope_spans.next()? {
                count += usize::from(number == 2);
            }
        }
    }
    Ok(count)
}

/// The state of decoding one request.
struct Decoder<'a> {
    limits: &'a DecodeLimits,
    reader: SpanReader<'a>,
    builder: SpanBatchBuilder,
    resource: Attributes<'a>,
    rejects: Rejects,
}

impl<'a> Decoder<'a> {
    /// An OTLP `ResourceSpans`: first its resource, wherever it stands, then its spans.
    fn resource_spans(&mut self, message: &'a [u8]) -> Result<(), DecodeError> {
        self.resource.clear();
        let mut fields = Fields::of(message);
        while let Some((number, value)) = fields.next()? {
            if number == 1 {
                self.resource(value.bytes()?)?;
            }
        }
        let origin = Origin::of(&self.resource, self.limits.max_name_bytes);
        let mut is_resource_set = false;
        let mut fields = Fields::of(message);
        while let Some((number, value)) = fields.next()? {
            if number == 2 {
                self.scope_spans(value.bytes()?, &origin, &mut is_resource_set)?;
            }
        }
        Ok(())
    }

    fn resource(&mut self, message: &'a [u8]) -> Result<(), DecodeError> {
        let mut fields = Fields::of(message);
        while let Some((number, value)) = fields.next()? {
            if number == 1 && self.resource.add(value.bytes()?, self.limits).is_err() {
                return Err(DecodeError::Malformed);
            }
        }
        Ok(())
    }

    /// An OTLP `ScopeSpans`.
    fn scope_spans(
        &mut self,
        message: &'a [u8],
        origin: &Origin<'a>,
        is_resource_set: &mut bool,
    ) -> Result<(), DecodeError> {
        let mut scope = &[][..];
        let mut fields = Fields::of(message);
        while let Some((number, value)) = fields.next()? {
            if number == 1 {
                scope = scope_name(value.bytes()?)?;
            }
        }
        let scope = text_within(scope, self.limits.max_name_bytes);
        let mut fields = Fields::of(message);
        while let Some((number, value)) = fields.next()? {
            if number == 2 {
                self.span(value.bytes()?, origin, &scope, is_resource_set)?;
            }
        }
        Ok(())
    }

    /// An OTLP `Span`.
    fn span(
        &mut self,
        message: &'a [u8],
        origin: &Origin<'a>,
        scope: &str,
        is_resource_set: &mut bool,
    ) -> Result<(), DecodeError> {
        let span = match self.reader.read(message) {
            Ok(span) => span,
            Err(reason) => {
                self.rejects.count(reason);
                return Ok(());
            }
        };
        if !*is_resource_set {
            self.builder.set_resource(&self.resource.entries);
            *is_resource_set = true;
        }
        self.rejects.cut += u64::from(self.reader.was_cut);
        let attributes = &self.reader.attributes.entries;
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
            protocol: meaning.protocol,
            method: &meaning.method,
            route: &meaning.route,
            http_status: meaning.http_status,
            peer: meaning.peer.as_ref().map(semconv::PeerMeaning::as_row),
            attributes,
            scope,
            events: self.reader.events.as_json(),
            links: self.reader.links.as_json(),
        };
        self.builder.push(&row).map_err(|error| DecodeError::Columns(error.to_string()))
    }

    fn finish(self) -> Result<Decoded, DecodeError> {
        let unreadable = self.rejects.of(Reject::Malformed) + self.rejects.of(Reject::TooDeep);
        if self.builder.is_empty() && unreadable > 0 {
            return Err(DecodeError::NothingReadable(self.rejects.message()));
        }
        let batch = self.builder.finish().map_err(|error| DecodeError::Columns(error.to_string()))?;
        Ok(Decoded { batch, rejected: self.rejects.total(), message: self.rejects.message() })
    }
}

/// The name in an OTLP `InstrumentationScope`.
fn scope_name(message: &[u8]) -> Result<&[u8], Malformed> {
    let mut fields = Fields::of(message);
    let mut name = &[][..];
    while let Some((number, value)) = fields.next()? {
        if number == 1 {
            name = value.bytes()?;
        }
    }
    Ok(name)
}

#[cfg(test)]
mod tests;

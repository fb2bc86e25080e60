//! What both doors share: from a body as it was received to an answer.

use std::error::Error;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceResponse,
};
use serde_json::json;
use sidecarta_queries::frame::{Frame, FrameKind};
use sidecarta_queries::rows::span::VaryingKeys;
use tokio::sync::Semaphore;

use super::OtlpConfig;
use super::body::too_large;
use super::compression::{CompressionError, Encoding, compress_for_log, decompress};
use super::decode::{DecodeError, DecodeLimits, Decoded, count_spans, decode_traces};
use super::json::traces_to_protobuf;
use super::memory::{MemoryBudget, Reservation};
use super::status::Refusal;
use crate::pipeline::{Pipeline, Rows, Submission, SubmitError};
use crate::status::{SourceBook, SourceHandle};

/// Bodies whose unpacked size is likely beyond this are worked on outside of the threads that serve connections.
const INLINE_BYTES: usize = 1 << 20;
/// How much smaller than its content a compressed body usually is.
const USUAL_COMPRESSION: usize = 8;
/// What a row takes whatever is in it: its places in all columns, and its skeleton.
const BYTES_A_ROW: usize = 512;
/// Bodies shorter than this are not worth compressing for the log.
const COMPRESSED_FROM_BYTES: usize = 1 << 10;

/// What is done with requests, whichever door they come through.
#[derive(Debug)]
pub struct Receiver {
    pipeline: Pipeline,
    book: SourceBook,
    limits: DecodeLimits,
    memory: MemoryBudget,
    max_body_bytes: usize,
    max_connections: usize,
    /// One permit for each large body that may be decoded at once: more than there are cores would only take memory.
    decoding: Semaphore,
}

/// How the content of a body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `application/x-protobuf`.
    Protobuf,
    /// `application/json`.
    Json,
}

/// A body as it was received, with the memory that it holds.
#[derive(Debug)]
pub struct Received {
    /// The body, still compressed.
    pub body: Bytes,
    /// How it is compressed.
    pub encoding: Encoding,
    /// How its content is written.
    pub format: Format,
    /// The memory it holds; given back once the request is answered.
    pub reservation: Reservation,
}

/// What a sender is told whose request was stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// Spans that were not taken.
    pub rejected_spans: u64,
    /// Why not, or what was cut; empty if all is well.
    pub message: String,
}

impl Receipt {
    /// The answer in protobuf. Where all is well nothing in it is set, as the protocol wants it.
    pub fn into_response(self) -> ExportTraceServiceResponse {
        let is_partial = self.rejected_spans > 0 || !self.message.is_empty();
        let partial_success = is_partial.then(|| ExportTracePartialSuccess {
            rejected_spans: self.rejected_spans.cast_signed(),
            error_message: self.message,
        });
        ExportTraceServiceResponse { partial_success }
    }

    /// The same in JSON, where 64-bit numbers are text.
    pub fn to_json(&self) -> serde_json::Value {
        if self.rejected_spans == 0 && self.message.is_empty() {
            return json!({});
        }
        let rejected_spans = self.rejected_spans.to_string();
        json!({"partialSuccess": {"rejectedSpans": rejected_spans, "errorMessage": self.message}})
    }
}

impl Receiver {
    /// A receiver that hands what it decodes to `pipeline` and counts in `book`.
    pub fn new(pipeline: Pipeline, book: SourceBook, config: &OtlpConfig) -> Self {
        Self {
            pipeline,
            book,
            limits: config.decode_limits(),
            memory: MemoryBudget::new(config.max_memory_bytes),
            max_body_bytes: config.max_body_bytes,
            max_connections: config.max_connections,
            decoding: Semaphore::new(std::thread::available_parallelism().map_or(2, usize::from)),
        }
    }

    pub(super) fn book(&self) -> &SourceBook {
        &self.book
    }

    pub(super) fn memory(&self) -> &MemoryBudget {
        &self.memory
    }

    pub(super) fn max_body_bytes(&self) -> usize {
        self.max_body_bytes
    }

    pub(super) fn max_connections(&self) -> usize {
        self.max_connections
    }

    /// Decodes and stores a trace request; on `Ok` it is durable. What happened is counted for `source`.
    ///
    /// # Errors
    /// If nothing of it was stored, with the reason as the sender is told it.
    pub async fn receive_traces(
        &self,
        source: &SourceHandle,
        received: Result<Received, Refusal>,
    ) -> Result<Receipt, Refusal> {
        let result = match received {
            Ok(received) => self.store_traces(received).await,
            Err(refusal) => Err(refusal),
        };
        match result {
            Ok((accepted, receipt)) => {
                source.succeeded(accepted, receipt.rejected_spans);
                Ok(receipt)
            }
            Err(refusal) => {
                match refusal {
                    Refusal::Busy { .. } => source.throttled(),
                    _ => source.failed(refusal.to_string()),
                }
                Err(refusal)
            }
        }
    }

    /// The number of spans stored, and what the sender is told.
    async fn store_traces(&self, received: Received) -> Result<(u64, Receipt), Refusal> {
        let received_at_ns = now_ns();
        let usual_expansion = if received.encoding == Encoding::Identity { 1 } else { USUAL_COMPRESSION };
        let likely_bytes = received.body.len().saturating_mul(usual_expansion);
        let (limits, max_body_bytes) = (self.limits.clone(), self.max_body_bytes);
        let varying = self.pipeline.store().varying_keys();
        let work = move || prepare(received, received_at_ns, &limits, varying, max_body_bytes);
        let prepared = if likely_bytes > INLINE_BYTES {
            // The semaphore is never closed, so that the permit is always had.
            let _permit = self.decoding.acquire().await;
            let task = tokio::task::spawn_blocking(work).await;
            task.unwrap_or_else(|error| Err(Refusal::Broken(format!("decoding did not end: {error}"))))?
        } else {
            work()?
        };
        let Prepared { frame, decoded, reservation } = prepared;
        let receipt = Receipt { rejected_spans: decoded.rejected, message: decoded.message };
        let accepted = decoded.batch.skeletons.len() as u64;
        if accepted > 0 {
            self.pipeline.submit(Submission { frame, rows: Rows::Spans(decoded.batch) }).await?;
        }
        drop(reservation);
        Ok((accepted, receipt))
    }
}

/// A request that is ready to be stored.
struct Prepared {
    frame: Frame,
    decoded: Decoded,
    reservation: Reservation,
}

/// Unpacks and decodes a request, and makes the frame that the log keeps.
fn prepare(
    received: Received,
    received_at_ns: i64,
    limits: &DecodeLimits,
    varying: Arc<VaryingKeys>,
    max_body_bytes: usize,
) -> Result<Prepared, Refusal> {
    let Received { body, encoding, format, mut reservation } = received;
    let unpacked = match encoding {
        Encoding::Identity => None,
        encoding => Some(decompress(encoding, &body, max_body_bytes, |bytes| reservation.grow(bytes))?),
    };
    let mut content = unpacked.as_deref().unwrap_or(&body);
    let from_json;
    if format == Format::Json {
        reservation.grow(content.len())?;
        from_json = traces_to_protobuf(content).map_err(|error| Refusal::Invalid(with_source(&error)))?;
        content = &from_json;
    }
    // The rows take about as much as what they are decoded from, and something each, however little is in them.
    let spans = count_spans(content).map_err(DecodeError::from)?;
    reservation.grow(content.len().saturating_add(spans.saturating_mul(BYTES_A_ROW)))?;
    let decoded = decode_traces(content, received_at_ns, limits, varying)?;
    let (kind, payload) = match (format, encoding) {
        (Format::Protobuf, Encoding::Gzip) => (FrameKind::OtlpTracesGzip, body),
        (Format::Protobuf, Encoding::Zstd) => (FrameKind::OtlpTracesZstd, body),
        (Format::Protobuf, Encoding::Identity) if body.len() < COMPRESSED_FROM_BYTES => {
            (FrameKind::OtlpTraces, body)
        }
        _ => (FrameKind::OtlpTracesZstd, for_log(content)?),
    };
    Ok(Prepared { frame: Frame { kind, received_at_ns, payload }, decoded, reservation })
}

/// A plain request as the log keeps it.
fn for_log(content: &[u8]) -> Result<Bytes, Refusal> {
    let packed = compress_for_log(content)
        .map_err(|error| Refusal::Broken(format!("the request cannot be compressed: {error}")))?;
    Ok(packed.into())
}

fn now_ns() -> i64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_1970.as_nanos()).unwrap_or(i64::MAX)
}

/// What happened and, behind a colon, why.
fn with_source(error: &dyn Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

impl From<CompressionError> for Refusal {
    fn from(error: CompressionError) -> Self {
        match error {
            CompressionError::TooLarge { limit } => too_large(limit),
            CompressionError::NoMemory(no_memory) => no_memory.into(),
            CompressionError::Damaged { .. } => Self::Invalid(with_source(&error)),
        }
    }
}

impl From<DecodeError> for Refusal {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::TooManySpans(_) => Self::TooLarge(error.to_string()),
            DecodeError::Columns(_) => Self::Broken(error.to_string()),
            DecodeError::Compression(error) => error.into(),
            DecodeError::Malformed | DecodeError::NothingReadable(_) | DecodeError::WrongFrame(_) => {
                Self::Invalid(error.to_string())
            }
        }
    }
}

impl From<SubmitError> for Refusal {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::Full { retry_after } => {
                Self::Busy { reason: "too much is waiting to be stored".to_owned(), retry_after }
            }
            SubmitError::Broken { .. } => Self::Broken(error.to_string()),
        }
    }
}

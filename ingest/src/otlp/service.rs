//! What both doors share: from a body as it was received to an answer.

use std::error::Error;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use sidecarta_queries::frame::Frame;
use sidecarta_queries::rows::metric::MetricPoint;
use sidecarta_queries::rows::span::VaryingKeys;
use tokio::sync::Semaphore;

use super::OtlpConfig;
use super::body::too_large;
use super::compression::{CompressionError, Encoding, compress_for_log, decompress};
use super::decode::{AccessLogRules, DecodeError, DecodeLimits, Decoded, decode};
use super::json::{JsonError, to_protobuf};
use super::memory::{MemoryBudget, Reservation};
use super::receipt::Receipt;
use super::signal::Signal;
use super::status::Refusal;
use super::streams::StreamHandlers;
use crate::envoy::push::{Statistics, StatisticsSink};
use crate::pipeline::{Pipeline, Rows, Submission, SubmitError};
use crate::status::{SourceBook, SourceHandle};

/// Bodies whose unpacked size is likely beyond this are worked on outside of the threads that serve connections.
const INLINE_BYTES: usize = 1 << 20;
/// How much smaller than its content a compressed body usually is.
const USUAL_COMPRESSION: usize = 8;
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
    streams: Option<StreamHandlers>,
    /// Takes the statistics of Envoys out of metrics.
    statistics: Option<StatisticsSink>,
    /// One permit for each stream that an Envoy may keep open.
    stream_slots: Semaphore,
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
            streams: None,
            statistics: None,
            stream_slots: Semaphore::new(config.max_connections.min(Semaphore::MAX_PERMITS)),
        }
    }

    /// Reads the access logs among log records by these rules.
    #[must_use]
    pub fn with_access_logs(mut self, rules: AccessLogRules) -> Self {
        self.limits.access_logs = rules;
        self
    }

    /// Takes the streams of Envoys too. A receiver without handlers answers `UNIMPLEMENTED`.
    #[must_use]
    pub fn with_streams(self, handlers: StreamHandlers) -> Self {
        Self { streams: Some(handlers), ..self }
    }

    /// Counts the statistics of Envoys among metrics. They are stored as metrics all the same.
    #[must_use]
    pub fn with_statistics(self, sink: StatisticsSink) -> Self {
        Self { statistics: Some(sink), ..self }
    }

    pub(super) fn streams(&self) -> Option<&StreamHandlers> {
        self.streams.as_ref()
    }

    pub(super) fn stream_slots(&self) -> &Semaphore {
        &self.stream_slots
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

    /// Decodes and stores a request; on `Ok` it is durable. What happened is counted for `source`.
    ///
    /// # Errors
    /// If nothing of it was stored, with the reason as the sender is told it.
    pub async fn receive(
        &self,
        signal: Signal,
        source: &SourceHandle,
        received: Result<Received, Refusal>,
    ) -> Result<Receipt, Refusal> {
        let result = match received {
            Ok(received) => self.store(signal, received).await,
            Err(refusal) => Err(refusal),
        };
        match result {
            Ok((accepted, receipt)) => {
                source.succeeded(accepted, receipt.rejected);
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

    /// The number of records stored, and what the sender is told.
    async fn store(&self, signal: Signal, received: Received) -> Result<(u64, Receipt), Refusal> {
        let received_at_ns = now_ns();
        let usual_expansion = if received.encoding == Encoding::Identity { 1 } else { USUAL_COMPRESSION };
        let likely_bytes = received.body.len().saturating_mul(usual_expansion);
        let (limits, max_body_bytes) = (self.limits.clone(), self.max_body_bytes);
        let varying = self.pipeline.store().varying_keys();
        let wanted = self.statistics.is_some().then(|| Statistics::received_at(received_at_ns));
        let work =
            move || prepare(signal, received, received_at_ns, &limits, varying, max_body_bytes, wanted);
        let prepared = if likely_bytes > INLINE_BYTES {
            // The semaphore is never closed, so that the permit is always had.
            let _permit = self.decoding.acquire().await;
            let task = tokio::task::spawn_blocking(work).await;
            task.unwrap_or_else(|error| Err(Refusal::Broken(format!("decoding did not end: {error}"))))?
        } else {
            work()?
        };
        let Prepared { frame, decoded, statistics, reservation } = prepared;
        let Decoded { batch, accepted, rejected, message } = decoded;
        if accepted > 0 {
            self.pipeline.submit(Submission { frame, rows: batch }).await?;
        }
        // Where this fails, all is sent again: then the rows are known already, and of the statistics the rest is counted.
        if let (Some(sink), Some(statistics)) = (&self.statistics, statistics) {
            sink.store(statistics).await?;
        }
        drop(reservation);
        Ok((accepted, Receipt { signal, rejected, message }))
    }
}

/// A request that is ready to be stored.
struct Prepared {
    frame: Frame,
    decoded: Decoded<Rows>,
    /// The statistics of Envoys in it, where they are wanted.
    statistics: Option<Statistics>,
    reservation: Reservation,
}

/// Unpacks and decodes a request, and makes the frame that the log keeps.
fn prepare(
    signal: Signal,
    received: Received,
    received_at_ns: i64,
    limits: &DecodeLimits,
    varying: Arc<VaryingKeys>,
    max_body_bytes: usize,
    mut statistics: Option<Statistics>,
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
        from_json = to_protobuf(signal, content, &mut |bytes| reservation.grow(bytes))?;
        content = &from_json;
    }
    let mut reserve = |bytes| reservation.grow(bytes);
    let mut see_point = |point: &MetricPoint<'_>| {
        if let Some(statistics) = &mut statistics {
            statistics.take(point);
        }
    };
    let decoded = decode(signal, content, received_at_ns, limits, varying, &mut reserve, &mut see_point)?;
    let frames = signal.frames();
    let (kind, payload) = match (format, encoding) {
        (Format::Protobuf, Encoding::Gzip) => (frames.gzip, body),
        (Format::Protobuf, Encoding::Zstd) => (frames.zstd, body),
        (Format::Protobuf, Encoding::Identity) if body.len() < COMPRESSED_FROM_BYTES => (frames.plain, body),
        _ => (frames.zstd, for_log(content)?),
    };
    let frame = Frame { kind, received_at_ns, payload };
    Ok(Prepared { frame, decoded, statistics, reservation })
}

/// A plain request as the log keeps it.
fn for_log(content: &[u8]) -> Result<Bytes, Refusal> {
    let packed = compress_for_log(content)
        .map_err(|error| Refusal::Broken(format!("the request cannot be compressed: {error}")))?;
    Ok(packed.into())
}

/// The time, ns since 1970.
pub(super) fn now_ns() -> i64 {
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

impl From<JsonError> for Refusal {
    fn from(error: JsonError) -> Self {
        match error {
            JsonError::NoMemory(no_memory) => no_memory.into(),
            JsonError::Invalid(_) => Self::Invalid(with_source(&error)),
        }
    }
}

impl From<DecodeError> for Refusal {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::TooMany { .. } => Self::TooLarge(error.to_string()),
            DecodeError::NoMemory(no_memory) => no_memory.into(),
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

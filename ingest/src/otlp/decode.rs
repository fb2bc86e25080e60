//! From the bytes of an OTLP request to rows. Pure: the same bytes received at the same time give the same rows, on which
//! the replay of the log relies.

use std::sync::Arc;

use sidecarta_queries::frame::{Frame, FrameKind};
use sidecarta_queries::rows::log::LogRecord;
use sidecarta_queries::rows::metric::MetricPoint;
use sidecarta_queries::rows::span::VaryingKeys;

use super::compression::{self, CompressionError};
use super::memory::{Meter, NoMemory};
use super::rejects::{Reject, Rejects};
use super::signal::Signal;
use crate::pipeline::Rows;
use crate::wire::Malformed;

mod limits;
mod logs;
mod metrics;
mod origin;
mod span;
mod traces;
mod walk;

pub use limits::{AccessLogRules, DecodeLimits};
pub(super) use traces::decode_spans;
pub use traces::decode_traces;

/// What a row takes whatever is in it: its places in all columns, and of a span its skeleton.
const BYTES_A_ROW: usize = 512;

/// The rows of a request.
#[derive(Clone, Debug)]
pub struct Decoded<B> {
    /// What was taken.
    pub batch: B,
    /// Records that were taken.
    pub accepted: u64,
    /// Records that were not taken.
    pub rejected: u64,
    /// Why they were not, and what was cut, in words; empty if all is well.
    pub message: String,
}

impl<B> Decoded<B> {
    /// # Errors
    /// If nothing was taken because nothing could be read.
    fn new(batch: B, accepted: u64, rejects: &Rejects) -> Result<Self, DecodeError> {
        let unreadable = rejects.of(Reject::Malformed) + rejects.of(Reject::TooDeep);
        if accepted == 0 && unreadable > 0 {
            return Err(DecodeError::NothingReadable(rejects.message()));
        }
        Ok(Self { batch, accepted, rejected: rejects.total(), message: rejects.message() })
    }

    pub(super) fn map<C>(self, change: impl FnOnce(B) -> C) -> Decoded<C> {
        let Self { batch, accepted, rejected, message } = self;
        Decoded { batch: change(batch), accepted, rejected, message }
    }
}

/// What becomes of a log record or data point, as whoever looks at it on its way decides. Either way it was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is stored as it is.
    Store,
    /// Something else was made of it.
    Taken,
}

/// Why a request as a whole gives no rows.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Not an OTLP request.
    #[error("the body is not an OTLP request in protobuf")]
    Malformed,
    /// Nothing of it can be taken, because its records are damaged or nested too deep.
    #[error("the body is not an OTLP request that can be read: {0}")]
    NothingReadable(String),
    /// More records than a request may have.
    #[error("the request has more than {limit} {records}; send smaller batches")]
    TooMany {
        /// How many it may have.
        limit: usize,
        /// What it has too many of.
        records: &'static str,
    },
    /// The compressed payload cannot be unpacked.
    #[error("the payload cannot be unpacked")]
    Compression(#[from] CompressionError),
    /// There is no memory for the rows at the moment.
    #[error("no memory is left for the rows of the request")]
    NoMemory(NoMemory),
    /// The frame holds something else.
    #[error("a frame of kind {0:?} holds no OTLP request")]
    WrongFrame(FrameKind),
    /// The rows do not fit into columns, which is a defect.
    #[error("the rows do not fit into columns: {0}")]
    Columns(String),
}

impl From<Malformed> for DecodeError {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

impl From<NoMemory> for DecodeError {
    fn from(no_memory: NoMemory) -> Self {
        Self::NoMemory(no_memory)
    }
}

/// Decodes a frame of the log again, exactly as it was decoded when it was received.
///
/// # Errors
/// If the frame holds no OTLP request, which no frame does that was accepted.
pub fn decode_frame(
    frame: &Frame,
    limits: &DecodeLimits,
    varying: Arc<VaryingKeys>,
) -> Result<Decoded<Rows>, DecodeError> {
    let (signal, encoding) = Signal::of_frame(frame.kind).ok_or(DecodeError::WrongFrame(frame.kind))?;
    // It was accepted under the limit of its day, which may have been a higher one.
    let unpacked = match encoding {
        compression::Encoding::Identity => None,
        encoding => Some(compression::decompress(encoding, &frame.payload, usize::MAX, |_| Ok(()))?),
    };
    let payload = unpacked.as_deref().unwrap_or(&frame.payload);
    decode(signal, payload, frame.received_at_ns, limits, varying, &mut |_| Ok(()), &mut |_| ())
}

/// Decodes an uncompressed request of any signal. Damage inside one record costs that record only.
///
/// `received_at_ns` is ns since 1970 and stands for "now". `varying` decides how rows are laid out, not what they say.
/// `reserve` is asked before memory is taken for rows. `see_point` is shown every data point, and changes nothing.
///
/// # Errors
/// If the bytes are no such message, if nothing in it can be read, if it has too many records, or if `reserve` says no.
pub(super) fn decode(
    signal: Signal,
    payload: &[u8],
    received_at_ns: i64,
    limits: &DecodeLimits,
    varying: Arc<VaryingKeys>,
    reserve: &mut dyn FnMut(usize) -> Result<(), NoMemory>,
    see_point: &mut dyn FnMut(&MetricPoint<'_>),
) -> Result<Decoded<Rows>, DecodeError> {
    let records = count_records(signal, payload, limits)?;
    // The rows take about as much as what they are decoded from, and something each, however little is in them.
    let likely_bytes = payload.len().saturating_add(records.saturating_mul(BYTES_A_ROW));
    reserve(likely_bytes)?;
    let mut meter = Meter::new(likely_bytes, reserve);
    match signal {
        Signal::Traces => Ok(decode_traces(payload, received_at_ns, limits, varying)?.map(Rows::Spans)),
        Signal::Metrics => {
            let mut see_point = |point: &MetricPoint<'_>| {
                see_point(point);
                Fate::Store
            };
            let decoded =
                metrics::decode_metrics(payload, received_at_ns, limits, &mut meter, &mut see_point)?;
            Ok(decoded.map(Rows::Metrics))
        }
        Signal::Logs => {
            let mut requests = Vec::new();
            let mut take_access_logs = |record: &LogRecord<'_>| match limits.access_logs.row(record) {
                Some(row) => {
                    requests.push(row);
                    Fate::Taken
                }
                None => Fate::Store,
            };
            let decoded =
                logs::decode_logs(payload, received_at_ns, limits, &mut meter, &mut take_access_logs)?;
            Ok(decoded.map(|records| Rows::Logs { records, requests }))
        }
    }
}

/// The number of records in a request, without looking into them.
///
/// # Errors
/// If the bytes are no request, or have more records than it may have.
fn count_records(signal: Signal, payload: &[u8], limits: &DecodeLimits) -> Result<usize, DecodeError> {
    let (records, limit) = match signal {
        Signal::Traces => (walk::count(payload, |_| 1)?, limits.max_spans),
        Signal::Metrics => (walk::count(payload, metrics::count_points)?, limits.max_data_points),
        Signal::Logs => (walk::count(payload, |_| 1)?, limits.max_log_records),
    };
    if records > limit {
        return Err(DecodeError::TooMany { limit, records: signal.records() });
    }
    Ok(records)
}

#[cfg(test)]
mod tests;

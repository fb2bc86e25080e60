//! Requests that nobody sent: made of what a source was asked for, which tells the same as OTLP in a form of its own, and
//! stored together with how far the source has been read.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message as _;
use serde::{Deserialize, Serialize};
use sidecarta_queries::frame::{Frame, FrameKind};
use sidecarta_queries::rows::SourceCursor;
use sidecarta_queries::rows::log::LogBatch;
use sidecarta_queries::rows::span::{SpanBatch, VaryingKeys};

use super::decode::{DecodeError, DecodeLimits, Decoded, decode, decode_spans};
use super::service::now_ns;
use super::signal::Signal;
use crate::packed::{FrameError, pack, unpack};
use crate::pipeline::{Pipeline, Rows, Submission, SubmitError};

/// The largest request that is read back, some ten times the largest that is written.
const MAX_BYTES: u64 = 512 << 20;

/// How long ago a span or log record may lie that is pulled: longer than AWS keeps the one, and most keep the other.
const MAX_AGE: Duration = Duration::from_hours(24 * 400);

/// A request that was made here.
#[derive(Clone, Debug)]
pub struct Pulled {
    kind: FrameKind,
    content: Content,
}

/// What the log keeps of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Content {
    cursor: Option<SourceCursor>,
    /// In OTLP's protobuf.
    request: Vec<u8>,
}

/// What became of the records of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Records that were taken, those among them that are stored already.
    pub accepted: u64,
    /// Records that were not.
    pub rejected: u64,
    /// Why they were not, and what was cut, in words; empty if all is well.
    pub message: String,
}

/// Why a request was not stored.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    /// The store does not take it, now or at all.
    #[error(transparent)]
    Submit(#[from] SubmitError),
    /// It does not become a frame of the log.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// It does not become rows.
    #[error(transparent)]
    Decode(#[from] DecodeError),
}

impl Pulled {
    /// Spans that were segments of AWS X-Ray, with how far the source has been read with them.
    pub fn xray_traces(request: &ExportTraceServiceRequest, cursor: Option<SourceCursor>) -> Self {
        let content = Content { cursor, request: request.encode_to_vec() };
        Self { kind: FrameKind::XrayTraces, content }
    }

    /// Log records that were events of AWS CloudWatch Logs, likewise.
    pub fn cloudwatch_logs(request: &ExportLogsServiceRequest, cursor: Option<SourceCursor>) -> Self {
        let content = Content { cursor, request: request.encode_to_vec() };
        Self { kind: FrameKind::CloudWatchLogs, content }
    }

    /// Stores it. On `Ok` its records and its cursor are durable.
    ///
    /// # Errors
    /// [`SubmitError::Full`] where it is to be tried again, and nothing of it was kept.
    pub async fn submit(&self, pipeline: &Pipeline) -> Result<Taken, PullError> {
        let received_at_ns = now_ns();
        let varying = pipeline.store().varying_keys();
        let Decoded { batch, accepted, rejected, message } =
            rows(self.kind, &self.content, received_at_ns, varying)?;
        if accepted > 0 || self.content.cursor.is_some() {
            let frame = Frame { kind: self.kind, received_at_ns, payload: pack(&self.content)? };
            pipeline.submit(Submission { frame, rows: batch }).await?;
        }
        Ok(Taken { accepted, rejected, message })
    }
}

/// Decodes such a request of the log again, exactly as it was decoded when it was stored.
///
/// # Errors
/// If the frame holds none, which no frame does that was acknowledged.
pub fn decode_pulled(frame: &Frame, varying: Arc<VaryingKeys>) -> Result<Rows, PullError> {
    let content: Content = unpack(frame, frame.kind, MAX_BYTES)?;
    Ok(rows(frame.kind, &content, frame.received_at_ns, varying)?.batch)
}

fn rows(
    kind: FrameKind,
    content: &Content,
    received_at_ns: i64,
    varying: Arc<VaryingKeys>,
) -> Result<Decoded<Rows>, DecodeError> {
    let limits = DecodeLimits { max_age: MAX_AGE, ..DecodeLimits::default() };
    let (request, cursor) = (&content.request, content.cursor.clone());
    match kind {
        FrameKind::XrayTraces => {
            let decoded = decode_spans(request, received_at_ns, &limits, varying, true)?;
            Ok(decoded.map(|batch| Rows::Spans(SpanBatch { cursor, ..batch })))
        }
        FrameKind::CloudWatchLogs => {
            let decoded = decode(
                Signal::Logs,
                request,
                received_at_ns,
                &limits,
                varying,
                &mut |_| Ok(()),
                &mut |_| (),
            )?;
            Ok(decoded.map(|rows| match rows {
                Rows::Logs { records, requests } => {
                    Rows::Logs { records: LogBatch { cursor, ..records }, requests }
                }
                other => other,
            }))
        }
        other => Err(DecodeError::WrongFrame(other)),
    }
}

//! Access logs as the durable log keeps them: in postcard's compact form, compressed by zstd.

use std::io::Read as _;

use sidecarta_queries::frame::{Frame, FrameKind};
use sidecarta_queries::rows::access_log::AccessLogBatch;

/// The largest batch that is read back, some twenty times the largest that is written.
const MAX_BYTES: u64 = 512 << 20;

/// Why a frame holds no access logs, or access logs do not become a frame.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The frame is of another kind.
    #[error("a frame of kind {0:?} holds no access logs")]
    Kind(FrameKind),
    /// The compressed data is damaged.
    #[error("access logs cannot be compressed or decompressed")]
    Compression(#[source] std::io::Error),
    /// The content is not that of access logs.
    #[error("access logs cannot be written or read")]
    Content(#[source] postcard::Error),
}

pub(super) fn encode(batch: &AccessLogBatch, received_at_ns: i64) -> Result<Frame, FrameError> {
    let content = postcard::to_stdvec(batch).map_err(FrameError::Content)?;
    let payload = zstd::bulk::compress(&content, 1).map_err(FrameError::Compression)?;
    Ok(Frame { kind: FrameKind::AccessLogs, received_at_ns, payload: payload.into() })
}

/// Reads access logs back from the log.
///
/// # Errors
/// Where the frame holds none, which no frame does that was acknowledged.
pub fn decode_frame(frame: &Frame) -> Result<AccessLogBatch, FrameError> {
    if frame.kind != FrameKind::AccessLogs {
        return Err(FrameError::Kind(frame.kind));
    }
    let reader = zstd::Decoder::with_buffer(frame.payload.as_ref()).map_err(FrameError::Compression)?;
    let mut content = Vec::new();
    reader.take(MAX_BYTES).read_to_end(&mut content).map_err(FrameError::Compression)?;
    postcard::from_bytes(&content).map_err(FrameError::Content)
}

#[cfg(test)]
mod tests {
    use sidecarta_queries::rows::access_log::{AccessLogRow, SourceCursor};

    use super::*;

    #[test]
    fn access_logs_come_back_from_the_log() {
        let row = AccessLogRow {
            start_ns: 7,
            duration_ns: Some(3),
            trace_id: 1 << 100,
            span_id: 9,
            grpc_status: Some(14),
            attributes: vec![("a".to_owned(), "b".to_owned())],
            ..AccessLogRow::default()
        };
        let cursor = Some(SourceCursor { source: "a file".to_owned(), position: vec![1, 2] });
        let batch = AccessLogBatch { rows: vec![row, AccessLogRow::default()], cursor };
        let frame = encode(&batch, 5).expect("a frame");
        assert_eq!(frame.received_at_ns, 5);
        assert_eq!(decode_frame(&frame).expect("access logs"), batch);
        let half = frame.payload.slice(..frame.payload.len() / 2);
        assert!(decode_frame(&Frame { payload: half, ..frame.clone() }).is_err());
        let other = Frame { kind: FrameKind::OtlpLogs, ..frame };
        assert!(matches!(decode_frame(&other), Err(FrameError::Kind(FrameKind::OtlpLogs))));
    }
}

//! Access logs as the durable log keeps them.

use sidecarta_queries::frame::{Frame, FrameKind};
use sidecarta_queries::rows::access_log::AccessLogBatch;

pub use crate::packed::FrameError;
use crate::packed::{pack, unpack};

/// The largest batch that is read back, some twenty times the largest that is written.
const MAX_BYTES: u64 = 512 << 20;

pub(super) fn encode(batch: &AccessLogBatch, received_at_ns: i64) -> Result<Frame, FrameError> {
    Ok(Frame { kind: FrameKind::AccessLogs, received_at_ns, payload: pack(batch)? })
}

/// Reads access logs back from the log.
///
/// # Errors
/// Where the frame holds none, which no frame does that was acknowledged.
pub fn decode_frame(frame: &Frame) -> Result<AccessLogBatch, FrameError> {
    unpack(frame, FrameKind::AccessLogs, MAX_BYTES)
}

#[cfg(test)]
mod tests {
    use sidecarta_queries::rows::SourceCursor;
    use sidecarta_queries::rows::access_log::AccessLogRow;

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

//! What happens to watches, on its way into the store. It goes through the log as everything does that is promised to be
//! kept.

use jiff::Timestamp;
use sidecarta_queries::frame::{Frame, FrameKind};
use sidecarta_queries::rows::watch::WatchEvent;

use crate::packed;
use crate::pipeline::{Rows, Submission};

/// Bytes of an event as JSON at most: no verdict is as long.
const MAX_BYTES: u64 = 64 << 20;

/// Why an event does not become a frame, or a frame holds none.
#[derive(Debug, thiserror::Error)]
pub enum WatchFrameError {
    /// The compressed data is damaged.
    #[error("the event of a watch cannot be compressed or decompressed")]
    Packed(#[from] packed::FrameError),
    /// The content is not that of an event.
    #[error("the event of a watch cannot be written or read")]
    Content(#[from] serde_json::Error),
}

/// An event as it is handed to the pipeline.
///
/// # Errors
/// Where it cannot be written down.
pub fn submission(event: WatchEvent) -> Result<Submission, WatchFrameError> {
    let payload = packed::compress(&serde_json::to_vec(&event)?)?.into();
    let received_at_ns = i64::try_from(Timestamp::now().as_nanosecond()).unwrap_or_default();
    let frame = Frame { kind: FrameKind::Watch, received_at_ns, payload };
    Ok(Submission { frame, rows: Rows::Watch(Box::new(event)) })
}

/// The event that a frame holds.
pub(crate) fn decode_frame(frame: &Frame) -> Result<WatchEvent, WatchFrameError> {
    Ok(serde_json::from_slice(&packed::content(&frame.payload, MAX_BYTES)?)?)
}

#[cfg(test)]
mod tests {
    use sidecarta_queries::rows::watch::Watch;

    use super::*;

    #[test]
    fn what_is_in_the_log_is_read_back() {
        let watch = Watch { id: "w".to_owned(), from_s: 7, ..Watch::default() };
        let judged =
            WatchEvent::Judged { id: "w".to_owned(), at_s: 8, is_last: true, verdict: Box::default() };
        for event in [
            WatchEvent::Registered(Box::new(watch)),
            judged,
            WatchEvent::Ended { id: "w".to_owned(), at_s: 9 },
        ] {
            let submission = submission(event.clone()).unwrap();
            assert_eq!(decode_frame(&submission.frame).unwrap(), event);
        }
    }
}

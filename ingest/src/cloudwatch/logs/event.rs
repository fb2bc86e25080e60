//! One event of a log group.

use aws_sdk_cloudwatchlogs::types::FilteredLogEvent;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

/// One event of a log group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Event {
    /// When it happened, ms since 1970.
    pub(super) time_ms: i64,
    /// When CloudWatch took it, ms since 1970.
    pub(super) ingested_ms: i64,
    /// A hash of its id. Two events of one second share one with a chance of some 10⁻¹⁰ where there are 65 536 in it.
    pub(super) id: u64,
    pub(super) stream: String,
    pub(super) message: String,
}

impl Event {
    /// The event of an answer; none if it has no time, by which alone it could be found again.
    pub(super) fn of(event: FilteredLogEvent) -> Option<Self> {
        let time_ms = event.timestamp?;
        let stream = event.log_stream_name.unwrap_or_default();
        let message = event.message.unwrap_or_default();
        let id = match &event.event_id {
            Some(id) if !id.is_empty() => xxh3_64(id.as_bytes()),
            _ => {
                let mut hasher = Xxh3::new();
                for part in [stream.as_bytes(), b"\0", message.as_bytes(), &time_ms.to_le_bytes()] {
                    hasher.update(part);
                }
                hasher.digest()
            }
        };
        let ingested_ms = event.ingestion_time.unwrap_or(time_ms);
        Some(Self { time_ms, ingested_ms, id, stream, message })
    }

    /// When it happened, ns since 1970.
    pub(super) fn time_ns(&self) -> u64 {
        nanoseconds(self.time_ms)
    }

    /// When CloudWatch took it, ns since 1970.
    pub(super) fn ingested_ns(&self) -> u64 {
        nanoseconds(self.ingested_ms)
    }
}

fn nanoseconds(ms: i64) -> u64 {
    u64::try_from(ms).unwrap_or_default().saturating_mul(1_000_000)
}

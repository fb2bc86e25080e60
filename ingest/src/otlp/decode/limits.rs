//! How much of what is sent is taken.

use std::time::Duration;

/// What a request may hold. Over these limits spans lose a part, or are rejected alone, or the request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeLimits {
    /// A span that started longer ago is rejected. 14 days.
    pub max_age: Duration,
    /// A span that starts further in the future is rejected. 2 hours.
    pub max_future: Duration,
    /// Spans a request; one with more is refused. 200,000, which is 24 times what collectors send.
    pub max_spans: usize,
    /// Attributes a span or resource; the others are dropped and counted in `otel.dropped_attributes_count`, save for
    /// those that the graph is made of. 256.
    pub max_attributes: usize,
    /// Bytes an attribute's value; longer ones are cut and say so. 16 KiB.
    pub max_value_bytes: usize,
    /// Bytes of a key, of a span's name and of every name that the graph shows. 512.
    pub max_name_bytes: usize,
    /// Events a span, and links a span; the others are dropped and counted. 128.
    pub max_events: usize,
    /// Bytes of a span's events as JSON, and of its links. 64 KiB.
    pub max_events_bytes: usize,
}

impl Default for DecodeLimits {
    fn default() -> Self {
        Self {
            max_age: Duration::from_hours(14 * 24),
            max_future: Duration::from_hours(2),
            max_spans: 200_000,
            max_attributes: 256,
            max_value_bytes: 16 << 10,
            max_name_bytes: 512,
            max_events: 128,
            max_events_bytes: 64 << 10,
        }
    }
}

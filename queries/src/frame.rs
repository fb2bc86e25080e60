//! What the log keeps of an acknowledged request: the request itself, as it came.

use bytes::Bytes;

/// An acknowledged request before it is in the database file. Decoding the same frame always gives the same rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// How to decode the payload.
    pub kind: FrameKind,
    /// When it was received, ns since 1970. Decoding takes its "now" from here.
    pub received_at_ns: i64,
    /// The request.
    pub payload: Bytes,
}

/// What a frame's payload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum FrameKind {
    /// An OTLP `ExportTraceServiceRequest` in protobuf, as it is.
    OtlpTraces = 1,
    /// The same, compressed by gzip.
    OtlpTracesGzip = 2,
    /// The same, compressed by zstd.
    OtlpTracesZstd = 3,
    /// An [`EnvoyScrape`](crate::rows::envoy::EnvoyScrape) in a compact form, compressed by zstd. Number 4 was a scrape as
    /// JSON.
    EnvoyScrape = 11,
}

impl FrameKind {
    /// The kind stored under this number.
    pub fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::OtlpTraces),
            2 => Some(Self::OtlpTracesGzip),
            3 => Some(Self::OtlpTracesZstd),
            11 => Some(Self::EnvoyScrape),
            _ => None,
        }
    }
}

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
    /// An OTLP `ExportMetricsServiceRequest` in protobuf, as it is.
    OtlpMetrics = 5,
    /// The same, compressed by gzip.
    OtlpMetricsGzip = 6,
    /// The same, compressed by zstd.
    OtlpMetricsZstd = 7,
    /// An OTLP `ExportLogsServiceRequest` in protobuf, as it is.
    OtlpLogs = 8,
    /// The same, compressed by gzip.
    OtlpLogsGzip = 9,
    /// The same, compressed by zstd.
    OtlpLogsZstd = 10,
    /// An [`EnvoyScrape`](crate::rows::envoy::EnvoyScrape) in a compact form, compressed by zstd. Number 4 was a scrape as
    /// JSON.
    EnvoyScrape = 11,
    /// An [`AccessLogBatch`](crate::rows::access_log::AccessLogBatch) likewise.
    AccessLogs = 12,
    /// A [`MeshScrape`](crate::rows::mesh::MeshScrape) likewise.
    MeshScrape = 13,
    /// An `ExportTraceServiceRequest` made of X-Ray's documents, with how far they have been read, likewise.
    XrayTraces = 14,
    /// An `ExportLogsServiceRequest` made of CloudWatch's log events, likewise.
    CloudWatchLogs = 15,
    /// A [`WatchEvent`](crate::rows::watch::WatchEvent) as JSON, compressed by zstd.
    Watch = 16,
}

impl FrameKind {
    /// The kind stored under this number.
    pub fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::OtlpTraces),
            2 => Some(Self::OtlpTracesGzip),
            3 => Some(Self::OtlpTracesZstd),
            5 => Some(Self::OtlpMetrics),
            6 => Some(Self::OtlpMetricsGzip),
            7 => Some(Self::OtlpMetricsZstd),
            8 => Some(Self::OtlpLogs),
            9 => Some(Self::OtlpLogsGzip),
            10 => Some(Self::OtlpLogsZstd),
            11 => Some(Self::EnvoyScrape),
            12 => Some(Self::AccessLogs),
            13 => Some(Self::MeshScrape),
            14 => Some(Self::XrayTraces),
            15 => Some(Self::CloudWatchLogs),
            16 => Some(Self::Watch),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::FrameKind;

    #[test]
    fn every_number_is_that_of_its_kind() {
        let kinds = (0..=u8::MAX).filter_map(|number| Some((number, FrameKind::from_number(number)?)));
        let kinds: Vec<(u8, FrameKind)> = kinds.collect();
        assert_eq!(kinds.len(), 15);
        assert!(kinds.iter().all(|&(number, kind)| kind as u8 == number));
    }
}

//! What OTLP sends, and what differs between its kinds: all else is one way from the body to the answer.

use sidecarta_queries::frame::FrameKind;

use super::compression::Encoding;

/// What a request holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Spans.
    Traces,
    /// Data points of metrics.
    Metrics,
    /// Log records.
    Logs,
}

/// How the log keeps the requests of a signal.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frames {
    /// As they are.
    pub(super) plain: FrameKind,
    /// Compressed by gzip.
    pub(super) gzip: FrameKind,
    /// Compressed by zstd.
    pub(super) zstd: FrameKind,
}

impl Signal {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Traces, Self::Metrics, Self::Logs];

    /// The path of OTLP over HTTP.
    pub(super) fn http_path(self) -> &'static str {
        match self {
            Self::Traces => "/v1/traces",
            Self::Metrics => "/v1/metrics",
            Self::Logs => "/v1/logs",
        }
    }

    /// The method of OTLP over gRPC.
    pub(super) fn grpc_method(self) -> &'static str {
        match self {
            Self::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            Self::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
            Self::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
        }
    }

    /// What it consists of, in words.
    pub(super) fn records(self) -> &'static str {
        match self {
            Self::Traces => "spans",
            Self::Metrics => "data points",
            Self::Logs => "log records",
        }
    }

    /// The field in which an answer in JSON counts what was not taken.
    pub(super) fn rejected_field(self) -> &'static str {
        match self {
            Self::Traces => "rejectedSpans",
            Self::Metrics => "rejectedDataPoints",
            Self::Logs => "rejectedLogRecords",
        }
    }

    /// The kinds of frames that hold its requests.
    pub(super) fn frames(self) -> Frames {
        let frames = |plain, gzip, zstd| Frames { plain, gzip, zstd };
        match self {
            Self::Traces => {
                frames(FrameKind::OtlpTraces, FrameKind::OtlpTracesGzip, FrameKind::OtlpTracesZstd)
            }
            Self::Metrics => {
                frames(FrameKind::OtlpMetrics, FrameKind::OtlpMetricsGzip, FrameKind::OtlpMetricsZstd)
            }
            Self::Logs => frames(FrameKind::OtlpLogs, FrameKind::OtlpLogsGzip, FrameKind::OtlpLogsZstd),
        }
    }

    /// The signal and the compression of a frame, if it holds an OTLP request.
    pub(super) fn of_frame(kind: FrameKind) -> Option<(Self, Encoding)> {
        Self::ALL.into_iter().find_map(|signal| {
            let Frames { plain, gzip, zstd } = signal.frames();
            let encodings = [(plain, Encoding::Identity), (gzip, Encoding::Gzip), (zstd, Encoding::Zstd)];
            let (_, encoding) = encodings.into_iter().find(|(frame, _)| *frame == kind)?;
            Some((signal, encoding))
        })
    }
}

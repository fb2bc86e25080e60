//! One request as a proxy logged it.

use serde::{Deserialize, Serialize};

use super::SourceCursor;
use super::outcome::{Outcome, ResponseFlags};

mod columns;
mod hex;

pub(crate) use columns::access_log_columns;

#[cfg(test)]
mod tests;

/// Status codes of gRPC by which the server failed, as OpenTelemetry counts them: `UNKNOWN`, `DEADLINE_EXCEEDED`,
/// `UNIMPLEMENTED`, `INTERNAL`, `UNAVAILABLE` and `DATA_LOSS`. The others, `RESOURCE_EXHAUSTED` among them, say
/// something about the call, as HTTP's 4xx do.
const GRPC_FAILURES: [u32; 6] = [2, 4, 12, 13, 14, 15];

/// Response flags that tell why no answer came. Not among them is what the caller did (`DC`, `DR`, `DPE`, `IH`), what
/// it may not do (`RL`, `UAEX`), and what hinders no answer (`DI`, `FI`, `RFCF`).
const FAILURE_FLAGS: [&str; 21] = [
    "LH", "UH", "UT", "LR", "UR", "UF", "UC", "UO", "NR", "NC", "URX", "UPE", "UMSDR", "SI", "DT", "DF",
    "NFCF", "OM", "DO", "UDO", "RLSE",
];

/// Response flags of time-outs: of the upstream request, the idle stream, the connection and the stream.
const TIMEOUT_FLAGS: [&str; 4] = ["UT", "SI", "DT", "UMSDR"];

/// Types of log entries that are written once a request or connection has ended, downstream. An Envoy can be told to
/// write further ones: when a request starts, at intervals, and for every try upstream.
const FINAL_TYPES: [&str; 4] = ["DownstreamEnd", "TcpConnectionEnd", "UdpSessionEnd", "NotSet"];

/// Which way a request went through the proxy that logged it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Nothing says so.
    #[default]
    Unknown,
    /// To the service behind the proxy.
    Inbound,
    /// From the service behind the proxy.
    Outbound,
}

/// Requests that were logged, with how far their source has been read by that.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AccessLogBatch {
    /// The requests.
    pub rows: Vec<AccessLogRow>,
    /// Where the source is read piece by piece: how far.
    pub cursor: Option<SourceCursor>,
}

impl AccessLogBatch {
    /// Memory that it takes, roughly, in bytes.
    pub fn memory_bytes(&self) -> usize {
        self.rows.len() * 2_048 + self.rows.iter().map(|row| row.raw.len()).sum::<usize>()
    }
}

/// What is known of an encrypted connection; all empty where it was not encrypted or nothing is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TlsFacts {
    /// Such as `TLSv1.3`.
    pub version: String,
    /// Subject of the certificate that the other side showed.
    pub peer_subject: String,
    /// Alternative names in the certificate that the other side showed, joined by `,`; those that are URIs first.
    pub peer_san: String,
}

/// One request, or one TCP connection, as a proxy logged it. Text is empty where nothing was logged.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AccessLogRow {
    /// When the request began, ns since 1970, UTC. Where the log does not say, when its line was received.
    pub start_ns: i64,
    /// From the start to the last byte sent downstream, ns.
    pub duration_ns: Option<u64>,
    /// From the request sent upstream to the head of the answer, ns: `x-envoy-upstream-service-time`.
    pub upstream_duration_ns: Option<u64>,
    /// Whether `duration_ns` (`upstream_duration_ns` where there is no other) is known as whole milliseconds only,
    /// rounded down.
    pub is_whole_ms: bool,

    /// `node.id` of the proxy that logged it.
    pub node_id: String,
    /// `node.cluster` of the proxy: by custom the service that it stands before.
    pub node_cluster: String,
    /// Version of the service behind the proxy, where configured.
    pub version: String,
    /// Availability zone of the proxy.
    pub zone: String,
    /// Name of the log.
    pub log_name: String,
    /// When the entry was written, by Envoy's name for it, such as `DownstreamEnd`. See [`Self::is_request`].
    pub log_type: String,
    /// Which way the request went.
    pub direction: Direction,

    /// HTTP method.
    pub method: String,
    /// Path as it was asked for, without the query unless that is configured to be kept.
    pub path: String,
    /// Path with ids folded: `/orders/{id}`.
    pub route: String,
    /// Name of the route in the proxy's configuration.
    pub route_name: String,
    /// Name of the virtual cluster that matched.
    pub virtual_cluster: String,
    /// Host that was asked for.
    pub authority: String,
    /// Such as `HTTP/1.1`; `TCP` for a connection.
    pub protocol: String,
    /// Upstream cluster.
    pub upstream_cluster: String,
    /// Upstream host, as `address:port`.
    pub upstream_host: String,
    /// Who called, as `address:port`.
    pub downstream_address: String,

    /// HTTP status of the answer; 0 where there was none.
    pub response_code: u16,
    /// Who made the answer and why, such as `via_upstream`.
    pub response_code_details: String,
    /// gRPC status of the answer.
    pub grpc_status: Option<u32>,
    /// Envoy's short response flags, joined by `,`.
    pub response_flags: String,
    /// How often the request was tried upstream; 0 where nothing says so, or it never was.
    pub attempts: u32,
    /// Why the connection upstream failed, such as `TLS_error:…`.
    pub upstream_failure: String,
    /// Why Envoy ended the connection.
    pub connection_termination_details: String,
    /// Bytes of the request's body, or received over the connection.
    pub bytes_received: u64,
    /// Bytes of the answer's body, or sent over the connection.
    pub bytes_sent: u64,

    /// Trace of the request; 0 where it has none.
    #[serde(with = "hex::trace_id")]
    pub trace_id: u128,
    /// The proxy's span of the request; 0 where it has none.
    #[serde(with = "hex::span_id")]
    pub span_id: u64,
    /// `x-request-id`.
    pub request_id: String,
    /// `user-agent`.
    pub user_agent: String,
    /// `x-forwarded-for`.
    pub forwarded_for: String,
    /// The connection from the caller.
    pub downstream_tls: TlsFacts,
    /// The connection to the upstream host.
    pub upstream_tls: TlsFacts,

    /// The line itself, where it fits no format; then nothing else than the time and who logged it is known.
    pub raw: String,
    /// What else was logged, in the order of the log.
    pub attributes: Vec<(String, String)>,
}

impl AccessLogRow {
    /// Whether the row tells of one request or connection that has ended, so that it counts as one. Lines that fit no
    /// format do not, nor do entries written at a request's start, at intervals, and for every try upstream.
    pub fn is_request(&self) -> bool {
        self.raw.is_empty() && (self.log_type.is_empty() || FINAL_TYPES.contains(&self.log_type.as_str()))
    }

    /// Whether the response flags have this one.
    pub fn has_flag(&self, flag: &str) -> bool {
        self.response_flags.split(',').any(|present| present == flag)
    }

    /// Whether the request failed at the server or on the way to it.
    ///
    /// An HTTP status of 400 and above decides: 5xx failed, 4xx did not. Below that, and without one, a gRPC status by
    /// which the server failed counts. Where there is no status at all, one of the response flags that tell why no
    /// answer came must be there, for without one the caller went away.
    pub fn is_error(&self) -> bool {
        match self.response_code {
            500.. => true,
            400..=499 => false,
            code => {
                self.grpc_status.is_some_and(|status| GRPC_FAILURES.contains(&status))
                    || code == 0 && FAILURE_FLAGS.iter().any(|flag| self.has_flag(flag))
            }
        }
    }

    /// Whether it failed by a time-out.
    pub fn is_timeout(&self) -> bool {
        let says_so = self.response_code == 504
            || self.grpc_status == Some(4)
            || TIMEOUT_FLAGS.iter().any(|flag| self.has_flag(flag));
        says_so && self.is_error()
    }

    /// How it was answered.
    pub fn outcome(&self) -> Outcome {
        Outcome {
            http_status: self.response_code,
            grpc_status: self
                .grpc_status
                .and_then(|status| u8::try_from(status).ok())
                .filter(|&status| status <= 16),
            flags: ResponseFlags::parse(&self.response_flags),
        }
    }

    /// Whether no connection to the upstream host came about.
    pub fn is_connection_failure(&self) -> bool {
        self.has_flag("UF")
    }

    /// Tries after the first.
    pub fn retries(&self) -> u32 {
        self.attempts.saturating_sub(1)
    }
}

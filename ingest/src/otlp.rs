//! The OTLP receiver: traces, metrics and logs by gRPC and HTTP, from every OpenTelemetry SDK, from collectors and from
//! Envoy itself; and the two streams by which an Envoy pushes access logs and statistics.
//!
//! A body is read within its limit and the memory that is left, unpacked, decoded into rows in one walk over its bytes,
//! and handed to the pipeline together with the bytes as they came, which the log keeps. The sender hears of success once
//! they are durable. What cannot be taken is counted and said in words.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::connections;

mod attributes;
mod body;
mod compression;
mod decode;
mod grpc;
mod http;
mod json;
mod memory;
mod pulled;
mod receipt;
mod rejects;
pub mod semconv;
mod service;
mod signal;
mod status;
pub mod streams;
mod value;

pub use compression::{CompressionError, Encoding};
pub use decode::{AccessLogRules, DecodeError, DecodeLimits, Decoded, decode_frame, decode_traces};
pub use json::JsonError;
pub use memory::{MemoryBudget, Reservation};
pub use pulled::{PullError, Pulled, Taken, decode_pulled};
pub use receipt::Receipt;
pub use service::{Format, Received, Receiver};
pub use signal::Signal;
pub use status::{Refusal, RpcStatus};

/// The section `[otlp]` of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OtlpConfig {
    /// Address of OTLP over gRPC.
    pub grpc: SocketAddr,
    /// Address of OTLP over HTTP.
    pub http: SocketAddr,
    /// Bytes a request may have, both as it comes and unpacked.
    pub max_body_bytes: usize,
    /// Bytes that all requests together may take while they are received and decoded. Beyond it senders are told to try
    /// again. At least four times `max_body_bytes`.
    pub max_memory_bytes: usize,
    /// Connections at once, on each of the two addresses, and streams of Envoys at once.
    pub max_connections: usize,
    /// Spans that started longer ago are rejected, and log records and data points that are older.
    pub max_span_age_hours: u32,
    /// Spans that start further in the future are rejected, and log records and data points that lie there.
    pub max_span_future_minutes: u32,
    /// Attributes kept of a span, log record or data point; of more, only those that the graph is made of.
    pub max_attributes: usize,
    /// Bytes kept of an attribute's value.
    pub max_attribute_bytes: usize,
}

impl Default for OtlpConfig {
    fn default() -> Self {
        let limits = DecodeLimits::default();
        Self {
            grpc: SocketAddr::from((Ipv4Addr::LOCALHOST, 4317)),
            http: SocketAddr::from((Ipv4Addr::LOCALHOST, 4318)),
            max_body_bytes: 64 << 20,
            max_memory_bytes: 256 << 20,
            max_connections: 4096,
            max_span_age_hours: 14 * 24,
            max_span_future_minutes: 2 * 60,
            max_attributes: limits.max_attributes,
            max_attribute_bytes: limits.max_value_bytes,
        }
    }
}

impl OtlpConfig {
    /// Every value that cannot be worked with, each in a sentence that names its key.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let mut check = |is_fine: bool, words: &str| {
            if !is_fine {
                problems.push(words.to_owned());
            }
        };
        check(self.max_body_bytes >= 1 << 10, "otlp.max_body_bytes must be at least 1024");
        check(
            self.max_memory_bytes / 4 >= self.max_body_bytes,
            "otlp.max_memory_bytes must be at least four times otlp.max_body_bytes",
        );
        check(self.max_connections > 0, "otlp.max_connections must be at least 1");
        check(self.max_span_age_hours > 0, "otlp.max_span_age_hours must be at least 1");
        check(self.max_attribute_bytes >= 64, "otlp.max_attribute_bytes must be at least 64");
        check(
            self.grpc.port() == 0 || self.grpc != self.http,
            "otlp.grpc and otlp.http must be two addresses",
        );
        problems
    }

    /// What the decoder needs of it.
    pub fn decode_limits(&self) -> DecodeLimits {
        DecodeLimits {
            max_age: Duration::from_hours(u64::from(self.max_span_age_hours)),
            max_future: Duration::from_mins(u64::from(self.max_span_future_minutes)),
            max_attributes: self.max_attributes,
            max_value_bytes: self.max_attribute_bytes,
            ..DecodeLimits::default()
        }
    }
}

/// Serves OTLP over gRPC until `shutdown`, then lets the calls that are being served end. Counts under the source
/// `otlp_grpc`. Serves the streams of Envoys too, if the receiver has handlers for them, and counts them under
/// `envoy_access_logs` and `envoy_metrics`.
///
/// # Errors
/// If the listener has no address.
pub async fn serve_grpc(
    listener: TcpListener,
    receiver: Arc<Receiver>,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let address = listener.local_addr()?.to_string();
    let max_connections = receiver.max_connections();
    let router = grpc::router(receiver, &address, shutdown.clone());
    connections::serve(listener, router, max_connections, shutdown).await
}

/// Serves OTLP over HTTP until `shutdown`, then lets the requests that are being served end. Counts under the source
/// `otlp_http`.
///
/// # Errors
/// If the listener has no address.
pub async fn serve_http(
    listener: TcpListener,
    receiver: Arc<Receiver>,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let source = receiver.book().source("otlp_http", &listener.local_addr()?.to_string());
    let max_connections = receiver.max_connections();
    connections::serve(listener, http::router(receiver, source), max_connections, shutdown).await
}

#[cfg(test)]
mod tests;

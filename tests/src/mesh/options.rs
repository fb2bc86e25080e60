//! How a mesh is to run.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::SpanSink;

/// The settings of one mesh.
#[derive(Clone, Debug)]
pub struct MeshOptions {
    /// The Envoy program.
    pub envoy: PathBuf,
    /// Where Envoys and SDKs send their traces, by OTLP over gRPC without TLS.
    pub otlp_grpc: SocketAddr,
    /// Requests a second that the load sends to the gateway, on average.
    pub rate_per_second: f64,
    /// Whether the rate goes up and down by a third in the course of two minutes.
    pub waves: bool,
    /// What all journeys, faults and waiting times are drawn from.
    pub seed: u64,
    /// Whether anything fails on purpose.
    pub faults: bool,
    /// How often Envoy merges its histograms (`stats_flush_interval`).
    pub stats_flush_interval: Duration,
    /// How often Envoys and SDKs send the spans they have.
    pub span_flush_interval: Duration,
    /// The services whose own spans do not go by OTLP, and where they go.
    pub span_sinks: BTreeMap<&'static str, SpanSink>,
}

impl MeshOptions {
    /// The settings that tests want: a quick, even load with faults, and short intervals.
    pub fn new(envoy: PathBuf, otlp_grpc: SocketAddr) -> Self {
        Self {
            envoy,
            otlp_grpc,
            rate_per_second: 50.0,
            waves: false,
            seed: 1,
            faults: true,
            stats_flush_interval: Duration::from_secs(1),
            span_flush_interval: Duration::from_millis(200),
            span_sinks: BTreeMap::new(),
        }
    }
}

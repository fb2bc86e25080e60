//! Targets that speak Prometheus' exposition formats: fetched, decoded, mapped to the mesh, and counted.
//!
//! Decoding ([`decode`]), mapping ([`mesh_counters`]) and counting ([`delta`]) are pure. Every format gives the same
//! [`Family`]s, and every convention the same [`MeshCounter`](sidecarta_queries::rows::mesh::MeshCounter)s.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use crate::discovery::{DiscoveredTarget, DiscoveryConfig};
use crate::http_get::GetLimits;

pub mod delta;
mod exposition;
mod family;
mod frame;
mod histogram;
mod labels;
mod mapping;
mod process;
mod protobuf;
mod scraper;
mod stream;
mod target;
mod text;

pub use self::exposition::{DecodeLimits, Exposition, ExpositionError, Format, Rejects, decode};
pub use self::family::{
    Bucket, Family, Histogram, Kind, Labels, NativeHistogram, Quantile, Sample, Summary, Temporality, Value,
    count,
};
pub use self::frame::decode_frame;
pub(crate) use self::frame::encode as encode_frame;
pub use self::mapping::{Mapped, MappingContext, mesh_counters};
pub use self::process::ProcessSign;
pub use self::scraper::spawn;
pub use self::stream::{NotAStreamMessage, StreamMessage, StreamNode, decode_stream_message};
pub use self::target::{ScrapeError, Scraped, Target, UnusableTarget};
pub use crate::packed::FrameError;

/// Which targets are scraped, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PrometheusConfig {
    /// Targets, each `host:port`, `http://host:port` or `unix:///path`, asked for `/metrics`. A target with another path,
    /// parameters or labels comes from a discovery.
    pub targets: Vec<String>,
    /// How long from one scrape of a target to the next, ms.
    pub interval_ms: u64,
    /// How long a connection may take, ms.
    pub connect_timeout_ms: u64,
    /// How long an answer may take, ms.
    pub timeout_ms: u64,
    /// How large an answer may be, as it comes and unpacked, bytes.
    pub max_body_bytes: usize,
    /// How many answers are read and decoded at once, over all targets.
    pub max_concurrent: usize,
    /// How many series are taken of one target; each bucket of a histogram is one.
    pub max_series: usize,
    /// Where more targets come from.
    #[serde(skip_serializing_if = "is_default")]
    pub discovery: DiscoveryConfig,
}

fn is_default(discovery: &DiscoveryConfig) -> bool {
    *discovery == DiscoveryConfig::default()
}

impl Default for PrometheusConfig {
    fn default() -> Self {
        Self {
            targets: Vec::new(),
            interval_ms: 15_000,
            connect_timeout_ms: 2_000,
            timeout_ms: 10_000,
            max_body_bytes: 64 << 20,
            max_concurrent: 8,
            max_series: DecodeLimits::default().max_series,
            discovery: DiscoveryConfig::default(),
        }
    }
}

/// What is wrong with a [`PrometheusConfig`]: every bad value, not only the first.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", problems.join("\n"))]
pub struct PrometheusConfigError {
    /// One sentence a problem.
    pub problems: Vec<String>,
}

/// What all targets share. Clones share the limit on answers read at once.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Of each request.
    pub get: GetLimits,
    /// Of each answer.
    pub decode: DecodeLimits,
    /// How many answers may be fetched and decoded at once.
    pub readers: Arc<Semaphore>,
}

impl PrometheusConfig {
    /// Everything that is wrong with it, one sentence each.
    pub fn problems(&self) -> Vec<String> {
        let mut problems: Vec<String> = self.parsed().filter_map(Result::err).collect();
        let limits = [
            ("interval_ms", self.interval_ms == 0),
            ("connect_timeout_ms", self.connect_timeout_ms == 0),
            ("timeout_ms", self.timeout_ms == 0),
            ("max_body_bytes", self.max_body_bytes == 0),
            ("max_concurrent", self.max_concurrent == 0),
            ("max_series", self.max_series == 0),
        ];
        let zero = limits.iter().filter(|(_, is_zero)| *is_zero);
        problems.extend(zero.map(|(key, _)| format!("prometheus.{key} must be at least 1")));
        problems.extend(self.discovery.problems("prometheus.discovery"));
        problems
    }

    /// The targets that the configuration names; those that are none are left out.
    pub fn named(&self) -> Vec<DiscoveredTarget> {
        self.parsed().filter_map(Result::ok).collect()
    }

    fn parsed(&self) -> impl Iterator<Item = Result<DiscoveredTarget, String>> {
        self.targets.iter().map(|target| {
            let parsed = DiscoveredTarget::new(target, &std::collections::BTreeMap::new(), "targets");
            parsed.map_err(|error| format!("prometheus.targets: {error}"))
        })
    }

    /// The limits that all targets share.
    pub fn limits(&self) -> Limits {
        Limits {
            get: GetLimits {
                connect_timeout: Duration::from_millis(self.connect_timeout_ms),
                timeout: Duration::from_millis(self.timeout_ms),
                max_body_bytes: self.max_body_bytes,
            },
            decode: DecodeLimits { max_series: self.max_series, ..DecodeLimits::default() },
            readers: Arc::new(Semaphore::new(self.max_concurrent.min(Semaphore::MAX_PERMITS))),
        }
    }
}

#[cfg(test)]
mod tests;

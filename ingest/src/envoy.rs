//! Envoy scraper: asks the admin interface of every configured proxy for its counters, and hands on what has happened
//! since the last time.
//!
//! Only pages that change nothing are asked for, see [`admin::Page`]. Decoding and counting are pure: [`stats`],
//! [`names`], [`config`] and [`delta`], which also says what happens on restarts, resets and failed scrapes.

pub mod address;
pub mod admin;
pub mod config;
pub mod delta;
pub mod error;
mod frame;
pub mod names;
mod reading;
mod scraper;
pub mod stats;
pub mod target;

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sidecarta_queries::frame::Frame;
use sidecarta_queries::rows::envoy::EnvoyScrape;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::address::{Address, AddressError};
use self::admin::Limits;
pub use self::frame::FrameError;
use self::target::{ProxyIds, Target};
use crate::pipeline::Pipeline;
use crate::status::SourceBook;

/// Which proxies are scraped, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EnvoyConfig {
    /// Admin addresses, each `http://host:port` or `unix:///path`.
    pub targets: Vec<String>,
    /// How long from one scrape of a proxy to the next, ms.
    pub interval_ms: u64,
    /// How long a connection may take, ms.
    pub connect_timeout_ms: u64,
    /// How long an answer may take to begin, and then to end, ms.
    pub timeout_ms: u64,
    /// How large an answer may be, bytes.
    pub max_body_bytes: usize,
    /// How many answers are read and decoded at once, over all proxies.
    pub max_concurrent: usize,
}

impl Default for EnvoyConfig {
    fn default() -> Self {
        Self {
            targets: Vec::new(),
            interval_ms: 5_000,
            connect_timeout_ms: 2_000,
            timeout_ms: 10_000,
            max_body_bytes: 64 * 1024 * 1024,
            max_concurrent: 16,
        }
    }
}

/// What is wrong with an [`EnvoyConfig`]: every bad value, not only the first.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", problems.join("\n"))]
pub struct EnvoyConfigError {
    /// One sentence a problem.
    pub problems: Vec<String>,
}

impl EnvoyConfig {
    /// The admin addresses, each once.
    pub fn addresses(&self) -> Result<Vec<Address>, EnvoyConfigError> {
        let mut addresses = Vec::new();
        let mut problems = Vec::new();
        for target in &self.targets {
            match target.parse::<Address>() {
                Ok(address) if addresses.contains(&address) => {}
                Ok(address) => addresses.push(address),
                Err(error) => problems.push(AddressError::to_string(&error)),
            }
        }
        let limits = [
            ("interval_ms", self.interval_ms == 0),
            ("connect_timeout_ms", self.connect_timeout_ms == 0),
            ("timeout_ms", self.timeout_ms == 0),
            ("max_body_bytes", self.max_body_bytes == 0),
            ("max_concurrent", self.max_concurrent == 0),
        ];
        problems.extend(
            limits.iter().filter(|(_, is_zero)| *is_zero).map(|(key, _)| format!("`{key}` must not be 0")),
        );
        if problems.is_empty() { Ok(addresses) } else { Err(EnvoyConfigError { problems }) }
    }

    /// The limits that all proxies share.
    pub fn limits(&self) -> Limits {
        Limits {
            connect_timeout: Duration::from_millis(self.connect_timeout_ms),
            timeout: Duration::from_millis(self.timeout_ms),
            max_body_bytes: self.max_body_bytes,
            readers: Arc::new(Semaphore::new(self.max_concurrent)),
        }
    }
}

/// Starts one task for every target. They end with the shutdown; the tracker tells when they have.
///
/// Every target has a line in `sources` from the start, of kind `envoy`, under its address.
pub fn spawn(
    config: &EnvoyConfig,
    pipeline: &Pipeline,
    sources: &SourceBook,
    shutdown: &CancellationToken,
) -> Result<TaskTracker, EnvoyConfigError> {
    let addresses = config.addresses()?;
    let limits = config.limits();
    let ids = ProxyIds::default();
    let interval = Duration::from_millis(config.interval_ms);
    let tasks = TaskTracker::new();
    for address in addresses {
        let source = sources.source("envoy", &address.to_string());
        let target = Target::new(address, limits.clone(), ids.clone());
        tasks.spawn(scraper::run(target, interval, pipeline.clone(), source, shutdown.clone()));
    }
    tasks.close();
    Ok(tasks)
}

/// Reads a scrape back from the log: what [`spawn`]'s tasks submitted under the same frame.
pub fn decode_frame(frame: &Frame) -> Result<EnvoyScrape, FrameError> {
    frame::decode(frame, frame::MAX_BYTES)
}

#[cfg(test)]
mod tests;

//! Envoy's own statistics: asks the admin interface of every configured proxy for its counters, and hands on what has
//! happened since the last time; takes them from those that push, see [`push`].
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
mod owners;
pub mod push;
mod reading;
mod scraper;
pub mod stats;
pub mod target;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use serde::{Deserialize, Serialize};
use sidecarta_queries::frame::Frame;
use sidecarta_queries::rows::envoy::EnvoyScrape;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::address::{Address, AddressError};
use self::admin::{Limits, Rooms, answer_memory};
use self::config::Configurations;
pub use self::frame::FrameError;
use self::target::{ProxyIds, Target};
use crate::discovery::{self, DiscoveredTarget, DiscoveryConfig, TargetKey, TargetRules, Targets};
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
    /// How many answers are read and decoded at once, over all proxies. All of them together, and those that stopped in
    /// the middle, take 4 MB for each of these, or as much as the largest may have.
    pub max_concurrent: usize,
    /// Whether the counters that Envoys push over their metrics service are what was counted since the message before, as
    /// with `report_counters_as_deltas`. The messages themselves do not tell.
    pub push_counters_as_deltas: bool,
    /// Where more admin addresses come from. The targets' labels change nothing about how an Envoy is asked.
    #[serde(skip_serializing_if = "is_default")]
    pub discovery: DiscoveryConfig,
}

fn is_default(discovery: &DiscoveryConfig) -> bool {
    *discovery == DiscoveryConfig::default()
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
            push_counters_as_deltas: false,
            discovery: DiscoveryConfig::default(),
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
    /// The admin addresses that the configuration names, each once.
    ///
    /// # Errors
    /// With every bad value of the section, not only of the addresses.
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
        problems.extend(self.discovery.problems("envoy.discovery"));
        if problems.is_empty() { Ok(addresses) } else { Err(EnvoyConfigError { problems }) }
    }

    /// The limits that all proxies share.
    pub fn limits(&self) -> Limits {
        Limits {
            connect_timeout: Duration::from_millis(self.connect_timeout_ms),
            timeout: Duration::from_millis(self.timeout_ms),
            max_body_bytes: self.max_body_bytes,
            readers: Arc::new(Semaphore::new(self.max_concurrent.min(Semaphore::MAX_PERMITS))),
            rooms: Rooms::default(),
            configurations: Configurations::default(),
            memory: answer_memory(self.max_body_bytes.max(self.max_concurrent.saturating_mul(4 << 20))),
        }
    }
}

/// Starts one task for every target, those that discoveries find and lose again among them. They end with the shutdown;
/// the tracker tells when they have.
///
/// Every target has a line in `sources` as long as it is there, of kind `envoy`, under its address. `ids` are those that
/// whoever takes pushed statistics has too.
///
/// # Errors
/// With every bad value of the configuration.
pub fn spawn(
    config: &EnvoyConfig,
    pipeline: &Pipeline,
    sources: &SourceBook,
    ids: &ProxyIds,
    shutdown: &CancellationToken,
) -> Result<TaskTracker, EnvoyConfigError> {
    let named = config.addresses()?.into_iter().map(|address| DiscoveredTarget {
        address,
        labels: BTreeMap::new(),
        discovery: "targets".to_owned(),
    });
    let mut lists = vec![discovery::fixed(named.collect())];
    let tasks = TaskTracker::new();
    let found = discovery::spawn(&config.discovery, sources, &tasks, shutdown);
    lists.extend(found.map_err(|problems| EnvoyConfigError { problems })?);
    let limits = config.limits();
    let ids = ids.clone();
    let interval = Duration::from_millis(config.interval_ms);
    let (pipeline, book) = (pipeline.clone(), sources.clone());
    let start = move |target: DiscoveredTarget, gone: CancellationToken| {
        let source = book.source("envoy", &target.address.to_string());
        let (pipeline, ids) = (pipeline.clone(), ids.clone());
        let target = Target::new(target.address, limits.clone(), ids.clone());
        async move {
            let address = target.address().clone();
            scraper::run(target, interval, pipeline, source.clone(), gone).await;
            ids.release(&address);
            source.retire();
        }
        .boxed()
    };
    // Two scrapers of one proxy would count it twice, whatever their labels say.
    let key = |target: &DiscoveredTarget| TargetKey {
        address: target.address.clone(),
        path_and_query: String::new(),
    };
    let rules = TargetRules { name: "envoy targets", max_targets: config.discovery.max_targets, key };
    Targets::spawn(rules, lists, sources, &tasks, shutdown, start);
    tasks.close();
    Ok(tasks)
}

/// Reads a scrape back from the log: what [`spawn`]'s tasks submitted under the same frame.
pub fn decode_frame(frame: &Frame) -> Result<EnvoyScrape, FrameError> {
    frame::decode(frame, frame::MAX_BYTES)
}

#[cfg(test)]
mod tests;

//! Asks one proxy for everything that a scrape needs, over one connection.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;
use sidecarta_queries::rows::envoy::Proxy;
use tokio::time::Instant;

use super::address::Address;
use super::admin::{Connection, Copies, Limits, Page};
use super::config::Configuration;
use super::delta::{Baseline, Process};
use super::error::{ScrapeError, in_one_line};
use super::names::Names;
use super::stats::Stats;

/// How long a configuration stands before it is read again without any sign that it has changed.
const CONFIGURATION_AGE: Duration = Duration::from_mins(5);

/// How long after a configuration could not be read it is tried again.
const CONFIGURATION_RETRY: Duration = Duration::from_mins(1);

/// What is known of a proxy from earlier readings, so that it need not be asked again.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    /// Who it is, as long as the process stays the same.
    identity: Option<(Process, Proxy)>,
    /// This process's configuration.
    configuration: Option<Arc<Configuration>>,
    /// When its configuration was last asked for, and the sign of it in the statistics of that time.
    configuration_asked: Option<(Instant, u64)>,
    /// Why its configuration is not known.
    configuration_trouble: Option<String>,
    /// The finest bins that it gives.
    bins: Bins,
}

/// How fine the bins are in which a proxy tells its latencies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Bins {
    /// Envoy's own.
    #[default]
    Fine,
    /// Those between the bounds of its histograms.
    Coarse,
    /// None.
    Unknown,
}

impl Bins {
    fn page(self, copies: Copies) -> Page {
        match self {
            Self::Fine => Page::Stats(copies),
            Self::Coarse => Page::CoarseStats(copies),
            Self::Unknown => Page::Counters(copies),
        }
    }

    /// Whether it is this page that gives them.
    fn are_asked_by(self, page: Page) -> bool {
        [Copies::Told, Copies::LeftOut].into_iter().any(|copies| self.page(copies) == page)
    }

    /// What is asked of an Envoy that is too old for these.
    fn coarser(self) -> Option<Self> {
        match self {
            Self::Fine => Some(Self::Coarse),
            Self::Coarse => Some(Self::Unknown),
            Self::Unknown => None,
        }
    }

    /// What is missing, in words.
    fn shortcoming(self) -> Option<&'static str> {
        match self {
            Self::Fine => None,
            Self::Coarse => Some(
                "this Envoy is too old to give fine latency bins, so its percentiles lie between the bounds of its \
                 histograms",
            ),
            Self::Unknown => Some("this Envoy is too old to give latency bins, so it adds no latency"),
        }
    }
}

/// What one proxy has said.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    /// Who it is; the id as it says it, which may be empty.
    pub(super) proxy: Proxy,
    /// Where its counters stand.
    pub(super) baseline: Baseline,
    /// How many statistics were read.
    pub(super) series: u64,
    /// Its configuration, where it is known.
    pub(super) configuration: Option<Arc<Configuration>>,
    /// What is missing from the reading, in words.
    pub(super) shortcomings: Vec<String>,
    /// What is known from now on.
    pub(super) known: Known,
}

impl Known {
    /// What still holds of it when the process has turned out to be this one: a new one may have been started with
    /// another configuration.
    fn of(&self, process: &Process, proxy: &Proxy) -> Self {
        match &self.identity {
            Some((known, _)) if known == process => self.clone(),
            _ => Self { identity: Some((process.clone(), proxy.clone())), ..Self::default() },
        }
    }

    fn shortcomings(&self) -> Vec<String> {
        let trouble = self.configuration_trouble.as_ref();
        let configuration = trouble.map(|trouble| format!("its configuration cannot be read: {trouble}"));
        self.bins.shortcoming().map(str::to_owned).into_iter().chain(configuration).collect()
    }

    /// Whether the names of the clusters leave room for a mistake about what is a copy. A cluster that is added shows in
    /// the statistics before it is asked for in this way again, and the next scrape brings all that it has counted.
    fn copies(&self) -> Copies {
        match &self.configuration {
            Some(configuration) if !configuration.names.has_cluster_like_copies() => Copies::LeftOut,
            _ => Copies::Told,
        }
    }

    /// Asks for the configuration, if it is time to.
    async fn ask_for_configuration(&mut self, connection: &mut Connection, limits: &Limits, sign: u64) {
        if !self.wants_configuration(sign) {
            return;
        }
        self.configuration_asked = Some((Instant::now(), sign));
        match connection.get(Page::ConfigDump, configuration).await {
            Ok(configuration) => {
                self.configuration = Some(limits.configurations.shared(configuration));
                self.configuration_trouble = None;
            }
            Err(error) => self.configuration_trouble = Some(in_one_line(&error)),
        }
    }

    fn wants_configuration(&self, sign: u64) -> bool {
        let age = if self.configuration.is_some() { CONFIGURATION_AGE } else { CONFIGURATION_RETRY };
        self.configuration_asked
            .is_none_or(|(asked_at, known_sign)| sign != known_sign || asked_at.elapsed() >= age)
    }
}

/// Asks the proxy at `address`. Its configuration is read where it is not known, where the statistics give a sign that
/// it has changed, and every few minutes.
///
/// A configuration that cannot be read is a shortcoming and not an error: the counters do not wait for it.
pub(super) async fn read(address: &Address, limits: &Limits, known: &Known) -> Result<Reading, ScrapeError> {
    let mut bins = known.bins;
    loop {
        match read_with(bins, address, limits, known).await {
            Err(ScrapeError::Status { page, status: StatusCode::BAD_REQUEST }) if bins.are_asked_by(page) => {
                let refused = || ScrapeError::Status { page, status: StatusCode::BAD_REQUEST };
                bins = bins.coarser().ok_or_else(refused)?;
            }
            reading => return reading,
        }
    }
}

async fn read_with(
    bins: Bins,
    address: &Address,
    limits: &Limits,
    known: &Known,
) -> Result<Reading, ScrapeError> {
    let asked = Asked { bins, configuration_first: true };
    match read_once(asked, address, limits, known).await? {
        Outcome::Read(reading) => Ok(*reading),
        // The connection may be broken. Another one may lead to another process.
        Outcome::NoConfiguration(known) => {
            let asked = Asked { configuration_first: false, ..asked };
            match read_once(asked, address, limits, &known).await? {
                Outcome::Read(reading) => Ok(*reading),
                Outcome::NoConfiguration(_) => Err(ScrapeError::NotDecoded { page: Page::ConfigDump }),
            }
        }
    }
}

/// What is asked for over one connection.
#[derive(Clone, Copy, Debug)]
struct Asked {
    bins: Bins,
    /// Whether a configuration that is not known comes before the statistics, so that these need not wait for it: a
    /// thousand proxies may be new at once.
    configuration_first: bool,
}

enum Outcome {
    Read(Box<Reading>),
    /// It was asked for first and did not come.
    NoConfiguration(Box<Known>),
}

async fn read_once(
    Asked { bins, configuration_first }: Asked,
    address: &Address,
    limits: &Limits,
    known: &Known,
) -> Result<Outcome, ScrapeError> {
    let mut connection = Connection::open(address, limits).await?;
    let started = connection.get(Page::Process, started).await?;
    let (process, proxy) = match &known.identity {
        Some((process, proxy)) if process.started == started => (process.clone(), proxy.clone()),
        _ => {
            let address = address.to_string();
            connection.get(Page::ServerInfo, move |body| identity(body, started, address)).await?
        }
    };
    let proxy = Proxy { started_at_ns: process.started_at_ns, restart_epoch: process.restart_epoch, ..proxy };
    let mut known = Known { bins, ..known.of(&process, &proxy) };
    if configuration_first && known.configuration.is_none() && known.configuration_trouble.is_none() {
        let sign = connection.get(Page::ConfigurationSign, sign).await?;
        known.ask_for_configuration(&mut connection, limits, sign).await;
        if known.configuration.is_none() {
            return Ok(Outcome::NoConfiguration(Box::new(known)));
        }
    }
    let statistics = bins.page(known.copies());
    let decode =
        move |body: &[u8]| Stats::decode(body).map_err(|error| ScrapeError::from_json(statistics, error));
    let stats = connection.get(statistics, decode).await?;
    let seen_at_ns = now_ns();
    known.ask_for_configuration(&mut connection, limits, stats.configuration_sign()).await;
    let configuration = known.configuration.clone();
    let names = configuration.as_ref().map_or(Names::none(), |configuration| &configuration.names);
    let totals = stats.totals(names);
    Ok(Outcome::Read(Box::new(Reading {
        proxy,
        baseline: Baseline { process, seen_at_ns, signs: stats.signs(), totals, unflushed: Vec::new() },
        series: stats.series(),
        configuration,
        shortcomings: known.shortcomings(),
        known,
    })))
}

/// The sign of the configuration, from statistics that need hold nothing else.
fn sign(body: &[u8]) -> Result<u64, ScrapeError> {
    let stats = Stats::decode(body);
    let stats = stats.map_err(|error| ScrapeError::from_json(Page::ConfigurationSign, error))?;
    Ok(stats.configuration_sign())
}

fn configuration(body: &[u8]) -> Result<Configuration, ScrapeError> {
    Configuration::decode(body).map_err(|error| ScrapeError::from_json(Page::ConfigDump, error))
}

/// When the process started, in its own words. This is exact and constant, unlike its uptime in seconds, and so tells
/// processes apart.
fn started(body: &[u8]) -> Result<String, ScrapeError> {
    #[derive(Deserialize)]
    struct Dump {
        configs: Vec<Section>,
    }

    #[derive(Deserialize)]
    struct Section {
        #[serde(rename = "@type", default)]
        kind: String,
        #[serde(default)]
        last_updated: String,
    }

    let page = Page::Process;
    let dump: Dump = serde_json::from_slice(body).map_err(|error| ScrapeError::from_json(page, error))?;
    let bootstrap = dump.configs.into_iter().find(|section| section.kind.ends_with(".BootstrapConfigDump"));
    bootstrap
        .map(|section| section.last_updated)
        .filter(|started| !started.is_empty())
        .ok_or(ScrapeError::Lacks { page, missing: "the time of the bootstrap" })
}

fn identity(body: &[u8], started: String, address: String) -> Result<(Process, Proxy), ScrapeError> {
    #[derive(Deserialize)]
    struct ServerInfo {
        version: String,
        uptime_current_epoch: String,
        #[serde(default)]
        command_line_options: Options,
        #[serde(default)]
        node: Node,
    }

    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Options {
        restart_epoch: u64,
    }

    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Node {
        id: String,
        cluster: String,
        locality: Locality,
    }

    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Locality {
        zone: String,
    }

    let page = Page::ServerInfo;
    let info: ServerInfo =
        serde_json::from_slice(body).map_err(|error| ScrapeError::from_json(page, error))?;
    let uptime_s: f64 = info
        .uptime_current_epoch
        .strip_suffix('s')
        .and_then(|seconds| seconds.parse().ok())
        .ok_or(ScrapeError::Lacks { page, missing: "an uptime in seconds" })?;
    // `<commit>/<version>/<state>/<build>/<TLS library>`
    let version = info.version.split('/').nth(1).unwrap_or(&info.version);
    let process = Process {
        started,
        started_at_ns: now_ns().saturating_sub((uptime_s * 1e9) as i64),
        restart_epoch: info.command_line_options.restart_epoch,
    };
    let proxy = Proxy {
        id: info.node.id,
        cluster: info.node.cluster,
        address,
        envoy_version: version.to_owned(),
        zone: info.node.locality.zone,
        ..Proxy::default()
    };
    Ok((process, proxy))
}

/// The time, ns since 1970.
pub(super) fn now_ns() -> i64 {
    i64::try_from(Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;

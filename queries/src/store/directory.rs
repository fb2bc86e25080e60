//! The dictionary: what the series of the rollups are, which clusters lead where, and the proxies.

use std::collections::BTreeMap;
use std::sync::Arc;

use duckdb::{Connection, Row, params};
use foldhash::{HashMap, HashSet};

use crate::rows::envoy::{Proxy, ProxyConfig};
use crate::rows::span::{Peer, PeerKind, Protocol, Workload};
use crate::trace::{Endpoint, Learned, LearnedCluster, LearnedProxy};

use super::{StoreError, database};

/// Series that the dictionary holds at most. What is over counts under [`OVERFLOW`], so that a sender of random names
/// cannot fill the memory.
const MAX_SERIES: usize = 200_000;
/// Name of the service that stands for all that is over the cap.
pub(super) const OVERFLOW: &str = "__overflow__";
/// Learned clusters that are kept at most.
const MAX_LEARNED: usize = 50_000;

/// What a series of the rollups counts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SeriesKey {
    /// An edge, seen by traces.
    Edge {
        /// Who calls.
        source: Endpoint,
        /// Who is called.
        target: Endpoint,
        /// How they speak.
        protocol: Protocol,
    },
    /// Requests of a proxy to one of its upstream clusters, counted by the proxy.
    EnvoyCluster {
        /// The proxy's id.
        proxy: Arc<str>,
        /// The cluster's full name.
        cluster: Arc<str>,
    },
    /// Requests that came in through a connection manager of a proxy, counted by the proxy.
    EnvoyListener {
        /// The proxy's id.
        proxy: Arc<str>,
        /// The connection manager's `stat_prefix`.
        prefix: Arc<str>,
    },
}

/// A proxy as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProxyRecord {
    /// Who it is.
    pub proxy: Proxy,
    /// Its last configuration.
    pub config: ProxyConfig,
    /// The scraper's own state after the last scrape.
    pub baseline: String,
    /// When it was last scraped, ns since 1970.
    pub last_scrape_ns: i64,
}

/// Everything that rows name by number or not at all. Grows with the variety of the mesh, not with its traffic.
#[derive(Debug, Default)]
pub struct Directory {
    series: Vec<SeriesKey>,
    ids: HashMap<SeriesKey, u32>,
    learned_clusters: HashSet<LearnedCluster>,
    learned_proxies: HashSet<LearnedProxy>,
    proxies: BTreeMap<String, ProxyRecord>,
    unsaved_series: usize,
    unsaved_learned: Learned,
    unsaved_proxies: HashSet<String>,
}

impl Directory {
    /// What a series counts.
    pub fn series(&self, id: u32) -> Option<&SeriesKey> {
        self.series.get(id as usize)
    }

    /// Which workloads answered for which clusters.
    pub fn learned_clusters(&self) -> impl Iterator<Item = &LearnedCluster> {
        self.learned_clusters.iter()
    }

    /// Which workloads the proxies stand before.
    pub fn learned_proxies(&self) -> impl Iterator<Item = &LearnedProxy> {
        self.learned_proxies.iter()
    }

    /// All proxies, by their ids.
    pub fn proxies(&self) -> &BTreeMap<String, ProxyRecord> {
        &self.proxies
    }

    /// The number of a series, which is given one where it is new.
    pub(super) fn series_id(&mut self, key: SeriesKey) -> u32 {
        if let Some(&id) = self.ids.get(&key) {
            return id;
        }
        let key = if self.series.len() < MAX_SERIES { key } else { overflow() };
        if let Some(&id) = self.ids.get(&key) {
            return id;
        }
        let id = self.series.len() as u32;
        self.series.push(key.clone());
        self.ids.insert(key, id);
        self.unsaved_series += 1;
        id
    }

    pub(super) fn learn(&mut self, learned: Learned) {
        for cluster in learned.clusters {
            let room = self.learned_clusters.len() < MAX_LEARNED;
            if room && !self.learned_clusters.contains(&cluster) {
                self.unsaved_learned.clusters.push(cluster.clone());
                self.learned_clusters.insert(cluster);
            }
        }
        for proxy in learned.proxies {
            let room = self.learned_proxies.len() < MAX_LEARNED;
            if room && !self.learned_proxies.contains(&proxy) {
                self.unsaved_learned.proxies.push(proxy.clone());
                self.learned_proxies.insert(proxy);
            }
        }
    }

    pub(super) fn saw_proxy(
        &mut self,
        proxy: &Proxy,
        config: Option<&ProxyConfig>,
        baseline: &str,
        last_scrape_ns: i64,
    ) {
        let record = self.proxies.entry(proxy.id.clone()).or_default();
        record.proxy = proxy.clone();
        if let Some(config) = config {
            record.config = config.clone();
        }
        baseline.clone_into(&mut record.baseline);
        record.last_scrape_ns = last_scrape_ns;
        self.unsaved_proxies.insert(proxy.id.clone());
    }

    /// Writes what is new into the file. Part of the transaction that moves a generation there; [`Self::saved`] follows
    /// once that has been committed.
    pub(super) fn save(&self, connection: &Connection) -> Result<(), duckdb::Error> {
        let first = self.series.len() - self.unsaved_series;
        if self.unsaved_series > 0 {
            let mut appender = connection.appender_to_catalog_and_db("series", "store", "main")?;
            for (id, key) in (first as u32..).zip(&self.series[first..]) {
                let [source, target] = ends(key);
                let (evidence, protocol) = match key {
                    SeriesKey::Edge { protocol, .. } => ("trace", *protocol as u8),
                    _ => ("envoy", Protocol::Http as u8),
                };
                appender.append_row(params![
                    id, evidence, protocol, source[0], source[1], source[2], source[3], source[4], source[5],
                    target[0], target[1], target[2], target[3], target[4], target[5]
                ])?;
            }
            appender.flush()?;
        }
        let mut appender = connection.appender_to_catalog_and_db("learned_clusters", "store", "main")?;
        for LearnedCluster { caller, cluster, workload } in &self.unsaved_learned.clusters {
            let Workload { service, namespace, version, environment } = &**workload;
            appender.append_row(params![caller, &**cluster, service, namespace, version, environment])?;
        }
        appender.flush()?;
        let mut appender = connection.appender_to_catalog_and_db("learned_proxies", "store", "main")?;
        for LearnedProxy { node_id, workload, has_application } in &self.unsaved_learned.proxies {
            let Workload { service, namespace, version, environment } = &**workload;
            appender.append_row(params![
                &**node_id,
                has_application,
                service,
                namespace,
                version,
                environment
            ])?;
        }
        appender.flush()?;
        let mut save_proxy = connection.prepare(include_str!("../../sql/store/save_proxy.sql"))?;
        for record in self.unsaved_proxies.iter().filter_map(|id| self.proxies.get(id)) {
            let proxy = &record.proxy;
            let config = serde_json::to_string(&record.config).unwrap_or_default();
            save_proxy.execute(params![
                proxy.id,
                proxy.cluster,
                proxy.address,
                proxy.envoy_version,
                proxy.zone,
                record.last_scrape_ns,
                config,
                record.baseline
            ])?;
        }
        Ok(())
    }

    pub(super) fn saved(&mut self) {
        self.unsaved_series = 0;
        self.unsaved_learned = Learned::default();
        self.unsaved_proxies.clear();
    }

    /// Reads the dictionary of the file.
    pub(super) fn load(connection: &Connection) -> Result<Self, StoreError> {
        let mut directory = Self::default();
        directory.load_from(connection).map_err(database("read its dictionary"))?;
        Ok(directory)
    }

    fn load_from(&mut self, connection: &Connection) -> Result<(), duckdb::Error> {
        let mut statement = connection.prepare("FROM store.series ORDER BY series_id")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let key = series_key(row)?;
            self.ids.insert(key.clone(), self.series.len() as u32);
            self.series.push(key);
        }
        let mut statement = connection.prepare("FROM store.learned_clusters")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let cluster: String = row.get(1)?;
            let workload = workload(row)?;
            self.learned_clusters.insert(LearnedCluster {
                caller: row.get(0)?,
                cluster: cluster.into(),
                workload,
            });
        }
        let mut statement = connection.prepare("FROM store.learned_proxies")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (node_id, has_application): (String, bool) = (row.get(0)?, row.get(1)?);
            let workload = workload(row)?;
            self.learned_proxies.insert(LearnedProxy { node_id: node_id.into(), workload, has_application });
        }
        let mut statement = connection.prepare("FROM store.proxies")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let proxy = Proxy {
                id: row.get(0)?,
                cluster: row.get(1)?,
                address: row.get(2)?,
                envoy_version: row.get(3)?,
                zone: row.get(4)?,
            };
            let config: String = row.get(6)?;
            let config = serde_json::from_str(&config).unwrap_or_default();
            let record = ProxyRecord { config, baseline: row.get(7)?, last_scrape_ns: row.get(5)?, proxy };
            self.proxies.insert(record.proxy.id.clone(), record);
        }
        Ok(())
    }
}

/// The workload in the last four columns of what was learned.
fn workload(row: &Row<'_>) -> Result<Arc<Workload>, duckdb::Error> {
    let (service, namespace) = (row.get(2)?, row.get(3)?);
    Ok(Arc::new(Workload { service, namespace, version: row.get(4)?, environment: row.get(5)? }))
}

fn overflow() -> SeriesKey {
    let workload = Arc::new(Workload { service: OVERFLOW.to_owned(), ..Workload::default() });
    let end = Endpoint::Workload(workload);
    SeriesKey::Edge { source: end.clone(), target: end, protocol: Protocol::Unknown }
}

/// Both ends of a series as kind, system, name, namespace, version, environment.
fn ends(key: &SeriesKey) -> [[&str; 6]; 2] {
    match key {
        SeriesKey::Edge { source, target, .. } => [end(source), end(target)],
        SeriesKey::EnvoyCluster { proxy, cluster } => [named("proxy", proxy), named("cluster", cluster)],
        SeriesKey::EnvoyListener { proxy, prefix } => [named("proxy", proxy), named("listener", prefix)],
    }
}

fn named<'a>(kind: &'a str, name: &'a str) -> [&'a str; 6] {
    [kind, "", name, "", "", ""]
}

fn end(endpoint: &Endpoint) -> [&str; 6] {
    match endpoint {
        Endpoint::Client => named("client", ""),
        Endpoint::Unknown => named("unknown", ""),
        Endpoint::Cluster(name) => named("cluster", name),
        Endpoint::Workload(workload) => {
            ["workload", "", &workload.service, &workload.namespace, &workload.version, &workload.environment]
        }
        Endpoint::Peer(peer) => {
            let kind = match peer.kind {
                PeerKind::Service => "service",
                PeerKind::Database => "database",
                PeerKind::Queue => "queue",
                PeerKind::Host => "host",
            };
            [kind, &peer.system, &peer.name, "", "", ""]
        }
    }
}

/// The series that a row of `store.series` describes.
fn series_key(row: &Row<'_>) -> Result<SeriesKey, duckdb::Error> {
    let end = |first: usize| -> Result<[String; 6], duckdb::Error> {
        Ok([
            row.get(first)?,
            row.get(first + 1)?,
            row.get(first + 2)?,
            row.get(first + 3)?,
            row.get(first + 4)?,
            row.get(first + 5)?,
        ])
    };
    let (source, target) = (end(3)?, end(9)?);
    Ok(match (&*source[0], &*target[0]) {
        ("proxy", "listener") => {
            SeriesKey::EnvoyListener { proxy: source[2].as_str().into(), prefix: target[2].as_str().into() }
        }
        ("proxy", _) => {
            SeriesKey::EnvoyCluster { proxy: source[2].as_str().into(), cluster: target[2].as_str().into() }
        }
        _ => {
            let protocol = Protocol::from_number(row.get(2)?);
            SeriesKey::Edge { source: endpoint(source), target: endpoint(target), protocol }
        }
    })
}

fn endpoint([kind, system, name, namespace, version, environment]: [String; 6]) -> Endpoint {
    let peer = |kind, system, name| Endpoint::Peer(Arc::new(Peer { kind, system, name }));
    match &*kind {
        "client" => Endpoint::Client,
        "unknown" => Endpoint::Unknown,
        "cluster" => Endpoint::Cluster(name.into()),
        "service" => peer(PeerKind::Service, system, name),
        "database" => peer(PeerKind::Database, system, name),
        "queue" => peer(PeerKind::Queue, system, name),
        "host" => peer(PeerKind::Host, system, name),
        _ => Endpoint::Workload(Arc::new(Workload { service: name, namespace, version, environment })),
    }
}

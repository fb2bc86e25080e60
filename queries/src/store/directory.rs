//! The dictionary: what the series of the rollups are, which clusters lead where, and the proxies.

use std::collections::BTreeMap;
use std::sync::Arc;

use duckdb::{Connection, Row, params};
use foldhash::{HashMap, HashSet};

use crate::rows::access_log::{Direction, SourceCursor};
use crate::rows::envoy::{EnvoyScrape, Gap, ObjectGauges, Proxy, ProxyConfig, StatObject};
use crate::rows::span::{Peer, PeerKind, Protocol, Workload};
use crate::trace::{Endpoint, Learned, LearnedCluster, LearnedProxy};

use super::{StoreError, database};

/// Series that the dictionary holds at most. What is over counts under [`OVERFLOW`], so that a sender of random names
/// cannot fill the memory.
const MAX_SERIES: usize = 200_000;
/// Name of the service that stands for all that is over the cap.
pub(super) const OVERFLOW: &str = "__overflow__";
/// Routes that a service may have. What is over counts under [`OVERFLOW`].
const MAX_ROUTES: usize = 500;
/// Gaps that are kept of a proxy.
const MAX_GAPS: usize = 20;
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
    /// What a proxy counts of one of its parts.
    Envoy {
        /// The proxy's id.
        proxy: Arc<str>,
        /// The part.
        object: Arc<StatObject>,
    },
    /// Requests along a route that a proxy logged.
    Logged(Arc<LoggedRoute>),
}

/// Requests of one kind that a proxy logged.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct LoggedRoute {
    /// `node.id` of the proxy.
    pub node_id: String,
    /// The service that the proxy stands before, by its `node.cluster`.
    pub service: String,
    /// Version of that service, where configured.
    pub version: String,
    /// Which way they went.
    pub direction: Direction,
    /// The upstream cluster; empty where the proxy answered itself.
    pub cluster: String,
    /// Method and template.
    pub route: String,
}

/// A proxy as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProxyRecord {
    /// Who it is.
    pub proxy: Proxy,
    /// Its last configuration.
    pub config: ProxyConfig,
    /// The scraper's own state after the last scrape.
    pub baseline: Vec<u8>,
    /// When it was last scraped, ns since 1970.
    pub last_scrape_ns: i64,
    /// The last times in which it should have been scraped and was not, oldest first.
    pub gaps: Vec<Gap>,
    /// Where its gauges stood at the last scrape since the start of this process.
    pub gauges: Vec<ObjectGauges>,
}

/// Everything that rows name by number or not at all. Grows with the variety of the mesh, not with its traffic.
#[derive(Debug, Default)]
pub struct Directory {
    series: Vec<SeriesKey>,
    ids: HashMap<SeriesKey, u32>,
    /// The parts of proxies, each once: proxies of one mesh have many in common.
    objects: HashSet<Arc<StatObject>>,
    /// The routes that each service has been seen with.
    routes: HashMap<String, HashSet<String>>,
    /// How far sources are read that are read piece by piece.
    cursors: BTreeMap<String, Vec<u8>>,
    unsaved_cursors: HashSet<String>,
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

    /// The one copy of a part of a proxy.
    pub(super) fn object(&mut self, object: &StatObject) -> Arc<StatObject> {
        if let Some(known) = self.objects.get(object) {
            return Arc::clone(known);
        }
        let object = Arc::new(object.clone());
        self.objects.insert(Arc::clone(&object));
        object
    }

    /// The name under which a route of a service counts: its own, unless the service has too many.
    pub(super) fn route(&mut self, service: &str, route: String) -> String {
        if !self.routes.contains_key(service) {
            self.routes.insert(service.to_owned(), HashSet::default());
        }
        match self.routes.get_mut(service) {
            Some(known) if known.contains(&route) => route,
            Some(known) if known.len() < MAX_ROUTES => {
                known.insert(route.clone());
                route
            }
            _ => OVERFLOW.to_owned(),
        }
    }

    /// How far a source has been read, in a form of its own.
    pub fn cursor(&self, source: &str) -> Option<&[u8]> {
        self.cursors.get(source).map(Vec::as_slice)
    }

    pub(super) fn read_up_to(&mut self, cursor: &SourceCursor) {
        self.cursors.insert(cursor.source.clone(), cursor.position.clone());
        self.unsaved_cursors.insert(cursor.source.clone());
    }

    pub(super) fn saw_proxy(&mut self, scrape: &EnvoyScrape) {
        let record = self.proxies.entry(scrape.proxy.id.clone()).or_default();
        record.proxy.clone_from(&scrape.proxy);
        if let Some(config) = &scrape.config {
            record.config.clone_from(config);
        }
        if let Some(gap) = &scrape.gap {
            record.gaps.push(gap.clone());
            record.gaps.drain(..record.gaps.len().saturating_sub(MAX_GAPS));
        }
        record.gauges.clone_from(&scrape.gauges);
        record.baseline.clone_from(&scrape.baseline);
        record.last_scrape_ns = scrape.scraped_at_ns;
        self.unsaved_proxies.insert(scrape.proxy.id.clone());
    }

    /// The series of a proxy, with their numbers.
    pub fn series_of_proxy(&self, proxy: &str) -> impl Iterator<Item = (u32, &StatObject)> {
        (0..).zip(&self.series).filter_map(move |(id, key)| match key {
            SeriesKey::Envoy { proxy: counted_by, object } if **counted_by == *proxy => Some((id, &**object)),
            _ => None,
        })
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
                    SeriesKey::Logged(_) => ("access_log", Protocol::Http as u8),
                    SeriesKey::Envoy { .. } => ("envoy", Protocol::Http as u8),
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
        let mut save_cursor = connection.prepare(include_str!("../../sql/store/save_cursor.sql"))?;
        for source in &self.unsaved_cursors {
            save_cursor.execute(params![source, self.cursors.get(source)])?;
        }
        let mut save_proxy = connection.prepare(include_str!("../../sql/store/save_proxy.sql"))?;
        for record in self.unsaved_proxies.iter().filter_map(|id| self.proxies.get(id)) {
            let proxy = &record.proxy;
            let config = serde_json::to_string(&record.config).unwrap_or_default();
            let gaps = serde_json::to_string(&record.gaps).unwrap_or_default();
            save_proxy.execute(params![
                proxy.id,
                proxy.cluster,
                proxy.address,
                proxy.envoy_version,
                proxy.zone,
                proxy.started_at_ns,
                proxy.restart_epoch,
                record.last_scrape_ns,
                config,
                gaps,
                record.baseline
            ])?;
        }
        Ok(())
    }

    pub(super) fn saved(&mut self) {
        self.unsaved_series = 0;
        self.unsaved_learned = Learned::default();
        self.unsaved_proxies.clear();
        self.unsaved_cursors.clear();
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
            let key = self.series_key(row)?;
            self.ids.insert(key.clone(), self.series.len() as u32);
            self.series.push(key);
        }
        let mut statement = connection.prepare("FROM store.cursors")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            self.cursors.insert(row.get(0)?, row.get(1)?);
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
                started_at_ns: row.get(5)?,
                restart_epoch: row.get(6)?,
            };
            let (config, gaps): (String, String) = (row.get(8)?, row.get(9)?);
            let record = ProxyRecord {
                config: serde_json::from_str(&config).unwrap_or_default(),
                gaps: serde_json::from_str(&gaps).unwrap_or_default(),
                baseline: row.get(10)?,
                last_scrape_ns: row.get(7)?,
                gauges: Vec::new(),
                proxy,
            };
            self.proxies.insert(record.proxy.id.clone(), record);
        }
        Ok(())
    }

    /// The series that a row of `store.series` describes.
    fn series_key(&mut self, row: &Row<'_>) -> Result<SeriesKey, duckdb::Error> {
        let (source, target) = (six_texts(row, 3)?, six_texts(row, 9)?);
        if source[0] == "proxy" {
            let object = self.object(&part_of(target));
            return Ok(SeriesKey::Envoy { proxy: source[2].as_str().into(), object });
        }
        if source[0] == "logger" {
            let ([_, direction, node_id, service, version, _], [_, _, route, cluster, ..]) = (source, target);
            let direction = match &*direction {
                "inbound" => Direction::Inbound,
                "outbound" => Direction::Outbound,
                _ => Direction::Unknown,
            };
            self.route(&service, route.clone());
            let logged = LoggedRoute { node_id, service, version, direction, cluster, route };
            return Ok(SeriesKey::Logged(Arc::new(logged)));
        }
        let protocol = Protocol::from_number(row.get(2)?);
        Ok(SeriesKey::Edge { source: endpoint(source), target: endpoint(target), protocol })
    }
}

/// Six columns of text, from this one on.
fn six_texts(row: &Row<'_>, first: usize) -> Result<[String; 6], duckdb::Error> {
    Ok([
        row.get(first)?,
        row.get(first + 1)?,
        row.get(first + 2)?,
        row.get(first + 3)?,
        row.get(first + 4)?,
        row.get(first + 5)?,
    ])
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
        SeriesKey::Envoy { proxy, object } => [named("proxy", proxy), part(object)],
        SeriesKey::Logged(logged) => {
            let direction = match logged.direction {
                Direction::Unknown => "",
                Direction::Inbound => "inbound",
                Direction::Outbound => "outbound",
            };
            let source = ["logger", direction, &logged.node_id, &logged.service, &logged.version, ""];
            [source, ["route", "", &logged.route, &logged.cluster, "", ""]]
        }
    }
}

fn named<'a>(kind: &'a str, name: &'a str) -> [&'a str; 6] {
    [kind, "", name, "", "", ""]
}

/// A part of a proxy: what it belongs to stands as its namespace.
fn part(object: &StatObject) -> [&str; 6] {
    match object {
        StatObject::Cluster(name) => named("cluster", name),
        StatObject::Zone { cluster, from, to } => ["zone", "", cluster, from, to, ""],
        StatObject::Endpoint { cluster, address } => ["endpoint", "", address, cluster, "", ""],
        StatObject::Route { virtual_host, name } => ["route", "", name, virtual_host, "", ""],
        StatObject::VirtualCluster { virtual_host, name } => {
            ["virtual_cluster", "", name, virtual_host, "", ""]
        }
        StatObject::Manager(prefix) => named("manager", prefix),
        StatObject::Listener(address) => named("listener", address),
        StatObject::Server => named("server", ""),
    }
}

fn part_of([kind, _, name, namespace, version, _]: [String; 6]) -> StatObject {
    match &*kind {
        "zone" => StatObject::Zone { cluster: name, from: namespace, to: version },
        "endpoint" => StatObject::Endpoint { cluster: namespace, address: name },
        "route" => StatObject::Route { virtual_host: namespace, name },
        "virtual_cluster" => StatObject::VirtualCluster { virtual_host: namespace, name },
        "manager" => StatObject::Manager(name),
        "listener" => StatObject::Listener(name),
        "server" => StatObject::Server,
        _ => StatObject::Cluster(name),
    }
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

//! The dictionary: what the series of the rollups are, which clusters lead where, and the proxies.

use std::collections::BTreeMap;
use std::sync::Arc;

use duckdb::{Connection, Row, params};
use foldhash::{HashMap, HashSet};

use crate::rows::SourceCursor;
use crate::rows::envoy::{EnvoyScrape, Gap, ObjectGauges, Proxy, ProxyConfig, StatObject};
use crate::rows::mesh::MeshDialect;
use crate::rows::span::{Protocol, Workload};
use crate::trace::{Learned, LearnedCluster, LearnedProxy};

use super::{StoreError, database};

pub use self::series::{LoggedRoute, SeriesKey};
use self::series::{ends, overflow};

mod series;

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
        if self.objects.len() < MAX_SERIES {
            self.objects.insert(Arc::clone(&object));
        }
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
                let json = match key {
                    SeriesKey::Counted(edge) => serde_json::to_string(&**edge).unwrap_or_default(),
                    _ => String::new(),
                };
                let [source, target] = ends(key, &json);
                let (evidence, protocol) = match key {
                    SeriesKey::Edge { protocol, by_xray: false, .. } => ("trace", *protocol as u8),
                    SeriesKey::Edge { protocol, .. } => ("xray", *protocol as u8),
                    SeriesKey::Logged(_) => ("access_log", Protocol::Http as u8),
                    SeriesKey::Counted(edge) if edge.dialect == MeshDialect::ServiceConnect => {
                        ("cloudwatch", Protocol::Http as u8)
                    }
                    SeriesKey::Envoy { .. } | SeriesKey::Counted(_) => ("envoy", Protocol::Http as u8),
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
        self.save_proxies(connection)
    }

    /// Writes what is new of proxies, all at once: a thousand statements for as many proxies take seconds.
    fn save_proxies(&self, connection: &Connection) -> Result<(), duckdb::Error> {
        if self.unsaved_proxies.is_empty() {
            return Ok(());
        }
        let mut appender = connection.appender_to_catalog_and_db("unsaved_proxies", "temp", "main")?;
        for record in self.unsaved_proxies.iter().filter_map(|id| self.proxies.get(id)) {
            let proxy = &record.proxy;
            let config = serde_json::to_string(&record.config).unwrap_or_default();
            let gaps = serde_json::to_string(&record.gaps).unwrap_or_default();
            appender.append_row(params![
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
        appender.flush()?;
        connection.execute_batch(include_str!("../../sql/store/save_proxies.sql"))
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
}

/// The workload in the last four columns of what was learned.
fn workload(row: &Row<'_>) -> Result<Arc<Workload>, duckdb::Error> {
    let (service, namespace) = (row.get(2)?, row.get(3)?);
    Ok(Arc::new(Workload { service, namespace, version: row.get(4)?, environment: row.get(5)? }))
}

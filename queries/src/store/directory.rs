//! The dictionary: what the series of the rollups are, which clusters lead where, and the proxies.

use std::collections::BTreeMap;
use std::sync::Arc;

use duckdb::{Connection, Row, ToSql, appender_params_from_iter, params};
use foldhash::{HashMap, HashSet};

use crate::rows::SourceCursor;
use crate::rows::envoy::{EnvoyScrape, Gap, ObjectGauges, Proxy, ProxyConfig, StatObject};
use crate::rows::mesh::MeshDialect;
use crate::rows::route::{MAX_ROUTES, OVERFLOW};
use crate::rows::span::{Protocol, Workload};
use crate::rows::watch::{Watch, WatchEvent};
use crate::trace::{Learned, LearnedCluster, LearnedProxy};

use super::{StoreError, database};

use self::book::SeriesBook;
use self::series::ends;
pub use self::series::{LoggedRoute, SeriesKey, TracedRoute};
use self::watches::WatchBook;

mod book;
mod series;
mod watches;

/// Series that the dictionary holds at most. What is over counts under [`OVERFLOW`], so that a sender of random names
/// cannot fill the memory.
const MAX_SERIES: usize = 200_000;
/// Series of routes that it holds at most, at about 300 bytes each: enough for a thousand services of two versions with twenty
/// routes, each of which has five callers.
const MAX_ROUTE_SERIES: usize = 250_000;
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
#[derive(Debug)]
pub struct Directory {
    edges: SeriesBook,
    route_series: SeriesBook,
    /// The parts of proxies, each once: proxies of one mesh have many in common.
    objects: HashSet<Arc<StatObject>>,
    /// The workloads that series of the file name, each once.
    workloads: HashSet<Arc<Workload>>,
    /// The routes that each service has been seen with.
    routes: HashMap<String, HashSet<Arc<str>>>,
    /// How far sources are read that are read piece by piece.
    cursors: BTreeMap<String, Vec<u8>>,
    unsaved_cursors: HashSet<String>,
    watches: WatchBook,
    learned_clusters: HashSet<LearnedCluster>,
    learned_proxies: HashSet<LearnedProxy>,
    proxies: BTreeMap<String, ProxyRecord>,
    unsaved_learned: Learned,
    unsaved_proxies: HashSet<String>,
}

impl Default for Directory {
    fn default() -> Self {
        Self {
            edges: SeriesBook::new(MAX_SERIES),
            route_series: SeriesBook::new(MAX_ROUTE_SERIES),
            objects: HashSet::default(),
            workloads: HashSet::default(),
            routes: HashMap::default(),
            cursors: BTreeMap::new(),
            unsaved_cursors: HashSet::default(),
            watches: WatchBook::default(),
            learned_clusters: HashSet::default(),
            learned_proxies: HashSet::default(),
            proxies: BTreeMap::new(),
            unsaved_learned: Learned::default(),
            unsaved_proxies: HashSet::default(),
        }
    }
}

impl Directory {
    /// What a series of edges counts.
    pub fn series(&self, id: u32) -> Option<&SeriesKey> {
        self.edges.get(id)
    }

    /// What a series of routes counts.
    pub fn route_series(&self, id: u32) -> Option<&SeriesKey> {
        self.route_series.get(id)
    }

    /// All series of routes with their numbers.
    pub fn all_route_series(&self) -> impl Iterator<Item = (u32, &SeriesKey)> {
        self.route_series.iter()
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

    /// The number of a series of edges, which is given one where it is new.
    pub(super) fn series_id(&mut self, key: SeriesKey) -> u32 {
        self.edges.id(key)
    }

    /// The number of a series of routes, likewise.
    pub(super) fn route_series_id(&mut self, key: SeriesKey) -> u32 {
        self.route_series.id(key)
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
    pub(super) fn route(&mut self, service: &str, route: &Arc<str>) -> Arc<str> {
        if !self.routes.contains_key(service) {
            self.routes.insert(service.to_owned(), HashSet::default());
        }
        match self.routes.get_mut(service) {
            Some(known) if known.contains(route) => Arc::clone(route),
            Some(known) if known.len() < MAX_ROUTES => {
                known.insert(Arc::clone(route));
                Arc::clone(route)
            }
            _ => Arc::from(OVERFLOW),
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

    /// All watches, by their ids.
    pub fn watches(&self) -> &BTreeMap<String, Watch> {
        self.watches.all()
    }

    pub(super) fn take_watch(&mut self, event: &WatchEvent) {
        self.watches.take(event);
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
        self.edges.iter().filter_map(move |(id, key)| match key {
            SeriesKey::Envoy { proxy: counted_by, object } if **counted_by == *proxy => Some((id, &**object)),
            _ => None,
        })
    }

    /// Writes what is new into the file. Part of the transaction that moves a generation there; [`Self::saved`] follows
    /// once that has been committed.
    pub(super) fn save(&self, connection: &Connection) -> Result<(), duckdb::Error> {
        save_series(connection, "series", self.edges.unsaved())?;
        save_series(connection, "route_series", self.route_series.unsaved())?;
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
        self.watches.save(connection)?;
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
        self.edges.saved();
        self.route_series.saved();
        self.unsaved_learned = Learned::default();
        self.unsaved_proxies.clear();
        self.unsaved_cursors.clear();
        self.watches.saved();
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
            let key = self.series_key(row, "")?;
            self.edges.load(key);
        }
        let mut statement = connection.prepare("FROM store.route_series ORDER BY series_id")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let key = self.series_key(row, &row.get::<_, String>(15)?)?;
            self.route_series.load(key);
        }
        let mut statement = connection.prepare("FROM store.cursors")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            self.cursors.insert(row.get(0)?, row.get(1)?);
        }
        self.watches.load(connection)?;
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

/// Appends series to their table, which for routes has a column more.
fn save_series<'a>(
    connection: &Connection,
    table: &str,
    mut series: impl Iterator<Item = (u32, &'a SeriesKey)>,
) -> Result<(), duckdb::Error> {
    let Some(first) = series.next() else { return Ok(()) };
    let mut appender = connection.appender_to_catalog_and_db(table, "store", "main")?;
    for (id, key) in std::iter::once(first).chain(series) {
        let json = match key {
            SeriesKey::Counted(edge) => serde_json::to_string(&**edge).unwrap_or_default(),
            _ => String::new(),
        };
        let (evidence, protocol) = match key {
            SeriesKey::Edge { protocol, by_xray, .. } => (of_traces(*by_xray), *protocol as u8),
            SeriesKey::Traced(traced) => (of_traces(traced.by_xray), Protocol::Unknown as u8),
            SeriesKey::Logged(_) => ("access_log", Protocol::Http as u8),
            SeriesKey::Counted(edge) if edge.dialect == MeshDialect::ServiceConnect => {
                ("cloudwatch", Protocol::Http as u8)
            }
            SeriesKey::Envoy { .. } | SeriesKey::Counted(_) => ("envoy", Protocol::Http as u8),
        };
        let route = match key {
            SeriesKey::Traced(traced) => &*traced.route,
            _ => "",
        };
        let ends = ends(key, &json);
        let texts = ends.as_flattened().iter().copied();
        let texts = texts.chain((table == "route_series").then_some(route));
        let mut row: Vec<&dyn ToSql> = vec![&id, &evidence, &protocol];
        let texts: Vec<&str> = texts.collect();
        row.extend(texts.iter().map(|text| text as &dyn ToSql));
        appender.append_row(appender_params_from_iter(row))?;
    }
    appender.flush()
}

fn of_traces(by_xray: bool) -> &'static str {
    if by_xray { "xray" } else { "trace" }
}

/// The workload in the last four columns of what was learned.
fn workload(row: &Row<'_>) -> Result<Arc<Workload>, duckdb::Error> {
    let (service, namespace) = (row.get(2)?, row.get(3)?);
    Ok(Arc::new(Workload { service, namespace, version: row.get(4)?, environment: row.get(5)? }))
}

//! What one scrape of one Envoy adds: deltas of its counters, and its configuration where that changed. What an Envoy pushes
//! comes in the same form.

use serde::{Deserialize, Serialize};

use crate::dictionary::{Scope, StatId};
use crate::sketch::{envoy_bin, envoy_range, envoy_reach};

/// Everything learned from one scrape of one proxy. Stored as a whole or not at all.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EnvoyScrape {
    /// Who was asked.
    pub proxy: Proxy,
    /// When the statistics were taken, ns since 1970.
    pub scraped_at_ns: i64,
    /// What has been counted since the previous scrape; what has counted nothing is left out.
    pub deltas: Vec<ObjectCounts>,
    /// Where the gauges stand that are not zero.
    pub gauges: Vec<ObjectGauges>,
    /// Where scrapes failed between the previous stored one and this: what the deltas count then happened at some time
    /// since `since_ns`, ns since 1970.
    pub gap: Option<Gap>,
    /// The proxy's configuration, where this scrape found it new or changed.
    pub config: Option<ProxyConfig>,
    /// The scraper's own state after this scrape, opaque to the store: it is kept with the deltas in one transaction
    /// and handed back on start, so that no request is counted twice or lost across a restart.
    pub baseline: Vec<u8>,
}

/// A time in which a proxy should have been scraped and was not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// The last scrape before it, ns since 1970.
    pub since_ns: i64,
    /// The first scrape after it, ns since 1970.
    pub until_ns: i64,
    /// Whether the process ended in between: what it counted after its last scrape is not known.
    pub lost_process: bool,
}

/// Identity of a proxy, as it says itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Proxy {
    /// `node.id`; the admin address where the proxy has none. Unique in a mesh.
    pub id: String,
    /// `node.cluster`: by custom the service that the proxy stands before. May be empty.
    pub cluster: String,
    /// Admin address that was asked; of a proxy that pushes, the address that it pushes from.
    pub address: String,
    /// Version of Envoy.
    pub envoy_version: String,
    /// Availability zone, where configured.
    pub zone: String,
    /// When the process started, ns since 1970, to the second.
    pub started_at_ns: i64,
    /// Hot restarts before this process.
    pub restart_epoch: u64,
}

/// Something of a proxy that has statistics of its own, by the names of its configuration.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum StatObject {
    /// An upstream cluster.
    Cluster(String),
    /// Requests to a cluster from one zone to another.
    Zone {
        /// The cluster.
        cluster: String,
        /// Zone of the proxy.
        from: String,
        /// Zone of the host.
        to: String,
    },
    /// One endpoint of a cluster.
    Endpoint {
        /// The cluster.
        cluster: String,
        /// Its address, as the statistics write it.
        address: String,
    },
    /// A route with a `stat_prefix`.
    Route {
        /// The virtual host.
        virtual_host: String,
        /// The route's `stat_prefix`.
        name: String,
    },
    /// A virtual cluster.
    VirtualCluster {
        /// The virtual host.
        virtual_host: String,
        /// The virtual cluster; `other` for requests that belong to none.
        name: String,
    },
    /// An HTTP connection manager, by its `stat_prefix`.
    Manager(String),
    /// A listener, by its address or `stat_prefix`.
    Listener(String),
    /// The process.
    Server,
}

impl StatObject {
    /// Which part of the dictionary speaks of it.
    pub fn scope(&self) -> Scope {
        match self {
            Self::Cluster(_) | Self::Zone { .. } => Scope::Cluster,
            Self::Endpoint { .. } => Scope::Endpoint,
            Self::Route { .. } | Self::VirtualCluster { .. } => Scope::Route,
            Self::Manager(_) => Scope::Manager,
            Self::Listener(_) => Scope::Listener,
            Self::Server => Scope::Server,
        }
    }
}

/// Counts by statistic, each once, sorted; none of them zero.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatCounts(Vec<(StatId, u64)>);

impl StatCounts {
    /// The count of a statistic, zero where there is none.
    pub fn get(&self, stat: StatId) -> u64 {
        self.0.binary_search_by_key(&stat, |&(stat, _)| stat).map_or(0, |at| self.0[at].1)
    }

    /// Adds to the count of a statistic.
    pub fn add(&mut self, stat: StatId, count: u64) {
        match self.0.binary_search_by_key(&stat, |&(stat, _)| stat) {
            Ok(at) => self.0[at].1 = self.0[at].1.saturating_add(count),
            Err(at) if count > 0 => self.0.insert(at, (stat, count)),
            Err(_) => {}
        }
    }

    /// Sets the count of a statistic, unless it is higher already.
    pub fn raise(&mut self, stat: StatId, count: u64) {
        match self.0.binary_search_by_key(&stat, |&(stat, _)| stat) {
            Ok(at) => self.0[at].1 = self.0[at].1.max(count),
            Err(at) if count > 0 => self.0.insert(at, (stat, count)),
            Err(_) => {}
        }
    }

    /// Every statistic with its count, sorted.
    pub fn iter(&self) -> impl Iterator<Item = (StatId, u64)> {
        self.0.iter().copied()
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(StatId, u64)> for StatCounts {
    fn from_iter<I: IntoIterator<Item = (StatId, u64)>>(counts: I) -> Self {
        let mut all = Self::default();
        counts.into_iter().for_each(|(stat, count)| all.add(stat, count));
        all
    }
}

/// What was counted of one object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectCounts {
    /// The object.
    pub object: StatObject,
    /// Its counters.
    pub counts: StatCounts,
    /// Latency of the requests that got an answer, see [`LatencyBin`]; a connection manager's holds all requests.
    pub latency: Vec<LatencyBin>,
}

impl ObjectCounts {
    /// An object that has counted nothing yet.
    pub fn of(object: StatObject) -> Self {
        Self { object, counts: StatCounts::default(), latency: Vec::new() }
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty() && self.latency.is_empty()
    }
}

/// Where the gauges of one object stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectGauges {
    /// The object.
    pub object: StatObject,
    /// Its gauges.
    pub values: StatCounts,
}

/// Requests whose latency lies in one bin of [`Scheme::Envoy`](crate::sketch::Scheme::Envoy).
///
/// Envoy records whole milliseconds rounded down and bins them by their two leading digits. Where it tells no more than how
/// many lie between two bounds of a histogram, that is a bin too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LatencyBin {
    /// Number of the bin.
    pub bin: i16,
    /// Requests in it.
    pub count: u64,
}

impl LatencyBin {
    /// Requests in Envoy's own bin that starts at `lower_ms`.
    pub fn fine(lower_ms: u32, count: u64) -> Self {
        Self { bin: envoy_bin(lower_ms), count }
    }

    /// Requests between two bounds of a histogram, ms; the upper one may be infinite.
    pub fn between(low_ms: f64, high_ms: f64, count: u64) -> Self {
        Self { bin: envoy_range(low_ms, high_ms), count }
    }

    /// Requests that an Envoy counts beyond the bound `above_ms` of a histogram, if there is one, and up to the bound
    /// `up_to_ms`, which may be infinite.
    ///
    /// Envoy counts its own bins by where they start: with 50 ms as a bound, the requests of 50 to 51 ms are up to it.
    pub fn up_to(above_ms: Option<f64>, up_to_ms: f64, count: u64) -> Self {
        let low_ms = above_ms.map_or(0.0, |bound| envoy_reach(bound).0);
        Self::between(low_ms, envoy_reach(up_to_ms).1, count)
    }
}

/// What a proxy is configured to do, as far as names and weights go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProxyConfig {
    /// Its upstream clusters, sorted by name.
    pub clusters: Vec<ClusterConfig>,
    /// Its routes with more than one weighted target, sorted by name.
    pub weighted_routes: Vec<WeightedRoute>,
    /// Prefixes of the connection managers on listeners with `traffic_direction: INBOUND`, sorted.
    pub inbound_listeners: Vec<String>,
    /// Names of the clusters that inbound listeners route to, sorted.
    pub inbound_clusters: Vec<String>,
}

/// One upstream cluster's configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterConfig {
    /// Full name.
    pub name: String,
    /// Whether calls are encrypted.
    pub tls: bool,
    /// Whether this proxy shows a certificate of its own as well.
    pub mtls: bool,
    /// Whether it carries telemetry or configuration and no traffic of the mesh: the target of a tracer, an access
    /// log, a stats sink or xDS.
    pub telemetry: bool,
}

/// A route that splits traffic between clusters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WeightedRoute {
    /// `virtual host/route`, by their names; the match where the route has none.
    pub name: String,
    /// Cluster and weight, in the configured order.
    pub targets: Vec<(String, u32)>,
}

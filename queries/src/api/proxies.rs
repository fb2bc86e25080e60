//! `GET /api/v1/proxies` and `/proxies/{id}`: what each Envoy says, in words.

use serde::{Deserialize, Serialize};

use super::graph::Latency;

/// The answer of `GET /api/v1/proxies`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProxiesResponse {
    /// Every proxy that was ever scraped, sorted by service and id.
    pub proxies: Vec<ProxySummary>,
}

/// One proxy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProxySummary {
    /// `node.id`, or the address where there is none.
    pub id: String,
    /// Node id of the service it stands before, as in the graph.
    pub node: String,
    /// Name of that service.
    pub service: String,
    /// The rule that said so, in words.
    pub identity: String,
    /// `node.cluster`; may be empty.
    pub cluster: String,
    /// Admin address that is asked, or the address that the proxy pushes from; empty where its statistics come as OTLP metrics.
    pub address: String,
    /// Availability zone; may be empty.
    pub zone: String,
    /// Version of Envoy.
    pub envoy_version: String,
    /// When the process started, RFC 3339 UTC.
    pub started_at: String,
    /// Hot restarts before this process.
    pub restart_epoch: u64,
    /// When it was last scraped, RFC 3339 UTC.
    pub last_scrape: String,
    /// Whether it was scraped within the last minute.
    pub is_reporting: bool,
    /// When the first of its certificates expires, RFC 3339 UTC, where it has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_expires_at: Option<String>,
    /// Hosts that it has ejected, over all its clusters.
    pub ejected_hosts: u64,
    /// Circuit breakers that are open, over all its clusters.
    pub open_breakers: u64,
    /// Clusters of which fewer than all hosts are healthy.
    pub unhealthy_clusters: u64,
}

/// The answer of `GET /api/v1/proxies/{id}`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProxyResponse {
    /// The proxy.
    pub proxy: ProxyDetail,
}

/// One proxy with everything that it counts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProxyDetail {
    /// The row of the table.
    pub summary: ProxySummary,
    /// Its parts: the process, its listeners and connection managers, its clusters, routes, and the others.
    pub parts: Vec<ProxyPart>,
    /// The last times in which it should have been scraped and was not, newest first.
    pub gaps: Vec<ScrapeGap>,
}

/// A part of a proxy that has statistics of its own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProxyPart {
    /// `cluster`, `route`, `virtual_cluster`, `endpoint`, `zone`, `manager`, `listener` or `server`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// What it belongs to: the virtual host of a route, the cluster of an endpoint. May be empty.
    pub of: String,
    /// Where a cluster leads: node id in the graph. Nothing for what is no edge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Whether calls through it are mutual TLS, where the configuration says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtls: Option<bool>,
    /// Finished requests in the range.
    pub requests: u64,
    /// Requests per second over the range.
    pub request_rate: f64,
    /// Requests that failed.
    pub errors: u64,
    /// Latency of requests that got an answer; time-outs and failed connections of a cluster are not in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<Latency>,
    /// Every statistic that counted something in the range, and every gauge that is not zero, by topic.
    pub statistics: Vec<Statistic>,
}

/// One statistic in words.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Statistic {
    /// Its name in Envoy, behind that of the part.
    pub name: String,
    /// What it is about: `Timeouts`, `Circuit breakers`, ...
    pub topic: String,
    /// What it means, in a sentence without its full stop.
    pub meaning: String,
    /// Whether it says where something stands now (a gauge), not how often it happened in the range (a counter).
    pub is_gauge: bool,
    /// The value: events in the range, or where the gauge stood at the last scrape.
    pub value: i64,
    /// Whether this is something to look at: a failure, a limit reached, a breaker open.
    pub is_bad: bool,
}

/// A time in which a proxy should have been scraped and was not.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ScrapeGap {
    /// The last scrape before it, RFC 3339 UTC.
    pub since: String,
    /// The first scrape after it, RFC 3339 UTC.
    pub until: String,
    /// Whether the process ended in between, so that what it counted after its last scrape is not known.
    pub lost_process: bool,
}

/// The answer of `GET /api/v1/edges/statistics`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EdgeStatisticsResponse {
    /// What the callers' proxies count of one edge.
    pub edge_statistics: EdgeStatistics,
}

/// What the callers' proxies count of one edge, added up over proxies and clusters; gauges too.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EdgeStatistics {
    /// The clusters that are added up, each as the proxy's id and the cluster's name.
    pub clusters: Vec<ProxyCluster>,
    /// How the proxies stand to the hosts now, where they tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hosts: Option<HostState>,
    /// Share of the connections made in the range that were encrypted; nothing where none was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encrypted_share: Option<f64>,
    /// Every statistic that counted something in the range, and every gauge that is not zero, by topic.
    pub statistics: Vec<Statistic>,
}

/// How proxies stand to the hosts behind their clusters, added up: two proxies with three hosts each have six.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HostState {
    /// Hosts.
    pub all: u64,
    /// Hosts that get requests.
    pub healthy: u64,
    /// Hosts that outlier detection has ejected.
    pub ejected: u64,
    /// Circuit breakers that are open.
    pub open_breakers: u64,
}

/// A cluster of a proxy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProxyCluster {
    /// The proxy's id.
    pub proxy: String,
    /// The cluster's name.
    pub cluster: String,
}

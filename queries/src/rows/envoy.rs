//! What one scrape of one Envoy adds: deltas of its counters, and its configuration where that changed.

use serde::{Deserialize, Serialize};

/// Everything learned from one scrape of one proxy. Stored as a whole or not at all.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EnvoyScrape {
    /// Who was asked.
    pub proxy: Proxy,
    /// When the statistics were taken, ns since 1970.
    pub scraped_at_ns: i64,
    /// Deltas per upstream cluster since the previous scrape; clusters without any change are left out.
    pub clusters: Vec<ClusterDelta>,
    /// Deltas per HTTP connection manager since the previous scrape; those without any change are left out.
    pub listeners: Vec<ListenerDelta>,
    /// The proxy's configuration, where this scrape found it new or changed.
    pub config: Option<ProxyConfig>,
    /// The scraper's own state after this scrape, opaque to the store: it is kept with the deltas in one transaction
    /// and handed back on start, so that no request is counted twice or lost across a restart.
    pub baseline: String,
}

/// Identity of a proxy, as it says itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Proxy {
    /// `node.id`; the admin address where the proxy has none. Unique in a mesh.
    pub id: String,
    /// `node.cluster`: by custom the service that the proxy stands before. May be empty.
    pub cluster: String,
    /// Admin address that was asked.
    pub address: String,
    /// Version of Envoy.
    pub envoy_version: String,
    /// Availability zone, where configured.
    pub zone: String,
}

/// Requests to one upstream cluster since the previous scrape. All are counts of events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterDelta {
    /// Full name of the cluster, with its dots.
    pub cluster: String,
    /// Final responses: `upstream_rq_completed`. Local replies are among them, retried responses are not.
    pub requests: u64,
    /// Final responses by class: 1xx, 2xx, 3xx, 4xx, 5xx.
    pub classes: [u64; 5],
    /// Tries sent: `upstream_rq_total`. A failed connection sends none.
    pub attempts: u64,
    /// `upstream_rq_retry`.
    pub retries: u64,
    /// `upstream_rq_timeout`.
    pub timeouts: u64,
    /// `upstream_cx_connect_fail`, TLS failures among them.
    pub connection_failures: u64,
    /// TLS handshakes: `ssl.handshake`.
    pub tls_handshakes: u64,
    /// Latency of the requests that got an answer, see [`LatencyBin`].
    pub latency: Vec<LatencyBin>,
}

/// Requests whose latency lies in one of Envoy's own log-linear bins.
///
/// Envoy records whole milliseconds rounded down and bins them by their two leading digits, so the bin that starts at
/// `lower_ms` holds durations from `lower_ms` to [`LatencyBin::upper_ms`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LatencyBin {
    /// Lower bound of the bin, inclusive, ms.
    pub lower_ms: u32,
    /// Requests in it.
    pub count: u64,
}

impl LatencyBin {
    /// Upper bound of the bin that starts at `lower_ms`, exclusive, ms.
    pub fn upper_ms(lower_ms: u32) -> u64 {
        let mut width = 1;
        while u64::from(lower_ms) >= 100 * width {
            width *= 10;
        }
        u64::from(lower_ms) + width
    }
}

/// Requests that came in through one HTTP connection manager since the previous scrape.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListenerDelta {
    /// The connection manager's `stat_prefix`.
    pub prefix: String,
    /// Finished requests: `downstream_rq_completed`.
    pub requests: u64,
    /// Responses by class: 1xx, 2xx, 3xx, 4xx, 5xx.
    pub classes: [u64; 5],
    /// Latency of whole requests, time-outs among them.
    pub latency: Vec<LatencyBin>,
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

#[cfg(test)]
mod tests {
    use super::LatencyBin;

    #[test]
    fn bins_are_as_wide_as_envoy_makes_them() {
        for (lower, upper) in
            [(0, 1), (9, 10), (10, 11), (99, 100), (100, 110), (990, 1000), (1000, 1100), (43_000, 44_000)]
        {
            assert_eq!(LatencyBin::upper_ms(lower), upper, "bin at {lower} ms");
        }
    }
}

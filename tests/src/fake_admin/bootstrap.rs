//! The configuration that the fake proxies have, as Envoys take it and as they tell it.

use std::net::SocketAddr;

use serde_json::{Value, json};

/// When every fake proxy started, in its own words. It is long ago, so that what it counted before is nobody's.
pub(super) const STARTED: &str = "2026-11-01T08:00:00.123Z";
/// The same as an uptime.
const UPTIME: &str = "86400s";
/// A real Envoy's answer to `/server_info`.
const SERVER_INFO: &str = include_str!("../../fixtures/envoy/server_info.json");

/// The name of a cluster. Names of this kind come from Istio: with dots, and longer than what is counted of them.
pub fn cluster_name(number: usize) -> String {
    format!("outbound|8080||service-{number:03}.shop.svc.cluster.local")
}

/// A configuration for a real Envoy with so many clusters, all of which lead to `upstream`. A request to
/// `/<number>/…` at its listener goes to the cluster of that number, and is tried twice.
pub fn bootstrap(clusters: usize, admin: SocketAddr, listener: SocketAddr, upstream: SocketAddr) -> Value {
    let address = |at: SocketAddr| json!({"socket_address": {"address": at.ip(), "port_value": at.port()}});
    let cluster = |number: usize| {
        let name = cluster_name(number);
        json!({
            "name": name, "type": "STATIC", "connect_timeout": "5s",
            "load_assignment": {"cluster_name": name, "endpoints": [{
                "lb_endpoints": [{"endpoint": {"address": address(upstream)}}],
            }]},
        })
    };
    let route = |number: usize| {
        json!({
            "match": {"path_separated_prefix": format!("/{number}")},
            "route": {
                "cluster": cluster_name(number),
                "retry_policy": {"retry_on": "5xx", "num_retries": 1},
            },
        })
    };
    let manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "outbound",
        "route_config": {"name": "outbound", "virtual_hosts": [{
            "name": "all", "domains": ["*"], "include_request_attempt_count": true,
            "routes": (0..clusters).map(route).collect::<Vec<_>>(),
        }]},
        "http_filters": [{
            "name": "envoy.filters.http.router",
            "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"},
        }],
    });
    let filter = json!({"name": "envoy.filters.network.http_connection_manager", "typed_config": manager});
    json!({
        "node": {"id": "proxy-0000", "cluster": "caller-000"},
        "admin": {"address": address(admin)},
        "static_resources": {
            "listeners": [{
                "name": "outbound", "address": address(listener), "traffic_direction": "OUTBOUND",
                "filter_chains": [{"filters": [filter]}],
            }],
            "clusters": (0..clusters).map(cluster).collect::<Vec<_>>(),
        },
    })
}

/// The answer to `/config_dump`.
pub(super) fn config_dump(clusters: usize, started: &str) -> String {
    let somewhere = SocketAddr::from(([127, 0, 0, 1], 15_001));
    let bootstrap = bootstrap(clusters, somewhere, somewhere, somewhere);
    let parts = |of: &str, part: &str| -> Vec<Value> {
        let all = bootstrap["static_resources"][of].as_array();
        all.into_iter().flatten().map(|one| json!({part: one, "last_updated": started})).collect()
    };
    let (clusters, listeners) = (parts("clusters", "cluster"), parts("listeners", "listener"));
    let dump = json!({"configs": [
        {"@type": "type.googleapis.com/envoy.admin.v3.BootstrapConfigDump", "bootstrap": bootstrap, "last_updated": started},
        {"@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump", "static_clusters": clusters},
        {"@type": "type.googleapis.com/envoy.admin.v3.ListenersConfigDump", "static_listeners": listeners},
    ]});
    format!("{dump:#}")
}

/// The answer to `/config_dump` where no resource is wanted: when the process started.
pub(super) fn process(started: &str) -> String {
    let dump = json!({"configs": [
        {"@type": "type.googleapis.com/envoy.admin.v3.BootstrapConfigDump", "last_updated": started},
    ]});
    format!("{dump:#}")
}

/// The answer to `/server_info` of the proxy of this number.
pub(super) fn server_info(number: usize) -> String {
    let mut info: Value = serde_json::from_str(SERVER_INFO).unwrap_or_default();
    info["node"]["id"] = json!(format!("proxy-{number:04}"));
    info["node"]["cluster"] = json!(format!("caller-{:03}", number % 100));
    info["uptime_current_epoch"] = json!(UPTIME);
    info["uptime_all_epochs"] = json!(UPTIME);
    format!("{info:#}")
}

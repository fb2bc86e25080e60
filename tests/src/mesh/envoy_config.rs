//! The bootstrap configuration of each Envoy, as JSON.

mod clusters;
mod listeners;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};

use super::certificates::Identity;
use super::topology::{self, Workload};
use clusters::{local_cluster, mesh_cluster, receiver_cluster};
use listeners::{gateway_listener, inbound_listener, outbound_listener};

/// The cluster that leads from a sidecar to its own application.
const LOCAL_CLUSTER: &str = "local_app";
/// The cluster that spans are sent to.
const OTLP_CLUSTER: &str = "otlp";
/// The cluster that access logs are sent to. Their streams never end, while spans are known to be through once no request
/// is under way.
const ACCESS_LOG_CLUSTER: &str = "access_log";
/// `SOL_SOCKET` and `SO_REUSEPORT` of Linux, which let the admin listener take its reserved port.
const REUSE_PORT: (u8, u8) = (1, 15);

/// What all Envoys of a mesh have in common.
#[derive(Clone, Debug)]
pub(super) struct Common {
    pub(super) otlp_grpc: SocketAddr,
    pub(super) stats_flush_interval: Duration,
    pub(super) span_flush_interval: Duration,
    /// Where each cluster of the mesh is reached, by cluster name.
    pub(super) endpoints: BTreeMap<String, SocketAddr>,
}

/// Who an Envoy is and what it listens on.
#[derive(Clone, Debug)]
pub(super) struct Proxy {
    /// `node.id`, unique in the mesh.
    pub(super) node_id: String,
    /// `node.cluster` and the `service.name` of its spans.
    pub(super) service: &'static str,
    pub(super) admin: SocketAddr,
    pub(super) inbound: SocketAddr,
    pub(super) outbound: SocketAddr,
    pub(super) spawns_upstream_span: bool,
}

/// The configuration of a workload's sidecar: inbound to the application at `app`, outbound to those it calls.
pub(super) fn sidecar(
    common: &Common,
    proxy: &Proxy,
    workload: &Workload,
    app: SocketAddr,
    identity: &Identity,
) -> Value {
    let mut clusters = vec![local_cluster(app)];
    for &service in workload.calls {
        clusters.extend(
            clusters_of(service)
                .into_iter()
                .map(|(name, secured)| mesh_cluster(common, &name, secured.then_some((service, identity)))),
        );
    }
    let listeners = [
        inbound_listener(proxy, workload.requires_mtls.then_some(identity)),
        outbound_listener(proxy, workload.calls),
    ];
    bootstrap(common, proxy, &listeners, clusters)
}

/// The configuration of the gateway: one way in, everything to one service.
pub(super) fn gateway(common: &Common, proxy: &Proxy) -> Value {
    let clusters = vec![mesh_cluster(common, topology::ENTRY, None)];
    bootstrap(common, proxy, &[gateway_listener(proxy)], clusters)
}

/// The clusters that requests for a service are spread over, and whether they speak mutual TLS.
fn clusters_of(service: &str) -> Vec<(String, bool)> {
    let versions: Vec<_> = topology::versions_of(service)
        .map(|workload| (topology::cluster_name(workload), workload.requires_mtls))
        .collect();
    if versions.is_empty() { vec![(service.to_owned(), false)] } else { versions }
}

fn bootstrap(common: &Common, proxy: &Proxy, listeners: &[Value], mut clusters: Vec<Value>) -> Value {
    for name in [OTLP_CLUSTER, ACCESS_LOG_CLUSTER] {
        clusters.push(receiver_cluster(name, common.otlp_grpc));
    }
    let (level, name) = REUSE_PORT;
    json!({
        "node": {
            "id": proxy.node_id,
            "cluster": proxy.service,
            "locality": {"region": "eu-west-1", "zone": "eu-west-1a"},
        },
        "admin": {
            "address": socket_address(proxy.admin),
            "socket_options": [{"level": level, "name": name, "int_value": 1, "state": "STATE_PREBIND"}],
        },
        "stats_flush_interval": seconds(common.stats_flush_interval),
        "layered_runtime": {"layers": [{
            "name": "static",
            "static_layer": {
                "tracing.opentelemetry.flush_interval_ms": common.span_flush_interval.as_millis() as u64,
            },
        }]},
        "static_resources": {"listeners": listeners, "clusters": clusters},
    })
}

fn socket_address(address: SocketAddr) -> Value {
    json!({"socket_address": {"address": address.ip().to_string(), "port_value": address.port()}})
}

/// A duration in the JSON form of protobuf.
fn seconds(duration: Duration) -> String {
    format!("{}s", duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weighted_service_has_a_cluster_a_version_and_a_dead_one_its_own() {
        assert_eq!(clusters_of("orders"), [("orders_v1".to_owned(), false), ("orders_v2".to_owned(), false)]);
        assert_eq!(clusters_of("payments"), [("payments".to_owned(), true)]);
        assert_eq!(clusters_of(topology::DEAD_UPSTREAM), [("legacy".to_owned(), false)]);
    }

    #[test]
    fn durations_are_written_as_protobuf_wants_them() {
        assert_eq!(seconds(Duration::from_secs(1)), "1s");
        assert_eq!(seconds(Duration::from_millis(250)), "0.25s");
    }
}

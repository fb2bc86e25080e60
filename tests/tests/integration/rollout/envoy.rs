//! The Envoy that splits traffic: it counts, and logs to Sidecarta's access log service.

use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Value, json};
use sidecarta_tests::harness::{Answer, client, eventually, program};
use sidecarta_tests::mesh::{ReservedPort, bound_to_us};
use tokio::process::Child;

use super::services::{Rollout, SERVICES, VERSIONS};

pub(super) struct Envoy {
    pub(super) url: String,
    _process: Child,
    /// Kept, so that the port stays ours.
    _admin: ReservedPort,
}

impl Envoy {
    pub(super) async fn start(
        folder: &Path,
        admin: ReservedPort,
        rollout: &Rollout,
        otlp: SocketAddr,
    ) -> Self {
        let file = folder.join("envoy.json");
        let address = admin.address();
        std::fs::write(&file, configuration(address, rollout, otlp).to_string()).unwrap();
        let process = bound_to_us(&program("SIDECARTA_ENVOY"), "KILL")
            .args(["--concurrency", "1", "--disable-hot-restart", "--log-level", "error", "--config-path"])
            .arg(&file)
            .spawn()
            .expect("SIDECARTA_ENVOY names a program that runs");
        let url = eventually("Envoy listens", async || {
            let listeners =
                Answer::to(client().get(format!("http://{address}/listeners?format=json"))).await.ok()?;
            let listeners: Value = listeners.json();
            let port = &listeners["listener_statuses"][0]["local_address"]["socket_address"]["port_value"];
            Some(format!("http://127.0.0.1:{}", port.as_u64().filter(|&port| port > 0)?))
        })
        .await;
        Self { url, _process: process, _admin: admin }
    }
}

fn configuration(admin: SocketAddr, rollout: &Rollout, otlp: SocketAddr) -> Value {
    let at = |address: SocketAddr| json!({"socket_address": {"address": address.ip().to_string(), "port_value": address.port()}});
    let cluster = |name: &str, address: SocketAddr, http2: bool| {
        let protocol = if http2 { "http2_protocol_options" } else { "http_protocol_options" };
        json!({
            "name": name, "type": "STATIC",
            "typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": {protocol: {}},
            }},
            "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [{"endpoint": {"address": at(address)}}]}]},
        })
    };
    let host = |service: &&str| {
        // What is configured for `skew`, the runtime overrides without a word.
        let weights = if *service == "skew" { [90, 10] } else { [50, 50] };
        let target = |(version, weight): (&str, u32)| json!({"name": format!("{service}_{version}"), "weight": weight});
        let targets: Vec<Value> = VERSIONS.into_iter().zip(weights).map(target).collect();
        json!({
            "name": service, "domains": [service], "include_request_attempt_count": true,
            "routes": [{"match": {"prefix": "/"}, "route": {
                "weighted_clusters": {"clusters": targets, "runtime_key_prefix": format!("split.{service}")},
                "retry_policy": {"retry_on": if *service == "flaky" { "5xx" } else { "connect-failure" }, "num_retries": 2},
            }}],
        })
    };
    let manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "out",
        "access_log": [{"name": "envoy.access_loggers.http_grpc", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig",
            "common_config": {
                "log_name": "out", "transport_api_version": "V3", "buffer_flush_interval": "0.1s",
                "grpc_service": {"envoy_grpc": {"cluster_name": "sidecarta"}},
            },
        }}],
        "route_config": {"virtual_hosts": SERVICES.iter().map(host).collect::<Vec<_>>()},
        "http_filters": [{"name": "envoy.filters.http.router", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
        }}],
    });
    let versions = rollout.addresses.iter();
    let mut clusters: Vec<Value> = versions
        .map(|((service, version), address)| cluster(&format!("{service}_{version}"), *address, false))
        .collect();
    clusters.push(cluster("sidecarta", otlp, true));
    json!({
        "node": {"id": "web-1", "cluster": "web"},
        // `SO_REUSEPORT`, so that it can take the port that is reserved.
        "admin": {
            "address": at(admin),
            "socket_options": [{"level": 1, "name": 15, "int_value": 1, "state": "STATE_PREBIND"}],
        },
        "stats_flush_interval": "1s",
        "layered_runtime": {"layers": [
            {"name": "fixed", "static_layer": {"split.skew.skew_v1": 50, "split.skew.skew_v2": 50}},
        ]},
        "static_resources": {
            "listeners": [{
                "name": "out", "traffic_direction": "OUTBOUND", "address": at(SocketAddr::from(([127, 0, 0, 1], 0))),
                "filter_chains": [{"filters": [{
                    "name": "envoy.filters.network.http_connection_manager", "typed_config": manager,
                }]}],
            }],
            "clusters": clusters,
        },
    })
}

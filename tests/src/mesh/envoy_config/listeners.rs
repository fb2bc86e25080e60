//! The listeners and routes of the Envoy configurations.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::clusters::tls_context;
use super::{ACCESS_LOG_CLUSTER, LOCAL_CLUSTER, OTLP_CLUSTER, Proxy, clusters_of, seconds, socket_address};
use crate::mesh::certificates::Identity;
use crate::mesh::services::FLAGS_HEADER;
use crate::mesh::topology::{self, NAMESPACE, RECOMMENDATIONS_TIMEOUT};

/// What the gateway routes by path: prefix, and the name of the route and of its statistics.
const GATEWAY_ROUTES: [(&str, &str); 4] =
    [("/orders", "orders"), ("/products", "products"), ("/account", "account"), ("/", "home")];

/// From the other sidecars to the application; only by mutual TLS if an identity is given.
pub(super) fn inbound_listener(proxy: &Proxy, secured: Option<&Identity>) -> Value {
    let hosts = [json!({
        "name": "local",
        "domains": ["*"],
        "routes": [{"name": "local", "match": {"prefix": "/"}, "route": {"cluster": LOCAL_CLUSTER}}],
    })];
    let mut listener = listener("inbound", "INBOUND", proxy.inbound, &manager(proxy, "inbound", &hosts));
    if let Some(identity) = secured {
        listener["filter_chains"][0]["transport_socket"] = json!({
            "name": "envoy.transport_sockets.tls",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
                "require_client_certificate": true,
                "common_tls_context": tls_context(identity, None),
            },
        });
    }
    listener
}

/// From the application to the services that it calls, told apart by the `Host` of the request.
pub(super) fn outbound_listener(proxy: &Proxy, calls: &[&str]) -> Value {
    let hosts: Vec<Value> = calls.iter().map(|service| virtual_host(service)).collect();
    listener("outbound", "OUTBOUND", proxy.outbound, &manager(proxy, "outbound", &hosts))
}

/// From outside to the entry service, with a route and statistics a path.
pub(super) fn gateway_listener(proxy: &Proxy) -> Value {
    let routes: Vec<Value> = GATEWAY_ROUTES
        .iter()
        .map(|(prefix, name)| {
            json!({
                "name": name,
                "stat_prefix": name,
                "match": {"prefix": prefix},
                "route": {"cluster": topology::ENTRY},
            })
        })
        .collect();
    let hosts = [json!({"name": NAMESPACE, "domains": ["*"], "routes": routes})];
    let mut manager = manager(proxy, "inbound", &hosts);
    manager["use_remote_address"] = json!(true);
    listener("inbound", "INBOUND", proxy.inbound, &manager)
}

/// The routes to one service: weighted over its versions, with the time limit or the retries that it is known for.
fn virtual_host(service: &str) -> Value {
    let clusters = clusters_of(service);
    let mut route = if let [(cluster, _)] = clusters.as_slice() {
        json!({"cluster": cluster})
    } else {
        let targets: Vec<Value> = topology::versions_of(service)
            .map(|workload| {
                json!({"name": topology::cluster_name(workload), "weight": topology::weight(workload)})
            })
            .collect();
        json!({"weighted_clusters": {"clusters": targets}})
    };
    match service {
        "recommendations" => route["timeout"] = json!(seconds(RECOMMENDATIONS_TIMEOUT)),
        "inventory" => {
            route["retry_policy"] = json!({
                "retry_on": "gateway-error",
                "num_retries": 1,
                "retry_back_off": {"base_interval": "0.005s", "max_interval": "0.02s"},
            });
        }
        _ => {}
    }
    json!({
        "name": service,
        "domains": [service],
        "include_attempt_count_in_response": true,
        "include_request_attempt_count": true,
        "routes": [{"name": service, "match": {"prefix": "/"}, "route": route}],
    })
}

fn listener(name: &str, direction: &str, address: SocketAddr, manager: &Value) -> Value {
    json!({
        "name": name,
        "traffic_direction": direction,
        "address": socket_address(address),
        "filter_chains": [{"filters": [{
            "name": "envoy.filters.network.http_connection_manager",
            "typed_config": manager,
        }]}],
    })
}

fn manager(proxy: &Proxy, name: &str, virtual_hosts: &[Value]) -> Value {
    json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": name,
        "tracing": tracing(proxy),
        "access_log": [access_log(name)],
        // The caller learns from this header that an answer is Envoy's own, and why.
        "local_reply_config": {"mappers": [{
            "filter": {"response_flag_filter": {}},
            "headers_to_add": [{"header": {"key": FLAGS_HEADER, "value": "%RESPONSE_FLAGS%"}}],
        }]},
        "route_config": {"name": name, "virtual_hosts": virtual_hosts},
        "http_filters": [{
            "name": "envoy.filters.http.router",
            "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"},
        }],
    })
}

/// Every request is logged, by Envoy's access log service.
fn access_log(name: &str) -> Value {
    json!({
        "name": "envoy.access_loggers.http_grpc",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig",
            "common_config": {
                "log_name": name,
                "transport_api_version": "V3",
                "buffer_flush_interval": "0.2s",
                "grpc_service": {"envoy_grpc": {"cluster_name": ACCESS_LOG_CLUSTER}},
            },
        },
    })
}

/// Every request is traced, under the service's name and without its version, as meshes usually set it up.
fn tracing(proxy: &Proxy) -> Value {
    json!({
        "random_sampling": {"value": 100},
        "spawn_upstream_span": proxy.spawns_upstream_span,
        "provider": {
            "name": "envoy.tracers.opentelemetry",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.config.trace.v3.OpenTelemetryConfig",
                "grpc_service": {"envoy_grpc": {"cluster_name": OTLP_CLUSTER}, "timeout": "10s"},
                "service_name": proxy.service,
                "resource_detectors": [{
                    "name": "envoy.tracers.opentelemetry.resource_detectors.static_config",
                    "typed_config": {
                        "@type": "type.googleapis.com/envoy.extensions.tracers.opentelemetry.resource_detectors.v3.StaticConfigResourceDetectorConfig",
                        "attributes": {"service.namespace": NAMESPACE},
                    },
                }],
            },
        },
    })
}

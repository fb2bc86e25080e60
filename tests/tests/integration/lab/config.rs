//! The configuration of the lab's Envoy: a cluster and a route for each thing that can go wrong.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde_json::{Value, json};
use sidecarta_tests::mesh::{Identity, spiffe_id};

use super::upstream::HEALTH_PATH;

/// The name of the cluster without faults. It holds dots and a colon, as names of the field do.
pub(super) const PLAIN: &str = "plain.shop.local:80";
/// Its zone, and that of the Envoy.
pub(super) const ZONES: (&str, &str) = ("here", "there");
/// `SOL_SOCKET` and `SO_REUSEPORT` of Linux, which let the admin listener take its reserved port.
const REUSE_PORT: (u8, u8) = (1, 15);
/// So long that it never passes in a test.
const NEVER: &str = "3600s";

/// Where everything is.
#[derive(Debug)]
pub(super) struct Places {
    pub(super) admin: SocketAddr,
    pub(super) egress: SocketAddr,
    pub(super) mtls: SocketAddr,
    /// The endpoints of each cluster.
    pub(super) endpoints: BTreeMap<&'static str, Vec<SocketAddr>>,
    /// Who the Envoy is to the one who calls it, and as a caller.
    pub(super) identity: Identity,
    /// An identity that another authority vouches for.
    pub(super) stranger: Identity,
}

/// The whole configuration. Statistics are flushed at this interval.
pub(super) fn bootstrap(places: &Places, flush_interval: &str) -> Value {
    let (option_level, option_name) = REUSE_PORT;
    let reuse =
        json!([{"level": option_level, "name": option_name, "int_value": 1, "state": "STATE_PREBIND"}]);
    let clusters: Vec<Value> = places.endpoints.keys().map(|name| cluster(name, places)).collect();
    json!({
        "node": {"id": "lab-1", "cluster": "lab", "locality": {"zone": ZONES.0}},
        "admin": {"address": at(places.admin), "socket_options": reuse},
        "stats_flush_interval": flush_interval,
        "static_resources": {"listeners": [egress(places), mtls(places)], "clusters": clusters},
    })
}

fn at(address: SocketAddr) -> Value {
    json!({"socket_address": {"address": address.ip(), "port_value": address.port()}})
}

fn cluster(name: &str, places: &Places) -> Value {
    let endpoint = |address: &SocketAddr| {
        let metadata = json!({"filter_metadata": {"envoy.lb": {"canary": name == PLAIN}}});
        json!({"endpoint": {"address": at(*address)}, "metadata": metadata})
    };
    let endpoints: Vec<Value> = places.endpoints[name].iter().map(endpoint).collect();
    let mut cluster = json!({
        "name": name,
        "type": "STATIC",
        "connect_timeout": if name == "silent" { "0.2s" } else { "30s" },
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"locality": {"zone": ZONES.1}, "lb_endpoints": endpoints}],
        },
        "track_cluster_stats": {"per_endpoint_stats": true},
    });
    let breakers = |limits: Value| json!({"thresholds": [limits]});
    let details = match name {
        "streams" => json!({"typed_extension_protocol_options": http2()}),
        "tight" => {
            json!({"circuit_breakers": breakers(json!({"max_connections": 1, "max_pending_requests": 1}))})
        }
        "narrow" => json!({
            "typed_extension_protocol_options": http2(),
            "circuit_breakers": breakers(json!({"max_requests": 1})),
        }),
        "thrifty" => json!({"circuit_breakers": breakers(json!({"max_retries": 0}))}),
        "flaky" => json!({"outlier_detection": {
            "consecutive_5xx": 3, "interval": "0.1s", "base_ejection_time": NEVER, "max_ejection_percent": 100,
        }}),
        "mixed" | "panicking" | "gone" => json!({
            "health_checks": [health_check()],
            "common_lb_config": {"healthy_panic_threshold": {"value": if name == "gone" { 0 } else { 50 }}},
        }),
        "secure" => tls(Some(&places.identity), &places.identity, "lab"),
        "wrong_authority" => tls(Some(&places.identity), &places.stranger, "lab"),
        "wrong_name" => tls(Some(&places.identity), &places.identity, "other"),
        "no_certificate" => tls(None, &places.identity, "lab"),
        "stranger" | "silent" => tls(Some(&places.stranger), &places.identity, "lab"),
        _ => json!({}),
    };
    for (key, value) in details.as_object().into_iter().flatten() {
        cluster[key] = value.clone();
    }
    cluster
}

fn http2() -> Value {
    json!({"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        "explicit_http_config": {"http2_protocol_options": {}},
    }})
}

/// One check at the start and no other.
fn health_check() -> Value {
    json!({
        "timeout": "30s", "interval": NEVER, "no_traffic_interval": NEVER,
        "unhealthy_threshold": 1, "healthy_threshold": 1, "http_health_check": {"path": HEALTH_PATH},
    })
}

/// Shows `shown`, trusts the authority of `trusted` and expects the service `peer`.
fn tls(shown: Option<&Identity>, trusted: &Identity, peer: &str) -> Value {
    let mut context = json!({"validation_context": {
        "trusted_ca": {"filename": trusted.authority},
        "match_typed_subject_alt_names": [{"san_type": "URI", "matcher": {"exact": spiffe_id(peer)}}],
    }});
    if let Some(shown) = shown {
        context["tls_certificates"] = certificates(shown);
    }
    transport("UpstreamTlsContext", json!({"common_tls_context": context}))
}

fn certificates(identity: &Identity) -> Value {
    json!([{
        "certificate_chain": {"filename": identity.certificate}, "private_key": {"filename": identity.key},
    }])
}

fn transport(context: &str, mut config: Value) -> Value {
    config["@type"] =
        json!(format!("type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.{context}"));
    json!({"transport_socket": {"name": "envoy.transport_sockets.tls", "typed_config": config}})
}

/// Where the load comes in.
fn egress(places: &Places) -> Value {
    let mut routes: Vec<Value> = places.endpoints.keys().map(|cluster| route(cluster)).collect();
    routes.extend([
        json!({"match": {"prefix": "/direct/"}, "direct_response": {"status": 418}}),
        json!({"match": {"prefix": "/moved/"}, "redirect": {"path_redirect": "/plain/"}}),
        json!({"match": {"prefix": "/unknown/"}, "route": {"cluster_header": "x-cluster"}}),
    ]);
    let host = json!({
        "name": "shop.lab", "domains": ["*"], "routes": routes, "include_request_attempt_count": true,
        "virtual_clusters": [{
            "name": "checkout",
            "headers": [{"name": ":path", "string_match": {"contains": "/checkout"}}],
        }],
    });
    listener("egress", "OUTBOUND", places.egress, "egress", &[host])
}

/// The route to a cluster: by its name up to the first dot.
fn route(cluster: &str) -> Value {
    let name = short(cluster);
    let mut route = json!({"cluster": cluster, "timeout": "0s"});
    match name {
        "tries" | "thrifty" => route["retry_policy"] = retries(2, "2.5s"),
        "once" => route["retry_policy"] = retries(1, "0.3s"),
        "slow" => route["timeout"] = json!("0.2s"),
        _ => {}
    }
    json!({"match": {"prefix": format!("/{name}/")}, "name": name, "stat_prefix": name, "route": route})
}

/// A cluster's name up to the first dot, which is that of its route.
pub(super) fn short(cluster: &str) -> &str {
    cluster.split('.').next().unwrap_or(cluster)
}

fn retries(count: u32, per_try_timeout: &str) -> Value {
    json!({
        "retry_on": "5xx,reset,connect-failure,retriable-4xx", "num_retries": count,
        "per_try_timeout": per_try_timeout,
        "retry_back_off": {"base_interval": "0.001s", "max_interval": "0.002s"},
    })
}

/// Where the Envoy calls itself with mutual TLS.
fn mtls(places: &Places) -> Value {
    let host = json!({
        "name": "local", "domains": ["*"],
        "routes": [{"match": {"prefix": "/"}, "direct_response": {"status": 200}}],
    });
    let mut listener = listener("mtls", "INBOUND", places.mtls, "mtls", &[host]);
    let context = json!({
        "tls_certificates": certificates(&places.identity),
        "validation_context": {"trusted_ca": {"filename": places.identity.authority}},
    });
    let tls = json!({"require_client_certificate": true, "common_tls_context": context});
    listener["filter_chains"][0]["transport_socket"] =
        transport("DownstreamTlsContext", tls)["transport_socket"].take();
    listener
}

fn listener(name: &str, direction: &str, address: SocketAddr, prefix: &str, hosts: &[Value]) -> Value {
    let manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": prefix,
        "route_config": {"name": name, "virtual_hosts": hosts},
        "http_filters": [{
            "name": "envoy.filters.http.router",
            "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"},
        }],
    });
    json!({
        "name": name, "stat_prefix": name, "traffic_direction": direction, "address": at(address),
        "filter_chains": [{"filters": [{
            "name": "envoy.filters.network.http_connection_manager", "typed_config": manager,
        }]}],
    })
}

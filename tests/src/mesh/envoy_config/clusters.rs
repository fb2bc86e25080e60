//! The clusters of the Envoy configurations.

use std::net::{Ipv4Addr, SocketAddr};

use serde_json::{Value, json};

use super::{Common, LOCAL_CLUSTER, socket_address};
use crate::mesh::certificates::{Identity, spiffe_id};

/// Retries that may be under way at once: more than any load of this mesh needs.
const RETRY_LIMIT: u32 = 256;

/// The cluster of a sidecar's own application.
pub(super) fn local_cluster(app: SocketAddr) -> Value {
    cluster(LOCAL_CLUSTER, app)
}

/// A cluster that leads to another sidecar, by mutual TLS if a service name and an identity are given.
pub(super) fn mesh_cluster(common: &Common, name: &str, secured: Option<(&str, &Identity)>) -> Value {
    // A cluster without an endpoint cannot be: every target of the topology has its port reserved at the start.
    let nowhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
    let mut cluster = cluster(name, common.endpoints.get(name).copied().unwrap_or(nowhere));
    cluster["circuit_breakers"] = json!({"thresholds": [{"max_retries": RETRY_LIMIT}]});
    if let Some((service, identity)) = secured {
        cluster["transport_socket"] = json!({
            "name": "envoy.transport_sockets.tls",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
                "sni": service,
                "common_tls_context": tls_context(identity, Some(service)),
            },
        });
    }
    cluster
}

/// The cluster of the OTLP receiver, HTTP/2 without TLS.
pub(super) fn receiver_cluster(name: &str, receiver: SocketAddr) -> Value {
    let mut cluster = cluster(name, receiver);
    cluster["typed_extension_protocol_options"] = json!({
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            "explicit_http_config": {"http2_protocol_options": {}},
        },
    });
    cluster
}

/// The certificates of one end of a connection; `peer` is the service that the other end must be, if one is asked.
pub(super) fn tls_context(identity: &Identity, peer: Option<&str>) -> Value {
    let mut validation = json!({"trusted_ca": {"filename": identity.authority}});
    if let Some(service) = peer {
        validation["match_typed_subject_alt_names"] =
            json!([{"san_type": "URI", "matcher": {"exact": spiffe_id(service)}}]);
    }
    json!({
        "tls_certificates": [{
            "certificate_chain": {"filename": identity.certificate},
            "private_key": {"filename": identity.key},
        }],
        "validation_context": validation,
    })
}

fn cluster(name: &str, address: SocketAddr) -> Value {
    json!({
        "name": name,
        "type": "STATIC",
        "connect_timeout": "2s",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": socket_address(address)}}]}],
        },
    })
}

//! Real traces: an Envoy 1.40 as gateway and as sidecars, an instrumented application between them.

use std::sync::Arc;

use serde_json::Value;

use super::{clusters, edges};
use crate::rows::span::{Peer, PeerKind, Protocol, Skeleton, SpanFlags, SpanKind, Traits, Workload};

const SIDECARS: &str = include_str!("../../../../tests/fixtures/otlp/one_trace.good.json");
const REMOTE_PARENT: &str = include_str!("../../../../tests/fixtures/otlp/remote_parent.good.json");

/// The attributes of a resource or span.
struct Attributes<'a>(&'a Value);

impl Attributes<'_> {
    fn get(&self, key: &str) -> Option<String> {
        let attributes = self.0["attributes"].as_array()?;
        let value = &attributes.iter().find(|attribute| attribute["key"] == key)?["value"];
        let text = value["stringValue"].as_str().or_else(|| value["intValue"].as_str())?;
        Some(text.to_owned())
    }

    fn text(&self, key: &str) -> String {
        self.get(key).unwrap_or_default()
    }
}

/// As much of the receiver as these traces need.
fn read(json: &str) -> Vec<Skeleton> {
    let request: Value = serde_json::from_str(json).unwrap();
    let mut spans = Vec::new();
    for resource_spans in request["resourceSpans"].as_array().unwrap() {
        let resource = Attributes(&resource_spans["resource"]);
        let workload = Arc::new(Workload {
            service: resource.text("service.name"),
            namespace: resource.text("service.namespace"),
            version: resource.text("service.version"),
            environment: resource.text("deployment.environment.name"),
        });
        let proxy = resource.text("telemetry.sdk.language") == "cpp";
        for scope_spans in resource_spans["scopeSpans"].as_array().unwrap() {
            let read = |span| skeleton(span, Arc::clone(&workload), proxy);
            spans.extend(scope_spans["spans"].as_array().unwrap().iter().map(read));
        }
    }
    spans
}

fn skeleton(span: &Value, workload: Arc<Workload>, proxy: bool) -> Skeleton {
    let id = |key: &str| u64::from_str_radix(span[key].as_str().unwrap_or("0"), 16).unwrap();
    let time = |key: &str| span[key].as_str().unwrap().parse::<i64>().unwrap();
    let attributes = Attributes(span);
    let shared = |key: &str| attributes.get(key).filter(|_| proxy).map(Arc::from);
    let peer = peer(&attributes);
    Skeleton {
        trace_id: u128::from_str_radix(span["traceId"].as_str().unwrap(), 16).unwrap(),
        span_id: id("spanId"),
        parent_span_id: id("parentSpanId"),
        start_ns: time("startTimeUnixNano"),
        duration_ns: (time("endTimeUnixNano") - time("startTimeUnixNano")) as u64,
        traits: Arc::new(Traits {
            workload,
            upstream_cluster: shared("upstream_cluster"),
            node_id: shared("node_id"),
            kind: SpanKind::from_number(span["kind"].as_i64().unwrap() as i32),
            protocol: match &peer {
                Some(peer) if peer.kind == PeerKind::Database => Protocol::Database,
                Some(peer) if peer.kind == PeerKind::Queue => Protocol::Messaging,
                _ => Protocol::Http,
            },
            peer: peer.map(Arc::new),
            flags: SpanFlags {
                error: attributes.text("error") == "true",
                timeout: false,
                proxy,
                xray: false,
            },
            ..Traits::default()
        }),
    }
}

fn peer(attributes: &Attributes<'_>) -> Option<Peer> {
    let named = |kind, system: &str, name: &str| {
        Some(Peer { kind, system: attributes.text(system), name: attributes.get(name)? })
    };
    named(PeerKind::Service, "", "peer.service")
        .or_else(|| named(PeerKind::Database, "db.system.name", "db.namespace"))
        .or_else(|| named(PeerKind::Queue, "messaging.system", "messaging.destination.name"))
}

#[test]
fn a_recorded_trace_gives_the_edges_that_were_called() {
    assert_eq!(
        edges(&read(SIDECARS)),
        [
            "client -> shop/gateway http -/21",
            "shop/gateway -> shop/orders@v1 http 21/20",
            "shop/orders@v1 -> db=postgresql:shop sql 0/-",
            "shop/orders@v1 -> queue=kafka:order-events messaging 0/-",
            "shop/orders@v1 -> shop/payments http 13/11",
            // The application behind this proxy makes no spans.
            "shop/payments -> cluster:payments_app http 11/-",
        ]
    );
}

#[test]
fn a_recorded_trace_ties_clusters_to_versions() {
    assert_eq!(
        clusters(&read(SIDECARS)),
        [
            "gateway: orders_v1 = shop/orders@v1",
            "orders: orders_v1_app = shop/orders@v1",
            "orders: payments = shop/payments",
        ]
    );
}

#[test]
fn a_recorded_trace_whose_caller_is_not_there_begins_with_an_unknown_one() {
    assert_eq!(
        edges(&read(REMOTE_PARENT)),
        [
            "shop/gateway -> shop/orders@v1 http 52/52",
            "shop/orders@v1 -> db=postgresql:shop sql 0/-",
            "shop/orders@v1 -> queue=kafka:order-events messaging 0/-",
            "shop/orders@v1 -> shop/payments http 50/47",
            "shop/payments -> cluster:payments_app http 47/-",
            "unknown -> shop/gateway http -/52",
        ]
    );
}

#[test]
fn a_recorded_trace_counts_a_request_once_whichever_span_is_missing() {
    let spans = read(SIDECARS);
    for held_back in 0..spans.len() {
        let mut some = spans.clone();
        some.remove(held_back);
        let servers = edges(&some).iter().filter(|edge| edge.contains("-> shop/orders")).count();
        assert_eq!(servers, 1, "without {held_back}");
    }
}

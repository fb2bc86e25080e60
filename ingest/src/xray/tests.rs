//! From documents to spans, and from those to what the graph is made of.

use std::sync::Arc;

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use sidecarta_queries::rows::span::{Skeleton, VaryingKeys};
use sidecarta_queries::trace::{Endpoint, contributions};

use super::*;
use crate::otlp::{DecodeLimits, decode_traces};

mod hostile;
mod incomplete;

const ENVOY: &str = include_str!("../../../tests/fixtures/xray/envoy.good.jsonl");
const SHOP: &str = include_str!("../../../tests/fixtures/xray/shop.good.jsonl");
/// A minute after the documents of the fixtures.
const NOW_NS: i64 = 1_795_423_445_000_000_000;

fn converted(text: &str) -> Converted {
    spans(&text.lines().collect::<Vec<_>>(), Late::Wait)
}

fn values(attributes: &[KeyValue]) -> serde_json::Value {
    let pair = |attribute: &KeyValue| {
        let value = serde_json::to_value(&attribute.value).unwrap();
        let inner = value.as_object().and_then(|value| value.values().next()).cloned();
        (attribute.key.clone(), inner.unwrap_or(value))
    };
    attributes.iter().map(pair).collect::<serde_json::Map<_, _>>().into()
}

/// Every span with its resource, as JSON that a person can check.
fn readable(converted: &Converted) -> serde_json::Value {
    let hex = |bytes: &[u8]| bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    let span = |span: &Span| {
        let events = span.events.iter().map(|event| values(&event.attributes)).collect::<Vec<_>>();
        serde_json::json!({
            "id": hex(&span.span_id),
            "parent": hex(&span.parent_span_id),
            "name": span.name,
            "kind": span.kind().as_str_name(),
            "time": [span.start_time_unix_nano, span.end_time_unix_nano],
            "status": span.status.as_ref().map(|status| (status.code().as_str_name(), &status.message)),
            "attributes": values(&span.attributes),
            "events": events,
        })
    };
    let batches = converted.request.resource_spans.iter().map(|batch| {
        let spans = batch.scope_spans.iter().flat_map(|scope| &scope.spans).map(span).collect::<Vec<_>>();
        let scope = batch.scope_spans[0].scope.as_ref().map(|scope| (&scope.name, &scope.version));
        serde_json::json!({
            "resource": values(&batch.resource.as_ref().unwrap().attributes), "scope": scope, "spans": spans,
        })
    });
    batches.collect::<Vec<_>>().into()
}

fn skeletons(converted: &Converted) -> Vec<Skeleton> {
    let limits = DecodeLimits::default();
    let bytes = converted.request.encode_to_vec();
    let decoded = decode_traces(&bytes, NOW_NS, &limits, Arc::new(VaryingKeys::default())).unwrap();
    assert_eq!((decoded.accepted, decoded.message.as_str()), (converted.spans, ""));
    decoded.batch.skeletons
}

/// The edges of all traces: who calls whom, how it ended, and how often it was tried.
fn edges(converted: &Converted) -> Vec<String> {
    let all = skeletons(converted);
    let mut traces: Vec<u128> = all.iter().map(|span| span.trace_id).collect();
    traces.sort_unstable();
    traces.dedup();
    let mut lines = Vec::new();
    for trace in traces {
        let trace: Vec<Skeleton> = all.iter().filter(|span| span.trace_id == trace).cloned().collect();
        for edge in contributions(&trace).0 {
            let (error, timeout) =
                (if edge.error { " err" } else { "" }, if edge.timeout { " timeout" } else { "" });
            lines.push(format!(
                "{} -> {} {}{error}{timeout} x{}",
                end(&edge.source),
                end(&edge.target),
                edge.protocol.name(),
                edge.attempts
            ));
        }
    }
    lines.sort();
    lines
}

fn end(end: &Endpoint) -> String {
    match end {
        Endpoint::Client => "client".to_owned(),
        Endpoint::Unknown => "unknown".to_owned(),
        Endpoint::Workload(workload) if workload.version.is_empty() => workload.service.clone(),
        Endpoint::Workload(workload) => format!("{}@{}", workload.service, workload.version),
        Endpoint::Peer(peer) => format!("{:?}:{}:{}", peer.kind, peer.system, peer.name),
        Endpoint::Cluster(cluster) => format!("cluster:{cluster}"),
    }
}

#[test]
fn what_an_envoy_sends_becomes_the_edges_that_were_called() {
    let converted = converted(ENVOY);
    assert_eq!((converted.spans, converted.waiting.len(), converted.rejected.len()), (20, 0, 0));
    insta::assert_snapshot!(edges(&converted).join("\n"));
}

#[test]
fn what_an_envoy_sends_is_taken_whole() {
    insta::assert_json_snapshot!(readable(&converted(&ENVOY.lines().take(5).collect::<Vec<_>>().join("\n"))));
}

#[test]
fn every_kind_of_segment_becomes_the_span_it_means() {
    let converted = converted(SHOP);
    assert_eq!((converted.waiting.len(), converted.rejected.len()), (0, 0));
    insta::assert_json_snapshot!(readable(&converted));
}

#[test]
fn applications_with_an_sdk_of_x_ray_become_the_edges_that_were_called() {
    assert_eq!(
        edges(&converted(SHOP)),
        [
            "billing -> Host::rates.example http x1",
            "billing -> Queue:aws.sns:invoices messaging x1",
            "billing -> Service::ledger unknown x1",
            "client -> billing unknown x1",
            "client -> web@4.2 http err x1",
            "web@4.2 -> Database:aws.dynamodb:orders sql x1",
            "web@4.2 -> Database:postgresql:shop sql x1",
            "web@4.2 -> Queue:aws_sqs:order-events messaging x1",
            "web@4.2 -> Service::S3 rpc err x1",
            "web@4.2 -> payments http err x1",
        ]
    );
}

#[test]
fn an_envoy_between_two_applications_is_no_hop() {
    let at = |start: u32, end: u32| {
        format!(r#""start_time":1795423385.{start:03},"end_time":1795423385.{end:03}"#)
    };
    let proxy = |name: &str, id: &str, parent: &str, times: String, direction: &str, cluster: &str| {
        format!(
            r#"{{"name":"shop/{name}","id":"{id}","parent_id":"{parent}","trace_id":"1-6b03fc99-000000000000000000000003",{times},"origin":"AWS::AppMesh::Proxy","aws":{{"app_mesh":{{"mesh_name":"shop","virtual_node_name":"{name}"}}}},"http":{{"request":{{"method":"GET","url":"http://orders/x"}},"response":{{"status":200}}}},"annotations":{{"direction":"{direction}","component":"proxy","upstream_cluster":"{cluster}","node_id":"mesh/shop/virtualNode/{name}"}}}}"#
        )
    };
    let documents = [
        format!(
            r#"{{"name":"web","id":"a000000000000001","trace_id":"1-6b03fc99-000000000000000000000003",{},"subsegments":[{{"name":"orders","id":"a000000000000002","namespace":"remote",{},"http":{{"request":{{"method":"GET","url":"http://orders/x"}},"response":{{"status":200}}}}}}]}}"#,
            at(0, 100),
            at(1, 99)
        ),
        proxy(
            "web",
            "a000000000000003",
            "a000000000000002",
            at(2, 98),
            "egress",
            "cds_egress_shop_orders_http_80",
        ),
        proxy(
            "orders",
            "a000000000000004",
            "a000000000000003",
            at(3, 97),
            "ingress",
            "cds_ingress_shop_orders_http_80",
        ),
        format!(
            r#"{{"name":"orders","id":"a000000000000005","parent_id":"a000000000000004","trace_id":"1-6b03fc99-000000000000000000000003",{},"http":{{"request":{{"method":"GET","url":"http://orders/x"}},"response":{{"status":200}}}}}}"#,
            at(4, 96)
        ),
    ];
    for held_back in [None, Some(1), Some(2)] {
        let kept = documents.iter().enumerate().filter(|(number, _)| Some(*number) != held_back);
        let kept: Vec<&str> = kept.map(|(_, document)| document.as_str()).collect();
        let edges = edges(&spans(&kept, Late::Wait));
        let calls = edges.iter().filter(|edge| edge.starts_with("web -> orders http")).count();
        assert_eq!((calls, edges.len()), if held_back.is_none() { (1, 2) } else { (0, 3) }, "{edges:?}");
    }
}

#[test]
fn the_status_of_an_envoy_counts_more_than_its_flags() {
    let failed = |status: &str, more: &str| {
        let text = format!(
            r#"{{"name":"shop/web","id":"a000000000000001","trace_id":"1-6b03fc99-000000000000000000000003","start_time":1795423385,"end_time":1795423386,"origin":"AWS::AppMesh::Proxy","http":{{"request":{{"method":"GET"}},"response":{{{status}}}}}{more}}}"#
        );
        skeletons(&spans(&[&text], Late::Wait))[0].flags.error
    };
    assert!(failed(r#""status":503"#, ""));
    assert!(failed(r#""status":"503""#, r#","fault":false"#));
    assert!(!failed(r#""status":200"#, r#","fault":true"#));
    assert!(!failed(r#""status":404"#, r#","error":true"#));
    assert!(failed(r#""status":0"#, r#","fault":true"#));
    assert!(failed(r#""status":0"#, r#","annotations":{"response_flags":"UF"}"#));
    assert!(!failed(r#""status":0"#, r#","annotations":{"response_flags":"DC"}"#));
    assert!(!failed("", ""));
}

#[test]
fn an_envoy_is_the_node_that_its_segment_is_named_for() {
    for (name, more) in [
        ("shop/web", ""),
        ("mesh/shop/virtualNode/web", ""),
        ("arn:aws:appmesh:eu-west-1:1:mesh/shop/virtualGateway/web", ""),
        ("whatever", r#","aws":{"app_mesh":{"virtual_node_name":"web"}}"#),
        ("whatever", r#","aws":{"app_mesh":{"virtual_gateway_name":"web"}}"#),
    ] {
        let text = format!(
            r#"{{"name":"{name}","id":"a000000000000001","trace_id":"1-6b03fc99-000000000000000000000003","start_time":1795423385,"end_time":1795423386,"origin":"AWS::AppMesh::Proxy"{more}}}"#
        );
        assert_eq!(skeletons(&spans(&[&text], Late::Wait))[0].workload.service, "web", "{name}");
    }
}

//! The services table and a service's neighbours, read off the graph.

use std::collections::HashSet;

use crate::api::graph::{Edge, Graph, Node, NodeKind};
use crate::api::services::{ServiceDetail, ServiceSummary};

/// Every node that is not a client, sorted by name.
pub fn services(graph: &Graph) -> Vec<ServiceSummary> {
    let mut services: Vec<ServiceSummary> = graph
        .nodes
        .iter()
        .filter(|node| node.kind != NodeKind::Client)
        .map(|node| summary(graph, node))
        .collect();
    services.sort_by(|one, other| one.name.cmp(&other.name).then_with(|| one.id.cmp(&other.id)));
    services
}

/// One service with the edges into and out of it, by its id or its name; where a name is taken twice, services and
/// gateways come before what is known by hearsay.
pub fn service(graph: &Graph, name: &str) -> Option<ServiceDetail> {
    let reports = |node: &&Node| matches!(node.kind, NodeKind::Service | NodeKind::Gateway);
    let by_id = graph.nodes.iter().find(|node| node.id == name);
    let named = || graph.nodes.iter().filter(|node| node.name == name);
    let node = by_id.or_else(|| named().find(reports)).or_else(|| named().next())?;
    let edges =
        |wanted: &dyn Fn(&Edge) -> bool| graph.edges.iter().filter(|edge| wanted(edge)).cloned().collect();
    Some(ServiceDetail {
        summary: summary(graph, node),
        callers: edges(&|edge| edge.target == node.id),
        callees: edges(&|edge| edge.source == node.id),
        proxies: Vec::new(),
    })
}

fn summary(graph: &Graph, node: &Node) -> ServiceSummary {
    let sources: HashSet<&str> =
        graph.edges.iter().filter(|edge| edge.target == node.id).map(|edge| edge.source.as_str()).collect();
    let targets: HashSet<&str> =
        graph.edges.iter().filter(|edge| edge.source == node.id).map(|edge| edge.target.as_str()).collect();
    ServiceSummary {
        id: node.id.clone(),
        name: node.name.clone(),
        kind: node.kind,
        versions: node.versions.clone(),
        callers: sources.len() as u64,
        callees: targets.len() as u64,
        requests: node.requests,
        request_rate: node.request_rate,
        errors: node.errors,
        error_rate: node.error_rate,
        p50_ms: node.p50_ms,
        p99_ms: node.p99_ms,
        health: node.health,
        evidence: node.evidence.clone(),
    }
}

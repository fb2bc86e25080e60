//! Merged edges in the words of the API.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::api::graph::{
    Coverage, Edge, Evidence, Graph, Health, Latency, Node, NodeKind, Source, VersionShare,
};
use crate::rows::span::Protocol;
use crate::sketch::{Bins, Scheme};
use crate::store::Measures;

use super::GraphQuery;
use super::edges::{Class, EdgeKey, EdgeTotals, Merged, sides};
use super::identity::NodeKey;

/// Share of the traces' requests that a proxy must have counted for its counters to be taken for complete. The two are
/// never equal while traffic runs, since proxies are asked every few seconds.
const COMPLETE: f64 = 0.8;

/// The graph of merged edges, nodes and edges sorted by id.
pub(super) fn graph(merged: &Merged, query: &GraphQuery) -> Graph {
    let seconds = query.range.seconds() as f64;
    let ids = node_ids(merged, query.by_version);
    let mut edges: BTreeMap<(String, String, Class), EdgeTotals> = BTreeMap::new();
    let mut inward: BTreeMap<String, EdgeTotals> = BTreeMap::new();
    let mut outward: BTreeMap<String, EdgeTotals> = BTreeMap::new();
    let mut by_version: BTreeMap<String, BTreeMap<String, EdgeTotals>> = BTreeMap::new();
    let mut nodes: BTreeMap<String, NodeKey> = BTreeMap::new();
    for (key, totals) in &merged.edges {
        let EdgeKey { source, target, class } = key;
        let (source_id, target_id) =
            (&ids[&seen_as(source, query.by_version)], &ids[&seen_as(target, query.by_version)]);
        edges.entry((source_id.clone(), target_id.clone(), *class)).or_default().absorb(totals);
        inward.entry(target_id.clone()).or_default().absorb(totals);
        outward.entry(source_id.clone()).or_default().absorb(totals);
        let versions = by_version.entry(target_id.clone()).or_default();
        versions.entry(target.version.clone()).or_default().absorb(totals);
        for (id, node) in [(source_id, source), (target_id, target)] {
            nodes.entry(id.clone()).or_insert_with(|| node.clone());
        }
    }
    let none = EdgeTotals::default();
    let nodes = nodes
        .into_iter()
        .map(|(id, key)| {
            let totals = if key.kind == NodeKind::Client { outward.get(&id) } else { inward.get(&id) };
            let versions = by_version.remove(&id).filter(|_| !query.by_version).unwrap_or_default();
            let rule = merged.rules.get(&key).cloned();
            node(id, key, totals.unwrap_or(&none), &versions, rule, seconds)
        })
        .collect();
    Graph {
        from: rfc3339(query.range.from_s),
        to: rfc3339(query.range.to_s),
        nodes,
        edges: edges.into_iter().map(|(ends, totals)| edge(ends, &totals, seconds)).collect(),
        coverage: Coverage {
            proxies: merged.proxies,
            proxies_reporting: merged.proxies_reporting,
            unpaired: merged.unpaired.max(0) as u64,
            hidden_nodes: 0,
        },
    }
}

fn seen_as(node: &NodeKey, by_version: bool) -> NodeKey {
    if by_version { node.clone() } else { NodeKey { version: String::new(), ..node.clone() } }
}

/// Ids of all nodes: `kind:name`, with namespace and environment only where the name alone would be ambiguous.
fn node_ids(merged: &Merged, by_version: bool) -> HashMap<NodeKey, String> {
    let nodes: BTreeSet<NodeKey> = merged
        .edges
        .keys()
        .flat_map(|key| [&key.source, &key.target])
        .map(|node| seen_as(node, by_version))
        .collect();
    let mut homes: HashMap<(NodeKind, &str), BTreeSet<(&str, &str)>> = HashMap::new();
    for node in &nodes {
        homes.entry((node.kind, &node.name)).or_default().insert((&node.namespace, &node.environment));
    }
    let id = |node: &NodeKey| {
        let kind = kind_word(node.kind);
        let mut id = match homes.get(&(node.kind, node.name.as_str())).map_or(1, BTreeSet::len) {
            1 => format!("{kind}:{}", node.name),
            _ => format!("{kind}:{}/{}/{}", node.environment, node.namespace, node.name),
        };
        if !node.version.is_empty() {
            id = format!("{id}@{}", node.version);
        }
        id
    };
    nodes.iter().map(|node| (node.clone(), id(node))).collect()
}

fn kind_word(kind: NodeKind) -> &'static str {
    match kind {
        NodeKind::Service => "service",
        NodeKind::Gateway => "gateway",
        NodeKind::Database => "database",
        NodeKind::Queue => "queue",
        NodeKind::External => "external",
        NodeKind::Client => "client",
    }
}

fn rfc3339(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map(|time| time.to_string()).unwrap_or_default()
}

/// The numbers that stand in front: those of the best evidence.
struct Best {
    requests: u64,
    errors: u64,
    latency: Option<Latency>,
    evidence: Vec<Evidence>,
}

impl Best {
    /// Of what each source says. `from_callee` says which side's latency counts first.
    fn of(totals: &EdgeTotals, from_callee: bool) -> Self {
        let mut said: Vec<(Source, &Measures)> = Vec::new();
        said.extend(totals.envoy.as_ref().map(|measures| (Source::Envoy, measures)));
        said.extend(totals.trace.as_ref().map(|measures| (Source::Trace, measures)));
        if let [(Source::Envoy, counted), (_, traced)] = said[..]
            && (counted.requests as f64) < COMPLETE * traced.requests as f64
        {
            said.reverse();
        }
        let most = said.first().map_or(0, |(_, measures)| measures.requests).max(0) as f64;
        let evidence: Vec<Evidence> = said
            .iter()
            .map(|&(source, measures)| evidence(source, measures, totals, from_callee, most))
            .collect();
        // Spans know latency to the nanosecond where enough of them came; Envoy's bins are whole milliseconds.
        let traced = evidence.iter().find(|evidence| evidence.source == Source::Trace);
        let traced = traced.filter(|evidence| evidence.coverage >= 0.5).and_then(|evidence| evidence.latency);
        let latency = traced.or_else(|| evidence.iter().find_map(|evidence| evidence.latency));
        let first = evidence.first();
        Self {
            requests: first.map_or(0, |evidence| evidence.requests),
            errors: first.map_or(0, |evidence| evidence.errors),
            latency,
            evidence,
        }
    }

    fn error_rate(&self) -> f64 {
        share(self.errors, self.requests)
    }
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

fn evidence(
    source: Source,
    measures: &Measures,
    totals: &EdgeTotals,
    from_callee: bool,
    most: f64,
) -> Evidence {
    let [client, server] = sides(source, measures).map(|(bins, scheme)| bins.latency(scheme));
    let reporter = match (source, totals.reporters.as_slice()) {
        (Source::Envoy, [one]) => Some(one.clone()),
        (Source::Envoy, many) if !many.is_empty() => Some(format!("{} proxies", many.len())),
        _ => None,
    };
    let count = |count: i64| count.max(0) as u64;
    Evidence {
        source,
        requests: count(measures.requests),
        errors: count(measures.errors),
        attempts: count(measures.attempts),
        retries: count(measures.retries),
        timeouts: count(measures.timeouts),
        connection_failures: count(measures.connection_failures),
        latency: if from_callee { server.or(client) } else { client.or(server) },
        coverage: if most > 0.0 { measures.requests as f64 / most } else { 0.0 },
        reporter,
    }
}

fn node(
    id: String,
    key: NodeKey,
    totals: &EdgeTotals,
    versions: &BTreeMap<String, EdgeTotals>,
    rule: Option<String>,
    seconds: f64,
) -> Node {
    let best = Best::of(totals, true);
    let mut shares: Vec<VersionShare> = Vec::new();
    if versions.keys().any(|version| !version.is_empty()) {
        shares.extend(versions.iter().map(|(version, totals)| version_share(version, totals, seconds)));
        shares.sort_by(|one, other| other.requests.cmp(&one.requests).then(one.version.cmp(&other.version)));
    }
    let some = |text: String| Some(text).filter(|text| !text.is_empty());
    Node {
        id,
        name: key.name,
        kind: key.kind,
        version: some(key.version).filter(|_| shares.is_empty()),
        namespace: some(key.namespace),
        system: some(key.system),
        requests: best.requests,
        request_rate: best.requests as f64 / seconds,
        errors: best.errors,
        error_rate: best.error_rate(),
        p50_ms: best.latency.map(|latency| latency.p50.ms),
        p90_ms: best.latency.map(|latency| latency.p90.ms),
        p99_ms: best.latency.map(|latency| latency.p99.ms),
        health: Health::of(best.requests, best.errors),
        versions: shares,
        evidence: best.evidence,
        identity: rule,
    }
}

fn version_share(version: &str, totals: &EdgeTotals, seconds: f64) -> VersionShare {
    let best = Best::of(totals, true);
    VersionShare {
        version: version.to_owned(),
        requests: best.requests,
        request_rate: best.requests as f64 / seconds,
        errors: best.errors,
        error_rate: best.error_rate(),
        p50_ms: best.latency.map(|latency| latency.p50.ms),
        p99_ms: best.latency.map(|latency| latency.p99.ms),
        health: Health::of(best.requests, best.errors),
    }
}

fn edge((source, target, class): (String, String, Class), totals: &EdgeTotals, seconds: f64) -> Edge {
    let best = Best::of(totals, false);
    let mostly =
        totals.protocols.iter().max_by_key(|&(_, requests)| *requests).map(|(&protocol, _)| protocol);
    let protocol = mostly.filter(|&protocol| protocol != Protocol::Unknown).unwrap_or(Protocol::Http);
    let latency = |bins: fn(&Measures) -> &Bins| {
        let traced = totals.trace.as_ref().and_then(|measures| bins(measures).latency(Scheme::Log));
        traced.or_else(|| totals.envoy.as_ref().and_then(|measures| bins(measures).latency(Scheme::Envoy)))
    };
    let first = best.evidence.first();
    let most = |count: fn(&Evidence) -> u64| best.evidence.iter().map(count).max().unwrap_or(0);
    let id = match class {
        Class::Request => format!("{source}→{target}"),
        Class::Message => format!("{source}→{target}/messaging"),
    };
    Edge {
        id,
        source,
        target,
        protocol: protocol.name().to_owned(),
        requests: best.requests,
        request_rate: best.requests as f64 / seconds,
        errors: best.errors,
        error_rate: best.error_rate(),
        p50_ms: best.latency.map(|latency| latency.p50.ms),
        p90_ms: best.latency.map(|latency| latency.p90.ms),
        p99_ms: best.latency.map(|latency| latency.p99.ms),
        health: Health::of(best.requests, best.errors),
        attempts: first.map_or(0, |evidence| evidence.attempts),
        retries: first.map_or(0, |evidence| evidence.retries),
        timeouts: first.map_or(0, |evidence| evidence.timeouts),
        connection_failures: most(|evidence| evidence.connection_failures),
        mtls: totals.mtls,
        client_side: latency(|measures| &measures.client),
        server_side: latency(|measures| &measures.server),
        evidence: best.evidence,
    }
}

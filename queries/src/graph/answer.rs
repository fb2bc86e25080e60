//! Merged edges in the words of the API.

use std::collections::BTreeMap;

use foldhash::{HashMap, HashSet};

use crate::api::graph::{
    Coverage, Edge, Evidence, Graph, Health, Latency, Node, NodeKind, Source, VersionShare,
};
use crate::rows::span::Protocol;
use crate::sketch::to_six_digits;

use super::GraphQuery;
use super::edges::{Class, EdgeTotals, Merged};
use super::identity::NodeKey;
use super::together::{Said, Side, Together};

/// Share of another source's requests that a source must have to be taken for complete. No two are ever equal while
/// traffic runs, since proxies are asked every few seconds.
pub(super) const COMPLETE: f64 = 0.8;

/// The graph of merged edges, nodes and edges sorted by id.
pub(super) fn graph(merged: &Merged, query: &GraphQuery) -> Graph {
    let seconds = query.range.seconds() as f64;
    let mut nodes = seen_nodes(merged, query.by_version);
    let mut edges = Vec::with_capacity(merged.edges.len());
    for (key, totals) in &merged.edges {
        let (source, target) = (nodes.places[key.source], nodes.places[key.target]);
        edges.push(((source, target, key.class), totals));
        nodes.list[source].outward.push(totals);
        nodes.list[target].inward.push((&merged.nodes[key.target].0.version, totals));
    }
    edges.sort_unstable_by_key(|&(ends, _)| ends);
    let edges = edges.chunk_by(|(one, _), (other, _)| one == other).map(|same| {
        let (source, target, class) = same[0].0;
        let ends = (nodes.list[source].id.as_str(), nodes.list[target].id.as_str(), class);
        edge(ends, &Together::of(same.iter().map(|&(_, totals)| totals)), seconds)
    });
    Graph {
        from: rfc3339(query.range.from_s),
        to: rfc3339(query.range.to_s),
        edges: edges.collect(),
        // A node that only ever called itself is not drawn.
        nodes: nodes
            .list
            .iter()
            .filter(|seen| !(seen.inward.is_empty() && seen.outward.is_empty()))
            .map(|seen| node(seen, query, seconds))
            .collect(),
        coverage: Coverage {
            proxies: merged.proxies,
            proxies_reporting: merged.proxies_reporting,
            unpaired: merged.unpaired.max(0) as u64,
            hidden_nodes: 0,
        },
    }
}

/// A node as it is drawn, with the edges at it.
struct Seen<'a> {
    id: String,
    key: &'a NodeKey,
    /// The rule that named it.
    rule: &'a str,
    outward: Vec<&'a EdgeTotals>,
    /// With the version that was called.
    inward: Vec<(&'a str, &'a EdgeTotals)>,
}

/// The nodes that are drawn, sorted by id.
struct SeenNodes<'a> {
    list: Vec<Seen<'a>>,
    /// The places in the list of the nodes of [`Merged::nodes`].
    places: Vec<usize>,
}

fn seen_nodes(merged: &Merged, by_version: bool) -> SeenNodes<'_> {
    let mut nodes: Vec<(String, usize)> = node_ids(merged, by_version).into_iter().zip(0..).collect();
    nodes.sort_unstable_by(|(id, number), (other_id, other)| {
        id.cmp(other_id).then_with(|| merged.nodes[*number].0.cmp(&merged.nodes[*other].0))
    });
    let mut seen = SeenNodes { list: Vec::new(), places: vec![0; nodes.len()] };
    for (id, number) in nodes {
        if seen.list.last().is_none_or(|last: &Seen<'_>| last.id != id) {
            let (key, rule) = &merged.nodes[number];
            seen.list.push(Seen { id, key, rule, outward: Vec::new(), inward: Vec::new() });
        }
        seen.places[number] = seen.list.len() - 1;
    }
    seen
}

/// The ids that all nodes are seen by: `kind:name`, with namespace and environment only where the name alone would be
/// ambiguous.
pub(super) fn node_ids(merged: &Merged, by_version: bool) -> Vec<String> {
    let nodes = || merged.nodes.iter().map(|(node, _)| node);
    let mut homes: HashMap<(NodeKind, &str), HashSet<(&str, &str)>> = HashMap::default();
    for node in nodes() {
        homes.entry((node.kind, &node.name)).or_default().insert((&node.namespace, &node.environment));
    }
    let id = |node: &NodeKey| {
        let kind = kind_word(node.kind);
        let mut id = match homes.get(&(node.kind, node.name.as_str())).map_or(1, HashSet::len) {
            1 => format!("{kind}:{}", node.name),
            _ => format!("{kind}:{}/{}/{}", node.environment, node.namespace, node.name),
        };
        if by_version && !node.version.is_empty() {
            id = format!("{id}@{}", node.version);
        }
        id
    };
    nodes().map(id).collect()
}

/// The id of a node whose name is its own.
pub(super) fn plain_id(node: &NodeKey) -> String {
    format!("{}:{}", kind_word(node.kind), node.name)
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

pub(super) fn rfc3339(seconds: i64) -> String {
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
    /// Of what each source says. `side` says whose latency counts first.
    fn of(totals: &Together<'_>, side: Side) -> Self {
        let mut said: Vec<&Said<'_>> = totals.said().iter().collect();
        let most = said.iter().map(|said| said.counts.requests).max().unwrap_or(0) as f64;
        if let Some(best) = said.iter().position(|said| said.counts.requests as f64 >= COMPLETE * most) {
            let best = said.remove(best);
            said.insert(0, best);
        }
        let most = said.first().map_or(0, |first| first.counts.requests).max(0) as f64;
        let evidence: Vec<Evidence> = said.iter().map(|said| evidence(said, totals, side, most)).collect();
        // Spans know latency to the nanosecond where enough of them came; Envoy's bins are whole milliseconds.
        let traced = evidence.iter().find(|evidence| is_traced(evidence.source));
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

/// Whether a source tells of requests by their spans.
fn is_traced(source: Source) -> bool {
    matches!(source, Source::Trace | Source::Xray)
}

/// What is written of a rate: more digits would say nothing.
pub(super) fn six_digits(value: f64) -> f64 {
    to_six_digits(value, f64::round)
}

pub(super) fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { six_digits(part as f64 / whole as f64) }
}

fn evidence(said: &Said<'_>, totals: &Together<'_>, side: Side, most: f64) -> Evidence {
    let reporter = match (said.source, totals.reporters().as_slice()) {
        (Source::Envoy, [one]) => Some((*one).to_owned()),
        (Source::Envoy, many) if !many.is_empty() => Some(format!("{} proxies", many.len())),
        _ => None,
    };
    let count = |count: i64| count.max(0) as u64;
    let counts = said.counts;
    Evidence {
        source: said.source,
        requests: count(counts.requests),
        errors: count(counts.errors),
        attempts: count(counts.attempts),
        retries: count(counts.retries),
        timeouts: count(counts.timeouts),
        connection_failures: count(counts.connection_failures),
        latency: said.latency(side).or_else(|| said.latency(side.other())),
        coverage: if most > 0.0 { six_digits(counts.requests as f64 / most) } else { 0.0 },
        reporter,
    }
}

fn node(seen: &Seen<'_>, query: &GraphQuery, seconds: f64) -> Node {
    let key = seen.key;
    let totals = if key.kind == NodeKind::Client {
        Together::of(seen.outward.iter().copied())
    } else {
        Together::of(seen.inward.iter().map(|&(_, totals)| totals))
    };
    let best = Best::of(&totals, Side::Callee);
    let shares = if query.by_version { Vec::new() } else { version_shares(seen, seconds) };
    let some = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    Node {
        id: seen.id.clone(),
        name: key.name.clone(),
        kind: key.kind,
        version: some(&key.version).filter(|_| shares.is_empty()),
        namespace: some(&key.namespace),
        system: some(&key.system),
        requests: best.requests,
        request_rate: six_digits(best.requests as f64 / seconds),
        errors: best.errors,
        error_rate: best.error_rate(),
        p50_ms: best.latency.map(|latency| latency.p50.ms),
        p90_ms: best.latency.map(|latency| latency.p90.ms),
        p99_ms: best.latency.map(|latency| latency.p99.ms),
        health: Health::of(best.requests, best.errors),
        versions: shares,
        evidence: best.evidence,
        identity: Some(seen.rule.to_owned()),
    }
}

/// The versions of a node, most requests first; none where no version is known.
fn version_shares(seen: &Seen<'_>, seconds: f64) -> Vec<VersionShare> {
    if seen.inward.iter().all(|(version, _)| version.is_empty()) {
        return Vec::new();
    }
    let mut versions: BTreeMap<&str, Vec<&EdgeTotals>> = BTreeMap::new();
    for &(version, totals) in &seen.inward {
        // A proxy's span alone does not say the version; the application's own span is on its way.
        let comes_yet = version.is_empty() && totals.settled == 0;
        if !comes_yet || totals.tells_all() {
            versions.entry(version).or_default().push(totals);
        }
    }
    let mut shares: Vec<VersionShare> = versions
        .into_iter()
        .map(|(version, totals)| version_share(version, &Together::of(totals), seconds))
        .collect();
    shares.sort_by(|one, other| other.requests.cmp(&one.requests).then(one.version.cmp(&other.version)));
    shares
}

fn version_share(version: &str, totals: &Together<'_>, seconds: f64) -> VersionShare {
    let best = Best::of(totals, Side::Callee);
    VersionShare {
        version: version.to_owned(),
        requests: best.requests,
        request_rate: six_digits(best.requests as f64 / seconds),
        errors: best.errors,
        error_rate: best.error_rate(),
        p50_ms: best.latency.map(|latency| latency.p50.ms),
        p99_ms: best.latency.map(|latency| latency.p99.ms),
        health: Health::of(best.requests, best.errors),
    }
}

fn edge((source, target, class): (&str, &str, Class), totals: &Together<'_>, seconds: f64) -> Edge {
    let best = Best::of(totals, Side::Caller);
    let protocol = totals.protocol().unwrap_or(Protocol::Http);
    // What traces know is more exact.
    let latency = |side| totals.said().iter().rev().find_map(|said| said.latency(side));
    let first = best.evidence.first();
    let most = |count: fn(&Evidence) -> u64| best.evidence.iter().map(count).max().unwrap_or(0);
    let id = match class {
        Class::Request => format!("{source}→{target}"),
        Class::Message => format!("{source}→{target}/messaging"),
    };
    Edge {
        id,
        source: source.to_owned(),
        target: target.to_owned(),
        protocol: protocol.name().to_owned(),
        requests: best.requests,
        request_rate: six_digits(best.requests as f64 / seconds),
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
        mtls: totals.mtls(),
        client_side: latency(Side::Caller),
        server_side: latency(Side::Callee),
        evidence: best.evidence,
    }
}

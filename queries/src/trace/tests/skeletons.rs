//! Traces and edges as text.

use std::sync::Arc;

use crate::rows::span::{Peer, PeerKind, Protocol, Skeleton, SpanFlags, SpanKind, Traits, Workload};
use crate::trace::{Contribution, Endpoint, contributions};

/// The skeletons of a trace: a line a span, children indented below their parents.
///
/// A line is the service, what the span is, and what else there is to say in any order: `SERVER`, `CLIENT`,
/// `INTERNAL`, `PRODUCER` and `CONSUMER` are an application's; `ingress` and `egress` are the spans that an Envoy makes
/// for a request it receives (node `SERVICE-envoy` unless `node=` says otherwise), `router` the one for a single try.
/// The service is `name`, `name@version`, `namespace/name` or all three. Then `err`, `timeout`, `cluster=C`, `node=N`,
/// `env=E`, `db=SYSTEM:NAME`, `queue=SYSTEM:NAME`, `service=NAME`, `host=NAME`, `http`, `grpc`, `sql`,
/// `as-server` (whatever the span is, its kind says that it received a request), `xray` and `12ms` (duration, 1 ms unless said), `at=5` (start in ms, else the line's number), `id=7` (else the line's number from 1)
/// and `parent=9`.
pub(super) fn trace(text: &str) -> Vec<Skeleton> {
    let mut spans: Vec<Skeleton> = Vec::new();
    let mut open: Vec<(usize, u64)> = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let indent = line.len() - line.trim_start().len();
        open.retain(|&(of, _)| of < indent);
        let mut words = line.split_whitespace();
        let number = spans.len() as u64 + 1;
        let mut span = span(words.next().unwrap(), words.next().unwrap());
        span.span_id = number;
        span.start_ns = number as i64 * 1_000_000;
        span.parent_span_id = open.last().map_or(0, |&(_, id)| id);
        for word in words {
            say(&mut span, word);
        }
        open.push((indent, span.span_id));
        spans.push(span);
    }
    spans
}

fn span(service: &str, what: &str) -> Skeleton {
    let (namespace, service) = service.split_once('/').unwrap_or(("", service));
    let (service, version) = service.split_once('@').unwrap_or((service, ""));
    let workload = Workload {
        service: service.to_owned(),
        namespace: namespace.to_owned(),
        version: version.to_owned(),
        environment: String::new(),
    };
    let kind = match what {
        "SERVER" | "ingress" => SpanKind::Server,
        "CLIENT" | "egress" | "router" => SpanKind::Client,
        "PRODUCER" => SpanKind::Producer,
        "CONSUMER" => SpanKind::Consumer,
        "INTERNAL" => SpanKind::Internal,
        _ => panic!("no kind of span: {what}"),
    };
    let by_proxy = matches!(what, "ingress" | "egress" | "router");
    let traits = Traits {
        workload: Arc::new(workload),
        node_id: matches!(what, "ingress" | "egress").then(|| Arc::from(format!("{service}-envoy"))),
        kind,
        flags: SpanFlags { proxy: by_proxy, ..SpanFlags::default() },
        ..Traits::default()
    };
    Skeleton {
        trace_id: 1,
        span_id: 0,
        parent_span_id: 0,
        start_ns: 0,
        duration_ns: 1_000_000,
        traits: Arc::new(traits),
    }
}

fn say(span: &mut Skeleton, word: &str) {
    let peer = |kind, value: &str| {
        let (system, name) = value.split_once(':').unwrap_or(("", value));
        Some(Arc::new(Peer { kind, system: system.to_owned(), name: name.to_owned() }))
    };
    let traits = Arc::make_mut(&mut span.traits);
    match word.split_once('=') {
        Some(("cluster", value)) => traits.upstream_cluster = Some(Arc::from(value)),
        Some(("node", value)) => traits.node_id = Some(Arc::from(value)),
        Some(("env", value)) => Arc::make_mut(&mut traits.workload).environment = value.to_owned(),
        Some(("db", value)) => traits.peer = peer(PeerKind::Database, value),
        Some(("queue", value)) => traits.peer = peer(PeerKind::Queue, value),
        Some(("service", value)) => traits.peer = peer(PeerKind::Service, value),
        Some(("host", value)) => traits.peer = peer(PeerKind::Host, value),
        Some(("at", value)) => span.start_ns = value.parse::<i64>().unwrap() * 1_000_000,
        Some(("id", value)) => span.span_id = value.parse().unwrap(),
        Some(("parent", value)) => span.parent_span_id = value.parse().unwrap(),
        _ => match word {
            "err" => traits.flags.error = true,
            "timeout" => traits.flags.timeout = true,
            "http" => traits.protocol = Protocol::Http,
            "grpc" => traits.protocol = Protocol::Grpc,
            "sql" => traits.protocol = Protocol::Database,
            "as-server" => traits.kind = SpanKind::Server,
            "xray" => traits.flags.xray = true,
            _ => span.duration_ns = word.strip_suffix("ms").unwrap().parse::<u64>().unwrap() * 1_000_000,
        },
    }
}

/// What the spans contribute, sorted: `web -> orders@v1 http err timeout x2 12/10`, where `x2` are the tries if more
/// than one, and the last word is the duration in ms as the caller and as the callee saw it.
pub(super) fn edges(spans: &[Skeleton]) -> Vec<String> {
    let mut lines: Vec<String> = contributions(spans).0.iter().map(line).collect();
    lines.sort();
    lines
}

fn line(edge: &Contribution) -> String {
    let mut line = format!("{} -> {}", end(&edge.source), end(&edge.target));
    let mut say = |word: &str| line = format!("{line} {word}");
    if edge.protocol != Protocol::Unknown {
        say(edge.protocol.name());
    }
    if edge.error {
        say("err");
    }
    if edge.timeout {
        say("timeout");
    }
    if edge.attempts != 1 {
        say(&format!("x{}", edge.attempts));
    }
    let ms = |ns: Option<u64>| ns.map_or("-".to_owned(), |ns| (ns / 1_000_000).to_string());
    say(&format!("{}/{}", ms(edge.client_ns), ms(edge.server_ns)));
    line
}

pub(super) fn end(end: &Endpoint) -> String {
    match end {
        Endpoint::Client => "client".to_owned(),
        Endpoint::Unknown => "unknown".to_owned(),
        Endpoint::Workload(workload) => name(workload),
        Endpoint::Cluster(cluster) => format!("cluster:{cluster}"),
        Endpoint::Peer(peer) => {
            let kind = match peer.kind {
                PeerKind::Service => "service",
                PeerKind::Database => "db",
                PeerKind::Queue => "queue",
                PeerKind::Host => "host",
            };
            let system = if peer.system.is_empty() { String::new() } else { format!("{}:", peer.system) };
            format!("{kind}={system}{}", peer.name)
        }
    }
}

fn name(workload: &Workload) -> String {
    let namespace =
        if workload.namespace.is_empty() { String::new() } else { format!("{}/", workload.namespace) };
    let version = if workload.version.is_empty() { String::new() } else { format!("@{}", workload.version) };
    format!("{namespace}{}{version}", workload.service)
}

/// The clusters learned from the spans, sorted: `web: orders_v1 = orders@v1`.
pub(super) fn clusters(spans: &[Skeleton]) -> Vec<String> {
    let line = |learned: &crate::trace::LearnedCluster| {
        format!("{}: {} = {}", learned.caller, learned.cluster, name(&learned.workload))
    };
    contributions(spans).1.clusters.iter().map(line).collect()
}

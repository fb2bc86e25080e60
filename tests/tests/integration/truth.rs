//! The main promise: what the graph says of the demo mesh is what happened in it.

use std::collections::BTreeMap;

use sidecarta_queries::api::graph::{Edge, Graph, NodeKind, Source};
use sidecarta_tests::harness::{Server, ServerOptions, eventually, eventually_ok, program};
use sidecarta_tests::mesh::{Amount, Counts, EdgeKind, Mesh, MeshOptions, MeshPorts, Truth};

use super::route_truth;

const REQUESTS: u64 = 600;
const REQUESTS_WITH_KILLS: u64 = 300;

/// An end of an edge: its name, and its version where the graph is grouped by version and has one.
pub(super) type End = (String, Option<String>);
pub(super) type Counted = BTreeMap<(End, End), Counts>;

/// How the graph is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Group {
    Service,
    Version,
}

impl Group {
    pub(super) fn params(self) -> &'static str {
        match self {
            Self::Service => "from=-1h",
            Self::Version => "from=-1h&group=version",
        }
    }
}

/// What a source of evidence should say: everything for traces, and what goes through proxies for what Envoys count and
/// log.
pub(super) fn expected(truth: &Truth, source: Source, group: Group) -> Counted {
    let mut counted = Counted::new();
    for edge in &truth.edges {
        if source != Source::Trace && edge.kind != EdgeKind::Http {
            continue;
        }
        // A gateway logs where it sends a request, and that somebody has sent it goes without saying.
        if source == Source::AccessLog && edge.source == "client" {
            continue;
        }
        let of_group = |version: Option<&str>| version.filter(|_| group == Group::Version).map(str::to_owned);
        let target_version = edge.target_version.as_deref().or_else(|| only_version(truth, &edge.target));
        let ends = (
            (edge.source.clone(), of_group(edge.source_version.as_deref())),
            (edge.target.clone(), of_group(target_version)),
        );
        let mut counts = edge.counts;
        // The span and the log entry of a refused connection are there like any other; only counters tell that nothing
        // was sent.
        if source != Source::Envoy {
            counts.attempts += counts.connection_failures;
        }
        if source == Source::Trace {
            counts.connection_failures = 0;
        }
        let sum = counted.entry(ends).or_default();
        sum.requests += counts.requests;
        sum.errors += counts.errors;
        sum.attempts += counts.attempts;
        sum.timeouts += counts.timeouts;
        sum.connection_failures += counts.connection_failures;
    }
    counted
}

/// The version that must have been asked where nobody answered, as there is but one.
fn only_version<'a>(truth: &'a Truth, service: &str) -> Option<&'a str> {
    let answering = truth.edges.iter().filter(|edge| edge.target == service);
    let mut versions: Vec<&str> = answering.filter_map(|edge| edge.target_version.as_deref()).collect();
    versions.dedup();
    if let [version] = versions[..] { Some(version) } else { None }
}

/// What the graph says by one source of evidence. Fails if two edges have the same ends, or an edge two such entries.
fn seen(graph: &Graph, source: Source) -> Counted {
    let end = |id: &str| {
        let node = graph.nodes.iter().find(|node| node.id == id).expect("every edge ends at nodes");
        (node.name.clone(), node.version.clone())
    };
    let mut counted = Counted::new();
    for edge in &graph.edges {
        let said: Vec<_> = edge.evidence.iter().filter(|evidence| evidence.source == source).collect();
        assert!(said.len() <= 1, "{} says twice what {source:?} says", edge.id);
        let Some(said) = said.first() else { continue };
        let counts = Counts {
            requests: said.requests,
            errors: said.errors,
            attempts: said.attempts,
            timeouts: said.timeouts,
            connection_failures: said.connection_failures,
        };
        let earlier = counted.insert((end(&edge.source), end(&edge.target)), counts);
        assert_eq!(earlier, None, "{} is there twice", edge.id);
    }
    counted
}

/// What differs, a line an edge; empty if nothing does.
pub(super) fn difference(graph: &Graph, source: Source, expected: &Counted) -> String {
    let seen = seen(graph, source);
    let ends: std::collections::BTreeSet<_> = seen.keys().chain(expected.keys()).collect();
    let differing = ends.into_iter().filter(|ends| seen.get(ends) != expected.get(ends));
    let line = |ends: &(End, End)| {
        format!("{source:?} {ends:?}:\n  seen {:?}\n  true {:?}\n", seen.get(ends), expected.get(ends))
    };
    differing.map(line).collect()
}

/// Waits until both graphs are what happened: by traces and access logs what `traced` says, by counters what `counted`
/// says.
async fn check(server: &Server, traced: &Truth, counted: &Truth) {
    for group in [Group::Service, Group::Version] {
        let graph = eventually_ok("the graph is what happened", async || {
            let graph = server.graph(group.params()).await;
            let mut differences = difference(&graph, Source::Trace, &expected(traced, Source::Trace, group));
            differences +=
                &difference(&graph, Source::AccessLog, &expected(traced, Source::AccessLog, group));
            differences += &difference(&graph, Source::Envoy, &expected(counted, Source::Envoy, group));
            if differences.is_empty() { Ok(graph) } else { Err(differences) }
        })
        .await;
        check_every_edge_has_evidence(&graph);
        assert_eq!((graph.coverage.proxies, graph.coverage.proxies_reporting), (10, 10));
        assert_eq!(graph.coverage.unpaired, 0);
    }
}

/// An edge's own numbers are those of its best evidence.
fn check_every_edge_has_evidence(graph: &Graph) {
    for edge in &graph.edges {
        let best = edge.evidence.first().expect("an edge has evidence");
        assert_eq!((edge.requests, edge.errors), (best.requests, best.errors), "{}", edge.id);
    }
}

fn between<'a>(graph: &'a Graph, source: &str, target: &str) -> &'a Edge {
    let found = graph.edges.iter().find(|edge| edge.source == source && edge.target == target);
    found.unwrap_or_else(|| panic!("there is no edge from {source} to {target}"))
}

/// What the counts do not tell: kinds, protocols, versions, mutual TLS and latency.
fn check_description(graph: &Graph, truth: &Truth) {
    let kinds: Vec<_> = graph.nodes.iter().map(|node| (node.id.as_str(), node.system.as_deref())).collect();
    assert_eq!(
        kinds,
        [
            ("client:client", None),
            ("database:redis", Some("redis")),
            ("database:shop", Some("postgresql")),
            ("external:bank.example", None),
            ("external:legacy", None),
            ("gateway:gateway", None),
            ("queue:order-events", Some("kafka")),
            ("service:catalog", None),
            ("service:inventory", None),
            ("service:orders", None),
            ("service:payments", None),
            ("service:recommendations", None),
            ("service:shipping", None),
            ("service:users", None),
            ("service:web", None),
        ]
    );
    assert_eq!(graph.nodes[0].kind, NodeKind::Client);
    let orders = graph.nodes.iter().find(|node| node.id == "service:orders").unwrap();
    let versions: Vec<_> =
        orders.versions.iter().map(|share| (share.version.as_str(), share.requests, share.errors)).collect();
    let of = |version| {
        let counts = truth.into_version("orders", version);
        (version, counts.requests, counts.errors)
    };
    assert_eq!(versions, [of("v1"), of("v2")]);

    assert_eq!(between(graph, "service:orders", "service:payments").mtls, Some(true));
    assert_eq!(between(graph, "service:web", "service:orders").mtls, Some(false));
    assert_eq!(between(graph, "service:orders", "queue:order-events").protocol, "messaging");
    assert_eq!(between(graph, "queue:order-events", "service:shipping").protocol, "messaging");
    let edge = between(graph, "service:web", "service:orders");
    let (client, server) = (edge.client_side.unwrap(), edge.server_side.unwrap());
    assert_eq!((client.count, server.count), (edge.requests, edge.requests));
    for latency in [client, server] {
        assert!(latency.p50.ms > 0.0 && latency.p50.ms <= latency.p99.ms, "{latency:?}");
        assert!(
            latency.p50.low_ms <= latency.p50.ms && Some(latency.p50.ms) <= latency.p50.high_ms,
            "{latency:?}"
        );
    }
    assert!(
        Some(server.p50.low_ms) <= client.p50.high_ms,
        "the callee cannot take longer than the caller sees"
    );
}

/// The load goes on while the server is killed twice and started again.
async fn load_with_kills(mesh: &Mesh, server: &mut Server) {
    let kills = async {
        for part in 1..=2 {
            let moment = REQUESTS + part * REQUESTS_WITH_KILLS / 3;
            eventually("the load gets on", async || {
                (mesh.truth().between("client", "gateway").requests >= moment).then_some(())
            })
            .await;
            server.kill().await;
            server.restart().await;
        }
    };
    tokio::join!(mesh.load(Amount::Requests(REQUESTS_WITH_KILLS)), kills);
    // It waits until nothing is under way. Nobody takes the spans of this load, since the server has new ports: whether
    // the last of them fail here or have failed before is a matter of time.
    drop(mesh.flush().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_graph_is_what_happened_for_every_edge_and_source_of_evidence() {
    let ports = MeshPorts::reserve().unwrap();
    let options = ServerOptions::default().set("envoy.interval_ms", 500).set("store.move_after_s", 1);
    let mut server = ports.admin_urls().into_iter().fold(options, ServerOptions::envoy).start().await;
    let otlp_grpc = server.addresses().otlp_grpc;
    let mesh_options = MeshOptions {
        rate_per_second: 100.0,
        seed: 20,
        ..MeshOptions::new(program("SIDECARTA_ENVOY"), otlp_grpc)
    };
    let mesh = Mesh::start_on(ports, mesh_options).await.unwrap();

    let load = mesh.load(Amount::Requests(REQUESTS)).await;
    mesh.flush().await.unwrap();
    let truth = mesh.truth();
    assert!(load.errors > 0 && truth.between("catalog", "legacy").connection_failures > 0);
    assert!(truth.between("catalog", "recommendations").timeouts > 0);
    check(&server, &truth, &truth).await;
    check_description(&server.graph(Group::Service.params()).await, &truth);
    route_truth::check(&server, &truth).await;

    server.restart().await;
    check(&server, &truth, &truth).await;

    load_with_kills(&mesh, &mut server).await;
    check(&server, &truth, &mesh.truth()).await;
    mesh.stop().await;
}

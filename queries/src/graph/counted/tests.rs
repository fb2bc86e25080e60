//! Counted edges on the graph.

use crate::api::graph::{Edge, Graph, NodeKind, Source};
use crate::graph::{GraphQuery, IdentityRules, graph};
use crate::rows::SourceCursor;
use crate::rows::envoy::LatencyBin;
use crate::rows::mesh::{
    MeshCounts, MeshDelta, MeshDialect, MeshEdge, MeshReporter, MeshScrape, MeshWorkload,
};
use crate::store::{self, StoreOptions, TimeRange};

const NOW_S: i64 = 1_795_000_000;

fn workload(name: &str, service: &str, version: &str) -> MeshWorkload {
    MeshWorkload {
        name: name.to_owned(),
        namespace: String::new(),
        service: service.to_owned(),
        version: version.to_owned(),
    }
}

fn delta(edge: MeshEdge, requests: u64, errors: u64) -> MeshDelta {
    let counts = MeshCounts {
        requests,
        errors,
        classes: [0, requests - errors, 0, 0, errors],
        ..MeshCounts::default()
    };
    let high_ms = if edge.reporter == MeshReporter::Source { 50.0 } else { 25.0 };
    MeshDelta { edge, counts, latency: vec![LatencyBin::between(10.0, high_ms, requests)] }
}

/// The graph of what targets have counted, also after the store was closed and opened again.
fn drawn(deltas: Vec<MeshDelta>, by_version: bool) -> Graph {
    let dir = tempfile::tempdir().unwrap();
    let options = StoreOptions::in_dir(dir.path());
    let query = GraphQuery { range: TimeRange::covering(NOW_S - 900, NOW_S), by_version, now_s: NOW_S };
    let before = {
        let (store, mut writer) = store::open(&options).unwrap();
        let cursor = SourceCursor { source: "prometheus:a".to_owned(), position: vec![1, 2] };
        let scrape = MeshScrape { scraped_at_ns: (NOW_S - 60) * 1_000_000_000, deltas, cursor };
        writer.stage_mesh(1, Box::new(scrape));
        writer.publish().unwrap();
        let before = graph(&store, &IdentityRules::default(), &query).unwrap();
        writer.move_into_file().unwrap();
        before
    };
    let (store, _writer) = store::open(&options).unwrap();
    assert_eq!(store.directory(|known| known.cursor("prometheus:a").map(<[u8]>::to_vec)), Some(vec![1, 2]));
    let after = graph(&store, &IdentityRules::default(), &query).unwrap();
    assert_eq!(after, before);
    after
}

fn edge<'g>(graph: &'g Graph, id: &str) -> &'g Edge {
    let ids: Vec<&str> = graph.edges.iter().map(|edge| edge.id.as_str()).collect();
    graph.edges.iter().find(|edge| edge.id == id).unwrap_or_else(|| panic!("{id} is not among {ids:?}"))
}

#[test]
fn both_proxies_of_istio_count_a_request_once() {
    let istio = |reporter, source: MeshWorkload, target: MeshWorkload| MeshEdge {
        dialect: MeshDialect::Istio,
        instance: "http://10.0.0.1:15020".to_owned(),
        reporter,
        source,
        target,
        mtls: Some(true),
        ..MeshEdge::default()
    };
    let (web, orders) = (workload("web-7d", "web", "v1"), workload("orders-5c", "orders", "v2"));
    let unknown = MeshWorkload::default();
    let outside = MeshEdge {
        virtual_service: "api.example.com".to_owned(),
        ..istio(MeshReporter::Source, web.clone(), unknown.clone())
    };
    let graph = drawn(
        vec![
            delta(istio(MeshReporter::Source, web.clone(), orders.clone()), 10, 2),
            // Two of them never arrived.
            delta(istio(MeshReporter::Destination, web.clone(), orders), 8, 0),
            delta(istio(MeshReporter::Destination, unknown, web), 7, 0),
            delta(outside, 3, 3),
        ],
        false,
    );
    let called = edge(&graph, "service:web→service:orders");
    assert_eq!((called.requests, called.errors, called.mtls), (10, 2, Some(true)));
    assert_eq!(called.evidence.len(), 1);
    assert_eq!(called.evidence[0].source, Source::Envoy);
    assert_eq!(called.evidence[0].reporter.as_deref(), Some("http://10.0.0.1:15020"));
    let (client, server) = (called.client_side.unwrap(), called.server_side.unwrap());
    assert_eq!((client.count, client.p99.high_ms), (10, Some(50.0)));
    assert_eq!((server.count, server.p99.high_ms), (8, Some(25.0)));
    assert_eq!(edge(&graph, "client:client→service:web").requests, 7);
    assert_eq!(edge(&graph, "service:web→external:api.example.com").errors, 3);
    let orders = graph.nodes.iter().find(|node| node.name == "orders").unwrap();
    assert_eq!((orders.kind, orders.version.as_deref()), (NodeKind::Service, None));
    assert_eq!(orders.versions.len(), 1);
    assert_eq!(orders.identity.as_deref(), Some("labels of Istio's metrics"));
}

#[test]
fn nodes_behind_one_virtual_service_are_its_versions() {
    let target = |node: &str, virtual_service: &str| MeshEdge {
        dialect: MeshDialect::AppMesh,
        instance: "http://10.0.0.1:9902".to_owned(),
        source: workload("web_shop", "", ""),
        target: workload(node, "", ""),
        virtual_service: virtual_service.to_owned(),
        ..MeshEdge::default()
    };
    let own = MeshEdge {
        source: workload("orders-v2", "", ""),
        target: workload("inventory", "", ""),
        ..target("", "inventory.shop.local")
    };
    let deltas = vec![
        delta(target("orders-v1", "orders.shop.local"), 9, 0),
        delta(target("orders-v2", "orders.shop.local"), 1, 1),
        delta(own, 4, 0),
    ];
    let graph = drawn(deltas.clone(), false);
    assert_eq!(edge(&graph, "service:web_shop→service:orders").requests, 10);
    assert_eq!(edge(&graph, "service:orders→service:inventory").requests, 4);
    let by_version = drawn(deltas, true);
    assert_eq!(edge(&by_version, "service:web_shop→service:orders@v2").errors, 1);
    assert_eq!(edge(&by_version, "service:orders@v2→service:inventory").requests, 4);
}

#[test]
fn an_envoys_clusters_lead_where_their_names_say() {
    let cluster = |name: &str| MeshEdge {
        cluster: name.to_owned(),
        source: workload("web", "web", "v1"),
        target: workload(name, "", ""),
        ..MeshEdge::default()
    };
    let route = MeshEdge { route: "shop/checkout".to_owned(), ..cluster("") };
    let manager = MeshEdge {
        reporter: MeshReporter::Destination,
        listener: "ingress".to_owned(),
        target: workload("web", "web", "v1"),
        ..MeshEdge::default()
    };
    let graph = drawn(
        vec![
            delta(cluster("outbound|80|v2|orders.shop.svc.cluster.local"), 5, 1),
            delta(cluster("legacy"), 2, 2),
            delta(route, 7, 3),
            delta(manager, 9, 0),
        ],
        false,
    );
    assert_eq!(edge(&graph, "service:web→external:orders").requests, 5);
    assert_eq!(edge(&graph, "service:web→external:legacy").errors, 2);
    assert_eq!(graph.edges.len(), 2, "routes count the same again, and sidecars do not say who calls");
}

/// What CloudWatch says of `shop-svc` calling the service that is discovered as `orders`.
fn connected(owner: &str) -> MeshEdge {
    MeshEdge {
        dialect: MeshDialect::ServiceConnect,
        instance: "aws_service_connect:prod".to_owned(),
        source: workload("shop", "shop-svc", ""),
        target: workload("orders", owner, ""),
        virtual_service: "orders".to_owned(),
        mesh: "prod.local".to_owned(),
        ..MeshEdge::default()
    }
}

#[test]
fn services_of_ecs_have_one_node_by_either_name() {
    let graph = drawn(vec![delta(connected("orders-svc"), 8, 2), delta(connected(""), 2, 0)], false);
    let called = edge(&graph, "service:shop-svc→service:orders-svc");
    assert_eq!((called.requests, called.errors), (10, 2));
    assert_eq!(called.evidence[0].source, Source::CloudWatch);
    assert_eq!(called.client_side.unwrap().count, 10);
    let plain = drawn(vec![delta(connected(""), 2, 0)], false);
    assert_eq!(edge(&plain, "service:shop-svc→service:orders").requests, 2);
}

#[test]
fn what_a_service_calls_itself_comes_before_what_cloudwatch_calls_it() {
    // Istio's sidecars stand before both, under other names than ECS has.
    let own = |name: &str, called: &str| MeshEdge {
        dialect: MeshDialect::Istio,
        source: workload(name, name, "v1"),
        target: workload(called, called, "v1"),
        ..MeshEdge::default()
    };
    let deltas = vec![
        delta(own("shop", "orders-svc"), 1, 0),
        delta(own("orders-svc", "stock"), 1, 0),
        delta(connected("orders-svc"), 8, 2),
    ];
    let called = edge(&drawn(deltas, false), "service:shop→service:orders-svc").clone();
    let said: Vec<(Source, u64)> = called.evidence.iter().map(|one| (one.source, one.requests)).collect();
    assert_eq!(said, [(Source::CloudWatch, 8), (Source::Envoy, 1)]);
}

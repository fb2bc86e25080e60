//! The main promise: what the graph says of the demo mesh is what happened in it.

use std::collections::BTreeMap;

use sidecarta_queries::api::graph::{Graph, Source};
use sidecarta_tests::harness::{Server, ServerOptions, eventually_ok, program};
use sidecarta_tests::mesh::{Amount, Counts, EdgeKind, Mesh, MeshOptions, MeshPorts, Truth};

const REQUESTS: u64 = 600;

type Edges = BTreeMap<(String, String), Counts>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_graph_is_what_happened() {
    let ports = MeshPorts::reserve().unwrap();
    let options = ServerOptions::default().set("envoy.interval_ms", 500).set("store.move_after_s", 1);
    let options = ports.admin_urls().into_iter().fold(options, ServerOptions::envoy);
    let server = options.start().await;
    let mesh_options = MeshOptions {
        rate_per_second: 100.0,
        seed: 20,
        ..MeshOptions::new(program("SIDECARTA_ENVOY"), server.addresses().otlp_grpc)
    };
    let mesh = Mesh::start_on(ports, mesh_options).await.unwrap();
    mesh.load(Amount::Requests(REQUESTS)).await;
    mesh.flush().await.unwrap();
    let truth = mesh.truth();
    tokio::time::sleep(std::time::Duration::from_secs(25)).await;
    let g = server.graph("from=-1h").await;
    std::fs::write("/tmp/brief/truth-graph.json", serde_json::to_string_pretty(&g).unwrap()).unwrap();
    let g = server.graph("from=-1h&group=version").await;
    std::fs::write("/tmp/brief/truth-graph-version.json", serde_json::to_string_pretty(&g).unwrap()).unwrap();
    std::fs::write("/tmp/brief/truth.json", serde_json::to_string_pretty(&truth).unwrap()).unwrap();
}

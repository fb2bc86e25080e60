//! The exporters that applications really use: those of OpenTelemetry's SDKs for Python and Node.

use std::path::Path;

use sidecarta_queries::api::graph::NodeKind;
use sidecarta_tests::harness::{Server, eventually_ok, program};
use tokio::process::Command;

const CALLS: u64 = 7;

/// Runs one of the programs in `tests/clients`; it must say that everything was delivered.
async fn run<const N: usize>(mut command: Command, source: &str, arguments: [&str; N]) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients").join(source);
    command.arg(file).args(arguments).arg(CALLS.to_string()).kill_on_drop(true);
    for variable in ["http_proxy", "https_proxy", "all_proxy", "grpc_proxy"] {
        command.env_remove(variable).env_remove(variable.to_uppercase());
    }
    let output = command.output().await.expect("the interpreter runs");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{source} {arguments:?}: {}\n{out}\n{err}", output.status);
}

/// Waits until the graph shows what a program that was given `prefix` sent.
async fn check_graph(server: &Server, prefix: &str) {
    let shop = format!("service:{prefix}-shop");
    let stock = format!("service:{prefix}-stock");
    let database = format!("database:{prefix}-db");
    let graph = eventually_ok("the graph shows what was sent", async || {
        let graph = server.graph(&format!("find={prefix}-")).await;
        let seen = |source: &str, target: &str| {
            let edge = graph.edges.iter().find(|edge| edge.source == source && edge.target == target);
            edge.is_some_and(|edge| edge.requests == CALLS && edge.errors == 0)
        };
        if seen(&shop, &stock) && seen(&stock, &database) { Ok(graph) } else { Err(format!("{graph:#?}")) }
    })
    .await;
    let node = graph.nodes.iter().find(|node| node.id == database).unwrap();
    assert_eq!((node.kind, node.system.as_deref()), (NodeKind::Database, Some("postgresql")));
    let node = graph.nodes.iter().find(|node| node.id == stock).unwrap();
    assert_eq!(node.versions[0].version, "1.0");
}

#[tokio::test]
async fn the_python_sdk_delivers() {
    let server = Server::start().await;
    let grpc = format!("http://{}", server.addresses().otlp_grpc);
    let http = server.otlp_url("/v1/traces");
    for (protocol, endpoint, compression, prefix) in [
        ("grpc", &grpc, "none", "py-grpc"),
        ("grpc", &grpc, "gzip", "py-grpc-gzip"),
        ("http", &http, "none", "py-http"),
        ("http", &http, "gzip", "py-http-gzip"),
        ("http", &http, "deflate", "py-http-deflate"),
    ] {
        let python = Command::new(program("SIDECARTA_PYTHON"));
        run(python, "python_exporter.py", [protocol, endpoint, compression, prefix]).await;
        check_graph(&server, prefix).await;
    }
}

#[tokio::test]
async fn the_node_sdk_delivers() {
    let server = Server::start().await;
    let grpc = format!("http://{}", server.addresses().otlp_grpc);
    let http = server.otlp_url("/v1/traces");
    // What Node calls `http` is JSON.
    for (protocol, endpoint, compression, prefix) in [
        ("grpc", &grpc, "none", "node-grpc"),
        ("grpc", &grpc, "gzip", "node-grpc-gzip"),
        ("proto", &http, "gzip", "node-proto"),
        ("http", &http, "none", "node-json"),
        ("http", &http, "gzip", "node-json-gzip"),
    ] {
        let mut node = Command::new("node");
        node.env("SIDECARTA_NODE_MODULES", program("SIDECARTA_NODE_MODULES"));
        run(node, "node_exporter.mjs", [protocol, endpoint, compression, prefix]).await;
        check_graph(&server, prefix).await;
    }
}

#[tokio::test]
async fn the_python_sdk_delivers_logs_and_metrics() {
    let server = Server::start().await;
    let grpc = format!("http://{}", server.addresses().otlp_grpc);
    let http = format!("http://{}", server.addresses().otlp_http);
    for (round, (protocol, endpoint)) in (1..).zip([("grpc", &grpc), ("http", &http)]) {
        let python = Command::new(program("SIDECARTA_PYTHON"));
        run(python, "python_signals.py", [protocol, endpoint, "orders"]).await;
        eventually_ok("everything is stored", async || {
            let status = server.status().await;
            // Four instruments, of both temporalities, and what the SDK tells of itself.
            let is_all = status.log_records == round * CALLS && status.data_points >= round * 8;
            if is_all && status.spans == 0 { Ok(()) } else { Err(format!("{status:?}")) }
        })
        .await;
    }
    for source in server.sources().await {
        assert_eq!((source.rejected, source.failures), (0, 0), "{source:?}");
    }
}

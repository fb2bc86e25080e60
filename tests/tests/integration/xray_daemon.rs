//! Whoever speaks to the daemon of X-Ray: its SDKs, and Envoy's tracer.

use std::path::Path;

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use prost::Message as _;
use serde_json::{Value, json};
use sidecarta_queries::api::graph::{Graph, Source};
use sidecarta_tests::harness::{
    Answer, PROTOBUF, Server, ServerOptions, SpanDraft, client, eventually_ok, now_ns, program, request_of,
    resource,
};
use tempfile::TempDir;
use tokio::net::UdpSocket;
use tokio::process::Command;

use crate::scrape::Proxied;

const CALLS: u64 = 7;

/// A server that takes segments, and tells SDKs to sample everything.
async fn start() -> (Server, String, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sidecarta.toml");
    let rule = "[[xray.rule]]\nname = \"everything\"\npriority = 1\nfixed_rate = 1.0\nreservoir_size = 100\n";
    std::fs::write(&file, format!("[xray]\naddress = \"127.0.0.1:0\"\n{rule}")).unwrap();
    let server = ServerOptions::default().config(&file).start().await;
    let daemon = server.addresses().xray.expect("it takes segments").to_string();
    (server, daemon, folder)
}

async fn run(mut command: Command, source: &str, arguments: [&str; 2]) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients").join(source);
    command.arg(file).args(arguments).arg(CALLS.to_string()).kill_on_drop(true);
    for variable in ["http_proxy", "https_proxy", "all_proxy"] {
        command.env_remove(variable).env_remove(variable.to_uppercase());
    }
    let output = command.output().await.expect("the interpreter runs");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{source}: {}\n{out}\n{err}", output.status);
}

/// Waits until the graph has this edge as often as it was called, and X-Ray's word for it.
async fn eventually_called(server: &Server, source: &str, target: &str, requests: u64) -> Graph {
    eventually_ok("the edge is on the graph", async || {
        let graph = server.graph("").await;
        let edge = graph.edges.iter().find(|edge| edge.source == source && edge.target == target);
        let said = |source| {
            let evidence = edge.into_iter().flat_map(|edge| &edge.evidence);
            evidence.filter(|said| said.source == source).map(|said| said.requests).sum::<u64>()
        };
        if said(Source::Xray) == requests { Ok(graph) } else { Err(format!("{:#?}", graph.edges)) }
    })
    .await
}

async fn delivers(command: Command, source: &str, prefix: &str) {
    let (server, daemon, _folder) = start().await;
    run(command, source, [&daemon, prefix]).await;
    let (shop, stock) = (format!("service:{prefix}-shop"), format!("service:{prefix}-stock"));
    eventually_called(&server, &shop, &stock, CALLS).await;
    let graph = eventually_called(&server, &stock, &format!("database:{prefix}-db"), CALLS).await;
    let node = graph.nodes.iter().find(|node| node.id == stock).unwrap();
    assert_eq!(node.versions[0].version, "1.0");
    let line = server.source("xray_daemon").await;
    assert_eq!((line.accepted, line.rejected, line.last_error), (4 * CALLS, 0, None));
}

#[tokio::test]
async fn the_x_ray_sdk_for_python_delivers() {
    delivers(Command::new(program("SIDECARTA_PYTHON")), "python_xray.py", "py").await;
}

#[tokio::test]
async fn the_x_ray_sdk_for_node_delivers() {
    let mut node = Command::new("node");
    node.env("SIDECARTA_NODE_MODULES", program("SIDECARTA_NODE_MODULES"));
    delivers(node, "node_xray.mjs", "node").await;
}

/// Makes an Envoy of the node `shop` of the mesh `demo` send its spans as segments.
fn trace_to(daemon: &str) -> impl FnOnce(&mut Value) {
    let (address, port) = daemon.split_once(':').unwrap();
    let tracer = json!({
        "random_sampling": {"value": 100},
        "spawn_upstream_span": true,
        "provider": {
            "name": "envoy.tracers.xray",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.config.trace.v3.XRayConfig",
                "segment_name": "demo/shop",
                "daemon_endpoint": {
                    "protocol": "UDP", "address": address, "port_value": port.parse::<u16>().unwrap(),
                },
                "sampling_rule_manifest": {
                    "inline_string": r#"{"version":2,"default":{"fixed_target":1000,"rate":1.0},"rules":[]}"#,
                },
                "segment_fields": {
                    "origin": "AWS::AppMesh::Proxy",
                    "aws": {"app_mesh": {"mesh_name": "demo", "virtual_node_name": "shop"}},
                },
            },
        },
    });
    move |configuration| {
        let listener = &mut configuration["static_resources"]["listeners"][0];
        listener["filter_chains"][0]["filters"][0]["typed_config"]["tracing"] = tracer;
    }
}

#[tokio::test]
async fn envoys_tracer_for_x_ray_delivers() {
    let (server, daemon, _folder) = start().await;
    let proxied = Proxied::start_with(trace_to(&daemon)).await;
    for _ in 0..CALLS {
        assert_eq!(Answer::to(client().get(&proxied.url)).await.unwrap().text(), "an answer");
    }
    let graph = eventually_ok("every request is on the graph", async || {
        let graph = server.graph("").await;
        // Before no application that reports, a proxy is a gateway.
        let edge = graph.edges.iter().find(|edge| edge.source == "gateway:shop");
        let is_complete = edge.is_some_and(|edge| {
            edge.requests == CALLS && edge.evidence.iter().any(|said| said.source == Source::Xray)
        });
        if is_complete { Ok(graph) } else { Err(format!("{:#?}", graph.edges)) }
    })
    .await;
    assert_eq!(graph.edges.len(), 1, "{:#?}", graph.edges);
    assert!(graph.edges[0].target.ends_with(":stock"), "{:#?}", graph.edges);
    let line = server.source("xray_daemon").await;
    assert_eq!((line.accepted, line.rejected, line.last_error), (2 * CALLS, 0, None));
}

/// `shop` tells OTLP that it calls `stock`, which tells X-Ray that it calls `prices`, which tells OTLP.
#[tokio::test]
async fn a_trace_of_both_is_one_path_with_each_hop_once() {
    let (server, daemon, _folder) = start().await;
    let now = now_ns();
    let trace = u128::from(now / 1_000_000_000) << 96 | 0x0123;
    let call = SpanDraft::new(trace, 1, SpanKind::Client).with("http.request.method", "GET");
    let priced = SpanDraft::new(trace, 4, SpanKind::Server).below(3).with("http.request.method", "GET");
    let request =
        request_of(vec![resource("shop", vec![call.build()]), resource("prices", vec![priced.build()])]);
    let sent = client().post(server.otlp_url("/v1/traces")).header("content-type", PROTOBUF);
    assert_eq!(Answer::to(sent.body(request.encode_to_vec())).await.unwrap().status, 200);

    let hex = format!("{trace:032x}");
    let (start, end) = (now as f64 / 1e9, now as f64 / 1e9 + 0.1);
    let document = json!({
        "name": "stock", "trace_id": format!("1-{}-{}", &hex[..8], &hex[8..]), "id": "0000000000000002",
        "parent_id": "0000000000000001", "start_time": start, "end_time": end,
        "http": {"request": {"method": "GET", "url": "http://stock/x"}, "response": {"status": 200}},
        "subsegments": [{
            "name": "prices", "namespace": "remote", "id": "0000000000000003", "start_time": start, "end_time": end,
            "http": {"request": {"method": "GET", "url": "http://prices/x"}, "response": {"status": 200}},
        }],
    });
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let datagram = format!("{{\"format\": \"json\", \"version\": 1}}\n{document}");
    socket.send_to(datagram.as_bytes(), &daemon).await.unwrap();

    let edges = eventually_ok("both hops are on the graph", async || {
        let graph = server.graph("").await;
        let edges: Vec<_> = graph
            .edges
            .iter()
            .map(|edge| (edge.source.clone(), edge.target.clone(), edge.requests))
            .collect();
        if edges.iter().any(|edge| edge.1 == "service:prices")
            && edges.iter().any(|edge| edge.1 == "service:stock")
        {
            Ok(edges)
        } else {
            Err(format!("{edges:?}"))
        }
    })
    .await;
    let hop = |source: &str, target: &str| (format!("service:{source}"), format!("service:{target}"), 1);
    let mut expected = vec![hop("shop", "stock"), hop("stock", "prices")];
    let mut edges: Vec<_> = edges;
    edges.sort();
    expected.sort();
    assert_eq!(edges, expected);
}

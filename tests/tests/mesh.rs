//! The demo mesh against itself: what its applications count must be what its Envoys count.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[path = "mesh/demo.rs"]
mod demo;
#[path = "mesh/sink.rs"]
mod sink;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use sidecarta_tests::harness::eventually;
use sidecarta_tests::mesh::{Amount, Mesh, MeshOptions, Truth};
use tokio::sync::Mutex;

const REQUESTS: u64 = 400;

/// One mesh at a time: ten Envoys that start are enough for a small machine.
static TURN: Mutex<()> = Mutex::const_new(());

fn envoy() -> PathBuf {
    std::env::var_os("SIDECARTA_ENVOY")
        .map(PathBuf::from)
        .expect("SIDECARTA_ENVOY names the Envoy program, as `make test` sets it")
}

/// A counter of one Envoy; 0 if it does not exist yet.
async fn envoy_counter(mesh: &Mesh, proxy: &str, name: &str) -> u64 {
    let url = format!("{}/stats?usedonly", mesh.admin_url(proxy).unwrap());
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let text = client.get(url).send().await.unwrap().text().await.unwrap();
    text.lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")?.parse().ok())
        .unwrap_or_default()
}

/// What the proxies that call a cluster say about it: completed, 5xx, attempts, timeouts, failed connections.
async fn envoy_counts(mesh: &Mesh, proxies: &[&str], cluster: &str) -> [u64; 5] {
    let mut sums = [0; 5];
    let leaves = ["completed", "5xx", "total", "timeout"];
    for proxy in proxies {
        for (sum, leaf) in sums.iter_mut().zip(leaves) {
            *sum += envoy_counter(mesh, proxy, &format!("cluster.{cluster}.upstream_rq_{leaf}")).await;
        }
        sums[4] += envoy_counter(mesh, proxy, &format!("cluster.{cluster}.upstream_cx_connect_fail")).await;
    }
    sums
}

fn truth_counts(truth: &Truth, source: &str, target: &str) -> [u64; 5] {
    let counts = truth.between(source, target);
    [counts.requests, counts.errors, counts.attempts, counts.timeouts, counts.connection_failures]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ledger_agrees_with_envoys_counters_and_with_the_spans() {
    let _turn = TURN.lock().await;
    let (otlp, received) = sink::start().await;
    let options = MeshOptions { rate_per_second: 100.0, seed: 11, ..MeshOptions::new(envoy(), otlp) };
    let mesh = Mesh::start(options).await.unwrap();

    let load = mesh.load(Amount::Requests(REQUESTS)).await;
    mesh.flush().await.unwrap();
    let truth = mesh.truth();

    assert_eq!(load.requests, REQUESTS);
    assert_eq!(truth.between("client", "gateway").requests, REQUESTS);
    assert_eq!(truth.between("client", "gateway").errors, load.errors);
    assert_eq!(truth.between("gateway", "web").requests, REQUESTS);
    check_versions(&truth);
    check_envoy_counters(&mesh, &truth).await;
    check_spans(&truth, &received.lock().await);
    check_faults_happened(&truth);
    mesh.stop().await;
}

fn check_versions(truth: &Truth) {
    let (v1, v2) = (truth.into_version("orders", "v1"), truth.into_version("orders", "v2"));
    let orders = truth.between("web", "orders");
    assert_eq!(v1.requests + v2.requests, orders.requests);
    assert_eq!(v1.errors + v2.errors, orders.errors);
    assert!(v1.requests > v2.requests && v2.requests > 0, "{v1:?} {v2:?}");
}

async fn check_envoy_counters(mesh: &Mesh, truth: &Truth) {
    let orders = ["orders-v1", "orders-v2"];
    for (source, proxies, target) in [
        ("gateway", &["gateway"][..], "web"),
        ("web", &["web-v1"], "users"),
        ("web", &["web-v1"], "catalog"),
        ("orders", &orders, "payments"),
        ("orders", &orders, "inventory"),
        ("catalog", &["catalog-v1"], "recommendations"),
        ("catalog", &["catalog-v1"], "legacy"),
        ("shipping", &["shipping-v1"], "users"),
    ] {
        let counted = envoy_counts(mesh, proxies, target).await;
        assert_eq!(counted, truth_counts(truth, source, target), "{source} to {target}");
    }
    for version in ["v1", "v2"] {
        let counted = envoy_counts(mesh, &["web-v1"], &format!("orders_{version}")).await;
        let counts = truth.into_version("orders", version);
        assert_eq!(counted[..2], [counts.requests, counts.errors], "orders {version}");
    }
    let handshakes = envoy_counter(mesh, "orders-v1", "cluster.payments.ssl.handshake").await;
    assert!(handshakes > 0, "orders reach payments by mutual TLS");
}

fn check_spans(truth: &Truth, received: &[(String, Span)]) {
    let of_envoy = |span: &Span| span.attributes.iter().any(|pair| pair.key == "component");
    let count = |service: &str, kind: SpanKind| {
        let chosen =
            |(name, span): &&(String, Span)| name == service && span.kind == kind as i32 && !of_envoy(span);
        received.iter().filter(chosen).count() as u64
    };
    assert_eq!(count("web", SpanKind::Server), truth.between("gateway", "web").requests);
    assert_eq!(count("inventory", SpanKind::Server), truth.between("orders", "inventory").attempts);
    assert_eq!(
        count("recommendations", SpanKind::Server),
        truth.between("catalog", "recommendations").attempts,
        "also those that finish after the caller gave up"
    );
    assert_eq!(count("orders", SpanKind::Producer), truth.between("orders", "order-events").requests);
    assert_eq!(count("shipping", SpanKind::Consumer), truth.between("order-events", "shipping").requests);
    assert_eq!(count("users", SpanKind::Client), truth.between("users", "redis").requests);

    let ids: HashSet<_> = received.iter().map(|(_, span)| (&span.trace_id, &span.span_id)).collect();
    assert_eq!(ids.len(), received.len(), "no span is sent twice");
    let is_complete =
        |span: &Span| span.parent_span_id.is_empty() || ids.contains(&(&span.trace_id, &span.parent_span_id));
    assert!(received.iter().all(|(_, span)| is_complete(span)), "after a flush no span is missing");

    let gateway = received.iter().filter(|(name, span)| name == "gateway" && of_envoy(span)).count() as u64;
    assert_eq!(gateway, 2 * REQUESTS, "a SERVER and a CLIENT span a request");
    let consumers = received.iter().filter(|(_, span)| span.kind == SpanKind::Consumer as i32);
    let (linked, children): (Vec<_>, Vec<_>) =
        consumers.partition(|(_, span)| span.parent_span_id.is_empty());
    assert!(!linked.is_empty() && !children.is_empty(), "both shapes of consumers occur");
    assert!(linked.iter().all(|(_, span)| span.links.len() == 1));
}

fn check_faults_happened(truth: &Truth) {
    let inventory = truth.between("orders", "inventory");
    assert!(inventory.attempts > inventory.requests, "some requests are retried: {inventory:?}");
    let recommendations = truth.between("catalog", "recommendations");
    assert!(recommendations.timeouts > 0 && recommendations.errors == recommendations.timeouts);
    let legacy = truth.between("catalog", "legacy");
    assert!(legacy.requests > 0 && legacy.connection_failures == legacy.requests && legacy.attempts == 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_faults_nothing_fails_and_after_stop_nothing_is_left() {
    let _turn = TURN.lock().await;
    let (otlp, _received) = sink::start().await;
    let options = MeshOptions { faults: false, rate_per_second: 100.0, ..MeshOptions::new(envoy(), otlp) };
    let mesh = Mesh::start(options).await.unwrap();
    let pids = mesh.envoy_pids();
    assert_eq!(pids.len(), mesh.admin_urls().len());
    assert!(pids.iter().all(|&pid| is_running(pid)));

    let load = mesh.load(Amount::Requests(50)).await;
    mesh.flush().await.unwrap();
    assert_eq!(load.errors, 0);
    let failed: Vec<_> = mesh.truth().edges.into_iter().filter(|edge| edge.counts.errors > 0).collect();
    assert!(failed.is_empty(), "{failed:?}");

    mesh.stop().await;
    assert!(!pids.iter().any(|&pid| is_running(pid)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_mesh_takes_its_envoys_with_it() {
    let _turn = TURN.lock().await;
    let (otlp, _received) = sink::start().await;
    let mesh = Mesh::start(MeshOptions::new(envoy(), otlp)).await.unwrap();
    let pids = mesh.envoy_pids();
    drop(mesh);
    eventually("the Envoys of a dropped mesh end", async || {
        (!pids.iter().any(|&pid| is_running(pid))).then_some(())
    })
    .await;
}

/// Whether a process runs; one that has ended and only waits to be reaped does not.
fn is_running(pid: u32) -> bool {
    let status = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("status"));
    status.is_ok_and(|text| !text.contains("\nState:\tZ"))
}

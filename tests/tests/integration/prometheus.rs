//! Targets that speak Prometheus' format: what they count is on the graph, once, whatever happens to them or to the server.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::routing::get;
use serde_json::json;
use sidecarta_queries::api::graph::{Edge, Graph, Source};
use sidecarta_queries::api::sources::{SourceState, SourceStatus};
use sidecarta_tests::harness::{Server, ServerOptions, eventually, eventually_ok, program};
use sidecarta_tests::mesh::topology::{GATEWAY, WORKLOADS};
use sidecarta_tests::mesh::{Amount, Mesh, MeshOptions, MeshPorts};
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::truth::{Group, difference, expected};

/// Options of a server that scrapes often what a list of targets names.
fn scraping(folder: &TempDir, targets: &serde_json::Value) -> ServerOptions {
    let list = folder.path().join("targets.json");
    std::fs::write(&list, targets.to_string()).unwrap();
    let file = json!([{"paths": [list]}]).to_string().replace(':', "=");
    ServerOptions::default()
        .set("prometheus.interval_ms", 300)
        .set("prometheus.discovery.file", file)
        .set("store.move_after_s", 1)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_envoys_tell_any_scraper_is_what_happened() {
    let ports = MeshPorts::reserve().unwrap();
    let names =
        std::iter::once((GATEWAY, "")).chain(WORKLOADS.iter().map(|work| (work.service, work.version)));
    let targets = ports.admin_urls().into_iter().zip(names).map(|(url, (service, version))| {
        json!({"targets": [url], "labels": {
            "__metrics_path__": "/stats/prometheus", "service": service, "version": version,
        }})
    });
    let folder = tempfile::tempdir().unwrap();
    // What carries telemetry is only known to who asks for the configuration as well, so the user has to say it.
    let config = folder.path().join("sidecarta.toml");
    std::fs::write(&config, "[[identity]]\nmatch = 'cluster'\npattern = 'otlp|access_log'\nignore = true\n")
        .unwrap();
    let server = scraping(&folder, &targets.collect()).config(&config).start().await;
    let options = MeshOptions {
        rate_per_second: 100.0,
        seed: 7,
        ..MeshOptions::new(program("SIDECARTA_ENVOY"), server.addresses().otlp_grpc)
    };
    let mesh = Mesh::start_on(ports, options).await.unwrap();
    mesh.load(Amount::Requests(300)).await;
    mesh.flush().await.unwrap();
    let truth = mesh.truth();
    for group in [Group::Service, Group::Version] {
        let expected = expected(&truth, Source::Envoy, group);
        let graph = eventually_ok("the graph is what happened", async || {
            let graph = server.graph(group.params()).await;
            let differences = difference(&graph, Source::Envoy, &expected);
            if differences.is_empty() { Ok(graph) } else { Err(differences) }
        })
        .await;
        let latency_counts = graph.edges.iter().filter_map(|edge| {
            let envoy = edge.evidence.iter().find(|evidence| evidence.source == Source::Envoy)?;
            Some((edge, envoy.latency?.count))
        });
        for (edge, count) in latency_counts {
            assert!(count <= edge.attempts.max(edge.requests), "{}: {count} latencies", edge.id);
        }
    }
    mesh.stop().await;
}

/// A sidecar of Istio that tells of calls from web to orders.
#[derive(Debug, Default)]
struct Sidecar {
    good: AtomicU64,
    failed: AtomicU64,
    started_s: AtomicU64,
}

impl Sidecar {
    async fn serve(self: &Arc<Self>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let this = Arc::clone(self);
        let router = Router::new().route("/metrics", get(async move || this.exposition()));
        tokio::spawn(axum::serve(listener, router).into_future());
        address.to_string()
    }

    fn exposition(&self) -> String {
        let mut text = format!("process_start_time_seconds {}\n", self.started_s.load(Ordering::SeqCst));
        text += "# TYPE istio_requests_total counter\n# TYPE istio_request_duration_milliseconds histogram\n";
        for (code, requests) in [(200, &self.good), (503, &self.failed)] {
            let requests = requests.load(Ordering::SeqCst);
            // A series is born with its first event.
            if requests == 0 {
                continue;
            }
            let labels = format!(
                "reporter=\"source\",source_canonical_service=\"web\",source_canonical_revision=\"v1\",\
                 destination_canonical_service=\"orders\",destination_canonical_revision=\"v2\",\
                 request_protocol=\"http\",response_code=\"{code}\",connection_security_policy=\"mutual_tls\""
            );
            let name = "istio_request_duration_milliseconds";
            let _ = write!(
                text,
                "istio_requests_total{{{labels}}} {requests}\n\
                 {name}_bucket{{{labels},le=\"25\"}} 0\n{name}_bucket{{{labels},le=\"50\"}} {requests}\n\
                 {name}_bucket{{{labels},le=\"+Inf\"}} {requests}\n{name}_count{{{labels}}} {requests}\n\
                 {name}_sum{{{labels}}} {}\n",
                requests * 30
            );
        }
        text
    }

    fn add(&self, good: u64, failed: u64) {
        self.good.fetch_add(good, Ordering::SeqCst);
        self.failed.fetch_add(failed, Ordering::SeqCst);
    }

    fn restart(&self, started_s: u64) {
        self.good.store(0, Ordering::SeqCst);
        self.failed.store(0, Ordering::SeqCst);
        self.started_s.store(started_s, Ordering::SeqCst);
    }
}

async fn called(server: &Server, requests: u64, errors: u64) -> Edge {
    eventually_ok("the edge is counted", async || {
        let Graph { edges, .. } = server.graph("from=-1h").await;
        let edge = edges.into_iter().find(|edge| edge.id == "service:web→service:orders");
        match edge {
            Some(edge) if (edge.requests, edge.errors) == (requests, errors) => Ok(edge),
            other => Err(format!("{other:?} and not {errors} of {requests}")),
        }
    })
    .await
}

/// The target, which is listed once the file that names it has been read.
async fn target(server: &Server) -> SourceStatus {
    eventually("the target is listed", async || {
        server.sources().await.into_iter().find(|source| source.kind == "prometheus")
    })
    .await
}

#[tokio::test]
async fn istios_metrics_are_counted_once_over_restarts_of_either_side() {
    let sidecar = Arc::new(Sidecar::default());
    // It has been running for long: what it has counted so far happened nobody knows when.
    sidecar.restart(1_600_000_000);
    sidecar.add(1_000, 0);
    let address = sidecar.serve().await;
    let folder = tempfile::tempdir().unwrap();
    let mut server = scraping(&folder, &json!([{"targets": [address]}])).start().await;
    eventually("it is scraped", async || (target(&server).await.accepted > 0).then_some(())).await;

    sidecar.add(7, 2);
    let edge = called(&server, 9, 2).await;
    assert_eq!((edge.mtls, edge.protocol.as_str(), edge.attempts), (Some(true), "http", 9));
    let latency = edge.client_side.unwrap();
    assert_eq!((latency.count, latency.p50.low_ms, latency.p50.high_ms), (9, 25.0, Some(55.0)));

    server.kill().await;
    sidecar.add(3, 0);
    server.restart().await;
    called(&server, 12, 2).await;

    // More than before, so that only the start of the process tells.
    sidecar.restart(1_600_000_900);
    sidecar.add(1_100, 5);
    called(&server, 1_117, 7).await;

    let source = target(&server).await;
    assert_eq!(source.state, SourceState::Ok);
    let detail = source.detail.unwrap();
    assert!(detail.contains("Prometheus text") && detail.contains("2 of a mesh"), "{detail}");
}

#[tokio::test]
async fn targets_that_tell_nothing_of_a_mesh_or_nothing_at_all_say_so() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let router = Router::new()
        .route("/metrics", get(async || "go_goroutines 7\n"))
        .route("/page", get(async || "<!doctype html>"));
    tokio::spawn(axum::serve(listener, router).into_future());
    let folder = tempfile::tempdir().unwrap();
    let page = json!({"targets": [address], "labels": {"__metrics_path__": "/page"}});
    let server = scraping(&folder, &json!([{"targets": [address]}, page])).start().await;
    let told = async |path: &str| -> Option<SourceStatus> {
        let sources = server.sources().await;
        let mut targets = sources.into_iter().filter(|source| source.kind == "prometheus");
        targets.find(|source| source.name.ends_with(path) && source.requests > 0)
    };
    let plain = eventually("the plain target is told", async || told("/metrics").await).await;
    assert_eq!(plain.state, SourceState::Ok);
    assert!(plain.detail.as_ref().unwrap().contains("0 of a mesh"), "{plain:?}");
    let page = eventually("the page is told", async || told("/page").await).await;
    assert_eq!(page.state, SourceState::Failing);
    assert!(page.last_error.as_ref().unwrap().contains("web page"), "{page:?}");
}

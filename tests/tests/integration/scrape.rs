//! Targets that are no Envoy, half an Envoy, or nobody: each is told in words, and a real Envoy beside them is scraped.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;

use axum::Router;
use serde_json::{Value, json};
use sidecarta_queries::api::graph::Source;
use sidecarta_queries::api::sources::{SourceState, SourceStatus};
use sidecarta_tests::harness::{Answer, Server, ServerOptions, client, eventually, eventually_ok, program};
use sidecarta_tests::mesh::bound_to_us;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket};
use tokio::process::Child;

const REQUESTS: u64 = 40;

/// A listener that reads a request, writes these bytes and hangs up; without bytes it says nothing for ever.
async fn hostile(answer: Option<&'static str>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = [0; 4096];
                // Whoever asked may be gone already.
                let _ = stream.read(&mut request).await;
                match answer {
                    Some(answer) => drop(stream.write_all(answer.as_bytes()).await),
                    None => std::future::pending().await,
                }
            });
        }
    });
    address
}

/// A service and before it a real Envoy, of the node `shop-1` in the cluster `shop`.
pub(super) struct Proxied {
    pub(super) admin: String,
    pub(super) url: String,
    _envoy: Child,
    _folder: TempDir,
}

impl Proxied {
    async fn start() -> Self {
        Self::start_with(|_| ()).await
    }

    /// An Envoy with another configuration.
    pub(super) async fn start_with(change: impl FnOnce(&mut Value)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let service = listener.local_addr().unwrap();
        let answer = async || Ok::<_, Infallible>("an answer");
        tokio::spawn(axum::serve(listener, Router::new().fallback(answer)).into_future());

        let folder = tempfile::tempdir().unwrap();
        let (config, address) = (folder.path().join("envoy.json"), folder.path().join("admin"));
        let mut configuration = configuration(service);
        change(&mut configuration);
        std::fs::write(&config, configuration.to_string()).unwrap();
        let envoy = bound_to_us(&program("SIDECARTA_ENVOY"), "KILL")
            .args(["--concurrency", "1", "--disable-hot-restart", "--log-level", "error"])
            .arg("--config-path")
            .arg(&config)
            .arg("--admin-address-path")
            .arg(&address)
            .spawn()
            .expect("SIDECARTA_ENVOY names a program that runs");
        let admin = eventually("Envoy writes its admin address", async || read(&address)).await;
        let url = eventually("Envoy listens", async || {
            let url = format!("http://{admin}/listeners?format=json");
            let listeners: Value = Answer::to(client().get(url)).await.ok()?.json();
            let port = &listeners["listener_statuses"][0]["local_address"]["socket_address"]["port_value"];
            Some(format!("http://127.0.0.1:{}", port.as_u64().filter(|&port| port > 0)?))
        })
        .await;
        Self { admin: format!("http://{admin}"), url, _envoy: envoy, _folder: folder }
    }
}

fn read(path: &Path) -> Option<String> {
    std::fs::read_to_string(path).ok().filter(|text| !text.is_empty())
}

/// An Envoy that sends everything to `service`, which it knows as the cluster `stock`.
fn configuration(service: SocketAddr) -> Value {
    let at = |port: u16| json!({"socket_address": {"address": "127.0.0.1", "port_value": port}});
    let manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "egress",
        "route_config": {"virtual_hosts": [{
            "name": "all", "domains": ["*"],
            "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "stock"}}],
        }]},
        "http_filters": [{
            "name": "envoy.filters.http.router",
            "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"},
        }],
    });
    let filter = json!({"name": "envoy.filters.network.http_connection_manager", "typed_config": manager});
    json!({
        "node": {"id": "shop-1", "cluster": "shop"},
        "admin": {"address": at(0)},
        "static_resources": {
            "listeners": [{
                "name": "egress", "address": at(0), "traffic_direction": "OUTBOUND",
                "filter_chains": [{"filters": [filter]}],
            }],
            "clusters": [{
                "name": "stock", "type": "STATIC",
                "load_assignment": {"cluster_name": "stock", "endpoints": [{
                    "lb_endpoints": [{"endpoint": {"address": at(service.port())}}],
                }]},
            }],
        },
    })
}

async fn envoy_source(server: &Server, address: &str) -> SourceStatus {
    let sources = server.sources().await;
    let found = sources.into_iter().find(|source| source.kind == "envoy" && source.name.contains(address));
    found.unwrap_or_else(|| panic!("{address} is not among the sources"))
}

#[tokio::test]
async fn bad_targets_are_told_in_words_and_a_good_one_is_scraped_all_the_same() {
    let proxied = Proxied::start().await;
    // Bound, so that nobody else gets it, but not listened on.
    let refusing = TcpSocket::new_v4().unwrap();
    refusing.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let html = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n<!doctype html><title>Welcome";
    let half =
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 5000\r\n\r\n{\"configs\":[";
    let foreign =
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 13\r\n\r\n{\"ok\": true }";
    let bad = [
        (hostile(Some(html)).await, "web page (HTML)"),
        (hostile(Some(half)).await, "broke off"),
        (hostile(Some(foreign)).await, "not"),
        (hostile(Some("SSH-2.0-OpenSSH_9.9\r\n")).await, "no answer"),
        (hostile(None).await, "no whole answer"),
        (refusing.local_addr().unwrap(), "cannot connect"),
    ];
    let mut options = ServerOptions::default().set("envoy.interval_ms", 200).set("envoy.timeout_ms", 1_000);
    for (address, _) in &bad {
        options = options.envoy(format!("http://{address}"));
    }
    let server = options.envoy(&proxied.admin).start().await;

    let good = eventually("the real Envoy is scraped", async || {
        let source = envoy_source(&server, &proxied.admin).await;
        (source.state == SourceState::Ok && source.accepted > 0).then_some(source)
    })
    .await;
    assert!(good.detail.as_deref().unwrap_or_default().contains("shop-1"), "{good:?}");
    for _ in 0..REQUESTS {
        assert_eq!(Answer::to(client().get(&proxied.url)).await.unwrap().text(), "an answer");
    }
    eventually_ok("its counters are on the graph", async || {
        let graph = server.graph("").await;
        let seen =
            graph.edges.iter().find(|edge| edge.source == "service:shop" && edge.target.ends_with(":stock"));
        let evidence = seen.and_then(|edge| edge.evidence.first());
        let is_complete =
            evidence.is_some_and(|said| (said.source, said.requests) == (Source::Envoy, REQUESTS));
        if is_complete { Ok(()) } else { Err(format!("{:#?}", graph.edges)) }
    })
    .await;

    for (address, words) in bad {
        let source = eventually_ok("the bad target is told", async || {
            let source = envoy_source(&server, &address.to_string()).await;
            if source.state == SourceState::Failing { Ok(source) } else { Err(format!("{source:?}")) }
        })
        .await;
        let error = source.last_error.unwrap_or_default();
        assert!(error.contains(words), "{address} ({words}): {error}");
        assert!(source.failures > 0 && source.accepted == 0 && source.last_success.is_none());
    }
    let before = envoy_source(&server, &proxied.admin).await;
    eventually("it is scraped again and again", async || {
        let now = envoy_source(&server, &proxied.admin).await;
        (now.requests >= before.requests + 3 && now.failures == 0).then_some(())
    })
    .await;
    let coverage = server.graph("").await.coverage;
    assert_eq!((coverage.proxies, coverage.proxies_reporting), (1, 1));
}

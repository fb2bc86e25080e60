//! Envoys that push their statistics, counted to the last request whatever happens to the server.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use sidecarta_queries::api::graph::Source;
use sidecarta_queries::api::proxies::{ProxiesResponse, ProxyResponse};
use sidecarta_queries::api::sources::SourceState;
use sidecarta_tests::harness::{Answer, Server, ServerOptions, client, eventually, eventually_ok};
use tokio::net::{TcpListener, TcpStream};

use crate::scrape::Proxied;

/// A port that leads to the server, which has another one after each start.
struct Relay {
    address: SocketAddr,
    target: Arc<Mutex<Option<SocketAddr>>>,
}

impl Relay {
    /// A port that leads nowhere yet.
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let relay = Self { address: listener.local_addr().unwrap(), target: Arc::default() };
        let target = Arc::clone(&relay.target);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let Some(target) = *target.lock().unwrap() else { continue };
                tokio::spawn(async move {
                    // Where the server is down the connection just ends.
                    if let Ok(mut server) = TcpStream::connect(target).await {
                        let _ = tokio::io::copy_bidirectional(&mut stream, &mut server).await;
                    }
                });
            }
        });
        relay
    }

    fn lead_to(&self, server: &Server) {
        *self.target.lock().unwrap() = Some(server.addresses().otlp_grpc);
    }
}

/// The sink for Envoy's metrics service.
fn metrics_service() -> Value {
    json!({
        "name": "envoy.stat_sinks.metrics_service",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.config.metrics.v3.MetricsServiceConfig",
            "transport_api_version": "V3",
            "emit_tags_as_labels": true,
            "grpc_service": {"envoy_grpc": {"cluster_name": "sidecarta"}},
        },
    })
}

/// The sink for OTLP metrics, which are told who they come from.
fn open_telemetry() -> Value {
    let detectors = "type.googleapis.com/envoy.extensions.tracers.opentelemetry.resource_detectors.v3";
    json!({
        "name": "envoy.stat_sinks.open_telemetry",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.stat_sinks.open_telemetry.v3.SinkConfig",
            "grpc_service": {"envoy_grpc": {"cluster_name": "sidecarta"}},
            "resource_detectors": [{
                "name": "envoy.tracers.opentelemetry.resource_detectors.static_config",
                "typed_config": {
                    "@type": format!("{detectors}.StaticConfigResourceDetectorConfig"),
                    "attributes": {"service.name": "shop", "service.instance.id": "shop-1"},
                },
            }],
        },
    })
}

/// Makes an Envoy push to an address.
fn push_to(address: SocketAddr, sink: Value) -> impl FnOnce(&mut Value) {
    move |configuration| {
        let http2 = json!({"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            "explicit_http_config": {"http2_protocol_options": {}},
        }});
        let at = json!({"socket_address": {"address": "127.0.0.1", "port_value": address.port()}});
        let clusters = configuration["static_resources"]["clusters"].as_array_mut().unwrap();
        clusters.push(json!({
            "name": "sidecarta", "type": "STATIC", "connect_timeout": "1s",
            "typed_extension_protocol_options": http2,
            "load_assignment": {"cluster_name": "sidecarta", "endpoints": [{
                "lb_endpoints": [{"endpoint": {"address": at}}],
            }]},
        }));
        configuration["stats_flush_interval"] = json!("0.3s");
        configuration["stats_sinks"] = json!([sink]);
    }
}

async fn send(proxied: &Proxied, requests: u64) {
    for _ in 0..requests {
        assert_eq!(Answer::to(client().get(&proxied.url)).await.unwrap().text(), "an answer");
    }
}

/// Waits until the graph has this many requests from the shop to its stock, as Envoys count them.
async fn eventually_on_the_graph(server: &Server, requests: u64) {
    eventually_ok("the counters are on the graph", async || {
        let graph = server.graph("").await;
        let edge =
            graph.edges.iter().find(|edge| edge.source == "service:shop" && edge.target.ends_with(":stock"));
        let said = edge.and_then(|edge| edge.evidence.first());
        let is_complete = said.is_some_and(|said| (said.source, said.requests) == (Source::Envoy, requests));
        if is_complete { Ok(()) } else { Err(format!("{requests} of {:#?}", graph.edges)) }
    })
    .await;
}

#[tokio::test]
async fn an_envoy_that_pushes_is_counted_to_the_last_request_through_kills() {
    is_counted_through_kills(metrics_service(), "127.0.0.1").await;
}

#[tokio::test]
async fn an_envoy_that_sends_otlp_metrics_is_counted_to_the_last_request_through_kills() {
    is_counted_through_kills(open_telemetry(), "").await;
}

async fn is_counted_through_kills(sink: Value, address: &str) {
    let mut server = ServerOptions::default().start().await;
    let relay = Relay::start().await;
    relay.lead_to(&server);
    let proxied = Proxied::start_with(push_to(relay.address, sink)).await;
    send(&proxied, 40).await;
    eventually_on_the_graph(&server, 40).await;

    let known = server.get("/api/v1/proxies").await.json::<ProxiesResponse>().proxies;
    assert_eq!(known.len(), 1, "{known:?}");
    let shop = &known[0];
    assert_eq!(
        (shop.id.as_str(), shop.service.as_str(), shop.node.as_str()),
        ("shop-1", "shop", "service:shop")
    );
    assert_eq!((shop.envoy_version.as_str(), shop.address.as_str()), ("1.40.0", address));
    assert!(shop.is_reporting);
    let latencies = async || {
        let proxy = server.get("/api/v1/proxies/shop-1").await.json::<ProxyResponse>().proxy;
        let stock = proxy.parts.iter().find(|part| part.kind == "cluster" && part.name == "stock")?;
        assert_eq!(stock.requests, 40);
        let answers = stock.statistics.iter().find(|statistic| statistic.name == "upstream_rq_2xx")?;
        assert_eq!(answers.value, 40);
        stock.latency
    };
    eventually("its latencies are there", latencies).await;

    let mut sent = 40;
    for round in 1..=2 {
        server.kill().await;
        send(&proxied, 15 * round).await;
        server.restart().await;
        relay.lead_to(&server);
        sent += 15 * round;
        eventually_on_the_graph(&server, sent).await;
        send(&proxied, 5).await;
        sent += 5;
        eventually_on_the_graph(&server, sent).await;
    }
    let line = server.source("envoy_push").await;
    // An orderly end, with the stream open.
    server.stop().await;
    assert_eq!((line.name.as_str(), line.state, line.failures), ("shop-1", SourceState::Ok, 0), "{line:?}");
}

#[tokio::test]
async fn an_envoy_that_is_scraped_and_pushes_is_counted_once() {
    let relay = Relay::start().await;
    let proxied = Proxied::start_with(push_to(relay.address, metrics_service())).await;
    let server = ServerOptions::default().set("envoy.interval_ms", 200).envoy(&proxied.admin).start().await;
    eventually("it is scraped", async || (server.source("envoy").await.accepted > 0).then_some(())).await;
    relay.lead_to(&server);
    send(&proxied, 20).await;
    eventually_on_the_graph(&server, 20).await;
    let line = eventually("what is pushed is refused in words", async || {
        let lines = server.sources().await;
        lines.into_iter().find(|line| line.kind == "envoy_push" && line.rejected > 0)
    })
    .await;
    assert_eq!(
        (line.name.as_str(), line.state, line.accepted),
        ("shop-1@127.0.0.1", SourceState::Failing, 0)
    );
    let words = line.last_error.unwrap();
    assert!(words.contains("is scraped at") && words.contains("already"), "{words}");
    send(&proxied, 20).await;
    eventually_on_the_graph(&server, 40).await;
    let known = server.get("/api/v1/proxies").await.json::<ProxiesResponse>().proxies;
    assert_eq!(known.len(), 1, "{known:?}");
}

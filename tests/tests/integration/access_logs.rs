//! What proxies log, whichever way it comes: requests, errors and durations per route and version are those of the load.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use sidecarta_queries::api::routes::{RouteSummary, RoutesResponse, SeenBy};
use sidecarta_tests::harness::{Answer, Server, ServerOptions, client, eventually, eventually_ok, program};
use sidecarta_tests::mesh::bound_to_us;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::process::Child;

const VERSIONS: [&str; 2] = ["v1", "v2"];
/// The logs that each Envoy keeps, as the names of the services that their requests count for.
const LOGS: [&str; 3] = ["by-text", "by-json", "by-otlp"];
const REQUESTS: usize = 240;

/// A service that answers with the status and after the milliseconds that a request asks for.
async fn service() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let answer = async |headers: HeaderMap| {
        let number = |name: &str| headers[name].to_str().unwrap().parse::<u16>().unwrap();
        tokio::time::sleep(Duration::from_millis(number("x-delay-ms").into())).await;
        StatusCode::from_u16(number("x-status")).unwrap()
    };
    tokio::spawn(axum::serve(listener, Router::new().fallback(answer)).into_future());
    address
}

/// An Envoy before the service, which logs each request three times.
struct Envoy {
    url: String,
    _process: Child,
}

impl Envoy {
    async fn start(folder: &TempDir, version: &str, service: SocketAddr, otlp: SocketAddr) -> Self {
        let (config, admin) =
            (folder.path().join(format!("{version}.json")), folder.path().join(format!("{version}.admin")));
        std::fs::write(&config, configuration(folder, version, service, otlp).to_string()).unwrap();
        let process = bound_to_us(&program("SIDECARTA_ENVOY"), "KILL")
            .args(["--concurrency", "1", "--disable-hot-restart", "--log-level", "error"])
            .args(["--file-flush-interval-msec", "50", "--config-path"])
            .arg(&config)
            .arg("--admin-address-path")
            .arg(&admin)
            .spawn()
            .expect("SIDECARTA_ENVOY names a program that runs");
        let url = eventually("Envoy listens", async || {
            let admin = std::fs::read_to_string(&admin).ok().filter(|admin| !admin.is_empty())?;
            let listeners =
                Answer::to(client().get(format!("http://{admin}/listeners?format=json"))).await.ok()?;
            let listeners: Value = listeners.json();
            let port = &listeners["listener_statuses"][0]["local_address"]["socket_address"]["port_value"];
            Some(format!("http://127.0.0.1:{}", port.as_u64().filter(|&port| port > 0)?))
        })
        .await;
        Self { url, _process: process }
    }
}

fn configuration(folder: &TempDir, version: &str, service: SocketAddr, otlp: SocketAddr) -> Value {
    let at = |address: SocketAddr| json!({"socket_address": {"address": address.ip().to_string(), "port_value": address.port()}});
    let cluster = |name: &str, address: SocketAddr, http2: bool| {
        let version = if http2 { "http2_protocol_options" } else { "http_protocol_options" };
        json!({
            "name": name, "type": "STATIC",
            "typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": {version: {}},
            }},
            "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [{"endpoint": {"address": at(address)}}]}]},
        })
    };
    let fields = json!({
        "start_time": "%START_TIME%", "method": "%REQ(:METHOD)%", "path": "%REQ(:PATH)%",
        "response_code": "%RESPONSE_CODE%", "response_flags": "%RESPONSE_FLAGS%", "duration": "%DURATION%",
        "upstream_cluster": "%UPSTREAM_CLUSTER%",
    });
    let attributes: Vec<Value> = fields
        .as_object()
        .unwrap()
        .iter()
        .map(|(key, value)| json!({"key": key, "value": {"string_value": value}}))
        .collect();
    let file = |log: &str, format: Value| {
        let mut config = json!({
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
            "path": folder.path().join(format!("{log}-{version}.log")),
        });
        if !format.is_null() {
            config["log_format"] = format;
        }
        json!({"name": "envoy.access_loggers.file", "typed_config": config})
    };
    let access_logs = [
        file(LOGS[0], Value::Null),
        file(LOGS[1], json!({"json_format": fields})),
        json!({"name": "envoy.access_loggers.open_telemetry", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.open_telemetry.v3.OpenTelemetryAccessLogConfig",
            "log_name": format!("{}-{version}", LOGS[2]),
            "grpc_service": {"envoy_grpc": {"cluster_name": "sidecarta"}},
            "attributes": {"values": attributes},
        }}),
    ];
    let manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "ingress",
        "access_log": access_logs,
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [
            {"match": {"prefix": "/"}, "route": {"cluster": "local_app"}},
        ]}]},
        "http_filters": [{"name": "envoy.filters.http.router", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
        }}],
    });
    json!({
        "node": {"id": format!("orders-{version}"), "cluster": "orders"},
        "admin": {"address": at(SocketAddr::from(([127, 0, 0, 1], 0)))},
        "static_resources": {
            "listeners": [{
                "name": "in", "traffic_direction": "INBOUND", "address": at(SocketAddr::from(([127, 0, 0, 1], 0))),
                "filter_chains": [{"filters": [{
                    "name": "envoy.filters.network.http_connection_manager", "typed_config": manager,
                }]}],
            }],
            "clusters": [cluster("local_app", service, false), cluster("sidecarta", otlp, true)],
        },
    })
}

/// One entry for each log of each Envoy.
fn server_config(folder: &TempDir) -> String {
    let mut text = String::new();
    for version in VERSIONS {
        for (log, format) in LOGS.into_iter().zip(["auto", "json", "auto"]) {
            let name = format!("{log}-{version}");
            let _ = writeln!(
                text,
                "[[access_log]]\nname = '{name}'\nservice = '{log}'\nversion = '{version}'\nnode_id = '{name}'\n\
                 direction = 'inbound'\nformat = '{format}'\ninterval_ms = 100"
            );
            if log != "by-otlp" {
                let _ = writeln!(text, "path = '{}'", folder.path().join(format!("{name}.log")).display());
            }
        }
    }
    text
}

/// What the load knows of one route of one version.
#[derive(Debug, Default)]
struct Known {
    requests: u64,
    errors: u64,
    /// How long the service took at least, ms.
    least_ms: Vec<f64>,
    /// How long it took whoever called, ms.
    most_ms: Vec<f64>,
}

type Truth = BTreeMap<(String, String), Known>;

async fn load(envoys: &[Envoy; 2]) -> Truth {
    let mut random = ChaCha8Rng::seed_from_u64(5);
    let client = client();
    let mut truth = Truth::new();
    for _ in 0..REQUESTS {
        let version = usize::from(random.random_bool(0.2));
        let (method, path, route) = *[
            ("GET", "/orders/17", "GET /orders/{id}"),
            ("GET", "/orders/902?secret=1", "GET /orders/{id}"),
            ("POST", "/orders", "POST /orders"),
            ("DELETE", "/orders/3fa85f64-5717-4562-b3fc-2c963f66afa6", "DELETE /orders/{id}"),
        ]
        .choose(&mut random)
        .unwrap();
        let status = *[200, 200, 200, 200, 404, 503].choose(&mut random).unwrap();
        let delay_ms = random.random_range(0..12_u16);
        let request = client
            .request(method.parse().unwrap(), format!("{}{path}", envoys[version].url))
            .header("x-status", status)
            .header("x-delay-ms", delay_ms);
        let begun = Instant::now();
        let answer = Answer::to(request).await.unwrap();
        let took_ms = begun.elapsed().as_secs_f64() * 1e3;
        assert_eq!(answer.status, status);
        let known = truth.entry((VERSIONS[version].to_owned(), route.to_owned())).or_default();
        known.requests += 1;
        known.errors += u64::from(status >= 500);
        known.least_ms.push(delay_ms.into());
        known.most_ms.push(took_ms);
    }
    truth
}

async fn routes(server: &Server, service: &str) -> Vec<RouteSummary> {
    let path = format!("/api/v1/routes?service={service}&from=-1h");
    server.get(&path).await.json::<RoutesResponse>().routes
}

/// What differs from the truth; empty if nothing does.
fn difference(routes: &[RouteSummary], truth: &Truth) -> String {
    let key = |route: &RouteSummary| (route.version.clone().unwrap_or_default(), route.route.clone());
    let seen: BTreeMap<_, _> =
        routes.iter().map(|route| (key(route), (route.requests, route.errors))).collect();
    let known: BTreeMap<_, _> =
        truth.iter().map(|(key, known)| (key.clone(), (known.requests, known.errors))).collect();
    if seen == known { String::new() } else { format!("seen {seen:?}\ntrue {known:?}") }
}

fn rank(values: &[f64], q: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[((q * sorted.len() as f64).ceil() as usize).max(1) - 1]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_log_tells_of_each_route_and_version_what_happened() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("sidecarta.toml");
    std::fs::write(&config, server_config(&folder)).unwrap();
    let mut server = ServerOptions::default().config(&config).set("store.move_after_s", 1).start().await;
    let (service, otlp) = (service().await, server.addresses().otlp_grpc);
    let envoys = [
        Envoy::start(&folder, VERSIONS[0], service, otlp).await,
        Envoy::start(&folder, VERSIONS[1], service, otlp).await,
    ];
    let truth = load(&envoys).await;
    assert_eq!(truth.len(), 6);

    for restarted in [false, true] {
        for log in LOGS {
            let routes = eventually_ok("the log is read", async || {
                let routes = routes(&server, log).await;
                let difference = difference(&routes, &truth);
                if difference.is_empty() { Ok(routes) } else { Err(format!("{log}: {difference}")) }
            })
            .await;
            for route in routes {
                let known = &truth[&(route.version.unwrap(), route.route.clone())];
                let latency = route.latency.unwrap();
                assert_eq!((latency.count, route.seen_by), (known.requests, SeenBy::Callee));
                for (quantile, q) in [(latency.p50, 0.5), (latency.p90, 0.9), (latency.p99, 0.99)] {
                    let (least, most) = (rank(&known.least_ms, q), rank(&known.most_ms, q));
                    let words = format!("{log} {} p{q}: {quantile:?}, truth {least} to {most}", route.route);
                    assert!(quantile.low_ms <= most && Some(least) <= quantile.high_ms, "{words}");
                }
            }
        }
        if !restarted {
            server.kill().await;
            server.restart().await;
        }
    }
}

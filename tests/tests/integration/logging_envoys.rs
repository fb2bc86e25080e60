//! Envoys that log each request in every way that Sidecarta reads, and what the load knows of the requests.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use sidecarta_queries::api::routes::{RouteSummary, RoutesResponse};
use sidecarta_tests::harness::{Answer, Server, client, eventually, program};
use sidecarta_tests::mesh::bound_to_us;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::process::Child;

pub(super) const VERSIONS: [&str; 2] = ["v1", "v2"];
/// The log that each Envoy sends by OTLP, as the name of the service that its requests count for.
pub(super) const OTLP_LOG: &str = "by-otlp";
/// The log that each Envoy sends to the access log service, likewise: by rules of identity, since it names the Envoy alone.
pub(super) const ALS_LOG: &str = "by-als";
/// The files that each Envoy writes, likewise, and how Sidecarta is to read them.
pub(super) const FILES: [(&str, &str); 4] = [
    ("by-text", "auto"),
    ("by-json", "json"),
    ("by-service-connect-text", "service_connect"),
    ("by-service-connect-json", "service_connect"),
];
/// What ECS Service Connect writes as text: as Envoy by itself, but without response flags.
const SERVICE_CONNECT_TEXT: &str = "[%START_TIME%] \"%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%\" \
    %RESPONSE_CODE% %BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% \
    \"%REQ(X-FORWARDED-FOR)%\" \"%REQ(USER-AGENT)%\" \"%REQ(X-REQUEST-ID)%\" \"%REQ(:AUTHORITY)%\" \
    \"%UPSTREAM_HOST%\"\n";
pub(super) const REQUESTS: usize = 240;

/// A service that answers with the status and after the milliseconds that a request asks for.
pub(super) async fn service() -> SocketAddr {
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

/// An Envoy before the service, which logs each request in six ways.
pub(super) struct Envoy {
    url: String,
    _process: Child,
}

impl Envoy {
    /// Starts it; its files are in the folder, named for log and version.
    pub(super) async fn start(
        folder: &TempDir,
        version: &str,
        service: SocketAddr,
        otlp: SocketAddr,
    ) -> Self {
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

/// What ECS Service Connect writes as JSON.
fn service_connect_fields() -> Value {
    json!({
        "start_time": "%START_TIME%", "method": "%REQ(:METHOD)%", "path": "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
        "protocol": "%PROTOCOL%", "response_code": "%RESPONSE_CODE%", "bytes_received": "%BYTES_RECEIVED%",
        "bytes_sent": "%BYTES_SENT%", "duration": "%DURATION%",
        "upstream_service_time": "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%",
        "user_agent": "%REQ(USER-AGENT)%", "request_id": "%REQ(X-REQUEST-ID)%", "authority": "%REQ(:AUTHORITY)%",
        "upstream_host": "%UPSTREAM_HOST%",
    })
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
        file(FILES[0].0, Value::Null),
        file(FILES[1].0, json!({"json_format": fields})),
        file(FILES[2].0, json!({"text_format_source": {"inline_string": SERVICE_CONNECT_TEXT}})),
        file(FILES[3].0, json!({"json_format": service_connect_fields()})),
        json!({"name": "envoy.access_loggers.open_telemetry", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.open_telemetry.v3.OpenTelemetryAccessLogConfig",
            "log_name": format!("{}-{version}", OTLP_LOG),
            "grpc_service": {"envoy_grpc": {"cluster_name": "sidecarta"}},
            "attributes": {"values": attributes},
        }}),
        json!({"name": "envoy.access_loggers.http_grpc", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig",
            "common_config": {
                "log_name": ALS_LOG, "transport_api_version": "V3", "buffer_flush_interval": "0.05s",
                "grpc_service": {"envoy_grpc": {"cluster_name": "sidecarta"}},
            },
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

/// What the load knows of one route of one version.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) requests: u64,
    pub(super) errors: u64,
    /// How long the service took at least, ms.
    pub(super) least_ms: Vec<f64>,
    /// How long it took whoever called, ms.
    pub(super) most_ms: Vec<f64>,
}

pub(super) type Truth = BTreeMap<(String, String), Known>;

pub(super) async fn load(envoys: &[Envoy; 2]) -> Truth {
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

pub(super) async fn routes(server: &Server, service: &str) -> Vec<RouteSummary> {
    let path = format!("/api/v1/routes?service={service}&from=-1h");
    server.get(&path).await.json::<RoutesResponse>().routes
}

/// What differs from the truth; empty if nothing does.
pub(super) fn difference(routes: &[RouteSummary], truth: &Truth) -> String {
    let key = |route: &RouteSummary| (route.version.clone().unwrap_or_default(), route.route.clone());
    let seen: BTreeMap<_, _> =
        routes.iter().map(|route| (key(route), (route.requests, route.errors))).collect();
    let known: BTreeMap<_, _> =
        truth.iter().map(|(key, known)| (key.clone(), (known.requests, known.errors))).collect();
    if seen == known { String::new() } else { format!("seen {seen:?}\ntrue {known:?}") }
}

/// What the configuration says of the logs that Envoy sends.
pub(super) fn sent_entries() -> String {
    let by_otlp = VERSIONS.map(|version| entry(OTLP_LOG, version, "auto", "")).concat();
    let by_als = format!(
        "[[identity]]\nmatch = 'proxy'\npattern = 'orders-(?<version>v\\d)'\nservice = '{ALS_LOG}'\n\
         version = '$version'\n[[identity]]\nmatch = 'cluster'\npattern = 'local_app'\nignore = true\n"
    );
    by_otlp + &by_als
}

/// An entry of `[[access_log]]` for a log of one version.
pub(super) fn entry(log: &str, version: &str, format: &str, path: &str) -> String {
    format!(
        "[[access_log]]\nname = '{log}-{version}'\nservice = '{log}'\nversion = '{version}'\n\
         node_id = '{log}-{version}'\ndirection = 'inbound'\nformat = '{format}'\ninterval_ms = 100\n\
         path = '{path}'\n"
    )
}

//! A real Envoy: a gateway with a live, a dead and a slow upstream.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use sidecarta_ingest::envoy::address::Address;
use tempfile::TempDir;
use tokio::net::UnixStream;

use crate::eventually;

/// How often the proxy merges its histograms.
const FLUSH: &str = "0.2s";

/// A running Envoy. It ends with this value.
pub(crate) struct Envoy {
    process: Child,
    folder: TempDir,
    pub(crate) admin: Address,
    pub(crate) listener: SocketAddr,
}

impl Envoy {
    /// Starts an Envoy before these upstreams and waits until it listens.
    pub(crate) async fn start(live: SocketAddr, dead: SocketAddr) -> Self {
        Self::start_with(&configuration(live, dead)).await
    }

    /// Starts an Envoy with this configuration, in which the admin interface is at `admin.sock`, and waits until it
    /// listens.
    pub(crate) async fn start_with(configuration: &str) -> Self {
        let folder = TempDir::new().expect("a folder");
        std::fs::write(folder.path().join("envoy.yaml"), configuration).expect("a configuration");
        let process = run(&folder);
        let admin = Address::Unix(folder.path().join("admin.sock"));
        let mut envoy = Self { process, folder, admin, listener: ([127, 0, 0, 1], 0).into() };
        envoy.listener = envoy.when_listening().await;
        envoy
    }

    /// Ends the process and starts another under the same addresses.
    pub(crate) async fn restart(&mut self) {
        self.end();
        std::fs::remove_file(self.folder.path().join("admin.sock")).expect("the old socket");
        self.process = run(&self.folder);
        self.listener = self.when_listening().await;
    }

    /// What a person at the admin interface may do.
    pub(crate) async fn admin_call(&self, method: &str, path: &str) -> Option<Bytes> {
        let Address::Unix(socket) = &self.admin else { return None };
        let stream = UnixStream::connect(socket).await.ok()?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.ok()?;
        let call = async {
            let request = Request::builder().method(method).uri(path).header("host", "admin");
            let answer = sender.send_request(request.body(Empty::<Bytes>::new()).ok()?).await.ok()?;
            (answer.status() == 200).then_some(())?;
            Some(answer.into_body().collect().await.ok()?.to_bytes())
        };
        tokio::select! {
            answer = call => answer,
            _ = connection => None,
        }
    }

    /// A file in the folder that it runs in, where its access logs are: `default.log`, `json.log` and `own.log`.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    async fn when_listening(&self) -> SocketAddr {
        eventually("Envoy listens", async || {
            let state = self.admin_call("GET", "/server_info").await?;
            String::from_utf8_lossy(&state).contains(r#""state": "LIVE""#).then_some(())?;
            let listeners = self.admin_call("GET", "/listeners?format=json").await?;
            let listeners: serde_json::Value = serde_json::from_slice(&listeners).ok()?;
            let address = listeners.pointer("/listener_statuses/0/local_address/socket_address")?;
            let port = u16::try_from(address.get("port_value")?.as_u64()?).ok()?;
            Some(([127, 0, 0, 1], port).into())
        })
        .await
    }

    fn end(&mut self) {
        self.process.kill().expect("the process can be ended");
        self.process.wait().expect("the process ends");
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        self.end();
    }
}

fn run(folder: &TempDir) -> Child {
    let program = std::env::var_os("SIDECARTA_ENVOY").map(PathBuf::from);
    Command::new(program.expect("SIDECARTA_ENVOY names the Envoy program, as `make test` sets it"))
        .args([
            "--config-path",
            "envoy.yaml",
            "--disable-hot-restart",
            "--concurrency",
            "1",
            "--log-level",
            "error",
            "--file-flush-interval-msec",
            "20",
        ])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .spawn()
        .expect("Envoy starts")
}

/// An access log's format that is nobody's default.
pub(crate) const OWN_FORMAT: &str = "%START_TIME(%d/%b/%Y:%H:%M:%S.%6f %z)% %REQ(:METHOD)% \
     %PATH(NQ)%|%ROUTE_NAME%|%UPSTREAM_CLUSTER_RAW%|%RESPONSE_CODE%%RESPONSE_FLAGS_LONG%|\
     %UPSTREAM_REQUEST_ATTEMPT_COUNT%|%COMMON_DURATION(DS_RX_BEG:DS_TX_END:us)%|\
     %COMMON_DURATION(US_TX_END:US_RX_BEG:us)%|%ACCESS_LOG_TYPE%|%REQ(X-NONE?X-OTHER):9%|\
     %DYNAMIC_METADATA(a:b)%|100%%|%TRACE_ID%|%REQ(USER-AGENT)%|%BYTES_SENT%";

/// The access logs: in Envoy's own format, as JSON, and in [`OWN_FORMAT`].
fn access_logs() -> String {
    let file = |path: &str, format: &str| {
        format!(
            "{{name: file, typed_config: {{\"@type\": \
             type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog, path: {path}{format}}}}}"
        )
    };
    let own = serde_json::Value::from(format!("{OWN_FORMAT}\n"));
    let own = format!(", log_format: {{text_format_source: {{inline_string: {own}}}}}");
    let json = r#", log_format: {json_format: {start_time: "%START_TIME%", method: "%REQ(:METHOD)%", path: "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%", protocol: "%PROTOCOL%", response_code: "%RESPONSE_CODE%", response_flags: "%RESPONSE_FLAGS%", duration: "%DURATION%", upstream_cluster: "%UPSTREAM_CLUSTER%", attempts: "%UPSTREAM_REQUEST_ATTEMPT_COUNT%"}}"#;
    [file("default.log", ""), file("json.log", json), file("own.log", &own)].join(", ")
}

fn configuration(live: SocketAddr, dead: SocketAddr) -> String {
    let access_logs = access_logs();
    let cluster = |name: &str, address: SocketAddr| {
        let (ip, port) = (address.ip(), address.port());
        format!(
            "  - {{name: \"{name}\", type: STATIC, connect_timeout: 1s, load_assignment: {{cluster_name: x, endpoints: \
             [{{lb_endpoints: [{{endpoint: {{address: {{socket_address: {{address: {ip}, port_value: {port}}}}}}}}}]}}]}}}}\n"
        )
    };
    let clusters = [("live.shop:80", live), ("live.shop.v2", live), ("dead", dead), ("idle", live)];
    let clusters: String = clusters.iter().map(|(name, address)| cluster(name, *address)).collect();
    format!(
        r#"
node: {{id: gateway-1, cluster: gateway, locality: {{zone: here}}}}
admin: {{address: {{pipe: {{path: admin.sock}}}}}}
stats_flush_interval: {FLUSH}
static_resources:
  listeners:
  - name: edge
    traffic_direction: INBOUND
    address: {{socket_address: {{address: 127.0.0.1, port_value: 0}}}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: in.bound
          access_log: [{access_logs}]
          route_config:
            name: edge
            virtual_hosts:
            - name: shop
              domains: ["*"]
              routes:
              - {{match: {{prefix: /dead}}, route: {{cluster: dead}}}}
              - {{match: {{prefix: /hang}}, route: {{cluster: "live.shop:80", timeout: 0.1s}}}}
              - {{match: {{prefix: /retry}}, route: {{cluster: "live.shop:80", retry_policy: {{retry_on: 5xx, num_retries: 2, retry_back_off: {{base_interval: 0.001s}}}}}}}}
              - {{match: {{prefix: /split}}, name: split, route: {{weighted_clusters: {{clusters: [{{name: "live.shop:80", weight: 90}}, {{name: "live.shop.v2", weight: 10}}]}}}}}}
              - {{match: {{prefix: /}}, route: {{cluster: "live.shop:80"}}}}
          http_filters: [{{name: envoy.filters.http.router, typed_config: {{"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}}}]
  clusters:
{clusters}"#
    )
}

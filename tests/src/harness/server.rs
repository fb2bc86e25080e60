//! The real binary, on free ports and a data folder of its own.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use sidecarta_queries::api::graph::{Graph, GraphResponse};
use sidecarta_queries::api::sources::{SourceStatus, SourcesResponse};
use sidecarta_queries::api::status::{Status, StatusResponse};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::http::{Answer, client};
use super::{eventually, eventually_ok};
use crate::mesh::bound_to_us;

/// How long a server may take to end once it was asked to.
const STOP_LIMIT: Duration = Duration::from_secs(30);
/// Lines of the server's log that a failed test shows.
const SHOWN_LOG_LINES: usize = 40;

/// The program that a variable of the environment names, as `make test` sets it.
pub fn program(variable: &str) -> PathBuf {
    std::env::var_os(variable)
        .map_or_else(|| panic!("{variable} is not set; `make test` sets it"), PathBuf::from)
}

/// How a server is to run.
#[derive(Clone, Debug, Default)]
pub struct ServerOptions {
    flags: Vec<String>,
    settings: Vec<(String, String)>,
}

impl ServerOptions {
    /// Adds an Envoy to ask, by its admin address.
    #[must_use]
    pub fn envoy(mut self, url: impl Into<String>) -> Self {
        self.flags.extend(["--envoy".to_owned(), url.into()]);
        self
    }

    /// Reads a configuration file.
    #[must_use]
    pub fn config(mut self, file: &Path) -> Self {
        self.flags.extend(["--config".to_owned(), file.display().to_string()]);
        self
    }

    /// Sets a key of the configuration, such as `store.queue_mb`.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "tests write numbers")]
    pub fn set(mut self, key: &str, value: impl ToString) -> Self {
        let variable = format!("SIDECARTA_{}", key.to_uppercase().replace('.', "__"));
        self.settings.push((variable, value.to_string()));
        self
    }

    /// Sets a variable of the environment that is not the configuration's, such as `AWS_REGION`.
    #[must_use]
    pub fn variable(mut self, name: &str, value: impl Into<String>) -> Self {
        self.settings.push((name.to_owned(), value.into()));
        self
    }

    /// Starts a server in a new folder and waits until it is ready.
    pub async fn start(self) -> Server {
        let dir = TempDir::with_prefix("sidecarta-").expect("a temporary folder");
        let addresses = Addresses { http: unset(), otlp_grpc: unset(), otlp_http: unset(), xray: None };
        let mut server = Server { process: None, addresses, dir, options: self, client: client() };
        server.restart().await;
        server
    }

    /// The command that serves from `data` on free ports, its standard error at the end of `log`.
    fn command(&self, data: &Path, log: &Path) -> Command {
        let mut command = bound_to_us(&program("SIDECARTA_BIN"), "KILL");
        let free_port = "127.0.0.1:0";
        command.args(["serve", "--http", free_port, "--otlp-grpc", free_port, "--otlp-http", free_port]);
        command.arg("--data").arg(data).args(&self.flags);
        command.envs(self.settings.iter().map(|(variable, value)| (variable, value)));
        let log = fs::OpenOptions::new().create(true).append(true).open(log).expect("a file for the log");
        command.stdout(Stdio::null()).stderr(log);
        command
    }
}

fn unset() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

/// Where a server listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Addresses {
    /// The dashboard and the API.
    pub http: SocketAddr,
    /// OTLP over gRPC.
    pub otlp_grpc: SocketAddr,
    /// OTLP over HTTP.
    pub otlp_http: SocketAddr,
    /// Segments of X-Ray, where they are taken.
    #[serde(default)]
    pub xray: Option<SocketAddr>,
}

/// A running server. It is killed when this is dropped; a failing test shows the end of its log.
#[derive(Debug)]
pub struct Server {
    process: Option<Child>,
    addresses: Addresses,
    dir: TempDir,
    options: ServerOptions,
    client: reqwest::Client,
}

impl Server {
    /// Starts a server with the defaults.
    pub async fn start() -> Self {
        ServerOptions::default().start().await
    }

    /// Starts the process again on the same data, whether it ran or not, and waits until it is ready. It gets new
    /// ports.
    pub async fn restart(&mut self) {
        if self.process.is_some() {
            self.stop().await;
        }
        self.launch();
        let file = self.data().join("addresses.json");
        self.addresses = eventually_ok("the server writes its addresses", async || {
            let text = fs::read(&file).map_err(|error| self.story(&error.to_string()))?;
            serde_json::from_slice(&text).map_err(|error| self.story(&error.to_string()))
        })
        .await;
        eventually("the server is ready", async || {
            let answer = Answer::to(self.client.get(self.url("/readyz"))).await.ok()?;
            answer.status.is_success().then_some(())
        })
        .await;
    }

    /// Starts the process, which must not run, without waiting for it.
    pub fn launch(&mut self) {
        assert!(self.process.is_none(), "the server runs already");
        let addresses = self.data().join("addresses.json");
        if addresses.exists() {
            fs::remove_file(addresses).expect("the addresses of the last run are removed");
        }
        fs::create_dir_all(self.data()).expect("a folder for data");
        let process = self.options.command(&self.data(), &self.log_file()).spawn();
        self.process = Some(process.expect("SIDECARTA_BIN names a program that runs"));
    }

    /// Asks the process to end by SIGTERM, and waits until it has; it must say that all went well.
    pub async fn stop(&mut self) {
        let status = self.end(Signal::TERM).await;
        assert!(status.success(), "{}", self.story(&format!("it ended with {status}")));
    }

    /// Ends the process by SIGKILL.
    pub async fn kill(&mut self) {
        self.end(Signal::KILL).await;
    }

    async fn end(&mut self, signal: Signal) -> ExitStatus {
        let mut process = self.process.take().expect("the server runs");
        let pid = process.id().and_then(|pid| Pid::from_raw(pid.cast_signed()));
        kill_process(pid.expect("it runs"), signal).expect("it can be signalled");
        let ended = timeout(STOP_LIMIT, process.wait()).await;
        ended.unwrap_or_else(|_| panic!("{}", self.story("it does not end"))).expect("its status")
    }

    /// Its folder for data.
    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// Where it listens; each start has its own ports.
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// An address of the API or the dashboard.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addresses.http)
    }

    /// An address of OTLP over HTTP.
    pub fn otlp_url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addresses.otlp_http)
    }

    /// Asks for a page.
    pub async fn get(&self, path: &str) -> Answer {
        let answer = Answer::to(self.client.get(self.url(path))).await;
        answer.unwrap_or_else(|error| panic!("{}", self.story(&format!("no answer to {path}: {error}"))))
    }

    /// The graph, with parameters as in `group=version&from=-1h`.
    pub async fn graph(&self, params: &str) -> Graph {
        self.get(&format!("/api/v1/graph?{params}")).await.json::<GraphResponse>().graph
    }

    /// Every source.
    pub async fn sources(&self) -> Vec<SourceStatus> {
        self.get("/api/v1/sources").await.json::<SourcesResponse>().sources
    }

    /// The one source of this kind.
    pub async fn source(&self, kind: &str) -> SourceStatus {
        let found = self.sources().await.into_iter().find(|source| source.kind == kind);
        found.unwrap_or_else(|| panic!("there is no source of kind {kind}"))
    }

    /// The state of the server.
    pub async fn status(&self) -> Status {
        self.get("/api/v1/status").await.json::<StatusResponse>().status
    }

    /// Waits until queries see everything that was acknowledged, which must be this many spans.
    pub async fn eventually_holds(&self, spans: u64) {
        let status = eventually("queries see all that was acknowledged", async || {
            let status = self.status().await;
            (status.pending_requests == 0 && status.spans >= spans).then_some(status)
        })
        .await;
        assert_eq!(status.spans, spans, "spans stored");
    }

    fn log_file(&self) -> PathBuf {
        self.dir.path().join("server.log")
    }

    /// What it wrote to standard error, over all its runs.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    fn story(&self, what: &str) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        let tail = lines[lines.len().saturating_sub(SHOWN_LOG_LINES)..].join("\n");
        format!("{what}; the server's log ends with:\n{tail}")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.story("a test failed"));
        }
    }
}

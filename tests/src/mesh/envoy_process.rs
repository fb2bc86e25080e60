//! One running Envoy.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::process::{Child, Command};
use tokio::time::Instant;

use super::MeshError;

/// How long an Envoy may take until it serves, on a busy machine.
const START_LIMIT: Duration = Duration::from_mins(1);
/// How long an Envoy may take to send its last spans once nothing is under way.
const DRAIN_LIMIT: Duration = Duration::from_secs(20);
/// How often an Envoy is asked for its state while it is waited for.
const POLL_INTERVAL: Duration = Duration::from_millis(25);
/// Each of an Envoy's span buffers counts its own timer: two listeners times the main and the worker thread.
const FLUSHES_UNTIL_ALL_SENT: u64 = 8;

/// An Envoy that ends when this is dropped.
#[derive(Debug)]
pub(super) struct EnvoyProcess {
    name: String,
    child: Child,
    pid: u32,
    admin: SocketAddr,
    log: PathBuf,
}

/// A command whose process the system ends with `signal` when this one is gone, however it went.
///
/// To the system "gone" means that the thread is gone which spawned the process, so that it must be the main thread
/// or a worker of a runtime. The wrapper comes with util-linux; without it an orderly end still ends the process.
pub fn bound_to_us(program: &Path, signal: &str) -> Command {
    let wrapper = Path::new("/usr/bin/setpriv");
    let mut command = if wrapper.exists() {
        let mut command = Command::new(wrapper);
        command.args(["--pdeathsig", signal, "--"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    // A group of its own keeps the terminal's Ctrl-C away from it: it ends when its work is done.
    command.process_group(0).kill_on_drop(true).stdin(Stdio::null());
    command
}

impl EnvoyProcess {
    /// Writes the configuration into `folder` and runs Envoy on it.
    pub(super) fn spawn(
        envoy: &Path,
        name: &str,
        admin: SocketAddr,
        configuration: &Value,
        folder: &Path,
    ) -> Result<Self, MeshError> {
        let path = folder.join(format!("{name}.json"));
        let log = folder.join(format!("{name}.log"));
        fs::write(&path, format!("{configuration:#}")).map_err(MeshError::Files)?;
        // Envoy logs to stderr, and so do those who fail to run it.
        let output = fs::File::create(&log).map_err(MeshError::Files)?;
        let child = bound_to_us(envoy, "KILL")
            .arg("--config-path")
            .arg(&path)
            .args(["--log-level", "warning", "--concurrency", "1", "--disable-hot-restart"])
            .stdout(Stdio::null())
            .stderr(output)
            .spawn()
            .map_err(|source| MeshError::Spawn { program: envoy.display().to_string(), source })?;
        let pid = child.id().unwrap_or_default();
        Ok(Self { name: name.to_owned(), child, pid, admin, log })
    }

    /// The address of its admin interface.
    pub(super) fn admin_url(&self) -> String {
        format!("http://{}", self.admin)
    }

    /// Its process id, also after it has ended.
    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    /// Whose Envoy it is: the workload's name, or the gateway's.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Waits until it serves.
    pub(super) async fn ready(&mut self, client: &reqwest::Client) -> Result<(), MeshError> {
        let deadline = Instant::now() + START_LIMIT;
        let url = format!("{}/ready", self.admin_url());
        loop {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(self.not_ready(&format!("it ended with {status}")));
            }
            match client.get(&url).send().await {
                Ok(answer) if answer.status().is_success() => return Ok(()),
                _ if Instant::now() > deadline => {
                    return Err(self.not_ready(&format!("no readiness in {START_LIMIT:?}")));
                }
                _ => tokio::time::sleep(POLL_INTERVAL).await,
            }
        }
    }

    /// Waits until it has sent every span that it has. No request may be under way.
    pub(super) async fn drained(&self, client: &reqwest::Client) -> Result<(), MeshError> {
        let deadline = Instant::now() + DRAIN_LIMIT;
        let mut first_flushes = None;
        loop {
            let counters = self.span_counters(client).await;
            if let (Some(flushes), Some(sending)) =
                (counter(&counters, "timer_flushed"), counter(&counters, "upstream_rq_active"))
            {
                let first = *first_flushes.get_or_insert(flushes);
                if sending == 0 && flushes >= first + FLUSHES_UNTIL_ALL_SENT {
                    return Ok(());
                }
            }
            if Instant::now() > deadline {
                let reason = format!("{counters:?}");
                return Err(MeshError::NotDrained { proxy: self.name.clone(), reason });
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// Ends it and waits until it is gone.
    pub(super) async fn stop(&mut self) {
        // It may have ended by itself, which is as good.
        let _ = self.child.kill().await;
    }

    async fn span_counters(&self, client: &reqwest::Client) -> Vec<(String, u64)> {
        let filter = "filter=%5Etracing%5C.|%5Ecluster%5C.otlp%5C.upstream_rq_active%24";
        let url = format!("{}/stats?{filter}", self.admin_url());
        let Ok(answer) = client.get(url).send().await else { return Vec::new() };
        let text = answer.text().await.unwrap_or_default();
        text.lines()
            .filter_map(|line| {
                let (name, value) = line.split_once(": ")?;
                Some((name.to_owned(), value.parse().ok()?))
            })
            .collect()
    }

    fn not_ready(&self, reason: &str) -> MeshError {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let tail = lines[lines.len().saturating_sub(10)..].join("\n");
        MeshError::NotReady { proxy: self.name.clone(), reason: reason.to_owned(), log: tail }
    }
}

/// The value of the counter whose name ends so.
fn counter(counters: &[(String, u64)], suffix: &str) -> Option<u64> {
    counters.iter().find(|(name, _)| name.ends_with(suffix)).map(|(_, value)| *value)
}

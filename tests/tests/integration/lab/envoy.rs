//! The lab's Envoy: it can be restarted hot, killed, and its counters be reset.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;

use serde_json::Value;
use sidecarta_tests::harness::{Answer, client, eventually, eventually_ok, program};
use sidecarta_tests::mesh::bound_to_us;
use tempfile::TempDir;
use tokio::process::Child;

use super::config::{Places, bootstrap};
use super::parts::Parts;
use super::sockets::holds_listener;

/// Seconds for which a process whose successor has taken over may still end what it has begun.
const DRAIN_SECONDS: &str = "60";

/// An Envoy, as the processes that follow each other under one name.
#[derive(Debug)]
pub(super) struct Envoy {
    admin: String,
    listeners: [SocketAddr; 2],
    clusters: Vec<&'static str>,
    folder: TempDir,
    /// The running process, and those that it has replaced but that may still be there.
    processes: Vec<Child>,
    epoch: u32,
}

impl Envoy {
    /// Starts a process that is at these places.
    pub(super) fn start(places: &Places, flush_interval: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("envoy.json"), bootstrap(places, flush_interval).to_string()).unwrap();
        let mut envoy = Self {
            admin: format!("http://{}", places.admin),
            listeners: [places.egress, places.mtls],
            clusters: places.endpoints.keys().copied().collect(),
            folder,
            processes: Vec::new(),
            epoch: 0,
        };
        envoy.spawn();
        envoy
    }

    /// The address of its admin interface.
    pub(super) fn admin_url(&self) -> &str {
        &self.admin
    }

    /// The names of its clusters.
    pub(super) fn clusters(&self) -> &[&'static str] {
        &self.clusters
    }

    fn spawn(&mut self) {
        let file = |name: &str| self.folder.path().join(name);
        let log = fs::OpenOptions::new().create(true).append(true).open(self.log()).unwrap();
        let mut command = bound_to_us(&program("SIDECARTA_ENVOY"), "KILL");
        command.arg("--config-path").arg(file("envoy.json"));
        command.args(["--concurrency", "1", "--log-level", "warning"]);
        command.args(["--drain-time-s", DRAIN_SECONDS, "--parent-shutdown-time-s", DRAIN_SECONDS]);
        if self.epoch == 0 {
            command.arg("--use-dynamic-base-id").arg("--base-id-path").arg(file("base-id"));
        } else {
            let base_id = fs::read_to_string(file("base-id")).unwrap();
            command.args(["--base-id", base_id.trim(), "--restart-epoch", &self.epoch.to_string()]);
        }
        command.stdout(Stdio::null()).stderr(log);
        self.processes.push(command.spawn().expect("SIDECARTA_ENVOY names a program that runs"));
    }

    /// Waits until the newest process serves.
    pub(super) async fn ready(&self) {
        eventually_ok("Envoy serves", async || {
            let info = self.get("/server_info").await.map_err(|error| self.story(&error))?;
            let info: Value = serde_json::from_str(&info).map_err(|error| error.to_string())?;
            let epoch = info["command_line_options"]["restart_epoch"].as_u64();
            let is_new = epoch == Some(u64::from(self.epoch)) && info["state"] == "LIVE";
            is_new.then_some(()).ok_or_else(|| self.story(&info["state"].to_string()))
        })
        .await;
    }

    /// Starts a process that takes over from the running one, which ends what it has begun, and waits until all new
    /// connections go to it.
    pub(super) async fn restart_hot(&mut self) {
        let old = self.processes.last().and_then(Child::id).unwrap();
        assert!(holds_listener(old, &self.listeners), "the running process takes connections");
        self.epoch += 1;
        self.spawn();
        self.ready().await;
        eventually("the old process takes no connections", async || {
            (!holds_listener(old, &self.listeners)).then_some(())
        })
        .await;
    }

    /// Ends it by SIGKILL and starts it again.
    pub(super) async fn kill_and_start(&mut self) {
        for mut process in self.processes.drain(..) {
            process.kill().await.unwrap();
        }
        self.epoch = 0;
        self.spawn();
        self.ready().await;
    }

    /// Sets all counters to zero.
    pub(super) async fn reset_counters(&self) {
        let answer = Answer::to(client().post(format!("{}/reset_counters", self.admin))).await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    /// What it has counted since its process started.
    pub(super) async fn counted(&self) -> Result<Parts, String> {
        let text = self.get("/stats?format=json&histogram_buckets=detailed").await?;
        let stats: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        Ok(Parts::of_envoy(&stats, &self.clusters))
    }

    async fn get(&self, path: &str) -> Result<String, String> {
        let answer = Answer::to(client().get(format!("{}{path}", self.admin))).await;
        Ok(answer.map_err(|error| error.to_string())?.text())
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("envoy.log")
    }

    fn story(&self, what: &str) -> String {
        let log = fs::read_to_string(self.log()).unwrap_or_default();
        format!("{what}; Envoy says:\n{log}")
    }
}

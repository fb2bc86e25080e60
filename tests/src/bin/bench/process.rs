//! The server as a process of its own, and what it costs.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::Failure;
use crate::sender::Doors;

/// How long the server may take to be ready, and to end with everything in its file.
const PATIENCE: Duration = Duration::from_mins(3);
/// How often is looked whether it is.
const POLL: Duration = Duration::from_millis(25);
/// Ticks a second in which Linux tells processor time to programs, on every architecture.
const TICKS_A_SECOND: f64 = 100.0;

/// A running server with an empty store.
#[derive(Debug)]
pub(crate) struct Server {
    process: Process,
    data: TempDir,
    /// URL of the API.
    pub(crate) api: String,
    pub(crate) doors: Doors,
    cpu_s_at_start: f64,
    client: reqwest::Client,
}

/// A process that does not outlive a benchmark that fails.
#[derive(Debug)]
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // One that has been waited for is left alone.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a server leaves behind.
#[derive(Debug)]
pub(crate) struct Ended {
    /// CPU seconds from the moment that it was ready to its end.
    pub(crate) cpu_s: f64,
    /// Bytes of all files.
    pub(crate) disk_bytes: u64,
    data: TempDir,
}

impl Ended {
    /// Moves the data to a folder of this name, to be looked at.
    pub(crate) fn keep_in(self, folder: &Path, name: &str) -> Result<(), Failure> {
        let (kept, into) = (self.data.keep(), folder.join(name));
        fs::create_dir_all(folder)?;
        fs::rename(&kept, &into)
            .map_err(|error| format!("cannot move {} to {}: {error}", kept.display(), into.display()).into())
    }
}

impl Server {
    /// Starts it and waits until it is ready.
    pub(crate) async fn start(program: &Path, environment: &[(&str, &str)]) -> Result<Self, Failure> {
        Self::start_with(program, environment, "").await
    }

    /// Starts it with this configuration file and waits until it is ready.
    pub(crate) async fn start_with(
        program: &Path,
        environment: &[(&str, &str)],
        configuration: &str,
    ) -> Result<Self, Failure> {
        let data = TempDir::with_prefix("sidecarta-bench-")?;
        let log = fs::File::create(data.path().join("server.out"))?;
        let config = data.path().join("sidecarta.toml");
        fs::write(&config, configuration)?;
        let process = Command::new(program)
            .args([
                "serve",
                "--http",
                "127.0.0.1:0",
                "--otlp-grpc",
                "127.0.0.1:0",
                "--otlp-http",
                "127.0.0.1:0",
                "--data",
            ])
            .arg(data.path())
            .arg("--config")
            .arg(config)
            .envs(environment.iter().copied())
            .stdout(Stdio::from(log.try_clone()?))
            .stderr(Stdio::from(log))
            .spawn()?;
        let process = Process(process);
        let client = reqwest::Client::builder().no_proxy().build()?;
        let (api, doors) = (String::new(), Doors::default());
        let mut server = Self { process, data, api, doors, cpu_s_at_start: 0.0, client };
        server.become_ready().await?;
        Ok(server)
    }

    async fn become_ready(&mut self) -> Result<(), Failure> {
        let addresses = self.data.path().join("addresses.json");
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Ok(text) = fs::read_to_string(&addresses) {
                let addresses: Value = serde_json::from_str(&text)?;
                let url = |key: &str| format!("http://{}", addresses[key].as_str().unwrap_or_default());
                self.api = url("http");
                self.doors = Doors { http: url("otlp_http"), grpc: url("otlp_grpc") };
            }
            let ready = format!("{}/readyz", self.api);
            if !self.api.is_empty()
                && self.client.get(ready).send().await.is_ok_and(|answer| answer.status().is_success())
            {
                self.cpu_s_at_start = self.cpu_s()?;
                return Ok(());
            }
            if self.process.0.try_wait()?.is_some() || Instant::now() > deadline {
                return Err(self.complaint("is not ready"));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// An answer of the API.
    pub(crate) async fn get(&self, path: &str) -> Result<Value, Failure> {
        let answer = self.client.get(format!("{}{path}", self.api)).send().await?.error_for_status()?;
        Ok(serde_json::from_slice(&answer.bytes().await?)?)
    }

    /// Waits until queries see so many spans.
    pub(crate) async fn until_stored(&self, spans: u64) -> Result<(), Failure> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = self.get("/api/v1/status").await?;
            let stored = answer["status"]["spans"].as_u64().unwrap_or_default();
            if stored == spans {
                return Ok(());
            }
            if stored > spans || Instant::now() > deadline {
                return Err(self.complaint(&format!("stored {stored} spans of {spans}")));
            }
            tokio::time::sleep(POLL * 10).await;
        }
    }

    /// Version of the DuckDB in it.
    pub(crate) async fn duckdb_version(&self) -> Result<String, Failure> {
        let answer = self.get("/api/v1/status").await?;
        Ok(answer["status"]["duckdb_version"].as_str().unwrap_or_default().to_owned())
    }

    /// CPU seconds of all its threads since it was started, of those that have ended too.
    pub(crate) fn cpu_s(&self) -> Result<f64, Failure> {
        Ok(Stat::of(self.process.0.id())?.cpu_s)
    }

    /// The most memory it ever had, bytes.
    pub(crate) fn peak_memory_bytes(&self) -> Result<u64, Failure> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.0.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
        let kilobytes: u64 = line.trim().trim_end_matches(" kB").trim().parse()?;
        Ok(kilobytes * 1024)
    }

    /// Tells it to end and waits; what it costs to bring everything into its file is counted.
    pub(crate) async fn end(mut self) -> Result<Ended, Failure> {
        let id = self.process.0.id();
        let pid = Pid::from_raw(id.cast_signed()).ok_or("the server has no process id")?;
        kill_process(pid, Signal::TERM)?;
        let deadline = Instant::now() + PATIENCE;
        // Until it is waited for, what is left of the process still tells what it cost.
        let mut stat = Stat::of(id)?;
        while !stat.has_ended {
            if Instant::now() > deadline {
                self.process.0.kill()?;
                self.process.0.wait()?;
                return Err(self.complaint("did not end"));
            }
            tokio::time::sleep(POLL).await;
            stat = Stat::of(id)?;
        }
        let status = self.process.0.wait()?;
        if !status.success() {
            return Err(self.complaint(&format!(
                "ended with {:?}, signal {:?}",
                status.code(),
                status.signal()
            )));
        }
        let disk_bytes = size_of(self.data.path())? - size_of(&self.data.path().join("server.out"))?;
        Ok(Ended { cpu_s: stat.cpu_s - self.cpu_s_at_start, disk_bytes, data: self.data })
    }

    /// What went wrong, with the end of what it said.
    fn complaint(&self, what: &str) -> Failure {
        let said = fs::read_to_string(self.data.path().join("server.out")).unwrap_or_default();
        let lines: Vec<&str> = said.lines().collect();
        format!("the server {what}; it said:\n{}", lines[lines.len().saturating_sub(20)..].join("\n")).into()
    }
}

/// What `/proc/PID/stat` says.
struct Stat {
    has_ended: bool,
    cpu_s: f64,
}

impl Stat {
    fn of(pid: u32) -> Result<Self, Failure> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        // The name, in brackets, may hold blanks. After it: the state, ten other fields, user and system time.
        let (_, fields) = text.rsplit_once(") ").ok_or("no name in the process's state")?;
        let fields: Vec<&str> = fields.split(' ').collect();
        let ticks = |at: usize| fields.get(at).and_then(|ticks| ticks.parse::<u64>().ok()).unwrap_or(0);
        Ok(Self { has_ended: fields[0] == "Z", cpu_s: (ticks(11) + ticks(12)) as f64 / TICKS_A_SECOND })
    }
}

fn size_of(path: &Path) -> Result<u64, Failure> {
    let mut bytes = 0;
    let mut paths: Vec<PathBuf> = vec![path.to_owned()];
    while let Some(path) = paths.pop() {
        if path.is_dir() {
            for entry in fs::read_dir(&path)? {
                paths.push(entry?.path());
            }
        } else {
            bytes += fs::metadata(&path)?.len();
        }
    }
    Ok(bytes)
}

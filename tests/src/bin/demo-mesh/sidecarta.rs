//! The server that watches the mesh.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use sidecarta_tests::mesh::bound_to_us;
use tempfile::TempDir;
use tokio::process::Child;
use tokio::time::{Instant, sleep, timeout};

use crate::aws::DemoAws;
use crate::{Arguments, Failure, free_or_other};

/// How long it may take until it is ready, and until it has ended.
const START_LIMIT: Duration = Duration::from_mins(1);
const STOP_LIMIT: Duration = Duration::from_secs(20);

/// Sidecarta as a process of its own.
pub(crate) struct Sidecarta {
    process: Child,
    pub(crate) url: String,
    pub(crate) log: PathBuf,
    /// Its data, if nobody wants to keep it.
    _temporary: Option<TempDir>,
}

impl Sidecarta {
    /// Starts it and waits until it is ready.
    pub(crate) async fn start(
        program: &Path,
        arguments: &Arguments,
        otlp_grpc: SocketAddr,
        admin_urls: &[String],
        aws: Option<&DemoAws>,
    ) -> Result<Self, Failure> {
        let temporary = arguments.data.is_none().then(|| TempDir::with_prefix("demo-data-")).transpose()?;
        let data = match (&arguments.data, &temporary) {
            (Some(data), _) => data.clone(),
            (None, Some(folder)) => folder.path().to_owned(),
            (None, None) => PathBuf::from("."),
        };
        fs::create_dir_all(&data)?;
        let log = data.join("sidecarta.log");
        let output = fs::OpenOptions::new().create(true).append(true).open(&log)?;
        let http = free_or_other(arguments.http)?;
        let otlp_http = free_or_other(arguments.otlp_http)?;
        let mut command = bound_to_us(program, "TERM");
        command.arg("serve").arg("--data").arg(&data);
        command.args(["--http", &http.to_string()]);
        command.args(["--otlp-grpc", &otlp_grpc.to_string()]);
        command.args(["--otlp-http", &otlp_http.to_string()]);
        if let Some(aws) = aws {
            let config = data.join("demo.toml");
            fs::write(&config, aws.configuration())?;
            command.arg("--config").arg(config);
            // The server of ours asks for no more than that there are some.
            command.env("AWS_ACCESS_KEY_ID", "demo").env("AWS_SECRET_ACCESS_KEY", "demo");
            command.env("AWS_EC2_METADATA_DISABLED", "true");
        }
        for url in admin_urls {
            command.args(["--envoy", url]);
        }
        let process = command
            .stdout(Stdio::from(output.try_clone()?))
            .stderr(Stdio::from(output))
            .spawn()
            .map_err(|error| format!("cannot run {}: {error}", program.display()))?;
        let mut sidecarta = Self { process, url: format!("http://{http}"), log, _temporary: temporary };
        sidecarta.ready().await?;
        Ok(sidecarta)
    }

    async fn ready(&mut self) -> Result<(), Failure> {
        let client = reqwest::Client::builder().no_proxy().build()?;
        let url = format!("{}/readyz", self.url);
        let deadline = Instant::now() + START_LIMIT;
        loop {
            if let Some(status) = self.process.try_wait()? {
                return Err(self.failure(&format!("ended with {status}")));
            }
            if client.get(&url).send().await.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(self.failure(&format!("is not ready after {START_LIMIT:?}")));
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until it ends by itself, which it should not; forever if there is none.
    pub(crate) async fn ended(sidecarta: Option<&mut Self>) -> Failure {
        let Some(sidecarta) = sidecarta else { return std::future::pending().await };
        match sidecarta.process.wait().await {
            Ok(status) => sidecarta.failure(&format!("ended with {status}")),
            Err(error) => error.into(),
        }
    }

    /// Asks it to end, and waits for it.
    pub(crate) async fn stop(mut self) -> Result<(), Failure> {
        if let Some(pid) = self.process.id().and_then(|pid| Pid::from_raw(pid.cast_signed())) {
            kill_process(pid, Signal::TERM)?;
        }
        if timeout(STOP_LIMIT, self.process.wait()).await.is_err() {
            self.process.kill().await?;
            return Err(self.failure(&format!("did not end within {STOP_LIMIT:?} and was killed")));
        }
        Ok(())
    }

    /// What went wrong, with the end of its log.
    fn failure(&self, what: &str) -> Failure {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let tail = lines[lines.len().saturating_sub(20)..].join("\n");
        format!("Sidecarta {what}; its log ends with:\n{tail}").into()
    }
}

//! Runs the demo mesh with traffic on it, and Sidecarta watching it.

use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::time::Duration;

use clap::{Parser, ValueEnum};
use rustix::process::{Pid, Signal, kill_process};
use sidecarta_tests::mesh::{Amount, Mesh, MeshOptions, MeshPorts, bound_to_us};
use tempfile::TempDir;
use tokio::process::Child;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, sleep, timeout};

/// How long Sidecarta may take until it is ready, and until it has ended.
const START_LIMIT: Duration = Duration::from_mins(1);
const STOP_LIMIT: Duration = Duration::from_secs(20);

type Failure = Box<dyn Error + Send + Sync>;

/// Runs a mesh of real Envoys and services with traffic on it. It ends every process that it started.
#[derive(Parser)]
#[command(name = "demo-mesh")]
struct Arguments {
    /// The sidecarta program; without it the mesh runs alone and sends its traces to --otlp-grpc.
    #[arg(long, value_name = "PATH")]
    sidecarta: Option<PathBuf>,
    /// The Envoy program.
    #[arg(long, value_name = "PATH", env = "SIDECARTA_ENVOY")]
    envoy: PathBuf,
    /// Where Sidecarta keeps its data; without it a temporary folder, gone at the end.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Sidecarta's address; if it is taken, a free port.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7117")]
    http: SocketAddr,
    /// Where traces go by OTLP over gRPC; if Sidecarta is to listen there and it is taken, a free port.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:4317")]
    otlp_grpc: SocketAddr,
    /// Sidecarta's address for OTLP over HTTP; if it is taken, a free port.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:4318")]
    otlp_http: SocketAddr,
    /// Requests a second to the gateway, on average.
    #[arg(long, default_value_t = 20.0)]
    rate: f64,
    /// How long the traffic lasts, such as 90s, 10m or 2h; without it until Ctrl-C.
    #[arg(long, value_parser = duration)]
    duration: Option<Duration>,
    /// What journeys, faults and waiting times are drawn from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Whether anything fails on purpose.
    #[arg(long, value_enum, default_value_t = Switch::On)]
    faults: Switch,
    /// A file for the counts of what really happened, as JSON, written at the end.
    #[arg(long, value_name = "FILE")]
    truth: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Switch {
    On,
    Off,
}

#[tokio::main]
async fn main() -> ExitCode {
    // The SDKs complain of every batch while Sidecarta is not there; RUST_LOG=error shows it.
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "off".into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).init();
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let mut text = failure.to_string();
            let mut cause = failure.source();
            while let Some(error) = cause {
                text = format!("{text}: {error}");
                cause = error.source();
            }
            // Without a stderr there is nobody left to tell.
            let _ = writeln!(io::stderr(), "demo-mesh: {text}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), Failure> {
    let ports = MeshPorts::reserve()?;
    let mut otlp_grpc = arguments.otlp_grpc;
    let sidecarta = if let Some(program) = &arguments.sidecarta {
        otlp_grpc = free_or_other(otlp_grpc)?;
        let admin_urls = ports.admin_urls();
        let sidecarta = Sidecarta::start(program, &arguments, otlp_grpc, &admin_urls);
        Some(unless_stopped(sidecarta).await?)
    } else {
        None
    };
    let options = MeshOptions {
        rate_per_second: arguments.rate,
        waves: true,
        seed: arguments.seed,
        faults: arguments.faults == Switch::On,
        ..MeshOptions::new(arguments.envoy.clone(), otlp_grpc)
    };
    let mesh = unless_stopped(async { Ok(Mesh::start_on(ports, options).await?) }).await?;
    announce(&arguments, &mesh, sidecarta.as_ref(), otlp_grpc)?;
    let watched = watch(&arguments, mesh, sidecarta).await;
    say("Everything that the demo started has ended.")?;
    watched
}

/// Keeps the traffic going until it is over, then brings everything to an end.
async fn watch(arguments: &Arguments, mesh: Mesh, mut sidecarta: Option<Sidecarta>) -> Result<(), Failure> {
    let mut crash = None;
    let stop = async {
        tokio::select! {
            () = stop_signal() => {}
            ended = Sidecarta::ended(sidecarta.as_mut()) => crash = Some(ended),
        }
    };
    let amount = arguments.duration.map_or(Amount::Endless, Amount::For);
    let load = mesh.load_until(amount, stop).await;
    if let Some(crash) = crash {
        mesh.stop().await;
        return Err(crash);
    }
    say(&format!("Stopping after {} requests, {} of them failed.", load.requests, load.errors))?;
    // A second Ctrl-C does not wait for the last spans.
    let flushed = unless_stopped(async { Ok(mesh.flush().await?) }).await;
    if let Some(path) = &arguments.truth {
        fs::write(path, serde_json::to_string_pretty(&mesh.truth())?)?;
        say(&format!("What really happened stands in {}.", path.display()))?;
    }
    mesh.stop().await;
    if let Some(sidecarta) = sidecarta {
        sidecarta.stop().await?;
    }
    flushed
}

/// Sidecarta as a process of its own.
struct Sidecarta {
    process: Child,
    url: String,
    log: PathBuf,
    /// Its data, if nobody wants to keep it.
    _temporary: Option<TempDir>,
}

impl Sidecarta {
    /// Starts it and waits until it is ready.
    async fn start(
        program: &Path,
        arguments: &Arguments,
        otlp_grpc: SocketAddr,
        admin_urls: &[String],
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
    async fn ended(sidecarta: Option<&mut Self>) -> Failure {
        let Some(sidecarta) = sidecarta else { return std::future::pending().await };
        match sidecarta.process.wait().await {
            Ok(status) => sidecarta.failure(&format!("ended with {status}")),
            Err(error) => error.into(),
        }
    }

    /// Asks it to end, and waits for it.
    async fn stop(mut self) -> Result<(), Failure> {
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

/// Tells what runs where, and how to stop it.
fn announce(
    arguments: &Arguments,
    mesh: &Mesh,
    sidecarta: Option<&Sidecarta>,
    otlp_grpc: SocketAddr,
) -> Result<(), Failure> {
    let admin_urls = mesh.admin_urls();
    let faults = if arguments.faults == Switch::On { "with" } else { "without" };
    say("")?;
    if let Some(sidecarta) = sidecarta {
        if !sidecarta.url.ends_with(&arguments.http.to_string()) {
            say(&format!("  {} is taken, so Sidecarta has another port.", arguments.http))?;
        }
        say(&format!("  Open      {}", sidecarta.url))?;
    }
    say(&format!("  Mesh      {} Envoys, gateway {}", admin_urls.len(), mesh.gateway_url()))?;
    say(&format!("  Traffic   {} requests/s {faults} faults, seed {}", arguments.rate, arguments.seed))?;
    say(&format!("  Traces    OTLP gRPC {otlp_grpc}"))?;
    match sidecarta {
        Some(sidecarta) => say(&format!("  Log       {}", sidecarta.log.display()))?,
        None => admin_urls.iter().try_for_each(|url| say(&format!("  Admin     {url}")))?,
    }
    say("  Stop      Ctrl-C\n")
}

/// The work's result, unless a signal to stop comes first.
async fn unless_stopped<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::select! {
        result = work => result,
        () = stop_signal() => Err("stopped by a signal".into()),
    }
}

/// Waits for Ctrl-C or a signal to terminate.
async fn stop_signal() {
    tokio::select! {
        () = wait_for(SignalKind::interrupt()) => {}
        () = wait_for(SignalKind::terminate()) => {}
        () = wait_for(SignalKind::hangup()) => {}
    }
}

async fn wait_for(kind: SignalKind) {
    match signal(kind) {
        Ok(mut signals) => drop(signals.recv().await),
        Err(_) => std::future::pending().await,
    }
}

/// The address, or the same host with a free port if it is taken.
fn free_or_other(wanted: SocketAddr) -> io::Result<SocketAddr> {
    let any_port = SocketAddr::new(wanted.ip(), 0);
    TcpListener::bind(wanted).or_else(|_| TcpListener::bind(any_port))?.local_addr()
}

fn say(line: &str) -> Result<(), Failure> {
    writeln!(io::stdout(), "{line}")?;
    Ok(())
}

/// Reads a number with a unit: `90s`, `10m`, `2h`.
fn duration(text: &str) -> Result<Duration, String> {
    let units = [('s', 1), ('m', 60), ('h', 3600)];
    let parsed = units.iter().find_map(|&(unit, seconds)| {
        let count: u64 = text.strip_suffix(unit)?.parse().ok()?;
        Some(Duration::from_secs(count.checked_mul(seconds)?))
    });
    parsed.ok_or_else(|| format!("`{text}` is not a number with a unit, such as 90s, 10m or 2h"))
}

//! Runs the demo mesh with traffic on it, and Sidecarta watching it.

mod aws;
mod sidecarta;
mod signals;

use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use sidecarta_tests::mesh::{Amount, Mesh, MeshOptions, MeshPorts};

use aws::DemoAws;
use sidecarta::Sidecarta;
use signals::{Signals, unless};

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
    /// Some services tell their spans to AWS X-Ray alone, by UDP, in X-Ray and in CloudWatch Logs, and CloudWatch counts an
    /// edge, on a server that answers as AWS does; needs --sidecarta.
    #[arg(long, requires = "sidecarta")]
    xray: bool,
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
    let signals = Signals::listen()?;
    let ports = MeshPorts::reserve()?;
    let mut otlp_grpc = arguments.otlp_grpc;
    let aws = if arguments.xray { Some(DemoAws::start().await?) } else { None };
    let sidecarta = if let Some(program) = &arguments.sidecarta {
        otlp_grpc = free_or_other(otlp_grpc)?;
        let admin_urls = ports.admin_urls();
        let sidecarta = Sidecarta::start(program, &arguments, otlp_grpc, &admin_urls, aws.as_ref());
        Some(unless(&signals.stop, sidecarta).await?)
    } else {
        None
    };
    let options = MeshOptions {
        rate_per_second: arguments.rate,
        waves: true,
        seed: arguments.seed,
        faults: arguments.faults == Switch::On,
        span_sinks: aws.as_ref().map(DemoAws::sinks).unwrap_or_default(),
        ..MeshOptions::new(arguments.envoy.clone(), otlp_grpc)
    };
    let mesh = unless(&signals.stop, Mesh::start_on(ports, options)).await?;
    announce(&arguments, &mesh, sidecarta.as_ref(), otlp_grpc)?;
    if let Some(aws) = &aws {
        say(&format!("  X-Ray     segments by UDP {}\n", aws.daemon))?;
    }
    let watched = watch(&arguments, &signals, mesh, sidecarta, aws.as_ref()).await;
    say("Everything that the demo started has ended.")?;
    watched
}

/// Keeps the traffic going until it is over, then brings everything to an end.
async fn watch(
    arguments: &Arguments,
    signals: &Signals,
    mesh: Mesh,
    mut sidecarta: Option<Sidecarta>,
    aws: Option<&DemoAws>,
) -> Result<(), Failure> {
    let mut crash = None;
    let stop = async {
        tokio::select! {
            () = signals.stop.cancelled() => {}
            ended = Sidecarta::ended(sidecarta.as_mut()) => crash = Some(ended),
        }
    };
    let amount = arguments.duration.map_or(Amount::Endless, Amount::For);
    let load = tokio::select! {
        load = mesh.load_until(amount, stop) => load,
        () = DemoAws::run(aws, &mesh) => unreachable!("AWS runs for ever"),
    };
    if let Some(crash) = crash {
        mesh.stop().await;
        return Err(crash);
    }
    say(&format!("Stopping after {} requests, {} of them failed.", load.requests, load.errors))?;
    let flushed = unless(&signals.hurry, mesh.flush()).await;
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

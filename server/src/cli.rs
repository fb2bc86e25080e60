//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use figment::value::{Dict, Value};

/// The map of an Envoy mesh: takes Envoy's statistics and OTLP traces, and shows who calls whom and where it hurts.
#[derive(Debug, Parser)]
#[command(name = "sidecarta", version, about)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Collect telemetry and serve the dashboard.
    Serve(ServeFlags),
    /// Say whether one version of a service is worse than another: exit code 0 if not, 1 if so, 2 if that cannot be told yet.
    Canary(Box<CanaryFlags>),
    /// Say what a policy would have done to the rollouts that there were.
    Backtest(BacktestFlags),
    /// Print the configuration that is in effect, with the origin of each value.
    Config(ConfigFlags),
}

/// Flags of `serve`. They win over the environment, which wins over the file.
#[derive(Clone, Debug, Default, Args)]
pub struct ServeFlags {
    /// Configuration file, TOML; `sidecarta config --default` prints one.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Folder for the database and the log.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Address of the dashboard and the API [default: 127.0.0.1:7117].
    #[arg(long, value_name = "ADDR")]
    pub http: Option<SocketAddr>,
    /// Address of OTLP over gRPC [default: 127.0.0.1:4317].
    #[arg(long, value_name = "ADDR")]
    pub otlp_grpc: Option<SocketAddr>,
    /// Address of OTLP over HTTP [default: 127.0.0.1:4318].
    #[arg(long, value_name = "ADDR")]
    pub otlp_http: Option<SocketAddr>,
    /// Address for segments of AWS X-Ray by UDP, and by TCP for what SDKs are to sample [default: none].
    #[arg(long, value_name = "ADDR")]
    pub xray_udp: Option<SocketAddr>,
    /// Admin address of an Envoy to ask for its statistics: `http://host:port` or `unix:///path`. May be repeated.
    #[arg(long, value_name = "URL")]
    pub envoy: Vec<String>,
}

impl ServeFlags {
    /// The flags that were given, as the configuration's sections and keys.
    pub fn overrides(&self) -> Dict {
        let mut sections = Dict::new();
        let mut set = |section: &str, key: &str, value: Option<Value>| {
            let Some(value) = value else { return };
            let entry = sections.entry(section.to_owned()).or_insert_with(|| Value::from(Dict::new()));
            if let Value::Dict(_, keys) = entry {
                keys.insert(key.to_owned(), value);
            }
        };
        let address = |address: Option<SocketAddr>| address.map(|address| Value::from(address.to_string()));
        set(
            "server",
            "data",
            self.data.as_ref().map(|data| Value::from(data.to_string_lossy().into_owned())),
        );
        set("server", "http", address(self.http));
        set("otlp", "grpc", address(self.otlp_grpc));
        set("otlp", "http", address(self.otlp_http));
        set("xray", "address", address(self.xray_udp));
        set(
            "envoy",
            "targets",
            Some(self.envoy.clone()).filter(|targets| !targets.is_empty()).map(Value::from),
        );
        sections
    }
}

/// How an answer is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// A report to be read.
    #[default]
    Text,
    /// The API's answer.
    Json,
}

/// Flags of `canary`.
#[derive(Clone, Debug, Args)]
pub struct CanaryFlags {
    /// Name or node id of the service.
    #[arg(long)]
    pub service: String,
    /// The version that is known.
    #[arg(long, value_name = "VERSION")]
    pub baseline: String,
    /// The version that is judged.
    #[arg(long, value_name = "VERSION")]
    pub candidate: String,
    /// Start: RFC 3339, `now` or relative as `-15m` [default: -15m, or now with --wait].
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub from: Option<String>,
    /// End, likewise [default: now].
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, conflicts_with = "wait")]
    pub to: Option<String>,
    /// Compare with an earlier time of the baseline, as long as the range, that ended then. The weaker evidence.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub baseline_to: Option<String>,
    /// Policy: a file in TOML, YAML or JSON, by its name's ending.
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// Wait so long for a verdict at most: `90s`, `30m`, `2h`.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub wait: Option<Duration>,
    /// How often to look while waiting.
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "10s")]
    pub every: Duration,
    /// How to print the answer.
    #[arg(long, value_enum, default_value_t)]
    pub format: ReportFormat,
    /// Address of the server.
    #[arg(long, value_name = "URL", env = "SIDECARTA_URL", default_value = "http://127.0.0.1:7117")]
    pub server: String,
}

/// Flags of `backtest`.
#[derive(Clone, Debug, Args)]
pub struct BacktestFlags {
    /// Name of the service [default: all].
    #[arg(long)]
    pub service: Option<String>,
    /// Start: RFC 3339 or relative as `-7d`.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, default_value = "-7d")]
    pub from: String,
    /// End, likewise.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, default_value = "now")]
    pub to: String,
    /// Policy: a file in TOML, YAML or JSON, by its name's ending.
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// How to print the answer.
    #[arg(long, value_enum, default_value_t)]
    pub format: ReportFormat,
    /// Address of the server.
    #[arg(long, value_name = "URL", env = "SIDECARTA_URL", default_value = "http://127.0.0.1:7117")]
    pub server: String,
}

/// A number with one of `s`, `m`, `h`.
fn duration(text: &str) -> Result<Duration, String> {
    const DAY_S: u64 = 86_400;
    let bad = || format!("`{text}` is no duration of a second to a day, such as 90s, 30m or 2h");
    let unit = match text.chars().last() {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 3_600,
        _ => return Err(bad()),
    };
    let count: u64 = text[..text.len() - 1].parse().map_err(|_| bad())?;
    let seconds = count.checked_mul(unit).filter(|seconds| (1..=DAY_S).contains(seconds)).ok_or_else(bad)?;
    Ok(Duration::from_secs(seconds))
}

/// Flags of `config`.
#[derive(Clone, Debug, Default, Args)]
pub struct ConfigFlags {
    /// Configuration file, TOML.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Print the default file with comments instead.
    #[arg(long)]
    pub default: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn durations_have_a_unit_and_an_end() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("2h"), Ok(Duration::from_hours(2)));
        for bad in ["", "5", "m", "-5m", "0s", "25h", "99999999999999999999h", "5é"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}

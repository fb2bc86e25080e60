//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
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
}

//! The configuration: the default file, then a file, then the environment, then flags.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use figment::Figment;
use figment::providers::{Env, Format as _, Serialized, Toml};
use figment::value::{Dict, Value};
use serde::{Deserialize, Serialize};
use sidecarta_ingest::access_log::otlp::OtlpAccessLogs;
use sidecarta_ingest::access_log::{self, AccessLogConfig};
use sidecarta_ingest::aws::{self, AwsConfig};
use sidecarta_ingest::envoy::EnvoyConfig;
use sidecarta_ingest::otlp::{AccessLogRules, DecodeLimits, OtlpConfig};
use sidecarta_ingest::pipeline::PipelineOptions;
use sidecarta_ingest::prometheus::PrometheusConfig;
use sidecarta_ingest::xray::daemon::XrayConfig;
use sidecarta_queries::graph::{ErrorRuleConfig, ErrorRules, IdentityRuleConfig, IdentityRules};
use sidecarta_queries::store::StoreOptions;

const DEFAULT_FILE: &str = include_str!("config/default.toml");

/// All of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// `[server]`.
    pub server: ServerConfig,
    /// `[otlp]`.
    pub otlp: OtlpConfig,
    /// `[envoy]`.
    pub envoy: EnvoyConfig,
    /// `[prometheus]`.
    pub prometheus: PrometheusConfig,
    /// `[xray]`.
    pub xray: XrayConfig,
    /// `[[access_log]]`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub access_log: Vec<AccessLogConfig>,
    /// `[[aws]]`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub aws: Vec<AwsConfig>,
    /// `[[identity]]`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub identity: Vec<IdentityRuleConfig>,
    /// `[[errors]]`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<ErrorRuleConfig>,
    /// `[store]`.
    pub store: StoreConfig,
}

/// The section `[server]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServerConfig {
    /// Folder for the database and the log.
    pub data: PathBuf,
    /// Address of the dashboard and the API.
    pub http: SocketAddr,
    /// Whether addresses other than loopback may be listened on, although nobody has to log in there.
    pub allow_remote: bool,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            data: PathBuf::from("sidecarta-data"),
            http: SocketAddr::from(([127, 0, 0, 1], 7117)),
            allow_remote: false,
        }
    }
}

/// The section `[store]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoreConfig {
    /// Memory for DuckDB, MB.
    pub memory_mb: u32,
    /// Memory for decoded rows on their way to the database, MB.
    pub queue_mb: u32,
    /// How long rows wait at most before queries see them, ms.
    pub publish_every_ms: u64,
    /// How long rows wait at most before they are moved into the database file, s.
    pub move_after_s: u64,
    /// Spans of young traces kept in memory.
    pub window_spans: usize,
}

impl Default for StoreConfig {
    fn default() -> Self {
        let options = PipelineOptions::in_dir(Path::new(""));
        Self {
            memory_mb: options.store.memory_limit_mb,
            queue_mb: (options.queue_bytes >> 20) as u32,
            publish_every_ms: options.publish_every.as_millis() as u64,
            move_after_s: options.store.move_after.as_secs(),
            window_spans: options.store.window_spans,
        }
    }
}

/// Everything that is wrong with the configuration, and not only the first of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the configuration cannot be used:\n  {}", problems.join("\n  "))]
pub struct ConfigError {
    /// One sentence for each bad value.
    pub problems: Vec<String>,
}

fn figment(file: Option<&Path>, flags: &Dict) -> Figment {
    let mut figment = Figment::from(Serialized::defaults(Config::default()));
    if let Some(file) = file {
        figment = figment.merge(Toml::file_exact(file));
    }
    figment
        .merge(Env::prefixed("SIDECARTA_").split("__").filter(|key| key.as_str().contains('.')))
        .merge(Serialized::from(flags, figment::Profile::Default))
}

impl Config {
    /// Reads the configuration.
    ///
    /// # Errors
    /// With a sentence for every value that cannot be worked with.
    pub fn load(file: Option<&Path>, flags: &Dict) -> Result<Self, ConfigError> {
        let config: Self = figment(file, flags).extract().map_err(|errors| ConfigError {
            problems: errors.into_iter().map(|error| error.to_string()).collect(),
        })?;
        let problems = config.problems();
        if problems.is_empty() { Ok(config) } else { Err(ConfigError { problems }) }
    }

    fn problems(&self) -> Vec<String> {
        let mut problems = self.otlp.problems();
        if let Err(error) = self.envoy.addresses() {
            problems.extend(error.problems);
        }
        problems.extend(self.prometheus.problems());
        problems.extend(self.xray.problems());
        problems.extend(access_log::problems(&self.access_log));
        problems.extend(aws::problems(&self.aws));
        if let Err(error) = IdentityRules::new(&self.identity) {
            problems.extend(error.problems);
        }
        if let Err(error) = ErrorRules::new(&self.errors) {
            problems.extend(error.problems);
        }
        let listened =
            [("server.http", self.server.http), ("otlp.grpc", self.otlp.grpc), ("otlp.http", self.otlp.http)];
        let xray = self.xray.listen().map(|address| ("xray.address", address));
        for (key, address) in listened.into_iter().chain(xray) {
            if !address.ip().is_loopback() && !self.server.allow_remote {
                problems.push(format!(
                    "{key} = {address} can be reached from other machines, and nobody has to log in there: set \
                     server.allow_remote = true if that is meant"
                ));
            }
        }
        let positive = [
            ("store.memory_mb", u64::from(self.store.memory_mb), 64),
            ("store.queue_mb", u64::from(self.store.queue_mb), 1),
            ("store.publish_every_ms", self.store.publish_every_ms, 1),
            ("store.move_after_s", self.store.move_after_s, 1),
            ("store.window_spans", self.store.window_spans as u64, 1_000),
        ];
        for (key, value, least) in positive {
            if value < least {
                problems.push(format!("{key} = {value} must be at least {least}"));
            }
        }
        problems
    }

    /// What the pipeline needs of it.
    pub fn pipeline(&self) -> PipelineOptions {
        let defaults = PipelineOptions::in_dir(&self.server.data);
        PipelineOptions {
            store: StoreOptions {
                memory_limit_mb: self.store.memory_mb,
                move_after: Duration::from_secs(self.store.move_after_s),
                window_spans: self.store.window_spans,
                ..defaults.store
            },
            queue_bytes: (self.store.queue_mb as usize) << 20,
            publish_every: Duration::from_millis(self.store.publish_every_ms),
            limits: DecodeLimits { access_logs: self.access_log_rules(), ..self.otlp.decode_limits() },
        }
    }

    /// The user's rules of identity. Bad values were refused when the configuration was read.
    pub fn identity_rules(&self) -> IdentityRules {
        IdentityRules::new(&self.identity).unwrap_or_default()
    }

    /// What counts as an error of which service, likewise.
    pub fn error_rules(&self) -> ErrorRules {
        ErrorRules::new(&self.errors).unwrap_or_default()
    }

    /// Which log records are requests that a proxy logged. Bad values were refused when the configuration was read.
    pub fn access_log_rules(&self) -> AccessLogRules {
        OtlpAccessLogs::new(&self.access_log).map(AccessLogRules::new).unwrap_or_default()
    }
}

/// The default file, with comments.
pub fn default_file() -> String {
    DEFAULT_FILE.to_owned()
}

/// Every value in effect with its origin, one a line.
///
/// # Errors
/// As [`Config::load`].
pub fn explain(file: Option<&Path>) -> Result<String, ConfigError> {
    Config::load(file, &Dict::new())?;
    let figment = figment(file, &Dict::new());
    let mut text = String::new();
    let sections: Dict = figment.extract().unwrap_or_default();
    for (section, keys) in &sections {
        let paths: Vec<String> = match keys {
            Value::Dict(_, keys) => keys.keys().map(|key| format!("{section}.{key}")).collect(),
            // A list of tables, such as `[[access_log]]`.
            _ => vec![section.clone()],
        };
        for path in paths {
            let (value, origin) = (value(&figment, &path), origin(&figment, &path));
            if writeln!(text, "{path} = {value}  # {origin}").is_err() {
                break;
            }
        }
    }
    Ok(text)
}

fn value(figment: &Figment, path: &str) -> String {
    figment.find_value(path).map(|value| toml_value(&value)).unwrap_or_default()
}

fn origin(figment: &Figment, path: &str) -> String {
    figment.find_metadata(path).map_or_else(String::new, |metadata| match &*metadata.name {
        "sidecarta_server::config::Config" => "default".to_owned(),
        _ => metadata.source.as_ref().map_or_else(|| metadata.name.to_string(), ToString::to_string),
    })
}

fn toml_value(value: &Value) -> String {
    toml::Value::try_from(value).map(|value| value.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_file_says_what_the_defaults_are() {
        let from_file: Config = Figment::from(Toml::string(DEFAULT_FILE)).extract().unwrap();
        assert_eq!(from_file, Config::default());
        // And it names every key.
        let named: Dict = Figment::from(Toml::string(DEFAULT_FILE)).extract().unwrap();
        let all: Dict = Figment::from(Serialized::defaults(Config::default())).extract().unwrap();
        for (section, keys) in all {
            let Value::Dict(_, keys) = keys else { continue };
            let Some(Value::Dict(_, named)) = named.get(&section) else { panic!("[{section}] is missing") };
            assert_eq!(keys.keys().collect::<Vec<_>>(), named.keys().collect::<Vec<_>>(), "[{section}]");
        }
    }

    #[test]
    fn every_bad_value_is_told() {
        let mut config = Config::default();
        config.server.http = SocketAddr::from(([0, 0, 0, 0], 7117));
        config.store.queue_mb = 0;
        config.envoy.targets = vec!["ftp://nowhere".to_owned()];
        config.prometheus.max_series = 0;
        config.xray.address = "0.0.0.0:2000".to_owned();
        config.xray.fixed_rate = 2.0;
        let problems = config.problems().join("\n");
        for expected in [
            "server.http",
            "allow_remote",
            "store.queue_mb",
            "ftp://nowhere",
            "prometheus.max_series",
            "xray.address = 0.0.0.0:2000",
            "xray.fixed_rate",
        ] {
            assert!(problems.contains(expected), "{expected} is not in:\n{problems}");
        }
    }

    #[test]
    fn rules_of_identity_are_read_and_told() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("sidecarta.toml");
        let read = |text: &str| {
            std::fs::write(&file, text).unwrap();
            Config::load(Some(&file), &Dict::new())
        };
        let rule = "[[identity]]\nmatch = \"cluster\"\npattern = '(?<s>.+)_v1'\nservice = '$s'\n";
        assert_eq!(read(rule).unwrap().identity[0].service, "$s");
        let effective = explain(Some(&file)).unwrap();
        let line = effective.lines().find(|line| line.starts_with("identity = ")).unwrap();
        assert!(line.contains("(?<s>.+)_v1") && line.contains("sidecarta.toml"), "{line}");

        let bad = read(&format!("{rule}version = '$v'\n[[identity]]\nmatch = 'host'\npattern = '['\n"))
            .unwrap_err();
        let problems = bad.to_string();
        assert!(problems.contains("identity rule 1: version = `$v`: pattern has no group `v`"), "{problems}");
        assert!(problems.contains("identity rule 2: pattern `[`: at character 1"), "{problems}");
        let unknown =
            read("[[identity]]\nmatch = 'clusters'\npattern = 'a'\nservice = 'b'").unwrap_err().to_string();
        assert!(unknown.contains("clusters") && unknown.contains("identity"), "{unknown}");
    }

    #[test]
    fn rules_of_errors_are_read_and_told() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("sidecarta.toml");
        let read = |text: &str| {
            std::fs::write(&file, text).unwrap();
            Config::load(Some(&file), &Dict::new())
        };
        let rule = "[[errors]]\nservice = 'orders'\nnot = ['501']\n";
        assert_eq!(read(rule).unwrap().errors[0].statuses, ["500-599"]);
        let bad = read(&format!("{rule}[[errors]]\nservice = ''\nstatuses = ['5xx', '42']\n")).unwrap_err();
        let problems = bad.to_string();
        for expected in ["errors rule 2: service", "`5xx`", "`42`"] {
            assert!(problems.contains(expected), "{problems}");
        }
    }

    #[test]
    fn an_unknown_key_is_told_by_its_name() {
        let mut flags = Dict::new();
        flags.insert("store".to_owned(), Value::from(Dict::from([("memory".to_owned(), Value::from(1))])));
        let error = Config::load(None, &flags).unwrap_err();
        assert!(error.to_string().contains("memory"), "{error}");
    }
}

//! The table `discovery` of the configuration.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::file::FilePattern;
use super::http::ServerUrl;

/// Where targets come from besides those that the configuration names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DiscoveryConfig {
    /// How many targets there may be at once, those that the configuration names among them.
    pub max_targets: usize,
    /// Files with lists of targets.
    pub file: Vec<FileConfig>,
    /// Servers that answer with lists of targets.
    pub http: Vec<HttpConfig>,
    /// Names that DNS knows addresses for.
    pub dns: Vec<DnsConfig>,
}

impl Default for DiscoveryConfig {
    fn default() -> Self {
        Self { max_targets: 10_000, file: Vec::new(), http: Vec::new(), dns: Vec::new() }
    }
}

/// Files with lists of targets, as Prometheus' `file_sd`: JSON or YAML, read again when they change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FileConfig {
    /// Paths that end in `.json`, `.yml` or `.yaml`; the last element may hold `*`.
    pub paths: Vec<String>,
    /// How often to look whether a file changed, ms.
    pub interval_ms: u64,
    /// How large a file may be, bytes.
    pub max_file_bytes: u64,
}

impl Default for FileConfig {
    fn default() -> Self {
        Self { paths: Vec::new(), interval_ms: 5_000, max_file_bytes: 4 << 20 }
    }
}

/// A server that answers GET with a JSON list of targets, as Prometheus' `http_sd`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpConfig {
    /// What to ask: `http://host:port/path`.
    pub url: String,
    /// How often to ask, ms.
    pub interval_ms: u64,
    /// How long the answer may take, ms.
    pub timeout_ms: u64,
    /// How large the answer may be, bytes.
    pub max_body_bytes: usize,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self { url: String::new(), interval_ms: 60_000, timeout_ms: 10_000, max_body_bytes: 4 << 20 }
    }
}

/// Which records of a name are asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum RecordType {
    /// Hosts with their ports.
    #[default]
    Srv,
    /// IPv4 addresses.
    A,
    /// IPv6 addresses.
    Aaaa,
}

/// Names that DNS knows addresses for, as Prometheus' `dns_sd`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DnsConfig {
    /// The names.
    pub names: Vec<String>,
    /// `SRV`, `A` or `AAAA`.
    #[serde(rename = "type")]
    pub record_type: RecordType,
    /// The targets' port, which `A` and `AAAA` do not tell.
    pub port: Option<u16>,
    /// How often to ask, ms.
    pub interval_ms: u64,
    /// How long an answer may take, ms.
    pub timeout_ms: u64,
    /// Whom to ask, `ip:port`; the system's name servers where not set.
    pub name_server: Option<SocketAddr>,
}

impl Default for DnsConfig {
    fn default() -> Self {
        Self {
            names: Vec::new(),
            record_type: RecordType::default(),
            port: None,
            interval_ms: 30_000,
            timeout_ms: 5_000,
            name_server: None,
        }
    }
}

impl DiscoveryConfig {
    /// Everything that is wrong with it, one sentence each. `path` is what the table is called.
    pub fn problems(&self, path: &str) -> Vec<String> {
        let mut problems = Vec::new();
        if self.max_targets == 0 {
            problems.push(format!("{path}.max_targets must be at least 1"));
        }
        let parts =
            self.file.iter().enumerate().map(|(at, part)| (format!("{path}.file[{at}]"), part.problems()));
        let parts = parts.chain(
            self.http.iter().enumerate().map(|(at, part)| (format!("{path}.http[{at}]"), part.problems())),
        );
        let parts = parts.chain(
            self.dns.iter().enumerate().map(|(at, part)| (format!("{path}.dns[{at}]"), part.problems())),
        );
        for (part, found) in parts {
            problems.extend(found.into_iter().map(|problem| format!("{part}.{problem}")));
        }
        let mut names = BTreeSet::new();
        let all = self.file.iter().map(FileConfig::name).chain(self.http.iter().map(HttpConfig::name));
        for name in all.chain(self.dns.iter().map(DnsConfig::name)) {
            if !names.insert(name.clone()) {
                problems.push(format!("{path} has `{name}` twice"));
            }
        }
        problems
    }
}

fn positive(keys: &[(&str, bool)]) -> Vec<String> {
    keys.iter()
        .filter(|(_, is_positive)| !is_positive)
        .map(|(key, _)| format!("{key} must be at least 1"))
        .collect()
}

impl FileConfig {
    /// Its name on the Sources page.
    pub fn name(&self) -> String {
        format!("file {}", self.paths.join(", "))
    }

    fn problems(&self) -> Vec<String> {
        let mut problems =
            positive(&[("interval_ms", self.interval_ms > 0), ("max_file_bytes", self.max_file_bytes > 0)]);
        if self.paths.is_empty() {
            problems.push("paths must name a file".to_owned());
        }
        let bad = self.paths.iter().filter_map(|path| FilePattern::new(path).err());
        problems.extend(bad.map(|error| format!("paths: {error}")));
        problems
    }
}

impl HttpConfig {
    /// Its name on the Sources page.
    pub fn name(&self) -> String {
        format!("http {}", self.url)
    }

    fn problems(&self) -> Vec<String> {
        let mut problems = positive(&[
            ("interval_ms", self.interval_ms > 0),
            ("timeout_ms", self.timeout_ms > 0),
            ("max_body_bytes", self.max_body_bytes > 0),
        ]);
        if let Err(error) = self.url.parse::<ServerUrl>() {
            problems.push(format!("url: {error}"));
        }
        problems
    }
}

impl DnsConfig {
    /// Its name on the Sources page.
    pub fn name(&self) -> String {
        let record_type = match self.record_type {
            RecordType::Srv => "SRV",
            RecordType::A => "A",
            RecordType::Aaaa => "AAAA",
        };
        format!("dns {record_type} {}", self.names.join(", "))
    }

    fn problems(&self) -> Vec<String> {
        let mut problems =
            positive(&[("interval_ms", self.interval_ms > 0), ("timeout_ms", self.timeout_ms > 0)]);
        if self.names.is_empty() {
            problems.push("names must name something".to_owned());
        }
        let bad = self.names.iter().filter(|name| !super::dns::is_name(name));
        problems.extend(bad.map(|name| format!("names: `{name}` is no DNS name")));
        let is_srv = self.record_type == RecordType::Srv;
        match self.port {
            None if !is_srv => problems.push("port must be set: A and AAAA records tell no port".to_owned()),
            Some(0) => problems.push("port must not be 0".to_owned()),
            Some(_) if is_srv => problems.push("port must not be set: SRV records tell it".to_owned()),
            _ => {}
        }
        if self.name_server.is_some_and(|server| server.port() == 0) {
            problems.push("name_server must have a port, mostly 53".to_owned());
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bad_value_is_told() {
        let config = DiscoveryConfig {
            max_targets: 0,
            file: vec![FileConfig {
                paths: vec!["/a/*/b.json".to_owned(), "/a/b.txt".to_owned()],
                interval_ms: 0,
                ..FileConfig::default()
            }],
            http: vec![HttpConfig { url: "https://a/b".to_owned(), timeout_ms: 0, ..HttpConfig::default() }],
            dns: vec![
                DnsConfig { record_type: RecordType::A, ..DnsConfig::default() },
                DnsConfig { names: vec!["a..b".to_owned()], port: Some(1), ..DnsConfig::default() },
            ],
        };
        let problems = config.problems("envoy.discovery");
        for expected in [
            "envoy.discovery.max_targets must be at least 1",
            "envoy.discovery.file[0].interval_ms must be at least 1",
            "envoy.discovery.file[0].paths: `/a/*/b.json`",
            "envoy.discovery.file[0].paths: `/a/b.txt`",
            "envoy.discovery.http[0].timeout_ms must be at least 1",
            "envoy.discovery.http[0].url: `https://a/b`",
            "envoy.discovery.dns[0].names must name something",
            "envoy.discovery.dns[0].port must be set",
            "envoy.discovery.dns[1].names: `a..b` is no DNS name",
            "envoy.discovery.dns[1].port must not be set",
        ] {
            assert!(
                problems.iter().any(|problem| problem.starts_with(expected)),
                "{expected}: {problems:#?}"
            );
        }
        assert_eq!(problems.len(), 10, "{problems:#?}");
        assert_eq!(DiscoveryConfig::default().problems("x"), Vec::<String>::new());
    }

    #[test]
    fn it_is_written_as_prometheus_users_expect() {
        let text = "[[file]]\npaths = [\"/etc/targets/*.yml\"]\n[[http]]\nurl = \"http://a/b\"\n[[dns]]\nnames = \
                    [\"_envoy._tcp.mesh\"]\ntype = \"SRV\"\nname_server = \"127.0.0.1:53\"\n";
        let config: DiscoveryConfig = toml::from_str(text).expect("a configuration");
        assert_eq!(config.problems("x"), Vec::<String>::new());
        assert_eq!(config.dns[0].name(), "dns SRV _envoy._tcp.mesh");
        assert!(toml::from_str::<DiscoveryConfig>("[[dns]]\nname = \"typo\"").is_err());
        let twice = DiscoveryConfig { file: vec![config.file[0].clone(); 2], ..DiscoveryConfig::default() };
        assert_eq!(twice.problems("x").len(), 1);
    }
}

//! Which access logs are read, and how.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sidecarta_queries::rows::access_log::Direction;

use super::parser::LineParser;

/// One access log: an entry of `[[access_log]]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccessLogConfig {
    /// Name of the log, by which it goes everywhere. For records that come by OTLP, the `log_name` of those that this
    /// entry is for.
    pub name: String,
    /// The file that is followed; empty for logs that come another way.
    pub path: String,
    /// How its lines look: `auto`, `envoy`, `istio`, `json`, `service_connect`, or a format string of Envoy.
    pub format: String,
    /// What the keys of JSON lines and of OTLP attributes mean, beside those that are known by themselves: to each key a
    /// format string such as `%REQ(:METHOD)%`, or a known key such as `method`, or nothing, so that it means nothing.
    pub fields: BTreeMap<String, String>,
    /// The service behind the proxy that writes the log; it stands before what the log itself says.
    pub service: String,
    /// Version of that service.
    pub version: String,
    /// The proxy's `node.id`, by which its other evidence is found.
    pub node_id: String,
    /// Availability zone of the proxy.
    pub zone: String,
    /// Which way the requests go: `inbound`, `outbound` or `unknown`.
    pub direction: Direction,
    /// Whether paths keep their query, which may hold secrets.
    pub include_query: bool,
    /// Whether a file that is followed for the first time is read from its start, and not only what is added from then
    /// on.
    pub from_start: bool,
    /// How long from one look at the file to the next, ms.
    pub interval_ms: u64,
}

impl Default for AccessLogConfig {
    fn default() -> Self {
        Self {
            name: String::new(),
            path: String::new(),
            format: "auto".to_owned(),
            fields: BTreeMap::new(),
            service: String::new(),
            version: String::new(),
            node_id: String::new(),
            zone: String::new(),
            direction: Direction::Unknown,
            include_query: false,
            from_start: true,
            interval_ms: 1_000,
        }
    }
}

/// What is wrong with an [`AccessLogConfig`]: every bad value, not only the first.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", problems.join("\n"))]
pub struct AccessLogConfigError {
    /// One sentence a problem.
    pub problems: Vec<String>,
}

impl AccessLogConfig {
    /// What is wrong with it, one sentence a problem.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = LineParser::new(self).err().map(|error| error.problems).unwrap_or_default();
        let mut check = |is_fine: bool, words: &str| {
            if !is_fine {
                problems.push(format!("access_log `{}`: {words}", self.name));
            }
        };
        check(!self.name.is_empty(), "name must not be empty");
        check(self.path.is_empty() || self.path.starts_with('/'), "path must be absolute");
        check(self.interval_ms > 0, "interval_ms must not be 0");
        problems
    }
}

/// What is wrong with several access logs, among each other too.
pub fn problems(configs: &[AccessLogConfig]) -> Vec<String> {
    let mut problems: Vec<String> = configs.iter().flat_map(AccessLogConfig::problems).collect();
    for (position, config) in configs.iter().enumerate() {
        let earlier = &configs[..position];
        if !config.name.is_empty() && earlier.iter().any(|other| other.name == config.name) {
            problems.push(format!("access_log `{}`: the name is there twice", config.name));
        }
        if !config.path.is_empty() && earlier.iter().any(|other| other.path == config.path) {
            problems.push(format!(
                "access_log `{}`: {} is followed already, and its requests would count twice",
                config.name, config.path
            ));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bad_value_is_named_at_once() {
        let bad = AccessLogConfig {
            name: "edge".to_owned(),
            path: "access.log".to_owned(),
            format: "%START_TIME% %DURATIONS%".to_owned(),
            fields: [("a", "%REQ%"), ("b", "whatever"), ("c", "method"), ("d", "")]
                .map(|(key, meaning)| (key.to_owned(), meaning.to_owned()))
                .into(),
            interval_ms: 0,
            ..AccessLogConfig::default()
        };
        let nameless = AccessLogConfig { path: "access.log".to_owned(), ..AccessLogConfig::default() };
        let twice = AccessLogConfig { name: "edge".to_owned(), ..AccessLogConfig::default() };
        insta::assert_snapshot!(problems(&[bad, nameless, twice]).join("\n"), @r"
        access_log `edge`: format, at byte 15: `DURATIONS` is no command operator of Envoy
        access_log `edge`: fields, `a` = `%REQ%`: at byte 5: `REQ` needs an argument in brackets
        access_log `edge`: fields, `b` = `whatever`: neither a command operator such as %REQ(:METHOD)% nor a known key such as `method`
        access_log `edge`: path must be absolute
        access_log `edge`: interval_ms must not be 0
        access_log ``: name must not be empty
        access_log ``: path must be absolute
        access_log ``: access.log is followed already, and its requests would count twice
        access_log `edge`: the name is there twice
        ");
    }

    #[test]
    fn it_is_written_like_the_other_tables() {
        let json = r#"{"name":"edge","path":"/var/log/access.log","direction":"inbound","fields":{"ts":"%START_TIME%"}}"#;
        let config: AccessLogConfig = serde_json::from_str(json).unwrap();
        assert_eq!((config.direction, config.problems()), (Direction::Inbound, Vec::new()));
        for bad in [r#"{"direction":"sideways"}"#, r#"{"paths":"/a"}"#] {
            assert!(serde_json::from_str::<AccessLogConfig>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_default_lacks_a_name_only() {
        assert_eq!(AccessLogConfig::default().problems().len(), 1);
    }
}

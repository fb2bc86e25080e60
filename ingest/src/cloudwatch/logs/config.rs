//! Which log groups are read, and what their lines are.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sidecarta_queries::rows::access_log::Direction;

use crate::access_log::{AccessLogConfig, LineParser};

/// The longest that late events may be waited for, ms. The ids of all that time must fit into memory and the cursor.
const MAX_OVERLAP_MS: u64 = 3_600_000;

/// What the events of a log group are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogKind {
    /// Lines of an Envoy's access log, among which there may be other lines.
    AccessLog,
    /// Spans as X-Ray's Transaction Search keeps them, in the group `aws/spans`.
    Spans,
    /// What applications log, as text or JSON.
    #[default]
    Application,
}

/// One log group: an entry of `[[aws.log_group]]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogGroupConfig {
    /// Name of the entry, by which it goes everywhere; the group's where it is empty.
    pub name: String,
    /// Name of the log group, or its ARN, as for a group of another account.
    pub group: String,
    /// What its events are: `access_log`, `spans` or `application`.
    pub kind: LogKind,
    /// Only streams whose names begin so; all where it is empty. ECS calls them `prefix/container/task`.
    pub stream_prefix: String,
    /// Only events that this filter pattern of CloudWatch fits; all where it is empty.
    pub filter_pattern: String,
    /// How long before the first start the group is read from, ms. What lies before that is read on demand.
    pub lookback_ms: u64,
    /// How long from one look at the group to the next, ms.
    pub interval_ms: u64,
    /// How late an event may become visible, ms. Every look begins so long before the present.
    pub overlap_ms: u64,
    /// The service that logs. Of an access log it is the one behind the proxy, and stands before what the log itself says.
    pub service: String,
    /// Version of that service.
    pub version: String,
    /// Of an access log: how its lines look, as in `[[access_log]]`.
    pub format: String,
    /// Of an access log: what the keys of JSON lines mean, as in `[[access_log]]`.
    pub fields: BTreeMap<String, String>,
    /// Of an access log: the proxy's `node.id`.
    pub node_id: String,
    /// Of an access log: availability zone of the proxy.
    pub zone: String,
    /// Of an access log: which way the requests go, `inbound`, `outbound` or `unknown`.
    pub direction: Direction,
    /// Of an access log: whether paths keep their query, which may hold secrets.
    pub include_query: bool,
}

impl Default for LogGroupConfig {
    fn default() -> Self {
        Self {
            name: String::new(),
            group: String::new(),
            kind: LogKind::default(),
            stream_prefix: String::new(),
            filter_pattern: String::new(),
            lookback_ms: 0,
            interval_ms: 15_000,
            overlap_ms: 120_000,
            service: String::new(),
            version: String::new(),
            format: "auto".to_owned(),
            fields: BTreeMap::new(),
            node_id: String::new(),
            zone: String::new(),
            direction: Direction::Unknown,
            include_query: false,
        }
    }
}

impl LogGroupConfig {
    /// What it is called everywhere.
    pub fn called(&self) -> &str {
        if self.name.is_empty() { self.group_name() } else { &self.name }
    }

    /// The group's name, without what an ARN has around it.
    pub(super) fn group_name(&self) -> &str {
        let name = self.group.split_once(":log-group:").map_or(&*self.group, |(_, name)| name);
        name.strip_suffix(":*").unwrap_or(name)
    }

    /// How an access log is read.
    pub(super) fn access_log(&self) -> AccessLogConfig {
        AccessLogConfig {
            name: self.called().to_owned(),
            format: self.format.clone(),
            fields: self.fields.clone(),
            service: self.service.clone(),
            version: self.version.clone(),
            node_id: self.node_id.clone(),
            zone: self.zone.clone(),
            direction: self.direction,
            include_query: self.include_query,
            ..AccessLogConfig::default()
        }
    }

    /// What is wrong with it, one sentence a problem.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let mut check = |is_fine: bool, words: &str| {
            if !is_fine {
                problems.push(format!("log_group `{}`: {words}", self.called()));
            }
        };
        let group = &self.group;
        check(!group.is_empty(), "group must be the name or the ARN of a log group");
        check(
            !group.starts_with("arn:") || group.contains(":log-group:"),
            "group must look like arn:aws:logs:eu-west-1:123456789012:log-group:name where it is an ARN",
        );
        check(self.interval_ms > 0, "interval_ms must be at least 1");
        check(
            (1_000..=MAX_OVERLAP_MS).contains(&self.overlap_ms),
            "overlap_ms must be at least 1000, and an hour at most",
        );
        if self.kind == LogKind::AccessLog {
            problems.extend(
                LineParser::new(&self.access_log()).err().map(|error| error.problems).unwrap_or_default(),
            );
            return problems;
        }
        let plain = Self::default();
        for (is_fine, key) in [
            (self.format == plain.format, "format"),
            (self.fields.is_empty(), "fields"),
            (self.node_id.is_empty(), "node_id"),
            (self.zone.is_empty(), "zone"),
            (self.direction == plain.direction, "direction"),
            (!self.include_query, "include_query"),
        ] {
            check(is_fine, &format!("{key} is for groups of kind access_log only"));
        }
        problems
    }

    /// What is wrong with several, among each other too.
    pub fn problems_of_all(groups: &[Self]) -> Vec<String> {
        let mut problems: Vec<String> = groups.iter().flat_map(Self::problems).collect();
        for (position, group) in groups.iter().enumerate() {
            let earlier = &groups[..position];
            let called = group.called();
            if earlier.iter().any(|other| other.called() == called) {
                problems.push(format!(
                    "log_group `{called}`: the name is there twice; give each entry a name of its own"
                ));
            }
            let is_read = |other: &Self| {
                other.group_name() == group.group_name()
                    && other.kind == group.kind
                    && other.filter_pattern == group.filter_pattern
                    && (other.stream_prefix.starts_with(&group.stream_prefix)
                        || group.stream_prefix.starts_with(&other.stream_prefix))
            };
            if earlier.iter().any(is_read) {
                problems.push(format!(
                    "log_group `{called}`: its streams are read already, and would count twice"
                ));
            }
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bad_value_is_named_at_once() {
        let groups: BTreeMap<String, Vec<LogGroupConfig>> = toml::from_str(
            r#"
            [[log_group]]
            kind = "access_log"
            format = "%DURATIONS%"
            interval_ms = 0
            [[log_group]]
            group = "arn:aws:s3:::bucket"
            overlap_ms = 1
            direction = "inbound"
            [[log_group]]
            group = "/ecs/orders"
            [[log_group]]
            group = "/ecs/orders"
            stream_prefix = "ecs/app"
            "#,
        )
        .unwrap();
        insta::assert_snapshot!(LogGroupConfig::problems_of_all(&groups["log_group"]).join("\n"), @r"
        log_group ``: group must be the name or the ARN of a log group
        log_group ``: interval_ms must be at least 1
        access_log ``: format, at byte 2: `DURATIONS` is no command operator of Envoy
        log_group `arn:aws:s3:::bucket`: group must look like arn:aws:logs:eu-west-1:123456789012:log-group:name where it is an ARN
        log_group `arn:aws:s3:::bucket`: overlap_ms must be at least 1000, and an hour at most
        log_group `arn:aws:s3:::bucket`: direction is for groups of kind access_log only
        log_group `/ecs/orders`: the name is there twice; give each entry a name of its own
        log_group `/ecs/orders`: its streams are read already, and would count twice
        ");
    }

    #[test]
    fn an_unknown_key_is_refused_and_an_arn_has_a_name() {
        assert!(toml::from_str::<LogGroupConfig>("gruop = 'a'").is_err());
        let group: LogGroupConfig = toml::from_str(
            "group = 'arn:aws:logs:eu-west-1:123456789012:log-group:/ecs/orders:*'\nkind = 'spans'",
        )
        .unwrap();
        assert_eq!((group.called(), group.problems()), ("/ecs/orders", Vec::new()));
    }
}

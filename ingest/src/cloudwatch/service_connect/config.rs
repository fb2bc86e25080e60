//! Which clusters' metrics are read, and how often.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The metrics of ECS Service Connect that are read: `[aws.service_connect]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServiceConnectConfig {
    /// Names of the ECS clusters whose services call; where there is none, nothing is read.
    pub clusters: Vec<String>,
    /// How often they are asked for, ms. It is more rarely where that would cost more than half of the region's budget:
    /// nothing is missed by it, since CloudWatch keeps every minute for 15 days.
    pub interval_ms: u64,
    /// How long after its end a minute is read first, ms.
    pub settle_ms: u64,
    /// How long after that it is read again and again, for data points that come late or grow, ms.
    pub look_back_ms: u64,
    /// How far back is read what was missed while the process did not run, ms.
    pub catch_up_ms: u64,
    /// How often it is looked up which metrics and services there are, ms.
    pub list_interval_ms: u64,
    /// How many metrics may be read.
    pub max_metrics: usize,
}

impl Default for ServiceConnectConfig {
    fn default() -> Self {
        Self {
            clusters: Vec::new(),
            interval_ms: 300_000,
            settle_ms: 120_000,
            look_back_ms: 900_000,
            catch_up_ms: 86_400_000,
            list_interval_ms: 3_600_000,
            max_metrics: 5_000,
        }
    }
}

impl ServiceConnectConfig {
    /// What is wrong with it, one sentence a problem.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let mut check = |is_fine: bool, words: &str| {
            if !is_fine {
                problems.push(format!("service_connect.{words}"));
            }
        };
        let names: BTreeSet<&String> = self.clusters.iter().collect();
        check(names.len() == self.clusters.len(), "clusters names one twice");
        let is_name = |name: &&String| !name.is_empty() && !name.contains(['/', ':']);
        check(names.iter().all(is_name), "clusters must hold names, such as `prod`, and not ARNs");
        check(self.interval_ms > 0, "interval_ms must be at least 1");
        check(self.list_interval_ms > 0, "list_interval_ms must be at least 1");
        check(self.look_back_ms <= 86_400_000, "look_back_ms must be at most a day");
        check(self.catch_up_ms >= self.look_back_ms, "catch_up_ms must be at least look_back_ms");
        check(self.max_metrics > 0, "max_metrics must be at least 1");
        problems
    }

    pub(super) fn interval(&self) -> Duration {
        Duration::from_millis(self.interval_ms)
    }

    pub(super) fn list_interval(&self) -> Duration {
        Duration::from_millis(self.list_interval_ms)
    }

    /// The minute before which all are complete, by the time in ms since 1970.
    pub(super) fn complete_before(&self, now_ms: i64) -> i64 {
        now_ms.saturating_sub_unsigned(self.settle_ms).div_euclid(60_000)
    }

    /// How many minutes are read again.
    pub(super) fn look_back_minutes(&self) -> i64 {
        i64::try_from(self.look_back_ms.div_ceil(60_000)).unwrap_or(i64::MAX)
    }

    /// How many minutes are made up for.
    pub(super) fn catch_up_minutes(&self) -> i64 {
        i64::try_from(self.catch_up_ms.div_ceil(60_000)).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bad_value_is_named_at_once() {
        let bad = ServiceConnectConfig {
            clusters: vec!["a".to_owned(), "a".to_owned(), "arn:aws:ecs:eu-west-1:1:cluster/b".to_owned()],
            interval_ms: 0,
            list_interval_ms: 0,
            look_back_ms: 86_400_001,
            max_metrics: 0,
            ..ServiceConnectConfig::default()
        };
        assert_eq!(bad.problems().len(), 7, "{:#?}", bad.problems());
        assert_eq!(ServiceConnectConfig::default().problems(), Vec::<String>::new());
        assert!(toml::from_str::<ServiceConnectConfig>("cluster = 'a'").is_err());
    }

    #[test]
    fn a_minute_is_complete_once_it_has_settled() {
        let config = ServiceConnectConfig { settle_ms: 90_000, ..ServiceConnectConfig::default() };
        let minute = 29_000_000;
        assert_eq!(config.complete_before((minute + 2) * 60_000 + 29_999), minute);
        assert_eq!(config.complete_before((minute + 2) * 60_000 + 30_000), minute + 1);
    }
}

//! X-Ray pull: traces that are in AWS already are found by the time of their events, fetched, and stored as spans.
//!
//! What has been read, and which traces are still to be fetched, is the cursor ([`progress`]), stored together with the
//! documents. An account keeps its traces in X-Ray or, with Transaction Search, in CloudWatch Logs; [`fetch`] knows both
//! ways. [`reader`] puts them together.

mod fetch;
mod progress;
mod puller;
mod reader;

use serde::{Deserialize, Serialize};

use self::progress::Rules;
pub use self::reader::{XrayReader, reader};

const NS_PER_MS: i64 = 1_000_000;

/// What is read of X-Ray, and how often: `[aws.xray]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PullConfig {
    /// Whether X-Ray is read.
    pub enabled: bool,
    /// How often new traces are looked for, ms.
    pub interval_ms: u64,
    /// How old events must be before they are looked for, so that X-Ray has them, ms.
    pub settle_ms: u64,
    /// How much of what was looked through before is looked through again each time, ms. It multiplies what is paid for.
    pub overlap_ms: u64,
    /// How far back late events are looked for, ms; 0 for not at all.
    pub look_back_ms: u64,
    /// How often they are, ms.
    pub look_back_every_ms: u64,
    /// How far back reading begins when it begins for the first time, ms.
    pub begin_before_ms: u64,
    /// How long after its last event a trace is asked for again while something in it is in progress, ms. Then it is
    /// stored as it is.
    pub patience_ms: u64,
    /// How long to wait until a trace is asked for again, ms; each further time twice as long.
    pub retry_ms: u64,
    /// How often it is asked whether a retrieval of Transaction Search is complete, ms.
    pub retrieval_poll_ms: u64,
    /// Only traces for which this expression holds; all where it is empty.
    pub filter_expression: String,
    /// Only traces of this group; all where it is empty.
    pub group: String,
}

impl Default for PullConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            interval_ms: 60_000,
            settle_ms: 30_000,
            overlap_ms: 30_000,
            look_back_ms: 1_800_000,
            look_back_every_ms: 600_000,
            begin_before_ms: 600_000,
            patience_ms: 600_000,
            retry_ms: 60_000,
            retrieval_poll_ms: 1_000,
            filter_expression: String::new(),
            group: String::new(),
        }
    }
}

impl PullConfig {
    /// What is wrong with it, one sentence a problem.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let mut check = |is_fine: bool, words: &str| {
            if !is_fine {
                problems.push(words.to_owned());
            }
        };
        let day = 86_400_000;
        check((1..=day).contains(&self.interval_ms), "xray.interval_ms must be from 1 to a day");
        check((1..=day).contains(&self.retry_ms), "xray.retry_ms must be from 1 to a day");
        check(
            (1..=day).contains(&self.look_back_every_ms),
            "xray.look_back_every_ms must be from 1 to a day",
        );
        check(
            (1..=60_000).contains(&self.retrieval_poll_ms),
            "xray.retrieval_poll_ms must be from 1 to a minute",
        );
        check(self.overlap_ms <= 3_600_000, "xray.overlap_ms must be at most an hour");
        check(self.look_back_ms <= 6 * 3_600_000, "xray.look_back_ms must be at most six hours");
        check(self.settle_ms <= day, "xray.settle_ms must be at most a day");
        check(self.begin_before_ms <= 30 * day, "xray.begin_before_ms must be at most 30 days");
        check(self.patience_ms <= day, "xray.patience_ms must be at most a day");
        check(!self.group.contains('"'), "xray.group must be the name of a group, without quotes");
        problems
    }

    /// The expression that is sent.
    fn expression(&self) -> Option<String> {
        let group = (!self.group.is_empty()).then(|| format!("group.name = \"{}\"", self.group));
        let filter = (!self.filter_expression.is_empty()).then(|| self.filter_expression.clone());
        match (group, filter) {
            (Some(group), Some(filter)) => Some(format!("{group} AND ({filter})")),
            (one, other) => one.or(other),
        }
    }

    fn rules(&self) -> Rules {
        let ns = |ms: u64| i64::try_from(ms).unwrap_or(i64::MAX / NS_PER_MS).saturating_mul(NS_PER_MS);
        Rules {
            settle_ns: ns(self.settle_ms),
            overlap_ns: ns(self.overlap_ms),
            look_back_ns: ns(self.look_back_ms),
            look_back_every_ns: ns(self.look_back_every_ms),
            patience_ns: ns(self.patience_ms),
            retry_ns: ns(self.retry_ms),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_fine_and_bad_values_are_named() {
        assert_eq!(PullConfig::default().problems(), Vec::<String>::new());
        let bad = PullConfig { interval_ms: 0, group: "a\"b".to_owned(), ..PullConfig::default() };
        assert_eq!(bad.problems().len(), 2);
    }

    #[test]
    fn group_and_filter_hold_both() {
        let mut config = PullConfig::default();
        assert_eq!(config.expression(), None);
        config.group = "shop".to_owned();
        assert_eq!(config.expression().unwrap(), r#"group.name = "shop""#);
        config.filter_expression = "error OR fault".to_owned();
        assert_eq!(config.expression().unwrap(), r#"group.name = "shop" AND (error OR fault)"#);
    }
}

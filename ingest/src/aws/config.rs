//! Which regions of which accounts are asked, and what that may cost.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::cloudwatch::LogGroupConfig;
use crate::xray::pull::PullConfig;

/// One region of one account: an entry of `[[aws]]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AwsConfig {
    /// Name of the entry, by which its sources go everywhere; the region's where it is empty.
    pub name: String,
    /// The region, such as `eu-west-1`; where it is empty, what the SDK's usual chain says.
    pub region: String,
    /// Profile of the shared configuration files that the credentials come from; where it is empty, the SDK's usual chain.
    pub profile: String,
    /// Role that is assumed by these credentials, such as one in another account.
    pub role_arn: String,
    /// What the role wants to be told when it is assumed.
    pub external_id: String,
    /// Address of all services in place of AWS's own, such as that of a VPC endpoint.
    pub endpoint_url: String,
    /// How long a connection may take, ms.
    pub connect_timeout_ms: u64,
    /// How long an answer may take, ms.
    pub timeout_ms: u64,
    /// Log groups that are read.
    pub log_group: Vec<LogGroupConfig>,
    /// What is read of X-Ray.
    pub xray: PullConfig,
    /// What may be asked, and what that may cost.
    pub budget: BudgetConfig,
}

impl Default for AwsConfig {
    fn default() -> Self {
        Self {
            name: String::new(),
            region: String::new(),
            profile: String::new(),
            role_arn: String::new(),
            external_id: String::new(),
            endpoint_url: String::new(),
            connect_timeout_ms: 3_000,
            timeout_ms: 30_000,
            log_group: Vec::new(),
            xray: PullConfig::default(),
            budget: BudgetConfig::default(),
        }
    }
}

/// What may be asked of a region, and what that may cost: `[aws.budget]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BudgetConfig {
    /// What a day, by UTC, may cost by list prices, US dollars. Beyond it nothing that costs is asked until the next one.
    pub usd_per_day: f64,
    /// How often each API may be called, a second. It is less for a while where AWS says that it is too often.
    pub calls_per_second: f64,
    /// How often each API may be called, a day.
    pub calls_per_day: u64,
    /// Other limits for single APIs, by their names, such as `GetTraceSummaries`.
    pub api: BTreeMap<String, ApiLimits>,
}

impl Default for BudgetConfig {
    fn default() -> Self {
        Self { usd_per_day: 1.0, calls_per_second: 2.0, calls_per_day: 50_000, api: BTreeMap::new() }
    }
}

/// How often one API may be called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ApiLimits {
    /// A second; where it is not set, as all.
    pub calls_per_second: Option<f64>,
    /// A day; where it is not set, as all.
    pub calls_per_day: Option<u64>,
}

/// What is wrong with the entries: every bad value, not only the first.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", problems.join("\n"))]
pub struct AwsConfigError {
    /// One sentence a problem.
    pub problems: Vec<String>,
}

impl AwsConfig {
    /// What it is called everywhere.
    pub fn called(&self) -> &str {
        match (&*self.name, &*self.region) {
            ("", "") => "aws",
            ("", region) => region,
            (name, _) => name,
        }
    }

    /// What is wrong with it, one sentence a problem.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let mut check = |is_fine: bool, words: &str| {
            if !is_fine {
                problems.push(format!("aws `{}`: {words}", self.called()));
            }
        };
        let role = &self.role_arn;
        check(
            role.is_empty() || role.starts_with("arn:") && role.contains(":role/"),
            "role_arn must look like arn:aws:iam::123456789012:role/name",
        );
        check(
            self.external_id.is_empty() || !role.is_empty(),
            "external_id is for a role, and there is none",
        );
        let url = &self.endpoint_url;
        check(
            url.is_empty() || url.starts_with("http://") || url.starts_with("https://"),
            "endpoint_url must begin with http:// or https://",
        );
        check(self.connect_timeout_ms > 0, "connect_timeout_ms must be at least 1");
        check(self.timeout_ms > 0, "timeout_ms must be at least 1");
        let budget = &self.budget;
        let is_positive = |value: f64| value.is_finite() && value > 0.0;
        check(is_positive(budget.usd_per_day), "budget.usd_per_day must be more than 0");
        check(is_positive(budget.calls_per_second), "budget.calls_per_second must be more than 0");
        check(budget.calls_per_day > 0, "budget.calls_per_day must be at least 1");
        for problem in self.xray.problems() {
            check(false, &problem);
        }
        for (api, limits) in &budget.api {
            check(
                limits.calls_per_second.is_none_or(is_positive),
                &format!("budget.api.{api}.calls_per_second must be more than 0"),
            );
            check(
                limits.calls_per_day.is_none_or(|calls| calls > 0),
                &format!("budget.api.{api}.calls_per_day must be at least 1"),
            );
        }
        let log_groups = LogGroupConfig::problems_of_all(&self.log_group);
        problems.extend(log_groups.iter().map(|problem| format!("aws `{}`: {problem}", self.called())));
        problems
    }
}

/// What is wrong with several entries, among each other too.
pub fn problems(configs: &[AwsConfig]) -> Vec<String> {
    let mut problems: Vec<String> = configs.iter().flat_map(AwsConfig::problems).collect();
    for (position, config) in configs.iter().enumerate() {
        let name = config.called();
        if configs[..position].iter().any(|other| other.called() == name) {
            problems
                .push(format!("aws `{name}`: the name is there twice; give each entry a name of its own"));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bad_value_is_named_at_once() {
        let bad: AwsConfig = toml::from_str(
            r#"
            region = "eu-west-1"
            external_id = "42"
            endpoint_url = "localhost:4566"
            timeout_ms = 0
            budget = { usd_per_day = 0.0, api.GetTraceSummaries = { calls_per_day = 0 } }
            "#,
        )
        .unwrap();
        let role = AwsConfig {
            role_arn: "reader".to_owned(),
            region: "eu-west-1".to_owned(),
            ..AwsConfig::default()
        };
        insta::assert_snapshot!(problems(&[bad, role]).join("\n"), @r"
        aws `eu-west-1`: external_id is for a role, and there is none
        aws `eu-west-1`: endpoint_url must begin with http:// or https://
        aws `eu-west-1`: timeout_ms must be at least 1
        aws `eu-west-1`: budget.usd_per_day must be more than 0
        aws `eu-west-1`: budget.api.GetTraceSummaries.calls_per_day must be at least 1
        aws `eu-west-1`: role_arn must look like arn:aws:iam::123456789012:role/name
        aws `eu-west-1`: the name is there twice; give each entry a name of its own
        ");
    }

    #[test]
    fn an_unknown_key_is_refused_and_the_default_is_fine() {
        assert!(toml::from_str::<AwsConfig>("regoin = 'eu-west-1'").is_err());
        assert_eq!(AwsConfig::default().problems(), Vec::<String>::new());
    }
}

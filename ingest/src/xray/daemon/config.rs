//! The section `[xray]` of the configuration.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// The section `[xray]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct XrayConfig {
    /// Address of the daemon, by UDP and TCP; empty where there is none.
    pub address: String,
    /// Of the requests beyond the reservoir, the share that is sampled, 0 to 1.
    pub fixed_rate: f64,
    /// Requests a second that are sampled in any case, over all who ask.
    pub reservoir_size: u32,
    /// Rules that come before that.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rule: Vec<SamplingRuleConfig>,
}

impl Default for XrayConfig {
    /// No daemon; the rule that X-Ray itself has by default.
    fn default() -> Self {
        Self { address: String::new(), fixed_rate: 0.05, reservoir_size: 1, rule: Vec::new() }
    }
}

/// A section `[[xray.rule]]`: which requests are sampled how often. `*` and `?` stand for any text and any character.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SamplingRuleConfig {
    /// Name, which must not be `Default`.
    pub name: String,
    /// Of several rules that fit, the one with the lowest number decides. 1 to 9999.
    pub priority: u32,
    /// Of the requests beyond the reservoir, the share that is sampled, 0 to 1.
    pub fixed_rate: f64,
    /// Requests a second that are sampled in any case, over all who ask.
    pub reservoir_size: u32,
    /// Name of the service.
    pub service_name: String,
    /// What it runs on, such as `AWS::ECS::Container`.
    pub service_type: String,
    /// Host that is asked.
    pub host: String,
    /// Method.
    pub http_method: String,
    /// Path.
    pub url_path: String,
}

impl Default for SamplingRuleConfig {
    fn default() -> Self {
        let any = || "*".to_owned();
        Self {
            name: String::new(),
            priority: 1_000,
            fixed_rate: 0.05,
            reservoir_size: 1,
            service_name: any(),
            service_type: any(),
            host: any(),
            http_method: any(),
            url_path: any(),
        }
    }
}

impl XrayConfig {
    /// The address of the daemon; none where there is to be none.
    pub fn listen(&self) -> Option<SocketAddr> {
        self.address.parse().ok()
    }

    /// Everything that is wrong with it, one sentence each.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if !self.address.is_empty() && self.listen().is_none() {
            problems
                .push(format!("xray.address = {:?} is not an address such as 127.0.0.1:2000", self.address));
        }
        let mut rate = |key: &str, rate: f64| {
            if !(0.0..=1.0).contains(&rate) {
                problems.push(format!("{key} = {rate} must be between 0 and 1"));
            }
        };
        rate("xray.fixed_rate", self.fixed_rate);
        for rule in &self.rule {
            rate(&format!("xray.rule {:?}: fixed_rate", rule.name), rule.fixed_rate);
        }
        for (number, rule) in self.rule.iter().enumerate() {
            let name = &rule.name;
            if name.is_empty() || name == "Default" || name.len() > 32 {
                problems.push(format!(
                    "xray.rule: name = {name:?} must have 1 to 32 letters and not be Default, which the rule is called that \
                     decides last"
                ));
            } else if self.rule[..number].iter().any(|other| other.name == *name) {
                problems.push(format!("xray.rule: two rules are called {name:?}"));
            }
            if !(1..=9_999).contains(&rule.priority) {
                problems.push(format!("xray.rule {name:?}: priority = {} must be 1 to 9999", rule.priority));
            }
        }
        problems
    }
}

//! What counts as an error of a service: `[[errors]]` of the configuration.

use std::ops::RangeInclusive;

use regex::Regex;
use serde::{Deserialize, Serialize};

use crate::dictionary::StatId;
use crate::store::Measures;

/// Rules that there may be at most.
const MAX_RULES: usize = 1_000;
/// Bytes that the name of a service may have.
const MAX_NAME_BYTES: usize = 500;
/// Statuses that a rule may name.
const MAX_STATUSES: usize = 100;

/// One rule of the user: an entry of `[[errors]]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorRuleConfig {
    /// Name of the service that answers; `*` stands for any text.
    pub service: String,
    /// HTTP statuses that are errors, one by one or as ranges: `429`, `500-599`.
    #[serde(default = "server_errors")]
    pub statuses: Vec<String>,
    /// HTTP statuses that are none, though they are among those.
    #[serde(default)]
    pub not: Vec<String>,
}

fn server_errors() -> Vec<String> {
    vec!["500-599".to_owned()]
}

/// Every bad value of the rules, and not only the first.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", problems.join("\n"))]
pub struct ErrorRulesError {
    /// One sentence for each.
    pub problems: Vec<String>,
}

/// The rules, compiled once. The first whose name fits a service decides.
#[derive(Clone, Debug, Default)]
pub struct ErrorRules(Vec<Rule>);

#[derive(Clone, Debug)]
struct Rule {
    service: Regex,
    statuses: Statuses,
}

/// The HTTP statuses that are errors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Statuses {
    errors: Vec<RangeInclusive<u16>>,
    not: Vec<RangeInclusive<u16>>,
}

impl ErrorRules {
    /// Compiles rules.
    ///
    /// # Errors
    /// With a sentence for every value that cannot be worked with.
    pub fn new(configs: &[ErrorRuleConfig]) -> Result<Self, ErrorRulesError> {
        let mut problems = Vec::new();
        if configs.len() > MAX_RULES {
            problems.push(format!("errors: {} rules are more than {MAX_RULES}", configs.len()));
        }
        let mut rules = Vec::new();
        for (config, number) in configs.iter().take(MAX_RULES).zip(1..) {
            let before = problems.len();
            let mut bad = |problem: String| problems.push(format!("errors rule {number}: {problem}"));
            let service = service_pattern(&config.service).map_err(&mut bad).ok();
            let errors = ranges("statuses", &config.statuses, &mut bad);
            let not = ranges("not", &config.not, &mut bad);
            if let Some(service) = service.filter(|_| problems.len() == before) {
                rules.push(Rule { service, statuses: Statuses { errors, not } });
            }
        }
        if problems.is_empty() { Ok(Self(rules)) } else { Err(ErrorRulesError { problems }) }
    }

    /// What the rule of a service says, where it has one.
    pub(super) fn of(&self, service: &str) -> Option<&Statuses> {
        self.0.iter().find(|rule| rule.service.is_match(service)).map(|rule| &rule.statuses)
    }
}

fn service_pattern(name: &str) -> Result<Regex, String> {
    if name.is_empty() || name.len() > MAX_NAME_BYTES {
        return Err(format!("service = `{name}` must have 1 to {MAX_NAME_BYTES} bytes"));
    }
    let parts: Vec<String> = name.split('*').map(regex::escape).collect();
    Regex::new(&format!("^(?s:{})$", parts.join(".*")))
        .map_err(|error| format!("service = `{name}`: {error}"))
}

fn ranges(key: &str, texts: &[String], bad: &mut impl FnMut(String)) -> Vec<RangeInclusive<u16>> {
    if texts.len() > MAX_STATUSES {
        bad(format!("{key} has {} entries, which is more than {MAX_STATUSES}", texts.len()));
        return Vec::new();
    }
    let mut found = Vec::new();
    for text in texts {
        match range(text) {
            Some(range) => found.push(range),
            None => bad(format!(
                "{key}: `{text}` is neither a status from 100 to 999 nor a range of such, as `500-599`"
            )),
        }
    }
    found
}

fn range(text: &str) -> Option<RangeInclusive<u16>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let status = |text: &str| text.trim().parse::<u16>().ok().filter(|status| (100..1_000).contains(status));
    let (first, last) = (status(first)?, status(last)?);
    (first <= last).then_some(first..=last)
}

impl Statuses {
    fn has(&self, status: u16) -> bool {
        let among = |ranges: &[RangeInclusive<u16>]| ranges.iter().any(|range| range.contains(&status));
        among(&self.errors) && !among(&self.not)
    }

    /// The errors among what was counted. Failures without a status, and those by gRPC status, stay what they are; so does
    /// everything where the evidence tells no statuses.
    pub(super) fn errors(&self, measures: &Measures) -> i64 {
        self.change(measures.errors, measures.stats.iter()).clamp(0, measures.requests.max(0))
    }

    /// The same of counts that others are to be added to.
    pub(super) fn change(&self, errors: i64, stats: impl Iterator<Item = (i16, i64)>) -> i64 {
        let mut errors = errors;
        for (stat, count) in stats {
            let Some(status) = StatId(stat).as_http_status() else { continue };
            errors += match (status >= 500, self.has(status)) {
                (true, false) => -count,
                (false, true) => count,
                _ => 0,
            };
        }
        errors
    }
}

/// The errors among what was counted, by the rule of the service where it has one.
pub(super) fn errors(measures: &Measures, rule: Option<&Statuses>) -> i64 {
    rule.map_or(measures.errors, |rule| rule.errors(measures))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Counts;

    fn rule(service: &str, statuses: &[&str], not: &[&str]) -> ErrorRuleConfig {
        let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        ErrorRuleConfig { service: service.to_owned(), statuses: texts(statuses), not: texts(not) }
    }

    fn measures() -> Measures {
        let counts = Counts { requests: 100, errors: 9, ..Counts::default() };
        let stats =
            [(StatId::http_status(200), 80), (StatId::http_status(404), 6), (StatId::http_status(429), 4)];
        let failed =
            [(StatId::http_status(501), 3), (StatId::http_status(503), 5), (StatId::grpc_status(14), 1)];
        let stats = stats.into_iter().chain(failed).map(|(StatId(stat), count)| (stat, count)).collect();
        Measures { counts, stats, ..Measures::default() }
    }

    #[test]
    fn the_first_rule_that_fits_a_service_says_what_its_errors_are() {
        let rules = ErrorRules::new(&[
            rule("orders", &["500-599", "429"], &["501"]),
            rule("shop-*", &["404"], &[]),
            rule("*", &["400-599"], &[]),
        ])
        .unwrap();
        // One of nine failed without an HTTP status that says so.
        for (service, expected) in [("orders", 1 + 5 + 4), ("shop-web", 1 + 6), ("x", 1 + 8 + 10)] {
            assert_eq!(errors(&measures(), rules.of(service)), expected, "{service}");
        }
        assert_eq!(errors(&measures(), ErrorRules::default().of("orders")), 9);
    }

    #[test]
    fn evidence_that_tells_no_statuses_keeps_its_errors() {
        let rules = ErrorRules::new(&[rule("orders", &["404"], &[])]).unwrap();
        let counted = Measures { stats: [(StatId::RESPONSES_5XX.0, 9)].into_iter().collect(), ..measures() };
        assert_eq!(errors(&counted, rules.of("orders")), 9);
    }

    #[test]
    fn every_bad_value_is_told() {
        let error = ErrorRules::new(&[
            rule("", &["99"], &["x"]),
            rule("a", &["500-400", "500"], &["5000"]),
            rule("b", &["500 - 510"], &[]),
        ])
        .unwrap_err()
        .to_string();
        for expected in [
            "rule 1: service",
            "rule 1: statuses: `99`",
            "rule 1: not: `x`",
            "rule 2: statuses: `500-400`",
            "rule 2: not: `5000`",
        ] {
            assert!(error.contains(expected), "{expected} is not in {error}");
        }
        assert!(!error.contains("rule 3"), "{error}");
    }
}

//! The user's own rules of identity: `[[identity]]` of the configuration.

mod template;

use foldhash::HashSet;
use regex::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};
use serde::{Deserialize, Serialize};

use crate::api::graph::NodeKind;
use crate::api::identity::NameKind;

use template::Template;

/// Rules that there may be at most.
const MAX_RULES: usize = 1_000;
/// Bytes that a pattern, and each part of what it makes, may have.
const MAX_TEXT_BYTES: usize = 1_000;
/// Memory that one compiled pattern, or all patterns for one kind of name together, may take.
const MAX_COMPILED_BYTES: usize = 4 << 20;

/// One rule of the user: an entry of `[[identity]]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentityRuleConfig {
    /// Which names it is for.
    #[serde(rename = "match")]
    pub kind_of_name: NameKind,
    /// A regular expression for the whole name. What its groups match can stand in the other keys as `$group`.
    pub pattern: String,
    /// The service; the name as it is where not set.
    #[serde(default)]
    pub service: String,
    /// Version of the service; what the other evidence says where not set.
    #[serde(default)]
    pub version: String,
    /// Namespace of the service, likewise.
    #[serde(default)]
    pub namespace: String,
    /// Environment of the service, likewise.
    #[serde(default)]
    pub environment: String,
    /// What it is; what the other evidence says where not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<NodeKind>,
    /// Whether what has this name is left out of the graph.
    #[serde(default)]
    pub ignore: bool,
}

/// Every bad value of the rules, and not only the first.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", problems.join("\n"))]
pub struct IdentityRulesError {
    /// One sentence for each.
    pub problems: Vec<String>,
}

/// The user's rules, compiled once. The first rule whose pattern fits a name decides.
#[derive(Clone, Debug, Default)]
pub struct IdentityRules {
    clusters: RulesOfKind,
    proxies: RulesOfKind,
    services: RulesOfKind,
    hosts: RulesOfKind,
}

/// The rules for one kind of name, in their order.
#[derive(Clone, Debug, Default)]
struct RulesOfKind {
    /// All patterns, asked at once. Nothing where there are none.
    set: Option<RegexSet>,
    rules: Vec<UserRule>,
}

/// A compiled rule.
#[derive(Clone, Debug)]
pub(super) struct UserRule {
    /// Its place in the configuration, from 1.
    pub(super) number: usize,
    /// Its pattern as it was written.
    pub(super) pattern: String,
    regex: Regex,
    service: Template,
    version: Template,
    namespace: Template,
    environment: Template,
    kind: Option<NodeKind>,
    ignore: bool,
}

/// What a rule of the user makes of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum UserSaid {
    /// It stands for this.
    Named(UserNamed),
    /// It is left out.
    Ignored,
}

/// What a name stands for. What the rule leaves open is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct UserNamed {
    pub(super) service: String,
    pub(super) version: String,
    pub(super) namespace: String,
    pub(super) environment: String,
    pub(super) kind: Option<NodeKind>,
}

impl IdentityRules {
    /// Compiles rules.
    ///
    /// # Errors
    /// With a sentence for every value that cannot be worked with.
    pub fn new(configs: &[IdentityRuleConfig]) -> Result<Self, IdentityRulesError> {
        let mut problems = Vec::new();
        let mut rules = Self::default();
        if configs.len() > MAX_RULES {
            problems.push(format!("identity: {} rules are more than {MAX_RULES}", configs.len()));
        }
        for (config, number) in configs.iter().take(MAX_RULES).zip(1..) {
            match config.compile(number) {
                Ok(rule) => rules.of_mut(config.kind_of_name).rules.push(rule),
                Err(found) => {
                    let words = |problem| format!("identity rule {number}: {problem}");
                    problems.extend(found.into_iter().map(words));
                }
            }
        }
        for kind in NameKind::ALL {
            if let Err(error) = rules.of_mut(kind).join() {
                problems.push(format!(
                    "identity: the patterns for match = \"{}\" are too many together: {error}",
                    kind.word()
                ));
            }
        }
        if problems.is_empty() { Ok(rules) } else { Err(IdentityRulesError { problems }) }
    }

    const fn of(&self, kind: NameKind) -> &RulesOfKind {
        match kind {
            NameKind::Cluster => &self.clusters,
            NameKind::Proxy => &self.proxies,
            NameKind::Service => &self.services,
            NameKind::Host => &self.hosts,
        }
    }

    const fn of_mut(&mut self, kind: NameKind) -> &mut RulesOfKind {
        match kind {
            NameKind::Cluster => &mut self.clusters,
            NameKind::Proxy => &mut self.proxies,
            NameKind::Service => &mut self.services,
            NameKind::Host => &mut self.hosts,
        }
    }

    /// The rules for one kind of name, in their order.
    pub(super) fn rules(&self, kind: NameKind) -> &[UserRule] {
        &self.of(kind).rules
    }

    /// What the first rule that fits a name makes of it.
    pub(super) fn say(&self, kind: NameKind, name: &str) -> Option<(&UserRule, UserSaid)> {
        let of_kind = self.of(kind);
        let fitting = of_kind.set.as_ref()?.matches(name);
        fitting.iter().filter_map(|at| of_kind.rules.get(at)).find_map(|rule| Some((rule, rule.say(name)?)))
    }
}

impl RulesOfKind {
    fn join(&mut self) -> Result<(), regex::Error> {
        if !self.rules.is_empty() {
            let patterns = self.rules.iter().map(|rule| rule.regex.as_str());
            self.set = Some(RegexSetBuilder::new(patterns).size_limit(MAX_COMPILED_BYTES).build()?);
        }
        Ok(())
    }
}

impl UserRule {
    /// It, in words.
    pub(super) fn words(&self) -> String {
        format!("identity rule {}", self.number)
    }

    /// What it makes of a name; nothing where its pattern does not fit, or leaves the service empty.
    pub(super) fn say(&self, name: &str) -> Option<UserSaid> {
        let found = self.regex.captures(name)?;
        if self.ignore {
            return Some(UserSaid::Ignored);
        }
        let service = if self.service.is_empty() { name.to_owned() } else { self.service.expand(&found) };
        let named = UserNamed {
            version: self.version.expand(&found),
            namespace: self.namespace.expand(&found),
            environment: self.environment.expand(&found),
            kind: self.kind,
            service,
        };
        (!named.service.is_empty()).then_some(UserSaid::Named(named))
    }
}

impl IdentityRuleConfig {
    fn compile(&self, number: usize) -> Result<UserRule, Vec<String>> {
        let mut problems = self.contradictions();
        let regex = match compile(&self.pattern) {
            Ok(regex) => regex,
            Err(problem) => {
                problems.push(problem);
                return Err(problems);
            }
        };
        let groups: HashSet<&str> = regex.capture_names().flatten().collect();
        let mut template = |key: &str, text: &str| {
            Template::parse(text, &regex, &groups).unwrap_or_else(|problem| {
                problems.push(format!("{key} = `{text}`: {problem}"));
                Template::default()
            })
        };
        let service = template("service", &self.service);
        let version = template("version", &self.version);
        let namespace = template("namespace", &self.namespace);
        let environment = template("environment", &self.environment);
        if !problems.is_empty() {
            return Err(problems);
        }
        let (kind, ignore) = (self.kind, self.ignore);
        let pattern = self.pattern.clone();
        Ok(UserRule { number, pattern, regex, service, version, namespace, environment, kind, ignore })
    }

    /// Keys that do not go together.
    fn contradictions(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let texts = [&self.service, &self.version, &self.namespace, &self.environment];
        let says_something = texts.iter().any(|text| !text.is_empty()) || self.kind.is_some();
        if texts.iter().any(|text| text.len() > MAX_TEXT_BYTES) {
            problems.push(format!("no key may be longer than {MAX_TEXT_BYTES} bytes"));
        }
        if self.ignore && says_something {
            problems
                .push("what is ignored has no service, version, namespace, environment or kind".to_owned());
        }
        if !self.ignore && !says_something {
            problems.push(
                "it says nothing: set service, version, namespace, environment or kind, or ignore = true"
                    .to_owned(),
            );
        }
        if self.kind == Some(NodeKind::Client) {
            problems.push("kind = \"client\" is whoever calls from outside, and has no name".to_owned());
        }
        if self.kind_of_name == NameKind::Proxy {
            if self.ignore {
                problems.push("a proxy cannot be ignored; do not have it scraped".to_owned());
            } else if self.service.is_empty() {
                problems.push("a rule for proxies must say the service".to_owned());
            }
            if !matches!(self.kind, None | Some(NodeKind::Service | NodeKind::Gateway)) {
                problems.push("kind of what a proxy stands before is `service` or `gateway`".to_owned());
            }
        }
        problems
    }
}

/// Compiles a pattern that has to fit a whole name.
fn compile(pattern: &str) -> Result<Regex, String> {
    if pattern.is_empty() {
        return Err("pattern must not be empty".to_owned());
    }
    if pattern.len() > MAX_TEXT_BYTES {
        return Err(format!("pattern may not be longer than {MAX_TEXT_BYTES} bytes"));
    }
    // By itself first, so that what is wrong is told by its place in the pattern as it was written.
    let build = |text: &str| RegexBuilder::new(text).size_limit(MAX_COMPILED_BYTES).build();
    let whole = build(pattern).and_then(|_| build(&format!("^(?:{pattern})$")));
    whole.map_err(|error| match error {
        regex::Error::CompiledTooBig(limit) => {
            format!("pattern `{pattern}` takes more than {limit} bytes when it is compiled")
        }
        error => format!("pattern `{pattern}`: {}", in_one_line(&error)),
    })
}

/// The library draws a pattern over several lines with marks below the place that is wrong.
fn in_one_line(error: &regex::Error) -> String {
    let text = error.to_string();
    let words = text.lines().find_map(|line| line.strip_prefix("error: ")).unwrap_or(&text);
    let marks = text.lines().find(|line| line.trim_start().starts_with('^'));
    match marks.and_then(|marks| marks.find('^')).and_then(|at| at.checked_sub(4)) {
        Some(at) => format!("at character {}: {words}", at + 1),
        None => words.to_owned(),
    }
}

#[cfg(test)]
mod tests;

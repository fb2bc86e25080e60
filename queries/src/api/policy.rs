//! What a verdict is to go by: what "worse" means, how sure one wants to be, and when to stop.

use serde::{Deserialize, Serialize};

/// What a verdict goes by. Every field has a default; see `docs/canary.md`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// How sure a verdict is to be: an identical candidate fails with a chance of at most one less this, however often one
    /// looks.
    pub confidence: f64,
    /// Left out after the candidate's first request, seconds.
    pub warm_up_s: u32,
    /// No pass before so much was compared, seconds.
    pub least_s: u32,
    /// No pass before each side had so many requests.
    pub least_requests: u64,
    /// After so long there is nothing more to be waited for, seconds.
    pub longest_s: u32,
    /// What it means if there is no traffic to compare when the time is over.
    pub no_traffic: NoTraffic,
    /// How many more requests may fail.
    pub errors: ErrorPolicy,
    /// How much slower which quantiles may be.
    pub latency: Vec<LatencyPolicy>,
    /// What is different for some routes; the first that fits decides.
    pub routes: Vec<RoutePolicy>,
    /// What the guards may do.
    pub guards: GuardPolicy,
}

/// What no traffic means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum NoTraffic {
    /// Nothing is known: `insufficient`.
    #[default]
    Wait,
    /// `pass`.
    Pass,
    /// `fail`.
    Fail,
}

/// How much worse the candidate may be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Margin {
    /// Part of all requests for error rates (0.005 is half a point), ms for latencies.
    Absolute(f64),
    /// Part of what the baseline has: 0.1 is a tenth.
    Relative(f64),
}

/// How many more requests may fail.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct ErrorPolicy {
    /// How many more.
    pub margin: Margin,
    /// Whether what is found is told but decides nothing.
    pub muted: bool,
}

/// How much slower a quantile may be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct LatencyPolicy {
    /// Which quantile, between 0 and 1.
    pub quantile: f64,
    /// How much slower.
    pub margin: Margin,
    /// Differences below this do not count, ms, whatever the margin is.
    pub least_ms: f64,
    /// Whether what is found is told but decides nothing.
    pub muted: bool,
}

/// What is different for some routes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct RoutePolicy {
    /// Method and template; `*` stands for any text.
    pub route: String,
    /// Whether requests along it are left out.
    pub ignored: bool,
    /// How many more requests may fail.
    pub errors: Option<Margin>,
    /// How much slower every quantile may be.
    pub latency: Option<Margin>,
}

/// What guards may do: `fail` the verdict, `warn` beside it, or be `off`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum GuardAction {
    /// The verdict is `fail`.
    Fail,
    /// There is no `pass`.
    Hold,
    /// It is told.
    Warn,
    /// It is not looked at.
    Off,
}

/// What each guard may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct GuardPolicy {
    /// Failures that retries hid from the callers.
    pub retries: GuardAction,
    /// Observed split against configured weights.
    pub split: GuardAction,
    /// A mix of routes and callers that differs between the sides.
    pub mix: GuardAction,
    /// Traffic that stopped on one side.
    pub stopped: GuardAction,
    /// Hosts that were ejected, panic mode, open circuit breakers.
    pub survivors: GuardAction,
    /// Requests for each healthy host that differ between the sides.
    pub capacity: GuardAction,
    /// Calls that one side makes, and the other does not.
    pub calls: GuardAction,
    /// Failures of what both sides call.
    pub inherited: GuardAction,
    /// Evidence that is missing or contradicts itself.
    pub evidence: GuardAction,
}

impl Default for Margin {
    fn default() -> Self {
        Self::Absolute(0.0)
    }
}

impl Default for Policy {
    fn default() -> Self {
        let latency = |quantile| LatencyPolicy { quantile, ..LatencyPolicy::default() };
        Self {
            confidence: 0.95,
            warm_up_s: 30,
            least_s: 120,
            least_requests: 100,
            longest_s: 3_600,
            no_traffic: NoTraffic::default(),
            errors: ErrorPolicy::default(),
            latency: vec![latency(0.5), latency(0.99)],
            routes: Vec::new(),
            guards: GuardPolicy::default(),
        }
    }
}

impl Default for ErrorPolicy {
    fn default() -> Self {
        Self { margin: Margin::Absolute(0.005), muted: false }
    }
}

impl Default for LatencyPolicy {
    fn default() -> Self {
        Self { quantile: 0.99, margin: Margin::Relative(0.2), least_ms: 2.0, muted: false }
    }
}

impl Default for GuardPolicy {
    fn default() -> Self {
        use GuardAction::{Fail, Hold, Warn};
        Self {
            retries: Fail,
            split: Warn,
            mix: Warn,
            stopped: Hold,
            survivors: Hold,
            capacity: Warn,
            calls: Warn,
            inherited: Warn,
            evidence: Warn,
        }
    }
}

/// Every value of a policy that cannot be worked with, and not only the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyError {
    /// One sentence for each.
    pub problems: Vec<String>,
}

impl std::fmt::Display for PolicyError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.problems.join("; "))
    }
}

impl std::error::Error for PolicyError {}

/// The longest comparison: a day.
const MAX_S: u32 = 86_400;
/// Quantiles that may be tested, and routes that may be named.
const MAX_QUANTILES: usize = 8;
const MAX_ROUTES: usize = 200;

impl Policy {
    /// Looks at every value.
    ///
    /// # Errors
    /// With a sentence for each that cannot be worked with.
    pub fn check(&self) -> Result<(), PolicyError> {
        let mut problems = Vec::new();
        let mut wrong = |is_wrong: bool, problem: String| {
            if is_wrong {
                problems.push(problem);
            }
        };
        wrong(
            !(0.5..=0.9999).contains(&self.confidence),
            format!("confidence = {} must lie between 0.5 and 0.9999", self.confidence),
        );
        for (name, seconds) in
            [("warm_up_s", self.warm_up_s), ("least_s", self.least_s), ("longest_s", self.longest_s)]
        {
            wrong(seconds > MAX_S, format!("{name} = {seconds} must not be more than a day, {MAX_S}"));
        }
        wrong(
            self.longest_s < self.least_s.max(10),
            format!(
                "longest_s = {} must not be less than least_s = {}, nor than 10",
                self.longest_s, self.least_s
            ),
        );
        wrong(
            self.latency.len() > MAX_QUANTILES,
            format!("latency has {} quantiles, which is more than {MAX_QUANTILES}", self.latency.len()),
        );
        wrong(
            self.routes.len() > MAX_ROUTES,
            format!("routes has {} entries, which is more than {MAX_ROUTES}", self.routes.len()),
        );
        wrong(
            self.errors.muted && self.latency.iter().all(|latency| latency.muted),
            "every check is muted, so that nothing could be decided".to_owned(),
        );
        wrong_margin("errors.margin", self.errors.margin, 1.0, &mut wrong);
        for (latency, number) in self.latency.iter().take(MAX_QUANTILES).zip(1..) {
            let name = format!("latency {number}");
            wrong(
                !(0.01..=0.999).contains(&latency.quantile),
                format!("{name}: quantile = {} must lie between 0.01 and 0.999", latency.quantile),
            );
            wrong(
                !(0.0..=MAX_MS).contains(&latency.least_ms),
                format!("{name}: least_ms = {} must lie between 0 and {MAX_MS}", latency.least_ms),
            );
            wrong_margin(&format!("{name}: margin"), latency.margin, MAX_MS, &mut wrong);
        }
        for (route, number) in self.routes.iter().take(MAX_ROUTES).zip(1..) {
            let name = format!("routes {number}");
            wrong(
                route.route.is_empty() || route.route.len() > 1_000,
                format!("{name}: route must have 1 to 1000 bytes"),
            );
            for (what, margin, most) in [("errors", route.errors, 1.0), ("latency", route.latency, MAX_MS)] {
                if let Some(margin) = margin {
                    wrong_margin(&format!("{name}: {what}"), margin, most, &mut wrong);
                }
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(PolicyError { problems }) }
    }

    /// What is different for a route.
    pub fn route(&self, route: &str) -> Option<&RoutePolicy> {
        self.routes.iter().find(|one| fits(&one.route, route))
    }
}

/// The longest margin: a day, ms.
const MAX_MS: f64 = 86_400_000.0;

fn wrong_margin(name: &str, margin: Margin, most: f64, wrong: &mut impl FnMut(bool, String)) {
    let (kind, value, most) = match margin {
        Margin::Absolute(value) => ("absolute", value, most),
        Margin::Relative(value) => ("relative", value, 100.0),
    };
    wrong(!(0.0..=most).contains(&value), format!("{name}: {kind} = {value} must lie between 0 and {most}"));
}

/// Whether a text fits a pattern in which `*` stands for any text.
fn fits(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, between)) = parts.split_last() else { return rest.is_empty() };
    let mut rest = rest;
    for part in between {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_can_be_worked_with() {
        assert_eq!(Policy::default().check(), Ok(()));
        assert_eq!(serde_json::from_str::<Policy>("{}").unwrap(), Policy::default());
    }

    #[test]
    fn every_bad_value_is_told() {
        let policy: Policy = serde_json::from_value(serde_json::json!({
            "confidence": 1.0, "least_s": 90_000, "longest_s": 5,
            "errors": {"margin": {"absolute": 1.5}},
            "latency": [{"quantile": 99.0, "margin": {"relative": -0.1}, "least_ms": -1.0}],
            "routes": [{"route": ""}],
        }))
        .unwrap();
        let told = policy.check().unwrap_err().to_string();
        for expected in [
            "confidence = 1",
            "least_s = 90000",
            "longest_s = 5",
            "errors.margin: absolute = 1.5",
            "latency 1: quantile = 99",
            "latency 1: margin: relative = -0.1",
            "latency 1: least_ms = -1",
            "routes 1: route",
        ] {
            assert!(told.contains(expected), "{expected} is not in {told}");
        }
    }

    #[test]
    fn a_name_that_is_not_known_is_refused() {
        assert!(serde_json::from_str::<Policy>(r#"{"confidense": 0.9}"#).is_err());
    }

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, text, expected) in [
            ("GET /a", "GET /a", true),
            ("GET /a", "GET /ab", false),
            ("GET *", "GET /ab", true),
            ("*/ab", "GET /ab", true),
            ("GET /*/items/*", "GET /x/items/1", true),
            ("GET /*/items/*", "GET /x/item/1", false),
            ("*", "", true),
            ("a*a", "a", false),
        ] {
            assert_eq!(fits(pattern, text), expected, "{pattern} on {text}");
        }
    }
}

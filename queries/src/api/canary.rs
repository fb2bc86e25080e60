//! `GET` and `POST /api/v1/canary`: whether one version of a service is worse than another.

use serde::{Deserialize, Serialize};

use super::graph::Source;
use super::policy::{GuardAction, Margin, Policy};

/// The route of a [`RouteVerdict`] over all routes, where the evidence knows none.
pub const ALL_ROUTES: &str = "*";
/// The route of the one over all that have few requests on either side.
pub const FEW_REQUESTS: &str = "__few_requests__";

/// The answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CanaryResponse {
    /// What was found.
    pub verdict: Verdict,
}

/// What a comparison came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Shown not to be worse by the margin.
    Pass,
    /// Shown to be worse than the margin allows.
    Fail,
    /// Neither is shown.
    #[default]
    Insufficient,
}

impl Outcome {
    /// As it stands in an answer.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Insufficient => "insufficient",
        }
    }

    /// The one of this name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Pass, Self::Fail, Self::Insufficient].into_iter().find(|one| one.name() == name)
    }
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Verdict {
    /// In one word.
    pub result: Outcome,
    /// In one sentence.
    pub summary: String,
    /// The service.
    pub service: String,
    /// The version that is known.
    pub baseline: String,
    /// The version that is judged.
    pub candidate: String,
    /// Start of what was compared, RFC 3339 UTC.
    pub from: String,
    /// Its end, likewise.
    pub to: String,
    /// Whether two windows of time were compared, which is weaker: the world may have changed between them.
    pub before_after: bool,
    /// Where the numbers are from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Source>,
    /// Error rate and quantiles, over all routes and callers.
    pub checks: Vec<Check>,
    /// Route by route and caller by caller, the worst first.
    pub routes: Vec<RouteVerdict>,
    /// How long requests of both sides took, with the same mix; absent while a side has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<LatencyShares>,
    /// What else might make the verdict wrong.
    pub guards: Vec<Guard>,
    /// Who gets how much.
    pub traffic: Traffic,
    /// More requests to the candidate that are needed, if all goes on as it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needed_requests: Option<u64>,
    /// And how long that takes, seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needed_seconds: Option<u64>,
    /// What it was judged by.
    pub policy: Policy,
}

/// What one side did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SideSummary {
    /// Requests that were compared.
    pub requests: u64,
    /// Those of them that failed.
    pub errors: u64,
    /// `errors / requests`, or the quantile in ms.
    pub value: f64,
    /// Bounds between which the value lies as far as the bins tell; the upper one is absent where none is known.
    pub low: f64,
    /// Likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
}

/// One comparison.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Check {
    /// `errors`, or a quantile such as `p99`.
    pub name: String,
    /// What came of it.
    pub result: Outcome,
    /// Whether it decides nothing.
    pub muted: bool,
    /// `share` of requests, or `ms`.
    pub unit: Unit,
    /// The known side.
    pub baseline: SideSummary,
    /// The judged side.
    pub candidate: SideSummary,
    /// Candidate less baseline, both with the same mix of routes, callers and times.
    pub difference: f64,
    /// The differences that are not refuted: lowest and highest, absent where there is no bound yet.
    pub interval: Interval,
    /// For latencies likewise candidate by baseline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ratio: Option<Interval>,
    /// Chance that the truth is never below the interval, at all times at once; the chance that it is never above is the same.
    pub confidence: f64,
    /// How much worse the candidate may be.
    pub margin: Margin,
    /// The margin as a difference, by what the baseline has.
    pub margin_difference: f64,
    /// More requests to the candidate that are needed for this check, if all goes on as it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needed_requests: Option<u64>,
    /// The smallest difference of error rates that would have failed by now, with as many requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detectable: Option<f64>,
    /// When it first failed, RFC 3339 UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_at: Option<String>,
    /// The interval as it was at times before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<Look>,
}

/// How long requests of both sides took, in steps that are as wide as each other on a logarithmic scale.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LatencyShares {
    /// One after the other.
    pub steps: Vec<LatencyStep>,
    /// The part of the baseline's requests that timed out, and are in no step.
    pub baseline_timeouts: f64,
    /// Likewise of the candidate's.
    pub candidate_timeouts: f64,
}

/// The part of each side's requests that took so long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LatencyStep {
    /// From.
    pub low_ms: f64,
    /// To.
    pub high_ms: f64,
    /// Part of the baseline's requests.
    pub baseline: f64,
    /// Part of the candidate's.
    pub candidate: f64,
}

/// What a value counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Part of all requests.
    #[default]
    Share,
    /// Milliseconds.
    Ms,
}

/// Lowest and highest value that are not refuted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Interval {
    /// The lowest; absent where there is no bound.
    pub low: Option<f64>,
    /// The highest; likewise.
    pub high: Option<f64>,
}

/// What an interval was at some time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Look {
    /// When, RFC 3339 UTC.
    pub at: String,
    /// The difference.
    pub difference: f64,
    /// What was not refuted.
    pub interval: Interval,
}

/// One route of one caller.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RouteVerdict {
    /// Method and template, [`ALL_ROUTES`] or [`FEW_REQUESTS`].
    pub route: String,
    /// Node id of the caller, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller: Option<String>,
    /// What came of all its checks.
    pub result: Outcome,
    /// One for each check, in the same order.
    pub checks: Vec<RouteCheck>,
}

/// One comparison of one route.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RouteCheck {
    /// What came of it, with all routes and callers accounted for.
    pub result: Outcome,
    /// The known side.
    pub baseline: SideSummary,
    /// The judged side.
    pub candidate: SideSummary,
    /// Candidate less baseline.
    pub difference: f64,
    /// The differences that are not refuted.
    pub interval: Interval,
    /// How strongly the data speak for the candidate being worse than allowed: natural logarithm of an e-value. From about
    /// 3 on there is something; negative numbers speak for nothing.
    pub ln_evidence: f64,
}

/// Something else that might make the verdict wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Guard {
    /// Which one: `retries`, `split`, `mix`, `stopped`, `survivors`, `capacity`, `calls`, `inherited`,
    /// `evidence`.
    pub name: String,
    /// Whether something was found.
    pub found: bool,
    /// What that does to the verdict.
    pub action: GuardAction,
    /// What was looked at and found, with its numbers.
    pub summary: String,
}

/// Who gets how much.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Traffic {
    /// Requests to the baseline, warm-up and all routes included.
    pub baseline_requests: u64,
    /// Requests to the candidate likewise.
    pub candidate_requests: u64,
    /// Requests that were compared, of both sides.
    pub compared_requests: u64,
    /// The candidate's part of both.
    pub candidate_share: f64,
    /// Between which bounds that lies.
    pub candidate_share_interval: Interval,
    /// The part that is configured, where a proxy's configuration tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub configured_share: Option<f64>,
    /// Requests that failed at the candidate beyond those that would have failed at the baseline, by the estimate.
    pub excess_errors: f64,
    /// How many that would be each minute if the candidate had all the traffic.
    pub excess_errors_per_minute_at_full: f64,
}

impl RouteVerdict {
    /// The method and template, where this is about one route.
    pub fn one_route(&self) -> Option<&str> {
        Some(self.route.as_str()).filter(|route| *route != ALL_ROUTES && *route != FEW_REQUESTS)
    }

    /// What a person calls it.
    pub fn name(&self) -> &str {
        match self.route.as_str() {
            ALL_ROUTES => "all routes",
            FEW_REQUESTS => "routes with few requests",
            route => route,
        }
    }
}

/// A number with the digits that count: none after the point from 100 on, at most two below ten.
pub fn short_number(value: f64) -> String {
    let digits = match value.abs() {
        100.0.. => 0,
        10.0.. => 1,
        _ => 2,
    };
    fixed_number(value, digits)
}

/// A number with so many digits after the point at most.
pub fn fixed_number(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

impl Guard {
    /// Whether the verdict fails by it.
    pub fn is_failure(&self) -> bool {
        self.found && self.action == GuardAction::Fail
    }

    /// Whether nothing can pass while it holds.
    pub fn is_held(&self) -> bool {
        self.found && self.action == GuardAction::Hold
    }
}

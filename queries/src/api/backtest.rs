//! `POST /api/v1/canary/backtest`: what a policy would have done to the rollouts that there were.

use serde::{Deserialize, Serialize};

use super::canary::Outcome;
use super::policy::Policy;

/// The answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BacktestResponse {
    /// What would have become of each.
    pub backtest: Backtest,
}

/// What a policy would have done.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Backtest {
    /// Start of the time that was looked through, RFC 3339 UTC.
    pub from: String,
    /// Its end, likewise.
    pub to: String,
    /// Rollouts that would have been stopped.
    pub stopped: u64,
    /// Those that would have been let through.
    pub let_through: u64,
    /// Those of which nothing would have been known when they, or the policy's time, were over.
    pub undecided: u64,
    /// Rollouts that were found beyond those that are listed, and were not tried.
    pub not_tried: u64,
    /// The rollouts, the last first.
    pub rollouts: Vec<TriedRollout>,
    /// What was tried.
    pub policy: Policy,
}

/// A rollout, and what would have become of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TriedRollout {
    /// The service.
    pub service: String,
    /// The version that was there before.
    pub baseline: String,
    /// The version that came.
    pub candidate: String,
    /// When it came, RFC 3339 UTC.
    pub from: String,
    /// When one of the two was seen last, RFC 3339 UTC.
    pub to: String,
    /// Whether the one followed the other, so that two times had to be compared, which is weaker.
    pub before_after: bool,
    /// What would have been decided.
    pub result: Outcome,
    /// In one sentence.
    pub summary: String,
    /// When it would have been decided, RFC 3339 UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_at: Option<String>,
    /// How long after the start that is, seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_after_s: Option<u64>,
    /// Requests to the candidate that were compared by then.
    pub candidate_requests: u64,
    /// Requests that had failed by then beyond those that would have failed at the baseline, by the estimate.
    pub excess_errors: f64,
}

//! `POST /api/v1/canary/backtest`: what a policy would have done to the rollouts that there were.

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sidecarta_queries::api::backtest::BacktestResponse;
use sidecarta_queries::api::error::ErrorResponse;
use sidecarta_queries::api::policy::Policy;
use sidecarta_queries::canary::{summed_up, try_rollout};
use sidecarta_queries::graph::rollouts;
use sidecarta_queries::store::TimeRange;
use utoipa::ToSchema;

use super::canary::{MAX_SECONDS, check_policy};
use crate::error::ApiError;
use crate::params::time_range;
use crate::state::AppState;

/// Rollouts that are tried at most, the last ones.
const MAX_TRIED: usize = 100;

/// What is to be tried.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BacktestRequest {
    /// Name of the service; all where there is none.
    pub service: Option<String>,
    /// RFC 3339, `now` or relative as `-7d`; default `-7d`.
    pub from: Option<String>,
    /// Likewise; default `now`.
    pub to: Option<String>,
    /// What is tried.
    pub policy: Policy,
}

/// Tries a policy on every rollout of a time range, as if somebody had looked at it all the time.
#[utoipa::path(
    post, path = "/api/v1/canary/backtest", tag = "canary", request_body = BacktestRequest,
    responses((status = 200, body = BacktestResponse), (status = 400, body = ErrorResponse))
)]
pub async fn try_policy(
    State(state): State<AppState>,
    request: Result<Json<BacktestRequest>, JsonRejection>,
) -> Result<Json<BacktestResponse>, ApiError> {
    let Json(request) = request.map_err(|error| ApiError::bad_request("bad_body", error.body_text()))?;
    let BacktestRequest { service, from, to, policy } = request;
    check_policy(&policy)?;
    let now = Timestamp::now();
    let (from, to) = time_range(Some(from.as_deref().unwrap_or("-7d")), to.as_deref(), now)?;
    if to.as_second() - from.as_second() > MAX_SECONDS {
        return Err(ApiError::bad_request("bad_time_range", "the time range is longer than 31 days"));
    }
    let (range, now_s) = (TimeRange::covering(from.as_second(), to.as_second()), now.as_second());
    let find = move |store: &_, rules: &_| rollouts(store, rules, (range, now_s), service.as_deref());
    let mut found = state.ask(find).await?;
    let not_tried = found.len().saturating_sub(MAX_TRIED) as u64;
    found.truncate(MAX_TRIED);
    let mut tried = Vec::new();
    // One by one, so that others get their turn in between.
    for rollout in found {
        let (errors, policy) = (state.error_rules(), policy.clone());
        let one =
            move |store: &_, rules: &_| try_rollout(store, (rules, &errors), (&rollout, &policy), now_s);
        tried.push(state.ask(one).await?);
    }
    Ok(Json(BacktestResponse { backtest: summed_up(range, policy, tried, not_tried) }))
}

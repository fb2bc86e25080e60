//! `GET` and `POST /api/v1/canary`.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Query, State};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sidecarta_queries::api::canary::{CanaryResponse, Outcome};
use sidecarta_queries::api::error::ErrorResponse;
use sidecarta_queries::api::policy::Policy;
use sidecarta_queries::canary::CanaryQuestion;
use sidecarta_queries::store::TimeRange;
use utoipa::ToSchema;

use crate::error::ApiError;
use crate::params::{time, time_range};
use crate::state::AppState;

/// The longest time that is compared: 31 days.
pub(super) const MAX_SECONDS: i64 = 31 * 86_400;
/// Bytes that a name may have.
const MAX_NAME_BYTES: usize = 500;

/// What is to be compared.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CanaryRequest {
    /// Name or node id of the service.
    pub service: String,
    /// The version that is known.
    pub baseline: String,
    /// The version that is judged.
    pub candidate: String,
    /// RFC 3339, `now` or relative as `-15m`; default `-15m`.
    pub from: Option<String>,
    /// Likewise; default `now`.
    pub to: Option<String>,
    /// Where the baseline is looked at another time: when that ended. It is as long as the other.
    pub baseline_to: Option<String>,
    /// Whether nobody waits for more, so that the policy decides what no traffic means.
    #[serde(rename = "final")]
    pub is_final: bool,
    /// What the verdict goes by.
    pub policy: Policy,
}

/// The same in an address.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct CanaryParams {
    service: String,
    baseline: String,
    candidate: String,
    from: Option<String>,
    to: Option<String>,
    baseline_to: Option<String>,
    #[serde(rename = "final")]
    is_final: Option<bool>,
    policy: Option<String>,
}

impl CanaryRequest {
    fn question(self, now: Timestamp) -> Result<CanaryQuestion, ApiError> {
        check_names([&self.service, &self.baseline, &self.candidate])?;
        let (from, to) = time_range(self.from.as_deref(), self.to.as_deref(), now)?;
        if to.as_second() - from.as_second() > MAX_SECONDS {
            return Err(ApiError::bad_request("bad_time_range", "the time range is longer than 31 days"));
        }
        let baseline_until = match self.baseline_to.as_deref().filter(|text| !text.is_empty()) {
            Some(text) => Some(time(text, "baseline_to", now)?.as_second()),
            None => None,
        };
        if baseline_until.is_none() {
            check_versions([&self.service, &self.baseline, &self.candidate], &self.policy)?;
        }
        check_policy(&self.policy)?;
        Ok(CanaryQuestion {
            service: self.service,
            baseline: self.baseline,
            candidate: self.candidate,
            range: TimeRange::covering(from.as_second(), to.as_second()),
            baseline_until_s: baseline_until,
            policy: self.policy,
            is_final: self.is_final,
            now_s: now.as_second(),
        })
    }
}

fn check_names(names: [&str; 3]) -> Result<(), ApiError> {
    for (what, name) in ["service", "baseline", "candidate"].into_iter().zip(names) {
        if name.is_empty() || name.len() > MAX_NAME_BYTES {
            let message = format!("{what} must have 1 to {MAX_NAME_BYTES} bytes");
            return Err(ApiError::bad_request("bad_parameter", message));
        }
    }
    Ok(())
}

pub(super) fn check_policy(policy: &Policy) -> Result<(), ApiError> {
    policy.check().map_err(|error| ApiError::bad_request("bad_policy", error.to_string()))
}

/// Whether a service and two versions of it can be compared by a policy.
pub(super) fn check_versions(names: [&str; 3], policy: &Policy) -> Result<(), ApiError> {
    check_names(names)?;
    let [_, baseline, candidate] = names;
    if baseline == candidate {
        let message = format!(
            "baseline and candidate are both {baseline}; compare two times of one version by baseline_to"
        );
        return Err(ApiError::bad_request("bad_parameter", message));
    }
    check_policy(policy)
}

async fn judge(state: &AppState, request: CanaryRequest) -> Result<CanaryResponse, ApiError> {
    let question = request.question(Timestamp::now())?;
    Ok(CanaryResponse { verdict: state.verdict(question).await? })
}

/// Whether one version of a service is worse than another, by the default policy or by one in the address.
#[utoipa::path(
    get, path = "/api/v1/canary", tag = "canary",
    params(
        ("service" = String, Query, description = "name or node id of the service"),
        ("baseline" = String, Query, description = "the version that is known"),
        ("candidate" = String, Query, description = "the version that is judged"),
        ("from" = Option<String>, Query, description = "RFC 3339, `now` or relative as `-15m`; default `-15m`"),
        ("to" = Option<String>, Query, description = "likewise; default `now`"),
        ("baseline_to" = Option<String>, Query, description = "where the baseline is looked at another time, as long as the range: when that ended"),
        ("final" = Option<bool>, Query, description = "whether nobody waits for more, so that the policy decides what no traffic means"),
        ("policy" = Option<String>, Query, description = "a policy as JSON; fields that are left out have their defaults"),
    ),
    responses((status = 200, body = CanaryResponse), (status = 400, body = ErrorResponse))
)]
pub async fn get_verdict(
    State(state): State<AppState>,
    params: Result<Query<CanaryParams>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<CanaryResponse>, ApiError> {
    let Query(params) = params.map_err(|error| ApiError::bad_request("bad_parameter", error.body_text()))?;
    let policy = match params.policy.as_deref().filter(|text| !text.is_empty()) {
        None => Policy::default(),
        Some(text) => serde_json::from_str(text)
            .map_err(|error| ApiError::bad_request("bad_policy", format!("policy: {error}")))?,
    };
    let CanaryParams { service, baseline, candidate, from, to, baseline_to, is_final, .. } = params;
    let is_final = is_final.unwrap_or_default();
    let request = CanaryRequest { service, baseline, candidate, from, to, baseline_to, is_final, policy };
    Ok(Json(judge(&state, request).await?))
}

/// Whether one version of a service is worse than another, by a policy.
#[utoipa::path(
    post, path = "/api/v1/canary", tag = "canary", request_body = CanaryRequest,
    responses((status = 200, body = CanaryResponse), (status = 400, body = ErrorResponse))
)]
pub async fn post_verdict(
    State(state): State<AppState>,
    request: Result<Json<CanaryRequest>, JsonRejection>,
) -> Result<Json<CanaryResponse>, ApiError> {
    let Json(request) = request.map_err(|error| ApiError::bad_request("bad_body", error.body_text()))?;
    Ok(Json(judge(&state, request).await?))
}

/// The body of what Flagger sends to a webhook.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
pub struct FlaggerHook {
    /// Name of the canary.
    pub name: String,
    /// Where it lives.
    pub namespace: String,
    /// What Flagger is doing: `Progressing`, `Promoting` and such.
    pub phase: String,
    /// What the hook was configured with: the fields of a [`CanaryRequest`], as text.
    pub metadata: std::collections::BTreeMap<String, String>,
}

/// What Flagger asks at each step: 200 lets the rollout go on, anything else counts as a failed check. `insufficient` lets
/// it go on, unless the metadata say `"strict": "true"`.
#[utoipa::path(
    post, path = "/api/v1/canary/flagger", tag = "canary", request_body = FlaggerHook,
    responses(
        (status = 200, body = CanaryResponse),
        (status = 400, body = ErrorResponse),
        (status = 412, description = "the candidate fails", body = CanaryResponse)
    )
)]
pub async fn flagger(
    State(state): State<AppState>,
    hook: Result<Json<FlaggerHook>, JsonRejection>,
) -> Result<(http::StatusCode, Json<CanaryResponse>), ApiError> {
    let Json(hook) = hook.map_err(|error| ApiError::bad_request("bad_body", error.body_text()))?;
    let said = |name: &str| hook.metadata.get(name).cloned().filter(|text| !text.is_empty());
    let policy = match said("policy") {
        None => Policy::default(),
        Some(text) => serde_json::from_str(&text)
            .map_err(|error| ApiError::bad_request("bad_policy", format!("metadata.policy: {error}")))?,
    };
    let request = CanaryRequest {
        // A canary is mostly named for its service.
        service: said("service").unwrap_or_else(|| hook.name.clone()),
        baseline: said("baseline").unwrap_or_default(),
        candidate: said("candidate").unwrap_or_default(),
        from: said("from"),
        to: said("to"),
        baseline_to: said("baseline_to"),
        is_final: false,
        policy,
    };
    let is_strict = said("strict").is_some_and(|text| text == "true");
    let answer = judge(&state, request).await?;
    let goes_on = match answer.verdict.result {
        Outcome::Pass => true,
        Outcome::Fail => false,
        Outcome::Insufficient => !is_strict,
    };
    let status = if goes_on { http::StatusCode::OK } else { http::StatusCode::PRECONDITION_FAILED };
    Ok((status, Json(answer)))
}

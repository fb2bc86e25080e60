//! `/api/v1/watches`: comparisons that are judged on and on.

use std::time::Duration;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sidecarta_queries::api::canary::CanaryResponse;
use sidecarta_queries::api::error::ErrorResponse;
use sidecarta_queries::api::policy::Policy;
use sidecarta_queries::api::watches::{Watch, WatchResponse, WatchesResponse};
use sidecarta_queries::rows::watch::{Watch as WatchRow, WatchEvent};
use sidecarta_queries::watches::{find_watch, verdict_at, verdicts, watches};
use utoipa::ToSchema;

use super::canary::check_versions;
use crate::error::ApiError;
use crate::params::time;
use crate::state::AppState;
use crate::watches::keep;

/// Watches that may go on at once.
const MAX_ACTIVE: usize = 100;
/// Time between two verdicts, seconds: a step of the data at least.
const EVERY_S: std::ops::RangeInclusive<u32> = 10..=3_600;
/// How long one waits until queries see what was stored.
const SEEN_WITHIN: Duration = Duration::from_secs(5);

/// What is to be watched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WatchRequest {
    /// Name or node id of the service.
    pub service: String,
    /// The version that is known.
    pub baseline: String,
    /// The version that is judged.
    pub candidate: String,
    /// Start of what is compared: RFC 3339, `now` or relative as `-15m`; default `now`.
    pub from: Option<String>,
    /// Time between two verdicts, 10 to 3600 seconds; default 60.
    pub every_s: u32,
    /// What the verdicts go by; the watch ends `longest_s` after its start.
    pub policy: Policy,
}

impl Default for WatchRequest {
    fn default() -> Self {
        Self {
            service: String::new(),
            baseline: String::new(),
            candidate: String::new(),
            from: None,
            every_s: 60,
            policy: Policy::default(),
        }
    }
}

impl WatchRequest {
    fn watch(self, now: Timestamp) -> Result<WatchRow, ApiError> {
        check_versions([&self.service, &self.baseline, &self.candidate], &self.policy)?;
        if !EVERY_S.contains(&self.every_s) {
            let message = format!("every_s = {} must lie between 10 and 3600", self.every_s);
            return Err(ApiError::bad_request("bad_parameter", message));
        }
        let from = time(self.from.as_deref().unwrap_or("now"), "from", now)?;
        let watch = WatchRow {
            // Of a watch one knows when it was registered, and no two are at once.
            id: format!("{:x}", now.as_nanosecond()),
            service: self.service,
            baseline: self.baseline,
            candidate: self.candidate,
            policy: self.policy,
            from_s: from.as_second(),
            every_s: self.every_s,
            ended_s: None,
            last: None,
        };
        if from > now || watch.until_s() <= now.as_second() {
            let message = "a watch must begin by now, and end later: it ends policy.longest_s after `from`";
            return Err(ApiError::bad_request("bad_time_range", message));
        }
        Ok(watch)
    }
}

/// All watches.
#[utoipa::path(
    get, path = "/api/v1/watches", tag = "canary",
    responses((status = 200, body = WatchesResponse))
)]
pub async fn list_watches(State(state): State<AppState>) -> Json<WatchesResponse> {
    Json(WatchesResponse { watches: watches(state.pipeline().store()) })
}

/// Watches two versions of a service from now on: they are judged again and again, and every verdict is kept.
#[utoipa::path(
    post, path = "/api/v1/watches", tag = "canary", request_body = WatchRequest,
    responses((status = 201, body = WatchResponse), (status = 400, body = ErrorResponse))
)]
pub async fn register_watch(
    State(state): State<AppState>,
    request: Result<Json<WatchRequest>, JsonRejection>,
) -> Result<(StatusCode, Json<WatchResponse>), ApiError> {
    let Json(request) = request.map_err(|error| ApiError::bad_request("bad_body", error.body_text()))?;
    let watch = request.watch(Timestamp::now())?;
    let active = watches(state.pipeline().store()).iter().filter(|watch| watch.ended_at.is_none()).count();
    if active >= MAX_ACTIVE {
        let message = format!("{MAX_ACTIVE} watches go on already; end one");
        return Err(ApiError::bad_request("too_many_watches", message));
    }
    let id = watch.id.clone();
    keep(&state, WatchEvent::Registered(Box::new(watch))).await?;
    let watch = until_seen(&state, &id, |_| true).await?;
    Ok((StatusCode::CREATED, Json(WatchResponse { watch, verdicts: Vec::new() })))
}

/// A watch, and what it found by now.
#[utoipa::path(
    get, path = "/api/v1/watches/{id}", tag = "canary",
    params(("id" = String, Path, description = "id of the watch")),
    responses((status = 200, body = WatchResponse), (status = 404, body = ErrorResponse))
)]
pub async fn get_watch(
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> Result<Json<WatchResponse>, ApiError> {
    let watch = find(&state, &id)?;
    let verdicts = state.ask(move |store, _| verdicts(store, &id)).await?;
    Ok(Json(WatchResponse { watch, verdicts }))
}

/// Ends a watch. What it found stays.
#[utoipa::path(
    delete, path = "/api/v1/watches/{id}", tag = "canary",
    params(("id" = String, Path, description = "id of the watch")),
    responses((status = 200, body = WatchResponse), (status = 404, body = ErrorResponse))
)]
pub async fn end_watch(
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> Result<Json<WatchResponse>, ApiError> {
    if find(&state, &id)?.ended_at.is_none() {
        let at_s = Timestamp::now().as_second();
        keep(&state, WatchEvent::Ended { id: id.clone(), at_s }).await?;
        until_seen(&state, &id, |watch| watch.ended_at.is_some()).await?;
    }
    get_watch(State(state), Path(id)).await
}

/// A verdict of a watch as it was given, with all that it was given by.
#[utoipa::path(
    get, path = "/api/v1/watches/{id}/verdicts/{at}", tag = "canary",
    params(
        ("id" = String, Path, description = "id of the watch"),
        ("at" = String, Path, description = "when the verdict was given, RFC 3339"),
    ),
    responses((status = 200, body = CanaryResponse), (status = 404, body = ErrorResponse))
)]
pub async fn get_kept_verdict(
    State(state): State<AppState>,
    Path((id, at)): Path<(String, String)>,
) -> Result<Json<CanaryResponse>, ApiError> {
    let when = time(&at, "at", Timestamp::now())?;
    let missing = format!("the watch {id} has no verdict of {at}");
    let verdict = state.ask(move |store, _| verdict_at(store, &id, when)).await?;
    let verdict = verdict.ok_or_else(|| ApiError::not_found(missing))?;
    Ok(Json(CanaryResponse { verdict }))
}

fn find(state: &AppState, id: &str) -> Result<Watch, ApiError> {
    find_watch(state.pipeline().store(), id)
        .ok_or_else(|| ApiError::not_found(format!("there is no watch {id}")))
}

/// The watch once what was stored of it is seen.
async fn until_seen(state: &AppState, id: &str, seen: impl Fn(&Watch) -> bool) -> Result<Watch, ApiError> {
    let look = async {
        loop {
            if let Ok(watch) = find(state, id)
                && seen(&watch)
            {
                return watch;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let late = |_| ApiError::unavailable("late", format!("the watch {id} is stored, and not yet seen"));
    tokio::time::timeout(SEEN_WITHIN, look).await.map_err(late)
}

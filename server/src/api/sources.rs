//! `GET /api/v1/sources`, and reading the past of one of them.

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use jiff::Timestamp;
use sidecarta_ingest::aws::{BackfillError, TimeSpan};
use sidecarta_queries::api::sources::{BackfillRequest, BackfillResponse, SourcesResponse};

use crate::error::ApiError;
use crate::params::time;
use crate::state::AppState;

/// How every source is doing.
#[utoipa::path(get, path = "/api/v1/sources", tag = "sources", responses((status = 200, body = SourcesResponse)))]
pub async fn list_sources(State(state): State<AppState>) -> Json<SourcesResponse> {
    Json(SourcesResponse { sources: state.sources() })
}

/// Reads a range of the past from a source in AWS, which costs what reading it live would have cost. It is done beside the
/// live reading, goes on after a restart, and its progress stands with the source.
#[utoipa::path(
    post, path = "/api/v1/sources/backfill", tag = "sources",
    request_body = BackfillRequest,
    responses(
        (status = 202, body = BackfillResponse),
        (status = 400, body = sidecarta_queries::api::error::ErrorResponse),
        (status = 404, body = sidecarta_queries::api::error::ErrorResponse),
        (status = 503, body = sidecarta_queries::api::error::ErrorResponse),
    )
)]
pub async fn read_past(
    State(state): State<AppState>,
    request: Result<Json<BackfillRequest>, JsonRejection>,
) -> Result<(StatusCode, Json<BackfillResponse>), ApiError> {
    let Json(request) = request.map_err(|error| ApiError::bad_request("bad_body", error.body_text()))?;
    let now = Timestamp::now();
    let (from, to) = (time(&request.from, "from", now)?, time(&request.to, "to", now)?);
    let ns = |time: Timestamp| i64::try_from(time.as_nanosecond()).unwrap_or(i64::MAX);
    let span = TimeSpan { from_ns: ns(from), to_ns: ns(to) };
    state.backfills().request(&request.kind, &request.name, span).await.map_err(|error| {
        let words = error.to_string();
        match error {
            BackfillError::NoSource { .. } => ApiError::not_found(words),
            BackfillError::Empty => ApiError::bad_request("bad_time_range", words),
            BackfillError::TooMany | BackfillError::Store(_) => ApiError::unavailable("busy", words),
        }
    })?;
    let backfill = BackfillRequest { from: from.to_string(), to: to.to_string(), ..request };
    Ok((StatusCode::ACCEPTED, Json(BackfillResponse { backfill })))
}

//! `GET /api/v1/status`.

use axum::Json;
use axum::extract::State;
use sidecarta_queries::api::status::StatusResponse;

use crate::error::ApiError;
use crate::state::AppState;

/// Version, storage and progress of Sidecarta itself.
#[utoipa::path(get, path = "/api/v1/status", tag = "status", responses((status = 200, body = StatusResponse)))]
pub async fn get_status(State(state): State<AppState>) -> Result<Json<StatusResponse>, ApiError> {
    Ok(Json(StatusResponse { status: state.status().await? }))
}

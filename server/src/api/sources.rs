//! `GET /api/v1/sources`.

use axum::Json;
use axum::extract::State;
use sidecarta_queries::api::sources::SourcesResponse;

use crate::state::AppState;

/// Where the numbers come from, and how each source is doing.
#[utoipa::path(get, path = "/api/v1/sources", tag = "sources", responses((status = 200, body = SourcesResponse)))]
pub async fn list_sources(State(state): State<AppState>) -> Json<SourcesResponse> {
    Json(SourcesResponse { sources: state.sources() })
}

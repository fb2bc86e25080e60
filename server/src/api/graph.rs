//! `GET /api/v1/graph`.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use jiff::Timestamp;
use serde::Serialize;
use sidecarta_queries::api::graph::{Graph, GraphResponse};

use crate::error::ApiError;
use crate::params::GraphParams;
use crate::state::AppState;

/// The service graph over a time range.
#[utoipa::path(
    get, path = "/api/v1/graph", tag = "graph",
    params(
        ("from" = Option<String>, Query, description = "RFC 3339, `now` or relative as `-15m`; default `-15m`"),
        ("to" = Option<String>, Query, description = "likewise; default `now`"),
        ("group" = Option<String>, Query, description = "`service` (default) or `version`"),
        ("focus" = Option<String>, Query, description = "node id or name: only what lies around it"),
        ("depth" = Option<u32>, Query, description = "calls away from the focus; default 1"),
        ("min_rate" = Option<f64>, Query, description = "least requests per second of an edge"),
        ("find" = Option<String>, Query, description = "text in the names of nodes; their neighbours come along"),
        ("evidence" = Option<String>, Query, description = "`all` (default), or `none` for the numbers alone"),
    ),
    responses((status = 200, body = GraphResponse), (status = 400, body = sidecarta_queries::api::error::ErrorResponse))
)]
pub async fn get_graph(State(state): State<AppState>, params: GraphParams) -> Result<Response, ApiError> {
    let graph = state.graph(params.query(Timestamp::now())?).await?;
    Ok(Json(SharedGraph { graph: &graph }).into_response())
}

/// A [`GraphResponse`] whose graph others read too.
#[derive(Serialize)]
pub(crate) struct SharedGraph<'a> {
    pub(crate) graph: &'a Graph,
}

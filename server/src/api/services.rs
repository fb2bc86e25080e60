//! `GET /api/v1/services` and `/services/{name}`.

use axum::Json;
use axum::extract::{Path, State};
use jiff::Timestamp;
use sidecarta_queries::api::services::{ServiceResponse, ServicesResponse};
use sidecarta_queries::{graph, services};

use crate::error::ApiError;
use crate::params::GraphParams;
use crate::state::AppState;

/// Everything that is called, in one table.
#[utoipa::path(
    get, path = "/api/v1/services", tag = "services",
    params(
        ("from" = Option<String>, Query, description = "RFC 3339, `now` or relative as `-15m`; default `-15m`"),
        ("to" = Option<String>, Query, description = "likewise; default `now`"),
    ),
    responses((status = 200, body = ServicesResponse), (status = 400, body = sidecarta_queries::api::error::ErrorResponse))
)]
pub async fn list_services(
    State(state): State<AppState>,
    params: GraphParams,
) -> Result<Json<ServicesResponse>, ApiError> {
    let graph = state.graph(params.query(Timestamp::now())?).await?;
    Ok(Json(ServicesResponse { services: services::services(&graph) }))
}

/// One service with its callers and callees.
#[utoipa::path(
    get, path = "/api/v1/services/{name}", tag = "services",
    params(
        ("name" = String, Path, description = "name or node id"),
        ("from" = Option<String>, Query, description = "RFC 3339, `now` or relative as `-15m`; default `-15m`"),
        ("to" = Option<String>, Query, description = "likewise; default `now`"),
    ),
    responses(
        (status = 200, body = ServiceResponse),
        (status = 400, body = sidecarta_queries::api::error::ErrorResponse),
        (status = 404, body = sidecarta_queries::api::error::ErrorResponse),
    )
)]
pub async fn find_service(
    State(state): State<AppState>,
    Path(name): Path<String>,
    params: GraphParams,
) -> Result<Json<ServiceResponse>, ApiError> {
    let (query, filter) = params.query(Timestamp::now())?;
    let graph = state.graph((query, filter)).await?;
    let mut service = services::service(&graph, &name).ok_or_else(|| {
        ApiError::not_found(format!("no service called `{name}` was seen in this time range"))
    })?;
    let proxies = state.ask(move |store, rules| graph::proxies(store, rules, &query)).await?;
    service.proxies = graph::proxies_of(proxies, &service.summary.id, service.summary.kind);
    Ok(Json(ServiceResponse { service }))
}

//! `GET /api/v1/proxies`, `/proxies/{id}` and `/edges/statistics`.

use axum::Json;
use axum::extract::{Path, Query, State};
use jiff::Timestamp;
use serde::Deserialize;
use sidecarta_queries::api::proxies::{EdgeStatisticsResponse, ProxiesResponse, ProxyResponse};
use sidecarta_queries::graph;

use crate::error::ApiError;
use crate::params::GraphParams;
use crate::state::AppState;

/// Every proxy that was ever scraped.
#[utoipa::path(
    get, path = "/api/v1/proxies", tag = "proxies",
    params(
        ("from" = Option<String>, Query, description = "RFC 3339, `now` or relative as `-15m`; default `-15m`"),
        ("to" = Option<String>, Query, description = "likewise; default `now`"),
    ),
    responses((status = 200, body = ProxiesResponse), (status = 400, body = sidecarta_queries::api::error::ErrorResponse))
)]
pub async fn list_proxies(
    State(state): State<AppState>,
    params: GraphParams,
) -> Result<Json<ProxiesResponse>, ApiError> {
    let (query, _) = params.query(Timestamp::now())?;
    let proxies = state.ask(move |store, rules| graph::proxies(store, rules, &query)).await?;
    Ok(Json(ProxiesResponse { proxies }))
}

/// One proxy with everything that it counts, in words.
#[utoipa::path(
    get, path = "/api/v1/proxies/{id}", tag = "proxies",
    params(
        ("id" = String, Path, description = "`node.id`, or the address where there is none"),
        ("from" = Option<String>, Query, description = "RFC 3339, `now` or relative as `-15m`; default `-15m`"),
        ("to" = Option<String>, Query, description = "likewise; default `now`"),
    ),
    responses(
        (status = 200, body = ProxyResponse),
        (status = 400, body = sidecarta_queries::api::error::ErrorResponse),
        (status = 404, body = sidecarta_queries::api::error::ErrorResponse),
    )
)]
pub async fn find_proxy(
    State(state): State<AppState>,
    Path(id): Path<String>,
    params: GraphParams,
) -> Result<Json<ProxyResponse>, ApiError> {
    let (query, _) = params.query(Timestamp::now())?;
    let wanted = id.clone();
    let proxy = state.ask(move |store, rules| graph::proxy(store, rules, &wanted, &query)).await?;
    let proxy =
        proxy.ok_or_else(|| ApiError::not_found(format!("no proxy called `{id}` was ever scraped")))?;
    Ok(Json(ProxyResponse { proxy }))
}

/// The two ends of an edge.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Ends {
    source: String,
    target: String,
}

/// What the callers' proxies count of one edge, in words.
#[utoipa::path(
    get, path = "/api/v1/edges/statistics", tag = "proxies",
    params(
        ("source" = String, Query, description = "node id of the caller"),
        ("target" = String, Query, description = "node id of the callee"),
        ("from" = Option<String>, Query, description = "RFC 3339, `now` or relative as `-15m`; default `-15m`"),
        ("to" = Option<String>, Query, description = "likewise; default `now`"),
        ("group" = Option<String>, Query, description = "`service` (default) or `version`, as the ids are meant"),
    ),
    responses(
        (status = 200, body = EdgeStatisticsResponse),
        (status = 400, body = sidecarta_queries::api::error::ErrorResponse),
    )
)]
pub async fn edge_statistics(
    State(state): State<AppState>,
    Query(Ends { source, target }): Query<Ends>,
    params: GraphParams,
) -> Result<Json<EdgeStatisticsResponse>, ApiError> {
    if source.is_empty() || target.is_empty() {
        return Err(ApiError::bad_request(
            "bad_parameter",
            "source and target must be node ids of the graph",
        ));
    }
    let (query, _) = params.query(Timestamp::now())?;
    let edge_statistics = state
        .ask(move |store, rules| graph::edge_statistics(store, rules, (&source, &target), &query))
        .await?;
    Ok(Json(EdgeStatisticsResponse { edge_statistics }))
}

//! `GET /api/v1/routes`.

use axum::Json;
use axum::extract::{Query, State};
use jiff::Timestamp;
use serde::Deserialize;
use sidecarta_queries::api::routes::RoutesResponse;
use sidecarta_queries::graph::{self, IdentityRules, RouteFilter};
use sidecarta_queries::store::Store;

use crate::error::ApiError;
use crate::params::GraphParams;
use crate::state::AppState;

/// Rows that are given where nobody asks for another number, and at most.
const LIMIT: usize = 1_000;
const MAX_LIMIT: usize = 100_000;

/// Which routes are wanted.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct RouteParams {
    service: Option<String>,
    caller: Option<String>,
    version: Option<String>,
    by: Option<String>,
    find: Option<String>,
    limit: Option<usize>,
}

/// What each route of a service does, version by version, by the best evidence, with all other beside it.
#[utoipa::path(
    get, path = "/api/v1/routes", tag = "services",
    params(
        ("service" = Option<String>, Query, description = "name or node id of the service; default all"),
        ("caller" = Option<String>, Query, description = "name or node id of the caller; default all callers together"),
        ("version" = Option<String>, Query, description = "version of the service; default each"),
        ("by" = Option<String>, Query, description = "`caller`: a row for each caller; default one for all together"),
        ("find" = Option<String>, Query, description = "text in the route or the name of the service"),
        ("limit" = Option<usize>, Query, description = "how many rows at most, those with the most requests; default 1,000"),
        ("from" = Option<String>, Query, description = "RFC 3339, `now` or relative as `-15m`; default `-15m`"),
        ("to" = Option<String>, Query, description = "likewise; default `now`"),
    ),
    responses((status = 200, body = RoutesResponse), (status = 400, body = sidecarta_queries::api::error::ErrorResponse))
)]
pub async fn list_routes(
    State(state): State<AppState>,
    Query(asked): Query<RouteParams>,
    params: GraphParams,
) -> Result<Json<RoutesResponse>, ApiError> {
    let by_caller = match asked.by.as_deref() {
        None | Some("") => false,
        Some("caller") => true,
        Some(other) => {
            let message = format!("by is `caller` or is left out, not `{other}`");
            return Err(ApiError::bad_request("bad_parameter", message));
        }
    };
    let limit = asked.limit.unwrap_or(LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        let message = format!("limit is a number from 1 to {MAX_LIMIT}");
        return Err(ApiError::bad_request("bad_parameter", message));
    }
    let some = |text: Option<String>| text.filter(|text| !text.is_empty());
    let filter = RouteFilter {
        service: some(asked.service),
        caller: some(asked.caller),
        version: some(asked.version),
        by_caller,
        find: some(asked.find),
        limit,
    };
    let (query, _) = params.query(Timestamp::now())?;
    let errors = state.error_rules();
    let routes =
        move |store: &Store, rules: &IdentityRules| graph::routes(store, (rules, &errors), &query, &filter);
    Ok(Json(state.ask(routes).await?))
}

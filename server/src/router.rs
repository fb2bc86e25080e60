//! Every address that the server has.

use axum::http::{HeaderValue, Uri, header};
use axum::routing::{get, post};
use axum::{Json, Router};
use tower_http::CompressionLevel;
use tower_http::compression::{
    CompressionLayer, Predicate as _,
    predicate::{DefaultPredicate, NotForContentType},
};
use tower_http::set_header::SetResponseHeaderLayer;
use utoipa::OpenApi;

use crate::api::{
    backtest, canary, graph, health, identity, proxies, routes, search, series, services, sources, status,
    traces, watches,
};
use crate::error::ApiError;
use crate::state::AppState;
use crate::{assets, live};

/// The description of the API.
#[derive(OpenApi)]
#[openapi(
    info(title = "Sidecarta", description = "The map of an Envoy mesh: graph, services, sources."),
    paths(
        graph::get_graph,
        services::list_services,
        services::find_service,
        routes::list_routes,
        series::get_series,
        search::search_traces,
        search::complete_query,
        search::compare_spans,
        traces::find_trace,
        traces::export_trace,
        proxies::list_proxies,
        proxies::find_proxy,
        proxies::edge_statistics,
        identity::explain_name,
        canary::get_verdict,
        canary::post_verdict,
        canary::flagger,
        backtest::try_policy,
        watches::list_watches,
        watches::register_watch,
        watches::get_watch,
        watches::end_watch,
        watches::get_kept_verdict,
        sources::list_sources,
        sources::read_past,
        status::get_status
    )
)]
struct ApiDescription;

/// What browsers may load and do on our pages: only what comes from us. `wasm-unsafe-eval` allows WebAssembly alone.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; \
    style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; connect-src 'self'; object-src 'none'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The whole table of addresses.
pub fn router(state: AppState) -> Router {
    let api = Router::new()
        .route("/graph", get(graph::get_graph))
        .route("/services", get(services::list_services))
        .route("/services/{name}", get(services::find_service))
        .route("/routes", get(routes::list_routes))
        .route("/series", get(series::get_series))
        .route("/traces", get(search::search_traces))
        .route("/traces/complete", get(search::complete_query))
        .route("/traces/compare", get(search::compare_spans))
        .route("/traces/{id}", get(traces::find_trace))
        .route("/traces/{id}/otlp", get(traces::export_trace))
        .route("/proxies", get(proxies::list_proxies))
        .route("/proxies/{id}", get(proxies::find_proxy))
        .route("/edges/statistics", get(proxies::edge_statistics))
        .route("/identity", get(identity::explain_name))
        .route("/canary", get(canary::get_verdict).post(canary::post_verdict))
        .route("/canary/flagger", post(canary::flagger))
        .route("/canary/backtest", post(backtest::try_policy))
        .route("/watches", get(watches::list_watches).post(watches::register_watch))
        .route("/watches/{id}", get(watches::get_watch).delete(watches::end_watch))
        .route("/watches/{id}/verdicts/{at}", get(watches::get_kept_verdict))
        .route("/sources", get(sources::list_sources))
        .route("/sources/backfill", post(sources::read_past))
        .route("/status", get(status::get_status))
        .route("/live", get(live::stream))
        .route("/openapi.json", get(async || Json(ApiDescription::openapi())))
        .fallback(async |uri: Uri| ApiError::not_found(format!("the API has no address {}", uri.path())))
        .method_not_allowed_fallback(async || ApiError::method_not_allowed());
    let compressed = DefaultPredicate::new().and(NotForContentType::const_new("text/event-stream"));
    let fixed =
        |name, value: &'static str| SetResponseHeaderLayer::overriding(name, HeaderValue::from_static(value));
    Router::new()
        .nest("/api/v1", api)
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(health::metrics))
        .fallback(assets::serve)
        // Answers are made anew each time; the dashboard's files are packed already.
        .layer(CompressionLayer::new().quality(CompressionLevel::Fastest).compress_when(compressed))
        .layer(fixed(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY))
        .layer(fixed(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(fixed(header::REFERRER_POLICY, "same-origin"))
        .with_state(state)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_description_of_the_api_changes_only_on_purpose() {
        insta::assert_json_snapshot!(ApiDescription::openapi());
    }
}

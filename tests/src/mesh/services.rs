//! The applications behind the sidecars: what they share. What each does stands in the files beside.

mod app;
mod backends;
mod catalog;
mod inbound;
mod orders;
mod shipping;
mod shop;

pub(super) use app::{App, Parts, outcome};
pub(super) use inbound::{Inbound, SERVED_BY_HEADER};
pub(super) use shipping::{OrderEvent, consume};

use axum::Router;

/// Envoy's response flags on the answers that it gives itself.
pub(super) const FLAGS_HEADER: &str = "x-envoy-response-flags";

/// The routes of the application of a workload.
pub(super) fn router(app: App) -> Router {
    let routes = match app.workload().service {
        "web" => shop::routes(),
        "orders" => orders::routes(),
        "catalog" | "recommendations" => catalog::routes(),
        // `shipping` has none of its own: it is called through the queue.
        _ => backends::routes(),
    };
    routes.route_layer(axum::middleware::from_fn_with_state(app.clone(), inbound::instrument)).with_state(app)
}

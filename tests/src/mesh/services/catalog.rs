//! `catalog` and `recommendations`: pages that do without what does not answer.

use std::time::Duration;

use axum::extract::State;
use axum::http::{Method, StatusCode};
use axum::routing::get;
use axum::{Extension, Router};

use super::{App, Inbound};
use crate::mesh::plan::Fault;
use crate::mesh::topology::{DEAD_UPSTREAM, RECOMMENDATIONS_TIMEOUT};

/// How long slow recommendations take beyond the caller's time limit.
const LATENESS: Duration = Duration::from_millis(500);

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/products", get(list))
        .route("/products/{id}", get(show))
        .route("/recommendations", get(recommend))
}

async fn list(State(app): State<App>, Extension(inbound): Extension<Inbound>) -> StatusCode {
    app.work(&inbound, "list", 7.0).await;
    let _ = app.call(&inbound, "recommendations", Method::GET, "/recommendations").await;
    StatusCode::OK
}

async fn show(State(app): State<App>, Extension(inbound): Extension<Inbound>) -> StatusCode {
    app.work(&inbound, "show", 5.0).await;
    if inbound.plan.meets(Fault::LegacyAsked) {
        let _ = app.call(&inbound, DEAD_UPSTREAM, Method::GET, "/prices").await;
    }
    let _ = app.call(&inbound, "recommendations", Method::GET, "/recommendations").await;
    StatusCode::OK
}

async fn recommend(State(app): State<App>, Extension(inbound): Extension<Inbound>) -> StatusCode {
    if inbound.plan.meets(Fault::RecommendationsSlow) {
        tokio::time::sleep(RECOMMENDATIONS_TIMEOUT + LATENESS).await;
    }
    app.work(&inbound, "recommend", 15.0).await;
    StatusCode::OK
}

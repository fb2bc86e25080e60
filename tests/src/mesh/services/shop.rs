//! `web`, the entry service: it turns what a visitor wants into calls of the services behind it.

use axum::extract::{Path, State};
use axum::http::{Method, StatusCode};
use axum::routing::{get, post};
use axum::{Extension, Router};

use super::{App, Inbound};

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/", get(home))
        .route("/products/{id}", get(product))
        .route("/account/{id}", get(account))
        .route("/orders", post(checkout))
        .route("/orders/{id}", get(order_status))
}

async fn home(
    State(app): State<App>,
    Extension(inbound): Extension<Inbound>,
) -> Result<StatusCode, StatusCode> {
    app.work(&inbound, "render", 3.0).await;
    app.call(&inbound, "catalog", Method::GET, "/products").await
}

async fn product(
    State(app): State<App>,
    Extension(inbound): Extension<Inbound>,
    Path(id): Path<u64>,
) -> Result<StatusCode, StatusCode> {
    app.work(&inbound, "render", 3.0).await;
    app.call(&inbound, "catalog", Method::GET, &format!("/products/{id}")).await
}

async fn account(
    State(app): State<App>,
    Extension(inbound): Extension<Inbound>,
    Path(id): Path<u64>,
) -> Result<StatusCode, StatusCode> {
    app.work(&inbound, "render", 2.0).await;
    app.call(&inbound, "users", Method::GET, &format!("/users/{id}")).await
}

async fn checkout(
    State(app): State<App>,
    Extension(inbound): Extension<Inbound>,
) -> Result<StatusCode, StatusCode> {
    let visitor = inbound.plan.request % 1000;
    app.call(&inbound, "users", Method::GET, &format!("/users/{visitor}")).await?;
    app.work(&inbound, "basket", 4.0).await;
    app.call(&inbound, "orders", Method::POST, "/orders").await
}

async fn order_status(
    State(app): State<App>,
    Extension(inbound): Extension<Inbound>,
    Path(id): Path<u64>,
) -> Result<StatusCode, StatusCode> {
    app.work(&inbound, "render", 2.0).await;
    app.call(&inbound, "orders", Method::GET, &format!("/orders/{id}")).await
}

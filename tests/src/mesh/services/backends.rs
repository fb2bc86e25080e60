//! The services at the far end: `users`, `payments` and `inventory`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Extension, Router};

use super::app::Statement;
use super::{App, Inbound};
use crate::mesh::plan::Fault;

const LOOK_UP: Statement = Statement {
    system: "redis",
    namespace: "0",
    host: "redis",
    port: 6379,
    operation: "HGETALL",
    text: "HGETALL ?",
    median_ms: 1.5,
    error: None,
};

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/users/{id}", get(user))
        .route("/payments", post(pay))
        .route("/reservations", post(reserve))
}

async fn user(State(app): State<App>, Extension(inbound): Extension<Inbound>) -> StatusCode {
    app.work(&inbound, "user", 3.0).await;
    let loading = inbound.plan.meets(Fault::CacheBroken).then_some("LOADING");
    // Without the cache it answers from memory.
    let _ = app.query(&inbound, &Statement { error: loading, ..LOOK_UP }).await;
    if inbound.plan.meets(Fault::UsersBroken) { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::OK }
}

async fn pay(
    State(app): State<App>,
    Extension(inbound): Extension<Inbound>,
) -> Result<StatusCode, StatusCode> {
    app.work(&inbound, "pay", 6.0).await;
    let down = inbound.plan.meets(Fault::BankDown);
    let status = if down { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    app.call_external(&inbound, "bank.example", "/v1/charges", status).await?;
    Ok(StatusCode::OK)
}

async fn reserve(State(app): State<App>, Extension(inbound): Extension<Inbound>) -> StatusCode {
    app.work(&inbound, "reserve", 4.0).await;
    let refuses_once = inbound.plan.meets(Fault::InventoryRefusesOnce) && inbound.attempt == 1;
    if refuses_once || inbound.plan.meets(Fault::InventoryRefuses) {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    StatusCode::OK
}

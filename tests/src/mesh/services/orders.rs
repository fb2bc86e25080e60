//! `orders`, in two versions: takes an order through payment and stock, stores it and tells the queue.

use axum::extract::{Path, State};
use axum::http::{Method, StatusCode};
use axum::routing::{get, post};
use axum::{Extension, Router};
use opentelemetry::trace::{SpanKind, TraceContextExt, Tracer};

use super::app::Statement;
use super::{App, Inbound, shipping};
use crate::mesh::plan::Fault;

const INSERT: Statement = Statement {
    system: "postgresql",
    namespace: "shop",
    host: "postgres",
    port: 5432,
    operation: "INSERT",
    text: "INSERT INTO orders (id, customer, total) VALUES ($1, $2, $3)",
    median_ms: 5.0,
    error: None,
};

const SELECT: Statement =
    Statement { operation: "SELECT", text: "SELECT * FROM orders WHERE id = $1", median_ms: 2.0, ..INSERT };

/// What `PostgreSQL` answers when two transactions are in each other's way.
const SERIALIZATION_FAILURE: &str = "40001";

pub(super) fn routes() -> Router<App> {
    Router::new().route("/orders", post(place)).route("/orders/{id}", get(status))
}

async fn place(
    State(app): State<App>,
    Extension(inbound): Extension<Inbound>,
) -> Result<StatusCode, StatusCode> {
    validate(&app, &inbound).await?;
    app.call(&inbound, "payments", Method::POST, "/payments").await?;
    // Without stock the order waits for it, so this is no reason to fail.
    let _ = app.call(&inbound, "inventory", Method::POST, "/reservations").await;
    let conflict = inbound.plan.meets(Fault::DatabaseConflict).then_some(SERIALIZATION_FAILURE);
    app.query(&inbound, &Statement { error: conflict, ..INSERT }).await?;
    shipping::publish(&app, &inbound).await;
    Ok(StatusCode::CREATED)
}

async fn status(
    State(app): State<App>,
    Extension(inbound): Extension<Inbound>,
    Path(_id): Path<u64>,
) -> Result<StatusCode, StatusCode> {
    validate(&app, &inbound).await?;
    app.query(&inbound, &SELECT).await?;
    Ok(StatusCode::OK)
}

/// The part of the work that the newer version has broken, in a span of its own.
async fn validate(app: &App, inbound: &Inbound) -> Result<(), StatusCode> {
    let span = app
        .tracer()
        .span_builder("validate order")
        .with_kind(SpanKind::Internal)
        .start_with_context(app.tracer(), &inbound.context);
    let context = inbound.context.with_span(span);
    app.work(inbound, "validate", 8.0).await;
    context.span().end();
    if inbound.plan.dice < app.workload().failing_per_mille {
        return Err(StatusCode::INTERNAL_SERVER_ERROR);
    }
    Ok(())
}

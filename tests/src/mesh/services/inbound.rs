//! How a request enters an application: plan and trace context are read, a SERVER span stands around the work.

use std::sync::Arc;
use std::time::SystemTime;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use opentelemetry::trace::{Span, SpanKind, Status, TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue};
use opentelemetry_semantic_conventions::attribute::{
    ERROR_TYPE, HTTP_REQUEST_METHOD, HTTP_RESPONSE_STATUS_CODE, HTTP_ROUTE, SERVER_ADDRESS, URL_PATH,
    URL_SCHEME,
};

use super::App;
use crate::mesh::ledger::{Counts, Edge};
use crate::mesh::plan::{PLAN_HEADER, Plan};
use crate::mesh::telemetry;
use crate::mesh::topology::{ENTRY, GATEWAY};

/// The header in which an application says its version.
pub(crate) const SERVED_BY_HEADER: &str = "x-served-by";
/// The header in which Envoy says which attempt a request is.
const ATTEMPT_HEADER: &str = "x-envoy-attempt-count";

/// A request that is being worked on.
#[derive(Clone, Debug)]
pub(crate) struct Inbound {
    /// What the request is to meet.
    pub(crate) plan: Arc<Plan>,
    /// The SERVER or CONSUMER span around the work.
    pub(crate) context: Context,
    /// The number of the attempt, from 1.
    pub(crate) attempt: u32,
}

/// The layer around every route of an application.
pub(super) async fn instrument(
    State(app): State<App>,
    matched: MatchedPath,
    mut request: Request,
    next: Next,
) -> Response {
    let Some(plan) = plan_of(request.headers()) else {
        return (StatusCode::BAD_REQUEST, "the request has no plan").into_response();
    };
    let context = server_span(&app, matched.as_str(), &request);
    let attempt = header(request.headers(), ATTEMPT_HEADER).and_then(|text| text.parse().ok()).unwrap_or(1);
    request.extensions_mut().insert(Inbound { plan: Arc::new(plan), context: context.clone(), attempt });
    // On a task of its own the work goes on when the caller has stopped waiting, as in most real services.
    let worker = app.clone();
    let work = async move {
        let mut response = next.run(request).await;
        let status = response.status();
        end_span(&context, status, &SpanKind::Server);
        if worker.workload().service == ENTRY {
            record_entry(&worker, status);
        }
        let version = HeaderValue::from_static(worker.workload().version);
        response.headers_mut().insert(SERVED_BY_HEADER, version);
        response
    };
    app.tasks().spawn(work).await.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

/// Sets the outcome of an HTTP span and ends it. A 5xx is an error for both ends, a 4xx only for the caller.
pub(super) fn end_span(context: &Context, status: StatusCode, kind: &SpanKind) {
    end_span_at(context, status, kind, SystemTime::now());
}

/// The same at this time.
pub(super) fn end_span_at(context: &Context, status: StatusCode, kind: &SpanKind, ended: SystemTime) {
    let span = context.span();
    span.set_attribute(KeyValue::new(HTTP_RESPONSE_STATUS_CODE, i64::from(status.as_u16())));
    if status.is_server_error() || (*kind == SpanKind::Client && status.is_client_error()) {
        span.set_attribute(KeyValue::new(ERROR_TYPE, status.as_str().to_owned()));
        span.set_status(Status::error(""));
    }
    span.end_with_timestamp(ended);
}

/// The gateway has no application that could count, so the one that it calls does.
fn record_entry(app: &App, status: StatusCode) {
    let mut edge = Edge::http(GATEWAY, ENTRY);
    edge.target_version = Some(app.workload().version.to_owned());
    app.ledger().record(edge, Counts::one(status.is_server_error()));
}

fn server_span(app: &App, route: &str, request: &Request) -> Context {
    let parent = telemetry::extract(&telemetry::carrier_of(request.headers()));
    let method = request.method().as_str().to_owned();
    let mut span = app
        .tracer()
        .span_builder(format!("{method} {route}"))
        .with_kind(SpanKind::Server)
        .with_attributes([
            KeyValue::new(HTTP_REQUEST_METHOD, method),
            KeyValue::new(HTTP_ROUTE, route.to_owned()),
            KeyValue::new(URL_PATH, request.uri().path().to_owned()),
            KeyValue::new(URL_SCHEME, "http"),
        ])
        .start_with_context(app.tracer(), &parent);
    if let Some(host) = header(request.headers(), "host") {
        span.set_attribute(KeyValue::new(SERVER_ADDRESS, host.to_owned()));
    }
    parent.with_span(span)
}

fn plan_of(headers: &HeaderMap) -> Option<Plan> {
    serde_json::from_str(header(headers, PLAN_HEADER)?).ok()
}

/// The text of a header, if it is there and is text.
pub(super) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

//! `/healthz`, `/readyz` and `/metrics`, which stand outside the API.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;

use crate::state::AppState;

/// The process is alive.
pub async fn healthz() -> &'static str {
    "ok\n"
}

/// Every listener is up: they are opened before this is served.
pub async fn readyz() -> &'static str {
    "ready\n"
}

/// Sidecarta's own counters in the Prometheus text format.
pub async fn metrics(State(state): State<AppState>) -> impl IntoResponse {
    let counters = state.pipeline().counters();
    let mut lines = Vec::new();
    let mut counter = |name: &str, help: &str, value: &AtomicU64| {
        let value = value.load(Ordering::Relaxed);
        let name = format!("sidecarta_{name}");
        lines.push(format!("# HELP {name} {help}\n# TYPE {name} counter\n{name} {value}\n"));
    };
    counter("requests_acknowledged_total", "Requests that were made durable.", &counters.acknowledged);
    counter("requests_published_total", "Acknowledged requests that queries see.", &counters.published);
    counter("requests_refused_total", "Requests that were told to come again later.", &counters.refused);
    counter("spans_duplicate_total", "Spans that were stored before already.", &counters.duplicates);
    counter("store_failures_total", "Failed attempts to write to the log or the store.", &counters.failures);
    for source in state.sources() {
        for (name, value) in [
            ("requests", source.requests),
            ("accepted", source.accepted),
            ("rejected", source.rejected),
            ("throttled", source.throttled),
            ("failures", source.failures),
        ] {
            let (kind, source) = (&source.kind, source.name.replace('\\', "\\\\").replace('"', "\\\""));
            lines.push(format!(
                "sidecarta_source_{name}_total{{kind=\"{kind}\",source=\"{source}\"}} {value}\n"
            ));
        }
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], lines.concat())
}

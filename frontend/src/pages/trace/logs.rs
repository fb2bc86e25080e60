//! Log records and lines of access logs of the whole trace.

use leptos::prelude::*;
use sidecarta_queries::api::traces::{LogSource, TraceLog};

use super::context::TraceContext;
use crate::components::icon::{ARROW, Icon};
use crate::format;
use crate::model::trace::TraceModel;
use crate::model::trace::marks::is_bad_log;

/// Lines that are drawn before more are asked for.
const FEW: usize = 300;

/// All lines by their time, as far as they hold what is looked for.
#[component]
pub(super) fn Logs() -> impl IntoView {
    let trace = expect_context::<TraceContext>();
    let all = RwSignal::new(false);
    let lines = move || {
        let model = trace.model();
        let find = trace.page.state.with(|state| state.find.trim().to_lowercase());
        let holds = |log: &&TraceLog| find.is_empty() || haystack(log).contains(&find);
        let found: Vec<&TraceLog> = model.trace.logs.iter().filter(holds).collect();
        let few = if all.get() { found.len() } else { FEW };
        let hidden = found.len().saturating_sub(few) as u64;
        let lines: Vec<AnyView> =
            found.iter().take(few).map(|log| log_line(trace, &model, log, true)).collect();
        let more = (hidden > 0).then(|| {
            let words = format!("Show {} more", format::count(hidden));
            view! { <button class="btn btn-small" on:click=move |_| all.set(true)>{words}</button> }
        });
        let missing = model.trace.log_count.saturating_sub(model.trace.logs.len() as u64);
        let missing = (missing > 0).then(|| {
            format!(
                "{} of this trace are stored but not shown.",
                format::plural(missing, "later line", "later lines")
            )
        });
        let none = match (model.trace.logs.is_empty(), lines.is_empty()) {
            (true, _) => Some("No log record and no line of an access log names this trace."),
            (false, true) => Some("No line holds what is looked for."),
            _ => None,
        };
        view! {
            {none.map(|words| view! { <p class="card-empty muted" data-testid="no-logs">{words}</p> })}
            <ul class="log-lines">{lines}</ul>
            {more}
            <p class="muted small">{missing}</p>
        }
        .into_any()
    };
    view! { <div class="trace-scroll" data-testid="trace-logs">{lines}</div> }.into_any()
}

fn haystack(log: &TraceLog) -> String {
    let attributes: Vec<String> =
        log.attributes.iter().map(|(key, value)| format!("{key}={value}")).collect();
    format!("{}\n{}\n{}\n{}", log.service, log.severity, log.body, attributes.join("\n")).to_lowercase()
}

/// One line; what it knows beside its words opens.
pub(super) fn log_line(trace: TraceContext, model: &TraceModel, log: &TraceLog, with_span: bool) -> AnyView {
    let kind = if log.source == LogSource::AccessLog { "access log" } else { "log" };
    let class = if is_bad_log(log) { "log-line is-bad" } else { "log-line" };
    let took = log.duration_ns.map(|ns| format::duration(ns as f64 / 1e6));
    let to_span = log.span.filter(|_| with_span).map(|span| {
        view! {
            <button class="icon-button" title="Show its span" aria-label="Show its span" data-testid="log-span" on:click=move |_| trace.select(span)>
                <Icon path=ARROW />
            </button>
        }
    });
    let attributes = (!log.attributes.is_empty()).then(|| {
        let rows = log.attributes.iter().map(|(key, value)| {
            view! { <dt>{key.clone()}</dt><dd>{value.clone()}</dd> }
        });
        view! { <dl>{rows.collect_view()}</dl> }
    });
    let place = format::duration(log.offset_ns.max(0) as f64 / 1e6);
    let colour = format!("var(--service-{})", model.colour(&log.service));
    view! {
        <li class=class data-testid="log-line">
            <details>
                <summary>
                    <span class="num log-time">{place}</span>
                    <span class="badge">{if log.severity.is_empty() { kind.to_owned() } else { log.severity.clone() }}</span>
                    <span class="log-service"><i class="service-chip" style:background=colour></i>{log.service.clone()}</span>
                    <span class="log-body">{log.body.clone()}</span>
                    <span class="muted num nowrap">{took}</span>
                    {to_span}
                </summary>
                <p class="muted small">{kind}</p>
                {attributes}
            </details>
        </li>
    }
    .into_any()
}

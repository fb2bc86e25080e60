//! The traces as a table.

use leptos::prelude::*;
use sidecarta_queries::api::graph::Health;
use sidecarta_queries::api::traces::TraceSummary;

use super::context::TracesContext;
use crate::clock;
use crate::components::icon::{Icon, of_health};
use crate::format;
use crate::model::traces::{first_few, is_inner, share_of_longest};
use crate::state::Zone;

/// Services of a trace that are named before the rest is counted.
const SERVICES: usize = 3;

/// How one trace is drawn among the others.
struct Among {
    traces: TracesContext,
    zone: Zone,
    longest_ms: f64,
    /// Whether any trace was found by another span than its first.
    has_inner: bool,
}

/// The table.
#[component]
pub(super) fn TracesTable() -> impl IntoView {
    let traces = expect_context::<TracesContext>();
    let has_inner = Memo::new(move |_| {
        traces.answer.with(|answer| answer.iter().flat_map(|answer| &answer.traces).any(is_inner))
    });
    let rows = move || {
        traces.answer.with(|answer| {
            let found = answer.as_ref().map(|answer| answer.traces.as_slice()).unwrap_or_default();
            let longest_ms = found.iter().map(|trace| trace.duration_ms).fold(0.0, f64::max);
            let among = Among { traces, zone: traces.zone.get(), longest_ms, has_inner: has_inner.get() };
            found.iter().map(|trace| row(trace, &among)).collect_view()
        })
    };
    view! {
        <div class="card table-scroll">
            <table class="table table-rows traces-table" data-testid="traces-table">
                <thead>
                    <tr>
                        <th scope="col">"Trace"</th>
                        <th scope="col">"Start"</th>
                        <th scope="col">"Duration"</th>
                        <th scope="col">"Status"</th>
                        <th scope="col">"Route"</th>
                        {move || has_inner.get().then(|| view! { <th scope="col">"Span that was found"</th> })}
                        <th scope="col" class="end">"Spans"</th>
                        <th scope="col" class="end">"Errors"</th>
                        <th scope="col">"Services"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}

fn row(trace: &TraceSummary, among: &Among) -> AnyView {
    let Among { traces, zone, longest_ms, has_inner } = *among;
    let span_id = Some(trace.matched.span_id.clone()).filter(|_| is_inner(trace));
    let link =
        traces.page.state.with_untracked(|state| state.trace_link(&trace.trace_id, span_id.as_deref()));
    let to = link.clone();
    let start = clock::time_of_day(&trace.start, zone);
    let whole_start = clock::rewritten(&trace.start, zone);
    let width = format!("{:.1}%", share_of_longest(trace.duration_ms, longest_ms) * 100.0);
    let bar_class = if trace.is_error { "duration-bar is-error" } else { "duration-bar" };
    let route = trace.route.clone().unwrap_or_else(|| "–".to_owned());
    let errors_class = if trace.error_count > 0 { "end num is-failing" } else { "end num muted" };
    view! {
        <tr
            data-testid="trace-row"
            data-trace-id=trace.trace_id.clone()
            on:click=move |event| {
                // The link itself knows what to do, in a new tab for one.
                if !event.default_prevented() {
                    traces.page.go(&to);
                }
            }
        >
            <th scope="row">
                <span class="cell-lines">
                    <a href=link on:click=move |event| event.stop_propagation()>{trace.service.clone()}</a>
                    <span class="muted small truncate" title=trace.name.clone()>{trace.name.clone()}</span>
                </span>
            </th>
            <td class="num" title=whole_start>{start}</td>
            <td class="num">
                <span class="duration">
                    <span class=bar_class aria-hidden="true"><span style:width=width></span></span>
                    {format::duration(trace.duration_ms)}
                </span>
            </td>
            <td>{status(trace)}</td>
            <td><code class="truncate cell-route" title=route.clone()>{route.clone()}</code></td>
            {has_inner.then(|| view! { <td>{found_span(trace)}</td> })}
            <td class="end num">{format::count(trace.span_count.into())}</td>
            <td class=errors_class>{format::count(trace.error_count.into())}</td>
            <td>{services(&trace.services)}</td>
        </tr>
    }
    .into_any()
}

/// Whether it failed, by shape and word, and the status of its answer.
fn status(trace: &TraceSummary) -> AnyView {
    let (class, health, word) = if trace.is_error {
        ("health is-failing", Health::Failing, "Failed")
    } else {
        ("health is-healthy", Health::Healthy, "OK")
    };
    let words = trace.http_status.map_or_else(|| word.to_owned(), |status| status.to_string());
    view! {
        <span class=class title=word>
            <Icon path=of_health(health) />
            <span class="num">{words}</span>
            <span class="sr-only">{word}</span>
        </span>
    }
    .into_any()
}

/// The span that met the conditions, where it is not the one that the trace begins with.
fn found_span(trace: &TraceSummary) -> AnyView {
    if !is_inner(trace) {
        return view! { <span class="muted">"the first"</span> }.into_any();
    }
    let span = &trace.matched;
    let service = match &span.version {
        Some(version) => format!("{} {version}", span.service),
        None => span.service.clone(),
    };
    let more = (trace.matched_count > 1)
        .then(|| format!(" · {} like it", format::count((trace.matched_count - 1).into())));
    let about = format!("{} · {}", format::duration(span.duration_ms), span.name);
    view! {
        <span class="cell-lines">
            <span>{service}<span class="muted">{more}</span></span>
            <span class="muted small truncate" title=about.clone()>{about.clone()}</span>
        </span>
    }
    .into_any()
}

fn services(names: &[String]) -> AnyView {
    let (shown, more) = first_few(names, SERVICES);
    let badges = shown.iter().map(|name| view! { <span class="badge">{name.clone()}</span> }).collect_view();
    view! {
        <span class="badges" title=names.join(", ")>
            {badges} {(more > 0).then(|| view! { <span class="badge">{format!("+{more}")}</span> })}
        </span>
    }
    .into_any()
}

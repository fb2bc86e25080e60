//! The details of one span, beside the rows or below them.

use std::sync::Arc;

use leptos::prelude::*;
use sidecarta_queries::api::graph::Health;
use sidecarta_queries::api::traces::{SpanEvent, SpanLink, TraceSpan};

use super::attributes::attribute_list;
use super::context::TraceContext;
use super::logs::log_line;
use super::row::colour;
use super::{keys, links};
use crate::components::copy_button::CopyButton;
use crate::components::icon::{CLOSE, FOCUS, Icon, SEARCH, SERVICES, of_health};
use crate::components::sign::source_word;
use crate::format;
use crate::model::trace::TraceModel;
use crate::model::trace::marks::{event_words, is_exception};
use crate::model::trace::query::{route_of, same_operation};

/// Everything that is known of the span that is selected.
#[component]
pub(super) fn Details() -> impl IntoView {
    let trace = expect_context::<TraceContext>();
    let text = RwSignal::new(String::new());
    let content = move || {
        let model = trace.model();
        let at = trace.selected.get()?;
        let span = model.span(at)?;
        Some(view! {
            {head(trace, &model, span)}
            <div class="panel-body">
                {failure(span)}
                {actions(trace, at, span)}
                {facts(&model, at, span)}
                <label class="field">
                    <Icon path=SEARCH />
                    <span class="sr-only">"Filter the attributes"</span>
                    <input
                        type="search"
                        placeholder="Filter the attributes"
                        autocomplete="off"
                        spellcheck="false"
                        data-testid="filter-attributes"
                        prop:value=text
                        on:input=move |event| text.set(event_target_value(&event))
                    />
                </label>
                {lists(trace, &model, at, text)}
            </div>
        })
    };
    view! {
        <aside class="trace-details" aria-label="Details of the span" data-testid="span-details">{content}</aside>
    }
    .into_any()
}

fn head(trace: TraceContext, model: &TraceModel, span: &TraceSpan) -> AnyView {
    let close = move |_| {
        trace.deselect();
        keys::focus_rows();
    };
    view! {
        <div class="panel-head">
            <i class="service-chip" style:background=colour(model, span)></i>
            <div class="panel-names">
                <h2 class="panel-title" data-testid="details-name">{span.name.clone()}</h2>
                <p class="muted small">{span.service.clone()} {span.version.as_ref().map(|version| format!(" · {version}"))}</p>
            </div>
            <button class="btn btn-icon btn-quiet" aria-label="Close the details" title="Close (Esc)" data-testid="close-details" on:click=close>
                <Icon path=CLOSE />
            </button>
        </div>
    }
    .into_any()
}

fn failure(span: &TraceSpan) -> Option<AnyView> {
    let kind = match () {
        () if span.is_timeout => "Timed out",
        () if span.is_error => "Failed",
        () => return None,
    };
    let status = span.http_status.map(|status| format!(" with {status}"));
    let message = span.status_message.as_ref().map(|message| format!(": {message}"));
    Some(
        view! {
            <p class="banner">
                <Icon path=of_health(Health::Failing) />
                <span>{kind}{status}{message}</span>
            </p>
        }
        .into_any(),
    )
}

fn actions(trace: TraceContext, at: u32, span: &TraceSpan) -> AnyView {
    let route = route_of(span).filter(|_| span.kind == "SERVER").map(|route| {
        let service = span.service.clone();
        let href = move || trace.page.state.with(|state| links::route(state, &service, &route));
        view! { <a class="btn btn-small" href=href data-testid="show-route"><Icon path=SERVICES />"Show as route"</a> }
    });
    let query = same_operation(span);
    let like = move || trace.page.state.with(|state| links::search(state, &query));
    let id = StoredValue::new(span.span_id.clone());
    view! {
        <div class="panel-actions">
            {route}
            <a class="btn btn-small" href=like data-testid="similar"><Icon path=SEARCH />"Search for its like"</a>
            <button class="btn btn-small" on:click=move |_| trace.zoom_to(at)><Icon path=FOCUS />"Zoom to it"</button>
            <CopyButton words="Copy id" label="Copy the span id".to_owned() text=Callback::new(move |()| id.get_value()) />
        </div>
    }
    .into_any()
}

fn facts(model: &TraceModel, at: u32, span: &TraceSpan) -> AnyView {
    let ms = |ns: u64| format::duration(ns as f64 / 1e6);
    let critical: u64 = model.critical[at as usize].iter().map(|piece| piece.duration_ns).sum();
    let attempt = model.attempts[at as usize].map(|attempt| format!("{} of {}", attempt.number, attempt.of));
    let facts = [
        ("Starts after", Some(ms(span.offset_ns.max(0).unsigned_abs()))),
        ("Duration", Some(ms(span.duration_ns))),
        ("Self time", Some(ms(span.self_ns))),
        ("Critical path", (critical > 0).then(|| ms(critical))),
        ("Status", span.http_status.map(|status| status.to_string())),
        ("Try", attempt),
        ("Kind", Some(span.kind.to_lowercase())),
        (
            "Protocol",
            Some(span.protocol.clone()).filter(|protocol| protocol != "unknown" && !protocol.is_empty()),
        ),
        ("Route", route_of(span)),
        ("Calls", span.peer.clone()),
        ("Instance", span.instance.clone()),
        ("Made by", Some(if span.is_proxy { "a proxy" } else { "the application" }.to_owned())),
        ("Library", span.scope.clone()),
        ("Told by", span.evidence.map(|source| source_word(source).to_owned())),
        ("Span id", Some(span.span_id.clone())),
    ];
    let drawn = facts.into_iter().filter_map(|(name, value)| {
        let value = value.filter(|value| !value.is_empty())?;
        Some(view! { <div><dt>{name}</dt><dd class="num">{value}</dd></div> })
    });
    view! { <dl class="span-facts">{drawn.collect_view()}</dl> }.into_any()
}

/// Attributes and resource as far as they hold the text, and everything that hangs on the span.
fn lists(trace: TraceContext, model: &Arc<TraceModel>, at: u32, text: RwSignal<String>) -> AnyView {
    let Some(span) = model.span(at) else { return ().into_any() };
    let events = span.events.iter().map(|event| event_line(trace, event, span)).collect_view();
    let linked = span.links.iter().map(|link| link_line(trace, link)).collect_view();
    let logs: Vec<AnyView> = model.logs_of(at).map(|log| log_line(trace, model, log, false)).collect();
    let hanging = view! {
        {section("Events", span.events.len(), events.into_any())}
        {section("Log lines", logs.len(), view! { <ul class="log-lines">{logs}</ul> }.into_any())}
        {section("Links", span.links.len(), linked.into_any())}
    };
    let model = Arc::clone(model);
    let attributes = move || {
        let span = model.span(at)?;
        let resource = model.trace.resources.get(span.resource as usize).cloned().unwrap_or_default();
        Some(text.with(|text| {
            view! {
                {attribute_list(trace, "Attributes", &span.attributes, text)}
                {attribute_list(trace, "Resource", &resource, text)}
            }
        }))
    };
    view! {
        {hanging}
        {attributes}
    }
    .into_any()
}

fn section(title: &'static str, count: usize, content: AnyView) -> Option<AnyView> {
    let drawn = || {
        view! {
            <section class="panel-section" data-testid=format!("details-{}", title.replace(' ', "-").to_lowercase())>
                <h3>{title}" "<span class="muted num">{count}</span></h3>
                {content}
            </section>
        }
    };
    (count > 0).then(|| drawn().into_any())
}

/// An event; of an exception the stack trace opens.
fn event_line(trace: TraceContext, event: &SpanEvent, span: &TraceSpan) -> AnyView {
    let after = event.offset_ns.saturating_sub(span.offset_ns).max(0) as f64 / 1e6;
    let stack = event.attributes.get("exception.stacktrace").map(|stack| {
        view! {
            <details class="stack">
                <summary>"Stack trace"</summary>
                <pre>{stack.clone()}</pre>
            </details>
        }
    });
    let mut rest = event.attributes.clone();
    rest.retain(|key, _| !key.starts_with("exception."));
    let class = if is_exception(event) { "event-line is-bad" } else { "event-line" };
    view! {
        <div class=class>
            <p>
                <strong>{event_words(event)}</strong>
                " "
                <span class="muted num nowrap">{format::duration(after)}" into the span"</span>
            </p>
            {stack}
            {attribute_list(trace, "With", &rest, "")}
        </div>
    }
    .into_any()
}

fn link_line(trace: TraceContext, link: &SpanLink) -> AnyView {
    let (trace_id, span_id) = (link.trace_id.clone(), link.span_id.clone());
    let is_here = trace.model_now().trace.trace_id == link.trace_id;
    let words = if is_here { "Span of this trace" } else { "Span of another trace" };
    let href = move || trace.page.state.with(|state| links::span(state, &trace_id, &span_id));
    view! {
        <p class="small">
            <a href=href data-testid="span-link">{words}" "<code>{link.span_id.clone()}</code></a>
        </p>
        {attribute_list(trace, "With", &link.attributes, "")}
    }
    .into_any()
}

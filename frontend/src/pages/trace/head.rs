//! What the trace is: its first operation, when it was, how long it took.

use leptos::prelude::*;
use sidecarta_queries::api::graph::Health;

use super::context::TraceContext;
use super::row::colour;
use crate::clock;
use crate::components::copy_button::{CopyButton, copy};
use crate::components::icon::{CHEVRON_DOWN, DOWNLOAD, Icon, of_health};
use crate::components::popover::Popover;
use crate::format;
use crate::model::trace::TraceModel;
use crate::preferences::Preferences;
use crate::remote::get_text;

/// Title, facts, and what can be taken along.
#[component]
pub(super) fn Head() -> impl IntoView {
    let trace = expect_context::<TraceContext>();
    let zone = expect_context::<Preferences>().zone;
    let title = move || {
        let model = trace.model();
        let root = model.order.first().and_then(|root| model.span(*root));
        root.map(|root| {
            let failed = root.is_error.then(|| {
                let words =
                    root.http_status.map_or("Failed".to_owned(), |status| format!("Failed with {status}"));
                view! {
                    <span class="health health-pill is-failing" data-testid="trace-failed">
                        <Icon path=of_health(Health::Failing) />
                        {words}
                    </span>
                }
            });
            view! {
                <h1>
                    <i class="service-chip" style:background=colour(&model, root)></i>
                    <span class="muted">{root.service.clone()}</span>
                    " "
                    <span data-testid="trace-name">{root.name.clone()}</span>
                </h1>
                {failed}
            }
        })
    };
    let facts = move || {
        let model = trace.model();
        let start = clock::precise(&model.trace.start, zone.get());
        let facts = facts(&model, start).into_iter().map(|(name, value)| {
            view! {
                <div>
                    <dt>{name}</dt>
                    <dd class="num" data-testid=format!("fact-{}", name.to_lowercase())>{value}</dd>
                </div>
            }
        });
        facts.collect_view()
    };
    let arriving = Memo::new(move |_| trace.model().is_arriving());
    let huge = move || {
        let model = trace.model();
        let (given, stored) = (model.trace.spans.len() as u64, model.trace.span_count);
        (stored > given).then(|| {
            let words = format!(
                "It has {}; the first {} are shown. The search finds the others.",
                format::plural(stored, "span", "spans"),
                format::count(given),
            );
            view! { <p class="trace-huge" role="status" data-testid="trace-huge">{words}</p> }
        })
    };
    view! {
        <header class="trace-head">
            <div class="trace-title">
                {title}
                <Show when=move || arriving.get()>
                    <span class="badge is-arriving" role="status" data-testid="arriving">
                        <i class="pulse"></i>
                        "Still arriving"
                    </span>
                </Show>
                <Take />
            </div>
            <dl class="trace-facts">{facts}</dl>
            {huge}
        </header>
    }
    .into_any()
}

/// The facts by name.
fn facts(model: &TraceModel, start: String) -> [(&'static str, String); 6] {
    let errors = model.trace.spans.iter().filter(|span| span.is_error).count();
    [
        ("Start", start),
        ("Duration", format::duration(model.trace.duration_ns as f64 / 1e6)),
        ("Spans", format::count(model.trace.span_count)),
        ("Services", format::count(model.colours.len() as u64)),
        ("Errors", format::count(errors as u64)),
        ("Depth", format::count(model.depth().into())),
    ]
}

/// Link, id, and the spans as OTLP JSON.
#[component]
fn Take() -> impl IntoView {
    let trace = expect_context::<TraceContext>();
    let id = move || trace.model().trace.trace_id.clone();
    let link = Callback::new(|()| window().location().href().unwrap_or_default());
    let label = || view! { <Icon path=DOWNLOAD />"OTLP"<Icon path=CHEVRON_DOWN /> }.into_any();
    view! {
        <div class="trace-take">
            <CopyButton words="Copy link" label="Copy the link to this page".to_owned() text=link />
            <CopyButton words="Copy id" label="Copy the trace id".to_owned() text=Callback::new(move |()| id()) />
            <Popover
                label
                button="btn btn-small"
                test_id="otlp"
                about="The spans as OTLP JSON"
                role="menu"
                class="export-menu"
                draw=otlp_menu
            />
        </div>
    }
    .into_any()
}

fn otlp_menu(open: RwSignal<bool>) -> AnyView {
    let trace = expect_context::<TraceContext>();
    let failure = RwSignal::new(None::<String>);
    let id = move || trace.model().trace.trace_id.clone();
    let path = move || format!("/traces/{}/otlp", id());
    // The menu stays open until it is copied, so that it can say what went wrong.
    let copy_otlp = move |_| {
        let path = path();
        leptos::task::spawn_local(async move {
            match get_text(&path).await {
                Ok(text) => {
                    let _ = copy(&text);
                    let _ = open.try_set(false);
                }
                Err(error) => _ = failure.try_set(Some(error.message)),
            }
        });
    };
    view! {
        <a
            class="menu-item"
            role="menuitem"
            rel="external"
            href=move || format!("/api/v1{}", path())
            download=move || format!("trace-{}.json", id())
            data-testid="otlp-download"
            data-closes
        >
            "Download OTLP JSON"
        </a>
        <button class="menu-item" role="menuitem" data-testid="otlp-copy" on:click=copy_otlp>
            "Copy OTLP JSON"
        </button>
        {move || failure.get().map(|words| view! { <span class="is-failing small" role="alert">{words}</span> })}
    }
    .into_any()
}

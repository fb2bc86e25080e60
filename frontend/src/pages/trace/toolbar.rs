//! The views of the trace, and the search in it.

use leptos::prelude::*;
use sidecarta_queries::api::graph::Health;

use super::context::TraceContext;
use super::keys::focus_rows;
use super::legend::Legend;
use crate::components::icon::{CHEVRON_DOWN, CHEVRON_UP, FIT, Icon, PROXIES, SEARCH, of_health};
use crate::format;
use crate::model::waterfall::Folding;
use crate::state::TraceView;

/// Tabs, search, and what changes the drawing.
#[component]
pub(super) fn Toolbar(view: Memo<TraceView>) -> impl IntoView {
    let has_bars = move || matches!(view.get(), TraceView::Waterfall | TraceView::Flame);
    view! {
        <div class="trace-tools">
            <div class="segmented" role="tablist" aria-label="Views of the trace">
                {tab(view, TraceView::Waterfall, "Waterfall")}
                {tab(view, TraceView::Flame, "Flame graph")}
                {tab(view, TraceView::Operations, "Operations")}
                {tab(view, TraceView::Path, "Service path")}
                {tab(view, TraceView::Logs, "Logs")}
            </div>
            <Find />
            <div class="trace-tools-end">
                <Errors />
                <Show when=has_bars>
                    <Drawing waterfall=Signal::derive(move || view.get() == TraceView::Waterfall) />
                </Show>
                <Legend />
            </div>
        </div>
    }
    .into_any()
}

fn tab(view: Memo<TraceView>, own: TraceView, words: &'static str) -> AnyView {
    let trace = expect_context::<TraceContext>();
    let is_open = move || (view.get() == own).to_string();
    let count = move || {
        let logs =
            (own == TraceView::Logs).then(|| trace.model().trace.log_count).filter(|logs| *logs > 0)?;
        Some(view! { <span class="muted num">{format::count(logs)}</span> })
    };
    view! {
        <button
            role="tab"
            aria-selected=is_open
            aria-pressed=is_open
            data-testid=format!("view-{}", if own == TraceView::Waterfall { "waterfall" } else { own.name() })
            on:click=move |_| trace.page.change(|state| state.trace_view = own)
        >
            {words}
            {count}
        </button>
    }
    .into_any()
}

/// The field for a text in the trace. Enter goes to the next hit.
#[component]
fn Find() -> impl IntoView {
    let trace = expect_context::<TraceContext>();
    let find = Memo::new(move |_| trace.page.state.with(|state| state.find.clone()));
    let step = move |backwards| trace.hits.with_untracked(|hits| trace.step(hits, backwards));
    let on_key = move |event: leptos::ev::KeyboardEvent| match event.key().as_str() {
        "Enter" => step(event.shift_key()),
        "Escape" | "ArrowDown" => {
            event.prevent_default();
            focus_rows();
        }
        _ => {}
    };
    let words = move || {
        let (count, place) = trace.hits.with(|hits| {
            let place = trace.cursor.get().and_then(|at| hits.iter().position(|hit| *hit == at));
            (hits.len() as u64, place)
        });
        match place {
            Some(place) => format!("{} of {}", place + 1, format::count(count)),
            None => format::plural(count, "hit", "hits"),
        }
    };
    let none = Memo::new(move |_| trace.hits.with(|hits| hits.is_empty()));
    view! {
        <label class="field trace-find">
            <Icon path=SEARCH />
            <span class="sr-only">"Find in this trace"</span>
            <input
                type="search"
                placeholder="Find in this trace"
                aria-keyshortcuts="/"
                data-testid="find"
                autocomplete="off"
                spellcheck="false"
                prop:value=find
                on:keydown=on_key
                on:input=move |event| {
                    let text = event_target_value(&event);
                    trace.page.replace(|state| state.find = text);
                }
            />
            <Show
                when=move || find.with(|find| !find.trim().is_empty())
                fallback=|| view! { <kbd>"/"</kbd> }
            >
                <span class="find-count num" class:is-none=none role="status" data-testid="hits">{words}</span>
                <button class="icon-button" title="Last hit (N)" aria-label="Last hit" disabled=none on:click=move |_| step(true)>
                    <Icon path=CHEVRON_UP />
                </button>
                <button
                    class="icon-button"
                    title="Next hit (n)"
                    aria-label="Next hit"
                    data-testid="next-hit"
                    disabled=none
                    on:click=move |_| step(false)
                >
                    <Icon path=CHEVRON_DOWN />
                </button>
            </Show>
        </label>
    }
    .into_any()
}

/// Goes from error to error.
#[component]
fn Errors() -> impl IntoView {
    let trace = expect_context::<TraceContext>();
    let count = Memo::new(move |_| trace.model().failed().len() as u64);
    view! {
        <Show when=move || { count.get() > 0 }>
            <button
                class="btn btn-small"
                title="Next error (e)"
                data-testid="next-error"
                on:click=move |_| trace.step(&trace.model_now().failed(), false)
            >
                <span class="is-failing key-sign"><Icon path=of_health(Health::Failing) /></span>
                {move || format::plural(count.get(), "error", "errors")}
            </button>
        </Show>
    }
    .into_any()
}

/// What changes how the spans are drawn.
#[component]
fn Drawing(waterfall: Signal<bool>) -> impl IntoView {
    let trace = expect_context::<TraceContext>();
    let folds = Memo::new(move |_| trace.model().foldable.iter().any(|foldable| *foldable));
    let shown = Memo::new(move |_| trace.folding.with(|folding| folding.proxies));
    view! {
        <Show when=move || trace.is_zoomed()>
            <button class="btn btn-small" title="The whole trace (Z)" data-testid="zoom-out" on:click=move |_| trace.zoom_out()>
                <Icon path=FIT />
                "Whole trace"
            </button>
        </Show>
        <Show when=move || waterfall.get() && folds.get()>
            <button
                class="btn btn-small"
                aria-pressed=move || shown.get().to_string()
                title="Show the spans of proxies, or fold them into their hop (P)"
                data-testid="all-proxies"
                on:click=move |_| trace.folding.update(Folding::toggle_proxies)
            >
                <Icon path=PROXIES />
                "Proxies"
            </button>
        </Show>
    }
    .into_any()
}

//! The search for traces.
// In the browser, where pointers are half as long, they are small enough.
#![cfg_attr(
    not(target_family = "wasm"),
    expect(
        clippy::large_types_passed_by_value,
        reason = "a context is a set of handles that closures take along"
    )
)]

mod context;
mod empty;
mod filters;
mod head;
mod newer;
mod older;
mod scatter;
mod table;

use leptos::prelude::*;

use self::context::TracesContext;
use self::empty::{Nothing, Refused};
use self::filters::Filters;
use self::head::Head;
use self::newer::Newer;
use self::older::Older;
use self::scatter::Scatter;
use self::table::TracesTable;
use crate::clock;
use crate::components::notice::{FailureBanner, TableSkeleton};
use crate::components::query_box::QueryBox;
use crate::format;
use crate::model::trace_id::trace_id;
use crate::state::{Presentation, TraceOrder};

/// The page `/traces`.
#[component]
pub(crate) fn TracesPage() -> impl IntoView {
    let traces = TracesContext::provide();
    let draft = traces.draft;
    let pasted = Callback::new(move |text: String| {
        let id = trace_id(&text);
        if let Some(id) = &id {
            traces.open(id, None);
        }
        id.is_some()
    });
    view! {
        <div class="page" data-testid="traces">
            <Head />
            <div class="query-row">
                <QueryBox
                    draft
                    label="Query or trace id"
                    placeholder="service=orders duration>250ms, or a trace id"
                    pasted
                />
                <button class="btn btn-primary" data-testid="run" on:click=move |_| draft.submit()>
                    "Search"
                </button>
            </div>
            <Filters />
            <Results />
        </div>
    }
    .into_any()
}

/// What was found, or why nothing was.
#[component]
fn Results() -> impl IntoView {
    let traces = expect_context::<TracesContext>();
    let failure = Memo::new(move |_| traces.polled.remote.with(|remote| remote.failure.clone()));
    let found = Memo::new(move |_| {
        traces.answer.with(|answer| answer.as_ref().map(|answer| !answer.traces.is_empty()))
    });
    let retry = Callback::new(move |()| traces.polled.retry());
    let is_shown = move |other: Presentation| traces.page.state.with(|state| state.view != other);
    let chart = Memo::new(move |_| is_shown(Presentation::Table));
    let table = Memo::new(move |_| is_shown(Presentation::Scatter));
    move || {
        match (found.get(), failure.get()) {
        (None, Some(failure)) => view! { <Refused failure retry /> }.into_any(),
        (None, None) => view! { <TableSkeleton /> }.into_any(),
        (Some(found), failure) => view! {
            {failure.map(|failure| view! { <FailureBanner failure retry /> })}
            <Extent />
            <div class="results" class:is-searching=move || traces.searching.get() aria-busy=move || traces.searching.get().to_string()>
                {if found {
                    view! {
                        <Show when=move || chart.get()>
                            <Scatter />
                        </Show>
                        <Show when=move || table.get()>
                            <TracesTable />
                        </Show>
                    }
                    .into_any()
                } else {
                    view! { <Nothing /> }.into_any()
                }}
            </div>
        }
        .into_any(),
    }
    }
}

/// How many traces there are, how far the search went, and what has come since.
#[component]
fn Extent() -> impl IntoView {
    let traces = expect_context::<TracesContext>();
    let words = move || {
        let zone = traces.zone.get();
        let slowest = traces.page.state.with(|state| state.traces.order == TraceOrder::Slowest);
        traces.answer.with(|answer| {
            let answer = answer.as_ref()?;
            let count = answer.traces.len() as u64;
            let which = match (answer.search.truncated, slowest) {
                (false, _) => format::plural(count, "trace", "traces"),
                (true, true) => format!("The slowest {} of more", format::plural(count, "trace", "traces")),
                (true, false) => format!("The newest {} of more", format::plural(count, "trace", "traces")),
            };
            let from = clock::rewritten(&answer.search.from, zone);
            let to = clock::rewritten(&answer.search.to, zone);
            // A range within a day names the day once.
            let to = if from.get(..10) == to.get(..10) { to.get(11..).unwrap_or_default() } else { &to };
            Some(format!("{which} · looked through {from} – {to}"))
        })
    };
    let conditions = move || {
        let conditions = traces.answer.with(|answer| {
            answer.as_ref().map(|answer| answer.search.conditions.clone()).unwrap_or_default()
        });
        conditions
            .into_iter()
            .map(|words| view! { <code class="badge condition">{words}</code> })
            .collect_view()
    };
    view! {
        <div class="extent">
            <p class="muted small num" role="status" data-testid="extent">{words}</p>
            <span class="conditions" aria-label="The conditions as they were understood">{conditions}</span>
            <span class="further"><Older /> <Newer /></span>
        </div>
    }
}

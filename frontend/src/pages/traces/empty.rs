//! Searches that show no traces: nothing was found, or the query was not understood.

use leptos::prelude::*;
use sidecarta_queries::api::error::ErrorBody;

use super::context::TracesContext;
use crate::clock;
use crate::components::icon::{Icon, SEARCH, TRACES};
use crate::components::notice::{BAD_QUERY, FailureNotice};
use crate::state::DEFAULT_TO;

/// Ranges that are offered where nothing was found: parameter, name, and length in seconds.
const WIDER: [(&str, &str, f64); 3] =
    [("-1h", "Last hour", 3600.0), ("-24h", "Last 24 hours", 86_400.0), ("-7d", "Last 7 days", 604_800.0)];

/// Nothing was found: where the search looked, and what may help.
#[component]
pub(super) fn Nothing() -> impl IntoView {
    let traces = expect_context::<TracesContext>();
    let has_query = Memo::new(move |_| traces.page.state.with(|state| !state.traces.query.is_empty()));
    let range = Memo::new(move |_| {
        traces.answer.with(|answer| {
            let search = answer.as_ref().map(|answer| answer.search.clone()).unwrap_or_default();
            (search.from, search.to)
        })
    });
    let looked = move || {
        let zone = traces.zone.get();
        let (from, to) = range.get();
        let (from, to) = (clock::rewritten(&from, zone), clock::rewritten(&to, zone));
        format!("Everything between {from} and {to} was looked through.")
    };
    let wider = move || {
        let (from, to) = range.get();
        let seconds =
            clock::parse(&to).zip(clock::parse(&from)).map_or(0.0, |(to, from)| (to - from) / 1000.0);
        let offered = WIDER.into_iter().filter(|(.., length)| *length > seconds * 1.5).take(2);
        let button = |(from, name, _): (&'static str, &'static str, f64)| {
            let choose = move |_| {
                traces.page.change(|state| (state.from, state.to) = (from.to_owned(), DEFAULT_TO.to_owned()));
            };
            view! { <button class="btn" data-testid=format!("wider{from}") on:click=choose>{name}</button> }
        };
        offered.map(button).collect_view()
    };
    view! {
        <div class="card notice-card">
            <div class="notice" data-testid="empty">
                <span class="notice-mark"><Icon path=TRACES /></span>
                <h2>{move || if has_query.get() { "No trace meets the query" } else { "No trace in this range" }}</h2>
                <p>{looked}</p>
                <Show when=move || !has_query.get()>
                    <p>
                        "Traces come by OTLP or from X-Ray. "
                        <a href=move || format!("/sources{}", traces.page.state.with(crate::state::PageState::carried_query))>
                            "See what reports"
                        </a>
                    </p>
                </Show>
                <div class="notice-actions">
                    {wider}
                    <Show when=move || has_query.get()>
                        <button class="btn" data-testid="drop-query" on:click=move |_| traces.change_query(|_| String::new())>
                            "Without the query"
                        </button>
                    </Show>
                </div>
            </div>
        </div>
    }
    .into_any()
}

/// Why there is no answer. A query that is not understood is the viewer's to mend; trying again would not help.
#[component]
pub(super) fn Refused(failure: ErrorBody, retry: Callback<()>) -> impl IntoView {
    if failure.code != BAD_QUERY {
        return view! { <FailureNotice failure retry /> }.into_any();
    }
    // The parameter's name says nothing to a person.
    let words = failure.message.strip_prefix("q: ").unwrap_or(&failure.message).to_owned();
    view! {
        <div class="card notice-card">
            <div class="notice" role="alert" data-testid="bad-query">
                <span class="notice-mark"><Icon path=SEARCH /></span>
                <h2>"The query cannot be understood"</h2>
                <p>{words}</p>
                <p class="muted">"“How to ask” above shows what the query language knows."</p>
            </div>
        </div>
    }
    .into_any()
}

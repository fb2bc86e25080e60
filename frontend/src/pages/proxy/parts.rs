//! The parts of a proxy under the headings of their kinds.

use leptos::prelude::*;
use sidecarta_queries::api::proxies::ProxyPart;

use super::part::PartRow;
use crate::components::find::FindField;
use crate::components::icon::{CHEVRON_DOWN, Icon};
use crate::format;
use crate::model::parts::{Group, grouped};
use crate::page::Page;

/// Heads of the measures of a part.
const MEASURES: [&str; 5] = ["Requests", "Rate", "Errors", "p50", "p99"];

/// Everything that the proxy counts, with a search over it.
#[component]
pub(super) fn Parts(parts: Signal<Vec<ProxyPart>>) -> impl IntoView {
    let page = expect_context::<Page>();
    let groups = Memo::new(move |_| {
        let state = page.state.get();
        parts.with(|parts| grouped(parts, &state.find, state.all, state.select.as_deref()))
    });
    let titles =
        Memo::new(move |_| groups.with(|groups| groups.iter().map(|group| group.title).collect::<Vec<_>>()));
    let empty_words = move || {
        if parts.with(Vec::is_empty) {
            "It has counted nothing in this time range. Choose a longer one."
        } else {
            "No part and no statistic matches."
        }
    };
    view! {
        <div class="page-head">
            <h2 class="section-title">"What it counts"</h2>
            <div class="end">
                <FindField words="Find a part or statistic" />
            </div>
        </div>
        <Show
            when=move || titles.with(|titles| !titles.is_empty())
            fallback=move || view! { <p class="card card-pad muted" data-testid="empty">{empty_words}</p> }
        >
            <For each=move || titles.get() key=Clone::clone let(title)>
                <PartGroup title groups parts />
            </For>
        </Show>
    }
}

#[component]
fn PartGroup(title: &'static str, groups: Memo<Vec<Group>>, parts: Signal<Vec<ProxyPart>>) -> impl IntoView {
    let page = expect_context::<Page>();
    let group =
        Memo::new(move |_| groups.with(|groups| groups.iter().find(|group| group.title == title).cloned()));
    let keys =
        move || group.with(|group| group.as_ref().map(|group| group.shown.clone()).unwrap_or_default());
    let folded = Memo::new(move |_| group.with(|group| group.as_ref().map_or(0, |group| group.folded)));
    let measured =
        Memo::new(move |_| group.with(|group| group.as_ref().is_some_and(|group| group.has_requests)));
    let heads = move || {
        measured.get().then(|| {
            MEASURES
                .map(|title| view! { <th scope="col" class="end measure">{title}</th> })
                .into_iter()
                .collect_view()
        })
    };
    view! {
        <section class="card" data-testid="part-group">
            <h3 class="card-title">{title}</h3>
            <Show when=move || !keys().is_empty()>
                <table class="table table-compact parts">
                    <thead>
                        <tr>
                            <th scope="col">"Name"</th>
                            {heads}
                            <th scope="col" class="end part-bad">"To look at"</th>
                        </tr>
                    </thead>
                    <tbody>
                        <For each=keys key=Clone::clone let(key)>
                            <PartRow key parts measured />
                        </For>
                    </tbody>
                </table>
            </Show>
            <Show when=move || { folded.get() > 0 }>
                <button
                    class="fold"
                    data-testid="show-quiet"
                    on:click=move |_| page.change(|state| state.all = true)
                >
                    <Icon path=CHEVRON_DOWN />
                    {move || format!("Show {}", format::plural(folded.get(), "quiet one", "quiet ones"))}
                </button>
            </Show>
        </section>
    }
}

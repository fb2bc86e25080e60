//! The sources of one kind.

use leptos::prelude::*;
use sidecarta_queries::api::sources::SourcesResponse;

use crate::format;
use crate::model::sources::{Group, grouped, kind_words};

use super::card::SourceCard;

/// Sources of a kind that are shown before more are asked for.
const FEW: usize = 6;

/// All sources of a kind: how many work, and what is the matter with the others.
#[component]
pub(super) fn SourceGroup(kind: String, answer: Signal<SourcesResponse>) -> impl IntoView {
    let words = kind_words(&kind);
    let data_kind = kind.clone();
    let group = {
        let kind = kind.clone();
        Memo::new(move |_| {
            let groups = answer.with(|answer| grouped(&answer.sources));
            groups.into_iter().find(|group| group.kind == kind).unwrap_or_default()
        })
    };
    let all = RwSignal::new(false);
    let total = Memo::new(move |_| group.with(|group| group.names.len()));
    let names = Memo::new(move |_| {
        group.with(|group| {
            // What is failing is shown however much it is.
            let few = if all.get() { usize::MAX } else { FEW.max(group.failing) };
            group.names.iter().take(few).cloned().collect::<Vec<_>>()
        })
    });
    let more = move || {
        let hidden = total.get() - names.with(Vec::len);
        (hidden > 0).then(|| {
            view! {
                <button class="btn btn-small" data-testid="all-sources" on:click=move |_| all.set(true)>
                    {format!("Show {hidden} more")}
                </button>
            }
        })
    };
    view! {
        <section class="source-group" data-testid="source-group" data-kind=data_kind>
            <header class="source-group-head">
                <h2>{words.title}</h2>
                <p class="muted small">{move || group.with(summary)}</p>
            </header>
            <div class="source-grid">
                <For each=move || names.get() key=Clone::clone let(name)>
                    <SourceCard kind=kind.clone() name answer />
                </For>
            </div>
            {more}
        </section>
    }
}

/// How many are in which state; nothing to count where there is but one.
fn summary(group: &Group) -> String {
    let states =
        [(group.failing, "failing"), (group.waiting, "waiting for data"), (group.working, "working")];
    let counted = states.iter().filter(|(count, _)| *count > 0);
    let counted: Vec<String> =
        counted.map(|(count, words)| format!("{} {words}", format::count(*count as u64))).collect();
    counted.join(" · ")
}

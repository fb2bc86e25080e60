//! Sources that stand together.

use leptos::prelude::*;
use sidecarta_queries::api::sources::SourcesResponse;

use crate::format;
use crate::model::sources::{Group, grouped};

use super::card::SourceCard;

/// Sources of a group that are shown before more are asked for.
const FEW: usize = 6;

/// One group: how many work, and what is the matter with the others.
#[component]
pub(super) fn SourceGroup(title: String, answer: Signal<SourcesResponse>) -> impl IntoView {
    let group = {
        let title = title.clone();
        Memo::new(move |_| {
            let groups = answer.with(|answer| grouped(&answer.sources));
            groups.into_iter().find(|group| group.title == title).unwrap_or_default()
        })
    };
    let all = RwSignal::new(false);
    let total = Memo::new(move |_| group.with(|group| group.sources.len()));
    let shown = Memo::new(move |_| {
        group.with(|group| {
            // What is failing is shown however much it is.
            let few = if all.get() { usize::MAX } else { FEW.max(group.failing) };
            group.sources.iter().take(few).cloned().collect::<Vec<_>>()
        })
    });
    let more = move || {
        let hidden = total.get() - shown.with(Vec::len);
        (hidden > 0).then(|| {
            view! {
                <button class="btn btn-small" data-testid="all-sources" on:click=move |_| all.set(true)>
                    {format!("Show {hidden} more")}
                </button>
            }
        })
    };
    view! {
        <section class="source-group" data-testid="source-group">
            <header class="source-group-head">
                <h2>{title}</h2>
                <p class="muted small">{move || group.with(summary)}</p>
            </header>
            <div class="source-grid">
                <For each=move || shown.get() key=Clone::clone let(source)>
                    <SourceCard kind=source.0 name=source.1 answer />
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

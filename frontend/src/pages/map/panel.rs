//! The numbers of the selected node or edge.

use leptos::ev;
use leptos::prelude::*;
use sidecarta_queries::api::graph::Evidence;

use super::context::MapContext;
use crate::components::icon::{CLOSE, Icon};
use crate::components::measures::EvidenceTable;

mod calls;
mod counted;
mod details;
mod edge;
mod node;
mod sides;

use details::Details;
use edge::EdgePanel;
use node::NodePanel;

/// What is selected.
#[derive(Clone, PartialEq)]
enum Subject {
    Node(String),
    Edge(String),
    Gone,
}

/// The panel beside the map, below it on a narrow screen.
#[component]
pub(super) fn Panel() -> impl IntoView {
    let map = expect_context::<MapContext>();
    Details::provide(map);
    let subject = Memo::new(move |_| {
        let id = map.page.state.with(|state| state.select.clone()).unwrap_or_default();
        map.snapshot.with(|snapshot| {
            if snapshot.nodes.contains_key(&id) {
                Subject::Node(id)
            } else if snapshot.edges.contains_key(&id) {
                Subject::Edge(id)
            } else {
                Subject::Gone
            }
        })
    });
    // Wherever the keyboard is: a click on an edge leaves it on the page. What closes itself on Escape keeps the key.
    let handle = window_event_listener(ev::keydown, move |event| {
        if event.key() == "Escape" {
            map.deselect();
        }
    });
    on_cleanup(move || handle.remove());
    view! {
        <aside class="panel" aria-label="Details" data-testid="panel">
            {move || match subject.get() {
                Subject::Node(id) => view! { <NodePanel id /> }.into_any(),
                Subject::Edge(id) => view! { <EdgePanel id /> }.into_any(),
                Subject::Gone => view! { <GonePanel /> }.into_any(),
            }}
        </aside>
    }
}

#[component]
fn GonePanel() -> impl IntoView {
    view! {
        <header class="panel-head">
            <h2 class="panel-title">"Not in this time range"</h2>
            <CloseButton />
        </header>
        <div class="panel-body">
            <p class="muted">"What was selected had no traffic here, or a filter leaves it out."</p>
        </div>
    }
}

#[component]
pub(super) fn CloseButton() -> impl IntoView {
    let map = expect_context::<MapContext>();
    view! {
        <button
            class="btn btn-icon btn-quiet panel-close"
            aria-label="Close details"
            title="Close (Esc)"
            data-testid="panel-close"
            on:click=move |_| map.deselect()
        >
            <Icon path=CLOSE />
        </button>
    }
}

/// A part of the panel under a heading.
#[component]
pub(super) fn Section(
    /// The heading.
    title: &'static str,
    /// The content.
    children: Children,
) -> impl IntoView {
    view! {
        <section class="panel-section">
            <h3>{title}</h3>
            {children()}
        </section>
    }
}

/// What each source says of the selected node or edge.
#[component]
pub(super) fn EvidenceSection(
    /// What each source says; empty until it has come.
    #[prop(into)]
    evidence: Signal<Vec<Evidence>>,
) -> impl IntoView {
    let details = expect_context::<Details>();
    view! {
        <Section title="What each source says">
            <Show
                when=move || !details.is_awaited()
                fallback=|| view! { <div class="skeleton" aria-busy="true" aria-label="Loading"></div> }
            >
                <EvidenceTable evidence />
            </Show>
        </Section>
    }
}

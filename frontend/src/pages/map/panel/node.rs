//! The panel of a node.

use std::sync::Arc;

use leptos::prelude::*;
use sidecarta_queries::api::graph::{Node, NodeKind};

use super::super::context::MapContext;
use super::calls::{CallList, Side};
use super::details::Details;
use super::{CloseButton, EvidenceSection, Section};
use crate::components::icon::{ARROW, FOCUS, Icon};
use crate::components::measures::{MeasureTiles, Measures};
use crate::components::sign::{HealthPill, KindTile};
use crate::components::versions::VersionTable;
use crate::model::search::kind_word;
use crate::model::selection::Selection;
use crate::model::snapshot::node_label;
use crate::model::trace_links;

/// Everything that is known of a node.
#[component]
pub(super) fn NodePanel(id: String) -> impl IntoView {
    let node = expect_context::<Details>().node(id.clone());
    let identity = Memo::new(move |_| node.with(|node| node.identity.clone()));
    let called = Memo::new(move |_| node.with(|node| node.kind != NodeKind::Client));
    view! {
        <NodeHead node />
        <div class="panel-body">
            <NodeActions id=id.clone() node />
            <MeasureTiles measures=Signal::derive(move || node.with(|node| measures(node))) />
            <Show when=move || node.with(|node| !node.versions.is_empty())>
                <Section title="Versions">
                    <VersionTable versions=Signal::derive(move || node.with(|node| node.versions.clone())) />
                </Section>
            </Show>
            <CallList id=id.clone() side=Side::Callers />
            <CallList id side=Side::Callees />
            <Show when=move || called.get()>
                <EvidenceSection evidence=Signal::derive(move || node.with(|node| node.evidence.clone())) />
            </Show>
            {move || identity.get().map(|rule| view! { <p class="muted small">"Named by "{rule}</p> })}
        </div>
    }
}

#[component]
fn NodeHead(node: Memo<Arc<Node>>) -> impl IntoView {
    let about = move || {
        node.with(|node| {
            let parts = [Some(kind_word(node.kind).to_owned()), node.system.clone(), node.namespace.clone()];
            parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
        })
    };
    view! {
        <header class="panel-head">
            <KindTile kind=Signal::derive(move || node.with(|node| node.kind)) />
            <div class="panel-names">
                <h2 class="panel-title truncate" data-testid="panel-title">{move || node.with(|node| node_label(node))}</h2>
                <p class="muted small truncate">{about}</p>
            </div>
            <HealthPill health=Signal::derive(move || node.with(|node| node.health)) />
            <CloseButton />
        </header>
    }
}

#[component]
fn NodeActions(id: String, node: Memo<Arc<Node>>) -> impl IntoView {
    let map = expect_context::<MapContext>();
    let id = StoredValue::new(id);
    let focused =
        Memo::new(move |_| id.with_value(|id| map.page.state.with(|state| state.focus.as_ref() == Some(id))));
    let toggle = move |_| {
        map.moved.set(false);
        map.page.change(|state| {
            state.focus = (!focused.get_untracked()).then(|| id.get_value());
            state.depth = 1;
        });
    };
    let routes = move || map.page.state.with(|state| node.with(|node| state.routes_link(&node.name, None)));
    let traces = move || {
        node.with(|node| {
            let query = trace_links::spans_of(&node.id);
            map.page.state.with(|state| trace_links::traces(state, &query, Selection::default()))
        })
    };
    view! {
        <div class="panel-actions">
            <button
                class="btn"
                data-testid="focus-on"
                aria-pressed=move || focused.get().to_string()
                on:click=toggle
            >
                <Icon path=FOCUS />
                {move || if focused.get() { "Show the whole map" } else { "Focus on this" }}
            </button>
            <Show when=move || node.with(|node| node.kind != NodeKind::Client)>
                <a class="btn" href=routes data-testid="service-link">
                    "Routes"
                    <Icon path=ARROW />
                </a>
                <a class="btn" href=traces data-testid="node-traces">
                    "Traces"
                    <Icon path=ARROW />
                </a>
            </Show>
        </div>
    }
}

fn measures(node: &Node) -> Measures {
    Measures {
        requests: node.requests,
        rate: node.request_rate,
        errors: node.errors,
        error_rate: node.error_rate,
        p50_ms: node.p50_ms,
        p90_ms: node.p90_ms,
        p99_ms: node.p99_ms,
    }
}

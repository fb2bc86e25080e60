//! One box of the map.

use std::sync::Arc;

use leptos::prelude::*;
use sidecarta_queries::api::graph::{Node, NodeKind};

use super::context::MapContext;
use super::node_versions::{NodeVersions, VersionOpener};
use crate::components::icon::{of_health, of_kind};
use crate::components::sign::{health_class, health_word};
use crate::format;
use crate::layout::Point;
use crate::model::boxes::{box_size, fit, fitted_label, only_version};
use crate::model::search::kind_word;
use crate::model::snapshot::node_label;

/// One box: a signal for everything that moves, so that the box itself stays.
#[component]
pub(super) fn NodeBox(id: String) -> impl IntoView {
    let map = expect_context::<MapContext>();
    let node = map.node(id.clone());
    let id = StoredValue::new(id);
    let opened = Memo::new(move |_| id.with_value(|id| map.opened.with(|opened| opened.contains(id))));
    let size = Memo::new(move |_| node.with(|node| box_size(node, opened.get())));
    let place = Memo::new(move |_| {
        id.with_value(|id| map.placement.with(|placement| placement.node(id))).unwrap_or_default()
    });
    let transform = move || {
        let (Point { x, y }, (width, height)) = (place.get(), size.get());
        format!("translate({:.1} {:.1})", x - width / 2.0, y - height / 2.0)
    };
    let select = move || id.with_value(|id| map.select(id));
    let on_key = move |event: leptos::ev::KeyboardEvent| {
        if matches!(event.key().as_str(), "Enter" | " ") {
            event.prevent_default();
            select();
        }
    };
    view! {
        <g
            id=id.with_value(|id| node_element_id(id))
            class=move || node.with(|node| format!("node {} {}", health_class(node.health), kind_class(node.kind)))
            class:is-dim=move || id.with_value(|id| map.is_dim(id))
            class:is-selected=move || id.with_value(|id| map.is_selected(id))
            transform=transform
            tabindex=move || if id.with_value(|id| is_entry(map, id)) { "0" } else { "-1" }
            role="button"
            aria-label=move || node.with(|node| spoken(node))
            data-testid="node"
            data-node-id=id.get_value()
            data-requests=move || node.with(|node| node.requests)
            data-errors=move || node.with(|node| node.errors)
            on:pointerenter=move |_| map.hovered.set(Some(id.get_value()))
            on:pointerleave=move |_| map.hovered.set(None)
            on:click=move |event| {
                event.stop_propagation();
                select();
            }
            on:keydown=on_key
        >
            <title>{move || node.with(|node| node_label(node))}</title>
            <rect
                class="node-box"
                width=move || size.get().0
                height=move || size.get().1
                rx=move || node.with(|node| if node.kind == NodeKind::Client { 24 } else { 10 })
            />
            <NodeHead node width=Signal::derive(move || size.get().0) />
            <Show when=move || node.with(|node| node.versions.len() > 1)>
                <VersionOpener id node opened width=Signal::derive(move || size.get().0) />
            </Show>
            <Show when=move || opened.get()>
                <NodeVersions node width=Signal::derive(move || size.get().0) />
            </Show>
        </g>
    }
}

/// Icon, name, mark and the line of numbers.
#[component]
fn NodeHead(node: Memo<Arc<Node>>, width: Signal<f64>) -> impl IntoView {
    let client = Memo::new(move |_| node.with(|node| node.kind == NodeKind::Client));
    let text = move |read: fn(&Node) -> String| move || node.with(|node| read(node));
    let far = expect_context::<MapContext>().far;
    let numbers = move || {
        if far.get() {
            return ().into_any();
        }
        if client.get() {
            return view! {
                <text class="node-number" x="46" y="36">{text(|node| format::rate(node.request_rate))}</text>
            }
            .into_any();
        }
        view! {
            <text class="node-number" x="13" y="52">{text(|node| format::rate(node.request_rate))}</text>
            <text class="node-number node-errors" x=move || width.get() - 13.0 y="52" text-anchor="end">
                {text(|node| format!("{} err", format::percent(node.error_rate)))}
            </text>
            <text class="node-number" x="13" y="70">
                {text(|node| format!("p99 {}", format::duration_or_dash(node.p99_ms)))}
            </text>
            <text class="node-unit" x=move || width.get() - 13.0 y="70" text-anchor="end">
                {text(|node| only_version(node).map_or_else(String::new, |version| fit(version, 12.0, 62.0)))}
            </text>
        }
        .into_any()
    };
    view! {
        <rect class="node-tile" x="11" y=move || tile_top(client.get()) width="24" height="24" rx="7" />
        <svg class="node-icon" x="15.5" y=move || tile_top(client.get()) + 4.5 width="15" height="15" viewBox="0 0 16 16">
            <path d=move || node.with(|node| of_kind(node.kind)) />
        </svg>
        <text class="node-name" x=move || if client.get() { 46 } else { 44 } y=move || if client.get() { 21 } else { 27 }>
            {text(fitted_label)}
        </text>
        {numbers}
        <Show when=move || !client.get()>
            <svg class="node-mark" x=move || width.get() - 29.0 y="14" width="16" height="16" viewBox="0 0 16 16">
                <path d=move || node.with(|node| of_health(node.health)) />
            </svg>
        </Show>
    }
}

fn tile_top(client: bool) -> f64 {
    if client { 12.0 } else { 10.0 }
}

/// The id by which the page finds a node's box.
pub(super) fn node_element_id(id: &str) -> String {
    format!("node-{id}")
}

/// Whether the tab key enters the map at this box: the selected one, or else the first.
fn is_entry(map: MapContext, id: &str) -> bool {
    let first = map.view.with(|view| view.nodes.first().is_some_and(|first| first == id));
    map.is_selected(id) || (first && map.page.state.with(|state| state.select.is_none()))
}

fn kind_class(kind: NodeKind) -> &'static str {
    match kind {
        NodeKind::Service => "kind-service",
        NodeKind::Gateway => "kind-gateway",
        NodeKind::Database => "kind-database",
        NodeKind::Queue => "kind-queue",
        NodeKind::External => "kind-external",
        NodeKind::Client => "kind-client",
    }
}

/// The box in words.
fn spoken(node: &Node) -> String {
    format!(
        "{}, {}, {}, {}, {} errors, p99 {}",
        node_label(node),
        kind_word(node.kind),
        health_word(node.health),
        format::rate(node.request_rate),
        format::percent(node.error_rate),
        format::duration_or_dash(node.p99_ms),
    )
}

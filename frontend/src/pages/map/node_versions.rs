//! The versions of a service inside its box.

use std::sync::Arc;

use leptos::prelude::*;
use sidecarta_queries::api::graph::{Node, VersionShare};

use super::context::MapContext;
use crate::components::icon::{CHEVRON_DOWN, CHEVRON_UP, of_health};
use crate::components::sign::health_class;
use crate::components::versions::{share, version_name};
use crate::format;
use crate::model::boxes::{BOX_HEIGHT, VERSION_ROW, fit};

/// The button that opens and closes the versions, with their number.
#[component]
pub(super) fn VersionOpener(
    id: StoredValue<String>,
    node: Memo<Arc<Node>>,
    opened: Memo<bool>,
    width: Signal<f64>,
) -> impl IntoView {
    let map = expect_context::<MapContext>();
    let count = move || node.with(|node| node.versions.len());
    let label = move || {
        let verb = if opened.get() { "Hide" } else { "Show" };
        format!("{verb} {}", format::plural(count() as u64, "version", "versions"))
    };
    let toggle = move || id.with_value(|id| map.toggle_versions(id));
    let on_key = move |event: leptos::ev::KeyboardEvent| {
        if matches!(event.key().as_str(), "Enter" | " ") {
            event.prevent_default();
            event.stop_propagation();
            toggle();
        }
    };
    view! {
        <g
            class="opener"
            transform=move || format!("translate({:.1} 56)", width.get() - 49.0)
            role="button"
            tabindex="0"
            aria-label=label
            aria-expanded=move || opened.get().to_string()
            data-testid="versions-toggle"
            on:click=move |event| {
                event.stop_propagation();
                toggle();
            }
            on:keydown=on_key
        >
            <title>{label}</title>
            <rect width="36" height="17" rx="5.5" />
            <text x="12" y="12.5" text-anchor="middle">{count}</text>
            <svg x="18.5" y="2" width="13" height="13" viewBox="0 0 16 16">
                <path d=move || if opened.get() { CHEVRON_UP } else { CHEVRON_DOWN } />
            </svg>
        </g>
    }
}

/// A row for every version: its share of the traffic, errors and p99.
#[component]
pub(super) fn NodeVersions(node: Memo<Arc<Node>>, width: Signal<f64>) -> impl IntoView {
    let rows = move || (0..node.with(|node| node.versions.len())).collect::<Vec<_>>();
    view! {
        <line class="node-rule" x1="12" x2=move || width.get() - 12.0 y1=BOX_HEIGHT y2=BOX_HEIGHT />
        <For each=rows key=|index| *index let(index)>
            <Version node index width />
        </For>
    }
}

#[component]
fn Version(node: Memo<Arc<Node>>, index: usize, width: Signal<f64>) -> impl IntoView {
    let row = Memo::new(move |_| {
        node.with(|node| {
            let version = node.versions.get(index).cloned().unwrap_or_default();
            (share(&version, &node.versions), version)
        })
    });
    let text = move |read: fn(f64, &VersionShare) -> String| {
        move || row.with(|(share, version)| read(*share, version))
    };
    let top = BOX_HEIGHT + 6.0 + VERSION_ROW * index as f64;
    let inner = move || width.get() - 28.0;
    view! {
        <g
            class=move || row.with(|(_, version)| format!("version {}", health_class(version.health)))
            transform=format!("translate(14 {top})")
            data-testid="version"
            data-version=move || row.with(|(_, version)| version.version.clone())
            data-requests=move || row.with(|(_, version)| version.requests)
        >
            <svg class="node-mark" y="4" width="13" height="13" viewBox="0 0 16 16">
                <path d=move || row.with(|(_, version)| of_health(version.health)) />
            </svg>
            <text class="version-name" x="19" y="15">
                {text(|_, version| fit(&version_name(version), 12.5, 66.0))}
            </text>
            <text class="node-number" x=move || inner() * 0.5 y="15" text-anchor="end">
                {text(|share, _| format::percent(share))}
            </text>
            <text class="node-number node-errors" x=move || inner() * 0.73 y="15" text-anchor="end">
                {text(|_, version| format::percent(version.error_rate))}
            </text>
            <text class="node-number" x=inner y="15" text-anchor="end">
                {text(|_, version| format::duration_or_dash(version.p99_ms))}
            </text>
            <rect class="version-track" y="21" width=inner height="2" rx="1" />
            <rect class="version-share" y="21" width=move || inner() * row.get().0 height="2" rx="1" />
        </g>
    }
}

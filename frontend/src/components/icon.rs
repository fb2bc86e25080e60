//! Line icons on a grid of 16, drawn for Sidecarta.

use leptos::prelude::*;
use sidecarta_queries::api::graph::{Health, NodeKind};

pub(crate) const MAP: &str = "M1.8 4a2.2 2.2 0 1 0 4.4 0a2.2 2.2 0 1 0-4.4 0M9.8 8a2.2 2.2 0 1 0 4.4 0a2.2 2.2 0 1 0-4.4 0M1.8 12a2.2 2.2 0 1 0 4.4 0a2.2 2.2 0 1 0-4.4 0M6 5l4 2M6 11l4-2";
pub(crate) const SERVICES: &str = "M3.5 2.5h9a1 1 0 0 1 1 1V6a1 1 0 0 1-1 1h-9a1 1 0 0 1-1-1V3.5a1 1 0 0 1 1-1zM3.5 9h9a1 1 0 0 1 1 1v2.5a1 1 0 0 1-1 1h-9a1 1 0 0 1-1-1V10a1 1 0 0 1 1-1zM5 4.75h.01M5 11.25h.01";
pub(crate) const PROXIES: &str = "M5.5 2.5h5a1 1 0 0 1 1 1v9a1 1 0 0 1-1 1h-5a1 1 0 0 1-1-1v-9a1 1 0 0 1 1-1zM1.5 8h13M12.4 5.9L14.5 8l-2.1 2.1";
pub(crate) const SOURCES: &str = "M5.5 2v3.5M10.5 2v3.5M3.5 5.5h9v2.2a4.5 4.5 0 0 1-9 0zM8 12.2V14.5";
pub(crate) const TRACES: &str = "M2 3.5h7M4.5 8h8M7.5 12.5H14";
pub(crate) const CANARY: &str = "M8 2v12M3 4.5h10M3 4.5L1.2 9.5h3.6zM13 4.5l-1.8 5h3.6zM5.5 14h5";
pub(crate) const COMPARE: &str = "M5.5 2.5v11M10.5 2.5v11M2.5 5.5h3M10.5 10.5h3M2.5 10.5h3M10.5 5.5h3";
pub(crate) const SWAP: &str = "M3 5.5h9M9.5 3L12 5.5 9.5 8M13 10.5H4M6.5 8L4 10.5 6.5 13";
pub(crate) const REFRESH: &str = "M13 8a5 5 0 1 1-1.6-3.7M13 2.2v3h-3";
pub(crate) const POINTS: &str = "M2.5 2v11.5H14M6 9.5h.01M8 6.5h.01M10.5 8h.01M12 4.5h.01";
pub(crate) const HELP: &str =
    "M2 8a6 6 0 1 0 12 0a6 6 0 1 0-12 0M6.3 6.3a1.8 1.8 0 1 1 2.6 1.9c-.6.3-.9.6-.9 1.3M8 11.5v.01";
pub(crate) const SEARCH: &str = "M2.5 7a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0-9 0M10.3 10.3L13.8 13.8";
pub(crate) const CLOCK: &str = "M2 8a6 6 0 1 0 12 0a6 6 0 1 0-12 0M8 4.6V8l2.3 1.5";
pub(crate) const PAUSE: &str = "M5.5 3.5v9M10.5 3.5v9";
pub(crate) const PLAY: &str = "M5 3.2l7.5 4.8L5 12.8z";
pub(crate) const SUN: &str = "M5.2 8a2.8 2.8 0 1 0 5.6 0a2.8 2.8 0 1 0-5.6 0M8 1.4v1.4M8 13.2v1.4M1.4 8h1.4M13.2 8h1.4M3.3 3.3l1 1M11.7 11.7l1 1M3.3 12.7l1-1M11.7 4.3l1-1";
pub(crate) const MOON: &str = "M13.6 9.6A5.9 5.9 0 1 1 6.4 2.4a4.7 4.7 0 0 0 7.2 7.2z";
pub(crate) const SYSTEM: &str = "M2 3h12v8H2zM5.5 13.6h5";
pub(crate) const CLOSE: &str = "M4 4l8 8M12 4l-8 8";
pub(crate) const CHEVRON_DOWN: &str = "M4 6.2l4 4 4-4";
pub(crate) const CHEVRON_UP: &str = "M4 9.8l4-4 4 4";
pub(crate) const PLUS: &str = "M8 3v10M3 8h10";
pub(crate) const MINUS: &str = "M3 8h10";
pub(crate) const FIT: &str = "M2.8 6V2.8H6M10 2.8h3.2V6M13.2 10v3.2H10M6 13.2H2.8V10";
pub(crate) const FOCUS: &str = "M3.5 8a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0-9 0M8 1.5v3M8 11.5v3M1.5 8h3M11.5 8h3";
pub(crate) const DOWNLOAD: &str = "M8 2.5v7.6M4.8 7.1L8 10.3l3.2-3.2M3 13.3h10";
pub(crate) const COPY: &str = "M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3";
pub(crate) const CHECK: &str = "M3 8.5l3.3 3.2L13 5";
pub(crate) const TABLE: &str = "M2.5 3h11v10h-11zM2.5 6.4h11M6.6 6.4V13";
pub(crate) const LOCK: &str = "M4 7.4h8V13H4zM5.6 7.4V5.2a2.4 2.4 0 0 1 4.8 0v2.2";
pub(crate) const UNLOCK: &str = "M4 7.4h8V13H4zM5.6 7.4V5.2a2.4 2.4 0 0 1 4.5-1.2";
pub(crate) const ARROW: &str = "M3 8h10M9 4l4 4-4 4";
pub(crate) const FILTER: &str = "M2.5 3.5h11L9.3 8.6V13l-2.6-1.4v-3z";
pub(crate) const HIDE: &str =
    "M1.8 8S4 3.8 8 3.8 14.2 8 14.2 8 12 12.2 8 12.2 1.8 8 1.8 8zM3.2 13.6L12.8 2.4";
pub(crate) const MOTION: &str = "M1.5 8h3M6.2 8a1.8 1.8 0 1 0 3.6 0a1.8 1.8 0 1 0-3.6 0M11.5 8h3";
pub(crate) const CALL: &str = "M1.8 8a1.9 1.9 0 1 0 3.8 0a1.9 1.9 0 1 0-3.8 0M5.6 8H13M10 5l3 3-3 3";

/// One of the icons above, as tall as a line of text.
#[component]
pub(crate) fn Icon(
    /// The icon's path.
    #[prop(into)]
    path: Signal<&'static str>,
) -> impl IntoView {
    view! {
        <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
            <path d=move || path.get() />
        </svg>
    }
}

/// The shape of a kind of node.
pub(crate) fn of_kind(kind: NodeKind) -> &'static str {
    match kind {
        NodeKind::Service => "M8 1.8l5.4 3.1v6.2L8 14.2l-5.4-3.1V4.9zM2.6 4.9L8 8l5.4-3.1M8 8v6.2",
        NodeKind::Gateway => "M9.5 2.5H13v11H9.5M2.5 8h7M6.8 5.2L9.6 8l-2.8 2.8",
        NodeKind::Database => {
            "M3 4c0-1.1 2.2-2 5-2s5 .9 5 2-2.2 2-5 2-5-.9-5-2zM3 4v8c0 1.1 2.2 2 5 2s5-.9 5-2V4M3 8c0 1.1 2.2 2 5 2s5-.9 5-2"
        }
        NodeKind::Queue => "M2 4.5h3v7H2zM6.5 4.5h3v7h-3zM11 4.5h3v7h-3z",
        NodeKind::External => "M4.6 12.7a3 3 0 0 1-.4-6 4 4 0 0 1 7.7.6 2.7 2.7 0 0 1-.4 5.4z",
        NodeKind::Client => {
            "M5.4 5a2.6 2.6 0 1 0 5.2 0a2.6 2.6 0 1 0-5.2 0M2.8 13.8c.4-2.9 2.5-4.1 5.2-4.1s4.8 1.2 5.2 4.1"
        }
    }
}

/// The shape that says how something is doing, for eyes that do not tell red from green.
pub(crate) fn of_health(health: Health) -> &'static str {
    match health {
        Health::Idle => "M2 8a6 6 0 1 0 12 0a6 6 0 1 0-12 0M5.5 8h5",
        Health::Healthy => "M2 8a6 6 0 1 0 12 0a6 6 0 1 0-12 0M5.3 8.2l1.9 1.9 3.5-3.9",
        Health::Degraded => "M8 2.2l6.2 11.2H1.8zM8 6.6v3.1M8 11.6v.01",
        Health::Failing => "M5.4 2h5.2L14 5.4v5.2L10.6 14H5.4L2 10.6V5.4zM6 6l4 4M10 6l-4 4",
    }
}

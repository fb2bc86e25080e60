//! What the drawing means, and which keys there are.

use leptos::prelude::*;

use crate::components::icon::{Icon, of_health};
use crate::components::popover::Popover;

const KEYS: [(&str, &str); 10] = [
    ("↑ ↓", "Row by row"),
    ("→ ←", "Open, close, go to child or parent"),
    ("Enter", "Open the details"),
    ("/", "Search in this trace"),
    ("n N", "Next or last hit"),
    ("e E", "Next or last error"),
    ("p P", "Proxies of the hop, of all hops"),
    ("z Z", "Zoom to the span, to the whole trace"),
    ("Esc", "Close the details"),
    ("Ctrl wheel", "Zoom around the pointer"),
];

/// A button with a window that explains the drawing.
#[component]
pub(super) fn Legend() -> impl IntoView {
    view! {
        <Popover
            label=|| "Legend".into_any()
            button="btn btn-small"
            test_id="trace-legend"
            about="What the drawing means"
            class="trace-legend"
            draw=|_| explanation()
        />
    }
    .into_any()
}

fn explanation() -> AnyView {
    view! {
        <ul>
            <li><i class="key-bar"></i>"The span; its colour is its service's"</li>
            <li><i class="key-bar is-own"></i>"Its own work: no child was at work"</li>
            <li><i class="key-bar is-critical"></i>"Critical path: it decided how long all took"</li>
            <li><i class="mark mark-event"></i>"Event of the span"</li>
            <li><i class="mark mark-log"></i>"Log record"</li>
            <li><i class="mark mark-access-log"></i>"Line of a proxy's access log"</li>
            <li>
                <span class="is-failing key-sign">
                    <Icon path=of_health(sidecarta_queries::api::graph::Health::Failing) />
                </span>
                "Failed; marks that tell of a failure are red and larger"
            </li>
        </ul>
        <hr class="menu-rule" />
        <dl>
            {KEYS
                .map(|(key, words)| view! { <dt><kbd>{key}</kbd></dt><dd>{words}</dd> })
                .into_iter()
                .collect_view()}
        </dl>
    }
    .into_any()
}

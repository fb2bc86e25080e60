//! What the drawing means, and which keys there are.

use leptos::prelude::*;

use crate::components::icon::{Icon, of_health};

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
    let open = RwSignal::new(false);
    view! {
        <div
            class="anchor"
            on:keydown=move |event| {
                if event.key() == "Escape" && open.get_untracked() {
                    event.prevent_default();
                    open.set(false);
                }
            }
        >
            <button
                class="btn btn-small"
                aria-haspopup="true"
                aria-expanded=move || open.get().to_string()
                data-testid="trace-legend"
                on:click=move |_| open.update(|open| *open = !*open)
            >
                "Legend"
            </button>
            <Show when=move || open.get()>
                <div class="popover trace-legend">
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
                </div>
            </Show>
        </div>
    }
    .into_any()
}

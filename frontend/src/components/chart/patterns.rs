//! Patterns by which the parts of bars differ beside their colours.

use leptos::prelude::*;

/// The patterns that the style sheet refers to. A page with bars draws them once.
#[component]
pub(crate) fn Patterns() -> impl IntoView {
    let pattern = |id: &'static str, class: &'static str, d: &'static str| {
        view! {
            <pattern id=id class=class width="6" height="6" patternUnits="userSpaceOnUse">
                <rect width="6" height="6" fill="currentColor" fill-opacity="0.35" />
                <path d=d stroke="currentColor" stroke-width="2" fill="none" />
            </pattern>
        }
    };
    view! {
        <svg class="sr-only" aria-hidden="true">
            <defs>
                {pattern("dots", "pattern-moved", "M2 3h2")}
                {pattern("stripes-client", "pattern-client", "M-1 1l2 -2M0 6L6 0M5 7l2 -2")}
                {pattern("stripes-server", "pattern-server", "M-1 5l2 2M0 0L6 6M5 -1l2 2")}
                {pattern("grid-none", "pattern-none", "M0 3h6M3 0v6")}
            </defs>
        </svg>
    }
    .into_any()
}

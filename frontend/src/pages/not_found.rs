//! What any other URL shows.

use leptos::prelude::*;

use crate::components::icon::{Icon, MAP};

/// Says that there is no such page.
#[component]
pub(crate) fn NotFoundPage() -> impl IntoView {
    view! {
        <div class="notice" data-testid="not-found">
            <span class="notice-mark">
                <Icon path=MAP />
            </span>
            <h2>"There is no such page"</h2>
            <p>"The link may be old, or a letter of it lost."</p>
            <a class="btn btn-primary" href="/">
                "Open the map"
            </a>
        </div>
    }
}

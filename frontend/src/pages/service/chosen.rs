//! What the charts speak of: one route, one version, one caller.

use leptos::prelude::*;

use crate::components::icon::{CLOSE, Icon};
use crate::model::routes::caller_name;
use crate::page::Page;

/// Route, version and caller that are chosen, with the way back to all of them; nothing where none is.
#[component]
pub(super) fn Chosen() -> impl IntoView {
    let page = expect_context::<Page>();
    let chosen = Memo::new(move |_| page.state.with(|state| state.service.clone()));
    let is_chosen = Memo::new(move |_| {
        chosen.with(|chosen| chosen.route.is_some() || chosen.version.is_some() || chosen.caller.is_some())
    });
    let route = move || {
        let route = chosen.with(|chosen| chosen.route.clone());
        route.map(|route| view! { <code class="chosen-route">{route}</code> })
    };
    let others = move || {
        chosen.with(|chosen| {
            let version = chosen.version.as_ref().map(|version| format!("version {version}"));
            let caller = chosen.caller.as_ref().map(|caller| format!("called by {}", caller_name(caller)));
            version
                .into_iter()
                .chain(caller)
                .map(|words| view! { <span class="badge">{words}</span> })
                .collect_view()
        })
    };
    let back = move |_| {
        page.change(|state| {
            (state.service.route, state.service.version, state.service.caller) = (None, None, None);
        });
    };
    view! {
        <Show when=move || is_chosen.get()>
            <div class="chosen" data-testid="chosen-route">
                <span class="muted small">"The charts speak of"</span>
                {route}
                {others}
                <button class="btn btn-small" data-testid="all-routes" on:click=back>
                    <Icon path=CLOSE />
                    "Back to all routes"
                </button>
            </div>
        </Show>
    }
    .into_any()
}

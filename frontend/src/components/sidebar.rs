//! The navigation beside every page, and the product's own mark.

use leptos::prelude::*;

use crate::components::icon::{CANARY, Icon, MAP, PROXIES, SERVICES, SOURCES, TRACES};
use crate::format;
use crate::live::Live;
use crate::page::Page;

/// A bike and its sidecar as two joined stops on a map.
#[component]
pub(crate) fn Brand() -> impl IntoView {
    let page = expect_context::<Page>();
    view! {
        <a class="brand" href=move || format!("/{}", page.state.with(crate::state::PageState::carried_query))>
            <svg viewBox="0 0 26 26" aria-hidden="true">
                <rect class="brand-tile" width="26" height="26" rx="7.5" />
                <path class="brand-way" d="M3.5 19.5C7 19.5 6.5 10.5 10.5 10.5M13.8 13.2L16.4 16.2M19.5 18.5H23" />
                <circle class="brand-ring" cx="11.4" cy="10.4" r="3.9" />
                <circle class="brand-dot" cx="17.9" cy="17.9" r="2.5" />
            </svg>
            <span>"Sidecarta"</span>
        </a>
    }
}

/// The pages that exist.
#[component]
pub(crate) fn Sidebar() -> impl IntoView {
    let live = expect_context::<Live>();
    let version = Memo::new(move |_| {
        live.status.with(|status| status.as_ref().map(|status| format!("Sidecarta {}", status.version)))
    });
    let spans = Memo::new(move |_| {
        live.status.with(|status| {
            status.as_ref().map(|status| format::plural(status.spans, "span stored", "spans stored"))
        })
    });
    view! {
        <aside class="sidebar">
            <Brand />
            <nav class="nav" aria-label="Pages">
                <NavLink path="/" title="Map" icon=MAP />
                <NavLink path="/services" title="Services" icon=SERVICES />
                <NavLink path="/traces" title="Traces" icon=TRACES />
                <NavLink path="/canary" title="Canary" icon=CANARY />
                <NavLink path="/proxies" title="Proxies" icon=PROXIES />
                <NavLink path="/sources" title="Sources" icon=SOURCES />
            </nav>
            <div class="sidebar-foot num">
                <span>{spans}</span>
                <span>{version}</span>
            </div>
        </aside>
    }
}

/// A link that keeps the time range.
#[component]
fn NavLink(path: &'static str, title: &'static str, icon: &'static str) -> impl IntoView {
    let page = expect_context::<Page>();
    let current = move || {
        page.path
            .with(|at| at == path || (path != "/" && at.starts_with(&format!("{path}/"))))
            .then_some("page")
    };
    view! {
        <a
            class="nav-link"
            href=move || format!("{path}{}", page.state.with(crate::state::PageState::carried_query))
            aria-current=current
            title=title
            data-testid=format!("nav-{}", title.to_lowercase())
        >
            <Icon path=icon />
            <span>{title}</span>
        </a>
    }
}

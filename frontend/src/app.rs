//! The frame and the pages.

use leptos::mount::mount_to_body;
use leptos::prelude::*;
use leptos_router::components::{Route, Router, Routes};
use leptos_router::path;

use crate::components::palette::{Palette, PaletteOpen};
use crate::components::sidebar::Sidebar;
use crate::components::topbar::Topbar;
use crate::live::Live;
use crate::model::search::PAGES;
use crate::page::Page;
use crate::pages::{
    canary::CanaryPage, compare::ComparePage, map::MapPage, not_found::NotFoundPage, proxies::ProxiesPage,
    proxy::ProxyPage, service::ServicePage, services::ServicesPage, sources::SourcesPage, trace::TracePage,
    traces::TracesPage,
};
use crate::preferences::Preferences;

/// Takes the loading shell away and draws the dashboard.
pub(crate) fn mount() {
    if let Some(loading) = document().get_element_by_id("loading") {
        loading.remove();
    }
    mount_to_body(App);
}

#[component]
fn App() -> impl IntoView {
    view! {
        <Router>
            <Frame />
        </Router>
    }
}

#[component]
fn Frame() -> impl IntoView {
    let page = Page::provide();
    Preferences::provide(page);
    Live::provide(page);
    PaletteOpen::provide();
    Effect::new(move || document().set_title(&title(&page.path.get())));
    view! {
        <div class="shell">
            <Sidebar />
            <Topbar />
            <main class="main" id="main">
                <Routes fallback=|| NotFoundPage().into_any()>
                    <Route path=path!("/") view=MapPage />
                    <Route path=path!("/services") view=ServicesPage />
                    <Route path=path!("/services/:name") view=ServicePage />
                    <Route path=path!("/traces") view=TracesPage />
                    <Route path=path!("/traces/compare") view=ComparePage />
                    <Route path=path!("/canary") view=CanaryPage />
                    <Route path=path!("/proxies") view=ProxiesPage />
                    <Route path=path!("/proxies/:id") view=ProxyPage />
                    <Route path=path!("/sources") view=SourcesPage />
                    <Route path=path!("/traces/:id") view=TracePage />
                </Routes>
            </main>
        </div>
        <Palette />
    }
}

/// What the browser's tab says.
fn title(path: &str) -> String {
    let page = PAGES.iter().find(|(_, of)| *of == path).map(|(title, _)| *title);
    let one = ["/services/", "/proxies/", "/traces/"].iter().find_map(|of| path.strip_prefix(of));
    match (page, one) {
        (Some(page), _) => format!("{page} · Sidecarta"),
        (None, Some(name)) => format!("{} · Sidecarta", decoded(name)),
        (None, None) => "Sidecarta".to_owned(),
    }
}

/// A segment of a path as it was before it was encoded.
fn decoded(segment: &str) -> String {
    js_sys::decode_uri_component(segment).map_or_else(|_| segment.to_owned(), String::from)
}

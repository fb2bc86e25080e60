//! The map: who calls whom, how often, how well.

use leptos::prelude::*;

use crate::components::notice::{FailureBanner, FailureNotice};
use crate::live::Live;
use crate::state::Presentation;

mod canvas;
mod context;
mod edge_line;
mod empty;
mod export;
mod legend;
mod node_box;
mod node_versions;
mod panel;
mod table;
mod toolbar;

use canvas::Canvas;
use context::MapContext;
use empty::{EmptyMap, MapSkeleton, NothingMatches};
use panel::Panel;
use table::MapTable;
use toolbar::Toolbar;

/// The page `/`.
#[component]
pub(crate) fn MapPage() -> impl IntoView {
    let map = MapContext::provide();
    view! {
        <div class="map-page">
            <h1 class="sr-only">"Map"</h1>
            <Toolbar />
            <div class="map-stage">
                <Stage />
                {move || map.page.state.with(|state| state.select.is_some()).then(|| view! { <Panel /> })}
            </div>
        </div>
    }
    .into_any()
}

/// What fills the room below the toolbar.
#[derive(Clone, Copy, PartialEq)]
enum Scene {
    Loading,
    Failed,
    Empty,
    NothingMatches,
    Graph,
    Table,
}

#[component]
fn Stage() -> impl IntoView {
    let map = expect_context::<MapContext>();
    let live = expect_context::<Live>();
    let scene = Memo::new(move |_| {
        let loaded =
            live.snapshot.with(|snapshot| snapshot.as_ref().map(|snapshot| snapshot.nodes.is_empty()));
        match loaded {
            None if live.failure.with(Option::is_some) => Scene::Failed,
            None => Scene::Loading,
            Some(true) if map.page.state.with(|state| state.focus.is_none() && state.min_rate.is_none()) => {
                Scene::Empty
            }
            Some(true) => Scene::NothingMatches,
            Some(false) if map.view.with(|view| view.nodes.is_empty()) => Scene::NothingMatches,
            Some(false) if map.page.state.with(|state| state.view == Presentation::Table) => Scene::Table,
            Some(false) => Scene::Graph,
        }
    });
    let retry = Callback::new(move |()| live.retry());
    let failure = move || {
        let failure = live.failure.get()?;
        Some(match scene.get() {
            Scene::Failed => view! { <FailureNotice failure retry /> }.into_any(),
            _ => view! { <div class="map-banner"><FailureBanner failure retry /></div> }.into_any(),
        })
    };
    view! {
        {failure}
        {move || match scene.get() {
            Scene::Loading => view! { <MapSkeleton /> }.into_any(),
            Scene::Failed => ().into_any(),
            Scene::Empty => view! { <EmptyMap /> }.into_any(),
            Scene::NothingMatches => view! { <NothingMatches /> }.into_any(),
            Scene::Graph => view! { <Canvas /> }.into_any(),
            Scene::Table => view! { <MapTable /> }.into_any(),
        }}
    }
}

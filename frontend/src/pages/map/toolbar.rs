//! What is shown of the graph, and how.

use leptos::prelude::*;

use super::context::MapContext;
use super::export::ExportMenu;
use crate::components::icon::{CLOSE, FILTER, FOCUS, HIDE, Icon, MAP, MINUS, MOTION, PLUS, TABLE};
use crate::format;
use crate::preferences::Preferences;
use crate::state::{Grouping, MAX_DEPTH, PageState, Presentation};

/// The bar above the map.
#[component]
pub(super) fn Toolbar() -> impl IntoView {
    view! {
        <div class="toolbar" role="toolbar" aria-label="Map">
            <FindBox />
            <GroupChoice />
            <Switch
                label="Only unhealthy"
                test_id="unhealthy-toggle"
                icon=FILTER
                get=|state| state.unhealthy
                set=|state, on| state.unhealthy = on
            />
            <Switch
                label="Hide idle"
                test_id="idle-toggle"
                icon=HIDE
                get=|state| state.hide_idle
                set=|state, on| state.hide_idle = on
            />
            <FocusChip />
            <div class="toolbar-end">
                <Summary />
                <MotionToggle />
                <PresentationChoice />
                <ExportMenu />
            </div>
        </div>
    }
}

#[component]
fn FindBox() -> impl IntoView {
    let map = expect_context::<MapContext>();
    let find = Memo::new(move |_| map.page.state.with(|state| state.find.clone()));
    view! {
        <label class="field find">
            <Icon path=crate::components::icon::SEARCH />
            <span class="sr-only">"Find a service on the map"</span>
            <input
                type="search"
                placeholder="Find on the map"
                data-testid="find"
                autocomplete="off"
                spellcheck="false"
                prop:value=find
                on:input=move |event| {
                    let text = event_target_value(&event);
                    map.page.replace(|state| state.find = text);
                }
                on:keydown=move |event| {
                    if event.key() == "Escape" {
                        map.page.replace(|state| state.find.clear());
                    }
                }
            />
        </label>
    }
}

#[component]
fn GroupChoice() -> impl IntoView {
    let map = expect_context::<MapContext>();
    let choice = move |group: Grouping, name: &'static str, test_id: &'static str| {
        let pressed = move || map.page.state.with(|state| state.group == group).to_string();
        view! {
            <button
                aria-pressed=pressed
                data-testid=test_id
                on:click=move |_| map.page.change(|state| state.group = group)
            >
                {name}
            </button>
        }
    };
    view! {
        <div class="segmented" role="group" aria-label="One box for each">
            {choice(Grouping::Service, "Services", "group-service")}
            {choice(Grouping::Version, "Versions", "group-version")}
        </div>
    }
}

/// A part of the state that is on or off.
#[component]
fn Switch(
    label: &'static str,
    test_id: &'static str,
    icon: &'static str,
    get: fn(&PageState) -> bool,
    set: fn(&mut PageState, bool),
) -> impl IntoView {
    let map = expect_context::<MapContext>();
    let on = Memo::new(move |_| map.page.state.with(get));
    view! {
        <button
            class="btn"
            title=label
            aria-label=label
            aria-pressed=move || on.get().to_string()
            data-testid=test_id
            on:click=move |_| {
                let next = !on.get_untracked();
                map.page.change(|state| set(state, next));
            }
        >
            <Icon path=icon />
            <span class="wide-only">{label}</span>
        </button>
    }
}

/// The service in focus, how far around it the map reaches, and the way back.
#[component]
fn FocusChip() -> impl IntoView {
    let map = expect_context::<MapContext>();
    let focus = Memo::new(move |_| map.page.state.with(|state| state.focus.clone()));
    let depth = Memo::new(move |_| map.page.state.with(|state| state.depth));
    let nearest = move || depth.get() <= 1;
    let farthest = move || depth.get() >= MAX_DEPTH;
    let name = move || focus.get().map(|id| map.snapshot.with(|snapshot| snapshot.label(&id)));
    view! {
        <Show when=move || focus.with(Option::is_some)>
            <div class="chip" role="group" aria-label="Focus" data-testid="focus">
                <Icon path=FOCUS />
                <strong class="truncate">{name}</strong>
                <button
                    aria-label="One step less around the focus"
                    disabled=nearest
                    on:click=move |_| map.page.change(|state| state.depth -= 1)
                >
                    <Icon path=MINUS />
                </button>
                <span class="num">{move || format::plural(depth.get().into(), "step", "steps")}</span>
                <button
                    aria-label="One step more around the focus"
                    disabled=farthest
                    on:click=move |_| map.page.change(|state| state.depth += 1)
                    data-testid="depth-more"
                >
                    <Icon path=PLUS />
                </button>
                <button
                    aria-label="Show the whole map again"
                    on:click=move |_| map.page.change(|state| (state.focus, state.depth) = (None, 1))
                    data-testid="focus-clear"
                >
                    <Icon path=CLOSE />
                </button>
            </div>
        </Show>
    }
}

/// How much of the mesh is on the map.
#[component]
fn Summary() -> impl IntoView {
    let map = expect_context::<MapContext>();
    let nodes = Memo::new(move |_| map.view.with(|view| view.nodes.len() as u64));
    let edges = Memo::new(move |_| map.view.with(|view| view.edges.len() as u64));
    let hidden = Memo::new(move |_| {
        let filtered = map.view.with(|view| view.filtered as u64);
        filtered + map.snapshot.with(|snapshot| snapshot.coverage.hidden_nodes)
    });
    let proxies = Memo::new(move |_| {
        map.snapshot.with(|snapshot| (snapshot.coverage.proxies_reporting, snapshot.coverage.proxies))
    });
    view! {
        <Show when=move || nodes.get() != 0>
            <p class="summary num" data-testid="summary">
                {move || format::plural(nodes.get(), "box", "boxes")} " · "
                {move || format::plural(edges.get(), "call", "calls")}
                {move || (hidden.get() > 0).then(|| format!(" · {} hidden", format::count(hidden.get())))}
                {move || {
                    let (reporting, known) = proxies.get();
                    (known > 0).then(|| format!(" · {reporting} of {known} proxies reporting"))
                }}
            </p>
        </Show>
    }
}

#[component]
fn MotionToggle() -> impl IntoView {
    let motion = expect_context::<Preferences>().motion;
    let label = move || if motion.get() { "Stop the moving dots" } else { "Show traffic as moving dots" };
    view! {
        <button
            class="btn btn-icon btn-quiet motion-toggle"
            title=label
            aria-label=label
            aria-pressed=move || motion.get().to_string()
            data-testid="motion-toggle"
            on:click=move |_| motion.update(|motion| *motion = !*motion)
        >
            <Icon path=MOTION />
        </button>
    }
}

#[component]
fn PresentationChoice() -> impl IntoView {
    let map = expect_context::<MapContext>();
    let choice = move |view: Presentation, name: &'static str, icon: &'static str, test_id: &'static str| {
        let pressed = move || map.page.state.with(|state| state.view == view).to_string();
        view! {
            <button
                title=name
                aria-label=name
                aria-pressed=pressed
                data-testid=test_id
                on:click=move |_| map.page.change(|state| state.view = view)
            >
                <Icon path=icon />
                <span class="wide-only">{name}</span>
            </button>
        }
    };
    view! {
        <div class="segmented" role="group" aria-label="Show as">
            {choice(Presentation::Graph, "Graph", MAP, "view-graph")}
            {choice(Presentation::Table, "Table", TABLE, "view-table")}
        </div>
    }
}

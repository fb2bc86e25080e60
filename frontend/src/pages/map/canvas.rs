//! The drawing, and the window that is moved over it.

use leptos::ev;
use leptos::prelude::*;
use leptos::svg;
use leptos::wasm_bindgen::JsCast;

use super::context::MapContext;
use super::edge_line::{Arrows, EdgeLabel, EdgeLine};
use super::legend::Legend;
use super::node_box::{NodeBox, node_element_id};
use crate::components::icon::{FIT, Icon, MINUS, PLUS};
use crate::model::walk::{Direction, next_in};

mod drag;

use drag::Drag;

/// Id of the drawing, by which the export finds it.
pub(super) const DRAWING: &str = "map-drawing";

/// The drawing with its controls.
#[component]
pub(super) fn Canvas() -> impl IntoView {
    let map = expect_context::<MapContext>();
    let drawing = NodeRef::<svg::Svg>::new();
    follow_window(map, drawing);
    view! {
        <div class="canvas">
            <Drawing drawing />
            <div class="map-corner">
                <Legend />
                <ZoomButtons />
            </div>
            <FoldNote />
        </div>
    }
}

/// Keeps the size of the window, and fits the map into it until the viewer moves it.
fn follow_window(map: MapContext, drawing: NodeRef<svg::Svg>) {
    let measure = move || {
        if let Some(drawing) = drawing.get_untracked() {
            let bounds = drawing.get_bounding_client_rect();
            map.window.set((bounds.width(), bounds.height()));
        }
    };
    Effect::new(move || {
        if drawing.get().is_some() {
            measure();
        }
    });
    let handle = window_event_listener(ev::resize, move |_| measure());
    on_cleanup(move || handle.remove());
    // Other boxes are another map; a box that opens is not.
    let boxes = Memo::new(move |_| {
        (map.view.with(|view| view.nodes.clone()), map.placement.with(|placement| placement.flow()))
    });
    Effect::new(move || {
        map.window.track();
        boxes.track();
        if !map.moved.get_untracked() {
            map.begin();
        }
    });
    // What is selected must not lie under the panel.
    let selected = Memo::new(move |_| {
        let id = map.page.state.with(|state| state.select.clone())?;
        map.placement
            .with(|placement| placement.node(&id).or_else(|| placement.edge(&id).map(|line| line.label)))
    });
    Effect::new(move || {
        if let Some(at) = selected.get() {
            map.bring(at);
        }
    });
}

#[component]
fn Drawing(drawing: NodeRef<svg::Svg>) -> impl IntoView {
    let map = expect_context::<MapContext>();
    let drag = Drag::new(map);
    let here = move |event: &ev::MouseEvent| {
        let bounds = drawing.get_untracked().map(|drawing| drawing.get_bounding_client_rect());
        let (left, top) = bounds.map_or((0.0, 0.0), |bounds| (bounds.left(), bounds.top()));
        (f64::from(event.client_x()) - left, f64::from(event.client_y()) - top)
    };
    let on_wheel = move |event: ev::WheelEvent| {
        event.prevent_default();
        map.moved.set(true);
        let factor = (-event.delta_y() * if event.ctrl_key() { 0.01 } else { 0.0015 }).exp();
        map.viewport.update(|view| *view = view.zoomed(factor, here(&event)));
    };
    let nodes = move || map.view.with(|view| view.nodes.clone());
    let edges = move || map.view.with(|view| view.edges.clone());
    let labels = move || if map.far.get() { Vec::new() } else { edges() };
    view! {
        <svg
            id=DRAWING
            node_ref=drawing
            class="drawing"
            class:is-far=move || map.far.get()
            class:is-dragged=move || drag.is_moving()
            role="group"
            aria-label="Service graph. Arrow keys go from box to box, Enter opens one."
            data-testid="map"
            on:wheel=on_wheel
            on:pointerdown=move |event| drag.begin(&event, here(&event))
            on:pointermove=move |event| drag.go_on(&event, here(&event), drawing)
            on:pointerup=move |event| drag.end(&event)
            on:pointercancel=move |event| drag.end(&event)
            on:click=move |_| {
                if !drag.was_moved() {
                    map.deselect();
                }
            }
            on:keydown=move |event| on_key(map, &event)
        >
            <Arrows />
            <g transform=move || map.viewport.with(|view| view.transform())>
                <g class="edges">
                    <For each=edges key=Clone::clone let(id)>
                        <EdgeLine id />
                    </For>
                </g>
                <g class="nodes">
                    <For each=nodes key=Clone::clone let(id)>
                        <NodeBox id />
                    </For>
                </g>
                <g class="edge-labels">
                    <For each=labels key=Clone::clone let(id)>
                        <EdgeLabel id />
                    </For>
                </g>
            </g>
        </svg>
    }
}

/// Arrow keys go to the next box.
fn on_key(map: MapContext, event: &ev::KeyboardEvent) {
    let key = event.key();
    let Some(direction) = Direction::of_key(&key) else { return };
    event.prevent_default();
    let focused = document().active_element().and_then(|element| element.get_attribute("data-node-id"));
    let placement = map.placement.get_untracked();
    let from = focused.and_then(|id| placement.node(&id));
    let mut boxes = placement.nodes().map(|(id, at)| (id, (at.x, at.y)));
    let next = match from {
        Some(from) => next_in(boxes, (from.x, from.y), direction),
        None => boxes.next().map(|(id, _)| id),
    };
    if let Some(next) = next {
        focus_node(map, next);
    }
}

/// Gives the keyboard to a box and brings it into the window.
fn focus_node(map: MapContext, id: &str) {
    let at = map.placement.with_untracked(|placement| placement.node(id));
    if let Some(at) = at {
        map.bring(at);
    }
    let element = document().get_element_by_id(&node_element_id(id));
    if let Some(element) = element.and_then(|element| element.dyn_into::<web_sys::SvgElement>().ok()) {
        let _ = element.focus();
    }
}

#[component]
fn ZoomButtons() -> impl IntoView {
    let map = expect_context::<MapContext>();
    let fit = move |_| {
        map.moved.set(false);
        map.fit();
    };
    view! {
        <div class="zoom" role="group" aria-label="Zoom">
            <button class="btn btn-icon" title="Nearer" aria-label="Nearer" data-testid="zoom-in" on:click=move |_| map.zoom(1.25)>
                <Icon path=PLUS />
            </button>
            <button class="btn btn-icon" title="Farther" aria-label="Farther" data-testid="zoom-out" on:click=move |_| map.zoom(0.8)>
                <Icon path=MINUS />
            </button>
            <button class="btn btn-icon" title="Show the whole map" aria-label="Show the whole map" data-testid="fit" on:click=fit>
                <Icon path=FIT />
            </button>
        </div>
    }
}

/// Says what is not drawn, and offers to draw it.
#[component]
fn FoldNote() -> impl IntoView {
    let map = expect_context::<MapContext>();
    let folded = Memo::new(move |_| map.view.with(|view| view.folded));
    let drawn = move || map.view.with(|view| view.nodes.len());
    let all = Memo::new(move |_| map.page.state.with(|state| state.all));
    let many = move || drawn() > crate::model::view::FOLD_LIMIT;
    view! {
        <Show when=move || { folded.get() > 0 }>
            <div class="fold-note" role="status" data-testid="folded">
                <span>
                    "The "{drawn}" busiest are drawn, "{move || folded.get()}" more are folded."
                </span>
                <button class="btn btn-small" on:click=move |_| map.page.change(|state| state.all = true)>
                    "Draw all"
                </button>
            </div>
        </Show>
        <Show when=move || all.get() && many()>
            <div class="fold-note" role="status">
                <span>"All "{drawn}" are drawn."</span>
                <button class="btn btn-small" on:click=move |_| map.page.change(|state| state.all = false)>
                    "Fold"
                </button>
            </div>
        </Show>
    }
}

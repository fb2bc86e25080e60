//! What the parts of the map share.

use std::collections::BTreeSet;
use std::sync::Arc;

use leptos::prelude::*;
use sidecarta_queries::api::graph::{Edge, Node};

use crate::layout::Point;
use crate::live::Live;
use crate::model::placement::{Flow, Placement};
use crate::model::snapshot::Snapshot;
use crate::model::view::{MapView, ViewOptions, matches_find};
use crate::model::viewport::{NARROW, Viewport};
use crate::page::Page;
use crate::timeline::measured;

/// Width of the side panel with its margins, px.
const PANEL_WIDTH: f64 = 444.0;
/// Height of the controls in the corner with their margin, px.
const CONTROLS_HEIGHT: f64 = 48.0;
/// Below this scale letters cannot be read and labels are left out.
const FAR: f64 = 0.42;
/// What the panel takes of the height of a narrow window, where it lies below.
const SHEET_SHARE: f64 = 0.62;

/// Ids of what stays bright while the rest is dimmed.
type Bright = Option<Arc<BTreeSet<String>>>;

/// The map's signals.
#[derive(Clone, Copy)]
pub(crate) struct MapContext {
    /// The URL.
    pub(crate) page: Page,
    /// The newest graph, empty before the first.
    pub(crate) snapshot: Signal<Arc<Snapshot>>,
    /// Ids of the nodes whose versions are shown.
    pub(crate) opened: RwSignal<BTreeSet<String>>,
    /// Id of the node or edge under the pointer.
    pub(crate) hovered: RwSignal<Option<String>>,
    /// What is drawn.
    pub(crate) view: Memo<MapView>,
    /// Where it stands. Made anew only when other things are drawn, never when numbers change.
    pub(crate) placement: Memo<Arc<Placement>>,
    /// What is not dimmed; nothing is dimmed where there is none.
    pub(crate) bright: Memo<Bright>,
    /// The window onto the map.
    pub(crate) viewport: RwSignal<Viewport>,
    /// Whether letters are too small to be read. Labels are then not made: they cost more than all else.
    pub(crate) far: Memo<bool>,
    /// Width and height of that window, px.
    pub(crate) window: RwSignal<(f64, f64)>,
    /// Whether the viewer has moved the map: it then stays where it was put.
    pub(crate) moved: RwSignal<bool>,
}

impl MapContext {
    /// Sets the map's signals up.
    pub(crate) fn provide() -> Self {
        let page = expect_context::<Page>();
        let live = expect_context::<Live>();
        let snapshot = Signal::derive(move || live.snapshot.get().unwrap_or_default());
        let opened = RwSignal::new(BTreeSet::new());
        let hovered = RwSignal::new(None::<String>);
        let options = Memo::new(move |_| {
            let opened = opened.get();
            page.state.with(|state| ViewOptions {
                unhealthy: state.unhealthy,
                hide_idle: state.hide_idle,
                all: state.all,
                select: state.select.clone(),
                opened,
            })
        });
        let view = Memo::new(move |_| options.with(|options| MapView::of(&snapshot.get(), options)));
        let request = Memo::new(move |_| view.with(|view| view.request.clone()));
        let window = RwSignal::new(browser_window());
        let flow = Memo::new(move |_| Flow::of_window(window.get()));
        let placement = Memo::new(move |previous: Option<&Arc<Placement>>| {
            let previous = previous.map(AsRef::as_ref);
            request
                .with(|request| measured("layout", || Arc::new(Placement::of(request, flow.get(), previous))))
        });
        let find = Memo::new(move |_| page.state.with(|state| state.find.clone()));
        let bright = Memo::new(move |_| bright(&snapshot.get(), hovered.get().as_deref(), &find.get()));
        // Far away until it is known where to look from, so that nothing is made in vain.
        let viewport = RwSignal::new(Viewport { scale: 0.0, ..Viewport::default() });
        let map = Self {
            page,
            snapshot,
            opened,
            hovered,
            view,
            placement,
            bright,
            viewport,
            far: Memo::new(move |_| viewport.with(|view| view.scale < FAR)),
            window,
            moved: RwSignal::new(false),
        };
        provide_context(map);
        map
    }

    /// A node by its id, as it is in the newest graph. It keeps its last numbers when it has gone.
    pub(crate) fn node(self, id: String) -> Memo<Arc<Node>> {
        Memo::new(move |last: Option<&Arc<Node>>| {
            let node = self.snapshot.with(|snapshot| snapshot.nodes.get(&id).cloned());
            node.or_else(|| last.cloned()).unwrap_or_default()
        })
    }

    /// An edge by its id, as it is in the newest graph. It keeps its last numbers when it has gone.
    pub(crate) fn edge(self, id: String) -> Memo<Arc<Edge>> {
        Memo::new(move |last: Option<&Arc<Edge>>| {
            let edge = self.snapshot.with(|snapshot| snapshot.edges.get(&id).cloned());
            edge.or_else(|| last.cloned()).unwrap_or_default()
        })
    }

    /// Whether something else is looked at.
    pub(crate) fn is_dim(self, id: &str) -> bool {
        self.bright.with(|bright| bright.as_ref().is_some_and(|bright| !bright.contains(id)))
    }

    /// Whether this is in the side panel.
    pub(crate) fn is_selected(self, id: &str) -> bool {
        self.page.state.with(|state| state.select.as_deref() == Some(id))
    }

    /// Shows a node or an edge in the side panel.
    pub(crate) fn select(self, id: &str) {
        self.page.change(|state| state.select = Some(id.to_owned()));
    }

    /// Closes the side panel.
    pub(crate) fn deselect(self) {
        self.page.change(|state| state.select = None);
    }

    /// Shows or hides the versions inside a node's box.
    pub(crate) fn toggle_versions(self, id: &str) {
        self.opened.update(|opened| {
            if !opened.remove(id) {
                opened.insert(id.to_owned());
            }
        });
    }

    /// Shows the whole map.
    pub(crate) fn fit(self) {
        self.look(Viewport::fitted);
    }

    /// Shows the map as it is first seen.
    pub(crate) fn begin(self) {
        let flow = self.placement.with_untracked(|placement| placement.flow());
        self.look(|map, window| Viewport::first(map, window, flow));
    }

    /// Brings a point of the map into sight, moving the map no more than needed.
    pub(crate) fn bring(self, at: Point) {
        let window = self.uncovered();
        let view = self.viewport.get_untracked();
        let shown = view.showing((at.x, at.y), window);
        if shown != view {
            self.moved.set(true);
            self.viewport.set(shown);
        }
    }

    fn look(self, view: impl Fn((f64, f64), (f64, f64)) -> Viewport) {
        let window = self.uncovered();
        let map = self.placement.with_untracked(|placement| placement.size());
        if map.0 > 0.0 {
            self.viewport.set(view(map, window));
        }
    }

    /// The part of the window that lies neither under the side panel nor under the controls in the corner.
    fn uncovered(self) -> (f64, f64) {
        let (width, height) = self.window.get_untracked();
        // A map that flows down fills the height, so the controls would lie on its last boxes.
        let below = match self.placement.with_untracked(|placement| placement.flow()) {
            Flow::Right => 0.0,
            Flow::Down => CONTROLS_HEIGHT,
        };
        match self.page.state.with_untracked(|state| state.select.is_some()) {
            true if width > NARROW => (width - PANEL_WIDTH, height - below),
            true => (width, height * (1.0 - SHEET_SHARE)),
            false => (width, height - below),
        }
    }

    /// Goes nearer or farther around the middle of the window.
    pub(crate) fn zoom(self, factor: f64) {
        let (width, height) = self.window.get_untracked();
        self.moved.set(true);
        self.viewport.update(|view| *view = view.zoomed(factor, (width / 2.0, height / 2.0)));
    }
}

/// The size of the browser's window, until that of the drawing is known.
fn browser_window() -> (f64, f64) {
    let size =
        |side: Result<wasm_bindgen::JsValue, _>| side.ok().and_then(|side| side.as_f64()).unwrap_or_default();
    (size(window().inner_width()), size(window().inner_height()))
}

fn bright(snapshot: &Snapshot, hovered: Option<&str>, find: &str) -> Bright {
    if let Some(hovered) = hovered {
        return Some(Arc::new(snapshot.surroundings(hovered)));
    }
    if find.trim().is_empty() {
        return None;
    }
    let found: BTreeSet<&str> = snapshot
        .nodes
        .values()
        .filter(|node| matches_find(node, find))
        .map(|node| node.id.as_str())
        .collect();
    let touches =
        |edge: &&Arc<Edge>| found.contains(edge.source.as_str()) || found.contains(edge.target.as_str());
    let edges = snapshot.edges.values().filter(touches).map(|edge| edge.id.clone());
    Some(Arc::new(edges.chain(found.iter().map(|id| (*id).to_owned())).collect()))
}

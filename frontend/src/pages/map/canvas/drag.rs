//! Moving the map by pointer: one finger or the mouse drags, two fingers pinch.

use leptos::prelude::*;
use leptos::svg;
use web_sys::PointerEvent;

use super::super::context::MapContext;

/// A pointer that moves less than this, px, clicks.
const CLICK_SLACK: f64 = 4.0;

/// A pointer that is down: its id and where it is.
type Pointer = (i32, (f64, f64));

/// The pointers on the map.
#[derive(Clone, Copy)]
pub(super) struct Drag {
    map: MapContext,
    pointers: StoredValue<Vec<Pointer>>,
    /// Where the first pointer went down.
    start: StoredValue<(f64, f64)>,
    moved: RwSignal<bool>,
    /// Whether a pointer has moved the map since it went down.
    held: RwSignal<bool>,
}

impl Drag {
    pub(super) fn new(map: MapContext) -> Self {
        Self {
            map,
            pointers: StoredValue::new(Vec::new()),
            start: StoredValue::new((0.0, 0.0)),
            moved: RwSignal::new(false),
            held: RwSignal::new(false),
        }
    }

    /// Whether the map is being moved.
    pub(super) fn is_moving(self) -> bool {
        self.held.get() && self.moved.get()
    }

    /// Whether what ended last was a move and not a click.
    pub(super) fn was_moved(self) -> bool {
        self.moved.get_untracked()
    }

    pub(super) fn begin(self, event: &PointerEvent, at: (f64, f64)) {
        if event.button() != 0 {
            return;
        }
        self.pointers.update_value(|pointers| pointers.push((event.pointer_id(), at)));
        if self.pointers.with_value(Vec::len) == 1 {
            self.start.set_value(at);
            self.moved.set(false);
            self.held.set(true);
        }
    }

    pub(super) fn go_on(self, event: &PointerEvent, at: (f64, f64), drawing: NodeRef<svg::Svg>) {
        let id = event.pointer_id();
        let before = self.pointers.get_value();
        let Some(last) = before.iter().find(|pointer| pointer.0 == id).map(|pointer| pointer.1) else {
            return;
        };
        let start = self.start.get_value();
        if !self.moved.get_untracked() {
            if distance(start, at) < CLICK_SLACK {
                return;
            }
            self.moved.set(true);
            self.map.moved.set(true);
            // From here on the map gets the pointer's events even outside its bounds. Before, a box must get its click.
            if let Some(drawing) = drawing.get_untracked() {
                let _ = drawing.set_pointer_capture(id);
            }
        }
        self.pointers.update_value(|pointers| {
            pointers.iter_mut().filter(|pointer| pointer.0 == id).for_each(|pointer| pointer.1 = at);
        });
        let other = before.iter().find(|pointer| pointer.0 != id).map(|pointer| pointer.1);
        self.map.viewport.update(|view| {
            *view = match other {
                Some(other) => {
                    let middle = (f64::midpoint(at.0, other.0), f64::midpoint(at.1, other.1));
                    view.zoomed(distance(at, other) / distance(last, other).max(1.0), middle)
                }
                None => view.moved(at.0 - last.0, at.1 - last.1),
            };
        });
    }

    pub(super) fn end(self, event: &PointerEvent) {
        self.pointers.update_value(|pointers| pointers.retain(|pointer| pointer.0 != event.pointer_id()));
        if self.pointers.with_value(Vec::is_empty) {
            self.held.set(false);
        }
    }
}

fn distance(a: (f64, f64), b: (f64, f64)) -> f64 {
    (a.0 - b.0).hypot(a.1 - b.1)
}

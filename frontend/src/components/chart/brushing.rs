//! Drawing a rectangle of cells by the pointer or the keyboard, on charts whose parts can be chosen.

use leptos::ev;
use leptos::prelude::*;

use super::plot::Plot;
use crate::chart::brush::{Brush, Move, index_at};

/// The pixels between columns, and between rows from the lowest.
pub(crate) type Edges = (Vec<f64>, Vec<f64>);

/// What a viewer is about to choose.
#[derive(Clone, Copy)]
pub(crate) struct Brushing {
    plot: Plot,
    edges: Memo<Edges>,
    /// The cell under the pointer or the keyboard.
    pub(crate) cursor: RwSignal<Option<(usize, usize)>>,
    brush: RwSignal<Option<Brush>>,
    is_drawn: RwSignal<bool>,
    pick: Callback<Option<Brush>>,
}

impl Brushing {
    /// Cells between edges on a drawing. `pick` is told what was chosen, or that nothing is any more.
    pub(crate) fn new(plot: Plot, edges: Memo<Edges>, pick: Callback<Option<Brush>>) -> Self {
        Self {
            plot,
            edges,
            cursor: RwSignal::new(None),
            brush: RwSignal::new(None),
            is_drawn: RwSignal::new(false),
            pick,
        }
    }

    /// The rectangle that is being drawn, or the cell that one would begin with.
    pub(crate) fn pointed(self) -> Option<Brush> {
        self.brush.get().or_else(|| self.cursor.get().map(Brush::at))
    }

    /// Begins a rectangle.
    fn down(self, event: &ev::PointerEvent) {
        if event.button() != 0 {
            return;
        }
        if let Some(svg) = self.plot.svg.get_untracked() {
            let _ = svg.set_pointer_capture(event.pointer_id());
        }
        self.brush.set(Some(Brush::at(self.cell(event))));
        self.is_drawn.set(true);
    }

    /// Moves the cursor, and the rectangle with it where one is being drawn.
    fn moved(self, event: &ev::PointerEvent) {
        let cell = self.cell(event);
        self.cursor.set(Some(cell));
        if self.is_drawn.get_untracked() {
            self.brush.update(|brush| *brush = brush.map(|brush| brush.to(cell)));
        }
    }

    /// Chooses the rectangle.
    fn up(self) {
        if self.is_drawn.get_untracked() {
            self.choose();
        }
    }

    /// Forgets the rectangle, and the cursor too.
    fn leave(self) {
        self.cursor.set(None);
        self.cancel();
    }

    /// Arrows move the cursor, with Shift they draw a rectangle; Enter chooses it, Escape gives it up.
    fn key(self, event: &ev::KeyboardEvent) {
        let (columns, rows) = self.edges.with_untracked(|(across, upright)| (across.len(), upright.len()));
        let size = (columns.saturating_sub(1), rows.saturating_sub(1));
        if size.0 == 0 || size.1 == 0 {
            return;
        }
        let cursor = self.cursor.get_untracked();
        if let Some(key) = Move::of_key(&event.key()) {
            let next = cursor.map_or((size.0 - 1, 0), |cell| key.from(cell, size));
            let brush = self.brush.get_untracked();
            let extended = brush.or(cursor.map(Brush::at)).filter(|_| event.shift_key());
            self.brush.set(extended.map(|brush| brush.to(next)));
            self.cursor.set(Some(next));
        } else if event.key() == "Enter" || event.key() == " " {
            let Some(cell) = cursor else { return };
            if self.brush.get_untracked().is_none() {
                self.brush.set(Some(Brush::at(cell)));
            }
            self.choose();
        } else if event.key() == "Escape" {
            self.cancel();
            self.pick.run(None);
            event.stop_propagation();
        } else {
            return;
        }
        event.prevent_default();
    }

    fn cancel(self) {
        self.is_drawn.set(false);
        self.brush.set(None);
    }

    fn choose(self) {
        let brush = self.brush.get_untracked();
        self.cancel();
        self.pick.run(brush);
    }

    fn cell(self, event: &ev::PointerEvent) -> (usize, usize) {
        let (x, y) = self.plot.pointer(event);
        self.edges.with_untracked(|(across, upright)| (index_at(across, x), index_at(upright, y)))
    }
}

/// A drawing with what it listens to.
#[component]
pub(crate) fn Brushed(
    /// What is drawn on it.
    brushing: Brushing,
    /// What tests call it.
    test_id: &'static str,
    /// What it shows, and which keys it knows.
    label: &'static str,
    /// The drawing.
    children: Children,
) -> impl IntoView {
    view! {
        <svg
            node_ref=brushing.plot.svg
            class="plot is-brushed"
            height=brushing.plot.height
            role="img"
            tabindex="0"
            data-testid=test_id
            aria-label=label
            on:pointerdown=move |event| brushing.down(&event)
            on:pointermove=move |event| brushing.moved(&event)
            on:pointerup=move |_| brushing.up()
            on:pointercancel=move |_| brushing.leave()
            on:pointerleave=move |_| brushing.leave()
            on:blur=move |_| brushing.leave()
            on:keydown=move |event| brushing.key(&event)
        >
            {children()}
        </svg>
    }
    .into_any()
}

/// A rectangle between pixels.
pub(crate) fn rectangle(
    class: &'static str,
    (left, right): (f64, f64),
    (bottom, top): (f64, f64),
) -> AnyView {
    view! { <rect class=class x=left y=top width=(right - left).max(1.0) height=(bottom - top).max(1.0) /> }
        .into_any()
}

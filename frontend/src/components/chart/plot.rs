//! The drawing of a chart: its size, and where in it values are drawn.

use leptos::ev;
use leptos::prelude::*;
use leptos::svg;

/// Room for the labels of the upright axis, px.
const LEFT: f64 = 52.0;
/// Room for names beside the ends of lines, px.
const RIGHT: f64 = 40.0;
/// Room for marks and names above, px.
const TOP: f64 = 16.0;
/// Room for the labels of the lower axis, px.
const BOTTOM: f64 = 22.0;

/// The drawing of one chart, as wide as its card.
#[derive(Clone, Copy)]
pub(crate) struct Plot {
    /// The drawing in the page.
    pub(crate) svg: NodeRef<svg::Svg>,
    /// Its height, px.
    pub(crate) height: f64,
    width: RwSignal<f64>,
}

impl Plot {
    /// A drawing of a height that follows the width of its place.
    pub(crate) fn new(height: f64) -> Self {
        let plot = Self { svg: NodeRef::new(), height, width: RwSignal::new(0.0) };
        let measure = move || {
            if let Some(svg) = plot.svg.get_untracked() {
                plot.width.set(svg.get_bounding_client_rect().width());
            }
        };
        Effect::new(move || {
            if plot.svg.get().is_some() {
                measure();
            }
        });
        let handle = window_event_listener(ev::resize, move |_| measure());
        on_cleanup(move || handle.remove());
        plot
    }

    /// The pixels of the lower axis from left to right.
    pub(crate) fn across(self) -> (f64, f64) {
        (LEFT, (self.width.get() - RIGHT).max(LEFT + 1.0))
    }

    /// The pixels of the upright axis from the bottom to the top.
    pub(crate) fn upright(self) -> (f64, f64) {
        (self.height - BOTTOM, TOP)
    }

    /// How many labels find room on the lower axis.
    pub(crate) fn most_ticks(self) -> usize {
        let (left, right) = self.across();
        ((right - left) / 72.0).clamp(2.0, 10.0) as usize
    }

    /// Where the pointer is in the drawing.
    pub(crate) fn pointer(self, event: &ev::PointerEvent) -> (f64, f64) {
        let bounds = self.svg.get_untracked().map(|svg| svg.get_bounding_client_rect());
        let (left, top) = bounds.map_or((0.0, 0.0), |bounds| (bounds.left(), bounds.top()));
        (f64::from(event.client_x()) - left, f64::from(event.client_y()) - top)
    }
}

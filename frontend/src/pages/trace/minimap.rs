//! The whole trace small, to choose a window of time on, and the axis of that window.

use std::collections::BTreeMap;
use std::fmt::Write;

use leptos::ev;
use leptos::html;
use leptos::prelude::*;

use super::context::TraceContext;
use crate::format;
use crate::model::trace::TraceModel;
use crate::model::trace::timeline::{LANE, Stretch};

/// Height of the drawing in its own units.
const HEIGHT: f64 = 40.0;
/// How near to an edge of the window the pointer takes hold of it, as a share of the trace.
const EDGE: f64 = 0.008;
/// A shorter way of the pointer, as a share of the trace, is a click.
const CLICK: f64 = 0.004;

/// What the pointer does to the window.
#[derive(Clone, Copy, PartialEq)]
enum Hold {
    /// It draws a new one from a moment on.
    New(f64),
    /// It moves an edge; the other one stays.
    Edge(f64),
    /// It moves all of it; where it was taken hold of, and the window then.
    All(f64, Stretch),
}

/// The whole trace small. Dragging over it chooses a window of time.
#[component]
pub(super) fn Minimap() -> impl IntoView {
    let trace = expect_context::<TraceContext>();
    let element = NodeRef::<html::Div>::new();
    let hold = RwSignal::new(None::<Hold>);
    let moment = move |event: &ev::PointerEvent| {
        let bounds = element.get_untracked()?.get_bounding_client_rect();
        let share = (f64::from(event.client_x()) - bounds.left()) / bounds.width().max(1.0);
        Some(trace.whole().at(share.clamp(0.0, 1.0)))
    };
    let begin = move |event: ev::PointerEvent| {
        let Some(at) = moment(&event) else { return };
        event.prevent_default();
        if let Some(element) = element.get_untracked() {
            let _ = element.set_pointer_capture(event.pointer_id());
        }
        hold.set(Some(taken(at, trace.window.get_untracked(), trace.whole())));
    };
    let go_on = move |event: ev::PointerEvent| {
        let (Some(hold), Some(at)) = (hold.get_untracked(), moment(&event)) else { return };
        let whole = trace.whole();
        match hold {
            Hold::New(from) if (at - from).abs() < CLICK * whole.length() => {}
            Hold::New(from) | Hold::Edge(from) => trace.look_at(Stretch::between(from, at, whole)),
            Hold::All(from, window) => trace.look_at(window.moved(at - from, whole)),
        }
    };
    let paths = move || {
        let model = trace.model();
        drawn(&model)
            .into_iter()
            .map(|(colour, d)| view! { <path d=d style:fill=format!("var(--service-{colour})") /> })
            .collect_view()
    };
    let seen = move || {
        let (window, whole) = (trace.window.get(), Stretch::whole(trace.model().trace.duration_ns));
        (whole.share(window.from) * 100.0, (1.0 - whole.share(window.to)) * 100.0)
    };
    let words = move || {
        let window = trace.window.get();
        format!("{} to {}", format::duration(window.from / 1e6), format::duration(window.to / 1e6))
    };
    view! {
        <div
            class="minimap"
            node_ref=element
            role="group"
            aria-label="The whole trace. Drag to look at a part of it."
            data-testid="minimap"
            on:pointerdown=begin
            on:pointermove=go_on
            on:pointerup=move |_| hold.set(None)
            on:pointercancel=move |_| hold.set(None)
            on:dblclick=move |_| trace.zoom_out()
        >
            <svg viewBox=format!("0 0 {LANE} {HEIGHT}") preserveAspectRatio="none" aria-hidden="true">{paths}</svg>
            <Show when=move || trace.is_zoomed()>
                <i class="minimap-out" style:left="0" style:width=move || format!("{:.3}%", seen().0)></i>
                <i class="minimap-out" style:right="0" style:width=move || format!("{:.3}%", seen().1)></i>
                <i
                    class="minimap-window"
                    style:left=move || format!("{:.3}%", seen().0)
                    style:right=move || format!("{:.3}%", seen().1)
                    data-testid="minimap-window"
                >
                    <span class="sr-only">{words}</span>
                </i>
            </Show>
        </div>
    }
    .into_any()
}

/// What the pointer takes hold of at a moment.
fn taken(at: f64, window: Stretch, whole: Stretch) -> Hold {
    let near = |edge: f64| (at - edge).abs() <= EDGE * whole.length();
    match () {
        () if window == whole => Hold::New(at),
        () if near(window.from) => Hold::Edge(window.to),
        () if near(window.to) => Hold::Edge(window.from),
        () if at > window.from && at < window.to => Hold::All(at, window),
        () => Hold::New(at),
    }
}

/// The spans of each colour as one path, one below the other.
fn drawn(model: &TraceModel) -> BTreeMap<u8, String> {
    let whole = Stretch::whole(model.trace.duration_ns);
    let step = HEIGHT / model.order.len().max(1) as f64;
    // Few spans are thin lines, many lie over each other.
    let (step, thickness) = (step.min(4.0), step.clamp(0.8, 2.4));
    let mut paths: BTreeMap<u8, String> = BTreeMap::new();
    // Spans at nearly the same place cannot be told apart; of many thousands one is drawn.
    let mut last = (-1, -1, -1);
    for (row, span) in model.order.iter().filter_map(|at| model.span(*at)).enumerate() {
        let Some((from, to)) = whole.seen(span.offset_ns, span.duration_ns) else { continue };
        let (from, width, y) = (from * LANE, ((to - from) * LANE).max(1.5), row as f64 * step);
        let place = ((y * 2.0) as i32, from as i32, width as i32);
        if place == last {
            continue;
        }
        last = place;
        let path = paths.entry(model.colour(&span.service)).or_default();
        // Writing to a string cannot fail.
        let _ = write!(path, "M{from:.1} {y:.1}h{width:.1}v{thickness:.1}h-{width:.1}z");
    }
    paths
}

/// The moments of the window.
#[component]
pub(super) fn Axis() -> impl IntoView {
    let trace = expect_context::<TraceContext>();
    let ticks = move || {
        let has_details = trace.selected.with(Option::is_some);
        let wanted = if trace.narrow.get() {
            2.0
        } else if has_details {
            4.0
        } else {
            7.0
        };
        let drawn = trace.window.get().ticks(wanted).into_iter().map(|(share, words)| {
            // The last words would stand outside.
            let class = if share > 0.93 { "tick is-last" } else { "tick" };
            view! { <span class=class style:left=format!("{:.3}%", share * 100.0)>{words}</span> }
        });
        drawn.collect_view()
    };
    view! { <span class="axis num">{ticks}</span> }.into_any()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::trace::samples::trace;

    const WHOLE: Stretch = Stretch { from: 0.0, to: 1e9 };

    #[test]
    fn the_pointer_takes_hold_of_an_edge_the_window_or_nothing() {
        let window = Stretch { from: 2e8, to: 6e8 };
        assert!(taken(5e8, WHOLE, WHOLE) == Hold::New(5e8));
        assert!(taken(2.02e8, window, WHOLE) == Hold::Edge(6e8));
        assert!(taken(5.99e8, window, WHOLE) == Hold::Edge(2e8));
        assert!(taken(4e8, window, WHOLE) == Hold::All(4e8, window));
        assert!(taken(8e8, window, WHOLE) == Hold::New(8e8));
    }

    #[test]
    fn every_service_is_drawn_and_many_spans_take_little() {
        let model = trace("a SERVER 0+10\n b CLIENT 1+3\n a SERVER 4+2");
        let paths = drawn(&model);
        assert_eq!(paths.len(), 2);
        assert_eq!(paths.values().map(|path| path.matches('M').count()).sum::<usize>(), 3);
        let many: String = (0..10_000).map(|_| "a SERVER 0+1\n").collect();
        assert!(drawn(&trace(&many))[&model.colour("a")].len() < 10_000);
    }
}

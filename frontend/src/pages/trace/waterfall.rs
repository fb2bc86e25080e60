//! The waterfall: a row for each span, of which only those in the window are in the page.

use leptos::ev;
use leptos::html;
use leptos::prelude::*;

use super::context::TraceContext;
use super::minimap::{Axis, Minimap};
use super::row::SpanRow;

/// Height of a row, px.
const ROW_HEIGHT: f64 = 28.0;
/// Height of a row in a narrow window, where service and operation stand below each other, px.
const NARROW_ROW_HEIGHT: f64 = 42.0;
/// Id of the element that scrolls and has the keyboard.
pub(super) const ROWS: &str = "trace-rows";

/// Minimap, axis and rows.
#[component]
pub(super) fn Waterfall() -> impl IntoView {
    let trace = expect_context::<TraceContext>();
    let scroller = NodeRef::<html::Div>::new();
    let view = RwSignal::new((0.0, 0.0));
    let row_height = Memo::new(move |_| if trace.narrow.get() { NARROW_ROW_HEIGHT } else { ROW_HEIGHT });
    follow(trace, scroller, view, row_height);
    let drawn = Memo::new(move |_| {
        let ((top, height), rows) = (view.get(), trace.rows.get());
        let window = rows.window(top, height, row_height.get());
        rows.all[window.clone()].iter().copied().zip(window).collect::<Vec<_>>()
    });
    let count = Memo::new(move |_| trace.rows.with(|rows| rows.all.len()));
    let active = move || trace.cursor.get().map(row_id);
    // Rows of another state of the trace are other rows, even where they stand at the same place.
    let state = Memo::new(move |last: Option<&u64>| {
        trace.model();
        last.map_or(0, |last| last + 1)
    });
    let keyed = move || drawn.get().into_iter().map(|row| (state.get(), row)).collect::<Vec<_>>();
    view! {
        <div class="waterfall">
            <Minimap />
            <div class="waterfall-head" aria-hidden="true">
                <span>"Service and operation"</span>
                <Axis />
            </div>
            <div
                id=ROWS
                class="waterfall-rows"
                node_ref=scroller
                role="treegrid"
                aria-label="Spans. Arrow keys move, open and close; Enter opens the details."
                aria-rowcount=count
                aria-activedescendant=active
                tabindex="0"
                data-testid="waterfall"
                on:scroll=move |_| measure(scroller, view)
                on:wheel=move |event| on_wheel(trace, scroller, &event)
            >
                <div class="waterfall-all" style:height=move || format!("{}px", count.get() as f64 * row_height.get())>
                    <For each=keyed key=|row| *row let((_, (row, index)))>
                        <SpanRow row index height=row_height />
                    </For>
                </div>
            </div>
        </div>
    }
    .into_any()
}

/// The id of a span's row.
pub(super) fn row_id(span: u32) -> String {
    format!("span-row-{span}")
}

/// The page may have been left since this was asked for.
fn measure(scroller: NodeRef<html::Div>, view: RwSignal<(f64, f64)>) {
    if let Some(scroller) = scroller.try_get_untracked().flatten() {
        let now = (f64::from(scroller.scroll_top()), f64::from(scroller.client_height()));
        if view.get_untracked() != now {
            view.set(now);
        }
    }
}

/// Knows what is seen of the rows, and brings a span that is wanted into it.
fn follow(
    trace: TraceContext,
    scroller: NodeRef<html::Div>,
    view: RwSignal<(f64, f64)>,
    row_height: Memo<f64>,
) {
    Effect::new(move || {
        // The room for the rows changes with these.
        trace.narrow.track();
        trace.selected.track();
        if scroller.get().is_some() {
            request_animation_frame(move || measure(scroller, view));
        }
    });
    let handle = window_event_listener(ev::resize, move |_| measure(scroller, view));
    on_cleanup(move || handle.remove());
    Effect::new(move || {
        let (_, Some(span)) = trace.wanted.get() else { return };
        if scroller.get().is_none() {
            return;
        }
        // Behind the frame in which the rows that were opened for it got their room.
        request_animation_frame(move || {
            let Some(row) = trace.rows.try_with_untracked(|rows| rows.row_of(span)).flatten() else { return };
            if let Some(scroller) = scroller.try_get_untracked().flatten() {
                bring(&scroller, row as f64 * row_height.get_untracked(), row_height.get_untracked());
                measure_now(&scroller, view);
            }
        });
    });
}

fn measure_now(scroller: &web_sys::HtmlElement, view: RwSignal<(f64, f64)>) {
    view.set((f64::from(scroller.scroll_top()), f64::from(scroller.client_height())));
}

/// Scrolls as little as needed to show a row and some of those around it.
fn bring(scroller: &web_sys::HtmlElement, top: f64, row_height: f64) {
    let (from, height) = (f64::from(scroller.scroll_top()), f64::from(scroller.client_height()));
    let margin = (2.0 * row_height).min((height - row_height).max(0.0) / 2.0);
    let lowest = top + row_height + margin - height;
    let highest = top - margin;
    let to = if from > highest { highest } else { from.max(lowest) };
    if (to - from).abs() > 0.5 {
        scroller.set_scroll_top(to.max(0.0) as i32);
    }
}

/// The wheel with the control key goes nearer in time around the pointer.
fn on_wheel(trace: TraceContext, scroller: NodeRef<html::Div>, event: &ev::WheelEvent) {
    if !event.ctrl_key() {
        return;
    }
    event.prevent_default();
    let lane = scroller
        .get_untracked()
        .and_then(|scroller| scroller.query_selector(".span-lane").ok().flatten())
        .map(|lane| lane.get_bounding_client_rect());
    if let Some(lane) = lane.filter(|lane| lane.width() > 0.0) {
        let share = ((f64::from(event.client_x()) - lane.left()) / lane.width()).clamp(0.0, 1.0);
        trace.zoom_by((-event.delta_y() * 0.005).exp(), share);
    }
}

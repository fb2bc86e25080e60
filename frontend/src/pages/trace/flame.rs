//! The flame graph: spans below their parents, as wide as they took. A click looks at a span's time.

use leptos::ev;
use leptos::html;
use leptos::prelude::*;

use super::context::TraceContext;
use super::minimap::{Axis, Minimap};
use super::row::colour;
use super::waterfall::ROWS;
use crate::format;
use crate::model::trace::TraceModel;
use crate::model::trace::flame::{Flame, FlameBox};

/// Height of a lane, px.
const LANE_HEIGHT: f64 = 24.0;
/// Lanes that are drawn outside of what is seen.
const SPARE_LANES: usize = 4;
/// A box narrower than this share of the window has no words.
const WORDLESS: f64 = 0.025;

/// Minimap, axis and boxes.
#[component]
pub(super) fn FlameGraph() -> impl IntoView {
    let trace = expect_context::<TraceContext>();
    let flame = Memo::new(move |_| Flame::of(&trace.model()));
    let scroller = NodeRef::<html::Div>::new();
    let view = RwSignal::new((0.0, 0.0));
    let measure = move || {
        if let Some(scroller) = scroller.try_get_untracked().flatten() {
            view.set((f64::from(scroller.scroll_top()), f64::from(scroller.client_height())));
        }
    };
    Effect::new(move || {
        trace.selected.track();
        if scroller.get().is_some() {
            request_animation_frame(measure);
        }
    });
    let handle = window_event_listener(ev::resize, move |_| measure());
    on_cleanup(move || handle.remove());
    Effect::new(move || {
        let (_, Some(span)) = trace.wanted.get() else { return };
        let (Some(scroller), Some(lane)) = (scroller.get(), flame.with_untracked(|flame| flame.lane(span)))
        else {
            return;
        };
        let top = f64::from(lane) * LANE_HEIGHT;
        let (from, height) = (f64::from(scroller.scroll_top()), f64::from(scroller.client_height()));
        if top < from || top + LANE_HEIGHT > from + height {
            scroller.set_scroll_top((top - height / 2.0).max(0.0) as i32);
        }
    });
    let boxes = move || {
        let (top, height) = view.get();
        let first = (top / LANE_HEIGHT) as usize;
        let lanes = first.saturating_sub(SPARE_LANES)..first + (height / LANE_HEIGHT) as usize + SPARE_LANES;
        let (model, window) = (trace.model(), trace.window.get());
        let boxes = flame.with(|flame| flame.boxes(&model, lanes, window));
        boxes.into_iter().map(|at| flame_box(trace, &model, at)).collect_view()
    };
    let height = move || flame.with(|flame| format!("{}px", flame.lanes.len() as f64 * LANE_HEIGHT));
    view! {
        <div class="waterfall">
            <Minimap />
            <div class="waterfall-head is-flame" aria-hidden="true"><Axis /></div>
            <div
                id=ROWS
                class="waterfall-rows"
                node_ref=scroller
                tabindex="0"
                role="group"
                aria-label="Flame graph. Arrow keys go to parent, child and siblings; Enter opens the details."
                data-testid="flame"
                on:scroll=move |_| measure()
            >
                <div class="flame-all" style:height=height>{boxes}</div>
            </div>
        </div>
    }
    .into_any()
}

fn flame_box(trace: TraceContext, model: &TraceModel, at: FlameBox) -> AnyView {
    let Some(span) = model.span(at.span) else { return ().into_any() };
    let took = format::duration(span.duration_ns as f64 / 1e6);
    let own = format::duration(span.self_ns as f64 / 1e6);
    let failed = if span.is_error { "failed, " } else { "" };
    let title = format!("{} {}: {failed}{took}, self {own}", span.service, span.name);
    let words = (at.to - at.from > WORDLESS).then(|| {
        let sign = if span.is_error { "✕ " } else { "" };
        format!("{sign}{} {} · {took}", span.service, span.name)
    });
    let is_selected = move || trace.selected.get() == Some(at.span);
    let is_active = move || trace.cursor.get() == Some(at.span);
    let open = move |_| {
        trace.zoom_to(at.span);
        trace.select(at.span);
    };
    view! {
        <button
            class="flame-box"
            class:is-failed=span.is_error
            class:is-selected=is_selected
            class:is-active=is_active
            class:is-critical=span.is_critical
            tabindex="-1"
            title=title.clone()
            aria-label=title
            style:left=format!("{:.3}%", at.from * 100.0)
            style:width=format!("max(1px, {:.3}%)", (at.to - at.from) * 100.0)
            style:top=format!("{}px", f64::from(at.lane) * LANE_HEIGHT)
            style:--service=colour(model, span)
            data-testid="flame-box"
            data-span-id=span.span_id.clone()
            on:click=open
        >
            {words}
        </button>
    }
    .into_any()
}

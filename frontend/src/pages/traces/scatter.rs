//! The traces as points: when, and how long. Failed ones have another shape.

use leptos::ev;
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;
use sidecarta_queries::api::traces::TraceSummary;

use super::context::TracesContext;
use crate::chart::time::time_ticks;
use crate::clock;
use crate::format;
use crate::model::scatter::Field;

/// A pointer that moves less than this, px, clicks.
const CLICK_SLACK: f64 = 5.0;

/// A window of fewer px is a phone's, as the stylesheets have it.
const NARROW: f64 = 720.0;

/// Two places of the field between which an area is drawn, in percent.
type Corners = ((f64, f64), (f64, f64));

/// The chart. The table shows the same traces.
#[component]
pub(super) fn Scatter() -> impl IntoView {
    let traces = expect_context::<TracesContext>();
    let field = Memo::new(move |_| {
        traces.answer.with(|answer| {
            let search = answer.as_ref().map(|answer| &answer.search);
            let bound = |time: Option<&String>| time.and_then(|time| clock::parse(time)).unwrap_or_default();
            let times = (bound(search.map(|search| &search.from)), bound(search.map(|search| &search.to)));
            let durations =
                answer.iter().flat_map(|answer| &answer.traces).map(|trace| trace.matched.duration_ms);
            Field::new(times, durations)
        })
    });
    let pointed = RwSignal::new(None::<String>);
    view! {
        <section class="card scatter" aria-label="Traces over time and duration" data-testid="scatter">
            <div class="scatter-head">
                <h2>"Duration"</h2>
                <p class="muted small truncate num" aria-hidden="true">
                    {move || pointed.get().unwrap_or_else(|| "Draw over an area to look into it".to_owned())}
                </p>
                <span class="legend small muted" aria-hidden="true">
                    <span class="point"></span>"ok"<span class="point is-error"></span>"failed"
                </span>
            </div>
            <div class="scatter-body">
                {axes(traces, field)} <Points traces field pointed />
            </div>
        </section>
    }
    .into_any()
}

fn axes(traces: TracesContext, field: Memo<Field>) -> AnyView {
    let rows = move || {
        let scale = field.get().duration;
        let tick = |ms: f64| {
            view! {
                <span class="tick-y num" style:top=format!("{:.2}%", scale.at(ms))>
                    {format::duration(ms)}
                </span>
            }
        };
        scale.ticks(6).into_iter().map(tick).collect_view()
    };
    let columns = move || {
        let (scale, zone) = (field.get().time, traces.zone.get());
        let ticks = time_ticks(scale.values(), most_times(), &|ms| clock::offset_ms(ms, zone));
        let tick = |tick: crate::chart::time::TimeTick| {
            view! {
                <span class="tick-x num" style:left=format!("{:.2}%", scale.at(tick.at_ms))>
                    {tick.label}
                </span>
            }
        };
        ticks.into_iter().map(tick).collect_view()
    };
    view! {
        <div class="ticks" aria-hidden="true">
            {rows} {columns}
        </div>
    }
    .into_any()
}

/// How many times there is room for under the chart.
fn most_times() -> usize {
    let width = window().inner_width().ok().and_then(|width| width.as_f64());
    if width.is_some_and(|width| width < NARROW) { 4 } else { 8 }
}

#[component]
fn Points(traces: TracesContext, field: Memo<Field>, pointed: RwSignal<Option<String>>) -> impl IntoView {
    let drawn = RwSignal::new(None::<Corners>);
    let area = NodeRef::<leptos::html::Div>::new();
    // In percent, and in pixels for telling a click from a move.
    let place = move |event: &ev::PointerEvent| {
        let bounds = area.get_untracked()?.get_bounding_client_rect();
        let share =
            |at: f64, start: f64, length: f64| ((at - start) / length.max(1.0) * 100.0).clamp(0.0, 100.0);
        Some((
            share(event.client_x().into(), bounds.left(), bounds.width()),
            share(event.client_y().into(), bounds.top(), bounds.height()),
        ))
    };
    let begun = StoredValue::new(None::<(f64, f64, (f64, f64))>);
    let begin = move |event: ev::PointerEvent| {
        // A finger scrolls the page.
        if event.button() == 0 && event.pointer_type() != "touch" {
            let at = (f64::from(event.client_x()), f64::from(event.client_y()));
            begun.set_value(place(&event).map(|place| (at.0, at.1, place)));
        }
    };
    let go_on = move |event: ev::PointerEvent| {
        let Some((x, y, from)) = begun.get_value() else { return };
        let moved = (f64::from(event.client_x()) - x).hypot(f64::from(event.client_y()) - y);
        if drawn.with_untracked(Option::is_none) {
            if moved < CLICK_SLACK {
                return;
            }
            if let Some(area) = area.get_untracked() {
                let _ = area.set_pointer_capture(event.pointer_id());
            }
        }
        drawn.set(place(&event).map(|to| (from, to)));
    };
    let end = move |is_wanted: bool| {
        begun.set_value(None);
        if let (Some((from, to)), true) = (drawn.get_untracked(), is_wanted) {
            narrow(traces, field.get_untracked(), from, to);
        }
        drawn.set(None);
    };
    let points = move || {
        let (field, zone) = (field.get(), traces.zone.get());
        traces.answer.with(|answer| {
            let mut found: Vec<&TraceSummary> = answer.iter().flat_map(|answer| &answer.traces).collect();
            found.sort_by(|one, other| one.matched.start.cmp(&other.matched.start));
            let point = |(index, trace): (usize, &TraceSummary)| {
                let matched = &trace.matched;
                let x = field.time.at(clock::parse(&matched.start).unwrap_or_default());
                let place = format!("left:{x:.2}%;top:{:.2}%", field.duration.at(matched.duration_ms));
                let link = traces.page.state.with_untracked(|state| {
                    state.trace_link(&trace.trace_id, Some(&matched.span_id))
                });
                let tab = if index == 0 { "0" } else { "-1" };
                let class = if matched.is_error { "point is-error" } else { "point" };
                let start = clock::time_of_day(&matched.start, zone);
                let words = words(trace, &start);
                view! {
                    <a class=class href=link style=place tabindex=tab aria-label=words draggable="false" data-testid="point"></a>
                }
            };
            found.into_iter().enumerate().map(point).collect_view()
        })
    };
    let point_at = move |event: ev::Event| {
        let target: Option<web_sys::Element> = event.target().and_then(|target| target.dyn_into().ok());
        pointed.set(target.and_then(|target| target.get_attribute("aria-label")));
    };
    view! {
        <div
            class="points"
            role="group"
            aria-label="Arrow keys go from trace to trace, Enter opens one"
            node_ref=area
            data-testid="points"
            on:pointerdown=begin
            on:pointermove=go_on
            on:pointerup=move |_| end(true)
            on:pointercancel=move |_| end(false)
            on:pointerover=move |event| point_at(event.into())
            on:pointerleave=move |_| pointed.set(None)
            on:focusin=move |event| point_at(event.into())
            on:keydown=move |event| {
                if event.key() == "Escape" {
                    end(false);
                } else if step(&event.key()) {
                    event.prevent_default();
                }
            }
        >
            {points}
            {move || drawn.get().map(brush)}
        </div>
    }
    .into_any()
}

/// What a point is, in words.
fn words(trace: &TraceSummary, start: &str) -> String {
    let matched = &trace.matched;
    let failed = if matched.is_error { " · failed" } else { "" };
    format!(
        "{start} · {} · {} · {}{failed}",
        matched.service,
        matched.name,
        format::duration(matched.duration_ms)
    )
}

/// The area that is being drawn.
fn brush((from, to): Corners) -> impl IntoView {
    let (left, top) = (from.0.min(to.0), from.1.min(to.1));
    let (width, height) = ((from.0 - to.0).abs(), (from.1 - to.1).abs());
    let place = format!("left:{left:.2}%;top:{top:.2}%;width:{width:.2}%;height:{height:.2}%");
    view! { <div class="brush" style=place></div> }
}

/// Looks into an area: its time becomes the range, its durations become conditions.
fn narrow(traces: TracesContext, field: Field, from: (f64, f64), to: (f64, f64)) {
    let area = field.area(from, to);
    let (from, to) = area.seconds();
    traces.page.change(|state| {
        (state.from, state.to) = (clock::iso(from), clock::iso(to));
        state.traces.query = area.narrows(&state.traces.query);
    });
}

/// Goes from the point that has the keyboard to the next one; whether the key is for that.
fn step(key: &str) -> bool {
    let Some(current) = document().active_element().filter(|element| element.has_attribute("aria-label"))
    else {
        return false;
    };
    let next = match key {
        "ArrowRight" | "ArrowUp" => current.next_element_sibling(),
        "ArrowLeft" | "ArrowDown" => current.previous_element_sibling(),
        _ => return false,
    };
    if let Some(next) = next.and_then(|next| next.dyn_into::<web_sys::HtmlElement>().ok()) {
        let _ = next.focus();
    }
    true
}

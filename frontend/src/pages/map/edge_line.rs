//! One line of the map, its label and the dots on it.

use std::sync::Arc;

use leptos::prelude::*;
use sidecarta_queries::api::graph::{Edge, Health};

use super::context::MapContext;
use crate::components::icon::LOCK;
use crate::components::sign::health_class;
use crate::format;
use crate::model::boxes::text_width;
use crate::model::placement::Line;
use crate::model::view::MOTION_LIMIT;
use crate::preferences::Preferences;

/// Height of a line of a label, px.
const LINE: f64 = 13.5;
/// Size of the letters of a label's first line, px.
const RATE_SIZE: f64 = 12.5;
/// Size of the letters of a label's other lines, px.
const MORE_SIZE: f64 = 11.5;
/// Room for the lock before the rate, px.
const LOCK_ROOM: f64 = 14.0;
/// Positions a second that a dot takes, all dots at the same moments. Smoother ones cost a browser without a graphics
/// card half a core.
const DOT_STEPS: f64 = 16.0;
const HEALTHS: [Health; 4] = [Health::Idle, Health::Healthy, Health::Degraded, Health::Failing];

/// The heads of the arrows, one for each health.
#[component]
pub(super) fn Arrows() -> impl IntoView {
    let markers = HEALTHS.map(|health| {
        view! {
            <marker
                id=format!("arrow-{}", health_class(health))
                viewBox="0 0 10 10"
                refX="8.5"
                refY="5"
                markerWidth="9"
                markerHeight="9"
                markerUnits="userSpaceOnUse"
                orient="auto"
            >
                <path class=format!("arrow {}", health_class(health)) d="M0.5 0.8L9.5 5L0.5 9.2z" />
            </marker>
        }
    });
    view! { <defs>{markers.into_iter().collect_view()}</defs> }
}

/// The line of an edge: width by rate, colour and dashes by health.
#[component]
pub(super) fn EdgeLine(id: String) -> impl IntoView {
    let map = expect_context::<MapContext>();
    let edge = map.edge(id.clone());
    let id = StoredValue::new(id);
    let line = line_of(map, id);
    let d = Memo::new(move |_| line.with(|line| line.path.clone()));
    let class = Memo::new(move |_| edge.with(|edge| health_class(edge.health)));
    view! {
        <g
            class=move || format!("edge {}", class.get())
            class:is-dim=move || id.with_value(|id| map.is_dim(id))
            class:is-selected=move || id.with_value(|id| map.is_selected(id))
            data-testid="edge"
            data-edge-id=id.get_value()
            data-requests=move || edge.with(|edge| edge.requests)
            data-errors=move || edge.with(|edge| edge.errors)
            on:pointerenter=move |_| map.hovered.set(Some(id.get_value()))
            on:pointerleave=move |_| map.hovered.set(None)
            on:click=move |event| {
                event.stop_propagation();
                id.with_value(|id| map.select(id));
            }
        >
            <path class="edge-hit" d=d />
            <path
                class="edge-line"
                d=d
                stroke-width=move || edge.with(|edge| format!("{:.2}", line_width(edge.request_rate)))
                marker-end=move || format!("url(#arrow-{})", class.get())
            />
            <Dots edge d />
        </g>
    }
}

/// Dots that run along the line, faster where answers come sooner, more of them where there is more traffic.
#[component]
fn Dots(edge: Memo<Arc<Edge>>, d: Memo<String>) -> impl IntoView {
    let map = expect_context::<MapContext>();
    let motion = expect_context::<Preferences>().motion;
    let few = Memo::new(move |_| map.view.with(|view| view.edges.len() <= MOTION_LIMIT));
    // Both are coarse steps: a dot starts anew only when the traffic is really different.
    let pace =
        Memo::new(move |_| edge.with(|edge| (dot_count(edge.request_rate), travel_seconds(edge.p50_ms))));
    move || {
        let (count, seconds) = pace.get();
        (motion.get() && few.get() && count > 0).then(|| {
            (0..count)
                .map(|index| {
                    let ahead = seconds * f64::from(index) / f64::from(count);
                    let delay = -(ahead * DOT_STEPS).round() / DOT_STEPS;
                    let steps = seconds * DOT_STEPS;
                    let pace = format!("{seconds}s steps({steps:.0}) {delay:.4}s infinite run");
                    view! {
                        <circle
                            class="dot"
                            r="2.6"
                            style:offset-path=move || d.with(|d| format!("path(\"{d}\")"))
                            style:animation=pace
                        />
                    }
                })
                .collect_view()
        })
    }
}

/// Rate, errors where there are any, and p99 on a pill in the middle of the line.
#[component]
pub(super) fn EdgeLabel(id: String) -> impl IntoView {
    let map = expect_context::<MapContext>();
    let edge = map.edge(id.clone());
    let id = StoredValue::new(id);
    let line = line_of(map, id);
    let rate = Memo::new(move |_| edge.with(|edge| format::rate(edge.request_rate)));
    let errors = Memo::new(move |_| {
        edge.with(|edge| (edge.errors > 0).then(|| format::percent(edge.error_rate))).unwrap_or_default()
    });
    let p99 = Memo::new(move |_| edge.with(|edge| edge.p99_ms.map(format::duration)).unwrap_or_default());
    let secure = Memo::new(move |_| edge.with(|edge| edge.mtls == Some(true)));
    let half = Memo::new(move |_| {
        let first = text_width(&rate.get(), RATE_SIZE) + if secure.get() { LOCK_ROOM } else { 0.0 };
        let widest = first.max(text_width(&errors.get(), MORE_SIZE)).max(text_width(&p99.get(), MORE_SIZE));
        (widest / 2.0 + 6.0).ceil()
    });
    // The lines that there are, one under the other around the middle.
    let lines = Memo::new(move |_| {
        1.0 + [errors, p99].iter().filter(|line| !line.with(String::is_empty)).count() as f64
    });
    let top = move || -lines.get() * LINE / 2.0;
    let baseline = move |line: f64| top() + LINE * line + 10.5;
    let p99_line = move || if errors.with(String::is_empty) { 1.0 } else { 2.0 };
    let rate_x = move || if secure.get() { LOCK_ROOM / 2.0 } else { 0.0 };
    view! {
        <g
            class=move || edge.with(|edge| format!("edge-label {}", health_class(edge.health)))
            class:is-dim=move || id.with_value(|id| map.is_dim(id))
            class:is-selected=move || id.with_value(|id| map.is_selected(id))
            transform=move || line.with(|line| format!("translate({:.1} {:.1})", line.label.x, line.label.y))
            data-testid="edge-label"
            data-edge-id=id.get_value()
            on:pointerenter=move |_| map.hovered.set(Some(id.get_value()))
            on:pointerleave=move |_| map.hovered.set(None)
            on:click=move |event| {
                event.stop_propagation();
                id.with_value(|id| map.select(id));
            }
        >
            <rect
                x=move || -half.get()
                y=move || top() - 3.0
                width=move || half.get() * 2.0
                height=move || lines.get() * LINE + 6.0
                rx="7"
            />
            <Show when=move || secure.get()>
                <svg class="lock" x=move || 5.0 - half.get() y=top width="12" height="12" viewBox="0 0 16 16">
                    <title>"Mutual TLS"</title>
                    <path d=LOCK />
                </svg>
            </Show>
            <text class="label-rate" x=rate_x y=move || baseline(0.0) text-anchor="middle">{rate}</text>
            <text class="label-more label-errors" y=move || baseline(1.0) text-anchor="middle">{errors}</text>
            <text class="label-more" y=move || baseline(p99_line()) text-anchor="middle">{p99}</text>
        </g>
    }
}

fn line_of(map: MapContext, id: StoredValue<String>) -> Memo<Line> {
    Memo::new(move |last: Option<&Line>| {
        let line = id.with_value(|id| map.placement.with(|placement| placement.edge(id)));
        line.or_else(|| last.cloned()).unwrap_or_default()
    })
}

/// Width of a line in px: it grows with the logarithm of the rate.
fn line_width(per_second: f64) -> f64 {
    (1.4 + 0.9 * (1.0 + per_second).log10()).min(5.0)
}

/// Dots on a line.
fn dot_count(per_second: f64) -> u8 {
    match per_second {
        rate if rate <= 0.0 => 0,
        rate if rate < 5.0 => 1,
        rate if rate < 50.0 => 2,
        _ => 3,
    }
}

/// Seconds that a dot takes from end to end, a whole number of positions.
fn travel_seconds(p50_ms: Option<f64>) -> f64 {
    match p50_ms.unwrap_or(50.0) {
        ms if ms < 5.0 => 1.75,
        ms if ms < 25.0 => 2.5,
        ms if ms < 100.0 => 3.25,
        ms if ms < 500.0 => 4.5,
        _ => 7.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_grows_with_its_traffic_within_bounds() {
        let widths = [0.0, 1.0, 100.0, 1e9].map(line_width);
        assert!(widths.is_sorted());
        assert!(widths[0] >= 1.0 && widths[3] <= 5.0);
    }

    #[test]
    fn slow_answers_make_slow_dots() {
        let seconds = [Some(1.0), Some(10.0), None, Some(200.0), Some(9e3)].map(travel_seconds);
        assert!(seconds.is_sorted());
        assert_eq!(dot_count(0.0), 0);
    }
}

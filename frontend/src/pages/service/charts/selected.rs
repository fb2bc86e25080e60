//! What is chosen of a chart, and the ways from there to its traces.

use leptos::prelude::*;

use super::Charts;
use super::heat::{about, between};
use crate::chart::grid::Grid;
use crate::clock;
use crate::components::icon::{ARROW, CLOSE, Icon};
use crate::model::selection::Selection;
use crate::model::trace_links;

/// How many requests are chosen, with links to their traces and to what tells them from the rest.
#[component]
pub(super) fn Selected(charts: Charts) -> impl IntoView {
    let page = charts.page;
    let count = Memo::new(move |_| charts.selection.get().map(|selection| count(charts, selection)));
    let subject =
        move || charts.node.with(|node| page.state.with(|state| trace_links::subject(node, &state.service)));
    let traces = move || {
        let selection = charts.selection.get().unwrap_or_default();
        let query = trace_links::selected(&subject(), selection);
        page.state.with(|state| trace_links::traces(state, &query, selection))
    };
    let comparison = move || {
        let selection = charts.selection.get().unwrap_or_default();
        page.state.with(|state| trace_links::comparison(state, &subject(), selection))
    };
    let words = move || charts.selection.get().map(|selection| words(charts, selection));
    view! {
        <Show when=move || charts.selection.with(Option::is_some)>
            <section class="card selection" aria-label="What is chosen" data-testid="selection">
                <p>
                    <strong class="num" data-testid="selection-count">{move || count.get()}</strong>
                    <span class="num">{words}</span>
                </p>
                <div class="selection-links">
                    <a class="btn btn-primary" href=traces data-testid="show-traces">
                        "Show these traces"
                        <Icon path=ARROW />
                    </a>
                    <a class="btn" href=comparison data-testid="compare-traces">
                        "Compare with the rest"
                    </a>
                    <button class="btn btn-quiet" data-testid="clear-selection" on:click=move |_| charts.select(None)>
                        <Icon path=CLOSE />
                        "Clear"
                    </button>
                </div>
            </section>
        </Show>
    }
    .into_any()
}

fn count(charts: Charts, selection: Selection) -> String {
    let curve = charts.curve.get();
    let grid = charts.series.with(|series| {
        let columns: Vec<&[[u64; 2]]> = series.points.iter().map(|point| point.counts.as_slice()).collect();
        Grid::of(curve, &series.bins, &columns)
    });
    let steps = charts.timeline.edges_ms.with(|edges| {
        let (first, last) = edges.first().copied().zip(edges.last().copied())?;
        let (from, to) = selection.time?;
        let step = (last - first) / grid.columns.max(1) as f64;
        Some(((from as f64 * 1000.0 - first) / step, (to as f64 * 1000.0 - first) / step))
    });
    let steps = steps.unwrap_or((0.0, grid.columns as f64));
    about(grid.within(steps, selection.low_ms, selection.high_ms), grid.is_spread)
}

fn words(charts: Charts, selection: Selection) -> String {
    let zone = charts.timeline.zone.get();
    let durations = between(selection.low_ms, selection.high_ms);
    let Some((from, to)) = selection.time else { return durations };
    let (from, to) = (clock::written(from as f64 * 1000.0, zone), clock::written(to as f64 * 1000.0, zone));
    let end = if from.get(..10) == to.get(..10) { to.get(11..).unwrap_or_default() } else { to.as_str() };
    format!("{durations}, {from} – {end}")
}

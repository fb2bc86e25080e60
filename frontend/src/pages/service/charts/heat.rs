//! The heat map: how many requests took how long, and when.

use std::sync::Arc;

use leptos::prelude::*;

use super::Charts;
use crate::chart::brush::Brush;
use crate::chart::grid::Grid;
use crate::chart::scale::Scale;
use crate::chart::shade::{SHADES, Shades};
use crate::clock;
use crate::components::chart::axes::{Axes, Ticks, UprightMarks};
use crate::components::chart::brushing::{Brushed, Brushing, Edges, rectangle};
use crate::components::chart::card::{ChartCard, plain_table};
use crate::components::chart::plot::Plot;
use crate::components::chart::time_chart::crosshair;
use crate::format;
use crate::model::selection::Selection;
use crate::model::shapes::cells;

/// Height of the drawing, px.
const HEIGHT: f64 = 240.0;
/// Ticks on the upright axis.
const LEVELS: usize = 7;

/// Time to the right, durations upwards, darker where there are more requests. A rectangle of it can be chosen.
#[component]
pub(super) fn HeatMap(charts: Charts) -> impl IntoView {
    let grid = Memo::new(move |_| {
        let curve = charts.curve.get();
        charts.series.with(|series| {
            let columns: Vec<&[[u64; 2]]> =
                series.points.iter().map(|point| point.counts.as_slice()).collect();
            Arc::new(Grid::of(curve, &series.bins, &columns))
        })
    });
    let note = move || {
        if grid.with(|grid| grid.is_spread) {
            "draw a rectangle to see its traces · coarse bins are spread over the rows they cover"
        } else {
            "draw a rectangle to see its traces"
        }
    };
    view! {
        <ChartCard
            name="heat"
            title="Latency heat map"
            note=Signal::derive(move || note().to_owned())
            fill=charts.latency_fill
            chart=move || view! { <Drawing charts grid /> }
            table=move || table(charts, &grid.get())
        />
    }
    .into_any()
}

#[component]
fn Drawing(charts: Charts, grid: Memo<Arc<Grid>>) -> impl IntoView {
    let Charts { timeline, selection, .. } = charts;
    let plot = Plot::new(HEIGHT);
    let level = Memo::new(move |_| {
        grid.with(|grid| {
            let ends = grid.rows.edges.first().copied().zip(grid.rows.edges.last().copied());
            Scale::new(grid.rows.curve, ends.unwrap_or((1.0, 10.0)), plot.upright())
        })
    });
    let edges = Memo::new(move |_| -> Edges {
        let level = level.get();
        (timeline.edges(plot), grid.with(|grid| grid.rows.edges.iter().map(|edge| level.at(*edge)).collect()))
    });
    let shades = Memo::new(move |_| grid.with(|grid| Shades::of(grid.cells().iter().copied())));
    let pick = Callback::new(move |brush: Option<Brush>| {
        let chosen = brush.map(|brush| grid.with_untracked(|grid| chosen(charts, grid, brush)));
        charts.select(chosen);
    });
    let brushing = Brushing::new(plot, edges, pick);
    // One crosshair for all charts.
    Effect::new(move || timeline.hover.set(brushing.cursor.get().map(|(column, _)| column)));
    let upright = Signal::derive(move || {
        let level = level.get();
        level.ticks(LEVELS).into_iter().map(|ms| (level.at(ms), format::duration(ms))).collect::<Ticks>()
    });
    let drawn = move || {
        let pieces =
            edges.with(|(across, upright)| grid.with(|grid| cells(grid, shades.get(), across, upright)));
        pieces.into_iter().map(|piece| view! { <path class=piece.class d=piece.d /> }).collect_view()
    };
    let brush = move || {
        let brush = brushing.pointed()?;
        edges.with(|(across, upright)| {
            let (columns, rows) = (brush.columns(), brush.rows());
            let at = |edges: &[f64], range: &std::ops::Range<usize>| {
                edges.get(range.start).copied().zip(edges.get(range.end).copied())
            };
            Some(rectangle("brush", at(across, &columns)?, at(upright, &rows)?))
        })
    };
    let selected = move || {
        let selection = selection.get()?;
        let (level, time) = (level.get(), timeline.scale(plot));
        let across = selection
            .time
            .map_or(plot.across(), |(from, to)| (time.at(from as f64 * 1000.0), time.at(to as f64 * 1000.0)));
        let (bottom, top) = plot.upright();
        let upright = (
            selection.low_ms.map_or(bottom, |ms| level.at(ms)),
            selection.high_ms.map_or(top, |ms| level.at(ms)),
        );
        Some(rectangle("selected", across, upright))
    };
    let readout = Memo::new(move |_| match brushing.pointed() {
        Some(brush) => grid.with(|grid| words(charts, grid, brush)),
        None => timeline.when(None),
    });
    view! {
        <Brushed
            brushing
            test_id="heat-map"
            label="Latency heat map. Arrow keys move, Shift and arrows draw a rectangle, Enter chooses it, Escape clears it."
        >
            <Axes plot across=Signal::derive(move || timeline.ticks(plot)) upright />
            {move || crosshair(timeline, plot)}
            <g>{drawn}</g>
            {selected}
            {brush}
            <UprightMarks plot marks=Signal::derive(move || timeline.marks(plot)) />
        </Brushed>
        <div class="chart-legend">
            <span class="chart-when num" aria-live="polite">{readout}</span>
            <Ramp shades />
        </div>
    }
    .into_any()
}

/// The shades with what they stand for.
#[component]
fn Ramp(shades: Memo<Shades>) -> impl IntoView {
    let count = |value: f64| format::short(value.max(0.0).round().max(f64::from(u8::from(value > 0.0))));
    let squares = (1..=SHADES).map(|shade| {
        let title = move || {
            let at_least = format::short(shades.get().floor(shade));
            format!("{at_least} requests and more in a cell")
        };
        view! {
            <svg class="sign" viewBox="0 0 14 10">
                <title>{title}</title>
                <path class=format!("cell heat-{shade}") d="M0 0H14V10H0z" />
            </svg>
        }
    });
    view! {
        <span class="ramp num">
            {move || count(shades.get().floor(1))} <span>{squares.collect_view()}</span>
            {move || count(shades.get().most())} " requests in a cell"
        </span>
    }
    .into_any()
}

/// A rectangle of cells as times and durations.
fn chosen(charts: Charts, grid: &Grid, brush: Brush) -> Selection {
    let (low_ms, high_ms) = grid.rows.bounds(&brush.rows());
    let columns = brush.columns();
    let time = charts.timeline.edges_ms.with_untracked(|edges| {
        let (from, to) = edges.get(columns.start).zip(edges.get(columns.end))?;
        Some(((*from / 1000.0) as i64, (*to / 1000.0) as i64))
    });
    Selection { time, low_ms, high_ms }
}

/// A rectangle of cells in words, with how many requests it holds.
fn words(charts: Charts, grid: &Grid, brush: Brush) -> String {
    let (columns, rows) = (brush.columns(), brush.rows());
    let (low, high) = grid.rows.bounds(&rows);
    let count = grid.within((columns.start as f64, columns.end as f64), low, high);
    let when = charts.timeline.when(Some((columns.start, columns.end)));
    format!("{when} · {} · {}", between(low, high), about(count, grid.is_spread))
}

/// Durations between two bounds in words.
pub(super) fn between(low_ms: Option<f64>, high_ms: Option<f64>) -> String {
    match (low_ms, high_ms) {
        (None, None) => "any duration".to_owned(),
        (Some(low), None) => format!("≥ {}", format::duration(low)),
        (None, Some(high)) => format!("< {}", format::duration(high)),
        (Some(low), Some(high)) => format!("{} – {}", format::duration(low), format::duration(high)),
    }
}

/// A number of requests that may be an estimate.
pub(super) fn about(count: f64, is_estimate: bool) -> String {
    let words = format::plural(count.round() as u64, "request", "requests");
    if is_estimate && count > 0.0 { format!("≈ {words}") } else { words }
}

fn table(charts: Charts, grid: &Grid) -> AnyView {
    let holds = |row: &usize| (0..grid.columns).any(|column| grid.cell(column, *row) > 0.0);
    let rows: Vec<usize> = (0..grid.rows.len()).filter(holds).collect();
    let heads = rows.iter().map(|row| {
        let (low, high) = grid.rows.bounds(&(*row..row + 1));
        between(low, high)
    });
    let heads = ["Time".to_owned()].into_iter().chain(heads).collect();
    let (edges, zone) = (charts.timeline.edges_ms.get(), charts.timeline.zone.get());
    let line = |column: usize| {
        let when = edges.get(column).map(|ms| clock::written(*ms, zone)).unwrap_or_default();
        let counts = rows.iter().map(|row| format::short(grid.cell(column, *row)));
        [when].into_iter().chain(counts).collect()
    };
    plain_table(heads, (0..grid.columns).map(line).collect())
}

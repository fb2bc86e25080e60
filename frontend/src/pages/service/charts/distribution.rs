//! The distribution: how many requests of the range took how long.

use std::fmt::Write as _;
use std::sync::Arc;

use leptos::prelude::*;

use super::heat::{about, between};
use super::{Charts, PERCENTILES};
use crate::chart::brush::Brush;
use crate::chart::grid::Grid;
use crate::chart::scale::Scale;
use crate::chart::ticks::nice_end;
use crate::components::chart::axes::{Axes, Ticks, UprightMarks};
use crate::components::chart::brushing::{Brushed, Brushing, Edges, rectangle};
use crate::components::chart::card::{ChartCard, plain_table};
use crate::components::chart::plot::Plot;
use crate::format;
use crate::model::selection::Selection;

/// Height of the drawing, px.
const HEIGHT: f64 = 240.0;
/// Percentiles that are marked.
const MARKED: [&str; 3] = ["p50", "p90", "p99"];

/// Durations to the right, requests upwards. A range of durations can be chosen.
#[component]
pub(super) fn Distribution(charts: Charts) -> impl IntoView {
    let grid = Memo::new(move |_| {
        let curve = charts.curve.get();
        charts
            .series
            .with(|series| Arc::new(Grid::of(curve, &series.bins, &[series.total.counts.as_slice()])))
    });
    let table = move || {
        let grid = grid.get();
        let total: f64 = grid.cells().iter().sum();
        let row = |row: usize| {
            let (low, high) = grid.rows.bounds(&(row..row + 1));
            let count = grid.cell(0, row);
            vec![between(low, high), format::short(count), format::percent(count / total.max(1.0))]
        };
        let heads = ["Duration", "Requests", "Share"].map(str::to_owned).into();
        plain_table(heads, (0..grid.rows.len()).map(row).collect())
    };
    view! {
        <ChartCard
            name="distribution"
            title="Latency distribution"
            note=Signal::derive(|| "of the whole range".to_owned())
            fill=charts.latency_fill
            chart=move || view! { <Drawing charts grid /> }
            table
        />
    }
    .into_any()
}

#[component]
fn Drawing(charts: Charts, grid: Memo<Arc<Grid>>) -> impl IntoView {
    let plot = Plot::new(HEIGHT);
    let across = Memo::new(move |_| {
        grid.with(|grid| {
            let ends = grid.rows.edges.first().copied().zip(grid.rows.edges.last().copied());
            Scale::new(grid.rows.curve, ends.unwrap_or((1.0, 10.0)), plot.across())
        })
    });
    let level = Memo::new(move |_| {
        let most = grid.with(|grid| grid.cells().iter().copied().fold(0.0, f64::max));
        Scale::linear((0.0, nice_end(most.max(4.0), 4)), plot.upright())
    });
    let (bottom, top) = plot.upright();
    let edges = Memo::new(move |_| -> Edges {
        let across = across.get();
        (grid.with(|grid| grid.rows.edges.iter().map(|edge| across.at(*edge)).collect()), vec![bottom, top])
    });
    let pick = Callback::new(move |brush: Option<Brush>| {
        let chosen = brush.map(|brush| grid.with_untracked(|grid| grid.rows.bounds(&brush.columns())));
        let chosen = chosen.map(|(low_ms, high_ms)| Selection { time: None, low_ms, high_ms });
        charts.select(chosen.filter(|chosen| *chosen != Selection::default()));
    });
    let brushing = Brushing::new(plot, edges, pick);
    let ticks = |scale: Scale, most: usize, text: fn(f64) -> String| -> Ticks {
        scale.ticks(most).into_iter().map(|value| (scale.at(value), text(value))).collect()
    };
    let bars = move || {
        let level = level.get();
        let mut d = String::new();
        edges.with(|(across, _)| {
            grid.with(|grid| {
                for (row, edge) in across.windows(2).enumerate().filter(|(row, _)| grid.cell(0, *row) > 0.0) {
                    let upper = level.at(grid.cell(0, row)).min(bottom - 1.0);
                    let right = (edge[1] - 1.0).max(edge[0] + 0.5);
                    let _ = write!(d, "M{:.1} {bottom:.1}V{upper:.1}H{right:.1}V{bottom:.1}z", edge[0]);
                }
            });
        });
        d
    };
    let marks = Signal::derive(move || {
        let across = across.get();
        let latency = charts.series.with(|series| series.total.latency);
        let marked = PERCENTILES.into_iter().filter(|(name, ..)| MARKED.contains(name));
        let place = |of: fn(&_) -> _| latency.as_ref().map(of);
        marked
            .filter_map(|(name, _, of)| Some((across.at(place(of)?.ms), name.to_owned())))
            .collect::<Ticks>()
    });
    let brush = move || {
        let brush = brushing.pointed()?;
        let columns = brush.columns();
        let ends = edges
            .with(|(across, _)| across.get(columns.start).copied().zip(across.get(columns.end).copied()));
        Some(rectangle("brush", ends?, (bottom, top)))
    };
    let selected = move || {
        let Selection { low_ms, high_ms, .. } = charts.selection.get()?;
        let (across, (left, right)) = (across.get(), plot.across());
        let ends = (low_ms.map_or(left, |ms| across.at(ms)), high_ms.map_or(right, |ms| across.at(ms)));
        (low_ms.is_some() || high_ms.is_some()).then(|| rectangle("selected", ends, (bottom, top)))
    };
    let readout = Memo::new(move |_| {
        let brush = brushing.pointed();
        grid.with(|grid| {
            let columns = brush.map_or(0..grid.rows.len(), Brush::columns);
            let (low, high) = grid.rows.bounds(&columns);
            format!("{} · {}", between(low, high), about(grid.within((0.0, 1.0), low, high), grid.is_spread))
        })
    });
    view! {
        <Brushed
            brushing
            test_id="distribution"
            label="Latency distribution. Arrow keys move, Shift and arrows draw a range, Enter chooses it, Escape clears it."
        >
            <Axes
                plot
                across=Signal::derive(move || ticks(across.get(), plot.most_ticks(), format::duration))
                upright=Signal::derive(move || ticks(level.get(), 5, format::short))
            />
            <path class="bar is-latency" d=bars />
            {selected}
            {brush}
            <UprightMarks plot marks />
        </Brushed>
        <div class="chart-legend">
            <span class="chart-when num" aria-live="polite">{readout}</span>
        </div>
    }
    .into_any()
}

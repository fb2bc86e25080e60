//! Rate, errors and durations of the service, or of the route that is chosen.

use std::sync::Arc;

use leptos::prelude::*;
use sidecarta_queries::api::series::{Series, SeriesResponse};

use crate::chart::scale::Curve;
use crate::clock;
use crate::components::chart::card::Fill;
use crate::components::chart::legend::Entry;
use crate::components::chart::patterns::Patterns;
use crate::components::chart::time_chart::{TimeChart, Timeline};
use crate::components::notice::FailureBanner;
use crate::components::sign::source_word;
use crate::format;
use crate::model::selection::Selection;
use crate::model::tracks::{
    FIRST_LINES, PERCENTILES, PROXY_ADDED, Shape, Track, Unit, failures, latency, named, requests,
};
use crate::page::Page;
use crate::preferences::Preferences;
use crate::remote::polled;
use crate::state::service::toggled;
use crate::state::{PageState, encode_segment};

mod distribution;
mod heat;
mod selected;

use distribution::Distribution;
use heat::HeatMap;
use selected::Selected;

/// Why a chart is empty.
const NOTHING: &str = "No requests in this range.";
const NO_LATENCY: &str = "No source knows how long these requests took.";

/// What the charts of the page share.
#[derive(Clone, Copy)]
struct Charts {
    /// The URL.
    page: Page,
    /// Node id of the service.
    node: Memo<String>,
    /// The numbers as they stand.
    series: Memo<Arc<Series>>,
    /// The time axis.
    timeline: Timeline,
    /// How durations are laid out.
    curve: Memo<Curve>,
    /// What is chosen of them.
    selection: Memo<Option<Selection>>,
    /// Whether durations are known.
    latency_fill: Memo<Fill>,
}

impl Charts {
    /// Chooses a part, as a step that the back button undoes.
    fn select(self, selection: Option<Selection>) {
        self.page.change(|state| state.service.sel = selection.map(Selection::written));
    }
}

/// The charts of what gets the requests.
#[component]
pub(super) fn ServiceCharts(
    /// Node id of the service.
    node: Memo<String>,
) -> impl IntoView {
    let page = expect_context::<Page>();
    let zone = expect_context::<Preferences>().zone;
    let polled = polled::<SeriesResponse>(move || {
        let parameters = page.state.with(PageState::subject_parameters);
        format!("/series?service={}&{parameters}", encode_segment(&node.get()))
    });
    let remote = polled.remote;
    let series = Memo::new(move |_| {
        Arc::new(remote.with(|remote| remote.value.clone()).map(|answer| answer.series).unwrap_or_default())
    });
    let is_loading =
        Memo::new(move |_| remote.with(|remote| remote.value.is_none() && remote.failure.is_none()));
    let fill = Memo::new(move |_| match is_loading.get() {
        true => Fill::Loading,
        false if series.with(|series| series.total.requests == 0) => Fill::Empty(NOTHING),
        false => Fill::Ready,
    });
    let latency_fill = Memo::new(move |_| match fill.get() {
        Fill::Ready if series.with(|series| series.total.latency.is_none()) => Fill::Empty(NO_LATENCY),
        fill => fill,
    });
    let charts = Charts {
        page,
        node,
        series,
        timeline: Timeline {
            edges_ms: Memo::new(move |_| series.with(|series| edges_ms(series))),
            deploys: Memo::new(move |_| series.with(|series| deploys(series))),
            hover: RwSignal::new(None),
            zone,
        },
        curve: Memo::new(move |_| page.state.with(|state| state.service.curve)),
        selection: Memo::new(move |_| {
            page.state.with(|state| state.service.sel.as_deref().and_then(Selection::parse))
        }),
        latency_fill,
    };
    let failure = move || {
        let failure = remote.with(|remote| remote.failure.clone());
        failure.map(|failure| view! { <FailureBanner failure retry=move |()| polled.retry() /> })
    };
    view! {
        {failure}
        <Patterns />
        <div class="chart-bar">
            <h2 class="section-title">"Over time"</h2>
            <span class="muted small" data-testid="series-source">{move || series.with(|series| origin(series))}</span>
            <CurveChoice />
        </div>
        <div class="charts" data-testid="charts">
            <RateCharts charts fill />
            <LatencyChart charts />
            <HeatMap charts />
            <Distribution charts />
        </div>
        <Selected charts />
    }
    .into_any()
}

#[component]
fn RateCharts(charts: Charts, fill: Memo<Fill>) -> impl IntoView {
    let Charts { series, timeline, .. } = charts;
    let drawn = Memo::new(move |_| series.with(|series| requests(series)));
    let wrong = Memo::new(move |_| series.with(|series| failures(series)));
    let step = move || series.with(|series| format::lasting(f64::from(series.step_s) * 1000.0));
    let more = Signal::derive(move || series.with(|series| reasons(series)));
    view! {
        <TimeChart
            name="requests"
            title="Requests"
            note=Signal::derive(|| "by class of status, per second".to_owned())
            timeline
            tracks=drawn
            unit=Unit::Rate
            curve=charts.curve
            fill
            entries=Signal::derive(move || entries(drawn))
        />
        <TimeChart
            name="failures"
            title="Failures"
            note=Signal::derive(move || format!("in {}", step()))
            timeline
            tracks=wrong
            unit=Unit::Count
            curve=charts.curve
            fill
            entries=Signal::derive(move || entries(wrong))
            more
        />
    }
    .into_any()
}

#[component]
fn LatencyChart(charts: Charts) -> impl IntoView {
    let page = expect_context::<Page>();
    let Charts { series, timeline, .. } = charts;
    let lines = Memo::new(move |_| page.state.with(|state| drawn_lines(state).to_owned()));
    let tracks = Memo::new(move |_| series.with(|series| lines.with(|lines| latency(series, lines))));
    let toggle = Callback::new(move |name: &'static str| {
        page.change(|state| {
            let lines = toggled(drawn_lines(state), name);
            // None at all would be the first ones again.
            if !lines.is_empty() {
                state.service.lines = if lines == FIRST_LINES { String::new() } else { lines };
            }
        });
    });
    let choices = Signal::derive(move || {
        let known = PERCENTILES.iter().map(|(name, class, _)| (*name, *class, Shape::Line));
        let added = series.with(|series| series.total.proxy_added.is_some());
        let added = added.then_some((PROXY_ADDED, "is-proxy", Shape::Line));
        let marks = entries(tracks).into_iter().filter(|(.., shape)| *shape == Shape::Mark);
        known.chain(added).chain(marks).collect::<Vec<Entry>>()
    });
    view! {
        <TimeChart
            name="latency"
            title="Latency"
            note=Signal::derive(|| "the truth lies within the bands".to_owned())
            timeline
            tracks
            unit=Unit::Duration
            curve=charts.curve
            fill=charts.latency_fill
            entries=choices
            toggle
        />
    }
    .into_any()
}

/// Whether durations are laid out by their ratios or evenly; it holds for all charts of the page.
#[component]
fn CurveChoice() -> impl IntoView {
    let page = expect_context::<Page>();
    let choice = move |curve: Curve, words: &'static str| {
        let pressed = move || page.state.with(|state| state.service.curve == curve).to_string();
        view! {
            <button
                aria-pressed=pressed
                data-testid=format!("scale-{}", words.to_lowercase())
                on:click=move |_| page.change(|state| state.service.curve = curve)
            >
                {words}
            </button>
        }
    };
    view! {
        <div class="segmented end" role="group" aria-label="Scale of durations">
            {choice(Curve::Log, "Logarithmic")} {choice(Curve::Linear, "Linear")}
        </div>
    }
}

fn entries(tracks: Memo<Vec<Track>>) -> Vec<Entry> {
    tracks.with(|tracks| tracks.iter().map(|track| (track.name, track.class, track.shape)).collect())
}

fn drawn_lines(state: &PageState) -> &str {
    if state.service.lines.is_empty() { FIRST_LINES } else { &state.service.lines }
}

/// The times between the steps, one more than there are steps.
fn edges_ms(series: &Series) -> Vec<f64> {
    let step = f64::from(series.step_s) * 1000.0;
    let Some(from) = clock::parse(&series.from).filter(|_| !series.points.is_empty()) else {
        return Vec::new();
    };
    (0..=series.points.len()).map(|index| from + index as f64 * step).collect()
}

fn deploys(series: &Series) -> Vec<(f64, String)> {
    let mut deploys: Vec<(f64, String)> = series
        .deploys
        .iter()
        .filter_map(|deploy| Some((clock::parse(&deploy.at)?, deploy.version.clone())))
        .collect();
    deploys.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    deploys
}

/// Flags and gRPC statuses beside the failures they explain.
fn reasons(series: &Series) -> Vec<(&'static str, Vec<String>)> {
    let column = |of: fn(&sidecarta_queries::api::series::SeriesPoint) -> String| {
        series.points.iter().map(of).collect()
    };
    vec![
        ("Requests", column(|point| format::count(point.requests))),
        ("Attempts", column(|point| format::count(point.attempts))),
        ("Flags", column(|point| named(&point.flags))),
        ("gRPC", column(|point| named(&point.grpc))),
    ]
}

/// Where the numbers come from.
fn origin(series: &Series) -> String {
    let Some(source) = series.evidence else { return String::new() };
    let step = format::lasting(f64::from(series.step_s) * 1000.0);
    format!("{} · a step is {step}", source_word(source))
}

//! Lines, bars and marks over time.

use leptos::ev;
use leptos::prelude::*;

use super::axes::{Axes, Ticks, UprightMarks};
use super::card::{ChartCard, Fill, plain_table};
use super::legend::{Entry, Legend};
use super::plot::Plot;
use crate::chart::brush::{Move, index_at};
use crate::chart::scale::{Curve, Scale};
use crate::chart::time::time_ticks;
use crate::clock;
use crate::model::shapes::{LEVELS, end_labels, level_scale, pieces};
use crate::model::tracks::{Track, Unit};
use crate::state::Zone;

/// Height of a chart's drawing, px.
const HEIGHT: f64 = 190.0;

/// What the charts of a page share, so that one crosshair goes through all of them.
#[derive(Clone, Copy)]
pub(crate) struct Timeline {
    /// The times between the steps, ms since 1970; one more than there are steps.
    pub(crate) edges_ms: Memo<Vec<f64>>,
    /// Versions with the time at which they first appeared, ms since 1970.
    pub(crate) deploys: Memo<Vec<(f64, String)>>,
    /// The step under the crosshair.
    pub(crate) hover: RwSignal<Option<usize>>,
    /// The clock.
    pub(crate) zone: Memo<Zone>,
}

impl Timeline {
    /// The times on a drawing.
    pub(crate) fn scale(self, plot: Plot) -> Scale {
        let ends = self.edges_ms.with(|edges| edges.first().copied().zip(edges.last().copied()));
        Scale::linear(ends.unwrap_or_default(), plot.across())
    }

    /// The pixels between the steps.
    pub(crate) fn edges(self, plot: Plot) -> Vec<f64> {
        let scale = self.scale(plot);
        self.edges_ms.with(|edges| edges.iter().map(|edge| scale.at(*edge)).collect())
    }

    /// Labels of the axis.
    pub(crate) fn ticks(self, plot: Plot) -> Ticks {
        let (scale, zone) = (self.scale(plot), self.zone.get());
        let ticks = time_ticks(scale.values(), plot.most_ticks(), &|ms| clock::offset_ms(ms, zone));
        ticks.into_iter().map(|tick| (scale.at(tick.at_ms), tick.label)).collect()
    }

    /// Marks of new versions.
    pub(crate) fn marks(self, plot: Plot) -> Ticks {
        let scale = self.scale(plot);
        self.deploys.with(|deploys| deploys.iter().map(|(at, name)| (scale.at(*at), name.clone())).collect())
    }

    /// From when to when some steps are, in words; the whole range where none is given.
    pub(crate) fn when(self, steps: Option<(usize, usize)>) -> String {
        let zone = self.zone.get();
        self.edges_ms.with(|edges| {
            let last = edges.len().saturating_sub(1);
            let (first, end) = steps.map_or((0, last), |(first, end)| (first.min(last), end.min(last)));
            let text =
                |index: usize| edges.get(index).map(|ms| clock::written(*ms, zone)).unwrap_or_default();
            let (from, to) = (text(first), text(end));
            // The day is said once, and not at all for a step: the axis shows it.
            let of_day = |text: &str| text.get(11..).unwrap_or_default().to_owned();
            if steps.is_some() || from.get(..10) == to.get(..10) {
                format!("{} – {}", of_day(&from), of_day(&to))
            } else {
                format!("{from} – {to}")
            }
        })
    }

    fn steps(self) -> usize {
        self.edges_ms.with_untracked(|edges| edges.len().saturating_sub(1))
    }
}

/// More columns of a chart's table: a head, and the words of each step.
pub(crate) type MoreColumns = Signal<Vec<(&'static str, Vec<String>)>>;

/// A chart of tracks over time.
#[component]
pub(crate) fn TimeChart(
    /// Its name in the URL and for tests.
    name: &'static str,
    /// What it shows.
    title: &'static str,
    /// More about it.
    #[prop(into)]
    note: Signal<String>,
    /// What it shares with the others.
    timeline: Timeline,
    /// What is drawn.
    tracks: Memo<Vec<Track>>,
    /// What its values are.
    unit: Unit,
    /// How durations are laid out.
    #[prop(into)]
    curve: Signal<Curve>,
    /// Whether there is something to draw.
    #[prop(into)]
    fill: Signal<Fill>,
    /// What stands in the legend.
    #[prop(into)]
    entries: Signal<Vec<Entry>>,
    /// Switches a line on or off.
    #[prop(optional)]
    toggle: Option<Callback<&'static str>>,
    /// More columns of the table.
    #[prop(optional, into)]
    more: Option<MoreColumns>,
) -> impl IntoView {
    let table = move || {
        let more = more.map(|more| more.get()).unwrap_or_default();
        tracks.with(|tracks| table_of(timeline, tracks, &more))
    };
    let chart = move || {
        let when = Signal::derive(move || timeline.when(timeline.hover.get().map(|step| (step, step + 1))));
        view! {
            <Drawing title timeline tracks unit curve />
            {match toggle {
                Some(toggle) => view! { <Legend entries tracks step=timeline.hover when toggle /> }.into_any(),
                None => view! { <Legend entries tracks step=timeline.hover when /> }.into_any(),
            }}
        }
    };
    view! { <ChartCard name title note fill chart table /> }.into_any()
}

fn table_of(timeline: Timeline, tracks: &[Track], more: &[(&'static str, Vec<String>)]) -> AnyView {
    let heads = tracks.iter().map(|track| track.name).chain(more.iter().map(|(head, _)| *head));
    let heads = ["Time"].into_iter().chain(heads).map(str::to_owned).collect();
    let (edges, zone) = (timeline.edges_ms.get(), timeline.zone.get());
    let row = |step: usize| {
        let values = tracks.iter().map(|track| track.text(Some(step)).to_owned());
        let more = more.iter().map(|(_, words)| words.get(step).cloned().unwrap_or_default());
        [clock::written(edges[step], zone)].into_iter().chain(values).chain(more).collect()
    };
    plain_table(heads, (0..edges.len().saturating_sub(1)).map(row).collect())
}

#[component]
fn Drawing(
    title: &'static str,
    timeline: Timeline,
    tracks: Memo<Vec<Track>>,
    unit: Unit,
    #[prop(into)] curve: Signal<Curve>,
) -> impl IntoView {
    let plot = Plot::new(HEIGHT);
    let level = Memo::new(move |_| {
        let curve = curve.get();
        tracks.with(|tracks| level_scale(tracks, unit, curve, plot.upright()))
    });
    let (_, top) = plot.upright();
    let upright = Signal::derive(move || {
        let level = level.get();
        level.ticks(LEVELS).into_iter().map(|value| (level.at(value), unit.text(value))).collect::<Ticks>()
    });
    let drawn = move || {
        let edges = timeline.edges(plot);
        let drawn = tracks.with(|tracks| pieces(tracks, &edges, level.get(), top - 8.0));
        drawn.into_iter().map(|piece| view! { <path class=piece.class d=piece.d /> }).collect_view()
    };
    let names = move || {
        let (bottom, top) = plot.upright();
        let (_, right) = plot.across();
        let labels = tracks.with(|tracks| end_labels(tracks, level.get(), (top, bottom)));
        let label = |(y, name, class): (f64, &'static str, &'static str)| {
            view! {
                <text class=format!("end-label {class}") x=right + 5.0 y=y + 3.5>
                    {name}
                </text>
            }
        };
        labels.into_iter().map(label).collect_view()
    };
    let spoken = RwSignal::new(String::new());
    let words = move |step: usize| {
        let said = tracks.with_untracked(|tracks| {
            tracks
                .iter()
                .map(|track| format!("{} {}", track.name, track.text(Some(step))))
                .collect::<Vec<_>>()
        });
        format!("{}: {}", timeline.when(Some((step, step + 1))), said.join(", "))
    };
    let on_key = move |event: ev::KeyboardEvent| {
        if let Some(step) = moved(&event, timeline.hover, timeline.steps()) {
            spoken.set(words(step));
        }
    };
    let on_move = move |event: ev::PointerEvent| {
        let (x, _) = plot.pointer(&event);
        timeline.hover.set(Some(untrack(|| index_at(&timeline.edges(plot), x))));
    };
    let described = move || {
        let all = tracks.with(|tracks| {
            tracks.iter().map(|track| format!("{} {}", track.name, track.text(None))).collect::<Vec<_>>()
        });
        format!("{title}, {}: {}. Arrow keys move through time.", timeline.when(None), all.join(", "))
    };
    view! {
        <svg
            node_ref=plot.svg
            class="plot"
            height=HEIGHT
            role="img"
            tabindex="0"
            aria-label=described
            on:pointermove=on_move
            on:pointerleave=move |_| timeline.hover.set(None)
            on:blur=move |_| timeline.hover.set(None)
            on:keydown=on_key
        >
            <Axes plot across=Signal::derive(move || timeline.ticks(plot)) upright />
            {move || crosshair(timeline, plot)}
            <g>{drawn}</g>
            <UprightMarks plot marks=Signal::derive(move || timeline.marks(plot)) />
            <g aria-hidden="true">{names}</g>
        </svg>
        <p class="sr-only" aria-live="polite">{spoken}</p>
    }
    .into_any()
}

/// The step under the crosshair, from top to bottom.
pub(crate) fn crosshair(timeline: Timeline, plot: Plot) -> AnyView {
    let edges = timeline.edges(plot);
    let (bottom, top) = plot.upright();
    timeline
        .hover
        .get()
        .and_then(|step| edges.get(step).copied().zip(edges.get(step + 1).copied()))
        .map(|(left, right)| {
            view! { <rect class="crosshair" x=left y=top width=(right - left).max(1.5) height=bottom - top /> }
        })
        .into_any()
}

/// Moves the crosshair by a key, and says where it stands then. Escape takes it away.
fn moved(event: &ev::KeyboardEvent, hover: RwSignal<Option<usize>>, steps: usize) -> Option<usize> {
    if event.key() == "Escape" && hover.get_untracked().is_some() {
        event.stop_propagation();
        hover.set(None);
        return None;
    }
    let key = Move::of_key(&event.key()).filter(|_| steps > 0)?;
    event.prevent_default();
    let step = match hover.get_untracked() {
        Some(step) => key.from((step, 0), (steps, 1)).0,
        None => steps - 1,
    };
    hover.set(Some(step));
    Some(step)
}

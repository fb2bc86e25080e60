//! How the interval of a difference narrowed over time, against the margin: the picture that explains a verdict.

use leptos::prelude::*;
use sidecarta_queries::api::canary::{Check, Interval, Unit, short_number as number};

use crate::chart::scale::Scale;
use crate::chart::time::time_ticks;
use crate::clock;
use crate::components::chart::axes::{Axes, Ticks};
use crate::components::chart::plot::Plot;
use crate::model::canary::{between, difference, domain};
use crate::preferences::Preferences;

/// Height of the drawing, px.
const HEIGHT: f64 = 170.0;
/// Labels on the left.
const LEVELS: usize = 4;

#[component]
pub(super) fn IntervalChart(check: Memo<Check>) -> impl IntoView {
    let zone = expect_context::<Preferences>().zone;
    let plot = Plot::new(HEIGHT);
    let times = Memo::new(move |_| {
        check.with(|check| {
            check.history.iter().map(|look| js_sys::Date::parse(&look.at)).collect::<Vec<f64>>()
        })
    });
    let across = move || {
        let ends = times.with(|times| times.first().copied().zip(times.last().copied())).unwrap_or_default();
        Scale::linear(ends, plot.across())
    };
    let upright = move || Scale::linear(check.with(domain), plot.upright());
    let across_ticks = move || {
        let scale = across();
        if times.with(Vec::is_empty) {
            return Ticks::new();
        }
        let ticks = time_ticks(scale.values(), plot.most_ticks(), &|ms| clock::offset_ms(ms, zone.get()));
        ticks.into_iter().map(|tick| (scale.at(tick.at_ms), tick.label)).collect()
    };
    let upright_ticks = move || {
        let scale = upright();
        let unit = check.with(|check| check.unit);
        scale
            .ticks(LEVELS)
            .into_iter()
            .map(|level| (scale.at(level), level_label(unit, level)))
            .collect::<Ticks>()
    };
    let band = move || {
        let (across, upright) = (across(), upright());
        check.with(|check| {
            times.with(|times| {
                let places =
                    || check.history.iter().zip(times).map(|(look, ms)| (across.at(*ms), &look.interval));
                let tops = places().map(|(x, interval)| {
                    format!("{x:.1},{:.1}", upright.at(interval.high.unwrap_or(f64::INFINITY)))
                });
                let bottoms = places().rev().map(|(x, interval)| {
                    format!("{x:.1},{:.1}", upright.at(interval.low.unwrap_or(f64::NEG_INFINITY)))
                });
                tops.chain(bottoms).collect::<Vec<_>>().join(" ")
            })
        })
    };
    let line = move || {
        let (across, upright) = (across(), upright());
        check.with(|check| {
            times.with(|times| {
                let points = check.history.iter().zip(times);
                let points = points
                    .map(|(look, ms)| format!("{:.1},{:.1}", across.at(*ms), upright.at(look.difference)));
                points.collect::<Vec<_>>().join(" ")
            })
        })
    };
    let level = move |value: f64| upright().at(value);
    let margin = move || check.with(|check| check.margin_difference);
    let ends = move || plot.across();
    let label = move || check.with(in_words);
    view! {
        <svg
            class="plot interval"
            node_ref=plot.svg
            height=HEIGHT
            role="img"
            aria-label=label
        >
            <rect
                class="beyond"
                x=move || ends().0
                y=move || plot.upright().1
                width=move || ends().1 - ends().0
                height=move || (level(margin()) - plot.upright().1).max(0.0)
            />
            <Axes plot across=Signal::derive(across_ticks) upright=Signal::derive(upright_ticks) />
            <line class="zero" x1=move || ends().0 x2=move || ends().1 y1=move || level(0.0) y2=move || level(0.0) />
            <polygon class="unrefuted" points=band />
            <polyline class="estimate" points=line />
            <line class="margin" x1=move || ends().0 x2=move || ends().1 y1=move || level(margin()) y2=move || level(margin()) />
            <text class="margin-name" x=move || ends().0 + 6.0 y=move || level(margin()) - 5.0>"worse than allowed"</text>
        </svg>
    }
    .into_any()
}

fn level_label(unit: Unit, level: f64) -> String {
    match unit {
        Unit::Share => format!("{} pt", number(100.0 * level)),
        Unit::Ms => format!("{} ms", number(level)),
    }
}

/// The drawing for whoever does not see it.
fn in_words(check: &Check) -> String {
    let first = check.history.first().map_or_else(Interval::default, |look| look.interval);
    format!(
        "The difference was {} at first, and is {} by now, around {}; the margin is {}.",
        between(check.unit, &first),
        between(check.unit, &check.interval),
        difference(check.unit, check.difference),
        difference(check.unit, check.margin_difference)
    )
}

//! How long requests of both versions took, one over the other, with the quantiles that are compared.

use leptos::prelude::*;
use sidecarta_queries::api::canary::{Check, LatencyShares, LatencyStep, Unit, Verdict};

use crate::chart::scale::{Curve, Scale};
use crate::components::chart::axes::{Axes, Ticks, UprightMarks};
use crate::components::chart::plot::Plot;
use crate::format;
use crate::model::canary::{between, outline};

/// Height of the drawing, px.
const HEIGHT: f64 = 200.0;
/// Labels on the left.
const LEVELS: usize = 4;

/// The card, where both sides have requests.
#[component]
pub(super) fn Latencies(verdict: Memo<Verdict>) -> impl IntoView {
    let shares = Memo::new(move |_| verdict.with(|verdict| verdict.latency.clone()));
    let checks = Memo::new(move |_| {
        verdict.with(|verdict| {
            verdict.checks.iter().filter(|check| check.unit == Unit::Ms).cloned().collect::<Vec<Check>>()
        })
    });
    let name = move |candidate: bool| {
        verdict.with(|verdict| if candidate { verdict.candidate.clone() } else { verdict.baseline.clone() })
    };
    view! {
        <Show when=move || shares.with(Option::is_some)>
            <section class="card canary-latency" data-testid="canary-latency">
                <header class="canary-check-head">
                    <h2>"How long requests took"</h2>
                    <span class="key key-old">{move || name(false)}</span>
                    <span class="key key-new">{move || name(true)}</span>
                </header>
                <Drawing shares=Memo::new(move |_| shares.get().unwrap_or_default()) checks />
                <p class="muted small">{move || shares.with(|shares| about(shares.as_ref()))}</p>
            </section>
        </Show>
    }
    .into_any()
}

/// What the picture shows, and what it does not.
fn about(shares: Option<&LatencyShares>) -> String {
    let has_timeouts = |shares: &&LatencyShares| shares.baseline_timeouts + shares.candidate_timeouts > 0.0;
    let timed_out = shares.filter(has_timeouts).map_or_else(String::new, |shares| {
        format!(
            " Timed out, and not drawn: {} of the old version's and {} of the new one's.",
            format::percent(shares.baseline_timeouts),
            format::percent(shares.candidate_timeouts)
        )
    });
    format!(
        "Part of each version's requests by latency, with the same mix of routes, callers and times. Shaded is where a \
         quantile of the new version may lie, as far as is known.{timed_out}"
    )
}

#[component]
fn Drawing(shares: Memo<LatencyShares>, checks: Memo<Vec<Check>>) -> impl IntoView {
    let plot = Plot::new(HEIGHT);
    let across = move || {
        let ends = shares.with(|shares| {
            let steps = &shares.steps;
            steps.first().map(|step| step.low_ms).zip(steps.last().map(|step| step.high_ms))
        });
        Scale::new(Curve::Log, ends.unwrap_or((1.0, 10.0)), plot.across())
    };
    let upright = move || {
        let most = shares.with(|shares| {
            shares.steps.iter().map(|step| step.baseline.max(step.candidate)).fold(0.0, f64::max)
        });
        Scale::linear((0.0, most), plot.upright())
    };
    let across_ticks = move || {
        let scale = across();
        let ticks = scale.ticks(plot.most_ticks()).into_iter();
        ticks.map(|ms| (scale.at(ms), format::duration(ms))).collect::<Ticks>()
    };
    let upright_ticks = move || {
        let scale = upright();
        let ticks = scale.ticks(LEVELS).into_iter();
        ticks.map(|share| (scale.at(share), format::percent(share))).collect::<Ticks>()
    };
    let shape = move |of: fn(&LatencyStep) -> f64| {
        let (across, upright) = (across(), upright());
        shares.with(|shares| outline(&shares.steps, of, |ms| across.at(ms), |share| upright.at(share)))
    };
    let marks = move || {
        let scale = across();
        let mark = |check: &Check| (scale.at(check.baseline.value), format!("{} before", check.name));
        let mut marks: Ticks = checks
            .with(|checks| checks.iter().filter(|check| check.baseline.requests > 0).map(mark).collect());
        marks.sort_by(|one, other| one.0.total_cmp(&other.0));
        marks
    };
    let bands = move || {
        let (scale, (bottom, top)) = (across(), plot.upright());
        let band = |check: &Check| {
            let at = |difference: Option<f64>, open: f64| {
                scale.at(difference.map_or(open, |difference| check.baseline.value + difference))
            };
            let (left, right) = (at(check.interval.low, 0.0), at(check.interval.high, f64::INFINITY));
            let class = format!("quantile {}", crate::model::canary::class(check.result));
            let x = scale.at(check.candidate.value);
            // Where nothing is known yet, the whole drawing would be shaded.
            let known = check.interval.low.or(check.interval.high).is_some();
            let width = if known { (right - left).max(1.0) } else { 0.0 };
            view! {
                <g class=class>
                    <rect x=left y=top width=width height=bottom - top />
                    <line x1=x x2=x y1=top y2=bottom />
                </g>
            }
        };
        checks.with(|checks| {
            checks.iter().filter(|check| check.candidate.requests > 0).map(band).collect_view()
        })
    };
    let label = move || checks.with(|checks| checks.iter().map(in_words).collect::<Vec<_>>().join(" "));
    view! {
        <svg class="plot latency-shares" node_ref=plot.svg height=HEIGHT role="img" aria-label=label>
            <Axes plot across=Signal::derive(across_ticks) upright=Signal::derive(upright_ticks) />
            {bands}
            <polygon class="old" points=move || shape(|step| step.baseline) />
            <polygon class="new" points=move || shape(|step| step.candidate) />
            <UprightMarks plot marks=Signal::derive(marks) />
        </svg>
    }
    .into_any()
}

/// A quantile for whoever does not see the drawing.
fn in_words(check: &Check) -> String {
    format!(
        "{}: {} before, {} now; the difference is {}.",
        check.name,
        format::duration(check.baseline.value),
        format::duration(check.candidate.value),
        between(check.unit, &check.interval)
    )
}

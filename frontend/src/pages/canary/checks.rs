//! Error rate and quantiles: what both sides had, and how sure the difference is.

use leptos::prelude::*;
use sidecarta_queries::api::canary::{Check, Outcome, Unit, Verdict};

use super::interval::IntervalChart;
use crate::format;
use crate::model::canary::{between, class, difference, title, value, word};

/// A card for each check.
#[component]
pub(super) fn Checks(verdict: Memo<Verdict>) -> impl IntoView {
    let names = Memo::new(move |_| {
        verdict.with(|verdict| verdict.checks.iter().map(|check| check.name.clone()).collect::<Vec<_>>())
    });
    view! {
        <div class="canary-checks">
            <For each=move || names.get() key=Clone::clone let(name)>
                <CheckCard name verdict />
            </For>
        </div>
    }
    .into_any()
}

#[component]
fn CheckCard(name: String, verdict: Memo<Verdict>) -> impl IntoView {
    let check = Memo::new(move |_| {
        verdict.with(|verdict| {
            verdict.checks.iter().find(|check| check.name == name).cloned().unwrap_or_default()
        })
    });
    let sides =
        Memo::new(move |_| verdict.with(|verdict| [verdict.baseline.clone(), verdict.candidate.clone()]));
    let result = move || check.with(|check| check.result);
    view! {
        <section class="card canary-check" data-testid=move || format!("check-{}", check.with(|check| check.name.clone()))>
            <header class="canary-check-head">
                <h2>{move || check.with(title)}</h2>
                <span class=move || format!("health health-pill {}", class(result()))>{move || word(result())}</span>
                {move || check.with(|check| check.muted).then(|| view! { <span class="muted small">"muted"</span> })}
            </header>
            <dl class="canary-values num">
                <div>
                    <dt>{move || sides.with(|sides| sides[0].clone())}</dt>
                    <dd>{move || check.with(|check| value(check.unit, &check.baseline))}</dd>
                    <dd class="muted small">{move || check.with(|check| counts(check, false))}</dd>
                </div>
                <div>
                    <dt>{move || sides.with(|sides| sides[1].clone())}</dt>
                    <dd>{move || check.with(|check| value(check.unit, &check.candidate))}</dd>
                    <dd class="muted small">{move || check.with(|check| counts(check, true))}</dd>
                </div>
                <div>
                    <dt>"Difference"</dt>
                    <dd>{move || check.with(by)}</dd>
                    <dd class="muted small">{move || check.with(|check| between(check.unit, &check.interval))}</dd>
                </div>
            </dl>
            <Show when=move || check.with(|check| check.history.len() > 1) fallback=|| view! { <div class="chart-empty muted small">"A picture comes with the first requests of both."</div> }>
                <IntervalChart check />
            </Show>
            <p class="muted small">{move || check.with(explain)}</p>
        </section>
    }
    .into_any()
}

/// The difference, where there is something to tell it from.
fn by(check: &Check) -> String {
    let has_any = check.baseline.requests > 0 && check.candidate.requests > 0;
    if has_any { difference(check.unit, check.difference) } else { "–".to_owned() }
}

fn counts(check: &Check, is_candidate: bool) -> String {
    let side = if is_candidate { &check.candidate } else { &check.baseline };
    match check.unit {
        Unit::Share => format!("{} of {}", format::count(side.errors), format::count(side.requests)),
        Unit::Ms => format::plural(side.requests, "request", "requests"),
    }
}

/// What the picture says, in a sentence.
fn explain(check: &Check) -> String {
    let margin = difference(check.unit, check.margin_difference);
    match check.result {
        Outcome::Fail if check.interval.low.is_some_and(|low| low > check.margin_difference) => {
            format!("The whole band lies beyond the margin of {margin}: worse than allowed.")
        }
        // A route is enough, and so is a time before.
        Outcome::Fail => format!(
            "All requests together do not show it by now, but a route below does, or all did before: worse than allowed by {margin}."
        ),
        Outcome::Pass => format!("The whole band lies below the margin of {margin}: not worse than allowed."),
        Outcome::Insufficient if check.candidate.requests == 0 => "Nothing could be compared yet.".to_owned(),
        Outcome::Insufficient => {
            let needed = check.needed_requests.map_or_else(String::new, |requests| {
                format!(
                    " It takes about {} more requests to tell, if all goes on like this.",
                    format::count(requests)
                )
            });
            format!("The band still holds the margin of {margin}: both are possible.{needed}")
        }
    }
}

//! Two versions of a service side by side, and what that comes to.

mod checks;
mod choice;
mod guards;
mod interval;
mod latency;
mod routes;
mod watches;

use leptos::prelude::*;
use sidecarta_queries::api::canary::{CanaryResponse, Outcome, Verdict, short_number as number};
use sidecarta_queries::api::services::ServicesResponse;

use self::checks::Checks;
use self::choice::{Choice, Rollouts};
use self::guards::Guards;
use self::latency::Latencies;
use self::routes::Routes;
use self::watches::{BeginWatch, WatchView, Watches};
use crate::components::icon::{CHECK, CLOCK, CLOSE, Icon};
use crate::components::notice::Answered;
use crate::format;
use crate::model::canary::{class, word};
use crate::page::Page;
use crate::remote::{polled, polled_if};
use crate::state::PageState;

/// The page `/canary`.
#[component]
pub(crate) fn CanaryPage() -> impl IntoView {
    let page = expect_context::<Page>();
    let services = polled::<ServicesResponse>(move || {
        format!("/services?{}", page.state.with(PageState::range_parameters))
    });
    let known = Memo::new(move |_| {
        services
            .remote
            .with(|remote| remote.value.as_ref().map(|answer| answer.services.clone()))
            .unwrap_or_default()
    });
    let parameters = Memo::new(move |_| page.state.with(|state| state.canary.parameters()));
    let answer = polled_if::<CanaryResponse>(move || {
        let range = page.state.with(PageState::range_parameters);
        parameters.get().map(|parameters| format!("/canary?{parameters}&{range}"))
    });
    let draw = |answer: Signal<CanaryResponse>| {
        view! { <Judged verdict=Memo::new(move |_| answer.get().verdict) can_watch=true /> }.into_any()
    };
    let watch = Memo::new(move |_| page.state.with(|state| state.canary.watch.clone()));
    let choose = move |answer: Signal<ServicesResponse>| {
        view! { <Rollouts services=Signal::derive(move || answer.get().services) /> }.into_any()
    };
    view! {
        <div class="page" data-testid="canary">
            <div class="page-head">
                <h1>"Canary"</h1>
                <p>"Is the new version worse than the old one, and how sure is that?"</p>
            </div>
            <Show when=move || watch.with(Option::is_none) fallback=move || view! { <WatchView id=watch /> }>
                <Choice page services=known />
                <Show
                    when=move || parameters.with(Option::is_some)
                    fallback=move || {
                        view! {
                            <Watches />
                            <Answered polled=services draw=choose />
                        }
                    }
                >
                    <Answered polled=answer draw />
                </Show>
            </Show>
        </div>
    }
    .into_any()
}

/// A verdict with everything behind it.
#[component]
fn Judged(
    verdict: Memo<Verdict>,
    /// Whether one may begin to watch it.
    #[prop(optional)]
    can_watch: bool,
) -> impl IntoView {
    view! {
        <Sentence verdict can_watch />
        <Checks verdict />
        <Latencies verdict />
        <Routes verdict />
        <Guards verdict />
    }
    .into_any()
}

/// The verdict in a word and a sentence, and who gets how much.
#[component]
fn Sentence(verdict: Memo<Verdict>, can_watch: bool) -> impl IntoView {
    let result = Memo::new(move |_| verdict.with(|verdict| verdict.result));
    let icon = move || match result.get() {
        Outcome::Pass => CHECK,
        Outcome::Fail => CLOSE,
        Outcome::Insufficient => CLOCK,
    };
    view! {
        <section
            class=move || format!("card verdict {}", class(result.get()))
            aria-label="Verdict"
            data-testid="verdict"
            data-result=move || word(result.get())
        >
            <span class="verdict-mark"><Icon path=Signal::derive(icon) /></span>
            <div class="verdict-words">
                <h2>{move || word(result.get())}</h2>
                <p class="verdict-sentence" data-testid="summary">
                    {move || verdict.with(|verdict| with_code(&sentence(&verdict.summary)))}
                </p>
                <p class="muted small">{move || verdict.with(about)}</p>
                {move || verdict.with(hit).map(|words| view! { <p class="small" data-testid="hit">{words}</p> })}
                {can_watch.then(|| view! { <BeginWatch verdict /> })}
            </div>
            <Split verdict />
        </section>
    }
    .into_any()
}

/// A sentence as one begins it.
fn sentence(summary: &str) -> String {
    let mut letters = summary.chars();
    let first = letters.next().filter(|_| !summary.starts_with('v'));
    match first {
        Some(first) => first.to_uppercase().chain(letters).collect::<String>() + ".",
        None => format!("{summary}."),
    }
}

/// What stands between backticks is code.
fn with_code(text: &str) -> AnyView {
    let parts = text.split('`').zip([false, true].into_iter().cycle());
    let part = |(part, is_code): (&str, bool)| {
        let part = part.to_owned();
        if is_code { view! { <code>{part}</code> }.into_any() } else { part.into_any() }
    };
    parts.map(part).collect_view().into_any()
}

/// What the sentence rests on.
fn about(verdict: &Verdict) -> String {
    let requests = format::count(verdict.traffic.compared_requests);
    let sure = number(100.0 * verdict.policy.confidence);
    let times =
        if verdict.before_after { " Two times are compared, which is the weaker evidence." } else { "" };
    format!(
        "{requests} requests compared, of the same routes, callers and times; {sure} % sure, however often one looks.{times}"
    )
}

/// Who was hit.
fn hit(verdict: &Verdict) -> Option<String> {
    let traffic = &verdict.traffic;
    (verdict.result == Outcome::Fail && traffic.excess_errors >= 1.0).then(|| {
        format!(
            "About {} requests failed so far that would not have failed at {}. With all traffic it would be {} a minute.",
            format::count(traffic.excess_errors as u64),
            verdict.baseline,
            format::count(traffic.excess_errors_per_minute_at_full as u64)
        )
    })
}

/// The split of traffic as it is, with a mark where it is configured to be.
#[component]
fn Split(verdict: Memo<Verdict>) -> impl IntoView {
    let share = move || verdict.with(|verdict| verdict.traffic.candidate_share);
    let configured = move || verdict.with(|verdict| verdict.traffic.configured_share);
    let has_any = move || {
        verdict.with(|verdict| verdict.traffic.baseline_requests + verdict.traffic.candidate_requests > 0)
    };
    view! {
        <Show when=has_any>
            <div class="split" data-testid="split">
                <div class="split-names small">
                    <span>{move || verdict.with(|verdict| verdict.baseline.clone())}</span>
                    <span>{move || verdict.with(|verdict| verdict.candidate.clone())}</span>
                </div>
                <div class="split-bar">
                    <span class="split-new" style:width=move || format!("{:.2}%", 100.0 * share())></span>
                    {move || {
                        configured()
                            .map(|share| {
                                view! { <span class="split-mark" style:right=format!("{:.2}%", 100.0 * share)></span> }
                            })
                    }}
                </div>
                <div class="split-names small num">
                    <span>{move || format::percent(1.0 - share())}</span>
                    <span>{move || format::percent(share())}</span>
                </div>
                <p class="muted small">
                    {move || match configured() {
                        Some(share) => format!("{} configured", format::percent(share)),
                        None => "No proxy tells what is configured.".to_owned(),
                    }}
                </p>
            </div>
        </Show>
    }
    .into_any()
}

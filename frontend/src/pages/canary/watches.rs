//! Rollouts that are watched: which there are, and what one of them found over time.

use leptos::prelude::*;
use serde_json::json;
use sidecarta_queries::api::canary::{CanaryResponse, Verdict};
use sidecarta_queries::api::watches::{KeptVerdict, Watch, WatchResponse, WatchesResponse};

use super::Judged;
use crate::clock;
use crate::components::icon::{ARROW, CLOCK, CLOSE, Icon};
use crate::components::notice::Answered;
use crate::model::canary::{class, watch_holds, word};
use crate::page::Page;
use crate::preferences::Preferences;
use crate::remote::{asked, delete, polled, polled_if, post};
use crate::state::CanaryState;

/// Those that are known, with the last verdict of each.
#[component]
pub(super) fn Watches() -> impl IntoView {
    let answer = polled::<WatchesResponse>(|| "/watches".to_owned());
    let watches = Memo::new(move |_| {
        answer
            .remote
            .with(|remote| remote.value.as_ref().map(|answer| answer.watches.clone()))
            .unwrap_or_default()
    });
    let ids =
        move || watches.with(|watches| watches.iter().map(|watch| watch.id.clone()).collect::<Vec<_>>());
    view! {
        <Show when=move || watches.with(|watches| !watches.is_empty())>
            <section class="card" data-testid="watches">
                <h2 class="card-title">"Watched rollouts"</h2>
                <div class="rollouts">
                    <For each=ids key=Clone::clone let(id)>
                        <Row id watches />
                    </For>
                </div>
            </section>
        </Show>
    }
    .into_any()
}

#[component]
fn Row(id: String, watches: Memo<Vec<Watch>>) -> impl IntoView {
    let page = expect_context::<Page>();
    let link = {
        let id = id.clone();
        move || page.state.with(|state| state.canary_link(CanaryState::of_watch(&id)))
    };
    let watch = Memo::new(move |_| {
        watches.with(|watches| watches.iter().find(|watch| watch.id == id).cloned().unwrap_or_default())
    });
    let last = Memo::new(move |_| watch.with(|watch| watch.last.clone()));
    view! {
        <a class="rollout" href=link data-testid="watch">
            <strong>{move || watch.with(|watch| watch.service.clone())}</strong>
            <span>{move || watch.with(|watch| format!("{} against {}", watch.candidate, watch.baseline))}</span>
            <span class="small">
                {move || match last.get() {
                    Some(last) => {
                        view! { <span class=format!("health {}", class(last.result))>{word(last.result)}</span> }
                            .into_any()
                    }
                    None => view! { <span class="muted">"No verdict yet"</span> }.into_any(),
                }}
                <span class="muted">{move || watch.with(|watch| if watch.ended_at.is_some() { ", ended" } else { ", goes on" })}</span>
            </span>
            <Icon path=ARROW />
        </a>
    }
    .into_any()
}

/// Begins to watch what is compared.
#[component]
pub(super) fn BeginWatch(verdict: Memo<Verdict>) -> impl IntoView {
    let page = expect_context::<Page>();
    let failure = RwSignal::new(None::<String>);
    let begin = move |_| {
        let body = verdict.with_untracked(|verdict| {
            let seen_from = clock::parse(&verdict.from);
            let from = seen_from.filter(|ms| watch_holds(*ms, verdict.policy.longest_s, clock::now_ms()));
            json!({
                "service": verdict.service, "baseline": verdict.baseline, "candidate": verdict.candidate,
                "from": from.map_or_else(|| "now".to_owned(), |_| verdict.from.clone()), "policy": verdict.policy,
            })
        });
        leptos::task::spawn_local(async move {
            match post::<WatchResponse>("/watches", &body).await {
                Ok(answer) => page.change(|state| state.canary = CanaryState::of_watch(&answer.watch.id)),
                Err(error) => failure.set(Some(error.message)),
            }
        });
    };
    let is_of_one_time = move || verdict.with(|verdict| !verdict.before_after);
    view! {
        <Show when=is_of_one_time>
            <button
                class="btn btn-small"
                data-testid="begin-watch"
                title="Judge this again every minute, and keep every verdict"
                on:click=begin
            >
                <Icon path=CLOCK />
                "Watch this rollout"
            </button>
            {move || failure.get().map(|words| view! { <p class="small" role="alert">{words}</p> })}
        </Show>
    }
    .into_any()
}

/// One watch: what it found over time, and one of its verdicts.
#[component]
pub(super) fn WatchView(id: Memo<Option<String>>) -> impl IntoView {
    let polled = polled_if::<WatchResponse>(move || id.get().map(|id| format!("/watches/{id}")));
    let draw = move |answer: Signal<WatchResponse>| {
        let ended = Callback::new(move |()| polled.retry());
        view! { <Watched answer=Memo::new(move |_| answer.get()) ended /> }.into_any()
    };
    view! { <Answered polled draw /> }.into_any()
}

#[component]
fn Watched(answer: Memo<WatchResponse>, ended: Callback<()>) -> impl IntoView {
    let page = expect_context::<Page>();
    let chosen = Memo::new(move |_| {
        let at = page.state.with(|state| state.canary.at.clone());
        at.or_else(|| answer.with(|answer| answer.verdicts.last().map(|verdict| verdict.at.clone())))
    });
    let id = Memo::new(move |_| answer.with(|answer| answer.watch.id.clone()));
    let verdict = asked::<CanaryResponse>(move || {
        chosen.get().map(|at| format!("/watches/{}/verdicts/{at}", id.get()))
    });
    let draw = |answer: Signal<CanaryResponse>| {
        view! { <Judged verdict=Memo::new(move |_| answer.get().verdict) /> }.into_any()
    };
    view! {
        <Head answer chosen ended />
        <Show
            when=move || chosen.with(Option::is_some)
            fallback=|| {
                view! {
                    <div class="card notice-card">
                        <div class="notice" data-testid="no-verdict">
                            <span class="notice-mark"><Icon path=CLOCK /></span>
                            <h2>"No verdict yet"</h2>
                            <p>"The first one comes within a minute or so, and appears here by itself."</p>
                        </div>
                    </div>
                }
            }
        >
            <Answered polled=verdict draw />
        </Show>
    }
    .into_any()
}

/// What is watched until when, and every verdict as a mark that leads to it.
#[component]
fn Head(answer: Memo<WatchResponse>, chosen: Memo<Option<String>>, ended: Callback<()>) -> impl IntoView {
    let watch = Memo::new(move |_| answer.with(|answer| answer.watch.clone()));
    let verdicts = Memo::new(move |_| answer.with(|answer| answer.verdicts.clone()));
    let zone = expect_context::<Preferences>().zone;
    let shown = move |time: &str| clock::rewritten(time, zone.get());
    let page = expect_context::<Page>();
    let all = move || page.state.with(|state| state.canary_link(CanaryState::default()));
    let is_active = move || watch.with(|watch| watch.ended_at.is_none());
    let until = move || {
        watch.with(|watch| match &watch.ended_at {
            Some(ended) => format!("Watched from {} to {}.", shown(&watch.from), shown(ended)),
            None => format!(
                "Watched since {}, every {} s, until {} at the latest.",
                shown(&watch.from),
                watch.every_s,
                shown(&watch.until)
            ),
        })
    };
    let failure = RwSignal::new(None::<String>);
    let end = move |_| {
        let path = watch.with_untracked(|watch| format!("/watches/{}", watch.id));
        leptos::task::spawn_local(async move {
            match delete::<WatchResponse>(&path).await {
                Ok(_) => ended.run(()),
                Err(error) => failure.set(Some(error.message)),
            }
        });
    };
    view! {
        <section class="card watch-head" data-testid="watch-head">
            <div class="canary-check-head">
                <h2>{move || watch.with(|watch| format!("{}: {} against {}", watch.service, watch.candidate, watch.baseline))}</h2>
                <div class="canary-actions">
                    <a class="btn btn-small" href=all>"All rollouts"</a>
                    <Show when=is_active>
                        <button class="btn btn-small" data-testid="end-watch" on:click=end>
                            <Icon path=CLOSE />
                            "End the watch"
                        </button>
                    </Show>
                </div>
            </div>
            <p class="muted small">{until}</p>
            {move || failure.get().map(|words| view! { <p class="small" role="alert">{words}</p> })}
            <div class="verdict-marks" role="group" aria-label="Verdicts, the oldest first">
                <For each=move || verdicts.get() key=|verdict| verdict.at.clone() let(verdict)>
                    <Mark verdict chosen />
                </For>
            </div>
        </section>
    }
    .into_any()
}

#[component]
fn Mark(verdict: KeptVerdict, chosen: Memo<Option<String>>) -> impl IntoView {
    let page = expect_context::<Page>();
    let zone = expect_context::<Preferences>().zone;
    let KeptVerdict { at, result, summary, .. } = verdict;
    let name = {
        let at = at.clone();
        move || format!("{}, {}: {summary}", clock::rewritten(&at, zone.get()), word(result))
    };
    let choose = {
        let at = at.clone();
        move |_| {
            let at = at.clone();
            page.change(|state| state.canary.at = Some(at));
        }
    };
    let is_chosen = move || chosen.with(|chosen| chosen.as_ref() == Some(&at));
    view! {
        <button
            class=format!("verdict-tick {}", class(result))
            data-testid="verdict-tick"
            aria-pressed=move || is_chosen().to_string()
            title=name.clone()
            aria-label=name
            on:click=choose
        ></button>
    }
    .into_any()
}

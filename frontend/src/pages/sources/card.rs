//! One source.

use leptos::prelude::*;
use sidecarta_queries::api::graph::Health;
use sidecarta_queries::api::sources::{SourceState, SourceStatus, SourcesResponse};

use crate::clock;
use crate::components::icon::{Icon, of_health};
use crate::components::sign::health_class;
use crate::format;
use crate::live::Live;
use crate::model::sources::kind_words;
use crate::preferences::Preferences;

use super::cloud::CloudPart;

#[component]
pub(super) fn SourceCard(kind: String, name: String, answer: Signal<SourcesResponse>) -> impl IntoView {
    let words = kind_words(&kind);
    let title = name.clone();
    let source = {
        let (kind, name) = (kind.clone(), name.clone());
        Memo::new(move |_| {
            let found = |source: &&SourceStatus| source.kind == kind && source.name == name;
            answer.with(|answer| answer.sources.iter().find(found).cloned().unwrap_or_default())
        })
    };
    let sign = move || state_sign(source.with(|source| source.state));
    view! {
        <article class="card source" data-testid="source" data-kind=kind>
            <header class="source-head">
                <h3 class="truncate" title=title>
                    <code>{name}</code>
                    {words.note.map(|note| view! { <span class="muted small">{note}</span> })}
                </h3>
                <span class=move || format!("health health-pill {}", health_class(sign().0))>
                    <Icon path=Signal::derive(move || of_health(sign().0)) />
                    {move || sign().1}
                </span>
            </header>
            {move || source.with(|source| source.detail.clone()).map(|detail| view! { <p class="muted small">{detail}</p> })}
            <LastSuccess source />
            <Counters source requests=words.requests items=words.items />
            <CloudPart source />
            <LastError source />
        </article>
    }
}

#[component]
fn LastSuccess(source: Memo<SourceStatus>) -> impl IntoView {
    let live = expect_context::<Live>();
    let zone = expect_context::<Preferences>().zone;
    let last =
        Memo::new(move |_| source.with(|source| source.last_success.as_deref().and_then(clock::parse)));
    let words = move || match last.get() {
        Some(last) => format!("Last data {}", format::ago(live.now_ms() - last)),
        None => "Nothing has come yet".to_owned(),
    };
    let exact = move || {
        last.get()
            .map(|last| format!("{} {}", clock::written(last, zone.get()), clock::zone_label(zone.get())))
    };
    view! { <p class="small num" title=exact>{words}</p> }
}

/// What is wrong now; or what was wrong last, once it is over.
#[component]
fn LastError(source: Memo<SourceStatus>) -> impl IntoView {
    let live = expect_context::<Live>();
    let error = Memo::new(move |_| source.with(|source| source.last_error.clone()));
    let is_failing = Memo::new(move |_| source.with(|source| source.state == SourceState::Failing));
    let failed_ms =
        Memo::new(move |_| source.with(|source| source.last_failure.as_deref().and_then(clock::parse)));
    move || {
        let error = error.get()?;
        if is_failing.get() {
            return Some(view! { <p class="source-error">{error}</p> }.into_any());
        }
        let when = move || {
            failed_ms.get().map_or_else(
                || "Left out: ".to_owned(),
                |failed_ms| format!("Over now; last problem {}: ", format::ago(live.now_ms() - failed_ms)),
            )
        };
        Some(view! { <p class="source-remark">{when}{error}</p> }.into_any())
    }
}

#[component]
fn Counters(source: Memo<SourceStatus>, requests: &'static str, items: &'static str) -> impl IntoView {
    let fact = move |name: &'static str, read: fn(&SourceStatus) -> u64| {
        let value = Memo::new(move |_| source.with(read));
        view! {
            <div class="fact">
                <dt>{name}</dt>
                <dd class="num" class:is-none=move || value.get() == 0>
                    {move || format::count(value.get())}
                </dd>
            </div>
        }
    };
    // What has never happened is not worth a line, unless it is what everybody looks for.
    let happened = move |name: &'static str, read: fn(&SourceStatus) -> u64| {
        let any = Memo::new(move |_| source.with(read) > 0);
        move || any.get().then(|| fact(name, read))
    };
    view! {
        <dl class="facts">
            {fact(requests, |source| source.requests)} {fact(items, |source| source.accepted)}
            {fact("Failed", |source| source.failures)} {happened("Left out", |source| source.rejected)}
            {happened("Sent again", |source| source.duplicates)} {happened("Told to wait", |source| source.throttled)}
        </dl>
    }
}

/// The sign and the words for the state of a source.
fn state_sign(state: SourceState) -> (Health, &'static str) {
    match state {
        SourceState::Waiting => (Health::Idle, "Waiting for data"),
        SourceState::Ok => (Health::Healthy, "Working"),
        SourceState::Failing => (Health::Failing, "Failing"),
    }
}

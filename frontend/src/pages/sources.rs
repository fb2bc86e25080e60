//! Where the numbers come from, and how each source is doing.

use leptos::prelude::*;
use sidecarta_queries::api::graph::Health;
use sidecarta_queries::api::sources::{SourceState, SourceStatus, SourcesResponse};
use sidecarta_queries::api::status::Status;

use crate::clock;
use crate::components::icon::{Icon, SOURCES, of_health};
use crate::components::notice::Answered;
use crate::components::sign::health_class;
use crate::format;
use crate::live::Live;
use crate::preferences::Preferences;
use crate::remote::polled;

/// The page `/sources`.
#[component]
pub(crate) fn SourcesPage() -> impl IntoView {
    let polled = polled::<SourcesResponse>(|| "/sources".to_owned());
    let draw = |answer: Signal<SourcesResponse>| view! { <SourceList answer /> }.into_any();
    view! {
        <div class="page" data-testid="sources">
            <div class="page-head">
                <h1>"Sources"</h1>
                <p>"Where the numbers come from, and how each source is doing."</p>
            </div>
            <StatusTiles />
            <Answered polled draw />
        </div>
    }
    .into_any()
}

/// The state of Sidecarta itself.
#[component]
fn StatusTiles() -> impl IntoView {
    let live = expect_context::<Live>();
    let tile = move |name: &'static str, read: fn(&Status) -> String| {
        let value = move || live.status.with(|status| status.as_ref().map_or_else(|| "–".to_owned(), read));
        view! {
            <div class="tile">
                <dt>{name}</dt>
                <dd class="num">{value}</dd>
            </div>
        }
    };
    view! {
        <div class="card card-pad">
            <dl class="tiles">
                {tile("Spans stored", |status| format::count(status.spans))}
                {tile("Database", |status| format::bytes(status.database_bytes))}
                {tile("Log", |status| format::bytes(status.log_bytes))}
                {tile("Not yet queried", |status| format::plural(status.pending_requests, "request", "requests"))}
                {tile("Up for", |status| format::lasting(status.uptime_seconds as f64 * 1000.0))}
            </dl>
        </div>
    }
}

#[component]
fn SourceList(answer: Signal<SourcesResponse>) -> impl IntoView {
    let keys = Memo::new(move |_| {
        answer.with(|answer| {
            answer.sources.iter().map(|source| (source.kind.clone(), source.name.clone())).collect::<Vec<_>>()
        })
    });
    view! {
        <Show
            when=move || keys.with(|keys| !keys.is_empty())
            fallback=|| {
                view! {
                    <div class="card notice-card">
                        <div class="notice" data-testid="empty">
                            <span class="notice-mark"><Icon path=SOURCES /></span>
                            <h2>"No source is configured"</h2>
                            <p>"Start the server with an OTLP address or with --envoy."</p>
                        </div>
                    </div>
                }
            }
        >
            <div class="source-grid">
                <For each=move || keys.get() key=Clone::clone let(key)>
                    <SourceCard key answer />
                </For>
            </div>
        </Show>
    }
}

#[component]
fn SourceCard(key: (String, String), answer: Signal<SourcesResponse>) -> impl IntoView {
    let source = Memo::new(move |_| {
        let found = |source: &&SourceStatus| source.kind == key.0 && source.name == key.1;
        answer.with(|answer| answer.sources.iter().find(found).cloned().unwrap_or_default())
    });
    let sign = move || state_sign(source.with(|source| source.state));
    let error = Memo::new(move |_| source.with(|source| source.last_error.clone()));
    view! {
        <article class="card source" data-testid="source" data-kind=move || source.with(|source| source.kind.clone())>
            <header class="source-head">
                <div class="cell-lines">
                    <h2>{move || source.with(|source| kind_word(&source.kind))}</h2>
                    <code class="muted small truncate">{move || source.with(|source| source.name.clone())}</code>
                </div>
                <span class=move || format!("health health-pill {}", health_class(sign().0))>
                    <Icon path=Signal::derive(move || of_health(sign().0)) />
                    {move || sign().1}
                </span>
            </header>
            {move || source.with(|source| source.detail.clone()).map(|detail| view! { <p class="muted small">{detail}</p> })}
            <LastSuccess source />
            <Counters source />
            {move || error.get().map(|error| view! { <p class="source-error">{error}</p> })}
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

#[component]
fn Counters(source: Memo<SourceStatus>) -> impl IntoView {
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
    let is_envoy = Memo::new(move |_| source.with(|source| source.kind == "envoy"));
    move || {
        if is_envoy.get() {
            view! {
                <dl class="facts">
                    {fact("Scrapes", |source| source.requests)} {fact("Series taken", |source| source.accepted)}
                    {fact("Failed", |source| source.failures)}
                </dl>
            }
            .into_any()
        } else {
            view! {
                <dl class="facts">
                    {fact("Requests", |source| source.requests)} {fact("Spans taken", |source| source.accepted)}
                    {fact("Rejected", |source| source.rejected)} {fact("Duplicates", |source| source.duplicates)}
                    {fact("Told to wait", |source| source.throttled)} {fact("Failed", |source| source.failures)}
                </dl>
            }
            .into_any()
        }
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

fn kind_word(kind: &str) -> String {
    match kind {
        "otlp_grpc" => "OTLP over gRPC".to_owned(),
        "otlp_http" => "OTLP over HTTP".to_owned(),
        "envoy" => "Envoy counters".to_owned(),
        other => other.to_owned(),
    }
}

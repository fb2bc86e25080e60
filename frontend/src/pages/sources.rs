//! Where the numbers come from, and how each source is doing.

mod card;
mod cloud;
mod groups;

use leptos::prelude::*;
use sidecarta_queries::api::sources::SourcesResponse;
use sidecarta_queries::api::status::Status;

use crate::components::icon::{Icon, SOURCES};
use crate::components::notice::Answered;
use crate::format;
use crate::live::Live;
use crate::model::sources::grouped;
use crate::remote::polled;

use self::groups::SourceGroup;

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
                {tile("Access logs", |status| format::count(status.access_logs))}
                {tile("Log records", |status| format::count(status.log_records))}
                {tile("Data points", |status| format::count(status.data_points))}
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
    let titles = Memo::new(move |_| {
        answer
            .with(|answer| grouped(&answer.sources).into_iter().map(|group| group.title).collect::<Vec<_>>())
    });
    view! {
        <Show
            when=move || titles.with(|titles| !titles.is_empty())
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
            <For each=move || titles.get() key=Clone::clone let(title)>
                <SourceGroup title answer />
            </For>
        </Show>
    }
}

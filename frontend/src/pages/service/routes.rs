//! What each route of the service does.

use leptos::prelude::*;
use sidecarta_queries::api::routes::{RouteSummary, RoutesResponse, SeenBy};

use crate::components::measures::percentile;
use crate::components::sign::HealthMark;
use crate::format;
use crate::page::Page;
use crate::remote::polled;
use crate::state::{PageState, encode_segment};

/// Routes that are shown before more are asked for.
const FEW: usize = 10;

/// A row for each route and version, most requests first; nothing where no proxy of the service logs.
#[component]
pub(super) fn Routes(
    /// Node id of the service.
    service: Memo<String>,
) -> impl IntoView {
    let page = expect_context::<Page>();
    let polled = polled::<RoutesResponse>(move || {
        let range = page.state.with(PageState::range_parameters);
        format!("/routes?service={}&{range}", encode_segment(&service.get()))
    });
    let answer = Memo::new(move |_| polled.remote.with(|remote| remote.value.clone()).unwrap_or_default());
    let all = RwSignal::new(false);
    let rows = Memo::new(move |_| {
        let few = if all.get() { usize::MAX } else { FEW };
        answer.with(|answer| answer.routes.iter().take(few).map(key).collect::<Vec<_>>())
    });
    let more = move || {
        let hidden = answer.with(|answer| answer.routes.len()).saturating_sub(rows.with(Vec::len));
        (hidden > 0).then(|| {
            view! {
                <button class="btn btn-small card-more" on:click=move |_| all.set(true)>
                    {format!("Show {hidden} more")}
                </button>
            }
        })
    };
    view! {
        <Show when=move || rows.with(|rows| !rows.is_empty())>
            <section class="card" data-testid="routes-card">
                <h2 class="card-title">"Routes"<span class="muted small">{move || answer.with(seen_by)}</span></h2>
                <div class="table-scroll">
                    <table class="table table-compact" data-testid="routes">
                        <thead>
                            <tr>
                                <th scope="col">"Route"</th>
                                <th scope="col">"Version"</th>
                                {["Requests", "Rate", "Errors", "Timeouts", "Retries", "p50", "p99"]
                                    .map(|head| view! { <th scope="col" class="end">{head}</th> })
                                    .collect_view()}
                            </tr>
                        </thead>
                        <tbody>
                            <For each=move || rows.get() key=Clone::clone let(row)>
                                <RouteRow row answer />
                            </For>
                        </tbody>
                    </table>
                </div>
                {more}
            </section>
        </Show>
    }
}

/// What tells a row from all others of the service.
type Key = (String, Option<String>);

fn key(route: &RouteSummary) -> Key {
    (route.route.clone(), route.version.clone())
}

/// Where the numbers come from.
fn seen_by(answer: &RoutesResponse) -> &'static str {
    let by_callers = answer.routes.iter().filter(|route| route.seen_by == SeenBy::Callers).count();
    match by_callers {
        0 => "from the access logs of its own proxies",
        count if count == answer.routes.len() => "from the access logs of its callers' proxies",
        _ => "from the access logs of its own proxies and its callers'",
    }
}

#[component]
fn RouteRow(row: Key, answer: Memo<RoutesResponse>) -> impl IntoView {
    let (route, version) = row.clone();
    let found = Memo::new(move |_| {
        answer.with(|answer| answer.routes.iter().find(|route| key(route) == row).cloned())
    });
    let health =
        Signal::derive(move || found.with(|row| row.as_ref().map(|row| row.health)).unwrap_or_default());
    let cell = move |read: fn(&RouteSummary) -> String| {
        view! { <td class="end num">{move || found.with(|row| row.as_ref().map(read))}</td> }
    };
    let title = route.clone();
    view! {
        <tr data-testid="route-row">
            <th scope="row">
                <span class="cell-name">
                    <HealthMark health />
                    <code class="truncate" title=title>{route}</code>
                </span>
            </th>
            <td>{version.unwrap_or_else(|| "–".to_owned())}</td>
            {cell(|row| format::count(row.requests))}
            {cell(|row| format::rate(row.request_rate))}
            {cell(|row| format::percent(row.error_rate))}
            {cell(|row| format::count(row.timeouts))}
            {cell(|row| format::count(row.retries))}
            {cell(|row| percentile(row.latency.as_ref(), |latency| latency.p50))}
            {cell(|row| percentile(row.latency.as_ref(), |latency| latency.p99))}
        </tr>
    }
}

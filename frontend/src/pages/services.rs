//! The services as a table.

use leptos::prelude::*;
use sidecarta_queries::api::graph::Health;
use sidecarta_queries::api::services::{ServiceSummary, ServicesResponse};

use crate::components::find::FindField;
use crate::components::icon::{FILTER, Icon, SERVICES};
use crate::components::notice::Answered;
use crate::components::sign::{HealthSign, KindTile, health_class, source_word};
use crate::components::sort_head::SortHead;
use crate::format;
use crate::model::search::kind_word;
use crate::model::sorting::{Column, Order, filtered};
use crate::model::view::is_unhealthy;
use crate::page::Page;
use crate::remote::polled;
use crate::state::PageState;

/// Heads of the table: what it is sorted by, its title, and whether it holds numbers.
const HEADS: [(Column, &str, bool); 8] = [
    (Column::Name, "Service", false),
    (Column::Health, "Health", false),
    (Column::Rate, "Rate", true),
    (Column::Errors, "Errors", true),
    (Column::P50, "p50", true),
    (Column::P99, "p99", true),
    (Column::Callers, "Callers", true),
    (Column::Callees, "Calls", true),
];

/// The page `/services`.
#[component]
pub(crate) fn ServicesPage() -> impl IntoView {
    let page = expect_context::<Page>();
    let polled = polled::<ServicesResponse>(move || {
        format!("/services?{}", page.state.with(PageState::range_parameters))
    });
    let find = Memo::new(move |_| page.state.with(|state| state.find.clone()));
    let unhealthy = Memo::new(move |_| page.state.with(|state| state.unhealthy));
    let draw =
        move |answer: Signal<ServicesResponse>| view! { <ServicesTable answer find unhealthy /> }.into_any();
    view! {
        <div class="page" data-testid="services">
            <div class="page-head">
                <h1>"Services"</h1>
                <div class="end">
                    <FindField words="Find a service" />
                    <button
                        class="btn"
                        aria-pressed=move || unhealthy.get().to_string()
                        data-testid="unhealthy-toggle"
                        on:click=move |_| page.change(|state| state.unhealthy = !state.unhealthy)
                    >
                        <Icon path=FILTER />
                        "Only unhealthy"
                    </button>
                </div>
            </div>
            <Answered polled draw />
        </div>
    }
    .into_any()
}

#[component]
fn ServicesTable(
    answer: Signal<ServicesResponse>,
    find: Memo<String>,
    unhealthy: Memo<bool>,
) -> impl IntoView {
    let page = expect_context::<Page>();
    let first = Order { column: Column::Rate, descending: true };
    let order = Memo::new(move |_| page.state.with(|state| Order::parse(&state.sort).unwrap_or(first)));
    let ids = Memo::new(move |_| {
        let mut rows = answer.with(|answer| filtered(&answer.services, &find.get(), unhealthy.get()));
        order.get().sort(&mut rows);
        rows.into_iter().map(|row| row.id).collect::<Vec<_>>()
    });
    let all = Memo::new(move |_| answer.with(|answer| answer.services.len()));
    let heads = move || {
        HEADS
            .map(|(column, title, number)| view! { <SortHead order=order column title number /> })
            .into_iter()
            .collect_view()
    };
    let empty_words = move || {
        if all.get() == 0 {
            (
                "No service has had traffic in this range",
                "Choose a longer range, or see on the map how to send data.",
            )
        } else {
            ("Nothing matches", "Every service is left out by the filters above.")
        }
    };
    view! {
        <Show
            when=move || ids.with(|ids| !ids.is_empty())
            fallback=move || {
                view! {
                    <div class="card notice-card">
                        <div class="notice" data-testid="empty">
                            <span class="notice-mark"><Icon path=SERVICES /></span>
                            <h2>{move || empty_words().0}</h2>
                            <p>{move || empty_words().1}</p>
                        </div>
                    </div>
                }
            }
        >
            <div class="card table-scroll">
                <table class="table table-rows" data-testid="services-table">
                    <thead>
                        <tr>{heads()} <th scope="col">"Seen by"</th></tr>
                    </thead>
                    <tbody>
                        <For each=move || ids.get() key=Clone::clone let(id)>
                            <ServiceRow id answer />
                        </For>
                    </tbody>
                </table>
            </div>
        </Show>
    }
}

#[component]
fn ServiceRow(id: String, answer: Signal<ServicesResponse>) -> impl IntoView {
    let page = expect_context::<Page>();
    let row_id = id.clone();
    let row = Memo::new(move |_| {
        answer.with(|answer| answer.services.iter().find(|row| row.id == id).cloned().unwrap_or_default())
    });
    let link = Memo::new(move |_| page.state.with(|state| row.with(|row| state.service_link(&row.name))));
    let cell = move |read: fn(&ServiceSummary) -> String| {
        view! { <td class="end num">{move || row.with(read)}</td> }
    };
    let sources = Memo::new(move |_| {
        row.with(|row| row.evidence.iter().map(|evidence| source_word(evidence.source)).collect::<Vec<_>>())
    });
    view! {
        <tr data-node-id=row_id data-testid="service-row" on:click=move |_| page.go(&link.get_untracked())>
            <th scope="row">
                <span class="cell-name">
                    <KindTile kind=Signal::derive(move || row.with(|row| row.kind)) />
                    <span class="cell-lines">
                        <a href=link on:click=move |event| event.stop_propagation()>
                            {move || row.with(|row| row.name.clone())}
                        </a>
                        <span class="muted small truncate">{move || row.with(about)}</span>
                    </span>
                </span>
            </th>
            <td>
                <HealthSign health=Signal::derive(move || row.with(|row| row.health)) />
            </td>
            {cell(|row| format::rate(row.request_rate))}
            <td class=move || format!("end num {}", row.with(|row| error_class(row.health)))>
                {move || row.with(|row| format::percent(row.error_rate))}
            </td>
            {cell(|row| format::duration_or_dash(row.p50_ms))}
            {cell(|row| format::duration_or_dash(row.p99_ms))}
            {cell(|row| format::count(row.callers))}
            {cell(|row| format::count(row.callees))}
            <td>
                <span class="badges">
                    {move || {
                        sources.get().into_iter().map(|word| view! { <span class="badge">{word}</span> }).collect_view()
                    }}
                </span>
            </td>
        </tr>
    }
}

/// Errors stand out where they are the reason of the health.
fn error_class(health: Health) -> &'static str {
    if is_unhealthy(health) { health_class(health) } else { "" }
}

/// What it is, and its versions.
fn about(row: &ServiceSummary) -> String {
    let versions: Vec<&str> =
        row.versions.iter().map(|version| version.version.as_str()).filter(|name| !name.is_empty()).collect();
    if versions.is_empty() {
        return kind_word(row.kind).to_owned();
    }
    format!("{} · {}", kind_word(row.kind), versions.join(", "))
}

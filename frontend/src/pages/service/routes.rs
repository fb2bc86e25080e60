//! What each route of the service does.

use leptos::prelude::*;
use sidecarta_queries::api::routes::{RouteSummary, RoutesResponse};

use crate::components::find::FindField;
use crate::components::notice::{FailureBanner, TableSkeleton};
use crate::components::sort_head::SortHead;
use crate::format;
use crate::model::routes::{ColumnSpec, RouteColumn, RouteKey, chosen, found, key};
use crate::model::sorting::Order;
use crate::page::Page;
use crate::remote::polled;
use crate::state::{PageState, encode_segment};

mod columns;
mod row;

use columns::ColumnChoice;
use row::RouteRow;

/// Routes that are shown before more are asked for.
const FEW: usize = 12;
/// Routes that are asked for; those with the fewest requests are left out beyond it.
const LIMIT: usize = 500;

/// What the table shows, for its parts.
#[derive(Clone, Copy)]
struct RouteTable {
    page: Page,
    answer: Memo<RoutesResponse>,
    columns: Memo<Vec<&'static str>>,
    by_caller: Memo<bool>,
}

impl RouteTable {
    /// The columns that stand after route and caller.
    fn specs(self) -> Vec<ColumnSpec> {
        self.columns.track();
        self.page.state.with(|state| chosen(&state.service.cols))
    }
}

/// A row for each route and version, and for each caller where the viewer wants that.
#[component]
pub(super) fn Routes(
    /// Node id of the service.
    node: Memo<String>,
) -> impl IntoView {
    let page = expect_context::<Page>();
    let by_caller = Memo::new(move |_| page.state.with(|state| state.service.by_caller));
    let caller = Memo::new(move |_| page.state.with(|state| state.service.caller.clone()));
    let polled = polled::<RoutesResponse>(move || {
        let range = page.state.with(PageState::range_parameters);
        let by = if by_caller.get() { "&by=caller" } else { "" };
        let caller =
            caller.get().map(|caller| format!("&caller={}", encode_segment(&caller))).unwrap_or_default();
        format!("/routes?service={}&{range}&limit={LIMIT}{by}{caller}", encode_segment(&node.get()))
    });
    let remote = polled.remote;
    let answer = Memo::new(move |_| remote.with(|remote| remote.value.clone()).unwrap_or_default());
    let is_loading =
        Memo::new(move |_| remote.with(|remote| remote.value.is_none() && remote.failure.is_none()));
    let columns = Memo::new(move |_| {
        let chosen = page.state.with(|state| chosen(&state.service.cols));
        chosen.into_iter().map(|spec| spec.title).collect::<Vec<_>>()
    });
    let table = RouteTable { page, answer, columns, by_caller };
    let failure = move || {
        let failure = remote.with(|remote| remote.failure.clone());
        failure.map(|failure| view! { <FailureBanner failure retry=move |()| polled.retry() /> })
    };
    view! {
        <section class="card" data-testid="routes-card" aria-label="Routes">
            <header class="routes-head">
                <h2>"Routes"</h2>
                <span class="muted small">{move || answer.with(count_words)}</span>
                <div class="end">
                    <FindField words="Find a route" />
                    <button
                        class="btn"
                        aria-pressed=move || by_caller.get().to_string()
                        data-testid="by-caller"
                        on:click=move |_| page.change(|state| state.service.by_caller = !state.service.by_caller)
                    >
                        "By caller"
                    </button>
                    <ColumnChoice />
                </div>
            </header>
            {failure}
            <Show when=move || !is_loading.get() fallback=|| view! { <TableSkeleton /> }>
                <Rows table />
            </Show>
        </section>
    }
    .into_any()
}

#[component]
fn Rows(table: RouteTable) -> impl IntoView {
    let RouteTable { page, answer, .. } = table;
    let first = Order { column: RouteColumn::Requests, descending: true };
    let order = Memo::new(move |_| page.state.with(|state| Order::parse(&state.sort).unwrap_or(first)));
    let find = Memo::new(move |_| page.state.with(|state| state.find.clone()));
    let all = Memo::new(move |_| page.state.with(|state| state.all));
    let sorted = Memo::new(move |_| {
        answer.with(|answer| {
            let mut rows = find.with(|find| found(&answer.routes, find));
            order.get().sort_routes(&mut rows);
            rows.into_iter().map(key).collect::<Vec<RouteKey>>()
        })
    });
    let shown = move || {
        let few = if all.get() { usize::MAX } else { FEW };
        sorted.with(|rows| rows.iter().take(few).cloned().collect::<Vec<_>>())
    };
    let more = move || {
        let hidden = sorted.with(Vec::len).saturating_sub(FEW);
        (hidden > 0 && !all.get()).then(|| {
            view! {
                <button
                    class="btn btn-small card-more"
                    data-testid="more-routes"
                    on:click=move |_| page.change(|state| state.all = true)
                >
                    {format!("Show {hidden} more")}
                </button>
            }
        })
    };
    let empty = move || {
        if answer.with(|answer| answer.routes.is_empty()) {
            "No route is known in this range: neither a proxy's access log, nor its statistics, nor a span names one."
        } else {
            "No route holds these words."
        }
    };
    let heads = move || {
        let head = |spec: ColumnSpec| {
            view! { <SortHead order=order column=spec.column title=spec.title number=spec.number /> }
                .into_any()
        };
        table.specs().into_iter().map(head).collect_view()
    };
    view! {
        <Show
            when=move || sorted.with(|rows| !rows.is_empty())
            fallback=move || view! { <p class="card-empty muted" data-testid="no-routes">{empty}</p> }
        >
            <div class="table-scroll">
                <table class="table table-compact table-rows routes" data-testid="routes">
                    <thead>
                        <tr>
                            <SortHead order=order column=RouteColumn::Route title="Route" number=false />
                            <Show when=move || table.by_caller.get()>
                                <SortHead order=order column=RouteColumn::Caller title="Caller" number=false />
                            </Show>
                            {heads}
                        </tr>
                    </thead>
                    <tbody>
                        <For each=shown key=Clone::clone let(row)>
                            <RouteRow row table />
                        </For>
                    </tbody>
                </table>
            </div>
            {more}
        </Show>
    }
    .into_any()
}

/// How many there are, and whether some are left out.
fn count_words(answer: &RoutesResponse) -> String {
    let (given, total) = (answer.routes.len() as u64, answer.total);
    match total {
        0 => String::new(),
        total if total > given => {
            format!("the {} with the most requests of {}", format::count(given), format::count(total))
        }
        total => format::plural(total, "row", "rows"),
    }
}

/// A row of the answer by its key.
fn row_of(answer: &RoutesResponse, wanted: &RouteKey) -> Option<RouteSummary> {
    answer.routes.iter().find(|row| key(row) == *wanted).cloned()
}

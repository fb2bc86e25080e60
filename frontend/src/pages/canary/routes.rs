//! Every route and caller, coloured by how strongly the data speak against the candidate.

use leptos::prelude::*;
use sidecarta_queries::api::canary::{Check, Outcome, RouteCheck, RouteVerdict, Verdict};

use crate::components::icon::{ARROW, Icon};
use crate::format;
use crate::model::canary::{between, class, difference, title, value, word};
use crate::model::node_id::NodeId;
use crate::model::trace_links;
use crate::page::Page;
use crate::state::ServiceState;

/// Routes that are shown before more are asked for.
const FEW: usize = 12;
#[component]
pub(super) fn Routes(verdict: Memo<Verdict>) -> impl IntoView {
    let page = expect_context::<Page>();
    let all = Memo::new(move |_| page.state.with(|state| state.all));
    let total = Memo::new(move |_| verdict.with(|verdict| verdict.routes.len()));
    let heads =
        Memo::new(move |_| verdict.with(|verdict| verdict.checks.iter().map(title).collect::<Vec<_>>()));
    let places = move || {
        let shown = if all.get() { total.get() } else { total.get().min(FEW) };
        (0..shown).collect::<Vec<usize>>()
    };
    let more = move || {
        let hidden = total.get().saturating_sub(FEW);
        (hidden > 0 && !all.get()).then(|| {
            view! {
                <button class="btn more" data-testid="all-routes" on:click=move |_| page.change(|state| state.all = true)>
                    {format!("Show {} more", format::plural(hidden as u64, "route", "routes"))}
                </button>
            }
        })
    };
    view! {
        <Show when=move || total.get() != 0>
            <section class="card canary-matrix" data-testid="canary-routes" aria-label="Routes">
                <h2 class="card-title">"Route by route, the worst first"</h2>
                <div class="table-scroll">
                    <table class="table table-compact canary-routes">
                        <thead>
                            <tr>
                                <th scope="col">"Route"</th>
                                <th scope="col">"From"</th>
                                <th scope="col" class="end">"Requests"</th>
                                {move || {
                                    heads
                                        .get()
                                        .into_iter()
                                        .map(|head| view! { <th scope="col">{head}</th> })
                                        .collect_view()
                                }}
                                <th scope="col"><span class="sr-only">"Traces"</span></th>
                            </tr>
                        </thead>
                        <tbody>
                            <For each=places key=|place| *place let(place)>
                                <RouteRow place verdict />
                            </For>
                        </tbody>
                    </table>
                </div>
                {more}
            </section>
        </Show>
    }
    .into_any()
}

#[component]
fn RouteRow(place: usize, verdict: Memo<Verdict>) -> impl IntoView {
    let page = expect_context::<Page>();
    let row =
        Memo::new(move |_| verdict.with(|verdict| verdict.routes.get(place).cloned().unwrap_or_default()));
    let checks = Memo::new(move |_| verdict.with(|verdict| verdict.checks.clone()));
    let requests = move || {
        row.with(|row| {
            row.checks.first().map_or_else(String::new, |check| {
                format!(
                    "{} + {}",
                    format::count(check.baseline.requests),
                    format::count(check.candidate.requests)
                )
            })
        })
    };
    let cells = move || {
        let row = row.get();
        let pairs = row.checks.into_iter().zip(checks.get());
        pairs.map(|(part, check)| view! { <Cell part check /> }).collect_view()
    };
    let link =
        move || row.with(|row| verdict.with(|verdict| page.state.with(|state| traces(state, verdict, row))));
    view! {
        <tr data-testid="canary-route" data-result=move || row.with(|row| word(row.result))>
            <th scope="row"><code>{move || row.with(|row| row.name().to_owned())}</code></th>
            <td>{move || row.with(caller_name)}</td>
            <td class="end num">{requests}</td>
            {cells}
            <td class="end">
                <a class="btn btn-small" href=link data-testid="route-traces">
                    "Compare traces"
                    <Icon path=ARROW />
                </a>
            </td>
        </tr>
    }
    .into_any()
}

/// One check of one route.
#[component]
fn Cell(part: RouteCheck, check: Check) -> impl IntoView {
    let values = format!("{} → {}", value(check.unit, &part.baseline), value(check.unit, &part.candidate));
    let strength = match (part.result, part.ln_evidence) {
        (Outcome::Fail, _) => "strength-3",
        (_, 4.0..) => "strength-2",
        (_, 1.5..) => "strength-1",
        _ => "strength-0",
    };
    let words = format!("{}: {}", word(part.result), difference(check.unit, part.difference));
    view! {
        <td class=format!("canary-cell {strength}") title=words>
            <span class=format!("health {}", class(part.result))>{word(part.result)}</span>
            <span class="num">{values}</span>
            <span class="muted small num">{between(check.unit, &part.interval)}</span>
        </td>
    }
}

fn caller_name(row: &RouteVerdict) -> String {
    row.caller.as_ref().map_or_else(|| "everybody".to_owned(), |id| NodeId::parse(id).name)
}

/// The requests of the candidate held against those of the baseline.
fn traces(page: &crate::state::PageState, verdict: &Verdict, row: &RouteVerdict) -> String {
    let node = format!("service:{}", verdict.service);
    let of = |version: &str| {
        let chosen = ServiceState {
            route: row.one_route().map(str::to_owned),
            version: Some(version.to_owned()),
            // A caller's own spans do not know the version of whom it calls.
            caller: None,
            ..ServiceState::default()
        };
        trace_links::subject(&node, &chosen)
    };
    trace_links::against(page, &of(&verdict.candidate), &of(&verdict.baseline))
}

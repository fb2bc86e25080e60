//! One service with its neighbours, routes and proxies.

mod charts;
mod chosen;
mod routes;

use leptos::prelude::*;
use leptos_router::hooks::use_params_map;
use sidecarta_queries::api::graph::{Edge, NodeKind};
use sidecarta_queries::api::services::{ServiceDetail, ServiceResponse, ServiceSummary};

use crate::components::icon::{ARROW, Icon, MAP};
use crate::components::measures::{EvidenceTable, MeasureTiles, Measures};
use crate::components::notice::Answered;
use crate::components::proxies::ProxyTable;
use crate::components::sign::{HealthMark, HealthPill, KindTile};
use crate::components::versions::VersionTable;
use crate::format;
use crate::model::node_id::NodeId;
use crate::model::search::kind_word;
use crate::model::selection::Selection;
use crate::model::trace_links;
use crate::page::Page;
use crate::remote::polled;
use crate::state::{PageState, encode_segment};

use self::charts::ServiceCharts;
use self::chosen::Chosen;
use self::routes::Routes;

/// The page `/services/:name`.
#[component]
pub(crate) fn ServicePage() -> impl IntoView {
    let page = expect_context::<Page>();
    let parameters = use_params_map();
    // On the way to another page the path has no name any more, and nothing is asked for that has none.
    let name = Memo::new(move |last: Option<&String>| {
        let name = parameters.with(|parameters| parameters.get("name")).filter(|name| !name.is_empty());
        name.or_else(|| last.cloned()).unwrap_or_default()
    });
    let polled = polled::<ServiceResponse>(move || {
        let range = page.state.with(PageState::range_parameters);
        format!("/services/{}?{range}", encode_segment(&name.get()))
    });
    let draw = |answer: Signal<ServiceResponse>| {
        view! { <Service detail=Signal::derive(move || answer.get().service) /> }.into_any()
    };
    view! {
        <div class="page" data-testid="service">
            <nav class="crumbs" aria-label="Where you are">
                <a href=move || format!("/services{}", page.state.with(PageState::carried_query))>"Services"</a>
                <Icon path=ARROW />
                <span aria-current="page">{name}</span>
            </nav>
            <Answered polled draw />
        </div>
    }
    .into_any()
}

#[component]
fn Service(detail: Signal<ServiceDetail>) -> impl IntoView {
    let page = expect_context::<Page>();
    let summary = Memo::new(move |_| detail.with(|detail| detail.summary.clone()));
    let map_link = move || page.state.with(|state| summary.with(|summary| state.map_link(&summary.id)));
    // Between two ranges there is no answer, but the service is the same.
    let node = Memo::new(move |last: Option<&String>| {
        let id = summary.with(|summary| summary.id.clone());
        if id.is_empty() { last.cloned().unwrap_or_default() } else { id }
    });
    let traces_link = move || {
        page.state.with(|state| {
            let query = node.with(|node| trace_links::subject(node, &state.service));
            trace_links::traces(state, &query, Selection::default())
        })
    };
    let versions = Memo::new(move |_| summary.with(|summary| summary.versions.clone()));
    let proxies = Memo::new(move |_| detail.with(|detail| detail.proxies.clone()));
    view! {
        <div class="page-head">
            <KindTile kind=Signal::derive(move || summary.with(|summary| summary.kind)) />
            <h1 data-testid="service-name">{move || summary.with(|summary| summary.name.clone())}</h1>
            <HealthPill health=Signal::derive(move || summary.with(|summary| summary.health)) />
            <span class="muted">{move || summary.with(|summary| kind_word(summary.kind))}</span>
            <div class="end">
                <a class="btn" href=traces_link data-testid="service-traces">
                    "Traces"
                    <Icon path=ARROW />
                </a>
                <a class="btn" href=map_link data-testid="show-on-map">
                    <Icon path=MAP />
                    "Show on the map"
                </a>
            </div>
        </div>
        <div class="card card-pad">
            <MeasureTiles measures=Signal::derive(move || summary.with(measures)) />
        </div>
        <Chosen />
        <ServiceCharts node />
        <Routes node />
        <div class="columns">
            <div class="column">
                <Calls title="Called by" none="Nobody has called it in this range." edges=calls(detail, true) callers=true />
                <Show when=move || versions.with(|versions| !versions.is_empty())>
                    <section class="card">
                        <h2 class="card-title">"Versions"</h2>
                        <VersionTable versions />
                    </section>
                </Show>
            </div>
            <div class="column">
                <Calls title="Calls" none="It has called nobody in this range." edges=calls(detail, false) callers=false />
                <section class="card">
                    <h2 class="card-title">"What each source says"</h2>
                    <EvidenceTable evidence=Signal::derive(move || summary.with(|summary| summary.evidence.clone())) />
                </section>
            </div>
        </div>
        <Show when=move || proxies.with(|proxies| !proxies.is_empty())>
            <section class="card" data-testid="proxies-card">
                <h2 class="card-title">"Proxies"</h2>
                <ProxyTable proxies />
            </section>
        </Show>
    }
}

fn calls(detail: Signal<ServiceDetail>, callers: bool) -> Signal<Vec<Edge>> {
    Signal::derive(move || {
        detail.with(|detail| if callers { detail.callers.clone() } else { detail.callees.clone() })
    })
}

/// The calls on one side of the service.
#[component]
fn Calls(title: &'static str, none: &'static str, edges: Signal<Vec<Edge>>, callers: bool) -> impl IntoView {
    let ids =
        Memo::new(move |_| edges.with(|edges| edges.iter().map(|edge| edge.id.clone()).collect::<Vec<_>>()));
    view! {
        <section class="card">
            <h2 class="card-title">{title}</h2>
            <Show
                when=move || ids.with(|ids| !ids.is_empty())
                fallback=move || view! { <p class="card-empty muted">{none}</p> }
            >
                <div class="table-scroll">
                    <table class="table table-compact">
                        <thead>
                            <tr>
                                <th scope="col">"Service"</th>
                                <th scope="col" class="end">"Rate"</th>
                                <th scope="col" class="end">"Errors"</th>
                                <th scope="col" class="end">"Retries"</th>
                                <th scope="col" class="end">"p50"</th>
                                <th scope="col" class="end">"p99"</th>
                            </tr>
                        </thead>
                        <tbody>
                            <For each=move || ids.get() key=Clone::clone let(id)>
                                <CallRow id edges callers />
                            </For>
                        </tbody>
                    </table>
                </div>
            </Show>
        </section>
    }
}

#[component]
fn CallRow(id: String, edges: Signal<Vec<Edge>>, callers: bool) -> impl IntoView {
    let page = expect_context::<Page>();
    let edge = Memo::new(move |_| {
        edges.with(|edges| edges.iter().find(|edge| edge.id == id).cloned().unwrap_or_default())
    });
    let other = Memo::new(move |_| {
        edge.with(|edge| NodeId::parse(if callers { &edge.source } else { &edge.target }))
    });
    let name = move || other.with(|other| other.name.clone());
    let link = move || page.state.with(|state| state.service_link(&name()));
    let cell = move |read: fn(&Edge) -> String| view! { <td class="end num">{move || edge.with(read)}</td> };
    view! {
        <tr>
            <th scope="row">
                <span class="cell-name">
                    <HealthMark health=Signal::derive(move || edge.with(|edge| edge.health)) />
                    {move || {
                        if other.with(|other| other.kind == NodeKind::Client) {
                            view! { <span>{name()}</span> }.into_any()
                        } else {
                            view! { <a href=link()>{name()}</a> }.into_any()
                        }
                    }}
                </span>
            </th>
            {cell(|edge| format::rate(edge.request_rate))}
            {cell(|edge| format::percent(edge.error_rate))}
            {cell(|edge| format::count(edge.retries))}
            {cell(|edge| format::duration_or_dash(edge.p50_ms))}
            {cell(|edge| format::duration_or_dash(edge.p99_ms))}
        </tr>
    }
}

fn measures(summary: &ServiceSummary) -> Measures {
    Measures {
        requests: summary.requests,
        rate: summary.request_rate,
        errors: summary.errors,
        error_rate: summary.error_rate,
        p50_ms: summary.p50_ms,
        p90_ms: summary.evidence.first().and_then(|best| best.latency).map(|latency| latency.p90.ms),
        p99_ms: summary.p99_ms,
    }
}

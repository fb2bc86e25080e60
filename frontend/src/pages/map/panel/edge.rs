//! The panel of an edge.

use std::sync::Arc;

use leptos::prelude::*;
use sidecarta_queries::api::graph::Edge;

use super::super::context::MapContext;
use super::counted::Counted;
use super::details::Details;
use super::sides::Sides;
use super::{CloseButton, EvidenceSection, Section};
use crate::components::icon::{ARROW, CALL, Icon, LOCK, UNLOCK};
use crate::components::measures::{MeasureTiles, Measures};
use crate::components::sign::HealthPill;
use crate::format;
use crate::model::node_id::NodeId;
use crate::model::selection::Selection;
use crate::model::trace_links;

/// Everything that is known of the calls between two nodes.
#[component]
pub(super) fn EdgePanel(id: String) -> impl IntoView {
    let edge = expect_context::<Details>().edge(id);
    let both_sides =
        Memo::new(move |_| edge.with(|edge| edge.client_side.is_some() || edge.server_side.is_some()));
    view! {
        <EdgeHead edge />
        <div class="panel-body">
            <EdgeActions edge />
            <div class="panel-badges">
                <span class="badge">{move || edge.with(|edge| protocol_word(&edge.protocol))}</span>
                <MtlsBadge edge />
            </div>
            <MeasureTiles measures=Signal::derive(move || edge.with(|edge| measures(edge))) />
            <Section title="Behind the answers">
                <Attempts edge />
            </Section>
            <Show when=move || both_sides.get()>
                <Section title="Latency from both ends">
                    <Sides edge />
                </Section>
            </Show>
            <EvidenceSection evidence=Signal::derive(move || edge.with(|edge| edge.evidence.clone())) />
            <Counted edge />
        </div>
    }
}

/// The ways to the routes that the caller uses, and to the traces of the calls.
#[component]
fn EdgeActions(edge: Memo<Arc<Edge>>) -> impl IntoView {
    let map = expect_context::<MapContext>();
    let routes = move || {
        edge.with(|edge| {
            let callee = NodeId::parse(&edge.target).name;
            map.page.state.with(|state| state.routes_link(&callee, Some(&edge.source)))
        })
    };
    let traces = move || {
        edge.with(|edge| {
            let query = trace_links::call(&edge.source, &edge.target);
            map.page.state.with(|state| trace_links::traces(state, &query, Selection::default()))
        })
    };
    view! {
        <div class="panel-actions">
            <a class="btn" href=routes data-testid="edge-routes">
                "Routes"
                <Icon path=ARROW />
            </a>
            <a class="btn" href=traces data-testid="edge-traces">
                "Traces"
                <Icon path=ARROW />
            </a>
        </div>
    }
}

#[component]
fn EdgeHead(edge: Memo<Arc<Edge>>) -> impl IntoView {
    let map = expect_context::<MapContext>();
    let end = move |read: fn(&Edge) -> &String| {
        let name = move || edge.with(|edge| map.snapshot.with(|snapshot| snapshot.label(read(edge))));
        view! {
            <button class="link-button" on:click=move |_| map.select(&edge.with_untracked(|edge| read(edge).clone()))>
                {name}
            </button>
        }
    };
    view! {
        <header class="panel-head">
            <span class="kind-tile">
                <Icon path=CALL />
            </span>
            <h2 class="panel-title panel-ends" data-testid="panel-title">
                {end(|edge| &edge.source)}
                <Icon path=ARROW />
                <span class="sr-only">"calls"</span>
                {end(|edge| &edge.target)}
            </h2>
            <HealthPill health=Signal::derive(move || edge.with(|edge| edge.health)) />
            <CloseButton />
        </header>
    }
}

/// Whether both ends prove who they are: yes, no, or nobody has said.
#[component]
fn MtlsBadge(edge: Memo<Arc<Edge>>) -> impl IntoView {
    let mtls = Memo::new(move |_| edge.with(|edge| edge.mtls));
    move || {
        let (icon, words, class) = match mtls.get() {
            Some(true) => (LOCK, "mTLS", "badge is-healthy"),
            Some(false) => (UNLOCK, "No mTLS", "badge is-degraded"),
            None => (UNLOCK, "mTLS not known", "badge"),
        };
        view! {
            <span class=class title="Read from the proxies' own connections">
                <Icon path=icon />
                {words}
            </span>
        }
    }
}

/// What a final answer hides: tries, retries, time-outs, refused connections.
#[component]
fn Attempts(edge: Memo<Arc<Edge>>) -> impl IntoView {
    let item = move |name: &'static str, read: fn(&Edge) -> u64| {
        let value = Memo::new(move |_| edge.with(|edge| read(edge)));
        view! {
            <div class="fact">
                <dt>{name}</dt>
                <dd class="num" class:is-none=move || value.get() == 0>
                    {move || format::count(value.get())}
                </dd>
            </div>
        }
    };
    view! {
        <dl class="facts">
            {item("Attempts", |edge| edge.attempts)} {item("Retries", |edge| edge.retries)}
            {item("Timeouts", |edge| edge.timeouts)} {item("Connection failures", |edge| edge.connection_failures)}
        </dl>
    }
}

fn protocol_word(protocol: &str) -> String {
    match protocol {
        "http" => "HTTP".to_owned(),
        "grpc" => "gRPC".to_owned(),
        "sql" => "SQL".to_owned(),
        "messaging" => "Messaging".to_owned(),
        "" => "Protocol not known".to_owned(),
        other => other.to_owned(),
    }
}

fn measures(edge: &Edge) -> Measures {
    Measures {
        requests: edge.requests,
        rate: edge.request_rate,
        errors: edge.errors,
        error_rate: edge.error_rate,
        p50_ms: edge.p50_ms,
        p90_ms: edge.p90_ms,
        p99_ms: edge.p99_ms,
    }
}

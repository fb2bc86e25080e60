//! Who calls a node and whom it calls.

use leptos::prelude::*;
use sidecarta_queries::api::graph::Edge;

use super::super::context::MapContext;
use super::Section;
use crate::components::sign::HealthMark;
use crate::format;

/// One end of a node's calls.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// Those who call it.
    Callers,
    /// Those it calls.
    Callees,
}

/// The calls on one side of a node, busiest first. Nothing where there are none.
#[component]
pub(super) fn CallList(id: String, side: Side) -> impl IntoView {
    let map = expect_context::<MapContext>();
    let ids = Memo::new(move |_| {
        let edges = map.snapshot.with(|snapshot| match side {
            Side::Callers => snapshot.callers(&id),
            Side::Callees => snapshot.callees(&id),
        });
        edges.iter().map(|edge| edge.id.clone()).collect::<Vec<_>>()
    });
    let title = if side == Side::Callers { "Called by" } else { "Calls" };
    view! {
        <Show when=move || ids.with(|ids| !ids.is_empty())>
            <Section title>
                <ul class="calls">
                    <For each=move || ids.get() key=Clone::clone let(id)>
                        <Call id side />
                    </For>
                </ul>
            </Section>
        </Show>
    }
}

#[component]
fn Call(id: String, side: Side) -> impl IntoView {
    let map = expect_context::<MapContext>();
    let edge = map.edge(id.clone());
    let name = move || {
        edge.with(|edge| {
            let other = if side == Side::Callers { &edge.source } else { &edge.target };
            map.snapshot.with(|snapshot| snapshot.label(other))
        })
    };
    let text = move |read: fn(&Edge) -> String| move || edge.with(|edge| read(edge));
    view! {
        <li>
            <button class="call" on:click=move |_| map.select(&id) data-testid="call">
                <HealthMark health=Signal::derive(move || edge.with(|edge| edge.health)) />
                <span class="truncate">{name}</span>
                <span class="num">{text(|edge| format::rate(edge.request_rate))}</span>
                <span class="num call-errors" class:is-none=move || edge.with(|edge| edge.errors == 0)>
                    {text(|edge| format::percent(edge.error_rate))}
                </span>
                <span class="num">{text(|edge| format::duration_or_dash(edge.p99_ms))}</span>
            </button>
        </li>
    }
}

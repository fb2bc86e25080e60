//! The same graph as two tables: for screen readers, and for everyone who would rather read.

use leptos::prelude::*;
use sidecarta_queries::api::graph::{Edge, Node};

use super::context::MapContext;
use crate::components::sign::{HealthMark, KindTile};
use crate::format;
use crate::model::snapshot::node_label;
use crate::model::view::matches_find;

/// Boxes and calls as tables. What is not found is left out here, where dimming would not help.
#[component]
pub(super) fn MapTable() -> impl IntoView {
    let map = expect_context::<MapContext>();
    let find = Memo::new(move |_| map.page.state.with(|state| state.find.clone()));
    let found = move |id: &str| {
        map.snapshot
            .with(|snapshot| snapshot.nodes.get(id).is_some_and(|node| matches_find(node, &find.get())))
    };
    let nodes = Memo::new(move |_| {
        map.view.with(|view| view.nodes.iter().filter(|id| found(id)).cloned().collect::<Vec<_>>())
    });
    let edges = Memo::new(move |_| {
        let snapshot = map.snapshot.get();
        let ends = |id: &String| {
            snapshot.edges.get(id).is_some_and(|edge| found(&edge.source) || found(&edge.target))
        };
        map.view.with(|view| view.edges.iter().filter(|id| ends(id)).cloned().collect::<Vec<_>>())
    });
    view! {
        <div class="map-table" data-testid="map-table">
            <h2>"Boxes"</h2>
            <table class="table">
                <thead>
                    <tr>
                        <th scope="col">"Name"</th>
                        {number_heads(&["Rate", "Errors", "p50", "p90", "p99"])}
                    </tr>
                </thead>
                <tbody>
                    <For each=move || nodes.get() key=Clone::clone let(id)>
                        <NodeRow id />
                    </For>
                </tbody>
            </table>
            <h2>"Calls"</h2>
            <table class="table">
                <thead>
                    <tr>
                        <th scope="col">"From"</th>
                        <th scope="col">"To"</th>
                        {number_heads(&["Rate", "Errors", "Retries", "p50", "p90", "p99"])}
                    </tr>
                </thead>
                <tbody>
                    <For each=move || edges.get() key=Clone::clone let(id)>
                        <EdgeRow id />
                    </For>
                </tbody>
            </table>
        </div>
    }
}

fn number_heads(names: &'static [&'static str]) -> impl IntoView {
    names.iter().map(|name| view! { <th scope="col" class="end">{*name}</th> }).collect_view()
}

#[component]
fn NodeRow(id: String) -> impl IntoView {
    let map = expect_context::<MapContext>();
    let node = map.node(id.clone());
    let name = id.clone();
    let selected = {
        let id = id.clone();
        move || map.is_selected(&id)
    };
    let cell = move |read: fn(&Node) -> String| view! { <td class="end num">{move || node.with(|node| read(node))}</td> };
    view! {
        <tr class:is-selected=selected data-node-id=name>
            <th scope="row">
                <button class="cell-name cell-button" on:click=move |_| map.select(&id)>
                    <HealthMark health=Signal::derive(move || node.with(|node| node.health)) />
                    <KindTile kind=Signal::derive(move || node.with(|node| node.kind)) />
                    {move || node.with(|node| node_label(node))}
                </button>
            </th>
            {cell(|node| format::rate(node.request_rate))}
            {cell(|node| format::percent(node.error_rate))}
            {cell(|node| format::duration_or_dash(node.p50_ms))}
            {cell(|node| format::duration_or_dash(node.p90_ms))}
            {cell(|node| format::duration_or_dash(node.p99_ms))}
        </tr>
    }
}

#[component]
fn EdgeRow(id: String) -> impl IntoView {
    let map = expect_context::<MapContext>();
    let edge = map.edge(id.clone());
    let name = id.clone();
    let selected = {
        let id = id.clone();
        move || map.is_selected(&id)
    };
    let end = move |read: fn(&Edge) -> &String| {
        move || edge.with(|edge| map.snapshot.with(|snapshot| snapshot.label(read(edge))))
    };
    let cell = move |read: fn(&Edge) -> String| view! { <td class="end num">{move || edge.with(|edge| read(edge))}</td> };
    view! {
        <tr class:is-selected=selected data-edge-id=name>
            <th scope="row">
                <button class="cell-name cell-button" on:click=move |_| map.select(&id)>
                    <HealthMark health=Signal::derive(move || edge.with(|edge| edge.health)) />
                    {end(|edge| &edge.source)}
                </button>
            </th>
            <td>{end(|edge| &edge.target)}</td>
            {cell(|edge| format::rate(edge.request_rate))}
            {cell(|edge| format::percent(edge.error_rate))}
            {cell(|edge| format::count(edge.retries))}
            {cell(|edge| format::duration_or_dash(edge.p50_ms))}
            {cell(|edge| format::duration_or_dash(edge.p90_ms))}
            {cell(|edge| format::duration_or_dash(edge.p99_ms))}
        </tr>
    }
}

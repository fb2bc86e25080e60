//! The services of the trace and who called whom, as a small map with a table below it.

use leptos::prelude::*;
use sidecarta_queries::api::graph::Health;
use sidecarta_queries::api::traces::TraceCall;

use super::context::TraceContext;
use crate::components::icon::of_kind;
use crate::components::sign::health_class;
use crate::format;
use crate::layout::Point;
use crate::model::boxes::fit;
use crate::model::node_id::NodeId;
use crate::model::placement::{Flow, Placement};
use crate::model::search::kind_word;
use crate::model::trace::path::{
    BOX_HEIGHT, NAME_LIMIT, NAME_SIZE, PathNode, edge_id, request, service_path,
};

/// The small map and its table.
#[component]
pub(super) fn ServicePath() -> impl IntoView {
    let trace = expect_context::<TraceContext>();
    let drawn = move || {
        let (nodes, calls) = service_path(&trace.model().trace);
        if calls.is_empty() {
            return view! {
                <p class="card-empty muted" data-testid="no-path">"Nobody called anybody: the trace stays within one service."</p>
            }
            .into_any();
        }
        let flow = if trace.narrow.get() { Flow::Down } else { Flow::Right };
        let placement = Placement::of(&request(&nodes, &calls), flow, None);
        let (width, height) = placement.size();
        view! {
            <div class="path-scroll">
                <svg
                    class="drawing path-drawing"
                    viewBox=format!("0 0 {width} {height}")
                    width=width
                    height=height
                    role="img"
                    aria-label="The services of the trace. The table below says the same."
                    data-testid="service-path"
                >
                    <defs>{[Health::Healthy, Health::Failing].map(arrow).into_iter().collect_view()}</defs>
                    {calls.iter().map(|call| line(&placement, call)).collect_view()}
                    {nodes.iter().map(|node| node_box(trace, &placement, node)).collect_view()}
                    {calls.iter().map(|call| label(&placement, call)).collect_view()}
                </svg>
            </div>
            {table(trace, &calls)}
        }
        .into_any()
    };
    view! { <div class="trace-scroll">{drawn}</div> }.into_any()
}

fn health(call: &TraceCall) -> Health {
    if call.errors > 0 { Health::Failing } else { Health::Healthy }
}

fn arrow(health: Health) -> AnyView {
    view! {
        <marker
            id=format!("path-arrow-{}", health_class(health))
            viewBox="0 0 10 10"
            refX="8.5"
            refY="5"
            markerWidth="9"
            markerHeight="9"
            markerUnits="userSpaceOnUse"
            orient="auto"
        >
            <path class=format!("arrow {}", health_class(health)) d="M0.5 0.8L9.5 5L0.5 9.2z" />
        </marker>
    }
    .into_any()
}

fn line(placement: &Placement, call: &TraceCall) -> Option<AnyView> {
    let d = placement.edge(&edge_id(call))?.path;
    let class = health_class(health(call));
    Some(
        view! {
            <g class=format!("edge {class}")>
                <path class="edge-line" d=d stroke-width="1.8" marker-end=format!("url(#path-arrow-{class})") />
            </g>
        }
        .into_any(),
    )
}

fn label(placement: &Placement, call: &TraceCall) -> Option<AnyView> {
    let Point { x, y } = placement.edge(&edge_id(call))?.label;
    let count = if call.errors > 0 {
        format!("{}×, {} failed", call.requests, call.errors)
    } else {
        format!("{}×", call.requests)
    };
    let took = format::duration(call.total_ns as f64 / 1e6);
    let half = (f64::from(u32::try_from(count.chars().count().max(took.chars().count())).unwrap_or(8)) * 3.6
        + 8.0)
        .ceil();
    Some(
        view! {
            <g class=format!("edge-label {}", health_class(health(call))) transform=format!("translate({x:.1} {y:.1})")>
                <rect x=-half y="-16" width=half * 2.0 height="32" rx="7" />
                <text class="label-rate" y="-2" text-anchor="middle">{count}</text>
                <text class="label-more" y="11" text-anchor="middle">{took}</text>
            </g>
        }
        .into_any(),
    )
}

fn node_box(trace: TraceContext, placement: &Placement, node: &PathNode) -> Option<AnyView> {
    let Point { x, y } = placement.node(&node.id)?;
    let transform = format!("translate({:.1} {:.1})", x - node.width / 2.0, y - BOX_HEIGHT / 2.0);
    let colour = trace.model_now().colours.get(&node.name).map(|colour| format!("var(--service-{colour})"));
    Some(
        view! {
            <g class="node" transform=transform data-testid="path-node" data-node-id=node.id.clone()>
                <title>{format!("{}, {}", node.name, kind_word(node.kind))}</title>
                <rect class="node-box" width=node.width height=BOX_HEIGHT rx="9" />
                {colour.map(|colour| view! { <rect x="1" y="9" width="4" height=BOX_HEIGHT - 18.0 rx="2" style:fill=colour /> })}
                <svg class="node-icon" x="13" y="14" width="16" height="16" viewBox="0 0 16 16"><path d=of_kind(node.kind) /></svg>
                <text class="node-name" x="38" y="27" style:font-size=format!("{NAME_SIZE}px")>
                    {fit(&node.name, NAME_SIZE, NAME_LIMIT)}
                </text>
            </g>
        }
        .into_any(),
    )
}

fn table(trace: TraceContext, calls: &[TraceCall]) -> AnyView {
    let end = |id: &str| {
        let (name, id) = (NodeId::parse(id).name, id.to_owned());
        view! { <a href=move || trace.page.state.with(|state| state.node_link(&id))>{name}</a> }
    };
    let rows = calls.iter().map(|call| {
        let errors = if call.errors > 0 { "end num is-failing" } else { "end num muted" };
        view! {
            <tr data-testid="path-call">
                <th scope="row">{end(&call.source)}</th>
                <td>{end(&call.target)}</td>
                <td class="end num">{call.requests}</td>
                <td class=errors>{call.errors}</td>
                <td class="end num">{call.retries}</td>
                <td class="end num">{format::duration(call.total_ns as f64 / 1e6)}</td>
            </tr>
        }
    });
    view! {
        <section class="card">
            <h2 class="card-title">"Calls"</h2>
            <div class="table-scroll">
                <table class="table table-compact">
                    <thead>
                        <tr>
                            <th scope="col">"From"</th>
                            <th scope="col">"To"</th>
                            {["Calls", "Errors", "Retries", "Time"]
                                .map(|head| view! { <th scope="col" class="end">{head}</th> })
                                .into_iter()
                                .collect_view()}
                        </tr>
                    </thead>
                    <tbody>{rows.collect_view()}</tbody>
                </table>
            </div>
        </section>
    }
    .into_any()
}

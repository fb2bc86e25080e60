//! Tests of the whole layout.

#![expect(clippy::float_cmp, reason = "coordinates that a test compares come out of the same sums")]

use super::{Layout, LayoutEdge, LayoutNode, LayoutRequest, layout};

mod examples;
mod invariants;
mod stability;

const WIDTH: f64 = 168.0;
const HEIGHT: f64 = 52.0;

fn node(id: &str) -> LayoutNode {
    LayoutNode { id: id.to_owned(), width: WIDTH, height: HEIGHT, first: false }
}

fn edge(id: &str, source: &str, target: &str) -> LayoutEdge {
    let (id, source, target) = (id.to_owned(), source.to_owned(), target.to_owned());
    LayoutEdge { id, source, target, label_width: 70.0, label_height: 18.0 }
}

/// A graph of calls; `client` stands first. An edge is named `source>target`, with `#2` and so on for the
/// later ones between the same two.
fn graph(calls: &[(&str, &str)]) -> LayoutRequest {
    let mut request = LayoutRequest::default();
    for (source, target) in calls {
        for id in [source, target] {
            if !request.nodes.iter().any(|node| node.id == **id) {
                request.nodes.push(LayoutNode { first: *id == "client", ..node(id) });
            }
        }
        let same =
            request.edges.iter().filter(|edge| edge.source == **source && edge.target == **target).count();
        let number = if same > 0 { format!("#{}", same + 1) } else { String::new() };
        request.edges.push(edge(&format!("{source}>{target}{number}"), source, target));
    }
    request
}

/// The graph without a node and its edges.
fn without(request: &LayoutRequest, id: &str) -> LayoutRequest {
    let mut request = request.clone();
    request.nodes.retain(|node| node.id != id);
    request.edges.retain(|edge| edge.source != id && edge.target != id);
    request
}

fn x(layout: &Layout, id: &str) -> f64 {
    layout.nodes[id].x
}

fn y(layout: &Layout, id: &str) -> f64 {
    layout.nodes[id].y
}

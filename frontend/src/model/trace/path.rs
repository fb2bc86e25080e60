//! The way of a trace through its services, as a small map.

use std::collections::BTreeMap;

use sidecarta_queries::api::graph::NodeKind;
use sidecarta_queries::api::traces::{Trace, TraceCall};

use crate::layout::{LayoutEdge, LayoutNode, LayoutRequest};
use crate::model::boxes::text_width;
use crate::model::node_id::NodeId;

/// Height of a box, px.
pub(crate) const BOX_HEIGHT: f64 = 44.0;
/// Size of the letters of a name, px.
pub(crate) const NAME_SIZE: f64 = 13.0;
/// The longest name that is written out, px.
pub(crate) const NAME_LIMIT: f64 = 170.0;
/// What stands beside the name, px.
const BESIDE_NAME: f64 = 52.0;
/// Room for a label, px.
const LABEL: (f64, f64) = (64.0, 32.0);

/// A box of the small map.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PathNode {
    /// Its id, as on the graph.
    pub(crate) id: String,
    /// What it is.
    pub(crate) kind: NodeKind,
    /// Its name.
    pub(crate) name: String,
    /// Width of its box, px.
    pub(crate) width: f64,
}

/// The boxes of a trace, and its calls together by caller and callee.
pub(crate) fn service_path(trace: &Trace) -> (Vec<PathNode>, Vec<TraceCall>) {
    let mut calls: BTreeMap<(&str, &str), TraceCall> = BTreeMap::new();
    for call in &trace.calls {
        let known = calls.entry((&call.source, &call.target)).or_insert_with(|| TraceCall {
            source: call.source.clone(),
            target: call.target.clone(),
            ..TraceCall::default()
        });
        known.requests += call.requests;
        known.errors += call.errors;
        known.retries += call.retries;
        known.total_ns = known.total_ns.saturating_add(call.total_ns);
    }
    let mut ids: Vec<&str> = calls.keys().flat_map(|(source, target)| [*source, *target]).collect();
    ids.sort_unstable();
    ids.dedup();
    let node = |id: &str| {
        let NodeId { kind, name } = NodeId::parse(id);
        let width = (text_width(&name, NAME_SIZE).min(NAME_LIMIT) + BESIDE_NAME).ceil();
        PathNode { id: id.to_owned(), kind, name, width }
    };
    (ids.into_iter().map(node).collect(), calls.into_values().collect())
}

/// What the layout is asked for.
pub(crate) fn request(nodes: &[PathNode], calls: &[TraceCall]) -> LayoutRequest {
    LayoutRequest {
        nodes: nodes
            .iter()
            .map(|node| LayoutNode {
                id: node.id.clone(),
                width: node.width,
                height: BOX_HEIGHT,
                first: node.kind == NodeKind::Client,
            })
            .collect(),
        edges: calls
            .iter()
            .map(|call| LayoutEdge {
                id: edge_id(call),
                source: call.source.clone(),
                target: call.target.clone(),
                label_width: LABEL.0,
                label_height: LABEL.1,
            })
            .collect(),
    }
}

/// The id of a call in the layout.
pub(crate) fn edge_id(call: &TraceCall) -> String {
    format!("{}→{}", call.source, call.target)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::layout;

    fn call(source: &str, target: &str, protocol: &str) -> TraceCall {
        TraceCall {
            source: source.to_owned(),
            target: target.to_owned(),
            protocol: protocol.to_owned(),
            requests: 2,
            errors: 1,
            retries: 0,
            total_ns: 5,
        }
    }

    #[test]
    fn calls_in_several_protocols_are_one_line() {
        let calls = vec![
            call("service:web", "service:orders@v1", "http"),
            call("service:web", "service:orders@v1", "grpc"),
            call("service:orders@v1", "database:shop", "sql"),
        ];
        let (nodes, calls) = service_path(&Trace { calls, ..Trace::default() });
        let names: Vec<_> = nodes.iter().map(|node| (node.kind, node.name.as_str())).collect();
        let expected =
            [(NodeKind::Database, "shop"), (NodeKind::Service, "orders"), (NodeKind::Service, "web")];
        assert_eq!(names, expected);
        assert_eq!(calls.len(), 2);
        assert_eq!((calls[1].requests, calls[1].errors, calls[1].total_ns), (4, 2, 10));
        let drawn = layout(&request(&nodes, &calls), None);
        assert_eq!((drawn.nodes.len(), drawn.edges.len()), (3, 2));
    }
}

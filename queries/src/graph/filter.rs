//! The part of a graph that was asked for.

use std::collections::{HashMap, HashSet};

use crate::api::graph::Graph;

/// What of a graph is wanted. The default is all of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GraphFilter {
    /// Only what lies within [`GraphFilter::depth`] calls of this node, named by its id or its name.
    pub focus: Option<String>,
    /// How many calls away from the focus a node may lie, in either direction.
    pub depth: u32,
    /// Only edges with at least so many requests per second.
    pub min_rate: Option<f64>,
    /// Only nodes whose names hold this text, and their neighbours.
    pub find: Option<String>,
}

/// Keeps the wanted part, and counts in its coverage the nodes that it hides.
pub(super) fn apply(mut graph: Graph, filter: &GraphFilter) -> Graph {
    let before = graph.nodes.len();
    if let Some(min_rate) = filter.min_rate {
        graph.edges.retain(|edge| edge.request_rate >= min_rate);
        let linked: HashSet<String> =
            graph.edges.iter().flat_map(|edge| [edge.source.clone(), edge.target.clone()]).collect();
        graph.nodes.retain(|node| linked.contains(&node.id));
    }
    if let Some(text) = filter.find.as_ref().filter(|text| !text.is_empty()) {
        let text = text.to_lowercase();
        let found = graph.nodes.iter().filter(|node| node.name.to_lowercase().contains(&text));
        let found: HashSet<String> = found.map(|node| node.id.clone()).collect();
        keep(&mut graph, &found, 1);
    }
    if let Some(focus) = filter.focus.as_ref().filter(|focus| !focus.is_empty()) {
        let found = graph.nodes.iter().filter(|node| node.id == *focus || node.name == *focus);
        let found: HashSet<String> = found.map(|node| node.id.clone()).collect();
        keep(&mut graph, &found, filter.depth);
    }
    graph.coverage.hidden_nodes = (before - graph.nodes.len()) as u64;
    graph
}

/// Keeps the nodes within so many calls of these, and the edges between nodes that are kept.
fn keep(graph: &mut Graph, from: &HashSet<String>, depth: u32) {
    let mut neighbours: HashMap<&str, Vec<&str>> = HashMap::new();
    for edge in &graph.edges {
        neighbours.entry(&edge.source).or_default().push(&edge.target);
        neighbours.entry(&edge.target).or_default().push(&edge.source);
    }
    let mut kept: HashSet<String> = from.clone();
    let mut rim: Vec<String> = from.iter().cloned().collect();
    for _ in 0..depth {
        let next: Vec<String> = rim
            .iter()
            .flat_map(|id| neighbours.get(id.as_str()).into_iter().flatten())
            .filter(|id| !kept.contains(**id))
            .map(|id| (*id).to_owned())
            .collect();
        if next.is_empty() {
            break;
        }
        kept.extend(next.iter().cloned());
        rim = next;
    }
    graph.nodes.retain(|node| kept.contains(&node.id));
    graph.edges.retain(|edge| kept.contains(&edge.source) && kept.contains(&edge.target));
}

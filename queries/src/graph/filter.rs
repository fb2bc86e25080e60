//! The part of a graph that was asked for.

use std::collections::{HashMap, HashSet};

use crate::api::graph::{Coverage, Edge, Graph, Node};

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
    /// Whether each number comes with what stands behind it.
    pub evidence: EvidenceDetail,
}

/// How much is told of where the numbers come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EvidenceDetail {
    /// What each source says, and both sides' latencies.
    #[default]
    All,
    /// Nothing: the numbers alone take a third of the space.
    None,
}

/// The wanted part of a graph, whose coverage counts the nodes that it hides.
pub fn filtered(graph: &Graph, filter: &GraphFilter) -> Graph {
    let mut part = Part { nodes: graph.nodes.iter().collect(), edges: graph.edges.iter().collect() };
    if let Some(min_rate) = filter.min_rate {
        part.edges.retain(|edge| edge.request_rate >= min_rate);
        let linked: HashSet<&str> =
            part.edges.iter().flat_map(|edge| [edge.source.as_str(), edge.target.as_str()]).collect();
        part.nodes.retain(|node| linked.contains(node.id.as_str()));
    }
    if let Some(text) = filter.find.as_ref().filter(|text| !text.is_empty()) {
        let text = text.to_lowercase();
        part.keep(|node| node.name.to_lowercase().contains(&text), 1);
    }
    if let Some(focus) = filter.focus.as_ref().filter(|focus| !focus.is_empty()) {
        part.keep(|node| node.id == *focus || node.name == *focus, filter.depth);
    }
    let hidden_nodes = (graph.nodes.len() - part.nodes.len()) as u64;
    Graph {
        from: graph.from.clone(),
        to: graph.to.clone(),
        nodes: part.nodes.into_iter().map(|node| node_with(node, filter.evidence)).collect(),
        edges: part.edges.into_iter().map(|edge| edge_with(edge, filter.evidence)).collect(),
        coverage: Coverage { hidden_nodes, ..graph.coverage.clone() },
    }
}

fn node_with(node: &Node, evidence: EvidenceDetail) -> Node {
    match evidence {
        EvidenceDetail::All => node.clone(),
        EvidenceDetail::None => Node {
            id: node.id.clone(),
            name: node.name.clone(),
            version: node.version.clone(),
            namespace: node.namespace.clone(),
            system: node.system.clone(),
            versions: node.versions.clone(),
            evidence: Vec::new(),
            identity: None,
            ..*node
        },
    }
}

fn edge_with(edge: &Edge, evidence: EvidenceDetail) -> Edge {
    match evidence {
        EvidenceDetail::All => edge.clone(),
        EvidenceDetail::None => Edge {
            id: edge.id.clone(),
            source: edge.source.clone(),
            target: edge.target.clone(),
            protocol: edge.protocol.clone(),
            client_side: None,
            server_side: None,
            evidence: Vec::new(),
            ..*edge
        },
    }
}

/// Nodes and edges that are still wanted.
struct Part<'a> {
    nodes: Vec<&'a Node>,
    edges: Vec<&'a Edge>,
}

impl<'a> Part<'a> {
    /// Keeps the nodes within so many calls of these, and the edges between nodes that are kept.
    fn keep(&mut self, from: impl Fn(&Node) -> bool, depth: u32) {
        let mut neighbours: HashMap<&str, Vec<&'a str>> = HashMap::new();
        for edge in &self.edges {
            neighbours.entry(&edge.source).or_default().push(&edge.target);
            neighbours.entry(&edge.target).or_default().push(&edge.source);
        }
        let mut rim: Vec<&str> =
            self.nodes.iter().filter(|node| from(node)).map(|node| node.id.as_str()).collect();
        let mut kept: HashSet<&str> = rim.iter().copied().collect();
        for _ in 0..depth {
            let around = rim.iter().flat_map(|id| neighbours.get(id).into_iter().flatten().copied());
            let next: Vec<&str> = around.filter(|id| !kept.contains(id)).collect();
            if next.is_empty() {
                break;
            }
            kept.extend(&next);
            rim = next;
        }
        self.nodes.retain(|node| kept.contains(node.id.as_str()));
        self.edges.retain(|edge| kept.contains(edge.source.as_str()) && kept.contains(edge.target.as_str()));
    }
}

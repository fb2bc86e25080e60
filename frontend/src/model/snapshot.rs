//! One state of the graph, ready to be looked up.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sidecarta_queries::api::graph::{Coverage, Edge, Graph, Node};

/// A graph with its nodes and edges by id. Shared, because every box and line keeps its own part.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Snapshot {
    /// Start of the range, RFC 3339 UTC.
    pub(crate) from: String,
    /// End of the range, RFC 3339 UTC.
    pub(crate) to: String,
    /// How much of the mesh the numbers cover.
    pub(crate) coverage: Coverage,
    /// Nodes by id.
    pub(crate) nodes: BTreeMap<String, Arc<Node>>,
    /// Edges by id.
    pub(crate) edges: BTreeMap<String, Arc<Edge>>,
}

impl From<Graph> for Snapshot {
    fn from(graph: Graph) -> Self {
        Self {
            from: graph.from,
            to: graph.to,
            coverage: graph.coverage,
            nodes: graph.nodes.into_iter().map(|node| (node.id.clone(), Arc::new(node))).collect(),
            edges: graph.edges.into_iter().map(|edge| (edge.id.clone(), Arc::new(edge))).collect(),
        }
    }
}

impl Snapshot {
    /// The graph as the API gave it.
    pub(crate) fn to_graph(&self) -> Graph {
        Graph {
            from: self.from.clone(),
            to: self.to.clone(),
            nodes: self.nodes.values().map(|node| Node::clone(node)).collect(),
            edges: self.edges.values().map(|edge| Edge::clone(edge)).collect(),
            coverage: self.coverage.clone(),
        }
    }

    /// The name of a node with its version, or its id where it is not known.
    pub(crate) fn label(&self, id: &str) -> String {
        self.nodes.get(id).map_or_else(|| id.to_owned(), |node| node_label(node))
    }

    /// Edges into a node, busiest first.
    pub(crate) fn callers(&self, id: &str) -> Vec<Arc<Edge>> {
        self.busiest(|edge| edge.target == id)
    }

    /// Edges out of a node, busiest first.
    pub(crate) fn callees(&self, id: &str) -> Vec<Arc<Edge>> {
        self.busiest(|edge| edge.source == id)
    }

    /// The element itself and everything that touches it: what stays bright while the rest is dimmed.
    pub(crate) fn surroundings(&self, id: &str) -> BTreeSet<String> {
        let mut ids = BTreeSet::from([id.to_owned()]);
        for edge in self.edges.values() {
            if edge.id == id || edge.source == id || edge.target == id {
                ids.extend([edge.id.clone(), edge.source.clone(), edge.target.clone()]);
            }
        }
        ids
    }

    fn busiest(&self, wanted: impl Fn(&Edge) -> bool) -> Vec<Arc<Edge>> {
        let mut edges: Vec<_> = self.edges.values().filter(|edge| wanted(edge)).cloned().collect();
        edges.sort_by(|a, b| b.requests.cmp(&a.requests).then_with(|| a.id.cmp(&b.id)));
        edges
    }
}

/// The name of a node, with its version where it has one.
pub(crate) fn node_label(node: &Node) -> String {
    match &node.version {
        Some(version) => format!("{} {version}", node.name),
        None => node.name.clone(),
    }
}

#[cfg(test)]
pub(crate) mod samples {
    //! Small graphs for tests.

    use sidecarta_queries::api::graph::{Health, NodeKind};

    use super::*;

    /// A service that got `requests`, of which `errors` failed.
    pub(crate) fn node(name: &str, requests: u64, errors: u64) -> Node {
        Node {
            id: format!("service:{name}"),
            name: name.to_owned(),
            kind: NodeKind::Service,
            requests,
            errors,
            health: Health::of(requests, errors),
            ..Node::default()
        }
    }

    /// A call between two services made by [`node`].
    pub(crate) fn edge(source: &str, target: &str, requests: u64, errors: u64) -> Edge {
        Edge {
            id: format!("service:{source}→service:{target}"),
            source: format!("service:{source}"),
            target: format!("service:{target}"),
            requests,
            errors,
            health: Health::of(requests, errors),
            ..Edge::default()
        }
    }

    /// web → orders → legacy, where legacy always fails, and a service nobody calls.
    pub(crate) fn small() -> Snapshot {
        Snapshot::from(Graph {
            nodes: vec![
                node("web", 100, 0),
                node("orders", 80, 2),
                node("legacy", 10, 10),
                node("quiet", 0, 0),
            ],
            edges: vec![edge("web", "orders", 80, 2), edge("orders", "legacy", 10, 10)],
            ..Graph::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::samples::{edge, node, small};
    use super::*;

    #[test]
    fn the_surroundings_of_a_node_are_its_edges_and_their_ends() {
        let around = small().surroundings("service:legacy");
        let expected = ["service:legacy", "service:orders", "service:orders→service:legacy"];
        assert_eq!(around, expected.into_iter().map(str::to_owned).collect());
    }

    #[test]
    fn callers_come_busiest_first() {
        let graph = Graph {
            nodes: vec![node("a", 1, 0), node("b", 1, 0), node("c", 1, 0)],
            edges: vec![edge("a", "c", 5, 0), edge("b", "c", 9, 0)],
            ..Graph::default()
        };
        let snapshot = Snapshot::from(graph.clone());
        let callers: Vec<_> = snapshot.callers("service:c").iter().map(|edge| edge.source.clone()).collect();
        assert_eq!(callers, ["service:b", "service:a"]);
        assert_eq!(snapshot.to_graph(), graph);
    }
}

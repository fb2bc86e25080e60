//! Which part of the graph is drawn, and what the layout is asked for.

use std::collections::BTreeSet;

use sidecarta_queries::api::graph::{Edge, Health, Node, NodeKind};

use crate::layout::{LayoutEdge, LayoutNode, LayoutRequest};
use crate::model::boxes::{LABEL_SIZE, box_size};
use crate::model::snapshot::Snapshot;

/// The most boxes that are drawn without being asked for.
pub(crate) const FOLD_LIMIT: usize = 150;
/// The most edges on which dots move.
pub(crate) const MOTION_LIMIT: usize = 150;

/// What the viewer wants to see.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ViewOptions {
    /// Only what fails, and the other ends of its edges.
    pub(crate) unhealthy: bool,
    /// Nothing that had no requests.
    pub(crate) hide_idle: bool,
    /// Everything, however many boxes that makes.
    pub(crate) all: bool,
    /// Node or edge that is drawn whatever the fold says.
    pub(crate) select: Option<String>,
    /// Ids of the nodes whose versions are shown inside their box.
    pub(crate) opened: BTreeSet<String>,
}

/// What is drawn. Equal as long as the same boxes and lines are drawn, whatever their numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct MapView {
    /// Ids of the nodes, sorted.
    pub(crate) nodes: Vec<String>,
    /// Ids of the edges, sorted.
    pub(crate) edges: Vec<String>,
    /// Nodes that were left out because there are too many.
    pub(crate) folded: usize,
    /// Nodes that the viewer's own choices left out.
    pub(crate) filtered: usize,
    /// What the layout is asked for.
    pub(crate) request: LayoutRequest,
}

impl MapView {
    /// Chooses what is drawn of a snapshot.
    pub(crate) fn of(snapshot: &Snapshot, options: &ViewOptions) -> Self {
        let wanted = wanted_nodes(snapshot, options);
        let filtered = snapshot.nodes.len() - wanted.len();
        let kept = fold(snapshot, &wanted, options);
        let edges: Vec<&Edge> = snapshot
            .edges
            .values()
            .map(AsRef::as_ref)
            .filter(|edge| kept.contains(edge.source.as_str()) && kept.contains(edge.target.as_str()))
            .filter(|edge| edge_wanted(edge, options))
            .collect();
        let nodes: Vec<&Node> =
            kept.iter().filter_map(|id| snapshot.nodes.get(*id)).map(AsRef::as_ref).collect();
        Self {
            folded: wanted.len() - kept.len(),
            filtered,
            request: request(&nodes, &edges, options),
            nodes: nodes.into_iter().map(|node| node.id.clone()).collect(),
            edges: edges.into_iter().map(|edge| edge.id.clone()).collect(),
        }
    }
}

/// Whether something deserves a look.
pub(crate) fn is_unhealthy(health: Health) -> bool {
    matches!(health, Health::Degraded | Health::Failing)
}

/// Whether a node's name, version or system holds the text, whatever the case. An empty text finds everything.
pub(crate) fn matches_find(node: &Node, find: &str) -> bool {
    let find = find.trim().to_lowercase();
    let holds = |text: &str| text.to_lowercase().contains(&find);
    find.is_empty()
        || holds(&node.name)
        || node.version.as_deref().is_some_and(holds)
        || node.system.as_deref().is_some_and(holds)
        || node.namespace.as_deref().is_some_and(holds)
}

fn wanted_nodes<'a>(snapshot: &'a Snapshot, options: &ViewOptions) -> BTreeSet<&'a str> {
    let mut wanted: BTreeSet<&str> = snapshot
        .nodes
        .values()
        .filter(|node| !options.unhealthy || is_unhealthy(node.health))
        .filter(|node| !options.hide_idle || node.health != Health::Idle || node.kind == NodeKind::Client)
        .map(|node| node.id.as_str())
        .collect();
    if options.unhealthy {
        let failing = snapshot.edges.values().filter(|edge| is_unhealthy(edge.health));
        wanted.extend(failing.flat_map(|edge| [edge.source.as_str(), edge.target.as_str()]));
    }
    wanted.retain(|id| snapshot.nodes.contains_key(*id));
    wanted
}

fn edge_wanted(edge: &Edge, options: &ViewOptions) -> bool {
    (!options.unhealthy || is_unhealthy(edge.health)) && (!options.hide_idle || edge.health != Health::Idle)
}

/// The busiest nodes, and with them whatever is selected. What fails counts before what is merely busy.
fn fold<'a>(snapshot: &'a Snapshot, wanted: &BTreeSet<&'a str>, options: &ViewOptions) -> BTreeSet<&'a str> {
    if options.all || wanted.len() <= FOLD_LIMIT {
        return wanted.clone();
    }
    let mut nodes: Vec<&Node> =
        wanted.iter().filter_map(|id| snapshot.nodes.get(*id)).map(AsRef::as_ref).collect();
    nodes
        .sort_by_key(|node| (!is_unhealthy(node.health), std::cmp::Reverse(node.requests), node.id.as_str()));
    let mut kept: BTreeSet<&str> = nodes.iter().take(FOLD_LIMIT).map(|node| node.id.as_str()).collect();
    if let Some(selected) = &options.select {
        let edge = snapshot.edges.get(selected);
        let ends = edge.iter().flat_map(|edge| [edge.source.as_str(), edge.target.as_str()]);
        let node = wanted.get(selected.as_str()).copied();
        kept.extend(ends.chain(node).filter(|id| wanted.contains(id)));
    }
    kept
}

fn request(nodes: &[&Node], edges: &[&Edge], options: &ViewOptions) -> LayoutRequest {
    let nodes = nodes.iter().map(|node| {
        let (width, height) = box_size(node, options.opened.contains(&node.id));
        LayoutNode { id: node.id.clone(), width, height, first: node.kind == NodeKind::Client }
    });
    let edges = edges.iter().map(|edge| LayoutEdge {
        id: edge.id.clone(),
        source: edge.source.clone(),
        target: edge.target.clone(),
        label_width: LABEL_SIZE.0,
        label_height: LABEL_SIZE.1,
    });
    LayoutRequest { nodes: nodes.collect(), edges: edges.collect() }
}

#[cfg(test)]
mod tests {
    use sidecarta_queries::api::graph::Graph;

    use super::*;
    use crate::model::snapshot::samples::{node, small};

    #[test]
    fn everything_is_drawn_unless_asked_otherwise() {
        let view = MapView::of(&small(), &ViewOptions::default());
        assert_eq!((view.nodes.len(), view.edges.len(), view.folded, view.filtered), (4, 2, 0, 0));
    }

    #[test]
    fn only_unhealthy_keeps_the_failing_edges_and_both_their_ends() {
        let options = ViewOptions { unhealthy: true, ..ViewOptions::default() };
        let view = MapView::of(&small(), &options);
        assert_eq!(view.nodes, ["service:legacy", "service:orders", "service:web"]);
        assert_eq!(view.edges.len(), 2);
        assert_eq!(view.filtered, 1);
    }

    #[test]
    fn idle_services_can_be_hidden() {
        let options = ViewOptions { hide_idle: true, ..ViewOptions::default() };
        assert!(!MapView::of(&small(), &options).nodes.contains(&"service:quiet".to_owned()));
    }

    #[test]
    fn moving_numbers_leave_the_layout_request_alone() {
        let mut graph = small().to_graph();
        let before = MapView::of(&Snapshot::from(graph.clone()), &ViewOptions::default());
        for node in &mut graph.nodes {
            node.requests += 1_000_000;
        }
        assert_eq!(MapView::of(&Snapshot::from(graph), &ViewOptions::default()), before);
    }

    #[test]
    fn a_large_graph_is_folded_to_its_busiest_and_keeps_what_fails_and_what_is_selected() {
        let mut nodes: Vec<_> = (0..400).map(|i| node(&format!("s{i:03}"), 1000 - i, 0)).collect();
        nodes.push(node("tiny-but-failing", 2, 2));
        let snapshot = Snapshot::from(Graph { nodes, ..Graph::default() });
        let mut options = ViewOptions { select: Some("service:s399".to_owned()), ..ViewOptions::default() };
        let view = MapView::of(&snapshot, &options);
        assert_eq!(view.nodes.len(), FOLD_LIMIT + 1);
        assert_eq!(view.folded, 401 - FOLD_LIMIT - 1);
        for id in ["service:s000", "service:s399", "service:tiny-but-failing"] {
            assert!(view.nodes.contains(&id.to_owned()), "{id}");
        }
        options.all = true;
        assert_eq!(MapView::of(&snapshot, &options).folded, 0);
    }

    #[test]
    fn find_looks_at_the_name_whatever_the_case() {
        let orders = node("Orders", 1, 0);
        assert!(matches_find(&orders, " ord"));
        assert!(matches_find(&orders, ""));
        assert!(!matches_find(&orders, "web"));
    }
}

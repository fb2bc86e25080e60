//! What the search finds: pages, services, calls, and a trace by its id.

use sidecarta_queries::api::graph::NodeKind;

use crate::model::snapshot::{Snapshot, node_label};
use crate::model::trace_id::trace_id;

/// The most results that are listed.
const LIMIT: usize = 40;

/// Where a result leads.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Target {
    /// A page by its path.
    Page(&'static str),
    /// A node of the map by its id.
    Node(String, NodeKind),
    /// An edge of the map by its id.
    Edge(String),
    /// A trace by its id.
    Trace(String),
}

/// One line of the results.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Found {
    /// What is found.
    pub(crate) label: String,
    /// What kind of thing it is, in a word.
    pub(crate) hint: &'static str,
    /// Where it leads.
    pub(crate) target: Target,
}

/// Pages by title and path.
pub(crate) const PAGES: [(&str, &str); 7] = [
    ("Map", "/"),
    ("Services", "/services"),
    ("Traces", "/traces"),
    ("Compare traces", "/traces/compare"),
    ("Canary", "/canary"),
    ("Proxies", "/proxies"),
    ("Sources", "/sources"),
];

/// Everything that matches, best first. An empty text lists the pages and the nodes; the id of a trace leads to it alone.
pub(crate) fn search(snapshot: Option<&Snapshot>, text: &str) -> Vec<Found> {
    if let Some(id) = trace_id(text) {
        return vec![Found { label: format!("Open trace {id}"), hint: "Trace", target: Target::Trace(id) }];
    }
    let wanted = text.trim().to_lowercase();
    let pages = PAGES.map(|(title, path)| Found {
        label: title.to_owned(),
        hint: "Page",
        target: Target::Page(path),
    });
    let nodes = snapshot.into_iter().flat_map(|snapshot| snapshot.nodes.values()).map(|node| Found {
        label: node_label(node),
        hint: kind_word(node.kind),
        target: Target::Node(node.id.clone(), node.kind),
    });
    let edges = snapshot.into_iter().flat_map(|snapshot| {
        snapshot.edges.values().map(|edge| Found {
            label: format!("{} → {}", snapshot.label(&edge.source), snapshot.label(&edge.target)),
            hint: "Call",
            target: Target::Edge(edge.id.clone()),
        })
    });
    let mut found: Vec<(u8, Found)> = pages
        .into_iter()
        .chain(nodes)
        .chain(edges.filter(|_| !wanted.is_empty()))
        .filter_map(|found| Some((rank(&found.label.to_lowercase(), &wanted)?, found)))
        .collect();
    found.sort_by_key(|(rank, _)| *rank);
    found.into_iter().take(LIMIT).map(|(_, found)| found).collect()
}

/// What a kind of node is called.
pub(crate) fn kind_word(kind: NodeKind) -> &'static str {
    match kind {
        NodeKind::Service => "Service",
        NodeKind::Gateway => "Gateway",
        NodeKind::Database => "Database",
        NodeKind::Queue => "Queue",
        NodeKind::External => "External",
        NodeKind::Client => "Client",
    }
}

/// Lower is better: the whole, the start, the start of a word, anywhere. Every word of the text must be there.
fn rank(label: &str, wanted: &str) -> Option<u8> {
    if label == wanted {
        return Some(0);
    }
    if label.starts_with(wanted) {
        return Some(1);
    }
    let starts_word =
        |word: &str| label.split(|letter: char| !letter.is_alphanumeric()).any(|part| part.starts_with(word));
    if wanted.split_whitespace().all(starts_word) {
        return Some(2);
    }
    wanted.split_whitespace().all(|word| label.contains(word)).then_some(3)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::snapshot::samples::small;

    fn labels(text: &str) -> Vec<String> {
        search(Some(&small()), text).into_iter().map(|found| found.label).collect()
    }

    #[test]
    fn the_best_match_comes_first() {
        assert_eq!(labels("orders"), ["orders", "orders → legacy", "web → orders"]);
    }

    #[test]
    fn every_word_must_match() {
        assert_eq!(labels("web ord"), ["web → orders"]);
        assert!(labels("nothing-like-it").is_empty());
    }

    #[test]
    fn the_id_of_a_trace_leads_to_it() {
        let found = search(Some(&small()), "1-5759e988-bd862e3fe1be46a994272793");
        let id = "5759e988bd862e3fe1be46a994272793";
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].label, format!("Open trace {id}"));
        assert_eq!(found[0].target, Target::Trace(id.to_owned()));
    }

    #[test]
    fn an_empty_text_lists_pages_and_nodes_even_without_a_graph() {
        assert_eq!(labels("").len(), PAGES.len() + 4);
        assert_eq!(search(None, "").len(), PAGES.len());
    }
}

//! One connected part of the graph: its split from the whole and the run through the phases.

use std::collections::BTreeMap;

use super::{EdgePath, Layout, LayoutRequest, Point, Seat, Track};
use super::{acyclic, layers, order, place, proper, route};

/// A connected part, its nodes and edges numbered from 0.
#[derive(Default)]
pub(super) struct Part {
    pub(super) nodes: Vec<Node>,
    /// Edges between two different nodes.
    pub(super) edges: Vec<Edge>,
}

pub(super) struct Node {
    /// Index in the request.
    pub(super) index: usize,
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) first: bool,
    pub(super) loops: Vec<Loop>,
    pub(super) before: Option<Before>,
}

/// An edge from a node to itself.
pub(super) struct Loop {
    /// Index in the request.
    pub(super) index: usize,
    pub(super) label: Size,
}

pub(super) struct Edge {
    /// Index in the request.
    pub(super) index: usize,
    pub(super) source: usize,
    pub(super) target: usize,
    pub(super) label: Size,
    pub(super) before: Option<Track>,
}

#[derive(Clone, Copy, Default)]
pub(super) struct Size {
    pub(super) width: f64,
    pub(super) height: f64,
}

/// Where a node stood in the previous layout.
#[derive(Clone, Copy)]
pub(super) struct Before {
    pub(super) seat: Seat,
    pub(super) at: Point,
}

/// A part laid out, with its upper left corner at 0, 0. The lists run parallel to those of the part.
pub(super) struct Drawing {
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) nodes: Vec<(Point, Seat)>,
    /// Paths by index in the request, loops included.
    pub(super) paths: Vec<(usize, EdgePath)>,
    /// Cut points by index in the request.
    pub(super) tracks: Vec<(usize, Track)>,
}

/// Splits a normalised request into its connected parts, in the order of their first nodes.
pub(super) fn split(request: &LayoutRequest, previous: Option<&Layout>) -> Vec<Part> {
    let number: BTreeMap<&str, usize> =
        request.nodes.iter().enumerate().map(|(index, node)| (node.id.as_str(), index)).collect();
    let ends: Vec<(usize, usize)> = request
        .edges
        .iter()
        .map(|edge| (number[edge.source.as_str()], number[edge.target.as_str()]))
        .collect();
    let mut roots: Vec<usize> = (0..request.nodes.len()).collect();
    for &(source, target) in &ends {
        let (a, b) = (root(&mut roots, source), root(&mut roots, target));
        roots[a.max(b)] = a.min(b);
    }

    let mut parts: Vec<Part> = Vec::new();
    let mut part_of = vec![0; request.nodes.len()];
    let mut place_of = vec![0; request.nodes.len()];
    for (index, node) in request.nodes.iter().enumerate() {
        let root = root(&mut roots, index);
        if root == index {
            part_of[index] = parts.len();
            parts.push(Part::default());
        } else {
            part_of[index] = part_of[root];
        }
        let part = &mut parts[part_of[index]];
        place_of[index] = part.nodes.len();
        let before = previous.and_then(|previous| {
            let seat = *previous.memory.seats.get(&node.id)?;
            Some(Before { seat, at: *previous.nodes.get(&node.id)? })
        });
        let (width, height, first) = (node.width, node.height, node.first);
        part.nodes.push(Node { index, width, height, first, loops: Vec::new(), before });
    }
    for (index, edge) in request.edges.iter().enumerate() {
        let (source, target) = ends[index];
        let part = &mut parts[part_of[source]];
        let label = Size { width: edge.label_width, height: edge.label_height };
        if source == target {
            part.nodes[place_of[source]].loops.push(Loop { index, label });
        } else {
            let before = previous.and_then(|previous| previous.memory.tracks.get(&edge.id).cloned());
            let (source, target) = (place_of[source], place_of[target]);
            part.edges.push(Edge { index, source, target, label, before });
        }
    }
    parts
}

fn root(roots: &mut [usize], mut v: usize) -> usize {
    while roots[v] != v {
        roots[v] = roots[roots[v]];
        v = roots[v];
    }
    v
}

impl Part {
    /// Runs the phases.
    pub(super) fn draw(&self) -> Drawing {
        let directed = acyclic::directed(self);
        let layers = layers::assign(self, &directed);
        let mut proper = proper::Proper::new(self, &directed, &layers);
        let kept = order::order(&mut proper, self.keeps_order());
        let placed = place::place(self, &proper, kept);
        let mut drawing = route::route(self, &directed, &proper, &placed);
        for (node, (_, seat)) in self.nodes.iter().zip(&mut drawing.nodes) {
            seat.settled = !kept || node.before.is_some_and(|before| before.seat.settled);
        }
        drawing
    }

    /// Whether enough of the last fresh picture is left for its order to be kept.
    fn keeps_order(&self) -> bool {
        let settled =
            self.nodes.iter().filter(|node| node.before.is_some_and(|before| before.seat.settled)).count();
        3 * settled >= 2 * self.nodes.len()
    }
}

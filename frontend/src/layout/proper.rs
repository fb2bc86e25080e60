//! The graph cut at its layers: every piece of an edge runs from one layer to the next.
//!
//! Boxes stand on the even layers, so that each edge has a middle, on an odd one, where its label stands.

use super::acyclic::Directed;
use super::part::{Part, Size};

/// The cut graph and the order of its layers.
pub(super) struct Proper {
    /// The boxes, in the order of the part's nodes, then the cut points of the edges.
    pub(super) vertices: Vec<Vertex>,
    /// The vertices of each layer from top to bottom.
    pub(super) layers: Vec<Vec<usize>>,
    /// Neighbours of each vertex on the layer to the left, one for each piece of an edge.
    pub(super) left: Vec<Vec<usize>>,
    /// Neighbours of each vertex on the layer to the right.
    pub(super) right: Vec<Vec<usize>>,
    /// The cut edges, in the order of the part's edges.
    pub(super) chains: Vec<Chain>,
}

/// One edge, cut.
pub(super) struct Chain {
    /// From the left box to the right one.
    pub(super) vertices: Vec<usize>,
    /// Whether fewer edges meet at its left end than at its right one. There is its label, and there it
    /// leaves its box without a slope.
    pub(super) free_left: bool,
}

impl Chain {
    /// The vertex that carries the label.
    pub(super) fn label(&self) -> usize {
        self.vertices[if self.free_left { 1 } else { self.vertices.len() - 2 }]
    }

    /// The vertices between the boxes.
    pub(super) fn inner(&self) -> &[usize] {
        &self.vertices[1..self.vertices.len() - 1]
    }

    /// The left box and the right box.
    pub(super) fn boxes(&self) -> (usize, usize) {
        (self.vertices[0], self.vertices[self.vertices.len() - 1])
    }
}

pub(super) struct Vertex {
    pub(super) layer: usize,
    pub(super) kind: Kind,
    /// Space that the vertex takes above and below its y coordinate.
    pub(super) above: f64,
    pub(super) below: f64,
    pub(super) width: f64,
    /// The y coordinate in the previous layout, if the vertex stood on this layer.
    pub(super) before: Option<f64>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Box,
    Label,
    /// A point where an edge passes its layer.
    Bend,
}

/// Free space above the first loop of a box, and between a loop and the next.
pub(super) const LOOP_RISE: f64 = 14.0;

impl Proper {
    pub(super) fn new(part: &Part, edges: &[Directed], layers: &[usize]) -> Self {
        let last = layers.iter().max().map_or(0, |layer| 2 * layer);
        let mut proper = Self {
            vertices: Vec::new(),
            layers: vec![Vec::new(); last + 1],
            left: Vec::new(),
            right: Vec::new(),
            chains: Vec::new(),
        };
        for (node, &layer) in part.nodes.iter().zip(layers) {
            let loops: f64 = node.loops.iter().map(|own| LOOP_RISE + own.label.height).sum();
            let width = node.loops.iter().map(|own| own.label.width).fold(node.width, f64::max);
            proper.add(Vertex {
                layer: 2 * layer,
                kind: Kind::Box,
                above: node.height / 2.0 + loops,
                below: node.height / 2.0,
                width,
                before: node.before.filter(|before| before.seat.layer == layer).map(|before| before.at.y),
            });
        }
        let (mut leaving, mut arriving) = (vec![0_usize; part.nodes.len()], vec![0_usize; part.nodes.len()]);
        for edge in edges {
            leaving[edge.left] += 1;
            arriving[edge.right] += 1;
        }
        for (edge, directed) in part.edges.iter().zip(edges) {
            let free_left = leaving[directed.left] < arriving[directed.right];
            proper.cut(directed, edge.label, edge.before.as_ref(), free_left);
        }
        proper
    }

    fn add(&mut self, vertex: Vertex) -> usize {
        let index = self.vertices.len();
        self.layers[vertex.layer].push(index);
        self.vertices.push(vertex);
        self.left.push(Vec::new());
        self.right.push(Vec::new());
        index
    }

    fn cut(&mut self, edge: &Directed, label: Size, before: Option<&super::Track>, free_left: bool) {
        let (start, end) = (self.vertices[edge.left].layer, self.vertices[edge.right].layer);
        let label_layer = if free_left { start + 1 } else { end - 1 };
        let before =
            before.filter(|track| track.first_layer == start + 1 && track.ys.len() == end - start - 1);
        let mut vertices = vec![edge.left];
        for layer in start + 1..end {
            let labelled = layer == label_layer && label.height > 0.0;
            let half = if labelled { label.height / 2.0 } else { 0.0 };
            let vertex = self.add(Vertex {
                layer,
                kind: if labelled { Kind::Label } else { Kind::Bend },
                above: half,
                below: half,
                width: if labelled { label.width } else { 0.0 },
                before: before.map(|track| track.ys[layer - start - 1]),
            });
            vertices.push(vertex);
        }
        vertices.push(edge.right);
        for pair in vertices.windows(2) {
            self.right[pair[0]].push(pair[1]);
            self.left[pair[1]].push(pair[0]);
        }
        self.chains.push(Chain { vertices, free_left });
    }

    /// The place of each vertex within its layer.
    pub(super) fn places(&self) -> Vec<usize> {
        let mut places = vec![0; self.vertices.len()];
        for layer in &self.layers {
            for (place, &vertex) in layer.iter().enumerate() {
                places[vertex] = place;
            }
        }
        places
    }

    /// The least distance between two neighbours of a layer.
    pub(super) fn distance(&self, upper: usize, lower: usize) -> f64 {
        let (upper, lower) = (&self.vertices[upper], &self.vertices[lower]);
        let gap = match (upper.kind, lower.kind) {
            (Kind::Box, Kind::Box) => 28.0,
            (Kind::Box, _) | (_, Kind::Box) => 16.0,
            (Kind::Label, Kind::Label) => 6.0,
            (Kind::Label, Kind::Bend) | (Kind::Bend, Kind::Label) => 8.0,
            (Kind::Bend, Kind::Bend) => 10.0,
        };
        upper.below + gap + lower.above
    }
}

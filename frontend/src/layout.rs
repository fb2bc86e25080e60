//! Layout of the service graph: layered from left to right, callers left of what they call.
//!
//! The layout is a pure function of a [`LayoutRequest`] and, for a live map, of the [`Layout`] before it.
//! It works in the phases of Sugiyama's method, one module each:
//!
//! | phase | module | time |
//! |---|---|---|
//! | split into connected parts, pack their drawings | [`part`], [`pack`] | `n log n` |
//! | turn edges around until no cycle is left | [`acyclic`] | `n + m`, `s²` in a cycle of `s` nodes |
//! | give each node a layer, with short edges | [`layers`], [`simplex`] | bounded work |
//! | cut long edges at each layer they pass | [`proper`] | `d` |
//! | order each layer with few crossings | [`order`], [`crossings`] | bounded sweeps of `d log d` |
//! | y coordinates, with straight edges | [`place`], [`ports`], [`simplex`] | bounded work |
//! | x coordinates and paths | [`route`], [`path`] | `d` |
//!
//! Here `n` is the number of nodes, `m` of edges and `d` of pieces that the edges are cut into, at most
//! twice the edges times the layers. Bounds count work, not time, so that a layout is the same everywhere.
//!
//! Layers alternate: the even ones hold boxes, the odd ones the labels of the edges between them. A label is
//! therefore a thing that is ordered and placed like a box, and needs no search for a free spot afterwards.
//! An edge slopes only in the gutters between two layers, where there are neither boxes nor labels.

use std::collections::{BTreeMap, BTreeSet};

mod acyclic;
mod crossings;
mod layers;
mod order;
mod pack;
mod part;
mod path;
mod place;
mod ports;
mod proper;
mod route;
mod simplex;
#[cfg(test)]
mod tests;

/// What is to be laid out. Two equal requests have the same layout, given the same previous one; the order
/// of nodes and edges does not matter.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LayoutRequest {
    /// The boxes. Of two with the same id the first counts.
    pub nodes: Vec<LayoutNode>,
    /// The arrows. Of two with the same id the first counts; one that names an unknown node is ignored.
    pub edges: Vec<LayoutEdge>,
}

/// One box. Sizes are in the units of the drawing, usually CSS pixels.
#[derive(Clone, Debug, PartialEq)]
pub struct LayoutNode {
    /// Unique name.
    pub id: String,
    /// Full width.
    pub width: f64,
    /// Full height.
    pub height: f64,
    /// Whether the box stands in the first layer, as sources such as clients do. One that is called by
    /// another such box stands to the right of it all the same.
    pub first: bool,
}

/// One arrow from the right side of its source to the left side of its target.
#[derive(Clone, Debug, PartialEq)]
pub struct LayoutEdge {
    /// Unique name.
    pub id: String,
    /// Id of the node where it starts.
    pub source: String,
    /// Id of the node where it ends; the same as `source` for a loop.
    pub target: String,
    /// Width that is kept free for the label; 0 for none.
    pub label_width: f64,
    /// Height that is kept free for the label; 0 for none.
    pub label_height: f64,
}

/// A place in the drawing; y grows downwards.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Point {
    /// Distance from the left edge of the drawing.
    pub x: f64,
    /// Distance from the upper edge of the drawing.
    pub y: f64,
}

/// The way of one edge.
#[derive(Clone, Debug, PartialEq)]
pub struct EdgePath {
    /// From the border of the source to the border of the target. Straight lines between the points, and the
    /// curve of [`EdgePath::svg_path`], stay clear of all boxes.
    pub points: Vec<Point>,
    /// Centre of the label.
    pub label: Point,
}

/// Where everything stands. All coordinates lie between 0 and `width` or `height`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layout {
    /// Width of the drawing with its margin.
    pub width: f64,
    /// Height of the drawing with its margin.
    pub height: f64,
    /// Centre of each node's box, by node id.
    pub nodes: BTreeMap<String, Point>,
    /// Way of each edge, by edge id.
    pub edges: BTreeMap<String, EdgePath>,
    memory: Memory,
}

/// What the next layout needs to know to keep the picture.
#[derive(Clone, Debug, Default, PartialEq)]
struct Memory {
    /// The request as it was laid out, see [`normalised`].
    request: LayoutRequest,
    /// The place of each node in the structure.
    seats: BTreeMap<String, Seat>,
    /// The cut points of each edge.
    tracks: BTreeMap<String, Track>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Seat {
    /// Counted within the node's part.
    layer: usize,
    /// Whether the node was there when its part was last laid out afresh.
    settled: bool,
}

/// The y coordinates of one edge on consecutive layers.
#[derive(Clone, Debug, PartialEq)]
struct Track {
    first_layer: usize,
    ys: Vec<f64>,
}

/// Lays out a graph. With the previous layout of a changing graph, what is still there keeps its order and,
/// where the change leaves room, its place; an unchanged request gives the previous layout again. A part of the
/// graph is laid out afresh when more than a third of its nodes came since the last time, or when keeping the
/// order would cost many crossings.
pub fn layout(request: &LayoutRequest, previous: Option<&Layout>) -> Layout {
    let request = normalised(request, previous);
    if let Some(previous) = previous
        && previous.memory.request == request
    {
        return previous.clone();
    }
    let parts = part::split(&request, previous);
    let drawings = parts.iter().map(part::Part::draw).collect();
    pack::pack(request, &parts, drawings)
}

/// The request with everything dropped that cannot be drawn, sorted by id, with label sizes in coarse steps.
fn normalised(request: &LayoutRequest, previous: Option<&Layout>) -> LayoutRequest {
    let nodes: BTreeMap<&str, &LayoutNode> =
        request.nodes.iter().rev().map(|node| (node.id.as_str(), node)).collect();
    let known: BTreeSet<&str> = nodes.keys().copied().collect();
    let edges: BTreeMap<&str, &LayoutEdge> = request
        .edges
        .iter()
        .rev()
        .filter(|edge| known.contains(edge.source.as_str()) && known.contains(edge.target.as_str()))
        .map(|edge| (edge.id.as_str(), edge))
        .collect();
    let before: BTreeMap<&str, &LayoutEdge> = previous
        .iter()
        .flat_map(|previous| &previous.memory.request.edges)
        .map(|edge| (edge.id.as_str(), edge))
        .collect();
    let nodes = nodes
        .into_values()
        .map(|node| LayoutNode { width: sane(node.width), height: sane(node.height), ..node.clone() })
        .collect();
    let edges = edges
        .into_values()
        .map(|edge| {
            let before = before.get(edge.id.as_str());
            let width = step(edge.label_width, 16.0, before.map(|edge| edge.label_width));
            let height = step(edge.label_height, 4.0, before.map(|edge| edge.label_height));
            let labelled = width > 0.0 && height > 0.0;
            LayoutEdge {
                label_width: if labelled { width } else { 0.0 },
                label_height: if labelled { height } else { 0.0 },
                ..edge.clone()
            }
        })
        .collect();
    LayoutRequest { nodes, edges }
}

/// Largest size of a box or a label; larger ones are drawn as if they had this size.
const MAX_SIZE: f64 = 10_000.0;

/// A size that can be computed with.
fn sane(size: f64) -> f64 {
    if size.is_finite() { size.clamp(0.0, MAX_SIZE) } else { 0.0 }
}

/// The size rounded up to a step. The size before is kept while it is large enough and not far too large, so
/// that a number which goes from "999/s" to "1.0k/s" and back moves nothing.
fn step(size: f64, step: f64, before: Option<f64>) -> f64 {
    let size = sane(size);
    match before {
        Some(before) if size > 0.0 && size <= before && before - size < 3.0 * step => before,
        _ => (size / step).ceil() * step,
    }
}

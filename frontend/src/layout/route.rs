//! Gives layers their x coordinates and draws the edges.

use super::acyclic::Directed;
use super::part::{Drawing, Node, Part};
use super::place::Placed;
use super::proper::{Chain, LOOP_RISE, Proper};
use super::{EdgePath, Point, Seat, Track};

/// Width of the gutter between two layers: at least, for each unit that its steepest edge climbs, at most.
const GUTTER: f64 = 16.0;
const GUTTER_SLOPE: f64 = 0.12;
const GUTTER_MOST: f64 = 96.0;

/// An edge runs level for this long beside the boxes, so that its arrowhead lies flat.
const LEAD: f64 = 10.0;

/// Heights that differ by less are the same.
const LEVEL: f64 = 1e-6;

/// Gutters grow in steps, so that a small move of one box does not move the layers right of it.
const GUTTER_STEP: f64 = 8.0;

/// The x range that the vertices of a layer take, where edges run level.
#[derive(Clone, Copy)]
struct Column {
    left: f64,
    right: f64,
}

impl Column {
    fn middle(self) -> f64 {
        f64::midpoint(self.left, self.right)
    }
}

/// Draws a placed graph.
pub(super) fn route(part: &Part, edges: &[Directed], proper: &Proper, placed: &Placed) -> Drawing {
    let columns = columns(proper, placed);
    let extent = |bound: fn(f64, f64) -> f64, side: fn(&super::proper::Vertex) -> f64, from: f64| {
        let ys = proper.vertices.iter().zip(&placed.ys).map(|(vertex, y)| y + side(vertex));
        ys.fold(from, bound)
    };
    let top = extent(f64::min, |vertex| -vertex.above, f64::INFINITY);
    let bottom = extent(f64::max, |vertex| vertex.below, f64::NEG_INFINITY);

    let mut drawing = Drawing {
        width: columns.last().map_or(0.0, |column| column.right - LEAD),
        height: bottom - top,
        nodes: Vec::with_capacity(part.nodes.len()),
        paths: Vec::with_capacity(part.edges.len()),
        tracks: Vec::with_capacity(part.edges.len()),
    };
    for (v, node) in part.nodes.iter().enumerate() {
        let layer = proper.vertices[v].layer;
        let centre = Point { x: columns[layer].middle(), y: placed.ys[v] - top };
        drawing.nodes.push((centre, Seat { layer: layer / 2, settled: true }));
        drawing.paths.extend(loops(node, centre));
    }
    for (at, (edge, chain)) in part.edges.iter().zip(&proper.chains).enumerate() {
        let ys = chain_ys(chain, placed, at, top);
        let mut points = points(part, proper, &columns, chain, &ys);
        if edges[at].turned {
            points.reverse();
        }
        let label = chain.label();
        let label = Point { x: columns[proper.vertices[label].layer].middle(), y: placed.ys[label] - top };
        drawing.paths.push((edge.index, EdgePath { points, label }));
        let first_layer = proper.vertices[chain.inner()[0]].layer;
        drawing.tracks.push((edge.index, Track { first_layer, ys: ys[1..ys.len() - 1].to_vec() }));
    }
    drawing
}

/// The y coordinates of an edge at its vertices, ports taken into account.
fn chain_ys(chain: &Chain, placed: &Placed, edge: usize, top: f64) -> Vec<f64> {
    let mut ys: Vec<f64> = chain.vertices.iter().map(|&v| placed.ys[v] - top).collect();
    let last = ys.len() - 1;
    ys[0] += placed.ports[edge].left_box;
    ys[last] += placed.ports[edge].right_box;
    ys
}

fn columns(proper: &Proper, placed: &Placed) -> Vec<Column> {
    let mut climbs = vec![0.0_f64; proper.layers.len()];
    for (at, chain) in proper.chains.iter().enumerate() {
        let ys = chain_ys(chain, placed, at, 0.0);
        for (pair, &v) in ys.windows(2).zip(&chain.vertices) {
            let climb = &mut climbs[proper.vertices[v].layer];
            *climb = climb.max((pair[0] - pair[1]).abs());
        }
    }
    // The first column's lead lies outside the drawing.
    let mut x = -LEAD;
    let mut columns = Vec::with_capacity(proper.layers.len());
    for (at, (layer, climb)) in proper.layers.iter().zip(climbs).enumerate() {
        let widest = layer.iter().map(|&v| proper.vertices[v].width).fold(0.0, f64::max);
        let holds_boxes = at % 2 == 0;
        let width = if holds_boxes { widest + 2.0 * LEAD } else { widest };
        columns.push(Column { left: x, right: x + width });
        let gutter = (GUTTER + GUTTER_SLOPE * climb).min(GUTTER_MOST);
        x += width + (gutter / GUTTER_STEP).round() * GUTTER_STEP;
    }
    columns
}

/// The way of an edge from left to right: level across each column, sloping between them.
fn points(part: &Part, proper: &Proper, columns: &[Column], chain: &Chain, ys: &[f64]) -> Vec<Point> {
    let mut points: Vec<Point> = Vec::new();
    let mut add = |x: f64, y: f64| {
        let point = Point { x, y };
        if points.last() == Some(&point) {
            return;
        }
        // Of three points on a level line the middle one says nothing.
        if let [.., a, b] = points[..]
            && (a.y - y).abs() < LEVEL
            && (b.y - y).abs() < LEVEL
        {
            points.pop();
        }
        points.push(point);
    };
    let (left, right) = chain.boxes();
    for (&v, &y) in chain.vertices.iter().zip(ys) {
        let column = columns[proper.vertices[v].layer];
        let half = |v: usize| part.nodes[v].width / 2.0;
        add(if v == left { column.middle() + half(v) } else { column.left }, y);
        add(if v == right { column.middle() - half(v) } else { column.right }, y);
    }
    points
}

/// The loops of a node: arches on its upper side, each above the one before, with their labels on top.
fn loops(node: &Node, centre: Point) -> Vec<(usize, EdgePath)> {
    let foot = centre.y - node.height / 2.0;
    let mut top = foot;
    let mut draw = |(at, own): (usize, &super::part::Loop)| {
        let y = top - LOOP_RISE - own.label.height / 2.0;
        top -= LOOP_RISE + own.label.height;
        let room = (node.width / 2.0 - 8.0).max(node.width / 4.0);
        let reach = (own.label.width / 2.0 + 10.0 + 12.0 * at as f64).min(room);
        let (left, right) = (centre.x - reach, centre.x + reach);
        let points = [(right, foot), (right, y), (left, y), (left, foot)];
        let points = points.map(|(x, y)| Point { x, y }).to_vec();
        (own.index, EdgePath { points, label: Point { x: centre.x, y } })
    };
    node.loops.iter().enumerate().map(&mut draw).collect()
}

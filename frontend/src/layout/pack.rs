//! Puts the drawings of the parts onto one sheet: in rows, those with edges first.

use super::part::{Drawing, Part};
use super::{Layout, LayoutRequest, Memory, Point, Track};

/// Free space around the whole, and between two parts.
const MARGIN: f64 = 24.0;
const GAP: f64 = 40.0;

/// Width of a sheet in heights of a sheet, for parts that do not fill it.
const ASPECT: f64 = 1.8;

/// Packs the drawings, which run parallel to the parts, and puts the names back.
pub(super) fn pack(request: LayoutRequest, parts: &[Part], drawings: Vec<Drawing>) -> Layout {
    let mut order: Vec<usize> = (0..parts.len()).collect();
    order.sort_by(|&a, &b| {
        // First parts with edges, then what was there before, in its order, then the largest.
        let key = |at: usize| {
            let part = &parts[at];
            let before = part.nodes.iter().filter_map(|node| node.before);
            let top = before.clone().map(|before| before.at.y).fold(f64::INFINITY, f64::min);
            let left = before.map(|before| before.at.x).fold(f64::INFINITY, f64::min);
            (part.edges.is_empty(), top, left, usize::MAX - part.nodes.len())
        };
        let (a_key, b_key) = (key(a), key(b));
        let by_place = a_key.1.total_cmp(&b_key.1).then(a_key.2.total_cmp(&b_key.2));
        a_key.0.cmp(&b_key.0).then(by_place).then(a_key.3.cmp(&b_key.3)).then(a.cmp(&b))
    });
    let corners = corners(&order, &drawings);

    let mut layout = Layout { memory: Memory { request, ..Memory::default() }, ..Layout::default() };
    for ((part, drawing), corner) in parts.iter().zip(drawings).zip(corners) {
        layout.width = layout.width.max(corner.x + drawing.width);
        layout.height = layout.height.max(corner.y + drawing.height);
        layout.take(part, drawing, corner);
    }
    if !parts.is_empty() {
        layout.width += MARGIN;
        layout.height += MARGIN;
    }
    layout
}

/// The upper left corner of each drawing.
fn corners(order: &[usize], drawings: &[Drawing]) -> Vec<Point> {
    let area: f64 = drawings.iter().map(|drawing| (drawing.width + GAP) * (drawing.height + GAP)).sum();
    let widest = drawings.iter().map(|drawing| drawing.width).fold(0.0, f64::max);
    let limit = MARGIN + widest.max((area * ASPECT).sqrt());
    let mut corners = vec![Point::default(); drawings.len()];
    let mut at = Point { x: MARGIN, y: MARGIN };
    let mut row_height = 0.0_f64;
    for &index in order {
        let drawing = &drawings[index];
        if at.x > MARGIN && at.x + drawing.width > limit {
            at = Point { x: MARGIN, y: at.y + row_height + GAP };
            row_height = 0.0;
        }
        corners[index] = at;
        at.x += drawing.width + GAP;
        row_height = row_height.max(drawing.height);
    }
    corners
}

impl Layout {
    fn take(&mut self, part: &Part, drawing: Drawing, corner: Point) {
        let shifted = |point: &mut Point| {
            point.x += corner.x;
            point.y += corner.y;
        };
        for (node, (mut centre, seat)) in part.nodes.iter().zip(drawing.nodes) {
            let id = &self.memory.request.nodes[node.index].id;
            shifted(&mut centre);
            self.nodes.insert(id.clone(), centre);
            self.memory.seats.insert(id.clone(), seat);
        }
        for (index, mut path) in drawing.paths {
            path.points.iter_mut().for_each(shifted);
            shifted(&mut path.label);
            self.edges.insert(self.memory.request.edges[index].id.clone(), path);
        }
        for (index, Track { first_layer, mut ys }) in drawing.tracks {
            for y in &mut ys {
                *y += corner.y;
            }
            let id = self.memory.request.edges[index].id.clone();
            self.memory.tracks.insert(id, Track { first_layer, ys });
        }
    }
}

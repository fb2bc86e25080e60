//! Where boxes and lines stand, in a wide window from left to right, in a tall one from top to bottom.

use std::fmt::Write;

use crate::layout::{Layout, LayoutRequest, Point, layout};

/// The way from callers to callees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Flow {
    /// Callees stand right of their callers.
    #[default]
    Right,
    /// Callees stand below their callers.
    Down,
}

impl Flow {
    /// The flow that uses a window best.
    pub(crate) fn of_window((width, height): (f64, f64)) -> Self {
        if height > 1.1 * width { Self::Down } else { Self::Right }
    }
}

/// The way of a line.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Line {
    /// The `d` of an SVG path.
    pub(crate) path: String,
    /// Centre of the label.
    pub(crate) label: Point,
}

/// A layout as it is drawn. The layout itself always flows to the right; to flow down it is laid out with width and
/// height exchanged and drawn mirrored at its diagonal.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Placement {
    flow: Flow,
    layout: Layout,
}

impl Placement {
    /// Lays out what is asked for. What was drawn before keeps its place as far as it can.
    pub(crate) fn of(request: &LayoutRequest, flow: Flow, previous: Option<&Self>) -> Self {
        let previous = previous.filter(|previous| previous.flow == flow).map(|previous| &previous.layout);
        let layout = match flow {
            Flow::Right => layout(request, previous),
            Flow::Down => layout(&turned(request), previous),
        };
        Self { flow, layout }
    }

    /// The flow of the drawing.
    pub(crate) fn flow(&self) -> Flow {
        self.flow
    }

    /// Width and height of the drawing.
    pub(crate) fn size(&self) -> (f64, f64) {
        let Point { x, y } = self.drawn(Point { x: self.layout.width, y: self.layout.height });
        (x, y)
    }

    /// The centre of a node's box.
    pub(crate) fn node(&self, id: &str) -> Option<Point> {
        self.layout.nodes.get(id).map(|at| self.drawn(*at))
    }

    /// Ids and centres of all boxes.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = (&str, Point)> {
        self.layout.nodes.iter().map(|(id, at)| (id.as_str(), self.drawn(*at)))
    }

    /// The way of an edge.
    pub(crate) fn edge(&self, id: &str) -> Option<Line> {
        let edge = self.layout.edges.get(id)?;
        let path = edge.svg_path();
        let path = if self.flow == Flow::Down { mirrored(&path) } else { path };
        Some(Line { path, label: self.drawn(edge.label) })
    }

    fn drawn(&self, at: Point) -> Point {
        match self.flow {
            Flow::Right => at,
            Flow::Down => Point { x: at.y, y: at.x },
        }
    }
}

fn turned(request: &LayoutRequest) -> LayoutRequest {
    let mut turned = request.clone();
    for node in &mut turned.nodes {
        (node.width, node.height) = (node.height, node.width);
    }
    for edge in &mut turned.edges {
        (edge.label_width, edge.label_height) = (edge.label_height, edge.label_width);
    }
    turned
}

/// A path with x and y exchanged. Paths of the layout name every point as `x y` and in absolute numbers.
fn mirrored(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    for command in path.split_inclusive(|letter: char| letter.is_ascii_alphabetic()) {
        // A piece is the numbers of one command and the letter of the next.
        let letter = command.chars().next_back().filter(char::is_ascii_alphabetic);
        let numbers: Vec<&str> =
            command.trim_end_matches(|end: char| end.is_ascii_alphabetic()).split(' ').collect();
        for (at, point) in numbers.chunks_exact(2).enumerate() {
            let gap = if at > 0 { " " } else { "" };
            // Writing to a string cannot fail.
            let _ = write!(text, "{gap}{} {}", point[1], point[0]);
        }
        text.extend(letter);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::{LayoutEdge, LayoutNode};

    fn chain() -> LayoutRequest {
        let node = |id: &str| LayoutNode { id: id.to_owned(), width: 160.0, height: 80.0, first: false };
        let edge = |source: &str, target: &str| LayoutEdge {
            id: format!("{source}→{target}"),
            source: source.to_owned(),
            target: target.to_owned(),
            label_width: 60.0,
            label_height: 40.0,
        };
        LayoutRequest {
            nodes: vec![node("a"), node("b"), node("c")],
            edges: vec![edge("a", "b"), edge("a", "c")],
        }
    }

    #[test]
    fn callees_stand_right_of_or_below_their_caller() {
        let right = Placement::of(&chain(), Flow::Right, None);
        let down = Placement::of(&chain(), Flow::Down, None);
        let (a, b) = (right.node("a").unwrap(), right.node("b").unwrap());
        assert!(b.x - a.x >= 160.0);
        let (a, b, c) = (down.node("a").unwrap(), down.node("b").unwrap(), down.node("c").unwrap());
        assert!(b.y - a.y >= 80.0, "below");
        assert!((b.x - c.x).abs() >= 160.0, "boxes beside each other do not overlap");
        assert!(down.size().0 > 320.0 && down.size().1 < right.size().0);
    }

    #[test]
    fn a_line_ends_at_its_boxes_in_both_flows() {
        for flow in [Flow::Right, Flow::Down] {
            let placement = Placement::of(&chain(), flow, None);
            let (a, line) = (placement.node("a").unwrap(), placement.edge("a→b").unwrap());
            let start: Vec<f64> = line.path[1..]
                .split(['L', 'C', 'Q'])
                .next()
                .unwrap()
                .split(' ')
                .map(|n| n.parse().unwrap())
                .collect();
            let border = if flow == Flow::Right { a.x + 80.0 - start[0] } else { a.y + 40.0 - start[1] };
            assert!(border.abs() < 0.1, "{flow:?} {}", line.path);
        }
    }

    #[test]
    fn a_path_is_mirrored_point_by_point() {
        assert_eq!(mirrored("M1 2L3 4C5 6 7 8 9 10"), "M2 1L4 3C6 5 8 7 10 9");
        assert_eq!(mirrored(""), "");
    }

    #[test]
    fn a_tall_window_flows_down() {
        assert_eq!(Flow::of_window((390.0, 700.0)), Flow::Down);
        assert_eq!(Flow::of_window((1400.0, 800.0)), Flow::Right);
        assert_eq!(Flow::of_window((700.0, 700.0)), Flow::Right);
    }
}

//! What holds for every graph.

use proptest::prelude::*;

use super::super::{EdgePath, Point};
use super::*;

/// Slack for sums of floats.
const NEARLY: f64 = 1e-6;

#[derive(Clone, Copy, Debug)]
struct Rect {
    left: f64,
    top: f64,
    right: f64,
    bottom: f64,
}

impl Rect {
    fn around(centre: Point, width: f64, height: f64) -> Self {
        Self {
            left: centre.x - width / 2.0,
            top: centre.y - height / 2.0,
            right: centre.x + width / 2.0,
            bottom: centre.y + height / 2.0,
        }
    }

    fn between(a: Point, b: Point) -> Self {
        Self { left: a.x.min(b.x), top: a.y.min(b.y), right: a.x.max(b.x), bottom: a.y.max(b.y) }
    }

    fn overlaps(self, other: Self) -> bool {
        let across = self.left < other.right - NEARLY && other.left < self.right - NEARLY;
        across && self.top < other.bottom - NEARLY && other.top < self.bottom - NEARLY
    }

    fn has_on_border(self, point: Point) -> bool {
        let within = |value: f64, low: f64, high: f64| value > low - NEARLY && value < high + NEARLY;
        let on_side = (point.x - self.left).abs() < NEARLY || (point.x - self.right).abs() < NEARLY;
        let on_edge = (point.y - self.top).abs() < NEARLY || (point.y - self.bottom).abs() < NEARLY;
        within(point.x, self.left, self.right)
            && within(point.y, self.top, self.bottom)
            && (on_side || on_edge)
    }
}

fn any_request() -> impl Strategy<Value = LayoutRequest> {
    let any_node = (prop_oneof![Just(168.0), 40.0..260.0], prop_oneof![Just(52.0), 24.0..120.0], 0..6);
    let any_label = (prop_oneof![Just(0.0), 20.0..140.0], prop_oneof![Just(18.0), 8.0..40.0]);
    prop::collection::vec(any_node, 1..16)
        .prop_flat_map(move |nodes| {
            let ends = 0..nodes.len() + 1;
            let edges = prop::collection::vec((ends.clone(), ends, any_label.clone()), 0..32);
            (Just(nodes), edges)
        })
        .prop_map(|(nodes, edges)| LayoutRequest {
            nodes: nodes
                .into_iter()
                .enumerate()
                .map(|(at, (width, height, first))| LayoutNode {
                    id: name(at),
                    width,
                    height,
                    first: first == 0,
                })
                .collect(),
            edges: edges
                .into_iter()
                .enumerate()
                .map(|(at, (source, target, (label_width, label_height)))| LayoutEdge {
                    label_width,
                    label_height,
                    ..edge(&format!("e{at}"), &name(source), &name(target))
                })
                .collect(),
        })
}

fn name(at: usize) -> String {
    format!("n{at}")
}

/// Whether calls lead from one node to the other.
fn leads_to(request: &LayoutRequest, from: &str, to: &str) -> bool {
    let mut reached = vec![from];
    let mut seen = 0;
    while seen < reached.len() {
        let at = reached[seen];
        seen += 1;
        for edge in request.edges.iter().filter(|edge| edge.source == at) {
            if !reached.contains(&edge.target.as_str()) {
                reached.push(&edge.target);
            }
        }
    }
    reached.contains(&to)
}

/// Everything that holds for a layout of the request.
pub(super) fn check(request: &LayoutRequest, drawn: &Layout) {
    let known = |id: &str| request.nodes.iter().any(|node| node.id == id);
    let edges: Vec<&LayoutEdge> =
        request.edges.iter().filter(|edge| known(&edge.source) && known(&edge.target)).collect();
    assert_eq!(drawn.nodes.len(), request.nodes.len());
    assert_eq!(drawn.edges.len(), edges.len());

    let sheet = Rect { left: 0.0, top: 0.0, right: drawn.width, bottom: drawn.height };
    let boxes: Vec<(&str, Rect)> = request
        .nodes
        .iter()
        .map(|node| (node.id.as_str(), Rect::around(drawn.nodes[&node.id], node.width, node.height)))
        .collect();
    let labels: Vec<(&str, Rect)> = edges
        .iter()
        .filter(|edge| edge.label_width > 0.0)
        .map(|edge| {
            let label = drawn.edges[&edge.id].label;
            (edge.id.as_str(), Rect::around(label, edge.label_width, edge.label_height))
        })
        .collect();
    let things: Vec<_> = boxes.iter().chain(&labels).collect();
    for (at, (id, thing)) in things.iter().enumerate() {
        assert!(lies_within(*thing, sheet), "{id} at {thing:?} is not on the sheet {sheet:?}");
        for (other_id, other) in &things[at + 1..] {
            assert!(!thing.overlaps(*other), "{id} at {thing:?} overlaps {other_id} at {other:?}");
        }
    }
    for edge in edges {
        check_edge(request, edge, &drawn.edges[&edge.id], &boxes);
        if edge.source != edge.target {
            let others = labels.iter().filter(|(id, _)| *id != edge.id);
            check_clear(&edge.id, &drawn.edges[&edge.id], others);
        }
    }
}

/// The curve stays in the rectangle of each two points, so that must be free of things.
fn check_clear<'a>(id: &str, path: &EdgePath, things: impl Iterator<Item = &'a (&'a str, Rect)>) {
    let things: Vec<_> = things.collect();
    for pair in path.points.windows(2) {
        let piece = Rect::between(pair[0], pair[1]);
        for (other_id, other) in &things {
            assert!(!piece.overlaps(*other), "{id} passes {other_id} at {other:?}: {path:?}");
        }
    }
}

fn lies_within(inner: Rect, outer: Rect) -> bool {
    // Written so that it is false for what is not a number.
    inner.left >= outer.left
        && inner.top >= outer.top
        && inner.right <= outer.right
        && inner.bottom <= outer.bottom
}

fn check_edge(request: &LayoutRequest, edge: &LayoutEdge, path: &EdgePath, boxes: &[(&str, Rect)]) {
    let rect = |id: &str| boxes.iter().find(|(other, _)| *other == id).unwrap().1;
    let (source, target) = (rect(&edge.source), rect(&edge.target));
    assert!(source.has_on_border(path.points[0]), "{} starts in {source:?}: {path:?}", edge.id);
    assert!(target.has_on_border(*path.points.last().unwrap()), "{} ends in {target:?}: {path:?}", edge.id);
    check_clear(&edge.id, path, boxes.iter());
    let into_first = request.nodes.iter().any(|node| node.id == edge.target && node.first);
    if !into_first && !leads_to(request, &edge.target, &edge.source) {
        assert!(source.right < target.left, "{} runs backwards", edge.id);
    }
}

proptest! {
    #[test]
    fn layouts_are_sound(request in any_request()) {
        let drawn = layout(&request, None);
        check(&request, &drawn);
        prop_assert_eq!(&layout(&request, None), &drawn);
        prop_assert_eq!(&layout(&request, Some(&drawn)), &drawn);
    }

    #[test]
    fn layouts_after_another_are_sound(before in any_request(), request in any_request()) {
        let drawn = layout(&request, Some(&layout(&before, None)));
        check(&request, &drawn);
        prop_assert_eq!(&layout(&request, Some(&drawn)), &drawn);
    }

    #[test]
    fn the_order_of_the_request_does_not_matter(request in any_request()) {
        let mut turned = request.clone();
        turned.nodes.reverse();
        turned.edges.reverse();
        prop_assert_eq!(layout(&turned, None), layout(&request, None));
    }

    #[test]
    fn curves_stay_between_their_points(request in any_request()) {
        for path in layout(&request, None).edges.values() {
            let top = path.points.iter().map(|point| point.y).fold(f64::INFINITY, f64::min);
            let bottom = path.points.iter().map(|point| point.y).fold(f64::NEG_INFINITY, f64::max);
            let svg = path.svg_path();
            let numbers: Vec<f64> = svg
                .split(|c: char| c.is_ascii_alphabetic() || c == ' ')
                .filter(|part| !part.is_empty())
                .map(|part| part.parse().unwrap())
                .collect();
            prop_assert!(numbers.len() >= 4 && numbers.len().is_multiple_of(2));
            for y in numbers.iter().skip(1).step_by(2) {
                prop_assert!((top - 0.1..=bottom + 0.1).contains(y), "{} leaves {}..{}", svg, top, bottom);
            }
        }
    }
}

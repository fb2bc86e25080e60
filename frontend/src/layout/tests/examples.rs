//! Small graphs whose picture is known.

use super::invariants::check;
use super::*;

#[test]
fn nothing_has_no_size() {
    assert_eq!(layout(&LayoutRequest::default(), None), Layout::default());
}

#[test]
fn a_chain_is_a_straight_line() {
    let request = graph(&[("a", "b"), ("b", "c"), ("c", "d"), ("d", "e")]);
    let drawn = layout(&request, None);
    check(&request, &drawn);
    for pair in ["a", "b", "c", "d", "e"].windows(2) {
        assert!(x(&drawn, pair[0]) < x(&drawn, pair[1]));
        assert_eq!(y(&drawn, pair[0]), y(&drawn, pair[1]));
    }
    let path = drawn.edges["a>b"].svg_path();
    assert!(path.starts_with('M') && path.matches('L').count() == 1 && !path.contains('C'), "{path}");
}

#[test]
fn a_star_spreads_evenly_around_its_hub() {
    let leaves = ["a", "b", "c", "d", "e", "f", "g"];
    let request = graph(&leaves.map(|leaf| ("hub", leaf)));
    let drawn = layout(&request, None);
    check(&request, &drawn);
    assert!((y(&drawn, "hub") - drawn.height / 2.0).abs() <= HEIGHT, "the hub is not in the middle");
    for pair in leaves.windows(2) {
        assert_eq!(y(&drawn, pair[1]) - y(&drawn, pair[0]), y(&drawn, "b") - y(&drawn, "a"));
    }
    let mut starts: Vec<f64> = drawn.edges.values().map(|path| path.points[0].y).collect();
    starts.sort_by(f64::total_cmp);
    starts.dedup();
    assert_eq!(starts.len(), leaves.len(), "edges start at one point");
}

#[test]
fn leaves_stand_next_to_their_callers() {
    let request = graph(&[("a", "b"), ("b", "c"), ("c", "d"), ("a", "leaf")]);
    let drawn = layout(&request, None);
    assert_eq!(x(&drawn, "leaf"), x(&drawn, "b"));
}

#[test]
fn a_source_stands_next_to_what_it_calls_unless_it_is_a_client() {
    let drawn = layout(&graph(&[("a", "b"), ("b", "c"), ("c", "d"), ("cron", "d"), ("client", "d")]), None);
    assert_eq!(x(&drawn, "cron"), x(&drawn, "c"));
    assert_eq!(x(&drawn, "client"), x(&drawn, "a"));
}

#[test]
fn a_long_edge_runs_straight_past_the_boxes_between() {
    let request = graph(&[("a", "b"), ("b", "c"), ("c", "d"), ("a", "d")]);
    let drawn = layout(&request, None);
    check(&request, &drawn);
    let path = &drawn.edges["a>d"];
    let run = path.points.iter().filter(|point| point.y == path.label.y).count();
    assert!(run >= 2, "{path:?}");
}

#[test]
fn a_call_back_enters_from_the_right() {
    let request = graph(&[("client", "a"), ("a", "b"), ("b", "c"), ("c", "a")]);
    let drawn = layout(&request, None);
    check(&request, &drawn);
    let back = &drawn.edges["c>a"];
    let (start, end) = (back.points[0], back.points[back.points.len() - 1]);
    assert_eq!(start.x, x(&drawn, "c") - WIDTH / 2.0);
    assert_eq!(end.x, x(&drawn, "a") + WIDTH / 2.0);
    let forth = &drawn.edges["a>b"];
    assert_ne!(forth.points[0].y, end.y, "the way back has its own port");
}

#[test]
fn two_that_call_each_other_have_two_lines() {
    let request = graph(&[("client", "a"), ("a", "b"), ("b", "a")]);
    let drawn = layout(&request, None);
    check(&request, &drawn);
    assert!(x(&drawn, "a") < x(&drawn, "b"));
    assert_ne!(drawn.edges["a>b"].label.y, drawn.edges["b>a"].label.y);
}

#[test]
fn parallel_edges_have_labels_and_ends_of_their_own() {
    let request = graph(&[("a", "b"), ("a", "b"), ("a", "b")]);
    let drawn = layout(&request, None);
    check(&request, &drawn);
    let ends: Vec<f64> = ["a>b", "a>b#2", "a>b#3"].map(|id| drawn.edges[id].points[0].y).to_vec();
    assert!(ends[0] < ends[1] && ends[1] < ends[2], "{ends:?}");
    assert_eq!(y(&drawn, "a"), y(&drawn, "b"));
}

#[test]
fn loops_stand_above_each_other_on_their_box() {
    let request = graph(&[("a", "b"), ("b", "b"), ("b", "b"), ("a", "c")]);
    let drawn = layout(&request, None);
    check(&request, &drawn);
    let (lower, upper) = (&drawn.edges["b>b"], &drawn.edges["b>b#2"]);
    assert!(upper.label.y < lower.label.y && lower.label.y < y(&drawn, "b") - HEIGHT / 2.0);
    assert!(lower.svg_path().contains('Q'));
}

#[test]
fn parts_are_packed_apart_and_lonely_boxes_come_last() {
    let mut request = graph(&[("c", "d"), ("d", "e"), ("e", "f"), ("x", "y")]);
    request.nodes.push(node("a lonely one"));
    let drawn = layout(&request, None);
    check(&request, &drawn);
    assert!(y(&drawn, "c") < y(&drawn, "x"));
    assert!(y(&drawn, "a lonely one") >= y(&drawn, "x"));
}

#[test]
fn clients_share_the_first_layer_and_nothing_runs_into_it() {
    let mut request = graph(&[("client", "a"), ("a", "b"), ("b", "client"), ("mobile", "b")]);
    request.nodes.iter_mut().find(|node| node.id == "mobile").unwrap().first = true;
    let drawn = layout(&request, None);
    check(&request, &drawn);
    assert_eq!(x(&drawn, "client"), x(&drawn, "mobile"));
    assert!(x(&drawn, "client") < x(&drawn, "a") && x(&drawn, "a") < x(&drawn, "b"));
}

#[test]
fn a_first_node_that_another_calls_stands_right_of_it() {
    let mut request = graph(&[("client", "app"), ("app", "api")]);
    request.nodes.iter_mut().find(|node| node.id == "app").unwrap().first = true;
    let drawn = layout(&request, None);
    check(&request, &drawn);
    assert!(x(&drawn, "client") < x(&drawn, "app"));
}

#[test]
fn bad_input_is_left_out_or_made_harmless() {
    let mut request = graph(&[("a", "b")]);
    request.edges.push(edge("to nowhere", "a", "nowhere"));
    request.nodes.push(LayoutNode { width: f64::NAN, height: f64::INFINITY, ..node("c") });
    request.nodes.push(LayoutNode { width: 1.0, ..node("a") });
    request.edges.push(LayoutEdge { label_width: f64::NAN, label_height: -3.0, ..edge("a>c", "a", "c") });
    let drawn = layout(&request, None);
    assert_eq!(drawn.nodes.len(), 3);
    assert!(!drawn.edges.contains_key("to nowhere"));
    let path = &drawn.edges["a>b"];
    assert_eq!(path.points[0].x, x(&drawn, "a") + WIDTH / 2.0);
    assert!(drawn.width.is_finite() && drawn.height.is_finite() && drawn.edges["a>c"].label.y.is_finite());
}

#[test]
fn large_and_dense_graphs_end() {
    // A fixed sequence of pairs without a pattern.
    let mut state = 1_u64;
    let mut next = |bound: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % bound
    };
    let names: Vec<String> = (0..300).map(|at| format!("s{at}")).collect();
    let mut request = LayoutRequest { nodes: names.iter().map(|id| node(id)).collect(), edges: Vec::new() };
    for at in 0..1_200 {
        let (source, target) = (next(300) as usize, next(300) as usize);
        request.edges.push(edge(&format!("e{at}"), &names[source], &names[target]));
    }
    let drawn = layout(&request, None);
    assert_eq!(drawn.edges.len(), 1_200);
    assert_eq!(layout(&request, None), drawn);
}

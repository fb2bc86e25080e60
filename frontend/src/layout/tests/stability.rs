//! What a live map needs: the picture stays while the graph changes.

use proptest::prelude::*;

use super::*;

/// Calls between `count` services, as pairs of numbers.
fn any_calls() -> impl Strategy<Value = Vec<(usize, usize)>> {
    (2..14_usize).prop_flat_map(|count| prop::collection::vec((0..count, 0..count), 1..28))
}

fn named(calls: &[(usize, usize)]) -> LayoutRequest {
    let names: Vec<(String, String)> =
        calls.iter().map(|(source, target)| (format!("s{source}"), format!("s{target}"))).collect();
    graph(&names.iter().map(|(source, target)| (source.as_str(), target.as_str())).collect::<Vec<_>>())
}

/// The ids of the nodes that hang together with the given one.
fn part_of(request: &LayoutRequest, id: &str) -> Vec<String> {
    let mut found = vec![id.to_owned()];
    let mut seen = 0;
    while seen < found.len() {
        for edge in &request.edges {
            for (from, to) in [(&edge.source, &edge.target), (&edge.target, &edge.source)] {
                if *from == found[seen] && !found.contains(to) {
                    found.push(to.clone());
                }
            }
        }
        seen += 1;
    }
    found
}

/// Nodes that share a layer before and after stand in the same order.
fn check_order(after_request: &LayoutRequest, before: &Layout, after: &Layout) {
    for node in &after_request.nodes {
        let part = part_of(after_request, &node.id);
        for other in part.iter().filter(|other| **other > node.id) {
            let same = |layout: &Layout| {
                let layer = |id: &String| Some(layout.memory.seats.get(id)?.layer);
                layer(&node.id).filter(|_| layer(&node.id) == layer(other))
            };
            if same(before).is_some() && same(before) == same(after) {
                let above = |layout: &Layout| y(layout, &node.id) < y(layout, other);
                assert_eq!(above(before), above(after), "{} and {other} changed places", node.id);
            }
        }
    }
}

/// The farthest that a node of both layouts moved.
fn farthest_move(before: &Layout, after: &Layout) -> f64 {
    let moves = before.nodes.iter().filter_map(|(id, from)| {
        let to = after.nodes.get(id)?;
        Some((from.x - to.x).hypot(from.y - to.y))
    });
    moves.fold(0.0, f64::max)
}

fn shop() -> LayoutRequest {
    graph(&[
        ("client", "gateway"),
        ("gateway", "frontend"),
        ("gateway", "orders"),
        ("frontend", "catalog"),
        ("frontend", "cart"),
        ("orders", "payments"),
        ("orders", "inventory"),
        ("catalog", "inventory"),
        ("cart", "redis"),
        ("payments", "bank"),
        ("inventory", "postgres"),
        ("orders", "postgres"),
        ("orders", "queue"),
        ("queue", "shipping"),
        ("shipping", "orders"),
    ])
}

proptest! {
    #[test]
    fn a_new_leaf_reorders_nothing(calls in any_calls(), caller in any::<prop::sample::Index>()) {
        let request = named(&calls);
        let before = layout(&request, None);
        let mut grown = request.clone();
        let caller = caller.get(&request.nodes).id.clone();
        grown.nodes.push(node("new"));
        grown.edges.push(edge("to new", &caller, "new"));
        let after = layout(&grown, Some(&before));
        invariants::check(&grown, &after);
        check_order(&grown, &before, &after);
    }

    #[test]
    fn a_lost_node_reorders_nothing(calls in any_calls(), lost in any::<prop::sample::Index>()) {
        let request = named(&calls);
        let before = layout(&request, None);
        let shrunk = without(&request, &lost.get(&request.nodes).id);
        let after = layout(&shrunk, Some(&before));
        invariants::check(&shrunk, &after);
        check_order(&shrunk, &before, &after);
    }

    #[test]
    fn growing_numbers_move_nothing(calls in any_calls(), width in 65.0..80.0_f64) {
        let request = named(&calls);
        let before = layout(&request, None);
        let mut wider = request.clone();
        for edge in &mut wider.edges {
            edge.label_width = width;
        }
        prop_assert_eq!(layout(&wider, Some(&before)), before);
    }
}

#[test]
fn a_new_leaf_moves_little() {
    let before = layout(&shop(), None);
    for caller in ["gateway", "frontend", "orders", "payments", "cart"] {
        let mut grown = shop();
        grown.nodes.push(node("new"));
        grown.edges.push(edge("to new", caller, "new"));
        let after = layout(&grown, Some(&before));
        let farthest = farthest_move(&before, &after);
        assert!(farthest <= 2.0 * HEIGHT, "a leaf of {caller} moved a node by {farthest}");
    }
}

#[test]
fn a_lost_leaf_leaves_its_place_free() {
    let star = graph(&["a", "b", "c", "d", "e", "f"].map(|leaf| ("hub", leaf)));
    let before = layout(&star, None);
    let after = layout(&without(&star, "c"), Some(&before));
    assert_eq!(farthest_move(&before, &after), 0.0);
    let shop_before = layout(&shop(), None);
    let shop_after = layout(&without(&shop(), "bank"), Some(&shop_before));
    assert!(farthest_move(&shop_before, &shop_after) <= HEIGHT);
}

#[test]
fn a_long_label_moves_only_the_layers_right_of_it() {
    let before = layout(&shop(), None);
    let mut request = shop();
    request.edges.iter_mut().find(|edge| edge.id == "frontend>cart").unwrap().label_width = 150.0;
    let after = layout(&request, Some(&before));
    for (id, from) in &before.nodes {
        let to = after.nodes[id];
        assert!((from.y - to.y).abs() < 1e-6, "{id} moved up or down");
        let may_move = from.x > before.edges["frontend>cart"].label.x;
        assert!(may_move || (from.x - to.x).abs() < 1e-6, "{id} moved sideways");
    }
}

#[test]
fn a_label_shrinks_only_when_it_is_far_too_large() {
    let sized = |width| {
        let mut request = graph(&[("a", "b")]);
        request.edges[0].label_width = width;
        request
    };
    let wide = layout(&sized(100.0), None);
    assert_eq!(layout(&sized(80.0), Some(&wide)), wide);
    let narrow = layout(&sized(30.0), Some(&wide));
    assert!(narrow.width < wide.width);
}

#[test]
fn a_cycle_keeps_its_direction() {
    let request = graph(&[("client", "b"), ("b", "c"), ("c", "a"), ("a", "b")]);
    let before = layout(&request, None);
    let after = layout(&without(&request, "client"), Some(&before));
    assert!(x(&after, "b") < x(&after, "c") && x(&after, "c") < x(&after, "a"));
}

#[test]
fn a_node_with_a_choice_stays_in_its_layer() {
    let kept = [("a", "b"), ("b", "c"), ("c", "d"), ("d", "e"), ("a", "m"), ("m", "e")];
    let lost = [("a", "p"), ("p", "m"), ("m", "q"), ("q", "e")];
    let before = layout(&graph(&[kept.as_slice(), &lost].concat()), None);
    assert_eq!(x(&before, "m"), x(&before, "c"));
    let after = layout(&graph(&kept), Some(&before));
    assert_eq!(x(&after, "m"), x(&after, "c"));
}

#[test]
fn a_graph_that_grows_slowly_is_drawn_afresh_now_and_then() {
    let names: Vec<String> = (0..12).map(|at| format!("leaf {at}")).collect();
    let star =
        |leaves: usize| graph(&names[..leaves].iter().map(|name| ("hub", name.as_str())).collect::<Vec<_>>());
    let mut drawn = layout(&star(4), None);
    let mut fresh_at = Vec::new();
    for leaves in 5..=12 {
        drawn = layout(&star(leaves), Some(&drawn));
        if drawn.memory.seats.values().all(|seat| seat.settled) {
            fresh_at.push(leaves);
        }
    }
    // From 5 boxes to 8, the first number of which 5 are less than two thirds, and from 8 to 13.
    assert_eq!(fresh_at, [7, 12]);
}

/// As many pairs of callers and callees, the callees in the callers' order or turned around.
fn pairs(count: usize, turned: bool) -> LayoutRequest {
    let names: Vec<(String, String)> = (0..count)
        .map(|at| (format!("a{at:02}"), format!("b{:02}", if turned { count - 1 - at } else { at })))
        .collect();
    let calls = names.iter().flat_map(|(caller, callee)| [("client", caller.as_str()), (caller, callee)]);
    graph(&calls.collect::<Vec<_>>())
}

#[test]
fn a_few_crossings_are_no_reason_to_reorder() {
    let before = layout(&pairs(4, false), None);
    let after = layout(&pairs(4, true), Some(&before));
    check_order(&pairs(4, true), &before, &after);
}

#[test]
fn a_tangled_picture_is_drawn_afresh() {
    let request = pairs(12, true);
    let drawn = layout(&request, Some(&layout(&pairs(12, false), None)));
    let calls: Vec<_> = request.edges.iter().filter(|edge| edge.source != "client").collect();
    let crossed = calls.windows(2).filter(|pair| {
        let rises = |one: &str, other: &str| y(&drawn, one) < y(&drawn, other);
        rises(&pair[0].source, &pair[1].source) != rises(&pair[0].target, &pair[1].target)
    });
    assert_eq!(crossed.count(), 0);
}

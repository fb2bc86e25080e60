//! What holds for every trace, however broken.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// Ids and parents among few numbers, so that there are roots, orphans, circles and duplicates; times of all sizes.
fn any_span() -> impl Strategy<Value = StoredSpan> {
    let service = prop::sample::select(vec!["web", "orders", "unknown_service:envoy"]);
    let time = prop_oneof![
        8 => (0_i64..200, 0_i64..100).prop_map(|(start, duration)| [START_NS + start * MS, duration * MS]),
        1 => Just([START_NS, 0]),
        1 => Just([START_NS, i64::MAX]),
        1 => Just([i64::MIN, -1]),
        1 => Just([i64::MAX, -1]),
    ];
    (1_u64..30, 0_u64..32, service, 0_i32..6, time, any::<bool>()).prop_map(
        |(id, parent, service, kind, time, proxy)| {
            let mut span = span(id, parent, service, SpanKind::from_number(kind), time);
            let flags = SpanFlags { proxy, ..SpanFlags::default() };
            span.skeleton.traits = Arc::new(Traits { flags, ..(*span.skeleton.traits).clone() });
            span.shape =
                Arc::new(StoredShape { traits: Arc::clone(&span.skeleton.traits), ..(*span.shape).clone() });
            span
        },
    )
}

/// The root whose duration the critical path explains.
fn main_root(trace: &Trace) -> &crate::api::traces::TraceSpan {
    let is_root = |span: &&crate::api::traces::TraceSpan| span.parent.is_none();
    let rank = |span: &&crate::api::traces::TraceSpan| (span.parent_span_id.is_none(), span.duration_ns);
    trace.spans.iter().rev().filter(is_root).max_by_key(rank).unwrap()
}

/// The part of a span in which no child was at work, counted another way: piece by piece between all bounds.
fn self_ns(trace: &Trace, number: usize) -> i128 {
    let bounds = |span: &crate::api::traces::TraceSpan| {
        let start = i128::from(span.offset_ns);
        [start, start + i128::from(span.duration_ns)]
    };
    let [start, end] = bounds(&trace.spans[number]);
    let children = || trace.spans.iter().filter(|span| span.parent == Some(number as u32)).map(bounds);
    let mut cuts: Vec<i128> =
        children().flatten().chain([start, end]).map(|at| at.clamp(start, end)).collect();
    cuts.sort_unstable();
    let free =
        |cut: &&[i128]| !children().any(|[from, to]| from <= cut[0] && cut[1] <= to && cut[0] < cut[1]);
    cuts.windows(2).filter(free).map(|cut| cut[1] - cut[0]).sum()
}

proptest! {
    #[test]
    fn the_order_of_the_spans_does_not_matter(
        (spans, shuffled) in vec(any_span(), 1..40).prop_flat_map(|spans| {
            (Just(spans.clone()), Just(spans).prop_shuffle())
        })
    ) {
        prop_assert_eq!(told_of(spans), told_of(shuffled));
    }

    #[test]
    fn the_critical_path_is_the_main_root_s_time_without_gap_or_overlap(spans in vec(any_span(), 1..40)) {
        let trace = told_of(spans);
        let root = main_root(&trace);
        let whole: u128 = trace.critical_path.iter().map(|piece| u128::from(piece.duration_ns)).sum();
        prop_assert_eq!(whole, u128::from(root.duration_ns));
        let is_far = |span: &crate::api::traces::TraceSpan| {
            span.offset_ns == i64::MAX || span.offset_ns.checked_add_unsigned(span.duration_ns).is_none()
        };
        if !trace.spans.iter().any(is_far) {
            let mut at = root.offset_ns;
            for piece in &trace.critical_path {
                prop_assert_eq!(piece.offset_ns, at);
                prop_assert!(piece.duration_ns > 0);
                at += piece.duration_ns as i64;
                let span = &trace.spans[piece.span as usize];
                prop_assert!(span.is_critical && span.offset_ns <= piece.offset_ns);
                prop_assert!(at <= span.offset_ns + span.duration_ns as i64);
            }
        }
    }

    #[test]
    fn the_tree_is_whole(spans in vec(any_span(), 1..40)) {
        let ids: std::collections::BTreeSet<u64> = spans.iter().map(|span| span.skeleton.span_id).collect();
        let trace = told_of(spans);
        prop_assert_eq!(trace.spans.len(), ids.len());
        for (number, span) in trace.spans.iter().enumerate() {
            let Some(parent) = span.parent else {
                prop_assert_eq!(span.depth, 0);
                continue;
            };
            prop_assert!((parent as usize) < number);
            let above = &trace.spans[parent as usize];
            prop_assert_eq!(Some(&above.span_id), span.parent_span_id.as_ref());
            prop_assert_eq!(above.depth + 1, span.depth);
        }
        for warning in &trace.warnings {
            prop_assert!(warning.spans.iter().all(|&span| (span as usize) < trace.spans.len()));
        }
    }

    #[test]
    fn a_span_s_own_time_is_what_its_children_leave(spans in vec(any_span(), 1..25)) {
        let trace = told_of(spans);
        if trace.spans.iter().all(|span| span.offset_ns < i64::MAX) {
            for number in 0..trace.spans.len() {
                prop_assert_eq!(i128::from(trace.spans[number].self_ns), self_ns(&trace, number));
            }
        }
    }

    /// Where each span has its children one after the other within itself, own times add up to the root's time.
    #[test]
    fn own_times_of_nested_spans_add_up(durations in vec(1_i64..50, 1..40), picks in vec(0_usize..40, 40)) {
        // Built from the leaves: each new span takes some of the last ones as its children.
        let mut spans: Vec<StoredSpan> = Vec::new();
        let mut loose: Vec<(u64, i64)> = Vec::new();
        let mut place = vec![(0_usize, 0_i64); 0];
        for (number, (&own, &pick)) in durations.iter().zip(&picks).enumerate() {
            let last = number + 1 == durations.len();
            let taken = if last { loose.len() } else { pick % (loose.len() + 1) };
            let children = loose.split_off(loose.len() - taken);
            let duration = own + children.iter().map(|&(_, duration)| duration).sum::<i64>();
            spans.push(span(number as u64 + 1, 0, "web", SpanKind::Internal, [0, duration]));
            for (child, _) in children {
                spans[child as usize - 1].skeleton.parent_span_id = number as u64 + 1;
            }
            loose.push((number as u64 + 1, duration));
        }
        // Parents come after their children, so that starts are known from the end.
        let root = spans.len() - 1;
        place.push((root, START_NS));
        while let Some((number, start)) = place.pop() {
            spans[number].skeleton.start_ns = start;
            let id = spans[number].skeleton.span_id;
            let mut at = start;
            for child in (0..spans.len()).filter(|&child| spans[child].skeleton.parent_span_id == id) {
                place.push((child, at));
                at += spans[child].skeleton.duration_ns as i64;
            }
        }
        let whole = spans[root].skeleton.duration_ns;
        let trace = told_of(spans);
        prop_assert_eq!(trace.spans.iter().map(|span| span.self_ns).sum::<u64>(), whole);
        prop_assert!(trace.spans.iter().all(|span| span.is_critical == (span.self_ns > 0)));
        prop_assert_eq!(trace.duration_ns, whole);
    }
}

#[test]
fn fifty_thousand_spans_in_a_chain_or_below_one_are_told() {
    const COUNT: u64 = 50_000;
    let chain = (1..=COUNT).map(|id| {
        let nth = id as i64;
        span(id, id - 1, "web", SpanKind::Internal, [START_NS + nth, 200_000 - 2 * nth])
    });
    let chain = told_of(chain.collect());
    assert_eq!((chain.spans.len(), chain.spans[49_999].depth), (50_000, 49_999));
    assert_eq!(chain.critical_path.iter().map(|piece| piece.duration_ns).sum::<u64>(), 199_998);
    let star = (1..=COUNT).map(|id| {
        let kind = if id == 1 { SpanKind::Server } else { SpanKind::Client };
        let parent = u64::from(id > 1);
        span(id, parent, "web", kind, [START_NS + id as i64 * 3, if id == 1 { 300_000 } else { 2 }])
    });
    let star = told_of(star.collect());
    assert_eq!(star.critical_path.len(), 99_999);
    assert_eq!(star.spans[0].self_ns, 300_000 - 2 * 49_999);
}

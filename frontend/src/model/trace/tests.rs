use super::samples::{RETRIED, trace};
use super::*;

#[test]
fn every_span_stands_behind_its_parent() {
    let model = trace(RETRIED);
    assert_eq!(model.order, (0..9).collect::<Vec<u32>>());
    assert_eq!(model.roots, [0]);
    assert_eq!(model.ancestors(5).collect::<Vec<_>>(), [4, 3, 2, 1, 0]);
}

#[test]
fn a_parent_that_does_not_stand_before_its_child_makes_no_circle() {
    let mut wild = trace("a SERVER 0+1\na SERVER 0+1").trace;
    wild.spans[0].parent = Some(1);
    wild.spans[1].parent = Some(77);
    let model = TraceModel::new(wild);
    assert_eq!(model.roots, [0, 1]);
}

#[test]
fn the_tries_of_a_proxy_are_numbered() {
    let model = trace(RETRIED);
    let tries: Vec<_> =
        model.attempts.iter().map(|attempt| attempt.map(|attempt| (attempt.number, attempt.of))).collect();
    assert_eq!(tries[3], Some((1, 2)));
    assert_eq!(tries[6], Some((2, 2)));
    assert_eq!(tries.iter().flatten().count(), 2);
}

#[test]
fn tries_without_spans_of_their_own_are_known_by_their_landings() {
    let model = trace(
        "
        web CLIENT 0+9
         web CLIENT 0+9 proxy
          orders SERVER 0+2 proxy hop=3
          orders SERVER 3+5 proxy hop=4
          users SERVER 3+5 proxy hop=6
        ",
    );
    let numbers: Vec<_> =
        model.attempts.iter().map(|attempt| attempt.map_or(0, |attempt| attempt.number)).collect();
    assert_eq!(numbers, [0, 0, 1, 2, 0]);
}

#[test]
fn an_application_that_calls_twice_has_not_tried_again() {
    let model = trace("web SERVER 0+9\n orders SERVER 0+2 hop=3\n orders SERVER 3+2 hop=4");
    assert!(model.attempts.iter().all(Option::is_none));
}

#[test]
fn proxies_fold_but_not_where_nobody_else_stands_for_the_hop() {
    let model = trace(
        "
        gateway SERVER 0+9 proxy
         gateway CLIENT 0+9 proxy
          web SERVER 1+7 proxy
           web SERVER 2+5
        ",
    );
    assert_eq!(model.foldable, [false, true, true, false]);
}

#[test]
fn own_work_is_what_no_child_covers() {
    let model = trace("a SERVER 0+10\n b SERVER 1+3\n c SERVER 2+4\n d SERVER 8+9");
    let ms: Vec<_> =
        model.own_work(0).into_iter().map(|(from, length)| (from / 1_000_000, length / 1_000_000)).collect();
    assert_eq!(ms, [(0, 1), (6, 2)]);
    assert_eq!(model.own_work(1), [(1_000_000, 3_000_000)]);
    assert!(model.own_work(99).is_empty());
}

#[test]
fn a_service_has_one_colour_and_few_services_share_none() {
    let few = colours(["web", "orders", "users", "web", "payments"].into_iter());
    let distinct: std::collections::BTreeSet<u8> = few.values().copied().collect();
    assert_eq!(distinct.len(), 4);
    assert_eq!(colours(["web"].into_iter())["web"], colours(["web", "z"].into_iter())["web"]);
    let names: Vec<String> = (0..40).map(|at| format!("s{at}")).collect();
    assert!(colours(names.iter().map(String::as_str)).values().all(|colour| *colour < COLOURS));
}

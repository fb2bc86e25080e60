use std::collections::BTreeMap;

use crate::api::canary::Guard;
use crate::api::policy::Policy;
use crate::graph::{Sides, Tried};
use crate::store::Counts;

use super::super::traffic::Both;
use super::{Scene, guards};

/// What a guard says of two sides that were asked so much in each of sixty steps.
fn guard(name: &str, sides: &Sides, each: Both<i64>) -> Guard {
    let (policy, by_step) = (Policy::default(), [each; 60]);
    let scene = Scene {
        sides,
        policy: &policy,
        names: ["v1", "v2"],
        by_step: &by_step,
        step_s: 10,
        differences: (0.0, 0.0),
    };
    guards(&scene).into_iter().find(|guard| guard.name == name).unwrap()
}

fn tried(requests: i64, retries: i64) -> Tried {
    Tried { requests, retries }
}

#[test]
fn retries_of_the_candidate_alone_are_failures_that_callers_do_not_see() {
    let of = |candidate: Tried| Sides { tried: vec![[tried(100, 1), candidate]; 60], ..Sides::default() };
    let found = guard("retries", &of(tried(100, 10)), [100, 100]);
    assert!(found.found && found.is_failure(), "{found:?}");
    assert!(found.summary.contains("which retries hide: v2 was tried again 10 in 100"), "{found:?}");
    assert!(!guard("retries", &of(tried(100, 1)), [100, 100]).found);
    assert!(!guard("retries", &Sides::default(), [100, 100]).found, "nothing tells");
}

#[test]
fn a_split_that_changes_while_both_are_tried_again_deceives_nobody() {
    // At first hardly anything goes to the candidate and nothing is tried again; then half of everything is.
    let mut steps = vec![[tried(980, 0), tried(20, 0)]; 60];
    steps.extend(vec![[tried(500, 250), tried(500, 250)]; 60]);
    let sides = Sides { tried: steps, ..Sides::default() };
    assert!(!guard("retries", &sides, [100, 100]).found);
}

#[test]
fn a_load_that_differs_by_host_is_told() {
    let of = |hosts: Both<u64>| Sides { hosts, ..Sides::default() };
    let found = guard("capacity", &of([3, 3]), [90, 10]);
    assert!(found.found && !found.is_failure() && !found.is_held(), "{found:?}");
    assert_eq!(
        found.summary,
        "v2 gets 0.33 requests a second for each of 3 healthy hosts, v1 3 for each of 3"
    );
    assert!(!guard("capacity", &of([9, 1]), [90, 10]).found, "each host has as much to do");
    assert!(!guard("capacity", &of([9, 0]), [90, 10]).found, "nobody tells");
    assert!(!guard("capacity", &of([9, 1]), [90, 0]).found, "nothing to do at all");
}

#[test]
fn what_fails_both_is_told_and_what_fails_one_is_not() {
    let counts = |requests, errors| Counts { requests, errors, ..Counts::default() };
    let of = |calls: Both<Counts>| Sides {
        calls: BTreeMap::from([("service:stock".to_owned(), calls)]),
        calling: [1_000, 1_000],
        ..Sides::default()
    };
    let found = guard("inherited", &of([counts(1_000, 100), counts(1_000, 120)]), [100, 100]);
    assert!(found.found, "{found:?}");
    assert!(found.summary.starts_with("stock fails 12 in 100 calls of v2 and 10 of v1"), "{found:?}");
    for calls in [
        [counts(1_000, 0), counts(1_000, 120)],
        [counts(1_000, 2), counts(1_000, 2)],
        [counts(10, 5), counts(1_000, 500)],
    ] {
        assert!(!guard("inherited", &of(calls), [100, 100]).found, "{calls:?}");
    }
}

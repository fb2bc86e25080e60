//! What broken or hostile senders make.

use std::fmt::Write as _;

use super::{edges, trace};

#[test]
fn a_resent_span_counts_once_and_the_longer_one_wins() {
    let ended = "
        web SERVER 9ms id=1 at=1
          web CLIENT 8ms id=2 at=2
            orders SERVER 7ms id=3 at=3";
    let under_way = "
        web SERVER 2ms id=1 at=1
          web CLIENT 8ms id=2 at=2
            orders SERVER 3ms id=3 at=3 err";
    let expected = ["client -> web -/9", "web -> orders 8/7"];
    for text in [ended.to_owned(), format!("{ended}{under_way}"), format!("{under_way}{ended}{ended}")] {
        assert_eq!(edges(&trace(&text)), expected);
    }
}

#[test]
fn two_spans_with_one_id_are_one_whichever_came_first() {
    let (server, client) = ("web SERVER id=1 at=1", "web CLIENT id=1 at=1 service=x");
    assert_eq!(edges(&trace(&format!("{server}\n{client}"))), ["client -> web -/1"]);
    assert_eq!(edges(&trace(&format!("{client}\n{server}"))), ["client -> web -/1"]);
}

#[test]
fn circles_are_cut_at_their_earliest_span() {
    let itself = trace("web SERVER id=7 parent=7");
    assert_eq!(edges(&itself), ["unknown -> web -/1"]);
    let circle = trace(
        "
         web SERVER id=1 parent=4
         web CLIENT id=2 parent=1
         orders SERVER id=3 parent=2
         orders CLIENT id=4 parent=3
         users SERVER id=5 parent=4",
    );
    assert_eq!(edges(&circle), ["orders -> users 1/1", "unknown -> web -/1", "web -> orders 1/1"]);
    let later_first = trace(
        "
         web SERVER id=1 parent=2 at=9
         orders SERVER id=2 parent=1 at=8",
    );
    assert_eq!(edges(&later_first), ["orders -> web -/1", "unknown -> orders -/1"]);
}

#[test]
fn a_child_that_began_before_its_parent_is_still_its_child() {
    let spans = trace(
        "
         web CLIENT at=50
           orders SERVER at=10
             orders CLIENT at=5
               users SERVER at=1",
    );
    assert_eq!(edges(&spans), ["orders -> users 1/1", "web -> orders 1/1"]);
}

#[test]
fn attributes_that_contradict_each_other_make_services_of_their_own_and_no_harm() {
    let spans = trace(
        "
         a/web SERVER
           b/web INTERNAL
             web CLIENT env=live
               web CLIENT env=test service=x",
    );
    assert_eq!(
        edges(&spans),
        ["a/web -> b/web -/-", "b/web -> web 1/-", "client -> a/web -/1", "web -> service=x 1/-"]
    );
}

#[test]
fn a_long_chain_and_a_wide_fan_are_counted_to_the_end() {
    const COUNT: u64 = 20_000;
    let services = ["a SERVER", "a CLIENT", "b SERVER", "b CLIENT"];
    let (mut chain, mut members, mut fan) = (String::new(), String::new(), "a CLIENT\n".to_owned());
    for number in 0..COUNT {
        let line = services[number as usize % services.len()];
        writeln!(chain, "{line} parent={number}").unwrap();
        writeln!(members, "a CLIENT parent={number}").unwrap();
        writeln!(fan, "s{number} SERVER parent=1").unwrap();
    }
    let spans = trace(&chain);
    assert_eq!(edges(&spans).len() as u64, COUNT / 2 + 1);
    assert_eq!(edges(&trace(&members)), ["a -> host=unknown host 1/-"]);
    assert_eq!(edges(&trace(&fan)).len() as u64, COUNT);
    // A tail that leads out of a circle, with every span given before its parent.
    let mut circle = trace(&chain.replacen("parent=0", &format!("parent={}", COUNT / 2), 1));
    for (start, span) in circle.iter_mut().enumerate() {
        span.start_ns = -(start as i64);
    }
    assert_eq!(edges(&circle).len() as u64, COUNT / 2);
}

#[test]
fn nothing_comes_of_nothing() {
    assert!(edges(&[]).is_empty());
}

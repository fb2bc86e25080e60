use proptest::prelude::*;

use super::*;

#[test]
fn conditions_are_parted_at_the_outermost_level() {
    assert_eq!(
        pieces(r#" service=web  route="GET /a b" not error any(service=x error) "two words" "#),
        ["service=web", r#"route="GET /a b""#, "not error", "any(service=x error)", r#""two words""#]
    );
    assert_eq!(pieces(r#"name="say \"hi\" now" error"#), [r#"name="say \"hi\" now""#, "error"]);
    assert_eq!(pieces(r#"name="open error"#), [r#"name="open error"#]);
    assert!(pieces("  ").is_empty());
}

#[test]
fn a_button_adds_a_condition_and_takes_it_away_again() {
    assert_eq!(toggled("", "error"), "error");
    assert_eq!(toggled("service=web", "error"), "service=web error");
    assert_eq!(toggled("service=web error status>=500", "error"), "service=web status>=500");
    assert_eq!(toggled("not error", "error"), "not error error");
    assert!(!holds("not error", "error"));
    assert!(!holds(r#""error""#, "error"));
}

#[test]
fn alternatives_are_kept_together() {
    assert_eq!(with("service=web or service=orders", "error"), "(service=web or service=orders) error");
    assert_eq!(with("(service=web or service=orders)", "error"), "(service=web or service=orders) error");
    assert!(!holds("error or timeout", "error"));
    assert_eq!(value_of("service=web or error", "service="), None);
    assert_eq!(without("service=web or error", &["service="]), "service=web or error");
}

#[test]
fn the_value_of_a_condition_is_read_and_replaced() {
    let query = r#"service="my shop" duration>=250ms error"#;
    assert_eq!(value_of(query, "service="), Some(r#""my shop""#));
    assert_eq!(value_of(query, "duration>="), Some("250ms"));
    assert_eq!(value_of(query, "version="), None);
    assert_eq!(
        with(&without(query, &["duration>"]), "duration>=1s"),
        r#"service="my shop" error duration>=1s"#
    );
}

#[test]
fn values_are_quoted_where_they_must_be() {
    assert_eq!(quoted("orders-v2.internal"), "orders-v2.internal");
    for (value, text) in [
        ("GET /a", r#""GET /a""#),
        ("", r#""""#),
        ("500", r#""500""#),
        ("or", r#""or""#),
        (r#"say "hi" \ now"#, r#""say \"hi\" \\ now""#),
        ("größe", r#""größe""#),
    ] {
        assert_eq!(quoted(value), text);
    }
}

#[test]
fn durations_round_downwards() {
    for (ms, text) in [
        (0.0, "0ms"),
        (0.084_217_9, "0.084217ms"),
        (12.345_678, "12.345ms"),
        (250.0, "250ms"),
        (86_400_000.0, "86400000ms"),
    ] {
        assert_eq!(milliseconds(ms), text);
    }
}

#[test]
fn places_are_counted_in_characters() {
    let text = "a😀b=ü";
    assert_eq!(cursor_in_characters(text, 3), 2);
    assert_eq!(cursor_in_characters(text, 99), 5);
    assert_eq!(split(text, 1, 3), ("a", "😀b", "=ü"));
    assert_eq!(split(text, 4, 99), ("a😀b=", "ü", ""));
    assert_eq!(split(text, 7, 2), (text, "", ""));
}

proptest! {
    /// Whatever is typed: pressing twice leaves the same conditions, and no text makes it fail.
    #[test]
    fn two_presses_change_nothing(words in proptest::collection::vec("[a-z]{1,5}(=[a-z0-9]{1,4})?", 0..6)) {
        let query = words.join(" ");
        prop_assume!(!holds(&query, "error"));
        prop_assume!(!has_alternatives(&query) && !query.ends_with("not"));
        prop_assert_eq!(toggled(&toggled(&query, "error"), "error"), query);
    }

    #[test]
    fn any_text_is_taken(query in "\\PC{0,40}", from in 0_u32..50, to in 0_u32..50) {
        let added = with(&query, "error");
        prop_assert!(added.contains("error"));
        let (before, at, behind) = split(&query, from, to);
        prop_assert_eq!(format!("{before}{at}{behind}"), query);
    }
}

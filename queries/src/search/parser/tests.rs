use proptest::prelude::*;

use super::super::field::{KINDS, is_reserved};
use super::*;

fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z][a-z0-9._/-]{0,8}",
        any::<String>().prop_map(|text| text.chars().take(12).collect()),
        prop::sample::select(vec![
            "",
            "\"",
            "\\",
            "\\\"",
            "or",
            "not",
            "any",
            "error",
            "service",
            "a b",
            "a=b",
            "=",
            "!",
            "(",
            "a,b",
            "\0",
            "'; DROP TABLE store.spans; --",
            "é",
            "{id}",
            "a\"b\\",
        ])
        .prop_map(str::to_owned),
    ]
}

fn keys() -> impl Strategy<Value = String> {
    texts().prop_filter("a key is not empty", |key| !key.is_empty())
}

fn text_tests() -> impl Strategy<Value = TextTest> {
    (texts(), any::<bool>())
        .prop_map(|(text, is)| if is { TextTest::Is(text) } else { TextTest::Contains(text) })
}

fn orders(with_equal: bool) -> impl Strategy<Value = Order> {
    let orders = [Order::Less, Order::AtMost, Order::Greater, Order::AtLeast, Order::Equal];
    prop::sample::select(orders[..if with_equal { 5 } else { 4 }].to_vec())
}

fn tests() -> impl Strategy<Value = Test> {
    let fields = [
        TextField::Service,
        TextField::Version,
        TextField::Instance,
        TextField::Namespace,
        TextField::Environment,
        TextField::Name,
        TextField::Route,
        TextField::Method,
        TextField::Peer,
        TextField::Scope,
    ];
    prop_oneof![
        (prop::sample::select(fields.to_vec()), text_tests())
            .prop_map(|(field, test)| Test::Text(field, test)),
        prop::sample::select(KINDS.to_vec())
            .prop_map(|kind| Test::Text(TextField::Kind, TextTest::Is(kind.to_owned()))),
        Just(Test::Text(TextField::Evidence, TextTest::Is("xray".to_owned()))),
        (orders(true), any::<u64>()).prop_map(|(order, ns)| Test::Number(NumberField::Duration, order, ns)),
        (orders(true), any::<u16>()).prop_map(|(order, status)| Test::Number(
            NumberField::Status,
            order,
            u64::from(status)
        )),
        prop::sample::select(vec![Flag::Error, Flag::Timeout, Flag::Proxy, Flag::Root]).prop_map(Test::Flag),
        (1..=u128::MAX).prop_map(Test::Trace),
        (1..=u64::MAX).prop_map(Test::Span),
        keys().prop_map(|key| Test::Attribute(key, AttributeTest::Exists)),
        (keys(), text_tests()).prop_map(|(key, test)| Test::Attribute(key, AttributeTest::Text(test))),
        (keys(), orders(false), -1e12..1e12)
            .prop_map(|(key, order, number)| Test::Attribute(key, AttributeTest::Number(order, number))),
        texts().prop_map(Test::FreeText),
        (keys(), keys()).prop_map(|(caller, callee)| Test::Edge { caller, callee }),
    ]
}

fn conditions() -> impl Strategy<Value = Condition> {
    let leaf = tests().prop_map(Condition::Test);
    leaf.prop_recursive(4, 24, 4, |inner| {
        let several = prop::collection::vec(inner.clone(), 2..4);
        prop_oneof![
            several.clone().prop_map(Condition::All),
            several.prop_map(Condition::OneOf),
            inner.clone().prop_map(|inner| Condition::Not(Box::new(inner))),
            inner
                .prop_filter("any stands in no other", |inner| !has_any(inner))
                .prop_map(|inner| Condition::Any(Box::new(inner))),
        ]
    })
}

fn has_any(condition: &Condition) -> bool {
    match condition {
        Condition::All(parts) | Condition::OneOf(parts) => parts.iter().any(has_any),
        Condition::Not(inner) => has_any(inner),
        Condition::Any(_) => true,
        Condition::Test(_) => false,
    }
}

proptest! {
    #[test]
    fn a_condition_is_read_as_it_was_written(condition in conditions()) {
        let text = condition.to_string();
        prop_assert_eq!(parse(&text), Ok(condition), "{}", text);
    }

    #[test]
    fn whatever_is_written_is_understood_or_refused_with_its_place(
        text in prop_oneof![
            any::<String>(),
            "[a-z=!~<>()\", ]{0,40}",
            prop::collection::vec(
                prop::sample::select(vec![
                    "service", "=", "!=", "orders", "(", ")", "or", "not", "any(", "edge(", ",", "\"", "\\", " ", "5ms",
                    "duration", ">", "error", "has(", "é",
                ]),
                0..20,
            ).prop_map(|parts| parts.concat()),
        ]
    ) {
        match parse(&text) {
            Ok(condition) => {
                let again = condition.to_string();
                prop_assert_eq!(parse(&again), Ok(condition), "{} as {}", text, again);
            }
            Err(problem) => {
                prop_assert!(!problem.message.is_empty());
                prop_assert!(problem.from <= problem.to, "{problem:?}");
                prop_assert!(problem.to as usize <= text.chars().count(), "{problem:?} in {text:?}");
            }
        }
    }
}

#[test]
fn conditions_are_written_as_one_reads_them() {
    for (query, understood) in [
        ("", ""),
        ("service=orders", "service=orders"),
        ("service = orders  and error", "service=orders error"),
        ("version!=v2", "version!=v2"),
        ("route=\"GET /orders/{id}\"", "route=\"GET /orders/{id}\""),
        ("route=/orders/{id}", "route=/orders/{id}"),
        ("name~\"checkout\"", "name~checkout"),
        ("name!~checkout", "name!~checkout"),
        ("duration>250ms duration<=1.5s", "duration>250ms duration<=1500ms"),
        ("status>=500", "status>=500"),
        ("error timeout proxy root", "error timeout proxy root"),
        ("error=false", "not error"),
        ("error!=false", "error"),
        ("kind=SERVER", "kind=server"),
        ("evidence=xray", "evidence=xray"),
        ("http.request.header.x=\"1\"", "http.request.header.x=1"),
        ("user.tier", "user.tier"),
        ("has(user.tier)", "user.tier"),
        ("has(error)", "has(\"error\")"),
        ("\"error\"=yes", "\"error\"=yes"),
        ("retries>=3", "retries>=3"),
        ("url=/a?b=c", "url=/a?b=c"),
        ("edge(orders,payments)", "edge(orders, payments)"),
        ("trace=1-5759e988-bd862e3fe1be46a994272793", "trace=5759e988bd862e3fe1be46a994272793"),
        ("\"out of stock\"", "\"out of stock\""),
        ("service=web any(service=payments error)", "service=web any(service=payments error)"),
        ("a=1 or b=2 c=3", "a=1 or (b=2 c=3)"),
        ("(a=1 or b=2) c=3", "(a=1 or b=2) c=3"),
        ("NOT (a=1 OR b=2)", "not (a=1 or b=2)"),
        ("not a=1", "a!=1"),
        ("error (a=1 b=2)", "error (a=1 b=2)"),
        ("or=1 any=2", "\"or\"=1 \"any\"=2"),
    ] {
        assert_eq!(parse(query).map(|condition| condition.to_string()), Ok(understood.to_owned()), "{query}");
    }
}

#[test]
fn problems_say_what_is_expected_and_where() {
    for (query, from, to, words) in [
        ("service=", 7, 8, "a value is expected behind `=`"),
        ("service", 0, 7, "`service` needs a sign and a value"),
        ("duration>fast", 9, 13, "a duration is a number with ns, us, ms, s, m or h"),
        ("duration>5", 9, 10, "not `5`"),
        ("duration~5ms", 8, 9, "`duration` is a number"),
        ("service>a", 7, 8, "`service` is a text"),
        ("status=oops", 7, 11, "an HTTP status is a number"),
        ("status=99999", 7, 12, "an HTTP status is a number"),
        (
            "kind=front",
            5,
            10,
            "`kind` is unspecified, internal, server, client, producer, consumer, not `front`",
        ),
        ("kind~serv", 4, 5, "= or != is expected"),
        ("error=yes", 5, 9, "`error` stands alone"),
        ("service==a", 7, 9, "signs are"),
        ("name=\"open", 5, 10, "does not end"),
        ("(service=a", 0, 1, "has no `)`"),
        ("service=a)", 9, 10, "has no `(`"),
        ("()", 0, 2, "between `(` and `)`"),
        ("service=a or", 12, 12, "a condition is expected here"),
        ("or service=a", 0, 2, "on both sides"),
        ("not", 3, 3, "a condition is expected here"),
        ("!error", 0, 1, "write `not`"),
        ("a=1, b=2", 3, 4, "a `,` stands only in edge"),
        ("edge(a)", 6, 7, "a `,` is expected"),
        ("edge(a, )", 8, 9, "the name of the callee is expected"),
        ("edge(a, b", 4, 5, "has no `)`"),
        ("edge", 0, 4, "two services"),
        ("any(any(error))", 4, 7, "cannot stand in any"),
        ("some(error)", 0, 5, "`some` is no function"),
        ("retries>many", 8, 12, "a number is expected"),
        ("trace=12", 6, 8, "32 hexadecimal digits"),
        ("span=xyz", 5, 8, "16 hexadecimal digits"),
        ("trace>12", 5, 6, "= or != is expected"),
        ("\"\"=a", 0, 2, "a key is expected"),
        ("=a", 0, 1, "a condition is expected, not `=`"),
        ("ünd=\"", 4, 5, "does not end"),
    ] {
        let problem = parse(query).expect_err(query);
        assert!(problem.message.contains(words), "{query}: {}", problem.message);
        assert_eq!((problem.from, problem.to), (from, to), "{query}: {}", problem.message);
    }
}

#[test]
fn queries_are_bounded() {
    assert!(parse(&format!("a={}", "x".repeat(MAX_BYTES))).unwrap_err().message.contains("more than 8192"));
    assert!(parse(&"(".repeat(8_000)).unwrap_err().message.contains("deep"));
    assert!(parse(&"not ".repeat(2_000)).unwrap_err().message.contains("deep"));
    assert!(parse(&"a ".repeat(101)).unwrap_err().message.contains("more than 100 conditions"));
    assert!(parse(&"a ".repeat(100)).is_ok());
    assert!(is_reserved("OR"));
}

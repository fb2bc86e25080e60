//! Documents that are broken, huge or meant to hurt.

use proptest::prelude::*;

use super::*;

const GOOD: &str = r#"{"name":"web","id":"a000000000000001","trace_id":"1-6b03fc99-000000000000000000000003","start_time":1795423385,"end_time":1795423386}"#;

fn with(more: &str) -> String {
    GOOD.replacen('{', &format!("{{{more},"), 1)
}

#[test]
fn a_bad_document_costs_itself_only_and_says_why() {
    let bad = [
        "",
        "[]",
        "{\"name\":",
        &GOOD.replace("a000000000000001", "a"),
        &GOOD.replace("1-6b03fc99-", ""),
        &GOOD.replace("1795423385", "1795423385000"),
        &GOOD.replace("\"start_time\"", "\"start\""),
        &GOOD.replace("1795423386", "\"soon\""),
        &with(r#""type":"subsegment""#),
        &with(r#""parent_id":"xyz""#),
    ];
    let mut documents = bad.to_vec();
    documents.insert(5, GOOD);
    let converted = spans(&documents, Late::Wait);
    assert_eq!((converted.spans, converted.rejected.len()), (1, bad.len()));
    let reasons: Vec<String> = converted
        .rejected
        .iter()
        .map(|rejected| format!("{}: {}", rejected.document, rejected.reason))
        .collect();
    insta::assert_snapshot!(reasons.join("\n"));
}

#[test]
fn a_bad_subsegment_costs_itself_only() {
    let text = with(
        r#""subsegments":[7,{"id":"a000000000000002","start_time":1795423385,"end_time":1795423386},{"id":"a"},{"id":"a000000000000003"}]"#,
    );
    let converted = spans(&[&text], Late::Wait);
    assert_eq!((converted.spans, converted.rejected.len()), (2, 3));
}

#[test]
fn fields_of_a_wrong_type_cost_nothing_else() {
    for key in [
        "name",
        "http",
        "aws",
        "annotations",
        "metadata",
        "cause",
        "subsegments",
        "service",
        "user",
        "origin",
        "links",
        "sql",
        "namespace",
        "precursor_ids",
        "error",
        "in_progress",
    ] {
        for value in [
            "7",
            "null",
            "[]",
            "{}",
            "[[[]]]",
            "\"text\"",
            "true",
            r#"{"request":7,"exceptions":[7,{"stack":7}]}"#,
        ] {
            let converted = spans(&[&with(&format!("\"{key}\":{value}"))], Late::Wait);
            let is_told = key == "subsegments" && value == "[[[]]]";
            assert_eq!(
                (converted.spans, converted.rejected.len()),
                (1, usize::from(is_told)),
                "{key}: {value}"
            );
            skeletons(&converted);
        }
    }
}

#[test]
fn half_a_megabyte_is_no_trouble() {
    let one = |id: u64| {
        format!(r#"{{"name":"step","id":"{id:016x}","start_time":1795423385.1,"end_time":1795423385.2}}"#)
    };
    let many: Vec<String> = (1..6_000).map(one).collect();
    let wide = with(&format!("\"subsegments\":[{}]", many.join(",")));
    assert!(wide.len() > 500_000);
    assert_eq!(spans(&[&wide], Late::Wait).spans, 6_000);

    let annotations: Vec<String> = (0..40_000).map(|number| format!("\"key_{number}\":{number}")).collect();
    let annotated = with(&format!("\"annotations\":{{{}}}", annotations.join(",")));
    let bytes = spans(&[&annotated], Late::Wait).request.encode_to_vec();
    let decoded = decode_traces(&bytes, NOW_NS, &DecodeLimits::default(), Arc::default()).unwrap();
    assert_eq!(decoded.accepted, 1);
}

#[test]
fn nesting_is_followed_as_deep_as_it_makes_sense() {
    let nested = |depth: u64| {
        let open = |id: u64| {
            format!(r#","subsegments":[{{"id":"{id:016x}","start_time":1795423385,"end_time":1795423386"#)
        };
        let text: String = (1..=depth).map(open).collect();
        format!("{}{text}{}}}", GOOD.trim_end_matches('}'), "}]".repeat(depth as usize))
    };
    let converted = spans(&[&nested(60)], Late::Wait);
    assert_eq!((converted.spans, converted.rejected.len()), (61, 0));
    let converted = spans(&[&nested(6_000)], Late::Wait);
    assert_eq!((converted.spans, converted.rejected.len()), (65, 1));
}

fn any_json() -> impl Strategy<Value = String> {
    let key = prop::sample::select(vec![
        "name",
        "id",
        "trace_id",
        "start_time",
        "end_time",
        "http",
        "request",
        "response",
        "status",
        "aws",
        "cause",
        "exceptions",
        "stack",
        "annotations",
        "metadata",
        "subsegments",
        "sql",
        "url",
        "namespace",
        "type",
        "parent_id",
        "inferred",
        "in_progress",
        "origin",
        "links",
    ]);
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|flag| flag.to_string()),
        any::<f64>()
            .prop_filter("JSON has no such", |number| number.is_finite())
            .prop_map(|number| number.to_string()),
        prop::sample::select(vec![
            "a000000000000001",
            "1-6b03fc99-000000000000000000000003",
            "remote",
            "aws",
            "subsegment",
            "://@",
            "router  egress"
        ])
        .prop_map(|text| format!("\"{text}\"")),
        Just("1795423385.5".to_owned()),
        ".{0,8}".prop_map(|text| serde_json::to_string(&text).unwrap()),
    ];
    leaf.prop_recursive(6, 64, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|list| format!("[{}]", list.join(","))),
            prop::collection::vec((key.clone(), inner), 0..8).prop_map(|entries| {
                let entries: Vec<String> =
                    entries.into_iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
                format!("{{{}}}", entries.join(","))
            }),
        ]
    })
}

proptest! {
    #[test]
    fn no_document_is_too_odd(texts in prop::collection::vec(any_json(), 0..4), more in any_json()) {
        let odd = with(&format!("\"http\":{more},\"aws\":{more},\"cause\":{more},\"sql\":{more},\"subsegments\":{more}"));
        let documents: Vec<&str> = texts.iter().map(String::as_str).chain([&*odd, GOOD]).collect();
        for late in [Late::Wait, Late::Store] {
            let converted = spans(&documents, late);
            prop_assert!(converted.spans >= 1);
            let decoded = decode_traces(&converted.request.encode_to_vec(), NOW_NS, &DecodeLimits::default(), Arc::default());
            prop_assert!(decoded.is_ok());
        }
    }
}

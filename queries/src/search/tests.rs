mod oracle;

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::plan::{Params, Plan, TooLarge};
use super::session::{Session, Wanted};
use super::*;
use crate::api::traces::TracesResponse;
use crate::store::{Store, StoreOptions, Writer, open};
use oracle::*;

const NOW_NS: i64 = 1_795_000_000_000_000_000;
const DAY_NS: i64 = 86_400_000_000_000;
fn text_tests() -> impl Strategy<Value = TextTest> {
    prop_oneof![
        some_word().prop_map(TextTest::Is),
        some_word().prop_map(TextTest::Contains),
        prop::sample::select(vec!["ord", "S", "É", "DROP", "0cfb"])
            .prop_map(|part| TextTest::Contains(part.to_owned())),
    ]
}

fn tests() -> impl Strategy<Value = Test> {
    let fields = [
        TextField::Service,
        TextField::Version,
        TextField::Name,
        TextField::Route,
        TextField::Method,
        TextField::Peer,
        TextField::Environment,
    ];
    let orders = || prop::sample::select(vec![Order::Less, Order::AtMost, Order::Greater, Order::AtLeast]);
    let key = || prop::sample::select(KEYS.to_vec()).prop_map(str::to_owned);
    prop_oneof![
        4 => (prop::sample::select(fields.to_vec()), text_tests()).prop_map(|(field, test)| Test::Text(field, test)),
        1 => prop::sample::select(field::KINDS.to_vec())
            .prop_map(|kind| Test::Text(TextField::Kind, TextTest::Is(kind.to_owned()))),
        1 => prop::sample::select(vec!["xray", "trace"])
            .prop_map(|evidence| Test::Text(TextField::Evidence, TextTest::Is(evidence.to_owned()))),
        1 => (orders(), prop::sample::select(vec![0, 5_000_000, 250_000_000, u64::MAX]))
            .prop_map(|(order, ns)| Test::Number(NumberField::Duration, order, ns)),
        1 => (orders(), prop::sample::select(vec![0, 200, 500, 65_535]))
            .prop_map(|(order, status)| Test::Number(NumberField::Status, order, status)),
        1 => prop::sample::select(vec![Flag::Error, Flag::Timeout, Flag::Proxy, Flag::Root]).prop_map(Test::Flag),
        1 => (1_u128..6).prop_map(Test::Trace),
        1 => (1_u64..7).prop_map(Test::Span),
        1 => key().prop_map(|key| Test::Attribute(key, AttributeTest::Exists)),
        4 => (key(), text_tests()).prop_map(|(key, test)| Test::Attribute(key, AttributeTest::Text(test))),
        2 => (key(), orders(), prop::sample::select(vec![7.0, 12.5, -1.0]))
            .prop_map(|(key, order, number)| Test::Attribute(key, AttributeTest::Number(order, number))),
        2 => prop_oneof![word(), Just("0CFB".to_owned()), Just(String::new())].prop_map(Test::FreeText),
        2 => (word(), word()).prop_map(|(caller, callee)| Test::Edge { caller, callee }),
    ]
}

fn conditions() -> impl Strategy<Value = Condition> {
    let leaf = tests().prop_map(Condition::Test);
    let flat = leaf.prop_recursive(3, 10, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(Condition::All),
            prop::collection::vec(inner.clone(), 2..4).prop_map(Condition::OneOf),
            inner.prop_map(|inner| Condition::Not(Box::new(inner))),
        ]
    });
    prop_oneof![
        3 => flat.clone(),
        1 => (flat.clone(), flat.clone(), any::<bool>()).prop_map(|(one, inner, is_negated)| {
            let any = Condition::Any(Box::new(inner));
            Condition::All(vec![one, if is_negated { Condition::Not(Box::new(any)) } else { any }])
        }),
        1 => flat.prop_map(|inner| Condition::Any(Box::new(inner))),
    ]
}

fn all_times() -> Times {
    Times { from_ns: NOW_NS, to_ns: NOW_NS + 3_001_000_000_000 }
}

fn query(condition: Condition, limit: usize) -> TraceQuery {
    TraceQuery { condition, times: all_times(), order: SearchOrder::Newest, limit }
}

fn found_spans(store: &Store, condition: &Condition) -> BTreeSet<(u128, u64)> {
    Session::run(store, Plan::of(condition), |session| {
        let wanted = Wanted {
            times: all_times(),
            order: SearchOrder::Newest,
            after: None,
            at_least_ns: 0,
            limit: 10_000,
        };
        let too_large = session.make_sets(all_times().around())?;
        assert!(too_large.is_empty());
        let found = session.find(&wanted, &too_large)?;
        assert_eq!(session.count(all_times(), &too_large)?, found.len() as u64);
        // As if the sets were too large: what is found so holds all of it.
        let none =
            TooLarge { anys: (0..session.plan.anys.len()).collect(), edges: session.plan.edges().collect() };
        let more = session.find(&wanted, &none)?;
        assert!(found.iter().all(|span| more.contains(span)), "{condition}");
        Ok(found.iter().map(|span| (span.trace_id, span.span_id)).collect())
    })
    .unwrap()
}

fn store_with(dir: &std::path::Path, portions: &[Vec<Draft>]) -> (Store, Writer) {
    let (store, mut writer) = open(&StoreOptions::in_dir(dir)).unwrap();
    for (sequence, portion) in (1..).zip(portions) {
        writer.stage_spans(sequence, batch(portion, store.varying_keys()));
        writer.publish().unwrap();
        if sequence % 2 == 0 {
            writer.move_into_file().unwrap();
        }
    }
    (store, writer)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// In memory, in the file, and in both; whatever is written where.
    #[test]
    fn a_search_finds_what_a_look_at_every_span_finds(
        portions in prop::collection::vec(prop::collection::vec(drafts(), 1..12), 1..4),
        conditions in prop::collection::vec(conditions(), 12),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let (store, _writer) = store_with(dir.path(), &portions);
        let all = stored(&portions.concat());
        for condition in &conditions {
            let expected: BTreeSet<_> = all
                .iter()
                .filter(|span| meets(condition, span, &all))
                .map(|span| (span.trace, span.span))
                .collect();
            prop_assert_eq!(&found_spans(&store, condition), &expected, "{}", condition);
            let answer = search(&store, &query(condition.clone(), 1_000)).unwrap();
            let matched: u32 = answer.traces.iter().map(|trace| trace.matched_count).sum();
            prop_assert_eq!(matched as usize, expected.len(), "{}", condition);
            let spans: u32 = answer.traces.iter().map(|trace| trace.span_count).sum();
            let traces: BTreeSet<u128> = expected.iter().map(|&(trace, _)| trace).collect();
            let in_traces = all.iter().filter(|span| traces.contains(&span.trace)).count();
            prop_assert_eq!(spans as usize, in_traces, "{}", condition);
        }
    }
}

#[test]
fn the_examples_of_the_documentation_are_understood() {
    let text = include_str!("../../../docs/traces.md");
    let blocks: Vec<&str> =
        text.split("```query\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    let examples: Vec<&str> = blocks.iter().flat_map(|block| block.lines()).collect();
    assert!(examples.len() > 20, "{examples:?}");
    for example in examples {
        let condition = parse(example).unwrap_or_else(|problem| panic!("{example}: {problem:?}"));
        assert_eq!(parse(&condition.to_string()), Ok(condition), "{example}");
    }
}

fn draft(trace: u128, span: u64, service: &str) -> Draft {
    Draft {
        trace,
        span,
        start_ns: NOW_NS + i64::try_from(trace).unwrap() * 1_000_000,
        duration_ns: 1_000_000 * span,
        service: service.to_owned(),
        name: "GET".to_owned(),
        kind: 2,
        ..Draft::default()
    }
}

fn ask(store: &Store, text: &str, limit: usize, order: SearchOrder) -> TracesResponse {
    search(store, &TraceQuery { order, ..query(parse(text).unwrap(), limit) }).unwrap()
}

fn ids(answer: &TracesResponse) -> Vec<u128> {
    answer.traces.iter().map(|trace| u128::from_str_radix(&trace.trace_id, 16).unwrap()).collect()
}

#[test]
fn the_newest_and_the_slowest_come_first_and_the_answer_says_how_far_it_went() {
    let dir = tempfile::tempdir().unwrap();
    let spans: Vec<Draft> = (1..=1_500)
        .flat_map(|trace| {
            let root = Draft {
                duration_ns: 1_000 * u64::try_from((trace * 7) % 1_501).unwrap(),
                ..draft(trace, 1, "web")
            };
            [root, Draft { parent: 1, ..draft(trace, 2, "orders") }]
        })
        .collect();
    let (store, _writer) = store_with(dir.path(), &[spans]);
    let newest = ask(&store, "service=web", 50, SearchOrder::Newest);
    assert_eq!(ids(&newest), (1_451..=1_500).rev().collect::<Vec<_>>());
    assert!(newest.search.truncated);
    assert_eq!(newest.search.from, time_text(NOW_NS + 1_451 * 1_000_000));
    let all = ask(&store, "service=web", 1_000, SearchOrder::Newest);
    assert_eq!((all.traces.len(), all.search.truncated), (1_000, true));
    let few = ask(&store, "service=web duration<=3us", 50, SearchOrder::Newest);
    assert_eq!((few.traces.len(), few.search.truncated), (3, false));
    assert_eq!(few.search.from, time_text(NOW_NS));
    assert_eq!(few.search.conditions, ["service=web", "duration<=3us"]);
    let slowest = ask(&store, "service=web", 3, SearchOrder::Slowest);
    let ms: Vec<f64> = slowest.traces.iter().map(|trace| trace.matched.duration_ms).collect();
    assert_eq!(ms, [1.5, 1.499, 1.498]);
    assert!(slowest.search.truncated);
    let row = &ask(&store, "trace=00000000000000000000000000000007", 5, SearchOrder::Newest).traces[0];
    assert_eq!((row.span_count, row.matched_count, row.matched.span_id.as_str()), (2, 2, "0000000000000002"));
    assert_eq!(
        (row.service.as_str(), row.services.as_slice()),
        ("web", &["web".to_owned(), "orders".to_owned()][..])
    );
}

#[test]
fn time_and_service_reach_the_stored_rows() {
    let dir = tempfile::tempdir().unwrap();
    let options = StoreOptions { move_rows: 122_880, ..StoreOptions::in_dir(dir.path()) };
    let (store, mut writer) = open(&options).unwrap();
    // Four row groups, each of another day and another service.
    for group in 0..4_u64 {
        let service = format!("service-{group}");
        let spans: Vec<Draft> = (0..122_880_u64)
            .map(|number| Draft {
                start_ns: NOW_NS + i64::try_from(group).unwrap() * DAY_NS + i64::try_from(number).unwrap(),
                ..draft(u128::from(group * 122_880 + number + 1), 1, &service)
            })
            .map(|span| Draft { start_ns: span.start_ns, ..span })
            .collect();
        writer.stage_spans(group + 1, batch(&spans, store.varying_keys()));
        writer.publish().unwrap();
    }
    let whole = Times { from_ns: NOW_NS, to_ns: NOW_NS + 5 * DAY_NS };
    let one_day = Times { from_ns: NOW_NS + DAY_NS, to_ns: NOW_NS + 2 * DAY_NS };
    for (text, times) in [("", one_day), ("service=service-1", whole)] {
        let scanned = Session::run(&store, Plan::of(&parse(text).unwrap()), |session| {
            let order = SearchOrder::Newest;
            let wanted = Wanted { times, order, after: None, at_least_ns: 0, limit: 200_000 };
            let (sql, params) = session.find_sql(&wanted, &TooLarge::default());
            let plan = session.rows(&format!("EXPLAIN (ANALYZE, FORMAT JSON) {sql}"), &params, |row| {
                row.get::<_, String>(1)
            })?;
            assert_eq!(session.count(times, &TooLarge::default())?, 122_880, "{text}");
            Ok(scanned_rows(&serde_json::from_str(&plan[0]).unwrap()))
        })
        .unwrap();
        assert!(scanned < 2 * 122_880, "{text:?} scanned {scanned} rows");
    }
}

/// The rows that the scans of tables of spans read, in a plan as DuckDB tells it.
fn scanned_rows(plan: &serde_json::Value) -> u64 {
    let table = plan["extra_info"]["Table"].as_str().unwrap_or_default();
    let own = if table.contains("spans") { plan["operator_cardinality"].as_u64().unwrap() } else { 0 };
    own + plan["children"].as_array().into_iter().flatten().map(scanned_rows).sum::<u64>()
}

#[test]
fn what_differs_is_found_and_ids_are_not_told_of() {
    let dir = tempfile::tempdir().unwrap();
    let with = |span: Draft, pairs: &[(&str, String)]| Draft {
        attributes: pairs.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect(),
        ..span
    };
    let spans: Vec<Draft> = (1..=400_u64)
        .map(|number| {
            let is_new = number % 2 == 0;
            let region = if is_new && number % 8 != 0 { "east" } else { "west" };
            let span = Draft {
                version: if is_new { "v2" } else { "v1" }.to_owned(),
                flags: (is_new && number % 4 == 0, false, false, false),
                ..draft(u128::from(number), 1, "orders")
            };
            let shard = (number / 2 % 5).to_string();
            with(span, &[("region", region.to_owned()), ("shard", shard), ("request", format!("r-{number}"))])
        })
        .collect();
    let (store, _writer) = store_with(dir.path(), &[spans]);
    let set = |text: &str| SpanSet { condition: parse(text).unwrap(), times: all_times() };
    let comparison = compare(&store, &set("version=v2"), &set("version=v1")).unwrap();
    assert_eq!(
        (comparison.selection.spans, comparison.selection.compared, comparison.selection.traces),
        (200, 200, 200)
    );
    assert!((comparison.selection.error_rate - 0.5).abs() < 1e-9 && comparison.baseline.error_rate == 0.0);
    let keys: Vec<(&str, bool)> = comparison
        .attributes
        .iter()
        .map(|difference| (difference.key.as_str(), difference.is_significant))
        .collect();
    assert_eq!(
        keys[..3],
        [("version", true), ("region", true), ("\"error\"", true)]
            .map(|(key, is)| (key.trim_matches('"'), is))
    );
    assert!(keys.contains(&("shard", false)), "{keys:?}");
    assert!(!keys.iter().any(|(key, _)| *key == "request"), "{keys:?}");
    let region = &comparison.attributes[1];
    assert!((region.effect - 0.75).abs() < 1e-9, "{region:?}");
    assert_eq!((region.values[0].value.as_deref(), region.values[0].selection_count), (Some("east"), 150));
    let nothing = compare(&store, &set("service=nobody"), &set("")).unwrap();
    assert_eq!((nothing.selection.compared, nothing.baseline.compared), (0, 400));
    assert!(nothing.attributes.iter().all(|difference| !difference.is_significant));
}

#[test]
fn words_are_offered_as_spans_have_them_in_memory_and_in_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let (store, mut writer) = open(&StoreOptions::in_dir(dir.path())).unwrap();
    let span = Draft {
        version: "v7".to_owned(),
        attributes: [("user.tier", "gold"), ("http.url", "/a/1")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
        resource: [("cloud.region".to_owned(), "eu-1".to_owned())].into(),
        ..draft(1, 1, "orders")
    };
    writer.stage_spans(1, batch(&[span], store.varying_keys()));
    writer.publish().unwrap();
    for moved in [false, true] {
        if moved {
            writer.move_into_file().unwrap();
        }
        let vocabulary = Vocabulary::read(&store).unwrap();
        for (query, offer) in [
            ("service=", "orders"),
            ("version=", "v7"),
            ("user.tier=", "gold"),
            ("cloud.region=", "eu-1"),
            ("user", "user.tier="),
            ("http.u", "http.url="),
        ] {
            let completion = complete(query, query.len(), &vocabulary);
            let first = completion.items.first().map(|item| item.text.as_str());
            assert_eq!(first, Some(offer), "{query}, moved: {moved}");
        }
    }
}

#[test]
fn a_search_that_runs_out_of_time_says_how_far_it_came() {
    let dir = tempfile::tempdir().unwrap();
    let options = StoreOptions { search_time: std::time::Duration::ZERO, ..StoreOptions::in_dir(dir.path()) };
    let (store, _writer) = open(&options).unwrap();
    match search(&store, &query(parse("service=a").unwrap(), 10)) {
        Ok(answer) => assert!(answer.search.truncated && answer.traces.is_empty()),
        Err(error) => assert!(matches!(error, crate::store::StoreError::TooSlow { .. }), "{error}"),
    }
    assert!(Params::default().bound().is_empty());
}

//! Traces are written a span a line, in depth by two blanks each: service, kind, start and duration in ms.

mod properties;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::api::traces::Trace;
use crate::rows::span::{Skeleton, SpanFlags, SpanKind, Traits, Workload};
use crate::store::{StoredShape, StoredSpan, StoredTrace};

use super::told;

const START_NS: i64 = 1_795_000_000_000_000_000;
const MS: i64 = 1_000_000;
/// When all spans of these tests have come.
const LATER_NS: i64 = START_NS + 3_600_000 * MS;

/// A span of a service, its times in ns.
fn span(
    id: u64,
    parent: u64,
    service: &str,
    kind: SpanKind,
    [start_ns, duration_ns]: [i64; 2],
) -> StoredSpan {
    let workload = Workload { service: service.to_owned(), ..Workload::default() };
    let traits = Arc::new(Traits { workload: Arc::new(workload), kind, ..Traits::default() });
    StoredSpan {
        skeleton: Skeleton {
            trace_id: 1,
            span_id: id,
            parent_span_id: parent,
            start_ns,
            duration_ns: duration_ns as u64,
            traits: Arc::clone(&traits),
        },
        shape: Arc::new(StoredShape { traits, name: format!("span {id}"), ..StoredShape::default() }),
        attributes: BTreeMap::new(),
        status_message: String::new(),
        events: String::new(),
        links: String::new(),
    }
}

fn trace(text: &str) -> Vec<StoredSpan> {
    let mut spans: Vec<StoredSpan> = Vec::new();
    let mut path: Vec<(usize, u64)> = Vec::new();
    for (line, id) in text.lines().filter(|line| !line.trim().is_empty()).zip(1..) {
        let depth = line.len() - line.trim_start().len();
        path.retain(|&(above, _)| above < depth);
        let words: Vec<&str> = line.split_whitespace().collect();
        let [service, kind, start, duration, ..] = words.as_slice() else { panic!("{line}") };
        let kind = match *kind {
            "SERVER" => SpanKind::Server,
            "CLIENT" => SpanKind::Client,
            "PRODUCER" => SpanKind::Producer,
            "CONSUMER" => SpanKind::Consumer,
            _ => SpanKind::Internal,
        };
        let ns = |text: &str| (text.parse::<f64>().unwrap() * MS as f64) as i64;
        let parent = words.get(4).and_then(|word| word.strip_prefix("below=")?.parse().ok());
        let parent = parent.unwrap_or_else(|| path.last().map_or(0, |&(_, id)| id));
        spans.push(span(id, parent, service, kind, [START_NS + ns(start), ns(duration)]));
        path.push((depth, id));
    }
    spans
}

fn told_of(spans: Vec<StoredSpan>) -> Trace {
    let span_count = spans.len() as u64;
    told(1, &StoredTrace { spans, span_count, ..StoredTrace::default() }, LATER_NS)
}

/// The critical path as `span from-to`, in ms.
fn path(trace: &Trace) -> Vec<String> {
    let ms = |ns: i64| ns as f64 / MS as f64;
    let piece = |piece: &crate::api::traces::CriticalPiece| {
        let (from, name) = (piece.offset_ns, &trace.spans[piece.span as usize].name);
        format!("{name} {}-{}", ms(from), ms(from + piece.duration_ns as i64))
    };
    trace.critical_path.iter().map(piece).collect()
}

fn kinds(trace: &Trace) -> Vec<&str> {
    trace.warnings.iter().map(|warning| warning.kind.as_str()).collect()
}

#[test]
fn time_goes_to_the_innermost_span_that_was_waited_for() {
    let trace = told_of(trace(
        "
        web SERVER 0 100
          web CLIENT 10 40
            orders SERVER 12 36
              orders CLIENT 14 10
          web CLIENT 55 40
            users SERVER 60 30",
    ));
    assert_eq!(
        path(&trace),
        [
            "span 1 0-10",
            "span 2 10-12",
            "span 3 12-14",
            "span 4 14-24",
            "span 3 24-48",
            "span 2 48-50",
            "span 1 50-55",
            "span 5 55-60",
            "span 6 60-90",
            "span 5 90-95",
            "span 1 95-100"
        ]
    );
    let self_ms: Vec<u64> = trace.spans.iter().map(|span| span.self_ns / MS as u64).collect();
    assert_eq!(self_ms, [20, 4, 26, 10, 10, 30]);
    assert_eq!(self_ms.iter().sum::<u64>(), 100);
    assert!(trace.spans.iter().all(|span| span.is_critical));
    assert_eq!(trace.warnings, []);
}

#[test]
fn of_parallel_children_the_one_that_ends_last_is_waited_for() {
    let trace = told_of(trace(
        "
        web SERVER 0 100
          web CLIENT 10 30
          web CLIENT 10 70
          web CLIENT 20 10",
    ));
    assert_eq!(path(&trace), ["span 1 0-10", "span 3 10-80", "span 1 80-100"]);
    assert_eq!(trace.spans[0].self_ns, 30 * MS as u64);
    let critical: Vec<bool> = trace.spans.iter().map(|span| span.is_critical).collect();
    assert_eq!(critical, [true, false, true, false]);
}

#[test]
fn what_outlives_its_parent_was_not_waited_for_unless_it_answers_a_call() {
    let forgotten = told_of(trace(
        "
        web SERVER 0 50
          web INTERNAL 10 500
          web PRODUCER 20 5
            mailer CONSUMER 40 300",
    ));
    assert_eq!(path(&forgotten), ["span 1 0-20", "span 3 20-25", "span 1 25-50"]);
    assert_eq!(forgotten.duration_ns, 510 * MS as u64);
    assert_eq!(kinds(&forgotten), ["ends_after_parent"]);
    assert!(forgotten.warnings[0].message.contains("1 span ends after"), "{:?}", forgotten.warnings);
    assert!(forgotten.warnings[0].message.contains("460 ms"), "{:?}", forgotten.warnings);
    let given_up = told_of(trace(
        "
        web SERVER 0 50
          web CLIENT 5 20
            orders SERVER 6 900",
    ));
    assert_eq!(path(&given_up), ["span 1 0-5", "span 2 5-6", "span 3 6-25", "span 1 25-50"]);
    assert_eq!(kinds(&given_up), ["ends_after_parent"]);
}

#[test]
fn a_wrong_clock_is_told_with_its_size_and_changes_no_time() {
    let trace = told_of(trace(
        "
        web SERVER 0 100
          web CLIENT 10 50
            orders SERVER -20.5 30
          web CLIENT 60 30
            orders SERVER 31 20
              orders INTERNAL 31 20",
    ));
    assert_eq!(kinds(&trace), ["clock_skew"]);
    let message = &trace.warnings[0].message;
    assert!(
        message.starts_with("The clock of orders is at least 30.5 ms behind that of web: 2 spans lie"),
        "{message}"
    );
    assert_eq!(
        (trace.warnings[0].spans.as_slice(), trace.spans[0].offset_ns),
        ([2, 4].as_slice(), 20_500_000)
    );
    assert_eq!(trace.spans[2].offset_ns, 0, "shown as it was sent");
    let whole: u64 = trace.critical_path.iter().map(|piece| piece.duration_ns).sum();
    assert_eq!(whole, 100 * MS as u64);

    let ahead = told_of(self::trace(
        "
        web CLIENT 0 50
          orders SERVER 30 40",
    ));
    assert!(
        ahead.warnings[0].message.contains("at least 20.0 ms ahead of that of web"),
        "{:?}",
        ahead.warnings
    );
    let rounded = told_of(self::trace(
        "
        web CLIENT 0 50
          orders SERVER -0.001 50.002",
    ));
    assert_eq!(rounded.warnings, [], "a sender that knows microseconds");
}

#[test]
fn what_is_missing_or_odd_is_told() {
    let orphans = told_of(trace(
        "
        web SERVER 0 100
        orders SERVER 10 20 below=77
        users SERVER 40 20 below=77
        users SERVER 70 20 below=78",
    ));
    assert_eq!(kinds(&orphans), ["missing_parent"]);
    let message = &orphans.warnings[0].message;
    assert!(message.starts_with("3 spans name a parent that is not stored (2 are missing)."), "{message}");
    assert_eq!(orphans.warnings[0].spans, [1, 2, 3]);

    let roots = told_of(trace("web SERVER 0 100\nbatch INTERNAL 200 5\nbatch INTERNAL 300 0"));
    assert_eq!(kinds(&roots), ["several_roots", "no_end"]);
    assert!(roots.warnings[0].message.contains("`span 1` of web, `span 2` of batch"), "{:?}", roots.warnings);

    let circle = told_of(trace(
        "
        web SERVER 0 100 below=3
          web CLIENT 5 20
            web INTERNAL 6 10",
    ));
    assert_eq!(kinds(&circle), ["loop"]);
    let depths: Vec<u32> = circle.spans.iter().map(|span| span.depth).collect();
    assert_eq!((depths, circle.spans[0].parent), (vec![0, 1, 2], None));
}

#[test]
fn a_young_trace_says_that_more_may_come() {
    let spans = trace("web SERVER 0 100\norders SERVER 10 20 below=77");
    let stored = StoredTrace { spans, span_count: 5, ..StoredTrace::default() };
    let young = told(1, &stored, START_NS + 4_100 * MS);
    assert_eq!(kinds(&young), ["too_many_spans", "missing_parent", "still_arriving"]);
    assert!(young.warnings[1].message.ends_with("They may be on their way still."));
    assert!(young.warnings[2].message.starts_with("The last span ended 4.0 s ago"), "{:?}", young.warnings);
    assert_eq!((young.span_count, young.spans.len()), (5, 2));
}

#[test]
fn proxies_belong_to_the_hop_of_what_they_stand_before() {
    let mut spans = trace(
        "
        web CLIENT 0 50
          web CLIENT 1 48
            orders SERVER 3 44
              orders SERVER 4 40
                orders CLIENT 5 10",
    );
    for proxy in [1, 2] {
        let flags = SpanFlags { proxy: true, ..SpanFlags::default() };
        let traits = Traits { flags, ..(*spans[proxy].skeleton.traits).clone() };
        spans[proxy].skeleton.traits = Arc::new(traits);
    }
    let trace = told_of(spans);
    let hops: Vec<(u32, bool)> = trace.spans.iter().map(|span| (span.hop, span.is_proxy)).collect();
    assert_eq!(hops, [(0, false), (0, true), (1, true), (1, false), (1, false)]);
}

#[test]
fn events_and_links_are_told_and_what_is_none_is_left_out() {
    let mut spans = trace("web SERVER 0 100\nweb INTERNAL 1 2 below=1");
    let ns = START_NS + 7 * MS;
    spans[0].events = format!(
        r#"[{{"time_unix_ns":{ns},"name":"retry","attributes":{{"n":3,"deep":{{"a":[1,true]}},"why":"slow"}}}}]"#
    );
    spans[0].links = format!(r#"[{{"trace_id":"{:032x}","span_id":"{:016x}","attributes":{{}}}}]"#, 5, 6);
    spans[1].events = "[{\"name\":".to_owned();
    spans[1].links = "{}".to_owned();
    let trace = told_of(spans);
    let event = &trace.spans[0].events[0];
    assert_eq!((event.offset_ns, event.name.as_str()), (7 * MS, "retry"));
    let attributes: Vec<_> = event.attributes.values().map(String::as_str).collect();
    assert_eq!(attributes, [r#"{"a":[1,true]}"#, "3", "slow"]);
    assert_eq!(trace.spans[0].links[0].span_id, "0000000000000006");
    assert!(trace.spans[1].events.is_empty() && trace.spans[1].links.is_empty());
}

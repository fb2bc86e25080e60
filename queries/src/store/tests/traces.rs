//! Finding a trace by its id: every stored span is found, and little else is read.

use std::collections::BTreeSet;

use super::super::late;
use super::super::stored_traces::Places;
use super::*;

/// The ids of a trace's spans as the store tells them, which must be as many as it says.
fn found(store: &Store, trace_id: u128) -> BTreeSet<u64> {
    let trace = store.trace(trace_id, 1_000).unwrap();
    let ids: BTreeSet<u64> = trace.spans.iter().map(|span| span.skeleton.span_id).collect();
    assert_eq!((trace.span_count, trace.spans.len()), (ids.len() as u64, ids.len()), "{trace_id}");
    ids
}

/// Likewise as the writer finds them for a span that comes late.
fn found_late(store: &Store, writer: &Writer, trace_id: u128) -> BTreeSet<u64> {
    let spans = late::stored_spans(&writer.connection, store.index(), &[trace_id, 77]).unwrap();
    assert!(spans.iter().all(|span| span.trace_id == trace_id));
    spans.iter().map(|span| span.span_id).collect()
}

/// Rows that are looked at to find a trace.
fn rows_read(store: &Store, trace_id: u128) -> i64 {
    let count = |connection: &Connection| {
        let places = Places::of(connection, store.index(), &[trace_id])?;
        let sql = format!("SELECT count(*) FROM ({})", places.spans());
        connection.query_row(&sql, [], |row| row.get(0))
    };
    store.read("test", count).unwrap()
}

fn day(number: u32) -> fn() -> jiff::Timestamp {
    const DAY: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);
    const DAYS: [fn() -> jiff::Timestamp; 3] =
        [|| jiff::Timestamp::from_nanosecond(NOW_NS.into()).unwrap(), || DAYS[0]() + DAY, || DAYS[1]() + DAY];
    DAYS[number as usize]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// In whatever portions, moved or not, on whatever days, after an orderly end or a crash.
    #[test]
    fn every_stored_span_is_found(
        steps in prop::collection::vec(
            (prop::collection::vec(Draft::any(), 1..12), 0_u8..5, prop::sample::select(vec![0_u32, 0, 0, 1, 2])), 1..14
        )
    ) {
        let dir = tempfile::tempdir().unwrap();
        let (mut store, mut writer) = open(&options(dir.path())).unwrap();
        let (mut moved, mut stored) = (Vec::new(), Vec::<Draft>::new());
        for (sequence, (drafts, then, on)) in (1..).zip(&steps) {
            writer.now = day(*on);
            writer.stage_spans(sequence, batch(drafts));
            writer.publish().unwrap();
            stored.extend_from_slice(drafts);
            match then {
                0 => {
                    writer.move_into_file().unwrap();
                    moved.clone_from(&stored);
                }
                1 => {
                    writer.move_into_file().unwrap();
                    moved.clone_from(&stored);
                    drop((store, writer));
                    (store, writer) = open(&options(dir.path())).unwrap();
                }
                2 => {
                    // What was in memory is lost, unless it went into the file with a whole row group, and the log brings
                    // it again.
                    drop((store, writer));
                    (store, writer) = open(&options(dir.path())).unwrap();
                    for trace in 1..=6 {
                        let lost = found(&store, trace);
                        let kept = moved.iter().filter(|draft| u128::from(draft.trace) + 1 == trace);
                        let kept: BTreeSet<u64> = kept.map(|draft| u64::from(draft.span)).collect();
                        prop_assert!(lost.is_superset(&kept));
                    }
                    writer.now = day(*on);
                    writer.stage_spans(sequence, batch(&stored));
                    writer.publish().unwrap();
                }
                _ => {}
            }
            for trace in 1..=6 {
                let sent = stored.iter().filter(|draft| u128::from(draft.trace) + 1 == trace);
                let sent: BTreeSet<u64> = sent.map(|draft| u64::from(draft.span)).collect();
                prop_assert_eq!(&found(&store, trace), &sent, "trace {} after {}", trace, sequence);
                prop_assert_eq!(&found_late(&store, &writer, trace), &sent);
            }
            prop_assert!(found(&store, 99).is_empty());
        }
    }
}

/// Sixteen spans, each the only one of its trace; a whole row group of these tests.
fn row_group(first: u64) -> SpanBatch {
    let attributes = vec![vec![("tenant".to_owned(), "blue".to_owned())]; 16];
    spans_with(first, &attributes, Arc::default())
}

#[test]
fn a_look_up_reads_only_the_portions_that_may_hold_the_trace() {
    const GROUPS: u64 = 60;
    let dir = tempfile::tempdir().unwrap();
    let (mut store, mut writer) = open(&options(dir.path())).unwrap();
    for group in 0..GROUPS {
        writer.now = day(u32::from(group >= GROUPS / 2));
        writer.stage_spans(group + 1, row_group(1 + group * 16));
        writer.publish().unwrap();
    }
    for reopened in [false, true] {
        if reopened {
            writer.move_into_file().unwrap();
            drop((store, writer));
            (store, writer) = open(&options(dir.path())).unwrap();
        }
        let size = store.trace_index_size();
        assert_eq!(size.portions, GROUPS, "reopened: {reopened}");
        assert!(size.bytes <= GROUPS * 32, "{size:?}");
        let ids = 1..=GROUPS * 16;
        let read: i64 = ids.clone().map(|id| rows_read(&store, id.into())).sum();
        let once = i64::try_from(GROUPS * 16).unwrap();
        assert!(read >= 16 * once && read < 17 * once, "{read} rows read for {once} spans");
        assert!(ids.step_by(37).all(|id| found(&store, id.into()) == BTreeSet::from([id])));
        let read: i64 = (10_000..11_000).map(|id| rows_read(&store, id)).sum();
        assert!(read < 1_000, "{read} rows read for 1,000 traces that are not there");
    }
}

#[test]
fn small_moves_make_a_portion_together_and_a_day_that_is_over_has_nothing_without_a_filter() {
    let dir = tempfile::tempdir().unwrap();
    let (store, mut writer) = open(&options(dir.path())).unwrap();
    let few = |first| spans_with(first, &vec![Vec::new(); 5], Arc::default());
    writer.now = day(0);
    for (number, portions) in [0, 0, 0, 1, 1].into_iter().enumerate() {
        let number = number as u64;
        writer.stage_spans(number + 1, few(1 + number * 5));
        writer.publish().unwrap();
        writer.move_into_file().unwrap();
        assert_eq!(store.trace_index_size().portions, portions, "after {number}");
    }
    assert_eq!((rows_read(&store, 1), rows_read(&store, 25), rows_read(&store, 99)), (25, 5, 5));
    writer.now = day(1);
    writer.stage_spans(6, few(26));
    writer.publish().unwrap();
    assert_eq!(store.trace_index_size().portions, 2);
    // Those in memory are read always.
    assert_eq!((rows_read(&store, 1), rows_read(&store, 25), rows_read(&store, 99)), (25, 10, 5));
    assert_eq!(found(&store, 30), BTreeSet::from([30]));
}

#[test]
fn what_an_older_version_stored_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let (store, mut writer) = open(&options(dir.path())).unwrap();
    writer.now = day(0);
    for group in 0..3 {
        writer.stage_spans(group + 1, row_group(1 + group * 16));
        writer.publish().unwrap();
    }
    let as_before = "DROP TABLE store.trace_portions_20261118;
        CREATE TABLE old AS SELECT * EXCLUDE (generation) FROM store.spans_20261118;
        DROP TABLE store.spans_20261118";
    writer.connection.execute_batch(as_before).unwrap();
    writer.connection.execute_batch("CREATE TABLE store.spans_20261118 AS FROM old").unwrap();
    drop((store, writer));

    let (mut store, mut writer) = open(&options(dir.path())).unwrap();
    writer.now = day(0);
    writer.stage_spans(4, row_group(49));
    writer.publish().unwrap();
    for reopened in [false, true] {
        if reopened {
            drop((store, writer));
            (store, writer) = open(&options(dir.path())).unwrap();
        }
        assert_eq!(store.row_counts().unwrap().spans, 64);
        assert!((1..=64_u64).all(|id| found(&store, id.into()) == BTreeSet::from([id])));
        assert_eq!((rows_read(&store, 1), rows_read(&store, 50), rows_read(&store, 999)), (48, 64, 48));
        assert_eq!(counts(&store, "SELECT count(*) FROM spans WHERE attributes['tenant'] = 'blue'"), 64);
    }
    drop(writer);
}

#[test]
fn a_trace_has_its_attributes_and_resources_wherever_they_lie() {
    let dir = tempfile::tempdir().unwrap();
    let (store, mut writer) = open(&options(dir.path())).unwrap();
    let draft = |span| Draft { trace: 0, span, parent: 0, service: 1, kind: 2, error: true, second: 0 };
    let more = |service| Draft { service, ..draft(service + 10) };
    for (sequence, drafts) in (1..).zip([vec![draft(1), more(2)], vec![draft(2), more(3)]]) {
        writer.stage_spans(sequence, batch(&drafts));
        writer.publish().unwrap();
        for moved in [false, true] {
            if moved {
                writer.move_into_file().unwrap();
            }
            let trace = store.trace(1, 100).unwrap();
            assert_eq!(trace.spans.len() as u64, 2 * sequence);
            for span in &trace.spans {
                let service = &span.skeleton.workload.service;
                let resource = &trace.resources[&span.shape.resource_id];
                assert_eq!(resource.get("service.name"), Some(service), "moved: {moved}");
                let url = format!("/0/{}", span.skeleton.span_id);
                let text = |key: &str| span.attributes.get(key).map(String::as_str);
                assert_eq!((text("http.url"), text("tenant")), (Some(url.as_str()), Some("blue")));
                assert_eq!(text("guid:x-request-id"), Some("363b99c1-0cfb-97ec-8f5b-71e50495cc6d"));
                assert_eq!((span.attributes.len(), text("http.method")), (6, Some("GET")));
            }
        }
    }
}

#[test]
fn of_too_many_spans_those_that_start_first_are_given_and_all_are_counted() {
    let dir = tempfile::tempdir().unwrap();
    let (store, mut writer) = open(&StoreOptions { move_rows: 60, ..options(dir.path()) }).unwrap();
    let drafts: Vec<Draft> = (1..=100)
        .map(|span| Draft {
            trace: 0,
            span,
            parent: 0,
            service: 0,
            kind: 1,
            error: false,
            second: u16::from(span).wrapping_mul(37) % 101,
        })
        .collect();
    writer.stage_spans(1, batch(&drafts));
    writer.publish().unwrap();
    let trace = store.trace(1, 30).unwrap();
    assert_eq!((trace.spans.len(), trace.span_count), (30, 100));
    let last = trace.spans.iter().map(|span| span.skeleton.start_ns).max().unwrap();
    let earlier =
        drafts.iter().filter(|draft| NOW_NS + i64::from(draft.second) * 1_000_000_000 <= last).count();
    assert_eq!(earlier, 30);
}

#[test]
fn log_lines_that_name_a_trace_are_given_by_their_time() {
    use crate::rows::access_log::{AccessLogBatch, AccessLogRow};
    use crate::rows::log::{LogBatchBuilder, LogRecord};

    let dir = tempfile::tempdir().unwrap();
    let (store, mut writer) = open(&options(dir.path())).unwrap();
    let mut logs = LogBatchBuilder::new(4);
    for (number, trace_id) in (0..).zip([1_u128 << 64 | 5, 5, 1 << 64 | 5, 1 << 64 | 5]) {
        let (time_ns, body) = (NOW_NS - number, Cow::from(format!("line {number}")));
        let severity_number = if number == 0 { 17 } else { 0 };
        logs.push(&LogRecord {
            time_ns,
            trace_id,
            span_id: 3,
            body,
            severity_number,
            ..LogRecord::default()
        })
        .unwrap();
    }
    writer.stage_logs(1, 1, logs.finish().unwrap(), Vec::new());
    let row = AccessLogRow {
        start_ns: NOW_NS,
        trace_id: 5,
        span_id: 4,
        duration_ns: Some(7),
        node_cluster: "web".to_owned(),
        method: "GET".to_owned(),
        path: "/carts".to_owned(),
        response_code: 503,
        response_flags: "UF".to_owned(),
        upstream_cluster: "carts".to_owned(),
        attributes: vec![("tenant".to_owned(), "blue".to_owned())],
        ..AccessLogRow::default()
    };
    let raw = AccessLogRow {
        raw: "no format fits".to_owned(),
        trace_id: 5,
        start_ns: NOW_NS + 1,
        ..AccessLogRow::default()
    };
    writer.stage_access_logs(2, Box::new(AccessLogBatch { rows: vec![row, raw], cursor: None }));
    writer.publish().unwrap();
    for moved in [false, true] {
        if moved {
            writer.move_into_file().unwrap();
        }
        let around = [NOW_NS - 2, NOW_NS + 10];
        let logs = store.trace_logs(1 << 64 | 5, around, 10).unwrap();
        let lines: Vec<_> = logs.lines.iter().map(|line| (line.body.as_str(), &*line.severity)).collect();
        assert_eq!((lines, logs.count), (vec![("line 2", ""), ("line 0", "ERROR")], 2), "moved: {moved}");
        let first = store.trace_logs(1 << 64 | 5, around, 1).unwrap();
        assert_eq!((first.lines.len(), first.lines[0].body.as_str(), first.count), (1, "line 2", 2));
        let lines = store.trace_access_logs(5, around, 10).unwrap().lines;
        let line = &lines[0];
        assert_eq!((line.body.as_str(), line.severity.as_str()), ("GET /carts 503 UF", "ERROR"));
        assert_eq!((line.service.as_str(), line.duration_ns, line.span_id), ("web", Some(7), 4));
        let said: Vec<_> =
            line.attributes.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(said, [("tenant", "blue"), ("upstream_cluster", "carts")]);
        assert_eq!((lines[1].body.as_str(), lines[1].severity.as_str()), ("no format fits", ""));
    }
}

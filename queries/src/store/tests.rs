mod others;

use std::borrow::Cow;
use std::collections::HashMap;

use proptest::prelude::*;

use super::measures::Rollup;
use super::*;
use crate::rows::span::{
    PeerKind, PeerRef, Protocol, SpanBatch, SpanBatchBuilder, SpanKind, SpanRow, VaryingKeys,
};
use crate::sketch::Bins;
use crate::trace::contributions;

const NOW_NS: i64 = 1_795_000_000_000_000_000;

fn options(dir: &Path) -> StoreOptions {
    StoreOptions { move_rows: 16, window_spans: 40, ..StoreOptions::in_dir(dir) }
}

/// A span that is one of a few services, somewhere in a small trace.
#[derive(Clone, Copy, Debug)]
struct Draft {
    trace: u8,
    span: u8,
    parent: u8,
    service: u8,
    kind: u8,
    error: bool,
    second: u16,
}

impl Draft {
    fn any() -> impl Strategy<Value = Self> {
        (0_u8..6, 1_u8..9, 0_u8..9, 0_u8..4, 1_u8..6, any::<bool>(), 0_u16..300).prop_map(
            |(trace, span, parent, service, kind, error, second)| Self {
                trace,
                span,
                parent,
                service,
                kind,
                error,
                second,
            },
        )
    }

    fn push_to(self, builder: &mut SpanBatchBuilder) {
        let service = format!("service-{}", self.service);
        let peer = PeerRef { kind: PeerKind::Host, system: "", name: "elsewhere" };
        let attributes = [
            (Cow::from("guid:x-request-id"), Cow::from("363b99c1-0cfb-97ec-8f5b-71e50495cc6d")),
            (Cow::from("http.method"), Cow::from("GET")),
            (Cow::from("http.url"), Cow::from(format!("/{}/{}", self.trace, self.span))),
            (Cow::from("tenant"), Cow::from("blue")),
            (Cow::from("response_flags"), Cow::from(if self.error { "UF,URX" } else { "-" })),
            (Cow::from("grpc.status_code"), Cow::from((self.span % 4).to_string())),
        ];
        builder.set_resource(&[(Cow::from("service.name"), Cow::from(service.as_str()))]);
        builder
            .push(&SpanRow {
                trace_id: u128::from(self.trace) + 1,
                is_xray: self.service.is_multiple_of(2),
                span_id: u64::from(self.span),
                parent_span_id: u64::from(self.parent),
                start_ns: NOW_NS + i64::from(self.second) * 1_000_000_000,
                duration_ns: 1_000_000 * u64::from(self.span),
                service: &service,
                kind: SpanKind::from_number(i32::from(self.kind)),
                is_error: self.error,
                protocol: Protocol::Http,
                method: "GET",
                route: ["", "/a", "/b/{id}"][usize::from(self.span) % 3],
                http_status: if self.error { 503 } else { 200 },
                peer: Some(peer),
                attributes: &attributes,
                ..SpanRow::default()
            })
            .unwrap();
    }
}

fn batch(drafts: &[Draft]) -> SpanBatch {
    let mut builder = SpanBatchBuilder::default();
    for draft in drafts {
        draft.push_to(&mut builder);
    }
    builder.finish().unwrap()
}

/// The spans of each trace, of each id the first.
fn traces_of(drafts: &[Draft]) -> HashMap<u128, Vec<crate::rows::span::Skeleton>> {
    let mut traces: HashMap<u128, Vec<_>> = HashMap::new();
    for span in batch(drafts).skeletons {
        let trace = traces.entry(span.trace_id).or_default();
        if !trace.iter().any(|known: &crate::rows::span::Skeleton| known.span_id == span.span_id) {
            trace.push(span);
        }
    }
    traces
}

/// What the store should count: what each trace contributes.
fn recomputed(drafts: &[Draft]) -> HashMap<(i64, SeriesKey), Measures> {
    let mut counted: HashMap<_, Measures> = HashMap::new();
    for contribution in traces_of(drafts).values().flat_map(|trace| contributions(trace).0) {
        let key = SeriesKey::Edge {
            source: contribution.source.clone(),
            target: contribution.target.clone(),
            protocol: contribution.protocol,
            by_xray: contribution.by_xray,
        };
        counted.entry((contribution.bucket_s, key)).or_default().add(&contribution, 1);
    }
    counted
}

/// The same of routes.
fn recomputed_routes(drafts: &[Draft]) -> HashMap<SeriesKey, Measures> {
    let mut counted: HashMap<SeriesKey, Measures> = HashMap::new();
    for contribution in traces_of(drafts).values().flat_map(|trace| contributions(trace).0) {
        let Some(route) = contribution.route.clone() else { continue };
        let key = SeriesKey::Traced(Arc::new(TracedRoute {
            source: contribution.source.clone(),
            target: contribution.target.clone(),
            route,
            by_xray: contribution.by_xray,
        }));
        counted.entry(key).or_default().add_to_route(&contribution, 1);
    }
    counted
}

/// What the store counts of routes.
fn counted_routes(store: &Store) -> HashMap<SeriesKey, Measures> {
    let mut sums: HashMap<SeriesKey, Measures> = HashMap::new();
    let selection = Selection::of(Family::Routes, everything());
    store
        .rows(&selection, |row| {
            let key = store.directory(|directory| directory.route_series(row.series_id).unwrap().clone());
            sums.entry(key).or_default().merge(&row.measures(), 1);
        })
        .unwrap();
    sums.retain(|_, measures| !measures.is_zero());
    sums
}

/// What the store counts within a range, by the start of steps of this length.
fn counted(store: &Store, range: TimeRange, step_s: i64) -> HashMap<(i64, SeriesKey), Measures> {
    let mut rollup = Rollup::default();
    store
        .rollups(range, |row| {
            let bucket_s = row.bucket_s.div_euclid(step_s) * step_s;
            rollup.entry((bucket_s, row.series_id)).or_default().merge(&row.measures(), 1);
        })
        .unwrap();
    let key = |series| store.directory(|directory| directory.series(series).unwrap().clone());
    rollup
        .into_iter()
        .filter(|(_, measures)| !measures.is_zero())
        .map(|((bucket_s, series), measures)| ((bucket_s, key(series)), measures))
        .collect()
}

fn totals(store: &Store) -> HashMap<SeriesKey, Measures> {
    let totals = store.totals(everything(), i64::MAX).unwrap();
    let key = |series| store.directory(|directory| directory.series(series).unwrap().clone());
    totals.into_iter().map(|(series, total)| (key(series), total.measures)).collect()
}

/// The totals of edges leave statistics out.
fn without_stats(sums: &HashMap<SeriesKey, Measures>) -> HashMap<SeriesKey, Measures> {
    let strip = |(key, measures): (&SeriesKey, &Measures)| {
        (key.clone(), Measures { stats: Bins::default(), ..measures.clone() })
    };
    sums.iter().map(strip).collect()
}

fn everything() -> TimeRange {
    TimeRange::covering(NOW_NS / 1_000_000_000 - 7_200, NOW_NS / 1_000_000_000 + 7_200)
}

fn summed(by_bucket: HashMap<(i64, SeriesKey), Measures>) -> HashMap<SeriesKey, Measures> {
    let mut sums: HashMap<SeriesKey, Measures> = HashMap::new();
    for ((_, key), measures) in by_bucket {
        sums.entry(key).or_default().merge(&measures, 1);
    }
    sums.retain(|_, measures| !measures.is_zero());
    sums
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// In whatever portions, however often moved into the file, sent again, or interrupted by restarts.
    #[test]
    fn rollups_equal_a_recomputation_from_all_spans(
        portions in prop::collection::vec((prop::collection::vec(Draft::any(), 1..12), 0_u8..4), 1..10)
    ) {
        let dir = tempfile::tempdir().unwrap();
        let (mut store, mut writer) = open(&options(dir.path())).unwrap();
        let mut sent = Vec::new();
        for (sequence, (drafts, then)) in (1..).zip(&portions) {
            writer.stage_spans(sequence, batch(drafts));
            writer.publish().unwrap();
            sent.extend_from_slice(drafts);
            match then {
                0 => writer.move_into_file().unwrap(),
                1 => {
                    // Everything is moved at the end of an orderly run; the log replays the rest otherwise.
                    writer.move_into_file().unwrap();
                    drop((store, writer));
                    (store, writer) = open(&options(dir.path())).unwrap();
                    prop_assert_eq!(writer.position(), sequence);
                }
                2 => {
                    writer.stage_spans(sequence, batch(drafts));
                    prop_assert_eq!(writer.publish().unwrap().spans, 0, "a resent request changes nothing");
                }
                _ => {}
            }
            let sums = summed(counted(&store, everything(), 1));
            prop_assert_eq!(&sums, &summed(recomputed(&sent)));
            prop_assert_eq!(counted_routes(&store), recomputed_routes(&sent));
            // The second time sums over the past are kept from the first.
            for _ in 0..2 {
                prop_assert_eq!(&totals(&store), &without_stats(&sums));
            }
        }
        let spans: std::collections::HashSet<_> = sent.iter().map(|draft| (draft.trace, draft.span)).collect();
        prop_assert_eq!(store.row_counts().unwrap().spans, spans.len() as u64);
    }
}

#[test]
fn every_tier_counts_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let (store, mut writer) = open(&options(dir.path())).unwrap();
    let draft =
        |trace, span, second| Draft { trace, span, parent: 0, service: 0, kind: 2, error: false, second };
    let early = [draft(0, 1, 0), draft(1, 2, 61), draft(2, 3, 200)];
    writer.stage_spans(1, batch(&early));
    writer.publish().unwrap();
    // NOW_NS is in the past, so that this seals every step it lies in.
    writer.move_into_file().unwrap();
    let late = [draft(3, 4, 5), Draft { parent: 9, service: 1, kind: 3, error: true, ..draft(0, 5, 1) }];
    writer.stage_spans(2, batch(&late));
    writer.publish().unwrap();
    let all: Vec<Draft> = early.into_iter().chain(late).collect();
    for moved in [false, true] {
        if moved {
            writer.move_into_file().unwrap();
        }
        assert_eq!(counted(&store, everything(), 86_400).len(), summed(recomputed(&all)).len());
        assert_eq!(summed(counted(&store, everything(), 1)), summed(recomputed(&all)), "moved: {moved}");
        let start_s = NOW_NS / 1_000_000_000;
        let minute = TimeRange::covering(start_s.div_euclid(60) * 60, start_s.div_euclid(60) * 60 + 60);
        let in_minute: i64 = counted(&store, minute, 60).values().map(|measures| measures.requests).sum();
        let expected: i64 = recomputed(&all)
            .iter()
            .filter(|((bucket_s, _), _)| (minute.from_s..minute.to_s).contains(bucket_s))
            .map(|(_, measures)| measures.requests)
            .sum();
        assert_eq!(in_minute, expected, "moved: {moved}");
    }
}

#[test]
fn the_public_view_shows_every_attribute() {
    let dir = tempfile::tempdir().unwrap();
    let (store, mut writer) = open(&options(dir.path())).unwrap();
    let draft = Draft { trace: 0, span: 1, parent: 0, service: 0, kind: 2, error: true, second: 0 };
    writer.stage_spans(1, batch(&[draft]));
    writer.publish().unwrap();
    for moved in [false, true] {
        if moved {
            writer.move_into_file().unwrap();
        }
        let row: (String, String, String, String) = store
            .read("test", |connection| {
                connection.query_row(
                    "SELECT trace_id, span_id, attributes::VARCHAR, start_time::VARCHAR FROM spans",
                    [],
                    |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
                )
            })
            .unwrap();
        assert_eq!(row.0, "00000000000000000000000000000001");
        assert_eq!(row.1, "0000000000000001");
        let attributes = "{http.method=GET, tenant=blue, response_flags='UF,URX', grpc.status_code=1, http.url=/0/1, 'guid:x-request-id'=363b99c1-0cfb-97ec-8f5b-71e50495cc6d}";
        assert_eq!(row.2, attributes);
        assert!(row.3.starts_with("2026-11-18"), "{}", row.3);
    }
}

/// DuckDB on several threads shows readers the row groups of a move before it is committed.
#[test]
fn no_reader_sees_a_row_group_twice_while_it_is_moved() {
    const ROWS: u64 = 122_880;
    let dir = tempfile::tempdir().unwrap();
    let (store, mut writer) = open(&StoreOptions::in_dir(dir.path())).unwrap();
    let template =
        batch(&[Draft { trace: 0, span: 1, parent: 0, service: 0, kind: 2, error: false, second: 0 }]);
    let rows = usize::try_from(ROWS).unwrap();
    let zeros = arrow::array::UInt32Array::from(vec![0; rows]);
    for round in 1..=2 {
        let mut batch = template.clone();
        batch.columns = arrow::compute::take_record_batch(&template.columns, &zeros).unwrap();
        batch.skeletons = (0..ROWS)
            .map(|row| crate::rows::span::Skeleton {
                trace_id: u128::from(round * ROWS + row),
                ..template.skeletons[0].clone()
            })
            .collect();
        writer.stage_spans(round, batch);
        let done = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| {
                while !done.load(std::sync::atomic::Ordering::Relaxed) {
                    let count = store.row_counts().unwrap().spans;
                    assert!(
                        [round - 1, round].contains(&(count / ROWS)) && count % ROWS == 0,
                        "{count} in round {round}"
                    );
                }
            });
            let published = writer.publish();
            done.store(true, std::sync::atomic::Ordering::Relaxed);
            reader.join().unwrap();
            assert_eq!(published.unwrap().spans, ROWS);
        });
        assert_eq!(store.row_counts().unwrap().spans, round * ROWS);
    }
}

/// Spans of one service, each with these attributes.
fn spans_with(first_id: u64, attributes: &[Vec<(String, String)>], varying: Arc<VaryingKeys>) -> SpanBatch {
    let mut builder = SpanBatchBuilder::new(attributes.len(), varying);
    for (id, attributes) in (first_id..).zip(attributes) {
        let attributes: Vec<_> = attributes
            .iter()
            .map(|(key, value)| (Cow::from(key.as_str()), Cow::from(value.as_str())))
            .collect();
        builder
            .push(&SpanRow {
                trace_id: u128::from(id),
                span_id: id,
                start_ns: NOW_NS,
                service: "orders",
                attributes: &attributes,
                ..SpanRow::default()
            })
            .unwrap();
    }
    builder.finish().unwrap()
}

fn counts(store: &Store, sql: &str) -> i64 {
    store.read("test", |connection| connection.query_row(sql, [], |row| row.get(0))).unwrap()
}

#[test]
fn attributes_with_many_values_leave_the_shapes_and_stay_readable() {
    let dir = tempfile::tempdir().unwrap();
    let (store, mut writer) = open(&options(dir.path())).unwrap();
    let text = |key: &str, value: String| (key.to_owned(), value);
    for round in 0..8_u64 {
        let attributes: Vec<Vec<(String, String)>> = (0..50)
            .map(|number| {
                let customer = round * 50 + number;
                vec![
                    text("customer", format!("c-{customer}")),
                    text("shard", (customer % 3).to_string()),
                    text("http.url", format!("/carts/{customer}")),
                ]
            })
            .collect();
        let batch = spans_with(1 + round * 50, &attributes, store.varying_keys());
        writer.stage_spans(round + 1, batch);
        writer.publish().unwrap();
    }
    assert!(store.varying_keys().contains("orders", "customer"));
    assert!(!store.varying_keys().contains("users", "customer"), "found in one service alone");
    assert!(!store.varying_keys().contains("orders", "shard"));
    for moved in [false, true] {
        if moved {
            writer.move_into_file().unwrap();
        }
        let shapes = counts(&store, "SELECT count(*) FROM shapes");
        assert!(shapes < 120, "{shapes} shapes of 400 spans");
        let right = "SELECT count(*) FROM spans WHERE attributes['customer'] = 'c-' || (('0x' || span_id)::BIGINT - 1)
            AND attributes['http.url'] = '/carts/' || (('0x' || span_id)::BIGINT - 1)
            AND attributes['shard'] = ((('0x' || span_id)::BIGINT - 1) % 3)::VARCHAR AND len(map_keys(attributes)) = 3";
        assert_eq!(counts(&store, right), 400, "moved: {moved}");
    }
}

#[test]
fn a_span_with_more_varying_attributes_than_columns_keeps_them_all() {
    let dir = tempfile::tempdir().unwrap();
    let (store, mut writer) = open(&options(dir.path())).unwrap();
    let mut varying = VaryingKeys::default();
    let keys: Vec<String> = (0..9).map(|number| format!("key-{number}")).collect();
    for key in &keys {
        varying.insert("orders", key);
    }
    let attributes: Vec<_> = keys.iter().map(|key| (key.clone(), format!("value of {key}"))).collect();
    writer.stage_spans(1, spans_with(1, &[attributes, Vec::new()], Arc::new(varying)));
    writer.publish().unwrap();
    for key in &keys {
        let sql = format!("SELECT count(*) FROM spans WHERE attributes['{key}'] = 'value of {key}'");
        assert_eq!(counts(&store, &sql), 1, "{key}");
    }
    assert_eq!(counts(&store, "SELECT count(*) FROM spans WHERE len(map_keys(attributes)) = 0"), 1);
}

#[test]
fn a_new_day_begins_a_partition_with_shapes_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let (store, mut writer) = open(&StoreOptions::in_dir(dir.path())).unwrap();
    let same = |id| spans_with(id, &[vec![("shard".to_owned(), "3".to_owned())]], store.varying_keys());
    let today: fn() -> jiff::Timestamp = || jiff::Timestamp::from_nanosecond(NOW_NS.into()).unwrap();
    let tomorrow: fn() -> jiff::Timestamp =
        || jiff::Timestamp::from_nanosecond(NOW_NS.into()).unwrap() + jiff::SignedDuration::from_hours(24);
    for (id, now) in (1..).zip([today, today, tomorrow, tomorrow]) {
        writer.now = now;
        writer.stage_spans(id, same(id));
        writer.publish().unwrap();
    }
    for moved in [false, true] {
        if moved {
            writer.move_into_file().unwrap();
        }
        let whole = "SELECT count(*) FROM spans WHERE service = 'orders' AND attributes['shard'] = '3'";
        assert_eq!(counts(&store, whole), 4, "moved: {moved}");
    }
    for day in ["20261118", "20261119"] {
        assert_eq!(counts(&store, &format!("SELECT count(*) FROM store.spans_{day}")), 2);
        assert_eq!(counts(&store, &format!("SELECT count(*) FROM store.shapes_{day}")), 1);
    }
}

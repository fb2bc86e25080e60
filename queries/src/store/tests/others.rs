//! Log records, data points, access logs and the statistics of proxies.

use std::fs;

use crate::dictionary::StatId;
use crate::rows::SourceCursor;
use crate::rows::access_log::{AccessLogBatch, AccessLogRow, Direction};
use crate::rows::envoy::{EnvoyScrape, Gap, LatencyBin, ObjectCounts, Proxy, StatObject};
use crate::rows::log::{LogBatch, LogBatchBuilder, LogRecord};
use crate::rows::metric::{MetricBatch, MetricBatchBuilder, MetricPoint};

use super::*;

fn logs(count: usize) -> LogBatch {
    let mut builder = LogBatchBuilder::new(count);
    builder.set_resource(&[(Cow::from("service.name"), Cow::from("orders"))]);
    for number in 0..count {
        let attributes = [(Cow::from("number"), Cow::from(number.to_string()))];
        let record = LogRecord {
            time_ns: NOW_NS + number as i64,
            body: Cow::from(format!("line {number}")),
            attributes: &attributes,
            ..LogRecord::default()
        };
        builder.push(&record).unwrap();
    }
    builder.finish().unwrap()
}

fn metrics(count: usize) -> MetricBatch {
    let mut builder = MetricBatchBuilder::new(count);
    for number in 0..count {
        let time_ns = NOW_NS + number as i64;
        builder.push(&MetricPoint { time_ns, name: "queue.depth", ..MetricPoint::default() }).unwrap();
    }
    builder.finish().unwrap()
}

fn request(route: &str, response_code: u16) -> AccessLogRow {
    AccessLogRow {
        start_ns: NOW_NS,
        duration_ns: Some(12_000_000),
        node_id: "web-1".to_owned(),
        node_cluster: "web".to_owned(),
        direction: Direction::Outbound,
        method: "GET".to_owned(),
        route: route.to_owned(),
        upstream_cluster: "orders".to_owned(),
        response_code,
        attempts: 2,
        ..AccessLogRow::default()
    }
}

fn logged(store: &Store) -> HashMap<String, (i64, i64, i64)> {
    let routes = counted_routes(store).into_iter().filter_map(|(key, measures)| match key {
        SeriesKey::Logged(logged) => {
            let Counts { requests, errors, retries, .. } = measures.counts;
            Some((logged.route.clone(), (requests, errors, retries)))
        }
        _ => None,
    });
    routes.collect()
}

#[test]
fn what_is_sent_again_is_stored_once_even_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let (store, mut writer) = open(&options(dir.path())).unwrap();
    writer.stage_logs(1, 11, logs(5_000), vec![request("/a", 200)]);
    writer.stage_metrics(2, 12, metrics(3_000));
    writer.stage_logs(3, 11, logs(5_000), vec![request("/a", 200)]);
    let published = writer.publish().unwrap();
    assert_eq!((published.log_records, published.data_points, published.duplicates), (5_001, 3_000, 5_001));
    let expected = RowCounts { spans: 0, log_records: 5_000, data_points: 3_000, access_logs: 1 };
    assert_eq!(store.row_counts().unwrap(), expected);
    writer.move_into_file().unwrap();
    assert_eq!(store.row_counts().unwrap(), expected);
    drop((store, writer));

    let (store, mut writer) = open(&options(dir.path())).unwrap();
    assert_eq!(store.row_counts().unwrap(), expected);
    writer.stage_metrics(4, 12, metrics(3_000));
    writer.stage_logs(5, 11, logs(5_000), vec![request("/a", 200)]);
    assert_eq!(writer.publish().unwrap().duplicates, 8_001);
    assert_eq!(store.row_counts().unwrap(), expected);
    assert_eq!(logged(&store)["GET /a"], (1, 0, 1));
}

#[test]
fn logged_requests_are_counted_by_route_and_their_cursor_goes_with_them() {
    let dir = tempfile::tempdir().unwrap();
    let (store, mut writer) = open(&options(dir.path())).unwrap();
    let raw = AccessLogRow { raw: "no format fits".to_owned(), ..AccessLogRow::default() };
    let rows = vec![request("/a", 200), request("/a", 503), request("/b", 404), raw];
    let cursor =
        |position: &[u8]| Some(SourceCursor { source: "a file".to_owned(), position: position.to_vec() });
    writer.stage_access_logs(1, Box::new(AccessLogBatch { rows, cursor: cursor(b"1") }));
    writer.publish().unwrap();
    let expected = [("GET /a".to_owned(), (2, 1, 2)), ("GET /b".to_owned(), (1, 0, 1))];
    assert_eq!(logged(&store), expected.clone().into());
    writer.move_into_file().unwrap();
    drop((store, writer));

    let (store, mut writer) = open(&options(dir.path())).unwrap();
    assert_eq!(logged(&store), expected.into());
    assert_eq!(store.row_counts().unwrap().access_logs, 4);
    assert_eq!(store.directory(|known| known.cursor("a file").map(<[u8]>::to_vec)), Some(b"1".to_vec()));
    writer.stage_access_logs(2, Box::new(AccessLogBatch { rows: Vec::new(), cursor: cursor(b"2") }));
    writer.publish().unwrap();
    writer.move_into_file().unwrap();
    assert_eq!(store.directory(|known| known.cursor("a file").map(<[u8]>::to_vec)), Some(b"2".to_vec()));
}

#[test]
fn a_source_has_been_read_as_far_as_its_last_span_is_stored() {
    let dir = tempfile::tempdir().unwrap();
    let (store, mut writer) = open(&options(dir.path())).unwrap();
    // More than move into the file at once.
    let drafts: Vec<Draft> = (0..40)
        .map(|span| Draft {
            trace: 1,
            span: span + 1,
            parent: span,
            service: 0,
            kind: 2,
            error: false,
            second: 0,
        })
        .collect();
    let cursor = Some(SourceCursor { source: "xray".to_owned(), position: b"1".to_vec() });
    writer.stage_spans(1, SpanBatch { cursor, ..batch(&drafts) });
    writer.publish().unwrap();
    // What a process sees that starts here, while the last part is in memory alone.
    let copy = tempfile::tempdir().unwrap();
    for file in fs::read_dir(dir.path()).unwrap().map(Result::unwrap) {
        if file.file_type().unwrap().is_file() {
            fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
        }
    }
    let known = |store: &Store| store.directory(|known| known.cursor("xray").map(<[u8]>::to_vec));
    assert_eq!((known(&store), writer.position()), (Some(b"1".to_vec()), 0));
    let (early, _writer) = open(&options(copy.path())).unwrap();
    assert_eq!((known(&early), early.row_counts().unwrap().spans), (None, 32));
    writer.move_into_file().unwrap();
    drop((store, writer));
    let (store, _writer) = open(&options(dir.path())).unwrap();
    assert_eq!((known(&store), store.row_counts().unwrap().spans), (Some(b"1".to_vec()), 40));
}

#[test]
fn spans_of_an_older_version_are_none_of_xray() {
    let dir = tempfile::tempdir().unwrap();
    let draft = Draft { trace: 1, span: 1, parent: 0, service: 0, kind: 2, error: false, second: 0 };
    {
        let (_store, mut writer) = open(&options(dir.path())).unwrap();
        writer.stage_spans(1, batch(&[draft]));
        writer.publish().unwrap();
        writer.move_into_file().unwrap();
    }
    {
        let file = Connection::open(options(dir.path()).database_path()).unwrap();
        let day = partitions::day_of(jiff::Timestamp::now());
        file.execute_batch(&format!("ALTER TABLE shapes_{day} DROP COLUMN is_xray")).unwrap();
    }
    let (store, mut writer) = open(&options(dir.path())).unwrap();
    writer.stage_spans(2, batch(&[Draft { span: 2, parent: 1, ..draft }]));
    writer.publish().unwrap();
    assert_eq!(store.row_counts().unwrap().spans, 2);
}

#[test]
fn a_sender_of_random_paths_gets_one_row_for_all_that_is_over() {
    let dir = tempfile::tempdir().unwrap();
    let (store, mut writer) = open(&options(dir.path())).unwrap();
    let rows = (0..2_000).map(|number| request(&format!("/random-{number}"), 200)).collect();
    writer.stage_access_logs(1, Box::new(AccessLogBatch { rows, cursor: None }));
    writer.publish().unwrap();
    let logged = logged(&store);
    assert_eq!(logged.len(), 501);
    assert_eq!(logged["__overflow__"].0, 1_500);
}

#[test]
fn everything_a_proxy_counts_stands_in_every_tier_and_survives_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let (store, mut writer) = open(&options(dir.path())).unwrap();
    let objects = [
        StatObject::Cluster("orders.shop".to_owned()),
        StatObject::Zone { cluster: "orders".to_owned(), from: "a".to_owned(), to: "b".to_owned() },
        StatObject::Endpoint { cluster: "orders".to_owned(), address: "10.0.0.1_80".to_owned() },
        StatObject::Route { virtual_host: "shop".to_owned(), name: "r".to_owned() },
        StatObject::VirtualCluster { virtual_host: "shop".to_owned(), name: "other".to_owned() },
        StatObject::Manager("in".to_owned()),
        StatObject::Listener("0.0.0.0_80".to_owned()),
        StatObject::Server,
    ];
    for sequence in 1..=3 {
        let deltas = objects.iter().map(|object| ObjectCounts {
            object: object.clone(),
            counts: [(StatId::REQUESTS, 2), (StatId(10_503), sequence)].into_iter().collect(),
            latency: vec![LatencyBin::fine(3, 2)],
        });
        let scrape = EnvoyScrape {
            proxy: Proxy { id: "web-1".to_owned(), restart_epoch: 4, ..Proxy::default() },
            scraped_at_ns: NOW_NS + sequence as i64 * 20_000_000_000,
            deltas: deltas.collect(),
            gap: Some(Gap { since_ns: 1, until_ns: sequence as i64, lost_process: false }),
            baseline: vec![sequence as u8],
            ..EnvoyScrape::default()
        };
        writer.stage_envoy(sequence, Box::new(scrape));
        writer.publish().unwrap();
        // NOW_NS is in the past, so that this seals every step it lies in.
        writer.move_into_file().unwrap();
    }
    drop((store, writer));
    let (store, _writer) = open(&options(dir.path())).unwrap();
    let record = store.directory(|known| known.proxies()["web-1"].clone());
    assert_eq!(
        (record.baseline.as_slice(), record.proxy.restart_epoch, record.gaps.len()),
        (&[3_u8][..], 4, 3)
    );
    let series: Vec<(u32, StatObject)> = store
        .directory(|known| known.series_of_proxy("web-1").map(|(id, object)| (id, object.clone())).collect());
    let mut known: Vec<StatObject> = series.iter().map(|(_, object)| object.clone()).collect();
    known.sort();
    let mut expected = objects.to_vec();
    expected.sort();
    assert_eq!(known, expected);
    let ids: Vec<u32> = series.iter().map(|(id, _)| *id).collect();
    for range in [everything(), TimeRange::covering(NOW_NS / 1_000_000_000, NOW_NS / 1_000_000_000 + 90)] {
        let measures = store.measures(range, &ids).unwrap();
        for (id, object) in &series {
            let stats: Vec<(i16, i64)> = measures[id].stats.iter().collect();
            assert_eq!(stats, [(1, 6), (10_503, 6)], "{object:?}");
        }
    }
    assert!(store.measures(everything(), &[]).unwrap().is_empty());
}

#[test]
fn a_step_with_more_rows_than_a_portion_is_summed_up_whole() {
    const OBJECTS: u64 = 4_000;
    let dir = tempfile::tempdir().unwrap();
    let (store, mut writer) = open(&options(dir.path())).unwrap();
    let minute_s = NOW_NS.div_euclid(60_000_000_000) * 60;
    for bucket in 0..6_u64 {
        let delta = |number: u64| ObjectCounts {
            counts: [(StatId::REQUESTS, number + 1)].into_iter().collect(),
            latency: vec![LatencyBin::fine(bucket as u32, number + 1)],
            ..ObjectCounts::of(StatObject::Cluster(format!("cluster-{number}")))
        };
        let scrape = EnvoyScrape {
            proxy: Proxy { id: "gateway-1".to_owned(), ..Proxy::default() },
            scraped_at_ns: (minute_s + 10 * bucket as i64) * 1_000_000_000,
            deltas: (0..OBJECTS).map(delta).collect(),
            ..EnvoyScrape::default()
        };
        writer.stage_envoy(bucket + 1, Box::new(scrape));
    }
    writer.publish().unwrap();
    // The minute is past, so that this seals every step that it lies in.
    writer.move_into_file().unwrap();
    for table in ["rollup_1m", "rollup_1h", "rollup_1d"] {
        assert_eq!(counts(&store, &format!("SELECT count(*) FROM store.{table}")), OBJECTS as i64, "{table}");
        let requests = counts(&store, &format!("SELECT sum(requests)::BIGINT FROM store.{table}"));
        assert_eq!(requests, (6 * OBJECTS * (OBJECTS + 1) / 2) as i64, "{table}");
        let bins = format!("SELECT sum(len(client_bins))::BIGINT FROM store.{table}");
        assert_eq!(counts(&store, &bins), 6 * OBJECTS as i64, "{table}");
    }
}

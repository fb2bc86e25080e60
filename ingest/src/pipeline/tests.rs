use bytes::Bytes;
use sidecarta_queries::dictionary::StatId;
use sidecarta_queries::frame::FrameKind;
use sidecarta_queries::rows::SourceCursor;
use sidecarta_queries::rows::access_log::{AccessLogBatch, AccessLogRow};
use sidecarta_queries::rows::envoy::{ObjectCounts, Proxy, StatObject};
use sidecarta_queries::rows::watch::Watch;
use sidecarta_queries::store::TimeRange;

use super::*;
use crate::watch;

const NOW_S: i64 = 1_795_000_000;

/// A scrape that counts one request.
fn scrape() -> Submission {
    let scrape = EnvoyScrape {
        proxy: Proxy { id: "web-1".to_owned(), ..Proxy::default() },
        scraped_at_ns: NOW_S * 1_000_000_000,
        deltas: vec![ObjectCounts {
            object: StatObject::Cluster("orders".to_owned()),
            counts: [(StatId::REQUESTS, 1)].into_iter().collect(),
            latency: Vec::new(),
        }],
        baseline: b"state".to_vec(),
        ..EnvoyScrape::default()
    };
    let content = postcard::to_stdvec(&scrape).unwrap();
    let payload = Bytes::from(zstd::encode_all(content.as_slice(), 1).unwrap());
    let frame = Frame { kind: FrameKind::EnvoyScrape, received_at_ns: NOW_S * 1_000_000_000, payload };
    Submission { frame, rows: Rows::Envoy(Box::new(scrape)) }
}

fn requests(store: &Store) -> i64 {
    let mut requests = 0;
    store
        .rollups(TimeRange::covering(NOW_S - 60, NOW_S + 60), |row| requests += row.counts.requests)
        .unwrap();
    requests
}

#[tokio::test]
async fn what_was_submitted_is_there_after_an_orderly_end_and_counts_once() {
    let dir = tempfile::tempdir().unwrap();
    let options = PipelineOptions::in_dir(dir.path());
    for round in 1..=3 {
        let (pipeline, threads) = Pipeline::start(&options).unwrap();
        assert_eq!(requests(pipeline.store()), round - 1, "after {} rounds", round - 1);
        pipeline.submit(scrape()).await.unwrap();
        drop(pipeline);
        tokio::task::spawn_blocking(|| threads.join()).await.unwrap();
    }
    let (pipeline, _threads) = Pipeline::start(&options).unwrap();
    assert_eq!(requests(pipeline.store()), 3);
    assert_eq!(pipeline.envoy_baseline("web-1").as_deref(), Some(&b"state"[..]));
    assert_eq!(pipeline.envoy_baseline("other"), None);
}

#[tokio::test]
async fn beyond_its_memory_it_refuses_at_once_and_counts_that() {
    let dir = tempfile::tempdir().unwrap();
    let options = PipelineOptions {
        queue_bytes: 1,
        publish_every: Duration::from_hours(1),
        ..PipelineOptions::in_dir(dir.path())
    };
    let (pipeline, _threads) = Pipeline::start(&options).unwrap();
    pipeline.submit(scrape()).await.unwrap();
    // The first one holds all of the memory until it is published.
    let error = pipeline.submit(scrape()).await.unwrap_err();
    assert!(matches!(error, SubmitError::Full { .. }), "{error}");
    assert_eq!(pipeline.counters().refused.load(Ordering::Relaxed), 1);
    assert_eq!(pipeline.counters().pending(), 1);
}

#[test]
fn every_kind_of_request_is_taken_over_from_the_log() {
    const TRACES: &[u8] = include_bytes!("../../../tests/fixtures/otlp/one_trace.good.bin");
    const METRICS: &[u8] = include_bytes!("../../../tests/fixtures/otlp/envoy_stat_sink.good.bin");
    const LOGS: &[u8] = include_bytes!("../../../tests/fixtures/otlp/envoy_access_log.good.bin");
    let dir = tempfile::tempdir().unwrap();
    let options = PipelineOptions::in_dir(dir.path());
    let zstd = |plain: &[u8]| Bytes::from(zstd::encode_all(plain, 1).unwrap());
    let pulled = |request: &[u8]| zstd(&postcard::to_stdvec(&(None::<SourceCursor>, request)).unwrap());
    let gzip = |plain: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        io::Write::write_all(&mut encoder, plain).unwrap();
        Bytes::from(encoder.finish().unwrap())
    };
    let kinds = (0..=u8::MAX).filter_map(FrameKind::from_number);
    let mut frames: Vec<Frame> = kinds
        .map(|kind| {
            let payload = match kind {
                FrameKind::EnvoyScrape => scrape().frame.payload,
                FrameKind::AccessLogs => {
                    let rows = vec![AccessLogRow::default()];
                    let batch = AccessLogBatch { rows, cursor: None };
                    zstd(&postcard::to_stdvec(&batch).unwrap())
                }
                FrameKind::MeshScrape => zstd(&postcard::to_stdvec(&MeshScrape::default()).unwrap()),
                FrameKind::Watch => {
                    let watch = Watch { id: "w".to_owned(), ..Watch::default() };
                    watch::submission(WatchEvent::Registered(Box::new(watch))).unwrap().frame.payload
                }
                FrameKind::XrayTraces => pulled(TRACES),
                FrameKind::CloudWatchLogs => pulled(LOGS),
                FrameKind::OtlpTraces => Bytes::from_static(TRACES),
                FrameKind::OtlpTracesGzip => gzip(TRACES),
                FrameKind::OtlpTracesZstd => zstd(TRACES),
                FrameKind::OtlpMetrics => Bytes::from_static(METRICS),
                FrameKind::OtlpMetricsGzip => gzip(METRICS),
                FrameKind::OtlpMetricsZstd => zstd(METRICS),
                FrameKind::OtlpLogs => Bytes::from_static(LOGS),
                FrameKind::OtlpLogsGzip => gzip(LOGS),
                FrameKind::OtlpLogsZstd => zstd(LOGS),
            };
            Frame { kind, received_at_ns: 1_795_423_300_000_000_000, payload }
        })
        .collect();
    // Damage that no checksum shows costs itself only.
    let damaged = Frame { payload: Bytes::from_static(b"damaged"), ..frames[0].clone() };
    frames.insert(0, damaged);

    let (store, mut writer) = store::open(&options.store).unwrap();
    let log_dir = options.store.log_dir();
    Log::open(&log_dir, writer.position()).unwrap().append(&frames).unwrap();
    replay::replay(&log_dir, &mut writer, &options.limits).unwrap();
    writer.move_into_file().unwrap();
    assert_eq!(writer.position(), frames.len() as u64);
    let counts = store.row_counts().unwrap();
    assert_eq!(counts.spans, 9);
    // Each of the four ways is another request, whose log records are all requests that a proxy logged.
    assert_eq!((counts.log_records, counts.access_logs), (0, 4 * 5 + 1));
    assert_eq!(store.directory(|directory| directory.watches().len()), 1);
    assert!(counts.data_points > 0 && counts.data_points % 3 == 0, "{counts:?}");
}

use sidecarta_queries::dictionary::StatId;
use sidecarta_queries::frame::FrameKind;
use sidecarta_queries::rows::envoy::{EnvoyScrape, LatencyBin, ObjectCounts, Proxy, StatObject};

use super::{EnvoyConfig, Frame, FrameError, decode_frame, frame};

fn scrape() -> EnvoyScrape {
    EnvoyScrape {
        proxy: Proxy { id: "gateway-1".to_owned(), ..Proxy::default() },
        scraped_at_ns: 7,
        deltas: vec![ObjectCounts {
            object: StatObject::Manager("in".to_owned()),
            counts: [(StatId::DOWNSTREAM_REQUESTS, 3)].into_iter().collect(),
            latency: vec![LatencyBin::fine(1, 3)],
        }],
        baseline: vec![1, 2, 3],
        ..EnvoyScrape::default()
    }
}

#[test]
fn a_scrape_comes_back_from_the_log() {
    let frame = frame::encode(&scrape()).expect("a frame");
    assert_eq!((frame.kind, frame.received_at_ns), (FrameKind::EnvoyScrape, 7));
    assert_eq!(decode_frame(&frame).expect("a scrape"), scrape());
}

#[test]
fn a_damaged_frame_is_an_error() {
    let good = frame::encode(&scrape()).expect("a frame");
    let with = |payload: Vec<u8>| Frame { payload: payload.into(), ..good.clone() };
    let cut = good.payload[..good.payload.len() / 2].to_vec();
    assert!(decode_frame(&with(cut)).is_err());
    assert!(decode_frame(&with(b"not compressed".to_vec())).is_err());
    let bomb = with(zstd::bulk::compress(&vec![b' '; 1024 * 1024], 1).expect("a bomb"));
    assert!(matches!(frame::decode(&bomb, 1024), Err(FrameError::Content(_))));
    let spans = Frame { kind: FrameKind::OtlpTraces, ..good };
    assert!(matches!(decode_frame(&spans), Err(FrameError::Kind(FrameKind::OtlpTraces))));
}

#[test]
fn every_bad_value_is_named_at_once() {
    let config = EnvoyConfig {
        targets: ["http://a:1", "b:2", "http://c", "http://a:1"].map(str::to_owned).into(),
        interval_ms: 0,
        ..EnvoyConfig::default()
    };
    let problems = config.addresses().expect_err("two addresses and the interval are bad").problems;
    assert_eq!(problems.len(), 3, "{problems:?}");
    let config = EnvoyConfig { targets: vec!["http://a:1".to_owned(); 2], ..EnvoyConfig::default() };
    assert_eq!(config.addresses().expect("good").len(), 1);
}

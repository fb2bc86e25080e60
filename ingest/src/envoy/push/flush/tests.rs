use sidecarta_queries::dictionary::StatId;
use sidecarta_queries::rows::envoy::{LatencyBin, ObjectCounts, StatObject};

use super::*;
use crate::prometheus::{DecodeLimits, decode_stream_message};

const FIRST: &[u8] = include_bytes!("../../../../../tests/fixtures/envoy/metrics_service_001.bin");

fn read(counters: Temporality) -> Flush {
    let message = decode_stream_message(FIRST, counters, DecodeLimits::default()).unwrap();
    Flush::of(&message.exposition, 0)
}

fn cluster(name: &str) -> StatObject {
    StatObject::Cluster(name.to_owned())
}

fn find<'c>(counts: &'c [ObjectCounts], object: &StatObject) -> &'c ObjectCounts {
    counts.iter().find(|counts| counts.object == *object).unwrap()
}

#[test]
fn a_recorded_message_is_told_in_full() {
    let flush = read(Temporality::Cumulative);
    assert_eq!((flush.time_ms, flush.uptime_s, flush.restart_epoch), (1_795_423_236_769, Some(5), Some(0)));
    assert_eq!((flush.clusters_added, flush.rejected), (Some(8), 0));
    assert!(flush.has_histograms && flush.has_summaries);
    let orders = find(&flush.totals.counts, &cluster("orders_v1"));
    assert_eq!(orders.counts.get(StatId::REQUESTS), 44);
    assert_eq!((orders.counts.get(StatId::class(1)), orders.counts.get(StatId::RESPONSES_5XX)), (42, 2));
    assert!(orders.latency.is_empty(), "latencies reach back to the flush before only");
    let latency = &find(&flush.news, &cluster("orders_v1")).latency;
    assert_eq!(latency.iter().map(|bin| bin.count).sum::<u64>(), 44);
    assert!(latency.iter().all(|bin| bin.bin < 0) && latency.is_sorted_by_key(|bin| bin.bin));
    let objects: Vec<String> =
        flush.totals.counts.iter().map(|counts| format!("{:?}", counts.object)).collect();
    insta::assert_snapshot!("objects", objects.join("\n"));
}

#[test]
fn counters_that_are_deltas_are_news() {
    let (cumulative, deltas) = (read(Temporality::Cumulative), read(Temporality::Delta));
    assert!(deltas.totals.counts.is_empty());
    assert_eq!(deltas.totals.gauges, cumulative.totals.gauges);
    let orders = find(&deltas.news, &cluster("orders_v1"));
    assert_eq!(orders.counts, find(&cumulative.totals.counts, &cluster("orders_v1")).counts);
    assert_eq!(orders.latency, find(&cumulative.news, &cluster("orders_v1")).latency);
}

#[test]
fn what_is_told_later_takes_the_place_of_what_was_told_before() {
    let of = |requests: u64, failures: u64| ObjectCounts {
        counts: [(StatId::REQUESTS, requests), (StatId::CONNECTION_FAILURES, failures)].into_iter().collect(),
        ..ObjectCounts::of(cluster("a"))
    };
    let flush = |counts: ObjectCounts, latencies: u64| Flush {
        totals: Totals { counts: vec![counts], gauges: Vec::new() },
        news: vec![ObjectCounts {
            latency: vec![LatencyBin::up_to(None, 5.0, latencies)],
            ..ObjectCounts::of(cluster("a"))
        }],
        ..Flush::default()
    };
    let both = flush(of(7, 2), 3).with(Flush { uptime_s: Some(9), ..flush(of(9, 0), 4) });
    assert_eq!(both.totals.counts, [of(9, 2)]);
    assert_eq!(both.news[0].latency, [LatencyBin::up_to(None, 5.0, 7)]);
    assert_eq!(both.uptime_s, Some(9));
}

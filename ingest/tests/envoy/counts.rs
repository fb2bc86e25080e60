//! What a real Envoy has counted is counted once, whatever happens to it or to Sidecarta.

use std::collections::BTreeMap;

use sidecarta_ingest::envoy::names::Names;
use sidecarta_ingest::envoy::stats::Stats;
use sidecarta_ingest::envoy::target::{Scraped, Target};
use sidecarta_queries::dictionary::StatId;
use sidecarta_queries::rows::envoy::{EnvoyScrape, LatencyBin, ObjectCounts, ObjectGauges, StatObject};
use sidecarta_queries::sketch::Scheme;
use tokio::sync::Mutex;

use crate::proxy::Envoy;
use crate::{eventually, target, upstream};

const LIVE: &str = "live.shop:80";

/// A store with one proxy in it.
#[derive(Default)]
struct Store {
    sums: BTreeMap<StatObject, ObjectCounts>,
    baseline: Option<Vec<u8>>,
}

impl Store {
    /// Scrapes once and stores what was found.
    async fn scrape(&mut self, target: &mut Target) -> EnvoyScrape {
        let scraped = self.look(target).await;
        let scrape = scraped.scrape.clone();
        for delta in &scrape.deltas {
            let sum = self
                .sums
                .entry(delta.object.clone())
                .or_insert_with(|| ObjectCounts::of(delta.object.clone()));
            delta.counts.iter().for_each(|(stat, count)| sum.counts.add(stat, count));
            sum.latency.extend(&delta.latency);
        }
        self.baseline = Some(scrape.baseline.clone());
        target.stored(scraped);
        scrape
    }

    fn count(&self, object: &StatObject, stat: StatId) -> u64 {
        self.sums.get(object).map_or(0, |sum| sum.counts.get(stat))
    }

    fn classes(&self, object: &StatObject, first: StatId) -> [u64; 5] {
        std::array::from_fn(|class| self.count(object, StatId(first.0 + class as i16)))
    }

    async fn look(&self, target: &mut Target) -> Scraped {
        let baseline = |id: &str| self.baseline.clone().filter(|_| id == "gateway-1");
        target.scrape(baseline).await.expect("a scrape")
    }

    /// Latencies known of the live cluster and of the listener.
    fn latencies(&self) -> (u64, u64) {
        let count = |latency: &[LatencyBin]| latency.iter().map(|bin| bin.count).sum::<u64>();
        let of = |object: StatObject| self.sums.get(&object).map_or(0, |sum| count(&sum.latency));
        (of(live()), of(inbound()))
    }

    /// Scrapes until the histograms, which lag, hold this many requests to the live cluster and through the listener.
    async fn scrape_until_flushed(&mut self, target: &mut Target, cluster: u64, listener: u64) {
        let scraping = Mutex::new((self, target));
        let flushed = eventually("the histograms have been flushed", async || {
            let (store, target) = &mut *scraping.lock().await;
            store.scrape(target).await;
            Some(store.latencies()).filter(|latencies| latencies.0 >= cluster && latencies.1 >= listener)
        });
        assert_eq!(flushed.await, (cluster, listener));
    }
}

#[tokio::test]
async fn deltas_are_what_was_sent() {
    let envoy = Envoy::start(upstream::start().await, upstream::nobody().await).await;
    let (mut target, mut store) = (target(&envoy.admin), Store::default());
    let first = store.scrape(&mut target).await;
    assert_eq!((first.proxy.id.as_str(), first.proxy.cluster.as_str()), ("gateway-1", "gateway"));
    assert_eq!((first.proxy.zone.as_str(), first.proxy.envoy_version.as_str()), ("here", "1.40.0"));
    let config = first.config.expect("the first scrape brings the configuration");
    assert_eq!(config.inbound_listeners, ["in.bound"]);
    assert_eq!(config.inbound_clusters, ["dead", "live.shop.v2", LIVE]);
    assert_eq!(config.weighted_routes[0].name, "shop/split");
    assert_eq!(config.weighted_routes[0].targets[0], (LIVE.to_owned(), 90));

    assert_eq!(upstream::send(envoy.listener, "/status/200", 20).await, 200);
    assert_eq!(upstream::send(envoy.listener, "/status/404", 3).await, 404);
    store.scrape(&mut target).await;
    assert_eq!(upstream::send(envoy.listener, "/status/500", 5).await, 500);
    assert_eq!(upstream::send(envoy.listener, "/retry/status/503", 2).await, 503);
    assert_eq!(upstream::send(envoy.listener, "/hang", 3).await, 504);
    assert_eq!(upstream::send(envoy.listener, "/dead", 4).await, 503);
    let late = store.scrape(&mut target).await;
    assert_eq!(late.config, None, "nothing was configured since");
    // A cluster's latency knows nothing of requests that timed out or found nobody, a listener's knows all.
    store.scrape_until_flushed(&mut target, 20 + 3 + 5 + 2, 37).await;

    let count = |object: &StatObject, stat| store.count(object, stat);
    assert_eq!(count(&live(), StatId::REQUESTS), 33);
    assert_eq!(store.classes(&live(), StatId::class(0)), [0, 20, 0, 3, 10]);
    assert_eq!(count(&live(), StatId::ATTEMPTS), 37);
    assert_eq!((count(&live(), StatId::RETRIES), count(&live(), StatId::TIMEOUTS)), (4, 3));
    assert_eq!(count(&live(), StatId::CONNECTION_FAILURES), 0);
    let dead = StatObject::Cluster("dead".to_owned());
    assert_eq!((count(&dead, StatId::REQUESTS), count(&dead, StatId::RESPONSES_5XX)), (4, 4));
    assert_eq!((count(&dead, StatId::ATTEMPTS), count(&dead, StatId::CONNECTION_FAILURES)), (0, 4));
    let called = store.sums.values().filter(|sum| sum.counts.get(StatId::REQUESTS) > 0);
    let called: Vec<&StatObject> = called.map(|sum| &sum.object).collect();
    assert_eq!(called, [&dead, &live()], "no other cluster has requests");
    assert_eq!(count(&inbound(), StatId::DOWNSTREAM_REQUESTS), 37);
    assert_eq!(store.classes(&inbound(), StatId(201)), [0, 20, 0, 3, 14]);
    assert_eq!(store.latencies().1, 37, "time-outs are in the listener's latency");
}

fn live() -> StatObject {
    StatObject::Cluster(LIVE.to_owned())
}

fn inbound() -> StatObject {
    StatObject::Manager("in.bound".to_owned())
}

#[tokio::test]
async fn a_restart_loses_and_invents_nothing_that_was_scraped() {
    let mut envoy = Envoy::start(upstream::start().await, upstream::nobody().await).await;
    let (mut target, mut store) = (target(&envoy.admin), Store::default());
    store.scrape(&mut target).await;
    upstream::send(envoy.listener, "/status/200", 5).await;
    store.scrape_until_flushed(&mut target, 5, 5).await;
    envoy.restart().await;
    // More than the old process had counted, so that only the process's identity tells.
    upstream::send(envoy.listener, "/status/200", 7).await;
    let after = store.scrape(&mut target).await;
    assert!(after.config.is_none(), "the new process is configured like the old one");
    store.scrape_until_flushed(&mut target, 12, 12).await;
    assert_eq!(store.count(&live(), StatId::REQUESTS), 12);
    assert_eq!(store.count(&live(), StatId::ATTEMPTS), 12);
    assert_eq!(store.count(&inbound(), StatId::DOWNSTREAM_REQUESTS), 12);
    let gap = after.gap.expect("the process that is gone is told");
    assert!(gap.lost_process && gap.since_ns < gap.until_ns, "{gap:?}");
}

#[tokio::test]
async fn a_reset_of_the_counters_leaves_the_histograms_alone() {
    let envoy = Envoy::start(upstream::start().await, upstream::nobody().await).await;
    let (mut target, mut store) = (target(&envoy.admin), Store::default());
    store.scrape(&mut target).await;
    for _ in 0..5 {
        upstream::send(envoy.listener, "/status/200", 1).await;
        store.scrape(&mut target).await;
    }
    envoy.admin_call("POST", "/reset_counters").await.expect("counters can be reset");
    upstream::send(envoy.listener, "/status/200", 9).await;
    store.scrape_until_flushed(&mut target, 14, 14).await;
    assert_eq!(store.count(&live(), StatId::REQUESTS), 14);
    assert_eq!(store.count(&inbound(), StatId::DOWNSTREAM_REQUESTS), 14);
}

#[tokio::test]
async fn a_reset_shows_although_others_keep_asking_the_admin_interface() {
    let envoy = Envoy::start(upstream::start().await, upstream::nobody().await).await;
    let (mut target, mut store) = (target(&envoy.admin), Store::default());
    store.scrape(&mut target).await;
    upstream::send(envoy.listener, "/status/200", 5).await;
    store.scrape(&mut target).await;
    envoy.admin_call("POST", "/reset_counters").await.expect("counters can be reset");
    for _ in 0..100 {
        envoy.admin_call("GET", "/ready").await.expect("it is ready");
    }
    upstream::send(envoy.listener, "/status/200", 7).await;
    store.scrape(&mut target).await;
    assert_eq!(store.count(&live(), StatId::REQUESTS), 12);
}

#[tokio::test]
async fn a_new_sidecarta_goes_on_where_the_old_one_stopped() {
    let envoy = Envoy::start(upstream::start().await, upstream::nobody().await).await;
    let mut store = Store::default();
    store.scrape(&mut target(&envoy.admin)).await;
    upstream::send(envoy.listener, "/status/200", 5).await;
    store.scrape(&mut target(&envoy.admin)).await;
    upstream::send(envoy.listener, "/status/200", 2).await;
    store.scrape(&mut target(&envoy.admin)).await;
    assert_eq!(store.count(&live(), StatId::REQUESTS), 7);
}

#[tokio::test]
async fn what_was_not_stored_is_found_again() {
    let envoy = Envoy::start(upstream::start().await, upstream::nobody().await).await;
    let (mut target, mut store) = (target(&envoy.admin), Store::default());
    store.scrape(&mut target).await;
    upstream::send(envoy.listener, "/status/200", 5).await;
    let refused = store.look(&mut target).await;
    assert_eq!(requests_in(&refused.scrape), 5);
    upstream::send(envoy.listener, "/status/200", 1).await;
    let stored = store.scrape(&mut target).await;
    assert_eq!(requests_in(&stored), 6);
}

#[tokio::test]
async fn nothing_new_is_said_to_be_nothing_new() {
    let envoy = Envoy::start(upstream::start().await, upstream::nobody().await).await;
    let (mut target, mut store) = (target(&envoy.admin), Store::default());
    assert!(store.look(&mut target).await.is_news);
    store.scrape(&mut target).await;
    assert!(!store.look(&mut target).await.is_news);
    upstream::send(envoy.listener, "/status/200", 1).await;
    let news = store.look(&mut target).await;
    assert!(news.is_news);
    assert_eq!(requests_in(&news.scrape), 1);
}

#[tokio::test]
async fn a_gauge_that_moves_is_news_although_nothing_was_counted() {
    let envoy = Envoy::start(upstream::start().await, upstream::nobody().await).await;
    let mut store = Store::default();
    let mut target = target(&envoy.admin);
    store.scrape(&mut target).await;
    assert!(!store.look(&mut target).await.is_news);
    envoy.admin_call("POST", "/healthcheck/fail").await.expect("it can be drained");
    let looking = Mutex::new((&store, &mut target));
    let news = eventually("it is told that the process drains", async || {
        let (store, target) = &mut *looking.lock().await;
        Some(store.look(target).await).filter(|scraped| scraped.is_news)
    });
    let scrape = news.await.scrape;
    assert_eq!(scrape.deltas, []);
    let live = |gauges: &ObjectGauges| gauges.values.get(StatId(302));
    assert_eq!(scrape.gauges.iter().map(live).sum::<u64>(), 0);
}

/// Requests to the live cluster that one scrape brings.
fn requests_in(scrape: &EnvoyScrape) -> u64 {
    let of_live = scrape.deltas.iter().filter(|delta| delta.object == live());
    of_live.map(|delta| delta.counts.get(StatId::REQUESTS)).sum()
}

/// The bins of a histogram, sorted by their upper bounds.
fn latencies(body: &[u8]) -> Vec<(f64, f64, u64)> {
    let totals = Stats::decode(body).expect("statistics").totals(&Names::default());
    let counts = totals
        .counts
        .into_iter()
        .find(|counts| counts.object == StatObject::Cluster("live.shop_80".to_owned()));
    let bins = counts.map(|counts| counts.latency).unwrap_or_default();
    let bounds = |bin: LatencyBin| Scheme::Envoy.bounds_ms(bin.bin);
    let mut bins: Vec<_> = bins.into_iter().map(|bin| (bounds(bin).0, bounds(bin).1, bin.count)).collect();
    bins.sort_by(|one, other| one.1.total_cmp(&other.1));
    bins
}

#[tokio::test]
async fn fixed_bounds_hold_what_the_fine_bins_hold() {
    let envoy = Envoy::start(upstream::start().await, upstream::nobody().await).await;
    upstream::send(envoy.listener, "/status/200", 40).await;
    let ask = async |buckets: &str| {
        let path = format!(
            "/stats?format=json&usedonly&histogram_buckets={buckets}&filter=live.shop_80.*upstream_rq_"
        );
        latencies(&envoy.admin_call("GET", &path).await.expect("an answer"))
    };
    let count = |bins: &[(f64, f64, u64)]| bins.iter().map(|bin| bin.2).sum::<u64>();
    let flushed = async || Some(ask("detailed").await).filter(|bins| count(bins) == 40);
    let fine = eventually("the histograms have been flushed", flushed).await;
    let mut coarse = ask("cumulative").await;
    assert_eq!(count(&coarse), 40);
    for (low, high, count) in fine {
        for _ in 0..count {
            let room = coarse.iter_mut().find(|bin| bin.2 > 0).expect("as many requests");
            assert!(room.0 <= low && high <= room.1, "{low}..{high} is counted as {room:?}");
            room.2 -= 1;
        }
    }
}

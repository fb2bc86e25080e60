//! What a real Envoy has counted is counted once, whatever happens to it or to Sidecarta.

use std::collections::BTreeMap;

use sidecarta_ingest::envoy::target::{Scraped, Target};
use sidecarta_queries::rows::envoy::{ClusterDelta, EnvoyScrape, LatencyBin, ListenerDelta};
use tokio::sync::Mutex;

use crate::proxy::Envoy;
use crate::{eventually, target, upstream};

const LIVE: &str = "live.shop:80";

/// A store with one proxy in it.
#[derive(Default)]
struct Store {
    clusters: BTreeMap<String, ClusterDelta>,
    listeners: BTreeMap<String, ListenerDelta>,
    baseline: Option<String>,
}

impl Store {
    /// Scrapes once and stores what was found.
    async fn scrape(&mut self, target: &mut Target) -> EnvoyScrape {
        let scraped = self.look(target).await;
        let scrape = scraped.scrape.clone();
        for delta in &scrape.clusters {
            let sum = self.clusters.entry(delta.cluster.clone()).or_default();
            sum.requests += delta.requests;
            sum.classes = std::array::from_fn(|class| sum.classes[class] + delta.classes[class]);
            sum.attempts += delta.attempts;
            sum.retries += delta.retries;
            sum.timeouts += delta.timeouts;
            sum.connection_failures += delta.connection_failures;
            sum.latency.extend(&delta.latency);
        }
        for delta in &scrape.listeners {
            let sum = self.listeners.entry(delta.prefix.clone()).or_default();
            sum.requests += delta.requests;
            sum.classes = std::array::from_fn(|class| sum.classes[class] + delta.classes[class]);
            sum.latency.extend(&delta.latency);
        }
        self.baseline = Some(scrape.baseline.clone());
        target.stored(scraped);
        scrape
    }

    async fn look(&self, target: &mut Target) -> Scraped {
        let baseline = |id: &str| self.baseline.clone().filter(|_| id == "gateway-1");
        target.scrape(baseline).await.expect("a scrape")
    }

    /// Latencies known of the live cluster and of the listener.
    fn latencies(&self) -> (u64, u64) {
        let count = |latency: &[LatencyBin]| latency.iter().map(|bin| bin.count).sum();
        let cluster = self.clusters.get(LIVE).map_or(0, |sum| count(&sum.latency));
        (cluster, self.listeners.get("in.bound").map_or(0, |sum| count(&sum.latency)))
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

    let live = &store.clusters[LIVE];
    assert_eq!((live.requests, live.classes), (33, [0, 20, 0, 3, 10]));
    assert_eq!((live.attempts, live.retries, live.timeouts), (37, 4, 3));
    assert_eq!(live.connection_failures, 0);
    let dead = &store.clusters["dead"];
    assert_eq!((dead.requests, dead.classes, dead.attempts), (4, [0, 0, 0, 0, 4], 0));
    assert_eq!(dead.connection_failures, 4);
    assert_eq!(
        store.clusters.len(),
        2,
        "a cluster without requests is not mentioned: {:?}",
        store.clusters.keys()
    );
    let edge = &store.listeners["in.bound"];
    assert_eq!((edge.requests, edge.classes), (37, [0, 20, 0, 3, 14]));
    assert_eq!(
        edge.latency.iter().map(|bin| bin.count).sum::<u64>(),
        37,
        "time-outs are in the listener's latency"
    );
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
    assert_eq!(store.clusters[LIVE].requests, 12);
    assert_eq!(store.clusters[LIVE].attempts, 12);
    assert_eq!(store.listeners["in.bound"].requests, 12);
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
    assert_eq!(store.clusters[LIVE].requests, 14);
    assert_eq!(store.listeners["in.bound"].requests, 14);
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
    assert_eq!(store.clusters[LIVE].requests, 7);
}

#[tokio::test]
async fn what_was_not_stored_is_found_again() {
    let envoy = Envoy::start(upstream::start().await, upstream::nobody().await).await;
    let (mut target, mut store) = (target(&envoy.admin), Store::default());
    store.scrape(&mut target).await;
    upstream::send(envoy.listener, "/status/200", 5).await;
    let refused = store.look(&mut target).await;
    assert_eq!(refused.scrape.clusters[0].requests, 5);
    upstream::send(envoy.listener, "/status/200", 1).await;
    let stored = store.scrape(&mut target).await;
    assert_eq!(stored.clusters[0].requests, 6);
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
    assert_eq!(news.scrape.clusters[0].requests, 1);
}

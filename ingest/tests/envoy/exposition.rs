//! A real Envoy asked as any other target that speaks Prometheus.

use std::collections::BTreeMap;

use sidecarta_ingest::discovery::DiscoveredTarget;
use sidecarta_ingest::prometheus::{Format, PrometheusConfig, Scraped, Target};
use sidecarta_queries::rows::mesh::MeshCounter;

use crate::proxy::Envoy;
use crate::{eventually, upstream};

fn of<'s>(scraped: &'s Scraped, cluster: &str) -> &'s MeshCounter {
    let mut counters = scraped.counters.iter();
    counters.find(|counter| counter.edge.cluster == cluster).expect("a cluster")
}

#[tokio::test]
async fn its_exposition_says_what_was_sent() {
    let envoy = Envoy::start(upstream::start().await, upstream::nobody().await).await;
    upstream::send(envoy.listener, "/status/200", 3).await;
    upstream::send(envoy.listener, "/status/503", 1).await;
    upstream::send(envoy.listener, "/dead", 2).await;
    for buckets in ["cumulative", "prometheusnative"] {
        let labels = BTreeMap::from([
            ("__metrics_path__".to_owned(), "/stats/prometheus".to_owned()),
            ("__param_histogram_buckets".to_owned(), buckets.to_owned()),
            ("service".to_owned(), "gateway".to_owned()),
        ]);
        let discovered = DiscoveredTarget::new(&envoy.admin.to_string(), &labels, "test").expect("a target");
        let target = Target::new(discovered, PrometheusConfig::default().limits()).expect("usable");
        let scraped = eventually("the histograms are merged", async || {
            let scraped = target.scrape().await.expect("an answer");
            let latency = of(&scraped, "live.shop.80").latency.as_ref()?;
            (latency.count == 4).then_some(scraped)
        })
        .await;
        assert_eq!(scraped.format, Format::Protobuf);
        assert_eq!(scraped.rejects.total(), 0, "{}", scraped.detail);
        let live = of(&scraped, "live.shop.80");
        assert_eq!((live.counts.requests, live.counts.errors, live.counts.attempts), (4, 1, 4));
        assert_eq!(live.edge.source.name, "gateway");
        let dead = of(&scraped, "dead").counts;
        assert_eq!((dead.requests, dead.errors, dead.attempts, dead.connection_failures), (2, 2, 0, 2));
        let received = scraped.counters.iter().find(|counter| counter.edge.listener == "in.bound");
        assert_eq!(received.expect("a listener").counts.requests, 6);
    }
}

//! What new spans and scrapes add to the rollups.

use std::sync::Arc;

use crate::rows::envoy::{EnvoyScrape, LatencyBin};
use crate::sketch::{Bins, envoy_bin};
use crate::trace::{BUCKET_SECONDS, Contribution, contributions, contributions_alone};

use super::Directory;
use super::directory::SeriesKey;
use super::measures::{Counts, Measures, Rollup};
use super::window::Window;

/// Adds what the touched traces contribute now, and takes back what they contributed before.
pub(super) fn count_traces(
    window: &mut Window,
    touched: &[u128],
    directory: &mut Directory,
    rollup: &mut Rollup,
) {
    for &trace_id in touched {
        let Some(trace) = window.get_mut(trace_id).filter(|trace| trace.counted < trace.spans.len()) else {
            continue;
        };
        let before = contributions_alone(&trace.spans[..trace.counted]);
        let (after, learned) = contributions(&trace.spans);
        for (contributions, times) in [(before, -1), (after, 1)] {
            for contribution in contributions {
                let Contribution { bucket_s, ref source, ref target, protocol, .. } = contribution;
                let (source, target) = (source.clone(), target.clone());
                let series = directory.series_id(SeriesKey::Edge { source, target, protocol });
                rollup.entry((bucket_s, series)).or_default().add(&contribution, times);
            }
        }
        directory.learn(learned);
    }
}

/// Adds what a proxy counted since the scrape before.
pub(super) fn count_scrape(scrape: &EnvoyScrape, directory: &mut Directory, rollup: &mut Rollup) {
    let scraped_at_s = scrape.scraped_at_ns.div_euclid(1_000_000_000);
    let bucket_s = scraped_at_s.div_euclid(BUCKET_SECONDS) * BUCKET_SECONDS;
    let proxy: Arc<str> = Arc::from(scrape.proxy.id.as_str());
    directory.saw_proxy(&scrape.proxy, scrape.config.as_ref(), &scrape.baseline, scrape.scraped_at_ns);
    let mut count = |key: SeriesKey, measures: &Measures| {
        let series = directory.series_id(key);
        rollup.entry((bucket_s, series)).or_default().merge(measures, 1);
    };
    for delta in &scrape.clusters {
        let cluster = Arc::from(delta.cluster.as_str());
        count(
            SeriesKey::EnvoyCluster { proxy: Arc::clone(&proxy), cluster },
            &Measures {
                counts: Counts {
                    requests: delta.requests as i64,
                    errors: delta.classes[4] as i64,
                    attempts: delta.attempts as i64,
                    retries: delta.retries as i64,
                    timeouts: delta.timeouts as i64,
                    connection_failures: delta.connection_failures as i64,
                    tls_handshakes: delta.tls_handshakes as i64,
                },
                client: bins(&delta.latency),
                ..Measures::default()
            },
        );
    }
    for delta in &scrape.listeners {
        let prefix = Arc::from(delta.prefix.as_str());
        count(
            SeriesKey::EnvoyListener { proxy: Arc::clone(&proxy), prefix },
            &Measures {
                counts: Counts {
                    requests: delta.requests as i64,
                    errors: delta.classes[4] as i64,
                    attempts: delta.requests as i64,
                    ..Counts::default()
                },
                server: bins(&delta.latency),
                ..Measures::default()
            },
        );
    }
}

fn bins(latency: &[LatencyBin]) -> Bins {
    latency.iter().map(|bin| (envoy_bin(bin.lower_ms), bin.count as i64)).collect()
}

//! What new spans and scrapes add to the rollups.

use std::sync::Arc;

use crate::dictionary::StatId;
use crate::rows::access_log::AccessLogRow;
use crate::rows::envoy::{EnvoyScrape, LatencyBin, ObjectCounts, StatObject};
use crate::rows::mesh::{MeshCounts, MeshDelta, MeshDialect, MeshReporter, MeshScrape};
use crate::sketch::{Bins, envoy_bin};
use crate::trace::{BUCKET_SECONDS, Contribution, contributions, contributions_alone};

use super::Directory;
use super::directory::{LoggedRoute, SeriesKey};
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
                let Contribution { bucket_s, ref source, ref target, protocol, by_xray, .. } = contribution;
                let (source, target) = (source.clone(), target.clone());
                let series = directory.series_id(SeriesKey::Edge { source, target, protocol, by_xray });
                rollup.entry((bucket_s, series)).or_default().add(&contribution, times);
            }
        }
        directory.learn(learned);
    }
}

/// Adds what a proxy counted since the scrape before.
pub(super) fn count_scrape(scrape: &EnvoyScrape, directory: &mut Directory, rollup: &mut Rollup) {
    let bucket_s = bucket_of(scrape.scraped_at_ns);
    let proxy: Arc<str> = Arc::from(scrape.proxy.id.as_str());
    directory.saw_proxy(scrape);
    for delta in &scrape.deltas {
        let object = directory.object(&delta.object);
        let series = directory.series_id(SeriesKey::Envoy { proxy: Arc::clone(&proxy), object });
        rollup.entry((bucket_s, series)).or_default().merge(&measures(delta), 1);
    }
}

/// What the counts of one part of a proxy mean for requests, with all of them beside that.
fn measures(delta: &ObjectCounts) -> Measures {
    let count = |stat| delta.counts.get(stat) as i64;
    let stats = delta.counts.iter().map(|(StatId(stat), count)| (stat, count as i64)).collect();
    match delta.object {
        StatObject::Manager(_) => Measures {
            counts: Counts {
                requests: count(StatId::DOWNSTREAM_REQUESTS),
                errors: count(StatId::DOWNSTREAM_5XX),
                attempts: count(StatId::DOWNSTREAM_REQUESTS),
                timeouts: count(StatId::DOWNSTREAM_TIMEOUTS),
                ..Counts::default()
            },
            server: bins(&delta.latency),
            stats,
            ..Measures::default()
        },
        _ => Measures {
            counts: Counts {
                requests: count(StatId::REQUESTS),
                errors: count(StatId::RESPONSES_5XX),
                attempts: count(StatId::ATTEMPTS),
                retries: count(StatId::RETRIES),
                timeouts: count(StatId::TIMEOUTS),
                connection_failures: count(StatId::CONNECTION_FAILURES),
                tls_handshakes: count(StatId::TLS_HANDSHAKES),
            },
            client: bins(&delta.latency),
            stats,
            ..Measures::default()
        },
    }
}

/// Adds what a target in Prometheus' format counted since the scrape before.
pub(super) fn count_mesh(scrape: &MeshScrape, directory: &mut Directory, rollup: &mut Rollup) {
    let bucket_s = bucket_of(scrape.scraped_at_ns);
    for delta in &scrape.deltas {
        let series = directory.series_id(SeriesKey::Counted(Arc::new(delta.edge.clone())));
        rollup.entry((bucket_s, series)).or_default().merge(&mesh_measures(delta), 1);
    }
}

fn mesh_measures(delta: &MeshDelta) -> Measures {
    let MeshCounts { requests, errors, attempts, retries, timeouts, connection_failures, .. } = delta.counts;
    let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let is_cluster = delta.edge.dialect == MeshDialect::Envoy && !delta.edge.cluster.is_empty();
    let (client, server) = match delta.edge.reporter {
        MeshReporter::Source => (bins(&delta.latency), Bins::default()),
        MeshReporter::Destination => (Bins::default(), bins(&delta.latency)),
    };
    Measures {
        counts: Counts {
            requests: count(requests),
            errors: count(errors),
            // Only a cluster's own counters tell tries apart.
            attempts: count(if is_cluster { attempts } else { requests }),
            retries: count(retries),
            timeouts: count(timeouts),
            connection_failures: count(connection_failures),
            tls_handshakes: count(delta.counts.tls_handshakes),
        },
        client,
        server,
        stats: mesh_stats(&delta.counts).map(|(StatId(stat), number)| (stat, count(number))).collect(),
    }
}

/// The counts by the statistics of the dictionary that count the same.
fn mesh_stats(counts: &MeshCounts) -> impl Iterator<Item = (StatId, u64)> {
    let classes = (0..).zip(counts.classes).map(|(class, count)| (StatId::class(class), count));
    let named = [
        (StatId::REQUESTS, counts.requests),
        (StatId::ATTEMPTS, counts.attempts),
        (StatId::RETRIES, counts.retries),
        (StatId::TIMEOUTS, counts.timeouts),
        (StatId::CONNECTION_FAILURES, counts.connection_failures),
        (StatId::TLS_HANDSHAKES, counts.tls_handshakes),
        (StatId::PENDING_OVERFLOWS, counts.pending_overflows),
        (StatId::ACTIVE_OVERFLOWS, counts.active_overflows),
        (StatId::CONNECTIONS, counts.connections),
    ];
    classes.chain(named).filter(|&(_, count)| count > 0)
}

/// The bucket of a time, ns since 1970.
fn bucket_of(time_ns: i64) -> i64 {
    time_ns.div_euclid(BUCKET_SECONDS * 1_000_000_000) * BUCKET_SECONDS
}

/// Adds requests that proxies logged.
pub(super) fn count_access_logs(rows: &[AccessLogRow], directory: &mut Directory, rollup: &mut Rollup) {
    for row in rows.iter().filter(|row| row.is_request()) {
        let bucket_s = bucket_of(row.start_ns);
        let service = if row.node_cluster.is_empty() { &row.node_id } else { &row.node_cluster };
        let route = [row.method.as_str(), row.route.as_str()].join(" ").trim().to_owned();
        let logged = LoggedRoute {
            node_id: row.node_id.clone(),
            service: service.clone(),
            version: row.version.clone(),
            direction: row.direction,
            cluster: row.upstream_cluster.clone(),
            route: directory.route(service, route),
        };
        let series = directory.series_id(SeriesKey::Logged(Arc::new(logged)));
        let counts = Counts {
            requests: 1,
            errors: i64::from(row.is_error()),
            attempts: i64::from(row.attempts),
            retries: i64::from(row.retries()),
            timeouts: i64::from(row.is_timeout()),
            connection_failures: i64::from(row.is_connection_failure()),
            ..Counts::default()
        };
        let measures = rollup.entry((bucket_s, series)).or_default();
        measures.counts.merge(counts, 1);
        if let Some(duration_ns) = row.duration_ns {
            // Most logs know whole milliseconds, so Envoy's own bins say all that there is.
            let whole_ms = u32::try_from(duration_ns / 1_000_000).unwrap_or(u32::MAX);
            measures.client.add(envoy_bin(whole_ms), 1);
        }
    }
}

fn bins(latency: &[LatencyBin]) -> Bins {
    latency.iter().map(|bin| (bin.bin, bin.count as i64)).collect()
}

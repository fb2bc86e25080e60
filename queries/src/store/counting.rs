//! What new spans and scrapes add to the rollups.

use std::borrow::Cow;
use std::sync::Arc;

use crate::dictionary::StatId;
use crate::rows::access_log::AccessLogRow;
use crate::rows::envoy::{EnvoyScrape, LatencyBin, ObjectCounts, StatObject};
use crate::rows::mesh::{MeshCounts, MeshDelta, MeshDialect, MeshReporter, MeshScrape};
use crate::rows::route::route_name;
use crate::rows::span::Protocol;
use crate::sketch::{Bins, envoy_bin, envoy_range};
use crate::trace::{BUCKET_SECONDS, Contribution, contributions, contributions_alone};

use super::Directory;
use super::directory::{LoggedRoute, SeriesKey, TracedRoute};
use super::measures::{Counts, Measures, Rollups};
use super::window::Window;

/// Adds what the touched traces contribute now, and takes back what they contributed before.
pub(super) fn count_traces(
    window: &mut Window,
    touched: &[u128],
    directory: &mut Directory,
    rollups: &mut Rollups,
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
                rollups.edges.entry((bucket_s, series)).or_default().add(&contribution, times);
                if let Some(series) = route_series(&contribution, directory) {
                    let measures = rollups.routes.entry((bucket_s, series)).or_default();
                    measures.add_to_route(&contribution, times);
                }
            }
        }
        directory.learn(learned);
    }
}

/// The series of the route that a contribution is about, where one is known.
fn route_series(contribution: &Contribution, directory: &mut Directory) -> Option<u32> {
    let Contribution { source, target, by_xray, route, .. } = contribution;
    let route = directory.route(target.name(), route.as_ref()?);
    let (source, target) = (source.clone(), target.clone());
    let traced = TracedRoute { source, target, route, by_xray: *by_xray };
    Some(directory.route_series_id(SeriesKey::Traced(Arc::new(traced))))
}

/// Adds what a proxy counted since the scrape before.
pub(super) fn count_scrape(scrape: &EnvoyScrape, directory: &mut Directory, rollups: &mut Rollups) {
    let bucket_s = bucket_of(scrape.scraped_at_ns);
    let proxy: Arc<str> = Arc::from(scrape.proxy.id.as_str());
    directory.saw_proxy(scrape);
    for delta in &scrape.deltas {
        let object = directory.object(&delta.object);
        let series = directory.series_id(SeriesKey::Envoy { proxy: Arc::clone(&proxy), object });
        rollups.edges.entry((bucket_s, series)).or_default().merge(&measures(delta), 1);
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
pub(super) fn count_mesh(scrape: &MeshScrape, directory: &mut Directory, rollups: &mut Rollups) {
    let bucket_s = bucket_of(scrape.scraped_at_ns);
    for delta in &scrape.deltas {
        let series = directory.series_id(SeriesKey::Counted(Arc::new(delta.edge.clone())));
        rollups.edges.entry((bucket_s, series)).or_default().merge(&mesh_measures(delta), 1);
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

/// Adds requests that proxies logged: each once to its edge and once to its route.
pub(super) fn count_access_logs(rows: &[AccessLogRow], directory: &mut Directory, rollups: &mut Rollups) {
    for row in rows.iter().filter(|row| row.is_request()) {
        let bucket_s = bucket_of(row.start_ns);
        let service = if row.node_cluster.is_empty() { &row.node_id } else { &row.node_cluster };
        let edge = LoggedRoute {
            node_id: row.node_id.clone(),
            service: service.clone(),
            version: row.version.clone(),
            direction: row.direction,
            cluster: row.upstream_cluster.clone(),
            route: String::new(),
        };
        let route = directory.route(edge.called(), &Arc::from(logged_route(row))).as_ref().to_owned();
        let along = LoggedRoute { route, ..edge.clone() };
        let measures = logged_measures(row);
        let edge = directory.series_id(SeriesKey::Logged(Arc::new(edge)));
        rollups.edges.entry((bucket_s, edge)).or_default().merge(&measures, 1);
        let along = directory.route_series_id(SeriesKey::Logged(Arc::new(along)));
        rollups.routes.entry((bucket_s, along)).or_default().merge(&measures, 1);
    }
}

/// The route of a logged request. An RPC is named by its full method, as in spans.
fn logged_route(row: &AccessLogRow) -> String {
    let rpc = row.route.strip_prefix('/').filter(|rpc| rpc.split('/').count() == 2);
    match rpc.filter(|_| row.grpc_status.is_some() && row.method == "POST") {
        Some(rpc) => rpc.to_owned(),
        None => route_name(Protocol::Http, &row.method, &row.route)
            .map_or_else(|| row.method.clone(), Cow::into_owned),
    }
}

fn logged_measures(row: &AccessLogRow) -> Measures {
    let counts = Counts {
        requests: 1,
        errors: i64::from(row.is_error()),
        attempts: i64::from(row.attempts),
        retries: i64::from(row.retries()),
        timeouts: i64::from(row.is_timeout()),
        connection_failures: i64::from(row.is_connection_failure()),
        ..Counts::default()
    };
    let mut measures = Measures { counts, ..Measures::default() };
    if let Some(duration_ns) = row.duration_ns {
        // Most logs know whole milliseconds, so Envoy's own bins say all that there is.
        let whole_ms = u32::try_from(duration_ns / 1_000_000).unwrap_or(u32::MAX);
        measures.client.add(envoy_bin(whole_ms), 1);
        if let Some(upstream_ns) = row.upstream_duration_ns {
            measures.server.add(added_bin((duration_ns, row.is_whole_ms), upstream_ns), 1);
        }
    }
    measures.add_outcome(row.outcome(), 1);
    measures
}

/// The bin of what a proxy added to the time that its upstream took. Times that are known as whole milliseconds are rounded
/// down: each leaves one millisecond open.
fn added_bin((duration_ns, is_whole_ms): (u64, bool), upstream_ns: u64) -> i16 {
    let difference_ms = duration_ns.saturating_sub(upstream_ns) as f64 / 1e6;
    let is_upstream_whole_ms = upstream_ns.is_multiple_of(1_000_000);
    let low_ms = (difference_ms - f64::from(u8::from(is_upstream_whole_ms))).max(0.0);
    envoy_range(low_ms, difference_ms + f64::from(u8::from(is_whole_ms)))
}

fn bins(latency: &[LatencyBin]) -> Bins {
    latency.iter().map(|bin| (bin.bin, bin.count as i64)).collect()
}

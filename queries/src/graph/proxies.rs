//! What each Envoy says, in words: its identity, its state, and everything that it counts by the dictionary.

use foldhash::HashMap;

use crate::api::graph::NodeKind;
use crate::api::proxies::{
    EdgeStatistics, HostState, ProxyCluster, ProxyDetail, ProxyPart, ProxySummary, ScrapeGap, Statistic,
};
use crate::dictionary::{self, Kind, StatId};
use crate::rows::envoy::{ObjectGauges, StatObject};
use crate::sketch::{Bins, Scheme};
use crate::store::{Directory, Measures, ProxyRecord, SeriesKey, SeriesTotal, Store, StoreError};

use super::answer::{node_ids, plain_id, six_digits};
use super::edges::{self, Merged};
use super::identity::{Identity, NodeKey, Target};
use super::rules::IdentityRules;
use super::{GraphQuery, SETTLE_SECONDS};

/// A proxy that was not scraped for so long does not report, ns.
const SILENT_NS: i64 = 60_000_000_000;

/// Every proxy that was ever scraped, sorted by service and id. Blocks.
///
/// # Errors
/// Where the store cannot be read.
pub fn proxies(
    store: &Store,
    rules: &IdentityRules,
    query: &GraphQuery,
) -> Result<Vec<ProxySummary>, StoreError> {
    let totals = store.totals(query.range, query.now_s - SETTLE_SECONDS)?;
    let mut proxies: Vec<ProxySummary> = store.directory(|directory| {
        let view = View::new(directory, rules, &totals, query);
        directory.proxies().values().map(|record| view.summary(record)).collect()
    });
    proxies.sort_by(|one, other| one.service.cmp(&other.service).then_with(|| one.id.cmp(&other.id)));
    Ok(proxies)
}

/// One proxy with everything that it counted in the range; nothing where it was never scraped. Blocks.
///
/// # Errors
/// Where the store cannot be read.
pub fn proxy(
    store: &Store,
    rules: &IdentityRules,
    id: &str,
    query: &GraphQuery,
) -> Result<Option<ProxyDetail>, StoreError> {
    let totals = store.totals(query.range, query.now_s - SETTLE_SECONDS)?;
    let series: Vec<u32> =
        store.directory(|directory| directory.series_of_proxy(id).map(|(id, _)| id).collect());
    let measures = store.measures(query.range, &series)?;
    Ok(store.directory(|directory| {
        let record = directory.proxies().get(id)?;
        let view = View::new(directory, rules, &totals, query);
        let mut counted: HashMap<&StatObject, &Measures> = HashMap::default();
        for (id, object) in directory.series_of_proxy(id) {
            counted.extend(measures.get(&id).map(|measures| (object, measures)));
        }
        let gauges: HashMap<&StatObject, &ObjectGauges> =
            record.gauges.iter().map(|gauges| (&gauges.object, gauges)).collect();
        let mut objects: Vec<&StatObject> = counted.keys().chain(gauges.keys()).copied().collect();
        objects.sort();
        objects.dedup();
        let part =
            |object| view.part(record, object, counted.get(object).copied(), gauges.get(object).copied());
        let parts = objects.into_iter().map(part).collect();
        let gaps = record.gaps.iter().rev().map(|gap| ScrapeGap {
            since: rfc3339(gap.since_ns),
            until: rfc3339(gap.until_ns),
            lost_process: gap.lost_process,
        });
        Some(ProxyDetail { summary: view.summary(record), parts, gaps: gaps.collect() })
    }))
}

/// What the callers' proxies count of the calls from one node to another, by their ids. Blocks.
///
/// # Errors
/// Where the store cannot be read.
pub fn edge_statistics(
    store: &Store,
    rules: &IdentityRules,
    (source, target): (&str, &str),
    query: &GraphQuery,
) -> Result<EdgeStatistics, StoreError> {
    let totals = store.totals(query.range, query.now_s - SETTLE_SECONDS)?;
    let series: Vec<u32> = store.directory(|directory| {
        let merged = edges::merge(directory, rules, &totals, query);
        let ids = node_ids(&merged, query.by_version);
        let wanted =
            merged.edges.iter().filter(|(key, _)| ids[key.source] == source && ids[key.target] == target);
        wanted.flat_map(|(_, totals)| totals.counters_series().iter().copied()).collect()
    });
    let measures = store.measures(query.range, &series)?;
    let mut sum = Bins::default();
    for measures in measures.values() {
        sum.merge(&measures.stats, 1);
    }
    Ok(store.directory(|directory| {
        let mut gauges: HashMap<StatId, i64> = HashMap::default();
        let mut clusters = Vec::new();
        for key in series.iter().filter_map(|&id| directory.series(id)) {
            let (proxy, object) = match key {
                SeriesKey::Envoy { proxy, object } => (proxy, object),
                SeriesKey::Counted(edge) => {
                    let called = [&edge.cluster, &edge.virtual_service, &edge.target.name];
                    let called = called.into_iter().find(|name| !name.is_empty());
                    let cluster = called.cloned().unwrap_or_else(|| edge.target.service.clone());
                    clusters.push(ProxyCluster { proxy: edge.instance.clone(), cluster });
                    continue;
                }
                _ => continue,
            };
            let (StatObject::Cluster(name), Some(record)) = (&**object, directory.proxies().get(&**proxy))
            else {
                continue;
            };
            clusters.push(ProxyCluster { proxy: proxy.to_string(), cluster: name.clone() });
            for (stat, value) in
                record.gauges.iter().filter(|gauges| gauges.object == **object).flat_map(values)
            {
                let known = gauges.entry(stat).or_insert(0);
                *known = if stat == StatId::CERTIFICATE_EXPIRY && *known > 0 {
                    value.min(*known)
                } else {
                    *known + value
                };
            }
        }
        clusters.sort_by(|one, other| (&one.proxy, &one.cluster).cmp(&(&other.proxy, &other.cluster)));
        clusters.dedup();
        let counted = sum.iter().map(|(stat, count)| (StatId(stat), count));
        EdgeStatistics {
            clusters,
            hosts: host_state(&gauges),
            encrypted_share: encrypted_share(&sum),
            statistics: statistics(counted.chain(gauges)),
        }
    }))
}

/// How the proxies stand to the hosts, where any says how many there are.
fn host_state(gauges: &HashMap<StatId, i64>) -> Option<HostState> {
    let value = |stat| gauges.get(&StatId(stat)).map_or(0, |&value| value.max(0) as u64);
    (value(HOSTS) > 0).then(|| HostState {
        all: value(HOSTS),
        healthy: value(HEALTHY_HOSTS),
        ejected: value(EJECTED),
        open_breakers: BREAKERS.map(value).sum(),
    })
}

fn encrypted_share(counted: &Bins) -> Option<f64> {
    let count =
        |wanted: StatId| counted.iter().find(|&(stat, _)| stat == wanted.0).map_or(0, |(_, count)| count);
    let connections = count(StatId::CONNECTIONS);
    // A connection that was made before the range may have shaken hands in it.
    (connections > 0)
        .then(|| six_digits((count(StatId::TLS_HANDSHAKES) as f64 / connections as f64).min(1.0)))
}

fn values(gauges: &ObjectGauges) -> impl Iterator<Item = (StatId, i64)> {
    gauges.values.iter().map(|(stat, value)| (stat, value as i64))
}

/// Statistics in words, those of one topic together.
fn statistics(values: impl Iterator<Item = (StatId, i64)>) -> Vec<Statistic> {
    let mut told: Vec<_> = values
        .filter(|&(_, value)| value != 0)
        .filter_map(|(stat, value)| Some((dictionary::words(stat)?, stat, value)))
        .collect();
    told.sort_by(|(one, one_id, _), (other, other_id, _)| {
        (one.topic, *one_id).cmp(&(other.topic, *other_id))
    });
    let statistic = |(words, stat, value): (dictionary::Words, StatId, i64)| Statistic {
        name: words.name,
        topic: words.topic.title().to_owned(),
        meaning: words.meaning,
        is_gauge: words.kind == Kind::Gauge,
        value,
        is_bad: dictionary::is_trouble(stat),
    };
    told.into_iter().map(statistic).collect()
}

/// A range with everybody's identity resolved.
struct View<'a> {
    identity: Identity<'a>,
    merged: Merged,
    ids: Vec<String>,
    seconds: f64,
    now_ns: i64,
}

impl<'a> View<'a> {
    fn new(
        directory: &'a Directory,
        rules: &'a IdentityRules,
        totals: &'a [(u32, SeriesTotal)],
        query: &GraphQuery,
    ) -> Self {
        let merged = edges::merge(directory, rules, totals, query);
        Self {
            identity: edges::identity(directory, rules, totals),
            ids: node_ids(&merged, query.by_version),
            merged,
            seconds: query.range.seconds() as f64,
            now_ns: query.now_s.saturating_mul(1_000_000_000),
        }
    }

    /// The id that the graph gives a node, or would give one without its like.
    fn id(&self, node: &NodeKey) -> String {
        self.merged.number_of(node).map_or_else(|| plain_id(node), |number| self.ids[number].clone())
    }

    fn summary(&self, record: &ProxyRecord) -> ProxySummary {
        let (node, rule) = self.identity.proxy(record);
        let proxy = &record.proxy;
        let of_clusters =
            || record.gauges.iter().filter(|gauges| matches!(gauges.object, StatObject::Cluster(_)));
        let sum = |stats: std::ops::RangeInclusive<i16>| {
            of_clusters()
                .flat_map(|gauges| gauges.values.iter())
                .filter(|(stat, _)| stats.contains(&stat.0))
                .map(|(_, value)| value)
                .sum()
        };
        let is_unhealthy = |gauges: &&ObjectGauges| {
            let get = |stat| gauges.values.get(StatId(stat));
            get(HEALTHY_HOSTS) + get(EXCLUDED_HOSTS) < get(HOSTS)
        };
        let expiries = record.gauges.iter().map(|gauges| gauges.values.get(StatId::CERTIFICATE_EXPIRY));
        let expiry = expiries.filter(|&seconds| seconds > 0).min();
        ProxySummary {
            id: proxy.id.clone(),
            node: self.id(&node),
            service: node.name,
            identity: rule,
            cluster: proxy.cluster.clone(),
            address: proxy.address.clone(),
            zone: proxy.zone.clone(),
            envoy_version: proxy.envoy_version.clone(),
            started_at: rfc3339(proxy.started_at_ns),
            restart_epoch: proxy.restart_epoch,
            last_scrape: rfc3339(record.last_scrape_ns),
            is_reporting: self.now_ns - record.last_scrape_ns < SILENT_NS,
            certificate_expires_at: expiry
                .map(|seconds| rfc3339_of(i64::try_from(seconds).unwrap_or(i64::MAX))),
            ejected_hosts: sum(EJECTED..=EJECTED),
            open_breakers: sum(BREAKERS),
            unhealthy_clusters: of_clusters().filter(is_unhealthy).count() as u64,
        }
    }

    fn part(
        &self,
        record: &ProxyRecord,
        object: &StatObject,
        counted: Option<&Measures>,
        gauges: Option<&ObjectGauges>,
    ) -> ProxyPart {
        let (kind, name, of) = words_of(object);
        let cluster = match object {
            StatObject::Cluster(cluster) => Some(cluster.as_str()),
            _ => None,
        };
        let target = cluster.and_then(|cluster| {
            let caller = self.identity.proxy(record).0.name;
            match self.identity.cluster(cluster, &caller, Some(record)) {
                Target::Node(node, _) => Some(self.id(&node)),
                Target::Itself | Target::Telemetry => None,
            }
        });
        let config = record.config.clusters.iter().find(|config| Some(config.name.as_str()) == cluster);
        let counts = counted.map(|measures| measures.counts).unwrap_or_default();
        let bins = counted
            .map(|measures| if measures.client.is_empty() { &measures.server } else { &measures.client });
        let stats = counted.into_iter().flat_map(|measures| measures.stats.iter());
        let stats = stats.map(|(stat, count)| (StatId(stat), count));
        ProxyPart {
            kind: kind.to_owned(),
            name,
            of,
            target,
            mtls: config.map(|config| config.mtls),
            requests: counts.requests.max(0) as u64,
            request_rate: six_digits(counts.requests.max(0) as f64 / self.seconds),
            errors: counts.errors.max(0) as u64,
            latency: bins.and_then(|bins| bins.latency(Scheme::Envoy)),
            statistics: statistics(stats.chain(gauges.into_iter().flat_map(values))),
        }
    }
}

const EJECTED: i16 = 80;
const BREAKERS: std::ops::RangeInclusive<i16> = 54..=63;
const HOSTS: i16 = 90;
const HEALTHY_HOSTS: i16 = 91;
const EXCLUDED_HOSTS: i16 = 93;

/// Kind, name, and what it belongs to.
fn words_of(object: &StatObject) -> (&'static str, String, String) {
    let text = String::clone;
    match object {
        StatObject::Cluster(name) => ("cluster", text(name), String::new()),
        StatObject::Zone { cluster, from, to } => ("zone", format!("{from} → {to}"), text(cluster)),
        StatObject::Endpoint { cluster, address } => ("endpoint", text(address), text(cluster)),
        StatObject::Route { virtual_host, name } => ("route", text(name), text(virtual_host)),
        StatObject::VirtualCluster { virtual_host, name } => {
            ("virtual_cluster", text(name), text(virtual_host))
        }
        StatObject::Manager(prefix) => ("manager", text(prefix), String::new()),
        StatObject::Listener(address) => ("listener", text(address), String::new()),
        StatObject::Server => ("server", "Envoy".to_owned(), String::new()),
    }
}

fn rfc3339(ns: i64) -> String {
    rfc3339_of(ns.div_euclid(1_000_000_000))
}

/// Seconds since 1970 as a time; what lies beyond the year 9999 as its end.
fn rfc3339_of(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::MAX).to_string()
}

/// The proxies that stand before a node, by its id, sorted by id.
pub fn proxies_of(proxies: Vec<ProxySummary>, node: &str, kind: NodeKind) -> Vec<ProxySummary> {
    if !matches!(kind, NodeKind::Service | NodeKind::Gateway) {
        return Vec::new();
    }
    proxies.into_iter().filter(|proxy| proxy.node == node).collect()
}

#[cfg(test)]
mod tests {
    use crate::rows::envoy::{EnvoyScrape, Gap, ObjectCounts, Proxy};
    use crate::store::{self, StoreOptions, TimeRange};

    use super::*;

    const NOW_S: i64 = 1_795_000_000;

    fn counts(object: StatObject, counts: &[(i16, u64)]) -> ObjectCounts {
        let counts = counts.iter().map(|&(stat, count)| (StatId(stat), count)).collect();
        ObjectCounts { counts, ..ObjectCounts::of(object) }
    }

    fn cluster(name: &str) -> StatObject {
        StatObject::Cluster(name.to_owned())
    }

    fn query() -> GraphQuery {
        GraphQuery { range: TimeRange::covering(NOW_S - 900, NOW_S), by_version: false, now_s: NOW_S }
    }

    /// Two scrapes of one proxy, the second with gauges and after a gap.
    fn told(check: impl FnOnce(&Store)) {
        let dir = tempfile::tempdir().unwrap();
        let (store, mut writer) = store::open(&StoreOptions::in_dir(dir.path())).unwrap();
        let gauges = |object, values: &[(i16, u64)]| ObjectGauges {
            object,
            values: values.iter().map(|&(stat, value)| (StatId(stat), value)).collect(),
        };
        for (sequence, at_s) in [(1, NOW_S - 300), (2, NOW_S - 10)] {
            writer.stage_envoy(
                sequence,
                Box::new(EnvoyScrape {
                    proxy: Proxy { id: "web-1".to_owned(), cluster: "web".to_owned(), ..Proxy::default() },
                    scraped_at_ns: at_s * 1_000_000_000,
                    deltas: vec![
                        counts(
                            cluster("orders"),
                            &[(1, 10), (6, 1), (7, 12), (8, 2), (11, 3), (74, 4), (10_503, 1)],
                        ),
                        counts(StatObject::Server, &[(307, 1)]),
                    ],
                    gauges: vec![
                        gauges(cluster("orders"), &[(90, 3), (91, 2), (80, 1), (56, 1)]),
                        gauges(StatObject::Listener("in".to_owned()), &[(12, 1_800_000_000)]),
                    ],
                    gap: (sequence == 2).then_some(Gap { since_ns: 1, until_ns: 2, lost_process: true }),
                    ..EnvoyScrape::default()
                }),
            );
            writer.publish().unwrap();
        }
        check(&store);
    }

    #[test]
    fn a_proxy_is_told_in_words() {
        told(|store| {
            let all = proxies(store, &IdentityRules::default(), &query()).unwrap();
            assert_eq!(all.len(), 1);
            let web = &all[0];
            assert_eq!(
                (web.id.as_str(), web.service.as_str(), web.node.as_str()),
                ("web-1", "web", "service:web")
            );
            assert!(web.is_reporting);
            assert_eq!((web.ejected_hosts, web.open_breakers, web.unhealthy_clusters), (1, 1, 1));
            assert_eq!(web.certificate_expires_at.as_deref(), Some("2027-01-15T08:00:00Z"));
            let detail = proxy(store, &IdentityRules::default(), "web-1", &query()).unwrap().unwrap();
            assert_eq!(detail.summary, *web);
            assert_eq!(detail.gaps.len(), 1);
            let orders = detail.parts.iter().find(|part| part.kind == "cluster").unwrap();
            assert_eq!((orders.requests, orders.errors), (20, 2));
            assert_eq!(orders.target.as_deref(), Some("external:orders"));
            let value = |name: &str| {
                let found = orders.statistics.iter().find(|statistic| statistic.name == name);
                found.map(|statistic| (statistic.value, statistic.is_bad))
            };
            assert_eq!(value("upstream_rq_retry"), Some((4, false)));
            assert_eq!(value("upstream_rq_503"), Some((2, true)));
            assert_eq!(value("circuit_breakers.default.rq_open"), Some((1, true)));
            assert_eq!(value("upstream_rq_timeout"), None);
            assert_eq!(proxy(store, &IdentityRules::default(), "nobody", &query()).unwrap(), None);
        });
    }

    #[test]
    fn an_edge_has_the_statistics_of_its_clusters() {
        told(|store| {
            let of = |ends| edge_statistics(store, &IdentityRules::default(), ends, &query()).unwrap();
            let edge = of(("service:web", "external:orders"));
            assert_eq!(
                edge.clusters,
                [ProxyCluster { proxy: "web-1".to_owned(), cluster: "orders".to_owned() }]
            );
            let state = HostState { all: 3, healthy: 2, ejected: 1, open_breakers: 1 };
            assert_eq!((edge.hosts, edge.encrypted_share), (Some(state), Some(0.75)));
            let retries =
                edge.statistics.iter().find(|statistic| statistic.name == "upstream_rq_retry").unwrap();
            assert_eq!((retries.value, retries.topic.as_str()), (4, "Tries and retries"));
            assert_eq!(of(("a", "b")), EdgeStatistics::default());
        });
    }
}

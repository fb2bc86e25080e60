//! Series of rollups, merged into edges between nodes.

use std::collections::BTreeMap;
use std::sync::Arc;

use foldhash::{HashMap, HashSet};

use crate::api::graph::NodeKind;
use crate::rows::access_log::Direction;
use crate::rows::envoy::StatObject;
use crate::rows::mesh::{MeshDialect, MeshEdge, MeshReporter};
use crate::rows::span::{PeerKind, Protocol, Workload};
use crate::store::{Counts, Directory, LoggedRoute, Measures, ProxyRecord, SeriesKey, SeriesTotal};
use crate::trace::Endpoint;

use super::GraphQuery;
use super::identity::{BY_SPANS, Identity, NodeKey, Target, client};
use super::rules::IdentityRules;
use super::voices::Voice;

/// Calls of one kind between two nodes, which are numbered in [`Merged::nodes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct EdgeKey {
    pub(super) source: usize,
    pub(super) target: usize,
    pub(super) class: Class,
}

/// Kinds of calls that are drawn as edges of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Class {
    /// Requests of any protocol. Envoy does not tell HTTP from gRPC in what it counts.
    Request,
    /// Messages through a queue.
    Message,
}

/// What each source of evidence says of an edge.
#[derive(Clone, Debug, Default)]
pub(super) struct EdgeTotals {
    /// What OpenTelemetry's spans say.
    pub(super) trace: Option<Measures>,
    /// What segments of AWS X-Ray say, of other requests than [`Self::trace`]: spans of both make one trace.
    pub(super) xray: Option<Measures>,
    /// What AWS CloudWatch says, minute by minute.
    pub(super) cloudwatch: Option<Measures>,
    /// What Envoys say to Sidecarta themselves.
    pub(super) envoy: Option<Measures>,
    /// What targets in Prometheus' format say, callers' proxies and callees' proxies apart: both count the same requests.
    pub(super) counted: [Option<Measures>; 2],
    /// What Envoys have logged.
    pub(super) access_log: Option<Measures>,
    /// Requests by protocol, from traces.
    pub(super) protocols: BTreeMap<Protocol, i64>,
    /// Node ids of the proxies that counted.
    pub(super) reporters: Vec<String>,
    /// Whether a proxy calls with a certificate of its own, where one says.
    pub(super) mtls: Option<bool>,
    /// Requests of traces that are old enough for all their spans to have come.
    pub(super) settled: i64,
    /// The numbers of the series of clusters that were added.
    series: Vec<u32>,
    /// The numbers of the series behind [`Self::counted`].
    counted_series: [Vec<u32>; 2],
}

/// The whole graph before it is put into words.
#[derive(Debug, Default)]
pub(super) struct Merged {
    /// Each node, with its version, and the rule that named it.
    pub(super) nodes: Vec<(NodeKey, String)>,
    numbers: HashMap<NodeKey, usize>,
    /// Numbers of the nodes that workloads are, by the addresses of the workloads: looking a node up by its names costs
    /// several times as much.
    workloads: HashMap<usize, usize>,
    pub(super) edges: HashMap<EdgeKey, EdgeTotals>,
    /// Which series tell of which edge, and as whose voice.
    pub(super) told: Vec<(EdgeKey, Voice, u32)>,
    /// Requests whose caller did not arrive.
    pub(super) unpaired: i64,
    by_version: bool,
    /// Services of which a version is known.
    versioned: HashSet<String>,
    pub(super) proxies: u64,
    pub(super) proxies_reporting: u64,
}

/// Resolves and merges all series of a range.
pub(super) fn merge(
    directory: &Directory,
    rules: &IdentityRules,
    totals: &[(u32, SeriesTotal)],
    query: &GraphQuery,
) -> Merged {
    let identity = identity(directory, rules, totals);
    let keys = totals.iter().filter_map(|(id, _)| directory.series(*id));
    let versioned = keys.flat_map(workloads).filter(|workload| !workload.version.is_empty());
    let mut merged = Merged {
        by_version: query.by_version,
        versioned: versioned.map(|workload| workload.service.clone()).collect(),
        proxies: directory.proxies().len() as u64,
        ..Merged::default()
    };
    let since_ns = query.range.from_s * 1_000_000_000;
    let reporting = |record: &&ProxyRecord| record.last_scrape_ns >= since_ns;
    merged.proxies_reporting = directory.proxies().values().filter(reporting).count() as u64;
    for (id, total) in totals {
        let Some(key) = directory.series(*id) else { continue };
        match key {
            SeriesKey::Edge { source, target, protocol, by_xray } => {
                let edge = merged.add_trace_edge(&identity, (source, target, *protocol), *by_xray, total);
                merged.told(edge, if *by_xray { Voice::Xray } else { Voice::Trace }, *id);
            }
            // Routes have rollups of their own.
            SeriesKey::Traced(_) => {}
            SeriesKey::Counted(counted) => {
                let edge = merged.add_counted(&identity, counted, (*id, &total.measures));
                let voice = match (counted.dialect, counted.reporter) {
                    (MeshDialect::ServiceConnect, _) => Voice::CloudWatch,
                    (_, MeshReporter::Source) => Voice::CountedByCaller,
                    (_, MeshReporter::Destination) => Voice::CountedByCallee,
                };
                merged.told(edge, voice, *id);
            }
            SeriesKey::Logged(logged) => {
                let edge = merged.add_logged(&identity, directory, logged, &total.measures);
                merged.told(edge, Voice::LoggedByCaller, *id);
            }
            SeriesKey::Envoy { proxy, object } => {
                // Much else is counted of what nobody calls.
                if total.measures.counts == Counts::default() {
                    continue;
                }
                let Some(record) = directory.proxies().get(&**proxy) else { continue };
                let edge = match &**object {
                    StatObject::Cluster(cluster) => {
                        merged.add_cluster(&identity, record, cluster, (*id, &total.measures))
                    }
                    StatObject::Manager(prefix) => {
                        merged.add_listener(&identity, record, prefix, &total.measures)
                    }
                    // The same requests again, by another order.
                    _ => None,
                };
                merged.told(edge, Voice::Envoy, *id);
            }
        }
    }
    merged
}

/// Which series tell of which edge, each request by one of those of the same voice or order: Envoys that are asked themselves
/// may stand behind the other counters, and both sides count the same requests.
pub(super) fn told_once(told: &[(EdgeKey, Voice, u32)]) -> Vec<(EdgeKey, Voice, u32)> {
    let has: HashSet<(EdgeKey, Voice)> = told.iter().map(|&(edge, voice, _)| (edge, voice)).collect();
    let is_again = |edge: EdgeKey, voice: Voice| match voice {
        Voice::CountedByCaller => has.contains(&(edge, Voice::Envoy)),
        Voice::CountedByCallee => {
            has.contains(&(edge, Voice::Envoy)) || has.contains(&(edge, Voice::CountedByCaller))
        }
        _ => false,
    };
    told.iter().copied().filter(|&(edge, voice, _)| !is_again(edge, voice)).collect()
}

/// The rules of identity over what was seen in a range.
pub(super) fn identity<'a>(
    directory: &'a Directory,
    rules: &'a IdentityRules,
    totals: &[(u32, SeriesTotal)],
) -> Identity<'a> {
    let keys = totals.iter().filter_map(|(id, _)| directory.series(*id));
    let seen: HashSet<&Workload> = keys.clone().flat_map(workloads).collect();
    let seen: Vec<&Workload> = seen.into_iter().collect();
    let counted = keys.clone().filter_map(|key| match key {
        SeriesKey::Counted(edge) => Some(&**edge),
        _ => None,
    });
    let logging = keys.filter_map(|key| match key {
        SeriesKey::Logged(logged) if !logged.service.is_empty() => Some(logged.service.as_str()),
        _ => None,
    });
    Identity::new(directory, rules, &seen, counted).with_services(logging)
}

/// Whether one end of an edge is known by hearsay only. While the other side's spans may still be on their way, that is not
/// drawn.
pub(super) fn is_hearsay(source: &Endpoint, target: &Endpoint) -> bool {
    let by_hearsay =
        |end: &Endpoint| !matches!(end, Endpoint::Workload(_) | Endpoint::Client | Endpoint::Peer(_));
    let is_host = matches!(target, Endpoint::Peer(peer) if peer.kind == PeerKind::Host);
    by_hearsay(source) || by_hearsay(target) || is_host
}

fn workloads(key: &SeriesKey) -> impl Iterator<Item = &Workload> {
    let ends = match key {
        SeriesKey::Edge { source, target, .. } => [Some(source), Some(target)],
        _ => [None, None],
    };
    ends.into_iter().flatten().filter_map(|endpoint| match endpoint {
        Endpoint::Workload(workload) => Some(&**workload),
        _ => None,
    })
}

impl Merged {
    fn add_trace_edge(
        &mut self,
        identity: &Identity<'_>,
        (source, target, protocol): (&Endpoint, &Endpoint, Protocol),
        by_xray: bool,
        total: &SeriesTotal,
    ) -> Option<EdgeKey> {
        if total.settled_requests == 0 && self.comes_yet(source, target) {
            return None;
        }
        if *source == Endpoint::Unknown {
            self.unpaired += total.measures.requests;
        }
        let caller = match source {
            Endpoint::Workload(workload) => workload.service.as_str(),
            _ => "",
        };
        let source = self.endpoint(identity, source, "");
        let (source, target) = (source?, self.endpoint(identity, target, caller)?);
        if self.are_one(source, target) {
            return None;
        }
        let class = if protocol == Protocol::Messaging { Class::Message } else { Class::Request };
        let key = EdgeKey { source, target, class };
        let totals = self.edges.entry(key).or_default();
        let measures = if by_xray { &mut totals.xray } else { &mut totals.trace };
        measures.get_or_insert_default().merge(&total.measures, 1);
        totals.settled += total.settled_requests;
        *totals.protocols.entry(protocol).or_default() += total.measures.requests;
        Some(key)
    }

    /// Whether spans of either side that may be on their way still will say more of an edge than is known by now.
    fn comes_yet(&self, source: &Endpoint, target: &Endpoint) -> bool {
        is_hearsay(source, target)
            || self.by_version && (self.lacks_version(source) || self.lacks_version(target))
    }

    /// Whether a workload is without the version that other spans of its service say: a proxy's span does not know it, and
    /// the application's own is on its way still.
    pub(super) fn lacks_version(&self, end: &Endpoint) -> bool {
        match end {
            Endpoint::Workload(workload) => {
                workload.version.is_empty() && self.versioned.contains(&workload.service)
            }
            _ => false,
        }
    }

    fn told(&mut self, edge: Option<EdgeKey>, voice: Voice, series: u32) {
        self.told.extend(edge.map(|edge| (edge, voice, series)));
    }

    fn add_cluster(
        &mut self,
        identity: &Identity<'_>,
        record: &ProxyRecord,
        cluster: &str,
        (series, measures): (u32, &Measures),
    ) -> Option<EdgeKey> {
        let (source, rule) = identity.proxy(record);
        let Target::Node(target, target_rule) = identity.cluster(cluster, &source.name, Some(record)) else {
            return None;
        };
        let (source, target) = (self.number(source, rule), self.number(target, target_rule));
        if self.are_one(source, target) {
            return None;
        }
        let key = EdgeKey { source, target, class: Class::Request };
        let totals = self.edges.entry(key).or_default();
        totals.envoy.get_or_insert_default().merge(measures, 1);
        totals.reported_by(&record.proxy.id);
        totals.series.push(series);
        if let Some(config) = record.config.clusters.iter().find(|config| config.name == cluster) {
            totals.mtls = Some(config.mtls && totals.mtls.unwrap_or(true));
        }
        Some(key)
    }

    /// What a proxy logged on the way out, or a gateway on the way in.
    fn add_logged(
        &mut self,
        identity: &Identity<'_>,
        directory: &Directory,
        logged: &LoggedRoute,
        measures: &Measures,
    ) -> Option<EdgeKey> {
        let record = directory.proxies().get(&logged.node_id);
        let (source, rule) = identity.proxy_of(&logged.node_id, &logged.service);
        let comes_in = logged.direction == Direction::Inbound && source.kind != NodeKind::Gateway;
        if comes_in || logged.cluster.is_empty() {
            return None;
        }
        let Target::Node(target, target_rule) = identity.cluster(&logged.cluster, &source.name, record)
        else {
            return None;
        };
        let (source, target) = (self.number(source, rule), self.number(target, target_rule));
        if self.are_one(source, target) {
            return None;
        }
        let key = EdgeKey { source, target, class: Class::Request };
        self.edges.entry(key).or_default().access_log.get_or_insert_default().merge(measures, 1);
        Some(key)
    }

    /// What comes in at a gateway comes from outside; what comes in at a sidecar its callers count.
    fn add_listener(
        &mut self,
        identity: &Identity<'_>,
        record: &ProxyRecord,
        prefix: &str,
        measures: &Measures,
    ) -> Option<EdgeKey> {
        let (target, rule) = identity.proxy(record);
        let inbound = record.config.inbound_listeners.iter().any(|inbound| inbound == prefix);
        if target.kind != NodeKind::Gateway || !inbound {
            return None;
        }
        let way_in = "the way in: requests without a calling span".to_owned();
        let (source, target) = (self.number(client("client"), way_in), self.number(target, rule));
        let key = EdgeKey { source, target, class: Class::Request };
        let totals = self.edges.entry(key).or_default();
        totals.envoy.get_or_insert_default().merge(measures, 1);
        totals.reported_by(&record.proxy.id);
        Some(key)
    }

    /// What a target in Prometheus' format counts of an edge.
    fn add_counted(
        &mut self,
        identity: &Identity<'_>,
        edge: &MeshEdge,
        (series, measures): (u32, &Measures),
    ) -> Option<EdgeKey> {
        let [(source, rule), (target, target_rule)] = identity.counted(edge)?;
        let (source, target) = (self.number(source, rule), self.number(target, target_rule));
        if self.are_one(source, target) {
            return None;
        }
        let key = EdgeKey { source, target, class: Class::Request };
        let totals = self.edges.entry(key).or_default();
        if edge.dialect == MeshDialect::ServiceConnect {
            totals.cloudwatch.get_or_insert_default().merge(measures, 1);
            return Some(key);
        }
        totals.counted[edge.reporter as usize].get_or_insert_default().merge(measures, 1);
        totals.reported_by(&edge.instance);
        totals.counted_series[edge.reporter as usize].push(series);
        if let Some(mtls) = edge.mtls {
            totals.mtls = Some(mtls && totals.mtls.unwrap_or(true));
        }
        Some(key)
    }

    /// The number of the node that one end of a traced edge is, where it is one.
    pub(super) fn endpoint(
        &mut self,
        identity: &Identity<'_>,
        end: &Endpoint,
        caller: &str,
    ) -> Option<usize> {
        let address = match end {
            Endpoint::Workload(workload) => Some(Arc::as_ptr(workload) as usize),
            _ => None,
        };
        if let Some(&known) = address.and_then(|address| self.workloads.get(&address)) {
            return Some(known);
        }
        let Target::Node(node, rule) = identity.endpoint(end, caller) else { return None };
        let number = self.number(node, rule);
        self.workloads.extend(address.map(|address| (address, number)));
        Some(number)
    }

    /// The number of a node that is known.
    pub(super) fn number_of(&self, node: &NodeKey) -> Option<usize> {
        self.numbers.get(node).copied()
    }

    /// The number of a node. The first rule that named it is kept; what spans say of themselves comes before all else.
    fn number(&mut self, node: NodeKey, rule: String) -> usize {
        if let Some(&number) = self.numbers.get(&node) {
            if rule.starts_with(BY_SPANS) {
                self.nodes[number].1 = rule;
            }
            return number;
        }
        self.numbers.insert(node.clone(), self.nodes.len());
        self.nodes.push((node, rule));
        self.nodes.len() - 1
    }

    /// Whether both are one service.
    pub(super) fn are_one(&self, one: usize, other: usize) -> bool {
        let (one, other) = (&self.nodes[one].0, &self.nodes[other].0);
        one.kind == other.kind && one.name == other.name
    }
}

impl EdgeTotals {
    /// What counters say. Envoys that are asked themselves come first, since the same ones may stand behind the others; of
    /// both sides the caller's, which sees connections fail.
    pub(super) fn counters(&self) -> Option<&Measures> {
        self.envoy.as_ref().or_else(|| self.counted.iter().flatten().next())
    }

    /// The numbers of the series behind [`Self::counters`].
    pub(super) fn counters_series(&self) -> &[u32] {
        let counted = || self.counted.iter().position(Option::is_some);
        match &self.envoy {
            Some(_) => &self.series,
            None => counted().map_or(&[], |side| &self.counted_series[side]),
        }
    }

    /// Whether anything but traces tells of it.
    pub(super) fn tells_all(&self) -> bool {
        self.counters().is_some() || self.cloudwatch.is_some() || self.access_log.is_some()
    }

    /// What counters say, of both sides the callee's first.
    pub(super) fn counters_of_callee(&self) -> Option<&Measures> {
        self.envoy.as_ref().or_else(|| self.counted.iter().flatten().next_back())
    }

    fn reported_by(&mut self, reporter: &str) {
        if !self.reporters.iter().any(|known| known == reporter) {
            self.reporters.push(reporter.to_owned());
            self.reporters.sort();
        }
    }
}

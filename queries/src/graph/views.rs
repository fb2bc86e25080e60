//! Which requests a series tells of: from whom to whom, along which route, and as whose voice.

use std::sync::Arc;

use foldhash::HashMap;

use crate::api::graph::NodeKind;
use crate::rows::access_log::Direction;
use crate::rows::envoy::StatObject;
use crate::store::{Directory, LoggedRoute, ProxyRecord, SeriesKey, SeriesTotal};
use crate::trace::Endpoint;

use super::answer::{node_ids, plain_id};
use super::edges::{self, Merged, is_hearsay};
use super::identity::{Identity, NodeKey, Target};
use super::voices::Voice;
use super::{GraphQuery, IdentityRules};

/// What a series tells of, ends by their numbers in [`Resolver`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct View<'a> {
    pub(super) callee: usize,
    /// Who called, where the voice knows.
    pub(super) caller: Option<usize>,
    pub(super) voice: Voice,
    pub(super) route: &'a str,
}

/// What all log entries of one kind have in common, whatever their route.
type LogPlace<'a> = (&'a str, &'a str, &'a str, Direction, &'a str);
/// Callee, caller and voice.
type Told = (usize, Option<usize>, Voice);

/// Resolves what series say to nodes, each name once.
pub(super) struct Resolver<'a> {
    directory: &'a Directory,
    identity: Identity<'a>,
    pub(super) merged: Merged,
    ids: Vec<String>,
    nodes: Vec<(NodeKey, String)>,
    numbers: HashMap<NodeKey, usize>,
    ends: HashMap<(&'a Endpoint, &'a str), Option<usize>>,
    /// The same by where the workloads of both lie in memory, zero for what is none: many series name one and the same, and
    /// comparing names costs several times as much.
    places: HashMap<(usize, usize), Option<usize>>,
    logged: HashMap<LogPlace<'a>, Vec<Told>>,
}

impl<'a> Resolver<'a> {
    /// Over everything that the edges of a range know.
    pub(super) fn new(
        directory: &'a Directory,
        rules: &'a IdentityRules,
        edge_totals: &[(u32, SeriesTotal)],
        query: &GraphQuery,
    ) -> Self {
        let merged = edges::merge(directory, rules, edge_totals, query);
        Self {
            directory,
            identity: edges::identity(directory, rules, edge_totals),
            ids: node_ids(&merged, false),
            merged,
            nodes: Vec::new(),
            numbers: HashMap::default(),
            ends: HashMap::default(),
            places: HashMap::default(),
            logged: HashMap::default(),
        }
    }

    /// All nodes that were named, with their ids, by their numbers.
    pub(super) fn into_nodes(self) -> Vec<(NodeKey, String)> {
        self.nodes
    }

    /// A node and its id, as in the graph.
    pub(super) fn node(&self, number: usize) -> &(NodeKey, String) {
        &self.nodes[number]
    }

    /// Whether a node is what somebody calls so, by name or id.
    pub(super) fn is(&self, number: usize, wanted: &str) -> bool {
        let (node, id) = &self.nodes[number];
        node.name == wanted || id == wanted
    }

    pub(super) fn number(&mut self, node: NodeKey) -> usize {
        if let Some(&known) = self.numbers.get(&node) {
            return known;
        }
        let id = self.merged.number_of(&node).map_or_else(|| plain_id(&node), |at| self.ids[at].clone());
        self.numbers.insert(node.clone(), self.nodes.len());
        self.nodes.push((node, id));
        self.nodes.len() - 1
    }

    /// The node that an end is, of what a caller calls where there is one.
    fn end(&mut self, end: &'a Endpoint, caller: Option<&'a Endpoint>) -> Option<usize> {
        let workload = |end: &'a Endpoint| match end {
            Endpoint::Workload(workload) => Some(workload),
            _ => None,
        };
        let caller = caller.and_then(workload);
        let service = caller.map_or("", |caller| caller.service.as_str());
        let Some(own) = workload(end) else { return self.endpoint(end, service) };
        let place = (Arc::as_ptr(own) as usize, caller.map_or(0, |caller| Arc::as_ptr(caller) as usize));
        if let Some(&known) = self.places.get(&place) {
            return known;
        }
        let number = self.endpoint(end, service);
        self.places.insert(place, number);
        number
    }

    fn endpoint(&mut self, end: &'a Endpoint, caller: &'a str) -> Option<usize> {
        if let Some(&known) = self.ends.get(&(end, caller)) {
            return known;
        }
        let number = match self.identity.endpoint(end, caller) {
            Target::Node(node, _) => Some(self.number(node)),
            Target::Itself | Target::Telemetry => None,
        };
        self.ends.insert((end, caller), number);
        number
    }

    /// The node behind a cluster of a proxy.
    pub(super) fn node_of_cluster(&mut self, cluster: &str, record: &ProxyRecord) -> Option<usize> {
        let (own, _) = self.identity.proxy(record);
        match self.identity.cluster(cluster, &own.name, Some(record)) {
            Target::Node(node, _) => Some(self.number(node)),
            Target::Itself | Target::Telemetry => None,
        }
    }

    /// What a series of routes tells of; a gateway's logs tell of two.
    pub(super) fn views_of_route(&mut self, key: &'a SeriesKey) -> Vec<View<'a>> {
        match key {
            SeriesKey::Traced(traced) => {
                let ends = (self.end(&traced.source, None), self.end(&traced.target, Some(&traced.source)));
                let (Some(caller), Some(callee)) = ends else { return Vec::new() };
                let voice = if traced.by_xray { Voice::Xray } else { Voice::Trace };
                let view = View { callee, caller: Some(caller), voice, route: &traced.route };
                // What a service sends to itself is no call.
                if self.are_one(caller, callee) { Vec::new() } else { vec![view] }
            }
            SeriesKey::Logged(logged) => self.views_of_log(logged),
            _ => Vec::new(),
        }
    }

    /// Whether a series of traces, of which nothing is settled, waits for spans that will say more.
    pub(super) fn comes_yet(&self, key: &SeriesKey) -> bool {
        match key {
            SeriesKey::Traced(traced) => {
                is_hearsay(&traced.source, &traced.target) || self.merged.lacks_version(&traced.target)
            }
            _ => false,
        }
    }

    fn are_one(&self, one: usize, other: usize) -> bool {
        let (one, other) = (&self.nodes[one].0, &self.nodes[other].0);
        one.kind == other.kind && one.name == other.name
    }

    /// A proxy logs what comes in to its own service, and what goes out to another one; a gateway logs both at once.
    pub(super) fn views_of_log(&mut self, logged: &'a LoggedRoute) -> Vec<View<'a>> {
        let LoggedRoute { node_id, service, version, direction, cluster, route } = logged;
        let place = (node_id.as_str(), service.as_str(), version.as_str(), *direction, cluster.as_str());
        if !self.logged.contains_key(&place) {
            let told = self.resolve_log(logged);
            self.logged.insert(place, told);
        }
        let view = |&(callee, caller, voice): &Told| View { callee, caller, voice, route };
        self.logged[&place].iter().map(view).collect()
    }

    fn resolve_log(&mut self, logged: &LoggedRoute) -> Vec<Told> {
        let record = self.directory.proxies().get(&logged.node_id);
        let (mut own, _) = self.identity.proxy_of(&logged.node_id, &logged.service);
        if own.version.is_empty() {
            own.version.clone_from(&logged.version);
        }
        let target = match self.identity.cluster(&logged.cluster, &own.name, record) {
            Target::Node(target, _) if !logged.cluster.is_empty() => Some(target),
            _ => None,
        };
        let comes_in = match logged.direction {
            Direction::Inbound => true,
            Direction::Outbound => false,
            Direction::Unknown => target.is_none(),
        };
        let is_gateway = own.kind == NodeKind::Gateway;
        let own = self.number(own);
        let mut told = Vec::new();
        if comes_in || is_gateway {
            told.push((own, None, Voice::LoggedByCallee));
        }
        if let Some(target) = target.filter(|_| !comes_in || is_gateway) {
            told.push((self.number(target), Some(own), Voice::LoggedByCaller));
        }
        told
    }

    /// What an Envoy's own statistics of a route or virtual cluster tell of: of the service that its virtual host is named
    /// for, or else of the one that the proxy stands before.
    pub(super) fn view_of_stats(&mut self, proxy: &str, object: &'a StatObject) -> Option<View<'a>> {
        /// What belongs to none of a virtual host's virtual clusters.
        const OTHER: &str = "other";
        let (StatObject::Route { virtual_host, name } | StatObject::VirtualCluster { virtual_host, name }) =
            object
        else {
            return None;
        };
        let record = self.directory.proxies().get(proxy)?;
        if name == OTHER {
            return None;
        }
        let (own, _) = self.identity.proxy(record);
        let host = virtual_host.split(':').next().unwrap_or_default();
        let target = match self.identity.cluster(host, &own.name, Some(record)) {
            Target::Node(target, _) if target.kind != NodeKind::External && target.name != own.name => {
                Some(target)
            }
            _ => None,
        };
        let own = self.number(own);
        let (callee, caller) = match target {
            Some(target) => (self.number(target), Some(own)),
            None => (own, None),
        };
        Some(View { callee, caller, voice: Voice::Envoy, route: name })
    }
}

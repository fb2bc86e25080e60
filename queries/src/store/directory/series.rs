//! What the series of the rollups count, and how that lies in `store.series`.

use std::sync::Arc;

use duckdb::Row;
use foldhash::HashSet;

use crate::rows::access_log::Direction;
use crate::rows::envoy::StatObject;
use crate::rows::mesh::MeshEdge;
use crate::rows::route::OVERFLOW;
use crate::rows::span::{Peer, PeerKind, Protocol, Workload};
use crate::trace::Endpoint;

use super::Directory;

/// What a series of the rollups counts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SeriesKey {
    /// An edge, seen by traces.
    Edge {
        /// Who calls.
        source: Endpoint,
        /// Who is called.
        target: Endpoint,
        /// How they speak.
        protocol: Protocol,
        /// Whether segments of AWS X-Ray tell of it.
        by_xray: bool,
    },
    /// What a proxy counts of one of its parts.
    Envoy {
        /// The proxy's id.
        proxy: Arc<str>,
        /// The part.
        object: Arc<StatObject>,
    },
    /// Requests that a proxy logged: along a route, or of an edge all.
    Logged(Arc<LoggedRoute>),
    /// Requests along a route, seen by traces.
    Traced(Arc<TracedRoute>),
    /// An edge, or one end of it, that a target in Prometheus' format counts.
    Counted(Arc<MeshEdge>),
}

/// Requests along a route from a caller to a callee, seen by traces.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TracedRoute {
    /// Who calls.
    pub source: Endpoint,
    /// Who is called.
    pub target: Endpoint,
    /// Method and template.
    pub route: Arc<str>,
    /// Whether segments of AWS X-Ray tell of it.
    pub by_xray: bool,
}

/// Requests of one kind that a proxy logged.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct LoggedRoute {
    /// `node.id` of the proxy.
    pub node_id: String,
    /// The service that the proxy stands before, by its `node.cluster`.
    pub service: String,
    /// Version of that service, where configured.
    pub version: String,
    /// Which way they went.
    pub direction: Direction,
    /// The upstream cluster; empty where the proxy answered itself.
    pub cluster: String,
    /// Method and template; empty where it is about the whole edge.
    pub route: String,
}

impl LoggedRoute {
    /// The name, as far as the proxy knows one, of what was called: of that the routes are.
    pub(in crate::store) fn called(&self) -> &str {
        if self.direction == Direction::Outbound && !self.cluster.is_empty() {
            &self.cluster
        } else {
            &self.service
        }
    }
}

impl Directory {
    /// The series that a row of `store.series` describes.
    pub(super) fn series_key(&mut self, row: &Row<'_>, route: &str) -> Result<SeriesKey, duckdb::Error> {
        let (source, target) = (six_texts(row, 3)?, six_texts(row, 9)?);
        if source[0] == "proxy" {
            let object = self.object(&part_of(target));
            return Ok(SeriesKey::Envoy { proxy: source[2].as_str().into(), object });
        }
        if source[0] == "counter" {
            let edge: MeshEdge = serde_json::from_str(&source[2]).unwrap_or_default();
            return Ok(SeriesKey::Counted(Arc::new(edge)));
        }
        if source[0] == "logger" {
            let ([_, direction, node_id, service, version, _], [_, _, route, cluster, ..]) = (source, target);
            let direction = match &*direction {
                "inbound" => Direction::Inbound,
                "outbound" => Direction::Outbound,
                _ => Direction::Unknown,
            };
            let logged = LoggedRoute { node_id, service, version, direction, cluster, route };
            self.route(logged.called(), &Arc::from(logged.route.as_str()));
            return Ok(SeriesKey::Logged(Arc::new(logged)));
        }
        let protocol = Protocol::from_number(row.get(2)?);
        let by_xray = row.get::<_, String>(1)? == "xray";
        if !route.is_empty() {
            let [source, target] = [source, target].map(|end| endpoint(&mut self.workloads, end));
            let route = Arc::from(route);
            self.route(target.name(), &route);
            return Ok(SeriesKey::Traced(Arc::new(TracedRoute { source, target, route, by_xray })));
        }
        let [source, target] = [source, target].map(|end| endpoint(&mut self.workloads, end));
        Ok(SeriesKey::Edge { source, target, protocol, by_xray })
    }
}

/// Six columns of text, from this one on.
fn six_texts(row: &Row<'_>, first: usize) -> Result<[String; 6], duckdb::Error> {
    Ok([
        row.get(first)?,
        row.get(first + 1)?,
        row.get(first + 2)?,
        row.get(first + 3)?,
        row.get(first + 4)?,
        row.get(first + 5)?,
    ])
}

pub(super) fn overflow() -> SeriesKey {
    let workload = Arc::new(Workload { service: OVERFLOW.to_owned(), ..Workload::default() });
    let end = Endpoint::Workload(workload);
    SeriesKey::Edge { source: end.clone(), target: end, protocol: Protocol::Unknown, by_xray: false }
}

/// Both ends of a series as kind, system, name, namespace, version, environment. A counted edge says more than fits there,
/// and stands as JSON in the place of a name.
pub(super) fn ends<'a>(key: &'a SeriesKey, json: &'a str) -> [[&'a str; 6]; 2] {
    match key {
        SeriesKey::Edge { source, target, .. } => [end(source), end(target)],
        SeriesKey::Traced(traced) => [end(&traced.source), end(&traced.target)],
        SeriesKey::Envoy { proxy, object } => [named("proxy", proxy), part(object)],
        SeriesKey::Counted(_) => [named("counter", json), named("edge", "")],
        SeriesKey::Logged(logged) => {
            let direction = match logged.direction {
                Direction::Unknown => "",
                Direction::Inbound => "inbound",
                Direction::Outbound => "outbound",
            };
            let source = ["logger", direction, &logged.node_id, &logged.service, &logged.version, ""];
            [source, ["route", "", &logged.route, &logged.cluster, "", ""]]
        }
    }
}

fn named<'a>(kind: &'a str, name: &'a str) -> [&'a str; 6] {
    [kind, "", name, "", "", ""]
}

/// A part of a proxy: what it belongs to stands as its namespace.
fn part(object: &StatObject) -> [&str; 6] {
    match object {
        StatObject::Cluster(name) => named("cluster", name),
        StatObject::Zone { cluster, from, to } => ["zone", "", cluster, from, to, ""],
        StatObject::Endpoint { cluster, address } => ["endpoint", "", address, cluster, "", ""],
        StatObject::Route { virtual_host, name } => ["route", "", name, virtual_host, "", ""],
        StatObject::VirtualCluster { virtual_host, name } => {
            ["virtual_cluster", "", name, virtual_host, "", ""]
        }
        StatObject::Manager(prefix) => named("manager", prefix),
        StatObject::Listener(address) => named("listener", address),
        StatObject::Server => named("server", ""),
    }
}

fn part_of([kind, _, name, namespace, version, _]: [String; 6]) -> StatObject {
    match &*kind {
        "zone" => StatObject::Zone { cluster: name, from: namespace, to: version },
        "endpoint" => StatObject::Endpoint { cluster: namespace, address: name },
        "route" => StatObject::Route { virtual_host: namespace, name },
        "virtual_cluster" => StatObject::VirtualCluster { virtual_host: namespace, name },
        "manager" => StatObject::Manager(name),
        "listener" => StatObject::Listener(name),
        "server" => StatObject::Server,
        _ => StatObject::Cluster(name),
    }
}

fn end(endpoint: &Endpoint) -> [&str; 6] {
    match endpoint {
        Endpoint::Client => named("client", ""),
        Endpoint::Unknown => named("unknown", ""),
        Endpoint::Cluster(name) => named("cluster", name),
        Endpoint::Workload(workload) => {
            ["workload", "", &workload.service, &workload.namespace, &workload.version, &workload.environment]
        }
        Endpoint::Peer(peer) => {
            let kind = match peer.kind {
                PeerKind::Service => "service",
                PeerKind::Database => "database",
                PeerKind::Queue => "queue",
                PeerKind::Host => "host",
            };
            [kind, &peer.system, &peer.name, "", "", ""]
        }
    }
}

/// An end as it lies in the file. Of equal `workloads` there is one: many series name the same.
fn endpoint(
    workloads: &mut HashSet<Arc<Workload>>,
    [kind, system, name, namespace, version, environment]: [String; 6],
) -> Endpoint {
    let peer = |kind, system, name| Endpoint::Peer(Arc::new(Peer { kind, system, name }));
    match &*kind {
        "client" => Endpoint::Client,
        "unknown" => Endpoint::Unknown,
        "cluster" => Endpoint::Cluster(name.into()),
        "service" => peer(PeerKind::Service, system, name),
        "database" => peer(PeerKind::Database, system, name),
        "queue" => peer(PeerKind::Queue, system, name),
        "host" => peer(PeerKind::Host, system, name),
        _ => {
            let workload = Workload { service: name, namespace, version, environment };
            let known = workloads.get(&workload).cloned().unwrap_or_else(|| Arc::new(workload));
            workloads.insert(Arc::clone(&known));
            Endpoint::Workload(known)
        }
    }
}

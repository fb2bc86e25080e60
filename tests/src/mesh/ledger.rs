//! What really happened on every edge, counted by the applications and the load themselves.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What kind of thing an edge leads to, or from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EdgeKind {
    /// From the load, the gateway or a service to a gateway or service, through Envoys.
    Http,
    /// From a service to a database.
    Database,
    /// From a service to a queue.
    QueuePublish,
    /// From a queue to a service.
    QueueConsume,
    /// From a service to somebody outside of the mesh.
    External,
}

/// The counts of one edge between two workloads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TruthEdge {
    /// The caller's name; `client` for the load, the queue's name for what is consumed.
    pub source: String,
    /// The caller's version, if it is an application.
    pub source_version: Option<String>,
    /// The name of what is called: a service, a database (its host where the database has but a number), a queue, or
    /// a host outside.
    pub target: String,
    /// The version that answered; none where no application did, as when Envoy stopped waiting for it.
    pub target_version: Option<String>,
    /// What kind of edge it is.
    pub kind: EdgeKind,
    /// The database or messaging system, such as `postgresql`, `redis` or `kafka`.
    pub system: Option<String>,
    /// The counts.
    #[serde(flatten)]
    pub counts: Counts,
}

/// What was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Requests as the caller sees them: one, however often it was tried.
    pub requests: u64,
    /// Those whose final outcome was a 5xx answer, a failure to connect, or an error of the database.
    pub errors: u64,
    /// Tries that were sent on a connection; a refused connection is none, as Envoy counts them.
    pub attempts: u64,
    /// Errors because Envoy stopped waiting (504, `UT`).
    pub timeouts: u64,
    /// Errors because nobody listens (503, `UF`).
    pub connection_failures: u64,
}

impl Counts {
    /// One request that was answered at the first attempt.
    pub(super) fn one(failed: bool) -> Self {
        Self { requests: 1, errors: u64::from(failed), attempts: 1, ..Self::default() }
    }

    fn add(&mut self, other: Self) {
        self.requests += other.requests;
        self.errors += other.errors;
        self.attempts += other.attempts;
        self.timeouts += other.timeouts;
        self.connection_failures += other.connection_failures;
    }
}

/// What happened along one route of a service, as one caller saw it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TruthRoute {
    /// The caller's name.
    pub source: String,
    /// The name of the service that is called.
    pub target: String,
    /// The version that answered; none where no application did.
    pub target_version: Option<String>,
    /// Method and template.
    pub route: String,
    /// The counts.
    pub counts: Counts,
    /// Answers by status.
    pub statuses: BTreeMap<u16, u64>,
    /// How long each request took the caller, ns; of the first [`MAX_DURATIONS`].
    pub durations_ns: Vec<u64>,
}

/// Durations that are kept of a route: a mesh may run for days.
const MAX_DURATIONS: usize = 100_000;

/// Everything that happened in a mesh.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Truth {
    /// Sorted by source, target and their versions.
    pub edges: Vec<TruthEdge>,
    /// What applications called of each other, sorted likewise and by route.
    #[serde(skip)]
    pub routes: Vec<TruthRoute>,
}

impl Truth {
    /// The counts from one name to another, all versions together; zeros if nothing happened.
    pub fn between(&self, source: &str, target: &str) -> Counts {
        self.sum(|edge| edge.source == source && edge.target == target)
    }

    /// The counts of every edge into a name and version, whoever called.
    pub fn into_version(&self, target: &str, version: &str) -> Counts {
        self.sum(|edge| edge.target == target && edge.target_version.as_deref() == Some(version))
    }

    fn sum(&self, chosen: impl Fn(&TruthEdge) -> bool) -> Counts {
        let mut sum = Counts::default();
        self.edges.iter().filter(|edge| chosen(edge)).for_each(|edge| sum.add(edge.counts));
        sum
    }
}

/// The two ends of an edge.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Edge {
    pub(super) source: &'static str,
    pub(super) target: &'static str,
    pub(super) source_version: Option<&'static str>,
    pub(super) target_version: Option<String>,
    pub(super) kind: EdgeKind,
    pub(super) system: Option<&'static str>,
}

impl Edge {
    /// An edge through Envoys, its versions yet unknown.
    pub(super) fn http(source: &'static str, target: &'static str) -> Self {
        let (source_version, target_version, system) = (None, None, None);
        Self { source, target, source_version, target_version, kind: EdgeKind::Http, system }
    }
}

/// One request along a route.
#[derive(Clone, Debug)]
pub(super) struct RouteCall<'a> {
    pub(super) edge: &'a Edge,
    /// Method and path, of which whole numbers are ids.
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) status: u16,
    pub(super) counts: Counts,
    pub(super) took: Duration,
}

/// Source, target, version of the target, route.
type RouteKey = (&'static str, &'static str, Option<String>, String);

#[derive(Debug, Default)]
struct Counted {
    edges: BTreeMap<Edge, Counts>,
    routes: BTreeMap<RouteKey, TruthRoute>,
}

/// The counts so far, shared by all applications.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger(Arc<Mutex<Counted>>);

impl Ledger {
    /// Adds to an edge.
    pub(super) fn record(&self, edge: Edge, counts: Counts) {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counted.edges.entry(edge).or_default().add(counts);
    }

    /// Adds to a route.
    pub(super) fn record_route(&self, call: &RouteCall<'_>) {
        let is_id = |segment: &&str| !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_digit());
        let segments = call.path.split('/').map(|segment| if is_id(&segment) { "{id}" } else { segment });
        let route = format!("{} {}", call.method, segments.collect::<Vec<_>>().join("/"));
        let Edge { source, target, target_version, .. } = call.edge;
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (*source, *target, target_version.clone(), route);
        let truth = counted.routes.entry(key).or_default();
        truth.counts.add(call.counts);
        *truth.statuses.entry(call.status).or_default() += 1;
        if truth.durations_ns.len() < MAX_DURATIONS {
            truth.durations_ns.push(u64::try_from(call.took.as_nanos()).unwrap_or(u64::MAX));
        }
    }

    /// A copy of what stands in it.
    pub(super) fn truth(&self) -> Truth {
        let counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let edges = counted
            .edges
            .iter()
            .map(|(edge, counts)| TruthEdge {
                source: edge.source.to_owned(),
                source_version: edge.source_version.map(str::to_owned),
                target: edge.target.to_owned(),
                target_version: edge.target_version.clone(),
                kind: edge.kind,
                system: edge.system.map(str::to_owned),
                counts: *counts,
            })
            .collect();
        let route = |((source, target, version, route), truth): (&RouteKey, &TruthRoute)| TruthRoute {
            source: (*source).to_owned(),
            target: (*target).to_owned(),
            target_version: version.clone(),
            route: route.clone(),
            ..truth.clone()
        };
        Truth { edges, routes: counted.routes.iter().map(route).collect() }
    }
}

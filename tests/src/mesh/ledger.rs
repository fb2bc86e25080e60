//! What really happened on every edge, counted by the applications and the load themselves.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

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

/// Everything that happened in a mesh.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Truth {
    /// Sorted by source, target and their versions.
    pub edges: Vec<TruthEdge>,
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

/// The counts so far, shared by all applications.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger(Arc<Mutex<BTreeMap<Edge, Counts>>>);

impl Ledger {
    /// Adds to an edge.
    pub(super) fn record(&self, edge: Edge, counts: Counts) {
        let mut edges = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        edges.entry(edge).or_default().add(counts);
    }

    /// A copy of what stands in it.
    pub(super) fn truth(&self) -> Truth {
        let edges = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let edges = edges
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
        Truth { edges }
    }
}

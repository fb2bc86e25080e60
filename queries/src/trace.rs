//! From the spans of one trace to the edges it contributes to: a pure function of the whole trace.
//!
//! 1. [`tree`] makes one tree of the spans and cuts it into *hops*: connected spans of one service, its proxies' among
//!    them. A proxy thereby disappears into the workload it serves.
//! 2. [`calls`] finds the outgoing calls of each hop. A call is the outermost client span, whatever it is wrapped in or
//!    retried by below, and *lands* where a span of another service has it as an ancestor.
//! 3. [`parts`] takes apart the calls that only hold calls to several places.
//! 4. [`contributions`] turns them into [`Contribution`]s: to the service where the call landed, or else to what the
//!    call says it went to, a database, a queue, a cluster, a host.
//!
//! Since the result depends on the spans alone and not on the order in which they came, the graph is kept up to date by
//! adding what the trace contributes with its new spans and subtracting what it contributed without them.

mod calls;
mod contributions;
mod learned;
mod owners;
mod parts;
mod tree;

use std::sync::Arc;

pub use contributions::{contributions, contributions_alone};

use crate::rows::outcome::Outcome;
use crate::rows::span::{Peer, Protocol, Workload};

/// Length of the shortest rollup, seconds.
pub const BUCKET_SECONDS: i64 = 10;

/// One end of an edge, as a trace knows it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Endpoint {
    /// Whoever sent a request that has no calling span.
    Client,
    /// Whoever sent a request whose calling span is named but not stored (yet).
    Unknown,
    /// A workload that reports for itself.
    Workload(Arc<Workload>),
    /// Something known by its callers' words only.
    Peer(Arc<Peer>),
    /// A cluster of the caller's proxy from which no span came back. Which service that is, its identity tells.
    Cluster(Arc<str>),
}

impl Endpoint {
    /// The name it has there: of a service, of what its callers call it, of a cluster.
    pub fn name(&self) -> &str {
        match self {
            Self::Client | Self::Unknown => "",
            Self::Workload(workload) => &workload.service,
            Self::Peer(peer) => &peer.name,
            Self::Cluster(cluster) => cluster,
        }
    }
}

/// What one trace adds to one edge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contribution {
    /// Start of the rollup bucket, seconds since 1970.
    pub bucket_s: i64,
    /// Who calls.
    pub source: Endpoint,
    /// Who is called.
    pub target: Endpoint,
    /// How they spoke.
    pub protocol: Protocol,
    /// Whether the final outcome is a failure.
    pub error: bool,
    /// Whether it is a time-out.
    pub timeout: bool,
    /// Tries, at least one.
    pub attempts: u32,
    /// Duration as the caller saw it, ns.
    pub client_ns: Option<u64>,
    /// Duration as the callee saw it, ns.
    pub server_ns: Option<u64>,
    /// Whether segments of AWS X-Ray say so: the caller's, or where there is none the callee's.
    pub by_xray: bool,
    /// Method and template of the request, where a span on either side knows it.
    pub route: Option<Arc<str>>,
    /// How it was answered: as the caller saw it, or where its spans do not say, the callee.
    pub outcome: Outcome,
}

/// What one trace tells of the mesh beside its edges, each fact once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Learned {
    /// Which workload answered for which cluster.
    pub clusters: Vec<LearnedCluster>,
    /// Which workload each proxy stands before.
    pub proxies: Vec<LearnedProxy>,
}

/// Which workload a proxy stands before.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LearnedProxy {
    /// `node_id` of the proxy.
    pub node_id: Arc<str>,
    /// The workload.
    pub workload: Arc<Workload>,
    /// Whether an application reports beside the proxy. Before a gateway's service there is none.
    pub has_application: bool,
}

/// Which workload answered for a proxy's cluster.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LearnedCluster {
    /// `service.name` of the caller.
    pub caller: String,
    /// Name of the cluster, as the caller's proxy knows it.
    pub cluster: Arc<str>,
    /// Who answered.
    pub workload: Arc<Workload>,
}

#[cfg(test)]
mod tests;

//! What a target in Prometheus' format says about the requests of a mesh: cumulative counts, edge by edge.

use serde::{Deserialize, Serialize};

/// Counts of one edge, or of one end of it, as one target tells them.
///
/// All numbers are **cumulative** since some start that the target does not tell: deltas are the caller's part, told
/// apart by [`MeshCounter::key`]. Each number is one series of the target, so one that decreased was reset by itself.
/// A series that is missing counts as 0, and most appear only with their first event.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MeshCounter {
    /// The same from scrape to scrape for the same series of the same target, and different for all others: 32 hex
    /// digits over the target and its labels.
    pub key: String,
    /// Which edge it is.
    pub edge: MeshEdge,
    /// What was counted.
    pub counts: MeshCounts,
    /// How long the requests took, where the target tells.
    pub latency: Option<MeshLatency>,
    /// Names of the metrics that said so, sorted, as the target has them.
    pub metrics: Vec<String>,
}

/// Which conventions a series follows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MeshDialect {
    /// A plain Envoy, with whatever tags it was given.
    #[default]
    Envoy,
    /// The metrics extension of App Mesh's Envoy, `envoy_appmesh_*`.
    AppMesh,
    /// Istio's standard metrics, `istio_*`.
    Istio,
}

/// Who counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MeshReporter {
    /// The caller's proxy: it sees its own failed connections too.
    #[default]
    Source,
    /// The callee's proxy.
    Destination,
}

/// One end of an edge. What is not known is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MeshWorkload {
    /// Name of the workload, virtual node, service or cluster.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// The service that it belongs to, where that is told apart.
    pub service: String,
    /// Its version, revision or subset.
    pub version: String,
}

/// What a series is about. What is not known is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MeshEdge {
    /// Which conventions named it.
    pub dialect: MeshDialect,
    /// The target that told it, as its address.
    pub instance: String,
    /// Who counted.
    pub reporter: MeshReporter,
    /// The mesh.
    pub mesh: String,
    /// Who called.
    pub source: MeshWorkload,
    /// Who was called.
    pub target: MeshWorkload,
    /// The virtual service, or the service as the caller named it.
    pub virtual_service: String,
    /// The cluster as Envoy has it.
    pub cluster: String,
    /// The connection manager that the requests came in through, by its prefix.
    pub listener: String,
    /// The route or virtual cluster, behind its virtual host.
    pub route: String,
    /// `http`, `grpc` or `tcp`.
    pub protocol: String,
    /// The one response code that all of the requests had; 0 where there was no response.
    pub response_code: Option<u16>,
    /// The one gRPC status that all of the requests had.
    pub grpc_status: Option<u16>,
    /// Envoy's response flags, `-` and nothing being the same.
    pub response_flags: String,
    /// Whether both ends showed certificates, where told.
    pub mtls: Option<bool>,
}

/// Cumulative counts. Zero also stands for what the target does not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeshCounts {
    /// Requests, retries not among them.
    pub requests: u64,
    /// Responses by class: 1xx, 2xx, 3xx, 4xx, 5xx.
    pub classes: [u64; 5],
    /// Requests that failed: a 5xx, no response, or a gRPC status that is the server's fault. It follows from the others.
    pub errors: u64,
    /// gRPC requests, which may be among the requests or not.
    pub grpc_requests: u64,
    /// Tries sent, retries among them.
    pub attempts: u64,
    /// Retries.
    pub retries: u64,
    /// Requests that timed out.
    pub timeouts: u64,
    /// Connections that did not come about.
    pub connection_failures: u64,
    /// Requests that a circuit breaker refused while they waited for a connection.
    pub pending_overflows: u64,
    /// Requests that a circuit breaker refused for too many at once.
    pub active_overflows: u64,
    /// Connections opened.
    pub connections: u64,
    /// TLS handshakes.
    pub tls_handshakes: u64,
    /// Bytes of requests, or sent to the target.
    pub request_bytes: u64,
    /// Bytes of responses, or received from the target; both directions together for App Mesh.
    pub response_bytes: u64,
}

/// A cumulative histogram of durations.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MeshLatency {
    /// Upper bounds of the buckets, ms, ascending, without the last one, which has none.
    ///
    /// The bounds of native histograms come with their first request: a bound that an earlier scrape lacks had the count
    /// of the next lower one then.
    pub bounds_ms: Vec<f64>,
    /// How many requests took at most as long as each bound. Envoy counts what took exactly as long into the next one.
    pub cumulative: Vec<u64>,
    /// How many requests there are in all.
    pub count: u64,
    /// How long they took together, ms; an estimate, and nothing where it is no number.
    pub sum_ms: Option<f64>,
}

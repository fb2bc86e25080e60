//! What a target in Prometheus' format says about the requests of a mesh: cumulative counts, edge by edge, and what they
//! have grown by since the last time.

use serde::{Deserialize, Serialize};

use super::SourceCursor;
use super::envoy::LatencyBin;

/// What a target has counted since the scrape before. Stored as a whole or not at all.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MeshScrape {
    /// When the target had answered, ns since 1970.
    pub scraped_at_ns: i64,
    /// What was counted, each edge once.
    pub deltas: Vec<MeshDelta>,
    /// Where counting stands with this target.
    pub cursor: SourceCursor,
}

/// What was counted of one edge, or of one end of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MeshDelta {
    /// Which edge it is, whatever the response was.
    pub edge: MeshEdge,
    /// How often what happened.
    pub counts: MeshCounts,
    /// How long the requests took, where the target tells, each bin once.
    pub latency: Vec<LatencyBin>,
}

/// Counts of one edge, or of one end of it, as one target tells them.
///
/// All numbers are **cumulative** since some start that the target does not tell. Each number is one series of the target, so one that decreased was reset by itself.
/// A series that is missing counts as 0, and most appear only with their first event.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MeshCounter {
    /// The same from scrape to scrape for the same series of the same target, and different for all others: a hash of the
    /// target and its labels.
    pub key: u128,
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
    /// What ECS Service Connect tells CloudWatch, minute by minute.
    ServiceConnect,
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

impl MeshWorkload {
    /// What people call it: its service, or its own name where nothing else is known.
    pub fn called(&self) -> &str {
        if self.service.is_empty() { &self.name } else { &self.service }
    }
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

impl MeshEdge {
    /// The edge that the responses came by, whatever they were.
    #[must_use]
    pub fn whatever_the_response(&self) -> Self {
        Self { response_code: None, grpc_status: None, response_flags: String::new(), ..self.clone() }
    }
}

/// Cumulative counts, or what they have grown by. Zero also stands for what the target does not tell.
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

impl MeshCounts {
    /// Two counts put together, number by number.
    #[must_use]
    pub fn with(self, other: Self, join: impl Fn(u64, u64) -> u64) -> Self {
        Self {
            requests: join(self.requests, other.requests),
            classes: std::array::from_fn(|class| join(self.classes[class], other.classes[class])),
            errors: join(self.errors, other.errors),
            grpc_requests: join(self.grpc_requests, other.grpc_requests),
            attempts: join(self.attempts, other.attempts),
            retries: join(self.retries, other.retries),
            timeouts: join(self.timeouts, other.timeouts),
            connection_failures: join(self.connection_failures, other.connection_failures),
            pending_overflows: join(self.pending_overflows, other.pending_overflows),
            active_overflows: join(self.active_overflows, other.active_overflows),
            connections: join(self.connections, other.connections),
            tls_handshakes: join(self.tls_handshakes, other.tls_handshakes),
            request_bytes: join(self.request_bytes, other.request_bytes),
            response_bytes: join(self.response_bytes, other.response_bytes),
        }
    }
}

/// A cumulative histogram of durations.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MeshLatency {
    /// Upper bounds of the buckets, ms, ascending, without the last one, which has none.
    ///
    /// The bounds of native histograms come with their first request: a bound that an earlier scrape lacks had the count
    /// of the next lower one then.
    pub bounds_ms: Vec<f64>,
    /// How many requests took at most as long as each bound; see [`LatencyBin::up_to`] for what Envoy means by that.
    pub cumulative: Vec<u64>,
    /// How many requests there are in all.
    pub count: u64,
    /// How long they took together, ms; an estimate, and nothing where it is no number.
    pub sum_ms: Option<f64>,
}

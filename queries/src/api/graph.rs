//! `GET /api/v1/graph`: who calls whom, how often, how well.

use serde::{Deserialize, Serialize};

/// The answer of `GET /api/v1/graph`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GraphResponse {
    /// The graph over the asked time range.
    pub graph: Graph,
}

/// A service graph over one time range. Nodes and edges are sorted by id.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Graph {
    /// Start of the range, inclusive, RFC 3339 UTC.
    pub from: String,
    /// End of the range, exclusive, RFC 3339 UTC.
    pub to: String,
    /// Everything that calls or is called.
    pub nodes: Vec<Node>,
    /// Who calls whom.
    pub edges: Vec<Edge>,
    /// How much of the mesh the numbers cover.
    pub coverage: Coverage,
}

/// What a node is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum NodeKind {
    /// A service that reports for itself, or whose proxy does.
    #[default]
    Service,
    /// The way into the mesh: a proxy with no application behind it.
    Gateway,
    /// A database or cache, known from its callers.
    Database,
    /// A queue or topic between producers and consumers.
    Queue,
    /// Anything else that is called and says nothing itself.
    External,
    /// Whoever calls from outside.
    Client,
}

/// How a node or edge is doing. The same rule everywhere: see [`Health::of`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// No requests in the range.
    #[default]
    Idle,
    /// Fewer than one request in a hundred fails.
    Healthy,
    /// At least 1 % of requests fail.
    Degraded,
    /// At least 5 % of requests fail.
    Failing,
}

impl Health {
    /// The health of something that got `requests`, of which `errors` failed.
    pub fn of(requests: u64, errors: u64) -> Self {
        match (requests, errors) {
            (0, _) => Self::Idle,
            (requests, errors) if errors * 20 >= requests => Self::Failing,
            (requests, errors) if errors * 100 >= requests => Self::Degraded,
            _ => Self::Healthy,
        }
    }
}

/// Where a number comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Counters of an Envoy: complete.
    Envoy,
    /// Metrics of AWS CloudWatch, by the minute: complete.
    #[serde(rename = "cloudwatch")]
    CloudWatch,
    /// Access logs: nearly complete.
    AccessLog,
    /// OpenTelemetry spans: as complete as their sampling.
    Trace,
    /// AWS X-Ray segments: sampled.
    Xray,
}

/// A percentile with the bounds between which the truth lies, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Quantile {
    /// The estimate.
    pub ms: f64,
    /// The truth is not below this.
    pub low_ms: f64,
    /// The truth is below this; nothing where no bound is known.
    pub high_ms: Option<f64>,
}

/// Latency percentiles of successful and failed requests together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Latency {
    /// Requests whose latency is known. Envoy records none for requests that timed out.
    pub count: u64,
    /// Median.
    pub p50: Quantile,
    /// 90th percentile.
    pub p90: Quantile,
    /// 99th percentile.
    pub p99: Quantile,
}

/// What one source of evidence says of a node or an edge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Evidence {
    /// Where these numbers come from.
    pub source: Source,
    /// Finished requests, each counted once whatever its retries.
    pub requests: u64,
    /// Requests whose final answer was a failure.
    pub errors: u64,
    /// Tries that were sent, retries included.
    pub attempts: u64,
    /// Tries beyond the first.
    pub retries: u64,
    /// Requests that ended in a time-out.
    pub timeouts: u64,
    /// Connections that could not be made. Counted by Envoy only.
    pub connection_failures: u64,
    /// Latency, where this source knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<Latency>,
    /// This source's requests as a share of the best source's, 0 to 1 and above.
    pub coverage: f64,
    /// Who reported, in words: a proxy's node id, or `3 of 4 proxies`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reporter: Option<String>,
}

/// A service, gateway, database, queue, outside system or client.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Node {
    /// Stable id: `kind:name` or `kind:name@version`.
    pub id: String,
    /// The name a person says.
    pub name: String,
    /// What it is.
    pub kind: NodeKind,
    /// The version, where the graph is grouped by version and the version is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Namespace of the service, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// What tells more about the kind: `postgresql`, `kafka`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// Requests it got (a client: requests it made).
    pub requests: u64,
    /// Requests per second over the range.
    pub request_rate: f64,
    /// Requests it got that failed.
    pub errors: u64,
    /// `errors / requests`, 0 where there were none.
    pub error_rate: f64,
    /// Median latency, ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p50_ms: Option<f64>,
    /// 90th percentile, ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p90_ms: Option<f64>,
    /// 99th percentile, ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p99_ms: Option<f64>,
    /// How it is doing.
    pub health: Health,
    /// The versions of this service seen in the range, most requests first. Only where grouped by service.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<VersionShare>,
    /// What each source says, best first; the node's own numbers are the first one's.
    pub evidence: Vec<Evidence>,
    /// The identity rule that named it, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
}

/// One version of a service inside its box.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VersionShare {
    /// The version; empty where the requests' version is not known.
    pub version: String,
    /// Requests this version got.
    pub requests: u64,
    /// Requests per second over the range.
    pub request_rate: f64,
    /// Requests of this version that failed.
    pub errors: u64,
    /// `errors / requests`.
    pub error_rate: f64,
    /// Median latency, ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p50_ms: Option<f64>,
    /// 99th percentile, ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p99_ms: Option<f64>,
    /// How it is doing.
    pub health: Health,
}

/// One caller, one callee, one protocol.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Edge {
    /// Stable id: `source→target`, plus `/protocol` where it is not HTTP.
    pub id: String,
    /// Node id of the caller.
    pub source: String,
    /// Node id of the callee.
    pub target: String,
    /// `http`, `grpc`, `sql`, `messaging`, or what else is known.
    pub protocol: String,
    /// Finished requests, by the best source.
    pub requests: u64,
    /// Requests per second over the range.
    pub request_rate: f64,
    /// Requests whose final answer was a failure.
    pub errors: u64,
    /// `errors / requests`, 0 where there were none.
    pub error_rate: f64,
    /// Median latency, ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p50_ms: Option<f64>,
    /// 90th percentile, ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p90_ms: Option<f64>,
    /// 99th percentile, ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p99_ms: Option<f64>,
    /// How it is doing.
    pub health: Health,
    /// Tries that were sent, retries included.
    pub attempts: u64,
    /// Tries beyond the first.
    pub retries: u64,
    /// Requests that ended in a time-out.
    pub timeouts: u64,
    /// Connections that could not be made.
    pub connection_failures: u64,
    /// Whether both ends prove who they are, where a proxy says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtls: Option<bool>,
    /// Latency as the caller saw it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_side: Option<Latency>,
    /// Latency as the callee saw it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_side: Option<Latency>,
    /// What each source says, best first; the edge's own numbers are the first one's.
    pub evidence: Vec<Evidence>,
}

/// How much of the mesh the numbers cover.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Coverage {
    /// Proxies that are configured or known.
    pub proxies: u64,
    /// Proxies that reported within the range.
    pub proxies_reporting: u64,
    /// Requests whose calling span has not arrived.
    pub unpaired: u64,
    /// Nodes left out by `min_rate`, `focus` or `find`.
    pub hidden_nodes: u64,
}

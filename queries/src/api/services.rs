//! `GET /api/v1/services` and `/services/{name}`.

use serde::{Deserialize, Serialize};

use super::graph::{Edge, Evidence, Health, NodeKind, VersionShare};
use super::proxies::ProxySummary;

/// The answer of `GET /api/v1/services`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ServicesResponse {
    /// Every node of the graph that is not a client, sorted by name.
    pub services: Vec<ServiceSummary>,
}

/// One row of the services table.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ServiceSummary {
    /// Node id, as in the graph.
    pub id: String,
    /// The name a person says.
    pub name: String,
    /// What it is.
    pub kind: NodeKind,
    /// Versions seen in the range.
    pub versions: Vec<VersionShare>,
    /// How many different callers it has.
    pub callers: u64,
    /// How many different things it calls.
    pub callees: u64,
    /// Requests it got.
    pub requests: u64,
    /// Requests per second over the range.
    pub request_rate: f64,
    /// Requests that failed.
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
    /// What each source says, best first.
    pub evidence: Vec<Evidence>,
}

/// The answer of `GET /api/v1/services/{name}`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ServiceResponse {
    /// The service.
    pub service: ServiceDetail,
}

/// One service with its neighbours.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ServiceDetail {
    /// The row of the services table.
    pub summary: ServiceSummary,
    /// Edges into it.
    pub callers: Vec<Edge>,
    /// Edges out of it.
    pub callees: Vec<Edge>,
    /// The proxies that stand before it, sorted by id.
    #[serde(default)]
    pub proxies: Vec<ProxySummary>,
}

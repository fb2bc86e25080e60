//! `GET /api/v1/routes`: what each route of a service does.

use serde::{Deserialize, Serialize};

use super::graph::{Evidence, Health};
use super::series::{NamedCount, Percentiles, StatusClasses};

/// The answer of `GET /api/v1/routes`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RoutesResponse {
    /// The routes, most requests first.
    pub routes: Vec<RouteSummary>,
    /// How many there are in all; beyond the limit those with the fewest requests are left out.
    pub total: u64,
    /// Length of a step of the trends, seconds.
    pub step_s: u32,
}

/// Requests to one version of a service along one route, each once.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RouteSummary {
    /// Node id of the service, as in the graph.
    pub node: String,
    /// The service.
    pub service: String,
    /// Its version, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Node id of the caller, where the rows are parted by caller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller: Option<String>,
    /// Method and template, with ids folded: `GET /orders/{id}`. `__overflow__` stands for all that is over the 500 routes
    /// that a service may have.
    pub route: String,
    /// Finished requests.
    pub requests: u64,
    /// Requests per second over the range.
    pub request_rate: f64,
    /// Requests that failed.
    pub errors: u64,
    /// `errors / requests`.
    pub error_rate: f64,
    /// Tries sent upstream, as far as the evidence tells.
    pub attempts: u64,
    /// Tries beyond the first.
    pub retries: u64,
    /// Requests that timed out.
    pub timeouts: u64,
    /// Requests whose connection could not be made.
    pub connection_failures: u64,
    /// Answers by class.
    pub classes: StatusClasses,
    /// Response flags of Envoy with how often each was given, most first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<NamedCount>,
    /// gRPC statuses by name with how often each was given, most first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grpc: Vec<NamedCount>,
    /// How long they took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<Percentiles>,
    /// What the proxies added to that, where they know when their upstream answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_added: Option<Percentiles>,
    /// How it is doing.
    pub health: Health,
    /// What each source says, best first; the row's own numbers are the first one's.
    pub evidence: Vec<Evidence>,
    /// Who saw the requests.
    pub seen_by: SeenBy,
    /// Requests and errors of each step of the range, for a small line. Steps begin at multiples of their length, so that the
    /// first and the last may be cut.
    pub trend: Vec<[u64; 2]>,
}

/// Whose proxies saw requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SeenBy {
    /// Those of its callers, which know how it ended for them and see what never arrived too.
    #[default]
    Callers,
    /// Those before the service, where its callers' do not log.
    Callee,
}

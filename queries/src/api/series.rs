//! `GET /api/v1/series`: requests, errors and durations over time, of a service, a route, an edge.

use serde::{Deserialize, Serialize};

use super::graph::{Quantile, Source};

/// The answer of `GET /api/v1/series`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SeriesResponse {
    /// What was asked for.
    pub series: Series,
}

/// What requests did, step by step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Series {
    /// Start of the first step, inclusive, RFC 3339 UTC.
    pub from: String,
    /// End of the last step, exclusive, RFC 3339 UTC.
    pub to: String,
    /// Length of a step, seconds.
    pub step_s: u32,
    /// Where the numbers come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Source>,
    /// What else could tell of the same, by which the series may be asked for instead.
    pub others: Vec<Source>,
    /// One for each step, also where nothing happened.
    pub points: Vec<SeriesPoint>,
    /// All steps together.
    pub total: SeriesPoint,
    /// Bounds of the bins that points speak of, lowest first. Bins of coarse histograms may overlap others.
    pub bins: Vec<BinBounds>,
    /// Versions that first appear within the range.
    pub deploys: Vec<Deploy>,
}

/// Bounds of a latency bin, ms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BinBounds {
    /// Inclusive.
    pub low_ms: f64,
    /// Exclusive; nothing where no bound is known.
    pub high_ms: Option<f64>,
}

/// What requests did in one step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SeriesPoint {
    /// Start of the step, RFC 3339 UTC.
    pub start: String,
    /// Finished requests.
    pub requests: u64,
    /// Requests that failed, by the rule of their service.
    pub errors: u64,
    /// Tries that were sent.
    pub attempts: u64,
    /// Tries beyond the first.
    pub retries: u64,
    /// Requests that timed out.
    pub timeouts: u64,
    /// Connections that could not be made.
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
    /// What the proxy added to that, where it knows when its upstream answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_added: Option<Percentiles>,
    /// Pairs of a place in `bins` and how many requests lie there, lowest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub counts: Vec<[u64; 2]>,
}

/// Answers by the class of their status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StatusClasses {
    /// 1xx.
    pub informational: u64,
    /// 2xx.
    pub success: u64,
    /// 3xx.
    pub redirection: u64,
    /// 4xx.
    pub client_error: u64,
    /// 5xx.
    pub server_error: u64,
    /// No answer, or none whose status is known.
    pub none: u64,
}

/// How often something with a name was counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NamedCount {
    /// The name: `UH`, `UNAVAILABLE`.
    pub name: String,
    /// How often.
    pub count: u64,
}

/// Percentiles with the bounds between which the truth lies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Percentiles {
    /// Requests whose latency is known. Envoy records none for requests that timed out.
    pub count: u64,
    /// Median.
    pub p50: Quantile,
    /// 75th percentile.
    pub p75: Quantile,
    /// 90th percentile.
    pub p90: Quantile,
    /// 95th percentile.
    pub p95: Quantile,
    /// 99th percentile.
    pub p99: Quantile,
    /// 99.9th percentile.
    pub p999: Quantile,
}

/// A version that first appeared.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Deploy {
    /// When its first request was counted, to the step, RFC 3339 UTC.
    pub at: String,
    /// The service.
    pub service: String,
    /// The version.
    pub version: String,
}

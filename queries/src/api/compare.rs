//! `GET /api/v1/traces/compare`: what tells the spans of one search from those of another.

use serde::{Deserialize, Serialize};

/// The answer of `GET /api/v1/traces/compare`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CompareResponse {
    /// The comparison.
    pub comparison: Comparison,
}

/// Two sets of spans, side by side.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Comparison {
    /// The set that is looked into.
    pub selection: SetOfSpans,
    /// What it is held against.
    pub baseline: SetOfSpans,
    /// What differs, most first: attributes, and what every span has (service, version, route, status, name, instance).
    pub attributes: Vec<AttributeDifference>,
}

/// One set of spans.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SetOfSpans {
    /// Spans that meet the conditions.
    pub spans: u64,
    /// Spans that were compared: the newest of them, where there are too many.
    pub compared: u64,
    /// Traces they belong to.
    pub traces: u64,
    /// Share of them that failed, 0 to 1.
    pub error_rate: f64,
    /// Median duration of those compared, ms.
    pub p50_ms: f64,
    /// 99th percentile of their duration, ms.
    pub p99_ms: f64,
}

/// How one attribute differs between the sets.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AttributeDifference {
    /// Its key.
    pub key: String,
    /// How much it tells the sets apart, 0 (nothing) to 1 (everything): half the sum over all values of the difference of
    /// their shares.
    pub effect: f64,
    /// Whether so large a difference is unlikely by chance, all attributes considered.
    pub is_significant: bool,
    /// How many values it has in both sets together; those with the least difference are left out below.
    pub value_count: u64,
    /// Values, the largest difference first.
    pub values: Vec<ValueShare>,
}

/// One value of an attribute in both sets.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ValueShare {
    /// The value; none stands for spans that do not have the attribute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Spans of the selection that have it.
    pub selection_count: u64,
    /// Spans of the baseline that have it.
    pub baseline_count: u64,
    /// Share of the selection, 0 to 1.
    pub selection_share: f64,
    /// Share of the baseline, 0 to 1.
    pub baseline_share: f64,
}

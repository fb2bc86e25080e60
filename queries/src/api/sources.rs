//! `GET /api/v1/sources`: where the numbers come from and how each source is doing.

use serde::{Deserialize, Serialize};

/// The answer of `GET /api/v1/sources`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SourcesResponse {
    /// Every source, sorted by kind and name.
    pub sources: Vec<SourceStatus>,
}

/// How a source is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SourceState {
    /// Nothing has come yet.
    #[default]
    Waiting,
    /// The last attempt worked.
    Ok,
    /// The last attempt failed.
    Failing,
}

/// One source.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SourceStatus {
    /// `otlp_grpc`, `otlp_http`, `envoy`, `envoy_access_logs`, `envoy_metrics`, `envoy_push`, `access_log`, `prometheus`,
    /// `discovery`, `xray_daemon`, `aws_xray`, `aws_logs` or `aws_service_connect`.
    pub kind: String,
    /// Address listened on or asked.
    pub name: String,
    /// How it is doing.
    pub state: SourceState,
    /// What it is, in words: a proxy's node id, for instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// When data last came, RFC 3339 UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_success: Option<String>,
    /// Requests received, or scrapes made.
    pub requests: u64,
    /// Spans, log records, data points, series, lines or targets taken.
    pub accepted: u64,
    /// Those that could not be taken.
    pub rejected: u64,
    /// Spans that had been stored before.
    pub duplicates: u64,
    /// Requests that were told to come again later.
    pub throttled: u64,
    /// Failed requests or scrapes.
    pub failures: u64,
    /// What went wrong last, and what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// When a request or scrape last failed, RFC 3339 UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_failure: Option<String>,
    /// Where the source is a cloud's: what is asked of it, and what that costs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloud: Option<CloudStatus>,
}

/// A range of the past that is to be read: the body of `POST /api/v1/sources/backfill`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct BackfillRequest {
    /// Kind of the source, such as `aws_xray`.
    pub kind: String,
    /// Name of the source.
    pub name: String,
    /// Where the range begins: RFC 3339, `now`, or relative as `-24h`.
    pub from: String,
    /// Where it ends, likewise.
    pub to: String,
}

/// The answer of `POST /api/v1/sources/backfill`, once the wish is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BackfillResponse {
    /// What will be read, its times in RFC 3339.
    pub backfill: BackfillRequest,
}

/// What is asked of a cloud for one source, and what that costs. Prices are estimates by list prices.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CloudStatus {
    /// The region, such as `eu-west-1`.
    pub region: String,
    /// The account's number, once it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// How far what has been read lies behind the present, s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lag_seconds: Option<f64>,
    /// How far reading of a past range has come, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backfill: Option<String>,
    /// Calls by API, most first.
    pub calls: Vec<CloudCalls>,
    /// What the calls of today, by UTC, cost so far, US dollars.
    pub usd_today: f64,
    /// What a day costs as the source is configured and as its data comes at present, US dollars.
    pub usd_per_day_expected: f64,
    /// What a day may cost, US dollars; beyond it nothing is asked until the next day.
    pub usd_per_day_limit: f64,
}

/// How often one API of a cloud was called.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CloudCalls {
    /// Name of the operation, such as `GetTraceSummaries`.
    pub api: String,
    /// Calls of today, by UTC.
    pub today: u64,
    /// How many there may be in a day.
    pub limit_per_day: u64,
    /// What those of today cost so far, US dollars.
    pub usd_today: f64,
}

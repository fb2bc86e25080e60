//! `GET /api/v1/status`: the state of Sidecarta itself.

use serde::{Deserialize, Serialize};

/// The answer of `GET /api/v1/status`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StatusResponse {
    /// The state.
    pub status: Status,
}

/// Version, storage and progress.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Status {
    /// Version of Sidecarta.
    pub version: String,
    /// Version of DuckDB.
    pub duckdb_version: String,
    /// Start of this process, RFC 3339 UTC.
    pub started_at: String,
    /// Seconds since then.
    pub uptime_seconds: u64,
    /// The server's clock now, RFC 3339 UTC.
    pub now: String,
    /// Spans stored.
    pub spans: u64,
    /// Log records of applications stored.
    #[serde(default)]
    pub log_records: u64,
    /// Data points of metrics stored.
    #[serde(default)]
    pub data_points: u64,
    /// Lines of access logs stored.
    #[serde(default)]
    pub access_logs: u64,
    /// Size of the database file.
    pub database_bytes: u64,
    /// Size of the log of acknowledged requests that are not in the database file yet.
    pub log_bytes: u64,
    /// Acknowledged requests that queries do not see yet.
    pub pending_requests: u64,
}

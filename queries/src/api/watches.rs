//! `/api/v1/watches`: comparisons that are judged on and on.

use serde::{Deserialize, Serialize};

use super::canary::{Interval, Outcome};
use super::policy::Policy;

/// The answer of `GET /watches`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WatchesResponse {
    /// All watches that are known, those that go on first, then the one that began last.
    pub watches: Vec<Watch>,
}

/// The answer of whatever is about one watch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WatchResponse {
    /// The watch.
    pub watch: Watch,
    /// What it found, the oldest first.
    pub verdicts: Vec<KeptVerdict>,
}

/// Two versions of a service that are compared until the policy's time is over.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Watch {
    /// What it is called in addresses.
    pub id: String,
    /// Name or node id of the service.
    pub service: String,
    /// The version that is known.
    pub baseline: String,
    /// The version that is judged.
    pub candidate: String,
    /// Start of what is compared, RFC 3339 UTC.
    pub from: String,
    /// When it ends at the latest, RFC 3339 UTC.
    pub until: String,
    /// When it was ended, RFC 3339 UTC; absent while it goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<String>,
    /// Time between two verdicts, seconds.
    pub every_s: u32,
    /// By what it is judged.
    pub policy: Policy,
    /// The last verdict; absent before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<LastVerdict>,
}

/// The last verdict of a watch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LastVerdict {
    /// When, RFC 3339 UTC.
    pub at: String,
    /// In one word.
    pub result: Outcome,
    /// In one sentence.
    pub summary: String,
}

/// A verdict that was kept. The whole of it is at `/watches/{id}/verdicts/{at}`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct KeptVerdict {
    /// When, RFC 3339 UTC.
    pub at: String,
    /// In one word.
    pub result: Outcome,
    /// In one sentence.
    pub summary: String,
    /// Requests to the baseline that were compared.
    pub baseline_requests: u64,
    /// Those of them that failed.
    pub baseline_errors: u64,
    /// Requests to the candidate that were compared.
    pub candidate_requests: u64,
    /// Those of them that failed.
    pub candidate_errors: u64,
    /// Error rate of the candidate less that of the baseline, with the same mix.
    pub difference: f64,
    /// The differences that were not refuted.
    pub interval: Interval,
}

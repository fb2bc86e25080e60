//! The one shape of every failure.

use serde::{Deserialize, Serialize};

/// The body of every answer that is not a success.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ErrorResponse {
    /// What went wrong.
    pub error: ErrorBody,
}

/// A failure in words and as a stable code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ErrorBody {
    /// Stable machine-readable code, such as `bad_time_range` or `not_found`.
    pub code: String,
    /// One sentence for a person.
    pub message: String,
    /// What else is known, such as the parameter's value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

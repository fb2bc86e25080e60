//! The one shape in which every handler fails.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use sidecarta_queries::api::error::{ErrorBody, ErrorResponse};
use sidecarta_queries::api::traces::QueryProblem;
use sidecarta_queries::store::StoreError;

/// An error with all its causes, in one line.
pub fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// A failed request: its status and its words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    status: StatusCode,
    body: ErrorBody,
}

impl ApiError {
    /// A request that cannot be understood.
    pub fn bad_request(code: &str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message.into())
    }

    /// A query that cannot be understood, in the parameter of this name; `detail` is the problem with its place, as JSON.
    pub fn bad_query(parameter: &str, problem: &QueryProblem) -> Self {
        let mut error = Self::bad_request("bad_query", format!("{parameter}: {}", problem.message));
        error.body.detail = serde_json::to_string(problem).ok();
        error
    }

    /// Something that is not there.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::not_found_as("not_found", message)
    }

    /// The same with a code of its own.
    pub fn not_found_as(code: &str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, message.into())
    }

    /// Something that is more than is answered at once.
    pub fn too_large(code: &str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, code, message.into())
    }

    /// A method that an address does not have.
    pub fn method_not_allowed() -> Self {
        let message = "this address does not take that method".to_owned();
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message)
    }

    /// Something that cannot be taken now.
    pub fn unavailable(code: &str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, message.into())
    }

    fn new(status: StatusCode, code: &str, message: String) -> Self {
        Self { status, body: ErrorBody { code: code.to_owned(), message, detail: None } }
    }

    /// The words alone.
    pub fn response(&self) -> ErrorResponse {
        ErrorResponse { error: self.body.clone() }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        if let StoreError::TooSlow { .. } = error {
            return Self::unavailable("too_slow", format!("{error}: ask for a shorter time, or for less"));
        }
        tracing::error!(error = ?error, "A query failed");
        let message = "the store could not answer; the server's log says why".to_owned();
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "store_failed", message)
    }
}

impl From<tokio::task::JoinError> for ApiError {
    fn from(error: tokio::task::JoinError) -> Self {
        tracing::error!(error = ?error, "A query ended by a panic");
        let message = "the query ended unexpectedly; the server's log says why".to_owned();
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "query_failed", message)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        (self.status, Json(self.response())).into_response()
    }
}

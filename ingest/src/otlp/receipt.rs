//! What a sender is told whose request was stored.

use prost::Message;
use serde_json::json;

use super::signal::Signal;

/// What a sender is told whose request was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// What was sent.
    pub signal: Signal,
    /// Spans, data points or log records that were not taken.
    pub rejected: u64,
    /// Why not, or what was cut; empty if all is well.
    pub message: String,
}

/// `ExportTraceServiceResponse`, `ExportMetricsServiceResponse` and `ExportLogsServiceResponse`, which are the same on the
/// wire.
#[derive(Clone, PartialEq, Message)]
pub(super) struct ExportResponse {
    #[prost(message, optional, tag = "1")]
    partial_success: Option<PartialSuccess>,
}

#[derive(Clone, PartialEq, Eq, Message)]
struct PartialSuccess {
    #[prost(int64, tag = "1")]
    rejected: i64,
    #[prost(string, tag = "2")]
    error_message: String,
}

impl Receipt {
    fn is_partial(&self) -> bool {
        self.rejected > 0 || !self.message.is_empty()
    }

    /// The answer in protobuf. Where all is well nothing in it is set, as the protocol wants it.
    pub(super) fn into_response(self) -> ExportResponse {
        let partial_success = self
            .is_partial()
            .then(|| PartialSuccess { rejected: self.rejected.cast_signed(), error_message: self.message });
        ExportResponse { partial_success }
    }

    /// The same in JSON, where 64-bit numbers are text.
    pub fn to_json(&self) -> serde_json::Value {
        if !self.is_partial() {
            return json!({});
        }
        let rejected = self.rejected.to_string();
        json!({"partialSuccess": {self.signal.rejected_field(): rejected, "errorMessage": self.message}})
    }
}

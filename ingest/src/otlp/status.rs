//! What a sender is told, in the codes of gRPC and HTTP, in one place.

use std::time::Duration;

use http::StatusCode;
use prost::Message;
use serde_json::json;
use tonic::Code;

/// Why a request was not taken. The message of each says what happened and, where the sender can do something, what.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The request cannot be read; sending it again changes nothing.
    #[error("{0}")]
    Invalid(String),
    /// The request is larger than it may be; sending it again changes nothing.
    #[error("{0}")]
    TooLarge(String),
    /// The request uses something that is not supported.
    #[error("{0}")]
    Unsupported(String),
    /// The body did not come in time.
    #[error("{0}")]
    Late(String),
    /// Too much is on its way already; the sender is to try again.
    #[error("{reason}; try again in {} s", retry_after_s(*retry_after))]
    Busy {
        /// What there is too much of.
        reason: String,
        /// When to try again.
        retry_after: Duration,
    },
    /// The store does not work; the sender is to try again.
    #[error("{0}")]
    Broken(String),
}

/// Whole seconds, at least one, as `Retry-After` wants them.
fn retry_after_s(retry_after: Duration) -> u64 {
    (retry_after.as_secs_f64().ceil() as u64).max(1)
}

impl Refusal {
    /// The code of gRPC and of `google.rpc.Status`.
    pub fn code(&self) -> Code {
        match self {
            Self::Invalid(_) => Code::InvalidArgument,
            Self::TooLarge(_) | Self::Busy { .. } => Code::ResourceExhausted,
            Self::Unsupported(_) => Code::Unimplemented,
            Self::Late(_) => Code::DeadlineExceeded,
            Self::Broken(_) => Code::Unavailable,
        }
    }

    /// The status of HTTP.
    pub fn http_status(&self) -> StatusCode {
        match self {
            Self::Invalid(_) => StatusCode::BAD_REQUEST,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unsupported(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Late(_) => StatusCode::REQUEST_TIMEOUT,
            Self::Busy { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Broken(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Seconds after which the sender is asked to try again.
    pub fn retry_after_s(&self) -> Option<u64> {
        match self {
            Self::Busy { retry_after, .. } => Some(retry_after_s(*retry_after)),
            _ => None,
        }
    }

    /// The `google.rpc.Status` of it; with `RetryInfo` where the sender is asked to wait.
    pub fn rpc_status(&self) -> RpcStatus {
        let status = RpcStatus::new(self.code(), self.to_string());
        match self.retry_after_s() {
            Some(seconds) => status.with_retry_after_s(seconds),
            None => status,
        }
    }
}

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, Message)]
pub struct RpcStatus {
    /// A code of gRPC.
    #[prost(int32, tag = "1")]
    pub code: i32,
    /// What happened, for a person.
    #[prost(string, tag = "2")]
    pub message: String,
    /// What happened, for a program.
    #[prost(message, repeated, tag = "3")]
    pub details: Vec<Detail>,
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, Message)]
pub struct Detail {
    /// What the value is.
    #[prost(string, tag = "1")]
    pub type_url: String,
    /// The message.
    #[prost(bytes = "vec", tag = "2")]
    pub value: Vec<u8>,
}

/// `google.rpc.RetryInfo`.
#[derive(Clone, Copy, PartialEq, Message)]
struct RetryInfo {
    /// How long to wait.
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<RetryDelay>,
}

/// `google.protobuf.Duration`.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
struct RetryDelay {
    /// Whole seconds.
    #[prost(int64, tag = "1")]
    seconds: i64,
    /// The rest in nanoseconds.
    #[prost(int32, tag = "2")]
    nanos: i32,
}

const RETRY_INFO: &str = "type.googleapis.com/google.rpc.RetryInfo";

impl RpcStatus {
    /// A status without details.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), details: Vec::new() }
    }

    fn with_retry_after_s(mut self, seconds: u64) -> Self {
        let retry_delay = Some(RetryDelay { seconds: seconds.cast_signed(), nanos: 0 });
        let value = RetryInfo { retry_delay }.encode_to_vec();
        self.details.push(Detail { type_url: RETRY_INFO.to_owned(), value });
        self
    }

    /// As JSON, in the shape that protobuf prescribes for it.
    pub fn to_json(&self) -> serde_json::Value {
        let details: Vec<_> = self.details.iter().filter_map(Detail::to_json).collect();
        if details.is_empty() {
            return json!({"code": self.code, "message": self.message});
        }
        json!({"code": self.code, "message": self.message, "details": details})
    }
}

impl Detail {
    fn to_json(&self) -> Option<serde_json::Value> {
        let delay = RetryInfo::decode(self.value.as_slice()).ok()?.retry_delay?;
        Some(json!({"@type": self.type_url, "retryDelay": format!("{}s", delay.seconds)}))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_those_who_may_try_again_are_told_when() {
        let busy = Refusal::Busy { reason: "full".into(), retry_after: Duration::from_millis(1500) };
        assert_eq!(busy.to_string(), "full; try again in 2 s");
        assert_eq!(busy.rpc_status().details.len(), 1);
        assert_eq!(
            busy.rpc_status().to_json()["details"],
            json!([{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "2s"}])
        );
        let large = Refusal::TooLarge("large".into());
        assert_eq!(large.code(), busy.code());
        assert_eq!(large.rpc_status().to_json(), json!({"code": 8, "message": "large"}));
    }
}

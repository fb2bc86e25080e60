//! CloudWatch Logs.

use axum::body::Bytes;

use super::AwsError;

/// CloudWatch Logs, without anything in it.
#[derive(Clone, Default)]
pub struct FakeLogs;

impl FakeLogs {
    #[expect(clippy::unused_self, reason = "it holds nothing yet")]
    pub(super) fn answer(&self, operation: &str, _body: &Bytes) -> Result<Bytes, AwsError> {
        Err(AwsError::unknown(operation))
    }
}

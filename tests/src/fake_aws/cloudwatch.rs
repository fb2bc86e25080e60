//! CloudWatch's metrics.

use axum::body::Bytes;

use super::AwsError;

/// CloudWatch's metrics, without anything in it.
#[derive(Clone, Default)]
pub struct FakeMetrics;

impl FakeMetrics {
    #[expect(clippy::unused_self, reason = "it holds nothing yet")]
    pub(super) fn answer(&self, operation: &str, _body: &Bytes) -> Result<Bytes, AwsError> {
        Err(AwsError::unknown(operation))
    }
}

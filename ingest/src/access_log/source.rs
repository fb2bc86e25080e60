//! Access logs on their way into the store: from followed files, and from the streams of Envoys.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sidecarta_queries::rows::SourceCursor;
use sidecarta_queries::rows::access_log::{AccessLogBatch, AccessLogRow};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::als::AlsStream;
use super::config::{AccessLogConfig, AccessLogConfigError};
use super::follow::{Batch, Follower};
use super::frame::encode;
use super::parser::LineParser;
use crate::otlp::Refusal;
use crate::otlp::streams::{Handled, StreamHandler};
use crate::pipeline::{Pipeline, Rows, Submission, SubmitError};
use crate::status::{SourceBook, SourceHandle};

/// How long after a file could not be read it is tried again.
const RETRY: Duration = Duration::from_secs(5);

/// Starts one task for each file that is to be followed. They end with the shutdown; the tracker tells when they have.
///
/// Every file has a line in `sources` from the start, of kind `access_log`, under its path.
///
/// # Errors
/// With every bad value of the configuration.
pub fn spawn(
    configs: &[AccessLogConfig],
    pipeline: &Pipeline,
    sources: &SourceBook,
    shutdown: &CancellationToken,
) -> Result<TaskTracker, AccessLogConfigError> {
    let tasks = TaskTracker::new();
    for config in configs.iter().filter(|config| !config.path.is_empty()) {
        let file = FollowedFile {
            name: format!("access_log:{}", config.path),
            interval: Duration::from_millis(config.interval_ms),
            pipeline: pipeline.clone(),
            source: sources.source("access_log", &config.path),
            unread: Unread::default(),
        };
        let cursor = pipeline.restored(&file.name);
        let parser = LineParser::new(config)?;
        let follower = Follower::new(PathBuf::from(&config.path), parser, cursor, config.from_start);
        tasks.spawn(file.follow(follower, shutdown.clone()));
    }
    tasks.close();
    Ok(tasks)
}

/// A file that is followed.
struct FollowedFile {
    /// Under which its cursor is stored.
    name: String,
    interval: Duration,
    pipeline: Pipeline,
    source: SourceHandle,
    unread: Unread,
}

/// Lines that fit no format, since the start of this process.
#[derive(Debug, Default)]
struct Unread {
    lines: u64,
    of: u64,
    last: String,
}

impl Unread {
    /// Characters that are shown of a line.
    const SHOWN: usize = 160;

    fn add(&mut self, rows: &[AccessLogRow]) {
        self.of += rows.len() as u64;
        self.lines += rows.iter().filter(|row| !row.raw.is_empty()).count() as u64;
        if let Some(row) = rows.iter().rev().find(|row| !row.raw.is_empty()) {
            let mut shown: String = row.raw.escape_default().take(Self::SHOWN).collect();
            if shown.len() == Self::SHOWN {
                shown.push('…');
            }
            self.last = shown;
        }
    }

    fn in_words(&self) -> Option<String> {
        (self.lines > 0).then(|| {
            format!(
                "{} of {} lines fit no format and are kept raw, the last one: {}",
                self.lines, self.of, self.last
            )
        })
    }
}

impl FollowedFile {
    async fn follow(mut self, mut follower: Follower, shutdown: CancellationToken) {
        while !shutdown.is_cancelled() {
            let looked = tokio::task::spawn_blocking(move || {
                let batch = follower.poll(now_ns());
                (follower, batch)
            });
            let Ok((kept, batch)) = looked.await else { return };
            follower = kept;
            let pause = match batch {
                Ok(batch) => {
                    let pause = if batch.is_at_end { self.interval } else { Duration::ZERO };
                    if shutdown.run_until_cancelled(self.store(batch)).await.is_none() {
                        return;
                    }
                    pause
                }
                Err(error) => {
                    self.source.failed(format!("the file cannot be read: {error}"));
                    RETRY
                }
            };
            if shutdown.run_until_cancelled(sleep(pause)).await.is_none() {
                return;
            }
        }
    }

    /// Stores a batch with its cursor, however often that has to be tried.
    async fn store(&mut self, batch: Batch) {
        let Batch { rows, raw_lines, cut_lines, cursor, is_missing, notice, .. } = batch;
        let words = is_missing.then(|| "there is no such file yet; it is read once it appears".to_owned());
        self.unread.add(&rows);
        let raw = self.unread.in_words();
        let cut = (cut_lines > 0).then(|| format!("lines were cut because of their length: {cut_lines}"));
        let remarks: Vec<String> = [words, notice, raw, cut].into_iter().flatten().collect();
        if !remarks.is_empty() || !rows.is_empty() {
            self.source
                .update(|status| status.detail = Some(remarks.join("; ")).filter(|text| !text.is_empty()));
        }
        if rows.is_empty() {
            return;
        }
        let accepted = rows.len() as u64 - raw_lines;
        let position = cursor.and_then(|cursor| postcard::to_stdvec(&cursor).ok());
        let cursor = position.map(|position| SourceCursor { source: self.name.clone(), position });
        let batch = AccessLogBatch { rows, cursor };
        loop {
            match submit(&self.pipeline, batch.clone()).await {
                Ok(()) => return self.source.succeeded(accepted, raw_lines),
                Err(SubmitError::Full { retry_after }) => {
                    self.source.throttled();
                    sleep(retry_after).await;
                }
                Err(error @ SubmitError::Broken { .. }) => {
                    self.source.failed(error.to_string());
                    sleep(RETRY).await;
                }
            }
        }
    }
}

/// What is done with the messages of Envoy's access log service: they are stored before the next is read.
pub fn stream_handler(pipeline: &Pipeline) -> StreamHandler {
    let pipeline = pipeline.clone();
    Arc::new(move |state, message| {
        let pipeline = pipeline.clone();
        Box::pin(async move {
            let mut stream = AlsStream::of(&state.proxy, &state.log_name);
            let decoded =
                stream.decode(&message.bytes).map_err(|error| Refusal::Invalid(error.to_string()))?;
            let handled = Handled { accepted: decoded.rows.len() as u64, rejected: decoded.rejected };
            if !decoded.rows.is_empty() {
                submit(&pipeline, AccessLogBatch { rows: decoded.rows, cursor: None }).await?;
            }
            Ok(handled)
        })
    })
}

/// Stores a batch. On `Ok` its rows and its cursor are durable.
pub(crate) async fn submit(pipeline: &Pipeline, batch: AccessLogBatch) -> Result<(), SubmitError> {
    let frame =
        encode(&batch, now_ns()).map_err(|error| SubmitError::Broken { reason: error.to_string() })?;
    pipeline.submit(Submission { frame, rows: Rows::AccessLogs(Box::new(batch)) }).await
}

fn now_ns() -> i64 {
    i64::try_from(jiff::Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX)
}

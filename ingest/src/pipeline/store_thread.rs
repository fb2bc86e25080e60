//! The thread that puts acknowledged rows into the store.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use sidecarta_queries::log;
use sidecarta_queries::store::{StoreError, Writer};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TryRecvError;

use super::{Counters, Stored};

/// How long the thread sleeps when nothing comes.
const POLL: Duration = Duration::from_millis(20);
/// How long it waits before it tries again what failed.
const RETRY: Duration = Duration::from_secs(1);

/// Everything that the thread owns.
pub(super) struct StoreThread {
    pub(super) writer: Writer,
    pub(super) log_dir: PathBuf,
    pub(super) publish_every: Duration,
    pub(super) counters: Arc<Counters>,
}

impl StoreThread {
    /// Runs until all senders are gone and everything they sent is in the file.
    pub(super) fn run(mut self, mut rows: mpsc::Receiver<Stored>) {
        let mut waiting = Vec::new();
        let mut open = true;
        while open {
            let deadline = Instant::now() + self.publish_every;
            open = self.collect(&mut rows, &mut waiting, deadline);
            if !waiting.is_empty() {
                self.until_it_works("show new rows", Self::publish);
                Counters::add(&self.counters.published, waiting.len() as u64);
                waiting.clear();
            }
            if self.writer.is_due() {
                self.until_it_works("move rows into the file", |this| this.writer.move_into_file());
            }
            self.release_log();
        }
        self.until_it_works("move rows into the file", |this| this.writer.move_into_file());
        // The log's thread has ended before this one.
        if let Err(error) = log::clear(&self.log_dir, self.writer.position()) {
            tracing::warn!(error = %chain(&error), "The log could not be deleted; the next start reads it in vain");
        }
        if let Err(error) = self.writer.checkpoint() {
            tracing::warn!(error = %chain(&error), "The last checkpoint failed; the next start does it");
        }
    }

    /// Stages what comes until the deadline; false once nothing more will come.
    fn collect(
        &mut self,
        rows: &mut mpsc::Receiver<Stored>,
        waiting: &mut Vec<tokio::sync::OwnedSemaphorePermit>,
        deadline: Instant,
    ) -> bool {
        loop {
            match rows.try_recv() {
                Ok(Stored { sequence, hash, rows, permit }) => {
                    waiting.push(permit);
                    rows.stage(&mut self.writer, sequence, hash);
                }
                Err(TryRecvError::Disconnected) => return false,
                Err(TryRecvError::Empty) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return true;
                    }
                    thread::sleep(left.min(POLL));
                }
            }
            if Instant::now() >= deadline {
                return true;
            }
        }
    }

    fn publish(&mut self) -> Result<(), StoreError> {
        let published = self.writer.publish()?;
        Counters::add(&self.counters.duplicates, published.duplicates);
        Ok(())
    }

    /// Tries again until it works. Meanwhile nothing is taken from the queue, so that senders are told to wait.
    fn until_it_works(&mut self, what: &str, mut step: impl FnMut(&mut Self) -> Result<(), StoreError>) {
        while let Err(error) = step(self) {
            tracing::error!(error = %chain(&error), "The store could not {what}; trying again");
            Counters::add(&self.counters.failures, 1);
            thread::sleep(RETRY);
        }
    }

    fn release_log(&self) {
        if let Err(error) = log::release(&self.log_dir, self.writer.position()) {
            tracing::warn!(error = %chain(&error), "Old parts of the log could not be deleted");
        }
    }
}

/// An error with everything that caused it, in one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

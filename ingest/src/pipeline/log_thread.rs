//! The thread that makes submissions durable and acknowledges them.

use sidecarta_queries::frame::Frame;
use sidecarta_queries::log::Log;
use tokio::sync::mpsc;

use super::{Counters, Job, Stored, SubmitError, hash};

/// Submissions that are made durable together at most.
const GROUP: usize = 512;

/// Runs until all senders are gone.
pub(super) fn run(
    mut log: Log,
    mut jobs: mpsc::Receiver<Job>,
    stored: &mpsc::Sender<Stored>,
    counters: &Counters,
) {
    let mut group = Vec::with_capacity(GROUP);
    while jobs.blocking_recv_many(&mut group, GROUP) > 0 {
        let frames: Vec<Frame> = group.iter().map(|job| job.submission.frame.clone()).collect();
        match log.append(&frames) {
            Ok(first) => {
                Counters::add(&counters.acknowledged, group.len() as u64);
                for (sequence, job) in (first..).zip(group.drain(..)) {
                    // The sender may have gone away meanwhile; what it sent is stored all the same.
                    drop(job.answer.send(Ok(())));
                    let hash = hash(&job.submission.frame);
                    let rows = Stored { sequence, hash, rows: job.submission.rows, permit: job.permit };
                    if stored.blocking_send(rows).is_err() {
                        tracing::error!("The store's thread has ended; acknowledged data waits in the log");
                        return;
                    }
                }
            }
            Err(error) => {
                let reason = format!(
                    "{error}: {}",
                    std::error::Error::source(&error).map_or_else(String::new, ToString::to_string)
                );
                tracing::error!(error = %reason, requests = group.len(), "Requests could not be logged");
                Counters::add(&counters.failures, 1);
                for job in group.drain(..) {
                    drop(job.answer.send(Err(SubmitError::Broken { reason: reason.clone() })));
                }
            }
        }
    }
}

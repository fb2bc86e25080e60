//! From documents to stored spans, a batch at a time.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;

use super::held::Held;
use super::receive::Received;
use crate::otlp::{PullError, Pulled, Taken};
use crate::pipeline::{Pipeline, SubmitError};
use crate::status::SourceHandle;
use crate::xray::{Converted, Late, WaitReason, spans, trace_of};

/// How long documents gather.
const GATHER: Duration = Duration::from_millis(200);
/// Documents of a batch.
const BATCH_DOCUMENTS: usize = 512;
/// Bytes of a batch after which no more are taken into it.
const BATCH_BYTES: usize = 4 << 20;
/// How often it is looked whether anything has waited long enough.
const LOOK: Duration = Duration::from_secs(1);
/// Bytes of documents that wait for others.
const HELD_BYTES: usize = 32 << 20;
/// How long at the end of the process the store may take to accept the last documents.
const LAST_TRIES: Duration = Duration::from_secs(5);

/// The task that stores.
pub(super) struct Storing {
    pipeline: Pipeline,
    handle: SourceHandle,
    shutdown: CancellationToken,
    held: Held,
}

impl Storing {
    pub(super) fn new(pipeline: Pipeline, handle: SourceHandle, shutdown: CancellationToken) -> Self {
        Self { pipeline, handle, shutdown, held: Held::new(HELD_BYTES) }
    }

    /// Stores what is received until no more can come, and in the end what still waited, as it is.
    pub(super) async fn run(mut self, mut waiting: mpsc::Receiver<Received>) {
        let mut batch = Vec::new();
        loop {
            match timeout_at(Instant::now() + LOOK, waiting.recv()).await {
                Ok(Some(first)) => {
                    self.gather(first, &mut batch, &mut waiting).await;
                    self.store_new(&mut batch).await;
                }
                Ok(None) => break,
                Err(_) => {}
            }
            let due = self.held.take_due(Instant::now());
            self.store_as_is(due.into_iter().map(|held| held.text).collect()).await;
        }
        let rest = self.held.take_all();
        self.store_as_is(rest.into_iter().map(|held| held.text).collect()).await;
    }

    /// Takes in what comes within a moment of the first document.
    async fn gather(
        &self,
        first: Received,
        batch: &mut Vec<Received>,
        waiting: &mut mpsc::Receiver<Received>,
    ) {
        let until = Instant::now() + GATHER;
        let mut bytes = first.document.len();
        batch.push(first);
        while batch.len() < BATCH_DOCUMENTS && bytes < BATCH_BYTES {
            let Ok(Some(next)) = timeout_at(until, waiting.recv()).await else { return };
            bytes += next.document.len();
            batch.push(next);
        }
    }

    /// Stores a batch together with what waits in the same traces, and lets wait what still has to.
    async fn store_new(&mut self, batch: &mut Vec<Received>) {
        let now = Instant::now();
        let traces: BTreeSet<u128> =
            batch.iter().filter_map(|received| trace_of(&received.document)).collect();
        let held = traces.into_iter().flat_map(|trace_id| self.held.take(trace_id)).collect::<Vec<_>>();
        let mut documents: Vec<(String, Instant)> =
            batch.iter_mut().map(|received| (std::mem::take(&mut received.document), now)).collect();
        documents.extend(held.into_iter().map(|held| (held.text, held.since)));
        let texts: Vec<&str> = documents.iter().map(|(text, _)| &**text).collect();
        let converted = spans(&texts, Late::Wait);
        let mut waits: HashMap<usize, (u128, WaitReason)> = HashMap::new();
        for waiting in &converted.waiting {
            let reason = waits.entry(waiting.document).or_insert((waiting.trace_id, waiting.reason));
            // A document that waits for two things waits for the slower one.
            if waiting.reason == WaitReason::End {
                reason.1 = WaitReason::End;
            }
        }
        for (number, (trace_id, reason)) in waits {
            let (text, since) = &mut documents[number];
            self.held.hold(trace_id, std::mem::take(text), *since, reason);
        }
        self.submit(&converted).await;
        // Only now is there room for others.
        batch.clear();
    }

    async fn store_as_is(&mut self, texts: Vec<String>) {
        for texts in texts.chunks(BATCH_DOCUMENTS) {
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            self.submit(&spans(&texts, Late::Store)).await;
        }
    }

    /// Stores spans, however long the store takes to accept them: meanwhile the queue fills, and what is over is counted.
    async fn submit(&self, converted: &Converted) {
        let refused = converted.rejected.len() as u64;
        if let Some(last) = converted.rejected.last() {
            self.handle.update(|status| {
                status.last_error = Some(format!("a document was not taken: {}", last.reason));
                status.last_failure = Some(jiff::Timestamp::now().to_string());
            });
        }
        let pulled = Pulled::xray_traces(&converted.request, None);
        let mut last_try = None;
        loop {
            match pulled.submit(&self.pipeline).await {
                Ok(taken) => return self.succeeded(&taken, refused),
                Err(PullError::Submit(SubmitError::Full { retry_after })) => {
                    if self.shutdown.is_cancelled() {
                        let until = *last_try.get_or_insert_with(|| Instant::now() + LAST_TRIES);
                        if Instant::now() >= until {
                            return self
                                .handle
                                .failed("the last documents could not be stored before the end");
                        }
                    }
                    self.handle.throttled();
                    sleep(retry_after).await;
                }
                Err(error) => return self.handle.failed(format!("documents could not be stored: {error}")),
            }
        }
    }

    fn succeeded(&self, taken: &Taken, refused: u64) {
        self.handle.succeeded(taken.accepted, taken.rejected + refused);
        let held = self.held.len();
        self.handle.update(|status| {
            status.detail =
                (held > 0).then(|| format!("{held} documents wait for their end or for their segment"));
            if !taken.message.is_empty() {
                status.last_error = Some(taken.message.clone());
                status.last_failure = Some(jiff::Timestamp::now().to_string());
            }
        });
    }
}

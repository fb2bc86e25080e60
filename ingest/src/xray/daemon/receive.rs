//! Receiving datagrams.

use std::sync::Arc;

use sidecarta_queries::api::sources::SourceStatus;
use tokio::net::UdpSocket;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use super::packet::document;
use crate::status::SourceHandle;

/// The largest datagram there is.
const MAX_DATAGRAM: usize = 65_536;
/// Letters of a bad datagram that are shown.
const EXAMPLE: usize = 80;

/// A document on its way to become spans, with the room that it takes.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) document: String,
    pub(super) _room: OwnedSemaphorePermit,
}

/// Takes datagrams and hands on their documents.
pub(super) struct Receiver {
    documents: mpsc::Sender<Received>,
    room: Arc<Semaphore>,
    handle: SourceHandle,
    malformed: u64,
    dropped: u64,
}

impl Receiver {
    pub(super) fn new(documents: mpsc::Sender<Received>, room: Arc<Semaphore>, handle: SourceHandle) -> Self {
        Self { documents, room, handle, malformed: 0, dropped: 0 }
    }

    /// Receives until it is to end.
    pub(super) async fn run(mut self, socket: UdpSocket, shutdown: CancellationToken) {
        let mut buffer = vec![0; MAX_DATAGRAM];
        loop {
            let received = tokio::select! {
                received = socket.recv_from(&mut buffer) => received,
                () = shutdown.cancelled() => return,
            };
            match received {
                Ok((length, _)) => self.take(&buffer[..length]),
                // What a system says here is of an earlier answer, and nothing is ever answered.
                Err(error) => tracing::debug!(error = %error, "A datagram could not be received"),
            }
        }
    }

    /// Takes one datagram, which is lost where there is no room: nobody waits for an answer.
    pub(super) fn take(&mut self, datagram: &[u8]) {
        let document = match document(datagram) {
            Ok(document) => document,
            Err(error) => {
                self.malformed += 1;
                let start: String = String::from_utf8_lossy(datagram).chars().take(EXAMPLE).collect();
                let words = format!(
                    "{} datagrams could not be read. The last: {error}; it begins with {start:?}",
                    self.malformed
                );
                self.tell(words, |status| status.rejected += 1);
                return;
            }
        };
        let bytes = u32::try_from(document.len()).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room).try_acquire_many_owned(bytes).ok();
        let sent = room.is_some_and(|room| {
            self.documents.try_send(Received { document: document.to_owned(), _room: room }).is_ok()
        });
        if !sent {
            self.dropped += 1;
            let words = format!(
                "{} documents were dropped, since more came than can be stored: sample less, or give store.queue_mb more",
                self.dropped
            );
            self.tell(words, |status| status.throttled += 1);
        }
    }

    fn tell(&self, words: String, count: impl FnOnce(&mut SourceStatus)) {
        self.handle.update(|status| {
            status.last_error = Some(words);
            status.last_failure = Some(jiff::Timestamp::now().to_string());
            count(status);
        });
    }
}

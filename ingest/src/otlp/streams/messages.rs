//! The messages of a gRPC call, one by one as they come.

use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use bytes::{Bytes, BytesMut};
use tokio::time::Instant;

use crate::otlp::body::{next_data, next_data_whenever};
use crate::otlp::compression::{Encoding, decompress};
use crate::otlp::grpc::{PREFIX_BYTES, encoding_of_call, encoding_of_message, read_prefix};
use crate::otlp::memory::{MemoryBudget, Reservation};
use crate::otlp::status::Refusal;
use crate::status::SourceHandle;

/// How long a message waits for memory, and how often it asks.
const MEMORY_TIME: Duration = Duration::from_secs(30);
const MEMORY_PAUSE: Duration = Duration::from_millis(20);
/// Of a larger message nothing is kept allocated for the next one.
const KEPT_BYTES: usize = 64 << 10;

/// What comes in by one call.
pub(super) struct Messages {
    body: Body,
    /// What has come of messages that were not handed out yet.
    buffer: BytesMut,
    encoding: Option<Encoding>,
    max_message_bytes: usize,
    memory: MemoryBudget,
    source: SourceHandle,
}

impl Messages {
    /// Those of a call, each of at most `max_message_bytes` both as it comes and unpacked. A wait for memory is counted
    /// for `source`.
    pub(super) fn of(
        request: Request,
        max_message_bytes: usize,
        memory: &MemoryBudget,
        source: &SourceHandle,
    ) -> Self {
        Self {
            encoding: encoding_of_call(request.headers()),
            body: request.into_body(),
            buffer: BytesMut::new(),
            max_message_bytes,
            memory: memory.clone(),
            source: source.clone(),
        }
    }

    /// The next message and the memory that it holds; nothing once the client has ended the call, or is gone. Between
    /// messages a client may be silent as long as it likes, but not in the middle of one.
    ///
    /// # Errors
    /// If a message is too large, cannot be unpacked, breaks off or finds no memory. Nothing can be read after that.
    pub(super) async fn next(&mut self) -> Result<Option<(Bytes, Reservation)>, Refusal> {
        let mut reservation = self.memory.reservation();
        let buffered = self.buffer.len();
        when_there_is_memory(&self.source, || Ok(reservation.grow(buffered)?)).await?;
        loop {
            match self.take_message()? {
                Some((Encoding::Identity, message)) => return Ok(Some((message, reservation))),
                Some((encoding, message)) => {
                    let attempt = || unpack(encoding, &message, self.max_message_bytes, &self.memory);
                    return when_there_is_memory(&self.source, attempt).await.map(Some);
                }
                None => {}
            }
            let data = if self.buffer.is_empty() {
                // A client that goes away between two messages has lost nothing.
                next_data_whenever(&mut self.body).await.unwrap_or(None)
            } else {
                next_data(&mut self.body).await?
            };
            match data {
                Some(data) => {
                    when_there_is_memory(&self.source, || Ok(reservation.grow(data.len())?)).await?;
                    self.buffer.extend_from_slice(&data);
                }
                None if self.buffer.is_empty() => return Ok(None),
                None => {
                    return Err(Refusal::Invalid("the call ended in the middle of a message".to_owned()));
                }
            }
        }
    }

    /// The first message of the buffer, once it is there as a whole.
    fn take_message(&mut self) -> Result<Option<(Encoding, Bytes)>, Refusal> {
        let Some((is_compressed, length)) = read_prefix(&self.buffer, self.max_message_bytes)? else {
            return Ok(None);
        };
        let encoding = encoding_of_message(is_compressed, self.encoding)?;
        if self.buffer.len() - PREFIX_BYTES < length {
            return Ok(None);
        }
        let message = self.buffer.split_to(PREFIX_BYTES + length).freeze().slice(PREFIX_BYTES..);
        if length > KEPT_BYTES {
            self.buffer = BytesMut::from(&self.buffer[..]);
        }
        Ok(Some((encoding, message)))
    }
}

/// An unpacked message and the memory that it holds.
fn unpack(
    encoding: Encoding,
    message: &Bytes,
    limit: usize,
    memory: &MemoryBudget,
) -> Result<(Bytes, Reservation), Refusal> {
    let mut reservation = memory.reservation();
    let unpacked = decompress(encoding, message, limit, |bytes| reservation.grow(bytes))?;
    Ok((Bytes::copy_from_slice(&unpacked), reservation))
}

/// What `attempt` gives; it is repeated for a while where there is no memory.
async fn when_there_is_memory<T>(
    source: &SourceHandle,
    mut attempt: impl FnMut() -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    let deadline = Instant::now() + MEMORY_TIME;
    let mut is_waiting = false;
    loop {
        match attempt() {
            Err(Refusal::Busy { .. }) if Instant::now() < deadline => {
                if !is_waiting {
                    source.update(|status| status.throttled += 1);
                    is_waiting = true;
                }
                tokio::time::sleep(MEMORY_PAUSE).await;
            }
            result => return result,
        }
    }
}

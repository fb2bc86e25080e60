//! Messages of Envoy's metrics service.

use sidecarta_queries::rows::envoy::Proxy;

use super::flush::Flush;
use super::proxy::PushingProxy;
use crate::otlp::Refusal;
use crate::otlp::streams::{Handled, StreamMessage};
use crate::prometheus::{DecodeLimits, Temporality, decode_stream_message};

/// From this size on, messages are decoded beside the tasks that wait on sockets.
const LARGE_BYTES: usize = 256 * 1024;

/// What a message takes for each of its bytes once it is decoded, roughly.
const DECODED_EXPANSION: usize = 4;

/// Counts and stores a message of the proxy that says of itself what is in `said`. A message that is handed over again
/// because there was no room for it is taken as if for the first time.
pub(super) async fn take(
    proxy: &mut PushingProxy,
    counters: Temporality,
    said: &Proxy,
    message: StreamMessage,
) -> Result<Handled, Refusal> {
    if said.id.is_empty() {
        return Err(Refusal::Invalid(
            "an Envoy does not say which one it is: its first message has no node id; set `node.id` in its bootstrap"
                .to_owned(),
        ));
    }
    let mut memory = message.memory.reservation();
    memory.grow(message.bytes.len().saturating_mul(DECODED_EXPANSION))?;
    let received_at_ns = message.received_at_ns;
    let flush = decode(message, counters).await?;
    let (series, rejected) = (flush.series, flush.rejected);
    Ok(if proxy.take(said, flush, received_at_ns).await? {
        Handled { accepted: series, rejected }
    } else {
        Handled { accepted: 0, rejected: series + rejected }
    })
}

async fn decode(message: StreamMessage, counters: Temporality) -> Result<Flush, Refusal> {
    let is_large = message.bytes.len() >= LARGE_BYTES;
    let read = move || {
        let decoded = decode_stream_message(&message.bytes, counters, DecodeLimits::default());
        let decoded = decoded.map_err(|error| Refusal::Invalid(error.to_string()))?;
        Ok(Flush::of(&decoded.exposition, message.received_at_ns))
    };
    if !is_large {
        return read();
    }
    let task = tokio::task::spawn_blocking(read).await;
    task.unwrap_or_else(|error| Err(Refusal::Broken(format!("decoding did not end: {error}"))))
}

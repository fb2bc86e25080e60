//! The two calls by which an Envoy pushes for as long as it lives: access logs and statistics.
//!
//! Each is a stream of messages that is not answered until the client ends it, on the port of OTLP over gRPC. Only the
//! first message says who sends, so that is remembered for the others. What is in a message is the business of a
//! [`StreamHandler`], which stores it before the next message is read. An Envoy does not send again what was refused;
//! where there is no room for a message, the stream is not read on until there is, and the Envoy holds back.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use bytes::Bytes;
use futures::future::BoxFuture;
use sidecarta_queries::rows::envoy::Proxy;
use tokio_util::sync::CancellationToken;

use super::memory::{MemoryBudget, Reservation};
use super::service::{Receiver, now_ns};
use super::status::Refusal;
use crate::connections::Peer;
use crate::status::SourceHandle;

mod identity;
mod messages;

use messages::Messages;

/// Which of the two calls a stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnvoyStream {
    /// `envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs`.
    AccessLogs,
    /// `envoy.service.metrics.v3.MetricsService/StreamMetrics`.
    Metrics,
}

impl EnvoyStream {
    /// The stream that is opened by a call of this method.
    pub(super) fn of_method(path: &str) -> Option<Self> {
        match path {
            "/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs" => Some(Self::AccessLogs),
            "/envoy.service.metrics.v3.MetricsService/StreamMetrics" => Some(Self::Metrics),
            _ => None,
        }
    }

    /// What comes on it.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::AccessLogs => "access logs",
            Self::Metrics => "statistics",
        }
    }

    /// The kind of source that such streams are counted under.
    pub(super) fn source(self) -> &'static str {
        match self {
            Self::AccessLogs => "envoy_access_logs",
            Self::Metrics => "envoy_metrics",
        }
    }
}

/// What is known of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamState {
    /// Who sends, as its first message says; empty where none did. Its address is that which the connection comes from,
    /// without a port.
    pub proxy: Proxy,
    /// Name of the log, of a stream of access logs; may be empty.
    pub log_name: String,
}

/// One message of a stream.
#[derive(Clone, Debug)]
pub struct StreamMessage {
    /// The message in protobuf, whole and unpacked. Its memory is held until it is handled.
    pub bytes: Bytes,
    /// When it came, ns since 1970; the same when it is handed over again.
    pub received_at_ns: i64,
    /// Where memory for what it becomes is to be reserved.
    pub memory: MemoryBudget,
}

/// What was made of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Handled {
    /// Log entries or series stored.
    pub accepted: u64,
    /// Those that were not.
    pub rejected: u64,
}

/// Decodes a message and stores it; on `Ok` it is durable.
///
/// [`Refusal::Busy`] has the same message handed over again later, and meanwhile the stream is not read.
/// [`Refusal::Broken`] ends the stream. Any other refusal costs this message only.
pub type StreamHandler = Arc<
    dyn for<'a> Fn(&'a StreamState, StreamMessage) -> BoxFuture<'a, Result<Handled, Refusal>> + Send + Sync,
>;

/// Gives a handler for a stream that has been opened. The handler is dropped when the stream ends.
pub type OpenStream = Arc<dyn Fn() -> StreamHandler + Send + Sync>;

/// What is done with the messages of each kind of stream.
#[derive(Clone)]
pub struct StreamHandlers {
    /// Takes `StreamAccessLogsMessage`s.
    pub access_logs: StreamHandler,
    /// Takes `StreamMetricsMessage`s.
    pub metrics: OpenStream,
}

impl StreamHandlers {
    /// The handler of a stream of this kind.
    pub(super) fn open(&self, stream: EnvoyStream) -> StreamHandler {
        match stream {
            EnvoyStream::AccessLogs => Arc::clone(&self.access_logs),
            EnvoyStream::Metrics => (self.metrics)(),
        }
    }
}

impl fmt::Debug for StreamHandlers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("StreamHandlers").finish_non_exhaustive()
    }
}

/// Reads a stream to its end and hands over its messages one by one. What happens is counted for `source`.
///
/// # Errors
/// If the stream is refused or ended from this side, with the reason as the client is told it.
pub(super) async fn serve(
    stream: EnvoyStream,
    handler: &StreamHandler,
    receiver: &Receiver,
    source: &SourceHandle,
    request: Request,
    shutdown: &CancellationToken,
) -> Result<(), Refusal> {
    let Ok(_slot) = receiver.stream_slots().try_acquire() else {
        source.throttled();
        let reason = "as many streams are open as may be".to_owned();
        return Err(Refusal::Busy { reason, retry_after: Duration::from_secs(1) });
    };
    let mut state = StreamState::default();
    if let Some(Peer(address)) = request.extensions().get() {
        state.proxy.address = address.to_string();
    }
    let mut messages = Messages::of(request, receiver.max_body_bytes(), receiver.memory(), source);
    let mut open = Reading { handler, source, shutdown, state, nameless: 0 };
    loop {
        let Some(next) = shutdown.run_until_cancelled(messages.next()).await else {
            return Err(shutting_down());
        };
        match next {
            Ok(None) => return Ok(()),
            Ok(Some((bytes, reservation))) => {
                identity::take(stream, &bytes, &mut open.state);
                let memory = receiver.memory().clone();
                let message = StreamMessage { bytes, received_at_ns: now_ns(), memory };
                open.hand_over(message, reservation).await?;
            }
            Err(refusal) => {
                source.failed(refusal.to_string());
                return Err(refusal);
            }
        }
    }
}

/// A stream that is being read.
struct Reading<'s> {
    handler: &'s StreamHandler,
    source: &'s SourceHandle,
    shutdown: &'s CancellationToken,
    state: StreamState,
    /// What came before the stream has said who sends.
    nameless: u64,
}

impl Reading<'_> {
    /// Hands a message over until it is taken or refused for good. Its memory is held as long.
    async fn hand_over(&mut self, message: StreamMessage, _held: Reservation) -> Result<(), Refusal> {
        let mut was_told_to_wait = false;
        loop {
            match (self.handler)(&self.state, message.clone()).await {
                Ok(handled) => {
                    self.source.succeeded(handled.accepted, handled.rejected);
                    self.tell_of_nameless(handled.accepted);
                    return Ok(());
                }
                Err(Refusal::Busy { retry_after, .. }) => {
                    if !was_told_to_wait {
                        // The message itself is counted once it is handled.
                        self.source.update(|status| status.throttled += 1);
                        was_told_to_wait = true;
                    }
                    let pause = tokio::time::sleep(retry_after);
                    if self.shutdown.run_until_cancelled(pause).await.is_none() {
                        return Err(shutting_down());
                    }
                }
                Err(refusal) => {
                    self.source.failed(refusal.to_string());
                    return if matches!(refusal, Refusal::Broken(_)) { Err(refusal) } else { Ok(()) };
                }
            }
        }
    }

    /// A stream says in its first message who sends. What comes on one that does not is kept, and belongs to nobody.
    fn tell_of_nameless(&mut self, accepted: u64) {
        if accepted == 0 || !self.state.proxy.id.is_empty() || !self.state.proxy.cluster.is_empty() {
            return;
        }
        self.nameless += accepted;
        let count = self.nameless;
        self.source.update(|status| {
            status.detail = Some(format!(
                "a stream of Envoy's does not say who sends (its first message has no node), so what came on it belongs to \
                 no proxy: {count} entries"
            ));
        });
    }
}

fn shutting_down() -> Refusal {
    Refusal::Broken("the server is being shut down; open the stream again".to_owned())
}

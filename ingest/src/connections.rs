//! Accepting connections and serving HTTP/1.1 and HTTP/2 on them, until it is time to stop.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::{Extension, Router};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long a connection may be silent before its first request, and how long the head of an HTTP/1.1 request may take,
/// which counts from the end of the request before: exporters keep connections open between their batches.
const SILENT_TIME: Duration = Duration::from_secs(75);
/// How often a silent HTTP/2 connection is asked whether it lives, and how long its answer may take.
const PING_INTERVAL: Duration = Duration::from_secs(30);
const PING_TIME: Duration = Duration::from_secs(20);
/// Calls at once on one HTTP/2 connection.
const MAX_STREAMS: u32 = 256;
/// What one HTTP/2 stream and one connection may send ahead of being read.
const STREAM_WINDOW_BYTES: u32 = 512 << 10;
const CONNECTION_WINDOW_BYTES: u32 = 2 << 20;
/// Bytes of headers.
const MAX_HEADER_BYTES: u32 = 32 << 10;
/// How long requests may take to end once it is time to stop.
const DRAIN_TIME: Duration = Duration::from_secs(10);
/// After a failed accept, which is mostly for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Where the connection comes from, among the extensions of each of its requests.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(super) IpAddr);

/// Serves `router` on every connection of `listener` until `shutdown`, then lets the requests that are being served end.
/// Beyond `max_connections` a connection waits to be accepted.
///
/// # Errors
/// None at present: a connection that fails, or fails to be accepted, costs only itself.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    max_connections: usize,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let free = Arc::new(Semaphore::new(max_connections.min(Semaphore::MAX_PERMITS)));
    let connections = TaskTracker::new();
    // Stops what does not end by itself, also if this future is dropped.
    let abort = CancellationToken::new();
    let _abort_on_drop = abort.clone().drop_guard();
    loop {
        let next = async {
            let permit = Arc::clone(&free).acquire_owned().await;
            (permit, listener.accept().await)
        };
        let (permit, accepted) = tokio::select! {
            next = next => next,
            () = shutdown.cancelled() => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                let router = router.clone().layer(Extension(Peer(peer.ip())));
                let connection = serve_connection(stream, router, shutdown.clone());
                let abort = abort.clone();
                connections.spawn(async move {
                    let _permit = permit;
                    abort.run_until_cancelled(connection).await;
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection cannot be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(DRAIN_TIME, connections.wait()).await.is_err() {
        tracing::warn!(connections = connections.len(), "requests did not end in time and are dropped");
    }
    Ok(())
}

async fn serve_connection(stream: TcpStream, router: Router, shutdown: CancellationToken) {
    // Answers are small and awaited.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection has no TCP_NODELAY");
    }
    let mut byte = [0];
    let first_byte = tokio::time::timeout(SILENT_TIME, stream.peek(&mut byte));
    let has_begun = tokio::select! {
        peeked = first_byte => matches!(peeked, Ok(Ok(1))),
        () = shutdown.cancelled() => false,
    };
    if !has_begun {
        return;
    }
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(SILENT_TIME).max_buf_size(256 << 10);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIME)
        .max_concurrent_streams(MAX_STREAMS)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_header_list_size(MAX_HEADER_BYTES);
    let connection = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    tokio::pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(error, "a connection ended");
    }
}

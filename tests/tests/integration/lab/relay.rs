//! What stands between a cluster and its endpoint to know how many connections were really made.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::net::{TcpListener, TcpStream};

/// A relay of bytes; clones are one.
#[derive(Clone, Debug)]
pub(super) struct Relay {
    pub(super) address: SocketAddr,
    connections: Arc<AtomicU64>,
}

impl Relay {
    /// Starts a relay to this address; without one it takes connections and never says a word.
    pub(super) async fn start(to: Option<SocketAddr>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let relay = Self { address: listener.local_addr().unwrap(), connections: Arc::default() };
        let connections = Arc::clone(&relay.connections);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(carry(stream, to));
            }
        });
        relay
    }

    /// How many connections came.
    pub(super) fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }
}

async fn carry(mut stream: TcpStream, to: Option<SocketAddr>) {
    let Some(to) = to else { std::future::pending().await };
    let mut onward = TcpStream::connect(to).await.unwrap();
    // Either end may go away at any time.
    let _ = tokio::io::copy_bidirectional(&mut stream, &mut onward).await;
}

//! What stands in for the daemon of X-Ray: applications and Envoys send their segments to it by UDP, and ask it by TCP, on
//! the same port, which requests they are to sample.
//!
//! One task receives datagrams and puts their documents into a queue that is bounded by bytes; another turns what has
//! gathered there into spans a few times a second. Since a sender hears nothing of what became of a datagram, whatever is
//! lost here is counted and said on the Sources page.

mod config;
mod held;
mod packet;
mod receive;
mod sampling;
mod store;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use config::{SamplingRuleConfig, XrayConfig};

use crate::connections;
use crate::pipeline::Pipeline;
use crate::status::SourceBook;
use receive::Receiver;
use store::Storing;

/// The line of the daemon on the Sources page.
const KIND: &str = "xray_daemon";
/// Bytes of documents that may wait to become spans.
const QUEUE_BYTES: usize = 32 << 20;
/// Documents that may wait to become spans.
const QUEUE_DOCUMENTS: usize = 32_768;
/// Processes that may ask at once what to sample; others wait.
const MAX_CONNECTIONS: usize = 1_000;
/// What the system is asked to keep of datagrams that have come and were not received yet, bytes.
const SYSTEM_BUFFER: usize = 16 << 20;
/// How often a port is sought that is free for both protocols, where any will do.
const TRIES: usize = 20;

/// The two sockets of the daemon.
#[derive(Debug)]
pub struct Daemon {
    udp: UdpSocket,
    tcp: TcpListener,
    address: SocketAddr,
}

impl Daemon {
    /// Listens on an address by UDP and by TCP. With port 0, on a port that is free for both.
    ///
    /// # Errors
    /// If the address cannot be had.
    pub async fn bind(address: SocketAddr) -> io::Result<Self> {
        let mut tries = if address.port() == 0 { TRIES } else { 1 };
        loop {
            tries -= 1;
            let udp = UdpSocket::bind(address).await?;
            let local = udp.local_addr()?;
            match TcpListener::bind(local).await {
                Ok(tcp) => {
                    // What the system does not allow it cuts down, and a smaller buffer works too.
                    let _ = socket2::SockRef::from(&udp).set_recv_buffer_size(SYSTEM_BUFFER);
                    return Ok(Self { udp, tcp, address: local });
                }
                Err(error) if tries == 0 => return Err(error),
                Err(_) => {}
            }
        }
    }

    /// The address listened on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Starts to receive. The tasks end after `shutdown`, once what was received is stored.
    pub fn spawn(
        self,
        config: &XrayConfig,
        pipeline: &Pipeline,
        sources: &SourceBook,
        shutdown: &CancellationToken,
    ) -> TaskTracker {
        let handle = sources.source(KIND, &self.address.to_string());
        let room = Arc::new(Semaphore::new(QUEUE_BYTES));
        let (documents, waiting) = mpsc::channel(QUEUE_DOCUMENTS);
        let tasks = TaskTracker::new();
        let receiver = Receiver::new(documents, room, handle.clone());
        tasks.spawn(receiver.run(self.udp, shutdown.clone()));
        tasks.spawn(Storing::new(pipeline.clone(), handle, shutdown.clone()).run(waiting));
        let rules = sampling::router(config);
        let serving = connections::serve(self.tcp, rules, MAX_CONNECTIONS, shutdown.clone());
        tasks.spawn(async move {
            if let Err(error) = serving.await {
                tracing::error!(error = %error, "Answering for the daemon of X-Ray ended");
            }
        });
        tasks.close();
        tasks
    }
}

#[cfg(test)]
mod tests;

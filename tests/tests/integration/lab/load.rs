//! The load generator: each request on a connection of its own, and a record of how each ended.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use reqwest::redirect::Policy;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::orders::Order;
use super::upstream::{DEEDS_HEADER, ORDER_HEADER};

/// A request that was sent.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) number: u64,
    pub(super) order: Order,
    /// Its answer; nothing where the caller went away before.
    pub(super) status: Option<u16>,
    pub(super) took: Duration,
}

/// The load generator; clones are one.
#[derive(Clone, Debug)]
pub(super) struct Load {
    egress: SocketAddr,
    client: reqwest::Client,
    next: Arc<AtomicU64>,
    sent: Arc<Mutex<Vec<Sent>>>,
}

/// A request that is under way.
#[derive(Debug)]
pub(super) struct UnderWay {
    pub(super) number: u64,
    order: Order,
    since: Instant,
    answer: JoinHandle<u16>,
}

impl Load {
    pub(super) fn new(egress: SocketAddr) -> Self {
        let client = reqwest::Client::builder().no_proxy().redirect(Policy::none()).pool_max_idle_per_host(0);
        Self { egress, client: client.build().unwrap(), next: Arc::default(), sent: Arc::default() }
    }

    /// Everything that was sent and has ended.
    pub(super) fn sent(&self) -> Vec<Sent> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sends a request without waiting for its end.
    pub(super) fn begin(&self, order: &Order) -> UnderWay {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let deeds: Vec<String> = order.deeds.iter().map(ToString::to_string).collect();
        let request = self
            .client
            .get(format!("http://{}/{}/{}", self.egress, order.route, order.path))
            .header(ORDER_HEADER, number)
            .header(DEEDS_HEADER, deeds.join(","))
            .header("x-cluster", "unknown");
        let answer = tokio::spawn(async move { request.send().await.unwrap().status().as_u16() });
        UnderWay { number, order: order.clone(), since: Instant::now(), answer }
    }

    /// Waits for the answer.
    pub(super) async fn end(&self, under_way: UnderWay) -> u16 {
        let UnderWay { number, order, since, answer } = under_way;
        let status = answer.await.unwrap();
        self.note(Sent { number, order, status: Some(status), took: since.elapsed() });
        status
    }

    /// Goes away without waiting for the answer.
    pub(super) fn give_up(&self, under_way: UnderWay) {
        let UnderWay { number, order, since, answer } = under_way;
        answer.abort();
        self.note(Sent { number, order, status: None, took: since.elapsed() });
    }

    fn note(&self, sent: Sent) {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).push(sent);
    }
}

/// Sends what is no request of HTTP, and waits until the other end hangs up.
pub(super) async fn send_garbage(to: SocketAddr) {
    let mut stream = TcpStream::connect(to).await.unwrap();
    stream.write_all(b"\x00\x01 this is not HTTP\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    // Hanging up may be a reset.
    let _ = stream.read_to_end(&mut answer).await;
}

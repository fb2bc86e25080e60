//! The client: it sends the planned requests to the gateway and counts what it gets.

use std::f64::consts::TAU;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::http::Method;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use super::ledger::{Edge, Ledger};
use super::plan::{Journey, PLAN_HEADER, Plan};
use super::services;
use super::topology::GATEWAY;

/// The name of the load in the truth, and of an uninstrumented caller in a graph.
pub const CLIENT: &str = "client";

/// Requests that may be under way at once; beyond it the load falls behind its rate.
const UNDER_WAY_LIMIT: usize = 128;
/// How far the waves go from the average rate, and how long one takes.
const WAVE_HEIGHT: f64 = 0.33;
const WAVE_SECONDS: f64 = 120.0;

/// How long a load goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// This many requests.
    Requests(u64),
    /// As many as the rate gives in this time.
    For(Duration),
    /// Until it is told to stop.
    Endless,
}

/// What a load saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Requests that it sent, all of them answered.
    pub requests: u64,
    /// Those that were answered with a 5xx, or not at all.
    pub errors: u64,
}

/// Sends requests; what number they have goes on from one load to the next.
#[derive(Debug)]
pub(super) struct LoadGenerator {
    pub(super) client: reqwest::Client,
    pub(super) gateway: SocketAddr,
    pub(super) ledger: Ledger,
    pub(super) seed: u64,
    pub(super) faults: bool,
    pub(super) rate_per_second: f64,
    pub(super) waves: bool,
    pub(super) next_request: AtomicU64,
}

impl LoadGenerator {
    /// Sends requests at the rate until the amount is reached or `stop` is done, and waits for their answers.
    pub(super) async fn run(self: &Arc<Self>, amount: Amount, stop: impl Future<Output = ()>) -> Load {
        let under_way = TaskTracker::new();
        let permits = Arc::new(Semaphore::new(UNDER_WAY_LIMIT));
        let errors = Arc::new(AtomicU64::new(0));
        let (start, mut requests) = (Instant::now(), 0);
        let mut due = start;
        tokio::pin!(stop);
        while !amount.is_reached(requests, start.elapsed()) {
            let turn = async {
                tokio::time::sleep_until(due).await;
                Arc::clone(&permits).acquire_owned().await
            };
            let permit = tokio::select! {
                biased;
                () = &mut stop => break,
                permit = turn => permit,
            };
            requests += 1;
            let (generator, errors) = (Arc::clone(self), Arc::clone(&errors));
            let number = self.next_request.fetch_add(1, Ordering::Relaxed);
            under_way.spawn(async move {
                if generator.send(number).await {
                    errors.fetch_add(1, Ordering::Relaxed);
                }
                drop(permit);
            });
            due += Duration::from_secs_f64(1.0 / self.rate_at(start.elapsed()));
        }
        under_way.close();
        under_way.wait().await;
        Load { requests, errors: errors.load(Ordering::Relaxed) }
    }

    /// Sends one request; true if it failed.
    async fn send(&self, number: u64) -> bool {
        let (journey, plan) = Plan::draw(self.seed, number, self.faults);
        let (method, path) = journey.request(&plan);
        let answer = self
            .client
            .request(method, format!("http://{}{path}", self.gateway))
            .header(PLAN_HEADER, serde_json::to_string(&plan).unwrap_or_default())
            .send()
            .await;
        let (status, _, counts) = services::outcome(answer);
        self.ledger.record(Edge::http(CLIENT, GATEWAY), counts);
        status.is_server_error()
    }

    fn rate_at(&self, elapsed: Duration) -> f64 {
        let wave =
            if self.waves { WAVE_HEIGHT * (TAU * elapsed.as_secs_f64() / WAVE_SECONDS).sin() } else { 0.0 };
        self.rate_per_second.max(0.01) * (1.0 + wave)
    }
}

impl Amount {
    fn is_reached(self, requests: u64, elapsed: Duration) -> bool {
        match self {
            Self::Requests(limit) => requests >= limit,
            Self::For(limit) => elapsed >= limit,
            Self::Endless => false,
        }
    }
}

impl Journey {
    /// What the journey asks the gateway for.
    fn request(self, plan: &Plan) -> (Method, String) {
        match self {
            Self::Home => (Method::GET, "/".to_owned()),
            Self::Product => (Method::GET, format!("/products/{}", plan.seed % 200)),
            Self::Account => (Method::GET, format!("/account/{}", plan.seed % 1000)),
            Self::Checkout => (Method::POST, "/orders".to_owned()),
            Self::OrderStatus => (Method::GET, format!("/orders/{}", plan.seed % 100_000)),
        }
    }
}

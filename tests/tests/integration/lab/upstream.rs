//! A service that does what each request orders, and remembers what it saw.

use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, Request, Response, StatusCode};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// The header with the number of the order.
pub(super) const ORDER_HEADER: &str = "x-order";
/// The header with what each attempt is to meet, such as `503,200`.
pub(super) const DEEDS_HEADER: &str = "x-deeds";
/// The path of health checks.
pub(super) const HEALTH_PATH: &str = "/health";

/// What the service does with one attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    /// It answers at once.
    Answer(u16),
    /// It answers 200 after so many milliseconds.
    Late(u64),
    /// It answers 200 once it is told to.
    Hold,
    /// It never answers.
    Hang,
    /// It breaks off: the stream where there are streams, else the connection.
    Reset,
}

impl std::fmt::Display for Deed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Answer(status) => write!(formatter, "{status}"),
            Self::Late(ms) => write!(formatter, "late{ms}"),
            Self::Hold => formatter.write_str("hold"),
            Self::Hang => formatter.write_str("hang"),
            Self::Reset => formatter.write_str("reset"),
        }
    }
}

impl FromStr for Deed {
    type Err = std::num::ParseIntError;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Ok(match word {
            "hold" => Self::Hold,
            "hang" => Self::Hang,
            "reset" => Self::Reset,
            _ => match word.strip_prefix("late") {
                Some(ms) => Self::Late(ms.parse()?),
                None => Self::Answer(word.parse()?),
            },
        })
    }
}

/// What is wrong with a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ailment {
    None,
    /// It fails its health checks.
    FailsChecks,
    /// It answers 500, whatever is ordered.
    FailsRequests,
}

/// One attempt that came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub(super) order: u64,
    /// Its number among the attempts of its order, from 1.
    pub(super) attempt: usize,
    pub(super) deed: Deed,
}

/// A running service; clones are one.
#[derive(Clone, Debug)]
pub(super) struct Upstream {
    pub(super) address: SocketAddr,
    ailment: Ailment,
    seen: Arc<Mutex<Vec<Seen>>>,
    connections: Arc<AtomicU64>,
    health_checks: Arc<AtomicU64>,
    permits: Arc<Semaphore>,
}

/// What makes the server break off.
#[derive(Debug, thiserror::Error)]
#[error("as ordered")]
struct BrokenOff;

impl Upstream {
    /// Starts a service.
    pub(super) async fn start(ailment: Ailment) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let upstream = Self {
            address: listener.local_addr().unwrap(),
            ailment,
            seen: Arc::default(),
            connections: Arc::default(),
            health_checks: Arc::default(),
            permits: Arc::new(Semaphore::new(0)),
        };
        tokio::spawn(upstream.clone().serve(listener));
        upstream
    }

    /// What came, in the order in which it came.
    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many connections came.
    pub(super) fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }

    /// How many health checks came.
    pub(super) fn health_checks(&self) -> u64 {
        self.health_checks.load(Ordering::Relaxed)
    }

    /// Whether it passes its health checks.
    pub(super) fn passes_checks(&self) -> bool {
        self.ailment != Ailment::FailsChecks
    }

    /// Lets one request that is held have its answer.
    pub(super) fn release(&self) {
        self.permits.add_permits(1);
    }

    async fn serve(self, listener: TcpListener) {
        while let Ok((stream, _)) = listener.accept().await {
            self.connections.fetch_add(1, Ordering::Relaxed);
            // Whoever is broken off with gets a reset.
            stream.set_zero_linger().unwrap();
            let upstream = self.clone();
            tokio::spawn(async move {
                let service = service_fn(|request| upstream.clone().answer(request));
                let server = auto::Builder::new(TokioExecutor::new());
                // It ends with an error wherever that was ordered.
                let _ = server.serve_connection(TokioIo::new(stream), service).await;
            });
        }
    }

    async fn answer<B>(self, request: Request<B>) -> Result<Response<Body>, BrokenOff> {
        if request.uri().path() == HEALTH_PATH {
            self.health_checks.fetch_add(1, Ordering::Relaxed);
            return Ok(response(if self.passes_checks() { 200 } else { 503 }));
        }
        let mut seen = read(request.headers());
        if self.ailment == Ailment::FailsRequests {
            seen.deed = Deed::Answer(500);
        }
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).push(seen);
        match seen.deed {
            Deed::Answer(status) => return Ok(response(status)),
            Deed::Late(ms) => tokio::time::sleep(Duration::from_millis(ms)).await,
            Deed::Hold => self.permits.acquire().await.unwrap().forget(),
            Deed::Hang => std::future::pending().await,
            Deed::Reset => return Err(BrokenOff),
        }
        Ok(response(200))
    }
}

/// What is ordered of this attempt; the last deed goes on for ever.
fn read(headers: &HeaderMap) -> Seen {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let attempt = text("x-envoy-attempt-count").parse().unwrap();
    let deeds: Vec<Deed> = text(DEEDS_HEADER).split(',').map(|word| word.parse().unwrap()).collect();
    Seen { order: text(ORDER_HEADER).parse().unwrap(), attempt, deed: deeds[deeds.len().min(attempt) - 1] }
}

fn response(status: u16) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}

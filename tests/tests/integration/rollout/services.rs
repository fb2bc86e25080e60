//! The services that are rolled out, and what the load knows of its requests.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use futures::stream::{self, StreamExt as _};
use sidecarta_tests::harness::client;
use tokio::net::TcpListener;

/// What the services are called, and whether the split is what is configured.
pub(super) const SERVICES: [&str; 5] = ["shop", "same", "flaky", "skew", "idle"];
pub(super) const VERSIONS: [&str; 2] = ["v1", "v2"];
/// Requests under way at once.
const AT_ONCE: usize = 32;
/// A load takes so long at least: no verdict is by less than a step of ten seconds.
const LOAD_TIME: Duration = Duration::from_secs(21);

/// Two versions of each service.
pub(super) struct Rollout {
    pub(super) addresses: BTreeMap<(&'static str, &'static str), SocketAddr>,
    /// Requests that came, tries not counted.
    requests: BTreeMap<(&'static str, &'static str), Arc<AtomicU64>>,
}

impl Rollout {
    pub(super) async fn start() -> Self {
        let mut rollout = Self { addresses: BTreeMap::new(), requests: BTreeMap::new() };
        for service in SERVICES {
            for version in VERSIONS {
                let count = Arc::new(AtomicU64::new(0));
                let address = serve(service, version, Arc::clone(&count)).await;
                rollout.addresses.insert((service, version), address);
                rollout.requests.insert((service, version), count);
            }
        }
        rollout
    }

    /// Requests that came to a version.
    pub(super) fn requests(&self, service: &str, version: &str) -> u64 {
        let mut counts = self.requests.iter().filter(|(key, _)| **key == (service, version));
        counts.next().map_or(0, |(_, count)| count.load(Ordering::Relaxed))
    }

    /// Sends so many requests to each service but the last, evenly over the time.
    pub(super) async fn load(&self, url: &str, requests: u64) {
        let client = client();
        let services = &SERVICES[..SERVICES.len() - 1];
        let numbers = (0..requests).flat_map(|number| services.iter().map(move |service| (number, *service)));
        let start = tokio::time::Instant::now();
        let send = async |(number, service): (u64, &str)| {
            tokio::time::sleep_until(start + LOAD_TIME.mul_f64(number as f64 / requests as f64)).await;
            let request = if number % 2 == 0 {
                client.post(format!("{url}/checkout"))
            } else {
                client.get(format!("{url}/items/{number}"))
            };
            let answer = request.header("host", service).send().await.expect("Envoy answers");
            answer.bytes().await.expect("the answer is whole");
        };
        stream::iter(numbers).map(send).buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
    }
}

async fn serve(service: &'static str, version: &'static str, count: Arc<AtomicU64>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let checkouts = Arc::new(AtomicU64::new(0));
    let answer = async move |method: Method, _: Uri, headers: HeaderMap| {
        let attempt = headers.get("x-envoy-attempt-count").and_then(|count| count.to_str().ok());
        let is_first = attempt.is_none_or(|attempt| attempt == "1");
        if is_first {
            count.fetch_add(1, Ordering::Relaxed);
        }
        // One in five is another kind of request to the newer version.
        let is_fifth = method == Method::POST && checkouts.fetch_add(1, Ordering::Relaxed).is_multiple_of(5);
        let (is_bad, delay_ms) = match (service, version) {
            ("shop", "v2") => (is_fifth, if is_fifth { 20 } else { 2 }),
            ("flaky", "v2") => (is_fifth && is_first, 2),
            _ => (false, 2),
        };
        tokio::time::sleep(Duration::from_millis(delay_ms)).await;
        if is_bad { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK }
    };
    tokio::spawn(axum::serve(listener, Router::new().fallback(answer)).into_future());
    address
}

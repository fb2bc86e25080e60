//! The scraper against real Envoys, and against servers that are anything but; what real Envoys push, and the access logs
//! that they write.

#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]

mod access_log;
mod counts;
mod exposition;
mod hostile;
mod proxy;
mod push;
mod pushed;
mod spawned;
mod upstream;

use std::time::Duration;

use sidecarta_ingest::envoy::EnvoyConfig;
use sidecarta_ingest::envoy::address::Address;
use sidecarta_ingest::envoy::target::{ProxyIds, Target};

/// A target with the default limits.
fn target(address: &Address) -> Target {
    Target::new(address.clone(), EnvoyConfig::default().limits(), ProxyIds::default())
}

/// Waits until `check` gives something, for as long as a test may take.
async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut check: impl FnMut() -> F) -> T {
    for _ in 0..600 {
        if let Some(found) = check().await {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it never came to this: {what}");
}

//! What the integration tests stand on: the real server, clients that speak to it, and waiting without guessing.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "the harness fails as a test does, by panicking"
)]

mod http;
mod otlp;
mod server;
mod spans;

use std::time::Duration;

use tokio::time::Instant;

pub use http::{Answer, client};
pub use otlp::{Encoding, GrpcSender, JSON, PROTOBUF, post_traces, with_encoding};
pub use server::{Addresses, Server, ServerOptions, program};
pub use spans::{SpanDraft, now_ns, request_of, resource, shop_call};

/// How long [`eventually`] waits, for a busy machine.
const WAITING_LIMIT: Duration = Duration::from_mins(1);

/// Asks again and again until there is an answer, and returns it.
///
/// # Panics
/// If there is none within a minute; `what` says what was waited for.
pub async fn eventually<T, F, Fut>(what: &str, mut ask: F) -> T
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Option<T>>,
{
    let ask = || {
        let answer = ask();
        async { answer.await.ok_or_else(String::new) }
    };
    eventually_ok(what, ask).await
}

/// Like [`eventually`], for what can say why it is not there yet: the last reason ends up in the panic.
///
/// # Panics
/// If there is no answer within a minute.
pub async fn eventually_ok<T, F, Fut>(what: &str, mut ask: F) -> T
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, String>>,
{
    let deadline = Instant::now() + WAITING_LIMIT;
    loop {
        match ask().await {
            Ok(answer) => return answer,
            Err(reason) if Instant::now() >= deadline => {
                panic!("waited {WAITING_LIMIT:?} in vain: {what}\n{reason}");
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(25)).await,
        }
    }
}

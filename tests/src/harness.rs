//! What the integration tests stand on.

use std::time::Duration;

use tokio::time::Instant;

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
    let deadline = Instant::now() + WAITING_LIMIT;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited {WAITING_LIMIT:?} in vain: {what}");
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}

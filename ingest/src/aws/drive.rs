//! Runs what reads one source, round by round.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::fault::Fault;
use super::source::AwsSource;

/// Reads one source piece by piece.
pub trait Reader: Send + 'static {
    /// Its line on the Sources page.
    fn source(&self) -> &AwsSource;

    /// Reads what is new, or a piece of the past that a user wants, and stores it; gives how long to wait until the next
    /// round. It may be dropped at any await: what is not stored then is read again.
    fn round(&mut self) -> impl Future<Output = Result<Duration, Fault>> + Send;
}

/// Runs rounds until the shutdown. After a fault the next one comes later and later; a range of the past that is asked for
/// is not waited with.
pub async fn drive(mut reader: impl Reader, shutdown: CancellationToken) {
    let mut failures = 0_u32;
    loop {
        let Some(result) = shutdown.run_until_cancelled(reader.round()).await else { return };
        let source = reader.source();
        let pause = match result {
            Ok(pause) => {
                failures = 0;
                pause
            }
            Err(fault) => {
                failures += 1;
                let words = fault.to_string();
                if failures == 1 && !fault.is_wait() {
                    tracing::warn!(source = source.key(), error = words, "a source in AWS cannot be read");
                }
                if fault.is_wait() {
                    source.handle().throttled();
                    source.handle().update(|status| status.last_error = Some(words));
                } else {
                    source.handle().failed(words);
                }
                fault.pause(failures)
            }
        };
        // After a fault a wish for the past cannot be met sooner either.
        let wait = async {
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = source.backfill_asked(), if failures == 0 => {}
            }
        };
        if shutdown.run_until_cancelled(wait).await.is_none() {
            return;
        }
    }
}

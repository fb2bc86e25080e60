//! How the demo is told to stop.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::Failure;

/// Ctrl-C and the signals to terminate, heard from the beginning so that none is lost.
pub(crate) struct Signals {
    /// The first one: stop the traffic and end in good order.
    pub(crate) stop: CancellationToken,
    /// The second one: do not even wait for the last spans.
    pub(crate) hurry: CancellationToken,
}

impl Signals {
    /// Starts listening.
    pub(crate) fn listen() -> io::Result<Self> {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut hang_up = signal(SignalKind::hangup())?;
        let (stop, hurry) = (CancellationToken::new(), CancellationToken::new());
        let in_turn = [stop.clone(), hurry.clone()];
        tokio::spawn(async move {
            for token in in_turn {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                    _ = hang_up.recv() => {}
                }
                token.cancel();
            }
        });
        Ok(Self { stop, hurry })
    }
}

/// The work's result, unless it is cancelled first.
pub(crate) async fn unless<T, E: Into<Failure>>(
    cancelled: &CancellationToken,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, Failure> {
    let result = cancelled.run_until_cancelled(work).await;
    result.map_or_else(|| Err("stopped by a signal".into()), |done| done.map_err(Into::into))
}

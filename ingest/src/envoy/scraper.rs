//! Scrapes one proxy again and again, and hands what happened to the pipeline.

use std::time::Duration;

use rand::Rng;
use sidecarta_queries::rows::envoy::EnvoyScrape;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::error::in_one_line;
use super::frame;
use super::target::Target;
use crate::pipeline::{Pipeline, Rows, Submission, SubmitError};
use crate::status::SourceHandle;

/// The longest wait between tries of a proxy that does not answer.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// How far the first scrapes of all proxies are spread. The second ones are spread over the whole interval.
const FIRST_SPREAD: Duration = Duration::from_secs(1);

/// What came of a round, as far as the next one depends on it.
enum Round {
    Worked,
    Failed,
    Refused { retry_after: Duration },
}

/// Scrapes a target every `interval`, give or take a tenth, until the shutdown.
pub(super) async fn run(
    mut target: Target,
    interval: Duration,
    pipeline: Pipeline,
    source: SourceHandle,
    shutdown: CancellationToken,
) {
    let mut failures = 0;
    let mut is_first = true;
    let mut wait = interval.min(FIRST_SPREAD).mul_f64(rand::rng().random());
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = sleep(wait) => {}
        }
        let started_at = Instant::now();
        let round = tokio::select! {
            () = shutdown.cancelled() => return,
            round = round(&mut target, &pipeline, &source, failures) => round,
        };
        let pause = match round {
            Round::Worked => {
                failures = 0;
                if std::mem::take(&mut is_first) { interval.mul_f64(rand::rng().random()) } else { interval }
            }
            Round::Failed => {
                failures += 1;
                pause_after(failures, interval)
            }
            Round::Refused { retry_after } => retry_after.clamp(interval.min(LONGEST_WAIT), LONGEST_WAIT),
        };
        wait = pause.mul_f64(rand::rng().random_range(0.9..1.1)).saturating_sub(started_at.elapsed());
    }
}

async fn round(target: &mut Target, pipeline: &Pipeline, source: &SourceHandle, failures: u32) -> Round {
    let mut scraped = match target.scrape(|id| pipeline.envoy_baseline(id)).await {
        Ok(scraped) => scraped,
        Err(error) => {
            let reason = in_one_line(&error);
            if failures == 0 {
                tracing::warn!(envoy.address = %target.address(), error = reason, "a proxy cannot be scraped");
            }
            source.failed(reason);
            return Round::Failed;
        }
    };
    if failures > 0 {
        tracing::info!(envoy.address = %target.address(), "the proxy can be scraped again");
    }
    source.update(|status| status.detail = Some(scraped.detail.clone()));
    let series = scraped.series;
    if !scraped.is_news {
        target.skipped(scraped);
        source.succeeded(series, 0);
        return Round::Worked;
    }
    match submit(pipeline, std::mem::take(&mut scraped.scrape)).await {
        Ok(()) => {
            target.stored(scraped);
            source.succeeded(series, 0);
            Round::Worked
        }
        Err(SubmitError::Full { retry_after }) => {
            source.throttled();
            Round::Refused { retry_after }
        }
        Err(error @ SubmitError::Broken { .. }) => {
            // Nobody knows whether it was stored, so the store is asked again before more is counted.
            target.forget();
            source.failed(in_one_line(&error));
            Round::Failed
        }
    }
}

/// Stores what was learned of a proxy; on `Ok` it is durable.
pub(super) async fn submit(pipeline: &Pipeline, scrape: EnvoyScrape) -> Result<(), SubmitError> {
    let frame =
        frame::encode(&scrape).map_err(|error| SubmitError::Broken { reason: in_one_line(&error) })?;
    pipeline.submit(Submission { frame, rows: Rows::Envoy(Box::new(scrape)) }).await
}

fn pause_after(failures: u32, interval: Duration) -> Duration {
    let longest = LONGEST_WAIT.max(interval);
    interval.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(longest)
}

#[cfg(test)]
mod tests {
    use super::{Duration, pause_after};

    #[test]
    fn a_dead_proxy_is_asked_less_and_less_but_never_given_up() {
        let pauses: Vec<u64> =
            [1, 2, 3, 4, 100].map(|n| pause_after(n, Duration::from_secs(5)).as_secs()).into();
        assert_eq!(pauses, [5, 10, 20, 30, 30]);
        assert_eq!(pause_after(1, Duration::from_mins(1)), Duration::from_mins(1));
    }
}

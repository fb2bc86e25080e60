//! Scrapes every target again and again, and hands what has happened to the pipeline.

use std::time::Duration;

use futures::FutureExt;
use rand::Rng;
use sidecarta_queries::rows::SourceCursor;
use sidecarta_queries::rows::mesh::MeshScrape;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::delta::{Baseline, Told, deltas};
use super::frame;
use super::target::{ScrapeError, Target};
use super::{PrometheusConfig, PrometheusConfigError};
use crate::discovery::{self, DiscoveredTarget, TargetRules, Targets};
use crate::envoy::error::in_one_line;
use crate::packed::FrameError;
use crate::pipeline::{Pipeline, Rows, Submission, SubmitError};
use crate::status::{SourceBook, SourceHandle};

/// The longest wait between tries of a target that does not answer.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// How far the first scrapes of all targets are spread.
const FIRST_SPREAD: Duration = Duration::from_secs(1);

/// Starts one task for every target, those that discoveries find and lose again among them. They end with the shutdown;
/// the tracker tells when they have.
///
/// Every target has a line in `sources` as long as it is there, of kind `prometheus`, under its address and what it is asked
/// for.
///
/// # Errors
/// With every bad value of the configuration.
pub fn spawn(
    config: &PrometheusConfig,
    pipeline: &Pipeline,
    sources: &SourceBook,
    shutdown: &CancellationToken,
) -> Result<TaskTracker, PrometheusConfigError> {
    let problems = config.problems();
    if !problems.is_empty() {
        return Err(PrometheusConfigError { problems });
    }
    let tasks = TaskTracker::new();
    let mut lists = vec![discovery::fixed(config.named())];
    let found = discovery::spawn(&config.discovery, sources, &tasks, shutdown);
    lists.extend(found.map_err(|problems| PrometheusConfigError { problems })?);
    let interval = Duration::from_millis(config.interval_ms);
    let (limits, pipeline, book) = (config.limits(), pipeline.clone(), sources.clone());
    let start = move |target: DiscoveredTarget, gone: CancellationToken| {
        let name = format!("{}{}", target.address, target.path_and_query());
        let source = book.source("prometheus", &name);
        let target = Target::new(target, limits.clone());
        let pipeline = pipeline.clone();
        async move {
            match target {
                Ok(target) => {
                    let counting = Counting::of(target, pipeline, &name);
                    gone.run_until_cancelled(run(counting, interval, source.clone())).await;
                }
                Err(unusable) => {
                    source.failed(unusable.to_string());
                    gone.cancelled().await;
                }
            }
            source.retire();
        }
        .boxed()
    };
    let rules = TargetRules {
        name: "prometheus targets",
        max_targets: config.discovery.max_targets,
        key: DiscoveredTarget::key,
    };
    Targets::spawn(rules, lists, sources, &tasks, shutdown, start);
    tasks.close();
    Ok(tasks)
}

/// Scrapes a target every `interval`, give or take a tenth.
async fn run(mut counting: Counting, interval: Duration, source: SourceHandle) {
    let mut failures = 0_u32;
    let mut wait = interval.min(FIRST_SPREAD).mul_f64(rand::rng().random());
    loop {
        sleep(wait).await;
        let started_at = Instant::now();
        let pause = match counting.round(&source).await {
            Ok(()) => {
                failures = 0;
                interval
            }
            Err(RoundError::Submit(SubmitError::Full { retry_after })) => {
                source.throttled();
                retry_after.clamp(interval.min(LONGEST_WAIT), LONGEST_WAIT)
            }
            Err(error) => {
                let reason = in_one_line(&error);
                if failures == 0 {
                    let address = &counting.target.target().address;
                    tracing::warn!(prometheus.address = %address, error = reason, "a target cannot be scraped");
                }
                source.failed(reason);
                failures += 1;
                let longest = LONGEST_WAIT.max(interval);
                interval.saturating_mul(1 << (failures - 1).min(16)).min(longest)
            }
        };
        wait = pause.mul_f64(rand::rng().random_range(0.9..1.1)).saturating_sub(started_at.elapsed());
    }
}

/// A target with where counting stands.
struct Counting {
    target: Target,
    pipeline: Pipeline,
    /// Under which its baseline is stored.
    name: String,
    watched_since_s: f64,
    /// The newest stored baseline.
    stored: Option<Baseline>,
    /// Whether it has been looked up.
    is_looked_up: bool,
}

/// Why a round added nothing.
#[derive(Debug, thiserror::Error)]
enum RoundError {
    #[error(transparent)]
    Scrape(#[from] ScrapeError),
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error(transparent)]
    Submit(#[from] SubmitError),
}

impl Counting {
    fn of(target: Target, pipeline: Pipeline, name: &str) -> Self {
        let watched_since_s = jiff::Timestamp::now().as_second() as f64;
        Self {
            target,
            pipeline,
            name: format!("prometheus:{name}"),
            watched_since_s,
            stored: None,
            is_looked_up: false,
        }
    }

    /// Scrapes once, and stores what has happened since the last stored scrape.
    async fn round(&mut self, source: &SourceHandle) -> Result<(), RoundError> {
        let scraped = self.target.scrape().await?;
        let mut detail = scraped.detail.clone();
        if !self.is_looked_up {
            let position = self.pipeline.cursor(&self.name);
            self.stored = position.as_deref().and_then(|bytes| postcard::from_bytes(bytes).ok());
            self.is_looked_up = true;
            if position.is_some() && self.stored.is_none() {
                detail += "; its stored counts cannot be read, so counting starts anew";
            }
        }
        let before = self.stored.as_ref();
        let told = Told {
            process: scraped.process,
            counters: &scraped.counters,
            is_cut: scraped.rejects.over_limit > 0 || scraped.rejects.is_cut,
            at_s: scraped.scraped_at_ns as f64 / 1e9,
        };
        let deltas = deltas(before, told, self.watched_since_s);
        let baseline = Baseline::after(before, told);
        if !deltas.is_empty() || before.is_none() {
            // A baseline is made of strings and numbers, and such always serialize.
            let position = postcard::to_stdvec(&baseline).unwrap_or_default();
            let cursor = SourceCursor { source: self.name.clone(), position };
            let scrape = MeshScrape { scraped_at_ns: scraped.scraped_at_ns, deltas, cursor };
            let frame = frame::encode(&scrape)?;
            let submitted =
                self.pipeline.submit(Submission { frame, rows: Rows::Mesh(Box::new(scrape)) }).await;
            if let Err(SubmitError::Broken { .. }) = submitted {
                // Nobody knows whether it was stored, so the store is asked again before more is counted.
                self.is_looked_up = false;
            }
            submitted?;
        }
        self.stored = Some(baseline);
        source.update(|status| status.detail = Some(detail));
        source.succeeded(scraped.series, scraped.rejects.total());
        Ok(())
    }
}

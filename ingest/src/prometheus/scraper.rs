//! Scrapes every target again and again, and hands what came to whoever stores it.

use std::time::Duration;

use futures::FutureExt;
use rand::Rng;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::PrometheusConfig;
use super::target::{Scraped, Target};
use crate::discovery::{self, DiscoveredTarget, TargetRules, Targets};
use crate::envoy::error::in_one_line;
use crate::status::{SourceBook, SourceHandle};

/// The longest wait between tries of a target that does not answer.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// How far the first scrapes of all targets are spread.
const FIRST_SPREAD: Duration = Duration::from_secs(1);

/// Starts one task for every target, those that discoveries find and lose again among them. They end with the shutdown;
/// the tracker tells when they have.
///
/// Every target has a line in `sources` as long as it is there, of kind `prometheus`, under its address and what it is asked
/// for. What was scraped goes into `output`; while that is full, targets wait with it, and no more is scraped.
///
/// # Errors
/// With every bad value of the configuration.
pub fn spawn(
    config: &PrometheusConfig,
    output: &mpsc::Sender<Scraped>,
    sources: &SourceBook,
    shutdown: &CancellationToken,
) -> Result<TaskTracker, Vec<String>> {
    let problems = config.problems();
    if !problems.is_empty() {
        return Err(problems);
    }
    let tasks = TaskTracker::new();
    let mut lists = vec![discovery::fixed(config.named())];
    lists.extend(discovery::spawn(&config.discovery, sources, &tasks, shutdown)?);
    let interval = Duration::from_millis(config.interval_ms);
    let (limits, output, book) = (config.limits(), output.clone(), sources.clone());
    let start = move |target: DiscoveredTarget, gone: CancellationToken| {
        let source = book.source("prometheus", &format!("{}{}", target.address, target.path_and_query()));
        let (target, output) = (Target::new(target, limits.clone()), output.clone());
        async move {
            match target {
                Ok(target) => {
                    gone.run_until_cancelled(run(target, interval, output, &source)).await;
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

/// Scrapes a target every `interval`, give or take a tenth, until nobody takes what comes.
async fn run(target: Target, interval: Duration, output: mpsc::Sender<Scraped>, source: &SourceHandle) {
    let mut failures = 0_u32;
    let mut wait = interval.min(FIRST_SPREAD).mul_f64(rand::rng().random());
    loop {
        sleep(wait).await;
        let started_at = Instant::now();
        let pause = match target.scrape().await {
            Ok(scraped) => {
                failures = 0;
                let detail = scraped.detail.clone();
                let (series, rejected) = (scraped.series, scraped.rejects.total());
                if output.send(scraped).await.is_err() {
                    return;
                }
                source.update(|status| status.detail = Some(detail));
                source.succeeded(series, rejected);
                interval
            }
            Err(error) => {
                let reason = in_one_line(&error);
                if failures == 0 {
                    let address = &target.target().address;
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

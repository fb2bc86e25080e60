//! Starts what reads each region.

use std::time::Duration;

use jiff::Timestamp;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use sidecarta_queries::rows::SourceCursor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::backfill::Backfills;
use super::config::{AwsConfig, AwsConfigError, problems};
use super::drive::{Reader as _, drive};
use super::region::{AwsRegion, budget_key};
use super::source::AwsSource;
use crate::cloudwatch::LogGroupReader;
use crate::otlp::Pulled;
use crate::pipeline::Pipeline;
use crate::status::SourceBook;
use crate::xray::pull;

/// How often what was asked today is stored.
const BUDGET_KEPT_EVERY: Duration = Duration::from_secs(20);

/// How long after a failure it is asked again whose account it is.
const ACCOUNT_RETRY: Duration = Duration::from_mins(1);

/// What was started.
#[derive(Debug)]
pub struct Spawned {
    /// Tells when everything has ended, after the shutdown.
    pub tasks: TaskTracker,
    /// Through which users want the past read.
    pub backfills: Backfills,
}

/// Starts what reads each region. It ends with the shutdown. Every source has its line from here on; nothing is asked of
/// AWS yet, but where no region is configured, the machine may be asked for it.
///
/// # Errors
/// With every bad value of the configuration.
pub async fn spawn(
    configs: &[AwsConfig],
    pipeline: &Pipeline,
    book: &SourceBook,
    shutdown: &CancellationToken,
) -> Result<Spawned, AwsConfigError> {
    let problems = problems(configs);
    if !problems.is_empty() {
        return Err(AwsConfigError { problems });
    }
    let spawned = Spawned { tasks: TaskTracker::new(), backfills: Backfills::default() };
    for config in configs {
        let region = Box::pin(AwsRegion::new(config, pipeline, book, &spawned.backfills)).await;
        let sources = start(&region, config, &spawned.tasks, shutdown);
        spawned.tasks.spawn(keep_budget(region.clone(), shutdown.clone()));
        let shutdown = shutdown.clone();
        spawned.tasks.spawn(async move {
            Box::pin(shutdown.run_until_cancelled(tell_account(region, sources))).await;
        });
    }
    spawned.tasks.close();
    Ok(spawned)
}

/// Starts everything that reads a region, and gives the lines of it.
fn start(
    region: &AwsRegion,
    config: &AwsConfig,
    tasks: &TaskTracker,
    shutdown: &CancellationToken,
) -> Vec<AwsSource> {
    let mut sources = Vec::new();
    if let Some(reader) = pull::reader(region, &config.xray) {
        sources.push(reader.source().clone());
        tasks.spawn(drive(reader, shutdown.clone()));
    }
    // Their formats were checked with the rest of the configuration.
    for reader in config.log_group.iter().filter_map(|group| LogGroupReader::new(region, group).ok()) {
        sources.push(reader.source().clone());
        tasks.spawn(drive(reader, shutdown.clone()));
    }
    sources
}

/// Finds out whose account it is, and says so.
async fn tell_account(region: AwsRegion, sources: Vec<AwsSource>) {
    let Some(first) = sources.first() else { return };
    let client = aws_sdk_sts::Client::new(region.sdk());
    loop {
        match first.call("sts:GetCallerIdentity", client.get_caller_identity().send()).await {
            Ok(identity) => {
                let account = identity.account().unwrap_or_default();
                for source in &sources {
                    source.set_account(account);
                }
                return;
            }
            // The calls for the data fail as well, and tell why.
            Err(_) => tokio::time::sleep(ACCOUNT_RETRY).await,
        }
    }
}

/// Stores from time to time what was asked today.
async fn keep_budget(region: AwsRegion, shutdown: CancellationToken) {
    loop {
        let is_last = shutdown.run_until_cancelled(tokio::time::sleep(BUDGET_KEPT_EVERY)).await.is_none();
        if let Some(day) = region.budget.take_changed() {
            // It is made of texts and numbers, and such always serialize.
            let position = postcard::to_stdvec(&day).unwrap_or_default();
            let cursor = SourceCursor { source: budget_key(region.name()), position };
            let stored = Pulled::xray_traces(&ExportTraceServiceRequest::default(), Some(cursor))
                .submit(region.pipeline())
                .await;
            if let Err(error) = stored {
                tracing::warn!(%error, at = %Timestamp::now(), "what was asked of AWS today is not stored");
            }
        }
        if is_last {
            return;
        }
    }
}

//! The scraper as the server starts it, with a store behind it.

use sidecarta_ingest::discovery::{DiscoveryConfig, FileConfig};
use sidecarta_ingest::envoy::delta::Baseline;
use sidecarta_ingest::envoy::target::ProxyIds;
use sidecarta_ingest::envoy::{self, EnvoyConfig};
use sidecarta_ingest::pipeline::{Pipeline, PipelineOptions, PipelineThreads};
use sidecarta_ingest::status::SourceBook;
use sidecarta_queries::api::sources::{SourceState, SourceStatus};
use sidecarta_queries::dictionary::StatId;
use sidecarta_queries::rows::envoy::StatObject;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::proxy::Envoy;
use crate::{eventually, upstream};

/// A Sidecarta as far as scraping goes.
struct Sidecarta {
    pipeline: Pipeline,
    threads: PipelineThreads,
    sources: SourceBook,
    shutdown: CancellationToken,
    tasks: TaskTracker,
}

impl Sidecarta {
    fn start(data: &TempDir, targets: Vec<String>) -> Self {
        Self::start_with(data, &EnvoyConfig { targets, interval_ms: 50, ..EnvoyConfig::default() })
    }

    fn start_with(data: &TempDir, config: &EnvoyConfig) -> Self {
        let (pipeline, threads) = Pipeline::start(&PipelineOptions::in_dir(data.path())).expect("a pipeline");
        let sources = SourceBook::default();
        let shutdown = CancellationToken::new();
        let tasks = envoy::spawn(config, &pipeline, &sources, &ProxyIds::default(), &shutdown)
            .expect("good addresses");
        Self { pipeline, threads, sources, shutdown, tasks }
    }

    async fn stop(self) {
        self.shutdown.cancel();
        self.tasks.wait().await;
        drop(self.pipeline);
        tokio::task::spawn_blocking(|| self.threads.join()).await.expect("the pipeline ends");
    }

    fn source(&self, name: &str) -> SourceStatus {
        self.sources.list().into_iter().find(|source| source.name == name).expect("a line from the start")
    }

    /// Requests to the live cluster that the stored baseline has.
    fn counted(&self) -> Option<u64> {
        let baseline = self.pipeline.envoy_baseline("gateway-1")?;
        let baseline: Baseline = Baseline::unpack(&baseline).expect("a baseline");
        let live = baseline.totals.of(&StatObject::Cluster("live.shop_80".to_owned()))?;
        Some(live.counts.get(StatId::REQUESTS))
    }
}

#[tokio::test]
async fn scrapes_go_into_the_store_and_dead_proxies_are_named() {
    let envoy = Envoy::start(upstream::start().await, upstream::nobody().await).await;
    let data = TempDir::new().expect("a folder");
    let live = envoy.admin.to_string();
    let dead = format!("http://{}", upstream::nobody().await);
    let sidecarta = Sidecarta::start(&data, vec![live.clone(), dead.clone()]);
    assert_eq!(sidecarta.sources.list().len(), 2);
    upstream::send(envoy.listener, "/status/200", 3).await;
    eventually("the requests are stored", async || (sidecarta.counted() == Some(3)).then_some(())).await;
    let source = sidecarta.source(&live);
    assert_eq!(source.state, SourceState::Ok);
    assert_eq!(source.detail.as_deref(), Some("gateway-1, Envoy 1.40.0"));
    let failed = async || Some(sidecarta.source(&dead)).filter(|source| source.state == SourceState::Failing);
    let reason = eventually("the dead proxy is known to be dead", failed).await.last_error.expect("a reason");
    assert!(reason.starts_with("cannot connect: "), "{reason}");
    sidecarta.stop().await;

    let sidecarta = Sidecarta::start(&data, vec![live]);
    assert_eq!(sidecarta.counted(), Some(3), "the baseline is in the store");
    upstream::send(envoy.listener, "/status/200", 2).await;
    eventually("counting goes on", async || (sidecarta.counted() == Some(5)).then_some(())).await;
    sidecarta.stop().await;
}

#[tokio::test]
async fn proxies_come_and_go_with_their_file() {
    let envoy = Envoy::start(upstream::start().await, upstream::nobody().await).await;
    let (data, folder) = (TempDir::new().expect("a folder"), TempDir::new().expect("a folder"));
    let live = envoy.admin.to_string();
    let write = |targets: &[&str]| {
        let text = serde_json::json!([{"targets": targets, "labels": {"service": "gateway"}}]).to_string();
        std::fs::write(folder.path().join("new"), text).expect("a file");
        std::fs::rename(folder.path().join("new"), folder.path().join("envoys.json")).expect("a file");
    };
    write(&[]);
    let file = FileConfig {
        paths: vec![folder.path().join("*.json").display().to_string()],
        interval_ms: 20,
        ..FileConfig::default()
    };
    let discovery = DiscoveryConfig { file: vec![file], ..DiscoveryConfig::default() };
    let sidecarta =
        Sidecarta::start_with(&data, &EnvoyConfig { interval_ms: 50, discovery, ..EnvoyConfig::default() });
    write(&[&live, &live]);
    upstream::send(envoy.listener, "/status/200", 3).await;
    eventually("the requests are stored", async || (sidecarta.counted() == Some(3)).then_some(())).await;
    let envoys = || sidecarta.sources.list().into_iter().filter(|source| source.kind == "envoy").count();
    assert_eq!(envoys(), 1);
    write(&[]);
    eventually("the proxy is gone", async || (envoys() == 0).then_some(())).await;
    // It comes back under another address, and its id is its own again.
    let linked = folder.path().join("linked.sock");
    std::os::unix::fs::symlink(live.trim_start_matches("unix://"), &linked).expect("a link");
    write(&[&format!("unix://{}", linked.display())]);
    upstream::send(envoy.listener, "/status/200", 2).await;
    eventually("counting goes on", async || (sidecarta.counted() == Some(5)).then_some(())).await;
    sidecarta.stop().await;
}

//! Starting every part, and stopping it in reverse.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use sidecarta_ingest::access_log::{self, AccessLogConfigError};
use sidecarta_ingest::aws::{self, AwsConfigError};
use sidecarta_ingest::envoy::push::Pushes;
use sidecarta_ingest::envoy::target::ProxyIds;
use sidecarta_ingest::envoy::{self, EnvoyConfigError};
use sidecarta_ingest::otlp::streams::StreamHandlers;
use sidecarta_ingest::otlp::{self, Receiver};
use sidecarta_ingest::pipeline::{Pipeline, StartError};
use sidecarta_ingest::prometheus::{self, PrometheusConfigError};
use sidecarta_ingest::status::SourceBook;
use sidecarta_ingest::xray::daemon::Daemon;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Config;
use crate::router::router;
use crate::state::AppState;
use crate::watches;

/// Why the server could not run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// An address cannot be listened on.
    #[error("cannot listen on {address} ({key})")]
    Listen {
        /// The configuration's key.
        key: &'static str,
        /// The address.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The pipeline could not be started.
    #[error("data cannot be stored")]
    Pipeline(#[from] StartError),
    /// The scraper could not be started.
    #[error("Envoys cannot be scraped")]
    Envoy(#[from] EnvoyConfigError),
    /// Targets in Prometheus' format could not be scraped.
    #[error("targets in Prometheus' format cannot be scraped")]
    Prometheus(#[from] PrometheusConfigError),
    /// Access logs could not be followed.
    #[error("access logs cannot be read")]
    AccessLog(#[from] AccessLogConfigError),
    /// AWS could not be asked.
    #[error("AWS cannot be asked")]
    Aws(#[from] AwsConfigError),
    /// A thread or signal could not be had.
    #[error("the system refused")]
    System(#[from] io::Error),
    /// The store did not answer.
    #[error("the store did not answer at the start")]
    Store,
}

/// Runs until the process is told to end by SIGINT or SIGTERM.
///
/// # Errors
/// Where a part cannot be started.
pub async fn run(config: &Config) -> Result<(), RunError> {
    let http = listen("server.http", config.server.http).await?;
    let otlp_grpc = listen("otlp.grpc", config.otlp.grpc).await?;
    let otlp_http = listen("otlp.http", config.otlp.http).await?;
    let xray = listen_for_xray(config).await?;
    let addresses = [http.local_addr()?, otlp_grpc.local_addr()?, otlp_http.local_addr()?];
    let xray_address = xray.as_ref().map(Daemon::address);

    let options = config.pipeline();
    let started = tokio::task::spawn_blocking(move || Pipeline::start(&options)).await;
    let (pipeline, threads) = started.map_err(io::Error::other)??;
    let sources = SourceBook::default();
    let shutdown = CancellationToken::new();
    let tasks = TaskTracker::new();

    let access_logs = access_log::stream_handler(&pipeline);
    let proxy_ids = ProxyIds::default();
    let (metrics, statistics) = Pushes::new(&config.envoy, &pipeline, &sources, &proxy_ids).into_handlers();
    let receiver = Receiver::new(pipeline.clone(), sources.clone(), &config.otlp)
        .with_access_logs(config.access_log_rules())
        .with_statistics(statistics)
        .with_streams(StreamHandlers { access_logs, metrics });
    let receiver = Arc::new(receiver);
    tasks.spawn(report(
        "OTLP over gRPC",
        otlp::serve_grpc(otlp_grpc, Arc::clone(&receiver), shutdown.clone()),
    ));
    tasks.spawn(report("OTLP over HTTP", otlp::serve_http(otlp_http, receiver, shutdown.clone())));
    let scrapers = envoy::spawn(&config.envoy, &pipeline, &sources, &proxy_ids, &shutdown)?;
    let targets = prometheus::spawn(&config.prometheus, &pipeline, &sources, &shutdown)?;
    let followers = access_log::spawn(&config.access_log, &pipeline, &sources, &shutdown)?;
    let segments = xray.map(|daemon| daemon.spawn(&config.xray, &pipeline, &sources, &shutdown));
    let aws = aws::spawn(&config.aws, &pipeline, &sources, &shutdown).await?;
    let rules = (config.identity_rules(), config.error_rules());
    let state = AppState::new(pipeline, sources, aws.backfills, rules, shutdown.clone())
        .map_err(|_| RunError::Store)?;
    tasks.spawn(watches::run(state.clone()));
    let app = axum::serve(http, router(state)).with_graceful_shutdown(shutdown.clone().cancelled_owned());
    tasks.spawn(report("HTTP", app.into_future()));
    tasks.close();
    write_addresses(&config.server.data, addresses, xray_address)?;
    tracing::info!(
        http = %addresses[0], otlp_grpc = %addresses[1], otlp_http = %addresses[2],
        "Sidecarta is ready at http://{}", addresses[0]
    );

    told_to_end().await?;
    tracing::info!("Ending: what was acknowledged is moved into the database");
    shutdown.cancel();
    scrapers.wait().await;
    targets.wait().await;
    followers.wait().await;
    if let Some(segments) = segments {
        segments.wait().await;
    }
    aws.tasks.wait().await;
    tasks.wait().await;
    // With the last source gone, the pipeline's threads finish their work.
    tokio::task::spawn_blocking(|| threads.join()).await.map_err(io::Error::other)?;
    Ok(())
}

/// Writes the addresses that are listened on, which may have been left to the system by port 0, to `addresses.json` in
/// the data folder, for whoever started this process.
fn write_addresses(
    data: &Path,
    [http, otlp_grpc, otlp_http]: [SocketAddr; 3],
    xray: Option<SocketAddr>,
) -> io::Result<()> {
    let mut addresses = serde_json::json!({"http": http, "otlp_grpc": otlp_grpc, "otlp_http": otlp_http});
    if let Some(xray) = xray {
        addresses["xray"] = serde_json::json!(xray);
    }
    let unfinished = data.join("addresses.json.new");
    std::fs::write(&unfinished, format!("{addresses}\n"))?;
    std::fs::rename(unfinished, data.join("addresses.json"))
}

async fn listen(key: &'static str, address: SocketAddr) -> Result<TcpListener, RunError> {
    TcpListener::bind(address).await.map_err(|source| RunError::Listen { key, address, source })
}

async fn listen_for_xray(config: &Config) -> Result<Option<Daemon>, RunError> {
    let Some(address) = config.xray.listen() else { return Ok(None) };
    let bound = Daemon::bind(address).await;
    bound.map(Some).map_err(|source| RunError::Listen { key: "xray.address", address, source })
}

async fn report(what: &'static str, serving: impl Future<Output = io::Result<()>>) {
    if let Err(error) = serving.await {
        tracing::error!(error = %error, "{what} ended");
    }
}

async fn told_to_end() -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

//! The demo mesh: real services behind real Envoys, with a load whose outcome is known.
//!
//! Nine workloads of eight services run as tasks of this process, each instrumented with the OpenTelemetry SDK and
//! each behind an Envoy sidecar of its own; a further Envoy is the gateway. Everything listens on free loopback
//! ports. What the requests meet is drawn from a seed and written into each of them, and the applications count
//! what really happened on every edge.

mod certificates;
mod envoy_config;
mod envoy_process;
mod error;
mod ledger;
mod load;
mod options;
mod plan;
mod ports;
mod segments;
mod services;
mod start;
mod telemetry;
pub mod topology;

use std::sync::Arc;

use futures::future::{join_all, try_join_all};
use opentelemetry_sdk::trace::SdkTracerProvider;
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio_util::task::TaskTracker;

pub use certificates::{Authority, Identity, spiffe_id};
pub use envoy_process::bound_to_us;
pub use error::MeshError;
pub use ledger::{Counts, EdgeKind, Truth, TruthEdge, TruthRoute};
pub use load::{Amount, CLIENT, Load};
pub use options::MeshOptions;
pub use ports::ReservedPort;
pub use segments::SpanSink;
pub use start::MeshPorts;

use envoy_process::EnvoyProcess;
use ledger::Ledger;
use load::LoadGenerator;

/// A running mesh. It must live on a multi-threaded runtime, and everything that it started ends when it is
/// dropped; [`Mesh::stop`] also waits for that.
#[derive(Debug)]
pub struct Mesh {
    envoys: Vec<EnvoyProcess>,
    /// The tracer provider of each application, by its workload's name.
    providers: Vec<(String, SdkTracerProvider)>,
    /// The servers of the applications and the consumer of the queue.
    servers: JoinSet<()>,
    /// Requests and messages that applications are working on.
    under_way: TaskTracker,
    ledger: Ledger,
    load: Arc<LoadGenerator>,
    client: reqwest::Client,
    /// Kept so that the ports stay ours and the dead upstream stays dead.
    ports: MeshPorts,
    /// Configurations, keys and logs.
    _folder: TempDir,
}

impl Mesh {
    /// Starts a mesh on free ports and waits until every proxy serves.
    pub async fn start(options: MeshOptions) -> Result<Self, MeshError> {
        Self::start_on(MeshPorts::reserve()?, options).await
    }

    /// Starts a mesh on ports that were reserved before, so that their admin addresses could be told to others.
    pub async fn start_on(ports: MeshPorts, options: MeshOptions) -> Result<Self, MeshError> {
        start::start(ports, &options).await
    }

    /// The admin interface of every Envoy, as `http://127.0.0.1:port`.
    pub fn admin_urls(&self) -> Vec<String> {
        self.ports.admin_urls()
    }

    /// The admin interface of one Envoy, by its workload's name (`orders-v1`) or `gateway`.
    pub fn admin_url(&self, name: &str) -> Option<String> {
        self.envoys.iter().find(|envoy| envoy.name() == name).map(EnvoyProcess::admin_url)
    }

    /// The process id of every Envoy.
    pub fn envoy_pids(&self) -> Vec<u32> {
        self.envoys.iter().map(EnvoyProcess::pid).collect()
    }

    /// Where the gateway takes requests.
    pub fn gateway_url(&self) -> String {
        format!("http://{}", self.load.gateway)
    }

    /// Sends requests to the gateway and waits for their answers. What comes after an answer, such as messages in
    /// the queue, may still be under way: see [`Mesh::flush`].
    pub async fn load(&self, amount: Amount) -> Load {
        self.load_until(amount, std::future::pending()).await
    }

    /// Like [`Mesh::load`], but sends no further request once `stop` is done.
    pub async fn load_until(&self, amount: Amount, stop: impl Future<Output = ()>) -> Load {
        self.load.run(amount, stop).await
    }

    /// What has happened so far. Complete after a load and a [`Mesh::flush`].
    pub fn truth(&self) -> Truth {
        self.ledger.truth()
    }

    /// Waits until nothing is under way, then until every application and Envoy has delivered its spans.
    pub async fn flush(&self) -> Result<(), MeshError> {
        self.under_way.close();
        self.under_way.wait().await;
        self.under_way.reopen();
        for (name, provider) in &self.providers {
            let (workload, provider) = (name.clone(), provider.clone());
            // A runtime that is going down has nothing left to flush.
            let flushed = tokio::task::spawn_blocking(move || provider.force_flush()).await.unwrap_or(Ok(()));
            flushed.map_err(|source| MeshError::Flush { workload, source })?;
        }
        try_join_all(self.envoys.iter().map(|envoy| envoy.drained(&self.client))).await?;
        Ok(())
    }

    /// Ends every process and task of the mesh and waits until they are gone. Spans that were not flushed are lost.
    pub async fn stop(mut self) {
        join_all(self.envoys.iter_mut().map(EnvoyProcess::stop)).await;
        self.servers.shutdown().await;
    }
}

impl Drop for Mesh {
    fn drop(&mut self) {
        let providers = std::mem::take(&mut self.providers);
        // Shutting a provider down waits for its exporter, which may need the thread that we are on.
        std::thread::spawn(move || {
            for (_, provider) in providers {
                let _ = provider.shutdown();
            }
        });
    }
}

//! How a mesh comes up: ports, certificates, applications, proxies.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use futures::future::try_join_all;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::task::TaskTracker;

use super::certificates::Authority;
use super::envoy_config::{self, Common, Proxy};
use super::envoy_process::EnvoyProcess;
use super::ledger::Ledger;
use super::load::LoadGenerator;
use super::ports::{ProxyPorts, ReservedPort};
use super::services::{self, App, OrderEvent, Parts};
use super::topology::{self, DEAD_UPSTREAM, GATEWAY, WORKLOADS, Workload};
use super::{Mesh, MeshError, MeshOptions, telemetry};

/// Messages that the queue holds before its producers have to wait.
const QUEUE_CAPACITY: usize = 1024;

/// The ports of a mesh that is yet to start.
#[derive(Debug)]
pub struct MeshPorts {
    gateway: ProxyPorts,
    /// In the order of [`WORKLOADS`].
    sidecars: Vec<ProxyPorts>,
    dead: ReservedPort,
}

impl MeshPorts {
    /// Takes free loopback ports for every Envoy. Must be called on a runtime.
    pub fn reserve() -> Result<Self, MeshError> {
        Ok(Self {
            gateway: ProxyPorts::new()?,
            sidecars: WORKLOADS.iter().map(|_| ProxyPorts::new()).collect::<Result<_, _>>()?,
            dead: ReservedPort::new()?,
        })
    }

    /// The admin interface that every Envoy of the mesh will have, as `http://127.0.0.1:port`.
    pub fn admin_urls(&self) -> Vec<String> {
        std::iter::once(&self.gateway)
            .chain(&self.sidecars)
            .map(|ports| format!("http://{}", ports.admin.address()))
            .collect()
    }

    /// Where each cluster of the mesh is reached.
    fn endpoints(&self) -> BTreeMap<String, SocketAddr> {
        WORKLOADS
            .iter()
            .zip(&self.sidecars)
            .map(|(workload, ports)| (topology::cluster_name(workload), ports.inbound.address()))
            .chain([(DEAD_UPSTREAM.to_owned(), self.dead.address())])
            .collect()
    }
}

/// The applications of a mesh that is coming up, and what they share.
struct Applications {
    providers: Vec<(String, SdkTracerProvider)>,
    servers: JoinSet<()>,
    under_way: TaskTracker,
    ledger: Ledger,
    queue: mpsc::Sender<OrderEvent>,
}

/// Starts applications and proxies and waits until all serve.
pub(super) async fn start(ports: MeshPorts, options: &MeshOptions) -> Result<Mesh, MeshError> {
    let folder = TempDir::with_prefix("demo-mesh-").map_err(MeshError::Files)?;
    let authority = Authority::new(folder.path())?;
    let common = Common {
        otlp_grpc: options.otlp_grpc,
        stats_flush_interval: options.stats_flush_interval,
        span_flush_interval: options.span_flush_interval,
        endpoints: ports.endpoints(),
    };
    let (queue, events) = mpsc::channel(QUEUE_CAPACITY);
    let mut applications = Applications {
        providers: Vec::new(),
        servers: JoinSet::new(),
        under_way: TaskTracker::new(),
        ledger: Ledger::default(),
        queue,
    };
    let mut events = Some(events);
    let mut envoys = vec![start_gateway(&common, &ports.gateway, &options.envoy, folder.path())?];
    for (workload, sidecar) in WORKLOADS.iter().zip(&ports.sidecars) {
        let (app, address) = applications.serve(workload, sidecar.outbound.address(), options).await?;
        if workload.service == "shipping"
            && let Some(events) = events.take()
        {
            applications.servers.spawn(services::consume(app, events));
        }
        let name = workload.name();
        let identity = authority.identity(workload.service, &name)?;
        let proxy = proxy(sidecar, &name, workload.service, workload.spawns_upstream_span);
        let configuration = envoy_config::sidecar(&common, &proxy, workload, address, &identity);
        envoys.push(EnvoyProcess::spawn(&options.envoy, &name, proxy.admin, &configuration, folder.path())?);
    }
    let client = client()?;
    try_join_all(envoys.iter_mut().map(|envoy| envoy.ready(&client))).await?;
    let load = LoadGenerator {
        client: client.clone(),
        gateway: ports.gateway.inbound.address(),
        ledger: applications.ledger.clone(),
        seed: options.seed,
        faults: options.faults,
        rate_per_second: options.rate_per_second,
        waves: options.waves,
        next_request: AtomicU64::new(0),
    };
    let Applications { providers, servers, under_way, ledger, .. } = applications;
    Ok(Mesh {
        envoys,
        providers,
        servers,
        under_way,
        ledger,
        load: Arc::new(load),
        client,
        ports,
        _folder: folder,
    })
}

fn start_gateway(
    common: &Common,
    ports: &ProxyPorts,
    envoy: &Path,
    folder: &Path,
) -> Result<EnvoyProcess, MeshError> {
    let proxy = proxy(ports, GATEWAY, GATEWAY, true);
    EnvoyProcess::spawn(envoy, GATEWAY, proxy.admin, &envoy_config::gateway(common, &proxy), folder)
}

fn proxy(ports: &ProxyPorts, name: &str, service: &'static str, spawns_upstream_span: bool) -> Proxy {
    let node_id = if name == GATEWAY { "gateway-1".to_owned() } else { format!("{name}-sidecar") };
    Proxy {
        node_id,
        service,
        admin: ports.admin.address(),
        inbound: ports.inbound.address(),
        outbound: ports.outbound.address(),
        spawns_upstream_span,
    }
}

impl Applications {
    /// Starts the application of a workload on a free port; `outbound` is its sidecar's listener for calls.
    async fn serve(
        &mut self,
        workload: &'static Workload,
        outbound: SocketAddr,
        options: &MeshOptions,
    ) -> Result<(App, SocketAddr), MeshError> {
        let provider = telemetry::provider(workload, options)?;
        let app = App::new(Parts {
            workload,
            tracer: App::tracer_of(&provider),
            client: client()?,
            outbound,
            ledger: self.ledger.clone(),
            queue: self.queue.clone(),
            tasks: self.under_way.clone(),
        });
        self.providers.push((workload.name(), provider));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(MeshError::Port)?;
        let address = listener.local_addr().map_err(MeshError::Port)?;
        let router = services::router(app.clone());
        self.servers.spawn(async move {
            // Serving goes on until the task is aborted; a listener on loopback does not fail before.
            let _ = axum::serve(listener, router).await;
        });
        Ok((app, address))
    }
}

/// An HTTP client that goes straight to loopback, whatever proxy the environment names.
fn client() -> Result<reqwest::Client, MeshError> {
    reqwest::Client::builder().no_proxy().build().map_err(MeshError::Client)
}

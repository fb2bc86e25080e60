//! Admin interfaces that answer as a real Envoy's does, for far more proxies than Envoys would fit on a machine.
//!
//! Every proxy has a loopback port of its own. What it says is made of what a real Envoy said, see [`stats`]: two of its
//! clusters, one with traffic and one without, stand for as many as are wanted. Counters grow from scrape to scrape, so
//! that it is known what a proxy has counted after so many of them. Some proxies may hang instead of answering.

mod bootstrap;
mod hanging;
pub mod stats;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

pub use bootstrap::{bootstrap, cluster_name};
use stats::{Question, Shape, Template};

/// Bodies that are kept for the other proxies that say the same.
const MAX_BODIES: usize = 64;
/// Proxies of which every one says something else. Those beyond them say the same as one of these.
const VARIANTS: usize = 16;

/// How many proxies there are, and what each has.
#[derive(Clone, Copy, Debug)]
pub struct FleetOptions {
    /// Proxies that answer.
    pub proxies: usize,
    /// Proxies beside them that accept connections and never answer: every second one says nothing at all, the others
    /// stop in the middle of an answer.
    pub hanging: usize,
    /// The clusters of each proxy.
    pub shape: Shape,
}

/// The proxies. They end when this is dropped.
#[derive(Debug)]
pub struct FakeFleet {
    answering: Vec<Arc<Proxy>>,
    hanging: Vec<SocketAddr>,
    shared: Arc<Shared>,
    _servers: JoinSet<()>,
}

/// One proxy that answers.
#[derive(Debug)]
struct Proxy {
    number: usize,
    address: SocketAddr,
    /// How often its statistics were asked for.
    scrapes: AtomicU64,
    shared: Arc<Shared>,
}

/// What all proxies have in common.
#[derive(Debug)]
struct Shared {
    shape: Shape,
    started: String,
    config_dump: Bytes,
    said: Mutex<Said>,
}

/// Statistics in the form that they were asked for.
#[derive(Debug, Default)]
struct Said {
    templates: HashMap<Question, Template>,
    bodies: VecDeque<((Question, usize, u64), Bytes)>,
    asked: BTreeSet<String>,
}

impl FakeFleet {
    /// Starts the proxies on free ports.
    ///
    /// # Errors
    /// If a port cannot be had, or the system allows fewer open files than the proxies take.
    pub async fn start(options: FleetOptions) -> io::Result<Self> {
        // A listener for each proxy, and a connection or two to it.
        allow_open_files(4 * (options.proxies + options.hanging) as u64 + 256)?;
        let started = bootstrap::STARTED.to_owned();
        let config_dump = Bytes::from(bootstrap::config_dump(options.shape.clusters, &started));
        let said = Mutex::default();
        let shared = Arc::new(Shared { shape: options.shape, started, config_dump, said });
        let mut servers = JoinSet::new();
        let mut answering = Vec::new();
        for number in 0..options.proxies {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
            let (address, shared) = (listener.local_addr()?, Arc::clone(&shared));
            let proxy = Arc::new(Proxy { number, address, scrapes: AtomicU64::new(0), shared });
            let router = Router::new().fallback(answer).with_state(Arc::clone(&proxy));
            servers.spawn(async move {
                // It only ends when it is aborted.
                drop(axum::serve(listener, router).await);
            });
            answering.push(proxy);
        }
        let mut hanging = Vec::new();
        for number in 0..options.hanging {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
            hanging.push(listener.local_addr()?);
            servers.spawn(hanging::run(listener, number % 2 == 1));
        }
        Ok(Self { answering, hanging, shared, _servers: servers })
    }

    /// The admin addresses of the proxies that answer.
    pub fn targets(&self) -> Vec<String> {
        self.answering.iter().map(|proxy| format!("http://{}", proxy.address)).collect()
    }

    /// The admin addresses of the proxies that hang.
    pub fn hanging_targets(&self) -> Vec<String> {
        self.hanging.iter().map(|address| format!("http://{address}")).collect()
    }

    /// How often each proxy that answers was asked for its statistics.
    pub fn scrapes(&self) -> Vec<u64> {
        self.answering.iter().map(|proxy| proxy.scrapes.load(Ordering::Relaxed)).collect()
    }

    /// In which ways the statistics were asked for, each as a path with its query.
    pub fn asked(&self) -> Vec<String> {
        self.shared.said().asked.iter().cloned().collect()
    }
}

impl Shared {
    fn said(&self) -> MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The statistics of a proxy. A scrape is that which asks for the bins of its histograms.
    fn statistics(&self, uri: &Uri, proxy: &Proxy) -> Result<Bytes, String> {
        let question = Question::of(uri)?;
        let scrape = proxy.scrapes.fetch_add(u64::from(question.has_bins), Ordering::Relaxed);
        let mut said = self.said();
        said.asked.insert(uri.to_string());
        let variant = proxy.number % VARIANTS;
        let key = (question, variant, scrape);
        if let Some((_, body)) = said.bodies.iter().find(|(known, _)| *known == key) {
            return Ok(body.clone());
        }
        if !said.templates.contains_key(&key.0) {
            said.templates.insert(key.0.clone(), Template::new(&key.0, self.shape)?);
        }
        let body = Bytes::from(said.templates[&key.0].render(variant, scrape));
        said.bodies.truncate(MAX_BODIES - 1);
        said.bodies.push_front((key, body.clone()));
        Ok(body)
    }
}

async fn answer(State(proxy): State<Arc<Proxy>>, uri: Uri) -> Response {
    let shared = &proxy.shared;
    let body = match (uri.path(), uri.query()) {
        ("/config_dump", None) => shared.config_dump.clone(),
        ("/config_dump", Some(_)) => bootstrap::process(&shared.started).into(),
        ("/server_info", _) => bootstrap::server_info(proxy.number).into(),
        ("/stats", _) => match shared.statistics(&uri, &proxy) {
            Ok(body) => body,
            Err(reason) => return (StatusCode::BAD_REQUEST, reason).into_response(),
        },
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// Raises the number of files that this process may have open.
fn allow_open_files(count: u64) -> io::Result<()> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current.is_none_or(|current| current >= count) {
        return Ok(());
    }
    if maximum.is_some_and(|maximum| maximum < count) {
        return Err(io::Error::other(format!("{count} open files are needed, and {maximum:?} are allowed")));
    }
    Ok(setrlimit(Resource::Nofile, Rlimit { current: Some(count), maximum })?)
}

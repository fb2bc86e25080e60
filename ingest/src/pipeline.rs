//! From the sources into the store: a bounded queue, one log, one writer.
//!
//! A submission goes through two threads. The first writes it to the log together with all others that wait, makes
//! them durable by one `fsync`, and answers the senders. The second gives the rows to the store, which shows them to
//! queries a few times a second and moves them into its file in large steps. So an acknowledgement never waits for
//! the columns, and the columns never come in small portions.

mod log_thread;
mod replay;
mod store_thread;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde::de::DeserializeOwned;
use sidecarta_queries::frame::{Frame, FrameKind};
use sidecarta_queries::log::Log;
use sidecarta_queries::rows::access_log::{AccessLogBatch, AccessLogRow};
use sidecarta_queries::rows::envoy::EnvoyScrape;
use sidecarta_queries::rows::log::LogBatch;
use sidecarta_queries::rows::mesh::MeshScrape;
use sidecarta_queries::rows::metric::MetricBatch;
use sidecarta_queries::rows::span::SpanBatch;
use sidecarta_queries::rows::watch::WatchEvent;
use sidecarta_queries::store::{self, Store, StoreError, StoreOptions, Writer};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use crate::otlp::DecodeLimits;

/// Requests that may wait for the log at once.
const QUEUE: usize = 4_096;
/// What a logged request takes, roughly.
const ACCESS_LOG_BYTES: usize = 2_048;
/// What the counters or gauges of one object of a proxy take, roughly.
const OBJECT_BYTES: usize = 512;
/// What a verdict takes, roughly: 500 routes with three checks each.
const WATCH_BYTES: usize = 512 << 10;
/// The unit in which memory is handed out.
const PERMIT_BYTES: usize = 1_024;

/// A request that is to be stored: as it came, for the log, and decoded, for the tables.
#[derive(Clone, Debug)]
pub struct Submission {
    /// The request as it came.
    pub frame: Frame,
    /// What decoding [`Submission::frame`] gives.
    pub rows: Rows,
}

/// The rows of one request.
#[derive(Clone, Debug)]
pub enum Rows {
    /// Spans.
    Spans(SpanBatch),
    /// One scrape of one Envoy.
    Envoy(Box<EnvoyScrape>),
    /// Log records, and those that were requests logged by a proxy.
    Logs {
        /// The log records.
        records: LogBatch,
        /// The requests.
        requests: Vec<AccessLogRow>,
    },
    /// Data points of metrics.
    Metrics(MetricBatch),
    /// Requests that proxies logged.
    AccessLogs(Box<AccessLogBatch>),
    /// One scrape of one target in Prometheus' format.
    Mesh(Box<MeshScrape>),
    /// What happened to a watch.
    Watch(Box<WatchEvent>),
}

impl Rows {
    /// Hands them to the writer as the request that has this number in the log.
    fn stage(self, writer: &mut Writer, sequence: u64, hash: u128) {
        match self {
            Self::Spans(batch) => writer.stage_spans(sequence, batch),
            Self::Envoy(scrape) => writer.stage_envoy(sequence, scrape),
            Self::Logs { records, requests } => writer.stage_logs(sequence, hash, records, requests),
            Self::Metrics(batch) => writer.stage_metrics(sequence, hash, batch),
            Self::AccessLogs(batch) => writer.stage_access_logs(sequence, batch),
            Self::Mesh(scrape) => writer.stage_mesh(sequence, scrape),
            Self::Watch(event) => writer.stage_watch(sequence, event),
        }
    }
}

/// The hash of a request as it came; zero for requests whose rows have ids.
fn hash(frame: &Frame) -> u128 {
    match frame.kind {
        FrameKind::OtlpTraces
        | FrameKind::OtlpTracesGzip
        | FrameKind::OtlpTracesZstd
        | FrameKind::EnvoyScrape
        | FrameKind::AccessLogs
        | FrameKind::MeshScrape
        | FrameKind::XrayTraces
        | FrameKind::Watch => 0,
        kind => xxhash_rust::xxh3::xxh3_128_with_seed(&frame.payload, kind as u64),
    }
}

/// Why a submission was not stored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// Too much is on its way already; nothing of this submission was kept.
    #[error("too much is waiting to be stored; try again in {} s", retry_after.as_secs_f64().ceil())]
    Full {
        /// When to try again.
        retry_after: Duration,
    },
    /// The log or the store does not work; whether the submission was kept is not known.
    #[error("the store does not accept data: {reason}")]
    Broken {
        /// What failed.
        reason: String,
    },
}

/// Why the pipeline could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store could not be opened, or what the log holds could not be put there.
    #[error("the store cannot be opened")]
    Store(#[from] StoreError),
    /// A thread could not be started.
    #[error("a thread cannot be started")]
    Thread(#[from] io::Error),
}

/// What the pipeline may use.
#[derive(Clone, Debug)]
pub struct PipelineOptions {
    /// The store.
    pub store: StoreOptions,
    /// Memory for decoded rows between their arrival and the moment that queries see them, bytes.
    pub queue_bytes: usize,
    /// How long rows wait at most before queries see them.
    pub publish_every: Duration,
    /// The limits that OTLP requests are decoded with.
    pub limits: DecodeLimits,
}

impl PipelineOptions {
    /// The defaults, with the store's files in this folder.
    pub fn in_dir(dir: &std::path::Path) -> Self {
        Self {
            store: StoreOptions::in_dir(dir),
            queue_bytes: 128 << 20,
            publish_every: Duration::from_millis(400),
            limits: DecodeLimits::default(),
        }
    }
}

/// What has gone through the pipeline since it was started.
#[derive(Debug, Default)]
pub struct Counters {
    /// Requests that were acknowledged.
    pub acknowledged: AtomicU64,
    /// Acknowledged requests that queries see.
    pub published: AtomicU64,
    /// Spans that were stored before already.
    pub duplicates: AtomicU64,
    /// Requests that were told to come again later.
    pub refused: AtomicU64,
    /// Failed attempts to write to the log or the store.
    pub failures: AtomicU64,
}

impl Counters {
    fn add(counter: &AtomicU64, count: u64) {
        counter.fetch_add(count, Ordering::Relaxed);
    }

    /// Acknowledged requests that queries do not see yet.
    pub fn pending(&self) -> u64 {
        let published = self.published.load(Ordering::Relaxed);
        self.acknowledged.load(Ordering::Relaxed).saturating_sub(published)
    }
}

/// One submission on its way to the log.
struct Job {
    submission: Submission,
    permit: OwnedSemaphorePermit,
    answer: oneshot::Sender<Result<(), SubmitError>>,
}

/// One acknowledged submission on its way to the store. The memory it was granted is free once queries see it.
struct Stored {
    sequence: u64,
    /// By which a request without ids of its own is recognised where it is sent again.
    hash: u128,
    rows: Rows,
    permit: OwnedSemaphorePermit,
}

/// Where sources hand over what they decoded. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Pipeline {
    jobs: mpsc::Sender<Job>,
    memory: Arc<Semaphore>,
    permits: usize,
    store: Store,
    counters: Arc<Counters>,
}

/// The threads of a pipeline. They end once every [`Pipeline`] is dropped.
#[derive(Debug)]
pub struct PipelineThreads {
    log: JoinHandle<()>,
    store: JoinHandle<()>,
}

impl PipelineThreads {
    /// Waits until everything acknowledged is in the store's file. Blocks.
    pub fn join(self) {
        for thread in [self.log, self.store] {
            if thread.join().is_err() {
                tracing::error!("A thread of the pipeline ended by a panic");
            }
        }
    }
}

impl Pipeline {
    /// Opens the store, puts into it what the log holds beyond it, and starts the threads. Blocks while it does so.
    pub fn start(options: &PipelineOptions) -> Result<(Self, PipelineThreads), StartError> {
        let (store, mut writer) = store::open(&options.store)?;
        let log_dir = options.store.log_dir();
        let log = Log::open(&log_dir, writer.position()).map_err(StoreError::from)?;
        replay::replay(&log_dir, &mut writer, &options.limits)?;

        let permits = (options.queue_bytes / PERMIT_BYTES).clamp(1, Semaphore::MAX_PERMITS);
        let memory = Arc::new(Semaphore::new(permits));
        let counters = Arc::new(Counters::default());
        let (jobs, waiting_jobs) = mpsc::channel(QUEUE);
        let (stored, waiting_rows) = mpsc::channel(QUEUE);
        let log_counters = Arc::clone(&counters);
        let log = thread::Builder::new()
            .name("sidecarta-log".to_owned())
            .spawn(move || log_thread::run(log, waiting_jobs, &stored, &log_counters))?;
        let store_thread = store_thread::StoreThread {
            writer,
            log_dir,
            publish_every: options.publish_every,
            counters: Arc::clone(&counters),
        };
        let writer_thread = thread::Builder::new()
            .name("sidecarta-store".to_owned())
            .spawn(move || store_thread.run(waiting_rows))?;
        Ok((Self { jobs, memory, permits, store, counters }, PipelineThreads { log, store: writer_thread }))
    }

    /// Stores a submission. On `Ok` it is durable: it survives `kill -9` from here on.
    ///
    /// # Errors
    /// [`SubmitError::Full`] at once where the memory for waiting rows is used up.
    pub async fn submit(&self, submission: Submission) -> Result<(), SubmitError> {
        // A request larger than the whole budget may pass alone.
        let permits = (submission.bytes() / PERMIT_BYTES + 1).min(self.permits) as u32;
        let Ok(permit) = Arc::clone(&self.memory).try_acquire_many_owned(permits) else {
            Counters::add(&self.counters.refused, 1);
            return Err(SubmitError::Full { retry_after: Duration::from_secs(1) });
        };
        let (answer, answered) = oneshot::channel();
        let ended = || SubmitError::Broken { reason: "it is being shut down".to_owned() };
        self.jobs.send(Job { submission, permit, answer }).await.map_err(|_| ended())?;
        answered.await.map_err(|_| ended())?
    }

    /// The newest state that the scraper gave along for a proxy, by the proxy's id.
    pub fn envoy_baseline(&self, proxy_id: &str) -> Option<Vec<u8>> {
        self.store
            .directory(|directory| directory.proxies().get(proxy_id).map(|proxy| proxy.baseline.clone()))
    }

    /// How far a source has been stored, in the form that it gave along.
    pub fn cursor(&self, source: &str) -> Option<Vec<u8>> {
        self.store.directory(|directory| directory.cursor(source).map(<[u8]>::to_vec))
    }

    /// The same in the source's own form. One that cannot be read any more is told in the log, for the source begins anew
    /// then, and may count again what it counted before.
    pub fn restored<T: DeserializeOwned>(&self, source: &str) -> Option<T> {
        let position = self.cursor(source)?;
        let read = postcard::from_bytes(&position);
        read.inspect_err(|error| {
            tracing::error!(source, %error, "how far a source has been read cannot be read; it begins anew");
        })
        .ok()
    }

    /// Read access to what is stored.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// What has gone through.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }
}

impl Submission {
    /// Memory it takes, roughly, in bytes.
    fn bytes(&self) -> usize {
        let rows = match &self.rows {
            Rows::Spans(batch) => batch.memory_bytes(),
            Rows::Envoy(scrape) => {
                let deltas = scrape.deltas.iter().map(|delta| OBJECT_BYTES + size_of_val(&*delta.latency));
                scrape.baseline.len() + deltas.sum::<usize>() + scrape.gauges.len() * OBJECT_BYTES
            }
            Rows::Logs { records, requests } => records.memory_bytes() + requests.len() * ACCESS_LOG_BYTES,
            Rows::Metrics(batch) => batch.memory_bytes(),
            Rows::AccessLogs(batch) => batch.memory_bytes(),
            Rows::Mesh(scrape) => scrape.cursor.position.len() * 2 + scrape.deltas.len() * 1_024,
            Rows::Watch(_) => WATCH_BYTES,
        };
        rows + self.frame.payload.len()
    }
}

#[cfg(test)]
mod tests;

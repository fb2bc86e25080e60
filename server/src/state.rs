//! What every handler can reach.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use sidecarta_ingest::aws::Backfills;
use sidecarta_ingest::pipeline::Pipeline;
use sidecarta_ingest::status::SourceBook;
use sidecarta_queries::api::canary::Verdict;
use sidecarta_queries::api::graph::Graph;
use sidecarta_queries::api::sources::SourceStatus;
use sidecarta_queries::api::status::Status;
use sidecarta_queries::canary::{CanaryQuestion, canary};
use sidecarta_queries::graph::{ErrorRules, GraphFilter, GraphQuery, IdentityRules, filtered, graph};
use sidecarta_queries::log;
use sidecarta_queries::search::{RecentVocabulary, Vocabulary};
use sidecarta_queries::store::{Store, StoreError};
use tokio::sync::{OnceCell, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::error::ApiError;
use crate::live::Live;

/// Queries that run at once; others wait their turn, so that ingestion keeps a core.
const QUERIES_AT_ONCE: usize = 4;

/// How long a graph is good for whoever asks for the same: a live map and the details of what is selected on it.
const RECENT: Duration = Duration::from_millis(250);
/// Recent graphs that are kept.
const MAX_RECENT: usize = 8;

/// A graph that was asked for.
#[derive(Debug)]
struct RecentGraph {
    query: GraphQuery,
    asked_at: Instant,
    /// The graph, once it has been computed.
    graph: Arc<OnceCell<Arc<Graph>>>,
}

/// Shared by all handlers. Cheap to clone.
#[derive(Clone, Debug)]
pub struct AppState {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    pipeline: Pipeline,
    sources: SourceBook,
    backfills: Backfills,
    identity_rules: IdentityRules,
    error_rules: Arc<ErrorRules>,
    started_at: Timestamp,
    duckdb_version: String,
    queries: Semaphore,
    recent: Mutex<Vec<RecentGraph>>,
    vocabulary: Arc<RecentVocabulary>,
    live: Live,
    shutdown: CancellationToken,
}

impl AppState {
    /// The state of a server that starts now.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub fn new(
        pipeline: Pipeline,
        sources: SourceBook,
        backfills: Backfills,
        (identity_rules, error_rules): (IdentityRules, ErrorRules),
        shutdown: CancellationToken,
    ) -> Result<Self, ApiError> {
        let duckdb_version = pipeline.store().duckdb_version()?;
        Ok(Self {
            inner: Arc::new(Inner {
                pipeline,
                sources,
                backfills,
                identity_rules,
                error_rules: Arc::new(error_rules),
                started_at: Timestamp::now(),
                duckdb_version,
                queries: Semaphore::new(QUERIES_AT_ONCE),
                recent: Mutex::default(),
                vocabulary: Arc::default(),
                live: Live::default(),
                shutdown,
            }),
        })
    }

    /// What a filter leaves of the graph of a query.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn graph(&self, (query, filter): (GraphQuery, GraphFilter)) -> Result<Arc<Graph>, ApiError> {
        let whole = self.whole_graph(query).await?;
        if filter == GraphFilter::default() {
            return Ok(whole);
        }
        Ok(tokio::task::spawn_blocking(move || Arc::new(filtered(&whole, &filter))).await?)
    }

    /// The graph of a query, computed once for all who ask for it within a moment.
    async fn whole_graph(&self, query: GraphQuery) -> Result<Arc<Graph>, ApiError> {
        let cell = {
            let mut recent = self.inner.recent.lock().unwrap_or_else(PoisonError::into_inner);
            recent.retain(|known| known.asked_at.elapsed() < RECENT);
            let same = |known: &&RecentGraph| GraphQuery { now_s: query.now_s, ..known.query } == query;
            let known = recent.iter().find(same).map(|known| Arc::clone(&known.graph));
            known.unwrap_or_else(|| {
                let graph = Arc::default();
                if recent.len() < MAX_RECENT {
                    let asked_at = Instant::now();
                    recent.push(RecentGraph { query, asked_at, graph: Arc::clone(&graph) });
                }
                graph
            })
        };
        let compute = async || {
            Ok::<_, ApiError>(Arc::new(self.ask(move |store, rules| graph(store, rules, &query)).await?))
        };
        cell.get_or_try_init(compute).await.cloned()
    }

    /// Asks the store something on a blocking thread, with the user's rules of identity.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Store, &IdentityRules) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, ApiError> {
        // The semaphore is never closed; were it, queries would run without it.
        let _turn = self.inner.queries.acquire().await;
        let inner = Arc::clone(&self.inner);
        let asked = move || question(inner.pipeline.store(), &inner.identity_rules);
        Ok(tokio::task::spawn_blocking(asked).await??)
    }

    /// A verdict on two versions of a service.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn verdict(&self, question: CanaryQuestion) -> Result<Verdict, ApiError> {
        let errors = self.error_rules();
        self.ask(move |store, rules| canary(store, (rules, &errors), &question)).await
    }

    /// What counts as an error of which service.
    pub fn error_rules(&self) -> Arc<ErrorRules> {
        Arc::clone(&self.inner.error_rules)
    }

    /// What may be written in a query, as spans said lately.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn vocabulary(&self) -> Result<Arc<Vocabulary>, ApiError> {
        let recent = Arc::clone(&self.inner.vocabulary);
        self.ask(move |store, _| recent.get(store)).await
    }

    /// Every source as it is now.
    pub fn sources(&self) -> Vec<SourceStatus> {
        self.inner.sources.list()
    }

    /// Through which users want the past read.
    pub fn backfills(&self) -> &Backfills {
        &self.inner.backfills
    }

    /// The streams to browsers.
    pub fn live(&self) -> &Live {
        &self.inner.live
    }

    /// Ends when the server is to end.
    pub fn shutdown(&self) -> &CancellationToken {
        &self.inner.shutdown
    }

    /// Version, storage and progress.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn status(&self) -> Result<Status, ApiError> {
        let store = self.inner.pipeline.store().clone();
        let (counts, database_bytes, log_bytes) = tokio::task::spawn_blocking(move || {
            store.row_counts().map(|counts| (counts, store.database_bytes(), log::size(&store.log_dir())))
        })
        .await??;
        let now = Timestamp::now();
        Ok(Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            duckdb_version: self.inner.duckdb_version.clone(),
            started_at: self.inner.started_at.to_string(),
            uptime_seconds: (now.as_second() - self.inner.started_at.as_second()).max(0) as u64,
            now: now.to_string(),
            spans: counts.spans,
            log_records: counts.log_records,
            data_points: counts.data_points,
            access_logs: counts.access_logs,
            database_bytes,
            log_bytes,
            pending_requests: self.inner.pipeline.counters().pending(),
        })
    }

    /// The pipeline, for its counters.
    pub fn pipeline(&self) -> &Pipeline {
        &self.inner.pipeline
    }
}

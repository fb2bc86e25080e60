//! Both doors on free ports, and the requests that are sent to them.

use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use sidecarta_queries::api::sources::SourceStatus;
use tempfile::TempDir;
use tokio_util::sync::DropGuard;
use tokio_util::task::TaskTracker;

use super::*;
use crate::otlp::memory::MemoryBudget;
use crate::pipeline::PipelineOptions;

/// A receiver with its two doors; they close when it is dropped.
pub(super) struct Doors {
    pub(super) grpc: SocketAddr,
    pub(super) http: SocketAddr,
    pub(super) pipeline: Pipeline,
    /// The memory for requests on their way.
    pub(super) memory: MemoryBudget,
    book: SourceBook,
    servers: TaskTracker,
    shutdown: DropGuard,
    _dir: TempDir,
}

impl Doors {
    pub(super) async fn open() -> Self {
        Self::open_with(OtlpConfig::default()).await
    }

    pub(super) async fn open_with(config: OtlpConfig) -> Self {
        Self::open_on(config, |_| ()).await
    }

    /// With its own configuration, of the pipeline too.
    pub(super) async fn open_on(config: OtlpConfig, change: impl FnOnce(&mut PipelineOptions)) -> Self {
        let dir = TempDir::new().unwrap();
        let mut options = PipelineOptions::in_dir(dir.path());
        change(&mut options);
        let (pipeline, _) = Pipeline::start(&options).unwrap();
        let book = SourceBook::default();
        let receiver = Arc::new(Receiver::new(pipeline.clone(), book.clone(), &config));
        let memory = receiver.memory().clone();
        let shutdown = CancellationToken::new();
        let grpc = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let http = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addresses = (grpc.local_addr().unwrap(), http.local_addr().unwrap());
        let servers = TaskTracker::new();
        servers.spawn(serve_grpc(grpc, Arc::clone(&receiver), shutdown.clone()));
        servers.spawn(serve_http(http, receiver, shutdown.clone()));
        servers.close();
        Self {
            grpc: addresses.0,
            http: addresses.1,
            pipeline,
            memory,
            book,
            servers,
            shutdown: shutdown.drop_guard(),
            _dir: dir,
        }
    }

    /// Stops both doors and waits until they have stopped.
    pub(super) async fn stop(self) {
        drop(self.shutdown);
        self.servers.wait().await;
    }

    /// Waits until the store holds this many spans.
    pub(super) async fn eventually_stored(&self, spans: u64) {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
        loop {
            let stored = self.pipeline.store().span_count().unwrap();
            if stored == spans {
                return;
            }
            assert!(tokio::time::Instant::now() < deadline, "{stored} spans are stored instead of {spans}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What the book says of a door.
    pub(super) fn status(&self, kind: &str) -> SourceStatus {
        self.book.list().into_iter().find(|source| source.kind == kind).unwrap()
    }
}

/// A request of spans that start now; ids are given, as some tests want bad ones.
pub(super) fn request_of(span_ids: &[u64]) -> ExportTraceServiceRequest {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
    let span = |id: &u64| Span {
        trace_id: vec![7; 16],
        span_id: id.to_be_bytes().to_vec(),
        name: format!("span {id}"),
        start_time_unix_nano: now,
        end_time_unix_nano: now + 1,
        ..Span::default()
    };
    let spans = span_ids.iter().map(span).collect();
    let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }],
    }
}

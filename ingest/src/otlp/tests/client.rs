//! Both doors on free ports, and the requests that are sent to them.

use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics,
};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use sidecarta_queries::api::sources::SourceStatus;
use tempfile::TempDir;
use tokio_util::sync::DropGuard;
use tokio_util::task::TaskTracker;

use super::*;
use crate::otlp::memory::MemoryBudget;
use crate::otlp::streams::StreamHandlers;
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
        Self::open_for(config, change, |receiver| receiver).await
    }

    /// With handlers for the streams of Envoys.
    pub(super) async fn open_with_streams(config: OtlpConfig, handlers: StreamHandlers) -> Self {
        Self::open_for(config, |_| (), |receiver| receiver.with_streams(handlers)).await
    }

    async fn open_for(
        config: OtlpConfig,
        change: impl FnOnce(&mut PipelineOptions),
        equip: impl FnOnce(Receiver) -> Receiver,
    ) -> Self {
        let dir = TempDir::new().unwrap();
        let mut options = PipelineOptions::in_dir(dir.path());
        change(&mut options);
        let (pipeline, _) = Pipeline::start(&options).unwrap();
        let book = SourceBook::default();
        let receiver = Arc::new(equip(Receiver::new(pipeline.clone(), book.clone(), &config)));
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
            let stored = self.pipeline.store().row_counts().unwrap().spans;
            if stored == spans {
                return;
            }
            assert!(tokio::time::Instant::now() < deadline, "{stored} spans are stored instead of {spans}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until everything that was acknowledged was taken over by the store.
    pub(super) async fn eventually_published(&self) {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
        while self.pipeline.counters().pending() > 0 {
            assert!(tokio::time::Instant::now() < deadline, "acknowledged requests are not published");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What the book says of a door.
    pub(super) fn status(&self, kind: &str) -> SourceStatus {
        self.statuses().into_iter().find(|source| source.kind == kind).unwrap()
    }

    /// What the book says of all sources.
    pub(super) fn statuses(&self) -> Vec<SourceStatus> {
        self.book.list()
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

/// Log records with these times; zero is taken for now, and one is too long ago.
pub(super) fn logs_of(times: &[u64]) -> ExportLogsServiceRequest {
    let record = |time: &u64| LogRecord { time_unix_nano: *time, ..LogRecord::default() };
    let log_records = times.iter().map(record).collect();
    let scope_logs = vec![ScopeLogs { log_records, ..ScopeLogs::default() }];
    ExportLogsServiceRequest { resource_logs: vec![ResourceLogs { scope_logs, ..ResourceLogs::default() }] }
}

/// Data points with these times; zero is taken for now, and one is too long ago.
pub(super) fn points_of(times: &[u64]) -> ExportMetricsServiceRequest {
    let point = |time: &u64| NumberDataPoint { time_unix_nano: *time, ..NumberDataPoint::default() };
    let data = Data::Gauge(Gauge { data_points: times.iter().map(point).collect() });
    let metrics = vec![Metric { name: "queue.length".into(), data: Some(data), ..Metric::default() }];
    let scope_metrics = vec![ScopeMetrics { metrics, ..ScopeMetrics::default() }];
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics { scope_metrics, ..ResourceMetrics::default() }],
    }
}

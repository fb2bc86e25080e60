//! An application: its tracer, its way to the others through the sidecar, and its calls.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use axum::http::{Method, StatusCode, header::HOST};
use opentelemetry::trace::{SpanKind, Status, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use opentelemetry_semantic_conventions::attribute::{
    DB_NAMESPACE, DB_OPERATION_NAME, DB_QUERY_TEXT, DB_RESPONSE_STATUS_CODE, DB_SYSTEM_NAME, ERROR_TYPE,
    HTTP_REQUEST_METHOD, SERVER_ADDRESS, SERVER_PORT, URL_FULL,
};
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use super::inbound::{end_span, end_span_at, header};
use super::{FLAGS_HEADER, Inbound, OrderEvent, SERVED_BY_HEADER};
use crate::mesh::ledger::{Counts, Edge, EdgeKind, Ledger, RouteCall};
use crate::mesh::plan::PLAN_HEADER;
use crate::mesh::telemetry;
use crate::mesh::topology::Workload;

/// The header in which Envoy says how many attempts an answer took.
const ATTEMPTS_HEADER: &str = "x-envoy-attempt-count";

/// What an application is made of; cheap to clone.
#[derive(Clone)]
pub(crate) struct App(Arc<Parts>);

/// The parts that an application is put together from.
pub(crate) struct Parts {
    pub(crate) workload: &'static Workload,
    pub(crate) tracer: SdkTracer,
    pub(crate) client: reqwest::Client,
    /// The outbound listener of its sidecar.
    pub(crate) outbound: SocketAddr,
    pub(crate) ledger: Ledger,
    pub(crate) queue: mpsc::Sender<OrderEvent>,
    /// Everything that is under way in the mesh.
    pub(crate) tasks: TaskTracker,
}

/// One statement to a database.
pub(crate) struct Statement {
    pub(crate) system: &'static str,
    /// The name of the database; for Redis its number.
    pub(crate) namespace: &'static str,
    pub(crate) host: &'static str,
    pub(crate) port: i64,
    pub(crate) operation: &'static str,
    pub(crate) text: &'static str,
    pub(crate) median_ms: f64,
    /// The code that the database refuses it with, if it does.
    pub(crate) error: Option<&'static str>,
}

impl App {
    /// Puts an application together.
    pub(crate) fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// The tracer that an application takes from its provider.
    pub(crate) fn tracer_of(provider: &SdkTracerProvider) -> SdkTracer {
        provider.tracer("shop")
    }

    pub(crate) fn workload(&self) -> &'static Workload {
        self.0.workload
    }

    pub(crate) fn tracer(&self) -> &SdkTracer {
        &self.0.tracer
    }

    pub(crate) fn ledger(&self) -> &Ledger {
        &self.0.ledger
    }

    pub(crate) fn queue(&self) -> &mpsc::Sender<OrderEvent> {
        &self.0.queue
    }

    pub(crate) fn tasks(&self) -> &TaskTracker {
        &self.0.tasks
    }

    /// Works for a planned time.
    pub(crate) async fn work(&self, inbound: &Inbound, step: &str, median_ms: f64) {
        let workload = self.workload();
        let step = format!("{}/{step}", workload.service);
        tokio::time::sleep(inbound.plan.waiting(&step, median_ms, workload.slowness)).await;
    }

    /// Calls a service through the sidecar and counts the outcome. A 5xx answer becomes the 502 that the caller
    /// would itself answer.
    pub(crate) async fn call(
        &self,
        inbound: &Inbound,
        target: &'static str,
        method: Method,
        path: &str,
    ) -> Result<StatusCode, StatusCode> {
        let url = format!("http://{target}{path}");
        let begun = SystemTime::now();
        let context = self.client_span(
            inbound,
            begun,
            method.as_str().to_owned(),
            vec![
                KeyValue::new(HTTP_REQUEST_METHOD, method.as_str().to_owned()),
                KeyValue::new(URL_FULL, url),
                KeyValue::new(SERVER_ADDRESS, target),
                KeyValue::new(SERVER_PORT, 80),
            ],
        );
        let mut request = self
            .0
            .client
            .request(method.clone(), format!("http://{}{path}", self.0.outbound))
            .header(HOST, target)
            .header(PLAN_HEADER, serde_json::to_string(&*inbound.plan).unwrap_or_default());
        for (name, value) in telemetry::inject(&context) {
            request = request.header(name, value);
        }
        let (status, target_version, counts) = outcome(request.send().await);
        // The span and the ledger are to say the same to the nanosecond.
        let ended = SystemTime::now();
        end_span_at(&context, status, &SpanKind::Client, ended);
        let edge = Edge {
            source_version: Some(self.workload().version),
            target_version,
            ..Edge::http(self.workload().service, target)
        };
        self.ledger().record_route(&RouteCall {
            edge: &edge,
            method: method.as_str(),
            path,
            status: status.as_u16(),
            counts,
            took: ended.duration_since(begun).unwrap_or_default(),
        });
        self.ledger().record(edge, counts);
        if status.is_server_error() { Err(StatusCode::BAD_GATEWAY) } else { Ok(status) }
    }

    /// Runs a statement, which is a wait in a CLIENT span, and counts it. An error becomes a 500.
    pub(crate) async fn query(&self, inbound: &Inbound, statement: &Statement) -> Result<(), StatusCode> {
        let context = self.client_span(
            inbound,
            SystemTime::now(),
            format!("{} {}", statement.operation, statement.namespace),
            vec![
                KeyValue::new(DB_SYSTEM_NAME, statement.system),
                KeyValue::new(DB_NAMESPACE, statement.namespace),
                KeyValue::new(DB_OPERATION_NAME, statement.operation),
                KeyValue::new(DB_QUERY_TEXT, statement.text),
                KeyValue::new(SERVER_ADDRESS, statement.host),
                KeyValue::new(SERVER_PORT, statement.port),
            ],
        );
        self.work(inbound, statement.text, statement.median_ms).await;
        if let Some(code) = statement.error {
            context.span().set_attribute(KeyValue::new(DB_RESPONSE_STATUS_CODE, code));
            context.span().set_attribute(KeyValue::new(ERROR_TYPE, code));
            context.span().set_status(Status::error("the database refused the statement"));
        }
        context.span().end();
        // A number is no name to know a database by, so that its host stands for it.
        let is_named = statement.namespace.parse::<u32>().is_err();
        let target = if is_named { statement.namespace } else { statement.host };
        self.record_peer(target, EdgeKind::Database, Some(statement.system), statement.error.is_some());
        if statement.error.is_some() { Err(StatusCode::INTERNAL_SERVER_ERROR) } else { Ok(()) }
    }

    /// Calls somebody outside of the mesh, past the sidecar, and counts it. A failure becomes a 502.
    pub(crate) async fn call_external(
        &self,
        inbound: &Inbound,
        host: &'static str,
        path: &str,
        status: StatusCode,
    ) -> Result<(), StatusCode> {
        let context = self.client_span(
            inbound,
            SystemTime::now(),
            "POST".to_owned(),
            vec![
                KeyValue::new(HTTP_REQUEST_METHOD, "POST"),
                KeyValue::new(URL_FULL, format!("https://{host}{path}")),
                KeyValue::new(SERVER_ADDRESS, host),
                KeyValue::new(SERVER_PORT, 443),
            ],
        );
        self.work(inbound, host, 20.0).await;
        end_span(&context, status, &SpanKind::Client);
        self.record_peer(host, EdgeKind::External, None, status.is_server_error());
        if status.is_server_error() { Err(StatusCode::BAD_GATEWAY) } else { Ok(()) }
    }

    /// Counts one exchange with something that is no service of the mesh.
    pub(crate) fn record_peer(
        &self,
        target: &'static str,
        kind: EdgeKind,
        system: Option<&'static str>,
        failed: bool,
    ) {
        let source_version = Some(self.workload().version);
        let edge = Edge { source_version, kind, system, ..Edge::http(self.workload().service, target) };
        self.ledger().record(edge, Counts::one(failed));
    }

    fn client_span(
        &self,
        inbound: &Inbound,
        begun: SystemTime,
        name: String,
        attributes: Vec<KeyValue>,
    ) -> Context {
        let span = self
            .tracer()
            .span_builder(name)
            .with_kind(SpanKind::Client)
            .with_start_time(begun)
            .with_attributes(attributes)
            .start_with_context(self.tracer(), &inbound.context);
        inbound.context.with_span(span)
    }
}

/// What came back through the sidecar: the status, the version that answered, and the counts.
pub(crate) fn outcome(answer: reqwest::Result<reqwest::Response>) -> (StatusCode, Option<String>, Counts) {
    let Ok(answer) = answer else {
        // The sidecar itself is gone, which only happens when the mesh is being stopped.
        let counts = Counts { connection_failures: 1, attempts: 0, ..Counts::one(true) };
        return (StatusCode::BAD_GATEWAY, None, counts);
    };
    let status = answer.status();
    let flags = header(answer.headers(), FLAGS_HEADER).unwrap_or_default();
    let refused = flags.split(',').any(|flag| flag == "UF");
    let tries = header(answer.headers(), ATTEMPTS_HEADER).and_then(|text| text.parse().ok()).unwrap_or(1);
    let counts = Counts {
        requests: 1,
        errors: u64::from(status.is_server_error()),
        attempts: if refused { 0 } else { tries },
        timeouts: u64::from(flags.split(',').any(|flag| flag == "UT")),
        connection_failures: u64::from(refused),
    };
    (status, header(answer.headers(), SERVED_BY_HEADER).map(str::to_owned), counts)
}

//! `GET /api/v1/traces`, which searches, and `GET /api/v1/traces/{id}`, which tells one trace whole.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::graph::Source;

/// The answer of `GET /api/v1/traces`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TracesResponse {
    /// The traces that were found, in the order that was asked for.
    pub traces: Vec<TraceSummary>,
    /// How far the search went.
    pub search: SearchExtent,
}

/// How far a search went.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SearchExtent {
    /// Start of what was looked through, RFC 3339 UTC. Later than the asked range where the limit was reached before.
    pub from: String,
    /// End of what was looked through, exclusive, RFC 3339 UTC.
    pub to: String,
    /// Whether there may be more than is given.
    pub truncated: bool,
    /// The conditions as they were understood, one for each, in the words of the query language.
    pub conditions: Vec<String>,
}

/// One trace in a list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TraceSummary {
    /// Lower-case hexadecimal, 32 digits.
    pub trace_id: String,
    /// Start of its first span, RFC 3339 UTC with nanoseconds.
    pub start: String,
    /// From its first start to its last end, ms.
    pub duration_ms: f64,
    /// The service of its first span.
    pub service: String,
    /// Name of its first span.
    pub name: String,
    /// Method and template of the first span that has a route.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    /// HTTP status of its first span that has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_status: Option<u16>,
    /// Whether its first span failed.
    pub is_error: bool,
    /// Spans as stored so far.
    pub span_count: u32,
    /// Spans that failed.
    pub error_count: u32,
    /// The services in it, in the order in which they start; proxies count as what they stand before.
    pub services: Vec<String>,
    /// The span that met the conditions; the longest where several did.
    pub matched: SpanMatch,
    /// How many of its spans met the conditions.
    pub matched_count: u32,
}

/// A span that met the conditions of a search.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SpanMatch {
    /// Lower-case hexadecimal, 16 digits.
    pub span_id: String,
    /// Start, RFC 3339 UTC with nanoseconds.
    pub start: String,
    /// Duration, ms.
    pub duration_ms: f64,
    /// Who made it.
    pub service: String,
    /// Version of that service, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Name of the operation.
    pub name: String,
    /// Whether it failed.
    pub is_error: bool,
}

/// The answer of `GET /api/v1/traces/complete`: what may stand where the cursor is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CompletionResponse {
    /// What is offered.
    pub completion: Completion,
}

/// What may stand at a place of a query.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Completion {
    /// First character that is replaced, counted in Unicode characters.
    pub from: u32,
    /// Behind the last one.
    pub to: u32,
    /// What may stand there, best first.
    pub items: Vec<CompletionItem>,
    /// Why the query as it stands cannot be understood, in words; none where it can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<QueryProblem>,
}

/// One offer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CompletionItem {
    /// The text to put there, quoted where it must be.
    pub text: String,
    /// What it is, in a few words: `service`, `attribute, 12 values`.
    pub about: String,
}

/// Why a query cannot be understood, and where.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct QueryProblem {
    /// In words, with what is expected.
    pub message: String,
    /// First character of the place, counted in Unicode characters.
    pub from: u32,
    /// Behind its last one.
    pub to: u32,
}

/// The answer of `GET /api/v1/traces/{id}`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TraceResponse {
    /// The trace.
    pub trace: Trace,
}

/// One trace as stored so far. All times in it are nanoseconds after `start`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Trace {
    /// Lower-case hexadecimal, 32 digits.
    pub trace_id: String,
    /// Start of its first span, RFC 3339 UTC with nanoseconds.
    pub start: String,
    /// From its first start to its last end.
    pub duration_ns: u64,
    /// Spans in the order of the tree: a parent before its children, children by their start.
    pub spans: Vec<TraceSpan>,
    /// How many spans are stored; more than are given where there are too many.
    pub span_count: u64,
    /// Attributes of the resources that spans name by their place here.
    pub resources: Vec<BTreeMap<String, String>>,
    /// What decided how long it took: pieces that do not overlap, from the first to the last.
    pub critical_path: Vec<CriticalPiece>,
    /// Who called whom in it, each call once, as on the graph.
    pub calls: Vec<TraceCall>,
    /// Log records and lines of access logs that name the trace, by their time.
    pub logs: Vec<TraceLog>,
    /// How many there are; more than are given where there are too many.
    pub log_count: u64,
    /// What is odd about it, worst first.
    pub warnings: Vec<TraceWarning>,
}

/// One span of a trace.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[expect(clippy::struct_excessive_bools, reason = "four facts that do not depend on each other")]
pub struct TraceSpan {
    /// Lower-case hexadecimal, 16 digits.
    pub span_id: String,
    /// The parent it names, stored or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_span_id: Option<String>,
    /// Place of the parent in `spans`, where it is stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<u32>,
    /// How far below its root it stands; 0 for a root.
    pub depth: u32,
    /// Number of its hop: connected spans of one workload, its proxies' among them, have the same.
    pub hop: u32,
    /// Start, ns after the start of the trace.
    pub offset_ns: i64,
    /// Duration, ns.
    pub duration_ns: u64,
    /// The part of it in which no child was at work, ns.
    pub self_ns: u64,
    /// Who made it.
    pub service: String,
    /// Version of that service, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// `service.instance.id`, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// Name of the operation.
    pub name: String,
    /// `SERVER`, `CLIENT`, `PRODUCER`, `CONSUMER`, `INTERNAL` or `UNSPECIFIED`.
    pub kind: String,
    /// `http`, `grpc`, `sql`, `messaging`, `rpc` or `unknown`.
    pub protocol: String,
    /// Method of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Template of the request's path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    /// HTTP status of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_status: Option<u16>,
    /// `OK`, `ERROR` or `UNSET`, as the span states itself.
    pub status_code: String,
    /// The text beside the status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_message: Option<String>,
    /// Whether it failed.
    pub is_error: bool,
    /// Whether it failed by a time-out.
    pub is_timeout: bool,
    /// Whether a proxy made it.
    pub is_proxy: bool,
    /// Whether it lies on the critical path.
    pub is_critical: bool,
    /// What it calls, where it names it: a database, a queue, a host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<String>,
    /// Name of the instrumentation scope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Its attributes as text.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// Place of its resource in `resources`.
    pub resource: u32,
    /// Its events, by their time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<SpanEvent>,
    /// Spans of this and other traces that it names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<SpanLink>,
    /// Whether OpenTelemetry or X-Ray tells of it.
    pub evidence: Option<Source>,
}

/// Something that happened during a span.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SpanEvent {
    /// When, ns after the start of the trace.
    pub offset_ns: i64,
    /// What.
    pub name: String,
    /// More about it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
}

/// Another span that a span names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SpanLink {
    /// Its trace.
    pub trace_id: String,
    /// The span.
    pub span_id: String,
    /// More about it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
}

/// A piece of the critical path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CriticalPiece {
    /// Place of the span in `spans`.
    pub span: u32,
    /// Start, ns after the start of the trace.
    pub offset_ns: i64,
    /// Length, ns.
    pub duration_ns: u64,
}

/// Calls of one trace from one node to another.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TraceCall {
    /// Node id of the caller, as on the graph.
    pub source: String,
    /// Node id of the callee.
    pub target: String,
    /// How they spoke.
    pub protocol: String,
    /// Calls.
    pub requests: u32,
    /// Calls that failed.
    pub errors: u32,
    /// Tries beyond the first.
    pub retries: u32,
    /// Time they took together as the caller saw it, or else as the callee did, ns.
    pub total_ns: u64,
}

/// What a log line comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LogSource {
    /// A log record of an application.
    #[default]
    Log,
    /// A line of a proxy's access log.
    AccessLog,
}

/// A log line at its place in a trace.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TraceLog {
    /// When, ns after the start of the trace; an access log's line has the time at which its request began.
    pub offset_ns: i64,
    /// How long its request took, ns, for an access log's line that knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ns: Option<u64>,
    /// Place of its span in `spans`, where it names one that is stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub span: Option<u32>,
    /// Where it comes from.
    pub source: LogSource,
    /// `ERROR`, `INFO`, … where stated; of an access log's line `ERROR` where the request failed.
    pub severity: String,
    /// Who wrote it.
    pub service: String,
    /// What it says; of an access log's line method, path, status and flags.
    pub body: String,
    /// More about it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
}

/// What is odd about a trace.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TraceWarning {
    /// `missing_parent`, `several_roots`, `clock_skew`, `ends_after_parent`, `still_arriving`, `too_many_spans`,
    /// `no_end`, `loop`.
    pub kind: String,
    /// In words, with sizes and names.
    pub message: String,
    /// Places in `spans` of those it speaks of, the first hundred.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spans: Vec<u32>,
}

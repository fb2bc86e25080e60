//! One trace as it is stored: its spans with their shapes and resources, and the log lines that name it.

mod columns;
mod rows;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::rows::span::{Skeleton, SpanStatus, Traits};

use self::rows::{read_resources, read_shapes, read_spans};
use super::stored_traces::{Places, rows_since};
use super::{Store, StoreError};

/// A trace as stored so far.
#[derive(Clone, Debug, Default)]
pub struct StoredTrace {
    /// Its spans in no order; where there are more than were asked for, those that start first.
    pub spans: Vec<StoredSpan>,
    /// How many are stored.
    pub span_count: u64,
    /// Attributes of the resources that its spans name, by their numbers.
    pub resources: BTreeMap<u64, BTreeMap<String, String>>,
}

/// A span with all that it says.
#[derive(Clone, Debug)]
pub struct StoredSpan {
    /// Ids, times and what the graph needs.
    pub skeleton: Skeleton,
    /// What it shares with others.
    pub shape: Arc<StoredShape>,
    /// All attributes, those of its shape among them.
    pub attributes: BTreeMap<String, String>,
    /// The text beside its status, or empty.
    pub status_message: String,
    /// Its events as a JSON array, or empty.
    pub events: String,
    /// Its links as a JSON array, or empty.
    pub links: String,
}

/// What spans of one shape say beside [`Traits`]. Empty text was not said.
#[derive(Clone, Debug, Default)]
pub struct StoredShape {
    /// The resource.
    pub resource_id: u64,
    /// What the graph needs of it.
    pub traits: Arc<Traits>,
    /// The status that they state.
    pub status: SpanStatus,
    /// HTTP status of the answer; zero for none.
    pub http_status: u16,
    /// `service.instance.id`.
    pub instance: String,
    /// Name of the operation.
    pub name: String,
    /// Method of the request.
    pub method: String,
    /// Template of its path.
    pub route: String,
    /// What they call, by its name.
    pub peer: String,
    /// Name of the instrumentation scope.
    pub scope: String,
}

/// Log lines that name a trace.
#[derive(Clone, Debug, Default)]
pub struct StoredLogs {
    /// The first of them, by their time.
    pub lines: Vec<StoredLog>,
    /// How many there are.
    pub count: u64,
}

/// A log line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredLog {
    /// When, ns since 1970; of an access log's line when its request began.
    pub time_ns: i64,
    /// The span that it names, or zero.
    pub span_id: u64,
    /// Of an access log's line how long the request took, ns.
    pub duration_ns: Option<u64>,
    /// In words, or empty.
    pub severity: String,
    /// Who wrote it.
    pub service: String,
    /// What it says.
    pub body: String,
    /// More about it.
    pub attributes: BTreeMap<String, String>,
}

/// A kind of rows that may name a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LogKind {
    Log,
    AccessLog,
}

impl Store {
    /// The spans of a trace with all that they say, at most so many.
    pub fn trace(&self, trace_id: u128, most: usize) -> Result<StoredTrace, StoreError> {
        self.read("read a trace", |connection| {
            let places = Places::of(connection, self.index(), &[trace_id])?;
            let spans_at = places.spans();
            let of_trace = |sql: &str| {
                sql.replace("{spans}", &spans_at)
                    .replace("{trace_hi}", &((trace_id >> 64) as u64).to_string())
                    .replace("{trace_lo}", &(trace_id as u64).to_string())
            };
            let some = |sql: &str, limit: usize| {
                let found = of_trace(include_str!("../../sql/trace/spans.sql"));
                sql.replace("{found}", &found).replace("{limit}", &limit.to_string())
            };
            let any = some(include_str!("../../sql/trace/some_spans.sql"), most.saturating_add(1));
            let mut rows = read_spans(connection, &any)?;
            let mut span_count = rows.len() as u64;
            if rows.len() > most {
                drop(rows);
                let count = of_trace(include_str!("../../sql/trace/count_spans.sql"));
                span_count = connection.query_row(&count, [], |row| row.get(0))?;
                rows = read_spans(connection, &some(include_str!("../../sql/trace/first_spans.sql"), most))?;
            }
            let shapes = read_shapes(connection, &places.shapes(), &rows)?;
            let resources = read_resources(connection, &shapes)?;
            let spans = rows.into_iter().map(|row| row.with_shape(trace_id, &shapes)).collect();
            Ok(StoredTrace { spans, span_count, resources })
        })
    }

    /// Log records of a trace from one time to another, ns since 1970, at most so many.
    pub fn trace_logs(
        &self,
        trace_id: u128,
        times_ns: [i64; 2],
        most: usize,
    ) -> Result<StoredLogs, StoreError> {
        self.logs(LogKind::Log, trace_id, times_ns, most)
    }

    /// Lines of access logs of a trace, likewise.
    pub fn trace_access_logs(
        &self,
        trace_id: u128,
        times_ns: [i64; 2],
        most: usize,
    ) -> Result<StoredLogs, StoreError> {
        self.logs(LogKind::AccessLog, trace_id, times_ns, most)
    }

    fn logs(
        &self,
        kind: LogKind,
        trace_id: u128,
        [from_ns, to_ns]: [i64; 2],
        most: usize,
    ) -> Result<StoredLogs, StoreError> {
        let (sql, table, time) = match kind {
            LogKind::Log => (include_str!("../../sql/trace/logs.sql"), "logs", "time_ns"),
            LogKind::AccessLog => {
                (include_str!("../../sql/trace/access_logs.sql"), "access_logs", "start_ns")
            }
        };
        let of_trace = |sql: &str| {
            sql.replace("{trace_hi}", &((trace_id >> 64) as u64).to_string())
                .replace("{trace_lo}", &(trace_id as u64).to_string())
                .replace("{from_ns}", &from_ns.to_string())
                .replace("{to_ns}", &to_ns.to_string())
        };
        self.read("read the log lines of a trace", |connection| {
            let mut lines = Vec::new();
            let rows = rows_since(connection, self.index(), table, from_ns)?;
            let limited = of_trace(sql)
                .replace("{rows}", &rows)
                .replace("{limit}", &most.saturating_add(1).to_string());
            for batch in connection.prepare(&limited)?.query_arrow([])? {
                columns::log_lines(&batch, kind == LogKind::AccessLog, &mut lines);
            }
            let mut count = lines.len() as u64;
            if lines.len() > most {
                lines.truncate(most);
                let all = of_trace(include_str!("../../sql/trace/count_logs.sql"))
                    .replace("{rows}", &rows)
                    .replace("{time}", time);
                count = connection.query_row(&all, [], |row| row.get(0))?;
            }
            Ok(StoredLogs { lines, count })
        })
    }
}

//! Log records: what a source decodes, and the columns they become.

use std::borrow::Cow;

use super::Origin;

mod batch;

pub use batch::{LogBatch, LogBatchBuilder};

/// One log record as decoded, borrowed from its request.
#[derive(Clone, Debug, Default)]
pub struct LogRecord<'a> {
    /// When it happened, ns since 1970: the time it states, else the time at which it was observed, else the time at
    /// which it was received.
    pub time_ns: i64,
    /// When it was first seen by whoever collected it, ns since 1970; else when it was received.
    pub observed_ns: i64,
    /// The trace it belongs to; zero for none.
    pub trace_id: u128,
    /// The span it belongs to; zero for none.
    pub span_id: u64,
    /// Severity from 1 (the finest trace) to 24 (fatal), as in OTLP; zero where it states none.
    pub severity_number: u8,
    /// The severity's name at its source, or empty.
    pub severity_text: Cow<'a, str>,
    /// Who made it.
    pub origin: Origin<'a>,
    /// Name of the instrumentation scope, or empty.
    pub scope: &'a str,
    /// The kind of event it is, or empty.
    pub event_name: Cow<'a, str>,
    /// The message: text as it is, numbers in words, arrays and maps as JSON.
    pub body: Cow<'a, str>,
    /// All attributes as text, each key once: arrays and maps as JSON.
    pub attributes: &'a [(Cow<'a, str>, Cow<'a, str>)],
    /// The attributes of the resource it comes from.
    pub resource: &'a [(Cow<'a, str>, Cow<'a, str>)],
}

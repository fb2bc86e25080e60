//! How much of what is sent is taken.

use std::ops::RangeInclusive;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use sidecarta_queries::rows::access_log::AccessLogRow;
use sidecarta_queries::rows::log::LogRecord;

use crate::access_log::otlp::{self, OtlpAccessLogs};

/// What a request may hold. Over these limits records lose a part, or are rejected alone, or the request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeLimits {
    /// A span that started longer ago is rejected, and a log record or data point that is older. 14 days.
    pub max_age: Duration,
    /// A span that starts further in the future is rejected, and a log record or data point that lies there. 2 hours.
    pub max_future: Duration,
    /// Spans a request; one with more is refused. 200,000, which is 24 times what collectors send.
    pub max_spans: usize,
    /// Log records a request; one with more is refused. 200,000.
    pub max_log_records: usize,
    /// Data points a request; one with more is refused. 200,000.
    pub max_data_points: usize,
    /// Buckets of a data point, on each side of zero, and quantiles; a point with more is rejected. 10,000.
    pub max_buckets: usize,
    /// Bytes of a log record's message; longer ones are cut and say so. 64 KiB.
    pub max_message_bytes: usize,
    /// Attributes a record or resource; the others are dropped and counted in `otel.dropped_attributes_count`, save for
    /// those that the graph is made of. 256.
    pub max_attributes: usize,
    /// Bytes an attribute's value; longer ones are cut and say so. 16 KiB.
    pub max_value_bytes: usize,
    /// Bytes of a key, of a span's or metric's name and of every name that the graph shows. 512.
    pub max_name_bytes: usize,
    /// Events a span, and links a span; the others are dropped and counted. 128.
    pub max_events: usize,
    /// Bytes of a span's events as JSON, and of its links. 64 KiB.
    pub max_events_bytes: usize,
    /// Which log records are requests that a proxy logged.
    pub access_logs: AccessLogRules,
}

/// Which log records are requests that a proxy logged, and how they are read. Cheap to clone.
#[derive(Clone, Debug)]
pub struct AccessLogRules(Arc<OtlpAccessLogs>);

impl AccessLogRules {
    /// The rules of a configuration.
    pub fn new(rules: OtlpAccessLogs) -> Self {
        Self(Arc::new(rules))
    }

    /// The request that a record tells of; none where it is an application's log.
    pub(super) fn row(&self, record: &LogRecord<'_>) -> Option<AccessLogRow> {
        self.0.row(&otlp::LogRecord {
            time_ns: record.time_ns,
            observed_at_ns: record.observed_ns,
            trace_id: record.trace_id,
            span_id: record.span_id,
            body: record.body.clone(),
            attributes: record.attributes,
            resource: record.resource,
            scope: record.scope,
        })
    }
}

impl Default for AccessLogRules {
    /// What Envoy says of its own logs.
    fn default() -> Self {
        static UNCONFIGURED: LazyLock<AccessLogRules> = LazyLock::new(|| {
            let rules = OtlpAccessLogs::new(&[]).unwrap_or_else(|error| unreachable!("{error}"));
            AccessLogRules::new(rules)
        });
        UNCONFIGURED.clone()
    }
}

impl PartialEq for AccessLogRules {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for AccessLogRules {}

impl Default for DecodeLimits {
    fn default() -> Self {
        Self {
            max_age: Duration::from_hours(14 * 24),
            max_future: Duration::from_hours(2),
            max_spans: 200_000,
            max_log_records: 200_000,
            max_data_points: 200_000,
            max_buckets: 10_000,
            max_message_bytes: 64 << 10,
            max_attributes: 256,
            max_value_bytes: 16 << 10,
            max_name_bytes: 512,
            max_events: 128,
            max_events_bytes: 64 << 10,
            access_logs: AccessLogRules::default(),
        }
    }
}

/// The times that records may have.
#[derive(Clone, Debug)]
pub(super) struct AcceptedTimes {
    /// When the request was received, ns since 1970.
    pub(super) received_at_ns: i64,
    accepted_ns: RangeInclusive<i64>,
}

impl AcceptedTimes {
    pub(super) fn new(received_at_ns: i64, limits: &DecodeLimits) -> Self {
        let nanoseconds = |span: Duration| i64::try_from(span.as_nanos()).unwrap_or(i64::MAX);
        Self {
            received_at_ns,
            // Zero is what a record without a time has, and no time to be stored.
            accepted_ns: received_at_ns.saturating_sub(nanoseconds(limits.max_age)).max(1)
                ..=received_at_ns.saturating_add(nanoseconds(limits.max_future)),
        }
    }

    /// A time, ns since 1970, if it is accepted.
    pub(super) fn accept(&self, time: u64) -> Option<i64> {
        i64::try_from(time).ok().filter(|time| self.accepted_ns.contains(time))
    }
}

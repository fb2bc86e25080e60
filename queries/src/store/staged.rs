//! What the writer was given and has not published, and what came of publishing it.

use crate::rows::access_log::{AccessLogBatch, AccessLogRow};
use crate::rows::envoy::EnvoyScrape;
use crate::rows::log::LogBatch;
use crate::rows::mesh::MeshScrape;
use crate::rows::metric::MetricBatch;
use crate::rows::span::SpanBatch;
use crate::rows::watch::WatchEvent;

/// What one call of [`Writer::publish`](super::Writer::publish) did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Published {
    /// Spans that queries see now and did not see before.
    pub spans: u64,
    /// Spans that were stored already.
    pub duplicates: u64,
    /// Scrapes of Envoys and of other targets that queries see now.
    pub scrapes: u64,
    /// Log records taken over.
    pub log_records: u64,
    /// Data points of metrics taken over.
    pub data_points: u64,
}

/// What is to be published: the rows of one request, with its number in the log.
pub(super) enum Staged {
    Spans(u64, SpanBatch),
    Envoy(u64, Box<EnvoyScrape>),
    Logs(u64, Sent<(LogBatch, Vec<AccessLogRow>)>),
    Metrics(u64, Sent<MetricBatch>),
    AccessLogs(u64, Box<AccessLogBatch>),
    Mesh(u64, Box<MeshScrape>),
    Watch(u64, Box<WatchEvent>),
}

/// Rows without ids, with the hash of the request that they came in.
pub(super) struct Sent<B> {
    pub(super) hash: u128,
    pub(super) batch: B,
}

impl Staged {
    /// The number of the request in the log.
    pub(super) fn sequence(&self) -> u64 {
        match self {
            Self::Spans(sequence, _)
            | Self::Envoy(sequence, _)
            | Self::Logs(sequence, _)
            | Self::Metrics(sequence, _)
            | Self::AccessLogs(sequence, _)
            | Self::Mesh(sequence, _)
            | Self::Watch(sequence, _) => *sequence,
        }
    }
}

//! What is counted of a series in a bucket of time.

use std::ops::Deref;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int16Builder, Int64Builder, ListBuilder, UInt32Builder, UInt64Builder};
use arrow::datatypes::{Field, Schema};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use duckdb::Connection;
use foldhash::HashMap;

use crate::dictionary::StatId;
use crate::rows::outcome::Outcome;
use crate::sketch::{Bins, log_bin};
use crate::trace::Contribution;

use super::Family;

/// Counts of requests. They add up, and a difference of counts is one too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Finished requests.
    pub requests: i64,
    /// Requests whose final outcome is a failure.
    pub errors: i64,
    /// Tries sent.
    pub attempts: i64,
    /// Tries beyond the first.
    pub retries: i64,
    /// Requests that timed out.
    pub timeouts: i64,
    /// Connections that could not be made.
    pub connection_failures: i64,
    /// TLS handshakes.
    pub tls_handshakes: i64,
}

impl Counts {
    /// From the columns of a rollup table, in their order.
    pub(super) fn of(columns: [i64; 7]) -> Self {
        let [requests, errors, attempts, retries, timeouts, connection_failures, tls_handshakes] = columns;
        Self { requests, errors, attempts, retries, timeouts, connection_failures, tls_handshakes }
    }

    /// The columns of a rollup table, in their order.
    fn columns(self) -> [i64; 7] {
        let Self { requests, errors, attempts, retries, timeouts, connection_failures, tls_handshakes } =
            self;
        [requests, errors, attempts, retries, timeouts, connection_failures, tls_handshakes]
    }

    /// Adds other counts, `times` times.
    pub fn merge(&mut self, other: Self, times: i64) {
        let (mut mine, theirs) = (self.columns(), other.columns());
        let both = mine.iter_mut().zip(theirs);
        // Nearly all is added once, and a multiplication that looks out for its limit costs more than all else here.
        if times == 1 {
            both.for_each(|(mine, theirs)| *mine = mine.saturating_add(theirs));
        } else {
            both.for_each(|(mine, theirs)| *mine = mine.saturating_add(theirs.saturating_mul(times)));
        }
        *self = Self::of(mine);
    }
}

/// Counts of requests and their latencies. Measures add up, and a difference of measures is one too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Measures {
    /// The counts.
    pub counts: Counts,
    /// Latency as the caller saw it.
    pub client: Bins,
    /// Latency as the callee saw it; of access logs what the proxy added to its upstream's.
    pub server: Bins,
    /// Counts of a proxy's statistics, or of how requests were answered, by their numbers in the
    /// [dictionary](crate::dictionary).
    pub stats: Bins,
}

impl Deref for Measures {
    type Target = Counts;

    fn deref(&self) -> &Counts {
        &self.counts
    }
}

impl Measures {
    /// Adds other measures, `times` times.
    pub fn merge(&mut self, other: &Self, times: i64) {
        self.counts.merge(other.counts, times);
        self.client.merge(&other.client, times);
        self.server.merge(&other.server, times);
        self.stats.merge(&other.stats, times);
    }

    /// Adds what a trace contributes, `times` times.
    pub fn add(&mut self, contribution: &Contribution, times: i64) {
        let counts = Counts {
            requests: 1,
            errors: i64::from(contribution.error),
            attempts: i64::from(contribution.attempts),
            retries: i64::from(contribution.attempts.saturating_sub(1)),
            timeouts: i64::from(contribution.timeout),
            ..Counts::default()
        };
        self.counts.merge(counts, times);
        if let Some(duration_ns) = contribution.client_ns {
            self.client.add(log_bin(duration_ns), times);
        }
        if let Some(duration_ns) = contribution.server_ns {
            self.server.add(log_bin(duration_ns), times);
        }
        self.add_outcome(contribution.outcome, times);
    }

    /// Adds what a trace contributes to a route: as [`Self::add`], save that where nobody knows how long it took the
    /// caller, what the callee says stands for that.
    pub fn add_to_route(&mut self, contribution: &Contribution, times: i64) {
        self.add(contribution, times);
        if let (None, Some(duration_ns)) = (contribution.client_ns, contribution.server_ns) {
            self.client.add(log_bin(duration_ns), times);
        }
    }

    /// Counts how a request was answered.
    pub(super) fn add_outcome(&mut self, outcome: Outcome, times: i64) {
        outcome.stats().for_each(|StatId(stat)| self.stats.add(stat, times));
    }

    /// Whether nothing is counted.
    pub fn is_zero(&self) -> bool {
        *self == Self::default()
    }
}

/// Measures by bucket, seconds since 1970, and series.
pub(super) type Rollup = HashMap<(i64, u32), Measures>;

/// What is counted of the series of each family.
#[derive(Debug, Default)]
pub(super) struct Rollups {
    pub(super) edges: Rollup,
    pub(super) routes: Rollup,
}

impl Rollups {
    pub(super) fn of(&self, family: Family) -> &Rollup {
        match family {
            Family::Edges => &self.edges,
            Family::Routes => &self.routes,
        }
    }

    /// Adds other rollups.
    pub(super) fn merge(&mut self, other: &Self) {
        for (into, from) in [(&mut self.edges, &other.edges), (&mut self.routes, &other.routes)] {
            for (key, measures) in from {
                into.entry(*key).or_default().merge(measures, 1);
            }
        }
    }

    pub(super) fn clear(&mut self) {
        self.edges.clear();
        self.routes.clear();
    }
}

/// Rows that DuckDB's appender takes at once. Of more it copies all the lists again for each part that it cuts off.
const CHUNK: usize = 2_048;

/// The rows of a rollup table, in chunks; with a generation, those of its in-memory counterpart. Sorted by bucket and
/// series.
pub(super) fn rollup_chunks(
    rollup: &Rollup,
    generation: Option<u64>,
) -> Result<Vec<RecordBatch>, ArrowError> {
    let mut rows: Vec<_> = rollup.iter().filter(|(_, measures)| !measures.is_zero()).collect();
    rows.sort_unstable_by_key(|&(key, _)| *key);
    rows.chunks(CHUNK).map(|chunk| rollup_columns(chunk, generation)).collect()
}

/// Adds a rollup to a table of the file.
pub(super) fn append_rollup(
    connection: &Connection,
    table: &str,
    rollup: &Rollup,
) -> Result<(), duckdb::Error> {
    let chunks = rollup_chunks(rollup, None)
        .map_err(|error| duckdb::Error::ToSqlConversionFailure(Box::new(error)))?;
    let mut appender = connection.appender_to_catalog_and_db(table, "store", "main")?;
    for chunk in chunks {
        appender.append_record_batch(chunk)?;
    }
    appender.flush()
}

fn rollup_columns(
    rows: &[(&(i64, u32), &Measures)],
    generation: Option<u64>,
) -> Result<RecordBatch, ArrowError> {
    let mut series = UInt32Builder::with_capacity(rows.len());
    let mut bucket = Int64Builder::with_capacity(rows.len());
    let mut counts: [Int64Builder; 7] = std::array::from_fn(|_| Int64Builder::with_capacity(rows.len()));
    let mut client = BinsBuilder::default();
    let mut server = BinsBuilder::default();
    let mut stats = BinsBuilder::default();
    for &(&(bucket_s, series_id), measures) in rows {
        series.append_value(series_id);
        bucket.append_value(bucket_s);
        let columns = measures.counts.columns();
        counts.iter_mut().zip(columns).for_each(|(builder, count)| builder.append_value(count));
        client.append(&measures.client);
        server.append(&measures.server);
        stats.append(&measures.stats);
    }
    let mut arrays: Vec<ArrayRef> = vec![Arc::new(bucket.finish()), Arc::new(series.finish())];
    arrays.extend(counts.iter_mut().map(|builder| Arc::new(builder.finish()) as ArrayRef));
    arrays.extend(client.finish());
    arrays.extend(server.finish());
    arrays.extend(stats.finish());
    if let Some(generation) = generation {
        let mut builder = UInt64Builder::with_capacity(rows.len());
        builder.append_value_n(generation, rows.len());
        arrays.push(Arc::new(builder.finish()));
    }
    let fields: Vec<Field> = arrays
        .iter()
        .enumerate()
        .map(|(number, array)| Field::new(format!("c{number}"), array.data_type().clone(), true))
        .collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
}

#[derive(Default)]
struct BinsBuilder {
    bins: ListBuilder<Int16Builder>,
    counts: ListBuilder<Int64Builder>,
}

impl BinsBuilder {
    fn append(&mut self, bins: &Bins) {
        for (bin, count) in bins.iter() {
            self.bins.values().append_value(bin);
            self.counts.values().append_value(count);
        }
        self.bins.append(true);
        self.counts.append(true);
    }

    fn finish(mut self) -> [ArrayRef; 2] {
        [Arc::new(self.bins.finish()), Arc::new(self.counts.finish())]
    }
}

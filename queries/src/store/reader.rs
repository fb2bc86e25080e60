//! The readers' side of the store.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::AsArray;
use arrow::datatypes::{Int16Type, Int64Type, UInt32Type};
use duckdb::Connection;

use crate::sketch::Bins;

use super::tiers::{self, TimeRange};
use super::{Directory, Measures, SharedDirectory, StoreError, StoreOptions, database, read_directory};

/// One row of the rollups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RollupRow {
    /// Start of the bucket, seconds since 1970.
    pub bucket_s: i64,
    /// What is counted, see [`Directory::series`].
    pub series_id: u32,
    /// The counts.
    pub measures: Measures,
}

/// Read access to the store. Cheap to clone. Calls block, so an asynchronous caller runs them on a blocking thread.
#[derive(Clone)]
pub struct Store {
    pool: Arc<Mutex<Vec<Connection>>>,
    directory: SharedDirectory,
    options: Arc<StoreOptions>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Store").field("options", &self.options).finish_non_exhaustive()
    }
}

impl Store {
    pub(super) fn new(connection: Connection, options: &StoreOptions, directory: SharedDirectory) -> Self {
        Self { pool: Arc::new(Mutex::new(vec![connection])), directory, options: Arc::new(options.clone()) }
    }

    /// Looks into the dictionary.
    pub fn directory<T>(&self, read: impl FnOnce(&Directory) -> T) -> T {
        read_directory(&self.directory, read)
    }

    /// The database file.
    pub fn database_path(&self) -> PathBuf {
        self.options.database_path()
    }

    /// The folder of the log.
    pub fn log_dir(&self) -> PathBuf {
        self.options.log_dir()
    }

    /// Asks something in one transaction, which sees one state of the store.
    pub(super) fn read<T>(
        &self,
        action: &'static str,
        ask: impl FnOnce(&Connection) -> Result<T, duckdb::Error>,
    ) -> Result<T, StoreError> {
        let connection = self.connection()?;
        let read = || {
            connection.execute_batch("BEGIN TRANSACTION READ ONLY")?;
            let answer = ask(&connection);
            connection.execute_batch("ROLLBACK")?;
            answer
        };
        let answer = read().map_err(database(action));
        self.pool.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        answer
    }

    /// A connection out of the pool; the last one there is only copied.
    fn connection(&self) -> Result<Connection, StoreError> {
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        if pool.len() > 1
            && let Some(connection) = pool.pop()
        {
            return Ok(connection);
        }
        pool[0].try_clone().map_err(database("open a connection"))
    }

    /// Calls `take` with every rollup row of a time range, in no order. Rows of one series add up.
    pub fn rollups(&self, range: TimeRange, mut take: impl FnMut(RollupRow)) -> Result<(), StoreError> {
        self.read("read its rollups", |connection| {
            let ranges = tiers::ranges(range, tiers::sealed(connection)?);
            let mut statement = connection.prepare(include_str!("../../sql/graph/rollups.sql"))?;
            for batch in statement.query_arrow(duckdb::params_from_iter(ranges))? {
                let buckets = batch.column(0).as_primitive::<Int64Type>();
                let series = batch.column(1).as_primitive::<UInt32Type>();
                let counts: [_; 7] = std::array::from_fn(|n| batch.column(n + 2).as_primitive::<Int64Type>());
                let bins = |row: usize, first: usize| -> Bins {
                    let bins = batch.column(first).as_list::<i32>().value(row);
                    let counts = batch.column(first + 1).as_list::<i32>().value(row);
                    let bins = bins.as_primitive::<Int16Type>().values();
                    bins.iter()
                        .copied()
                        .zip(counts.as_primitive::<Int64Type>().values().iter().copied())
                        .collect()
                };
                for row in 0..batch.num_rows() {
                    let [requests, errors, attempts, retries, timeouts, connection_failures, tls_handshakes] =
                        counts.map(|column| column.value(row));
                    let (client, server) = (bins(row, 9), bins(row, 11));
                    let measures = Measures {
                        requests,
                        errors,
                        attempts,
                        retries,
                        timeouts,
                        connection_failures,
                        tls_handshakes,
                        client,
                        server,
                    };
                    take(RollupRow { bucket_s: buckets.value(row), series_id: series.value(row), measures });
                }
            }
            Ok(())
        })
    }

    /// Number of spans that queries see.
    pub fn span_count(&self) -> Result<u64, StoreError> {
        self.read("count its spans", |connection| {
            connection.query_row(include_str!("../../sql/questions/span_count.sql"), [], |row| row.get(0))
        })
    }

    /// Version of DuckDB.
    pub fn duckdb_version(&self) -> Result<String, StoreError> {
        self.read("tell its version", Connection::version)
    }
}

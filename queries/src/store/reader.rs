//! The readers' side of the store.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Int16Type, Int64Type, UInt32Type};
use duckdb::{Connection, Statement};

use crate::rows::span::VaryingKeys;
use crate::sketch::Bins;

use super::selection::{ANY_LENGTH_S, Detail, Selection};
use super::shapes::SharedVarying;
use super::tiers::{self, Family, Part, TimeRange};
use super::totals::{PastTotals, RunningTotals, SeriesTotal, SpareBuffer, WantedSeries};
use super::trace_index::{SharedTraceIndex, TraceIndexSize};
use super::{
    Counts, Directory, Measures, SharedDirectory, StoreError, StoreOptions, database, read_directory,
};

/// One row of the rollups, borrowed from what the database gave.
#[derive(Clone, Copy, Debug)]
pub struct RollupRow<'a> {
    /// Start of the bucket, seconds since 1970.
    pub bucket_s: i64,
    /// What is counted, see [`Directory::series`] and [`Directory::route_series`].
    pub series_id: u32,
    /// What is counted of it; zero where it was not asked for.
    pub counts: Counts,
    /// Latency as the caller saw it: bins, and as many counts.
    pub client: (&'a [i16], &'a [i64]),
    /// Latency as the callee saw it; of access logs what the proxy added.
    pub server: (&'a [i16], &'a [i64]),
    /// Statistics of a proxy, by their numbers in the [dictionary](crate::dictionary); empty where they were not asked for.
    pub stats: (&'a [i16], &'a [i64]),
}

impl RollupRow<'_> {
    /// What is counted, as a value of its own.
    pub fn measures(&self) -> Measures {
        let bins = |(bins, counts): (&[i16], &[i64])| {
            Bins::from_sorted(bins.iter().copied().zip(counts.iter().copied()))
        };
        let (client, server, stats) = (bins(self.client), bins(self.server), bins(self.stats));
        Measures { counts: self.counts, client, server, stats }
    }
}

/// How many rows of each kind there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RowCounts {
    /// Spans.
    pub spans: u64,
    /// Log records of applications.
    pub log_records: u64,
    /// Data points of metrics.
    pub data_points: u64,
    /// Lines of access logs.
    pub access_logs: u64,
}

/// Read access to the store. Cheap to clone. Calls block, so an asynchronous caller runs them on a blocking thread.
#[derive(Clone)]
pub struct Store {
    pool: Arc<Mutex<Vec<Connection>>>,
    directory: SharedDirectory,
    varying: SharedVarying,
    index: SharedTraceIndex,
    past: PastTotals,
    spare: SpareBuffer,
    options: Arc<StoreOptions>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Store").field("options", &self.options).finish_non_exhaustive()
    }
}

impl Store {
    pub(super) fn new(
        connection: Connection,
        options: &StoreOptions,
        directory: SharedDirectory,
        varying: SharedVarying,
        index: SharedTraceIndex,
    ) -> Self {
        let pool = Arc::new(Mutex::new(vec![connection]));
        Self {
            pool,
            directory,
            varying,
            index,
            past: PastTotals::default(),
            spare: SpareBuffer::default(),
            options: Arc::new(options.clone()),
        }
    }

    /// The keys that decoders are to keep out of shapes, as far as they are known by now.
    pub fn varying_keys(&self) -> Arc<VaryingKeys> {
        self.varying.get()
    }

    /// Looks into the dictionary.
    pub fn directory<T>(&self, read: impl FnOnce(&Directory) -> T) -> T {
        read_directory(&self.directory, read)
    }

    /// What the database takes on disk, bytes: its file, and DuckDB's log of what is not in it yet.
    pub fn database_bytes(&self) -> u64 {
        let file = self.options.database_path();
        let mut log = file.clone().into_os_string();
        log.push(".wal");
        let size = |path: &Path| std::fs::metadata(path).map_or(0, |metadata| metadata.len());
        size(&file) + size(Path::new(&log))
    }

    /// What finds traces by their ids.
    pub(super) fn index(&self) -> &SharedTraceIndex {
        &self.index
    }

    /// How large the index is that finds traces by their ids.
    pub fn trace_index_size(&self) -> TraceIndexSize {
        self.index.read(super::trace_index::TraceIndex::size)
    }

    /// The folder of the log.
    pub fn log_dir(&self) -> PathBuf {
        self.options.log_dir()
    }

    /// Asks something in one transaction, which sees one state of the store.
    pub(crate) fn read<T>(
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

    /// A connection for one search, which may keep tables of its own until it is dropped.
    pub(crate) fn connection_for_search(&self) -> Result<Connection, StoreError> {
        let pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        pool[0].try_clone().map_err(database("open a connection"))
    }

    /// Time that a search may take.
    pub(crate) fn search_time(&self) -> Duration {
        self.options.search_time
    }

    /// What every edge counts over a time range, by the numbers of the series. Buckets from `settled_before_s` on are
    /// not settled.
    pub fn totals(
        &self,
        range: TimeRange,
        settled_before_s: i64,
    ) -> Result<Vec<(u32, SeriesTotal)>, StoreError> {
        self.whole_totals(Family::Edges, range, settled_before_s, None)
    }

    /// The same as counts alone, which is quicker.
    pub fn counts(
        &self,
        range: TimeRange,
        settled_before_s: i64,
    ) -> Result<Vec<(u32, SeriesTotal)>, StoreError> {
        let mut totals = self.spare.totals();
        let selection = Selection { detail: Detail::Counts, ..Selection::of(Family::Edges, range) };
        self.rows(&selection, |row| totals.add(row, settled_before_s))?;
        Ok(totals.finish(&self.spare))
    }

    /// Everything that these series of routes count over a time range, by their numbers.
    pub fn route_totals(
        &self,
        range: TimeRange,
        series: &[u32],
    ) -> Result<Vec<(u32, SeriesTotal)>, StoreError> {
        /// Beyond so many, sums over the past that are kept are quicker than looking them up one by one, where there are any:
        /// over hours that are past.
        const FEW: usize = 512;
        const PAST_S: i64 = 2 * 3_600;
        if series.len() > FEW && range.seconds() > PAST_S {
            return self.whole_totals(Family::Routes, range, i64::MAX, Some(&WantedSeries::of(series)));
        }
        let mut totals = self.spare.totals();
        let selection = Selection { series: Some(series), ..Selection::of(Family::Routes, range) };
        self.rows(&selection, |row| totals.add(row, i64::MAX))?;
        Ok(totals.finish(&self.spare))
    }

    fn whole_totals(
        &self,
        family: Family,
        range: TimeRange,
        settled_before_s: i64,
        wanted: Option<&WantedSeries>,
    ) -> Result<Vec<(u32, SeriesTotal)>, StoreError> {
        let mut totals = self.spare.totals();
        let detail = if family == Family::Edges { Detail::Latency } else { Detail::All };
        let whole = Selection { detail, ..Selection::of(family, range) };
        let is_wanted = |row: RollupRow<'_>| wanted.is_none_or(|wanted| wanted.contains(row.series_id));
        self.read("read its rollups", |connection| {
            for part in tiers::parts(family, range, ANY_LENGTH_S, tiers::progress(connection)?) {
                if part.version.is_none() {
                    read_part(connection, &part, &whole, |row| {
                        if is_wanted(row) {
                            totals.add(row, settled_before_s);
                        }
                    })?;
                } else if !self.past.add_to(&part, wanted, &mut totals) {
                    let mut sum = RunningTotals::default();
                    read_part(connection, &part, &whole, |row| sum.add(row, settled_before_s))?;
                    self.past.keep(part, sum, wanted, &mut totals);
                }
            }
            read_hot(connection, &whole, |row| {
                if is_wanted(row) {
                    totals.add(row, settled_before_s);
                }
            })
        })?;
        Ok(totals.finish(&self.spare))
    }

    /// Calls `take` with every rollup row of edges in a time range, in no order. Rows of one series add up.
    pub fn rollups(&self, range: TimeRange, take: impl FnMut(RollupRow<'_>)) -> Result<(), StoreError> {
        self.rows(&Selection::of(Family::Edges, range), take)
    }

    /// Calls `take` with the rollup rows of a selection, in no order. Rows of one series add up.
    pub fn rows(
        &self,
        selection: &Selection<'_>,
        mut take: impl FnMut(RollupRow<'_>),
    ) -> Result<(), StoreError> {
        if selection.series.is_some_and(<[u32]>::is_empty) {
            return Ok(());
        }
        let Selection { family, range, longest_s, .. } = *selection;
        self.read("read its rollups", |connection| {
            for part in tiers::parts(family, range, longest_s, tiers::progress(connection)?) {
                read_part(connection, &part, selection, &mut take)?;
            }
            read_hot(connection, selection, take)
        })
    }

    /// Everything that some series count over a time range, statistics of proxies among it, by the numbers of the series.
    pub fn measures(&self, range: TimeRange, series: &[u32]) -> Result<BTreeMap<u32, Measures>, StoreError> {
        let mut sums: BTreeMap<u32, Measures> = BTreeMap::new();
        let selection = Selection { series: Some(series), ..Selection::of(Family::Edges, range) };
        self.rows(&selection, |row| sums.entry(row.series_id).or_default().merge(&row.measures(), 1))?;
        Ok(sums)
    }

    /// The numbers of the series that count something over a time range: what the graph is made of without its numbers,
    /// at a fraction of the cost.
    pub fn active_series(&self, range: TimeRange) -> Result<Vec<u32>, StoreError> {
        let mut sums: BTreeMap<u32, i64> = BTreeMap::new();
        self.read("read what was counted", |connection| {
            let progress = tiers::progress(connection)?;
            let parts = tiers::parts(Family::Edges, range, ANY_LENGTH_S, progress).into_iter().map(|part| {
                let sql = include_str!("../../sql/graph/active_series.sql");
                (sql.replace("{tier}", &format!("store.{}", part.table)), part.bounds.to_vec())
            });
            let hot = include_str!("../../sql/graph/active_hot_series.sql").to_owned();
            for (sql, bounds) in parts.chain([(hot, vec![range.from_s, range.to_s])]) {
                let mut statement = connection.prepare(&sql)?;
                let mut rows = statement.query(duckdb::params_from_iter(bounds))?;
                while let Some(row) = rows.next()? {
                    *sums.entry(row.get(0)?).or_default() += row.get::<_, i64>(1)?;
                }
            }
            Ok(())
        })?;
        Ok(sums.into_iter().filter(|&(_, sum)| sum > 0).map(|(series, _)| series).collect())
    }

    /// How many rows of each kind queries see.
    pub fn row_counts(&self) -> Result<RowCounts, StoreError> {
        self.read("count its rows", |connection| {
            connection.query_row(include_str!("../../sql/questions/row_counts.sql"), [], |row| {
                Ok(RowCounts {
                    spans: row.get(0)?,
                    log_records: row.get(1)?,
                    data_points: row.get(2)?,
                    access_logs: row.get(3)?,
                })
            })
        })
    }

    /// Version of DuckDB.
    pub fn duckdb_version(&self) -> Result<String, StoreError> {
        self.read("tell its version", Connection::version)
    }
}

fn read_part(
    connection: &Connection,
    part: &Part,
    selection: &Selection<'_>,
    take: impl FnMut(RollupRow<'_>),
) -> Result<(), duckdb::Error> {
    let sql = include_str!("../../sql/graph/rollups.sql").replace("{tier}", part.table);
    read_rows(&mut connection.prepare(&selection.filled_in(&sql))?, &part.bounds, take)
}

fn read_hot(
    connection: &Connection,
    selection: &Selection<'_>,
    take: impl FnMut(RollupRow<'_>),
) -> Result<(), duckdb::Error> {
    let sql = include_str!("../../sql/graph/hot_rollups.sql").replace("{hot}", selection.family.hot());
    let range = selection.range;
    read_rows(&mut connection.prepare(&selection.filled_in(&sql))?, &[range.from_s, range.to_s], take)
}

pub(super) fn read_rows(
    statement: &mut Statement<'_>,
    bounds: &[i64],
    mut take: impl FnMut(RollupRow<'_>),
) -> Result<(), duckdb::Error> {
    for batch in statement.query_arrow(duckdb::params_from_iter(bounds))? {
        let buckets = batch.column(0).as_primitive::<Int64Type>().values();
        let series = batch.column(1).as_primitive::<UInt32Type>().values();
        // Those that were not asked for are not there.
        let has = |column| batch.num_columns() > column;
        let counts: [Option<&[i64]>; 7] = std::array::from_fn(|number| {
            let column = number + 2;
            has(column).then(|| &**batch.column(column).as_primitive::<Int64Type>().values())
        });
        let bins = |column| has(column).then(|| BinColumns::of(&batch, column));
        let (client, server, stats) = (bins(9), bins(11), bins(13));
        for row in 0..batch.num_rows() {
            take(RollupRow {
                bucket_s: buckets[row],
                series_id: series[row],
                counts: Counts::of(counts.map(|column| column.map_or(0, |column| column[row]))),
                client: row_of(client.as_ref(), row),
                server: row_of(server.as_ref(), row),
                stats: row_of(stats.as_ref(), row),
            });
        }
    }
    Ok(())
}

fn row_of<'a>(bins: Option<&BinColumns<'a>>, row: usize) -> (&'a [i16], &'a [i64]) {
    bins.map_or_else(Default::default, |bins| bins.row(row))
}

/// Two list columns, of bins and of their counts.
struct BinColumns<'a> {
    bin_offsets: &'a [i32],
    bins: &'a [i16],
    count_offsets: &'a [i32],
    counts: &'a [i64],
}

impl<'a> BinColumns<'a> {
    fn of(batch: &'a RecordBatch, column: usize) -> Self {
        let (bins, counts) =
            (batch.column(column).as_list::<i32>(), batch.column(column + 1).as_list::<i32>());
        Self {
            bin_offsets: bins.value_offsets(),
            bins: bins.values().as_primitive::<Int16Type>().values(),
            count_offsets: counts.value_offsets(),
            counts: counts.values().as_primitive::<Int64Type>().values(),
        }
    }

    fn row(&self, row: usize) -> (&'a [i16], &'a [i64]) {
        let range = |offsets: &[i32]| offsets[row] as usize..offsets[row + 1] as usize;
        (&self.bins[range(self.bin_offsets)], &self.counts[range(self.count_offsets)])
    }
}

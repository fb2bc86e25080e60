//! The one writer.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{Array, BooleanArray, MapBuilder, StringBuilder, UInt64Array, UInt64Builder};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;
use duckdb::Connection;

use crate::rows::envoy::EnvoyScrape;
use crate::rows::span::{Resource, SpanBatch};
use crate::sketch::envoy_bin;
use crate::trace::{BUCKET_SECONDS, contributions};

use super::directory::SeriesKey;
use super::measures::{Measures, Rollup, merge_rollup, rollup_columns};
use super::partitions::{Partitions, reset_hot_spans};
use super::window::{SeenTraces, Window};
use super::{
    Directory, SharedDirectory, StoreError, StoreOptions, database, late, read_directory, tiers,
    write_directory,
};

/// What one call of [`Writer::publish`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Published {
    /// Spans that queries see now and did not see before.
    pub spans: u64,
    /// Spans that were stored already.
    pub duplicates: u64,
    /// Envoy scrapes that queries see now.
    pub scrapes: u64,
}

/// The writer of the store. There is one, and it lives on one thread.
pub struct Writer {
    connection: Connection,
    options: StoreOptions,
    partitions: Partitions,
    directory: SharedDirectory,
    window: Window,
    seen: SeenTraces,
    known_resources: HashSet<u64>,
    new_resources: Vec<Resource>,
    staged: Vec<Staged>,
    /// The last request of which everything is published.
    published: u64,
    /// The last request of which everything is in the file.
    position: u64,
    generation: u64,
    /// What this generation counts.
    rollup: Rollup,
    hot_rows: usize,
    /// Whether the generation holds anything, and since when.
    begun: Option<Instant>,
}

enum Staged {
    Spans(u64, SpanBatch),
    Envoy(u64, Box<EnvoyScrape>),
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Writer").field("position", &self.position).finish_non_exhaustive()
    }
}

impl Writer {
    pub(super) fn new(
        connection: Connection,
        options: StoreOptions,
        partitions: Partitions,
        directory: SharedDirectory,
    ) -> Result<Self, StoreError> {
        let load = || {
            let (position, generation): (u64, u64) =
                connection.query_row(include_str!("../../sql/store/read_progress.sql"), [], |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })?;
            let mut statement = connection.prepare(include_str!("../../sql/store/read_resource_ids.sql"))?;
            let resources =
                statement.query_map([], |row| row.get(0))?.collect::<Result<HashSet<u64>, _>>()?;
            Ok((position, generation, resources, late::seen_traces(&connection)?))
        };
        let (position, generation, known_resources, seen) = load().map_err(database("read its position"))?;
        Ok(Self {
            connection,
            options,
            partitions,
            directory,
            window: Window::default(),
            seen,
            known_resources,
            new_resources: Vec::new(),
            staged: Vec::new(),
            published: position,
            position,
            generation: generation + 1,
            rollup: Rollup::new(),
            hot_rows: 0,
            begun: None,
        })
    }

    /// Sequence number of the last request of the log whose rows are all in the file.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Takes the spans of a request; [`Writer::publish`] makes them visible. Requests come in the order of the log.
    pub fn stage_spans(&mut self, sequence: u64, batch: SpanBatch) {
        self.staged.push(Staged::Spans(sequence, batch));
    }

    /// Takes a scrape; [`Writer::publish`] makes it visible.
    pub fn stage_envoy(&mut self, sequence: u64, scrape: Box<EnvoyScrape>) {
        self.staged.push(Staged::Envoy(sequence, scrape));
    }

    /// Makes everything that was staged visible to queries, and moves whole row groups into the file on the way.
    ///
    /// # Errors
    /// What was not published stays staged, and is published by a later call.
    pub fn publish(&mut self) -> Result<Published, StoreError> {
        let mut published = Published::default();
        let mut staged = std::mem::take(&mut self.staged).into_iter();
        while !staged.as_slice().is_empty() {
            let turn: Vec<Staged> = self.one_turn(&mut staged);
            match self.publish_turn(&turn) {
                Ok(more) => {
                    published.spans += more.spans;
                    published.duplicates += more.duplicates;
                    published.scrapes += more.scrapes;
                }
                Err(error) => {
                    self.staged = turn.into_iter().chain(staged).collect();
                    return Err(error);
                }
            }
            if self.hot_rows >= self.options.move_rows
                && let Err(error) = self.move_into_file()
            {
                self.staged = staged.collect();
                return Err(error);
            }
        }
        Ok(published)
    }

    /// As much of what is staged as fills the generation to exactly one row group. A request that does not fit is cut;
    /// its position is then not reached, and after a crash its first part is found to be stored already.
    fn one_turn(&self, staged: &mut std::vec::IntoIter<Staged>) -> Vec<Staged> {
        let mut room = self.options.move_rows.saturating_sub(self.hot_rows);
        let mut turn = Vec::new();
        while room > 0
            && let Some(next) = staged.next()
        {
            match next {
                Staged::Spans(sequence, batch) if batch.skeletons.len() > room => {
                    let (now, later) = batch.split_at(room);
                    room = 0;
                    turn.push(Staged::Spans(sequence - 1, now));
                    let rest: Vec<Staged> =
                        std::iter::once(Staged::Spans(sequence, later)).chain(staged.by_ref()).collect();
                    *staged = rest.into_iter();
                }
                Staged::Spans(sequence, batch) => {
                    room -= batch.skeletons.len();
                    turn.push(Staged::Spans(sequence, batch));
                }
                scrape @ Staged::Envoy(..) => turn.push(scrape),
            }
        }
        turn
    }

    fn publish_turn(&mut self, turn: &[Staged]) -> Result<Published, StoreError> {
        let mut published = Published::default();
        let mut rollup = Rollup::new();
        self.restore_late_traces(turn)?;
        self.window.next_turn();
        let mut touched = Vec::new();
        let mut rows = Vec::new();
        for staged in turn {
            match staged {
                Staged::Spans(_, batch) => {
                    let new = self.admit(batch, &mut touched);
                    let count = new.iter().filter(|&&new| new).count();
                    published.spans += count as u64;
                    published.duplicates += (new.len() - count) as u64;
                    if count == new.len() {
                        rows.push(batch.columns.clone());
                    } else if count > 0 {
                        rows.push(filter_record_batch(&batch.columns, &BooleanArray::from(new))?);
                    }
                    for resource in &batch.resources {
                        if self.known_resources.insert(resource.id) {
                            self.new_resources.push(resource.clone());
                        }
                    }
                }
                Staged::Envoy(_, scrape) => {
                    self.count_scrape(scrape, &mut rollup);
                    published.scrapes += 1;
                }
            }
        }
        self.count_traces(&touched, &mut rollup);
        if let Err(error) = self.append(&rows, &rollup) {
            // Else the same spans would be taken for duplicates when they are published again.
            for trace_id in touched {
                self.window.forget_uncounted(trace_id);
            }
            return Err(error);
        }
        merge_rollup(&mut self.rollup, &rollup);
        for trace_id in touched {
            if let Some(trace) = self.window.get_mut(trace_id) {
                trace.counted = trace.spans.len();
            }
        }
        self.window.shrink(self.options.window_spans);
        if let Some(Staged::Spans(sequence, _) | Staged::Envoy(sequence, _)) = turn.last() {
            self.published = *sequence;
            self.begun.get_or_insert_with(Instant::now);
        }
        Ok(published)
    }

    /// Fetches the stored spans of traces that are not in memory and may have been seen before.
    fn restore_late_traces(&mut self, turn: &[Staged]) -> Result<(), StoreError> {
        let mut wanted = HashSet::new();
        for staged in turn {
            let Staged::Spans(_, batch) = staged else { continue };
            for span in &batch.skeletons {
                if !self.window.contains(span.trace_id) && self.seen.contains(span.trace_id) {
                    wanted.insert(span.trace_id);
                }
            }
        }
        if !wanted.is_empty() {
            let wanted: Vec<u128> = wanted.into_iter().collect();
            let spans =
                late::stored_spans(&self.connection, &wanted).map_err(database("look up late traces"))?;
            for span in spans {
                self.window.restore(span);
            }
        }
        Ok(())
    }

    /// Takes the spans of a request into their traces; says of each row whether it is new.
    fn admit(&mut self, batch: &SpanBatch, touched: &mut Vec<u128>) -> Vec<bool> {
        let mut new = Vec::with_capacity(batch.skeletons.len());
        for span in &batch.skeletons {
            if !self.window.contains(span.trace_id) && !self.seen.contains(span.trace_id) {
                self.seen.insert(span.trace_id);
            }
            let (is_new, first_touch) = self.window.insert(span.clone());
            if first_touch {
                touched.push(span.trace_id);
            }
            new.push(is_new);
        }
        new
    }

    /// Adds what the touched traces contribute now, and takes back what they contributed before.
    fn count_traces(&mut self, touched: &[u128], rollup: &mut Rollup) {
        let window = &mut self.window;
        write_directory(&self.directory, |directory| {
            for &trace_id in touched {
                let Some(trace) = window.get_mut(trace_id).filter(|trace| trace.counted < trace.spans.len())
                else {
                    continue;
                };
                let (before, _) = contributions(&trace.spans[..trace.counted]);
                let (after, learned) = contributions(&trace.spans);
                for (contributions, times) in [(before, -1), (after, 1)] {
                    for contribution in contributions {
                        let bucket_s = contribution.bucket_s;
                        let series = directory.series_id(SeriesKey::Edge {
                            source: contribution.source.clone(),
                            target: contribution.target.clone(),
                            protocol: contribution.protocol,
                        });
                        rollup.entry((bucket_s, series)).or_default().add(&contribution, times);
                    }
                }
                directory.learn(learned);
            }
        });
    }

    fn count_scrape(&mut self, scrape: &EnvoyScrape, rollup: &mut Rollup) {
        let bucket_s =
            scrape.scraped_at_ns.div_euclid(1_000_000_000).div_euclid(BUCKET_SECONDS) * BUCKET_SECONDS;
        let proxy: Arc<str> = Arc::from(scrape.proxy.id.as_str());
        write_directory(&self.directory, |directory| {
            directory.saw_proxy(
                &scrape.proxy,
                scrape.config.as_ref(),
                &scrape.baseline,
                scrape.scraped_at_ns,
            );
            for delta in &scrape.clusters {
                let cluster = Arc::from(delta.cluster.as_str());
                let series =
                    directory.series_id(SeriesKey::EnvoyCluster { proxy: Arc::clone(&proxy), cluster });
                let measures = Measures {
                    requests: delta.requests as i64,
                    errors: delta.classes[4] as i64,
                    attempts: delta.attempts as i64,
                    retries: delta.retries as i64,
                    timeouts: delta.timeouts as i64,
                    connection_failures: delta.connection_failures as i64,
                    tls_handshakes: delta.tls_handshakes as i64,
                    client: delta
                        .latency
                        .iter()
                        .map(|bin| (envoy_bin(bin.lower_ms), bin.count as i64))
                        .collect(),
                    ..Measures::default()
                };
                rollup.entry((bucket_s, series)).or_default().merge(&measures, 1);
            }
            for delta in &scrape.listeners {
                let prefix = Arc::from(delta.prefix.as_str());
                let series =
                    directory.series_id(SeriesKey::EnvoyListener { proxy: Arc::clone(&proxy), prefix });
                let measures = Measures {
                    requests: delta.requests as i64,
                    errors: delta.classes[4] as i64,
                    attempts: delta.requests as i64,
                    server: delta
                        .latency
                        .iter()
                        .map(|bin| (envoy_bin(bin.lower_ms), bin.count as i64))
                        .collect(),
                    ..Measures::default()
                };
                rollup.entry((bucket_s, series)).or_default().merge(&measures, 1);
            }
        });
    }

    /// Appends rows to the generation in memory, all or none.
    fn append(&mut self, rows: &[RecordBatch], rollup: &Rollup) -> Result<(), StoreError> {
        let hot = self.generation % 2;
        let rollup = rollup_columns(rollup, Some(self.generation))?;
        let rows: Vec<RecordBatch> =
            rows.iter().map(|rows| with_generation(rows, self.generation)).collect::<Result<_, _>>()?;
        let append = || {
            self.connection.execute_batch("BEGIN")?;
            let mut appender = self.connection.appender(&format!("hot_spans_{hot}"))?;
            for rows in rows.iter().cloned() {
                appender.append_record_batch(rows)?;
            }
            appender.flush()?;
            drop(appender);
            let mut appender = self.connection.appender(&format!("hot_rollup_{hot}"))?;
            appender.append_record_batch(rollup)?;
            appender.flush()?;
            drop(appender);
            self.connection.execute_batch("COMMIT")
        };
        self.all_or_nothing("keep new rows", append)?;
        self.hot_rows += rows.iter().map(RecordBatch::num_rows).sum::<usize>();
        Ok(())
    }

    /// Whether the generation in memory is old enough to be moved into the file however small it is.
    pub fn is_due(&self) -> bool {
        self.begun.is_some_and(|begun| begun.elapsed() >= self.options.move_after)
    }

    /// Moves everything that is published into the file, in one transaction.
    ///
    /// # Errors
    /// Everything stays in memory, and queries see it there.
    pub fn move_into_file(&mut self) -> Result<(), StoreError> {
        if self.begun.is_none() {
            return Ok(());
        }
        let now = jiff::Timestamp::now();
        let partition = self.partitions.for_time(&self.connection, now)?;
        let rollup = rollup_columns(&self.rollup, None)?;
        let resources = resource_columns(&self.new_resources)?;
        let (connection, generation, hot) = (&self.connection, self.generation, self.generation % 2);
        let position = self.published;
        self.all_or_nothing("move rows into its file", || {
            let move_spans = include_str!("../../sql/store/move_spans.sql")
                .replace("{partition}", &partition)
                .replace("{hot}", &format!("hot_spans_{hot}"))
                .replace("{generation}", &generation.to_string());
            connection.execute_batch(&move_spans)?;
            tiers::add_late(connection, &format!("hot_rollup_{hot}"), generation)?;
            for (table, columns) in [("rollup_10s", rollup), ("resources", resources)] {
                let mut appender = connection.appender_to_catalog_and_db(table, "store", "main")?;
                appender.append_record_batch(columns)?;
                appender.flush()?;
            }
            tiers::seal(connection, now.as_second())?;
            read_directory(&self.directory, |directory| directory.save(connection))?;
            let save_progress = include_str!("../../sql/store/save_progress.sql")
                .replace("{position}", &position.to_string())
                .replace("{generation}", &generation.to_string());
            connection.execute_batch(&save_progress)
        })?;
        write_directory(&self.directory, Directory::saved);
        self.position = position;
        self.generation += 1;
        self.rollup.clear();
        self.new_resources.clear();
        self.hot_rows = 0;
        self.begun = None;
        // The generation before the one just moved: nobody reads it any more.
        let before = self.generation % 2;
        reset_hot_spans(&self.connection, before)?;
        self.connection
            .execute_batch(&format!("TRUNCATE hot_rollup_{before}"))
            .map_err(database("empty its memory"))
    }

    /// Folds DuckDB's write-ahead log into the file, at the end of a run.
    pub fn checkpoint(&self) -> Result<(), StoreError> {
        self.connection.execute_batch("CHECKPOINT store").map_err(database("write its checkpoint"))
    }

    /// Runs a transaction and undoes it where it fails.
    fn all_or_nothing(
        &self,
        action: &'static str,
        run: impl FnOnce() -> Result<(), duckdb::Error>,
    ) -> Result<(), StoreError> {
        run().map_err(|error| {
            if let Err(rollback) = self.connection.execute_batch("ROLLBACK") {
                tracing::debug!(error = %rollback, "There was no transaction to undo");
            }
            database(action)(error)
        })
    }
}

impl SpanBatch {
    /// The first `rows` rows, and the others.
    fn split_at(self, rows: usize) -> (Self, Self) {
        let mut skeletons = self.skeletons;
        let later = skeletons.split_off(rows);
        let rest = self.columns.num_rows() - rows;
        (
            Self { columns: self.columns.slice(0, rows), skeletons, resources: self.resources },
            Self { columns: self.columns.slice(rows, rest), skeletons: later, resources: Vec::new() },
        )
    }
}

/// The columns of the in-memory table: those of the file, and the generation.
fn with_generation(rows: &RecordBatch, generation: u64) -> Result<RecordBatch, arrow::error::ArrowError> {
    let mut fields: Vec<_> = rows.schema().fields().iter().cloned().collect();
    fields.push(Arc::new(Field::new("generation", DataType::UInt64, false)));
    let mut columns = rows.columns().to_vec();
    columns.push(Arc::new(UInt64Array::from_value(generation, rows.num_rows())));
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
}

/// The rows of the table `resources`.
fn resource_columns(resources: &[Resource]) -> Result<RecordBatch, arrow::error::ArrowError> {
    let mut ids = UInt64Builder::new();
    let mut attributes = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
    for resource in resources {
        ids.append_value(resource.id);
        for (key, value) in &resource.attributes {
            attributes.keys().append_value(key);
            attributes.values().append_value(value);
        }
        attributes.append(true)?;
    }
    let attributes = attributes.finish();
    let fields = vec![
        Field::new("resource_id", DataType::UInt64, false),
        Field::new("attributes", attributes.data_type().clone(), false),
    ];
    RecordBatch::try_new(Arc::new(Schema::new(fields)), vec![Arc::new(ids.finish()), Arc::new(attributes)])
}

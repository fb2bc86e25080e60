//! The one writer.

mod turn;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use arrow::record_batch::RecordBatch;
use duckdb::Connection;

use crate::rows::access_log::{AccessLogBatch, AccessLogRow};
use crate::rows::envoy::EnvoyScrape;
use crate::rows::log::LogBatch;
use crate::rows::mesh::MeshScrape;
use crate::rows::metric::MetricBatch;
use crate::rows::span::{Resource, SpanBatch, VaryingKeys};
use crate::rows::watch::WatchEvent;

use self::turn::Turn;
use super::columns::{hot_columns, resource_columns};
use super::measures::{Rollups, append_rollup, rollup_chunks};
use super::partitions::{Partitions, day_of, empty_hot};
use super::recent::RecentRequests;
use super::shapes::{KnownShapes, ShapeColumns, SharedVarying};
use super::staged::{Published, Sent, Staged};
use super::trace_index::SharedTraceIndex;
use super::window::{SeenTraces, Window};
use super::{
    Directory, Family, SharedDirectory, StoreError, StoreOptions, counting, database, late, read_directory,
    tiers, write_directory,
};

/// The tables of rows that are stored as they come.
const OTHERS: [&str; 4] = ["logs", "metrics", "access_logs", "verdicts"];

/// The writer of the store. There is one, and it lives on one thread.
pub struct Writer {
    pub(super) connection: Connection,
    options: StoreOptions,
    partitions: Partitions,
    index: SharedTraceIndex,
    directory: SharedDirectory,
    window: Window,
    seen: SeenTraces,
    shapes: KnownShapes,
    varying: SharedVarying,
    known_resources: HashSet<u64>,
    new_resources: Vec<Resource>,
    /// How many of them queries see.
    shown_resources: usize,
    staged: Vec<Staged>,
    recent: RecentRequests,
    /// The last request of which everything is published.
    published: u64,
    /// The last request of which everything is in the file.
    position: u64,
    generation: u64,
    /// What this generation counts.
    rollups: Rollups,
    hot_rows: usize,
    /// How many of them are spans.
    hot_spans: usize,
    /// The partition that the generation belongs to.
    day: String,
    /// Whether the generation holds anything, and since when.
    begun: Option<Instant>,
    /// The clock.
    pub(super) now: fn() -> jiff::Timestamp,
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
        index: SharedTraceIndex,
        directory: SharedDirectory,
        varying: SharedVarying,
    ) -> Result<Self, StoreError> {
        let load = || {
            let last_shape =
                connection.query_row(include_str!("../../sql/store/last_shape.sql"), [], |row| row.get(0))?;
            let shapes = KnownShapes::new(last_shape, varying.clone());
            let (position, generation): (u64, u64) =
                connection.query_row(include_str!("../../sql/store/read_progress.sql"), [], |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })?;
            let mut statement = connection.prepare(include_str!("../../sql/store/read_resource_ids.sql"))?;
            let resources =
                statement.query_map([], |row| row.get(0))?.collect::<Result<HashSet<u64>, _>>()?;
            let recent = RecentRequests::load(&connection, jiff::Timestamp::now().as_second())?;
            Ok((position, generation, resources, late::seen_traces(&connection)?, shapes, recent))
        };
        let (position, generation, known_resources, seen, shapes, recent) =
            load().map_err(database("read its position"))?;
        Ok(Self {
            connection,
            options,
            partitions,
            index,
            directory,
            window: Window::default(),
            seen,
            shapes,
            varying,
            known_resources,
            new_resources: Vec::new(),
            shown_resources: 0,
            staged: Vec::new(),
            recent,
            published: position,
            position,
            generation: generation + 1,
            rollups: Rollups::default(),
            hot_rows: 0,
            hot_spans: 0,
            day: String::new(),
            begun: None,
            now: jiff::Timestamp::now,
        })
    }

    /// The keys that decoders are to keep out of shapes, as far as they are known by now.
    pub fn varying_keys(&self) -> Arc<VaryingKeys> {
        self.varying.get()
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

    /// Takes the log records of a request, which `hash` recognises where it is sent again; [`Writer::publish`] makes them
    /// visible.
    ///
    /// `requests` are those among the request's records that a proxy logged of requests.
    pub fn stage_logs(&mut self, sequence: u64, hash: u128, batch: LogBatch, requests: Vec<AccessLogRow>) {
        self.staged.push(Staged::Logs(sequence, Sent { hash, batch: (batch, requests) }));
    }

    /// Takes the data points of a request, likewise.
    pub fn stage_metrics(&mut self, sequence: u64, hash: u128, batch: MetricBatch) {
        self.staged.push(Staged::Metrics(sequence, Sent { hash, batch }));
    }

    /// Takes a scrape of a target in Prometheus' format; [`Writer::publish`] makes it visible.
    pub fn stage_mesh(&mut self, sequence: u64, scrape: Box<MeshScrape>) {
        self.staged.push(Staged::Mesh(sequence, scrape));
    }

    /// Takes requests that proxies logged; [`Writer::publish`] makes them visible.
    pub fn stage_access_logs(&mut self, sequence: u64, batch: Box<AccessLogBatch>) {
        self.staged.push(Staged::AccessLogs(sequence, batch));
    }

    /// Takes what happened to a watch; [`Writer::publish`] makes it visible.
    pub fn stage_watch(&mut self, sequence: u64, event: Box<WatchEvent>) {
        self.staged.push(Staged::Watch(sequence, event));
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
                    published.log_records += more.log_records;
                    published.data_points += more.data_points;
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
                other => turn.push(other),
            }
        }
        turn
    }

    fn publish_turn(&mut self, turn: &[Staged]) -> Result<Published, StoreError> {
        self.begin_day()?;
        self.restore_late_traces(turn)?;
        self.window.next_turn();
        let mut adds = Turn::default();
        for staged in turn {
            self.take(staged, &mut adds)?;
        }
        let Turn { published, mut rollups, touched, rows, shapes, others, requests } = adds;
        write_directory(&self.directory, |directory| {
            counting::count_traces(&mut self.window, &touched, directory, &mut rollups);
        });
        if let Err(error) = self.append(rows, shapes, others, &rollups) {
            // Else the same spans would be taken for duplicates when they are published again.
            for trace_id in touched {
                self.window.forget_uncounted(trace_id);
            }
            self.shapes.take_back();
            return Err(error);
        }
        self.shapes.keep();
        let now_s = (self.now)().as_second();
        for hash in requests {
            self.recent.insert(hash, now_s);
        }
        self.rollups.merge(&rollups);
        for trace_id in touched {
            if let Some(trace) = self.window.get_mut(trace_id) {
                trace.counted = trace.spans.len();
            }
        }
        self.window.shrink(self.options.window_spans);
        if let Some(last) = turn.last() {
            self.published = last.sequence();
            self.begun.get_or_insert_with(Instant::now);
        }
        Ok(published)
    }

    /// Where a new day has begun, ends the generation of the day before: a generation belongs to one partition, which
    /// holds the shapes of all its rows.
    fn begin_day(&mut self) -> Result<(), StoreError> {
        let day = day_of((self.now)());
        if day != self.day {
            self.move_into_file()?;
            self.partitions.ensure(&self.connection, &day)?;
            self.index.begin_day(&day, self.generation);
            self.shapes.forget();
            self.day = day;
            self.end_other_days()?;
        }
        Ok(())
    }

    /// Makes filters of what the days that are over have none of yet.
    fn end_other_days(&self) -> Result<(), StoreError> {
        for day in self.index.open_days_but(&self.day) {
            let (mut added, before) = (None, self.generation - 1);
            self.all_or_nothing("index the traces of a day", || {
                self.connection.execute_batch("BEGIN")?;
                added = Some(self.index.end_portion(&self.connection, &day, (before, 0), 0)?);
                self.connection.execute_batch("COMMIT")
            })?;
            if let Some(added) = added {
                self.index.added(added);
            }
            self.index.end_day(&day);
        }
        Ok(())
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
            let spans = late::stored_spans(&self.connection, &self.index, &wanted)
                .map_err(database("look up late traces"))?;
            for span in spans {
                self.window.restore(span);
            }
        }
        Ok(())
    }

    /// Appends rows and new shapes to the generation in memory, all or none.
    fn append(
        &mut self,
        rows: Vec<RecordBatch>,
        shapes: ShapeColumns,
        others: [Vec<RecordBatch>; OTHERS.len()],
        rollups: &Rollups,
    ) -> Result<(), StoreError> {
        let hot = self.generation % 2;
        let all_rows = rows.iter().chain(others.iter().flatten());
        let count: usize = all_rows.map(RecordBatch::num_rows).sum();
        let spans: usize = rows.iter().map(RecordBatch::num_rows).sum();
        let resources = resource_columns(&self.new_resources[self.shown_resources..])?;
        let resources = hot_columns(&resources, self.generation)?;
        let shapes: Vec<RecordBatch> = shapes.finish(self.generation)?.into_iter().collect();
        let [edges, routes] =
            Family::ALL.map(|family| rollup_chunks(rollups.of(family), Some(self.generation)));
        let (edges, routes) = (edges?, routes?);
        self.all_or_nothing("keep new rows", || {
            self.connection.execute_batch("BEGIN")?;
            let mut appender = self.connection.appender("hot_resources")?;
            for batch in resources {
                appender.append_record_batch(batch)?;
            }
            appender.flush()?;
            drop(appender);
            let tables = [("spans", rows), ("shapes", shapes), ("rollup", edges), ("route_rollup", routes)];
            for (table, batches) in tables.into_iter().chain(OTHERS.into_iter().zip(others)) {
                if batches.iter().all(|batch| batch.num_rows() == 0) {
                    continue;
                }
                let mut appender = self.connection.appender(&format!("hot_{table}_{hot}"))?;
                for batch in batches {
                    appender.append_record_batch(batch)?;
                }
                appender.flush()?;
            }
            self.connection.execute_batch("COMMIT")
        })?;
        self.hot_rows += count;
        self.hot_spans += spans;
        self.shown_resources = self.new_resources.len();
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
        let now_s = (self.now)().as_second();
        let resources = resource_columns(&self.new_resources)?;
        let (connection, generation, hot) = (&self.connection, self.generation, self.generation % 2);
        let position = self.published;
        let (spans, full) = (self.hot_spans as u64, self.options.move_rows as u64);
        let mut indexed = None;
        self.all_or_nothing("move rows into its file", || {
            let move_spans = include_str!("../../sql/store/move_spans.sql")
                .replace("{day}", &self.day)
                .replace("{hot}", &hot.to_string())
                .replace("{generation}", &generation.to_string());
            connection.execute_batch(&move_spans)?;
            indexed = Some(self.index.end_portion(connection, &self.day, (generation, spans), full)?);
            for rows in OTHERS {
                let move_rows = include_str!("../../sql/store/move_rows.sql")
                    .replace("{rows}", rows)
                    .replace("{day}", &self.day)
                    .replace("{hot}", &hot.to_string())
                    .replace("{generation}", &generation.to_string());
                connection.execute_batch(&move_rows)?;
            }
            self.recent.save(connection, now_s)?;
            tiers::add_late(connection, generation)?;
            for family in Family::ALL {
                append_rollup(connection, family.finest(), self.rollups.of(family))?;
            }
            let mut appender = connection.appender_to_catalog_and_db("resources", "store", "main")?;
            appender.append_record_batch(resources)?;
            appender.flush()?;
            tiers::seal(connection, now_s, generation)?;
            read_directory(&self.directory, |directory| directory.save(connection))?;
            let save_progress = include_str!("../../sql/store/save_progress.sql")
                .replace("{position}", &position.to_string())
                .replace("{generation}", &generation.to_string());
            connection.execute_batch(&save_progress)
        })?;
        write_directory(&self.directory, Directory::saved);
        if let Some(indexed) = indexed {
            self.index.added(indexed);
        }
        self.recent.saved();
        self.position = position;
        self.generation += 1;
        self.rollups.clear();
        self.new_resources.clear();
        self.shown_resources = 0;
        self.hot_rows = 0;
        self.hot_spans = 0;
        self.begun = None;
        // The generation before the one just moved: nobody reads it any more.
        let before = self.generation % 2;
        empty_hot(&self.connection, before)?;
        for family in Family::ALL {
            self.connection
                .execute_batch(&format!("TRUNCATE {}_{before}", family.hot()))
                .map_err(database("empty its memory"))?;
        }
        self.connection
            .execute(include_str!("../../sql/store/forget_resources.sql"), [generation])
            .map_err(database("empty its memory"))?;
        Ok(())
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

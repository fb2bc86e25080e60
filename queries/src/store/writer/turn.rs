//! What one turn of the writer adds: the rows, rollups and traces of the requests that it publishes together.

use std::sync::Arc;

use arrow::record_batch::RecordBatch;

use crate::rows::SourceCursor;
use crate::rows::access_log::{AccessLogRow, access_log_columns};
use crate::rows::log::LogBatch;
use crate::rows::metric::MetricBatch;
use crate::rows::span::{Resource, SpanBatch};
use crate::rows::watch::{WatchEvent, verdict_columns};

use super::super::columns::{hot_columns, span_columns};
use super::super::measures::Rollups;
use super::super::shapes::{Numbered, ShapeColumns};
use super::super::staged::{Published, Sent, Staged};
use super::super::{StoreError, counting, write_directory};
use super::{OTHERS, Writer};

/// The places of the tables in [`OTHERS`](super::OTHERS).
const LOGS: usize = 0;
const METRICS: usize = 1;
const ACCESS_LOGS: usize = 2;
const VERDICTS: usize = 3;

/// What a turn adds, before it is appended.
#[derive(Default)]
pub(super) struct Turn {
    pub(super) published: Published,
    pub(super) rollups: Rollups,
    /// Traces that have new spans.
    pub(super) touched: Vec<u128>,
    /// New spans.
    pub(super) rows: Vec<RecordBatch>,
    pub(super) shapes: ShapeColumns,
    /// Rows of the tables of [`OTHERS`](super::OTHERS).
    pub(super) others: [Vec<RecordBatch>; OTHERS.len()],
    /// Hashes of requests without ids.
    pub(super) requests: Vec<u128>,
}

impl Writer {
    /// Takes what was staged of one request into a turn.
    pub(super) fn take(&mut self, staged: &Staged, adds: &mut Turn) -> Result<(), StoreError> {
        match staged {
            Staged::Spans(_, batch) => self.take_spans(batch, adds),
            Staged::Envoy(_, scrape) => {
                write_directory(&self.directory, |directory| {
                    counting::count_scrape(scrape, directory, &mut adds.rollups);
                });
                adds.published.scrapes += 1;
                Ok(())
            }
            Staged::Mesh(_, scrape) => {
                write_directory(&self.directory, |directory| {
                    counting::count_mesh(scrape, directory, &mut adds.rollups);
                    directory.read_up_to(&scrape.cursor);
                });
                adds.published.scrapes += 1;
                Ok(())
            }
            Staged::Logs(_, Sent { hash, batch: (batch, logged) }) => {
                self.take_logs(*hash, batch, logged, adds)
            }
            Staged::Metrics(_, Sent { hash, batch }) => self.take_metrics(*hash, batch, adds),
            Staged::AccessLogs(_, batch) => {
                adds.published.log_records += batch.rows.len() as u64;
                self.take_access_logs(&batch.rows, adds)?;
                self.read_up_to(batch.cursor.as_ref());
                Ok(())
            }
            Staged::Watch(_, event) => self.take_watch(event, adds),
        }
    }

    fn take_watch(&self, event: &WatchEvent, adds: &mut Turn) -> Result<(), StoreError> {
        if let WatchEvent::Judged { id, at_s, verdict, .. } = event {
            let columns = verdict_columns(id, *at_s, verdict)?;
            adds.others[VERDICTS].extend(hot_columns(&columns, self.generation)?);
        }
        write_directory(&self.directory, |directory| directory.take_watch(event));
        Ok(())
    }

    fn take_spans(&mut self, batch: &SpanBatch, adds: &mut Turn) -> Result<(), StoreError> {
        let numbers = self.shapes.number(batch, &mut adds.shapes);
        let new = self.admit(batch, &numbers, &mut adds.touched);
        let count = new.iter().filter(|&&new| new).count();
        adds.published.spans += count as u64;
        adds.published.duplicates += (new.len() - count) as u64;
        if count > 0 {
            adds.rows.push(span_columns(batch, &numbers, &new, self.generation)?);
        }
        self.take_resources(&batch.resources);
        self.read_up_to(batch.cursor.as_ref());
        Ok(())
    }

    /// Remembers how far a source has been read by what is taken with it.
    fn read_up_to(&self, cursor: Option<&SourceCursor>) {
        if let Some(cursor) = cursor {
            write_directory(&self.directory, |directory| directory.read_up_to(cursor));
        }
    }

    fn take_logs(
        &mut self,
        hash: u128,
        batch: &LogBatch,
        logged: &[AccessLogRow],
        adds: &mut Turn,
    ) -> Result<(), StoreError> {
        let count = (batch.len() + logged.len()) as u64;
        if self.is_sent_again(hash, &adds.requests) {
            adds.published.duplicates += count;
            return Ok(());
        }
        adds.requests.push(hash);
        adds.published.log_records += count;
        adds.others[LOGS].extend(hot_columns(&batch.columns, self.generation)?);
        self.take_resources(&batch.resources);
        self.read_up_to(batch.cursor.as_ref());
        self.take_access_logs(logged, adds)
    }

    fn take_metrics(&mut self, hash: u128, batch: &MetricBatch, adds: &mut Turn) -> Result<(), StoreError> {
        if self.is_sent_again(hash, &adds.requests) {
            adds.published.duplicates += batch.len() as u64;
            return Ok(());
        }
        adds.requests.push(hash);
        adds.published.data_points += batch.len() as u64;
        adds.others[METRICS].extend(hot_columns(&batch.columns, self.generation)?);
        self.take_resources(&batch.resources);
        Ok(())
    }

    fn take_access_logs(&self, rows: &[AccessLogRow], adds: &mut Turn) -> Result<(), StoreError> {
        let columns = access_log_columns(rows)?;
        adds.others[ACCESS_LOGS].extend(hot_columns(&columns, self.generation)?);
        write_directory(&self.directory, |directory| {
            counting::count_access_logs(rows, directory, &mut adds.rollups);
        });
        Ok(())
    }

    /// Whether a request is stored already, or stands before in this turn.
    fn is_sent_again(&self, hash: u128, this_turn: &[u128]) -> bool {
        self.recent.contains(hash) || this_turn.contains(&hash)
    }

    fn take_resources(&mut self, resources: &[Resource]) {
        for resource in resources {
            if self.known_resources.insert(resource.id) {
                self.new_resources.push(resource.clone());
            }
        }
    }

    /// Takes the spans of a request into their traces; says of each row whether it is new.
    fn admit(
        &mut self,
        batch: &SpanBatch,
        numbers: &[Option<Numbered>],
        touched: &mut Vec<u128>,
    ) -> Vec<bool> {
        let mut new = Vec::with_capacity(batch.skeletons.len());
        for (span, shape) in batch.skeletons.iter().zip(batch.shape_numbers()) {
            let mut span = span.clone();
            if let Some(numbered) = &numbers[shape] {
                span.traits = Arc::clone(&numbered.traits);
            }
            if !self.window.contains(span.trace_id) && !self.seen.contains(span.trace_id) {
                self.seen.insert(span.trace_id);
            }
            let trace_id = span.trace_id;
            let (is_new, first_touch) = self.window.insert(span);
            if first_touch {
                touched.push(trace_id);
            }
            new.push(is_new);
        }
        new
    }
}

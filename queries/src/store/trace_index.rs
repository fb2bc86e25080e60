//! Where the spans of a trace lie, so that one is found among a hundred million without reading them.
//!
//! Spans are moved into the file generation by generation, and keep the generation's number. Generations of a day that
//! follow each other make a *portion* once they have a row group of spans; a portion has a [`TraceFilter`] of its traces,
//! which is kept in memory, and stored in the transaction that moves the portion's last generation. What comes after the
//! last portion of a day, and what an older version stored without a number, is read for every trace.
//!
//! So a filter is only ever made of spans that are stored, and what has none is read: no crash makes a span be missed.

mod filter;

use std::sync::{Arc, PoisonError, RwLock};

use arrow::array::AsArray as _;
use arrow::datatypes::UInt64Type;
use duckdb::{Connection, params};

use self::filter::TraceFilter;

/// The index, which the writer fills and everybody reads.
#[derive(Clone, Debug, Default)]
pub(super) struct SharedTraceIndex(Arc<RwLock<TraceIndex>>);

/// Where traces lie.
#[derive(Debug, Default)]
pub(super) struct TraceIndex {
    /// In the order in which they were begun.
    days: Vec<Day>,
}

/// One partition.
#[derive(Debug)]
struct Day {
    name: String,
    /// Before this generation is in the file, nothing of the day is.
    since: u64,
    /// Whether it has spans without a number.
    has_unnumbered: bool,
    /// In their order, which leave nothing out.
    portions: Vec<Portion>,
    /// Whether there may be spans after the last portion.
    is_open: bool,
    /// How many those are.
    open_spans: u64,
}

#[derive(Debug)]
struct Portion {
    first: u64,
    last: u64,
    filter: TraceFilter,
}

/// A run of generations of one day that spans of a trace may have been moved with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) day: String,
    pub(super) first: u64,
    pub(super) last: u64,
}

/// What the index is, in figures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TraceIndexSize {
    /// Runs of spans that have a filter.
    pub portions: u64,
    /// Bytes that the filters take, on disk and in memory.
    pub bytes: u64,
}

impl SharedTraceIndex {
    /// Reads the index of these days.
    pub(super) fn load(connection: &Connection, days: &[String]) -> Result<Self, duckdb::Error> {
        let days = days.iter().map(|day| Day::load(connection, day)).collect::<Result<_, _>>()?;
        Ok(Self(Arc::new(RwLock::new(TraceIndex { days }))))
    }

    pub(super) fn read<T>(&self, read: impl FnOnce(&TraceIndex) -> T) -> T {
        read(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write(&self, write: impl FnOnce(&mut TraceIndex)) {
        write(&mut self.0.write().unwrap_or_else(PoisonError::into_inner));
    }

    /// Says that spans go to this day from generation `since` on. Before the first of them goes there.
    pub(super) fn begin_day(&self, day: &str, since: u64) {
        self.write(|index| {
            if let Some(known) = index.days.iter_mut().find(|known| known.name == day) {
                known.is_open = true;
            } else {
                index.days.push(Day::new(day.to_owned(), since));
            }
        });
    }

    /// The days other than this one that have spans without a filter.
    pub(super) fn open_days_but(&self, day: &str) -> Vec<String> {
        let is_open = |known: &&Day| known.is_open && known.name != day;
        self.read(|index| index.days.iter().filter(is_open).map(|known| known.name.clone()).collect())
    }

    /// Ends the portion of a day where it has `full` spans with the `new` ones of a generation, which have been moved in
    /// the transaction that this is a part of. [`Self::added`] follows once that has been committed.
    pub(super) fn end_portion(
        &self,
        connection: &Connection,
        day: &str,
        (generation, new): (u64, u64),
        full: u64,
    ) -> Result<Added, duckdb::Error> {
        let covered_and_spans = self.read(|index| {
            let known = index.days.iter().find(|known| known.name == day)?;
            Some((known.covered(), known.open_spans + new))
        });
        let (covered, spans) = covered_and_spans.unwrap_or((0, new));
        let mut added = Added { day: day.to_owned(), new, portion: None };
        if spans == 0 || spans < full {
            return Ok(added);
        }
        let filter = filter_of(connection, day, covered)?;
        let table = table_of(day);
        let mut appender = connection.appender_to_catalog_and_db(&table, "store", "main")?;
        appender.append_row(params![covered + 1, generation, filter.to_bytes()])?;
        appender.flush()?;
        added.portion = Some(Portion { first: covered + 1, last: generation, filter });
        Ok(added)
    }

    /// Takes over what has been committed.
    pub(super) fn added(&self, Added { day, new, portion }: Added) {
        self.write(|index| {
            let Some(known) = index.days.iter_mut().find(|known| known.name == day) else { return };
            known.open_spans += new;
            if let Some(portion) = portion {
                known.open_spans = 0;
                known.portions.push(portion);
            }
        });
    }

    /// Says that a day is over and all of it is covered, or nothing more is there.
    pub(super) fn end_day(&self, day: &str) {
        self.write(|index| {
            if let Some(known) = index.days.iter_mut().find(|known| known.name == day) {
                known.is_open = false;
            }
        });
    }
}

/// What a move adds to the index.
pub(super) struct Added {
    day: String,
    new: u64,
    portion: Option<Portion>,
}

impl TraceIndex {
    /// Where spans of these traces may lie in the file, as it is once generation `moved` is there.
    pub(super) fn runs(&self, trace_ids: &[u128], moved: u64) -> Vec<Run> {
        let hashes: Vec<u64> = trace_ids.iter().map(|&id| TraceFilter::hash(id)).collect();
        let mut runs: Vec<Run> = Vec::new();
        for day in self.days.iter().filter(|day| day.since <= moved) {
            let mut add = |first: u64, last: u64| match runs.last_mut() {
                Some(run) if run.day == day.name && run.last + 1 == first => run.last = last,
                _ => runs.push(Run { day: day.name.clone(), first, last }),
            };
            if day.has_unnumbered {
                add(0, 0);
            }
            for Portion { first, last, filter } in &day.portions {
                if hashes.iter().any(|&hash| filter.may_hold(hash)) {
                    add(*first, *last);
                }
            }
            if day.is_open && day.covered() < moved {
                add(day.covered() + 1, moved);
            }
        }
        runs
    }

    /// The days that spans go to now or went to a moment ago: they have the shapes of spans in memory too.
    pub(super) fn recent_days(&self, moved: u64) -> impl Iterator<Item = &str> {
        let days = self.days.iter().rev().filter(move |day| day.since <= moved).enumerate();
        days.filter(|(number, day)| *number < 2 || day.is_open).map(|(_, day)| day.name.as_str())
    }

    /// The days of arrival from this one on, `YYYYMMDD`.
    pub(super) fn days_since(&self, first: &str, moved: u64) -> Vec<String> {
        let days = self.days.iter().filter(|day| day.since <= moved && *day.name >= *first);
        days.map(|day| day.name.clone()).collect()
    }

    pub(super) fn size(&self) -> TraceIndexSize {
        let filters = || self.days.iter().flat_map(|day| &day.portions).map(|portion| portion.filter.len());
        TraceIndexSize { portions: filters().count() as u64, bytes: filters().sum::<usize>() as u64 }
    }
}

impl Day {
    fn new(name: String, since: u64) -> Self {
        Self { name, since, has_unnumbered: false, portions: Vec::new(), is_open: true, open_spans: 0 }
    }

    /// The last generation that a portion covers.
    fn covered(&self) -> u64 {
        self.portions.last().map_or(0, |portion| portion.last)
    }

    fn load(connection: &Connection, day: &str) -> Result<Self, duckdb::Error> {
        let mut loaded = Self::new(day.to_owned(), 0);
        let read = include_str!("../../sql/store/read_trace_portions.sql")
            .replace("{table}", &format!("store.{}", table_of(day)));
        let mut statement = connection.prepare(&read)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let filter: Vec<u8> = row.get(2)?;
            let filter = TraceFilter::from_bytes(&filter);
            loaded.portions.push(Portion { first: row.get(0)?, last: row.get(1)?, filter });
        }
        let state = include_str!("../../sql/store/portion_state.sql").replace("{day}", day);
        (loaded.open_spans, loaded.has_unnumbered) =
            connection.query_row(&state, params![loaded.covered()], |row| Ok((row.get(0)?, row.get(1)?)))?;
        loaded.is_open = loaded.open_spans > 0;
        Ok(loaded)
    }
}

/// The filter of what a day has after generation `covered`.
fn filter_of(connection: &Connection, day: &str, covered: u64) -> Result<TraceFilter, duckdb::Error> {
    let sql = include_str!("../../sql/store/portion_traces.sql")
        .replace("{day}", day)
        .replace("{covered}", &covered.to_string());
    let mut hashes: Vec<u64> = Vec::new();
    let mut last = None;
    for batch in connection.prepare(&sql)?.query_arrow([])? {
        let high = batch.column(0).as_primitive::<UInt64Type>().values();
        let low = batch.column(1).as_primitive::<UInt64Type>().values();
        for (&high, &low) in high.iter().zip(low) {
            let trace_id = u128::from(high) << 64 | u128::from(low);
            if last.replace(trace_id) != Some(trace_id) {
                hashes.push(TraceFilter::hash(trace_id));
            }
        }
    }
    hashes.sort_unstable();
    hashes.dedup();
    Ok(TraceFilter::of(&hashes))
}

/// The table of a day's portions.
fn table_of(day: &str) -> String {
    format!("trace_portions_{day}")
}

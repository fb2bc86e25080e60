//! One search on a connection of its own. It reads the store piece by piece, each in a statement of its own, so that no
//! state of the store is held for longer than that; what it remembers between them is in tables of its connection.

use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use duckdb::{Connection, Row, params_from_iter};

use crate::store::{Store, StoreError, database};

use super::plan::{Node, Params, Plan, TooLarge, looks_into};

/// How far before and behind a span the other spans of its trace are looked for.
pub const AROUND_NS: i64 = 3_600_000_000_000;
/// Spans that a set is made of at most while one searches: 30 bytes each.
const SET_LIMIT: u64 = 300_000;

/// Times from `from_ns` to before `to_ns`, ns since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// Start.
    pub from_ns: i64,
    /// End, exclusive.
    pub to_ns: i64,
}

impl Times {
    /// With an hour more on both sides.
    pub(super) fn around(self) -> Self {
        Self { from_ns: self.from_ns.saturating_sub(AROUND_NS), to_ns: self.to_ns.saturating_add(AROUND_NS) }
    }

    pub(super) fn put_into(self, sql: &str) -> String {
        sql.replace("{from_ns}", &self.from_ns.to_string()).replace("{to_ns}", &self.to_ns.to_string())
    }
}

/// A span that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) trace_id: u128,
    pub(super) span_id: u64,
    pub(super) start_ns: i64,
    pub(super) duration_ns: u64,
}

impl Found {
    fn read(row: &Row<'_>) -> Result<Self, duckdb::Error> {
        let (hi, lo): (u64, u64) = (row.get(0)?, row.get(1)?);
        Ok(Self {
            trace_id: u128::from(hi) << 64 | u128::from(lo),
            span_id: row.get(2)?,
            start_ns: row.get(3)?,
            duration_ns: row.get(4)?,
        })
    }
}

/// Which spans come first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SearchOrder {
    /// Those that started last.
    #[default]
    Newest,
    /// Those that took longest.
    Slowest,
}

/// Which spans of a piece of time are wanted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub(super) times: Times,
    pub(super) order: SearchOrder,
    /// The last one that was given.
    pub(super) after: Option<Found>,
    /// Least duration, ns.
    pub(super) at_least_ns: u64,
    pub(super) limit: usize,
}

impl Wanted {
    fn after(&self) -> String {
        let mut after = "true".to_owned();
        if self.at_least_ns > 0 {
            after = format!("span.duration_ns >= {}", self.at_least_ns);
        }
        if let Some(Found { trace_id, span_id, start_ns, duration_ns }) = self.after {
            let (hi, lo) = ((trace_id >> 64) as u64, trace_id as u64);
            let (column, first) = match self.order {
                SearchOrder::Newest => ("start_ns", start_ns.to_string()),
                SearchOrder::Slowest => ("duration_ns", duration_ns.to_string()),
            };
            // Said twice: the first finds its way to the zone maps.
            let past = format!(
                " AND span.{column} <= {first} AND (span.{column} < {first} OR span.trace_hi < {hi} \
                 OR (span.trace_hi = {hi} AND (span.trace_lo < {lo} \
                 OR (span.trace_lo = {lo} AND span.span_id < {span_id}))))"
            );
            after += &past;
        }
        after
    }
}

/// A search in progress.
pub(super) struct Session {
    pub(super) connection: Connection,
    pub(super) plan: Plan,
    /// When no more is looked for.
    pub(super) until: Instant,
    /// Whether it is still looking. Telling of what was found is not interrupted when the time for finding is over.
    is_finding: Arc<Mutex<bool>>,
}

impl Session {
    /// Runs a search, within the time that the store gives: three quarters of it for finding, the rest for telling of it.
    pub(super) fn run<T>(
        store: &Store,
        plan: Plan,
        search: impl FnOnce(&Self) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let connection = store.connection_for_search()?;
        let limit = store.search_time();
        let begun = Instant::now();
        let (until, end) = (begun + limit * 3 / 4, begun + limit);
        let interrupt = connection.interrupt_handle();
        let is_finding = Arc::new(Mutex::new(true));
        let session = Self { connection, plan, until, is_finding: Arc::clone(&is_finding) };
        let (ended, waiting) = sync_channel::<()>(0);
        thread::scope(|scope| {
            scope.spawn(move || {
                for limit in [until, end] {
                    let left = limit.saturating_duration_since(Instant::now());
                    if waiting.recv_timeout(left) != Err(RecvTimeoutError::Timeout) {
                        return;
                    }
                    let is_finding = is_finding.lock().unwrap_or_else(PoisonError::into_inner);
                    if *is_finding || limit == end {
                        interrupt.interrupt();
                    }
                }
            });
            let answer = session.make_shapes().and_then(|()| search(&session));
            drop(ended);
            match answer {
                Err(StoreError::Database { .. }) if Instant::now() >= end => {
                    Err(StoreError::TooSlow { seconds: limit.as_secs() })
                }
                answer => answer,
            }
        })
    }

    /// What comes of a step of finding; none where its time is over.
    pub(super) fn in_time<T>(&self, step: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
        match step {
            Err(StoreError::Database { .. }) if self.is_late() => Ok(None),
            step => step.map(Some),
        }
    }

    /// Goes over to telling of what was found, for which there is time until the end.
    pub(super) fn end_finding(&self) {
        *self.is_finding.lock().unwrap_or_else(PoisonError::into_inner) = false;
    }

    /// Whether the time for finding is over.
    pub(super) fn is_late(&self) -> bool {
        Instant::now() >= self.until
    }

    /// Makes all tests of shapes.
    fn make_shapes(&self) -> Result<(), StoreError> {
        let mut params = Params::default();
        let sql = include_str!("../../sql/search/shapes.sql")
            .replace("{columns}", &self.plan.shape_columns(&mut params))
            .replace("{may}", &self.plan.may_matter());
        self.execute(&sql, &params)
    }

    fn execute(&self, sql: &str, params: &Params) -> Result<(), StoreError> {
        let bound = params_from_iter(params.bound());
        self.connection.execute(sql, bound).map_err(database("search"))?;
        Ok(())
    }

    /// The number that a question has as its answer.
    pub(super) fn number(&self, sql: &str, params: &Params) -> Result<u64, StoreError> {
        let bound = params_from_iter(params.bound());
        self.connection.query_row(sql, bound, |row| row.get(0)).map_err(database("search"))
    }

    /// Rows, each read by `read`.
    pub(super) fn rows<T>(
        &self,
        sql: &str,
        params: &Params,
        read: impl FnMut(&Row<'_>) -> Result<T, duckdb::Error>,
    ) -> Result<Vec<T>, StoreError> {
        let ask = || {
            let mut statement = self.connection.prepare(sql)?;
            statement.query_map(params_from_iter(params.bound()), read)?.collect::<Result<Vec<T>, _>>()
        };
        ask().map_err(database("search"))
    }

    /// Makes the sets that the conditions look into, of the spans of these times; says which would have been too large.
    pub(super) fn make_sets(&self, times: Times) -> Result<TooLarge, StoreError> {
        self.sets("span_rows", times, SET_LIMIT)
    }

    /// Likewise of the spans that were found before, however many.
    pub(super) fn make_sets_of_found(&self) -> Result<(), StoreError> {
        let all = Times { from_ns: i64::MIN, to_ns: i64::MAX };
        self.sets("found_spans", all, u64::from(u32::MAX)).map(|_| ())
    }

    fn sets(&self, source: &str, times: Times, limit: u64) -> Result<TooLarge, StoreError> {
        let mut too_large = TooLarge::default();
        let limited = |sql: &str, number: usize| {
            times
                .put_into(sql)
                .replace("{number}", &number.to_string())
                .replace("{source}", source)
                .replace("{limit}", &(limit + 1).to_string())
        };
        let size = |set: String| {
            self.number(
                &include_str!("../../sql/search/set_size.sql").replace("{set}", &set),
                &Params::default(),
            )
        };
        for number in self.plan.edges() {
            let sql = limited(include_str!("../../sql/search/set_of_callers.sql"), number);
            self.execute(&sql, &Params::default())?;
            if size(format!("edge_{number}"))? > limit {
                too_large.edges.push(number);
            }
        }
        for (number, inner) in self.plan.anys.iter().enumerate() {
            if looks_into(inner, &too_large) {
                too_large.anys.push(number);
                continue;
            }
            let mut params = Params::default();
            let sql = limited(include_str!("../../sql/search/set_of_traces.sql"), number);
            let sql = self.with_conditions(&sql, inner, &too_large, &mut params);
            self.execute(&sql, &params)?;
            if size(format!("any_{number}"))? > limit {
                too_large.anys.push(number);
            }
        }
        Ok(too_large)
    }

    /// Puts a condition into a statement.
    pub(super) fn with_conditions(
        &self,
        sql: &str,
        node: &Node,
        too_large: &TooLarge,
        params: &mut Params,
    ) -> String {
        sql.replace("{joins}", &self.plan.joins(node, too_large))
            .replace("{may}", &self.plan.may(node, false))
            .replace("{exact}", &self.plan.exact(node, false, too_large, params))
    }

    /// The SQL of [`Session::find`] with its parameters.
    pub(super) fn find_sql(&self, wanted: &Wanted, too_large: &TooLarge) -> (String, Params) {
        let order = match wanted.order {
            SearchOrder::Newest => "start_ns",
            SearchOrder::Slowest => "duration_ns",
        };
        let mut params = Params::default();
        let sql = wanted.times.put_into(include_str!("../../sql/search/find.sql"));
        let sql = self.with_conditions(&sql, &self.plan.main, too_large, &mut params);
        let sql = sql
            .replace("{after}", &wanted.after())
            .replace("{order}", order)
            .replace("{limit}", &wanted.limit.to_string());
        (sql, params)
    }

    /// Spans that meet the conditions, in their order; perhaps some more where a set was too large.
    pub(super) fn find(&self, wanted: &Wanted, too_large: &TooLarge) -> Result<Vec<Found>, StoreError> {
        let (sql, params) = self.find_sql(wanted, too_large);
        self.rows(&sql, &params, Found::read)
    }

    /// How many spans of these times meet the conditions.
    pub(super) fn count(&self, times: Times, too_large: &TooLarge) -> Result<u64, StoreError> {
        let mut params = Params::default();
        let sql = times.put_into(include_str!("../../sql/search/count.sql"));
        let sql = self.with_conditions(&sql, &self.plan.main, too_large, &mut params);
        self.number(&sql, &params)
    }

    /// Reads all spans of some traces, within an hour of where they were found, as far as `limit` goes; how many there are,
    /// which is more than `limit` where there are too many.
    pub(super) fn read_traces(&self, found: &[Found], limit: usize) -> Result<usize, StoreError> {
        let fill = || {
            self.connection.execute_batch(include_str!("../../sql/search/begin_found.sql"))?;
            let mut appender = self.connection.appender_to_catalog_and_db("found_traces", "temp", "main")?;
            for span in found {
                appender.append_row(duckdb::params![(span.trace_id >> 64) as u64, span.trace_id as u64])?;
            }
            appender.flush()
        };
        fill().map_err(database("search"))?;
        let starts = || found.iter().map(|span| span.start_ns);
        let times = Times {
            from_ns: starts().min().unwrap_or_default(),
            to_ns: starts().max().unwrap_or_default().saturating_add(1),
        };
        let sql = times.around().put_into(include_str!("../../sql/search/found_spans.sql"));
        let limited = sql.replace("{limit}", &(limit + 1).to_string());
        self.execute(&limited, &Params::default())?;
        let count = self.number(include_str!("../../sql/search/count_found.sql"), &Params::default())?;
        Ok(usize::try_from(count).unwrap_or(usize::MAX))
    }
}

/// A range of time in pieces, the newest first, each as long as the one before took little time.
#[derive(Debug)]
pub(super) struct Pieces {
    from_ns: i64,
    next_to_ns: i64,
    length_ns: i64,
    begun: Option<Instant>,
}

/// The first piece: where spans are many, it has enough of them.
const FIRST_PIECE_NS: i64 = 60_000_000_000;
/// A piece that took no longer than this is followed by a longer one.
const QUICK: Duration = Duration::from_millis(300);
/// One that took longer than this is followed by a shorter one.
const SLOW: Duration = Duration::from_millis(1_500);

impl Pieces {
    /// The pieces of these times. Where sets are made of the hour around each, they begin with an hour.
    pub(super) fn of(times: Times, has_sets: bool) -> Self {
        let length_ns = if has_sets { AROUND_NS } else { FIRST_PIECE_NS };
        Self { from_ns: times.from_ns, next_to_ns: times.to_ns, length_ns, begun: None }
    }
}

impl Iterator for Pieces {
    type Item = Times;

    fn next(&mut self) -> Option<Times> {
        if self.next_to_ns <= self.from_ns {
            return None;
        }
        match self.begun.map(|begun| begun.elapsed()) {
            Some(took) if took <= QUICK => self.length_ns = self.length_ns.saturating_mul(4),
            Some(took) if took > SLOW => self.length_ns = (self.length_ns / 2).max(FIRST_PIECE_NS / 60),
            _ => {}
        }
        self.begun = Some(Instant::now());
        let to_ns = self.next_to_ns;
        self.next_to_ns = to_ns.saturating_sub(self.length_ns).max(self.from_ns);
        Some(Times { from_ns: self.next_to_ns, to_ns })
    }
}

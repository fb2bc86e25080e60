//! Finds traces, and tells of each in one row.

use std::collections::HashSet;

use crate::api::traces::{SearchExtent, TraceSummary, TracesResponse};
use crate::store::{Store, StoreError};

use super::ast::Condition;
use super::plan::{Plan, TooLarge};
use super::session::{Found, Pieces, SearchOrder, Session, Times, Wanted};
use super::summary::{Summarised, summarise};
use super::time_text;

/// Spans that are found in one step: enough for the traces that are wanted where each has some that meet the conditions.
const STEP: std::ops::RangeInclusive<usize> = 500..=20_000;
const SPANS_A_TRACE: usize = 10;

/// Which traces are wanted.
#[derive(Clone, Debug)]
pub struct TraceQuery {
    /// What some span of the trace must be like.
    pub condition: Condition,
    /// When that span must start.
    pub times: Times,
    /// Which traces come first.
    pub order: SearchOrder,
    /// How many are given at most.
    pub limit: usize,
}

/// Looks for traces. The newest are looked for backwards in growing pieces of time, until there are enough; for the slowest
/// all of the time is looked through.
///
/// # Errors
/// Where the store cannot be read. Where the time for it is over, the answer is what has been found by then.
pub fn search(store: &Store, query: &TraceQuery) -> Result<TracesResponse, StoreError> {
    let plan = Plan::of(&query.condition);
    Session::run(store, plan, |session| {
        let mut traces = Traces::new(session, query);
        let extent = traces.find()?;
        Ok(TracesResponse { traces: traces.finish()?, search: extent })
    })
}

/// The traces found so far.
struct Traces<'a> {
    session: &'a Session,
    query: &'a TraceQuery,
    /// Each with its first span in the order of the search.
    found: Vec<Found>,
    /// Those that have been told of already, to see whether they meet the conditions.
    told: Vec<Summarised>,
    known: HashSet<u128>,
    is_cut: bool,
}

impl<'a> Traces<'a> {
    fn new(session: &'a Session, query: &'a TraceQuery) -> Self {
        Self { session, query, found: Vec::new(), told: Vec::new(), known: HashSet::new(), is_cut: false }
    }

    fn len(&self) -> usize {
        self.found.len() + self.told.len()
    }

    fn find(&mut self) -> Result<SearchExtent, StoreError> {
        let has_sets = self.session.plan.has_sets();
        let mut from_ns = self.query.times.to_ns;
        for piece in Pieces::of(self.query.times, has_sets) {
            if self.session.is_late() {
                self.is_cut = true;
                break;
            }
            if !self.look_through(piece)? {
                self.is_cut = true;
                if let Some(last) = self.found.last().filter(|_| self.len() >= self.query.limit) {
                    from_ns = last.start_ns;
                }
                break;
            }
            from_ns = piece.from_ns;
        }
        let conditions = self.query.condition.parts().iter().map(ToString::to_string).collect();
        Ok(SearchExtent {
            from: time_text(from_ns),
            to: time_text(self.query.times.to_ns),
            truncated: self.is_cut,
            conditions,
        })
    }

    /// Looks through one piece of time; false where that was not done to its end.
    fn look_through(&mut self, piece: Times) -> Result<bool, StoreError> {
        let sets = self.session.in_time(self.session.make_sets(piece.around()))?;
        let Some(too_large) = sets else { return Ok(false) };
        let (limit, order) = (self.query.limit, self.query.order);
        let step = (limit * SPANS_A_TRACE).clamp(*STEP.start(), *STEP.end());
        let mut wanted =
            Wanted { times: piece, order, after: None, at_least_ns: self.least_ns(), limit: step };
        let before = self.len();
        loop {
            let Some(spans) = self.session.in_time(self.session.find(&wanted, &too_large))? else {
                return Ok(false);
            };
            let is_last = spans.len() < step;
            wanted.after = spans.last().copied();
            if !self.take(spans, &too_large)? {
                return Ok(false);
            }
            if order == SearchOrder::Newest && self.len() >= limit {
                return Ok(false);
            }
            if is_last || self.len() - before >= limit {
                break;
            }
            if self.session.is_late() {
                return Ok(false);
            }
        }
        self.shrink();
        Ok(true)
    }

    /// Takes the traces of spans that were found; false where time was over before it was known which meet the conditions.
    fn take(&mut self, spans: Vec<Found>, too_large: &TooLarge) -> Result<bool, StoreError> {
        let mut new = Vec::new();
        for span in spans {
            let is_enough = self.query.order == SearchOrder::Newest
                && too_large.is_empty()
                && self.len() + new.len() >= self.query.limit;
            if is_enough {
                break;
            }
            if self.known.insert(span.trace_id) {
                new.push(span);
            }
        }
        if too_large.is_empty() {
            self.found.append(&mut new);
            return Ok(true);
        }
        let Some(told) = self.session.in_time(summarise(self.session, &new))? else { return Ok(false) };
        self.told.extend(told);
        Ok(true)
    }

    /// The duration that a span must have to be among the slowest, ns.
    fn least_ns(&self) -> u64 {
        if self.query.order == SearchOrder::Newest || self.len() < self.query.limit {
            return 0;
        }
        let found = self.found.iter().map(|span| span.duration_ns);
        let told = self.told.iter().map(|summary| summary.matched_ns);
        found.chain(told).min().unwrap_or_default()
    }

    /// Keeps the slowest alone.
    fn shrink(&mut self) {
        if self.query.order == SearchOrder::Newest || self.len() <= self.query.limit {
            return;
        }
        self.is_cut = true;
        let found = self.found.iter().map(|span| span.duration_ns);
        let told = self.told.iter().map(|summary| summary.matched_ns);
        let mut durations: Vec<u64> = found.chain(told).collect();
        durations.sort_unstable_by(|one, other| other.cmp(one));
        let least = durations[self.query.limit - 1];
        self.found.retain(|span| span.duration_ns >= least);
        self.told.retain(|summary| summary.matched_ns >= least);
    }

    fn finish(mut self) -> Result<Vec<TraceSummary>, StoreError> {
        self.session.end_finding();
        let mut summaries = summarise(self.session, &self.found)?;
        summaries.append(&mut self.told);
        match self.query.order {
            SearchOrder::Newest => {
                summaries
                    .sort_by_key(|summary| std::cmp::Reverse((summary.matched_start_ns, summary.start_ns)));
                summaries.truncate(self.query.limit);
                summaries.sort_by_key(|summary| std::cmp::Reverse(summary.start_ns));
            }
            SearchOrder::Slowest => {
                summaries.sort_by_key(|summary| std::cmp::Reverse((summary.matched_ns, summary.start_ns)));
                summaries.truncate(self.query.limit);
            }
        }
        Ok(summaries.into_iter().map(|summary| summary.summary).collect())
    }
}

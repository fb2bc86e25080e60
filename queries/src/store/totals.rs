//! What every series counts over a time range.

use std::sync::{Arc, Mutex, PoisonError};

use crate::sketch::DenseBins;

use super::reader::RollupRow;
use super::tiers::Part;
use super::{Counts, Measures};

/// What a series counts over a range.
#[derive(Clone, Debug, Default)]
pub struct SeriesTotal {
    /// What is counted.
    pub measures: Measures,
    /// Requests in buckets that are old enough for all their spans to have come.
    pub settled_requests: i64,
}

/// The totals of all series in the making. Series are numbered one after the other, so they lie in one array.
#[derive(Clone, Debug, Default)]
pub(super) struct RunningTotals(Vec<RunningTotal>);

#[derive(Clone, Debug, Default)]
struct RunningTotal {
    counts: Counts,
    settled_requests: i64,
    client: DenseBins,
    server: DenseBins,
}

impl RunningTotals {
    pub(super) fn add(&mut self, row: RollupRow<'_>, settled_before_s: i64) {
        let total = self.of(row.series_id as usize);
        total.counts.merge(row.counts, 1);
        if row.bucket_s < settled_before_s {
            total.settled_requests += row.counts.requests;
        }
        for (bins, (numbers, counts)) in [(&mut total.client, row.client), (&mut total.server, row.server)] {
            for (&bin, &count) in numbers.iter().zip(counts) {
                bins.add(bin, count);
            }
        }
    }

    fn merge(&mut self, other: &Self) {
        for (number, theirs) in other.0.iter().enumerate() {
            let mine = self.of(number);
            mine.counts.merge(theirs.counts, 1);
            mine.settled_requests += theirs.settled_requests;
            mine.client.merge(&theirs.client);
            mine.server.merge(&theirs.server);
        }
    }

    fn of(&mut self, series: usize) -> &mut RunningTotal {
        if self.0.len() <= series {
            self.0.resize_with(series + 1, RunningTotal::default);
        }
        &mut self.0[series]
    }

    /// The totals of all series that counted something, by their numbers.
    pub(super) fn finish(self) -> Vec<(u32, SeriesTotal)> {
        let total = |running: RunningTotal| {
            let (client, server) = (running.client.finish(), running.server.finish());
            let measures = Measures { counts: running.counts, client, server };
            (!measures.is_zero())
                .then_some(SeriesTotal { measures, settled_requests: running.settled_requests })
        };
        (0..).zip(self.0).filter_map(|(id, running)| Some((id, total(running)?))).collect()
    }

    fn memory_bytes(&self) -> usize {
        let one = |total: &RunningTotal| {
            size_of::<RunningTotal>() + total.client.memory_bytes() + total.server.memory_bytes()
        };
        self.0.iter().map(one).sum()
    }
}

/// Sums over hours and days that are past, which rarely change: a graph of a month then costs little more than one of
/// the last hour.
#[derive(Clone, Debug, Default)]
pub(super) struct PastTotals(Arc<Mutex<Vec<PastPart>>>);

#[derive(Debug)]
struct PastPart {
    part: Part,
    sum: Arc<RunningTotals>,
}

impl PastTotals {
    /// Parts that are kept.
    const MAX_PARTS: usize = 4;
    /// Memory that a part may take.
    const MAX_PART_BYTES: usize = 16 << 20;

    /// Adds the sum of a part, where it is known, to `totals`.
    pub(super) fn add_to(&self, part: &Part, totals: &mut RunningTotals) -> bool {
        let known = {
            let mut parts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(at) = parts.iter().position(|known| known.part == *part) else { return false };
            // The one used last goes last.
            let found = parts.remove(at);
            let sum = Arc::clone(&found.sum);
            parts.push(found);
            sum
        };
        totals.merge(&known);
        true
    }

    /// Keeps the sum of a part, and adds it to `totals`.
    pub(super) fn keep(&self, part: Part, sum: RunningTotals, totals: &mut RunningTotals) {
        totals.merge(&sum);
        if sum.memory_bytes() <= Self::MAX_PART_BYTES {
            let mut parts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if parts.len() >= Self::MAX_PARTS {
                parts.remove(0);
            }
            parts.push(PastPart { part, sum: Arc::new(sum) });
        }
    }
}

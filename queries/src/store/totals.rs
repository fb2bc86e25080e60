//! What every series counts over a time range.

use std::sync::{Arc, Mutex, PoisonError};

use crate::sketch::Bins;

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

/// The totals of all series in the making. Latencies are collected first and added up by sorting: the rows of a bucket
/// come sorted by series, so that this is merging a few long runs, where adding each to its series would be a jump through
/// memory for every single count.
#[derive(Debug, Default)]
pub(super) struct RunningTotals {
    /// By the numbers of the series, which are given one after the other; with the settled requests.
    counts: Vec<(Counts, i64)>,
    latencies: Vec<Latencies>,
    /// As many of [`Self::latencies`] as are added up already.
    added_up: usize,
}

/// Requests of one series in one bin.
#[derive(Clone, Copy, Debug)]
struct Latencies {
    /// From the highest bits down: series, side, bin.
    key: u64,
    count: i64,
}

/// What is counted in a bin: requests by the caller's latency, by the callee's, or events by statistic.
const SIDE_SHIFT: u32 = 16;
const SERIES_SHIFT: u32 = 18;
const CLIENT: u64 = 0;
const SERVER: u64 = 1;
const STATS: u64 = 2;

/// The highest bits of the keys of a series' side.
fn side_of(series: u32, side: u64) -> u64 {
    u64::from(series) << SERIES_SHIFT | side << SIDE_SHIFT
}

/// A bin as the lowest bits of a key, in the order of bins, some of which are below zero.
fn bits_of(bin: i16) -> u64 {
    u64::from(bin.cast_unsigned() ^ SIGN)
}

fn bin_of(key: u64) -> i16 {
    (key as u16 ^ SIGN).cast_signed()
}

const SIGN: u16 = 1 << 15;

/// The buffer of the last question, for the next one: growing a fresh one costs as much as what is done with it.
#[derive(Clone, Debug, Default)]
pub(super) struct SpareBuffer(Arc<Mutex<Vec<Latencies>>>);

impl SpareBuffer {
    /// Latencies of the largest buffer that is kept: 32 MB.
    const MAX_KEPT: usize = 2 << 20;

    /// Totals that count nothing yet.
    pub(super) fn totals(&self) -> RunningTotals {
        let latencies = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        RunningTotals { latencies, ..RunningTotals::default() }
    }

    fn keep(&self, mut latencies: Vec<Latencies>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if (kept.capacity()..=Self::MAX_KEPT).contains(&latencies.capacity()) {
            latencies.clear();
            *kept = latencies;
        }
    }
}

impl RunningTotals {
    /// Latencies that are collected before they are added up at least.
    const PORTION: usize = 1 << 20;

    pub(super) fn add(&mut self, row: RollupRow<'_>, settled_before_s: i64) {
        let series = row.series_id as usize;
        if self.counts.len() <= series {
            self.counts.resize(series + 1, Default::default());
        }
        let (counts, settled_requests) = &mut self.counts[series];
        counts.merge(row.counts, 1);
        if row.bucket_s < settled_before_s {
            *settled_requests = settled_requests.saturating_add(row.counts.requests);
        }
        for (side, (bins, counts)) in [(CLIENT, row.client), (SERVER, row.server), (STATS, row.stats)] {
            let side = side_of(row.series_id, side);
            let latencies = bins.iter().zip(counts);
            self.latencies
                .extend(latencies.map(|(&bin, &count)| Latencies { key: side | bits_of(bin), count }));
        }
        if self.latencies.len() > 2 * self.added_up + Self::PORTION {
            self.add_up();
        }
    }

    fn merge(&mut self, other: &Self, wanted: Option<&WantedSeries>) {
        if self.counts.len() < other.counts.len() {
            self.counts.resize(other.counts.len(), Default::default());
        }
        let is_wanted = |series: u32| wanted.is_none_or(|wanted| wanted.contains(series));
        let both = self.counts.iter_mut().zip(&other.counts).zip(0..);
        for ((counts, settled_requests), (more, more_settled)) in
            both.filter(|&(_, series)| is_wanted(series)).map(|(both, _)| both)
        {
            counts.merge(*more, 1);
            *settled_requests = settled_requests.saturating_add(*more_settled);
        }
        match wanted {
            None => self.latencies.extend_from_slice(&other.latencies),
            Some(wanted) => {
                let of_wanted = |one: &&Latencies| wanted.contains((one.key >> SERIES_SHIFT) as u32);
                self.latencies.extend(other.latencies.iter().filter(of_wanted));
            }
        }
    }

    /// Sorts the latencies and makes one of all with the same key.
    fn add_up(&mut self) {
        // The stable sort of the standard library merges runs that are sorted already.
        self.latencies.sort_by_key(|latencies| latencies.key);
        self.latencies.dedup_by(|later, first| {
            let same = later.key == first.key;
            if same {
                first.count = first.count.saturating_add(later.count);
            }
            same
        });
        self.added_up = self.latencies.len();
    }

    /// The totals of all series that counted something, by their numbers. The buffer goes back to `spare`.
    pub(super) fn finish(mut self, spare: &SpareBuffer) -> Vec<(u32, SeriesTotal)> {
        self.add_up();
        let side_of_key = |one: &Latencies| one.key >> SIDE_SHIFT << SIDE_SHIFT;
        let mut sides =
            self.latencies.chunk_by(|one, other| side_of_key(one) == side_of_key(other)).peekable();
        let mut bins_of = |side: u64| {
            let of_side = sides.next_if(|latencies| side_of_key(&latencies[0]) == side);
            of_side.map_or_else(Bins::default, |latencies| {
                Bins::from_sorted(latencies.iter().map(|one| (bin_of(one.key), one.count)))
            })
        };
        let total = |(series, (counts, settled_requests))| {
            let [client, server, stats] = [CLIENT, SERVER, STATS].map(|side| bins_of(side_of(series, side)));
            let measures = Measures { counts, client, server, stats };
            (!measures.is_zero()).then_some((series, SeriesTotal { measures, settled_requests }))
        };
        let totals = (0_u32..).zip(self.counts).filter_map(total).collect();
        spare.keep(self.latencies);
        totals
    }

    fn memory_bytes(&self) -> usize {
        size_of_val(&*self.latencies) + size_of_val(&*self.counts)
    }
}

/// Some series by their numbers, quick to look up.
#[derive(Debug)]
pub(super) struct WantedSeries(Vec<bool>);

impl WantedSeries {
    pub(super) fn of(series: &[u32]) -> Self {
        let mut wanted = vec![false; series.iter().max().map_or(0, |last| *last as usize + 1)];
        for &series in series {
            wanted[series as usize] = true;
        }
        Self(wanted)
    }

    pub(super) fn contains(&self, series: u32) -> bool {
        self.0.get(series as usize).copied().unwrap_or(false)
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
    /// Memory that a part may take: 2,000 bytes for each side of ten thousand edges.
    const MAX_PART_BYTES: usize = 40 << 20;

    /// Adds the sum of a part, where it is known, to `totals`.
    pub(super) fn add_to(
        &self,
        part: &Part,
        wanted: Option<&WantedSeries>,
        totals: &mut RunningTotals,
    ) -> bool {
        let known = {
            let mut parts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(at) = parts.iter().position(|known| known.part == *part) else { return false };
            // The one used last goes last.
            let found = parts.remove(at);
            let sum = Arc::clone(&found.sum);
            parts.push(found);
            sum
        };
        totals.merge(&known, wanted);
        true
    }

    /// Keeps the sum of a part, and adds it to `totals`.
    pub(super) fn keep(
        &self,
        part: Part,
        mut sum: RunningTotals,
        wanted: Option<&WantedSeries>,
        totals: &mut RunningTotals,
    ) {
        sum.add_up();
        sum.latencies.shrink_to_fit();
        totals.merge(&sum, wanted);
        if sum.memory_bytes() <= Self::MAX_PART_BYTES {
            let mut parts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if parts.len() >= Self::MAX_PARTS {
                parts.remove(0);
            }
            parts.push(PastPart { part, sum: Arc::new(sum) });
        }
    }
}

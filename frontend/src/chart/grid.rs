//! Latency bins of any width onto the rows of a heat map, or the bars of a distribution.

use std::ops::Range;

use sidecarta_queries::api::series::BinBounds;

use super::scale::Curve;
use super::ticks::nice_step;

/// Bounds of rows within a power of ten: up to as many powers, these are taken.
const ROW_SETS: [(f64, &[f64]); 3] = [
    (2.5, &[1.0, 1.2, 1.5, 1.8, 2.2, 2.7, 3.3, 3.9, 4.7, 5.6, 6.8, 8.2]),
    (5.5, &[1.0, 1.5, 2.0, 3.0, 5.0, 7.0]),
    (f64::INFINITY, &[1.0, 2.0, 5.0]),
];
/// Rows of an even scale.
const EVEN_ROWS: f64 = 24.0;
/// The share of all requests that an even scale reaches; the last row holds the slower ones.
const EVEN_REACH: f64 = 0.99;
/// The shortest and the longest duration that is told apart, ms: a nanosecond and thirty years.
const SHORTEST: f64 = 1e-6;
const LONGEST: f64 = 1e12;

/// Rows one above the other, each from one duration to the next. The first holds what is below it too, and the last what
/// is above it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rows {
    /// How the rows grow.
    pub(crate) curve: Curve,
    /// The bounds between the rows, one more than there are rows, ms.
    pub(crate) edges: Vec<f64>,
}

impl Rows {
    /// Rows that hold the bins in which something was counted; none where nothing was.
    fn of(curve: Curve, counted: &[(BinBounds, u64)]) -> Self {
        let ends = counted.iter().filter(|(_, count)| *count > 0).map(|(bin, count)| (ends(*bin), *count));
        let ends: Vec<((f64, f64), u64)> = ends.collect();
        let edges = match curve {
            _ if ends.is_empty() => Vec::new(),
            Curve::Log => log_edges(&ends),
            Curve::Linear => even_edges(ends),
        };
        Self { curve, edges }
    }

    /// How many rows there are.
    pub(crate) fn len(&self) -> usize {
        self.edges.len().saturating_sub(1)
    }

    /// The bounds of some rows beside each other, ms; none where they reach the first or the last row.
    pub(crate) fn bounds(&self, rows: &Range<usize>) -> (Option<f64>, Option<f64>) {
        let low = self.edges.get(rows.start).copied().filter(|_| rows.start > 0);
        (low, self.edges.get(rows.end).copied().filter(|_| rows.end < self.len()))
    }

    /// The share of each row that lies between two durations, as the scale measures it.
    fn shares(&self, (low, high): (f64, f64)) -> Vec<(usize, f64)> {
        let Some((first, last)) = self.edges.first().zip(self.edges.last()) else { return Vec::new() };
        // The way to zero has no end on a logarithmic scale.
        let low = if self.curve == Curve::Log { low.max(*first) } else { low };
        let (start, end) = (self.curve.bent(low), self.curve.bent(high));
        if high <= *first || low >= *last || start >= end {
            return vec![(self.row(low.min(high)), 1.0)];
        }
        let top = self.len() - 1;
        (0..=top)
            .filter_map(|row| {
                let from = self.curve.bent(self.edges[row]).max(start);
                let to = if row == top { end } else { self.curve.bent(self.edges[row + 1]).min(end) };
                (to > from).then(|| (row, (to - from) / (end - start)))
            })
            .collect()
    }

    fn row(&self, value: f64) -> usize {
        self.edges.partition_point(|edge| *edge <= value).clamp(1, self.len().max(1)) - 1
    }
}

/// Shortest and longest duration of a bin. Where no upper bound is known it is taken for as wide as what lies below it.
fn ends(bin: BinBounds) -> (f64, f64) {
    let known = |ms: f64| if ms.is_nan() { 0.0 } else { ms.clamp(0.0, LONGEST) };
    let low = known(bin.low_ms);
    (low, bin.high_ms.map_or(low * 2.0, known).max(low).max(SHORTEST))
}

fn log_edges(bins: &[((f64, f64), u64)]) -> Vec<f64> {
    let (mut low, mut high) = (f64::INFINITY, SHORTEST);
    for ((from, to), _) in bins {
        // A bin from zero is shown by the row below its end.
        low = low.min(if *from > 0.0 { *from } else { to / 2.0 }).max(SHORTEST);
        high = high.max(*to);
    }
    let powers = (high / low).log10();
    let set = ROW_SETS.iter().find(|(most, _)| powers <= *most).map_or(ROW_SETS[2].1, |(_, set)| *set);
    let all = (low.log10().floor() as i32..=high.log10().ceil() as i32)
        .flat_map(|power| set.iter().map(move |times| times * 10_f64.powi(power)));
    let all: Vec<f64> = all.collect();
    let first = all.partition_point(|edge| *edge <= low * (1.0 + 1e-9)).saturating_sub(1);
    let last = all.partition_point(|edge| *edge < high * (1.0 - 1e-9)).min(all.len() - 1).max(first + 1);
    all[first..=last].to_vec()
}

fn even_edges(mut bins: Vec<((f64, f64), u64)>) -> Vec<f64> {
    bins.sort_by(|((_, a), _), ((_, b), _)| a.total_cmp(b));
    let total: f64 = bins.iter().map(|(_, count)| *count as f64).sum();
    let mut seen = 0.0;
    let reached = bins.iter().find(|(_, count)| {
        seen += *count as f64;
        seen >= total * EVEN_REACH
    });
    let high = reached.map_or(1.0, |((_, high), _)| *high);
    let step = nice_step(high / EVEN_ROWS);
    let rows = (high / step - 1e-9).ceil().max(1.0) as usize;
    (0..=rows).map(|row| row as f64 * step).collect()
}

/// How many requests lie in each cell.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Grid {
    /// The rows.
    pub(crate) rows: Rows,
    /// How many columns there are.
    pub(crate) columns: usize,
    /// Whether bins were so coarse that their requests were spread over several rows.
    pub(crate) is_spread: bool,
    cells: Vec<f64>,
}

impl Grid {
    /// Lays the counts of each column, pairs of a bin's place and how many requests lie in it, onto rows. The requests of
    /// a bin that covers several rows are spread over them.
    pub(crate) fn of(curve: Curve, bins: &[BinBounds], columns: &[&[[u64; 2]]]) -> Self {
        let mut totals = vec![0_u64; bins.len()];
        for [bin, count] in columns.iter().flat_map(|column| column.iter()) {
            if let Some(total) = usize::try_from(*bin).ok().and_then(|bin| totals.get_mut(bin)) {
                *total = total.saturating_add(*count);
            }
        }
        let counted: Vec<(BinBounds, u64)> = bins.iter().copied().zip(totals).collect();
        let rows = Rows::of(curve, &counted);
        let shares: Vec<Vec<(usize, f64)>> = bins.iter().map(|bin| rows.shares(ends(*bin))).collect();
        let is_spread =
            counted.iter().zip(&shares).any(|((_, count), shares)| *count > 0 && shares.len() > 2);
        let mut cells = vec![0.0; rows.len() * columns.len()];
        for (column, counts) in columns.iter().enumerate() {
            for [bin, count] in *counts {
                for (row, share) in shares.get(*bin as usize).into_iter().flatten() {
                    cells[column * rows.len() + row] += *count as f64 * share;
                }
            }
        }
        Self { columns: columns.len(), is_spread, cells, rows }
    }

    /// Requests in a cell, estimated where bins are coarse.
    pub(crate) fn cell(&self, column: usize, row: usize) -> f64 {
        if row < self.rows.len() {
            self.cells.get(column * self.rows.len() + row).copied().unwrap_or(0.0)
        } else {
            0.0
        }
    }

    /// All cells, column by column, each from its lowest row.
    pub(crate) fn cells(&self) -> &[f64] {
        &self.cells
    }

    /// Requests in a part of the columns, given in columns and shares of them, between two durations.
    pub(crate) fn within(&self, columns: (f64, f64), low_ms: Option<f64>, high_ms: Option<f64>) -> f64 {
        let wanted = |row: usize| {
            let rows = &self.rows;
            let (from, to) = (rows.curve.bent(rows.edges[row]), rows.curve.bent(rows.edges[row + 1]));
            let low = low_ms.map_or(from, |low| rows.curve.bent(low).clamp(from, to));
            let high = high_ms.map_or(to, |high| rows.curve.bent(high).clamp(from, to));
            ((high - low) / (to - from)).max(0.0)
        };
        let rows: Vec<f64> = (0..self.rows.len()).map(wanted).collect();
        (0..self.columns)
            .map(|column| {
                let at = column as f64;
                let share = (columns.1.min(at + 1.0) - columns.0.max(at)).clamp(0.0, 1.0);
                share * rows.iter().enumerate().map(|(row, of)| of * self.cell(column, row)).sum::<f64>()
            })
            .sum()
    }
}

#[cfg(test)]
mod tests;

//! Histograms from their parts, checked: what a target says of one series may contradict itself.

use super::family::{Bucket, Histogram, NativeHistogram};

/// A histogram whose parts have come one by one.
#[derive(Clone, Debug, Default)]
pub(super) struct Parts {
    pub(super) buckets: Vec<Bucket>,
    pub(super) count: Option<u64>,
    pub(super) sum: Option<f64>,
    pub(super) native: Option<NativeHistogram>,
    /// Whether a part was no number that it can be.
    pub(super) is_bad: bool,
}

impl Parts {
    /// The histogram, or nothing where its parts contradict each other.
    pub(super) fn finished(mut self) -> Option<Histogram> {
        if self.is_bad {
            return None;
        }
        self.buckets.sort_unstable_by(|left, right| left.upper_bound.total_cmp(&right.upper_bound));
        let is_ascending = self.buckets.windows(2).all(|pair| {
            pair[0].upper_bound < pair[1].upper_bound && pair[0].cumulative <= pair[1].cumulative
        });
        if !is_ascending || self.buckets.iter().any(|bucket| bucket.upper_bound.is_nan()) {
            return None;
        }
        let unbounded = self.buckets.pop_if(|bucket| bucket.upper_bound == f64::INFINITY);
        let count = self.count.or(unbounded.map(|bucket| bucket.cumulative))?;
        let largest = self.buckets.last().or(unbounded.as_ref()).map_or(0, |bucket| bucket.cumulative);
        let is_whole = unbounded.is_none_or(|bucket| bucket.cumulative == count);
        let sum = self.sum.filter(|sum| sum.is_finite());
        (largest <= count && is_whole).then_some(Histogram {
            buckets: self.buckets,
            count,
            sum,
            native: self.native,
        })
    }
}

/// Runs of neighbouring buckets: how far each is from the end of the one before, and how long it is.
pub(super) type Spans = Vec<(i32, u32)>;

/// The buckets of a native histogram, of which only those with a count are kept. Nothing where spans and counts do not fit
/// each other. Whatever length a span claims, no more buckets come out than there are counts.
pub(super) fn native_buckets(
    spans: &[(i32, u32)],
    counts: impl IntoIterator<Item = Option<u64>>,
) -> Option<Vec<(i32, u64)>> {
    let mut buckets = Vec::new();
    let mut counts = counts.into_iter();
    let mut index = 0_i32;
    for &(offset, length) in spans {
        index = index.checked_add(offset)?;
        for _ in 0..length {
            match counts.next()?? {
                0 => {}
                count => buckets.push((index, count)),
            }
            index = index.checked_add(1)?;
        }
    }
    let is_ascending = buckets.windows(2).all(|pair: &[(i32, u64)]| pair[0].0 < pair[1].0);
    (counts.next().is_none() && is_ascending).then_some(buckets)
}

/// Counts from the differences between neighbours.
pub(super) fn from_deltas(deltas: impl IntoIterator<Item = i64>) -> impl Iterator<Item = Option<u64>> {
    let mut count = 0_i64;
    deltas.into_iter().map(move |delta| {
        count = count.checked_add(delta)?;
        u64::try_from(count).ok()
    })
}

impl NativeHistogram {
    /// Cumulative buckets of the sizes from zero on: the zero bucket first, then one for each bucket with a count. Negative
    /// sizes are counted into the zero bucket; durations have none.
    pub fn cumulative_buckets(&self) -> Vec<Bucket> {
        let negative = self.negative.iter().fold(0_u64, |sum, (_, count)| sum.saturating_add(*count));
        let mut cumulative = self.zero_count.saturating_add(negative);
        let mut buckets = vec![Bucket { upper_bound: self.zero_threshold, cumulative }];
        let width = (-f64::from(self.schema)).exp2();
        for (index, count) in &self.positive {
            cumulative = cumulative.saturating_add(*count);
            buckets.push(Bucket { upper_bound: (f64::from(*index) * width).exp2(), cumulative });
        }
        // The last bucket may have no bound that a number can hold, and a zero bucket may reach beyond the first.
        buckets.retain(|bucket| bucket.upper_bound.is_finite());
        buckets.dedup_by(|later, earlier| {
            let is_covered = later.upper_bound <= earlier.upper_bound;
            if is_covered {
                earlier.cumulative = later.cumulative;
            }
            is_covered
        });
        buckets
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(buckets: &[(f64, u64)], count: Option<u64>) -> Option<Histogram> {
        let bucket = |&(upper_bound, cumulative): &(f64, u64)| Bucket { upper_bound, cumulative };
        Parts { buckets: buckets.iter().map(bucket).collect(), count, ..Parts::default() }.finished()
    }

    #[test]
    fn contradictions_are_seen() {
        let good = parts(&[(f64::INFINITY, 3), (1.0, 2), (0.5, 1)], None).expect("a histogram");
        assert_eq!((good.count, good.buckets.len(), good.buckets[0].upper_bound), (3, 2, 0.5));
        assert!(parts(&[], Some(3)).is_some());
        for (buckets, count) in [
            (&[(1.0, 2), (2.0, 1)][..], Some(2)),
            (&[(1.0, 2), (1.0, 2)], Some(2)),
            (&[(1.0, 2)], Some(1)),
            (&[(1.0, 2), (f64::INFINITY, 4)], Some(3)),
            (&[(f64::NAN, 2)], Some(2)),
            (&[(1.0, 2)], None),
        ] {
            assert_eq!(parts(buckets, count), None, "{buckets:?} {count:?}");
        }
    }

    #[test]
    fn spans_are_followed_and_do_not_outlast_their_counts() {
        let buckets = native_buckets(&[(-2, 2), (3, 1)], from_deltas([5, -5, 7]));
        assert_eq!(buckets, Some(vec![(-2, 5), (3, 7)]));
        assert_eq!(native_buckets(&[(0, u32::MAX)], from_deltas([1, 1])), None);
        assert_eq!(native_buckets(&[(0, 1)], from_deltas([1, 1])), None);
        assert_eq!(native_buckets(&[(0, 2)], from_deltas([1, -2])), None);
        assert_eq!(native_buckets(&[(0, 2)], from_deltas([i64::MAX, 1])), None);
        assert_eq!(native_buckets(&[(i32::MAX, 2)], from_deltas([1, 1])), None);
        assert_eq!(native_buckets(&[(5, 1), (-3, 1)], from_deltas([1, 1])), None);
    }

    #[test]
    fn native_buckets_become_cumulative_ones() {
        let native = NativeHistogram {
            schema: 1,
            zero_threshold: 0.5,
            zero_count: 2,
            positive: vec![(-4, 1), (2, 3), (4, 1), (i32::MAX, 1)],
            negative: vec![],
        };
        let buckets: Vec<_> = native
            .cumulative_buckets()
            .iter()
            .map(|bucket| (bucket.upper_bound, bucket.cumulative))
            .collect();
        assert_eq!(buckets, [(0.5, 3), (2.0, 6), (4.0, 7)]);
    }
}

//! Latency as counts in bins, which add up in any order.
//!
//! Two schemes of bins stand in the store. [`Scheme::Log`] is our own, for durations known to the nanosecond: bin `i`
//! holds durations from `1.02^i` to `1.02^(i+1)` ns, so that the middle of a bin is within 1 % of anything in it.
//! [`Scheme::Envoy`] numbers the bins Envoy keeps itself, of two significant digits of whole milliseconds, and below zero
//! those that are known only by a coarser histogram's bounds, see [`range`].

mod range;

use std::sync::LazyLock;

use crate::api::graph::{Latency, Quantile};
use crate::api::series::Percentiles;

use self::range::{range_bin, range_bounds_ms};

/// Ratio between the bounds of a bin of [`Scheme::Log`].
const GAMMA: f64 = 1.02;

/// What a bin's number means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Logarithmic bins of 2 % width over nanoseconds.
    Log,
    /// Envoy's bins over whole milliseconds, and those of coarser histograms.
    Envoy,
}

impl Scheme {
    /// Lower and upper bound of a bin in milliseconds; the upper one may be infinite.
    pub fn bounds_ms(self, bin: i16) -> (f64, f64) {
        match self {
            Self::Log => LOG_BOUNDS_MS[usize::try_from(bin).unwrap_or(0).min(LOG_BINS - 1)],
            Self::Envoy if bin < 0 => range_bounds_ms(bin),
            Self::Envoy => {
                let lower_ms = envoy_lower_ms(bin);
                (f64::from(lower_ms), envoy_upper_ms(lower_ms) as f64)
            }
        }
    }
}

/// Bins of [`Scheme::Log`] that a duration can have: the last one holds 2^64 ns.
const LOG_BINS: usize = 2_241;

/// The bounds of all bins of [`Scheme::Log`], with as many digits as say something.
static LOG_BOUNDS_MS: LazyLock<Vec<(f64, f64)>> = LazyLock::new(|| {
    let bound_ms = |bin: usize| if bin == 0 { 0.0 } else { GAMMA.powi(bin as i32) / 1e6 };
    (0..LOG_BINS)
        .map(|bin| (to_six_digits(bound_ms(bin), f64::floor), to_six_digits(bound_ms(bin + 1), f64::ceil)))
        .collect()
});

/// A value that is not negative, with six digits that count.
pub(crate) fn to_six_digits(value: f64, round: fn(f64) -> f64) -> f64 {
    if value <= 0.0 {
        return 0.0;
    }
    let exponent = 5 - value.log10().floor() as i32;
    // Powers of ten are exact one way only; dividing by them keeps the result short.
    if exponent >= 0 {
        round(value * 10_f64.powi(exponent)) / 10_f64.powi(exponent)
    } else {
        round(value / 10_f64.powi(-exponent)) * 10_f64.powi(-exponent)
    }
}

/// The bin of [`Scheme::Log`] that holds this duration.
pub fn log_bin(duration_ns: u64) -> i16 {
    if duration_ns <= 1 { 0 } else { ((duration_ns as f64).ln() / GAMMA.ln()).floor() as i16 }
}

/// The number of Envoy's bin that starts at `lower_ms`: 0 to 99 one by one, then ninety bins for each power of ten.
pub fn envoy_bin(lower_ms: u32) -> i16 {
    let (mut mantissa, mut decade) = (lower_ms, 0_i16);
    while mantissa >= 100 {
        mantissa /= 10;
        decade += 1;
    }
    decade * 90 + mantissa as i16
}

/// The number of the bin that holds durations from `low_ms` to `high_ms`, which may be infinite, for histograms that know
/// no better. Bounds move outwards a little where they are unusual.
pub fn envoy_range(low_ms: f64, high_ms: f64) -> i16 {
    range_bin(low_ms, high_ms)
}

/// How far what Envoy counts up to a bound of a histogram reaches, ms: at least, and at most. It counts whole bins, of whole
/// milliseconds, and where a bound does not lie at the start of a bin nobody says whether that bin is in.
pub fn envoy_reach(bound_ms: f64) -> (f64, f64) {
    if bound_ms >= f64::from(u32::MAX) {
        return (bound_ms, f64::INFINITY);
    }
    let whole_ms = bound_ms as u32;
    let lower_ms = envoy_lower_ms(envoy_bin(whole_ms));
    let upper_ms = envoy_upper_ms(lower_ms) as f64;
    let is_in = whole_ms < 100 || bound_ms <= f64::from(lower_ms);
    (if is_in { upper_ms } else { f64::from(lower_ms) }, upper_ms)
}

/// Upper bound of Envoy's bin that starts at `lower_ms`, exclusive, ms.
fn envoy_upper_ms(lower_ms: u32) -> u64 {
    let mut width = 1;
    while u64::from(lower_ms) >= 100 * width {
        width *= 10;
    }
    u64::from(lower_ms) + width
}

/// Where Envoy's bin of this number starts, ms.
fn envoy_lower_ms(bin: i16) -> u32 {
    let bin = bin.max(0) as u32;
    if bin < 100 {
        return bin;
    }
    let decade = (bin - 10) / 90;
    (bin - decade * 90).saturating_mul(10_u32.saturating_pow(decade))
}

/// Counts by number: requests by bin, or events by statistic. Differences of such counts are such too, so they may be
/// negative on the way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bins(
    /// Lowest bin first, each once, none of them zero.
    Vec<(i16, i64)>,
);

impl Bins {
    /// Adds `count` requests to a bin; a bin that comes to zero is dropped.
    pub fn add(&mut self, bin: i16, count: i64) {
        match self.0.binary_search_by_key(&bin, |&(bin, _)| bin) {
            Ok(at) => {
                self.0[at].1 = self.0[at].1.saturating_add(count);
                if self.0[at].1 == 0 {
                    self.0.remove(at);
                }
            }
            Err(at) if count != 0 => self.0.insert(at, (bin, count)),
            Err(_) => {}
        }
    }

    /// Adds another sketch, `times` times.
    pub fn merge(&mut self, other: &Self, times: i64) {
        const FEW: usize = 4;
        if self.is_empty() && times == 1 {
            self.0.clone_from(&other.0);
            return;
        }
        if other.0.len() <= FEW {
            other.iter().for_each(|(bin, count)| self.add(bin, count.saturating_mul(times)));
            return;
        }
        let mut merged = Vec::with_capacity(self.0.len() + other.0.len());
        let (mut mine, mut theirs) = (self.iter().peekable(), other.iter().peekable());
        while let (Some(&(my_bin, my_count)), Some(&(their_bin, their_count))) = (mine.peek(), theirs.peek())
        {
            let bin = my_bin.min(their_bin);
            let mut count = 0_i64;
            if my_bin == bin {
                count = my_count;
                mine.next();
            }
            if their_bin == bin {
                count = count.saturating_add(their_count.saturating_mul(times));
                theirs.next();
            }
            merged.push((bin, count));
        }
        merged.extend(mine);
        merged.extend(theirs.map(|(bin, count)| (bin, count.saturating_mul(times))));
        merged.retain(|&(_, count)| count != 0);
        self.0 = merged;
    }

    /// Several sketches added up.
    pub(crate) fn sum<'a>(sketches: impl Iterator<Item = &'a Self>) -> Self {
        let mut all: Vec<(i16, i64)> = Vec::new();
        sketches.for_each(|sketch| all.extend_from_slice(&sketch.0));
        // The stable sort merges runs that are sorted already.
        all.sort_by_key(|&(bin, _)| bin);
        all.dedup_by(|later, first| {
            let same = later.0 == first.0;
            if same {
                first.1 += later.1;
            }
            same
        });
        all.retain(|&(_, count)| count != 0);
        Self(all)
    }

    /// From bins with their counts, lowest first, each once.
    pub(crate) fn from_sorted(bins: impl ExactSizeIterator<Item = (i16, i64)>) -> Self {
        let mut sorted = Vec::with_capacity(bins.len());
        sorted.extend(bins.filter(|&(_, count)| count != 0));
        Self(sorted)
    }

    /// Whether no request was counted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Bins with their counts, lowest first.
    pub fn iter(&self) -> impl Iterator<Item = (i16, i64)> {
        self.0.iter().copied()
    }

    /// The percentiles of the API; none where nothing was counted.
    pub fn latency(&self, scheme: Scheme) -> Option<Latency> {
        let count: i64 = self.0.iter().map(|&(_, count)| count.max(0)).sum();
        if count <= 0 {
            return None;
        }
        let [p50, p90, p99] = self.quantiles(scheme, count, [0.5, 0.9, 0.99]);
        Some(Latency { count: count as u64, p50, p90, p99 })
    }

    /// More percentiles than [`Self::latency`] gives; none where nothing was counted.
    pub fn percentiles(&self, scheme: Scheme) -> Option<Percentiles> {
        let count: i64 = self.0.iter().map(|&(_, count)| count.max(0)).sum();
        if count <= 0 {
            return None;
        }
        let [p50, p75, p90, p95, p99, p999] =
            self.quantiles(scheme, count, [0.5, 0.75, 0.9, 0.95, 0.99, 0.999]);
        Some(Percentiles { count: count as u64, p50, p75, p90, p95, p99, p999 })
    }

    /// The values that the `⌈q·count⌉`-th smallest requests have, with the bounds between which they lie; `q` from the
    /// lowest to the highest.
    ///
    /// Bins of coarse histograms overlap the others. Whatever the values are, the k-th smallest of them is not below the
    /// k-th smallest lower bound, and not above the k-th smallest upper bound.
    fn quantiles<const N: usize>(&self, scheme: Scheme, count: i64, q: [f64; N]) -> [Quantile; N] {
        let ranks = q.map(|q| ((q * count as f64).ceil() as i64).clamp(1, count));
        let bins = self.iter().filter(|&(_, count)| count > 0);
        let bins_overlap = self.0.first().is_some_and(|&(lowest, _)| lowest < 0);
        if scheme == Scheme::Log || !bins_overlap {
            return values_at(ranks, bins).map(|bin| {
                let value = quantile(scheme.bounds_ms(bin));
                // It holds one nanosecond, and whatever took no time.
                if scheme == Scheme::Log && bin <= 0 { Quantile { ms: 1e-6, ..value } } else { value }
            });
        }
        let bounds = bins.map(|(bin, count)| (scheme.bounds_ms(bin), count));
        let (mut lows, mut highs): (Vec<_>, Vec<_>) =
            bounds.map(|((low_ms, high_ms), count)| ((low_ms, count), (high_ms, count))).unzip();
        for bounds in [&mut lows, &mut highs] {
            bounds.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        }
        let (lows, highs) = (values_at(ranks, lows.into_iter()), values_at(ranks, highs.into_iter()));
        std::array::from_fn(|at| quantile((lows[at], highs[at])))
    }
}

/// The values that the requests of these ranks have, where `values` come in ascending order with their counts.
fn values_at<T: Copy + Default, const N: usize>(
    ranks: [i64; N],
    mut values: impl Iterator<Item = (T, i64)>,
) -> [T; N] {
    let (mut value, mut below) = (T::default(), 0);
    ranks.map(|rank| {
        while below < rank
            && let Some((next, count)) = values.next()
        {
            value = next;
            below += count;
        }
        value
    })
}

fn quantile((low_ms, high_ms): (f64, f64)) -> Quantile {
    let ms = if high_ms.is_infinite() {
        // Nothing more is known.
        low_ms
    } else if low_ms > 0.0 {
        // The value whose relative distance to both bounds is the same, and so the smallest.
        2.0 * low_ms * high_ms / (low_ms + high_ms)
    } else {
        high_ms / 2.0
    };
    Quantile { ms: to_six_digits(ms, f64::round), low_ms, high_ms: Some(high_ms).filter(|ms| ms.is_finite()) }
}

impl FromIterator<(i16, i64)> for Bins {
    fn from_iter<I: IntoIterator<Item = (i16, i64)>>(bins: I) -> Self {
        let mut all = Self::default();
        for (bin, count) in bins {
            all.add(bin, count);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// From a nanosecond to a day, of each magnitude as many.
    fn duration_ns() -> impl Strategy<Value = u64> {
        const DAY_NS: u64 = 86_400_000_000_000;
        (0_u32..47, any::<u64>())
            .prop_map(|(bits, below)| (1 << bits | below & ((1 << bits) - 1)).min(DAY_NS))
    }

    #[test]
    fn bins_are_as_wide_as_envoy_makes_them() {
        for (lower, upper) in
            [(0, 1), (9, 10), (10, 11), (99, 100), (100, 110), (990, 1000), (1000, 1100), (43_000, 44_000)]
        {
            assert_eq!(envoy_upper_ms(lower), upper, "bin at {lower} ms");
        }
    }

    #[test]
    fn sums_that_are_too_large_stay_at_the_limit() {
        let most: Bins = (0..6).map(|bin| (bin, i64::MAX)).collect();
        let mut sum = most.clone();
        sum.add(0, 1);
        sum.merge(&most, 1);
        sum.merge(&most, 3);
        assert_eq!(sum, most);
    }

    proptest! {
        #[test]
        fn a_bin_holds_the_duration_and_its_middle_is_within_one_percent(duration_ns in duration_ns()) {
            let bin = log_bin(duration_ns);
            let (low_ms, high_ms) = Scheme::Log.bounds_ms(bin);
            let ms = duration_ns as f64 / 1e6;
            prop_assert!(low_ms <= ms && ms <= high_ms, "{ms} not in {low_ms}..{high_ms}");
            let estimate = Bins::from_iter([(bin, 1)]).latency(Scheme::Log).unwrap().p50.ms;
            prop_assert!((estimate / ms - 1.0).abs() <= 0.01, "{estimate} for {ms}");
        }

        #[test]
        fn envoy_bins_are_numbered_without_gaps(bin in 0_i16..700) {
            let lower_ms = envoy_lower_ms(bin);
            prop_assert_eq!(envoy_bin(lower_ms), bin);
            prop_assert_eq!(u64::from(envoy_lower_ms(bin + 1)), envoy_upper_ms(lower_ms));
        }

        #[test]
        fn percentiles_enclose_the_exact_ones_within_one_percent(
            mut values in prop::collection::vec(duration_ns(), 1..200), parts in 1_usize..9,
        ) {
            let of = |values: &[u64]| values.iter().map(|&ns| (log_bin(ns), 1)).collect::<Bins>();
            let mut bins = Bins::default();
            values.chunks(parts).for_each(|part| bins.merge(&of(part), 1));
            prop_assert_eq!(&bins, &of(&values), "in however many parts they came");
            let latency = bins.percentiles(Scheme::Log).unwrap();
            values.sort_unstable();
            for (quantile, q) in [
                (latency.p50, 0.5),
                (latency.p75, 0.75),
                (latency.p90, 0.9),
                (latency.p95, 0.95),
                (latency.p99, 0.99),
                (latency.p999, 0.999),
            ] {
                let rank = (q * values.len() as f64).ceil() as usize;
                let exact_ms = values[rank.max(1) - 1] as f64 / 1e6;
                let high_ms = quantile.high_ms.unwrap();
                prop_assert!(quantile.low_ms <= exact_ms && exact_ms <= high_ms, "{exact_ms} {quantile:?}");
                prop_assert!((quantile.ms / exact_ms - 1.0).abs() <= 0.01, "{exact_ms} {quantile:?}");
            }
        }

        #[test]
        fn percentiles_of_mixed_bins_enclose_the_exact_ones(
            mut values in prop::collection::vec((0_u32..20_000, 0_usize..4), 1..100),
        ) {
            let bounds = [0.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1e3, 2.5e3, 1e4, f64::INFINITY];
            let bin = |&(ms, source): &(u32, usize)| {
                // Whole milliseconds in Envoy's own bins, and in histograms of several widths.
                let step = source.max(1);
                let high = bounds.iter().step_by(step).position(|&bound| bound > f64::from(ms));
                let edges: Vec<f64> = bounds.iter().copied().step_by(step).collect();
                match (source, high) {
                    (0, _) => envoy_bin(ms),
                    (_, Some(high)) => envoy_range(edges[high - 1], edges[high]),
                    (_, None) => envoy_range(edges[edges.len() - 1], f64::INFINITY),
                }
            };
            let bins: Bins = values.iter().map(|value| (bin(value), 1)).collect();
            let latency = bins.latency(Scheme::Envoy).unwrap();
            values.sort_unstable();
            for (quantile, q) in [(latency.p50, 0.5), (latency.p90, 0.9), (latency.p99, 0.99)] {
                let rank = (q * values.len() as f64).ceil() as usize;
                let exact_ms = f64::from(values[rank.max(1) - 1].0);
                let high_ms = quantile.high_ms.unwrap_or(f64::INFINITY);
                prop_assert!(quantile.low_ms <= exact_ms && exact_ms <= high_ms, "{exact_ms} {quantile:?}");
                prop_assert!(quantile.low_ms <= quantile.ms && quantile.ms <= high_ms);
            }
        }

        #[test]
        fn merging_does_not_care_about_order(parts in prop::collection::vec(prop::collection::vec((0_i16..40, 1_i64..9), 0..9), 0..9)) {
            let sketches: Vec<Bins> = parts.iter().map(|part| part.iter().copied().collect()).collect();
            let mut forwards = Bins::default();
            for sketch in &sketches {
                forwards.merge(sketch, 1);
            }
            let mut backwards = Bins::default();
            sketches.iter().rev().for_each(|sketch| backwards.merge(sketch, 1));
            prop_assert_eq!(&forwards, &backwards);
            prop_assert_eq!(&forwards, &Bins::sum(sketches.iter()));
            for sketch in &sketches {
                forwards.merge(sketch, -1);
            }
            prop_assert!(forwards.is_empty());
        }
    }
}

//! What the metrics of a minute say of an edge.

use sidecarta_queries::rows::envoy::LatencyBin;
use sidecarta_queries::rows::mesh::MeshCounts;

/// The share of the requests that took at most as long as each percentile that is asked for.
pub(super) const PERCENTILES: [(&str, f64); 3] = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99)];

/// What one metric holds of one minute.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Told {
    /// Responses, or samples of a latency.
    pub(super) count: u64,
    /// Percentiles in the order of [`PERCENTILES`], and the longest, ms.
    pub(super) points_ms: [Option<f64>; 4],
}

/// A count of CloudWatch, which are floating-point numbers; nothing where it is no count.
pub(super) fn count_of(value: f64) -> Option<u64> {
    (value.is_finite() && (0.0..9e15).contains(&value)).then(|| value.round() as u64)
}

/// A duration of CloudWatch, ms; nothing where it is none.
pub(super) fn duration_of(value: f64) -> Option<f64> {
    (value.is_finite() && value >= 0.0).then_some(value)
}

/// Adds responses of a class, 1 to 4 for 2xx to 5xx.
pub(super) fn add_responses(counts: &mut MeshCounts, class: usize, responses: u64) {
    counts.classes[class] += responses;
    counts.requests += responses;
    if class == 4 {
        counts.errors += responses;
    }
}

/// The latency of `more` samples that a minute holds, of `told.count` in all.
///
/// A minute that is read for the first time tells the value at a few ranks, and all others lie between these. Of samples that
/// come later no more is known than how long the longest took.
pub(super) fn latency_bins(told: &Told, more: u64) -> Vec<LatencyBin> {
    let mut bins: Vec<LatencyBin> = Vec::new();
    if told.count == 0 {
        return bins;
    }
    let mut add = |low_ms: f64, high_ms: f64, count: u64| {
        if count > 0 {
            let LatencyBin { bin, .. } = LatencyBin::between(low_ms, high_ms, count);
            match bins.iter_mut().find(|known| known.bin == bin) {
                Some(known) => known.count += count,
                None => bins.push(LatencyBin { bin, count }),
            }
        }
    };
    let longest_ms = told.points_ms[3].unwrap_or(f64::INFINITY);
    if more < told.count {
        add(0.0, longest_ms, more);
        return bins;
    }
    let shares = PERCENTILES.map(|(_, share)| share).into_iter().chain([1.0]);
    let (mut rank_before, mut low_ms) = (0, 0.0);
    for (share, point_ms) in shares.zip(told.points_ms) {
        let rank = ((share * told.count as f64).ceil() as u64).clamp(1, told.count);
        // Few samples have no percentiles of their own: CloudWatch makes them up between two neighbours.
        let is_between = rank == told.count && share < 1.0;
        let Some(point_ms) = point_ms.filter(|_| rank > rank_before && !is_between) else { continue };
        let high_ms = point_ms.clamp(low_ms, longest_ms.max(low_ms));
        add(low_ms, high_ms, rank - rank_before - 1);
        add(high_ms, high_ms, 1);
        (rank_before, low_ms) = (rank, high_ms);
    }
    add(low_ms, longest_ms, told.count - rank_before);
    bins
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sidecarta_queries::sketch::{Bins, Scheme};

    use super::*;

    fn told(sorted_ms: &[f64]) -> Told {
        let at = |share: f64| sorted_ms[((share * sorted_ms.len() as f64).ceil() as usize).max(1) - 1];
        let longest = sorted_ms[sorted_ms.len() - 1];
        Told {
            count: sorted_ms.len() as u64,
            points_ms: [Some(at(0.5)), Some(at(0.9)), Some(at(0.99)), Some(longest)],
        }
    }

    #[test]
    fn a_minute_has_the_percentiles_that_cloudwatch_says() {
        let durations: Vec<f64> = (1..=1000).map(f64::from).collect();
        let bins: Bins =
            latency_bins(&told(&durations), 1000).iter().map(|bin| (bin.bin, bin.count as i64)).collect();
        let latency = bins.latency(Scheme::Envoy).unwrap();
        assert_eq!(latency.count, 1000);
        for (quantile, exact_ms) in [(latency.p50, 500.0), (latency.p90, 900.0), (latency.p99, 990.0)] {
            let high_ms = quantile.high_ms.unwrap();
            assert!(
                quantile.low_ms <= exact_ms && exact_ms <= high_ms && high_ms <= 1.2 * quantile.low_ms,
                "{quantile:?}"
            );
        }
    }

    #[test]
    fn odd_numbers_are_no_counts() {
        let counted = [3.2, 0.0, -1.0, f64::NAN, f64::INFINITY, 1e300].map(count_of);
        assert_eq!(counted, [Some(3), Some(0), None, None, None, None]);
        assert_eq!(latency_bins(&Told::default(), 0), Vec::new());
        let unknown = Told { count: 4, points_ms: [None; 4] };
        assert_eq!(latency_bins(&unknown, 4), vec![LatencyBin::between(0.0, f64::INFINITY, 4)]);
    }

    proptest! {
        #[test]
        fn the_truth_lies_between_the_bounds(
            minutes in prop::collection::vec(prop::collection::vec(0_u32..20_000, 1..150), 1..5),
            first in 1_usize..150,
        ) {
            let mut all = Bins::default();
            let mut truth: Vec<f64> = Vec::new();
            for minute in minutes {
                // A part of the minute's samples comes later.
                let early = first.min(minute.len());
                let mut seen = 0;
                for known in [early, minute.len()] {
                    let mut sorted: Vec<f64> = minute[..known].iter().map(|&ms| f64::from(ms)).collect();
                    sorted.sort_by(f64::total_cmp);
                    for bin in latency_bins(&told(&sorted), (known - seen) as u64) {
                        all.add(bin.bin, bin.count as i64);
                    }
                    seen = known;
                }
                truth.extend(minute.iter().map(|&ms| f64::from(ms)));
            }
            truth.sort_by(f64::total_cmp);
            let latency = all.latency(Scheme::Envoy).unwrap();
            prop_assert_eq!(latency.count as usize, truth.len());
            for (quantile, share) in [(latency.p50, 0.5), (latency.p90, 0.9), (latency.p99, 0.99)] {
                let exact_ms = truth[((share * truth.len() as f64).ceil() as usize).max(1) - 1];
                let high_ms = quantile.high_ms.unwrap_or(f64::INFINITY);
                prop_assert!(quantile.low_ms <= exact_ms * 1.00001 && exact_ms <= high_ms * 1.00001, "{exact_ms} {quantile:?}");
            }
        }
    }
}

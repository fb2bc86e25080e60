//! What was counted step by step, in the words of the API.

use std::collections::BTreeMap;

use crate::api::graph::Source;
use crate::api::series::{BinBounds, SeriesPoint};
use crate::sketch::{Bins, Scheme};
use crate::store::Measures;

use crate::graph::answer::rfc3339;
use crate::graph::errors::{Statuses, errors};
use crate::graph::steps::Steps;
use crate::graph::voices::{classes, flags, grpc, positive, scheme};

/// Whose latencies a series tells, and in which bins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Latencies {
    scheme: Scheme,
    of_callee: bool,
    /// Whether the callee's place holds what the proxy added.
    has_added: bool,
}

impl Latencies {
    /// Of all steps the same, by what is there at all.
    pub(super) fn of(total: &Measures, source: Option<Source>, prefers_callee: bool) -> Self {
        let has_added = source == Some(Source::AccessLog);
        let of_callee = if prefers_callee { !total.server.is_empty() } else { total.client.is_empty() };
        Self { scheme: source.map_or(Scheme::Log, scheme), of_callee: of_callee && !has_added, has_added }
    }

    fn bins(self, measures: &Measures) -> &Bins {
        if self.of_callee { &measures.server } else { &measures.client }
    }
}

/// The points, all together as one, and the bins that they speak of.
pub(super) fn points(
    steps: Steps,
    measures: &[Measures],
    total: &Measures,
    (latencies, statuses): (Latencies, Option<&Statuses>),
) -> (Vec<SeriesPoint>, SeriesPoint, Vec<BinBounds>) {
    let used = measures.iter().flat_map(|step| latencies.bins(step).iter());
    let mut used: Vec<i16> = used.filter(|&(_, count)| count > 0).map(|(bin, _)| bin).collect();
    used.sort_unstable();
    used.dedup();
    let mut bins: Vec<(i16, (f64, f64))> =
        used.into_iter().map(|bin| (bin, latencies.scheme.bounds_ms(bin))).collect();
    bins.sort_by(|(_, one), (_, other)| one.0.total_cmp(&other.0).then(one.1.total_cmp(&other.1)));
    let places: BTreeMap<i16, u64> = bins.iter().map(|&(bin, _)| bin).zip(0..).collect();
    let point = |start_s: i64, measures: &Measures| {
        let counted = latencies.bins(measures);
        let known = counted.iter().filter(|&(_, count)| count > 0);
        let place = |(bin, count): (i16, i64)| Some([*places.get(&bin)?, positive(count)]);
        let mut counts: Vec<[u64; 2]> = known.filter_map(place).collect();
        counts.sort_unstable();
        SeriesPoint {
            start: rfc3339(start_s),
            requests: positive(measures.requests),
            errors: positive(errors(measures, statuses)),
            attempts: positive(measures.attempts),
            retries: positive(measures.retries),
            timeouts: positive(measures.timeouts),
            connection_failures: positive(measures.connection_failures),
            classes: classes(measures),
            flags: flags(&measures.stats),
            grpc: grpc(&measures.stats),
            latency: counted.percentiles(latencies.scheme),
            proxy_added: latencies.has_added.then(|| measures.server.percentiles(Scheme::Envoy)).flatten(),
            counts,
        }
    };
    let each = measures.iter().enumerate().map(|(step, measures)| point(steps.start_s(step), measures));
    let bound = |&(_, (low_ms, high_ms)): &(i16, (f64, f64))| BinBounds {
        low_ms,
        high_ms: Some(high_ms).filter(|high_ms| high_ms.is_finite()),
    };
    (each.collect(), point(steps.from_s, total), bins.iter().map(bound).collect())
}

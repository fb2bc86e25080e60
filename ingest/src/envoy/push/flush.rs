//! What an Envoy pushes at one time, as totals of its objects. Pure.

use std::borrow::Cow;

use sidecarta_queries::rows::envoy::{LatencyBin, ObjectCounts};

use super::process::Way;
use super::tags::{Tags, full_name};
use crate::envoy::delta::Process;
use crate::envoy::names::Names;
use crate::envoy::stats::{ADMIN_REQUESTS, Collected, Totals, between_bounds};
use crate::prometheus::{Exposition, Histogram, Kind, Labels, Temporality, Value, count};

const UPTIME: &str = "server.uptime";
const RESTART_EPOCH: &str = "server.hot_restart_epoch";
/// A counter that no Envoy that pushes has at zero, since it pushes to a cluster.
const CLUSTERS_ADDED: &str = "cluster_manager.cluster_added";

/// What an Envoy says at one time, or a part of it: it may send it in several messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Flush {
    /// When, by the proxy's own clock, ms since 1970.
    pub(super) time_ms: i64,
    /// Where counters and histograms stand that count from the start of the process, and the gauges.
    pub(super) totals: Totals,
    /// What counters and histograms say that reach back to the flush before.
    pub(super) news: Vec<ObjectCounts>,
    /// Seconds that the process has been up.
    pub(super) uptime_s: Option<u64>,
    /// How many hot restarts came before it.
    pub(super) restart_epoch: Option<u64>,
    /// Requests to the admin interface, where it counts them.
    pub(super) admin_requests: Option<u64>,
    /// Clusters that were added.
    pub(super) clusters_added: Option<u64>,
    /// Whether there are histograms.
    pub(super) has_histograms: bool,
    /// Whether there are quantiles, from which no latency can be counted.
    pub(super) has_summaries: bool,
    /// Whether there was something that reaches back to the flush before only, and cannot be counted so.
    pub(super) has_ignored_deltas: bool,
    /// Series taken.
    pub(super) series: u64,
    /// Series that could not be taken.
    pub(super) rejected: u64,
}

impl Flush {
    /// What a message of the metrics service says, which came at `received_at_ns`, ns since 1970.
    pub(super) fn of(exposition: &Exposition<'_>, received_at_ns: i64) -> Self {
        let mut reader = Reader::default();
        for family in &exposition.families {
            for sample in &family.samples {
                if reader.flush.time_ms == 0 {
                    reader.flush.time_ms = sample.timestamp_ms.unwrap_or_default();
                }
                let name = full_name(&family.name, &Labeled(&sample.labels));
                match &sample.value {
                    Value::Number(value) => {
                        let Some(value) = count(*value) else {
                            reader.flush.rejected += u64::from(family.kind == Kind::Counter);
                            continue;
                        };
                        let is_news =
                            family.kind == Kind::Counter && family.temporality == Temporality::Delta;
                        reader.value(&name, value, is_news);
                    }
                    Value::Histogram(histogram) => {
                        let is_news = family.temporality == Temporality::Delta;
                        reader.histogram(&name, &bins(histogram), is_news);
                    }
                    Value::Summary(_) => reader.flush.has_summaries = true,
                }
            }
        }
        let mut flush = reader.finish();
        flush.series = exposition.series;
        flush.rejected += exposition.rejects.total();
        if flush.time_ms <= 0 {
            flush.time_ms = received_at_ns.div_euclid(1_000_000);
        }
        flush
    }

    /// The process that pushes, as far as this tells it.
    pub(super) fn process(&self, way: Way, received_at_ns: i64) -> Option<Process> {
        let epoch = self.restart_epoch.unwrap_or_default();
        self.uptime_s.map(|uptime_s| way.process(self.time_ms, uptime_s, epoch, received_at_ns))
    }

    /// This together with what was pushed later: another part of the same, or what came after it.
    pub(super) fn with(mut self, later: Self) -> Self {
        self.totals = overlaid(self.totals, later.totals);
        for counts in later.news {
            add(&mut self.news, counts);
        }
        Self {
            time_ms: later.time_ms,
            totals: self.totals,
            news: self.news,
            uptime_s: later.uptime_s.or(self.uptime_s),
            restart_epoch: later.restart_epoch.or(self.restart_epoch),
            admin_requests: later.admin_requests.or(self.admin_requests),
            clusters_added: later.clusters_added.or(self.clusters_added),
            has_histograms: self.has_histograms || later.has_histograms,
            has_summaries: self.has_summaries || later.has_summaries,
            has_ignored_deltas: self.has_ignored_deltas || later.has_ignored_deltas,
            series: self.series + later.series,
            rejected: self.rejected + later.rejected,
        }
    }
}

/// Totals with those that were told later in their places.
pub(super) fn overlaid(mut earlier: Totals, later: Totals) -> Totals {
    for counts in later.counts {
        match earlier.counts.binary_search_by(|known| known.object.cmp(&counts.object)) {
            Ok(at) => {
                let known = &mut earlier.counts[at];
                let is_told = |stat| counts.counts.get(stat) > 0;
                let kept: Vec<_> = known.counts.iter().filter(|&(stat, _)| !is_told(stat)).collect();
                known.counts = kept.into_iter().chain(counts.counts.iter()).collect();
                if !counts.latency.is_empty() {
                    known.latency = counts.latency;
                }
            }
            Err(at) => earlier.counts.insert(at, counts),
        }
    }
    for gauges in later.gauges {
        match earlier.gauges.binary_search_by(|known| known.object.cmp(&gauges.object)) {
            Ok(at) => {
                let known = &mut earlier.gauges[at].values;
                let is_told = |stat| gauges.values.get(stat) > 0;
                let kept: Vec<_> = known.iter().filter(|&(stat, _)| !is_told(stat)).collect();
                *known = kept.into_iter().chain(gauges.values.iter()).collect();
            }
            Err(at) => earlier.gauges.insert(at, gauges),
        }
    }
    earlier
}

/// Adds counts to those of the same object, in a list that is sorted by object.
pub(super) fn add(list: &mut Vec<ObjectCounts>, counts: ObjectCounts) {
    match list.binary_search_by(|known| known.object.cmp(&counts.object)) {
        Ok(at) => {
            let known = &mut list[at];
            counts.counts.iter().for_each(|(stat, count)| known.counts.add(stat, count));
            for bin in counts.latency {
                match known.latency.binary_search_by_key(&bin.bin, |bin| bin.bin) {
                    Ok(at) => known.latency[at].count = known.latency[at].count.saturating_add(bin.count),
                    Err(at) => known.latency.insert(at, bin),
                }
            }
        }
        Err(at) => list.insert(at, counts),
    }
}

/// Latencies by the bounds that are known.
fn bins(histogram: &Histogram) -> Vec<LatencyBin> {
    let bounded = histogram.buckets.iter().map(|bucket| (bucket.upper_bound, bucket.cumulative));
    between_bounds(bounded.chain([(f64::INFINITY, histogram.count)]))
}

/// A flush in the making.
pub(super) struct Reader {
    totals: Collected<'static>,
    news: Collected<'static>,
    pub(super) flush: Flush,
}

impl Default for Reader {
    fn default() -> Self {
        Self {
            totals: Collected::new(Names::none()),
            news: Collected::new(Names::none()),
            flush: Flush::default(),
        }
    }
}

impl Reader {
    /// Adds a counter or gauge by its full name.
    pub(super) fn value(&mut self, name: &str, value: u64, is_news: bool) {
        match name {
            UPTIME => self.flush.uptime_s = Some(value),
            RESTART_EPOCH => self.flush.restart_epoch = Some(value),
            CLUSTERS_ADDED => self.flush.clusters_added = Some(value),
            ADMIN_REQUESTS if !is_news => self.flush.admin_requests = Some(value),
            _ => {}
        }
        self.collected(is_news).value(name, value);
    }

    /// Adds a histogram by its full name.
    pub(super) fn histogram(&mut self, name: &str, bins: &[LatencyBin], is_news: bool) {
        self.flush.has_histograms = true;
        self.collected(is_news).histogram(name, bins);
    }

    fn collected(&mut self, is_news: bool) -> &mut Collected<'static> {
        if is_news { &mut self.news } else { &mut self.totals }
    }

    pub(super) fn finish(self) -> Flush {
        Flush { totals: self.totals.finish(), news: self.news.finish().counts, ..self.flush }
    }
}

/// The tags among the labels of the metrics service.
struct Labeled<'l>(&'l Labels<'l>);

impl Tags for Labeled<'_> {
    fn tag(&self, name: &str) -> Option<&str> {
        let is_it = |label: &Cow<'_, str>| **label == *name || label.strip_prefix("envoy.") == Some(name);
        self.0.iter().find(|(label, _)| is_it(label)).map(|(_, value)| value.as_ref())
    }
}

#[cfg(test)]
mod tests;

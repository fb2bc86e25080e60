//! What is wrong with how a proxy pushes, as far as it shows.

use super::flush::Flush;
use super::process::Way;

/// After how many flushes that show it something is said.
const ENOUGH: u32 = 3;

/// Signs that what a proxy pushes is not what it is taken for.
#[derive(Clone, Debug, Default)]
pub(super) struct Signs {
    /// Flushes in which counters fell.
    fallen: u32,
    /// Flushes that told the same number of added clusters, which is not zero, as the one before.
    unchanged: u32,
    clusters_added: u64,
    /// Flushes of a process that was neither the one before nor came after it.
    strangers: u32,
}

impl Signs {
    /// Takes note of a flush that was counted.
    pub(super) fn see(&mut self, clusters_added: Option<u64>, has_fallen: bool, is_stranger: bool) {
        self.fallen = self.fallen.saturating_add(u32::from(has_fallen));
        self.strangers = self.strangers.saturating_add(u32::from(is_stranger));
        if let Some(added) = clusters_added {
            self.unchanged = if added > 0 && added == self.clusters_added { self.unchanged + 1 } else { 0 };
            self.clusters_added = added;
        }
    }

    /// What is missing from what a proxy pushes and what to do, in words for the Sources page.
    pub(super) fn in_words(&self, way: Way, flush: &Flush, lacks_uptime: bool) -> Vec<String> {
        let remarks = [
            (
                flush.has_summaries && !flush.has_histograms,
                "it pushes quantiles only, so it adds no latency; set `histogram_emit_mode: HISTOGRAM` in its sink",
            ),
            (
                lacks_uptime,
                "it does not push `server.uptime`, so that its restarts cannot be told; let its `stats_matcher` pass it",
            ),
            (
                way == Way::Service && self.fallen >= ENOUGH,
                "its counters fall again and again, as with `report_counters_as_deltas`, and are counted too low: take that \
                 out of its sink, or set `envoy.push_counters_as_deltas` if all Envoys have it",
            ),
            (
                way == Way::ServiceWithDeltas && self.unchanged >= ENOUGH,
                "its counters do not look like deltas and are counted too high: set `report_counters_as_deltas` in its \
                 sink, or take `envoy.push_counters_as_deltas` out of the configuration",
            ),
            (
                self.strangers >= ENOUGH,
                "several processes push under its id, so that hardly anything is counted; give each proxy an id of its own",
            ),
            (
                flush.has_ignored_deltas,
                "what it reports as deltas is kept as metrics only; take `report_counters_as_deltas` and \
                 `report_histograms_as_deltas` out of its sink",
            ),
        ];
        remarks.into_iter().filter(|(applies, _)| *applies).map(|(_, words)| words.to_owned()).collect()
    }
}

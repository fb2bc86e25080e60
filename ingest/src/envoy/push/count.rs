//! From what an Envoy pushes to what has happened. Pure.
//!
//! Its counters are totals like those that are scraped, and [`deltas`] tells of them what is new. What reaches back to the
//! flush before, as histograms do, is new as it is.

use sidecarta_queries::dictionary::StatId;
use sidecarta_queries::rows::envoy::{Gap, ObjectCounts};

use super::flush::{Flush, add, overlaid};
use super::process::{is_pushed, is_same};
use crate::envoy::delta::{Baseline, Process, Signs, Start, deltas, start};
use crate::envoy::names::Names;

/// How long before its first message a process may have started and be counted from its start, ns. No Envoy flushes its
/// statistics less often, so what it has counted then came in no more than the usual time.
const LONGEST_FLUSH_NS: i64 = 300_000_000_000;

/// From when on an Envoy that connects again is said to have been away, ns.
const AWAY_NS: i64 = 60_000_000_000;

/// What is known when a flush, or a part of it, is to be counted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look<'a> {
    /// The newest stored baseline of the proxy.
    pub(super) before: Option<&'a Baseline>,
    /// Since when anybody could push, ns since 1970.
    pub(super) listening_since_ns: i64,
    /// When the message came, ns since 1970.
    pub(super) received_at_ns: i64,
    /// Whether it is the first message of its stream.
    pub(super) is_first: bool,
    /// Whether all counters are in it.
    pub(super) is_whole: bool,
    /// Whether it belongs to the flush with which counting started.
    pub(super) belongs_to_start: bool,
}

/// What was counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Counted {
    /// What has happened, sorted by object.
    pub(super) deltas: Vec<ObjectCounts>,
    /// Where counting stands now.
    pub(super) baseline: Baseline,
    /// The time in which nothing came and something should have.
    pub(super) gap: Option<Gap>,
    /// Whether counters are smaller than before although the process is the same.
    pub(super) has_fallen: bool,
    /// Whether counting started with this, so that it adds nothing.
    pub(super) is_first_look: bool,
    /// Whether it is from a process that is neither the one before nor came after it.
    pub(super) is_stranger: bool,
}

impl Look<'_> {
    /// The process that a message is from: the known one, where it is that.
    pub(super) fn process(&self, told: Process) -> Process {
        match self.before {
            Some(before) if is_same(&before.process, &told) => before.process.clone(),
            _ => told,
        }
    }

    /// Whether nobody knows when this process counted what it has counted.
    pub(super) fn is_first_look(&self, process: &Process) -> bool {
        start(self.before, process, self.watched_since_ns()) == Start::Unknown
    }

    fn watched_since_ns(&self) -> i64 {
        self.listening_since_ns.max(self.received_at_ns.saturating_sub(LONGEST_FLUSH_NS))
    }

    /// Counts what a process pushed.
    pub(super) fn count(&self, flush: Flush, process: Process) -> Counted {
        let same = self.before.filter(|before| before.process.started == process.started);
        let has_fallen = same.is_some_and(|before| has_fallen(before, &flush, self.is_whole));
        let totals = match same {
            Some(before) if !self.is_whole => overlaid(before.totals.clone(), flush.totals),
            _ => flush.totals,
        };
        let known = same.map(|before| before.signs).unwrap_or_default();
        let baseline = Baseline {
            process,
            seen_at_ns: self.received_at_ns,
            signs: Signs { admin_requests: flush.admin_requests.or(known.admin_requests), ..known },
            totals,
            // What was flushed was pushed, so that a process hands over only what nobody has seen.
            unflushed: Vec::new(),
        };
        let found = deltas(self.before, &baseline, self.watched_since_ns(), &Names::default());
        let mut counted = found.counts;
        // Beside counters of which nothing is known yet, latencies alone would be no use.
        let is_unknown = self.is_first_look(&baseline.process);
        let is_stranger = is_unknown && self.before.is_some_and(|before| is_pushed(&before.process));
        let has_totals = !baseline.totals.counts.is_empty();
        let is_first_look = has_totals && (self.belongs_to_start || is_unknown);
        if !is_first_look {
            for news in flush.news {
                add(&mut counted, news);
            }
        }
        let gap = self.before.and_then(|before| {
            let lost_process = found.lost_process && is_pushed(&before.process);
            let was_away = self.is_first && self.received_at_ns - before.seen_at_ns > AWAY_NS;
            let gap = Gap { since_ns: before.seen_at_ns, until_ns: self.received_at_ns, lost_process };
            (lost_process || was_away).then_some(gap)
        });
        Counted { deltas: counted, baseline, gap, has_fallen, is_first_look, is_stranger }
    }

    /// Counts what a process pushed, and before that what was pushed earlier, oldest first.
    pub(super) fn count_all(
        &self,
        earlier: Vec<(Flush, Process)>,
        flush: Flush,
        process: Process,
    ) -> Counted {
        let mut before: Option<Counted> = None;
        for (flush, process) in earlier.into_iter().chain([(flush, process)]) {
            let counted = match &before {
                Some(before) => {
                    let look = Look { before: Some(&before.baseline), is_first: false, ..*self };
                    look.count(flush, look.process(process))
                }
                None => self.count(flush, self.process(process)),
            };
            before = Some(match before.take() {
                Some(before) => before.with(counted),
                None => counted,
            });
        }
        before.unwrap_or_default()
    }
}

impl Counted {
    /// This and what was counted after it.
    fn with(self, mut later: Self) -> Self {
        for counts in self.deltas {
            add(&mut later.deltas, counts);
        }
        Self {
            gap: self.gap.or(later.gap),
            has_fallen: self.has_fallen || later.has_fallen,
            is_stranger: self.is_stranger || later.is_stranger,
            ..later
        }
    }
}

fn has_fallen(before: &Baseline, flush: &Flush, is_whole: bool) -> bool {
    before.totals.counts.iter().any(|known| {
        let now = flush.totals.of(&known.object).map(|now| &now.counts);
        let now = |stat: StatId| now.map_or(0, |now| now.get(stat));
        known.counts.iter().any(|(stat, count)| now(stat) < count && (is_whole || now(stat) > 0))
    })
}

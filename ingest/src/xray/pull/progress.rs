//! How far X-Ray has been read: pure, and what the cursor holds.
//!
//! Everything before [`Progress::read_to_ns`] is stored, or its trace is among those that are open. A trace is open from
//! the moment a summary tells of it, or of a new revision of it, until its documents are stored and none is in progress.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The longest range that may be asked for at once.
const MAX_WINDOW_NS: i64 = 6 * 3_600 * 1_000_000_000;
/// How much longer than needed revisions are remembered.
const MARGIN_NS: i64 = 600 * 1_000_000_000;
/// Revisions that are remembered. Beyond it the oldest are forgotten, whose traces may then be fetched once more.
const MAX_SEEN: usize = 100_000;
/// Open traces that are waited for. Beyond it those that are fetched are stored as they are, in progress or not.
pub(super) const MAX_OPEN: usize = 50_000;
/// How often the wait between two tries is doubled.
const MAX_DOUBLINGS: u32 = 6;
/// How often a trace is asked for that X-Ray told of and does not give.
const MAX_TRIES: u32 = 8;

/// How long to wait for what, ns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "the unit stands in each name")]
pub(super) struct Rules {
    pub(super) settle_ns: i64,
    pub(super) overlap_ns: i64,
    pub(super) look_back_ns: i64,
    pub(super) look_back_every_ns: i64,
    pub(super) patience_ns: i64,
    pub(super) retry_ns: i64,
}

/// A range of events to be looked through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) from_ns: i64,
    pub(super) to_ns: i64,
    /// Whether it is looked through again for what came late.
    pub(super) is_look_back: bool,
}

/// A trace that is to be fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Open {
    event_ns: i64,
    next_ns: i64,
    tries: u32,
}

/// How far X-Ray has been read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Progress {
    read_to_ns: i64,
    looked_back_ns: i64,
    /// The latest revision and event of each trace that was found lately.
    seen: BTreeMap<u128, (i32, i64)>,
    open: BTreeMap<u128, Open>,
}

impl Progress {
    /// Reading begins here.
    pub(super) fn begin(from_ns: i64, now_ns: i64) -> Self {
        Self { read_to_ns: from_ns, looked_back_ns: now_ns, ..Self::default() }
    }

    pub(super) fn read_to_ns(&self) -> i64 {
        self.read_to_ns
    }

    /// Traces that are still to be fetched.
    pub(super) fn open(&self) -> usize {
        self.open.len()
    }

    /// The range that is to be looked through next, none for now where that is `None`.
    pub(super) fn window(&self, now_ns: i64, rules: &Rules) -> Option<Window> {
        let from_ns = self.read_to_ns.saturating_sub(rules.overlap_ns);
        let to_ns = now_ns.saturating_sub(rules.settle_ns).min(from_ns.saturating_add(MAX_WINDOW_NS));
        if to_ns > self.read_to_ns {
            return Some(Window { from_ns, to_ns, is_look_back: false });
        }
        self.look_back(now_ns, rules)
    }

    /// The range in which late events are to be looked for, if it is time.
    fn look_back(&self, now_ns: i64, rules: &Rules) -> Option<Window> {
        let is_time = now_ns.saturating_sub(self.looked_back_ns) >= rules.look_back_every_ns;
        // What was found since the last time it was stored, and was forgotten by a crash, is found again.
        let due_ns = self.looked_back_ns.saturating_add(rules.look_back_every_ns).min(now_ns);
        let from_ns =
            due_ns.saturating_sub(rules.look_back_ns).max(self.read_to_ns.saturating_sub(MAX_WINDOW_NS));
        (rules.look_back_ns > 0 && is_time && from_ns < self.read_to_ns).then_some(Window {
            from_ns,
            to_ns: self.read_to_ns,
            is_look_back: true,
        })
    }

    /// A summary tells of a trace. What is known of it already changes nothing.
    pub(super) fn note(&mut self, trace: u128, revision: i32, event_ns: i64, now_ns: i64) {
        let seen = self.seen.get(&trace).copied();
        if seen.is_some_and(|(known, _)| known >= revision) {
            return;
        }
        let latest_ns = seen.map_or(event_ns, |(_, before_ns)| before_ns.max(event_ns));
        self.seen.insert(trace, (revision, latest_ns));
        let open = self.open.entry(trace).or_insert(Open { event_ns, next_ns: now_ns, tries: 0 });
        open.event_ns = latest_ns;
        open.next_ns = open.next_ns.min(now_ns);
    }

    /// A window has been looked through to its end.
    pub(super) fn finish(&mut self, window: Window, now_ns: i64, rules: &Rules) {
        if window.is_look_back {
            self.looked_back_ns = now_ns;
        } else {
            self.read_to_ns = window.to_ns;
        }
        let reach_ns = rules.look_back_ns.saturating_add(rules.look_back_every_ns);
        let needed_ns = self.read_to_ns.saturating_sub(rules.overlap_ns).min(now_ns.saturating_sub(reach_ns));
        let keep_ns = needed_ns.saturating_sub(MARGIN_NS);
        self.seen.retain(|_, (_, event_ns)| *event_ns >= keep_ns);
        if self.seen.len() > MAX_SEEN {
            let mut events: Vec<i64> = self.seen.values().map(|&(_, event_ns)| event_ns).collect();
            events.sort_unstable();
            let oldest_kept = events[events.len() - MAX_SEEN / 2];
            self.seen.retain(|_, (_, event_ns)| *event_ns >= oldest_kept);
        }
    }

    /// Traces that are to be fetched now, those first that have waited longest.
    pub(super) fn due(&self, now_ns: i64, most: usize) -> Vec<u128> {
        let mut due: Vec<(i64, u128)> = self
            .open
            .iter()
            .filter(|(_, open)| open.next_ns <= now_ns)
            .map(|(&trace, open)| (open.next_ns, trace))
            .collect();
        due.sort_unstable();
        due.into_iter().take(most).map(|(_, trace)| trace).collect()
    }

    /// When the first and last of these traces had their last known events.
    pub(super) fn events(&self, traces: &[u128]) -> Option<(i64, i64)> {
        let events = || traces.iter().filter_map(|trace| self.open.get(trace)).map(|open| open.event_ns);
        Some((events().min()?, events().max()?))
    }

    /// Whether a trace is not waited for any longer, and is stored as it is.
    pub(super) fn is_overdue(&self, trace: u128, now_ns: i64, rules: &Rules) -> bool {
        self.open.len() > MAX_OPEN
            || self
                .open
                .get(&trace)
                .is_none_or(|open| open.event_ns.saturating_add(rules.patience_ns) <= now_ns)
    }

    /// A trace is stored and complete.
    pub(super) fn close(&mut self, trace: u128) {
        self.open.remove(&trace);
    }

    /// A trace is to be asked for again, later and later.
    pub(super) fn again(&mut self, trace: u128, now_ns: i64, rules: &Rules) {
        if let Some(open) = self.open.get_mut(&trace) {
            let wait_ns = rules.retry_ns.saturating_mul(1 << open.tries.min(MAX_DOUBLINGS));
            open.tries = open.tries.saturating_add(1);
            open.next_ns = now_ns.saturating_add(wait_ns);
        }
    }

    /// A trace was not among what came, though nobody said that it was not looked for. Whether it is given up.
    pub(super) fn missing(&mut self, trace: u128, now_ns: i64, rules: &Rules) -> bool {
        let tries = self.open.get(&trace).map_or(MAX_TRIES, |open| open.tries);
        let is_lost = tries >= MAX_TRIES && self.is_overdue(trace, now_ns, rules);
        if is_lost {
            self.close(trace);
        } else {
            self.again(trace, now_ns, rules);
        }
        is_lost
    }
}

#[cfg(test)]
mod tests;

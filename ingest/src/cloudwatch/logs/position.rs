//! How far a log group has been read, and which of its newest events are stored.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::event::Event;

#[cfg(test)]
mod tests;

/// The narrowest piece of time that is asked for, ms.
const NARROWEST_MS: i64 = 1_000;

/// The widest, ms.
const WIDEST_MS: i64 = 3_600_000;

/// Ids that one piece of time should bring at most; if it brings more, a narrower one is asked for. Half as many may be
/// kept of what late events are waited for, which is some 1 MB in the cursor.
pub(super) const IDS: usize = 131_072;

/// How many times [`IDS`] are kept at the very most, of a second with more events than CloudWatch gives in a minute.
const MOST: usize = 4;

/// Ids of events that are stored, by the second of their time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Seen {
    seconds: BTreeMap<i64, BTreeSet<u64>>,
}

impl Seen {
    /// Remembers an event; whether it was not known.
    pub(super) fn insert(&mut self, time_ms: i64, id: u64) -> bool {
        self.seconds.entry(time_ms.div_euclid(1_000)).or_default().insert(id)
    }

    fn contains(&self, time_ms: i64, id: u64) -> bool {
        self.seconds.get(&time_ms.div_euclid(1_000)).is_some_and(|ids| ids.contains(&id))
    }

    pub(super) fn len(&self) -> usize {
        self.seconds.values().map(BTreeSet::len).sum()
    }

    fn len_until(&self, time_ms: i64) -> usize {
        self.seconds.range(..=time_ms.div_euclid(1_000)).map(|(_, ids)| ids.len()).sum()
    }

    /// Forgets the seconds that lie wholly in `from_ms..to_ms`.
    pub(super) fn forget(&mut self, from_ms: i64, to_ms: i64) {
        self.seconds.retain(|&second, _| {
            let begins_ms = second.saturating_mul(1_000);
            begins_ms < from_ms || begins_ms.saturating_add(1_000) > to_ms
        });
    }

    /// Forgets the first second if it ends by `limit_ms`, and says when it does.
    fn forget_first(&mut self, limit_ms: i64) -> Option<i64> {
        let first = self.seconds.first_entry()?;
        let ends_ms = first.key().saturating_add(1).saturating_mul(1_000);
        (ends_ms <= limit_ms).then(|| {
            first.remove();
            ends_ms
        })
    }
}

/// A piece of time that is asked for, ms since 1970, both ends in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) from_ms: i64,
    pub(super) to_ms: i64,
}

impl Window {
    /// The piece that begins here, not beyond `last_ms`; none if it begins beyond that.
    pub(super) fn new(from_ms: i64, width_ms: i64, last_ms: i64) -> Option<Self> {
        let width_ms = width_ms.clamp(NARROWEST_MS, WIDEST_MS);
        let to_ms = from_ms.saturating_add(width_ms - 1).min(last_ms);
        (from_ms <= to_ms).then_some(Self { from_ms, to_ms })
    }

    fn width_ms(self) -> i64 {
        self.to_ms - self.from_ms + 1
    }
}

/// What is remembered of reading, to be stored with what was read.
pub(super) trait Mark: Clone + Serialize + Send + Sync {
    fn seen(&self) -> &Seen;
    fn seen_mut(&mut self) -> &mut Seen;
}

/// What became of the events of a page.
#[derive(Debug, Default)]
pub(super) struct Fresh {
    /// Those that are to be stored.
    pub(super) events: Vec<Event>,
    /// Those for which there is no room among the ids.
    pub(super) without_room: u64,
}

/// Which events of a page are neither stored nor outside what was asked for, each once.
pub(super) fn fresh(mark: &impl Mark, window: Window, page: Vec<Event>, ids: usize) -> Fresh {
    let mut fresh = Fresh::default();
    let mut among_these = Seen::default();
    let room = (ids * MOST).saturating_sub(mark.seen().len());
    for event in page {
        let is_asked = (window.from_ms..=window.to_ms).contains(&event.time_ms);
        if !is_asked || mark.seen().contains(event.time_ms, event.id) {
            continue;
        }
        if fresh.events.len() >= room {
            fresh.without_room += 1;
        } else if among_these.insert(event.time_ms, event.id) {
            fresh.events.push(event);
        }
    }
    fresh
}

/// Half as wide a piece of time, if this one has brought more ids than it should, and can be narrower.
pub(super) fn narrower(mark: &impl Mark, window: Window, ids: usize) -> Option<i64> {
    let is_too_wide = window.width_ms() > NARROWEST_MS && mark.seen().len_until(window.to_ms) > ids;
    is_too_wide.then(|| (window.width_ms() / 2).max(NARROWEST_MS))
}

/// How wide the next piece of time may be after one has been read to its end.
pub(super) fn wider(mark: &impl Mark, width_ms: i64, ids: usize) -> i64 {
    if mark.seen().len() < ids / 4 { width_ms.saturating_mul(2).min(WIDEST_MS) } else { width_ms }
}

/// How far a group has been read towards the present.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Live {
    /// Events from here on are read here; those before are read as the past, if at all. ms since 1970.
    pub(super) began_ms: i64,
    /// Every event before is stored, or has come too late. ms since 1970.
    pub(super) from_ms: i64,
    /// Events from there on that are stored.
    seen: Seen,
}

impl Mark for Live {
    fn seen(&self) -> &Seen {
        &self.seen
    }

    fn seen_mut(&mut self) -> &mut Seen {
        &mut self.seen
    }
}

impl Live {
    pub(super) fn new(began_ms: i64) -> Self {
        Self { began_ms, from_ms: began_ms, seen: Seen::default() }
    }

    /// Everything before `read_ms` has been read, and nothing before `settled_ms` is waited for any longer. Where there
    /// are too many ids for that, less is waited for: gives what is lost of it, ms.
    pub(super) fn advance(&mut self, read_ms: i64, settled_ms: i64, ids: usize) -> i64 {
        let wanted_ms = read_ms.min(settled_ms).max(self.from_ms);
        self.from_ms = wanted_ms;
        self.seen.forget(i64::MIN, self.from_ms);
        while self.seen.len() > ids / 2
            && let Some(ends_ms) = self.seen.forget_first(read_ms)
        {
            self.from_ms = self.from_ms.max(ends_ms);
        }
        self.from_ms - wanted_ms
    }
}

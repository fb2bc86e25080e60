//! From totals to what has happened since the last scrape. Pure.
//!
//! Three things are told apart when a proxy answers:
//!
//! - **The same process as last time.** A counter adds what it has grown by. One that is smaller than before was
//!   reset or left out for a while, and both start at zero again: all of it is new. So is a counter that was not
//!   there before, because Envoy creates some of them with their first event.
//! - **A process that started since then**, by a restart or a hot restart: everything it counts is new. What the old
//!   process counted after its last scrape is lost with it. At a hot restart Envoy adds to the new process what the old
//!   one still serves, and what it has counted since its last flush of statistics: the latter may have been scraped
//!   already, and what is known to have been is not counted again.
//! - **A process that had been running before Sidecarta watched it.** Nobody knows when its counts happened, so they
//!   are where counting starts, and add nothing.

use serde::{Deserialize, Serialize};
use sidecarta_queries::dictionary::StatId;
use sidecarta_queries::rows::envoy::{LatencyBin, ObjectCounts, StatCounts, StatObject};

use super::frame;
use super::names::Names;
use super::stats::Totals;
use crate::packed::{FrameError, pack, unpack_bytes};

/// How much earlier than Sidecarta's first look a process may have started and still be counted from its start: all
/// it has counted then falls into the ten seconds of one rollup anyway. This also takes in clocks that differ a bit.
const HEAD_START_NS: i64 = 10_000_000_000;

/// How much earlier than the old process was last seen a new one may have started, for clocks that differ.
const OVERLAP_NS: i64 = 2_000_000_000;

/// The most that a counter may grow by between two scrapes: bytes at 400 Gbit/s for twenty minutes. A counter that says
/// more is lying, and the sums of such numbers would overflow.
const MAX_GROWTH: u64 = 1 << 46;

/// One process of a proxy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// When it started, by its own clock and as it writes it, to the millisecond. Equal for equal processes; not for
    /// comparing times.
    pub started: String,
    /// When it started by Sidecarta's clock, to the second, ns since 1970.
    pub started_at_ns: i64,
    /// How many hot restarts came before it.
    pub restart_epoch: u64,
}

/// Where counting stood after a scrape. It is stored with that scrape's deltas and is all that is needed to go on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Baseline {
    /// The process that had counted these totals.
    pub process: Process,
    /// When, ns since 1970.
    pub seen_at_ns: i64,
    /// What tells a reset of the counters, and a flush.
    pub signs: Signs,
    /// The totals.
    pub totals: Totals,
    /// What Envoy hands over at a hot restart although it was scraped: what the counters have grown by since a scrape that
    /// saw the last flush as this one does. Of a process that has not taken over yet it is what that is going to get.
    pub unflushed: Vec<ObjectCounts>,
}

/// Statistics of the process itself that tell what has been done to the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signs {
    /// Requests to the admin interface, where it counts them. Every scrape raises them, so they fall only where
    /// somebody has reset all counters.
    pub admin_requests: Option<u64>,
    /// Clusters and listeners that were ever added. They fall by a reset alone, too, and are seldom overtaken.
    pub objects_added: u64,
    /// The process's uptime as it stood at the last flush, seconds, where it is told: not before the process has taken
    /// over what the one before it hands over.
    pub flushed_at_s: Option<u64>,
}

impl Signs {
    /// Whether the counters were set to zero since `before`.
    fn are_reset_since(&self, before: &Self) -> bool {
        self.admin_requests < before.admin_requests || self.objects_added < before.objects_added
    }
}

impl Baseline {
    /// As it is stored with a scrape. A proxy's is written again with every scrape of it, so it is compressed.
    pub fn pack(&self) -> Result<Vec<u8>, FrameError> {
        pack(self).map(Vec::from)
    }

    /// Reads back what [`Baseline::pack`] gave.
    pub fn unpack(packed: &[u8]) -> Result<Self, FrameError> {
        unpack_bytes(packed, frame::MAX_BYTES)
    }
}

/// What has happened between two scrapes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deltas {
    /// What each object has counted, sorted by object, without those that counted nothing.
    pub counts: Vec<ObjectCounts>,
    /// Whether another process had answered the last time.
    pub lost_process: bool,
    /// Counters and bins that add nothing because no proxy can count so much in that time.
    pub implausible: u64,
}

/// Where the counts of the newest scrape start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// At the last baseline.
    Baseline,
    /// At zero, apart from what the process before hands over.
    HandedOver,
    /// At zero: everything is new.
    Zero,
    /// Nobody knows.
    Unknown,
}

/// What has happened since `before`, the last stored baseline of this proxy, until `now`, under the names that `names`
/// knows. `watched_since_ns` is when Sidecarta began to ask at this address, ns since 1970.
pub fn deltas(before: Option<&Baseline>, now: &Baseline, watched_since_ns: i64, names: &Names) -> Deltas {
    let lost_process = before.is_some_and(|before| before.process.started != now.process.started);
    let since = match (before, start(before, &now.process, watched_since_ns)) {
        (_, Start::Unknown) => return Deltas { lost_process, ..Deltas::default() },
        (Some(before), Start::Baseline) => Since::baseline(before, now),
        _ => Since::default(),
    };
    let since = before.map_or(since, |before| since.with_handed_over(awaited(before, now), now));
    let mut implausible = 0;
    let mut changed = |now: &ObjectCounts| {
        let ObjectCounts { counts, mut latency, .. } = since.grown(now);
        let all = counts.iter().count() + latency.len();
        let counts: StatCounts = counts.iter().filter(|&(_, count)| count <= MAX_GROWTH).collect();
        latency.retain(|bin| bin.count <= MAX_GROWTH);
        implausible += (all - counts.iter().count() - latency.len()) as u64;
        let delta = ObjectCounts { object: names.configured(&now.object), counts, latency };
        (!delta.is_empty()).then_some(delta)
    };
    let mut counts: Vec<ObjectCounts> = now.totals.counts.iter().filter_map(&mut changed).collect();
    counts.sort_by(|one, other| one.object.cmp(&other.object));
    Deltas { counts, lost_process, implausible }
}

/// [`Baseline::unflushed`] of `now`, the totals of the scrape after `before`.
pub fn unflushed(before: Option<&Baseline>, now: &Baseline) -> Vec<ObjectCounts> {
    let Some(before) = before else { return Vec::new() };
    let awaited = awaited(before, now);
    if !awaited.is_empty() || now.signs.flushed_at_s.is_none() {
        let has_taken_over = now.signs.flushed_at_s.is_some();
        return if has_taken_over { Vec::new() } else { awaited.to_vec() };
    }
    let is_flushed = before.signs.flushed_at_s.is_some_and(|at_s| now.signs.flushed_at_s != Some(at_s));
    if is_flushed || before.process.started != now.process.started {
        return Vec::new();
    }
    let since = Since::baseline(before, now);
    let unflushed = |now: &ObjectCounts| {
        let earlier = find(&before.unflushed, &now.object).map(|earlier| &earlier.counts);
        let grown = since.grown(now).counts;
        let counts = earlier.into_iter().chain([&grown]).flat_map(StatCounts::iter).collect();
        ObjectCounts { counts, ..ObjectCounts::of(now.object.clone()) }
    };
    let handed_over = now.totals.counts.iter().filter(|counts| !lives_apart(&counts.object));
    handed_over.map(unflushed).filter(|counts| !counts.is_empty()).collect()
}

/// What the process before that of `now` hands over to it although it was scraped, as far as `before` does not have it.
fn awaited<'a>(before: &'a Baseline, now: &Baseline) -> &'a [ObjectCounts] {
    let is_successor = now.process.restart_epoch > before.process.restart_epoch;
    let waits =
        before.process == now.process && now.process.restart_epoch > 0 && before.signs.flushed_at_s.is_none();
    if is_successor || waits { &before.unflushed } else { &[] }
}

/// Where counting stood.
#[derive(Clone, Copy, Debug, Default)]
struct Since<'a> {
    totals: &'a [ObjectCounts],
    /// What has come to the counters since then that was counted before.
    handed_over: &'a [ObjectCounts],
    /// Whether the counters were set to zero since then.
    are_reset: bool,
}

impl<'a> Since<'a> {
    fn baseline(before: &'a Baseline, now: &Baseline) -> Self {
        let are_reset = now.signs.are_reset_since(&before.signs);
        Self { totals: &before.totals.counts, handed_over: &[], are_reset }
    }

    /// What was handed over is in every counter of the process that has taken over. Where a single one has grown by less,
    /// the old process has flushed once more, and nothing was handed over.
    fn with_handed_over(self, awaited: &'a [ObjectCounts], now: &Baseline) -> Self {
        let is_handed_over = |awaited: &ObjectCounts| {
            let grown = now.totals.of(&awaited.object).map(|now| self.grown(now).counts);
            awaited
                .counts
                .iter()
                .all(|(stat, count)| grown.as_ref().is_some_and(|grown| grown.get(stat) >= count))
        };
        let has_taken_over = now.signs.flushed_at_s.is_some();
        let handed_over = if has_taken_over && awaited.iter().all(is_handed_over) { awaited } else { &[] };
        Self { handed_over, ..self }
    }

    /// What an object has counted since then.
    fn grown(&self, now: &ObjectCounts) -> ObjectCounts {
        let old = find(self.totals, &now.object);
        let are_reset = self.are_reset && !lives_apart(&now.object);
        let mut counts = counters(old.map(|old| &old.counts), &now.counts, are_reset);
        if let Some(known) = find(self.handed_over, &now.object) {
            counts = counts
                .iter()
                .map(|(stat, count)| (stat, count.saturating_sub(known.counts.get(stat))))
                .collect();
        }
        ObjectCounts {
            object: now.object.clone(),
            counts,
            latency: latency(old.map_or(&[], |old| &old.latency), &now.latency),
        }
    }
}

/// Whether the counters of an object live with it and not among the others: no reset reaches them, and no process hands
/// them over.
fn lives_apart(object: &StatObject) -> bool {
    matches!(object, StatObject::Endpoint { .. })
}

fn find<'a>(counts: &'a [ObjectCounts], object: &StatObject) -> Option<&'a ObjectCounts> {
    counts.binary_search_by(|counts| counts.object.cmp(object)).ok().map(|at| &counts[at])
}

/// Where the counts of a process start that is seen after `before`.
pub(super) fn start(before: Option<&Baseline>, process: &Process, watched_since_ns: i64) -> Start {
    let is_successor = match before {
        Some(before) if before.process.started == process.started => return Start::Baseline,
        Some(before) if process.restart_epoch > before.process.restart_epoch => return Start::HandedOver,
        // Another process that ran beside the old one all along only shares its name.
        Some(before) => process.started_at_ns.saturating_add(OVERLAP_NS) >= before.seen_at_ns,
        None => process.started_at_ns.saturating_add(HEAD_START_NS) >= watched_since_ns,
    };
    if is_successor { Start::Zero } else { Start::Unknown }
}

/// What each counter has grown by; one that fell, or is said to be reset, has grown from zero.
fn counters(old: Option<&StatCounts>, new: &StatCounts, are_reset: bool) -> StatCounts {
    let grown = |(stat, count): (StatId, u64)| {
        let before = old.filter(|_| !are_reset).map_or(0, |old| old.get(stat));
        (stat, if count < before { count } else { count - before })
    };
    new.iter().map(grown).collect()
}

/// Bins have a life of their own: resetting the counters leaves them alone, and they follow a flush later.
fn latency(old: &[LatencyBin], new: &[LatencyBin]) -> Vec<LatencyBin> {
    let count_in = |bins: &[LatencyBin], number| {
        bins.binary_search_by_key(&number, |bin| bin.bin).map_or(0, |index| bins[index].count)
    };
    // Bins of two kinds, as before and after an upgrade of Sidecarta, cannot be compared.
    let is_coarse = |bins: &[LatencyBin]| bins.first().map(|bin| bin.bin < 0);
    if is_coarse(old).is_some_and(|old| is_coarse(new) == Some(!old)) {
        return Vec::new();
    }
    if old.iter().any(|bin| count_in(new, bin.bin) < bin.count) {
        return new.to_vec();
    }
    new.iter()
        .map(|bin| LatencyBin { count: bin.count - count_in(old, bin.bin), ..*bin })
        .filter(|bin| bin.count > 0)
        .collect()
}

#[cfg(test)]
mod tests;

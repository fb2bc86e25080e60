//! From totals to what has happened since the last scrape. Pure.
//!
//! Three things are told apart when a proxy answers:
//!
//! - **The same process as last time.** A counter adds what it has grown by. One that is smaller than before was
//!   reset or left out for a while, and both start at zero again: all of it is new. So is a counter that was not
//!   there before, because Envoy creates some of them with their first event.
//! - **A process that started since then**, by a restart or a hot restart: everything it counts is new. What the old
//!   process counted after its last scrape is lost with it; what it still serves after the new one has taken over,
//!   Envoy adds to the new one.
//! - **A process that had been running before Sidecarta watched it.** Nobody knows when its counts happened, so they
//!   are where counting starts, and add nothing.

use serde::{Deserialize, Serialize};
use sidecarta_queries::dictionary::StatId;
use sidecarta_queries::rows::envoy::{LatencyBin, ObjectCounts, StatCounts};

use super::names::Names;
use super::stats::Totals;

/// How much earlier than Sidecarta's first look a process may have started and still be counted from its start: all
/// it has counted then falls into the ten seconds of one rollup anyway. This also takes in clocks that differ a bit.
const HEAD_START_NS: i64 = 10_000_000_000;

/// How much earlier than the old process was last seen a new one may have started, for clocks that differ.
const OVERLAP_NS: i64 = 2_000_000_000;

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
    /// Requests to the admin interface until then, where it counts them.
    pub admin_requests: Option<u64>,
    /// The totals.
    pub totals: Totals,
}

/// What has happened between two scrapes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deltas {
    /// What each object has counted, sorted by object, without those that counted nothing.
    pub counts: Vec<ObjectCounts>,
    /// Whether another process had answered the last time.
    pub lost_process: bool,
}

/// Where the counts of the newest scrape start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    /// At the last baseline.
    Baseline,
    /// At zero: everything is new.
    Zero,
    /// Nobody knows.
    Unknown,
}

/// What has happened since `before`, the last stored baseline of this proxy, until `now`, under the names that `names`
/// knows. `watched_since_ns` is when Sidecarta began to ask at this address, ns since 1970.
pub fn deltas(before: Option<&Baseline>, now: &Baseline, watched_since_ns: i64, names: &Names) -> Deltas {
    let nothing = Baseline::default();
    let lost_process = before.is_some_and(|before| before.process.started != now.process.started);
    let (before, counters_reset) = match (before, start(before, &now.process, watched_since_ns)) {
        (Some(before), Start::Baseline) => (before, now.admin_requests < before.admin_requests),
        (_, Start::Unknown) => return Deltas { lost_process, ..Deltas::default() },
        _ => (&nothing, false),
    };
    let changed = |now: &ObjectCounts| {
        let old = before.totals.of(&now.object);
        let delta = ObjectCounts {
            object: names.configured(&now.object),
            counts: counters(old.map(|old| &old.counts), &now.counts, counters_reset),
            latency: latency(old.map_or(&[], |old| &old.latency), &now.latency),
        };
        (!delta.is_empty()).then_some(delta)
    };
    let mut counts: Vec<ObjectCounts> = now.totals.counts.iter().filter_map(changed).collect();
    counts.sort_by(|one, other| one.object.cmp(&other.object));
    Deltas { counts, lost_process }
}

fn start(before: Option<&Baseline>, process: &Process, watched_since_ns: i64) -> Start {
    let is_successor = match before {
        Some(before) if before.process.started == process.started => return Start::Baseline,
        // Another process that ran beside the old one all along only shares its name.
        Some(before) => {
            process.restart_epoch > before.process.restart_epoch
                || process.started_at_ns + OVERLAP_NS >= before.seen_at_ns
        }
        None => process.started_at_ns + HEAD_START_NS >= watched_since_ns,
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

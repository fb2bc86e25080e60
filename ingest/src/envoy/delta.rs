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

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sidecarta_queries::rows::envoy::{ClusterDelta, LatencyBin, ListenerDelta};

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

/// What has happened between two scrapes, per cluster and connection manager, without those where nothing has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deltas {
    /// Requests to upstream clusters, sorted by name.
    pub clusters: Vec<ClusterDelta>,
    /// Requests to connection managers, sorted by prefix.
    pub listeners: Vec<ListenerDelta>,
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
    let (before, counters_reset) = match (before, start(before, &now.process, watched_since_ns)) {
        (Some(before), Start::Baseline) => (before, now.admin_requests < before.admin_requests),
        (_, Start::Unknown) => return Deltas::default(),
        _ => (&nothing, false),
    };
    let since = Since { counters_reset };
    let mut clusters =
        changed(&before.totals.clusters, &now.totals.clusters, |old, new| since.cluster(old, new));
    for cluster in &mut clusters {
        cluster.cluster = names.cluster(&cluster.cluster).unwrap_or(&cluster.cluster).to_owned();
    }
    clusters.sort_by(|one, other| one.cluster.cmp(&other.cluster));
    let mut listeners =
        changed(&before.totals.listeners, &now.totals.listeners, |old, new| since.listener(old, new));
    for listener in &mut listeners {
        listener.prefix = names.listener(&listener.prefix).unwrap_or(&listener.prefix).to_owned();
    }
    listeners.sort_by(|one, other| one.prefix.cmp(&other.prefix));
    Deltas { clusters, listeners }
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

/// The deltas that there are.
fn changed<T: Default>(
    before: &BTreeMap<String, T>,
    now: &BTreeMap<String, T>,
    delta: impl Fn(&T, &T) -> Option<T>,
) -> Vec<T> {
    let nothing = T::default();
    now.iter().filter_map(|(name, new)| delta(before.get(name).unwrap_or(&nothing), new)).collect()
}

#[derive(Clone, Copy)]
struct Since {
    counters_reset: bool,
}

impl Since {
    fn cluster(self, old: &ClusterDelta, new: &ClusterDelta) -> Option<ClusterDelta> {
        let nothing = ClusterDelta { cluster: new.cluster.clone(), ..ClusterDelta::default() };
        let delta = ClusterDelta {
            cluster: new.cluster.clone(),
            requests: self.counter(old.requests, new.requests),
            classes: self.classes(old.classes, new.classes),
            attempts: self.counter(old.attempts, new.attempts),
            retries: self.counter(old.retries, new.retries),
            timeouts: self.counter(old.timeouts, new.timeouts),
            connection_failures: self.counter(old.connection_failures, new.connection_failures),
            tls_handshakes: self.counter(old.tls_handshakes, new.tls_handshakes),
            latency: latency(&old.latency, &new.latency),
        };
        (delta != nothing).then_some(delta)
    }

    fn listener(self, old: &ListenerDelta, new: &ListenerDelta) -> Option<ListenerDelta> {
        let nothing = ListenerDelta { prefix: new.prefix.clone(), ..ListenerDelta::default() };
        let delta = ListenerDelta {
            prefix: new.prefix.clone(),
            requests: self.counter(old.requests, new.requests),
            classes: self.classes(old.classes, new.classes),
            latency: latency(&old.latency, &new.latency),
        };
        (delta != nothing).then_some(delta)
    }

    fn classes(self, old: [u64; 5], new: [u64; 5]) -> [u64; 5] {
        std::array::from_fn(|class| self.counter(old[class], new[class]))
    }

    fn counter(self, old: u64, new: u64) -> u64 {
        if self.counters_reset || new < old { new } else { new - old }
    }
}

/// Bins have a life of their own: resetting the counters leaves them alone, and they follow a flush later.
fn latency(old: &[LatencyBin], new: &[LatencyBin]) -> Vec<LatencyBin> {
    let count_in = |bins: &[LatencyBin], lower_ms| {
        bins.binary_search_by_key(&lower_ms, |bin| bin.lower_ms).map_or(0, |index| bins[index].count)
    };
    if old.iter().any(|bin| count_in(new, bin.lower_ms) < bin.count) {
        return new.to_vec();
    }
    new.iter()
        .map(|bin| LatencyBin { count: bin.count - count_in(old, bin.lower_ms), ..*bin })
        .filter(|bin| bin.count > 0)
        .collect()
}

#[cfg(test)]
mod tests;

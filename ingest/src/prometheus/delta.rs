//! From cumulative counts to what has happened since the last scrape of a target. Pure.
//!
//! A count that was smaller before has grown by the difference. One that was larger was reset, or forgotten by its target for
//! a while, and has grown from zero; so has one that was not there before, since most appear with their first event. Where
//! the process is known to be another one than last time, everything it counts is new. A target that had been running
//! before Sidecarta asked it for the first time tells where counting starts, and adds nothing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sidecarta_queries::rows::envoy::LatencyBin;
use sidecarta_queries::rows::mesh::{MeshCounter, MeshCounts, MeshDelta, MeshEdge, MeshLatency};

use super::process::ProcessSign;

/// How much earlier than Sidecarta's first look a process may have started and still be counted from its start: all it has
/// counted then falls into the ten seconds of one rollup anyway.
const HEAD_START_S: f64 = 10.0;

/// Where counting stood after a scrape. It is stored with that scrape's deltas.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// The process that had counted.
    process: ProcessSign,
    /// What every series stood at, by [`MeshCounter::key`].
    counters: BTreeMap<u128, Known>,
}

/// What one series stood at.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Known {
    counts: MeshCounts,
    latency: Option<MeshLatency>,
}

/// One answer of a target.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    /// Which process it was.
    pub process: ProcessSign,
    /// What it has counted.
    pub counters: &'a [MeshCounter],
    /// Whether some series were left out, so that what is missing may still be there.
    pub is_cut: bool,
    /// When it had answered, seconds since 1970.
    pub at_s: f64,
}

impl Baseline {
    /// Where counting stands after this answer.
    pub fn after(before: Option<&Self>, told: Told<'_>) -> Self {
        let known = |counter: &MeshCounter| {
            (counter.key, Known { counts: counter.counts, latency: counter.latency.clone() })
        };
        let mut counters: BTreeMap<u128, Known> = told.counters.iter().map(known).collect();
        if let Some(before) = before.filter(|_| told.is_cut) {
            for (key, known) in &before.counters {
                counters.entry(*key).or_insert_with(|| known.clone());
            }
        }
        Self { process: told.process, counters }
    }
}

/// What has happened since `before`, the last stored baseline of this target. `watched_since_s` is when Sidecarta began to
/// ask it, seconds since 1970. Edges that counted nothing are left out.
pub fn deltas(before: Option<&Baseline>, told: Told<'_>, watched_since_s: f64) -> Vec<MeshDelta> {
    let nothing = Baseline::default();
    let before = match before {
        Some(before) if told.process.is_new_since(&before.process) => &nothing,
        Some(before) => before,
        None if told.process.has_started_since(watched_since_s - HEAD_START_S, told.at_s) => &nothing,
        None => return Vec::new(),
    };
    let mut edges: BTreeMap<MeshEdge, (MeshCounts, BTreeMap<i16, u64>)> = BTreeMap::new();
    for counter in told.counters {
        let old = before.counters.get(&counter.key);
        let grown = counts(old.map(|old| old.counts).unwrap_or_default(), counter.counts);
        let bins = counter.latency.as_ref().map(|new| latency(old.and_then(|old| old.latency.as_ref()), new));
        let bins = bins.unwrap_or_default();
        if grown == MeshCounts::default() && bins.is_empty() {
            continue;
        }
        let (counts, latency) = edges.entry(counter.edge.whatever_the_response()).or_default();
        *counts = counts.with(grown, u64::saturating_add);
        for (bin, count) in bins {
            let sum = latency.entry(bin).or_default();
            *sum = sum.saturating_add(count);
        }
    }
    let delta = |(edge, (counts, latency)): (MeshEdge, (MeshCounts, BTreeMap<i16, u64>))| MeshDelta {
        edge,
        counts,
        latency: latency.into_iter().map(|(bin, count)| LatencyBin { bin, count }).collect(),
    };
    edges.into_iter().map(delta).collect()
}

fn counts(old: MeshCounts, new: MeshCounts) -> MeshCounts {
    let mut grown = new.with(old, |new, old| if new < old { new } else { new - old });
    let all = |counts: MeshCounts| counts.classes.iter().fold(0_u64, |sum, &class| sum.saturating_add(class));
    // Where the requests are the sum of the classes, one class that is reset does not make the others start anew.
    if new.requests == all(new) && old.requests == all(old) {
        grown.requests = all(grown);
    }
    grown
}

/// Requests by bin. A bound that the histogram did not have before had the count of the next lower one.
fn latency(old: Option<&MeshLatency>, new: &MeshLatency) -> Vec<(i16, u64)> {
    let before = |old: &MeshLatency, bound: f64| {
        let below = old.bounds_ms.partition_point(|&known| known <= bound * (1.0 + f64::EPSILON));
        below.checked_sub(1).and_then(|at| old.cumulative.get(at).copied()).unwrap_or(0)
    };
    let bounds = new.bounds_ms.iter().copied().zip(new.cumulative.iter().copied());
    let old = old.filter(|old| {
        old.count <= new.count && bounds.clone().all(|(bound, count)| before(old, bound) <= count)
    });
    let (mut above_ms, mut below) = (None, 0);
    let mut bins = Vec::new();
    let grown =
        bounds.map(|(bound, count)| (bound, count - old.map_or(0, |old| before(old, bound).min(count))));
    let all = new.count - old.map_or(0, |old| old.count);
    for (up_to_ms, grown) in grown.chain([(f64::INFINITY, all)]) {
        if grown > below {
            // All that speaks of a mesh in this way is Envoy's own counting.
            bins.push((LatencyBin::up_to(above_ms, up_to_ms, 0).bin, grown - below));
            below = grown;
        }
        above_ms = Some(up_to_ms);
    }
    bins
}

#[cfg(test)]
mod tests;

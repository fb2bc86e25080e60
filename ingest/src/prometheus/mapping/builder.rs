//! Collects the numbers of each edge. Each number comes from one series, so that a series which is reset or forgotten by its
//! target takes no other number with it.

use std::collections::{BTreeSet, HashMap};

use sidecarta_queries::rows::mesh::{MeshCounter, MeshCounts, MeshEdge, MeshLatency};
use xxhash_rust::xxh3::Xxh3Default;

use super::{Mapped, MappingContext};
use crate::prometheus::exposition::Rejects;
use crate::prometheus::family::{Histogram, NativeHistogram, Sample, Value, count};

/// One number of an edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Number {
    Requests,
    /// 0 to 4 for 1xx to 5xx.
    Class(u8),
    GrpcRequests,
    Attempts,
    Retries,
    Timeouts,
    ConnectionFailures,
    PendingOverflows,
    ActiveOverflows,
    Connections,
    TlsHandshakes,
    RequestBytes,
    ResponseBytes,
    Latency,
}

/// What tells one edge from all others: labels that are part of the number are left out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scope<'a> {
    /// The family of families, and what of its name belongs to the edge.
    pub(super) name: [&'a str; 2],
    /// The label that tells the number and not the edge.
    pub(super) without: &'a str,
}

struct Entry {
    counter: MeshCounter,
    told: BTreeSet<Number>,
    metrics: BTreeSet<String>,
}

pub(super) struct Builder<'c> {
    pub(super) context: &'c MappingContext,
    entries: HashMap<u128, Entry>,
    pub(super) rejects: Rejects,
    pub(super) unreadable_names: u64,
}

impl<'c> Builder<'c> {
    pub(super) fn new(context: &'c MappingContext) -> Self {
        Self { context, entries: HashMap::new(), rejects: Rejects::default(), unreadable_names: 0 }
    }

    /// Adds what a sample says. A number that was told already is a duplicate, and the first one stays.
    pub(super) fn add(
        &mut self,
        metric: &str,
        sample: &Sample<'_>,
        scope: Scope<'_>,
        number: Number,
        edge: impl FnOnce(&MappingContext) -> MeshEdge,
    ) {
        let Some(value) = Taken::of(&sample.value, number) else {
            self.rejects.values += 1;
            return;
        };
        let context = self.context;
        let key = key(&context.instance, sample, scope);
        let entry = self.entries.entry(key).or_insert_with(|| Entry {
            counter: MeshCounter {
                key,
                edge: MeshEdge { instance: context.instance.clone(), ..edge(context) },
                ..MeshCounter::default()
            },
            told: BTreeSet::new(),
            metrics: BTreeSet::new(),
        });
        if !entry.told.insert(number) {
            self.rejects.duplicates += 1;
            return;
        }
        entry.metrics.insert(metric.to_owned());
        match value {
            Taken::Count(count) => *place(&mut entry.counter.counts, number) = count,
            Taken::Latency(latency) => entry.counter.latency = Some(latency),
        }
    }

    pub(super) fn finished(self) -> Mapped {
        let mut counters: Vec<_> = self.entries.into_values().map(Entry::finished).collect();
        counters.sort_unstable_by(|left, right| (&left.edge, &left.key).cmp(&(&right.edge, &right.key)));
        Mapped { counters, rejects: self.rejects, unreadable_names: self.unreadable_names }
    }
}

impl Entry {
    fn finished(self) -> MeshCounter {
        let Self { mut counter, told, metrics } = self;
        let MeshCounter { counts, edge, .. } = &mut counter;
        if let Some(class) = edge.response_code.and_then(class_of) {
            counts.classes[class] = counts.requests;
        } else if !told.contains(&Number::Requests) {
            counts.requests = counts.classes.iter().fold(0, |sum, class| sum.saturating_add(*class));
        }
        counts.errors = if failed(edge) { counts.requests } else { counts.classes[4] };
        counter.metrics = metrics.into_iter().collect();
        counter
    }
}

/// The class of a response code, as an index.
fn class_of(code: u16) -> Option<usize> {
    (100..600).contains(&code).then(|| usize::from(code / 100) - 1)
}

/// Whether all requests of a series failed, by what its labels say.
fn failed(edge: &MeshEdge) -> bool {
    // Unknown, deadline exceeded, unimplemented, internal, unavailable, data loss: as OpenTelemetry has it for servers.
    let is_server_fault = |status: u16| matches!(status, 2 | 4 | 12 | 13 | 14 | 15);
    edge.response_code.is_some_and(|code| code == 0 || code >= 500)
        || edge.grpc_status.is_some_and(is_server_fault)
}

enum Taken {
    Count(u64),
    Latency(MeshLatency),
}

impl Taken {
    fn of(value: &Value, number: Number) -> Option<Self> {
        match (value, number) {
            (Value::Histogram(histogram), Number::Latency) => Some(Self::Latency(latency(histogram)?)),
            // The sizes of all messages together.
            (Value::Histogram(histogram), _) => Some(Self::Count(count(histogram.sum?)?)),
            (Value::Number(value), number) if number != Number::Latency => Some(Self::Count(count(*value)?)),
            _ => None,
        }
    }
}

/// A histogram of durations; nothing where it reaches below zero.
fn latency(histogram: &Histogram) -> Option<MeshLatency> {
    let from_native = histogram.native.as_ref().map(NativeHistogram::cumulative_buckets);
    // Classic buckets are there as well where the target offers both; the native ones are finer.
    let buckets = from_native.as_ref().unwrap_or(&histogram.buckets);
    let bounded = buckets.iter().filter(|bucket| bucket.upper_bound.is_finite());
    if bounded.clone().any(|bucket| bucket.upper_bound < 0.0) {
        return None;
    }
    Some(MeshLatency {
        bounds_ms: bounded.clone().map(|bucket| bucket.upper_bound).collect(),
        cumulative: bounded.map(|bucket| bucket.cumulative).collect(),
        count: histogram.count,
        sum_ms: histogram.sum,
    })
}

fn place(counts: &mut MeshCounts, number: Number) -> &mut u64 {
    match number {
        Number::Requests => &mut counts.requests,
        Number::Class(class) => &mut counts.classes[usize::from(class.min(4))],
        Number::GrpcRequests => &mut counts.grpc_requests,
        Number::Attempts => &mut counts.attempts,
        Number::Retries => &mut counts.retries,
        Number::Timeouts => &mut counts.timeouts,
        Number::ConnectionFailures => &mut counts.connection_failures,
        Number::PendingOverflows => &mut counts.pending_overflows,
        Number::ActiveOverflows => &mut counts.active_overflows,
        Number::Connections => &mut counts.connections,
        Number::TlsHandshakes => &mut counts.tls_handshakes,
        Number::RequestBytes => &mut counts.request_bytes,
        // A latency is no count and never gets here.
        Number::ResponseBytes | Number::Latency => &mut counts.response_bytes,
    }
}

/// The same for the same series at all times and on all machines.
fn key(instance: &str, sample: &Sample<'_>, scope: Scope<'_>) -> u128 {
    let mut hasher = Xxh3Default::new();
    let mut update = |text: &str| {
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    };
    update(instance);
    scope.name.into_iter().for_each(&mut update);
    for (name, value) in &sample.labels {
        if name != scope.without {
            update(name);
            update(value);
        }
    }
    hasher.digest128()
}

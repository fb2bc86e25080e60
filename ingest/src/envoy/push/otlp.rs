//! Envoy's statistics among OTLP metrics, as its OpenTelemetry sink sends them.
//!
//! They are stored as metrics like any others. Beside that they are counted, if the resource says which proxy they come from.
//! Envoy's own resource does not, unless the sink has `resource_detectors`.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sidecarta_queries::rows::envoy::Proxy;
use sidecarta_queries::rows::metric::{Histogram, MetricPoint, Number, PointData, Temporality};
use tokio::time::Instant;

use super::Pushes;
use super::flush::{Flush, Reader};
use super::process::Way;
use super::proxy::PushingProxy;
use super::tags::{Tags, full_name, is_full_name};
use crate::envoy::stats::between_bounds;
use crate::pipeline::SubmitError;
use crate::prometheus::count;
use crate::status::SourceHandle;

/// Proxies and times that one request may have statistics of.
const MAX_FLUSHES: usize = 1_000;
/// Proxies that may send at once.
const MAX_PROXIES: usize = 10_000;
/// How long a proxy that sends nothing more has its id and its line.
const IDLE: Duration = Duration::from_mins(15);
/// How often is looked for those.
const SWEEP: Duration = Duration::from_mins(1);
/// Name of the line of those that are not counted and have none of their own.
const OTHERS: &str = "OTLP metrics";

/// Attributes of a resource that are a proxy's node id, the first that is there. It has to be the same as where the proxy is
/// scraped or pushes otherwise, else it would be counted twice; so no other attribute is as good.
const IDS: [&str; 3] = ["envoy.node.id", "node_name", "service.instance.id"];
/// Attributes of the service that a proxy stands before, likewise.
const CLUSTERS: [&str; 3] = ["envoy.node.cluster", "cluster_name", "service.name"];
/// Attributes of its zone.
const ZONES: [&str; 3] = ["envoy.node.zone", "zone_name", "cloud.availability_zone"];

type Attributes<'a> = [(Cow<'a, str>, Cow<'a, str>)];

/// Takes the statistics out of OTLP metrics. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub struct StatisticsSink {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    pushes: Pushes,
    proxies: Mutex<Proxies>,
}

#[derive(Debug)]
struct Proxies {
    known: HashMap<String, (SharedProxy, Instant)>,
    swept_at: Instant,
    /// The line of those that are not counted and have none of their own.
    others: Option<SourceHandle>,
}

/// A proxy that one request at a time speaks of.
type SharedProxy = Arc<tokio::sync::Mutex<PushingProxy>>;

/// The statistics of one request, by proxy and time.
#[derive(Default)]
pub struct Statistics {
    flushes: Vec<(Proxy, Reader)>,
    numbers: HashMap<(String, i64), usize>,
    /// Whether some come from an Envoy that does not say which one it is.
    has_unnamed: bool,
    /// Whether there are more proxies and times than are counted.
    has_too_many: bool,
    received_at_ns: i64,
}

impl Statistics {
    /// Those of a request that came at this time, ns since 1970.
    pub fn received_at(received_at_ns: i64) -> Self {
        Self { received_at_ns, ..Self::default() }
    }

    /// Takes what a point of the request says of an Envoy.
    pub fn take(&mut self, point: &MetricPoint<'_>) {
        if attribute(point.resource, "telemetry.sdk.name") != Some("envoy") {
            return;
        }
        let Some(id) = first(point.resource, &IDS) else {
            self.has_unnamed = true;
            return;
        };
        let time_ms = point.time_ns.div_euclid(1_000_000);
        let Some(number) = self.number(id, time_ms, point.resource) else { return };
        let reader = &mut self.flushes[number].1;
        reader.flush.series += 1;
        let tags = Tagged(point.attributes);
        let name = if is_full_name(point.name, &tags) {
            Cow::Borrowed(point.name)
        } else {
            full_name(point.name, &tags)
        };
        let has_value = point.flags & MetricPoint::NO_RECORDED_VALUE == 0;
        match point.data {
            _ if !has_value => {}
            PointData::Sum(_) | PointData::Histogram(_) if point.temporality != Temporality::Cumulative => {
                reader.flush.has_ignored_deltas = true;
            }
            PointData::Gauge(value) | PointData::Sum(value) => match number_of(value) {
                Some(value) => reader.value(&name, value, false),
                None => reader.flush.rejected += 1,
            },
            PointData::Histogram(histogram) => reader.histogram(&name, &bins(&histogram), false),
            // No Envoy sends them.
            PointData::ExponentialHistogram(_) | PointData::Summary(_) => reader.flush.rejected += 1,
        }
    }

    /// The number of what a proxy says at a time; nothing where there is too much of that already.
    fn number(&mut self, id: &str, time_ms: i64, resource: &Attributes<'_>) -> Option<usize> {
        let last = self.flushes.last();
        if last.is_some_and(|(proxy, reader)| proxy.id == id && reader.flush.time_ms == time_ms) {
            return Some(self.flushes.len() - 1);
        }
        let key = (id.to_owned(), time_ms);
        if let Some(&number) = self.numbers.get(&key) {
            return Some(number);
        }
        if self.flushes.len() == MAX_FLUSHES {
            self.has_too_many = true;
            return None;
        }
        let text = |keys: &[&str]| first(resource, keys).unwrap_or_default().to_owned();
        let proxy = Proxy {
            id: id.to_owned(),
            cluster: text(&CLUSTERS),
            zone: text(&ZONES),
            // `<commit>/<version>/<state>/<build>/<TLS library>`
            envoy_version: text(&["telemetry.sdk.version"]).split('/').nth(1).unwrap_or_default().to_owned(),
            ..Proxy::default()
        };
        let mut reader = Reader::default();
        reader.flush.time_ms = time_ms;
        self.flushes.push((proxy, reader));
        self.numbers.insert(key, self.flushes.len() - 1);
        Some(self.flushes.len() - 1)
    }

    /// What each proxy says, oldest first.
    fn finish(self) -> Vec<(Proxy, Flush)> {
        let mut flushes: Vec<_> =
            self.flushes.into_iter().map(|(proxy, reader)| (proxy, reader.finish())).collect();
        flushes.sort_by_key(|(_, flush)| flush.time_ms);
        flushes
    }
}

impl StatisticsSink {
    pub(super) fn new(pushes: Pushes) -> Self {
        let proxies = Proxies { known: HashMap::new(), swept_at: Instant::now(), others: None };
        Self { inner: Arc::new(Inner { pushes, proxies: Mutex::new(proxies) }) }
    }

    /// Counts and stores statistics; on `Ok` they are durable. What cannot be counted is told on the Sources page.
    ///
    /// # Errors
    /// If something could not be stored. All may be tried again: nothing of it is counted twice.
    pub async fn store(&self, statistics: Statistics) -> Result<(), SubmitError> {
        if statistics.has_unnamed {
            self.tell(
                "Envoys send statistics that do not say which proxy they come from, so they are kept as metrics and do not \
                 count on the graph; give their sink `resource_detectors` that set `service.instance.id` and `service.name`",
            );
        }
        let mut has_too_many = statistics.has_too_many;
        let received_at_ns = statistics.received_at_ns;
        for (said, flush) in statistics.finish() {
            let Some(proxy) = self.proxy(&said.id) else {
                has_too_many = true;
                continue;
            };
            proxy.lock().await.take(&said, flush, received_at_ns).await?;
        }
        if has_too_many {
            self.tell("more proxies send statistics than can be counted; those of the others are kept as metrics only");
        }
        Ok(())
    }

    /// The proxy with this id; nothing where there are too many others.
    fn proxy(&self, id: &str) -> Option<SharedProxy> {
        let mut proxies = self.lock();
        let now = Instant::now();
        if let Some((known, seen_at)) = proxies.known.get_mut(id) {
            *seen_at = now;
            return Some(Arc::clone(known));
        }
        if proxies.swept_at.elapsed() >= SWEEP {
            proxies.swept_at = now;
            proxies.known.retain(|_, (_, seen_at)| seen_at.elapsed() < IDLE);
        }
        if proxies.known.len() >= MAX_PROXIES {
            return None;
        }
        let proxy = PushingProxy::new(self.inner.pushes.clone(), Way::Otlp);
        let proxy = Arc::new(tokio::sync::Mutex::new(proxy));
        proxies.known.insert(id.to_owned(), (Arc::clone(&proxy), now));
        Some(proxy)
    }

    /// Says something of those that are not counted.
    fn tell(&self, words: &str) {
        let pushes = &self.inner.pushes;
        self.lock().others.get_or_insert_with(|| pushes.line(OTHERS)).failed(words);
    }

    fn lock(&self) -> MutexGuard<'_, Proxies> {
        self.inner.proxies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The value of an attribute; nothing where it is empty.
fn attribute<'r>(attributes: &'r Attributes<'_>, key: &str) -> Option<&'r str> {
    let found = attributes.iter().find(|(known, _)| known == key);
    found.map(|(_, value)| value.as_ref()).filter(|value| !value.is_empty())
}

/// The first of these attributes that is there. What a name is made up from is no name.
fn first<'r>(attributes: &'r Attributes<'_>, keys: &[&str]) -> Option<&'r str> {
    let said = |key: &&str| attribute(attributes, key).filter(|value| !value.starts_with("unknown_service"));
    keys.iter().find_map(said)
}

fn number_of(value: Number) -> Option<u64> {
    match value {
        Number::None => None,
        Number::Int(value) => u64::try_from(value).ok(),
        Number::Double(value) => count(value),
    }
}

/// Latencies by the bounds that are known.
fn bins(histogram: &Histogram<'_>) -> Vec<sidecarta_queries::rows::envoy::LatencyBin> {
    let bounds = histogram.bounds.iter().copied().chain([f64::INFINITY]);
    let mut cumulative = 0_u64;
    let buckets = bounds.zip(histogram.counts).map(|(bound, count)| {
        cumulative = cumulative.saturating_add(*count);
        (bound, cumulative)
    });
    between_bounds(buckets)
}

/// The tags among the attributes of a point.
struct Tagged<'p>(&'p Attributes<'p>);

impl Tags for Tagged<'_> {
    fn tag(&self, name: &str) -> Option<&str> {
        let is_it = |key: &str| key == name || key.strip_prefix("envoy.") == Some(name);
        self.0.iter().find(|(key, _)| is_it(key)).map(|(_, value)| value.as_ref())
    }
}

impl std::fmt::Debug for Statistics {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Statistics").field("flushes", &self.flushes.len()).finish_non_exhaustive()
    }
}

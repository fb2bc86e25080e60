//! What Envoys push instead of being asked: over their metrics service, on the port of OTLP over gRPC, or as OTLP metrics
//! by their OpenTelemetry sink.
//!
//! What comes at one time becomes a scrape like those of the admin interface: who the proxy is, what it has counted since
//! the time before, where its gauges stand. Names of objects are told apart as far as the dictionary allows, since nothing is
//! known of the configuration.
//!
//! Each message of a stream is stored, with where counting then stands, before the next is read; a stream is never
//! answered. So what was read survives `kill -9`, and of what was not, the counters come again with the next message, while
//! the latencies of its interval are lost. A request of OTLP is answered once both its points and the scrape are stored. All
//! in it is cumulative, so that one that is sent again adds nothing.

mod count;
mod flush;
mod otlp;
pub(super) mod process;
mod proxy;
mod signs;
mod stream;
mod tags;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use sidecarta_queries::rows::envoy::EnvoyScrape;
use tokio::time::Instant;

pub use self::otlp::{Statistics, StatisticsSink};
use self::process::Way;
use self::proxy::PushingProxy;
use super::EnvoyConfig;
use super::delta::Baseline;
use super::frame;
use super::owners::ProxyIds;
use super::reading::now_ns;
use super::scraper::submit;
use crate::otlp::streams::{OpenStream, StreamHandler};
use crate::packed::{compress, content};
use crate::pipeline::{Pipeline, SubmitError};
use crate::prometheus::Temporality;
use crate::status::{SourceBook, SourceHandle};

/// Proxies that may be known before no new one may push.
const MAX_PROXIES: usize = 50_000;

/// How large the state of one proxy may be, bytes: of a larger one the log could not be read back.
const MAX_BASELINE_BYTES: usize = 16 << 20;

/// What all that push share. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub struct Pushes {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    pipeline: Pipeline,
    book: SourceBook,
    ids: ProxyIds,
    /// What the counters of all metrics services reach back to, as their sinks are configured.
    counters: Temporality,
    listening_since_ns: i64,
    numbers: AtomicU64,
    proxies: Mutex<BTreeMap<String, ProxyState>>,
}

/// Where counting of one proxy stands. Whoever counts holds it, so that no two streams of one proxy count at once.
type ProxyState = Arc<tokio::sync::Mutex<Newest>>;

/// The newest of a proxy that was stored. The store itself shows it a little later.
#[derive(Debug, Default)]
struct Newest {
    /// Nothing where it has to be looked up.
    known: Option<Known>,
    stored_at: Option<Instant>,
    /// When the newest that was stored came, ns since 1970.
    stored_ns: i64,
}

/// What is stored of a proxy.
#[derive(Debug, Default)]
struct Known {
    baseline: Option<Baseline>,
    /// The time of the flush that it stands at, by the proxy's clock.
    flush_ms: Option<i64>,
}

impl Newest {
    /// Looks it up in the store where it is not known. What cannot be read there is nothing.
    fn look_up(&mut self, pushes: &Pushes, id: &str) {
        if self.known.is_some() {
            return;
        }
        let state = pushes.inner.pipeline.envoy_baseline(id).unwrap_or_default();
        let known = content(&state, frame::MAX_BYTES).ok().and_then(|content| {
            let (baseline, rest) = postcard::take_from_bytes(&content).ok()?;
            // One that is scraped has none.
            Some(Known { baseline: Some(baseline), flush_ms: postcard::from_bytes(rest).ok() })
        });
        self.known = Some(known.unwrap_or_default());
    }

    fn baseline(&self) -> Option<&Baseline> {
        self.known.as_ref().and_then(|known| known.baseline.as_ref())
    }

    fn flush_ms(&self) -> Option<i64> {
        self.known.as_ref().and_then(|known| known.flush_ms)
    }

    fn keep(&mut self, baseline: Baseline, flush_ms: i64) {
        self.known = Some(Known { baseline: Some(baseline), flush_ms: Some(flush_ms) });
    }

    fn forget(&mut self) {
        self.known = None;
    }

    /// What is stored with the counts; nothing where that is more than can be read back. It begins as a scraper's does,
    /// which can read it for that reason.
    fn state(baseline: &Baseline, flush_ms: i64) -> Option<Vec<u8>> {
        // It is made of strings and numbers, and such can always be packed.
        let content = postcard::to_stdvec(&(baseline, flush_ms)).unwrap_or_default();
        (content.len() <= MAX_BASELINE_BYTES).then(|| compress(&content).unwrap_or_default())
    }
}

impl Pushes {
    /// Those that are counted under `ids`, which the scraper's targets have too.
    ///
    /// Every proxy that pushes has a line in `sources`, of kind `envoy_push`, under its id, as long as its stream lasts or
    /// its OTLP metrics come.
    pub fn new(config: &EnvoyConfig, pipeline: &Pipeline, sources: &SourceBook, ids: &ProxyIds) -> Self {
        let counters =
            if config.push_counters_as_deltas { Temporality::Delta } else { Temporality::Cumulative };
        Self {
            inner: Arc::new(Inner {
                pipeline: pipeline.clone(),
                book: sources.clone(),
                ids: ids.clone(),
                counters,
                listening_since_ns: now_ns(),
                numbers: AtomicU64::new(0),
                proxies: Mutex::default(),
            }),
        }
    }

    /// What is done with each stream of statistics: a handler that lives as long as the stream.
    pub fn stream_handler(&self) -> OpenStream {
        let (pushes, counters) = (self.clone(), self.inner.counters);
        let way = if counters == Temporality::Delta { Way::ServiceWithDeltas } else { Way::Service };
        Arc::new(move || {
            let proxy = Arc::new(tokio::sync::Mutex::new(PushingProxy::new(pushes.clone(), way)));
            let handler: StreamHandler = Arc::new(move |state, message| {
                let (proxy, said) = (Arc::clone(&proxy), state.proxy.clone());
                Box::pin(
                    async move { stream::take(&mut *proxy.lock().await, counters, &said, message).await },
                )
            });
            handler
        })
    }

    /// What is done with streams of statistics, and with those among OTLP metrics. Nothing else keeps the pipeline from
    /// ending.
    pub fn into_handlers(self) -> (OpenStream, StatisticsSink) {
        (self.stream_handler(), self.statistics_sink())
    }

    /// What is done with the statistics among OTLP metrics.
    pub fn statistics_sink(&self) -> StatisticsSink {
        StatisticsSink::new(self.clone())
    }

    /// A number that nobody else has.
    fn next_number(&self) -> u64 {
        self.inner.numbers.fetch_add(1, Ordering::Relaxed)
    }

    fn ids(&self) -> &ProxyIds {
        &self.inner.ids
    }

    fn listening_since_ns(&self) -> i64 {
        self.inner.listening_since_ns
    }

    fn line(&self, name: &str) -> SourceHandle {
        self.inner.book.source("envoy_push", name)
    }

    /// Where counting of a proxy stands.
    fn proxy(&self, id: &str) -> ProxyState {
        let mut proxies = self.inner.proxies.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = proxies.get(id) {
            return Arc::clone(known);
        }
        // What nobody counts with any more, and the store shows, can be looked up there.
        let is_shown = |id: &str, newest: &Newest| {
            self.inner.pipeline.store().directory(|directory| {
                directory.proxies().get(id).is_some_and(|proxy| proxy.last_scrape_ns >= newest.stored_ns)
            })
        };
        proxies.retain(|id, state| {
            let is_needed = |newest: &Newest| newest.stored_ns > 0 && !is_shown(id, newest);
            Arc::strong_count(state) > 1 || state.try_lock().map_or(true, |newest| is_needed(&newest))
        });
        Arc::clone(proxies.entry(id.to_owned()).or_default())
    }

    /// Whether something is stored of a proxy.
    fn is_known(&self, id: &str) -> bool {
        self.inner.pipeline.store().directory(|directory| directory.proxies().contains_key(id))
    }

    /// Whether there is room for one more proxy, or it is known already.
    fn has_room_for(&self, id: &str) -> bool {
        self.inner.pipeline.store().directory(|directory| {
            directory.proxies().len() < MAX_PROXIES || directory.proxies().contains_key(id)
        })
    }

    async fn store(&self, scrape: EnvoyScrape) -> Result<(), SubmitError> {
        submit(&self.inner.pipeline, scrape).await
    }
}

#[cfg(test)]
mod tests;

//! A proxy that pushes, for as long as its stream lasts or its OTLP metrics come.

use std::time::Duration;

use sidecarta_queries::rows::envoy::{EnvoyScrape, Proxy};
use tokio::time::Instant;

use super::count::{Counted, Look};
use super::flush::Flush;
use super::process::Way;
use super::signs::Signs;
use super::{Newest, Pushes};
use crate::envoy::delta::Process;
use crate::envoy::owners::{Claim, Pusher};
use crate::pipeline::SubmitError;
use crate::status::SourceHandle;

/// How long a proxy where nothing happens may go unmentioned. Its last message says that it still reports.
const QUIET: Duration = Duration::from_secs(30);

/// How much older than the newest a request of OTLP may be and only have been overtaken by it, ms. One that is older still
/// shows a clock that was set back.
const OVERTAKEN_MS: i64 = 600_000;

/// A proxy as far as it has been counted.
#[derive(Debug)]
pub(super) struct PushingProxy {
    pushes: Pushes,
    way: Way,
    number: u64,
    /// The id that the proxy goes by, once it has one.
    id: Option<String>,
    line: Option<(String, SourceHandle)>,
    process: Option<Process>,
    /// The time of the last flush, by the proxy's clock.
    flush_ms: Option<i64>,
    /// What cannot be counted before more has come, oldest first: two flushes at most.
    waiting: Vec<Flush>,
    has_stored: bool,
    /// The time of the flush with which counting of this proxy started.
    first_look_ms: Option<i64>,
    signs: Signs,
}

/// Why something was not counted.
#[derive(Debug)]
pub(super) enum Failure {
    /// It is not to be counted, in words for the Sources page.
    NotCounted(String),
    /// It could not be stored.
    NotStored(SubmitError),
}

impl PushingProxy {
    pub(super) fn new(pushes: Pushes, way: Way) -> Self {
        Self {
            number: pushes.next_number(),
            pushes,
            way,
            id: None,
            line: None,
            process: None,
            flush_ms: None,
            waiting: Vec::new(),
            has_stored: false,
            first_look_ms: None,
            signs: Signs::default(),
        }
    }

    /// Counts and stores a flush, or a part of it, of the proxy that says of itself what is in `said`, and says on its line
    /// of the Sources page what came of it. The same may be tried again where it could not be stored.
    ///
    /// Whether it was counted.
    ///
    /// # Errors
    /// If it could not be stored.
    pub(super) async fn take(
        &mut self,
        said: &Proxy,
        flush: Flush,
        received_at_ns: i64,
    ) -> Result<bool, SubmitError> {
        let (accepted, rejected) = (flush.series, flush.rejected);
        let lacks_uptime = self.has_stored && self.process == Some(self.way.unknown());
        let shortcomings = self.signs.in_words(self.way, &flush, lacks_uptime);
        match self.count(said, flush, received_at_ns).await {
            Ok(()) => {
                let id = self.id.clone().unwrap_or_else(|| said.id.clone());
                let version = known(&said.envoy_version);
                let detail = format!("{id}, Envoy {version}, pushes {}", how(&said.address));
                let remarks: Vec<String> = std::iter::once(detail).chain(shortcomings).collect();
                let line = self.line(&id);
                line.update(|status| status.detail = Some(remarks.join("; ")));
                line.succeeded(accepted, rejected);
                Ok(true)
            }
            Err(Failure::NotCounted(words)) => {
                let place = if said.address.is_empty() { "OTLP" } else { &said.address };
                let line = self.line(&format!("{}@{place}", said.id));
                line.update(|status| status.rejected += accepted + rejected);
                line.failed(words);
                Ok(false)
            }
            Err(Failure::NotStored(error)) => {
                if matches!(error, SubmitError::Broken { .. }) {
                    self.line(&said.id).failed(error.to_string());
                }
                Err(error)
            }
        }
    }

    async fn count(&mut self, said: &Proxy, flush: Flush, received_at_ns: i64) -> Result<(), Failure> {
        if self.way == Way::Otlp && is_overtaken(&flush, self.flush_ms) {
            return Ok(());
        }
        let continues = self.flush_ms == Some(flush.time_ms);
        let mut waiting = self.waiting.clone();
        let waited_for = waiting.pop_if(|waiting| waiting.time_ms == flush.time_ms);
        let is_first_part = !continues || waited_for.is_some();
        let flush = match waited_for {
            Some(earlier) => earlier.with(flush),
            None => flush,
        };
        // A stream is of one process. It tells all counters before the first gauge, so that they are there with the uptime;
        // parts of OTLP metrics may come in any order.
        let is_stream = self.way != Way::Otlp;
        let is_whole = is_stream && is_first_part && flush.uptime_s.is_some();
        let known = self.process.clone().filter(|_| is_stream || !is_first_part);
        let told = match known.or_else(|| flush.process(self.way, received_at_ns)) {
            Some(told) => told,
            None if may_tell_its_uptime(&waiting) => return self.wait(waiting, flush),
            None => self.way.unknown(),
        };
        let id = self.claim(said, &told, received_at_ns).map_err(Failure::NotCounted)?;
        let state = self.pushes.proxy(&id);
        let mut newest = state.lock().await;
        newest.look_up(&self.pushes, &id);
        if self.way == Way::Otlp && is_overtaken(&flush, newest.flush_ms()) {
            return Ok(());
        }
        let look = Look {
            before: newest.baseline(),
            listening_since_ns: self.pushes.listening_since_ns(),
            received_at_ns,
            is_first: !self.has_stored,
            is_whole,
            belongs_to_start: self.first_look_ms == Some(flush.time_ms),
        };
        let told = look.process(told);
        if waiting.is_empty() && is_first_part && !is_whole && look.is_first_look(&told) {
            return self.wait(waiting, flush);
        }
        let (time_ms, clusters_added) = (flush.time_ms, flush.clusters_added);
        let waiting = waiting.into_iter().map(|flush| {
            let process = flush.process(self.way, received_at_ns).unwrap_or_else(|| told.clone());
            (flush, process)
        });
        let counted = look.count_all(waiting.collect(), flush, told.clone());
        let process = counted.baseline.process.clone();
        let (has_fallen, is_stranger) = (counted.has_fallen, counted.is_stranger);
        let first_look_ms = counted.is_first_look.then_some(time_ms);
        self.store(said, id, (time_ms, counted), &mut newest).await?;
        self.process = Some(process);
        self.flush_ms = Some(time_ms);
        self.waiting.clear();
        self.has_stored = true;
        self.first_look_ms = first_look_ms;
        self.signs.see(clusters_added, has_fallen, is_stranger);
        Ok(())
    }

    /// Keeps a flush until it can be counted, behind those that are waited with already.
    #[expect(clippy::unnecessary_wraps, reason = "it is the end of counting")]
    fn wait(&mut self, mut waiting: Vec<Flush>, flush: Flush) -> Result<(), Failure> {
        self.flush_ms = Some(flush.time_ms);
        waiting.push(flush);
        self.waiting = waiting;
        Ok(())
    }

    /// The id that the proxy goes by, or why it has none. Proxies that say the same id are kept apart by the addresses that
    /// they push from.
    fn claim(&mut self, said: &Proxy, process: &Process, seen_at_ns: i64) -> Result<String, String> {
        let ids = self.pushes.ids();
        let pusher =
            Pusher { stream: self.number, peer: said.address.clone(), process: process.clone(), seen_at_ns };
        let apart = format!("{}@{}", said.id, said.address);
        // Who was kept apart before stays so, whoever comes first this time.
        let is_apart = self.id.as_ref() == Some(&apart) || self.pushes.is_known(&apart);
        let may_take_over = self.id.is_none();
        for id in [&said.id, &apart].into_iter().skip(usize::from(is_apart)) {
            if !self.pushes.has_room_for(id) {
                return Err("as many proxies are known as may be, so it is not counted".to_owned());
            }
            match ids.claim_pushed(id, &pusher, may_take_over) {
                Claim::Granted => {
                    self.id = Some(id.clone());
                    return Ok(id.clone());
                }
                Claim::Scraped(address) => {
                    return Err(format!(
                        "the proxy `{id}` is scraped at {address} already, so what it pushes is not counted again; take \
                         it out of the targets or the sink out of its bootstrap"
                    ));
                }
                // One of two sinks, and nobody knows whether they are of two proxies.
                Claim::Pushed(peer) if peer.is_empty() != said.address.is_empty() => {
                    let owner = how(&peer);
                    return Err(format!(
                        "a proxy pushes its statistics {owner} already under the node id `{id}`, so they are not counted \
                         again; take one of the sinks out of its bootstrap, or give each proxy a node id of its own"
                    ));
                }
                Claim::Pushed(peer) if peer == said.address => break,
                Claim::Pushed(_) => {}
            }
        }
        Err(format!(
            "another process pushes {} under the same node id `{}`, so this one is not counted; give each proxy a node \
             id of its own",
            how(&said.address),
            said.id
        ))
    }

    async fn store(
        &self,
        said: &Proxy,
        id: String,
        (flush_ms, counted): (i64, Counted),
        newest: &mut Newest,
    ) -> Result<(), Failure> {
        let Counted { deltas, baseline, gap, .. } = counted;
        let stands = newest.baseline().is_some_and(|known| known.process == baseline.process);
        let is_quiet = newest.stored_at.is_some_and(|stored_at| stored_at.elapsed() < QUIET);
        if stands && deltas.is_empty() && is_quiet {
            newest.keep(baseline, flush_ms);
            return Ok(());
        }
        let Some(state) = Newest::state(&baseline, flush_ms) else {
            let words = "it counts more than can be kept of one proxy, so it is not counted";
            return Err(Failure::NotCounted(words.to_owned()));
        };
        let proxy = Proxy {
            id,
            started_at_ns: baseline.process.started_at_ns,
            restart_epoch: baseline.process.restart_epoch,
            ..said.clone()
        };
        let scrape = EnvoyScrape {
            proxy,
            scraped_at_ns: baseline.seen_at_ns,
            deltas,
            gauges: baseline.totals.gauges.clone(),
            gap,
            config: None,
            baseline: state,
        };
        if let Err(error) = self.pushes.store(scrape).await {
            // Nobody knows whether it was stored where the store is broken, so it is asked again.
            if matches!(error, SubmitError::Broken { .. }) {
                newest.forget();
            }
            return Err(Failure::NotStored(error));
        }
        newest.stored_at = Some(Instant::now());
        newest.stored_ns = baseline.seen_at_ns;
        newest.keep(baseline, flush_ms);
        Ok(())
    }

    /// The line of this proxy on the Sources page, which it has under one name at a time.
    fn line(&mut self, name: &str) -> &SourceHandle {
        let changed = self.line.take_if(|(known, _)| known != name);
        if let Some((_, old)) = changed {
            old.retire();
        }
        let pushes = &self.pushes;
        &self.line.get_or_insert_with(|| (name.to_owned(), pushes.line(name))).1
    }
}

impl Drop for PushingProxy {
    fn drop(&mut self) {
        self.pushes.ids().release_pushed(self.number);
        if let Some((_, line)) = self.line.take() {
            line.retire();
        }
    }
}

impl From<SubmitError> for Failure {
    fn from(error: SubmitError) -> Self {
        Self::NotStored(error)
    }
}

/// Whether the uptime may come with another part of the flush that is being told: it is the first, or the one before had
/// it too.
fn may_tell_its_uptime(before: &[Flush]) -> bool {
    match before {
        [] => true,
        [before] => before.uptime_s.is_some(),
        _ => false,
    }
}

/// Whether a newer flush has come before this one. It says more of all that this one says.
fn is_overtaken(flush: &Flush, newest_ms: Option<i64>) -> bool {
    newest_ms.is_some_and(|newest_ms| {
        flush.time_ms < newest_ms && newest_ms.saturating_sub(flush.time_ms) < OVERTAKEN_MS
    })
}

/// How somebody pushes by their address, which is empty for OTLP.
fn how(peer: &str) -> String {
    if peer.is_empty() { "as OTLP metrics".to_owned() } else { format!("from {peer}") }
}

fn known(text: &str) -> &str {
    if text.is_empty() { "unknown" } else { text }
}

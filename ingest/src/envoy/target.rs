//! One proxy that is scraped: what is known of it, and what of it has been stored.

use std::time::Duration;

use sidecarta_queries::dictionary::StatId;
use sidecarta_queries::rows::envoy::{EnvoyScrape, Gap, ObjectGauges, ProxyConfig, StatObject};
use tokio::time::Instant;

use super::address::Address;
use super::admin::Limits;
use super::delta::{Baseline, deltas, unflushed};
use super::error::ScrapeError;
use super::owners::Claim;
pub use super::owners::ProxyIds;
use super::reading::{Known, Reading, now_ns, read};

/// How long a proxy where nothing happens may go unmentioned. Its last scrape says that it still reports.
const QUIET: Duration = Duration::from_secs(30);

/// Gauges that move although nothing happens: uptime, memory, connections of the admin interface, days.
const RESTLESS: [StatId; 4] = [StatId(300), StatId(303), StatId(304), StatId(306)];

/// One proxy to be scraped, with what is known of it.
#[derive(Debug)]
pub struct Target {
    address: Address,
    limits: Limits,
    ids: ProxyIds,
    watched_since_ns: i64,
    known: Known,
    /// The proxy's id and newest stored baseline; nothing where they have to be looked up.
    stored: Option<(String, Option<Baseline>)>,
    stored_configuration: Option<ProxyConfig>,
    stored_at: Option<Instant>,
    /// Whether a scrape has failed since the last one that worked.
    has_failed: bool,
}

/// What one scrape found.
#[derive(Clone, Debug)]
pub struct Scraped {
    /// What is to be stored.
    pub scrape: EnvoyScrape,
    /// How many statistics were read.
    pub series: u64,
    /// Whether it has to be stored. Where not, nothing has happened since the last stored scrape, and that was not
    /// long ago.
    pub is_news: bool,
    /// Who this proxy is and what the user should know of it, in words.
    pub detail: String,
    baseline: Baseline,
    known: Known,
}

impl Target {
    /// A target that has not been asked yet. It counts as watched from now on.
    pub fn new(address: Address, limits: Limits, ids: ProxyIds) -> Self {
        Self {
            address,
            limits,
            ids,
            watched_since_ns: now_ns(),
            known: Known::default(),
            stored: None,
            stored_configuration: None,
            stored_at: None,
            has_failed: false,
        }
    }

    /// Where the proxy is.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Asks the proxy what has happened since its last stored scrape. `stored_baseline` looks up what
    /// [`EnvoyScrape::baseline`] held in the newest stored scrape of a proxy, by the proxy's id.
    ///
    /// Nothing is taken for stored until [`Target::stored`] says so: until then, every scrape's deltas reach back to
    /// the last one that was.
    pub async fn scrape(
        &mut self,
        stored_baseline: impl Fn(&str) -> Option<Vec<u8>>,
    ) -> Result<Scraped, ScrapeError> {
        let reading = read(&self.address, &self.limits, &self.known).await;
        self.has_failed |= reading.is_err();
        let Reading { mut proxy, mut baseline, series, configuration, shortcomings, known } = reading?;
        let mut remarks = shortcomings;
        proxy.id = self.proxy_id(&proxy.id, &stored_baseline, &mut remarks)?;
        let config = configuration.as_ref().map(|configuration| &configuration.proxy);
        let config = config.filter(|config| self.stored_configuration.as_ref() != Some(config)).cloned();
        let names = &configuration.unwrap_or_default().names;
        let before = Self::before(&mut self.stored, &proxy.id, stored_baseline, &mut remarks);
        let deltas = deltas(before, &baseline, self.watched_since_ns, names);
        baseline.unflushed = unflushed(before, &baseline);
        if deltas.implausible > 0 {
            remarks.push(format!(
                "{} of its counters jumped further than any proxy can count, and add nothing",
                deltas.implausible
            ));
        }
        let stands = before.is_some_and(|before| {
            before.process == baseline.process
                && before.totals.counts == baseline.totals.counts
                && settled(&before.totals.gauges).eq(settled(&baseline.totals.gauges))
        });
        let gap = before.filter(|_| self.has_failed || deltas.lost_process).map(|before| Gap {
            since_ns: before.seen_at_ns,
            until_ns: baseline.seen_at_ns,
            lost_process: deltas.lost_process,
        });
        let gauges = baseline.totals.gauges.iter().map(|gauges| ObjectGauges {
            object: names.configured(&gauges.object),
            values: gauges.values.clone(),
        });
        let is_quiet = self.stored_at.is_some_and(|stored_at| stored_at.elapsed() < QUIET);
        remarks.insert(0, format!("{}, Envoy {}", proxy.id, proxy.envoy_version));
        Ok(Scraped {
            is_news: !stands || !is_quiet || config.is_some(),
            scrape: EnvoyScrape {
                proxy,
                scraped_at_ns: baseline.seen_at_ns,
                deltas: deltas.counts,
                gauges: gauges.collect(),
                gap,
                config,
                // A baseline is made of strings and numbers, and such always serialize.
                baseline: postcard::to_stdvec(&baseline).unwrap_or_default(),
            },
            series,
            detail: remarks.join("; "),
            baseline,
            known,
        })
    }

    /// Takes a scrape for stored: the next one starts where it ended.
    pub fn stored(&mut self, mut scraped: Scraped) {
        self.stored_at = Some(Instant::now());
        if let Some(config) = scraped.scrape.config.take() {
            self.stored_configuration = Some(config);
        }
        self.skipped(scraped);
    }

    /// Takes note of a scrape that brought no news, and so said the same as the last stored one.
    pub fn skipped(&mut self, scraped: Scraped) {
        self.stored = Some((scraped.scrape.proxy.id, Some(scraped.baseline)));
        self.known = scraped.known;
        self.has_failed = false;
    }

    /// Forgets what is taken for stored, so that it is looked up again.
    pub fn forget(&mut self) {
        self.stored = None;
    }

    /// The id that this target's proxy goes by. Proxies that say the same id are kept apart by their addresses.
    ///
    /// # Errors
    /// If a proxy pushes under the id that this one says: nobody knows whether it is this one.
    fn proxy_id(
        &self,
        said: &str,
        stored_baseline: impl Fn(&str) -> Option<Vec<u8>>,
        remarks: &mut Vec<String>,
    ) -> Result<String, ScrapeError> {
        if said.is_empty() {
            remarks
                .push("it has no node id and goes by its address; set `node.id` in its bootstrap".to_owned());
            return Ok(self.address.to_string());
        }
        let apart = format!("{said}@{}", self.address);
        // Who was kept apart before stays so, whoever comes first this time.
        if stored_baseline(&apart).is_none() {
            match self.ids.claim(said, &self.address) {
                Claim::Granted => return Ok(said.to_owned()),
                Claim::Scraped(_) => {}
                Claim::Pushed(peer) => return Err(ScrapeError::Pushed { id: said.to_owned(), peer }),
            }
        }
        remarks.push(format!(
            "another proxy says the same node id `{said}`, so the address is added to this one's"
        ));
        Ok(apart)
    }

    /// The newest stored baseline of the proxy.
    fn before<'a>(
        stored: &'a mut Option<(String, Option<Baseline>)>,
        id: &str,
        stored_baseline: impl Fn(&str) -> Option<Vec<u8>>,
        remarks: &mut Vec<String>,
    ) -> Option<&'a Baseline> {
        if stored.as_ref().is_none_or(|(known, _)| known != id) {
            let bytes = stored_baseline(id);
            let baseline = bytes.as_deref().and_then(|bytes| postcard::from_bytes(bytes).ok());
            if bytes.is_some() && baseline.is_none() {
                remarks.push("its stored baseline cannot be read, so counting starts anew".to_owned());
            }
            *stored = Some((id.to_owned(), baseline));
        }
        stored.as_ref().and_then(|(_, baseline)| baseline.as_ref())
    }
}

/// Where the gauges stand that stay where they are as long as nothing happens.
fn settled(gauges: &[ObjectGauges]) -> impl Iterator<Item = (&StatObject, StatId, u64)> {
    let values = gauges
        .iter()
        .flat_map(|gauges| gauges.values.iter().map(|(stat, value)| (&gauges.object, stat, value)));
    values.filter(|(_, stat, _)| !RESTLESS.contains(stat))
}

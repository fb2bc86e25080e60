//! One proxy that is scraped: what is known of it, and what of it has been stored.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use sidecarta_queries::dictionary::StatId;
use sidecarta_queries::rows::envoy::{EnvoyScrape, Gap, ObjectGauges};
use tokio::time::Instant;

use super::address::Address;
use super::admin::Limits;
use super::config::Configuration;
use super::delta::{Baseline, deltas, unflushed};
use super::error::ScrapeError;
use super::names::Names;
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
    /// The proxy's id and newest stored baseline, packed; nothing where they have to be looked up.
    stored: Option<(String, Option<Vec<u8>>)>,
    /// The settled gauges of that baseline, where it was not looked up.
    stored_gauges: Option<u64>,
    stored_configuration: Option<Arc<Configuration>>,
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
    /// The id in [`Self::scrape`].
    id: String,
    /// Of which [`Self::scrape`] holds a part, if it does.
    configuration: Option<Arc<Configuration>>,
    /// As in [`Self::scrape`].
    baseline: Vec<u8>,
    settled_gauges: u64,
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
            stored_gauges: None,
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
        let names = configuration.as_ref().map_or(Names::none(), |configuration| &configuration.names);
        let is_new = |configuration: &&Arc<Configuration>| {
            let stored = self.stored_configuration.as_ref();
            stored.is_none_or(|stored| {
                !Arc::ptr_eq(stored, configuration) && stored.proxy != configuration.proxy
            })
        };
        let new_configuration = configuration.as_ref().filter(is_new).cloned();
        let before = Self::before(&mut self.stored, &proxy.id, stored_baseline, &mut remarks);
        let before = before.as_ref();
        let deltas = deltas(before, &baseline, self.watched_since_ns, names);
        baseline.unflushed = unflushed(before, &baseline);
        if deltas.implausible > 0 {
            remarks.push(format!(
                "{} of its counters jumped further than any proxy can count, and add nothing",
                deltas.implausible
            ));
        }
        let settled_gauges = settled(&baseline.totals.gauges);
        let stands = before.is_some_and(|before| {
            before.process == baseline.process
                && before.totals.counts == baseline.totals.counts
                && self.stored_gauges == Some(settled_gauges)
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
        // A baseline is made of strings and numbers, and such can always be packed.
        let packed = baseline.pack().unwrap_or_default();
        Ok(Scraped {
            is_news: !stands || !is_quiet || new_configuration.is_some(),
            id: proxy.id.clone(),
            scrape: EnvoyScrape {
                proxy,
                scraped_at_ns: baseline.seen_at_ns,
                deltas: deltas.counts,
                gauges: gauges.collect(),
                gap,
                config: new_configuration.as_ref().map(|configuration| configuration.proxy.clone()),
                baseline: packed.clone(),
            },
            configuration: new_configuration,
            series,
            detail: remarks.join("; "),
            baseline: packed,
            settled_gauges,
            known,
        })
    }

    /// Takes a scrape for stored, whether or not [`Scraped::scrape`] has been taken out of it: the next one starts where
    /// it ended.
    pub fn stored(&mut self, mut scraped: Scraped) {
        self.stored_at = Some(Instant::now());
        if let Some(configuration) = scraped.configuration.take() {
            self.stored_configuration = Some(configuration);
        }
        self.skipped(scraped);
    }

    /// Takes note of a scrape that brought no news, and so said the same as the last stored one.
    pub fn skipped(&mut self, scraped: Scraped) {
        self.stored = Some((scraped.id, Some(scraped.baseline)));
        self.stored_gauges = Some(scraped.settled_gauges);
        self.known = scraped.known;
        self.has_failed = false;
    }

    /// Forgets what is taken for stored, so that it is looked up again.
    pub fn forget(&mut self) {
        self.stored = None;
        self.stored_gauges = None;
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

    /// The newest stored baseline of the proxy. Between scrapes it is kept packed, which takes a tenth of the memory.
    fn before(
        stored: &mut Option<(String, Option<Vec<u8>>)>,
        id: &str,
        stored_baseline: impl Fn(&str) -> Option<Vec<u8>>,
        remarks: &mut Vec<String>,
    ) -> Option<Baseline> {
        let packed = match stored {
            Some((known, packed)) if known == id => packed.as_deref(),
            _ => stored.insert((id.to_owned(), stored_baseline(id))).1.as_deref(),
        };
        let before = packed.map(Baseline::unpack);
        if matches!(before, Some(Err(_))) {
            remarks.push("its stored baseline cannot be read, so counting starts anew".to_owned());
        }
        before.and_then(Result::ok)
    }
}

/// Where the gauges stand that stay where they are as long as nothing happens, as a number that differs where they do.
fn settled(gauges: &[ObjectGauges]) -> u64 {
    let values = gauges
        .iter()
        .flat_map(|gauges| gauges.values.iter().map(move |(stat, value)| (&gauges.object, stat, value)));
    let mut hasher = DefaultHasher::new();
    values.filter(|(_, stat, _)| !RESTLESS.contains(stat)).for_each(|gauge| gauge.hash(&mut hasher));
    hasher.finish()
}

//! Decodes `/stats?format=json` into totals of every object of a proxy. Pure.

mod decode;
mod place;
mod swift;

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde::{Deserialize, Serialize};
use sidecarta_queries::dictionary::{self, Kind, Scope, StatId};
use sidecarta_queries::rows::envoy::{LatencyBin, ObjectCounts, ObjectGauges, StatCounts, StatObject};

pub use self::decode::Stats;
pub(super) use self::decode::between_bounds;
use self::place::{Place, Places};
use super::delta::Signs;
use super::names::{COPIES_END, Names};

/// The counter of the admin interface's own requests.
pub(super) const ADMIN_REQUESTS: &str = "http.admin.downstream_rq_total";

/// The gauge of the uptime, which is set at each flush and so stands still in between.
const UPTIME: &str = "server.uptime";

/// The histogram of requests to a cluster, along a route, or of a virtual cluster.
const UPSTREAM_TIME: &str = "upstream_rq_time";
/// The histogram of requests that came in.
const DOWNSTREAM_TIME: &str = "downstream_rq_time";

/// The regular expression for the statistics by which a change of the configuration is seen.
pub(super) const CONFIGURATION_SIGN: &str = r"(cluster|listener)_manager\.(cluster|listener)_(added|modified|removed|in_place_updated)|http\..*\.rds\..*\.(config_reload|version)";

/// The regular expression (RE2) for the statistics that are asked for: those of the dictionary, and no more.
///
/// Envoy counts every request to a cluster again by its origin, internal or external, with a histogram of its own, which
/// is half of what it has to say. Names of clusters may end with the same words, so these copies can only be left out,
/// `without_copies`, where it is known that none does, see [`Names::has_cluster_like_copies`].
pub(super) fn filter(without_copies: bool) -> String {
    let names = |scope: Scope| {
        let names = dictionary::stats().filter(|stat| stat.scopes.contains(&scope));
        names.map(|stat| stat.name.replace('.', r"\.")).collect::<Vec<_>>().join("|")
    };
    let upstream = format!(
        r"{}|(retry\.|canary\.)?upstream_rq_\d\d\d|{UPSTREAM_TIME}|ssl\.certificate\..*\.expiration_unix_time_seconds",
        names(Scope::Cluster)
    );
    let name = if without_copies { not_ending_with(COPIES_END) } else { ".*".to_owned() };
    let cluster = format!(r"cluster\.{name}\.({upstream}|endpoint\..*\.({}))", names(Scope::Endpoint));
    let manager = format!(r"http\..*\.({}|{DOWNSTREAM_TIME})", names(Scope::Manager));
    let listener = format!(
        r"listener\..*\.({}|ssl\.certificate\..*\.expiration_unix_time_seconds)",
        names(Scope::Listener)
    );
    let route = format!(r"vhost\..*\.({}|upstream_rq_\d\d\d|{UPSTREAM_TIME})", names(Scope::Route));
    let server = format!(r"server\.({})", names(Scope::Server));
    format!("^({cluster}|{manager}|{listener}|{route}|{server}|{CONFIGURATION_SIGN})$")
}

/// A regular expression for every text that does not end with this one. RE2 has no shorter way to say so.
fn not_ending_with(end: &str) -> String {
    // The text may end with the last letters of `end`, if another letter stands before them or none.
    let letters = end.char_indices().rev();
    let ways = letters.map(|(at, letter)| {
        let tail = &end[at + letter.len_utf8()..];
        if tail.is_empty() { format!("(.*[^{letter}])?") } else { format!("(.*[^{letter}])?{tail}") }
    });
    format!("({})", ways.collect::<Vec<_>>().join("|"))
}

/// What a process has counted since it started, and where its gauges stand. What is zero is left out, as Envoy itself
/// leaves out what has never happened.
///
/// All go by the names that the statistics give them, because these stay the same as long as the process does, while
/// what is known of its configuration may come and go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// What each object has counted, sorted by object, each once.
    pub counts: Vec<ObjectCounts>,
    /// Where the gauges stand, likewise.
    #[serde(skip)]
    pub gauges: Vec<ObjectGauges>,
}

impl Totals {
    /// What an object has counted, if anything.
    pub fn of(&self, object: &StatObject) -> Option<&ObjectCounts> {
        self.counts.binary_search_by(|counts| counts.object.cmp(object)).ok().map(|at| &self.counts[at])
    }
}

impl Stats {
    /// What tells of what has been done to the counters.
    pub fn signs(&self) -> Signs {
        let mut signs = Signs::default();
        for (name, value) in self.values() {
            match name {
                ADMIN_REQUESTS => signs.admin_requests = Some(value),
                "cluster_manager.cluster_added" | "listener_manager.listener_added" => {
                    signs.objects_added = signs.objects_added.saturating_add(value);
                }
                UPTIME => signs.flushed_at_s = Some(value),
                _ => {}
            }
        }
        signs
    }

    /// A number that differs after clusters, listeners or routes have changed.
    pub fn configuration_sign(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        for sign in self.values().filter(|(name, _)| is_sign_of_configuration(name)) {
            sign.hash(&mut hasher);
        }
        hasher.finish()
    }

    /// The totals. `names` tells where the names of objects end.
    pub fn totals(&self, names: &Names) -> Totals {
        let mut collected = Collected::new(names);
        for (name, value) in self.values() {
            collected.value(name, value);
        }
        for (name, bins) in self.histograms() {
            collected.histogram(name, bins);
        }
        collected.finish()
    }
}

/// Totals of statistics that come one by one under their full names.
pub(super) struct Collected<'n> {
    objects: Objects,
    places: Places<'n>,
}

impl<'n> Collected<'n> {
    /// Nothing yet. `names` tells where the names of objects end.
    pub(super) fn new(names: &'n Names) -> Self {
        Self { objects: Objects::default(), places: Places::new(names) }
    }

    /// Adds a counter or gauge, where it is kept.
    pub(super) fn value(&mut self, name: &str, value: u64) {
        if value > 0
            && let Some(place) = self.places.place(name)
        {
            self.objects.count(&place, value);
        }
    }

    /// Adds a histogram, where it is kept.
    pub(super) fn histogram(&mut self, name: &str, bins: &[LatencyBin]) {
        // The name of a histogram is looked up as that of a counter beside it.
        let beside = match name.rsplit_once('.') {
            Some((path, UPSTREAM_TIME)) => format!("{path}.upstream_rq_completed"),
            Some((path, DOWNSTREAM_TIME)) => format!("{path}.downstream_rq_completed"),
            _ => return,
        };
        // What is timed once more, by zone or for the hosts that are canaries, is left out.
        if let Some(place) = self.places.place(&beside)
            && matches!(place.stat, StatId::REQUESTS | StatId::DOWNSTREAM_REQUESTS)
            && !matches!(place.object, place::ObjectName::Zone { .. })
            && bins.iter().any(|bin| bin.count > 0)
        {
            self.objects.measure(&place, bins);
        }
    }

    pub(super) fn finish(self) -> Totals {
        self.objects.finish()
    }
}

/// Totals in the making. Statistics come sorted by name, so the object of one is nearly always that of the one before.
#[derive(Default)]
struct Objects {
    numbers: HashMap<StatObject, usize>,
    found: Vec<Found>,
    last: Option<(String, usize)>,
}

struct Found {
    counts: ObjectCounts,
    gauges: StatCounts,
}

impl Objects {
    fn found(&mut self, place: &Place<'_>) -> &mut Found {
        let number = match &self.last {
            Some((path, number)) if path == place.path => *number,
            _ => {
                let object = place.object.to_owned();
                let next = self.found.len();
                let number = *self.numbers.entry(object.clone()).or_insert(next);
                if number == next {
                    self.found
                        .push(Found { counts: ObjectCounts::of(object), gauges: StatCounts::default() });
                }
                self.last = Some((place.path.to_owned(), number));
                number
            }
        };
        &mut self.found[number]
    }

    fn count(&mut self, place: &Place<'_>, value: u64) {
        let (stat, kind) = (place.stat, place.kind);
        let found = self.found(place);
        // Each statistic has one name. One that comes twice counts once, whatever comes first.
        match kind {
            Kind::Counter => found.counts.counts.raise(stat, value),
            // Of several certificates the first one to expire counts.
            Kind::Gauge if stat == StatId::CERTIFICATE_EXPIRY && found.gauges.get(stat) > 0 => {
                let first = found.gauges.get(stat).min(value);
                let others = found.gauges.iter().filter(|&(other, _)| other != stat);
                found.gauges = others.chain([(stat, first)]).collect();
            }
            Kind::Gauge => found.gauges.raise(stat, value),
        }
    }

    fn measure(&mut self, place: &Place<'_>, bins: &[LatencyBin]) {
        let latency = &mut self.found(place).counts.latency;
        if latency.is_empty() {
            add_bins(latency, bins);
        }
    }

    fn finish(self) -> Totals {
        let mut totals = Totals::default();
        for Found { counts, gauges } in self.found {
            if !gauges.is_empty() {
                totals.gauges.push(ObjectGauges { object: counts.object.clone(), values: gauges });
            }
            if !counts.is_empty() {
                totals.counts.push(counts);
            }
        }
        totals.counts.sort_by(|one, other| one.object.cmp(&other.object));
        totals.gauges.sort_by(|one, other| one.object.cmp(&other.object));
        totals
    }
}

fn is_sign_of_configuration(name: &str) -> bool {
    // Most statistics are those of clusters, and none of them is such a sign.
    if name.starts_with("cluster.") {
        return false;
    }
    let Some((path, leaf)) = name.rsplit_once('.') else { return false };
    match path {
        "cluster_manager" => matches!(leaf, "cluster_added" | "cluster_modified" | "cluster_removed"),
        "listener_manager" => matches!(
            leaf,
            "listener_added" | "listener_modified" | "listener_removed" | "listener_in_place_updated"
        ),
        // A version is a hash of the text that the control plane gave.
        _ => matches!(leaf, "config_reload" | "version") && path.contains(".rds."),
    }
}

/// Adds bins, keeping them sorted and each once.
fn add_bins(latency: &mut Vec<LatencyBin>, bins: &[LatencyBin]) {
    for &bin in bins.iter().filter(|bin| bin.count > 0) {
        if latency.last().is_none_or(|last| last.bin < bin.bin) {
            latency.push(bin);
            continue;
        }
        match latency.binary_search_by_key(&bin.bin, |bin| bin.bin) {
            Ok(index) => latency[index].count = latency[index].count.saturating_add(bin.count),
            Err(index) => latency.insert(index, bin),
        }
    }
}

#[cfg(test)]
mod tests;

//! What is counted of each part of a proxy: as the API tells it, and as Envoy's own statistics do.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::Value;
use sidecarta_queries::api::proxies::ProxyDetail;
use sidecarta_queries::dictionary::{self, Kind, Scope};

use super::config::ZONES;

/// A part of a proxy: its kind, its name, and what it belongs to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Part {
    pub(super) kind: &'static str,
    pub(super) name: String,
    pub(super) of: String,
}

impl Part {
    pub(super) fn new(kind: &'static str, name: &str, of: &str) -> Self {
        Self { kind, name: name.to_owned(), of: of.to_owned() }
    }

    pub(super) fn cluster(name: &str) -> Self {
        Self::new("cluster", name, "")
    }
}

impl fmt::Display for Part {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}/{}", self.kind, self.of, self.name)
    }
}

/// What one part has counted, without zeros.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Counted {
    pub(super) counters: BTreeMap<String, i64>,
    pub(super) gauges: BTreeMap<String, i64>,
    /// Requests whose latency is known.
    pub(super) latency: u64,
}

/// What all parts have counted.
#[derive(Clone, Debug, Default)]
pub(super) struct Parts(pub(super) BTreeMap<Part, Counted>);

/// Gauges that no two looks see alike.
const RESTLESS: [&str; 4] =
    ["uptime", "memory_allocated", "total_connections", "days_until_first_cert_expiring"];

const KINDS: [&str; 8] =
    ["cluster", "route", "virtual_cluster", "endpoint", "zone", "manager", "listener", "server"];

impl Parts {
    /// What the API says.
    pub(super) fn stored(detail: &ProxyDetail) -> Self {
        let mut parts = Self::default();
        for part in &detail.parts {
            let kind = KINDS.into_iter().find(|&kind| kind == part.kind).unwrap();
            let counted = parts.0.entry(Part::new(kind, &part.name, &part.of)).or_default();
            counted.latency = part.latency.map_or(0, |latency| latency.count);
            for statistic in &part.statistics {
                let of_kind = if statistic.is_gauge { &mut counted.gauges } else { &mut counted.counters };
                of_kind.insert(statistic.name.clone(), statistic.value);
            }
        }
        parts.settle()
    }

    /// What an answer to `/stats?format=json&histogram_buckets=detailed` says, as far as the dictionary goes.
    /// `clusters` are the names of all clusters.
    pub(super) fn of_envoy(answer: &Value, clusters: &[&str]) -> Self {
        let mut parts = Self::default();
        for element in answer["stats"].as_array().unwrap() {
            if let (Some(name), Some(value)) = (element["name"].as_str(), element["value"].as_i64()) {
                parts.add(name, value, clusters);
            }
            for histogram in element["histograms"]["details"].as_array().into_iter().flatten() {
                let bins = histogram["totals"].as_array().unwrap();
                let count = bins.iter().map(|bin| bin["count"].as_u64().unwrap()).sum();
                parts.measure(histogram["name"].as_str().unwrap(), count, clusters);
            }
        }
        parts.settle()
    }

    fn add(&mut self, name: &str, value: i64, clusters: &[&str]) {
        let Some((part, scope, leaf)) = part_of(name, clusters) else { return };
        let is_expiry =
            leaf.starts_with("ssl.certificate.") && leaf.ends_with(".expiration_unix_time_seconds");
        let leaf = if is_expiry { "ssl.certificate.expiration_unix_time_seconds" } else { leaf };
        let Some((_, kind)) = dictionary::find(scope, leaf) else { return };
        let counted = self.0.entry(part).or_default();
        match kind {
            Kind::Counter => *counted.counters.entry(leaf.to_owned()).or_default() += value,
            Kind::Gauge => {
                let known = counted.gauges.entry(leaf.to_owned()).or_insert(value);
                *known = value.min(*known);
            }
        }
    }

    fn measure(&mut self, name: &str, count: u64, clusters: &[&str]) {
        let Some((part, scope, leaf)) = part_of(name, clusters) else { return };
        let is_kept = match scope {
            Scope::Cluster | Scope::Route => leaf == "upstream_rq_time" && part.kind != "zone",
            Scope::Manager => leaf == "downstream_rq_time",
            _ => false,
        };
        if is_kept {
            self.0.entry(part).or_default().latency += count;
        }
    }

    /// Leaves out what is zero or never rests.
    fn settle(mut self) -> Self {
        for (part, counted) in &mut self.0 {
            counted.counters.retain(|_, &mut value| value != 0);
            counted.gauges.retain(|name, &mut value| {
                value != 0 && !(part.kind == "server" && RESTLESS.contains(&name.as_str()))
            });
        }
        self.0.retain(|_, counted| *counted != Counted::default());
        self
    }

    /// Adds what was counted before.
    pub(super) fn add_earlier(&mut self, earlier: &Self) {
        for (part, before) in &earlier.0 {
            let counted = self.0.entry(part.clone()).or_default();
            for (name, value) in &before.counters {
                *counted.counters.entry(name.clone()).or_default() += value;
            }
            counted.latency += before.latency;
        }
        self.0.retain(|_, counted| *counted != Counted::default());
    }

    /// A counter of a part, zero where it has none.
    pub(super) fn counter(&self, part: &Part, name: &str) -> i64 {
        self.0.get(part).and_then(|counted| counted.counters.get(name)).copied().unwrap_or(0)
    }

    /// A gauge of a part, zero where it has none.
    pub(super) fn gauge(&self, part: &Part, name: &str) -> i64 {
        self.0.get(part).and_then(|counted| counted.gauges.get(name)).copied().unwrap_or(0)
    }

    /// Requests of a part whose latency is known.
    pub(super) fn latency(&self, part: &Part) -> u64 {
        self.0.get(part).map_or(0, |counted| counted.latency)
    }

    /// Everything that is not zero.
    fn values(&self) -> BTreeMap<(&Part, &str), i64> {
        let mut values = BTreeMap::new();
        for (part, counted) in &self.0 {
            values.insert((part, "latency"), counted.latency as i64);
            let statistics = counted.counters.iter().chain(&counted.gauges);
            values.extend(statistics.map(|(name, &value)| ((part, name.as_str()), value)));
        }
        values.retain(|_, value| *value != 0);
        values
    }

    /// What differs from what should be, a line a statistic; empty if nothing does.
    pub(super) fn difference(&self, expected: &Self) -> String {
        let (mine, theirs) = (self.values(), expected.values());
        let keys: BTreeSet<_> = mine.keys().chain(theirs.keys()).collect();
        let differing = keys.into_iter().filter(|key| mine.get(key) != theirs.get(key));
        let line = |key: &(&Part, &str)| {
            let [stored, counted] = [&mine, &theirs].map(|values| values.get(key).copied().unwrap_or(0));
            format!("{} {}: stored {stored}, counted by Envoy {counted}\n", key.0, key.1)
        };
        differing.map(line).collect()
    }
}

/// The part that a statistic belongs to, with the name of the statistic behind it.
fn part_of<'a>(name: &'a str, clusters: &[&str]) -> Option<(Part, Scope, &'a str)> {
    let (family, rest) = name.split_once('.')?;
    match family {
        "cluster" => {
            let behind = |cluster: &&&str| rest.strip_prefix(&format!("{}.", cluster.replace(':', "_")));
            let (cluster, leaf) = clusters.iter().find_map(|cluster| Some((*cluster, behind(&cluster)?)))?;
            if let Some(leaf) = leaf.strip_prefix("endpoint.") {
                let (address, leaf) = leaf.rsplit_once('.')?;
                return Some((Part::new("endpoint", address, cluster), Scope::Endpoint, leaf));
            }
            if let Some(leaf) = leaf.strip_prefix(&format!("zone.{}.{}.", ZONES.0, ZONES.1)) {
                let zones = format!("{} → {}", ZONES.0, ZONES.1);
                return Some((Part::new("zone", &zones, cluster), Scope::Cluster, leaf));
            }
            Some((Part::cluster(cluster), Scope::Cluster, leaf))
        }
        "vhost" => {
            let rest = rest.strip_prefix("shop.lab.")?;
            let (kind, rest) = rest.split_once('.')?;
            let (name, leaf) = rest.split_once('.')?;
            let kind = if kind == "route" { "route" } else { "virtual_cluster" };
            Some((Part::new(kind, name, "shop.lab"), Scope::Route, leaf))
        }
        "http" | "listener" => {
            let (name, leaf) = rest.split_once('.').filter(|(name, _)| *name != "admin")?;
            if family == "http" {
                Some((Part::new("manager", name, ""), Scope::Manager, leaf))
            } else {
                Some((Part::new("listener", name, ""), Scope::Listener, leaf))
            }
        }
        "server" => Some((Part::new("server", "Envoy", ""), Scope::Server, rest)),
        _ => None,
    }
}

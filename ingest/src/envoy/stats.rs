//! Decodes `/stats?format=json` into totals per cluster and connection manager. Pure.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde::de::{IgnoredAny, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use sidecarta_queries::rows::envoy::{ClusterDelta, LatencyBin, ListenerDelta};

use super::names::Names;

/// The counter of the admin interface's own requests. Every scrape raises it, so it falls only where somebody has
/// reset all counters.
const ADMIN_REQUESTS: &str = "http.admin.downstream_rq_total";

/// The regular expression (RE2) for the statistics that are asked for: those decoded here, and no more.
pub(super) fn filter() -> String {
    let cluster = r"cluster\..*\.(upstream_rq_(completed|[1-5]xx|total|retry|timeout|time)|upstream_cx_connect_fail|ssl\.handshake)";
    let listener = r"http\..*\.downstream_rq_(completed|[1-5]xx|time)|http\.admin\.downstream_rq_total";
    let configuration = r"(cluster|listener)_manager\.(cluster|listener)_(added|modified|removed|in_place_updated)|http\..*\.rds\..*\.(config_reload|version)";
    format!("^({cluster}|{listener}|{configuration})$")
}

/// What a process has counted since it started, per cluster and per connection manager. What is zero is left out, as
/// Envoy itself leaves out what has never happened.
///
/// Both go by the names that the statistics give them, because these stay the same as long as the process does, while
/// what is known of its configuration may come and go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Requests to upstream clusters.
    pub clusters: BTreeMap<String, ClusterDelta>,
    /// Requests to connection managers.
    pub listeners: BTreeMap<String, ListenerDelta>,
}

/// The statistics of one answer, as they came.
#[derive(Debug, Deserialize)]
pub struct Stats {
    stats: Vec<Element>,
}

/// A counter or gauge, or the one element that holds all histograms.
#[derive(Debug, Deserialize)]
struct Element {
    name: Option<String>,
    #[serde(default)]
    value: Value,
    histograms: Option<Histograms>,
}

#[derive(Debug, Deserialize)]
struct Histograms {
    #[serde(default)]
    details: Vec<Histogram>,
}

#[derive(Debug, Deserialize)]
struct Histogram {
    name: String,
    #[serde(default)]
    totals: Vec<Bin>,
}

#[derive(Debug, Deserialize)]
struct Bin {
    lower_bound: f64,
    count: u64,
}

impl Stats {
    /// Reads an answer to `/stats?format=json`.
    pub fn decode(body: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(body)
    }

    /// How many series there are.
    pub fn series(&self) -> u64 {
        self.stats.len() as u64
    }

    /// How many requests the admin interface itself has had, where it counts them.
    pub fn admin_requests(&self) -> Option<u64> {
        self.counters().find(|(name, _)| *name == ADMIN_REQUESTS).map(|(_, value)| value)
    }

    /// A number that differs after clusters, listeners or routes have changed.
    pub fn configuration_sign(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        for sign in self.counters().filter(|(name, _)| is_sign_of_configuration(name)) {
            sign.hash(&mut hasher);
        }
        hasher.finish()
    }

    /// The totals. `names` tells clusters from parts of clusters that are counted a second time.
    pub fn totals(&self, names: &Names) -> Totals {
        let mut totals = Totals::default();
        for (name, value) in self.counters().filter(|(_, value)| *value > 0) {
            totals.count(name, value, names);
        }
        let histograms = self.stats.iter().filter_map(|element| element.histograms.as_ref());
        for histogram in histograms.flat_map(|histograms| &histograms.details) {
            totals.measure(histogram, names);
        }
        totals
    }

    fn counters(&self) -> impl Iterator<Item = (&str, u64)> {
        self.stats.iter().filter_map(|element| Some((element.name.as_deref()?, element.value.0?)))
    }
}

impl Totals {
    fn count(&mut self, name: &str, value: u64, names: &Names) {
        let Some((path, leaf)) = name.rsplit_once('.') else { return };
        if let Some(stat_name) = path.strip_prefix("cluster.") {
            let stat_name = match leaf {
                "handshake" => stat_name.strip_suffix(".ssl"),
                _ => Some(stat_name),
            };
            if let (Some(stat_name), Some(pick)) = (stat_name, cluster_counter(leaf))
                && names.cluster(stat_name).is_some()
            {
                *pick(self.cluster(stat_name)) += value;
            }
        } else if let Some(prefix) = path.strip_prefix("http.")
            && names.listener(prefix).is_some()
        {
            match leaf.strip_prefix("downstream_rq_") {
                Some("completed") => self.listener(prefix).requests += value,
                Some(leaf) => {
                    if let Some(class) = class_index(leaf) {
                        self.listener(prefix).classes[class] += value;
                    }
                }
                None => {}
            }
        }
    }

    fn measure(&mut self, histogram: &Histogram, names: &Names) {
        if histogram.totals.iter().all(|bin| bin.count == 0) {
            return;
        }
        let Some((path, leaf)) = histogram.name.rsplit_once('.') else { return };
        if leaf == "upstream_rq_time"
            && let Some(stat_name) = path.strip_prefix("cluster.")
            && names.cluster(stat_name).is_some()
        {
            add_bins(&mut self.cluster(stat_name).latency, &histogram.totals);
        } else if leaf == "downstream_rq_time"
            && let Some(prefix) = path.strip_prefix("http.")
            && names.listener(prefix).is_some()
        {
            add_bins(&mut self.listener(prefix).latency, &histogram.totals);
        }
    }

    fn cluster(&mut self, name: &str) -> &mut ClusterDelta {
        self.clusters
            .entry(name.to_owned())
            .or_insert_with(|| ClusterDelta { cluster: name.to_owned(), ..ClusterDelta::default() })
    }

    fn listener(&mut self, prefix: &str) -> &mut ListenerDelta {
        self.listeners
            .entry(prefix.to_owned())
            .or_insert_with(|| ListenerDelta { prefix: prefix.to_owned(), ..ListenerDelta::default() })
    }
}

fn is_sign_of_configuration(name: &str) -> bool {
    let Some((path, leaf)) = name.rsplit_once('.') else { return false };
    match path {
        "cluster_manager" => matches!(leaf, "cluster_added" | "cluster_modified" | "cluster_removed"),
        "listener_manager" => matches!(
            leaf,
            "listener_added" | "listener_modified" | "listener_removed" | "listener_in_place_updated"
        ),
        // A version is a hash of the text that the control plane gave.
        _ => path.contains(".rds.") && matches!(leaf, "config_reload" | "version"),
    }
}

/// Where a cluster's counter goes; nothing for what is not decoded.
fn cluster_counter(leaf: &str) -> Option<fn(&mut ClusterDelta) -> &mut u64> {
    Some(match leaf {
        "upstream_rq_completed" => |cluster| &mut cluster.requests,
        "upstream_rq_1xx" => |cluster| &mut cluster.classes[0],
        "upstream_rq_2xx" => |cluster| &mut cluster.classes[1],
        "upstream_rq_3xx" => |cluster| &mut cluster.classes[2],
        "upstream_rq_4xx" => |cluster| &mut cluster.classes[3],
        "upstream_rq_5xx" => |cluster| &mut cluster.classes[4],
        "upstream_rq_total" => |cluster| &mut cluster.attempts,
        "upstream_rq_retry" => |cluster| &mut cluster.retries,
        "upstream_rq_timeout" => |cluster| &mut cluster.timeouts,
        "upstream_cx_connect_fail" => |cluster| &mut cluster.connection_failures,
        "handshake" => |cluster| &mut cluster.tls_handshakes,
        _ => return None,
    })
}

fn class_index(leaf: &str) -> Option<usize> {
    ["1xx", "2xx", "3xx", "4xx", "5xx"].iter().position(|class| *class == leaf)
}

/// Adds bins, keeping them sorted and one per lower bound. Envoy's times are whole milliseconds, so a bound with a
/// fraction could only come from a histogram in another unit; it goes into the millisecond that holds it.
fn add_bins(latency: &mut Vec<LatencyBin>, bins: &[Bin]) {
    for bin in bins.iter().filter(|bin| bin.count > 0) {
        let lower_ms = bin.lower_bound as u32;
        match latency.binary_search_by_key(&lower_ms, |bin| bin.lower_ms) {
            Ok(index) => latency[index].count += bin.count,
            Err(index) => latency.insert(index, LatencyBin { lower_ms, count: bin.count }),
        }
    }
}

/// A statistic's value, where it can be a count. Gauges that went below zero show up just under 2^64, text and
/// fractions may stand beside counts; all of these are nothing.
#[derive(Clone, Copy, Debug, Default)]
struct Value(Option<u64>);

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Counts;

        impl<'de> Visitor<'de> for Counts {
            type Value = Value;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("the value of a statistic")
            }

            fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
                Ok(Value(i64::try_from(value).is_ok().then_some(value)))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
                Ok(Value(u64::try_from(value).ok()))
            }

            fn visit_f64<E>(self, _: f64) -> Result<Value, E> {
                Ok(Value(None))
            }

            fn visit_str<E>(self, _: &str) -> Result<Value, E> {
                Ok(Value(None))
            }

            fn visit_bool<E>(self, _: bool) -> Result<Value, E> {
                Ok(Value(None))
            }

            fn visit_unit<E>(self) -> Result<Value, E> {
                Ok(Value(None))
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
                while items.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Value(None))
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
                while items.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Value(None))
            }
        }

        deserializer.deserialize_any(Counts)
    }
}

#[cfg(test)]
mod tests;

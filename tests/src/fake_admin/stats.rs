//! Statistics of as many clusters as are wanted, made of what a real Envoy counted of two.
//!
//! `fixtures/envoy/stats_busy_and_idle.json` is a whole answer of Envoy 1.40.0 with `usedonly`: the cluster `busy` had
//! 200 requests, some of which failed or were retried, and `idle` none. A used cluster counts what was recorded once more
//! with each scrape before which it was busy. The filter of the question is applied here as Envoy applies it.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use axum::http::Uri;
use regex::bytes::RegexBuilder;
use reqwest::Url;
use serde::Deserialize;
use serde_json::Value;
use sidecarta_queries::dictionary::{Kind, Scope, find};

use super::bootstrap::cluster_name;

const RECORDED: &str = include_str!("../../fixtures/envoy/stats_busy_and_idle.json");
/// Requests to a busy cluster between two scrapes.
pub const REQUESTS_A_ROUND: u64 = 200;

/// The clusters of a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// How many there are.
    pub clusters: usize,
    /// How many have ever had a request.
    pub used: usize,
    /// How many of these have requests between two scrapes: each for one round, in turn.
    pub busy: usize,
}

impl Shape {
    /// How many rounds it takes until a cluster is busy again.
    fn period(self) -> u64 {
        (self.used / self.busy.max(1)).max(1) as u64
    }

    /// How often a used cluster has been busy when a proxy of this variant is asked the `scrape`-th time, from 0. The
    /// first time, all have been so once.
    pub fn times_busy(self, cluster: usize, variant: usize, scrape: u64) -> u64 {
        if self.busy == 0 {
            return 1;
        }
        let (period, offset) = (self.period(), (cluster + variant) as u64 % self.period());
        1 + (scrape + offset) / period
    }

    /// Whether a used cluster was busy just before.
    fn is_busy(self, cluster: usize, variant: usize, scrape: u64) -> bool {
        scrape == 0
            || self.times_busy(cluster, variant, scrape) > self.times_busy(cluster, variant, scrape - 1)
    }
}

/// How the statistics are asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Question {
    filter: String,
    /// Whether the histograms are wanted in full. Without it Envoy tells quantiles, of which nothing is told here.
    pub(super) has_bins: bool,
}

impl Question {
    /// Reads it off the query.
    ///
    /// # Errors
    /// In words, where it is asked in a way that nothing was recorded for.
    pub(super) fn of(uri: &Uri) -> Result<Self, String> {
        let url = Url::parse("http://admin").and_then(|base| base.join(&uri.to_string()));
        let url = url.map_err(|error| error.to_string())?;
        let mut asked: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
        let filter = asked.remove("filter").unwrap_or_default();
        let has_bins = asked.remove("histogram_buckets").is_some_and(|buckets| buckets == "detailed");
        let known = [("format", "json"), ("usedonly", "")];
        if asked.iter().map(|(key, value)| (key.as_str(), value.as_str())).eq(known) {
            Ok(Self { filter, has_bins })
        } else {
            Err(format!("nothing was recorded for {asked:?}"))
        }
    }
}

/// What grows with a cluster's requests, with those of all clusters, or not at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Growth {
    Cluster(usize),
    Whole,
    Stands,
}

/// A counter or gauge.
#[derive(Debug)]
struct Series {
    /// Its text up to the value.
    text: String,
    recorded: u64,
    growth: Growth,
}

/// A histogram.
#[derive(Debug)]
struct Histogram {
    name: String,
    growth: Growth,
    /// The text of each bin up to its count, and the count.
    totals: Vec<(String, u64)>,
    /// What it says of the last moments, where something happened in them and where not.
    last: [String; 2],
}

/// An answer without its numbers.
#[derive(Debug)]
pub(super) struct Template {
    shape: Shape,
    series: Vec<Series>,
    /// What stands before the histograms.
    quantiles: String,
    histograms: Vec<Histogram>,
}

#[derive(Deserialize)]
struct Recorded {
    stats: Vec<Element>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Element {
    Series { name: String, value: Value },
    Histograms { histograms: RecordedHistograms },
}

#[derive(Deserialize)]
struct RecordedHistograms {
    supported_percentiles: Value,
    details: Vec<RecordedHistogram>,
}

#[derive(Clone, Deserialize)]
struct RecordedHistogram {
    name: String,
    totals: Vec<RecordedBin>,
    intervals: Value,
    percentiles: Vec<HashMap<String, Value>>,
}

#[derive(Clone, Deserialize)]
struct RecordedBin {
    lower_bound: Value,
    width: Value,
    count: u64,
}

impl Template {
    /// What answers this question, for proxies of this shape.
    ///
    /// # Errors
    /// In words, where the filter is no regular expression.
    pub(super) fn new(question: &Question, shape: Shape) -> Result<Self, String> {
        let filter = RegexBuilder::new(&question.filter).unicode(false).build();
        let filter = filter.map_err(|error| error.to_string())?;
        let recorded: Recorded = serde_json::from_str(RECORDED).map_err(|error| error.to_string())?;
        let (mut series, mut histograms) = (BTreeMap::new(), BTreeMap::<String, Histogram>::new());
        let mut quantiles = String::new();
        for element in recorded.stats {
            match element {
                Element::Series { name, value } => {
                    for (name, growth) in
                        copies(&name, shape).filter(|(name, _)| filter.is_match(name.as_bytes()))
                    {
                        let text = format!(r#"{{"name":"{name}","value":"#);
                        let recorded = value.as_u64().unwrap_or_default();
                        series.insert(name, Series { text, recorded, growth });
                    }
                }
                Element::Histograms { histograms: recorded } => {
                    quantiles = recorded.supported_percentiles.to_string();
                    for one in recorded.details {
                        for (name, growth) in
                            copies(&one.name, shape).filter(|(name, _)| filter.is_match(name.as_bytes()))
                        {
                            histograms.insert(name.clone(), histogram(name, growth, &one));
                        }
                    }
                }
            }
        }
        if !question.has_bins {
            histograms.clear();
        }
        let (series, histograms) = (series.into_values().collect(), histograms.into_values().collect());
        Ok(Self { shape, series, quantiles, histograms })
    }

    /// The answer of a proxy of this variant that is asked the `scrape`-th time, from 0.
    pub(super) fn render(&self, variant: usize, scrape: u64) -> String {
        let times = |growth| match growth {
            Growth::Cluster(cluster) => self.shape.times_busy(cluster, variant, scrape),
            Growth::Whole => scrape + 1,
            Growth::Stands => 1,
        };
        let mut body = String::with_capacity(1 << 20);
        body.push_str(r#"{"stats":["#);
        for Series { text, recorded, growth } in &self.series {
            // Writing into a string cannot fail.
            let _ = write!(body, "{text}{}}},", recorded * times(*growth));
        }
        let _ = write!(body, r#"{{"histograms":{{"supported_percentiles":{},"details":["#, self.quantiles);
        for (number, Histogram { name, growth, totals, last }) in self.histograms.iter().enumerate() {
            let comma = if number > 0 { "," } else { "" };
            let _ = write!(body, r#"{comma}{{"name":"{name}","totals":["#);
            for (number, (text, recorded)) in totals.iter().enumerate() {
                let comma = if number > 0 { "," } else { "" };
                let _ = write!(body, "{comma}{text}{}}}", recorded * times(*growth));
            }
            let is_busy = match growth {
                Growth::Cluster(cluster) => self.shape.is_busy(*cluster, variant, scrape),
                Growth::Whole => true,
                Growth::Stands => false,
            };
            let _ = write!(body, "],{}}}", last[usize::from(!is_busy)]);
        }
        body.push_str("]}}]}");
        body
    }
}

/// The names under which a recorded statistic is told: those of the two clusters under the names of those that they
/// stand for.
fn copies(name: &str, shape: Shape) -> Box<dyn Iterator<Item = (String, Growth)>> {
    let (busy, idle) = (name.strip_prefix("cluster.busy."), name.strip_prefix("cluster.idle."));
    let Some(leaf) = busy.or(idle).map(str::to_owned) else {
        return Box::new(std::iter::once((name.to_owned(), growth_of_whole(name))));
    };
    let clusters = if busy.is_some() { 0..shape.used } else { shape.used..shape.clusters };
    let grows = busy.is_some() && cluster_grows(&leaf);
    Box::new(clusters.map(move |number| {
        let growth = if grows { Growth::Cluster(number) } else { Growth::Stands };
        (format!("cluster.{}.{leaf}", cluster_name(number)), growth)
    }))
}

fn cluster_grows(leaf: &str) -> bool {
    let counted = leaf.strip_prefix("external.").unwrap_or(leaf);
    let is_counter = matches!(find(Scope::Cluster, counted), Some((_, Kind::Counter)));
    counted == "upstream_rq_time" || (is_counter && !counted.starts_with("membership_"))
}

/// Connection managers and listeners count the requests to all clusters.
fn growth_of_whole(name: &str) -> Growth {
    let leaf = name.rsplit('.').next().unwrap_or_default();
    let scope = match name.split('.').next() {
        Some("http") => Scope::Manager,
        Some("listener") => Scope::Listener,
        _ => return Growth::Stands,
    };
    let is_counter = matches!(find(scope, leaf), Some((_, Kind::Counter)));
    if is_counter || leaf == "downstream_rq_time" { Growth::Whole } else { Growth::Stands }
}

fn histogram(name: String, growth: Growth, recorded: &RecordedHistogram) -> Histogram {
    let totals = recorded.totals.iter().map(|bin| {
        let RecordedBin { lower_bound, width, count } = bin;
        (format!(r#"{{"lower_bound":{lower_bound},"width":{width},"count":"#), *count)
    });
    let percentiles = |is_busy: bool| {
        let values = recorded.percentiles.iter().map(|values| {
            let interval = values.get("interval").filter(|_| is_busy).cloned().unwrap_or_default();
            format!(r#"{{"cumulative":{},"interval":{interval}}}"#, values["cumulative"])
        });
        values.collect::<Vec<_>>().join(",")
    };
    let last = [true, false].map(|is_busy| {
        let intervals = if is_busy { recorded.intervals.to_string() } else { "[]".to_owned() };
        format!(r#""intervals":{intervals},"percentiles":[{}]"#, percentiles(is_busy))
    });
    Histogram { name, growth, totals: totals.collect(), last }
}

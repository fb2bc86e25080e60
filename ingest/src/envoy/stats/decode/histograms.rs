//! The one element of `/stats` that holds all histograms, in the forms that it has been asked for.

use std::fmt;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use sidecarta_queries::rows::envoy::LatencyBin;

use super::Histogram;

/// All histograms.
pub(super) enum Histograms {
    /// With Envoy's own bins (`histogram_buckets=detailed`); without them, those of quantiles only.
    Fine(Details),
    /// With counts up to fixed bounds (`histogram_buckets=cumulative`).
    Coarse(Vec<Cumulative>),
}

#[derive(Deserialize)]
pub(super) struct Details {
    #[serde(default)]
    details: Vec<Detailed>,
}

#[derive(Deserialize)]
struct Detailed {
    name: String,
    #[serde(default)]
    totals: Vec<Bin>,
}

/// Requests in one of Envoy's own bins.
#[derive(Deserialize)]
struct Bin {
    lower_bound: f64,
    count: u64,
}

#[derive(Deserialize)]
pub(super) struct Cumulative {
    name: String,
    #[serde(default)]
    buckets: Vec<Bucket>,
}

/// Requests up to a bound.
#[derive(Clone, Copy, Deserialize)]
struct Bucket {
    upper_bound: f64,
    cumulative: u64,
}

impl Histograms {
    /// Adds each to a list by its name.
    pub(super) fn add_to(self, list: &mut Vec<(String, Histogram)>) {
        match self {
            Self::Fine(Details { details }) => list.extend(details.into_iter().map(|histogram| {
                // Envoy's times are whole milliseconds, so a bound with a fraction could only come from a histogram in
                // another unit; it goes into the millisecond that holds it.
                let bins = histogram.totals.iter();
                let bins = bins.map(|bin| LatencyBin::fine(bin.lower_bound as u32, bin.count));
                (histogram.name, Histogram { bins: bins.collect() })
            })),
            Self::Coarse(histograms) => list.extend(histograms.into_iter().map(|histogram| {
                let buckets = histogram.buckets.iter().map(|bucket| (bucket.upper_bound, bucket.cumulative));
                (histogram.name, Histogram { bins: between_bounds(buckets) })
            })),
        }
    }
}

/// The bins of a histogram that says how many requests were up to each of its bounds, ms, in ascending order. What is out of
/// order counts nothing.
pub(crate) fn between_bounds(buckets: impl Iterator<Item = (f64, u64)>) -> Vec<LatencyBin> {
    let mut bins = Vec::new();
    let mut before: Option<(f64, u64)> = None;
    for (up_to_ms, cumulative) in buckets {
        let counted = before.map_or(0, |(_, counted)| counted);
        let above_ms = before.map(|(bound, _)| bound);
        if above_ms.is_some_and(|bound| bound >= up_to_ms) || cumulative < counted {
            continue;
        }
        if cumulative > counted {
            bins.push(LatencyBin::up_to(above_ms, up_to_ms, cumulative - counted));
        }
        before = Some((up_to_ms, cumulative));
    }
    bins
}

impl<'de> Deserialize<'de> for Histograms {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EitherForm;

        impl<'de> Visitor<'de> for EitherForm {
            type Value = Histograms;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("histograms")
            }

            fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<Histograms, A::Error> {
                Details::deserialize(MapAccessDeserializer::new(entries)).map(Histograms::Fine)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Histograms, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(items)).map(Histograms::Coarse)
            }
        }

        deserializer.deserialize_any(EitherForm)
    }
}

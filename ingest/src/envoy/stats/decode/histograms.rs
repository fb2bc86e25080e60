//! The one element of `/stats` that holds all histograms, in the forms that it has been asked for.

use std::fmt;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use sidecarta_queries::rows::envoy::LatencyBin;

use super::Stats;

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
    /// Adds each to the statistics; nothing where all of them would be too long.
    pub(super) fn add_to(self, stats: &mut Stats) -> Option<()> {
        match self {
            Self::Fine(Details { details }) => {
                for Detailed { name, totals } in details {
                    stats.bins.extend(totals.iter().map(|bin| fine(bin.lower_bound, bin.count)));
                    stats.end_histogram(&name)?;
                }
            }
            Self::Coarse(histograms) => {
                for Cumulative { name, buckets } in histograms {
                    let buckets = buckets.iter().map(|bucket| (bucket.upper_bound, bucket.cumulative));
                    stats.bins.extend(between_bounds(buckets));
                    stats.end_histogram(&name)?;
                }
            }
        }
        Some(())
    }
}

/// Requests in the one of Envoy's own bins that starts at `lower_bound`, ms. Envoy's times are whole milliseconds, so a bound
/// with a fraction could only come from a histogram in another unit; it goes into the millisecond that holds it.
pub(in crate::envoy::stats) fn fine(lower_bound: f64, count: u64) -> LatencyBin {
    LatencyBin::fine(lower_bound as u32, count)
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

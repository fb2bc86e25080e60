//! The JSON of `/stats`, read in one walk: names into one buffer, values beside them.

mod histograms;

use std::fmt;

use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use sidecarta_queries::rows::envoy::LatencyBin;

use self::histograms::Histograms;
pub(in crate::envoy) use self::histograms::between_bounds;
pub(super) use self::histograms::fine;

use super::swift;

/// The statistics of one answer, as they came.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stats {
    /// All names, one after the other.
    names: String,
    /// Where each name ends, and its value where that can be a count.
    values: Vec<(u32, Option<u64>)>,
    /// The names of all histograms, one after the other.
    histogram_names: String,
    /// Where the name and the bins of each histogram end.
    histograms: Vec<(u32, u32)>,
    /// The bins of all histograms, of each in any order, and perhaps some of them twice.
    bins: Vec<LatencyBin>,
}

impl Stats {
    /// Reads an answer to `/stats?format=json`.
    pub fn decode(body: &[u8]) -> Result<Self, serde_json::Error> {
        swift::decode(body).map_or_else(|| Self::decode_carefully(body), Ok)
    }

    /// Reads any JSON that says the same as Envoy does, however it is written.
    pub(super) fn decode_carefully(body: &[u8]) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize)]
        struct Answer {
            stats: Elements,
        }

        let answer: Answer = serde_json::from_slice(body)?;
        Ok(answer.stats.0)
    }

    /// How many series there are.
    pub fn series(&self) -> u64 {
        (self.values.len() + self.histograms.len()) as u64
    }

    /// Every statistic whose value can be a count.
    pub(super) fn values(&self) -> impl Iterator<Item = (&str, u64)> {
        let mut begin = 0;
        self.values.iter().filter_map(move |&(end, value)| {
            let name = &self.names[begin..end as usize];
            begin = end as usize;
            Some((name, value?))
        })
    }

    pub(super) fn histograms(&self) -> impl Iterator<Item = (&str, &[LatencyBin])> {
        let (mut name_begin, mut bins_begin) = (0, 0);
        self.histograms.iter().map(move |&(name_end, bins_end)| {
            let name = &self.histogram_names[name_begin..name_end as usize];
            let bins = &self.bins[bins_begin..bins_end as usize];
            (name_begin, bins_begin) = (name_end as usize, bins_end as usize);
            (name, bins)
        })
    }

    /// Adds a series; nothing where the names of all would be too long.
    pub(super) fn add_series(&mut self, name: &str, value: Option<u64>) -> Option<()> {
        self.names.push_str(name);
        self.end_series(value)
    }

    /// Ends the series whose name has just been added to the names.
    fn end_series(&mut self, value: Option<u64>) -> Option<()> {
        self.values.push((u32::try_from(self.names.len()).ok()?, value));
        Some(())
    }

    /// Adds a bin to the histogram that is told.
    pub(super) fn add_bin(&mut self, bin: LatencyBin) {
        self.bins.push(bin);
    }

    /// Ends a histogram; nothing where all of them would be too long.
    pub(super) fn end_histogram(&mut self, name: &str) -> Option<()> {
        self.histogram_names.push_str(name);
        let name_end = u32::try_from(self.histogram_names.len()).ok()?;
        self.histograms.push((name_end, u32::try_from(self.bins.len()).ok()?));
        Some(())
    }
}

struct Elements(Stats);

impl<'de> Deserialize<'de> for Elements {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;

        impl<'de> Visitor<'de> for List {
            type Value = Elements;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a list of statistics")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Elements, A::Error> {
                let mut stats = Stats::default();
                while elements.next_element_seed(Element(&mut stats))?.is_some() {}
                Ok(Elements(stats))
            }
        }

        deserializer.deserialize_seq(List)
    }
}

/// A counter or gauge, or the one element that holds all histograms.
struct Element<'a>(&'a mut Stats);

impl<'de> DeserializeSeed<'de> for Element<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Element<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a statistic")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let stats = self.0;
        let (mut is_named, mut value) = (false, None);
        while let Some(key) = entries.next_key::<Key>()? {
            match key {
                Key::Name if is_named => return Err(A::Error::duplicate_field("name")),
                Key::Name => {
                    entries.next_value_seed(Name(&mut stats.names))?;
                    is_named = true;
                }
                Key::Value => value = entries.next_value::<Value>()?.0,
                Key::Histograms => {
                    entries.next_value::<Histograms>()?.add_to(stats).ok_or_else(too_long)?;
                }
                Key::Other => {
                    entries.next_value::<IgnoredAny>()?;
                }
            }
        }
        if is_named {
            stats.end_series(value).ok_or_else(too_long)?;
        }
        Ok(())
    }
}

fn too_long<E: Error>() -> E {
    E::custom("the names of the statistics are longer than 4 GB")
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Key {
    Name,
    Value,
    Histograms,
    #[serde(other)]
    Other,
}

/// A name that goes to the end of a buffer.
struct Name<'a>(&'a mut String);

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the name of a statistic")
    }

    fn visit_str<E>(self, name: &str) -> Result<(), E> {
        self.0.push_str(name);
        Ok(())
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

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
                while items.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Value(None))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
                while items.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Value(None))
            }
        }

        deserializer.deserialize_any(Counts)
    }
}

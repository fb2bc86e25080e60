//! The JSON of `/stats`, read in one walk: names into one buffer, values beside them.

mod histograms;

use std::fmt;

use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use sidecarta_queries::rows::envoy::LatencyBin;

use self::histograms::Histograms;
pub(in crate::envoy) use self::histograms::between_bounds;

/// The statistics of one answer, as they came.
#[derive(Clone, Debug, Default)]
pub struct Stats {
    /// All names, one after the other.
    names: String,
    /// Where each name ends, and its value where that can be a count.
    values: Vec<(u32, Option<u64>)>,
    histograms: Vec<(String, Histogram)>,
}

/// One histogram.
#[derive(Clone, Debug)]
pub(super) struct Histogram {
    /// In any order, and perhaps some of them twice.
    pub(super) bins: Vec<LatencyBin>,
}

impl Stats {
    /// Reads an answer to `/stats?format=json`.
    pub fn decode(body: &[u8]) -> Result<Self, serde_json::Error> {
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

    pub(super) fn histograms(&self) -> impl Iterator<Item = (&str, &Histogram)> {
        self.histograms.iter().map(|(name, histogram)| (name.as_str(), histogram))
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
                Key::Histograms => entries.next_value::<Histograms>()?.add_to(&mut stats.histograms),
                Key::Other => {
                    entries.next_value::<IgnoredAny>()?;
                }
            }
        }
        if is_named {
            let end = u32::try_from(stats.names.len())
                .map_err(|_| A::Error::custom("the names of the statistics are longer than 4 GB"))?;
            stats.values.push((end, value));
        }
        Ok(())
    }
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

//! The attributes of one span or resource, each key once.

use std::borrow::Cow;
use std::collections::HashMap;

use super::decode::DecodeLimits;
use super::semconv;
use super::value::{ValueError, read_key_value, text_within, value_text};

/// Up to this many attributes a key is looked for one by one, which is quicker than hashing.
const SEARCHED_ONE_BY_ONE: usize = 24;

/// Attributes as text, borrowed from the request where they can be. Kept to be reused for the next span.
#[derive(Debug, Default)]
pub(super) struct Attributes<'a> {
    pub(super) entries: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// The keys of an earlier span, no two of them equal. Spans of one sender have the same ones in the same order, and
    /// as long as that holds for this span too, none of its keys can be there twice.
    pattern: Vec<Cow<'a, str>>,
    is_by_pattern: bool,
    /// Where each key stands; filled only once there are many.
    positions: HashMap<Cow<'a, str>, usize>,
    /// Attributes that were not taken.
    pub(super) dropped: u64,
}

impl<'a> Attributes<'a> {
    pub(super) fn clear(&mut self) {
        if self.is_by_pattern {
            self.entries.clear();
        } else {
            self.pattern.clear();
            self.pattern.extend(self.entries.drain(..).map(|(key, _)| key));
            self.is_by_pattern = true;
        }
        self.positions.clear();
        self.dropped = 0;
    }

    /// The value of a key, unless it is empty.
    pub(super) fn get(&self, key: &str) -> Option<&Cow<'a, str>> {
        let (_, value) = self.entries.iter().find(|(present, _)| present == key)?;
        Some(value).filter(|value| !value.is_empty())
    }

    /// Adds an OTLP `KeyValue`. Of several with one key the last counts. Over the limit only keys are taken that the
    /// semantic conventions of this receiver read, of which there are few.
    pub(super) fn add(&mut self, key_value: &'a [u8], limits: &DecodeLimits) -> Result<(), ValueError> {
        let (key, value) = read_key_value(key_value)?;
        let (key, position) = if let Some(key) = self.expected(key) {
            (key, None)
        } else {
            self.is_by_pattern = false;
            let key = text_within(key, limits.max_name_bytes);
            let position = self.position(&key);
            (key, position)
        };
        let is_over = self.entries.len() >= limits.max_attributes;
        if key.is_empty() || position.is_none() && is_over && !semconv::is_known(&key) {
            self.dropped += 1;
            return Ok(());
        }
        let text = value_text(value, limits.max_value_bytes)?;
        match position {
            Some(position) => self.entries[position].1 = text,
            None => self.push(key, text),
        }
        Ok(())
    }

    /// The key, where it is the next one of the pattern.
    fn expected(&self, key: &[u8]) -> Option<Cow<'a, str>> {
        match self.pattern.get(self.entries.len()) {
            Some(Cow::Borrowed(known)) if self.is_by_pattern && known.as_bytes() == key => {
                Some(Cow::Borrowed(known))
            }
            _ => None,
        }
    }

    /// Sets what the receiver itself has to say about the span, whatever the sender said under that key.
    pub(super) fn set(&mut self, key: &'static str, value: String) {
        self.is_by_pattern = false;
        match self.position(key) {
            Some(position) => self.entries[position].1 = Cow::Owned(value),
            None => self.push(Cow::Borrowed(key), Cow::Owned(value)),
        }
    }

    fn push(&mut self, key: Cow<'a, str>, value: Cow<'a, str>) {
        if self.entries.len() == SEARCHED_ONE_BY_ONE {
            self.positions =
                self.entries.iter().enumerate().map(|(at, (key, _))| (key.clone(), at)).collect();
        }
        if self.entries.len() >= SEARCHED_ONE_BY_ONE {
            self.positions.insert(key.clone(), self.entries.len());
        }
        self.entries.push((key, value));
    }

    fn position(&self, key: &str) -> Option<usize> {
        if self.entries.len() <= SEARCHED_ONE_BY_ONE {
            self.entries.iter().position(|(present, _)| present == key)
        } else {
            self.positions.get(key).copied()
        }
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::common::v1::any_value::Value;
    use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
    use prost::Message as _;

    use super::*;

    fn pair(key: &str, value: &str) -> Vec<u8> {
        let value = Some(AnyValue { value: Some(Value::StringValue(value.to_owned())) });
        KeyValue { key: key.to_owned(), value, ..KeyValue::default() }.encode_to_vec()
    }

    #[test]
    fn the_last_of_equal_keys_counts_whether_few_or_many() {
        for count in [3, SEARCHED_ONE_BY_ONE, SEARCHED_ONE_BY_ONE + 1, 200] {
            let mut pairs: Vec<Vec<u8>> = (0..count).map(|n| pair(&format!("key{n}"), "first")).collect();
            pairs.extend((0..count).map(|n| pair(&format!("key{n}"), "last")));
            let mut attributes = Attributes::default();
            for pair in &pairs {
                attributes.add(pair, &DecodeLimits::default()).unwrap();
            }
            assert_eq!(attributes.entries.len(), count);
            assert!(attributes.entries.iter().all(|(_, value)| value == "last"));
        }
    }

    #[test]
    fn over_the_limit_only_known_keys_are_taken() {
        let limits = DecodeLimits { max_attributes: 10, ..DecodeLimits::default() };
        let mut pairs: Vec<Vec<u8>> = (0..1000).map(|n| pair(&format!("bomb{n}"), "x")).collect();
        pairs.push(pair("http.response.status_code", "503"));
        pairs.push(pair("bomb3", "changed"));
        let mut attributes = Attributes::default();
        for pair in &pairs {
            attributes.add(pair, &limits).unwrap();
        }
        assert_eq!(attributes.entries.len(), 11);
        assert_eq!(attributes.dropped, 990);
        assert_eq!(attributes.get("http.response.status_code").unwrap(), "503");
        assert_eq!(attributes.get("bomb3").unwrap(), "changed");
    }
}

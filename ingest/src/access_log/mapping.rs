//! Values under keys, as in JSON lines and in the attributes of OTLP log records.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use super::draft::Draft;
use super::field::is_absent;
use super::format::{Format, FormatError};
use super::presets::JSON_KEYS;

/// How deep objects may lie in each other for their values to be found under `outer.inner`.
const MAX_DEPTH: usize = 4;

/// What the values under keys mean.
#[derive(Clone, Debug)]
pub(super) struct Mapping {
    formats: HashMap<String, Format>,
}

/// A key whose meaning cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{key}` = `{meaning}`: {reason}")]
pub(super) struct MappingError {
    key: String,
    meaning: String,
    reason: String,
}

impl Mapping {
    /// The keys that are known by themselves, and `fields` before them: a key, and as its meaning a format string such as
    /// `%REQ(:METHOD)%`, or another key whose meaning it shares, or nothing, so that it is kept as an attribute. Every
    /// bad meaning is in the error.
    pub(super) fn new(fields: &BTreeMap<String, String>) -> Result<Self, Vec<MappingError>> {
        let known = JSON_KEYS.iter().map(|(key, text)| Ok(((*key).to_owned(), Format::compile(text)?)));
        let mut formats: HashMap<String, Format> =
            known.collect::<Result<_, FormatError>>().map_err(|error| {
                vec![MappingError { key: String::new(), meaning: String::new(), reason: error.to_string() }]
            })?;
        let mut errors = Vec::new();
        let mut own = Vec::new();
        for (key, meaning) in fields {
            match meaning_of(meaning, &formats) {
                Ok(format) => own.push((key.to_ascii_lowercase(), format)),
                Err(reason) => {
                    errors.push(MappingError { key: key.clone(), meaning: meaning.clone(), reason });
                }
            }
        }
        for (key, format) in own {
            match format {
                Some(format) => drop(formats.insert(key, format)),
                None => drop(formats.remove(&key)),
            }
        }
        if errors.is_empty() { Ok(Self { formats }) } else { Err(errors) }
    }

    /// Puts the value of a key into the draft; what is unknown, or cannot be what the key says, becomes an attribute.
    pub(super) fn set(&self, draft: &mut Draft, key: &str, value: &str) {
        if is_absent(value) {
            return;
        }
        let format = self.formats.get(key).or_else(|| self.formats.get(&key.to_ascii_lowercase()));
        let is_read = format.is_some_and(|format| {
            if format.is_one_operator() {
                return format.read(value, draft);
            }
            // A value that holds several may fit in part.
            let mut changed = draft.clone();
            let is_read = format.read(value, &mut changed);
            if is_read {
                *draft = changed;
            }
            is_read
        });
        if !is_read {
            draft.add_attribute(key, value);
        }
    }

    /// Puts the values of a JSON object into the draft. `false` if the line is no such object.
    pub(super) fn read_json(&self, line: &str, draft: &mut Draft) -> bool {
        let Ok(Value::Object(object)) = serde_json::from_str(line) else { return false };
        for (key, value) in &object {
            self.set_value(draft, key, value, 1);
        }
        true
    }

    fn set_value(&self, draft: &mut Draft, key: &str, value: &Value, depth: usize) {
        match value {
            Value::Null => {}
            Value::String(text) => self.set(draft, key, text),
            Value::Object(object) if depth < MAX_DEPTH => {
                for (inner, value) in object {
                    self.set_value(draft, &format!("{key}.{inner}"), value, depth + 1);
                }
            }
            // Numbers and flags as they are, arrays and what lies too deep as JSON.
            other => self.set(draft, key, &other.to_string()),
        }
    }
}

fn meaning_of(meaning: &str, known: &HashMap<String, Format>) -> Result<Option<Format>, String> {
    if meaning.is_empty() {
        return Ok(None);
    }
    if meaning.contains('%') {
        return Format::compile(meaning).map(Some).map_err(|error| error.to_string());
    }
    known.get(meaning).cloned().map(Some).ok_or_else(|| {
        "neither a command operator such as %REQ(:METHOD)% nor a known key such as `method`".to_owned()
    })
}

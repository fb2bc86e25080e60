//! Objects of JSON, read key by key. A value of another type than expected counts as not there, and costs nothing else.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::common::v1::AnyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use serde_json::value::RawValue;

/// An object whose values are not looked into before they are asked for. Of a key that is there twice the last counts.
#[derive(Clone, Debug, Default)]
pub(super) struct Object<'a>(BTreeMap<String, &'a RawValue>);

impl<'a> Object<'a> {
    /// # Errors
    /// If the text is not an object of JSON.
    pub(super) fn parse(text: &'a str) -> Result<Self, serde_json::Error> {
        Ok(Self(serde_json::from_str(text)?))
    }

    /// The value as it stands there; none where it is null.
    pub(super) fn raw(&self, key: &str) -> Option<&'a str> {
        self.0.get(key).map(|value| value.get()).filter(|text| *text != "null")
    }

    /// A text, also where a number or a truth stands for it; none where it is empty.
    pub(super) fn text(&self, key: &str) -> Option<String> {
        self.raw(key).and_then(text)
    }

    /// Whether the value is true.
    pub(super) fn flag(&self, key: &str) -> bool {
        matches!(self.raw(key), Some("true" | "\"true\""))
    }

    /// A whole number, also where it is written as text.
    pub(super) fn integer(&self, key: &str) -> Option<i64> {
        let text = self.text(key)?;
        text.parse().ok().or_else(|| text.strip_suffix(".0")?.parse().ok())
    }

    /// An object; empty where there is none.
    pub(super) fn object(&self, key: &str) -> Self {
        self.raw(key).and_then(|text| Self::parse(text).ok()).unwrap_or_default()
    }

    /// The elements of a list as they stand there.
    pub(super) fn list(&self, key: &str) -> Vec<&'a str> {
        let elements = self.raw(key).and_then(|text| serde_json::from_str::<Vec<&RawValue>>(text).ok());
        elements.unwrap_or_default().into_iter().map(RawValue::get).collect()
    }

    /// The texts among the elements of a list.
    pub(super) fn texts(&self, key: &str) -> Vec<String> {
        self.list(key).into_iter().filter_map(text).collect()
    }

    /// Keys and values as they stand there, sorted by key, without those that are null.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&str, &'a str)> {
        self.0.iter().map(|(key, value)| (&**key, value.get())).filter(|(_, value)| *value != "null")
    }
}

/// A text, a number or a truth as text; none where it is anything else, or empty.
fn text(raw: &str) -> Option<String> {
    match raw.as_bytes().first()? {
        b'"' => serde_json::from_str(raw).ok().filter(|text: &String| !text.is_empty()),
        b'{' | b'[' | b'n' => None,
        _ => Some(raw.to_owned()),
    }
}

/// Any value as OpenTelemetry has it. Lists and objects stay text in JSON.
pub(super) fn any_value(raw: &str) -> AnyValue {
    let value = match raw.as_bytes().first() {
        Some(b'"') => serde_json::from_str(raw).ok().map(Value::StringValue),
        Some(b't' | b'f') => raw.parse().ok().map(Value::BoolValue),
        Some(b'-' | b'0'..=b'9') => {
            let whole = raw.parse().ok().map(Value::IntValue);
            whole.or_else(|| {
                raw.parse().ok().filter(|number: &f64| number.is_finite()).map(Value::DoubleValue)
            })
        }
        _ => None,
    };
    AnyValue { value: Some(value.unwrap_or_else(|| Value::StringValue(raw.to_owned()))) }
}

//! JSON of many hands, read with tolerance.

use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList};
use serde_json::{Map, Value};

pub(super) type Object = Map<String, Value>;

/// The first of these keys that has a value.
pub(super) fn first<'a>(object: &'a Object, keys: &[&str]) -> Option<&'a Value> {
    keys.iter().find_map(|key| object.get(*key)).filter(|value| !value.is_null())
}

/// The first of these keys that has a text; empty if none has.
pub(super) fn text<'a>(object: &'a Object, keys: &[&str]) -> &'a str {
    keys.iter().find_map(|key| object.get(*key)?.as_str()).unwrap_or_default()
}

/// A number, or digits in a text, as OTLP writes numbers of 64 bits.
pub(super) fn number(value: &Value) -> Option<u64> {
    match value {
        // Some write large numbers as floats.
        Value::Number(number) => number.as_u64().or_else(|| {
            number.as_f64().filter(|float| (0.0..1.8e19).contains(float)).map(|float| float as u64)
        }),
        Value::String(digits) => digits.trim().parse().ok(),
        _ => None,
    }
}

/// How deep values may be nested that are kept as such. Deeper ones become text, for protobuf has a limit too, beyond which
/// a request cannot be read back.
const DEPTH: u8 = 8;

/// A value of OTLP: in its own wrapping such as `{"stringValue": "a"}`, or plain.
pub(super) fn any(value: &Value) -> AnyValue {
    nested(value, DEPTH)
}

fn nested(value: &Value, depth: u8) -> AnyValue {
    AnyValue { value: nested_value(value, depth) }
}

fn nested_value(value: &Value, depth: u8) -> Option<Any> {
    let inner = depth.saturating_sub(1);
    match value {
        Value::Null => None,
        Value::Bool(value) => Some(Any::BoolValue(*value)),
        Value::Number(number) => Some(match number.as_i64() {
            Some(integer) => Any::IntValue(integer),
            None => Any::DoubleValue(number.as_f64().unwrap_or_default()),
        }),
        Value::String(text) => Some(Any::StringValue(text.clone())),
        deep if depth == 0 => Some(Any::StringValue(deep.to_string())),
        Value::Array(values) => Some(array(values, inner)),
        Value::Object(object) => Some(wrapped(object, inner).unwrap_or_else(|| pairs(value, inner))),
    }
}

fn array(values: &[Value], depth: u8) -> Any {
    Any::ArrayValue(ArrayValue { values: values.iter().map(|value| nested(value, depth)).collect() })
}

fn pairs(value: &Value, depth: u8) -> Any {
    Any::KvlistValue(KeyValueList { values: nested_attributes(value, depth) })
}

/// What OTLP's wrapping holds, if it is that.
fn wrapped(object: &Object, depth: u8) -> Option<Any> {
    let (key, value) = object.iter().next().filter(|_| object.len() == 1)?;
    match key.as_str() {
        "stringValue" => value.as_str().map(|text| Any::StringValue(text.to_owned())),
        "boolValue" => value.as_bool().map(Any::BoolValue),
        "intValue" => {
            let integer = value.as_i64().or_else(|| value.as_str()?.parse().ok());
            integer.map(Any::IntValue)
        }
        "doubleValue" => value.as_f64().map(Any::DoubleValue),
        "arrayValue" => Some(array(value.get("values")?.as_array()?, depth)),
        "kvlistValue" => Some(pairs(value.get("values")?, depth)),
        _ => None,
    }
}

/// Attributes: a map, or OTLP's list of keys and values. Anything else has none.
pub(super) fn attributes(value: &Value) -> Vec<KeyValue> {
    nested_attributes(value, DEPTH)
}

fn nested_attributes(value: &Value, depth: u8) -> Vec<KeyValue> {
    match value {
        Value::Object(object) => {
            object.iter().map(|(key, value)| attribute(key, nested(value, depth))).collect()
        }
        Value::Array(pairs) => pairs
            .iter()
            .filter_map(|pair| {
                let key = pair.get("key")?.as_str()?;
                Some(attribute(key, nested(pair.get("value").unwrap_or(&Value::Null), depth)))
            })
            .collect(),
        _ => Vec::new(),
    }
}

pub(super) fn attribute(key: &str, value: AnyValue) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(value), ..KeyValue::default() }
}

/// An attribute that is a text.
pub(super) fn text_attribute(key: &str, value: &str) -> KeyValue {
    attribute(key, AnyValue { value: Some(Any::StringValue(value.to_owned())) })
}

/// The 16 bytes of a trace id: 32 hexadecimal digits, or X-Ray's `1-` with 8 and 24 of them, also as part of a header such
/// as `Root=1-…;Parent=…`.
pub(super) fn trace_id(text: &str) -> Option<Vec<u8>> {
    let plain = text.trim();
    if let Some(id) = hex(plain, 16) {
        return Some(id);
    }
    plain.match_indices("1-").find_map(|(at, _)| {
        let is_start = !plain[..at].ends_with(|character: char| character.is_ascii_alphanumeric());
        let id = plain.get(at + 2..at + 35).filter(|_| is_start)?;
        let (epoch, unique) = id.split_once('-').filter(|(epoch, _)| epoch.len() == 8)?;
        hex(&format!("{epoch}{unique}"), 16)
    })
}

/// The 8 bytes of a span id.
pub(super) fn span_id(text: &str) -> Option<Vec<u8>> {
    hex(text.trim(), 8)
}

/// So many bytes that are not all zero.
fn hex(text: &str, bytes: usize) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if digits.len() != bytes * 2 {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let id: Vec<u8> =
        digits.chunks(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect::<Option<_>>()?;
    id.iter().any(|&byte| byte != 0).then_some(id)
}

//! Attribute values as text.

use std::borrow::Cow;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::wire::{Fields, Malformed};

/// How deep arrays and maps may lie in each other within one attribute.
const MAX_DEPTH: usize = 32;

/// Why a value cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ValueError {
    /// Not protobuf.
    Malformed,
    /// Deeper than [`MAX_DEPTH`].
    TooDeep,
}

impl From<Malformed> for ValueError {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

/// An OTLP `AnyValue`, not looked into further than its first level.
#[derive(Clone, Copy, Debug)]
enum AnyValue<'a> {
    Empty,
    Text(&'a [u8]),
    Bool(bool),
    Int(i64),
    Double(f64),
    Array(&'a [u8]),
    Map(&'a [u8]),
    Bytes(&'a [u8]),
}

impl<'a> AnyValue<'a> {
    fn read(message: &'a [u8]) -> Result<Self, Malformed> {
        let mut fields = Fields::of(message);
        let mut any_value = Self::Empty;
        while let Some((number, value)) = fields.next()? {
            any_value = match number {
                1 => Self::Text(value.bytes()?),
                2 => Self::Bool(value.varint()? != 0),
                3 => Self::Int(value.varint()? as i64),
                4 => Self::Double(f64::from_bits(value.fixed64()?)),
                5 => Self::Array(value.bytes()?),
                6 => Self::Map(value.bytes()?),
                7 => Self::Bytes(value.bytes()?),
                _ => continue,
            };
        }
        Ok(any_value)
    }
}

/// The key and the value, both as they lie on the wire, of an OTLP `KeyValue`.
pub(super) fn read_key_value(message: &[u8]) -> Result<(&[u8], &[u8]), Malformed> {
    let mut fields = Fields::of(message);
    let (mut key, mut value) = (&[][..], &[][..]);
    while let Some((number, field)) = fields.next()? {
        match number {
            1 => key = field.bytes()?,
            2 => value = field.bytes()?,
            _ => {}
        }
    }
    Ok((key, value))
}

/// Text of at most `max_bytes`, borrowed where it can be. What is longer is cut and says so; what is not UTF-8 is
/// replaced character by character.
pub(super) fn text_within(bytes: &[u8], max_bytes: usize) -> Cow<'_, str> {
    if bytes.len() <= max_bytes {
        // Nearly all text is sound, and finding just that out is quicker.
        return std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed);
    }
    let is_boundary = |&position: &usize| bytes[position] & 0xc0 != 0x80;
    let end = (max_bytes.saturating_sub(3)..=max_bytes).rev().find(is_boundary).unwrap_or(max_bytes);
    let kept = String::from_utf8_lossy(&bytes[..end]);
    Cow::Owned(format!("{kept}… (cut, {} bytes)", bytes.len()))
}

/// An OTLP `AnyValue` as text: strings as they are, numbers and booleans in words, bytes in base64, arrays and maps as
/// JSON. Nothing is longer than a few times `max_bytes`.
pub(super) fn value_text(message: &[u8], max_bytes: usize) -> Result<Cow<'_, str>, ValueError> {
    Ok(match AnyValue::read(message)? {
        AnyValue::Empty => Cow::Borrowed(""),
        AnyValue::Text(text) => text_within(text, max_bytes),
        AnyValue::Bool(flag) => Cow::Borrowed(if flag { "true" } else { "false" }),
        AnyValue::Int(number) => Cow::Owned(number.to_string()),
        AnyValue::Double(number) => Cow::Owned(double_text(number)),
        AnyValue::Bytes(bytes) => Cow::Owned(base64_within(bytes, max_bytes)),
        AnyValue::Array(_) | AnyValue::Map(_) => {
            let mut json = JsonText::new(max_bytes);
            json.any_value(message, 0)?;
            Cow::Owned(json.out)
        }
    })
}

fn double_text(number: f64) -> String {
    if let Some(number) = serde_json::Number::from_f64(number) {
        number.to_string()
    } else if number.is_nan() {
        "NaN".to_owned()
    } else if number > 0.0 {
        "Infinity".to_owned()
    } else {
        "-Infinity".to_owned()
    }
}

fn base64_within(bytes: &[u8], max_bytes: usize) -> String {
    match bytes.get(..max_bytes / 4 * 3).filter(|head| head.len() < bytes.len()) {
        Some(head) => format!("{}… (cut, {} bytes)", STANDARD.encode(head), bytes.len()),
        None => STANDARD.encode(bytes),
    }
}

/// JSON in the making. Past the limit nothing more is taken into arrays, maps and texts, and each that is cut says so;
/// what comes out is JSON all the same.
#[derive(Debug, Default)]
pub(super) struct JsonText {
    pub(super) out: String,
    limit: usize,
}

impl JsonText {
    pub(super) fn new(limit: usize) -> Self {
        Self { out: String::new(), limit }
    }

    /// Whether nothing more is taken.
    pub(super) fn is_full(&self) -> bool {
        self.out.len() >= self.limit
    }

    pub(super) fn text(&mut self, bytes: &[u8]) {
        let room = self.limit.saturating_sub(self.out.len());
        let text = text_within(bytes, room);
        self.out.push('"');
        for character in text.chars() {
            match character {
                '"' => self.out.push_str("\\\""),
                '\\' => self.out.push_str("\\\\"),
                '\n' => self.out.push_str("\\n"),
                '\t' => self.out.push_str("\\t"),
                '\r' => self.out.push_str("\\r"),
                control if control < ' ' => {
                    // Writing to a String cannot fail.
                    let _ = write!(self.out, "\\u{:04x}", u32::from(control));
                }
                other => self.out.push(other),
            }
        }
        self.out.push('"');
    }

    pub(super) fn number(&mut self, number: u64) {
        self.out.push_str(&number.to_string());
    }

    /// An `AnyValue` that lies in `depth` others.
    fn any_value(&mut self, message: &[u8], depth: usize) -> Result<(), ValueError> {
        match AnyValue::read(message)? {
            AnyValue::Empty => self.out.push_str("null"),
            AnyValue::Text(text) => self.text(text),
            AnyValue::Bool(flag) => self.out.push_str(if flag { "true" } else { "false" }),
            AnyValue::Int(number) => self.out.push_str(&number.to_string()),
            AnyValue::Double(number) if number.is_finite() => self.out.push_str(&double_text(number)),
            AnyValue::Double(number) => self.text(double_text(number).as_bytes()),
            AnyValue::Bytes(bytes) => {
                let room = self.limit.saturating_sub(self.out.len());
                self.text(base64_within(bytes, room).as_bytes());
            }
            AnyValue::Array(_) | AnyValue::Map(_) if depth >= MAX_DEPTH => return Err(ValueError::TooDeep),
            AnyValue::Array(values) => self.array(values, depth + 1)?,
            AnyValue::Map(values) => {
                let mut fields = Fields::of(values);
                let mut object = self.object();
                while let Some((number, field)) = fields.next()? {
                    if number == 1 {
                        object.key_value(field.bytes()?, depth + 1)?;
                    }
                }
                object.end();
            }
        }
        Ok(())
    }

    fn array(&mut self, values: &[u8], depth: usize) -> Result<(), ValueError> {
        let mut fields = Fields::of(values);
        self.out.push('[');
        let mut is_first = true;
        while let Some((number, field)) = fields.next()? {
            if number != 1 {
                continue;
            }
            if !is_first {
                self.out.push(',');
            }
            is_first = false;
            if self.is_full() {
                self.out.push_str("\"… (cut)\"");
                break;
            }
            self.any_value(field.bytes()?, depth)?;
        }
        self.out.push(']');
        Ok(())
    }

    /// Begins an object of attributes.
    pub(super) fn object(&mut self) -> JsonObject<'_> {
        self.out.push('{');
        JsonObject { json: self, is_first: true, is_cut: false }
    }
}

/// A JSON object in the making.
pub(super) struct JsonObject<'a> {
    json: &'a mut JsonText,
    is_first: bool,
    is_cut: bool,
}

impl JsonObject<'_> {
    /// Adds an OTLP `KeyValue` that lies in `depth` values.
    pub(super) fn key_value(&mut self, message: &[u8], depth: usize) -> Result<(), ValueError> {
        if self.is_cut {
            return Ok(());
        }
        if !self.is_first {
            self.json.out.push(',');
        }
        self.is_first = false;
        if self.json.is_full() {
            self.is_cut = true;
            self.json.out.push_str("\"…\":\"(cut)\"");
            return Ok(());
        }
        let (key, value) = read_key_value(message)?;
        self.json.text(key);
        self.json.out.push(':');
        self.json.any_value(value, depth)
    }

    pub(super) fn end(self) {
        self.json.out.push('}');
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::common::v1::any_value::Value;
    use opentelemetry_proto::tonic::common::v1::{AnyValue as Message, ArrayValue, KeyValue, KeyValueList};
    use prost::Message as _;

    use super::*;

    fn text(value: Value) -> String {
        let bytes = Message { value: Some(value) }.encode_to_vec();
        value_text(&bytes, 64).unwrap().into_owned()
    }

    fn nested(depth: usize) -> Vec<u8> {
        let mut value = Message { value: Some(Value::IntValue(1)) };
        for _ in 0..depth {
            value = Message { value: Some(Value::ArrayValue(ArrayValue { values: vec![value] })) };
        }
        value.encode_to_vec()
    }

    #[test]
    fn every_kind_of_value_has_its_text() {
        assert_eq!(text(Value::StringValue("plain".into())), "plain");
        assert_eq!(text(Value::BoolValue(true)), "true");
        assert_eq!(text(Value::IntValue(-7)), "-7");
        assert_eq!(text(Value::DoubleValue(0.5)), "0.5");
        assert_eq!(text(Value::DoubleValue(1e300)), "1e+300");
        assert_eq!(text(Value::DoubleValue(f64::NEG_INFINITY)), "-Infinity");
        assert_eq!(text(Value::BytesValue(vec![0, 255])), "AP8=");
        assert_eq!(value_text(&[], 64).unwrap(), "");
    }

    #[test]
    fn arrays_and_maps_are_json() {
        let entry = |key: &str, value| KeyValue {
            key: key.into(),
            value: Some(Message { value }),
            ..KeyValue::default()
        };
        let values = vec![
            entry("quote\"", Some(Value::StringValue("line\n\u{1}".into()))),
            entry("not a number", Some(Value::DoubleValue(f64::NAN))),
            entry("nothing", None),
        ];
        let json = text(Value::KvlistValue(KeyValueList { values }));
        let parsed: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(
            parsed,
            serde_json::json!({"quote\"": "line\n\u{1}", "not a number": "NaN", "nothing": null})
        );
    }

    #[test]
    fn long_text_is_cut_between_characters_and_says_so() {
        let cut = text_within("ääää".as_bytes(), 5);
        assert_eq!(cut, "ää… (cut, 8 bytes)");
        let endless = Value::BytesValue(vec![0; 1000]);
        assert_eq!(text(endless).len(), 64 + "… (cut, 1000 bytes)".len());
    }

    #[test]
    fn long_arrays_are_cut_and_stay_json() {
        let values = (0..1000).map(|n| Message { value: Some(Value::IntValue(n)) }).collect();
        let json = text(Value::ArrayValue(ArrayValue { values }));
        let parsed: Vec<serde_json::Value> = serde_json::from_str(&json).unwrap();
        assert_eq!(parsed.last().unwrap(), "… (cut)");
        assert!(json.len() < 100, "{json}");
    }

    #[test]
    fn what_lies_too_deep_is_refused() {
        assert!(value_text(&nested(MAX_DEPTH), 1024).is_ok());
        assert_eq!(value_text(&nested(MAX_DEPTH + 1), 1024), Err(ValueError::TooDeep));
    }

    #[test]
    fn text_that_is_not_utf8_is_kept_as_far_as_it_is() {
        assert_eq!(text_within(b"ab\xff", 10), "ab\u{fffd}");
    }
}

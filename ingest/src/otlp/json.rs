//! OTLP/JSON to protobuf: one walk over the text that writes each field as it is read, so that a request takes no more
//! memory than its bytes, and so that JSON and protobuf meet the same decoder and the same log.
//!
//! What the protocol asks of a receiver is in here: unknown fields are passed over, 64-bit numbers come as text or as
//! numbers, enums as numbers (or, more than is asked, by name), ids in hex of either case, other bytes in base64, NaN and
//! the infinities as text, `null` as nothing. An id that is not hex is written as an invalid one, so that its span alone
//! is rejected.

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

mod schema;

use schema::{Field, Kind, Schema, TRACES};

/// Why JSON gives no request.
#[derive(Debug, thiserror::Error)]
#[error("the body is not an OTLP trace request in JSON")]
pub struct JsonError(#[source] serde_json::Error);

/// Writes an `ExportTraceServiceRequest` in JSON as protobuf.
///
/// # Errors
/// If the text is not JSON, is nested deeper than 128 levels, or has a field of the wrong type.
pub fn traces_to_protobuf(json: &[u8]) -> Result<Vec<u8>, JsonError> {
    let mut out = Vec::with_capacity(json.len() / 2);
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    Message { schema: &TRACES, out: &mut out }.deserialize(&mut deserializer).map_err(JsonError)?;
    deserializer.end().map_err(JsonError)?;
    Ok(out)
}

/// Wire types of protobuf.
const VARINT: u32 = 0;
const FIXED64: u32 = 1;
const BYTES: u32 = 2;
const FIXED32: u32 = 5;

fn write_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn write_tag(out: &mut Vec<u8>, number: u32, wire_type: u32) {
    write_varint(out, u64::from(number << 3 | wire_type));
}

fn write_bytes(out: &mut Vec<u8>, number: u32, bytes: &[u8]) {
    write_tag(out, number, BYTES);
    write_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Puts the length before what was written since `start`.
fn write_length_before(out: &mut Vec<u8>, start: usize) {
    let before = out.len();
    write_varint(out, (before - start) as u64);
    let length_bytes = out.len() - before;
    out[start..].rotate_right(length_bytes);
}

/// Reads a JSON object as the fields of a message.
struct Message<'o> {
    schema: &'static Schema,
    out: &'o mut Vec<u8>,
}

impl<'de> DeserializeSeed<'de> for Message<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Message<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.schema.name)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<Cow<'_, str>>()? {
            let Some(field) = self.schema.fields.iter().find(|field| field.name == key) else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let out = &mut *self.out;
            if field.is_repeated {
                map.next_value_seed(Repeated { field, out })?;
            } else {
                map.next_value_seed(Single { field, out })?;
            }
        }
        Ok(())
    }
}

/// Reads a JSON array as a repeated field.
struct Repeated<'o> {
    field: &'static Field,
    out: &'o mut Vec<u8>,
}

impl<'de> DeserializeSeed<'de> for Repeated<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Repeated<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "an array for {}", self.field.name)
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<(), A::Error> {
        let field = self.field;
        while sequence.next_element_seed(Single { field, out: &mut *self.out })?.is_some() {}
        Ok(())
    }
}

/// Reads one JSON value as one field.
struct Single<'o> {
    field: &'static Field,
    out: &'o mut Vec<u8>,
}

impl<'de> DeserializeSeed<'de> for Single<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Single<'_> {
    /// Writes a whole number, signed or not, of at most 64 bits.
    fn integer<E: Error>(self, number: i128) -> Result<(), E> {
        let out_of_range = || E::custom(format_args!("{number} is out of range for {}", self.field.name));
        let tag = self.field.number;
        match self.field.kind {
            Kind::Int | Kind::Enum(_) => {
                let number = i64::try_from(number).map_err(|_| out_of_range())?;
                write_tag(self.out, tag, VARINT);
                write_varint(self.out, number as u64);
            }
            Kind::Fixed64 => {
                let number = u64::try_from(number).map_err(|_| out_of_range())?;
                write_tag(self.out, tag, FIXED64);
                self.out.extend_from_slice(&number.to_le_bytes());
            }
            Kind::Fixed32 => {
                let number = u32::try_from(number).map_err(|_| out_of_range())?;
                write_tag(self.out, tag, FIXED32);
                self.out.extend_from_slice(&number.to_le_bytes());
            }
            Kind::Double => self.double(number as f64),
            _ => return Err(E::custom(format_args!("{} cannot be a number", self.field.name))),
        }
        Ok(())
    }

    fn double(self, number: f64) {
        write_tag(self.out, self.field.number, FIXED64);
        self.out.extend_from_slice(&number.to_le_bytes());
    }

    fn number_in_text<E: Error>(self, text: &str) -> Result<(), E> {
        let (name, kind) = (self.field.name, self.field.kind);
        let not_a_number = || E::custom(format_args!("{name} is not a number"));
        match kind {
            Kind::Double => {
                let number = match text {
                    "NaN" => f64::NAN,
                    "Infinity" => f64::INFINITY,
                    "-Infinity" => f64::NEG_INFINITY,
                    text => text.parse().map_err(|_| not_a_number())?,
                };
                self.double(number);
                Ok(())
            }
            Kind::Enum(names) => match names.iter().position(|name| *name == text) {
                Some(number) => self.integer(number as i128),
                None => self.integer(text.parse().map_err(|_| not_a_number())?),
            },
            _ => self.integer(text.parse().map_err(|_| not_a_number())?),
        }
    }
}

impl<'de> Visitor<'de> for Single<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} for {}", self.field.kind.expected(), self.field.name)
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<(), E> {
        if !matches!(self.field.kind, Kind::Bool) {
            return Err(E::custom(format_args!("{} cannot be a boolean", self.field.name)));
        }
        write_tag(self.out, self.field.number, VARINT);
        self.out.push(u8::from(flag));
        Ok(())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<(), E> {
        self.integer(i128::from(number))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<(), E> {
        self.integer(i128::from(number))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<(), E> {
        match self.field.kind {
            Kind::Double => {
                self.double(number);
                Ok(())
            }
            _ if number.fract() == 0.0 => self.integer(number as i128),
            _ => Err(E::custom(format_args!("{} is not a whole number", self.field.name))),
        }
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        let number = self.field.number;
        match self.field.kind {
            Kind::Text => write_bytes(self.out, number, text.as_bytes()),
            Kind::Hex => write_bytes(self.out, number, &hex(text).unwrap_or_else(|| vec![0])),
            Kind::Base64 => {
                let bytes = base64(text)
                    .ok_or_else(|| E::custom(format_args!("{} is not base64", self.field.name)))?;
                write_bytes(self.out, number, &bytes);
            }
            Kind::Bool | Kind::Message(_) => {
                return Err(E::custom(format_args!("{} cannot be text", self.field.name)));
            }
            Kind::Int | Kind::Enum(_) | Kind::Fixed64 | Kind::Fixed32 | Kind::Double => {
                return self.number_in_text(text);
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        let Kind::Message(schema) = self.field.kind else {
            return Err(A::Error::custom(format_args!("{} cannot be an object", self.field.name)));
        };
        write_tag(self.out, self.field.number, BYTES);
        let start = self.out.len();
        Message { schema, out: &mut *self.out }.visit_map(map)?;
        write_length_before(self.out, start);
        Ok(())
    }
}

fn hex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    text.as_bytes().chunks(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}

/// Base64 in either alphabet, padded or not.
fn base64(text: &str) -> Option<Vec<u8>> {
    const TOLERANT: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    static ALPHABETS: [GeneralPurpose; 2] = [
        GeneralPurpose::new(&base64::alphabet::STANDARD, TOLERANT),
        GeneralPurpose::new(&base64::alphabet::URL_SAFE, TOLERANT),
    ];
    ALPHABETS.iter().find_map(|alphabet| alphabet.decode(text).ok())
}

#[cfg(test)]
mod tests;

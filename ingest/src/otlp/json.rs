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
mod write;

use super::memory::{Meter, NoMemory};
use super::signal::Signal;
use schema::{Field, Kind, Schema};
use write::{
    BYTES, FIXED32, FIXED64, Out, VARINT, write_bytes, write_length_before, write_tag, write_varint,
};

/// Why JSON gives no request.
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    /// It is none.
    #[error("the body is not an OTLP request in JSON")]
    Invalid(#[source] serde_json::Error),
    /// There is no memory for what it becomes.
    #[error("no memory is left for the request in protobuf")]
    NoMemory(NoMemory),
}

/// Writes a request in JSON as protobuf, which is shorter, unless it has long lists of short numbers: `reserve` is asked
/// before what is written takes more memory than the JSON does.
///
/// # Errors
/// If the text is not JSON, is nested deeper than 128 levels, or has a field of the wrong type, or if `reserve` says no.
pub(super) fn to_protobuf(
    signal: Signal,
    json: &[u8],
    reserve: &mut dyn FnMut(usize) -> Result<(), NoMemory>,
) -> Result<Vec<u8>, JsonError> {
    let mut out = Out {
        bytes: Vec::with_capacity(json.len() / 2),
        meter: Meter::new(json.len(), reserve),
        no_memory: None,
    };
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let schema = schema::request(signal);
    let result = Message { schema, out: &mut out }.deserialize(&mut deserializer);
    if let Some(no_memory) = out.no_memory {
        return Err(JsonError::NoMemory(no_memory));
    }
    result.and_then(|()| deserializer.end()).map_err(JsonError::Invalid)?;
    Ok(out.bytes)
}

/// Reads a JSON object as the fields of a message.
struct Message<'o, 'r> {
    schema: &'static Schema,
    out: &'o mut Out<'r>,
}

impl<'de> DeserializeSeed<'de> for Message<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Message<'_, '_> {
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
struct Repeated<'o, 'r> {
    field: &'static Field,
    out: &'o mut Out<'r>,
}

impl<'de> DeserializeSeed<'de> for Repeated<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Repeated<'_, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "an array for {}", self.field.name)
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<(), A::Error> {
        let field = self.field;
        while sequence.next_element_seed(Single { field, out: &mut *self.out })?.is_some() {
            if !self.out.has_room() {
                return Err(A::Error::custom("no memory"));
            }
        }
        Ok(())
    }
}

/// Reads one JSON value as one field.
struct Single<'o, 'r> {
    field: &'static Field,
    out: &'o mut Out<'r>,
}

impl<'de> DeserializeSeed<'de> for Single<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Single<'_, '_> {
    /// Writes a whole number, signed or not, of at most 64 bits.
    fn integer<E: Error>(self, number: i128) -> Result<(), E> {
        let out_of_range = || E::custom(format_args!("{number} is out of range for {}", self.field.name));
        let tag = self.field.number;
        match self.field.kind {
            Kind::Int | Kind::Enum(_) => {
                let number = i64::try_from(number).map_err(|_| out_of_range())?;
                write_tag(&mut self.out.bytes, tag, VARINT);
                write_varint(&mut self.out.bytes, number as u64);
            }
            Kind::Uint => {
                let number = u64::try_from(number).map_err(|_| out_of_range())?;
                write_tag(&mut self.out.bytes, tag, VARINT);
                write_varint(&mut self.out.bytes, number);
            }
            Kind::Sint32 => {
                let number = i32::try_from(number).map_err(|_| out_of_range())?;
                write_tag(&mut self.out.bytes, tag, VARINT);
                write_varint(&mut self.out.bytes, u64::from((number << 1 ^ number >> 31).cast_unsigned()));
            }
            Kind::Sfixed64 => {
                let number = i64::try_from(number).map_err(|_| out_of_range())?;
                write_tag(&mut self.out.bytes, tag, FIXED64);
                self.out.bytes.extend_from_slice(&number.to_le_bytes());
            }
            Kind::Fixed64 => {
                let number = u64::try_from(number).map_err(|_| out_of_range())?;
                write_tag(&mut self.out.bytes, tag, FIXED64);
                self.out.bytes.extend_from_slice(&number.to_le_bytes());
            }
            Kind::Fixed32 => {
                let number = u32::try_from(number).map_err(|_| out_of_range())?;
                write_tag(&mut self.out.bytes, tag, FIXED32);
                self.out.bytes.extend_from_slice(&number.to_le_bytes());
            }
            Kind::Double => self.double(number as f64),
            _ => return Err(E::custom(format_args!("{} cannot be a number", self.field.name))),
        }
        Ok(())
    }

    fn double(self, number: f64) {
        write_tag(&mut self.out.bytes, self.field.number, FIXED64);
        self.out.bytes.extend_from_slice(&number.to_le_bytes());
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

impl<'de> Visitor<'de> for Single<'_, '_> {
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
        write_tag(&mut self.out.bytes, self.field.number, VARINT);
        self.out.bytes.push(u8::from(flag));
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
            Kind::Text => write_bytes(&mut self.out.bytes, number, text.as_bytes()),
            Kind::Hex => write_bytes(&mut self.out.bytes, number, &hex(text).unwrap_or_else(|| vec![0])),
            Kind::Base64 => {
                let bytes = base64(text)
                    .ok_or_else(|| E::custom(format_args!("{} is not base64", self.field.name)))?;
                write_bytes(&mut self.out.bytes, number, &bytes);
            }
            Kind::Bool | Kind::Message(_) => {
                return Err(E::custom(format_args!("{} cannot be text", self.field.name)));
            }
            _ => return self.number_in_text(text),
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        let Kind::Message(schema) = self.field.kind else {
            return Err(A::Error::custom(format_args!("{} cannot be an object", self.field.name)));
        };
        write_tag(&mut self.out.bytes, self.field.number, BYTES);
        let start = self.out.bytes.len();
        Message { schema, out: &mut *self.out }.visit_map(map)?;
        write_length_before(&mut self.out.bytes, start);
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

//! Google's and Envoy's small messages: times, durations, wrapped numbers, addresses, entries of maps.

use std::borrow::Cow;

use crate::wire::{Fields, Malformed};

const NS_PER_S: i64 = 1_000_000_000;

/// `google.protobuf.Timestamp` or `Duration`, in ns.
pub(super) fn nanoseconds(message: &[u8]) -> Result<i64, Malformed> {
    let (mut seconds, mut nanoseconds) = (0_i64, 0_i64);
    let mut fields = Fields::of(message);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => seconds = value.number()? as i64,
            2 => nanoseconds = i64::from(value.number()? as i32),
            _ => {}
        }
    }
    seconds.checked_mul(NS_PER_S).and_then(|ns| ns.checked_add(nanoseconds)).ok_or(Malformed)
}

/// `google.protobuf.UInt32Value`.
pub(super) fn wrapped_number(message: &[u8]) -> Result<u64, Malformed> {
    let mut wrapped = 0;
    let mut fields = Fields::of(message);
    while let Some((number, value)) = fields.next()? {
        if number == 1 {
            wrapped = value.number()?;
        }
    }
    Ok(wrapped)
}

/// `envoy.config.core.v3.Address`, as `address:port`, a path, or the name of an internal listener.
pub(super) fn address(message: &[u8]) -> Result<String, Malformed> {
    let mut address = String::new();
    let mut fields = Fields::of(message);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => address = socket_address(value.bytes()?)?,
            2 => address = text_field(value.bytes()?, 1)?.into_owned(),
            3 => address = format!("envoy://{}", text_field(value.bytes()?, 1)?),
            _ => {}
        }
    }
    Ok(address)
}

fn socket_address(message: &[u8]) -> Result<String, Malformed> {
    let (mut host, mut port) = (Cow::Borrowed(""), String::new());
    let mut fields = Fields::of(message);
    while let Some((number, value)) = fields.next()? {
        match number {
            2 => host = text(value.bytes()?),
            3 => port = value.number()?.to_string(),
            4 => port = text(value.bytes()?).into_owned(),
            _ => {}
        }
    }
    Ok(match (host.contains(':'), port.is_empty()) {
        (_, true) => host.into_owned(),
        (true, false) => format!("[{host}]:{port}"),
        (false, false) => format!("{host}:{port}"),
    })
}

/// The key and the value of an entry of a `map<string, string>`.
pub(super) fn pair(message: &[u8]) -> Result<(Cow<'_, str>, Cow<'_, str>), Malformed> {
    Ok((text_field(message, 1)?, text_field(message, 2)?))
}

/// The text in one field of a message; empty where it is absent.
pub(super) fn text_field(message: &[u8], wanted: u32) -> Result<Cow<'_, str>, Malformed> {
    let mut found = &[][..];
    let mut fields = Fields::of(message);
    while let Some((number, value)) = fields.next()? {
        if number == wanted {
            found = value.bytes()?;
        }
    }
    Ok(text(found))
}

pub(super) fn text(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

//! Who sends a stream: the `identifier` of its first message.

use sidecarta_queries::rows::envoy::Proxy;

use super::{EnvoyStream, StreamState};
use crate::otlp::value::text_within;
use crate::wire::{Fields, Malformed};

/// Bytes of every name.
const MAX_NAME_BYTES: usize = 512;

/// Remembers the sender, if the message says who that is. A message that is no protobuf says nothing.
pub(super) fn take(stream: EnvoyStream, message: &[u8], state: &mut StreamState) {
    if let Ok(Some(identifier)) = sub_message(message, 1)
        && let Ok(mut new) = read_identifier(stream, identifier)
    {
        new.proxy.address = std::mem::take(&mut state.proxy.address);
        *state = new;
    }
}

/// The message in this field of another one.
fn sub_message(message: &[u8], number: u32) -> Result<Option<&[u8]>, Malformed> {
    let mut found = None;
    let mut fields = Fields::of(message);
    while let Some((present, value)) = fields.next()? {
        if present == number {
            found = Some(value.bytes()?);
        }
    }
    Ok(found)
}

/// The `Identifier` of either service: a node, and of access logs the name of the log.
fn read_identifier(stream: EnvoyStream, message: &[u8]) -> Result<StreamState, Malformed> {
    let mut state = StreamState::default();
    let mut fields = Fields::of(message);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => state.proxy = read_node(value.bytes()?)?,
            2 if stream == EnvoyStream::AccessLogs => state.log_name = name(value.bytes()?),
            _ => {}
        }
    }
    Ok(state)
}

/// A `config.core.v3.Node`.
fn read_node(message: &[u8]) -> Result<Proxy, Malformed> {
    let mut proxy = Proxy::default();
    let mut fields = Fields::of(message);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => proxy.id = name(value.bytes()?),
            2 => proxy.cluster = name(value.bytes()?),
            // `Locality`, in which the zone is the second field.
            4 => proxy.zone = sub_message(value.bytes()?, 2)?.map(name).unwrap_or_default(),
            7 if proxy.envoy_version.is_empty() => proxy.envoy_version = name(value.bytes()?),
            8 => proxy.envoy_version = read_build_version(value.bytes()?)?,
            _ => {}
        }
    }
    Ok(proxy)
}

/// A `BuildVersion`, in which a `SemanticVersion` is the first field.
fn read_build_version(message: &[u8]) -> Result<String, Malformed> {
    let mut parts = [0_u64; 3];
    let mut fields = Fields::of(sub_message(message, 1)?.unwrap_or_default());
    while let Some((number, value)) = fields.next()? {
        if let Some(part) = parts.get_mut(number as usize - 1) {
            *part = value.varint()?;
        }
    }
    let [major, minor, patch] = parts;
    Ok(format!("{major}.{minor}.{patch}"))
}

fn name(bytes: &[u8]) -> String {
    text_within(bytes, MAX_NAME_BYTES).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCESS_LOGS: &[u8] = include_bytes!("../../../../tests/fixtures/otlp/envoy_als.good.bin");

    #[test]
    fn the_first_message_says_who_sends() {
        let mut state = StreamState::default();
        state.proxy.address = "10.0.0.7".to_owned();
        take(EnvoyStream::AccessLogs, ACCESS_LOGS, &mut state);
        let proxy = Proxy {
            id: "lab-sidecar-1".to_owned(),
            cluster: "shop".to_owned(),
            zone: "eu-west-1a".to_owned(),
            envoy_version: "1.40.0".to_owned(),
            address: "10.0.0.7".to_owned(),
            ..Proxy::default()
        };
        assert_eq!(state.proxy, proxy);
        assert_eq!(state.log_name, "als_orders_out");
        let known = state.clone();
        for later in [&[][..], b"\x12\x00", b"not protobuf", &ACCESS_LOGS[..100]] {
            take(EnvoyStream::AccessLogs, later, &mut state);
            assert_eq!(state, known);
        }
    }
}

//! From a value's text into the row.

use super::{Column, Field};
use crate::access_log::draft::Draft;
use crate::access_log::flags;

/// The codes of gRPC by their number, written as Envoy does, in capitals and without underscores.
const GRPC_CODES: [&str; 17] = [
    "OK",
    "CANCELED",
    "UNKNOWN",
    "INVALIDARGUMENT",
    "DEADLINEEXCEEDED",
    "NOTFOUND",
    "ALREADYEXISTS",
    "PERMISSIONDENIED",
    "RESOURCEEXHAUSTED",
    "FAILEDPRECONDITION",
    "ABORTED",
    "OUTOFRANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATALOSS",
    "UNAUTHENTICATED",
];

/// Sets what `field` means to `value`, which is not empty.
pub(super) fn set(field: &Field, draft: &mut Draft, value: &str) -> Option<()> {
    match field {
        Field::Start(format) => draft.start_ns = Some(format.read(value)?),
        Field::OtherTime(format) => draft.other_time_ns = Some(format.read(value)?),
        Field::Path => draft.set_text(|row| &mut row.path, value),
        Field::Code => {
            let code = value.parse().ok().filter(|code| *code < 1000)?;
            draft.row.response_code = code;
            draft.is_access_log = true;
        }
        Field::Grpc => draft.row.grpc_status = Some(grpc_status(value)?),
        Field::Flags => {
            if !value.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b',' | b'_' | b' ')) {
                return None;
            }
            draft.row.response_flags = flags::shortened(value);
            draft.is_access_log = true;
        }
        Field::Attempts => draft.row.attempts = value.parse().ok()?,
        Field::Received => {
            draft.row.bytes_received = value.parse().ok()?;
            draft.is_access_log = true;
        }
        Field::Sent => draft.row.bytes_sent = value.parse().ok()?,
        Field::Duration(unit_ns) => draft.set_duration(value, *unit_ns)?,
        Field::Upstream(unit_ns) => draft.set_upstream_duration(value, *unit_ns)?,
        Field::Trace => draft.row.trace_id = hex_id(value)?,
        Field::TraceParent => draft.row.trace_id = hex_id(value.split('-').nth(1)?)?,
        Field::XrayTrace => draft.row.trace_id = xray_trace(value)?,
        Field::Span => draft.row.span_id = hex_id(value)?.try_into().ok()?,
        Field::Text(Column::UpstreamHost) if !is_address(value) => return None,
        Field::Text(column) => draft.set_text(|row| column.of(row), value),
        Field::Spare(column) => set_spare(draft, *column, value),
        Field::San(column) => add_names(draft, *column, value),
        Field::Attribute(key, _) => draft.add_attribute(key, value.trim()),
    }
    Some(())
}

/// Whether it may be `address:port`, the path of a socket, or the name of an internal listener. A line that was taken apart
/// at the wrong places is known by this.
fn is_address(value: &str) -> bool {
    value.contains([':', '/'])
}

fn set_spare(draft: &mut Draft, column: Column, value: &str) {
    if column.of(&mut draft.row).is_empty() {
        draft.set_text(|row| column.of(row), value);
    }
}

/// URIs, which are what identities in a mesh are, go first.
fn add_names(draft: &mut Draft, column: Column, value: &str) {
    let present = column.of(&mut draft.row);
    let joined = match (present.is_empty(), value.contains("://")) {
        (true, _) => value.to_owned(),
        (false, true) => format!("{value},{present}"),
        (false, false) => format!("{present},{value}"),
    };
    draft.set_text(|row| column.of(row), &joined);
}

/// A number or a name in one of the ways in which Envoy writes it.
fn grpc_status(value: &str) -> Option<u32> {
    if let Ok(number) = value.parse() {
        return Some(number);
    }
    let name: String = value
        .chars()
        .filter(|character| *character != '_')
        .map(|character| character.to_ascii_uppercase())
        .collect();
    let name = if name == "CANCELLED" { "CANCELED" } else { &name };
    GRPC_CODES.iter().position(|code| *code == name).map(|position| position as u32)
}

/// An id of up to 128 bits in hexadecimal digits.
pub(in crate::access_log) fn hex_id(text: &str) -> Option<u128> {
    let is_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    u128::from_str_radix(text, 16).ok().filter(|_| is_hex)
}

/// The trace in `Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1`.
fn xray_trace(value: &str) -> Option<u128> {
    let root = value.split(';').find_map(|part| part.trim().strip_prefix("Root="))?;
    let (epoch, unique) = root.strip_prefix("1-")?.split_once('-')?;
    if epoch.len() != 8 || unique.len() != 24 {
        return None;
    }
    Some(hex_id(epoch)? << 96 | hex_id(unique)?)
}

#[cfg(test)]
mod tests {
    use super::{grpc_status, hex_id, xray_trace};

    #[test]
    fn a_grpc_status_is_read_in_all_its_spellings() {
        for text in ["5", "NotFound", "NOT_FOUND"] {
            assert_eq!(grpc_status(text), Some(5), "{text}");
        }
        assert_eq!((grpc_status("Canceled"), grpc_status("CANCELLED")), (Some(1), Some(1)));
        assert_eq!((grpc_status("OK"), grpc_status("Fine")), (Some(0), None));
    }

    #[test]
    fn traces_are_read_from_ids_and_headers() {
        assert_eq!(hex_id("00ff"), Some(255));
        assert_eq!(
            (hex_id("+ff"), hex_id(""), hex_id("é"), hex_id(&"f".repeat(33))),
            (None, None, None, None)
        );
        let root = "Self=1-1;Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1";
        assert_eq!(xray_trace(root), Some(0x5759_e988_bd86_2e3f_e1be_46a9_9427_2793));
        for bad in [
            "",
            "Root=1-5759e988",
            "Root=2-5759e988-bd862e3fe1be46a994272793",
            "Root=1-é-bd862e3fe1be46a994272793",
        ] {
            assert_eq!(xray_trace(bad), None, "{bad}");
        }
    }
}

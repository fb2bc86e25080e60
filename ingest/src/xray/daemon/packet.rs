//! Datagrams: a line that says what follows, then one document.

use serde::Deserialize;

/// The first line of a datagram.
#[derive(Deserialize)]
struct Header {
    format: String,
    version: i64,
}

/// Why a datagram is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum PacketError {
    #[error("it has no first line such as {{\"format\":\"json\",\"version\":1}}")]
    NoHeader,
    #[error("its first line says format {format:?}, version {version}, where json and 1 are known")]
    OtherFormat { format: String, version: i64 },
    #[error("it has no document after its first line")]
    Empty,
    #[error("it is not text in UTF-8")]
    NotText,
}

/// The document in a datagram.
pub(super) fn document(datagram: &[u8]) -> Result<&str, PacketError> {
    let text = std::str::from_utf8(datagram).map_err(|_| PacketError::NotText)?;
    let (header, document) = text.split_once('\n').unwrap_or((text, ""));
    let Header { format, version } = serde_json::from_str(header).map_err(|_| PacketError::NoHeader)?;
    if !format.eq_ignore_ascii_case("json") || version != 1 {
        return Err(PacketError::OtherFormat { format, version });
    }
    let document = document.trim();
    if document.is_empty() { Err(PacketError::Empty) } else { Ok(document) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RECORDED: &[u8] = include_bytes!("../../../../tests/fixtures/xray/gateway.good.bin");

    #[test]
    fn documents_are_taken_out_of_datagrams() {
        assert!(document(RECORDED).unwrap().starts_with("{\"name\":\"shop/gateway\""));
        assert_eq!(document(b"{\"format\": \"JSON\", \"version\": 1}\r\n{}\n"), Ok("{}"));
        assert_eq!(document(b"{\"version\":1,\"format\":\"json\",\"more\":0}\n[\n]"), Ok("[\n]"));
        assert_eq!(document(b""), Err(PacketError::NoHeader));
        assert_eq!(document(b"{\"name\":\"web\"}"), Err(PacketError::NoHeader));
        assert_eq!(document(b"{\"format\":\"json\",\"version\":1}"), Err(PacketError::Empty));
        assert_eq!(document(b"{\"format\":\"json\",\"version\":1}\n \n"), Err(PacketError::Empty));
        assert_eq!(document(b"\xff\n{}"), Err(PacketError::NotText));
        let other = PacketError::OtherFormat { format: "json".to_owned(), version: 2 };
        assert_eq!(document(b"{\"format\":\"json\",\"version\":2}\n{}"), Err(other));
    }

    proptest! {
        #[test]
        fn no_datagram_is_too_odd(datagram in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = document(&datagram);
        }
    }
}

use proptest::prelude::*;
use prost::Message as _;

use super::*;
use crate::access_log::tests::summary;

const RECORDED: [&[u8]; 3] = [
    include_bytes!("../../../../tests/fixtures/access_log/als_1.good.bin"),
    include_bytes!("../../../../tests/fixtures/access_log/als_2.good.bin"),
    include_bytes!("../../../../tests/fixtures/access_log/als_3.good.bin"),
];

fn decode(message: &[u8]) -> AlsBatch {
    AlsStream::new(false).decode(message).unwrap()
}

/// A field of wire type 2.
fn field(number: u32, content: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    prost::encoding::encode_varint(u64::from(number << 3 | 2), &mut out);
    prost::encoding::encode_varint(content.len() as u64, &mut out);
    out.extend_from_slice(content);
    out
}

fn number(number: u32, value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    prost::encoding::encode_varint(u64::from(number << 3), &mut out);
    prost::encoding::encode_varint(value, &mut out);
    out
}

fn timestamp() -> Vec<u8> {
    field(5, &[number(1, 1_795_423_013), number(2, 7)].concat())
}

fn http(common: &[Vec<u8>], others: &[Vec<u8>]) -> Vec<u8> {
    let entry = [field(1, &common.concat()), others.concat()].concat();
    field(2, &field(1, &entry))
}

#[test]
fn recorded_messages_become_these_rows() {
    let batches: Vec<AlsBatch> = RECORDED.into_iter().map(decode).collect();
    let counts: Vec<_> =
        batches.iter().map(|batch| (batch.rows.len(), batch.rejected, batch.unidentified)).collect();
    assert_eq!(counts, [(6, 0, 0), (5, 0, 0), (5, 0, 0)]);
    let rows: Vec<_> = batches.iter().flat_map(|batch| &batch.rows).step_by(3).map(summary).collect();
    insta::assert_json_snapshot!("recorded", rows);
}

#[test]
fn a_stream_says_once_who_it_is() {
    let whole = RECORDED[0];
    let mut fields = Fields::of(whole);
    let (_, identifier) = fields.next().unwrap().unwrap();
    let (_, entries) = fields.next().unwrap().unwrap();
    let identifier = field(1, identifier.bytes().unwrap());
    let entries = field(2, entries.bytes().unwrap());

    let mut stream = AlsStream::new(false);
    assert!(!stream.is_identified());
    let before = stream.decode(&entries).unwrap();
    assert_eq!((before.unidentified, before.rows[0].node_id.as_str()), (6, ""));
    assert_eq!(stream.decode(&identifier).unwrap(), AlsBatch::default());
    assert_eq!((stream.is_identified(), stream.node_id()), (true, "lab-sidecar-1"));
    assert_eq!(stream.decode(&entries).unwrap(), decode(whole));
}

#[test]
fn everything_an_entry_may_say_has_its_place() {
    let socket = |host: &str, port| field(1, &[field(2, host.as_bytes()), number(3, port)].concat());
    let san = |kind, name: &str| field(1, &field(kind, name.as_bytes()));
    let certificate = [san(2, "a.shop"), san(1, "spiffe://shop/a"), field(2, b"CN=a")].concat();
    let pair = |key: &str, value: &str| [field(1, key.as_bytes()), field(2, value.as_bytes())].concat();
    let common = [
        field(2, &socket("10.0.0.1", 5)),
        field(4, &[number(1, 4), field(3, b"orders"), field(5, &certificate)].concat()),
        timestamp(),
        field(8, &number(2, 1_000)),
        field(9, &number(2, 5_000)),
        field(13, &socket("fd00::1", 80)),
        field(15, b"orders_v2"),
        field(16, &[number(6, 1), number(3, 0), field(13, &number(1, 1)), number(16, 1)].concat()),
        field(18, b"TLS_error"),
        field(19, b"orders"),
        field(22, &pair("trace_id", "4bf92f3577b34da6a3ce929d0e0e4736")),
        field(22, &pair("span_id", "none")),
        field(23, &[number(1, 1), number(2, 234)].concat()),
        number(24, 3),
        field(25, b"why"),
        field(26, b"stream"),
        number(33, 6),
    ];
    let request = [
        number(1, 3),
        field(5, b"/rewritten"),
        field(10, b"/orders/17?a=b"),
        number(12, 10),
        field(13, &pair("x-team", "shop")),
    ];
    let response = [
        field(1, &number(1, 200)),
        number(3, 20),
        field(5, &pair("grpc-status", "14")),
        field(4, &pair("server", "x")),
        field(6, b"via_upstream"),
    ];
    let message = http(&common, &[number(2, 3), field(3, &request.concat()), field(4, &response.concat())]);
    insta::assert_json_snapshot!("everything", summary(&decode(&message).rows[0]));
}

#[test]
fn connections_are_rows_too() {
    let common = [timestamp(), field(15, b"database"), number(33, 3)].concat();
    let entry = [field(1, &common), field(2, &[number(1, 5), number(2, 6)].concat())].concat();
    let row = decode(&field(3, &field(1, &entry))).rows.remove(0);
    assert_eq!((row.protocol.as_str(), row.upstream_cluster.as_str()), ("TCP", "database"));
    assert_eq!((row.bytes_received, row.bytes_sent, row.is_request()), (5, 6, true));
}

#[test]
fn damage_inside_an_entry_costs_that_entry() {
    let good = http(&[timestamp()], &[]);
    let damaged = field(2, &field(1, &[0x0a, 200, 1]));
    let timeless = http(&[field(15, b"orders")], &[]);
    let overflowing = http(&[field(5, &number(1, u64::MAX / 2))], &[]);
    let batch = decode(&[good.clone(), damaged, timeless, overflowing, good].concat());
    assert_eq!((batch.rows.len(), batch.rejected), (2, 3));
    for bad in [&b"\xff"[..], b"GET / HTTP/1.1", &[0x12, 5]] {
        assert_eq!(AlsStream::new(false).decode(bad), Err(AlsError), "{bad:?}");
    }
}

#[test]
fn a_message_of_too_many_entries_loses_some() {
    let entry = field(1, &field(1, &timestamp()));
    let batch = decode(&field(2, &entry.repeat(MAX_ENTRIES + 5)));
    assert_eq!((batch.rows.len(), batch.rejected), (MAX_ENTRIES, 5));
}

#[test]
fn a_text_of_the_wrong_type_is_not_taken() {
    // `google.protobuf.Struct` and the like are skipped wherever they stand.
    let other =
        opentelemetry_proto::tonic::common::v1::KeyValue { key: "a".to_owned(), ..Default::default() };
    let message = http(&[timestamp(), field(17, &other.encode_to_vec()), number(15, 1)], &[]);
    assert_eq!(decode(&message).rejected, 1);
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = AlsStream::new(false).decode(&bytes);
        let _ = AlsStream::new(false).decode(&field(2, &field(1, &bytes)));
        let _ = AlsStream::new(false).decode(&http(&[bytes], &[]));
    }

    #[test]
    fn damaged_recordings_are_survived(
        which in 0_usize..3, at in any::<prop::sample::Index>(), byte in any::<u8>(), is_cut in any::<bool>()) {
        let mut message = RECORDED[which].to_vec();
        let at = at.index(message.len());
        message[at] = byte;
        if is_cut {
            message.truncate(at);
        }
        if let Ok(batch) = AlsStream::new(false).decode(&message) {
            prop_assert!(batch.rows.len() as u64 + batch.rejected <= 400);
        }
    }
}

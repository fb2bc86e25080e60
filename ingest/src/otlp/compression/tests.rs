use std::io::Write as _;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use proptest::prelude::*;

use super::*;

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn zlib(plain: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn deflate(plain: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn packed(plain: &[u8]) -> Vec<(Encoding, Vec<u8>)> {
    vec![
        (Encoding::Identity, plain.to_vec()),
        (Encoding::Gzip, gzip(plain)),
        (Encoding::Deflate, zlib(plain)),
        (Encoding::Deflate, deflate(plain)),
        (Encoding::Zstd, compress_for_log(plain).unwrap()),
    ]
}

#[test]
fn several_members_and_frames_are_one_body() {
    let (first, second) = (&b"one "[..], &b"two"[..]);
    let members = [gzip(first), gzip(second)].concat();
    assert_eq!(&*decompress(Encoding::Gzip, &members, 100, |_| Ok(())).unwrap(), b"one two");
    let frames = [compress_for_log(first).unwrap(), compress_for_log(second).unwrap()].concat();
    assert_eq!(&*decompress(Encoding::Zstd, &frames, 100, |_| Ok(())).unwrap(), b"one two");
}

#[test]
fn a_bomb_stops_at_the_limit() {
    let plain = vec![0; 2 << 20];
    for (encoding, body) in packed(&plain) {
        let mut reserved = 0;
        let result = decompress(encoding, &body, 1 << 18, |bytes| {
            reserved += bytes;
            Ok(())
        });
        assert!(matches!(result, Err(CompressionError::TooLarge { limit: 0x0004_0000 })), "{encoding:?}");
        assert!(reserved <= (1 << 18) + 2 * STEP_BYTES, "{encoding:?} reserved {reserved}");
    }
}

#[test]
fn unpacking_ends_where_there_is_no_memory() {
    let body = gzip(&vec![0; 1 << 20]);
    let mut steps = 3;
    let result = decompress(Encoding::Gzip, &body, usize::MAX, |_| {
        steps -= 1;
        if steps > 0 { Ok(()) } else { Err(NoMemory::Now) }
    });
    assert!(matches!(result, Err(CompressionError::NoMemory(NoMemory::Now))));
}

#[test]
fn damaged_data_is_refused() {
    let plain = b"a body of some length, so that half of it is not all of it";
    for (encoding, body) in packed(plain).into_iter().skip(1) {
        let half = &body[..body.len() / 2];
        let result = decompress(encoding, half, 1 << 20, |_| Ok(()));
        assert!(matches!(result, Err(CompressionError::Damaged { .. })), "{encoding:?}: {result:?}");
    }
    for encoding in [Encoding::Gzip, Encoding::Zstd, Encoding::Deflate] {
        let result = decompress(encoding, b"plain text", 1 << 20, |_| Ok(()));
        assert!(matches!(result, Err(CompressionError::Damaged { .. })), "{encoding:?}: {result:?}");
    }
}

#[test]
fn a_zstd_frame_that_wants_a_huge_window_is_refused() {
    let mut encoder = zstd::stream::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(27).unwrap();
    encoder.write_all(b"small").unwrap();
    let body = encoder.finish().unwrap();
    assert!(matches!(
        decompress(Encoding::Zstd, &body, 1 << 20, |_| Ok(())),
        Err(CompressionError::Damaged { .. })
    ));
}

#[test]
fn encodings_are_named_in_any_case() {
    assert_eq!(Encoding::named("GZip"), Some(Encoding::Gzip));
    assert_eq!(Encoding::named(" zstd "), Some(Encoding::Zstd));
    assert_eq!(Encoding::named("identity"), Some(Encoding::Identity));
    assert_eq!(Encoding::named("br"), None);
    assert_eq!(Encoding::named("gzip, gzip"), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn what_was_packed_is_unpacked(plain in prop::collection::vec(any::<u8>(), 0..100_000)) {
        for (encoding, body) in packed(&plain) {
            prop_assert_eq!(&*decompress(encoding, &body, plain.len(), |_| Ok(())).unwrap(), &plain[..]);
        }
    }
}

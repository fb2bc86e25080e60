use proptest::prelude::*;

use super::*;
use crate::prometheus::tests::{NATIVE, PROTOBUF};

fn read(body: &[u8]) -> Exposition<'_> {
    decode_delimited(body, DecodeLimits::default())
}

/// A field that holds bytes.
fn bytes(number: u8, content: &[u8]) -> Vec<u8> {
    let mut field = vec![number << 3 | 2];
    varint(content.len() as u64, &mut field);
    field.extend(content);
    field
}

fn varint(mut number: u64, into: &mut Vec<u8>) {
    while number >= 0x80 {
        into.push(number as u8 | 0x80);
        number >>= 7;
    }
    into.push(number as u8);
}

fn double(number: u8, value: f64) -> Vec<u8> {
    [&[number << 3 | 1][..], &value.to_le_bytes()].concat()
}

fn integer(number: u8, value: u64) -> Vec<u8> {
    let mut field = vec![number << 3];
    varint(value, &mut field);
    field
}

/// A family of one kind with one metric for each of the contents, behind its length.
fn family(kind: u64, metrics: &[Vec<u8>]) -> Vec<u8> {
    let mut message = [bytes(1, b"f"), integer(3, kind)].concat();
    message.extend(metrics.iter().flat_map(|metric| bytes(4, metric)));
    let mut delimited = Vec::new();
    varint(message.len() as u64, &mut delimited);
    delimited.extend(message);
    delimited
}

fn counter(value: f64) -> Vec<u8> {
    bytes(3, &double(1, value))
}

fn histogram(parts: &[Vec<u8>]) -> Vec<u8> {
    bytes(7, &parts.concat())
}

#[test]
fn a_stream_that_is_cut_keeps_what_came_before() {
    for recorded in [PROTOBUF, NATIVE] {
        let whole = read(recorded);
        for end in (0..recorded.len()).step_by(997) {
            let cut = read(&recorded[..end]);
            assert_eq!(cut.families, whole.families[..cut.families.len()]);
            assert_eq!((cut.rejects.malformed, cut.rejects.values), (0, 0));
        }
        assert!(read(&recorded[..recorded.len() - 1]).rejects.is_cut);
    }
}

#[test]
fn a_length_that_lies_ends_the_reading() {
    let mut body = family(0, &[counter(1.0)]);
    varint(u64::MAX, &mut body);
    body.extend([1, 2, 3]);
    let exposition = read(&body);
    assert_eq!(exposition.families.len(), 1);
    assert_eq!(exposition.rejects, Rejects { is_cut: true, ..Rejects::default() });
}

#[test]
fn a_message_that_cannot_be_read_costs_only_itself() {
    let good = family(0, &[counter(1.0)]);
    let nameless = [&[2][..], &integer(3, 0)].concat();
    let broken_metric = family(0, &[vec![0xff], counter(2.0), b"\x1a\x05x".to_vec()]);
    let wrong_value = family(1, &[counter(1.0)]);
    let bad_label = family(0, &[[bytes(1, &bytes(1, b"\xff")), counter(1.0)].concat()]);
    let body = [&good[..], &nameless, &broken_metric, &wrong_value, &bad_label, &good].concat();
    let exposition = read(&body);
    let samples: Vec<_> = exposition.families.iter().map(|family| family.samples.len()).collect();
    assert_eq!(samples, [1, 1, 1]);
    assert_eq!(exposition.rejects, Rejects { malformed: 5, ..Rejects::default() });
}

#[test]
fn numbers_that_cannot_be_counts_are_counted_out() {
    let counters = [counter(-1.0), counter(f64::NAN), counter(f64::NEG_INFINITY), counter(3.0)];
    let body = [family(0, &counters), family(1, &[bytes(2, &double(1, -1.0))])].concat();
    let exposition = read(&body);
    assert_eq!(exposition.families.len(), 2);
    assert_eq!(exposition.rejects, Rejects { values: 3, ..Rejects::default() });
}

#[test]
fn histograms_that_contradict_themselves_are_counted_out() {
    let bucket = |count, bound| bytes(3, &[integer(1, count), double(2, bound)].concat());
    let span = |offset, length| bytes(12, &[integer(1, offset), integer(2, length)].concat());
    let native = |parts: &[Vec<u8>]| histogram(&[&[integer(1, 5), double(6, 0.5)][..], parts].concat());
    let bad = [
        histogram(&[integer(1, 1), bucket(2, 1.0)]),
        histogram(&[integer(1, 5), bucket(2, 1.0), bucket(1, 2.0)]),
        histogram(&[integer(1, 5), bucket(2, f64::NAN)]),
        native(&[integer(5, 2), span(0, u64::from(u32::MAX)), integer(13, 2)]),
        native(&[integer(5, 2), span(0, 1), integer(13, 20)]),
        native(&[integer(5, 2), span(0, 1), integer(13, 1)]),
        native(&[integer(5, 2_000), span(0, 1), integer(13, 2)]),
        native(&[integer(5, 2), double(8, -1.0)]),
    ];
    let good = [
        histogram(&[integer(1, 2), bucket(2, 1.0)]),
        histogram(&[integer(1, 0)]),
        native(&[integer(5, 2), span(0, 2), bytes(13, &[2, 4])]),
        native(&[integer(5, 2), span(0, 1), bytes(14, &2.0_f64.to_le_bytes())]),
    ];
    let body = family(4, &[&bad[..], &good].concat());
    let exposition = read(&body);
    assert_eq!(exposition.rejects, Rejects { values: bad.len() as u64, ..Rejects::default() });
    let natives: Vec<_> = exposition.families[0]
        .samples
        .iter()
        .map(|sample| match &sample.value {
            Value::Histogram(histogram) => histogram.native.as_ref().map(|native| native.positive.clone()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(natives, [None, None, Some(vec![(0, 1), (1, 3)]), Some(vec![(0, 2)])]);
}

#[test]
fn a_target_gets_no_more_memory_than_its_limits() {
    let limits = DecodeLimits { max_series: 10, max_labels: 3, max_label_bytes: 5, max_buckets: 4 };
    let label = |name: &[u8], value: &[u8]| bytes(1, &[bytes(1, name), bytes(2, value)].concat());
    let bomb =
        [label(b"a", b""), label(b"b", b""), label(b"c", b""), label(b"d", b""), counter(1.0)].concat();
    let long = [label(b"a", b"123456"), counter(1.0)].concat();
    let twice = [label(b"a", b"1"), label(b"a", b"2"), counter(1.0)].concat();
    let body = family(0, &[bomb, long, twice]);
    let exposition = decode_delimited(&body, limits);
    assert_eq!(exposition.rejects, Rejects { labels: 3, ..Rejects::default() });
    let body = family(0, &vec![counter(1.0); 100]);
    let exposition = decode_delimited(&body, limits);
    assert_eq!((exposition.families[0].samples.len(), exposition.rejects.over_limit), (10, 90));
    let buckets = vec![bytes(3, &double(2, 1.0)); 5];
    let body = family(4, &[histogram(&buckets)]);
    let exposition = decode_delimited(&body, limits);
    assert_eq!((exposition.families.len(), exposition.rejects.values), (0, 1));
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_counted(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = read(&bytes);
        let _ = read(&family(4, std::slice::from_ref(&bytes)));
        let _ = read(&family(4, &[histogram(&[bytes])]));
    }

    #[test]
    fn a_recording_with_a_wrong_byte_is_read_or_counted(at in 0..NATIVE.len(), byte: u8) {
        let mut body = NATIVE.to_vec();
        body[at] = byte;
        let _ = read(&body);
    }
}

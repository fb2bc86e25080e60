use super::*;
use crate::prometheus::exposition::Rejects;
use crate::prometheus::tests::shown;

const FIRST: &[u8] = include_bytes!("../../../../tests/fixtures/envoy/metrics_service_001.bin");
const THIRD: &[u8] = include_bytes!("../../../../tests/fixtures/envoy/metrics_service_003.bin");

fn read(message: &[u8], counters: Temporality) -> StreamMessage<'_> {
    decode_stream_message(message, counters, DecodeLimits::default()).expect("a message")
}

#[test]
fn only_the_first_message_says_who_sends() {
    let (first, third) = (read(FIRST, Temporality::Cumulative), read(THIRD, Temporality::Cumulative));
    let node = StreamNode {
        id: "lab-sidecar-1".to_owned(),
        cluster: "shop".to_owned(),
        zone: "eu-west-1a".to_owned(),
        envoy_version: "1.40.0".to_owned(),
    };
    assert_eq!((first.node, third.node), (Some(node), None));
    assert_eq!(
        (first.exposition.rejects, third.exposition.rejects),
        (Rejects::default(), Rejects::default())
    );
    assert!(third.exposition.families.len() > 400);
}

#[test]
fn recorded_families_are_as_they_were() {
    let names = ["cluster.upstream_rq_completed", "cluster.upstream_rq_time", "server.live"];
    insta::assert_snapshot!("stream", shown(&read(FIRST, Temporality::Cumulative).exposition, &names));
}

#[test]
fn counters_are_what_the_sender_is_configured_for() {
    for configured in [Temporality::Cumulative, Temporality::Delta] {
        for family in read(THIRD, configured).exposition.families {
            let expected = match family.kind {
                Kind::Counter => configured,
                Kind::Histogram | Kind::Summary => Temporality::Delta,
                Kind::Gauge | Kind::Unknown => Temporality::Cumulative,
            };
            assert_eq!(family.temporality, expected, "{}", family.name);
        }
    }
}

#[test]
fn what_is_no_message_is_refused() {
    for end in [1, 100, 70_000, THIRD.len() - 1] {
        let cut = &THIRD[..end.min(THIRD.len() - 1)];
        let refused = decode_stream_message(cut, Temporality::Cumulative, DecodeLimits::default());
        assert_eq!(refused, Err(NotAStreamMessage), "cut at {end}");
    }
    assert!(decode_stream_message(b"\x18\x01", Temporality::Cumulative, DecodeLimits::default()).is_ok());
    let no_node = decode_stream_message(b"\x0a\x01\x08", Temporality::Cumulative, DecodeLimits::default());
    assert_eq!(no_node, Err(NotAStreamMessage));
}

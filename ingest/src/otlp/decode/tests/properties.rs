//! What holds for any request, and for any bytes.

use proptest::prelude::*;

use super::*;

pub(super) fn value() -> impl Strategy<Value = Option<Value>> {
    let leaf = prop_oneof![
        ".{0,12}".prop_map(Value::StringValue),
        any::<bool>().prop_map(Value::BoolValue),
        any::<i64>().prop_map(Value::IntValue),
        any::<f64>().prop_map(Value::DoubleValue),
        prop::collection::vec(any::<u8>(), 0..9).prop_map(Value::BytesValue),
    ];
    let nested = leaf.prop_recursive(3, 12, 4, |inner| {
        prop::collection::vec(prop::option::of(inner), 0..4).prop_map(|values| {
            let values = values.into_iter().map(|value| AnyValue { value }).collect();
            Value::ArrayValue(ArrayValue { values })
        })
    });
    prop::option::of(nested)
}

/// Keys of which some are known to the store, some are not, and some come twice.
fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("upstream_cluster".to_owned()),
        Just("http.status_code".to_owned()),
        Just("guid:x-request-id".to_owned()),
        "[a-c]{1,2}",
    ]
}

pub(super) fn attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    prop::collection::vec((key(), value()), 0..40)
        .prop_map(|pairs| pairs.into_iter().map(|(key, value)| attribute(&key, value)).collect())
}

prop_compose! {
    fn any_span()(
        trace_id in 1_u128..,
        span_id in 1_u64..,
        parent in any::<u64>(),
        is_root in any::<bool>(),
        name in ".{0,20}",
        kind in 0..6,
        offset in -1_000_000_000_000_i64..1_000_000_000_000,
        duration in 0_u64..1_000_000_000,
        attributes in attributes(),
    ) -> Span {
        let start = (NOW + offset) as u64;
        Span {
            trace_id: trace_id.to_be_bytes().to_vec(),
            span_id: span_id.to_be_bytes().to_vec(),
            parent_span_id: if is_root { Vec::new() } else { parent.to_be_bytes().to_vec() },
            name,
            kind,
            start_time_unix_nano: start,
            end_time_unix_nano: start + duration,
            attributes,
            ..Span::default()
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn decoding_gives_what_was_encoded(spans in prop::collection::vec(any_span(), 0..8)) {
        let request = request(spans);
        let decoded = decode_traces(&request.encode_to_vec(), NOW, &DecodeLimits::default(), Arc::default()).unwrap();
        prop_assert_eq!(decoded.rejected, 0);
        prop_assert_eq!(rows(&decoded.batch), read::expected(&request));
    }

    #[test]
    fn any_bytes_end_in_rows_or_in_words(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = decode_traces(&bytes, NOW, &DecodeLimits::default(), Arc::default());
    }

    /// Damage never panics, and takes no more spans than there were.
    #[test]
    fn damaged_requests_end_in_rows_or_in_words(
        position in 0..ONE_TRACE.len(),
        byte in any::<u8>(),
        length in 0..=ONE_TRACE.len(),
    ) {
        let mut payload = ONE_TRACE.to_vec();
        payload[position] = byte;
        payload.truncate(length.max(position));
        if let Ok(decoded) = decode_traces(&payload, NOW, &DecodeLimits::default(), Arc::default()) {
            prop_assert!(decoded.batch.skeletons.len() as u64 + decoded.rejected <= 18);
        }
    }
}

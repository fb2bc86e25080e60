//! What holds for any metrics, and for any bytes.

use proptest::prelude::*;

use super::*;

/// Attributes, time, start and flags of a point.
fn head() -> impl Strategy<Value = (Vec<KeyValue>, u64, u64, u32)> {
    let time = prop_oneof![Just(0), (NOW - 1_000_000_000_000..NOW).prop_map(|time| time as u64)];
    let start = prop_oneof![Just(0), (NOW - 9_000_000_000_000..NOW).prop_map(|time| time as u64)];
    (attributes(), time, start, any::<u32>())
}

fn doubles() -> impl Strategy<Value = [Option<f64>; 3]> {
    prop::array::uniform3(prop::option::of(any::<f64>()))
}

fn any_number() -> impl Strategy<Value = NumberDataPoint> {
    let value = prop_oneof![any::<f64>().prop_map(Number::AsDouble), any::<i64>().prop_map(Number::AsInt)];
    (head(), prop::option::of(value)).prop_map(|((attributes, time, start, flags), value)| NumberDataPoint {
        attributes,
        time_unix_nano: time,
        start_time_unix_nano: start,
        flags,
        value,
        ..NumberDataPoint::default()
    })
}

fn any_histogram() -> impl Strategy<Value = HistogramDataPoint> {
    let buckets = (prop::collection::btree_set(any::<i32>(), 0..6), any::<u64>());
    (head(), buckets, doubles()).prop_map(
        |((attributes, time, start, flags), (bounds, count), [sum, min, max])| HistogramDataPoint {
            attributes,
            time_unix_nano: time,
            start_time_unix_nano: start,
            flags,
            count,
            sum,
            min,
            max,
            bucket_counts: (0..=bounds.len() as u64).map(|n| count.rotate_left(n as u32)).collect(),
            explicit_bounds: bounds.into_iter().map(f64::from).collect(),
            ..HistogramDataPoint::default()
        },
    )
}

fn any_exponential() -> impl Strategy<Value = ExponentialHistogramDataPoint> {
    let side = || {
        let buckets = (any::<i32>(), prop::collection::vec(any::<u64>(), 0..6));
        prop::option::of(buckets.prop_map(|(offset, bucket_counts)| Buckets { offset, bucket_counts }))
    };
    let numbers = (any::<i32>(), any::<u64>(), any::<u64>(), any::<f64>());
    (head(), numbers, doubles(), side(), side()).prop_map(
        |(
            (attributes, time, start, flags),
            (scale, count, zero_count, zero_threshold),
            [sum, min, max],
            positive,
            negative,
        )| {
            ExponentialHistogramDataPoint {
                attributes,
                time_unix_nano: time,
                start_time_unix_nano: start,
                flags,
                scale,
                count,
                zero_count,
                zero_threshold,
                sum,
                min,
                max,
                positive,
                negative,
                ..ExponentialHistogramDataPoint::default()
            }
        },
    )
}

fn any_summary() -> impl Strategy<Value = SummaryDataPoint> {
    let quantile = (any::<f64>(), any::<f64>())
        .prop_map(|(quantile, value)| summary_data_point::ValueAtQuantile { quantile, value });
    (head(), any::<u64>(), any::<f64>(), prop::collection::vec(quantile, 0..4)).prop_map(
        |((attributes, time, start, flags), count, sum, quantile_values)| SummaryDataPoint {
            attributes,
            time_unix_nano: time,
            start_time_unix_nano: start,
            flags,
            count,
            sum,
            quantile_values,
        },
    )
}

fn any_data() -> impl Strategy<Value = Data> {
    let few = 0..4;
    prop_oneof![
        prop::collection::vec(any_number(), few.clone()).prop_map(gauge),
        (prop::collection::vec(any_number(), few.clone()), 0..3, any::<bool>()).prop_map(
            |(data_points, aggregation_temporality, is_monotonic)| Data::Sum(Sum {
                data_points,
                aggregation_temporality,
                is_monotonic
            })
        ),
        (prop::collection::vec(any_histogram(), few.clone()), 0..3).prop_map(
            |(data_points, aggregation_temporality)| Data::Histogram(Histogram {
                data_points,
                aggregation_temporality
            })
        ),
        (prop::collection::vec(any_exponential(), few.clone()), 0..3).prop_map(
            |(data_points, aggregation_temporality)| Data::ExponentialHistogram(ExponentialHistogram {
                data_points,
                aggregation_temporality
            })
        ),
        prop::collection::vec(any_summary(), few)
            .prop_map(|data_points| Data::Summary(Summary { data_points })),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn decoding_metrics_gives_what_was_encoded(data in prop::collection::vec(any_data(), 0..5)) {
        let payload = request(data).encode_to_vec();
        let decoded = decode_bytes(&payload).unwrap();
        prop_assert_eq!((decoded.rejected, decoded.message.as_str()), (0, ""));
        let expected = expected(&ExportMetricsServiceRequest::decode(payload.as_slice()).unwrap());
        prop_assert_eq!(rows(&decoded.batch), expected);
    }

    #[test]
    fn any_bytes_end_in_points_or_in_words(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = decode_bytes(&bytes);
    }

    #[test]
    fn damaged_metrics_end_in_rows_or_in_words(position in 0..STAT_SINK.len(), byte in any::<u8>()) {
        let mut payload = STAT_SINK.to_vec();
        payload[position] = byte;
        if let Ok(decoded) = decode_bytes(&payload) {
            prop_assert!(decoded.batch.len() as u64 + decoded.rejected <= 1_000);
        }
    }
}

//! Reading data points back, and what a request should give, so that the two can be compared.

use sidecarta_queries::rows::metric::{MetricBatch, MetricKind};

use super::*;

/// A row, read back. Numbers are compared by their bits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) time_ns: i64,
    pub(super) start_ns: i64,
    pub(super) name: String,
    pub(super) unit: String,
    pub(super) kind: u8,
    pub(super) temporality: u8,
    pub(super) is_monotonic: bool,
    pub(super) service: String,
    pub(super) scope: String,
    pub(super) attributes: BTreeMap<String, String>,
    pub(super) flags: u32,
    pub(super) value: Option<u64>,
    pub(super) value_int: Option<i64>,
    /// `count`, `zero_count`.
    pub(super) counts: [Option<u64>; 2],
    /// `sum`, `min`, `max`, `zero_threshold`.
    pub(super) doubles: [Option<u64>; 4],
    /// `scale`, `positive_offset`, `negative_offset`.
    pub(super) integers: [Option<i32>; 3],
    /// `bounds`, `quantiles`, `quantile_values`.
    pub(super) double_lists: [Option<Vec<u64>>; 3],
    /// `counts`, `positive_counts`, `negative_counts`.
    pub(super) count_lists: [Option<Vec<u64>>; 3],
}

pub(super) fn rows(batch: &MetricBatch) -> Vec<Row> {
    let columns = &batch.columns;
    (0..batch.len())
        .map(|row| {
            let column = |name| Column { columns, name, row };
            Row {
                time_ns: column("time_ns").i64().unwrap(),
                start_ns: column("start_ns").i64().unwrap(),
                name: column("name").text(),
                unit: column("unit").text(),
                kind: column("kind").u8().unwrap(),
                temporality: column("temporality").u8().unwrap(),
                is_monotonic: column("is_monotonic").bool().unwrap(),
                service: column("service").text(),
                scope: column("scope").text(),
                attributes: column("attributes").map(),
                flags: column("flags").u32().unwrap(),
                value: column("value").double_bits(),
                value_int: column("value_int").i64(),
                counts: ["count", "zero_count"].map(|name| column(name).u64()),
                doubles: ["sum", "min", "max", "zero_threshold"].map(|name| column(name).double_bits()),
                integers: ["scale", "positive_offset", "negative_offset"].map(|name| column(name).i32()),
                double_lists: ["bounds", "quantiles", "quantile_values"]
                    .map(|name| column(name).double_bits_list()),
                count_lists: ["counts", "positive_counts", "negative_counts"]
                    .map(|name| column(name).u64_list()),
            }
        })
        .collect()
}

fn bits(numbers: &[f64]) -> Vec<u64> {
    numbers.iter().map(|number| number.to_bits()).collect()
}

/// What valid metrics should give, worked out from the messages of another decoder.
pub(super) fn expected(request: &ExportMetricsServiceRequest) -> Vec<Row> {
    let mut rows = Vec::new();
    for resource_metrics in &request.resource_metrics {
        let resource = resource_metrics.resource.as_ref().map_or(&[][..], |resource| &resource.attributes);
        let service = texts_of(resource).remove("service.name").unwrap_or_else(|| "unknown_service".into());
        for scope_metrics in &resource_metrics.scope_metrics {
            let scope = scope_metrics.scope.as_ref().map(|scope| scope.name.clone()).unwrap_or_default();
            for metric in &scope_metrics.metrics {
                let shared = Row {
                    name: metric.name.clone(),
                    unit: metric.unit.clone(),
                    service: service.clone(),
                    scope: scope.clone(),
                    ..Row::default()
                };
                points(&shared, metric.data.as_ref().unwrap(), &mut rows);
            }
        }
    }
    rows
}

fn points(shared: &Row, data: &Data, rows: &mut Vec<Row>) {
    let at = |kind: MetricKind, (time, start, flags): (u64, u64, u32), attributes: &[KeyValue]| Row {
        kind: kind as u8,
        time_ns: if time == 0 { NOW } else { time as i64 },
        start_ns: start as i64,
        flags,
        attributes: texts_of(attributes),
        ..shared.clone()
    };
    match data {
        Data::Gauge(Gauge { data_points }) => {
            rows.extend(data_points.iter().map(|point| number(point, at, MetricKind::Gauge)));
        }
        Data::Sum(sum) => rows.extend(sum.data_points.iter().map(|point| Row {
            temporality: sum.aggregation_temporality as u8,
            is_monotonic: sum.is_monotonic,
            ..number(point, at, MetricKind::Sum)
        })),
        Data::Histogram(histogram) => rows.extend(histogram.data_points.iter().map(|point| Row {
            temporality: histogram.aggregation_temporality as u8,
            counts: [Some(point.count), None],
            doubles: [point.sum, point.min, point.max, None].map(|number| number.map(f64::to_bits)),
            double_lists: [Some(bits(&point.explicit_bounds)), None, None],
            count_lists: [Some(point.bucket_counts.clone()), None, None],
            ..at(
                MetricKind::Histogram,
                (point.time_unix_nano, point.start_time_unix_nano, point.flags),
                &point.attributes,
            )
        })),
        Data::ExponentialHistogram(histogram) => rows.extend(histogram.data_points.iter().map(|point| {
            let (positive, negative) =
                (point.positive.clone().unwrap_or_default(), point.negative.clone().unwrap_or_default());
            Row {
                temporality: histogram.aggregation_temporality as u8,
                counts: [Some(point.count), Some(point.zero_count)],
                doubles: [point.sum, point.min, point.max, Some(point.zero_threshold)]
                    .map(|number| number.map(f64::to_bits)),
                integers: [Some(point.scale), Some(positive.offset), Some(negative.offset)],
                count_lists: [None, Some(positive.bucket_counts), Some(negative.bucket_counts)],
                ..at(
                    MetricKind::ExponentialHistogram,
                    (point.time_unix_nano, point.start_time_unix_nano, point.flags),
                    &point.attributes,
                )
            }
        })),
        Data::Summary(summary) => rows.extend(summary.data_points.iter().map(|point| {
            let (quantiles, values): (Vec<f64>, Vec<f64>) =
                point.quantile_values.iter().map(|at| (at.quantile, at.value)).unzip();
            Row {
                counts: [Some(point.count), None],
                doubles: [Some(point.sum.to_bits()), None, None, None],
                double_lists: [None, Some(bits(&quantiles)), Some(bits(&values))],
                ..at(
                    MetricKind::Summary,
                    (point.time_unix_nano, point.start_time_unix_nano, point.flags),
                    &point.attributes,
                )
            }
        })),
    }
}

fn number(
    point: &NumberDataPoint,
    at: impl Fn(MetricKind, (u64, u64, u32), &[KeyValue]) -> Row,
    kind: MetricKind,
) -> Row {
    let (value, value_int) = match point.value {
        None => (None, None),
        Some(Number::AsDouble(value)) => (Some(value), None),
        Some(Number::AsInt(value)) => (Some(value as f64), Some(value)),
    };
    Row {
        value: value.map(f64::to_bits),
        value_int,
        ..at(kind, (point.time_unix_nano, point.start_time_unix_nano, point.flags), &point.attributes)
    }
}

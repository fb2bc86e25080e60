//! Data points as Arrow columns, ready to be appended.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, Float64Builder, Int32Builder, Int64Builder, ListBuilder, MapBuilder,
    StringBuilder, UInt8Builder, UInt32Builder, UInt64Builder,
};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;

use super::{MetricPoint, Number, PointData};
use crate::rows::Resource;
use crate::rows::resource::ResourcesBuilder;

/// Decoded data points, a row each.
#[derive(Clone, Debug)]
pub struct MetricBatch {
    /// For every point: `time_ns` and `start_ns` BIGINT, ns since 1970, a start of zero is not known; `name`, `unit`,
    /// `service`, `namespace`, `version`, `instance`, `environment` and `scope` VARCHAR, empty for none; `kind` UTINYINT
    /// as [`MetricKind`](super::MetricKind); `temporality` UTINYINT as [`Temporality`](super::Temporality);
    /// `is_monotonic` BOOLEAN; `attributes` MAP(VARCHAR, VARCHAR); `flags` UINTEGER; `resource_id` UBIGINT.
    ///
    /// NULL where the kind has no such thing, or the point does not state it: `value` DOUBLE and `value_int` BIGINT of
    /// gauges and sums (`value` is there for whole numbers too, exact up to 2^53); `count` UBIGINT, `sum`, `min` and
    /// `max` DOUBLE of the others; `bounds` DOUBLE[] and `counts` UBIGINT[] of histograms; `scale` INTEGER, `zero_count`
    /// UBIGINT, `zero_threshold` DOUBLE, `positive_offset` and `negative_offset` INTEGER, `positive_counts` and
    /// `negative_counts` UBIGINT[] of exponential histograms; `quantiles` and `quantile_values` DOUBLE[] of summaries.
    pub columns: RecordBatch,
    /// The resources that the rows name, each once.
    pub resources: Vec<Resource>,
}

impl MetricBatch {
    /// Data points in it.
    pub fn len(&self) -> usize {
        self.columns.num_rows()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Memory that it takes, roughly, in bytes.
    pub fn memory_bytes(&self) -> usize {
        self.columns.get_array_memory_size()
    }
}

/// What a row takes whatever is in it.
const ROW_BYTES: usize = 200;
/// What an attribute takes beside its texts.
const ATTRIBUTE_BYTES: usize = 8;

/// Collects [`MetricPoint`]s into a [`MetricBatch`].
#[derive(Debug)]
pub struct MetricBatchBuilder {
    times: [Int64Builder; 2],
    texts: [StringBuilder; 8],
    kind: UInt8Builder,
    temporality: UInt8Builder,
    is_monotonic: BooleanBuilder,
    attributes: MapBuilder<StringBuilder, StringBuilder>,
    flags: UInt32Builder,
    resource_ids: UInt64Builder,
    values: ValueColumns,
    resources: ResourcesBuilder,
    rows: usize,
    bytes: usize,
}

impl MetricBatchBuilder {
    /// A builder with room for `rows` points.
    pub fn new(rows: usize) -> Self {
        Self {
            times: std::array::from_fn(|_| Int64Builder::with_capacity(rows)),
            texts: std::array::from_fn(|_| StringBuilder::with_capacity(rows, 0)),
            kind: UInt8Builder::with_capacity(rows),
            temporality: UInt8Builder::with_capacity(rows),
            is_monotonic: BooleanBuilder::with_capacity(rows),
            attributes: MapBuilder::new(None, StringBuilder::new(), StringBuilder::new()),
            flags: UInt32Builder::with_capacity(rows),
            resource_ids: UInt64Builder::with_capacity(rows),
            values: ValueColumns::default(),
            resources: ResourcesBuilder::default(),
            rows: 0,
            bytes: 0,
        }
    }

    /// Points collected so far.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether nothing has been collected.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Memory that what was collected takes, roughly, in bytes.
    pub fn memory_bytes(&self) -> usize {
        self.bytes
    }

    /// Sets the resource of the points that follow.
    pub fn set_resource(&mut self, attributes: &[(Cow<'_, str>, Cow<'_, str>)]) {
        self.bytes += self.resources.set(attributes);
    }

    /// Adds a point of the resource set last.
    ///
    /// # Errors
    /// Only where an Arrow builder refuses a value, which would be a defect of this module.
    pub fn push(&mut self, point: &MetricPoint<'_>) -> Result<(), ArrowError> {
        self.rows += 1;
        self.bytes += ROW_BYTES;
        for (builder, time) in self.times.iter_mut().zip([point.time_ns, point.start_ns]) {
            builder.append_value(time);
        }
        let [service, namespace, version, instance, environment] = point.origin.texts();
        let texts = [point.name, point.unit, service, namespace, version, instance, environment, point.scope];
        for (builder, text) in self.texts.iter_mut().zip(texts) {
            builder.append_value(text);
            self.bytes += text.len();
        }
        self.kind.append_value(point.data.kind() as u8);
        self.temporality.append_value(point.temporality as u8);
        self.is_monotonic.append_value(point.is_monotonic);
        for (key, value) in point.attributes {
            self.attributes.keys().append_value(key);
            self.attributes.values().append_value(value);
            self.bytes += key.len() + value.len() + ATTRIBUTE_BYTES;
        }
        self.attributes.append(true)?;
        self.flags.append_value(point.flags);
        self.resource_ids.append_value(self.resources.current());
        self.bytes += self.values.push(&Values::of(&point.data));
        Ok(())
    }

    /// The columns and resources of all points added.
    ///
    /// # Errors
    /// Only where the columns do not fit together, which would be a defect of this module.
    pub fn finish(mut self) -> Result<MetricBatch, ArrowError> {
        let mut columns: Vec<(&str, ArrayRef)> = Vec::with_capacity(34);
        for (name, builder) in ["time_ns", "start_ns"].into_iter().zip(&mut self.times) {
            columns.push((name, Arc::new(builder.finish())));
        }
        let texts = ["name", "unit", "service", "namespace", "version", "instance", "environment", "scope"];
        for (name, builder) in texts.into_iter().zip(&mut self.texts) {
            columns.push((name, Arc::new(builder.finish())));
        }
        columns.push(("kind", Arc::new(self.kind.finish())));
        columns.push(("temporality", Arc::new(self.temporality.finish())));
        columns.push(("is_monotonic", Arc::new(self.is_monotonic.finish())));
        columns.push(("attributes", Arc::new(self.attributes.finish())));
        columns.push(("flags", Arc::new(self.flags.finish())));
        columns.push(("resource_id", Arc::new(self.resource_ids.finish())));
        self.values.finish(&mut columns);
        let named = columns.into_iter().map(|(name, column)| (name, column, true));
        Ok(MetricBatch {
            columns: RecordBatch::try_from_iter_with_nullable(named)?,
            resources: self.resources.finish(),
        })
    }
}

/// What a point measured, as far as its kind has it.
#[derive(Debug, Default)]
struct Values<'a> {
    value: Option<f64>,
    value_int: Option<i64>,
    /// `count`, `zero_count`.
    counts: [Option<u64>; 2],
    /// `sum`, `min`, `max`, `zero_threshold`.
    doubles: [Option<f64>; 4],
    /// `scale`, `positive_offset`, `negative_offset`.
    integers: [Option<i32>; 3],
    bounds: Option<&'a [f64]>,
    /// `counts`, `positive_counts`, `negative_counts`.
    buckets: [Option<&'a [u64]>; 3],
    quantiles: Option<&'a [(f64, f64)]>,
}

impl<'a> Values<'a> {
    fn of(data: &PointData<'a>) -> Self {
        match data {
            PointData::Gauge(number) | PointData::Sum(number) => match *number {
                Number::None => Self::default(),
                Number::Double(value) => Self { value: Some(value), ..Self::default() },
                Number::Int(value) => {
                    Self { value: Some(value as f64), value_int: Some(value), ..Self::default() }
                }
            },
            PointData::Histogram(histogram) => Self {
                counts: [Some(histogram.count), None],
                doubles: [histogram.sum, histogram.min, histogram.max, None],
                bounds: Some(histogram.bounds),
                buckets: [Some(histogram.counts), None, None],
                ..Self::default()
            },
            PointData::ExponentialHistogram(histogram) => Self {
                counts: [Some(histogram.count), Some(histogram.zero_count)],
                doubles: [histogram.sum, histogram.min, histogram.max, Some(histogram.zero_threshold)],
                integers: [
                    Some(histogram.scale),
                    Some(histogram.positive.offset),
                    Some(histogram.negative.offset),
                ],
                buckets: [None, Some(histogram.positive.counts), Some(histogram.negative.counts)],
                ..Self::default()
            },
            PointData::Summary(summary) => Self {
                counts: [Some(summary.count), None],
                doubles: [Some(summary.sum), None, None, None],
                quantiles: Some(summary.quantiles),
                ..Self::default()
            },
        }
    }
}

/// The columns of [`Values`].
#[derive(Debug, Default)]
struct ValueColumns {
    value: Float64Builder,
    value_int: Int64Builder,
    counts: [UInt64Builder; 2],
    doubles: [Float64Builder; 4],
    integers: [Int32Builder; 3],
    bounds: ListBuilder<Float64Builder>,
    buckets: [ListBuilder<UInt64Builder>; 3],
    quantiles: [ListBuilder<Float64Builder>; 2],
}

impl ValueColumns {
    /// Adds a row; returns the bytes that its lists take.
    fn push(&mut self, values: &Values<'_>) -> usize {
        self.value.append_option(values.value);
        self.value_int.append_option(values.value_int);
        for (builder, count) in self.counts.iter_mut().zip(values.counts) {
            builder.append_option(count);
        }
        for (builder, number) in self.doubles.iter_mut().zip(values.doubles) {
            builder.append_option(number);
        }
        for (builder, number) in self.integers.iter_mut().zip(values.integers) {
            builder.append_option(number);
        }
        let mut elements = 0;
        if let Some(bounds) = values.bounds {
            self.bounds.values().append_slice(bounds);
            elements += bounds.len();
        }
        self.bounds.append(values.bounds.is_some());
        for (builder, counts) in self.buckets.iter_mut().zip(values.buckets) {
            if let Some(counts) = counts {
                builder.values().append_slice(counts);
                elements += counts.len();
            }
            builder.append(counts.is_some());
        }
        let [quantiles, quantile_values] = &mut self.quantiles;
        for (quantile, value) in values.quantiles.unwrap_or_default() {
            quantiles.values().append_value(*quantile);
            quantile_values.values().append_value(*value);
            elements += 2;
        }
        quantiles.append(values.quantiles.is_some());
        quantile_values.append(values.quantiles.is_some());
        elements * size_of::<u64>()
    }

    fn finish(&mut self, columns: &mut Vec<(&'static str, ArrayRef)>) {
        columns.push(("value", Arc::new(self.value.finish())));
        columns.push(("value_int", Arc::new(self.value_int.finish())));
        for (name, builder) in ["count", "zero_count"].into_iter().zip(&mut self.counts) {
            columns.push((name, Arc::new(builder.finish())));
        }
        for (name, builder) in ["sum", "min", "max", "zero_threshold"].into_iter().zip(&mut self.doubles) {
            columns.push((name, Arc::new(builder.finish())));
        }
        let integers = ["scale", "positive_offset", "negative_offset"];
        for (name, builder) in integers.into_iter().zip(&mut self.integers) {
            columns.push((name, Arc::new(builder.finish())));
        }
        columns.push(("bounds", Arc::new(self.bounds.finish())));
        let buckets = ["counts", "positive_counts", "negative_counts"];
        for (name, builder) in buckets.into_iter().zip(&mut self.buckets) {
            columns.push((name, Arc::new(builder.finish())));
        }
        for (name, builder) in ["quantiles", "quantile_values"].into_iter().zip(&mut self.quantiles) {
            columns.push((name, Arc::new(builder.finish())));
        }
    }
}

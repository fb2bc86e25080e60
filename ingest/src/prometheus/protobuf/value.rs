//! The values of metrics: numbers, summaries, classic and native histograms.

use super::Bad;
use crate::prometheus::exposition::DecodeLimits;
use crate::prometheus::family::{Bucket, Histogram, NativeHistogram, Quantile, Summary, Value, count};
use crate::prometheus::histogram::{Parts, Spans, from_deltas, native_buckets};
use crate::wire::{Fields, Malformed, Value as Field};

/// The schemas that exist. Others mark histograms with bounds of their own.
const SCHEMAS: std::ops::RangeInclusive<i32> = -4..=8;

/// `Counter`, `Gauge` and `Untyped`, which are alike. A value of zero may be left out.
pub(super) fn number(message: &[u8]) -> Result<f64, Malformed> {
    let mut value = 0.0;
    let mut fields = Fields::of(message);
    while let Some((number, field)) = fields.next()? {
        if number == 1 {
            value = double(field)?;
        }
    }
    Ok(value)
}

pub(super) fn summary(message: &[u8], limits: &DecodeLimits) -> Result<Summary, Bad> {
    let mut summary = Summary::default();
    let mut fields = Fields::of(message);
    while let Some((number, field)) = fields.next()? {
        match number {
            1 => summary.count = field.varint()?,
            2 => summary.sum = Some(double(field)?).filter(|sum| sum.is_finite()),
            3 if summary.quantiles.len() >= limits.max_buckets => return Err(Bad::Value),
            3 => summary.quantiles.push(quantile(field.bytes()?)?),
            _ => {}
        }
    }
    Ok(summary)
}

fn quantile(message: &[u8]) -> Result<Quantile, Malformed> {
    let mut quantile = Quantile { quantile: 0.0, value: 0.0 };
    let mut fields = Fields::of(message);
    while let Some((number, field)) = fields.next()? {
        match number {
            1 => quantile.quantile = double(field)?,
            2 => quantile.value = double(field)?,
            _ => {}
        }
    }
    Ok(quantile)
}

/// What the message has of a native histogram.
#[derive(Default)]
struct Native {
    schema: Option<i32>,
    zero_threshold: f64,
    zero_count: u64,
    positive: Side,
    negative: Side,
}

#[derive(Default)]
struct Side {
    spans: Spans,
    deltas: Vec<i64>,
    /// Counts as they are, of histograms of floats.
    counts: Vec<f64>,
}

pub(super) fn histogram(message: &[u8], limits: &DecodeLimits) -> Result<Histogram, Bad> {
    let mut parts = Parts::default();
    let mut native = Native::default();
    let mut fields = Fields::of(message);
    while let Some((number, field)) = fields.next()? {
        match number {
            1 => parts.count = Some(field.varint()?),
            2 => parts.sum = Some(double(field)?),
            3 if parts.buckets.len() >= limits.max_buckets => return Err(Bad::Value),
            3 => parts.buckets.push(bucket(field.bytes()?)?),
            // A count of floats is told instead of the other, which is then zero.
            4 => parts.count = parts.count.filter(|count| *count > 0).or(Some(whole(field)?)),
            5 => native.schema = i32::try_from(zigzag(field.varint()?)).ok(),
            6 => native.zero_threshold = double(field)?,
            7 => native.zero_count = field.varint()?,
            8 => native.zero_count = native.zero_count.max(whole(field)?),
            9 => span(field.bytes()?, &mut native.negative.spans, limits)?,
            10 => integers(field, &mut native.negative.deltas, limits)?,
            11 => doubles(field, &mut native.negative.counts, limits)?,
            12 => span(field.bytes()?, &mut native.positive.spans, limits)?,
            13 => integers(field, &mut native.positive.deltas, limits)?,
            14 => doubles(field, &mut native.positive.counts, limits)?,
            _ => {}
        }
    }
    // Zero is left out by some writers.
    parts.count = parts.count.or_else(|| parts.buckets.is_empty().then_some(0));
    parts.native = native.finished()?;
    let histogram = parts.finished().ok_or(Bad::Value)?;
    let counted = histogram.native.as_ref().map_or(Some(0), NativeHistogram::total);
    if counted.is_some_and(|counted| counted <= histogram.count) { Ok(histogram) } else { Err(Bad::Value) }
}

impl Native {
    /// The native histogram, or nothing where there is none. One without a span but with a schema has no count yet.
    fn finished(self) -> Result<Option<NativeHistogram>, Bad> {
        let has_buckets = !self.positive.spans.is_empty() || !self.negative.spans.is_empty();
        let Some(schema) =
            self.schema.filter(|_| has_buckets || self.zero_threshold > 0.0 || self.zero_count > 0)
        else {
            return Ok(None);
        };
        let threshold = self.zero_threshold;
        if !SCHEMAS.contains(&schema) || !threshold.is_finite() || threshold < 0.0 {
            return Err(Bad::Value);
        }
        Ok(Some(NativeHistogram {
            schema,
            zero_threshold: threshold,
            zero_count: self.zero_count,
            positive: self.positive.finished().ok_or(Bad::Value)?,
            negative: self.negative.finished().ok_or(Bad::Value)?,
        }))
    }
}

impl Side {
    fn finished(self) -> Option<Vec<(i32, u64)>> {
        if self.counts.is_empty() {
            native_buckets(&self.spans, from_deltas(self.deltas))
        } else {
            native_buckets(&self.spans, self.counts.into_iter().map(count))
        }
    }
}

impl NativeHistogram {
    /// How many there are in all buckets.
    fn total(&self) -> Option<u64> {
        let buckets = self.positive.iter().chain(&self.negative).map(|(_, count)| *count);
        buckets.chain([self.zero_count]).try_fold(0_u64, u64::checked_add)
    }
}

fn bucket(message: &[u8]) -> Result<Bucket, Bad> {
    let mut bucket = Bucket { upper_bound: 0.0, cumulative: 0 };
    let mut fields = Fields::of(message);
    while let Some((number, field)) = fields.next()? {
        match number {
            1 => bucket.cumulative = bucket.cumulative.max(field.varint()?),
            2 => bucket.upper_bound = double(field)?,
            4 => bucket.cumulative = bucket.cumulative.max(whole(field)?),
            _ => {}
        }
    }
    Ok(bucket)
}

fn span(message: &[u8], spans: &mut Spans, limits: &DecodeLimits) -> Result<(), Bad> {
    let (mut offset, mut length) = (0, 0);
    let mut fields = Fields::of(message);
    while let Some((number, field)) = fields.next()? {
        match number {
            1 => offset = i32::try_from(zigzag(field.varint()?)).map_err(|_| Bad::Malformed)?,
            2 => length = u32::try_from(field.varint()?).map_err(|_| Bad::Malformed)?,
            _ => {}
        }
    }
    if spans.len() >= limits.max_buckets {
        return Err(Bad::Value);
    }
    spans.push((offset, length));
    Ok(())
}

/// A repeated `sint64`, packed or one by one.
fn integers(field: Field<'_>, into: &mut Vec<i64>, limits: &DecodeLimits) -> Result<(), Bad> {
    match field {
        Field::Varint(number) => into.push(zigzag(number)),
        Field::Bytes(packed) => {
            let mut numbers = Fields::of(packed);
            while let Some(number) = numbers.next_varint()? {
                if into.len() >= limits.max_buckets {
                    return Err(Bad::Value);
                }
                into.push(zigzag(number));
            }
        }
        _ => return Err(Bad::Malformed),
    }
    if into.len() > limits.max_buckets { Err(Bad::Value) } else { Ok(()) }
}

/// A repeated `double`, packed or one by one.
fn doubles(field: Field<'_>, into: &mut Vec<f64>, limits: &DecodeLimits) -> Result<(), Bad> {
    match field {
        Field::Fixed64(bits) => into.push(f64::from_bits(bits)),
        Field::Bytes(packed) => {
            let (numbers, rest) = packed.as_chunks::<8>();
            if !rest.is_empty() {
                return Err(Bad::Malformed);
            }
            let room = limits.max_buckets.saturating_sub(into.len());
            if numbers.len() > room {
                return Err(Bad::Value);
            }
            into.extend(numbers.iter().map(|bytes| f64::from_le_bytes(*bytes)));
        }
        _ => return Err(Bad::Malformed),
    }
    if into.len() > limits.max_buckets { Err(Bad::Value) } else { Ok(()) }
}

/// How many series a value counts as.
pub(super) fn series(value: &Value) -> usize {
    match value {
        Value::Number(_) => 1,
        Value::Summary(summary) => 1 + summary.quantiles.len(),
        Value::Histogram(histogram) => {
            let native = histogram.native.as_ref();
            1 + histogram.buckets.len()
                + native.map_or(0, |native| native.positive.len() + native.negative.len())
        }
    }
}

fn double(field: Field<'_>) -> Result<f64, Malformed> {
    field.fixed64().map(f64::from_bits)
}

fn whole(field: Field<'_>) -> Result<u64, Bad> {
    count(double(field)?).ok_or(Bad::Value)
}

fn zigzag(number: u64) -> i64 {
    (number >> 1) as i64 ^ -((number & 1) as i64)
}

//! One data point of any kind, read in a single walk over its bytes.

use std::borrow::Cow;

use sidecarta_queries::rows::metric::{
    Buckets, ExponentialHistogram, Histogram, MetricKind, Number, PointData, Summary,
};

use super::super::limits::AcceptedTimes;
use crate::otlp::attributes::Attributes;
use crate::otlp::decode::DecodeLimits;
use crate::otlp::rejects::Reject;
use crate::wire::{Fields, Malformed, Packed, Value};

/// A point that is taken.
pub(super) struct Point<'r> {
    pub(super) time_ns: i64,
    pub(super) start_ns: i64,
    pub(super) flags: u32,
    pub(super) attributes: &'r [(Cow<'r, str>, Cow<'r, str>)],
    pub(super) data: PointData<'r>,
    /// Whether it was taken without some of its attributes.
    pub(super) was_cut: bool,
}

/// Reads one point after the other into buffers that it keeps.
pub(super) struct PointReader<'a, 'l> {
    limits: &'l DecodeLimits,
    times: AcceptedTimes,
    attributes: Attributes<'a>,
    bounds: Vec<f64>,
    counts: Vec<u64>,
    negative_counts: Vec<u64>,
    quantiles: Vec<(f64, f64)>,
}

/// What a point of any kind has, as it is sent.
#[derive(Default)]
struct Head {
    start: u64,
    time: u64,
    flags: u32,
}

impl<'a, 'l> PointReader<'a, 'l> {
    pub(super) fn new(received_at_ns: i64, limits: &'l DecodeLimits) -> Self {
        Self {
            limits,
            times: AcceptedTimes::new(received_at_ns, limits),
            attributes: Attributes::default(),
            bounds: Vec::new(),
            counts: Vec::new(),
            negative_counts: Vec::new(),
            quantiles: Vec::new(),
        }
    }

    /// Reads a point of this kind, or says why it is not taken.
    pub(super) fn read(&mut self, kind: MetricKind, message: &'a [u8]) -> Result<Point<'_>, Reject> {
        self.attributes.clear();
        self.bounds.clear();
        self.counts.clear();
        self.negative_counts.clear();
        self.quantiles.clear();
        let mut head = Head::default();
        let data = match kind {
            MetricKind::Gauge => PointData::Gauge(self.number(&mut head, message)?),
            MetricKind::Sum => PointData::Sum(self.number(&mut head, message)?),
            MetricKind::Histogram => PointData::Histogram(self.histogram(&mut head, message)?),
            MetricKind::ExponentialHistogram => {
                PointData::ExponentialHistogram(self.exponential_histogram(&mut head, message)?)
            }
            MetricKind::Summary => PointData::Summary(self.summary(&mut head, message)?),
        };
        let time_ns = match head.time {
            0 => self.times.received_at_ns,
            time => self.times.accept(time).ok_or(Reject::Time)?,
        };
        let dropped = self.attributes.dropped;
        if dropped > 0 {
            self.attributes.set("otel.dropped_attributes_count", dropped.to_string());
        }
        Ok(Point {
            time_ns,
            start_ns: start_ns(head.start, time_ns),
            flags: head.flags,
            attributes: &self.attributes.entries,
            data: self.with_lists(data),
            was_cut: dropped > 0,
        })
    }

    /// The data together with the lists that were read for them.
    fn with_lists(&self, data: PointData<'static>) -> PointData<'_> {
        match data {
            PointData::Histogram(histogram) => {
                PointData::Histogram(Histogram { bounds: &self.bounds, counts: &self.counts, ..histogram })
            }
            PointData::ExponentialHistogram(histogram) => {
                let side = |offset, counts| Buckets { offset, counts };
                PointData::ExponentialHistogram(ExponentialHistogram {
                    positive: side(histogram.positive.offset, &self.counts),
                    negative: side(histogram.negative.offset, &self.negative_counts),
                    ..histogram
                })
            }
            PointData::Summary(summary) => {
                PointData::Summary(Summary { quantiles: &self.quantiles, ..summary })
            }
            data => data,
        }
    }

    /// An OTLP `NumberDataPoint`.
    fn number(&mut self, head: &mut Head, message: &'a [u8]) -> Result<Number, Reject> {
        let mut number = Number::None;
        let mut fields = Fields::of(message);
        while let Some((field, value)) = fields.next()? {
            match field {
                2 => head.start = value.fixed64()?,
                3 => head.time = value.fixed64()?,
                4 => number = Number::Double(value.double()?),
                6 => number = Number::Int(value.fixed64()?.cast_signed()),
                7 => self.attributes.add(value.bytes()?, self.limits)?,
                8 => head.flags = value.varint()? as u32,
                _ => {}
            }
        }
        Ok(number)
    }

    /// An OTLP `HistogramDataPoint`, save for its lists.
    fn histogram(&mut self, head: &mut Head, message: &'a [u8]) -> Result<Histogram<'static>, Reject> {
        let mut histogram = Histogram::default();
        let max_buckets = self.limits.max_buckets;
        let mut fields = Fields::of(message);
        while let Some((field, value)) = fields.next()? {
            match field {
                2 => head.start = value.fixed64()?,
                3 => head.time = value.fixed64()?,
                4 => histogram.count = value.fixed64()?,
                5 => histogram.sum = Some(value.double()?),
                6 => extend(&mut self.counts, value.fixed64s()?, max_buckets, |count| count)?,
                7 => extend(&mut self.bounds, value.fixed64s()?, max_buckets, f64::from_bits)?,
                9 => self.attributes.add(value.bytes()?, self.limits)?,
                10 => head.flags = value.varint()? as u32,
                11 => histogram.min = Some(value.double()?),
                12 => histogram.max = Some(value.double()?),
                _ => {}
            }
        }
        let has_as_many = self.counts.is_empty() || self.counts.len() == self.bounds.len() + 1;
        // No number is smaller than one that is none.
        let ascends = self.bounds.windows(2).all(|pair| pair[0] < pair[1]);
        if has_as_many && ascends { Ok(histogram) } else { Err(Reject::Buckets) }
    }

    /// An OTLP `ExponentialHistogramDataPoint`, save for its lists.
    fn exponential_histogram(
        &mut self,
        head: &mut Head,
        message: &'a [u8],
    ) -> Result<ExponentialHistogram<'static>, Reject> {
        let mut histogram = ExponentialHistogram::default();
        let max_buckets = self.limits.max_buckets;
        let mut fields = Fields::of(message);
        while let Some((field, value)) = fields.next()? {
            match field {
                1 => self.attributes.add(value.bytes()?, self.limits)?,
                2 => head.start = value.fixed64()?,
                3 => head.time = value.fixed64()?,
                4 => histogram.count = value.fixed64()?,
                5 => histogram.sum = Some(value.double()?),
                6 => histogram.scale = value.sint32()?,
                7 => histogram.zero_count = value.fixed64()?,
                8 => buckets(value, &mut histogram.positive.offset, &mut self.counts, max_buckets)?,
                9 => buckets(value, &mut histogram.negative.offset, &mut self.negative_counts, max_buckets)?,
                10 => head.flags = value.varint()? as u32,
                12 => histogram.min = Some(value.double()?),
                13 => histogram.max = Some(value.double()?),
                14 => histogram.zero_threshold = value.double()?,
                _ => {}
            }
        }
        Ok(histogram)
    }

    /// An OTLP `SummaryDataPoint`, save for its list.
    fn summary(&mut self, head: &mut Head, message: &'a [u8]) -> Result<Summary<'static>, Reject> {
        let mut summary = Summary::default();
        let mut fields = Fields::of(message);
        while let Some((field, value)) = fields.next()? {
            match field {
                2 => head.start = value.fixed64()?,
                3 => head.time = value.fixed64()?,
                4 => summary.count = value.fixed64()?,
                5 => summary.sum = value.double()?,
                6 if self.quantiles.len() == self.limits.max_buckets => return Err(Reject::TooManyBuckets),
                6 => self.quantiles.push(quantile(value.bytes()?)?),
                7 => self.attributes.add(value.bytes()?, self.limits)?,
                8 => head.flags = value.varint()? as u32,
                _ => {}
            }
        }
        Ok(summary)
    }
}

/// Adds the numbers of a repeated field to those that came before.
fn extend<T>(
    list: &mut Vec<T>,
    mut numbers: Packed<'_>,
    max_count: usize,
    convert: fn(u64) -> T,
) -> Result<(), Reject> {
    while let Some(number) = numbers.next()? {
        if list.len() == max_count {
            return Err(Reject::TooManyBuckets);
        }
        list.push(convert(number));
    }
    Ok(())
}

/// The OTLP `Buckets` of one side of an exponential histogram.
fn buckets(
    value: Value<'_>,
    offset: &mut i32,
    counts: &mut Vec<u64>,
    max_buckets: usize,
) -> Result<(), Reject> {
    let mut fields = Fields::of(value.bytes()?);
    while let Some((field, value)) = fields.next()? {
        match field {
            1 => *offset = value.sint32()?,
            2 => extend(counts, value.varints()?, max_buckets, |count| count)?,
            _ => {}
        }
    }
    Ok(())
}

/// An OTLP `ValueAtQuantile`.
fn quantile(message: &[u8]) -> Result<(f64, f64), Malformed> {
    let (mut quantile, mut at_quantile) = (0.0, 0.0);
    let mut fields = Fields::of(message);
    while let Some((field, value)) = fields.next()? {
        match field {
            1 => quantile = value.double()?,
            2 => at_quantile = value.double()?,
            _ => {}
        }
    }
    Ok((quantile, at_quantile))
}

/// 2000-01-01, ns since 1970.
const YEAR_2000_NS: i64 = 946_684_800_000_000_000;

/// Since when a point counts, ns since 1970; zero where that is not known.
///
/// Envoy's stat sink states microseconds instead of nanoseconds for everything cumulative. Taken as nanoseconds that is a
/// day of 1970, when nobody measured anything; such a start is taken for microseconds if it then lies between the year
/// 2000 and the time of the point.
fn start_ns(start: u64, time_ns: i64) -> i64 {
    let start = i64::try_from(start).unwrap_or(0);
    if start >= YEAR_2000_NS {
        return start;
    }
    let from_microseconds = start.saturating_mul(1_000);
    if (YEAR_2000_NS..=time_ns).contains(&from_microseconds) { from_microseconds } else { start }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_in_microseconds_is_understood() {
        let time_ns = 1_795_423_234_000_000_000;
        for (sent, start) in [
            (0, 0),
            (1_795_423_231_768_190, 1_795_423_231_768_190_000),
            (1_795_423_231_768_190_000, 1_795_423_231_768_190_000),
            // Later than the point, if it were microseconds.
            (1_895_423_231_768_190, 1_895_423_231_768_190),
            (1_000, 1_000),
            (u64::MAX, 0),
        ] {
            assert_eq!(start_ns(sent, time_ns), start, "{sent}");
        }
    }
}

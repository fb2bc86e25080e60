//! Metric requests.

use sidecarta_queries::rows::metric::{
    MetricBatch, MetricBatchBuilder, MetricKind, MetricPoint, Temporality,
};

use super::walk::{Place, count, walk};
use super::{DecodeError, DecodeLimits, Decoded, Fate};
use crate::otlp::memory::Meter;
use crate::otlp::rejects::{Reject, Rejects};
use crate::otlp::signal::Signal;
use crate::otlp::value::text_within;
use crate::wire::{Fields, Malformed};

mod point;

use point::PointReader;

/// Decodes an uncompressed `ExportMetricsServiceRequest`. Every point is shown to `hook` before it is stored.
///
/// A point without a time has that at which it was received. A start in microseconds, which Envoy's stat sink sends, is
/// understood. Exemplars, descriptions and metadata are not kept.
pub(super) fn decode_metrics(
    payload: &[u8],
    received_at_ns: i64,
    limits: &DecodeLimits,
    meter: &mut Meter<'_>,
    hook: &mut dyn FnMut(&MetricPoint<'_>) -> Fate,
) -> Result<Decoded<MetricBatch>, DecodeError> {
    let mut decoder = Decoder {
        limits,
        reader: PointReader::new(received_at_ns, limits),
        builder: MetricBatchBuilder::new(count(payload, count_points)?),
        rejects: Rejects::new(Signal::Metrics),
        accepted: 0,
        resource_number: None,
        meter,
        hook,
    };
    walk(payload, limits, |place, message| decoder.metric(place, message))?;
    let batch = decoder.builder.finish().map_err(|error| DecodeError::Columns(error.to_string()))?;
    Decoded::new(batch, decoder.accepted, &decoder.rejects)
}

/// The number of data points in an OTLP `Metric`, as far as it can be read.
pub(super) fn count_points(message: &[u8]) -> usize {
    let mut count = 0;
    let mut metric = Fields::of(message);
    while let Ok(Some((number, value))) = metric.next() {
        if let (Some(_), Ok(data)) = (kind_in_field(number), value.bytes()) {
            let mut fields = Fields::of(data);
            while let Ok(Some((number, _))) = fields.next() {
                count += usize::from(number == 1);
            }
        }
    }
    count
}

/// The state of decoding one request.
struct Decoder<'a, 'd, 'm> {
    limits: &'d DecodeLimits,
    reader: PointReader<'a, 'd>,
    builder: MetricBatchBuilder,
    rejects: Rejects,
    accepted: u64,
    /// The resource that the builder was given last.
    resource_number: Option<usize>,
    meter: &'d mut Meter<'m>,
    hook: &'d mut dyn FnMut(&MetricPoint<'_>) -> Fate,
}

impl<'a> Decoder<'a, '_, '_> {
    /// An OTLP `Metric`.
    fn metric(&mut self, place: &Place<'_, 'a>, message: &'a [u8]) -> Result<(), DecodeError> {
        let Ok(metric) = Metric::read(message) else {
            self.rejects.count_all(Reject::Malformed, count_points(message).max(1) as u64);
            return Ok(());
        };
        if metric.name.is_empty() {
            self.rejects.count_all(Reject::Name, count_points(message) as u64);
            return Ok(());
        }
        let name = text_within(metric.name, self.limits.max_name_bytes);
        let unit = text_within(metric.unit, self.limits.max_name_bytes);
        let mut fields = Fields::of(metric.data);
        while let Some((number, value)) = fields.next()? {
            if number != 1 {
                continue;
            }
            let Ok(message) = value.bytes() else {
                self.rejects.count(Reject::Malformed);
                continue;
            };
            let point = match self.reader.read(metric.kind, message) {
                Ok(point) => point,
                Err(reason) => {
                    self.rejects.count(reason);
                    continue;
                }
            };
            self.accepted += 1;
            self.rejects.cut += u64::from(point.was_cut);
            let point = MetricPoint {
                time_ns: point.time_ns,
                start_ns: point.start_ns,
                name: &name,
                unit: &unit,
                temporality: metric.temporality,
                is_monotonic: metric.is_monotonic,
                origin: place.origin.as_row(),
                scope: place.scope,
                attributes: point.attributes,
                resource: place.resource,
                flags: point.flags,
                data: point.data,
            };
            if (self.hook)(&point) == Fate::Store {
                if self.resource_number.replace(place.resource_number) != Some(place.resource_number) {
                    self.builder.set_resource(place.resource);
                }
                self.builder.push(&point).map_err(|error| DecodeError::Columns(error.to_string()))?;
                self.meter.reach(self.builder.memory_bytes())?;
            }
        }
        Ok(())
    }
}

/// What all points of a metric share.
struct Metric<'a> {
    name: &'a [u8],
    unit: &'a [u8],
    kind: MetricKind,
    /// The message that holds the points in its field 1; empty where there is none, or of a kind not known yet.
    data: &'a [u8],
    temporality: Temporality,
    is_monotonic: bool,
}

/// The kind of metric whose data lie in this field of an OTLP `Metric`.
fn kind_in_field(number: u32) -> Option<MetricKind> {
    match number {
        5 => Some(MetricKind::Gauge),
        7 => Some(MetricKind::Sum),
        9 => Some(MetricKind::Histogram),
        10 => Some(MetricKind::ExponentialHistogram),
        11 => Some(MetricKind::Summary),
        _ => None,
    }
}

impl<'a> Metric<'a> {
    /// The temporality mostly stands behind the points, so that it is looked for before they are read.
    fn read(message: &'a [u8]) -> Result<Self, Malformed> {
        let mut metric = Self {
            name: &[],
            unit: &[],
            kind: MetricKind::Gauge,
            data: &[],
            temporality: Temporality::None,
            is_monotonic: false,
        };
        let mut fields = Fields::of(message);
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => metric.name = value.bytes()?,
                3 => metric.unit = value.bytes()?,
                _ => {
                    if let Some(kind) = kind_in_field(number) {
                        (metric.kind, metric.data) = (kind, value.bytes()?);
                    }
                }
            }
        }
        let has_temporality = !matches!(metric.kind, MetricKind::Gauge | MetricKind::Summary);
        let mut fields = Fields::of(metric.data);
        while let Some((number, value)) = fields.next()? {
            match number {
                2 if has_temporality => metric.temporality = Temporality::from_number(value.varint()?),
                3 if metric.kind == MetricKind::Sum => metric.is_monotonic = value.varint()? != 0,
                _ => {}
            }
        }
        Ok(metric)
    }
}

//! `io.prometheus.client.MetricFamily` as it lies on the wire.

use std::borrow::Cow;

use super::exposition::{Budget, DecodeLimits, Exposition, Rejects};
use super::family::{Family, Kind, Labels, Sample, Temporality, Value};
use super::labels::{BadLabels, finished};
use crate::wire::{Fields, Malformed, Value as Field};

mod value;

/// Why a metric gives no sample.
enum Bad {
    /// The bytes are not the message.
    Malformed,
    /// A count that is none, or a histogram that contradicts itself.
    Value,
    /// The labels.
    Labels(BadLabels),
    /// The limit of the target.
    OverLimit,
}

impl From<Malformed> for Bad {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

/// Reads messages that each stand behind their length. A message that cannot be read is counted and costs only itself;
/// a length that lies ends the reading.
pub(super) fn decode_delimited(body: &[u8], limits: DecodeLimits) -> Exposition<'_> {
    let mut stream = Fields::of(body);
    let mut reading = Reading::new(limits);
    loop {
        match stream.next_delimited() {
            Ok(Some(message)) => reading.add(message),
            Ok(None) => return reading.finished(),
            Err(Malformed) => {
                reading.rejects.is_cut = true;
                return reading.finished();
            }
        }
    }
}

/// Families as far as they were read.
pub(super) struct Reading<'a> {
    budget: Budget,
    pub(super) rejects: Rejects,
    families: Vec<Family<'a>>,
}

impl<'a> Reading<'a> {
    pub(super) fn new(limits: DecodeLimits) -> Self {
        Self { budget: Budget::new(limits), rejects: Rejects::default(), families: Vec::new() }
    }

    /// Reads one `MetricFamily`. One without a sample says nothing and is left out.
    pub(super) fn add(&mut self, message: &'a [u8]) {
        match self.family(message) {
            Ok(family) if family.samples.is_empty() => {}
            Ok(family) => self.families.push(family),
            Err(Malformed) => self.rejects.malformed += 1,
        }
    }

    pub(super) fn finished(self) -> Exposition<'a> {
        Exposition { families: self.families, series: self.budget.series(), rejects: self.rejects }
    }

    fn family(&mut self, message: &'a [u8]) -> Result<Family<'a>, Malformed> {
        let mut family = Family {
            name: Cow::Borrowed(""),
            kind: Kind::Counter,
            unit: None,
            temporality: Temporality::Cumulative,
            samples: Vec::new(),
        };
        let mut fields = Fields::of(message);
        // The kind stands before the metrics in every message that was seen, but need not.
        while let Some((number, field)) = fields.next()? {
            match number {
                1 => family.name = Cow::Borrowed(text(field)?),
                3 => family.kind = kind(field.varint()?),
                5 => family.unit = Some(text(field)?).filter(|unit| !unit.is_empty()).map(Cow::Borrowed),
                _ => {}
            }
        }
        if family.name.is_empty() || family.name.len() > self.budget.limits.max_label_bytes {
            return Err(Malformed);
        }
        let mut fields = Fields::of(message);
        while let Some((number, field)) = fields.next()? {
            if number != 4 {
                continue;
            }
            match sample(field.bytes()?, family.kind, &mut self.budget) {
                Ok(sample) => family.samples.push(sample),
                Err(Bad::Malformed) => self.rejects.malformed += 1,
                Err(Bad::Value) => self.rejects.values += 1,
                Err(Bad::Labels(bad)) => bad.count(&mut self.rejects),
                Err(Bad::OverLimit) => self.rejects.over_limit += 1,
            }
        }
        Ok(family)
    }
}

fn kind(number: u64) -> Kind {
    match number {
        0 => Kind::Counter,
        1 => Kind::Gauge,
        2 => Kind::Summary,
        // A gauge histogram counts what is there now; it has the same form and is none of the mesh's.
        4 => Kind::Histogram,
        _ => Kind::Unknown,
    }
}

fn sample<'a>(message: &'a [u8], kind: Kind, budget: &mut Budget) -> Result<Sample<'a>, Bad> {
    let limits = budget.limits;
    let mut labels = Vec::new();
    let mut timestamp_ms = None;
    let mut value = None;
    let mut fields = Fields::of(message);
    while let Some((number, field)) = fields.next()? {
        match (number, kind) {
            (1, _) if labels.len() >= limits.max_labels => return Err(Bad::Labels(BadLabels::Refused)),
            (1, _) => labels.push(label(field.bytes()?)?),
            (6, _) => timestamp_ms = Some(field.varint()? as i64),
            (2, Kind::Gauge) | (3, Kind::Counter) | (5, Kind::Unknown) => {
                value = Some(Value::Number(value::number(field.bytes()?)?));
            }
            (4, Kind::Summary) => value = Some(Value::Summary(value::summary(field.bytes()?, &limits)?)),
            (7, Kind::Histogram) => {
                value = Some(Value::Histogram(value::histogram(field.bytes()?, &limits)?));
            }
            _ => {}
        }
    }
    let value = value.ok_or(Bad::Malformed)?;
    if kind == Kind::Counter && matches!(value, Value::Number(number) if number.is_nan() || number < 0.0) {
        return Err(Bad::Value);
    }
    let labels: Labels<'a> = finished(labels, &limits).map_err(Bad::Labels)?;
    if !budget.take(value::series(&value), labels.len()) {
        return Err(Bad::OverLimit);
    }
    Ok(Sample { labels, value, timestamp_ms })
}

fn label(message: &[u8]) -> Result<(Cow<'_, str>, Cow<'_, str>), Malformed> {
    let (mut name, mut value) = ("", "");
    let mut fields = Fields::of(message);
    while let Some((number, field)) = fields.next()? {
        match number {
            1 => name = text(field)?,
            2 => value = text(field)?,
            _ => {}
        }
    }
    if name.is_empty() { Err(Malformed) } else { Ok((Cow::Borrowed(name), Cow::Borrowed(value))) }
}

fn text(field: Field<'_>) -> Result<&str, Malformed> {
    std::str::from_utf8(field.bytes()?).map_err(|_| Malformed)
}

#[cfg(test)]
mod tests;

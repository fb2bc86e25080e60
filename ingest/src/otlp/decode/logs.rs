//! Log requests.

use std::borrow::Cow;

use sidecarta_queries::rows::log::{LogBatch, LogBatchBuilder, LogRecord};

use super::limits::AcceptedTimes;
use super::span::id;
use super::walk::{Place, count, walk};
use super::{DecodeError, DecodeLimits, Decoded, Fate};
use crate::otlp::attributes::Attributes;
use crate::otlp::memory::Meter;
use crate::otlp::rejects::{Reject, Rejects};
use crate::otlp::signal::Signal;
use crate::otlp::value::{text_within, value_text};
use crate::wire::Fields;

/// Decodes an uncompressed `ExportLogsServiceRequest`. Every record is shown to `hook` before it is stored.
///
/// A record without a time has that at which it was observed, else that at which it was received. A trace or span id that
/// is none is left out.
pub(super) fn decode_logs(
    payload: &[u8],
    received_at_ns: i64,
    limits: &DecodeLimits,
    meter: &mut Meter<'_>,
    hook: &mut dyn FnMut(&LogRecord<'_>) -> Fate,
) -> Result<Decoded<LogBatch>, DecodeError> {
    let mut reader = LogReader {
        limits,
        times: AcceptedTimes::new(received_at_ns, limits),
        attributes: Attributes::default(),
    };
    let mut builder = LogBatchBuilder::new(count(payload, |_| 1)?);
    let mut rejects = Rejects::new(Signal::Logs);
    let mut accepted = 0;
    let mut known_resource = None;
    walk(payload, limits, |place, message| {
        let read = match reader.read(place, message) {
            Ok(read) => read,
            Err(reason) => {
                rejects.count(reason);
                return Ok(());
            }
        };
        accepted += 1;
        rejects.cut += u64::from(read.was_cut);
        rejects.unlinked += u64::from(read.is_unlinked);
        if hook(&read.record) == Fate::Store {
            if known_resource.replace(place.resource_number) != Some(place.resource_number) {
                builder.set_resource(place.resource);
            }
            builder.push(&read.record).map_err(|error| DecodeError::Columns(error.to_string()))?;
            meter.reach(builder.memory_bytes())?;
        }
        Ok(())
    })?;
    let batch = builder.finish().map_err(|error| DecodeError::Columns(error.to_string()))?;
    Decoded::new(batch, accepted, &rejects)
}

/// Reads one record after the other into buffers that it keeps.
struct LogReader<'a, 'l> {
    limits: &'l DecodeLimits,
    times: AcceptedTimes,
    attributes: Attributes<'a>,
}

/// A record, and what it was taken without.
struct Read<'r> {
    record: LogRecord<'r>,
    /// Some of its attributes.
    was_cut: bool,
    /// A trace or span id, which it has, but a wrong one.
    is_unlinked: bool,
}

impl<'a> LogReader<'a, '_> {
    /// An OTLP `LogRecord`.
    fn read<'r>(&'r mut self, place: &Place<'r, 'a>, message: &'a [u8]) -> Result<Read<'r>, Reject> {
        self.attributes.clear();
        let (mut time, mut observed) = (0, 0);
        let (mut trace_id, mut span_id) = (&[][..], &[][..]);
        let (mut severity_text, mut event_name) = (&[][..], &[][..]);
        let mut severity_number = 0;
        let mut dropped_by_sender = 0;
        let mut body = Cow::Borrowed("");
        let mut fields = Fields::of(message);
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => time = value.fixed64()?,
                2 => severity_number = value.varint()?,
                3 => severity_text = value.bytes()?,
                5 => body = value_text(value.bytes()?, self.limits.max_message_bytes)?,
                6 => self.attributes.add(value.bytes()?, self.limits)?,
                7 => dropped_by_sender = value.varint()?,
                9 => trace_id = value.bytes()?,
                10 => span_id = value.bytes()?,
                11 => observed = value.fixed64()?,
                12 => event_name = value.bytes()?,
                _ => {}
            }
        }
        let observed_ns = self.times.accept(observed).unwrap_or(self.times.received_at_ns);
        let time_ns = match time {
            0 => observed_ns,
            time => self.times.accept(time).ok_or(Reject::Time)?,
        };
        let dropped_here = self.attributes.dropped;
        let dropped = dropped_here.saturating_add(dropped_by_sender);
        if dropped > 0 {
            self.attributes.set("otel.dropped_attributes_count", dropped.to_string());
        }
        let (trace_id, has_trace_id) = id_or_none(trace_id, u128::from_be_bytes);
        let (span_id, has_span_id) = id_or_none(span_id, u64::from_be_bytes);
        let name = |text| text_within(text, self.limits.max_name_bytes);
        let record = LogRecord {
            time_ns,
            observed_ns,
            trace_id,
            span_id,
            severity_number: u8::try_from(severity_number).unwrap_or(0),
            severity_text: name(severity_text),
            origin: place.origin.as_row(),
            scope: place.scope,
            event_name: name(event_name),
            body,
            attributes: &self.attributes.entries,
            resource: place.resource,
        };
        Ok(Read { record, was_cut: dropped_here > 0, is_unlinked: !(has_trace_id && has_span_id) })
    }
}

/// An id, zero for none, and whether it is either of them.
fn id_or_none<T: Default, const N: usize>(bytes: &[u8], number: fn([u8; N]) -> T) -> (T, bool) {
    match id(bytes) {
        Some(bytes) => (number(bytes), true),
        None => (T::default(), bytes.is_empty()),
    }
}

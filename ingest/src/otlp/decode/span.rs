//! One OTLP `Span`, read in a single walk over its bytes.

use std::borrow::Cow;

use sidecarta_queries::rows::span::{SpanKind, SpanStatus};

use super::DecodeLimits;
use super::limits::AcceptedTimes;
use crate::otlp::attributes::Attributes;
use crate::otlp::rejects::Reject;
use crate::otlp::value::{JsonText, ValueError, text_within};
use crate::wire::{Fields, Malformed};

impl From<ValueError> for Reject {
    fn from(error: ValueError) -> Self {
        match error {
            ValueError::Malformed => Self::Malformed,
            ValueError::TooDeep => Self::TooDeep,
        }
    }
}

impl From<Malformed> for Reject {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

/// What of a span is neither an attribute nor an event nor a link, all of it valid.
#[derive(Clone, Debug)]
pub(super) struct SpanHead<'a> {
    pub(super) trace_id: u128,
    pub(super) span_id: u64,
    pub(super) parent_span_id: u64,
    pub(super) start_ns: i64,
    pub(super) duration_ns: u64,
    pub(super) kind: SpanKind,
    pub(super) name: Cow<'a, str>,
    pub(super) status: SpanStatus,
    pub(super) status_message: Cow<'a, str>,
}

/// Reads one span after the other into buffers that it keeps.
#[derive(Debug)]
pub(super) struct SpanReader<'a> {
    limits: &'a DecodeLimits,
    times: AcceptedTimes,
    /// The attributes of the span read last.
    pub(super) attributes: Attributes<'a>,
    /// Its events.
    pub(super) events: List,
    /// Its links.
    pub(super) links: List,
    /// Whether it was taken without some of them.
    pub(super) was_cut: bool,
}

impl<'a> SpanReader<'a> {
    pub(super) fn new(received_at_ns: i64, limits: &'a DecodeLimits) -> Self {
        Self {
            limits,
            times: AcceptedTimes::new(received_at_ns, limits),
            attributes: Attributes::default(),
            events: List::new(limits),
            links: List::new(limits),
            was_cut: false,
        }
    }

    /// Reads a span, or says why it is not taken.
    pub(super) fn read(&mut self, message: &'a [u8]) -> Result<SpanHead<'a>, Reject> {
        self.attributes.clear();
        self.events.clear();
        self.links.clear();
        let (mut trace_id, mut span_id, mut parent_span_id) = (&[][..], &[][..], &[][..]);
        let (mut start, mut end) = (0, 0);
        let mut dropped_by_sender = [0_u64; 3];
        let mut kind = SpanKind::Unspecified;
        let mut name = &[][..];
        let mut status = Status::default();
        let mut fields = Fields::of(message);
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => trace_id = value.bytes()?,
                2 => span_id = value.bytes()?,
                4 => parent_span_id = value.bytes()?,
                5 => name = value.bytes()?,
                6 => kind = SpanKind::from_number(value.varint()? as i32),
                7 => start = value.fixed64()?,
                8 => end = value.fixed64()?,
                9 => self.attributes.add(value.bytes()?, self.limits)?,
                10 => dropped_by_sender[0] = value.varint()?,
                11 => self.events.add(value.bytes()?, event)?,
                12 => dropped_by_sender[1] = value.varint()?,
                13 => self.links.add(value.bytes()?, link)?,
                14 => dropped_by_sender[2] = value.varint()?,
                15 => status.read(value.bytes()?)?,
                _ => {}
            }
        }
        self.events.close();
        self.links.close();
        self.say_what_was_dropped(dropped_by_sender);
        Ok(SpanHead {
            trace_id: id(trace_id).map(u128::from_be_bytes).filter(|&id| id != 0).ok_or(Reject::TraceId)?,
            span_id: id(span_id).map(u64::from_be_bytes).filter(|&id| id != 0).ok_or(Reject::SpanId)?,
            parent_span_id: match parent_span_id {
                [] => 0,
                parent => id(parent).map(u64::from_be_bytes).ok_or(Reject::ParentId)?,
            },
            start_ns: self.times.accept(start).ok_or(Reject::Start)?,
            duration_ns: end.saturating_sub(start),
            kind,
            name: text_within(name, self.limits.max_name_bytes),
            status: status.code,
            status_message: text_within(status.message, self.limits.max_value_bytes),
        })
    }

    /// Adds attributes that count what was dropped, here or by the sender.
    fn say_what_was_dropped(&mut self, by_sender: [u64; 3]) {
        let here = [self.attributes.dropped, self.events.dropped, self.links.dropped];
        self.was_cut = here != [0; 3];
        let keys = ["otel.dropped_attributes_count", "otel.dropped_events_count", "otel.dropped_links_count"];
        for ((key, here), by_sender) in keys.into_iter().zip(here).zip(by_sender) {
            let dropped = here.saturating_add(by_sender);
            if dropped > 0 {
                self.attributes.set(key, dropped.to_string());
            }
        }
    }
}

/// An id, where it has the length of one.
pub(super) fn id<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
    bytes.try_into().ok()
}

/// An OTLP `Status`.
#[derive(Default)]
struct Status<'a> {
    code: SpanStatus,
    message: &'a [u8],
}

impl<'a> Status<'a> {
    fn read(&mut self, message: &'a [u8]) -> Result<(), Malformed> {
        let mut fields = Fields::of(message);
        while let Some((number, value)) = fields.next()? {
            match number {
                2 => self.message = value.bytes()?,
                3 => {
                    self.code = match value.varint()? {
                        1 => SpanStatus::Ok,
                        2 => SpanStatus::Error,
                        _ => SpanStatus::Unset,
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// The events or the links of one span as a JSON array, kept to be reused.
#[derive(Debug)]
pub(super) struct List {
    json: JsonText,
    count: usize,
    max_count: usize,
    dropped: u64,
}

impl List {
    fn new(limits: &DecodeLimits) -> Self {
        Self {
            json: JsonText::new(limits.max_events_bytes),
            count: 0,
            max_count: limits.max_events,
            dropped: 0,
        }
    }

    fn clear(&mut self) {
        self.json.out.clear();
        self.count = 0;
        self.dropped = 0;
    }

    fn add(
        &mut self,
        message: &[u8],
        write: fn(&mut JsonText, &[u8]) -> Result<(), ValueError>,
    ) -> Result<(), ValueError> {
        if self.count >= self.max_count || self.json.is_full() {
            self.dropped += 1;
            return Ok(());
        }
        self.json.out.push(if self.count == 0 { '[' } else { ',' });
        self.count += 1;
        write(&mut self.json, message)
    }

    /// The JSON array, or nothing where there is no element.
    pub(super) fn as_json(&self) -> &str {
        &self.json.out
    }

    /// Ends the array.
    fn close(&mut self) {
        if self.count > 0 {
            self.json.out.push(']');
        }
    }
}

/// Writes an OTLP `Event` as `{"time_unix_ns", "name", "attributes"}`.
fn event(json: &mut JsonText, message: &[u8]) -> Result<(), ValueError> {
    let mut fields = Fields::of(message);
    let (mut time, mut name) = (0, &[][..]);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => time = value.fixed64()?,
            2 => name = value.bytes()?,
            _ => {}
        }
    }
    json.out.push_str("{\"time_unix_ns\":");
    json.number(time);
    json.out.push_str(",\"name\":");
    json.text(name);
    attributes_of(json, message, 3)
}

/// Writes an OTLP `Link` as `{"trace_id", "span_id", "attributes"}`, the ids in lower-case hex.
fn link(json: &mut JsonText, message: &[u8]) -> Result<(), ValueError> {
    let mut fields = Fields::of(message);
    let (mut trace_id, mut span_id) = (&[][..], &[][..]);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => trace_id = value.bytes()?,
            2 => span_id = value.bytes()?,
            _ => {}
        }
    }
    json.out.push_str("{\"trace_id\":");
    hex(json, trace_id, 16);
    json.out.push_str(",\"span_id\":");
    hex(json, span_id, 8);
    attributes_of(json, message, 4)
}

/// Writes the attributes in field `number` of a message and closes the object that it is.
fn attributes_of(json: &mut JsonText, message: &[u8], number: u32) -> Result<(), ValueError> {
    json.out.push_str(",\"attributes\":");
    let mut object = json.object();
    let mut fields = Fields::of(message);
    while let Some((present, value)) = fields.next()? {
        if present == number {
            object.key_value(value.bytes()?, 0)?;
        }
    }
    object.end();
    json.out.push('}');
    Ok(())
}

/// An id in hex, or empty text where it has not the length of one.
fn hex(json: &mut JsonText, bytes: &[u8], length: usize) {
    let bytes = if bytes.len() == length { bytes } else { &[] };
    json.out.push('"');
    for byte in bytes {
        for digit in [byte >> 4, byte & 15] {
            json.out.push(char::from(b"0123456789abcdef"[usize::from(digit)]));
        }
    }
    json.out.push('"');
}

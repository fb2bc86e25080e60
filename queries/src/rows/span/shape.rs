//! The shape of a span: everything in it that many other spans have too, stored once for all of them.
//!
//! What differs from span to span stays in the span's row: ids, times, and the values of [`VaryingKeys`], for which a
//! row has [`SLOTS`] columns. The shape says which key a slot belongs to.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::Range;
use std::sync::Arc;

use super::{Protocol, SpanKind, SpanStatus};
use crate::rows::route::KnownRoutes;

/// Columns of a row for values that vary; what has no room there goes to the row's map.
pub const SLOTS: usize = 5;

/// What a shape says, borrowed from its bytes. Empty text is what a span does not say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "four facts that do not depend on each other")]
pub struct Shape<'a> {
    /// The resource, see [`super::Resource`].
    pub resource_id: u64,
    /// Which side of a call the spans are.
    pub kind: SpanKind,
    /// The status they state.
    pub status: SpanStatus,
    /// How they spoke.
    pub protocol: Protocol,
    /// What kind of peer they call, as [`super::PeerKind`] numbers it; zero for none.
    pub peer_kind: u8,
    /// HTTP status of the answer; zero for none.
    pub http_status: u16,
    /// Whether they failed.
    pub is_error: bool,
    /// Whether they failed by a time-out.
    pub is_timeout: bool,
    /// Whether a proxy made them.
    pub is_proxy: bool,
    /// Whether they were told as segments of AWS X-Ray.
    pub is_xray: bool,
    /// The texts named in [`SHAPE_TEXTS`].
    pub texts: [&'a str; SHAPE_TEXTS.len()],
    /// Attributes with one value in all spans of the shape.
    pub attributes: Vec<(&'a str, &'a str)>,
    /// The keys whose values are in the slots of the rows; empty where a slot is not used.
    pub slots: [&'a str; SLOTS],
    /// The key whose value is in the row's column for UUIDs, or empty.
    pub uuid_key: &'a str,
}

/// The texts of a shape in their order, each a column of the table of shapes.
pub const SHAPE_TEXTS: [&str; 11] = [
    "service",
    "namespace",
    "version",
    "instance",
    "environment",
    "name",
    "method",
    "route",
    "peer_system",
    "peer",
    "scope",
];

/// Tags of what follows the texts in a shape's bytes.
const ATTRIBUTE: u8 = 255;
const UUID_KEY: u8 = 254;

/// Writes shapes into bytes. Equal shapes have equal bytes; the order of attributes makes a difference.
#[derive(Debug, Default)]
pub(super) struct ShapeWriter {
    bytes: Vec<u8>,
}

impl ShapeWriter {
    /// Begins a shape with everything that is not an attribute.
    pub(super) fn begin(&mut self, shape: &Shape<'_>) {
        self.bytes.clear();
        self.bytes.extend_from_slice(&shape.resource_id.to_le_bytes());
        self.bytes.extend_from_slice(&shape.http_status.to_le_bytes());
        let flags = u8::from(shape.is_error)
            | u8::from(shape.is_timeout) << 1
            | u8::from(shape.is_proxy) << 2
            | u8::from(shape.is_xray) << 3
            | (shape.status as u8) << 4;
        self.bytes.extend_from_slice(&[shape.kind as u8, shape.protocol as u8, shape.peer_kind, flags]);
        for text in shape.texts {
            self.text(text);
        }
    }

    pub(super) fn attribute(&mut self, key: &str, value: &str) {
        self.bytes.push(ATTRIBUTE);
        self.text(key);
        self.text(value);
    }

    pub(super) fn slot(&mut self, slot: usize, key: &str) {
        self.bytes.push(slot as u8);
        self.text(key);
    }

    pub(super) fn uuid_key(&mut self, key: &str) {
        self.bytes.push(UUID_KEY);
        self.text(key);
    }

    fn text(&mut self, text: &str) {
        self.bytes.extend_from_slice(&(text.len() as u32).to_le_bytes());
        self.bytes.extend_from_slice(text.as_bytes());
    }
}

/// Reads what [`ShapeWriter`] wrote.
struct ShapeReader<'a>(&'a [u8]);

impl<'a> ShapeReader<'a> {
    fn array<const N: usize>(&mut self) -> [u8; N] {
        let Some((array, rest)) = self.0.split_first_chunk::<N>() else { return [0; N] };
        self.0 = rest;
        *array
    }

    fn text(&mut self) -> &'a str {
        let length = u32::from_le_bytes(self.array()) as usize;
        let (text, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        std::str::from_utf8(text).unwrap_or_default()
    }
}

impl<'a> Shape<'a> {
    fn read(bytes: &'a [u8]) -> Self {
        let mut reader = ShapeReader(bytes);
        let resource_id = u64::from_le_bytes(reader.array());
        let http_status = u16::from_le_bytes(reader.array());
        let [kind, protocol, peer_kind, flags] = reader.array();
        let mut shape = Self {
            resource_id,
            kind: SpanKind::from_number(i32::from(kind)),
            status: SpanStatus::from_number(u64::from(flags >> 4)),
            protocol: Protocol::from_number(protocol),
            peer_kind,
            http_status,
            is_error: flags & 1 != 0,
            is_timeout: flags & 2 != 0,
            is_proxy: flags & 4 != 0,
            is_xray: flags & 8 != 0,
            ..Self::default()
        };
        for text in &mut shape.texts {
            *text = reader.text();
        }
        while !reader.0.is_empty() {
            let [tag] = reader.array();
            let key = reader.text();
            match tag {
                ATTRIBUTE => shape.attributes.push((key, reader.text())),
                UUID_KEY => shape.uuid_key = key,
                slot => shape.slots[usize::from(slot)] = key,
            }
        }
        shape
    }

    /// The service that the spans are of.
    pub fn service(&self) -> &'a str {
        self.texts[0]
    }
}

/// The shapes of one request, each once, numbered from zero.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shapes {
    bytes: Vec<u8>,
    entries: Vec<(u128, Range<usize>)>,
}

impl Shapes {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The hashes of all shapes in their order, the same in every process for equal shapes.
    pub fn hashes(&self) -> impl Iterator<Item = u128> {
        self.entries.iter().map(|&(hash, _)| hash)
    }

    /// What a shape says.
    ///
    /// # Panics
    /// Where there is none of this number.
    pub fn get(&self, number: usize) -> Shape<'_> {
        Shape::read(&self.bytes[self.entries[number].1.clone()])
    }

    /// Memory that they take, bytes.
    pub fn memory_bytes(&self) -> usize {
        self.bytes.capacity() + self.entries.capacity() * size_of::<(u128, Range<usize>)>()
    }
}

/// Collects [`Shapes`].
#[derive(Debug, Default)]
pub(super) struct ShapesBuilder {
    shapes: Shapes,
    numbers: HashMap<u128, usize, BuildHashIsKey>,
}

/// What a shape takes as a rule: names, and a dozen attributes.
const USUAL_BYTES: usize = 400;

impl ShapesBuilder {
    /// With room for the shapes of so many spans, of which some have shapes in common.
    pub(super) fn for_rows(rows: usize) -> Self {
        let shapes = Shapes { bytes: Vec::with_capacity(rows * USUAL_BYTES * 2 / 3), entries: Vec::new() };
        Self { shapes, numbers: HashMap::default() }
    }

    /// The number of the shape just written, and whether it is new.
    pub(super) fn number(&mut self, written: &ShapeWriter) -> (usize, bool) {
        let hash = xxhash_rust::xxh3::xxh3_128(&written.bytes);
        if let Some(&number) = self.numbers.get(&hash) {
            return (number, false);
        }
        let Shapes { bytes, entries } = &mut self.shapes;
        let number = entries.len();
        entries.push((hash, bytes.len()..bytes.len() + written.bytes.len()));
        bytes.extend_from_slice(&written.bytes);
        self.numbers.insert(hash, number);
        (number, true)
    }

    pub(super) fn finish(self) -> Shapes {
        self.shapes
    }
}

/// For maps whose keys are good hashes already.
pub type BuildHashIsKey = BuildHasherDefault<HashIsKey>;

/// Takes the last eight bytes of a key as its hash.
#[derive(Debug, Default)]
pub struct HashIsKey(u64);

impl Hasher for HashIsKey {
    fn write(&mut self, bytes: &[u8]) {
        let last = bytes.last_chunk().copied().unwrap_or_default();
        self.0 ^= u64::from_le_bytes(last);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// Keys whose values differ from request to request whoever sends them.
const VARY_EVERYWHERE: [&str; 20] = [
    "client.port",
    "db.query.text",
    "db.statement",
    "guid:x-request-id",
    "http.request.body.size",
    "http.request_content_length",
    "http.response.body.size",
    "http.response_content_length",
    "http.target",
    "http.url",
    "messaging.message.id",
    "network.peer.port",
    "net.peer.port",
    "net.sock.peer.port",
    "peer.address",
    "request_size",
    "response_size",
    "url.full",
    "url.path",
    "url.query",
];

/// The keys whose values are too many for shapes: some are known to be so, others are found to be, service by service. With
/// them the routes that services have, which are too many for shapes at some point too.
#[derive(Clone, Debug, Default)]
pub struct VaryingKeys {
    found: HashMap<Arc<str>, HashSet<Arc<str>>>,
    count: usize,
    routes: Arc<KnownRoutes>,
}

impl VaryingKeys {
    /// Keys that are kept in mind at most; what is found later stays in shapes.
    const MAX_KEYS: usize = 20_000;

    /// Whether the values of this key vary in spans of this service.
    pub fn contains(&self, service: &str, key: &str) -> bool {
        VARY_EVERYWHERE.contains(&key) || self.found.get(service).is_some_and(|keys| keys.contains(key))
    }

    /// The routes that have been met, for all decoders together.
    pub(super) fn routes(&self) -> &KnownRoutes {
        &self.routes
    }

    /// Takes a key in; false where it is known or there is no room.
    pub fn insert(&mut self, service: &str, key: &str) -> bool {
        if self.count >= Self::MAX_KEYS || self.contains(service, key) {
            return false;
        }
        self.count += 1;
        self.found.entry(service.into()).or_default().insert(key.into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_shape_is_read_as_it_was_written(
            texts in prop::array::uniform11(".{0,6}"),
            attributes in prop::collection::vec((".{0,6}", ".{0,6}"), 0..5),
            numbers in any::<(u64, u16, u8)>(),
            flags in any::<(bool, bool, bool, bool)>(),
        ) {
            let shape = Shape {
                resource_id: numbers.0,
                kind: SpanKind::Client,
                status: SpanStatus::Error,
                protocol: Protocol::Grpc,
                peer_kind: numbers.2,
                http_status: numbers.1,
                is_error: flags.0,
                is_timeout: flags.1,
                is_proxy: flags.2,
                is_xray: flags.3,
                texts: texts.each_ref().map(String::as_str),
                attributes: attributes.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect(),
                slots: ["", "url", "", "", "size"],
                uuid_key: "id",
            };
            let mut writer = ShapeWriter::default();
            let mut builder = ShapesBuilder::default();
            for _ in 0..2 {
                writer.begin(&shape);
                writer.slot(1, "url");
                for (key, value) in &shape.attributes {
                    writer.attribute(key, value);
                }
                writer.slot(4, "size");
                writer.uuid_key("id");
                prop_assert_eq!(builder.number(&writer).0, 0);
            }
            let shapes = builder.finish();
            prop_assert_eq!(shapes.len(), 1);
            prop_assert_eq!(shapes.get(0), shape);
        }
    }
}

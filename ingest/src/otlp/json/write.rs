//! Writing protobuf.

use crate::otlp::memory::{Meter, NoMemory};

/// Wire types of protobuf.
pub(super) const VARINT: u32 = 0;
pub(super) const FIXED64: u32 = 1;
pub(super) const BYTES: u32 = 2;
pub(super) const FIXED32: u32 = 5;

pub(super) fn write_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

pub(super) fn write_tag(out: &mut Vec<u8>, number: u32, wire_type: u32) {
    write_varint(out, u64::from(number << 3 | wire_type));
}

pub(super) fn write_bytes(out: &mut Vec<u8>, number: u32, bytes: &[u8]) {
    write_tag(out, number, BYTES);
    write_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Puts the length before what was written since `start`.
pub(super) fn write_length_before(out: &mut Vec<u8>, start: usize) {
    let before = out.len();
    write_varint(out, (before - start) as u64);
    let length_bytes = out.len() - before;
    out[start..].rotate_right(length_bytes);
}

/// The protobuf in the making.
pub(super) struct Out<'r> {
    pub(super) bytes: Vec<u8>,
    pub(super) meter: Meter<'r>,
    /// Why nothing more is written.
    pub(super) no_memory: Option<NoMemory>,
}

impl Out<'_> {
    /// Whether more may be written.
    pub(super) fn has_room(&mut self) -> bool {
        self.no_memory = self.meter.reach(self.bytes.len()).err();
        self.no_memory.is_none()
    }
}

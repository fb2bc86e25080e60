//! The rows that are stored. Sources decode what they get into these; the store alone knows how they lie on disk.

pub mod envoy;
pub mod mesh;
pub mod span;

//! The rows that are stored. Sources decode what they get into these; the store alone knows how they lie on disk.

pub mod access_log;
mod cursor;
pub mod envoy;
pub mod log;
pub mod mesh;
pub mod metric;
pub mod outcome;
mod resource;
pub mod route;
pub mod span;
pub mod watch;

pub use cursor::SourceCursor;
pub use resource::{Origin, Resource};

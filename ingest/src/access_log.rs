//! Access logs of Envoy as evidence: whatever way they come, each request becomes one
//! [`AccessLogRow`](sidecarta_queries::rows::access_log::AccessLogRow).
//!
//! - Lines of text or JSON: [`LineParser`], by one of the known formats or any format string of Envoy.
//! - Files that are written to: [`follow`].
//! - Envoy's access log service: [`als`].
//! - Log records of OTLP: [`otlp`].
//!
//! All of it is pure but for the file that is followed and the way into the store. A line that fits no format is kept as it came, in `raw`.

pub mod als;
mod config;
mod container;
mod draft;
mod field;
mod flags;
pub mod follow;
mod format;
mod frame;
mod mapping;
mod operator;
pub mod otlp;
mod parser;
mod presets;
mod source;
mod time;

#[cfg(test)]
mod tests;

pub use config::{AccessLogConfig, AccessLogConfigError, problems};
pub use frame::{FrameError, decode_frame};
pub use parser::LineParser;
pub(crate) use source::submit as submit_batch;
pub use source::{spawn, stream_handler};

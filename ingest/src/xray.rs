//! AWS X-Ray: segment documents become spans of OpenTelemetry, whichever way they come.
//!
//! [`spans`] takes the documents of any number of traces and makes one OTLP request of them, which is stored as any
//! other. It is pure. What it does with each part of a document is told in `docs/xray.md`. [`daemon`] takes documents from
//! whoever would send them to the daemon of X-Ray.

mod attributes;
mod cause;
mod convert;
pub mod daemon;
mod document;
mod ids;
mod json;
mod origin;
mod peer;
pub mod pull;
mod span;
mod time;
mod url;

#[cfg(test)]
mod tests;

pub use convert::{Converted, Late, Rejected, WaitReason, Waiting, spans};
pub use document::trace_of;

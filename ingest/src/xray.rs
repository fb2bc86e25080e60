//! AWS X-Ray: segment documents become spans of OpenTelemetry, whichever way they come.
//!
//! [`convert`] takes the documents of any number of traces and makes one OTLP request of them, which is stored as any
//! other. It is pure. What it does with each part of a document is told in `docs/xray.md`.

mod attributes;
mod cause;
mod convert;
mod document;
mod ids;
mod json;
mod origin;
mod peer;
mod span;
mod time;
mod url;

pub use convert::{Converted, Late, Rejected, WaitReason, Waiting, spans};
pub use document::trace_of;

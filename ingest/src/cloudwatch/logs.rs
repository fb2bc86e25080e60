//! Log groups of CloudWatch Logs: access logs of Envoys, spans of X-Ray's Transaction Search, logs of applications.
//!
//! A group is read with `FilterLogEvents` by the time of its events, again and again from a little before the present,
//! for events become visible late. Which of them are stored is kept in the cursor, so that each is stored exactly once:
//! log records have no ids of their own in the store. The past before the first reading is read on demand.

mod application;
mod config;
mod event;
mod json;
mod keep;
mod past;
mod position;
mod reader;
mod span;

pub use config::{LogGroupConfig, LogKind};
pub use reader::LogGroupReader;

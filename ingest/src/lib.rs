//! The sources and the bounded pipeline from them into the store.
//!
//! Every source has a folder with its configuration, its transport, its pure decoding and its status mapping. What it
//! decodes it hands to the [`pipeline`], which answers once the data is durable.

pub mod access_log;
pub mod aws;
pub mod cloudwatch;
mod connections;
pub mod discovery;
pub mod envoy;
#[cfg(test)]
mod golden;
mod http_get;
pub mod otlp;
mod packed;
pub mod pipeline;
pub mod prometheus;
mod route;
pub mod status;
pub mod watch;
mod wire;
pub mod xray;

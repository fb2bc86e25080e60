//! The wire types of the HTTP API, shared by the server and the browser.
//!
//! Conventions: one named top-level key, RFC 3339 UTC for times, units in names, rates per second, latencies in
//! milliseconds, ratios from 0 to 1. Fields that are absent were not known, which is not the same as zero.

pub mod backtest;
pub mod canary;
pub mod compare;
pub mod error;
pub mod graph;
pub mod identity;
pub mod live;
pub mod policy;
pub mod proxies;
pub mod routes;
pub mod series;
pub mod services;
pub mod sources;
pub mod status;
pub mod traces;
pub mod watches;

//! The handlers, one file a resource.

pub mod backtest;
pub mod canary;
pub mod graph;
pub mod health;
pub mod identity;
pub mod proxies;
pub mod routes;
pub mod search;
pub mod series;
pub mod services;
pub mod sources;
pub mod status;
pub mod traces;
pub mod watches;

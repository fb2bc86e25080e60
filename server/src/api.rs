//! The handlers, one file a resource.

pub mod graph;
pub mod health;
pub mod identity;
pub mod proxies;
pub mod routes;
pub mod series;
pub mod services;
pub mod sources;
pub mod status;

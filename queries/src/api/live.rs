//! `GET /api/v1/live`: server-sent events.
//!
//! The stream takes the parameters of `GET /api/v1/graph`. It sends the event `graph` ([`GraphResponse`]) and the
//! event `status` ([`StatusResponse`]) once at the start and again on every tick, each with the tick as its id.
//!
//! [`GraphResponse`]: super::graph::GraphResponse
//! [`StatusResponse`]: super::status::StatusResponse

/// Name of the event that carries a whole graph.
pub const GRAPH_EVENT: &str = "graph";
/// Name of the event that carries the status.
pub const STATUS_EVENT: &str = "status";
/// Name of the event that carries an [`ErrorResponse`](super::error::ErrorResponse) when a tick could not be computed.
pub const ERROR_EVENT: &str = "failure";

//! What is drawn, worked out without a browser: every file here is pure and tested natively.

pub(crate) mod boxes;
pub(crate) mod comparing;
pub(crate) mod node_id;
pub(crate) mod parts;
pub(crate) mod placement;
pub(crate) mod proxies;
pub(crate) mod query_text;
pub(crate) mod routes;
pub(crate) mod scatter;
pub(crate) mod search;
pub(crate) mod selection;
pub(crate) mod shapes;
pub(crate) mod snapshot;
pub(crate) mod sorting;
pub(crate) mod sources;
pub(crate) mod statistics;
pub(crate) mod stylesheet;
pub(crate) mod trace;
pub(crate) mod trace_id;
pub(crate) mod trace_links;
pub(crate) mod traces;
pub(crate) mod tracks;
pub(crate) mod view;
pub(crate) mod viewport;
pub(crate) mod walk;
pub(crate) mod waterfall;

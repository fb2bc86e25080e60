//! The service graph over a time range: rollups by series, resolved to nodes, merged by evidence.
//!
//! 1. The store gives the rollup rows of the range, which add up by series.
//! 2. [`identity`] says which node each end of a series is; [`rules`] are those of the user, and [`explain`] tells how a
//!    name was resolved. [`counted`] reads the labels of targets in Prometheus' format.
//! 3. [`edges`] merges the series of the same two nodes, keeping what each source of evidence says.
//! 4. [`answer`] turns them into the wire types, adding up by [`together`] what is drawn as one.
//! 5. [`filtered`] takes out of it what was asked for.
//!
//! `routes` and `proxies` tell of the same series by route and by proxy, `sides` of two versions of a service, `rollouts` of
//! when versions came, `trace_calls`
//! of the calls of one trace.

mod answer;
mod counted;
mod edges;
mod errors;
mod explain;
mod filter;
mod grammar;
mod identity;
mod proxies;
mod rollouts;
mod routes;
mod rules;
mod series;
mod sides;
mod steps;
mod together;
mod trace_calls;
mod views;
mod voices;

use crate::api::graph::Graph;
use crate::store::{Store, StoreError, TimeRange};

pub use errors::{ErrorRuleConfig, ErrorRules, ErrorRulesError};
pub use explain::{IdentityQuestion, explain};
pub use filter::{EvidenceDetail, GraphFilter, filtered};
pub use proxies::{edge_statistics, proxies, proxies_of, proxy};
pub use rollouts::{Rollout, rollouts};
pub use routes::{RouteFilter, routes};
pub use rules::{IdentityRuleConfig, IdentityRules, IdentityRulesError};
pub(crate) use trace_calls::trace_calls;

pub use series::{SeriesQuestion, SeriesSubject, series};
pub use sides::{Cell, Sides, SidesQuestion, Tried, sides};

/// How long a calling or called span may be on its way before its absence means something, seconds. Senders keep spans
/// for up to five seconds, twice in a row where a collector stands between.
pub(crate) const SETTLE_SECONDS: i64 = 20;

/// What a graph is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GraphQuery {
    /// The time range.
    pub range: TimeRange,
    /// Whether the versions of a service are nodes of their own.
    pub by_version: bool,
    /// The time now, seconds since 1970.
    pub now_s: i64,
}

/// The whole graph of a time range. Blocks.
///
/// # Errors
/// Where the store cannot be read.
pub fn graph(store: &Store, rules: &IdentityRules, query: &GraphQuery) -> Result<Graph, StoreError> {
    let totals = store.totals(query.range, query.now_s - SETTLE_SECONDS)?;
    let merged = store.directory(|directory| edges::merge(directory, rules, &totals, query));
    Ok(answer::graph(&merged, query))
}

#[cfg(test)]
mod tests;

//! Requests by route, from what proxies have logged.

use std::collections::BTreeMap;

use crate::api::graph::{Health, NodeKind};
use crate::api::routes::{RouteSummary, RoutesResponse, SeenBy};
use crate::rows::access_log::Direction;
use crate::sketch::Scheme;
use crate::store::{Directory, LoggedRoute, Measures, SeriesKey, Store, StoreError};

use super::answer::{COMPLETE, node_ids, plain_id, share, six_digits};
use super::edges;
use super::identity::{Identity, NodeKey, Target};
use super::{GraphQuery, IdentityRules, SETTLE_SECONDS};

/// Which routes are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouteFilter {
    /// Name or node id of the service; all where there is none.
    pub service: Option<String>,
    /// Name or node id of the caller, of whose requests alone is then spoken.
    pub caller: Option<String>,
    /// Version of the service.
    pub version: Option<String>,
    /// How many rows are given at most.
    pub limit: usize,
}

/// What is counted along one route of one version of a service.
#[derive(Debug, Default)]
struct Along {
    by_callee: Measures,
    by_callers: Measures,
}

/// The routes of a time range. Blocks.
///
/// # Errors
/// Where the store cannot be read.
pub fn routes(
    store: &Store,
    rules: &IdentityRules,
    query: &GraphQuery,
    filter: &RouteFilter,
) -> Result<RoutesResponse, StoreError> {
    let totals = store.totals(query.range, query.now_s - SETTLE_SECONDS)?;
    let seconds = query.range.seconds() as f64;
    let mut routes = store.directory(|directory| {
        let merged = edges::merge(directory, rules, &totals, query);
        let identity = edges::identity(directory, rules, &totals);
        let ids = node_ids(&merged, false);
        let id = |node: &NodeKey| {
            merged.number_of(node).map_or_else(|| plain_id(node), |number| ids[number].clone())
        };
        let is = |node: &NodeKey, wanted: &Option<String>| {
            wanted.as_ref().is_none_or(|wanted| node.name == *wanted || id(node) == *wanted)
        };
        let mut along: BTreeMap<(NodeKey, &str), Along> = BTreeMap::new();
        for (series, total) in &totals {
            let Some(SeriesKey::Logged(logged)) = directory.series(*series) else { continue };
            for view in views(&identity, directory, logged) {
                let wanted = is(&view.service, &filter.service)
                    && filter.version.as_ref().is_none_or(|version| view.service.version == *version)
                    && (filter.caller.is_none()
                        || view.caller.as_ref().is_some_and(|caller| is(caller, &filter.caller)));
                if wanted {
                    let along = along.entry((view.service, &logged.route)).or_default();
                    let side =
                        if view.caller.is_some() { &mut along.by_callers } else { &mut along.by_callee };
                    side.merge(&total.measures, 1);
                }
            }
        }
        let rows =
            along.into_iter().map(|((node, route), along)| along.summary(id(&node), node, route, seconds));
        rows.collect::<Vec<_>>()
    });
    routes.retain(|route| route.requests > 0);
    routes.sort_by(|one, other| other.requests.cmp(&one.requests).then_with(|| key(one).cmp(&key(other))));
    let total = routes.len() as u64;
    routes.truncate(filter.limit);
    Ok(RoutesResponse { routes, total, step_s: 0 })
}

fn key(route: &RouteSummary) -> (&str, &str, &Option<String>) {
    (&route.node, &route.route, &route.version)
}

/// What one log entry says: which service was called, and by whom where the caller's proxy says it.
struct View {
    service: NodeKey,
    caller: Option<NodeKey>,
}

/// A proxy logs what comes in to its own service, and what goes out to another one; a gateway logs both at once.
fn views(identity: &Identity<'_>, directory: &Directory, logged: &LoggedRoute) -> Vec<View> {
    let record = directory.proxies().get(&logged.node_id);
    let (mut own, _) = identity.proxy_of(&logged.node_id, &logged.service);
    if own.version.is_empty() {
        own.version.clone_from(&logged.version);
    }
    let target = match identity.cluster(&logged.cluster, &own.name, record) {
        Target::Node(target, _) if !logged.cluster.is_empty() => Some(target),
        _ => None,
    };
    let comes_in = match logged.direction {
        Direction::Inbound => true,
        Direction::Outbound => false,
        Direction::Unknown => target.is_none(),
    };
    let is_gateway = own.kind == NodeKind::Gateway;
    let to_itself = (comes_in || is_gateway).then(|| View { service: own.clone(), caller: None });
    let to_others = target.filter(|_| !comes_in || is_gateway);
    let to_others = to_others.map(|target| View { service: target, caller: Some(own) });
    to_itself.into_iter().chain(to_others).collect()
}

impl Along {
    /// The callers' proxies know how it ended for them, and what never arrived; unless they are missing for too many of the
    /// requests that did.
    fn summary(self, id: String, node: NodeKey, route: &str, seconds: f64) -> RouteSummary {
        let is_complete = self.by_callers.requests as f64 >= COMPLETE * self.by_callee.requests as f64;
        let (measures, seen_by) = if is_complete && self.by_callers.requests > 0 {
            (self.by_callers, SeenBy::Callers)
        } else {
            (self.by_callee, SeenBy::Callee)
        };
        let count = |count: i64| count.max(0) as u64;
        let (requests, errors) = (count(measures.requests), count(measures.errors));
        RouteSummary {
            node: id,
            service: node.name,
            version: Some(node.version).filter(|version| !version.is_empty()),
            route: route.to_owned(),
            requests,
            request_rate: six_digits(requests as f64 / seconds),
            errors,
            error_rate: share(errors, requests),
            attempts: count(measures.attempts),
            retries: count(measures.retries),
            timeouts: count(measures.timeouts),
            connection_failures: count(measures.connection_failures),
            latency: measures.client.percentiles(Scheme::Envoy),
            health: Health::of(requests, errors),
            seen_by,
            ..RouteSummary::default()
        }
    }
}

#[cfg(test)]
mod tests;

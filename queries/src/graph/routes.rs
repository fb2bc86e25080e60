//! Requests by route: what Envoys count of routes that have statistics of their own, what proxies have logged, and spans.

mod plan;
mod summary;

use std::collections::BTreeMap;

use crate::api::routes::RoutesResponse;
use crate::store::{Detail, Family, Measures, Selection, Store, StoreError};

use self::plan::{Plan, Row};
use super::errors::ErrorRules;
use super::steps::Steps;
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
    /// Whether each caller has a row of its own.
    pub by_caller: bool,
    /// Text in the route or the name of the service, in whatever case.
    pub find: Option<String>,
    /// How many rows are given at most.
    pub limit: usize,
}

/// Series that are looked up one by one; where more are wanted, all are read.
const MAX_LOOKED_UP: usize = 4_096;

/// The routes of a time range. Blocks.
///
/// # Errors
/// Where the store cannot be read.
pub fn routes(
    store: &Store,
    (rules, error_rules): (&IdentityRules, &ErrorRules),
    query: &GraphQuery,
    filter: &RouteFilter,
) -> Result<RoutesResponse, StoreError> {
    let edge_totals = store.counts(query.range, query.now_s - SETTLE_SECONDS)?;
    let ids = plan::wanted_series(store, rules, query, filter, &edge_totals);
    let counts = route_counts(store, query, ids.as_deref())?;
    let mut plan = Plan::new(store, rules, query, filter, (&edge_totals, &counts));
    let total = plan.rows.len() as u64;
    plan.keep(filter.limit);
    let measures = measures(store, query, &plan.rows)?;
    let steps = Steps::for_trend(query.range);
    let trends = trends(store, query, steps, (&plan, error_rules))?;
    let seconds = query.range.seconds() as f64;
    let rows = plan.rows.iter().zip(trends);
    let routes = rows.map(|(row, trend)| {
        let rule = error_rules.of(&plan.node(row).0.name);
        summary::summary((&plan, row), &measures, rule, (seconds, trend))
    });
    Ok(RoutesResponse { routes: routes.collect(), total, step_s: steps.seconds as u32 })
}

/// Requests of each series of routes, and how many of them are settled, by the numbers of the series, which are given one
/// after the other.
type RouteCounts = Vec<[i64; 2]>;

fn route_counts(store: &Store, query: &GraphQuery, ids: Option<&[u32]>) -> Result<RouteCounts, StoreError> {
    let mut counts = RouteCounts::new();
    let selection = Selection {
        series: ids.filter(|ids| ids.len() <= MAX_LOOKED_UP),
        detail: Detail::Requests,
        ..Selection::of(Family::Routes, query.range)
    };
    let settled_before_s = query.now_s - SETTLE_SECONDS;
    store.rows(&selection, |row| {
        let series = row.series_id as usize;
        if counts.len() <= series {
            counts.resize(series + 1, Default::default());
        }
        let [requests, settled] = &mut counts[series];
        *requests = requests.saturating_add(row.counts.requests);
        if row.bucket_s < settled_before_s {
            *settled = settled.saturating_add(row.counts.requests);
        }
    })?;
    Ok(counts)
}

/// Everything that the series of some rows count.
type ByFamily = BTreeMap<(Family, u32), Measures>;

fn measures(store: &Store, query: &GraphQuery, rows: &[Row]) -> Result<ByFamily, StoreError> {
    let of = |family| {
        let series = rows.iter().flat_map(|row| row.series.0.values().flatten());
        let mut ids: Vec<u32> = series.filter(|one| one.0 == family).map(|one| one.1).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    };
    let of_routes = store.route_totals(query.range, &of(Family::Routes))?;
    let of_edges = store.measures(query.range, &of(Family::Edges))?;
    let of_routes = of_routes.into_iter().map(|(id, total)| ((Family::Routes, id), total.measures));
    Ok(of_routes.chain(of_edges.into_iter().map(|(id, measures)| ((Family::Edges, id), measures))).collect())
}

/// Requests and errors of each step for each row, by the evidence that its numbers are from.
fn trends(
    store: &Store,
    query: &GraphQuery,
    steps: Steps,
    (plan, error_rules): (&Plan, &ErrorRules),
) -> Result<Vec<Vec<[u64; 2]>>, StoreError> {
    let mut sums = vec![vec![[0_i64; 2]; steps.count]; plan.rows.len()];
    let rules: Vec<_> = plan.rows.iter().map(|row| error_rules.of(&plan.node(row).0.name)).collect();
    for family in [Family::Routes, Family::Edges] {
        // By the numbers of the series; a gateway's may be about two rows.
        let mut rows_of: Vec<Vec<usize>> = Vec::new();
        for (number, row) in plan.rows.iter().enumerate() {
            for &(_, id) in row.best_series().filter(|one| one.0 == family) {
                let id = id as usize;
                rows_of.resize(rows_of.len().max(id + 1), Vec::new());
                rows_of[id].push(number);
            }
        }
        let ids: Vec<u32> =
            (0..).zip(&rows_of).filter(|(_, rows)| !rows.is_empty()).map(|(id, _)| id).collect();
        let has_rule = rules.iter().any(Option::is_some);
        let selection = Selection {
            series: (ids.len() <= MAX_LOOKED_UP).then_some(ids.as_slice()),
            detail: if has_rule { Detail::All } else { Detail::Requests },
            longest_s: steps.seconds,
            ..Selection::of(family, query.range)
        };
        store.rows(&selection, |row| {
            let Some(step) = steps.at(row.bucket_s) else { return };
            for &number in rows_of.get(row.series_id as usize).into_iter().flatten() {
                let stats = || row.stats.0.iter().copied().zip(row.stats.1.iter().copied());
                let errors =
                    rules[number].map_or(row.counts.errors, |rule| rule.change(row.counts.errors, stats()));
                let [requests, failed] = &mut sums[number][step];
                *requests += row.counts.requests;
                *failed += errors;
            }
        })?;
    }
    let trend = |steps: Vec<[i64; 2]>| {
        steps.into_iter().map(|counts| counts.map(super::voices::positive)).collect::<Vec<_>>()
    };
    Ok(sums.into_iter().map(trend).collect())
}

#[cfg(test)]
mod tests;

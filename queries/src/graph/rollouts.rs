//! The rollouts of a time: a version that came while there was another one.

use std::collections::BTreeMap;

use foldhash::HashMap;

use super::edges;
use super::steps::Steps;
use super::views::Resolver;
use super::{GraphQuery, IdentityRules, SETTLE_SECONDS};
use crate::store::{Detail, Family, Selection, Store, StoreError, TimeRange};

/// A version that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rollout {
    /// The service.
    pub service: String,
    /// The version that was there.
    pub baseline: String,
    /// The version that came.
    pub candidate: String,
    /// From the step in which it came, to that in which one of the two was seen last.
    pub range: TimeRange,
    /// Whether the one followed the other without a step in which both were there.
    pub one_after_the_other: bool,
}

/// How far back a version may have been seen last that another one is compared with, steps.
const LATELY: usize = 30;

/// The rollouts of a range, of one service or of all, the last first. Blocks.
///
/// # Errors
/// Where the store cannot be read.
pub fn rollouts(
    store: &Store,
    rules: &IdentityRules,
    (range, now_s): (TimeRange, i64),
    service: Option<&str>,
) -> Result<Vec<Rollout>, StoreError> {
    // A version may come a step too late here, and whoever compares looks for its first request once more.
    let steps = Steps::of(range, if range.seconds() <= 2 * 86_400 { 60 } else { 3_600 });
    let range = TimeRange { from_s: steps.from_s, to_s: steps.to_s() };
    let query = GraphQuery { range, by_version: true, now_s };
    let totals = store.counts(range, now_s - SETTLE_SECONDS)?;
    let versions: HashMap<u32, (String, String)> = store.directory(|directory| {
        let resolver = Resolver::new(directory, rules, &totals, &query);
        let of = |(edge, _, id): (edges::EdgeKey, _, u32)| {
            let node = &resolver.merged.nodes[edge.target].0;
            let is_wanted = service.is_none_or(|wanted| wanted == node.name);
            (is_wanted && !node.version.is_empty()).then(|| (id, (node.name.clone(), node.version.clone())))
        };
        edges::told_once(&resolver.merged.told).into_iter().filter_map(of).collect()
    });
    let mut seen: BTreeMap<&str, BTreeMap<&str, Vec<i64>>> = BTreeMap::new();
    let ids: Vec<u32> = versions.keys().copied().collect();
    let selection = Selection {
        series: Some(&ids),
        detail: Detail::Requests,
        longest_s: steps.seconds,
        ..Selection::of(Family::Edges, range)
    };
    store.rows(&selection, |row| {
        if let (Some(step), Some((service, version))) = (steps.at(row.bucket_s), versions.get(&row.series_id))
        {
            let of_service = seen.entry(service).or_default();
            of_service.entry(version).or_insert_with(|| vec![0; steps.count])[step] += row.counts.requests;
        }
    })?;
    let mut found: Vec<Rollout> =
        seen.into_iter().flat_map(|(service, versions)| of_service(steps, service, &versions)).collect();
    found.sort_by(|one, other| {
        let key =
            |rollout: &Rollout| (rollout.range.from_s, rollout.service.clone(), rollout.candidate.clone());
        key(other).cmp(&key(one))
    });
    Ok(found)
}

/// The rollouts of one service, by the requests to each of its versions in each step.
fn of_service(steps: Steps, service: &str, versions: &BTreeMap<&str, Vec<i64>>) -> Vec<Rollout> {
    let first = |requests: &[i64]| requests.iter().position(|&requests| requests > 0);
    let rollout = |(candidate, its): (&&str, &Vec<i64>)| {
        // What is there from the start came before it.
        let came = first(its).filter(|&step| step > 0)?;
        let before = |requests: &[i64]| requests[came.saturating_sub(LATELY)..came].iter().sum::<i64>();
        let others = versions.iter().filter(|(version, _)| *version != candidate);
        let (baseline, known) = others.max_by_key(|(_, requests)| before(requests))?;
        if before(known) == 0 {
            return None;
        }
        let both = its.iter().zip(known).rposition(|(one, other)| *one > 0 && *other > 0);
        let last = both.or_else(|| its.iter().rposition(|&requests| requests > 0))?;
        Some(Rollout {
            service: service.to_owned(),
            baseline: (*baseline).to_owned(),
            candidate: (*candidate).to_owned(),
            range: TimeRange { from_s: steps.start_s(came), to_s: steps.start_s(last + 1) },
            one_after_the_other: both.is_none(),
        })
    };
    versions.iter().filter_map(rollout).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Versions with the steps in which they were asked.
    fn found(versions: &[(&str, std::ops::Range<usize>)]) -> Vec<(String, String, i64, i64, bool)> {
        let steps = Steps::of(TimeRange { from_s: 0, to_s: 6_000 }, 60);
        let mut by_step: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
        for (version, range) in versions {
            let requests = by_step.entry(version).or_insert_with(|| vec![0; steps.count]);
            range.clone().for_each(|step| requests[step] += 10);
        }
        let found = of_service(steps, "orders", &by_step).into_iter();
        let short = |one: Rollout| {
            (one.baseline, one.candidate, one.range.from_s / 60, one.range.to_s / 60, one.one_after_the_other)
        };
        found.map(short).collect()
    }

    fn rollout(names: [&str; 2], steps: [i64; 2], after: bool) -> (String, String, i64, i64, bool) {
        (names[0].to_owned(), names[1].to_owned(), steps[0], steps[1], after)
    }

    #[test]
    fn a_version_that_comes_beside_another_is_a_rollout() {
        assert_eq!(found(&[("v1", 0..60), ("v2", 50..100)]), [rollout(["v1", "v2"], [50, 60], false)]);
        // One that is rolled back.
        assert_eq!(found(&[("v1", 0..100), ("v2", 50..55)]), [rollout(["v1", "v2"], [50, 55], false)]);
        // A chain, each against the one before.
        assert_eq!(
            found(&[("v1", 0..30), ("v2", 20..60), ("v3", 55..100)]),
            [rollout(["v1", "v2"], [20, 30], false), rollout(["v2", "v3"], [55, 60], false)]
        );
    }

    #[test]
    fn one_that_replaces_another_at_once_is_compared_with_the_time_before() {
        assert_eq!(found(&[("v1", 0..50), ("v2", 50..80)]), [rollout(["v1", "v2"], [50, 80], true)]);
    }

    #[test]
    fn what_is_there_from_the_start_or_alone_is_none() {
        assert_eq!(found(&[("v1", 0..100), ("v2", 0..100)]), []);
        assert_eq!(found(&[("v1", 20..100)]), []);
        // The other one had gone long before.
        assert_eq!(found(&[("v1", 0..10), ("v2", 50..100)]), []);
    }
}

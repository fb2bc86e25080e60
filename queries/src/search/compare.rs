//! What tells the spans of one search from those of another.

use std::collections::{BTreeMap, HashSet};

use crate::api::compare::{AttributeDifference, Comparison, SetOfSpans, ValueShare};
use crate::store::{Store, StoreError, database};

use super::ast::{Condition, key_text};
use super::plan::{Params, Plan, TooLarge};
use super::session::{Found, Pieces, SearchOrder, Session, Times, Wanted};
use super::statistics::{chance_of_difference, holm};
use super::summary::summarise;

/// Spans of a set that are compared: the newest.
const COMPARED: usize = 20_000;
/// Spans that are found in one step.
const STEP: usize = 5_000;
/// Values of a key that are read, those that most spans have.
const MAX_VALUES: usize = 1_000;
/// Keys that are told of, and values of each.
const MAX_KEYS: usize = 50;
const MAX_TOLD_VALUES: usize = 10;
/// Keys with at least so many values, of which the spans that have the key have two on average or fewer, are ids.
const ID_VALUES: usize = 20;
const SPANS_AN_ID: u64 = 2;
/// Among comparisons of like sets, one in a thousand calls something a difference.
const LEVEL: f64 = 0.001;

/// The spans of one set: their conditions, and when they started.
#[derive(Clone, Debug)]
pub struct SpanSet {
    /// What they are like.
    pub condition: Condition,
    /// When they started.
    pub times: Times,
}

/// Compares two sets of spans by everything that they say.
///
/// # Errors
/// Where the store cannot be read, or takes longer than it may.
pub fn compare(store: &Store, selection: &SpanSet, baseline: &SpanSet) -> Result<Comparison, StoreError> {
    let (selection, selected) = read(store, selection)?;
    let (baseline, others) = read(store, baseline)?;
    let attributes = differences((&selected, selection.compared), (&others, baseline.compared));
    Ok(Comparison { selection, baseline, attributes })
}

/// What the spans of a set say, by key.
type Said = BTreeMap<String, Values>;

/// What spans say of one key.
#[derive(Debug, Default)]
struct Values {
    /// The spans that have each of its most frequent values.
    spans: BTreeMap<String, u64>,
    /// Those that have any.
    in_all: u64,
}

fn read(store: &Store, set: &SpanSet) -> Result<(SetOfSpans, Said), StoreError> {
    Session::run(store, Plan::of(&set.condition), |session| {
        let (count, mut found) = find(session, set.times)?;
        session.end_finding();
        found.truncate(COMPARED);
        let failed = || {
            session.connection.execute_batch(include_str!("../../sql/search/begin_compared.sql"))?;
            let mut appender = session.connection.appender_to_catalog_and_db("found_rows", "temp", "main")?;
            for span in &found {
                let (hi, lo) = ((span.trace_id >> 64) as u64, span.trace_id as u64);
                appender.append_row(duckdb::params![hi, lo, span.span_id])?;
            }
            appender.flush()
        };
        failed().map_err(database("compare spans"))?;
        let starts = || found.iter().map(|span| span.start_ns);
        let times = Times {
            from_ns: starts().min().unwrap_or_default(),
            to_ns: starts().max().unwrap_or_default().saturating_add(1),
        };
        let none = Params::default();
        let errors =
            session.number(&times.put_into(include_str!("../../sql/search/compared_errors.sql")), &none)?;
        let sql = times.put_into(include_str!("../../sql/search/compared.sql"));
        let rows = session.rows(&sql.replace("{limit}", &MAX_VALUES.to_string()), &none, |row| {
            let (is_own, key, value): (bool, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
            Ok((is_own, key, value, row.get::<_, u64>(3)?, row.get::<_, u64>(4)?))
        })?;
        let mut said = Said::new();
        for (is_own, key, value, spans, in_all) in rows {
            let key = if is_own { key } else { key_text(&key) };
            let values = said.entry(key).or_default();
            values.spans.insert(value, spans);
            values.in_all = in_all;
        }
        let mut durations: Vec<u64> = found.iter().map(|span| span.duration_ns).collect();
        durations.sort_unstable();
        let compared = found.len() as u64;
        let traces: HashSet<u128> = found.iter().map(|span| span.trace_id).collect();
        let set = SetOfSpans {
            spans: count.max(compared),
            compared,
            traces: traces.len() as u64,
            error_rate: if compared == 0 { 0.0 } else { errors as f64 / compared as f64 },
            p50_ms: quantile_ms(&durations, 0.5),
            p99_ms: quantile_ms(&durations, 0.99),
        };
        Ok((set, said))
    })
}

/// How many spans meet the conditions, and the newest of them. Where a set that the conditions look into is too large, or
/// time is over, fewer are counted than there are.
fn find(session: &Session, times: Times) -> Result<(u64, Vec<Found>), StoreError> {
    let mut found: Vec<Found> = Vec::new();
    let mut count = 0;
    for piece in Pieces::of(times, session.plan.has_sets()) {
        let Some(too_large) = session.in_time(session.make_sets(piece.around()))? else { break };
        let mut wanted =
            Wanted { times: piece, order: SearchOrder::Newest, after: None, at_least_ns: 0, limit: STEP };
        while found.len() < COMPARED {
            let Some(spans) = session.in_time(session.find(&wanted, &too_large))? else {
                return Ok((count, found));
            };
            wanted.after = spans.last().copied();
            let is_last = spans.len() < STEP;
            match session.in_time(verified(session, spans, &too_large))? {
                Some(mut spans) => found.append(&mut spans),
                None => return Ok((count, found)),
            }
            if is_last {
                break;
            }
        }
        if !too_large.is_empty() {
            count = found.len() as u64;
            if found.len() >= COMPARED {
                break;
            }
            continue;
        }
        match session.in_time(session.count(piece, &too_large))? {
            Some(more) => count += more,
            None => break,
        }
    }
    Ok((count, found))
}

/// Those of the spans that meet the conditions, where that is not known yet.
fn verified(session: &Session, spans: Vec<Found>, too_large: &TooLarge) -> Result<Vec<Found>, StoreError> {
    if too_large.is_empty() {
        return Ok(spans);
    }
    let mut traces: Vec<Found> = spans.clone();
    traces.sort_by_key(|span| span.trace_id);
    traces.dedup_by_key(|span| span.trace_id);
    let mut right: HashSet<(String, u64)> = HashSet::new();
    for summary in summarise(session, &traces)? {
        let id = &summary.summary.trace_id;
        right.extend(summary.matched_spans.iter().map(|&span| (id.clone(), span)));
    }
    let is_right = |span: &Found| right.contains(&(format!("{:032x}", span.trace_id), span.span_id));
    Ok(spans.into_iter().filter(is_right).collect())
}

/// The duration below or at which this share lies, ms.
fn quantile_ms(sorted_ns: &[u64], share: f64) -> f64 {
    let rank = (sorted_ns.len() as f64 * share).ceil() as usize;
    sorted_ns.get(rank.saturating_sub(1)).map_or(0.0, |&ns| ns as f64 / 1e6)
}

/// What differs between two sets, each with its number of spans.
fn differences(selection: (&Said, u64), baseline: (&Said, u64)) -> Vec<AttributeDifference> {
    let keys: std::collections::BTreeSet<&String> = selection.0.keys().chain(baseline.0.keys()).collect();
    let mut told: Vec<(AttributeDifference, f64)> =
        keys.into_iter().filter_map(|key| difference(key, selection, baseline)).collect();
    let chances: Vec<f64> = told.iter().map(|(_, chance)| *chance).collect();
    for (significant, (difference, _)) in holm(&chances, LEVEL).into_iter().zip(&mut told) {
        difference.is_significant = significant;
    }
    let mut differences: Vec<AttributeDifference> =
        told.into_iter().map(|(difference, _)| difference).collect();
    differences.sort_by(|one, other| {
        (other.is_significant, other.effect)
            .partial_cmp(&(one.is_significant, one.effect))
            .unwrap_or(std::cmp::Ordering::Equal)
            .then_with(|| one.key.cmp(&other.key))
    });
    differences.truncate(MAX_KEYS);
    differences
}

/// How one key differs, and how likely that is by chance; none for a key whose values are ids.
fn difference(
    key: &str,
    (selection, selected): (&Said, u64),
    (baseline, others): (&Said, u64),
) -> Option<(AttributeDifference, f64)> {
    let mut counts: BTreeMap<Option<&str>, (u64, u64)> = BTreeMap::new();
    let (said, said_by_others) = (selection.get(key), baseline.get(key));
    for (value, spans) in said.iter().flat_map(|values| &values.spans) {
        counts.entry(Some(value)).or_default().0 += spans;
    }
    for (value, spans) in said_by_others.iter().flat_map(|values| &values.spans) {
        counts.entry(Some(value)).or_default().1 += spans;
    }
    let value_count = counts.len();
    let listed = counts.values().fold((0, 0), |sum, count| (sum.0 + count.0, sum.1 + count.1));
    if value_count >= ID_VALUES && listed.0 + listed.1 <= value_count as u64 * SPANS_AN_ID {
        return None;
    }
    let in_all = |values: Option<&Values>| values.map_or(0, |values| values.in_all);
    let have = (in_all(said), in_all(said_by_others));
    let without = (selected.saturating_sub(have.0), others.saturating_sub(have.1));
    if without != (0, 0) {
        counts.insert(None, without);
    }
    let share = |count: u64, of: u64| if of == 0 { 0.0 } else { count as f64 / of as f64 };
    let mut values: Vec<ValueShare> = counts
        .iter()
        .map(|(value, &(one, other))| ValueShare {
            value: value.map(str::to_owned),
            selection_count: one,
            baseline_count: other,
            selection_share: share(one, selected),
            baseline_share: share(other, others),
        })
        .collect();
    let distance = |value: &ValueShare| (value.selection_share - value.baseline_share).abs();
    let effect =
        if selected == 0 || others == 0 { 0.0 } else { values.iter().map(distance).sum::<f64>() / 2.0 };
    values.sort_by(|one, other| {
        distance(other).total_cmp(&distance(one)).then_with(|| one.value.cmp(&other.value))
    });
    values.truncate(MAX_TOLD_VALUES);
    // Values that were not read are many and rare, and count as one.
    let rest = (have.0.saturating_sub(listed.0), have.1.saturating_sub(listed.1));
    let all: Vec<(u64, u64)> = counts.into_values().chain([rest]).collect();
    let difference = AttributeDifference {
        key: key.to_owned(),
        effect,
        is_significant: false,
        value_count: value_count as u64,
        values,
    };
    Some((difference, chance_of_difference(&all)))
}

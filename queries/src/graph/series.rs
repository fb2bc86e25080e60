//! Requests, errors and durations over time: of a service, a version, a route, an edge.

mod chosen;
mod points;

use std::collections::BTreeMap;

use foldhash::HashMap;

use crate::api::graph::Source;
use crate::api::series::{Deploy, Series};
use crate::store::{Counts, Detail, Family, Measures, Selection, Store, StoreError, TimeRange};

use self::chosen::Chosen;
use super::answer::rfc3339;
use super::errors::ErrorRules;
use super::steps::Steps;
use super::voices::{ByVoice, Spoken, Voice};
use super::{GraphQuery, IdentityRules, SETTLE_SECONDS};

/// Of what a series is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SeriesSubject {
    /// Of the requests to a service.
    Service {
        /// Its name or node id.
        service: String,
        /// Only to this version.
        version: Option<String>,
        /// Only from this caller, by name or node id.
        caller: Option<String>,
        /// Only along this route.
        route: Option<String>,
    },
    /// Of the requests from one node to another, by their ids.
    Edge {
        /// Who calls.
        source: String,
        /// Who is called.
        target: String,
    },
}

/// Which series is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeriesQuestion {
    /// Of what.
    pub subject: SeriesSubject,
    /// By which evidence; by the best where nothing is said.
    pub evidence: Option<Source>,
    /// Length of a step, seconds, a multiple of ten; what a chart has room for where nothing is said.
    pub step_s: Option<i64>,
}

/// What requests did over a time range, step by step. Blocks.
///
/// # Errors
/// Where the store cannot be read.
pub fn series(
    store: &Store,
    (rules, error_rules): (&IdentityRules, &ErrorRules),
    query: &GraphQuery,
    question: &SeriesQuestion,
) -> Result<Series, StoreError> {
    let steps = match question.step_s {
        Some(seconds) => Steps::of(query.range, seconds),
        None => Steps::for_chart(query.range),
    };
    let range = TimeRange { from_s: steps.from_s, to_s: steps.to_s() };
    // What was there before is not new.
    let with_before = TimeRange { from_s: range.from_s - range.seconds(), ..range };
    let query = GraphQuery { range: with_before, ..*query };
    let edge_totals = store.counts(with_before, query.now_s - SETTLE_SECONDS)?;
    let chosen =
        store.directory(|directory| Chosen::of((directory, rules), &query, &edge_totals, &question.subject));
    let spoken = by_voice(store, range, &chosen)?.best_first();
    let best = match question.evidence {
        Some(wanted) => spoken.iter().find(|spoken| spoken.source == wanted),
        None => spoken.first(),
    };
    let others = spoken.iter().map(|spoken| spoken.source);
    let others = others.filter(|&source| best.is_none_or(|best| best.source != source)).collect();
    let (measures, total) = best.map_or_else(
        || Ok((vec![Measures::default(); steps.count], Measures::default())),
        |best| by_step(store, steps, &chosen, best),
    )?;
    let statuses = chosen.service.as_deref().and_then(|service| error_rules.of(service));
    let source = best.map(|best| best.source);
    let latency = points::Latencies::of(&total, source, chosen.prefers_callee);
    let (points, total, bins) = points::points(steps, &measures, &total, (latency, statuses));
    Ok(Series {
        from: rfc3339(range.from_s),
        to: rfc3339(range.to_s),
        step_s: steps.seconds as u32,
        evidence: source.or(question.evidence),
        others,
        points,
        total,
        bins,
        deploys: deploys(store, steps, with_before, &chosen)?,
    })
}

/// What each voice counts in the range.
fn by_voice(store: &Store, range: TimeRange, chosen: &Chosen) -> Result<ByVoice<Counts>, StoreError> {
    let mut by_voice = ByVoice::<Counts>::default();
    for family in [Family::Edges, Family::Routes] {
        let voices: HashMap<u32, Voice> = chosen.of_family(family).collect();
        let ids: Vec<u32> = voices.keys().copied().collect();
        let selection =
            Selection { series: Some(&ids), detail: Detail::Counts, ..Selection::of(family, range) };
        store.rows(&selection, |row| {
            if let Some(&voice) = voices.get(&row.series_id) {
                by_voice.0.entry(voice).or_default().merge(row.counts, 1);
            }
        })?;
    }
    by_voice.0.retain(|_, counts| *counts != Counts::default());
    Ok(by_voice)
}

/// What a source of evidence counts step by step, and in all.
fn by_step(
    store: &Store,
    steps: Steps,
    chosen: &Chosen,
    best: &Spoken,
) -> Result<(Vec<Measures>, Measures), StoreError> {
    let mut measures = vec![Measures::default(); steps.count];
    let range = TimeRange { from_s: steps.from_s, to_s: steps.to_s() };
    for family in [Family::Edges, Family::Routes] {
        let spoken = chosen.of_family(family).filter(|(_, voice)| best.voices.contains(voice));
        let ids: Vec<u32> = spoken.map(|(id, _)| id).collect();
        let selection =
            Selection { series: Some(&ids), longest_s: steps.seconds, ..Selection::of(family, range) };
        store.rows(&selection, |row| {
            if let Some(step) = steps.at(row.bucket_s) {
                measures[step].merge(&row.measures(), 1);
            }
        })?;
    }
    let mut total = Measures::default();
    for measures in &measures {
        total.merge(measures, 1);
    }
    Ok((measures, total))
}

/// The versions of the service that answered in the range for the first time, looking one range back.
fn deploys(
    store: &Store,
    steps: Steps,
    with_before: TimeRange,
    chosen: &Chosen,
) -> Result<Vec<Deploy>, StoreError> {
    let ids: Vec<u32> = chosen.versions.keys().copied().collect();
    let selection = Selection {
        series: Some(&ids),
        detail: Detail::Counts,
        longest_s: steps.seconds,
        ..Selection::of(Family::Edges, with_before)
    };
    let mut first_s: BTreeMap<&str, i64> = BTreeMap::new();
    store.rows(&selection, |row| {
        if let Some(version) = chosen.versions.get(&row.series_id).filter(|_| row.counts.requests > 0) {
            let first = first_s.entry(version).or_insert(row.bucket_s);
            *first = row.bucket_s.min(*first);
        }
    })?;
    let fresh = first_s.into_iter().filter_map(|(version, first_s)| Some((version, steps.at(first_s)?)));
    let mut fresh: Vec<(usize, &str)> = fresh.map(|(version, step)| (step, version)).collect();
    fresh.sort_unstable();
    let service = chosen.service.clone().unwrap_or_default();
    let deploy = |(step, version): (usize, &str)| Deploy {
        at: rfc3339(steps.start_s(step)),
        service: service.clone(),
        version: version.to_owned(),
    };
    Ok(fresh.into_iter().map(deploy).collect())
}

#[cfg(test)]
mod tests;

//! How often requests to each side were tried again, step by step.

use foldhash::HashSet;

use super::{SidesQuestion, Told, steps, voices};
use crate::canary::Both;
use crate::graph::voices::{ByVoice, Voice};
use crate::store::{Counts, Detail, Family, Selection, Store, StoreError};

/// What was tried in a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tried {
    /// Finished requests.
    pub requests: i64,
    /// Tries beyond the first.
    pub retries: i64,
}

/// What each step says of retries, by the first source that knows of attempts on both sides.
pub(super) fn by_step(
    store: &Store,
    question: &SidesQuestion,
    told: &Both<Told>,
) -> Result<Vec<Both<Tried>>, StoreError> {
    let Some((family, spoken)) = who_knows(told) else { return Ok(Vec::new()) };
    let mut tried = vec![Both::<Tried>::default(); steps(question, 1).count];
    for (side, told) in told.iter().enumerate() {
        let steps = steps(question, side);
        let series = told.series.iter().filter(|one| one.0 == family && spoken.contains(&one.2));
        let ids: HashSet<u32> = series.map(|one| one.1).collect();
        let ids: Vec<u32> = ids.into_iter().collect();
        let selection = Selection {
            series: Some(&ids),
            detail: Detail::Counts,
            longest_s: steps.seconds,
            ..Selection::of(family, question.ranges[side])
        };
        store.rows(&selection, |row| {
            if let Some(step) = steps.at(row.bucket_s).and_then(|step| tried.get_mut(step)) {
                step[side].requests += row.counts.requests;
                step[side].retries += row.counts.retries;
            }
        })?;
    }
    Ok(tried)
}

fn who_knows(told: &Both<Told>) -> Option<(Family, Vec<Voice>)> {
    for family in [Family::Edges, Family::Routes] {
        let both = told.each_ref().map(|told| voices(told, family));
        let mut all = both[0].clone();
        for (voice, counts) in &both[1].0 {
            all.0.entry(*voice).or_default().merge(*counts, 1);
        }
        for spoken in all.best_first() {
            let knows = |side: &ByVoice<Counts>| {
                spoken.voices.iter().filter_map(|voice| side.0.get(voice)).any(|counts| counts.attempts > 0)
            };
            if both.iter().all(knows) {
                return Some((family, spoken.voices));
            }
        }
    }
    None
}

//! What both sides did in each step, as it is read.

use foldhash::HashMap;

use crate::api::canary::FEW_REQUESTS;
use crate::api::graph::Source;
use crate::canary::{Both, Side, StratumKey};
use crate::graph::errors::Statuses;
use crate::sketch::Bins;
use crate::store::{Detail, Family, Selection, Store, StoreError};

use super::{Cell, Sides, SidesQuestion, steps};

/// Routes and callers that are looked at one by one, those with the most requests; all others are one.
const MAX_STRATA: usize = 500;
/// Requests on the side that has fewer of them, from which on a route of a caller is looked at by itself.
const ENOUGH: i64 = 20;
/// Routes of one side alone that are named.
const MAX_ALONE: usize = 10;

/// What was read so far.
pub(super) struct Tallies<'q> {
    question: &'q SidesQuestion,
    statuses: Option<&'q Statuses>,
    numbers: HashMap<StratumKey, usize>,
    cells: HashMap<(usize, usize), Both<Side>>,
}

impl<'q> Tallies<'q> {
    pub(super) fn new(question: &'q SidesQuestion, statuses: Option<&'q Statuses>) -> Self {
        Self { question, statuses, numbers: HashMap::default(), cells: HashMap::default() }
    }

    /// Reads what some series say of a side.
    pub(super) fn read(
        &mut self,
        store: &Store,
        (side, family): (usize, Family),
        wanted: &HashMap<u32, &StratumKey>,
        source: Source,
    ) -> Result<(), StoreError> {
        let steps = steps(self.question, side);
        let ids: Vec<u32> = wanted.keys().copied().collect();
        let mut strata: HashMap<u32, usize> = HashMap::default();
        for (&id, &key) in wanted {
            let next = self.numbers.len();
            strata.insert(id, *self.numbers.entry(key.clone()).or_insert(next));
        }
        let selection = Selection {
            series: Some(&ids),
            detail: if self.statuses.is_some() { Detail::All } else { Detail::Latency },
            longest_s: steps.seconds,
            ..Selection::of(family, self.question.ranges[side])
        };
        store.rows(&selection, |row| {
            let (Some(step), Some(&stratum)) = (steps.at(row.bucket_s), strata.get(&row.series_id)) else {
                return;
            };
            let stats = || row.stats.0.iter().copied().zip(row.stats.1.iter().copied());
            let errors = row.counts.errors;
            let (bins, counts) = row.client;
            let told = &mut self.cells.entry((step, stratum)).or_default()[side];
            told.requests += row.counts.requests;
            told.errors += self.statuses.map_or(errors, |statuses| statuses.change(errors, stats()));
            // Envoy's histograms leave out what timed out.
            told.never += if source == Source::Envoy { row.counts.timeouts } else { 0 };
            let bins = bins.iter().copied().zip(counts.iter().copied());
            told.latency.merge(&Bins::from_sorted(bins), 1);
        })
    }

    /// Puts everything in order; routes with few requests become one.
    pub(super) fn finish(self, sides: &mut Sides) {
        sides.steps = steps(self.question, 1).count;
        sides.by_step = vec![[0; 2]; sides.steps];
        let mut requests = vec![[0_i64; 2]; self.numbers.len()];
        for (&(step, stratum), both) in &self.cells {
            for (side, told) in both.iter().enumerate() {
                requests[stratum][side] += told.requests;
                if let Some(sum) = sides.by_step.get_mut(step) {
                    sum[side] += told.requests;
                }
            }
        }
        let mut keys: Vec<(StratumKey, usize)> = self.numbers.into_iter().collect();
        let least = |number: usize| requests[number].into_iter().min().unwrap_or(0);
        keys.sort_by(|one, other| least(other.1).cmp(&least(one.1)).then_with(|| one.0.cmp(&other.0)));
        let mut places = vec![None; keys.len()];
        let mut small = None;
        for (key, number) in keys {
            if least(number) <= 0 {
                for (alone, requests) in sides.alone.iter_mut().zip(requests[number]) {
                    *alone += requests;
                }
                if sides.alone_routes.len() < MAX_ALONE {
                    sides.alone_routes.push(key);
                }
                continue;
            }
            let is_small = least(number) < ENOUGH || sides.strata.len() >= MAX_STRATA;
            places[number] = Some(match small {
                Some(small) if is_small => small,
                _ => {
                    let key = if is_small {
                        StratumKey { route: FEW_REQUESTS.to_owned(), caller: None }
                    } else {
                        key
                    };
                    sides.strata.push(key);
                    let place = sides.strata.len() - 1;
                    small = small.or(is_small.then_some(place));
                    place
                }
            });
        }
        let mut cells: HashMap<(usize, usize), Both<Side>> = HashMap::default();
        for ((step, stratum), both) in self.cells {
            // What only one side has cannot be compared.
            let Some(place) = places[stratum] else { continue };
            let into = cells.entry((step, place)).or_default();
            for (into, side) in into.iter_mut().zip(&both) {
                into.add(side);
            }
        }
        let cells = cells.into_iter().map(|((step, stratum), sides)| Cell { step, stratum, sides });
        sides.cells = cells.collect();
        sides.cells.sort_unstable_by_key(|cell| (cell.step, cell.stratum));
    }
}

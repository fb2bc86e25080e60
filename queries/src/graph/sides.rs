//! What two versions of a service did, step by step, for whoever compares them.

mod tallies;
mod tried;

use std::collections::BTreeMap;

use foldhash::HashMap;

use crate::api::canary::ALL_ROUTES;
use crate::api::graph::Source;
use crate::canary::{Both, Side, StratumKey};
use crate::dictionary::StatId;
use crate::rows::envoy::StatObject;
use crate::sketch::{Bins, Scheme};
use crate::store::{
    Counts, Detail, Directory, Family, Selection, SeriesKey, SeriesTotal, Store, StoreError, TimeRange,
};

use self::tallies::Tallies;
pub use self::tried::Tried;
use super::answer::COMPLETE;
use super::edges;
use super::errors::ErrorRules;
use super::steps::Steps;
use super::views::Resolver;
use super::voices::{ByVoice, Spoken, Voice, scheme};
use super::{GraphQuery, IdentityRules, SETTLE_SECONDS};

/// Which versions, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SidesQuestion {
    /// Name or node id of the service.
    pub service: String,
    /// The versions: the baseline, and the candidate.
    pub versions: Both<String>,
    /// When each is looked at. Both ranges are as long as each other, and the same, unless two times are compared.
    pub ranges: Both<TimeRange>,
    /// Length of a step, seconds.
    pub step_s: i64,
    /// The time now, seconds since 1970.
    pub now_s: i64,
}

/// What both did.
#[derive(Clone, Debug, Default)]
pub struct Sides {
    /// The service's name, if any such was seen.
    pub service: Option<String>,
    /// Where the numbers are from.
    pub source: Option<Source>,
    /// Steps that there are.
    pub steps: usize,
    /// Routes and callers.
    pub strata: Vec<StratumKey>,
    /// What happened along each in each step in which something did, by step.
    pub cells: Vec<Cell>,
    /// Requests of each side in each step, along whatever route.
    pub by_step: Vec<Both<i64>>,
    /// Requests of each side along routes and for callers that the other has none of.
    pub alone: Both<i64>,
    /// The routes of [`Self::alone`] with the most requests.
    pub alone_routes: Vec<StratumKey>,
    /// What each source of evidence counts of each side.
    pub by_source: Vec<(Source, Both<Counts>)>,
    /// What the source that tells of retries says of each step; nothing where none does.
    pub tried: Vec<Both<Tried>>,
    /// Healthy hosts of each side by the last scrapes of the proxies that call it; zero where none tells.
    pub hosts: Both<u64>,
    /// Statistics of the proxies that call each side, by their numbers in the [dictionary](crate::dictionary).
    pub stats: Both<Bins>,
    /// The part of the candidate in each weighted route that has both, as configured.
    pub configured: Vec<f64>,
    /// Calls to others by node id, as traces tell, in the time in which each side was asked [`Self::calling`].
    pub calls: BTreeMap<String, Both<Counts>>,
    /// Requests by the evidence that [`Self::calls`] are from.
    pub calling: Both<i64>,
    /// Proxies that are known, and how many of them reported in the range.
    pub proxies: (u64, u64),
}

/// What happened along one route, for one caller, in one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// The step.
    pub step: usize,
    /// Number in [`Sides::strata`].
    pub stratum: usize,
    /// What both sides did.
    pub sides: Both<Side>,
}

impl Sides {
    /// The scheme of the bins.
    pub fn scheme(&self) -> Scheme {
        self.source.map_or(Scheme::Log, scheme)
    }
}

/// The series that tell of one side.
#[derive(Clone, Debug, Default)]
struct Told {
    /// Of routes and of edges.
    series: Vec<(Family, u32, Voice, StratumKey)>,
    counts: HashMap<(Family, u32), Counts>,
}

/// What two versions of a service did. Blocks.
///
/// # Errors
/// Where the store cannot be read.
pub fn sides(
    store: &Store,
    (rules, error_rules): (&IdentityRules, &ErrorRules),
    question: &SidesQuestion,
) -> Result<Sides, StoreError> {
    let mut sides = Sides::default();
    let mut told: Both<Told> = Default::default();
    for (side, told) in told.iter_mut().enumerate() {
        let range = question.ranges[side];
        let query = GraphQuery { range, by_version: false, now_s: question.now_s };
        let totals = store.counts(range, question.now_s - SETTLE_SECONDS)?;
        let read = |directory: &Directory| {
            let resolver = Resolver::new(directory, rules, &totals, &query);
            Search { directory, totals: &totals, resolver, question, side }.all(&mut sides)
        };
        *told = store.directory(read);
        for family in [Family::Routes, Family::Edges] {
            counted(store, range, family, told)?;
        }
    }
    let Some((family, best)) = best_evidence(&told) else { return Ok(sides) };
    sides.source = Some(best.source);
    sides.by_source = by_source(&told);
    sides.tried = tried::by_step(store, question, &told)?;
    for (side, told) in told.iter().enumerate() {
        let clusters: Vec<u32> = told
            .series
            .iter()
            .filter(|one| one.0 == Family::Edges && one.2 == Voice::Envoy)
            .map(|one| one.1)
            .collect();
        for measures in store.measures(question.ranges[side], &clusters)?.into_values() {
            sides.stats[side].merge(&measures.stats, 1);
        }
    }
    let service = sides.service.clone().unwrap_or_default();
    let mut tallies = Tallies::new(question, error_rules.of(&service));
    for (side, told) in told.iter().enumerate() {
        let wanted = told.series.iter().filter(|one| one.0 == family && best.voices.contains(&one.2));
        let wanted: HashMap<u32, &StratumKey> = wanted.map(|one| (one.1, &one.3)).collect();
        tallies.read(store, (side, family), &wanted, best.source)?;
    }
    tallies.finish(&mut sides);
    Ok(sides)
}

/// What the series of a side count.
fn counted(store: &Store, range: TimeRange, family: Family, told: &mut Told) -> Result<(), StoreError> {
    let ids: Vec<u32> = told.series.iter().filter(|one| one.0 == family).map(|one| one.1).collect();
    let selection = Selection { series: Some(&ids), detail: Detail::Counts, ..Selection::of(family, range) };
    store.rows(&selection, |row| {
        told.counts.entry((family, row.series_id)).or_default().merge(row.counts, 1);
    })
}

/// What each voice of a family counts of a side.
fn voices(told: &Told, family: Family) -> ByVoice<Counts> {
    let mut by_voice = ByVoice::<Counts>::default();
    for (of, id, voice, _) in &told.series {
        if let Some(counts) =
            told.counts.get(&(*of, *id)).filter(|counts| *of == family && counts.requests > 0)
        {
            by_voice.0.entry(*voice).or_default().merge(*counts, 1);
        }
    }
    by_voice
}

/// Routes are told of by logs and traces. Where those see too little of what there is, all routes are one.
fn best_evidence(told: &Both<Told>) -> Option<(Family, Spoken)> {
    let best = |family| {
        let [mut both, candidate] = told.each_ref().map(|one| voices(one, family));
        for (voice, counts) in candidate.0 {
            both.0.entry(voice).or_default().merge(counts, 1);
        }
        both.best_first().into_iter().next()
    };
    match (best(Family::Routes), best(Family::Edges)) {
        (Some(routes), Some(edges)) if (routes.requests as f64) < COMPLETE * edges.requests as f64 => {
            Some((Family::Edges, edges))
        }
        (Some(routes), _) => Some((Family::Routes, routes)),
        (None, edges) => edges.map(|edges| (Family::Edges, edges)),
    }
}

fn by_source(told: &Both<Told>) -> Vec<(Source, Both<Counts>)> {
    let mut sums: BTreeMap<Source, Both<Counts>> = BTreeMap::new();
    for (side, told) in told.iter().enumerate() {
        for family in [Family::Edges, Family::Routes] {
            let by_voice = voices(told, family);
            for spoken in by_voice.best_first() {
                let sum = &mut sums.entry(spoken.source).or_default()[side];
                // Routes and edges tell of the same requests.
                if sum.requests == 0 {
                    spoken.voices.iter().for_each(|voice| sum.merge(by_voice.0[voice], 1));
                }
            }
        }
    }
    sums.into_iter().collect()
}

/// The search for what tells of one side.
struct Search<'a, 'q> {
    directory: &'a Directory,
    totals: &'q [(u32, SeriesTotal)],
    resolver: Resolver<'a>,
    question: &'q SidesQuestion,
    side: usize,
}

impl Search<'_, '_> {
    fn all(mut self, sides: &mut Sides) -> Told {
        let mut told = Told::default();
        self.edges(&mut told, sides);
        for (id, key) in self.directory.all_route_series() {
            for view in self.resolver.views_of_route(key) {
                if self.is_wanted(view.callee, sides) {
                    let caller = view.caller.map(|caller| self.resolver.node(caller).1.clone());
                    let key = StratumKey { route: view.route.to_owned(), caller };
                    told.series.push((Family::Routes, id, view.voice, key));
                }
            }
        }
        self.configured(sides);
        sides.hosts[self.side] = self.hosts(&told);
        sides.proxies = (self.resolver.merged.proxies, self.resolver.merged.proxies_reporting);
        told
    }

    /// Whether a node is this side of the comparison.
    fn is_wanted(&self, node: usize, sides: &mut Sides) -> bool {
        if !self.resolver.is(node, &self.question.service) {
            return false;
        }
        let (key, _) = self.resolver.node(node);
        sides.service.get_or_insert_with(|| key.name.clone());
        key.version == self.question.versions[self.side]
    }

    fn edges(&mut self, told: &mut Told, sides: &mut Sides) {
        let edges = edges::told_once(&self.resolver.merged.told);
        let nodes: Vec<_> = self.resolver.merged.nodes.iter().map(|(node, _)| node.clone()).collect();
        let numbers: Vec<usize> = nodes.into_iter().map(|node| self.resolver.number(node)).collect();
        let totals: HashMap<u32, Counts> =
            self.totals.iter().map(|(id, total)| (*id, total.measures.counts)).collect();
        for (edge, voice, id) in edges {
            let (caller, callee) = (numbers[edge.source], numbers[edge.target]);
            let counts = totals.get(&id).copied().unwrap_or_default();
            if self.is_wanted(callee, sides) {
                let caller = Some(self.resolver.node(caller).1.clone());
                let key = StratumKey { route: ALL_ROUTES.to_owned(), caller };
                told.series.push((Family::Edges, id, voice, key));
                if voice == Voice::Trace {
                    sides.calling[self.side] += counts.requests;
                }
            } else if voice == Voice::Trace && self.is_wanted(caller, sides) {
                let callee = self.resolver.node(callee).1.clone();
                sides.calls.entry(callee).or_default()[self.side].merge(counts, 1);
            }
        }
    }

    /// Healthy hosts of the clusters that lead to this side, each cluster as the proxy tells that knows most.
    fn hosts(&self, told: &Told) -> u64 {
        const HEALTHY: StatId = StatId(91);
        let mut by_cluster: BTreeMap<&str, u64> = BTreeMap::new();
        for (_, id, ..) in told.series.iter().filter(|one| one.0 == Family::Edges && one.2 == Voice::Envoy) {
            let Some(SeriesKey::Envoy { proxy, object }) = self.directory.series(*id) else { continue };
            let StatObject::Cluster(cluster) = &**object else { continue };
            let record = self.directory.proxies().get(&**proxy);
            let gauges = record.and_then(|record| record.gauges.iter().find(|one| one.object == **object));
            let healthy = gauges.map_or(0, |gauges| gauges.values.get(HEALTHY));
            let known = by_cluster.entry(cluster).or_default();
            *known = healthy.max(*known);
        }
        by_cluster.into_values().sum()
    }

    /// The part that the candidate gets wherever a proxy's configuration splits traffic between the two.
    fn configured(&mut self, sides: &mut Sides) {
        if self.side == 0 {
            return;
        }
        let [baseline, candidate] = &self.question.versions;
        for record in self.directory.proxies().values() {
            for route in &record.config.weighted_routes {
                let mut weights = [0_u64; 2];
                for (cluster, weight) in &route.targets {
                    let Some(node) = self.resolver.node_of_cluster(cluster, record) else { continue };
                    if !self.resolver.is(node, &self.question.service) {
                        continue;
                    }
                    let version = &self.resolver.node(node).0.version;
                    weights[0] += u64::from(*weight) * u64::from(version == baseline);
                    weights[1] += u64::from(*weight) * u64::from(version == candidate);
                }
                if route.targets.len() > 1 && weights.iter().sum::<u64>() > 0 {
                    sides.configured.push(weights[1] as f64 / (weights[0] + weights[1]) as f64);
                }
            }
        }
    }
}

/// Steps over both ranges, as long as each other.
fn steps(question: &SidesQuestion, side: usize) -> Steps {
    Steps::of(question.ranges[side], question.step_s)
}

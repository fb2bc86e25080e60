//! Which rows there are, and which series tell of each.

use foldhash::HashMap;

use crate::rows::envoy::StatObject;
use crate::store::{Counts, Family, SeriesKey, SeriesTotal, Store};

use super::{RouteCounts, RouteFilter};
use crate::graph::identity::NodeKey;
use crate::graph::views::{Resolver, View};
use crate::graph::voices::{ByVoice, Spoken, Voice};
use crate::graph::{GraphQuery, IdentityRules};

/// The rows of a table of routes.
pub(super) struct Plan {
    nodes: Vec<(NodeKey, String)>,
    pub(super) rows: Vec<Row>,
}

/// A row: a route of one version of a service, of one caller or of all.
pub(super) struct Row {
    callee: usize,
    pub(super) caller: Option<usize>,
    pub(super) route: String,
    /// The series behind each voice.
    pub(super) series: ByVoice<Vec<(Family, u32)>>,
    /// Who tells of it, the best first.
    pub(super) spoken: Vec<Spoken>,
}

impl Row {
    /// Requests, by the best evidence.
    pub(super) fn requests(&self) -> i64 {
        self.spoken.first().map_or(0, |best| best.requests)
    }

    /// The series of the best evidence.
    pub(super) fn best_series(&self) -> impl Iterator<Item = &(Family, u32)> {
        let voices = self.spoken.first().into_iter().flat_map(|best| &best.voices);
        voices.filter_map(|voice| self.series.0.get(voice)).flatten()
    }
}

/// The series of routes that may be wanted, where not all are.
pub(super) fn wanted_series(
    store: &Store,
    rules: &IdentityRules,
    query: &GraphQuery,
    filter: &RouteFilter,
    edge_totals: &[(u32, SeriesTotal)],
) -> Option<Vec<u32>> {
    if filter.service.is_none() && filter.caller.is_none() {
        return None;
    }
    Some(store.directory(|directory| {
        let mut resolver = Resolver::new(directory, rules, edge_totals, query);
        let mut wanted = Vec::new();
        for (id, key) in directory.all_route_series() {
            let views = resolver.views_of_route(key);
            if views.iter().any(|view| is_wanted(&resolver, view, filter)) {
                wanted.push(id);
            }
        }
        wanted
    }))
}

fn is_wanted(resolver: &Resolver<'_>, view: &View<'_>, filter: &RouteFilter) -> bool {
    let (callee, _) = resolver.node(view.callee);
    let of_service = filter.service.as_ref().is_none_or(|wanted| resolver.is(view.callee, wanted));
    let of_version = filter.version.as_ref().is_none_or(|wanted| callee.version == *wanted);
    let of_caller = match (&filter.caller, view.caller) {
        (None, None) => !filter.by_caller,
        (None, Some(_)) => true,
        (Some(wanted), caller) => caller.is_some_and(|caller| resolver.is(caller, wanted)),
    };
    let found = || {
        filter.find.as_ref().is_none_or(|text| {
            let text = text.to_lowercase();
            view.route.to_lowercase().contains(&text) || callee.name.to_lowercase().contains(&text)
        })
    };
    of_service && of_version && of_caller && found()
}

/// Rows in the making.
struct Rows<'a, 'f> {
    resolver: Resolver<'a>,
    filter: &'f RouteFilter,
    numbers: HashMap<(usize, Option<usize>, &'a str), usize>,
    found: Vec<(Row, ByVoice<Counts>)>,
    /// Callers by their ids.
    callers: HashMap<String, usize>,
}

impl<'a> Rows<'a, '_> {
    fn add(&mut self, view: View<'a>, series: (Family, u32), counts: Counts) {
        if !is_wanted(&self.resolver, &view, self.filter) {
            return;
        }
        let View { callee, caller, voice, route } = view;
        // Versions of a caller are one row.
        let caller = caller.filter(|_| self.filter.by_caller).map(|caller| {
            let id = self.resolver.node(caller).1.clone();
            *self.callers.entry(id).or_insert(caller)
        });
        let number = *self.numbers.entry((callee, caller, route)).or_insert_with(|| {
            let (series, spoken) = (ByVoice::default(), Vec::new());
            let row = Row { callee, caller, route: route.to_owned(), series, spoken };
            self.found.push((row, ByVoice::default()));
            self.found.len() - 1
        });
        let (row, by_voice) = &mut self.found[number];
        row.series.0.entry(voice).or_default().push(series);
        by_voice.0.entry(voice).or_default().merge(counts, 1);
    }
}

impl Plan {
    pub(super) fn new(
        store: &Store,
        rules: &IdentityRules,
        query: &GraphQuery,
        filter: &RouteFilter,
        (edge_totals, counts): (&[(u32, SeriesTotal)], &RouteCounts),
    ) -> Self {
        store.directory(|directory| {
            let resolver = Resolver::new(directory, rules, edge_totals, query);
            let (numbers, callers) = (HashMap::default(), HashMap::default());
            let mut rows = Rows { resolver, filter, numbers, found: Vec::new(), callers };
            for (id, &[requests, settled]) in (0..).zip(counts).filter(|(_, counts)| **counts != [0, 0]) {
                let Some(key) = directory.route_series(id) else { continue };
                if settled == 0 && rows.resolver.comes_yet(key) {
                    continue;
                }
                let counts = Counts { requests, ..Counts::default() };
                for view in rows.resolver.views_of_route(key) {
                    rows.add(view, (Family::Routes, id), counts);
                }
            }
            for (id, total) in edge_totals {
                let Some(SeriesKey::Envoy { proxy, object }) = directory.series(*id) else { continue };
                let counts = total.measures.counts;
                if is_route(object)
                    && counts.requests > 0
                    && let Some(view) = rows.resolver.view_of_stats(proxy, object)
                {
                    rows.add(view, (Family::Edges, *id), counts);
                }
            }
            let nodes = rows.resolver.into_nodes();
            let spoken =
                rows.found.into_iter().map(|(row, by_voice)| Row { spoken: by_voice.best_first(), ..row });
            Self { nodes, rows: spoken.filter(|row| row.requests() > 0).collect() }
        })
    }

    /// Keeps the rows with the most requests: most requests first; then by service, route, version and caller, so that the
    /// order is the same each time.
    pub(super) fn keep(&mut self, limit: usize) {
        let nodes = &self.nodes;
        let id = |number: usize| nodes[number].1.as_str();
        let order = |one: &Row, other: &Row| {
            let key = |row: &Row| (row.callee, row.caller);
            let ((callee, caller), (other_callee, other_caller)) = (key(one), key(other));
            other
                .requests()
                .cmp(&one.requests())
                .then_with(|| id(callee).cmp(id(other_callee)))
                .then_with(|| one.route.cmp(&other.route))
                .then_with(|| nodes[callee].0.version.cmp(&nodes[other_callee].0.version))
                .then_with(|| caller.map(id).cmp(&other_caller.map(id)))
        };
        // Most of a large mesh's are not kept, so that their order is nobody's concern.
        if limit < self.rows.len() {
            self.rows.select_nth_unstable_by(limit, order);
            self.rows.truncate(limit);
        }
        self.rows.sort_unstable_by(order);
    }

    /// The service of a row, and its id.
    pub(super) fn node(&self, row: &Row) -> &(NodeKey, String) {
        &self.nodes[row.callee]
    }

    /// Id of the caller that a row is about.
    pub(super) fn caller_id(&self, row: &Row) -> Option<String> {
        row.caller.map(|caller| self.nodes[caller].1.clone())
    }
}

fn is_route(object: &StatObject) -> bool {
    matches!(object, StatObject::Route { .. } | StatObject::VirtualCluster { .. })
}

/// Whose proxies saw what a row tells, where its numbers are from logs.
pub(super) fn is_by_callee(spoken: &[Spoken]) -> bool {
    spoken.first().is_some_and(|best| best.voices == [Voice::LoggedByCallee])
}

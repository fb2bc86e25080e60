//! Which rollup series tell of what was asked for.

use foldhash::{HashMap, HashSet};

use crate::store::{Directory, Family, SeriesKey, SeriesTotal};

use super::SeriesSubject;
use crate::graph::edges;
use crate::graph::views::Resolver;
use crate::graph::voices::Voice;
use crate::graph::{GraphQuery, IdentityRules};

/// The series that tell of what was asked for.
#[derive(Debug, Default)]
pub(super) struct Chosen {
    /// As whose voice each speaks.
    series: Vec<(Family, u32, Voice)>,
    /// Series of edges to the service, whoever calls, with the version that is called, where known.
    pub(super) versions: HashMap<u32, String>,
    /// The service that is called.
    pub(super) service: Option<String>,
    /// Whether the callee's view of latencies comes first, as for the nodes of the graph.
    pub(super) prefers_callee: bool,
}

/// The search for them.
struct Search<'a, 'q> {
    directory: &'a Directory,
    edge_totals: &'q [(u32, SeriesTotal)],
    resolver: Resolver<'a>,
    subject: &'q SeriesSubject,
    chosen: Chosen,
}

impl Chosen {
    pub(super) fn of<'a>(
        (directory, rules): (&'a Directory, &'a IdentityRules),
        query: &GraphQuery,
        edge_totals: &[(u32, SeriesTotal)],
        subject: &SeriesSubject,
    ) -> Self {
        let resolver = Resolver::new(directory, rules, edge_totals, query);
        let mut search = Search { directory, edge_totals, resolver, subject, chosen: Self::default() };
        match subject {
            SeriesSubject::Service { route: Some(route), .. } => {
                search.edges(false);
                search.logs_of_callee(false);
                search.routes(route);
            }
            SeriesSubject::Service { caller, .. } => {
                search.chosen.prefers_callee = caller.is_none();
                search.edges(true);
                search.logs_of_callee(true);
            }
            SeriesSubject::Edge { .. } => search.edges(true),
        }
        search.chosen
    }

    /// The series of one family with their voices.
    pub(super) fn of_family(&self, family: Family) -> impl Iterator<Item = (u32, Voice)> {
        self.series.iter().filter(move |one| one.0 == family).map(|&(_, id, voice)| (id, voice))
    }
}

impl<'a> Search<'a, '_> {
    /// Whether a node is the service that was asked for, in whatever version.
    fn is_callee(&self, callee: usize) -> bool {
        match self.subject {
            SeriesSubject::Service { service, .. } => self.resolver.is(callee, service),
            SeriesSubject::Edge { target, .. } => self.resolver.is(callee, target),
        }
    }

    fn is_wanted(&self, callee: usize, caller: Option<usize>) -> bool {
        let is_caller = |wanted: &str| caller.is_some_and(|caller| self.resolver.is(caller, wanted));
        self.is_callee(callee)
            && match self.subject {
                SeriesSubject::Edge { source, .. } => is_caller(source),
                SeriesSubject::Service { version, caller: wanted, .. } => {
                    let is_version = |version: &String| self.resolver.node(callee).0.version == *version;
                    version.as_ref().is_none_or(is_version)
                        && wanted.as_ref().is_none_or(|wanted| is_caller(wanted))
                }
            }
    }

    /// The series of edges, of which the versions are known, and which are `taken` themselves where no route is asked for.
    fn edges(&mut self, taken: bool) {
        let told = std::mem::take(&mut self.resolver.merged.told);
        let once: HashSet<u32> = edges::told_once(&told).into_iter().map(|one| one.2).collect();
        let nodes: Vec<_> = self.resolver.merged.nodes.iter().map(|(node, _)| node.clone()).collect();
        let numbers: Vec<usize> = nodes.into_iter().map(|node| self.resolver.number(node)).collect();
        for (edge, voice, id) in told {
            let (caller, callee) = (numbers[edge.source], numbers[edge.target]);
            if self.is_callee(callee) {
                self.found(callee, id);
            }
            if taken && self.is_wanted(callee, Some(caller)) && once.contains(&id) {
                self.chosen.series.push((Family::Edges, id, voice));
            }
        }
    }

    fn found(&mut self, callee: usize, id: u32) {
        let (node, _) = self.resolver.node(callee);
        if !node.version.is_empty() {
            self.chosen.versions.insert(id, node.version.clone());
        }
        self.chosen.service.get_or_insert_with(|| node.name.clone());
    }

    /// What the service's own proxies logged, for want of what its callers' did; likewise.
    fn logs_of_callee(&mut self, taken: bool) {
        for (id, _) in self.edge_totals {
            let Some(SeriesKey::Logged(logged)) = self.directory.series(*id) else { continue };
            for view in self.resolver.views_of_log(logged) {
                if view.voice != Voice::LoggedByCallee {
                    continue;
                }
                if self.is_callee(view.callee) {
                    self.found(view.callee, *id);
                }
                if taken && self.is_wanted(view.callee, view.caller) {
                    self.chosen.series.push((Family::Edges, *id, view.voice));
                }
            }
        }
    }

    fn routes(&mut self, route: &str) {
        for (id, key) in self.directory.all_route_series() {
            let is_route = match key {
                SeriesKey::Traced(traced) => &*traced.route == route,
                SeriesKey::Logged(logged) => logged.route == route,
                _ => false,
            };
            if is_route {
                self.route(key, id);
            }
        }
        for (id, _) in self.edge_totals {
            let Some(SeriesKey::Envoy { proxy, object }) = self.directory.series(*id) else { continue };
            if let Some(view) = self.resolver.view_of_stats(proxy, object)
                && view.route == route
                && self.is_wanted(view.callee, view.caller)
            {
                self.chosen.series.push((Family::Edges, *id, view.voice));
            }
        }
    }

    fn route(&mut self, key: &'a SeriesKey, id: u32) {
        for view in self.resolver.views_of_route(key) {
            if self.is_wanted(view.callee, view.caller) {
                let name = || self.resolver.node(view.callee).0.name.clone();
                self.chosen.service.get_or_insert_with(name);
                self.chosen.series.push((Family::Routes, id, view.voice));
            }
        }
    }
}

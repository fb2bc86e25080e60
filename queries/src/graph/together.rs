//! What several edges count together, added up only as far as it is asked for.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use crate::api::graph::{Latency, Source};
use crate::rows::span::Protocol;
use crate::sketch::{Bins, Scheme};
use crate::store::{Counts, Measures};

use super::edges::EdgeTotals;

/// Whose view of a latency it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// The caller's.
    Caller,
    /// The callee's.
    Callee,
}

impl Side {
    pub(super) fn other(self) -> Self {
        match self {
            Self::Caller => Self::Callee,
            Self::Callee => Self::Caller,
        }
    }
}

/// Edges that are drawn as one, or that lead to one node.
pub(super) struct Together<'a> {
    edges: Vec<&'a EdgeTotals>,
    said: OnceCell<Vec<Said<'a>>>,
}

impl<'a> Together<'a> {
    pub(super) fn of(edges: impl IntoIterator<Item = &'a EdgeTotals>) -> Self {
        Self { edges: edges.into_iter().collect(), said: OnceCell::new() }
    }

    /// What each source says, counters first; sources that say nothing are left out.
    pub(super) fn said(&self) -> &[Said<'a>] {
        self.said.get_or_init(|| {
            let parts = |of: fn(&EdgeTotals) -> Option<&Measures>| -> Vec<&'a Measures> {
                self.edges.iter().filter_map(|edge| of(edge)).collect()
            };
            let callee = self.edges.iter().any(|edge| edge.counted[1].is_some());
            let callee = callee.then(|| parts(EdgeTotals::counters_of_callee));
            // Spans of both kinds make one trace, so what traces say is what both say. X-Ray's part stands beside that.
            let xray = parts(|edge| edge.xray.as_ref());
            let mut traces = parts(|edge| edge.trace.as_ref());
            if !traces.is_empty() {
                traces.extend(&xray);
            }
            let sources = [
                Said::of(Source::Envoy, parts(EdgeTotals::counters), callee),
                Said::of(Source::CloudWatch, parts(|edge| edge.cloudwatch.as_ref()), None),
                Said::of(Source::AccessLog, parts(|edge| edge.access_log.as_ref()), None),
                Said::of(Source::Trace, traces, None),
                Said::of(Source::Xray, xray, None),
            ];
            sources.into_iter().flatten().collect()
        })
    }

    /// Node ids of the proxies that counted, sorted, each once.
    pub(super) fn reporters(&self) -> Vec<&'a str> {
        let mut reporters: Vec<&str> =
            self.edges.iter().flat_map(|edge| &edge.reporters).map(String::as_str).collect();
        reporters.sort_unstable();
        reporters.dedup();
        reporters
    }

    /// Whether every proxy that says something calls with a certificate of its own.
    pub(super) fn mtls(&self) -> Option<bool> {
        self.edges.iter().filter_map(|edge| edge.mtls).reduce(|one, other| one && other)
    }

    /// The protocol of most requests, where traces know it.
    pub(super) fn protocol(&self) -> Option<Protocol> {
        let mut protocols: BTreeMap<Protocol, i64> = BTreeMap::new();
        for (&protocol, requests) in self.edges.iter().flat_map(|edge| &edge.protocols) {
            *protocols.entry(protocol).or_default() += requests;
        }
        let mostly = protocols.into_iter().max_by_key(|&(_, requests)| requests);
        mostly.map(|(protocol, _)| protocol).filter(|&protocol| protocol != Protocol::Unknown)
    }
}

/// What one source says of these edges.
pub(super) struct Said<'a> {
    pub(super) source: Source,
    pub(super) counts: Counts,
    parts: Vec<&'a Measures>,
    /// Where others than [`Self::parts`] tell how long it took the callee: those.
    callee: Option<Vec<&'a Measures>>,
    latencies: [OnceCell<Option<Latency>>; 2],
}

impl<'a> Said<'a> {
    fn of(source: Source, parts: Vec<&'a Measures>, callee: Option<Vec<&'a Measures>>) -> Option<Self> {
        let mut counts = Counts::default();
        for part in &parts {
            counts.merge(part.counts, 1);
        }
        (!parts.is_empty()).then_some(Self { source, counts, parts, callee, latencies: Default::default() })
    }

    /// The latency as one side saw it, where it did.
    pub(super) fn latency(&self, side: Side) -> Option<Latency> {
        // What access logs have there is what the proxy added.
        if (self.source, side) == (Source::AccessLog, Side::Callee) {
            return None;
        }
        let scheme =
            if matches!(self.source, Source::Trace | Source::Xray) { Scheme::Log } else { Scheme::Envoy };
        let (parts, bins): (_, fn(&&'a Measures) -> &'a Bins) = match side {
            Side::Caller => (&self.parts, |part| &part.client),
            Side::Callee => (self.callee.as_ref().unwrap_or(&self.parts), |part| &part.server),
        };
        *self.latencies[side as usize].get_or_init(|| match &parts[..] {
            [one] => bins(one).latency(scheme),
            many => Bins::sum(many.iter().map(bins)).latency(scheme),
        })
    }
}

//! Sources by kind, those first that need attention.

use sidecarta_queries::api::sources::{SourceState, SourceStatus};

/// All sources of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Group {
    /// The kind.
    pub(crate) kind: String,
    /// Their names: the failing ones first, then those that wait, then those that work.
    pub(crate) names: Vec<String>,
    /// How many fail.
    pub(crate) failing: usize,
    /// How many have told nothing yet.
    pub(crate) waiting: usize,
    /// How many work.
    pub(crate) working: usize,
}

/// What the sources of a kind are called, and what they count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KindWords {
    /// The heading.
    pub(crate) title: String,
    /// One request, whoever makes it.
    pub(crate) requests: &'static str,
    /// What is taken of requests.
    pub(crate) items: &'static str,
}

/// The words of each kind, in the order of the page.
const KINDS: [(&str, &str, &str, &str); 8] = [
    ("otlp_grpc", "OTLP over gRPC", "Requests", "Items taken"),
    ("otlp_http", "OTLP over HTTP", "Requests", "Items taken"),
    ("envoy", "Envoys asked at their admin interface", "Scrapes", "Series taken"),
    ("envoy_metrics", "Envoys that push their metrics", "Messages", "Series taken"),
    ("envoy_access_logs", "Envoys that push their access logs", "Messages", "Entries taken"),
    ("access_log", "Access log files", "Batches", "Lines taken"),
    ("prometheus", "Targets in Prometheus' format", "Scrapes", "Series taken"),
    ("discovery", "Lists of targets", "Looks", "Targets found"),
];

/// What the sources of a kind are called.
pub(crate) fn kind_words(kind: &str) -> KindWords {
    let known = KINDS.iter().find(|(known, ..)| *known == kind);
    known.map_or_else(
        || KindWords { title: kind.to_owned(), requests: "Requests", items: "Items taken" },
        |&(_, title, requests, items)| KindWords { title: title.to_owned(), requests, items },
    )
}

/// The sources by kind, in the order of the page; kinds that are not known by name come last.
pub(crate) fn grouped(sources: &[SourceStatus]) -> Vec<Group> {
    let place = |kind: &str| KINDS.iter().position(|(known, ..)| *known == kind).unwrap_or(KINDS.len());
    let urgency = |state: SourceState| match state {
        SourceState::Failing => 0,
        SourceState::Waiting => 1,
        SourceState::Ok => 2,
    };
    let mut sorted: Vec<&SourceStatus> = sources.iter().collect();
    sorted.sort_by_key(|source| (place(&source.kind), &source.kind, urgency(source.state), &source.name));
    let groups = sorted.chunk_by(|one, other| one.kind == other.kind);
    groups
        .map(|group| {
            let count = |state| group.iter().filter(|source| source.state == state).count();
            Group {
                kind: group[0].kind.clone(),
                names: group.iter().map(|source| source.name.clone()).collect(),
                failing: count(SourceState::Failing),
                waiting: count(SourceState::Waiting),
                working: count(SourceState::Ok),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_comes_first_and_unknown_kinds_last() {
        let source = |kind: &str, name: &str, state| SourceStatus {
            kind: kind.to_owned(),
            name: name.to_owned(),
            state,
            ..SourceStatus::default()
        };
        let groups = grouped(&[
            source("carrier_pigeon", "p", SourceState::Ok),
            source("envoy", "a", SourceState::Ok),
            source("envoy", "b", SourceState::Failing),
            source("envoy", "c", SourceState::Waiting),
            source("otlp_grpc", "g", SourceState::Waiting),
        ]);
        let kinds: Vec<&str> = groups.iter().map(|group| group.kind.as_str()).collect();
        assert_eq!(kinds, ["otlp_grpc", "envoy", "carrier_pigeon"]);
        assert_eq!(groups[1].names, ["b", "c", "a"]);
        assert_eq!((groups[1].failing, groups[1].waiting, groups[1].working), (1, 1, 1));
        assert_eq!(kind_words("carrier_pigeon").title, "carrier_pigeon");
    }
}

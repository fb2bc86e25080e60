//! Sources in groups, those first that need attention.

use sidecarta_queries::api::sources::{CloudStatus, SourceState, SourceStatus};

use crate::format;

/// Sources that stand together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Group {
    /// The heading.
    pub(crate) title: String,
    /// Their kinds and names: the failing ones first, then those that wait, then those that work.
    pub(crate) sources: Vec<(String, String)>,
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
    /// The heading of the group.
    pub(crate) title: String,
    /// What tells a source from others of its group by more than its name.
    pub(crate) note: Option<&'static str>,
    /// One request, whoever makes it.
    pub(crate) requests: &'static str,
    /// What is taken of requests.
    pub(crate) items: &'static str,
}

/// The words of each kind, in the order of the page.
const KINDS: [(&str, &str, Option<&str>, &str, &str); 13] = [
    ("otlp_grpc", "OTLP", Some("gRPC"), "Requests", "Items taken"),
    ("otlp_http", "OTLP", Some("HTTP"), "Requests", "Items taken"),
    ("envoy", "Envoys asked at their admin interface", None, "Scrapes", "Series taken"),
    ("envoy_metrics", "Pushed by Envoys", Some("Metrics service"), "Messages", "Series taken"),
    ("envoy_access_logs", "Pushed by Envoys", Some("Access log service"), "Messages", "Entries taken"),
    ("envoy_push", "Proxies that push their statistics", None, "Messages", "Series taken"),
    ("access_log", "Access log files", None, "Batches", "Lines taken"),
    ("prometheus", "Targets in Prometheus' format", None, "Scrapes", "Series taken"),
    ("xray_daemon", "AWS", Some("X-Ray daemon"), "Messages", "Segments taken"),
    ("aws_xray", "AWS", Some("X-Ray"), "Rounds", "Segments taken"),
    ("aws_logs", "AWS", Some("CloudWatch Logs"), "Rounds", "Events taken"),
    ("aws_service_connect", "AWS", Some("Service Connect"), "Answers", "Data points"),
    ("discovery", "Lists of targets", None, "Looks", "Targets found"),
];

/// What the sources of a kind are called.
pub(crate) fn kind_words(kind: &str) -> KindWords {
    let known = KINDS.iter().find(|(known, ..)| *known == kind);
    known.map_or_else(
        || KindWords { title: kind.to_owned(), note: None, requests: "Requests", items: "Items taken" },
        |&(_, title, note, requests, items)| KindWords { title: title.to_owned(), note, requests, items },
    )
}

/// The sources in groups, in the order of the page; kinds that are not known by name come last.
pub(crate) fn grouped(sources: &[SourceStatus]) -> Vec<Group> {
    // The first kind of a group says where it stands.
    let place = |title: &str| KINDS.iter().position(|(_, known, ..)| *known == title).unwrap_or(KINDS.len());
    let urgency = |state: SourceState| match state {
        SourceState::Failing => 0,
        SourceState::Waiting => 1,
        SourceState::Ok => 2,
    };
    let mut sorted: Vec<(String, &SourceStatus)> =
        sources.iter().map(|source| (kind_words(&source.kind).title, source)).collect();
    sorted.sort_by(|(title, source), (other_title, other)| {
        let rank =
            |title: &String, source: &SourceStatus| (place(title), title.clone(), urgency(source.state));
        rank(title, source)
            .cmp(&rank(other_title, other))
            .then_with(|| (&source.kind, &source.name).cmp(&(&other.kind, &other.name)))
    });
    let groups = sorted.chunk_by(|one, other| one.0 == other.0);
    groups
        .map(|group| {
            let count = |state| group.iter().filter(|(_, source)| source.state == state).count();
            Group {
                title: group[0].0.clone(),
                sources: group.iter().map(|(_, source)| (source.kind.clone(), source.name.clone())).collect(),
                failing: count(SourceState::Failing),
                waiting: count(SourceState::Waiting),
                working: count(SourceState::Ok),
            }
        })
        .collect()
}

/// Where a source in a cloud is, and how far it lags behind.
pub(crate) fn cloud_place(cloud: &CloudStatus) -> String {
    let account = cloud.account.as_ref().map(|account| format!("account {account}"));
    let lag = cloud.lag_seconds.map(|seconds| format!("{} behind", format::lasting(seconds * 1000.0)));
    let region = Some(cloud.region.clone()).filter(|region| !region.is_empty());
    [region, account, lag].into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

/// US dollars: `$0.43`, `< $0.01` for what is little but not nothing.
pub(crate) fn dollars(usd: f64) -> String {
    if usd > 0.0 && usd < 0.005 { "<$0.01".to_owned() } else { format!("${usd:.2}") }
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
            source("otlp_http", "h", SourceState::Waiting),
            source("otlp_grpc", "g", SourceState::Waiting),
        ]);
        let titles: Vec<&str> = groups.iter().map(|group| group.title.as_str()).collect();
        assert_eq!(titles, ["OTLP", "Envoys asked at their admin interface", "carrier_pigeon"]);
        let names = |group: &Group| group.sources.iter().map(|(_, name)| name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&groups[0]), ["g", "h"]);
        assert_eq!(names(&groups[1]), ["b", "c", "a"]);
        assert_eq!((groups[1].failing, groups[1].waiting, groups[1].working), (1, 1, 1));
        assert_eq!(kind_words("carrier_pigeon").title, "carrier_pigeon");
    }

    #[test]
    fn a_cloud_says_where_it_is_and_what_it_costs() {
        let cloud = CloudStatus {
            region: "eu-west-1".to_owned(),
            account: Some("123456789012".to_owned()),
            lag_seconds: Some(190.0),
            ..CloudStatus::default()
        };
        let place = cloud_place(&cloud).replace('\u{202f}', " ");
        assert_eq!(place, "eu-west-1 · account 123456789012 · 3 min behind");
        assert_eq!(cloud_place(&CloudStatus::default()), "");
        assert_eq!([0.0, 0.001, 0.426, 12.0].map(dollars), ["$0.00", "<$0.01", "$0.43", "$12.00"]);
    }
}

//! The parts of a proxy by kind, and what of them is shown.

use sidecarta_queries::api::proxies::{ProxyPart, Statistic};

use crate::model::statistics::bad_count;
use crate::state::encode_segment;

/// Kinds of parts in the order in which they are shown, each with its heading.
const KINDS: [(&str, &str); 8] = [
    ("server", "Process"),
    ("manager", "Connection managers"),
    ("listener", "Listeners"),
    ("cluster", "Clusters"),
    ("route", "Routes"),
    ("virtual_cluster", "Virtual clusters"),
    ("zone", "Zones"),
    ("endpoint", "Endpoints"),
];

/// The heading of the kinds that are not known here.
const OTHERS: &str = "Others";

/// The parts under one heading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    /// The heading.
    pub(crate) title: &'static str,
    /// Keys of the parts that are shown: first those with something bad, then those with most requests.
    pub(crate) shown: Vec<String>,
    /// How many quiet parts are folded away.
    pub(crate) folded: u64,
    /// Whether any part of this kind is measured by requests.
    pub(crate) has_requests: bool,
}

/// What tells a part from every other one of the proxy.
pub(crate) fn key(part: &ProxyPart) -> String {
    format!("{}:{}/{}", part.kind, encode_segment(&part.of), part.name)
}

/// The parts that a text finds, by kind. Without a text the quiet ones are folded away unless all are wanted or one is
/// open.
pub(crate) fn grouped(parts: &[ProxyPart], find: &str, all: bool, open: Option<&str>) -> Vec<Group> {
    let find = find.trim().to_lowercase();
    let titles = KINDS.iter().map(|(_, title)| *title).chain([OTHERS]);
    titles
        .filter_map(|title| {
            let of_kind: Vec<&ProxyPart> =
                parts.iter().filter(|part| heading(&part.kind) == title && is_found(part, &find)).collect();
            group(title, of_kind, all || !find.is_empty(), open)
        })
        .collect()
}

fn group(title: &'static str, parts: Vec<&ProxyPart>, all: bool, open: Option<&str>) -> Option<Group> {
    let found = parts.len();
    let has_requests = parts.iter().any(|part| part.requests > 0 || part.latency.is_some());
    // Where everything is quiet there is nothing that a fold would make room for, unless there are many.
    let all = all || (found <= FEW && parts.iter().all(|part| is_quiet(part)));
    let mut shown: Vec<&ProxyPart> =
        parts.into_iter().filter(|part| all || !is_quiet(part) || open == Some(key(part).as_str())).collect();
    shown.sort_by(|a, b| {
        let rank = |part: &ProxyPart| (bad_count(&part.statistics) == 0, std::cmp::Reverse(part.requests));
        rank(a).cmp(&rank(b)).then_with(|| (&a.name, &a.of).cmp(&(&b.name, &b.of)))
    });
    let folded = (found - shown.len()) as u64;
    (found > 0).then(|| Group { title, shown: shown.into_iter().map(key).collect(), folded, has_requests })
}

/// As many quiet parts are shown where a kind has no others.
const FEW: usize = 4;

/// The heading over a kind of part.
pub(crate) fn heading(kind: &str) -> &'static str {
    KINDS.iter().find(|(of, _)| *of == kind).map_or(OTHERS, |(_, title)| title)
}

/// Whether nothing happened there that is worth a row. The process is never quiet.
fn is_quiet(part: &ProxyPart) -> bool {
    part.kind != "server" && part.requests == 0 && part.errors == 0 && bad_count(&part.statistics) == 0
}

fn is_found(part: &ProxyPart, find: &str) -> bool {
    names_match(part, find) || part.statistics.iter().any(|one| statistic_matches(one, find))
}

fn names_match(part: &ProxyPart, find: &str) -> bool {
    let names = [part.name.as_str(), part.of.as_str(), heading(&part.kind)];
    names.iter().any(|name| name.to_lowercase().contains(find))
}

fn statistic_matches(statistic: &Statistic, find: &str) -> bool {
    [&statistic.name, &statistic.topic, &statistic.meaning]
        .iter()
        .any(|text| text.to_lowercase().contains(find))
}

/// The statistics of a part that a text finds: all where it finds the part itself.
pub(crate) fn found_statistics(part: &ProxyPart, find: &str) -> Vec<Statistic> {
    let find = find.trim().to_lowercase();
    let whole = names_match(part, &find);
    part.statistics.iter().filter(|one| whole || statistic_matches(one, &find)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::statistics::tests::statistic;

    fn part(kind: &str, name: &str, requests: u64, bad: bool) -> ProxyPart {
        ProxyPart {
            kind: kind.to_owned(),
            name: name.to_owned(),
            requests,
            statistics: vec![statistic("retries.sent", bad), statistic("tls.handshake", false)],
            ..ProxyPart::default()
        }
    }

    fn mesh() -> Vec<ProxyPart> {
        let mut parts = vec![
            part("endpoint", "10.0.0.1:80", 3, false),
            part("cluster", "busy", 90, false),
            part("cluster", "broken", 0, true),
            part("cluster", "busier", 900, false),
            part("comet", "halley", 1, false),
            part("server", "server", 0, false),
            part("listener", "in", 0, false),
        ];
        parts.extend((0..97).map(|number| part("cluster", &format!("idle-{number}"), 0, false)));
        parts
    }

    fn titles(groups: &[Group]) -> Vec<&str> {
        groups.iter().map(|group| group.title).collect()
    }

    #[test]
    fn kinds_stand_in_their_order_and_quiet_parts_are_folded() {
        let groups = grouped(&mesh(), "", false, None);
        assert_eq!(titles(&groups), ["Process", "Listeners", "Clusters", "Endpoints", "Others"]);
        assert_eq!(groups[2].shown, ["cluster:/broken", "cluster:/busier", "cluster:/busy"]);
        assert_eq!(groups[2].folded, 97);
        // A single listener without requests is not worth a fold.
        assert_eq!((groups[1].shown.len(), groups[1].folded, groups[1].has_requests), (1, 0, false));
    }

    #[test]
    fn the_fold_opens_for_all_and_for_the_part_that_is_open() {
        assert_eq!(grouped(&mesh(), "", true, None)[2].shown.len(), 100);
        let groups = grouped(&mesh(), "", false, Some("cluster:/idle-7"));
        assert_eq!(groups[2].shown.last().map(String::as_str), Some("cluster:/idle-7"));
        assert_eq!(groups[2].folded, 96);
    }

    #[test]
    fn a_text_finds_parts_by_name_and_by_statistic() {
        let groups = grouped(&mesh(), " IDLE-9", false, None);
        assert_eq!(titles(&groups), ["Clusters"]);
        assert_eq!((groups[0].shown.len(), groups[0].folded), (8, 0));
        assert_eq!(titles(&grouped(&mesh(), "handshake", false, None)).len(), 5);
        assert!(grouped(&mesh(), "nothing-like-it", false, None).is_empty());
    }

    #[test]
    fn a_part_that_is_found_by_name_shows_all_its_statistics() {
        let busy = part("cluster", "busy", 1, false);
        assert_eq!(found_statistics(&busy, "busy").len(), 2);
        assert_eq!(found_statistics(&busy, "").len(), 2);
        assert_eq!(found_statistics(&busy, "tls").len(), 1);
    }

    #[test]
    fn names_with_a_slash_have_keys_of_their_own() {
        let of =
            |of: &str, name: &str| key(&ProxyPart { of: of.to_owned(), ..part("route", name, 0, false) });
        assert_ne!(of("a/b", "c"), of("a", "b/c"));
    }
}

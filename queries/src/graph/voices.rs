//! Who tells of requests, which of them are believed first, and what they say in the words of the API.

use std::collections::BTreeMap;

use crate::api::graph::Source;
use crate::api::series::{NamedCount, StatusClasses};
use crate::dictionary::StatId;
use crate::rows::outcome::grpc_status_name;
use crate::sketch::{Bins, Scheme};
use crate::store::{Counts, Measures};

use super::answer::COMPLETE;

/// Whoever tells of requests by series of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Voice {
    /// Envoys that are asked themselves.
    Envoy,
    /// Targets in Prometheus' format on the caller's side.
    CountedByCaller,
    /// The same on the callee's side.
    CountedByCallee,
    CloudWatch,
    /// Access logs on the caller's side.
    LoggedByCaller,
    /// The same on the callee's side.
    LoggedByCallee,
    Trace,
    Xray,
}

/// What is counted by each voice.
#[derive(Clone, Debug, Default)]
pub(super) struct ByVoice<T>(pub(super) BTreeMap<Voice, T>);

/// One source of evidence, and through whom it speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Spoken {
    pub(super) source: Source,
    pub(super) voices: Vec<Voice>,
    pub(super) requests: i64,
}

impl ByVoice<Counts> {
    /// The sources that tell of these requests, the best first: by completeness, unless one sees too few.
    pub(super) fn best_first(&self) -> Vec<Spoken> {
        let requests = |voice: Voice| self.0.get(&voice).map_or(0, |counts| counts.requests);
        let has = |voice: Voice| self.0.contains_key(&voice);
        // The callers know how it ended for them, and what never arrived; unless they miss too many of those that did.
        let (by_callers, by_callee) = (requests(Voice::LoggedByCaller), requests(Voice::LoggedByCallee));
        let is_complete = by_callers > 0 && by_callers as f64 >= COMPLETE * by_callee as f64;
        let logged = if is_complete { Voice::LoggedByCaller } else { Voice::LoggedByCallee };
        // Spans of both kinds make one trace, so what traces say is what both say. X-Ray's part stands beside that.
        let traces: &[Voice] = if has(Voice::Trace) { &[Voice::Trace, Voice::Xray] } else { &[] };
        let sources: [(Source, &[Voice]); 5] = [
            (Source::Envoy, &[Voice::Envoy, Voice::CountedByCaller, Voice::CountedByCallee]),
            (Source::CloudWatch, &[Voice::CloudWatch]),
            (Source::AccessLog, &[logged]),
            (Source::Trace, traces),
            (Source::Xray, &[Voice::Xray]),
        ];
        let spoken = sources.into_iter().map(|(source, voices)| {
            let voices: Vec<Voice> = voices.iter().copied().filter(|&voice| has(voice)).collect();
            Spoken { source, requests: voices.iter().map(|&voice| requests(voice)).sum(), voices }
        });
        let mut spoken: Vec<Spoken> = spoken.filter(|spoken| !spoken.voices.is_empty()).collect();
        let most = spoken.iter().map(|spoken| spoken.requests).max().unwrap_or(0) as f64;
        if let Some(best) = spoken.iter().position(|spoken| spoken.requests as f64 >= COMPLETE * most) {
            let best = spoken.remove(best);
            spoken.insert(0, best);
        }
        spoken
    }
}

/// The bins that a source of evidence counts latencies in.
pub(super) fn scheme(source: Source) -> Scheme {
    if matches!(source, Source::Trace | Source::Xray) { Scheme::Log } else { Scheme::Envoy }
}

/// Answers by class. Where classes are counted themselves, those say it; else statuses do.
pub(super) fn classes(measures: &Measures) -> StatusClasses {
    let mut by_status = [0_i64; 5];
    let mut by_class = [0_i64; 5];
    for (stat, count) in measures.stats.iter() {
        match StatId(stat).as_http_status() {
            Some(status @ 100..600) => by_status[usize::from(status / 100 - 1)] += count,
            Some(_) => {}
            None => {
                if let Some(class) = StatId(stat).as_class() {
                    by_class[class] += count;
                }
            }
        }
    }
    let classes = if by_class.iter().any(|&count| count > 0) { by_class } else { by_status };
    let [informational, success, redirection, client_error, server_error] = classes.map(positive);
    let known = informational + success + redirection + client_error + server_error;
    let none = positive(measures.requests).saturating_sub(known);
    StatusClasses { informational, success, redirection, client_error, server_error, none }
}

/// Response flags with how often each was given, most first.
pub(super) fn flags(stats: &Bins) -> Vec<NamedCount> {
    named(stats, |stat| stat.as_flag().map(str::to_owned))
}

/// gRPC statuses likewise.
pub(super) fn grpc(stats: &Bins) -> Vec<NamedCount> {
    named(stats, |stat| stat.as_grpc_status().map(|status| grpc_status_name(status).to_owned()))
}

fn named(stats: &Bins, name: impl Fn(StatId) -> Option<String>) -> Vec<NamedCount> {
    let known = stats.iter().filter(|&(_, count)| count > 0);
    let named = known
        .filter_map(|(stat, count)| Some(NamedCount { name: name(StatId(stat))?, count: positive(count) }));
    let mut counts: Vec<NamedCount> = named.collect();
    counts.sort_by(|one, other| other.count.cmp(&one.count).then_with(|| one.name.cmp(&other.name)));
    counts
}

/// A count that is negative only while what it counts is on its way.
pub(super) fn positive(count: i64) -> u64 {
    count.max(0).cast_unsigned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn best(requests: &[(Voice, i64)]) -> Vec<(Source, Vec<Voice>)> {
        let counts = |&(voice, requests)| (voice, Counts { requests, ..Counts::default() });
        let spoken = ByVoice(requests.iter().map(counts).collect()).best_first();
        spoken.into_iter().map(|spoken| (spoken.source, spoken.voices)).collect()
    }

    #[test]
    fn the_most_complete_source_comes_first_unless_it_misses_too_much() {
        use Voice::{Envoy, LoggedByCallee, LoggedByCaller, Trace, Xray};
        assert_eq!(
            best(&[(Trace, 100), (Envoy, 80), (LoggedByCaller, 50), (LoggedByCallee, 60)]),
            [
                (Source::Envoy, vec![Envoy]),
                (Source::AccessLog, vec![LoggedByCaller]),
                (Source::Trace, vec![Trace])
            ]
        );
        assert_eq!(
            best(&[(Trace, 90), (Xray, 10), (Envoy, 79)]),
            [(Source::Trace, vec![Trace, Xray]), (Source::Envoy, vec![Envoy]), (Source::Xray, vec![Xray])]
        );
        assert_eq!(
            best(&[(LoggedByCaller, 7), (LoggedByCallee, 10)]),
            [(Source::AccessLog, vec![LoggedByCallee])]
        );
        assert_eq!(best(&[]), []);
    }

    #[test]
    fn answers_are_told_by_class_flag_and_grpc_status() {
        let stats = [(10_200, 7), (10_503, 2), (13_014, 1), (13_000, 5), (14_006, 2), (14_016, -1)];
        let measures = Measures {
            counts: Counts { requests: 10, ..Counts::default() },
            stats: stats.into_iter().collect(),
            ..Measures::default()
        };
        let StatusClasses { success, server_error, none, .. } = classes(&measures);
        assert_eq!((success, server_error, none), (7, 2, 1));
        let words = |counts: Vec<NamedCount>| {
            counts.into_iter().map(|one| format!("{} {}", one.name, one.count)).collect::<Vec<_>>()
        };
        assert_eq!(words(flags(&measures.stats)), ["UF 2"]);
        assert_eq!(words(grpc(&measures.stats)), ["OK 5", "UNAVAILABLE 1"]);
    }
}

//! What a list of found traces says as a whole.

use std::collections::{BTreeMap, BTreeSet};

use sidecarta_queries::api::traces::{SpanMatch, TraceSummary, TracesResponse};

/// The duration of the spans that met the conditions which nine in ten stay below, ms; nothing where there are too few
/// to tell slow ones apart.
pub(crate) fn p90_ms(traces: &[TraceSummary]) -> Option<f64> {
    let mut durations: Vec<f64> = traces.iter().map(|trace| trace.matched.duration_ms).collect();
    durations.sort_by(f64::total_cmp);
    let rank = (durations.len() * 9).div_ceil(10);
    (durations.len() >= 10).then(|| durations.get(rank.saturating_sub(1)).copied()).flatten()
}

/// The versions of each service whose spans met the conditions, the services with the most spans first.
pub(crate) fn versions(traces: &[TraceSummary]) -> Vec<(String, BTreeSet<String>)> {
    let mut seen: BTreeMap<&str, (usize, BTreeSet<String>)> = BTreeMap::new();
    for SpanMatch { service, version, .. } in traces.iter().map(|trace| &trace.matched) {
        let (count, versions) = seen.entry(service).or_default();
        *count += 1;
        versions.extend(version.clone());
    }
    let mut seen: Vec<_> = seen.into_iter().collect();
    seen.sort_by_key(|(_, (count, _))| std::cmp::Reverse(*count));
    seen.into_iter().map(|(service, (_, versions))| (service.to_owned(), versions)).collect()
}

/// Whether the span that met the conditions is another than the one that the trace begins with.
pub(crate) fn is_inner(trace: &TraceSummary) -> bool {
    let SpanMatch { service, name, start, .. } = &trace.matched;
    *service != trace.service || *name != trace.name || *start != trace.start
}

/// When the traces end that come after the newest which were found; nothing where all were given. A trace with an
/// earlier span that meets the conditions too is found again among them.
pub(crate) fn older_than(answer: &TracesResponse) -> Option<String> {
    let last = answer.traces.iter().map(|trace| &trace.matched.start).min()?;
    answer.search.truncated.then(|| last.clone())
}

/// The length of each bar beside the longest one's, 0 to 1; nothing is too short to be seen.
pub(crate) fn share_of_longest(duration_ms: f64, longest_ms: f64) -> f64 {
    if longest_ms <= 0.0 { 0.0 } else { (duration_ms / longest_ms).clamp(0.01, 1.0) }
}

/// Names that are shown, and how many are not.
pub(crate) fn first_few(names: &[String], few: usize) -> (&[String], usize) {
    // One name takes no more room than the words that one more is there.
    let shown = if names.len() <= few + 1 { names.len() } else { few };
    (&names[..shown], names.len() - shown)
}

#[cfg(test)]
pub(crate) mod samples {
    use super::*;

    /// A trace of one span.
    pub(crate) fn trace(service: &str, version: &str, duration_ms: f64) -> TraceSummary {
        let matched = SpanMatch {
            service: service.to_owned(),
            version: Some(version.to_owned()).filter(|version| !version.is_empty()),
            duration_ms,
            ..SpanMatch::default()
        };
        TraceSummary { service: service.to_owned(), duration_ms, matched, ..TraceSummary::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::samples::trace;
    use super::*;

    #[test]
    fn nine_in_ten_are_faster_than_the_slow_ones() {
        let traces: Vec<_> = (1..=100).rev().map(|ms| trace("web", "", f64::from(ms))).collect();
        assert_eq!(p90_ms(&traces), Some(90.0));
        assert_eq!(p90_ms(&traces[..10]), Some(99.0));
        assert_eq!(p90_ms(&traces[..9]), None);
        assert_eq!(p90_ms(&[]), None);
    }

    #[test]
    fn versions_stand_by_their_service() {
        let traces = [trace("web", "", 1.0), trace("orders", "v1", 1.0), trace("orders", "v2", 1.0)];
        let versions = versions(&traces);
        assert_eq!(versions[0], ("orders".to_owned(), ["v1".to_owned(), "v2".to_owned()].into()));
        assert_eq!(versions[1], ("web".to_owned(), BTreeSet::new()));
    }

    #[test]
    fn a_match_inside_is_told_from_the_first_span() {
        let mut one = trace("web", "", 1.0);
        assert!(!is_inner(&one));
        one.matched.service = "orders".to_owned();
        assert!(is_inner(&one));
    }

    #[test]
    fn what_is_older_begins_where_the_newest_end() {
        let mut traces = vec![trace("web", "", 1.0), trace("web", "", 1.0)];
        traces[0].matched.start = "2026-11-24T10:00:00.000000002Z".to_owned();
        traces[1].matched.start = "2026-11-24T10:00:00.000000001Z".to_owned();
        let mut answer = TracesResponse { traces, ..TracesResponse::default() };
        assert_eq!(older_than(&answer), None, "all were given");
        answer.search.truncated = true;
        assert_eq!(older_than(&answer).as_ref(), Some(&answer.traces[1].matched.start));
        answer.traces.clear();
        assert_eq!(older_than(&answer), None);
    }

    #[test]
    fn bars_are_seen_and_stay_within_their_room() {
        assert!((share_of_longest(5.0, 10.0) - 0.5).abs() < 1e-9);
        assert!(share_of_longest(0.0, 10.0) > 0.0);
        assert!(share_of_longest(20.0, 10.0) <= 1.0);
        assert!(share_of_longest(0.0, 0.0).abs() < 1e-9);
    }

    #[test]
    fn one_name_more_is_shown_and_not_counted() {
        let names = ["a", "b", "c", "d"].map(str::to_owned);
        assert_eq!(first_few(&names, 3), (&names[..], 0));
        assert_eq!(first_few(&names, 2), (&names[..2], 2));
        assert_eq!(first_few(&[], 3), (&[][..], 0));
    }
}

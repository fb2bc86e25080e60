//! A row of the table in the words of the API.

use crate::api::graph::{Evidence, Health, Source};
use crate::api::routes::{RouteSummary, SeenBy};
use crate::sketch::Scheme;
use crate::store::Measures;

use super::ByFamily;
use super::plan::{Plan, Row, is_by_callee};
use crate::graph::answer::{share, six_digits};
use crate::graph::errors::{Statuses, errors};
use crate::graph::voices::{Spoken, classes, flags, grpc, positive, scheme};

pub(super) fn summary(
    (plan, row): (&Plan, &Row),
    measures: &ByFamily,
    rule: Option<&Statuses>,
    (seconds, trend): (f64, Vec<[u64; 2]>),
) -> RouteSummary {
    let said: Vec<(Source, Measures)> =
        row.spoken.iter().map(|spoken| (spoken.source, together(row, spoken, measures))).collect();
    let most = said.first().map_or(0, |(_, best)| best.requests).max(0) as f64;
    let evidence = said.iter().map(|(source, said)| evidence_of(*source, said, rule, most)).collect();
    // Spans know latency to the nanosecond where enough of them came; Envoy's bins are whole milliseconds.
    let is_traced = |source: Source| matches!(source, Source::Trace | Source::Xray);
    let traced = said.iter().find(|(source, _)| is_traced(*source));
    let traced = traced.filter(|(_, traced)| traced.requests as f64 >= 0.5 * most);
    let latency =
        traced.into_iter().chain(&said).find_map(|(source, said)| said.client.percentiles(scheme(*source)));
    let logged = said.iter().find(|(source, _)| *source == Source::AccessLog);
    let best = said.first().map(|(_, best)| best.clone()).unwrap_or_default();
    let (node, id) = plan.node(row);
    let (requests, failed) = (positive(best.requests), positive(errors(&best, rule)));
    RouteSummary {
        node: id.clone(),
        service: node.name.clone(),
        version: Some(node.version.clone()).filter(|version| !version.is_empty()),
        caller: plan.caller_id(row),
        route: row.route.clone(),
        requests,
        request_rate: six_digits(requests as f64 / seconds),
        errors: failed,
        error_rate: share(failed, requests),
        attempts: positive(best.attempts),
        retries: positive(best.retries),
        timeouts: positive(best.timeouts),
        connection_failures: said
            .iter()
            .map(|(_, said)| positive(said.connection_failures))
            .max()
            .unwrap_or(0),
        classes: classes(&best),
        flags: first_said(&said, |said| flags(&said.stats)),
        grpc: first_said(&said, |said| grpc(&said.stats)),
        latency,
        proxy_added: logged.and_then(|(_, logged)| logged.server.percentiles(Scheme::Envoy)),
        health: Health::of(requests, failed),
        evidence,
        seen_by: if is_by_callee(&row.spoken) { SeenBy::Callee } else { SeenBy::Callers },
        trend,
    }
}

/// What a source says through all its voices.
fn together(row: &Row, spoken: &Spoken, measures: &ByFamily) -> Measures {
    let mut sum = Measures::default();
    let series = spoken.voices.iter().filter_map(|voice| row.series.0.get(voice)).flatten();
    series.filter_map(|one| measures.get(one)).for_each(|measures| sum.merge(measures, 1));
    sum
}

/// What the first source says that says something: counters know neither flags nor gRPC statuses.
fn first_said<T>(said: &[(Source, Measures)], of: impl Fn(&Measures) -> Vec<T>) -> Vec<T> {
    said.iter().map(|(_, said)| of(said)).find(|found| !found.is_empty()).unwrap_or_default()
}

fn evidence_of(source: Source, said: &Measures, rule: Option<&Statuses>, most: f64) -> Evidence {
    Evidence {
        source,
        requests: positive(said.requests),
        errors: positive(errors(said, rule)),
        attempts: positive(said.attempts),
        retries: positive(said.retries),
        timeouts: positive(said.timeouts),
        connection_failures: positive(said.connection_failures),
        latency: said.client.latency(scheme(source)),
        coverage: if most > 0.0 { six_digits(said.requests.max(0) as f64 / most) } else { 0.0 },
        reporter: None,
    }
}

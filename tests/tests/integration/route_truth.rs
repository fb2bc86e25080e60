//! What the table of routes and the series say of the demo mesh is what the applications know of their own calls.

use std::collections::BTreeMap;

use sidecarta_queries::api::graph::{Evidence, Quantile, Source};
use sidecarta_queries::api::routes::{RouteSummary, RoutesResponse};
use sidecarta_queries::api::series::{NamedCount, Percentiles, Series, SeriesResponse, StatusClasses};
use sidecarta_tests::harness::{Server, eventually_ok};
use sidecarta_tests::mesh::{Counts, Truth, TruthRoute};

/// Who called whom along which route.
type Key = (String, String, String);
type Known = BTreeMap<Key, TruthRoute>;

/// All versions of a service together: where nobody answers, only the caller's proxy knows which was meant.
fn known(truth: &Truth) -> Known {
    let mut known = Known::new();
    for route in &truth.routes {
        let key = (route.source.clone(), route.target.clone(), route.route.clone());
        let sum = known.entry(key).or_default();
        let (all, one) = (&mut sum.counts, route.counts);
        all.requests += one.requests;
        all.errors += one.errors;
        all.attempts += one.attempts;
        all.timeouts += one.timeouts;
        all.connection_failures += one.connection_failures;
        for (&status, &count) in &route.statuses {
            *sum.statuses.entry(status).or_default() += count;
        }
        sum.durations_ns.extend(&route.durations_ns);
    }
    known
}

/// Waits until the table and the series tell what happened.
pub(super) async fn check(server: &Server, truth: &Truth) {
    let known = known(truth);
    assert!(known.len() >= 10, "{:?}", known.keys());
    let routes = eventually_ok("the routes are what happened", async || {
        let routes = server.get("/api/v1/routes?from=-1h&by=caller").await.json::<RoutesResponse>().routes;
        let differences: String =
            known.iter().map(|(key, truth)| difference(&rows_of(&routes, key), key, truth)).collect();
        if differences.is_empty() { Ok(routes) } else { Err(differences) }
    })
    .await;
    for (key, truth) in &known {
        if let [row] = &rows_of(&routes, key)[..] {
            let latency = row.latency.expect("the calling spans say how long it took");
            check_percentiles(&latency, &truth.durations_ns, key);
            assert_eq!(row.classes, classes_of(truth), "{key:?}");
            // That no try was left stands beside, and the applications do not know it.
            let known = |flag: &&NamedCount| flag.name != "URX";
            assert_eq!(
                row.flags.iter().filter(known).cloned().collect::<Vec<_>>(),
                flags_of(truth),
                "{key:?}"
            );
        }
        check_series(server, key, truth).await;
    }
    let path = "/api/v1/series?source=service:catalog&target=external:legacy&from=-1h";
    let edge = server.get(path).await.json::<SeriesResponse>().series;
    let counts = truth.between("catalog", "legacy");
    assert_eq!((edge.evidence, edge.total.requests), (Some(Source::Envoy), counts.requests));
    assert_eq!(edge.others, [Source::AccessLog, Source::Trace]);
    assert_eq!(
        (edge.total.errors, edge.total.connection_failures),
        (counts.errors, counts.connection_failures)
    );
    let users: Vec<&RouteSummary> = routes.iter().filter(|route| route.service == "users").collect();
    assert!(
        users.iter().all(|route| route.route == "GET /users/{id}"),
        "paths of users are one route: {users:?}"
    );
}

fn rows_of<'a>(routes: &'a [RouteSummary], (source, target, route): &Key) -> Vec<&'a RouteSummary> {
    let name = |id: &str| id.split_once(':').map_or(id, |(_, name)| name).to_owned();
    let is = |row: &&RouteSummary| {
        row.service == *target
            && row.route == *route
            && row.caller.as_deref().map(name).as_ref() == Some(source)
    };
    routes.iter().filter(is).collect()
}

/// What each source says of all versions together, where it differs from what happened.
fn difference(rows: &[&RouteSummary], key: &Key, truth: &TruthRoute) -> String {
    let mut differences = String::new();
    for source in [Source::Trace, Source::AccessLog] {
        let mut seen = Counts::default();
        let said = rows.iter().flat_map(|row| &row.evidence).filter(|evidence| evidence.source == source);
        said.for_each(|said: &Evidence| {
            seen.requests += said.requests;
            seen.errors += said.errors;
            seen.attempts += said.attempts;
            seen.timeouts += said.timeouts;
            seen.connection_failures += said.connection_failures;
        });
        let expected = as_seen_by(source, truth.counts);
        if seen != expected {
            let difference = format!("{source:?} {key:?}:\n  seen {seen:?}\n  true {expected:?}\n");
            differences += &difference;
        }
    }
    differences
}

/// The span and the log entry of a refused connection are there like any other, and only the log entry says what it is.
fn as_seen_by(source: Source, counts: Counts) -> Counts {
    let attempts = counts.attempts + counts.connection_failures;
    let connection_failures = if source == Source::Trace { 0 } else { counts.connection_failures };
    Counts { attempts, connection_failures, ..counts }
}

fn check_percentiles(latency: &Percentiles, durations_ns: &[u64], key: &Key) {
    let mut sorted = durations_ns.to_vec();
    sorted.sort_unstable();
    assert_eq!(latency.count, sorted.len() as u64, "{key:?}");
    let told = [
        (latency.p50, 0.5),
        (latency.p75, 0.75),
        (latency.p90, 0.9),
        (latency.p95, 0.95),
        (latency.p99, 0.99),
        (latency.p999, 0.999),
    ];
    for (Quantile { ms, low_ms, high_ms }, q) in told {
        let rank = (q * sorted.len() as f64).ceil() as usize;
        let exact_ms = sorted[rank.max(1) - 1] as f64 / 1e6;
        let high_ms = high_ms.unwrap_or(f64::INFINITY);
        assert!(
            low_ms <= exact_ms && exact_ms <= high_ms,
            "{key:?}: {exact_ms} is not in {low_ms}..{high_ms}"
        );
        assert!((ms / exact_ms - 1.0).abs() <= 0.01, "{key:?}: {ms} for {exact_ms}");
    }
}

fn classes_of(truth: &TruthRoute) -> StatusClasses {
    let of = |class: u16| truth.statuses.iter().filter(|one| one.0 / 100 == class).map(|one| one.1).sum();
    StatusClasses {
        informational: of(1),
        success: of(2),
        redirection: of(3),
        client_error: of(4),
        server_error: of(5),
        none: 0,
    }
}

fn flags_of(truth: &TruthRoute) -> Vec<NamedCount> {
    let flags = [("UF", truth.counts.connection_failures), ("UT", truth.counts.timeouts)];
    let flags = flags.into_iter().filter(|&(_, count)| count > 0);
    flags.map(|(name, count)| NamedCount { name: name.to_owned(), count }).collect()
}

/// The same over time, by each source.
async fn check_series(server: &Server, (source, target, route): &Key, truth: &TruthRoute) {
    for (evidence, word) in [(Source::Trace, "trace"), (Source::AccessLog, "access_log")] {
        let path = format!(
            "/api/v1/series?service={target}&caller={source}&route={}&evidence={word}&from=-1h",
            route.replace(' ', "%20").replace('{', "%7B").replace('}', "%7D")
        );
        let Series { total, points, evidence: told, .. } =
            server.get(&path).await.json::<SeriesResponse>().series;
        assert_eq!(told, Some(evidence), "{path}");
        let expected = as_seen_by(evidence, truth.counts);
        let seen = Counts {
            requests: total.requests,
            errors: total.errors,
            attempts: total.attempts,
            timeouts: total.timeouts,
            connection_failures: total.connection_failures,
        };
        assert_eq!(seen, expected, "{path}");
        let in_points: u64 = points.iter().map(|point| point.requests).sum();
        let in_bins: u64 = points.iter().flat_map(|point| &point.counts).map(|bin| bin[1]).sum();
        assert_eq!((in_points, in_bins), (expected.requests, expected.requests), "{path}");
        assert_eq!(total.classes, classes_of(truth), "{path}");
        if evidence == Source::Trace {
            let latency = total.latency.expect("the calling spans say how long it took");
            check_percentiles(
                &latency,
                &truth.durations_ns,
                &(source.clone(), target.clone(), route.clone()),
            );
        }
    }
}

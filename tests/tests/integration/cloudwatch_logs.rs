//! Log groups of CloudWatch, read through the SDK: each event is stored exactly once, and means what it means elsewhere.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::Timestamp;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use sidecarta_queries::api::routes::RouteSummary;
use sidecarta_queries::api::sources::{SourceState, SourceStatus};
use sidecarta_tests::fake_aws::{ACCOUNT, FakeAws, Fault};
use sidecarta_tests::harness::{Answer, Server, ServerOptions, client, eventually, eventually_ok, program};
use sidecarta_tests::mesh::{ReservedPort, bound_to_us};
use tempfile::TempDir;

use super::logging_envoys::{
    ALS_LOG, Envoy, FILES, OTLP_LOG, REQUESTS, VERSIONS, difference, load, routes, sent_entries, service,
};

const READ: &str = "FilterLogEvents";
/// How ECS calls the stream of a container.
const STREAM: &str = "ecs/envoy/0123456789abcdef0123456789abcdef";

fn now_ms() -> i64 {
    Timestamp::now().as_millisecond()
}

/// An entry of `[[aws]]`, which asks as often as it likes.
fn aws(url: &str) -> String {
    format!(
        "[[aws]]\nname = 'test'\nregion = 'eu-west-1'\nendpoint_url = '{url}'\n\
         budget = {{ calls_per_second = 1000.0, calls_per_day = 1000000 }}\n"
    )
}

/// An entry for a log group that is read from an hour ago.
fn group(group: &str, kind: &str, more: &str) -> String {
    format!(
        "[[aws.log_group]]\ngroup = '{group}'\nkind = '{kind}'\ninterval_ms = 50\nlookback_ms = 3600000\n{more}\n"
    )
}

fn options(folder: &TempDir, config: &str) -> ServerOptions {
    let file = folder.path().join("sidecarta.toml");
    std::fs::write(&file, config).unwrap();
    ServerOptions::default()
        .config(&file)
        .set("store.move_after_s", 1)
        .variable("AWS_ACCESS_KEY_ID", "test")
        .variable("AWS_SECRET_ACCESS_KEY", "test")
        .variable("AWS_EC2_METADATA_DISABLED", "true")
}

/// The line of a group, which appears soon after the start.
async fn source(server: &Server, name: &str) -> SourceStatus {
    let name = format!("test {name}");
    eventually("the group has its line", async || {
        server.sources().await.into_iter().find(|source| source.kind == "aws_logs" && source.name == name)
    })
    .await
}

async fn eventually_log_records(server: &Server, count: u64) {
    eventually_ok("the log records are stored", async || {
        let status = server.status().await;
        let stored = status.log_records;
        if status.pending_requests == 0 && stored == count {
            Ok(())
        } else {
            Err(format!("{stored} of {count}"))
        }
    })
    .await;
}

/// What a log says of one route of one version.
#[derive(Clone, Debug)]
struct Numbers {
    counts: [u64; 3],
    /// Bounds of the percentiles, ms.
    low_ms: [f64; 3],
}

impl Numbers {
    /// Envoy tells the service when the last byte was sent, and the lines when all was done, in whole milliseconds.
    fn is_like(&self, other: &Self) -> bool {
        let near = |(one, other): (&f64, &f64)| (one - other).abs() <= 1.0;
        self.counts == other.counts && self.low_ms.iter().zip(&other.low_ms).all(near)
    }
}

fn numbers(routes: Vec<RouteSummary>) -> BTreeMap<(Option<String>, String), Numbers> {
    let numbers = |route: RouteSummary| {
        let latency = route.latency.expect("each line says how long it took");
        let numbers = Numbers {
            counts: [route.requests, route.errors, latency.count],
            low_ms: [latency.p50, latency.p90, latency.p99].map(|quantile| quantile.low_ms),
        };
        ((route.version, route.route), numbers)
    };
    routes.into_iter().map(numbers).collect()
}

/// The lines of a file, once all requests are in it.
async fn lines_of(folder: &TempDir, log: &str) -> Vec<(&'static str, String)> {
    eventually_ok("Envoy writes its logs", async || {
        let mut lines = Vec::new();
        for version in VERSIONS {
            let text = std::fs::read_to_string(folder.path().join(format!("{log}-{version}.log"))).unwrap();
            lines.extend(text.lines().map(|line| (version, line.to_owned())));
        }
        if lines.len() == REQUESTS { Ok(lines) } else { Err(format!("{} of {REQUESTS}", lines.len())) }
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn access_logs_tell_the_same_as_those_that_envoy_sends() {
    let (folder, fake) = (tempfile::tempdir().unwrap(), FakeAws::start().await);
    let mut config = sent_entries() + &aws(&fake.url());
    for version in VERSIONS {
        for (log, format) in FILES {
            let more = format!(
                "service = '{log}'\nversion = '{version}'\nnode_id = '{log}-{version}'\ndirection = 'inbound'\n\
                 format = '{format}'"
            );
            let name = format!("/ecs/{log}-{version}");
            fake.logs.create(&name);
            config += &group(&name, "access_log", &more);
        }
    }
    fake.logs.page_of(7);
    fake.logs.with_empty_pages();
    let mut server = options(&folder, &config).start().await;
    let (service, otlp) = (service().await, server.addresses().otlp_grpc);
    let envoys = [
        Envoy::start(&folder, VERSIONS[0], service, otlp).await,
        Envoy::start(&folder, VERSIONS[1], service, otlp).await,
    ];
    let truth = load(&envoys).await;
    for (log, _) in FILES {
        for (version, line) in lines_of(&folder, log).await {
            // The proxy itself writes to the same stream.
            let other = "[2026-11-24 10:00:00.123][1][info][main] [source/server/server.cc:1000] all clusters initialized";
            let events = [(now_ms(), line), (now_ms(), other.to_owned())];
            fake.logs.put(&format!("/ecs/{log}-{version}"), STREAM, events);
        }
    }
    for restarted in [false, true] {
        let mut told = Vec::new();
        for log in [ALS_LOG, OTLP_LOG].into_iter().chain(FILES.map(|(log, _)| log)) {
            let routes = eventually_ok("the log is read", async || {
                let routes = routes(&server, log).await;
                let difference = difference(&routes, &truth);
                if difference.is_empty() { Ok(routes) } else { Err(format!("{log}: {difference}")) }
            })
            .await;
            told.push((log, numbers(routes)));
        }
        let by_als = told[0].1.clone();
        for (log, numbers) in told {
            for (route, number) in &numbers {
                assert!(
                    number.is_like(&by_als[route]),
                    "{log} {route:?}: {number:?}, ALS {:?}",
                    by_als[route]
                );
            }
        }
        if !restarted {
            let told = source(&server, "/ecs/by-text-v1").await;
            assert!(told.detail.unwrap().contains("all clusters initialized"));
            server.kill().await;
            server.restart().await;
        }
    }
}

/// A span as Transaction Search keeps it.
fn span(service: &str, id: &str, parent: &str, kind: &str) -> Value {
    let start = u64::try_from(now_ms()).unwrap() * 1_000_000;
    json!({
        "resource": {"attributes": {"service.name": service, "aws.local.service": service}},
        "scope": {"name": "opentelemetry.instrumentation.http"},
        "traceId": "69244e0a1b2c3d4e5f60718293a4b5c6", "spanId": id, "parentSpanId": parent,
        "name": "GET /things", "kind": kind, "startTimeUnixNano": start, "endTimeUnixNano": start + 5_000_000,
        "durationNano": 5_000_000, "attributes": {"http.request.method": "GET", "http.response.status_code": 200},
        "status": {"code": "UNSET"},
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spans_of_transaction_search_are_edges_of_the_graph() {
    let (folder, fake) = (tempfile::tempdir().unwrap(), FakeAws::start().await);
    let lines = [
        span("shop", "1111111111111111", "", "SERVER").to_string(),
        span("shop", "2222222222222222", "1111111111111111", "CLIENT").to_string(),
        "{\"traceId\": \"cut off".to_owned(),
        span("orders", "3333333333333333", "2222222222222222", "SERVER").to_string(),
    ];
    fake.logs.put("aws/spans", "default", lines.into_iter().map(|line| (now_ms(), line)));
    let arn = format!("arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:aws/spans:*");
    let config = aws(&fake.url()) + &group(&arn, "spans", "");
    let mut server = options(&folder, &config).start().await;
    for _ in 0..2 {
        server.eventually_holds(3).await;
        // What is no span is kept as a line, once.
        eventually_log_records(&server, 1).await;
        let evidence = eventually("the edge is on the graph", async || {
            let graph = server.graph("from=-1h").await;
            let edge = graph
                .edges
                .into_iter()
                .find(|edge| edge.source.contains("shop") && edge.target.contains("orders"))?;
            Some(serde_json::to_value(edge.evidence).unwrap().to_string())
        })
        .await;
        assert!(evidence.contains("xray"), "{evidence}");
        server.kill().await;
        server.restart().await;
    }
    eventually("the group is read again", async || {
        (source(&server, "aws/spans").await.state == SourceState::Ok).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_are_told_while_other_groups_go_on() {
    let (folder, fake) = (tempfile::tempdir().unwrap(), FakeAws::start().await);
    let config =
        aws(&fake.url()) + &group("/missing", "application", "") + &group("/there", "application", "");
    fake.logs.put("/there", "a", [(now_ms(), "ERROR one".to_owned())]);
    let server = options(&folder, &config).start().await;
    eventually_log_records(&server, 1).await;
    let words = eventually("the fault is told", async || source(&server, "/missing").await.last_error).await;
    assert!(words.contains("ResourceNotFoundException") && words.contains("does not exist"), "{words}");
    for (fault, told) in [(Fault::Denied, "logs:FilterLogEvents"), (Fault::Broken, "does not answer")] {
        fake.fail(READ, fault, u32::MAX);
        eventually_ok("the fault is told", async || {
            let words = source(&server, "/there").await.last_error.unwrap_or_default();
            if words.contains(told) { Ok(()) } else { Err(words) }
        })
        .await;
        fake.heal();
    }
    // A group that appears later is read from then on, with what was logged before.
    fake.logs.put("/missing", "a", [(now_ms(), "two".to_owned())]);
    fake.logs.put("/there", "a", [(now_ms(), "three".to_owned())]);
    eventually_log_records(&server, 3).await;
    let there = source(&server, "/there").await;
    assert_eq!(there.accepted, 2);
    assert!(there.cloud.unwrap().usd_today.abs() < f64::EPSILON);
}

/// Routes of access log lines, told apart by names that are no ids.
const ROUTES: [&str; 6] = ["apples", "bread", "cheese", "dates", "eggs", "figs"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_event_is_stored_once_whatever_fails() {
    let (folder, fake) = (tempfile::tempdir().unwrap(), FakeAws::start().await);
    let mut random = ChaCha8Rng::seed_from_u64(11);
    fake.logs.page_of(5);
    fake.logs.with_empty_pages();
    for name in ["/app", "/proxy"] {
        fake.logs.create(name);
    }
    let more = "service = 'proxied'\ndirection = 'inbound'\nformat = 'envoy'";
    let config = aws(&fake.url()) + &group("/app", "application", "") + &group("/proxy", "access_log", more);
    let mut server = options(&folder, &config).start().await;
    let (mut records, mut requests) = (0, BTreeMap::<String, u64>::new());
    for step in 0..8 {
        for stream in 0..random.random_range(1..6_u32) {
            // Streams come and go, and events come in any order.
            let stream = format!("ecs/app/{step}{stream}");
            let reads = *[0, 0, 1, 7].choose(&mut random).unwrap();
            let lines: Vec<_> = (0..random.random_range(0..20))
                .map(|_| {
                    records += 1;
                    (now_ms() - random.random_range(0..60_000), "the same line".to_owned())
                })
                .collect();
            fake.logs.put_late("/app", &stream, lines, reads);
            let lines: Vec<_> = (0..random.random_range(0..20)).map(|_| {
                let route = *ROUTES.choose(&mut random).unwrap();
                *requests.entry(format!("GET /{route}")).or_default() += 1;
                let time = Timestamp::now();
                let line = format!(
                    "[{time:.3}] \"GET /{route} HTTP/1.1\" 200 - 0 2 7 6 \"-\" \"curl\" \"-\" \"proxied\" \"10.0.0.1:80\""
                );
                (time.as_millisecond() - random.random_range(0..60_000), line)
            }).collect();
            fake.logs.put_late("/proxy", &stream, lines, reads);
        }
        let fault = *[Fault::Throttled, Fault::Broken, Fault::Dropped, Fault::AnswerLost]
            .choose(&mut random)
            .unwrap();
        fake.fail(READ, fault, random.random_range(0..3));
        let calls = fake.calls(READ) + random.random_range(3..25_u64);
        eventually("the groups are read for a while", async || (fake.calls(READ) >= calls).then_some(()))
            .await;
        server.kill().await;
        fake.heal();
        server.restart().await;
    }
    for _ in 0..2 {
        eventually_log_records(&server, records).await;
        eventually_ok("the requests are those that were logged", async || {
            let seen: BTreeMap<String, u64> = routes(&server, "proxied")
                .await
                .into_iter()
                .map(|route| (route.route, route.requests))
                .collect();
            if seen == requests { Ok(()) } else { Err(format!("seen {seen:?}\ntrue {requests:?}")) }
        })
        .await;
        server.kill().await;
        server.restart().await;
        // Everything is read once more.
        let calls = fake.calls(READ) + 500;
        eventually("the groups are read again", async || (fake.calls(READ) >= calls).then_some(())).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_past_is_read_on_demand_and_once() {
    let (folder, fake) = (tempfile::tempdir().unwrap(), FakeAws::start().await);
    fake.logs.page_of(3);
    let hour_ms = 3_600_000;
    let old =
        |hours: i64| (0..10).map(move |index| (now_ms() - hours * hour_ms - index * 1_000, "old".to_owned()));
    fake.logs.put("/app", "a", [(now_ms(), "new".to_owned())]);
    fake.logs.put("/app", "a", old(3));
    fake.logs.put("/app", "a", old(6));
    let config = aws(&fake.url()) + &group("/app", "application", "");
    let mut server = options(&folder, &config).start().await;
    eventually_log_records(&server, 1).await;
    // The ranges overlap each other, and what is read anyway.
    for (from, to, words, stored) in
        [("-4h", "-2h", "read", 11), ("-5h", "now", "read up to", 11), ("-7h", "-150m", "", 21)]
    {
        let wish = json!({"kind": "aws_logs", "name": "test /app", "from": from, "to": to});
        let answer =
            Answer::to(client().post(server.url("/api/v1/sources/backfill")).json(&wish)).await.unwrap();
        assert_eq!(answer.status, 202, "{}", answer.text());
        if words.is_empty() {
            server.kill().await;
            server.restart().await;
        } else {
            eventually_ok("the range is read", async || {
                let told = source(&server, "/app").await.cloud.unwrap().backfill.unwrap_or_default();
                if told.starts_with(words) { Ok(()) } else { Err(told) }
            })
            .await;
        }
        eventually_log_records(&server, stored).await;
    }
}

/// One call as an SDK makes it, as far as moto wants it.
async fn moto(url: &str, operation: &str, body: Value) -> Result<(), String> {
    let credential = "Credential=test/20261124/eu-west-1/logs/aws4_request, SignedHeaders=host, Signature=0";
    let request = client()
        .post(url)
        .header("x-amz-target", format!("Logs_20140328.{operation}"))
        .header("content-type", "application/x-amz-json-1.1")
        .header("authorization", format!("AWS4-HMAC-SHA256 {credential}"))
        .body(body.to_string());
    let answer = Answer::to(request).await.map_err(|error| error.to_string())?;
    if answer.status.is_success() { Ok(()) } else { Err(answer.text()) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn moto_is_read_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let port = ReservedPort::new().unwrap().address().port();
    let url = format!("http://127.0.0.1:{port}");
    let _process = bound_to_us(&program("SIDECARTA_MOTO"), "KILL")
        .args(["-m", "moto.server", "-H", "127.0.0.1", "-p", &port.to_string()])
        .stderr(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("SIDECARTA_MOTO names a Python that has moto");
    eventually_ok("moto answers", async || {
        moto(&url, "CreateLogGroup", json!({"logGroupName": "/app"})).await
    })
    .await;
    let mut config = aws(&url) + &group("/app", "application", "");
    let _ = writeln!(config, "stream_prefix = 'ecs/'");
    // One page of moto's holds 10 000 events at most.
    let lines = 10_500;
    for stream in ["ecs/app/a", "ecs/app/b"] {
        let name = json!({"logGroupName": "/app", "logStreamName": stream});
        moto(&url, "CreateLogStream", name).await.unwrap();
    }
    let mut server = options(&folder, &config).start().await;
    let begins_ms = now_ms() - 60_000;
    for part in 0..3 {
        let stream = if part == 1 { "ecs/app/b" } else { "ecs/app/a" };
        let events: Vec<Value> = (0..lines / 3)
            .map(|index| json!({"timestamp": begins_ms + part * 10_000 + index, "message": "one of many"}))
            .collect();
        let body = json!({"logGroupName": "/app", "logStreamName": stream, "logEvents": events});
        moto(&url, "PutLogEvents", body).await.unwrap();
    }
    let count = u64::try_from(lines).unwrap();
    eventually_log_records(&server, count).await;
    server.kill().await;
    server.restart().await;
    let read = source(&server, "/app").await.requests;
    eventually("the group is read again", async || {
        (source(&server, "/app").await.requests > read + 5).then_some(())
    })
    .await;
    eventually_log_records(&server, count).await;
}

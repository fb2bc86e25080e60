//! What ECS Service Connect counts for CloudWatch: it is on the graph, once, whatever happens to AWS or to the server.

use prost::Message as _;
use serde_json::json;
use sidecarta_queries::api::graph::{Edge, Source};
use sidecarta_queries::api::sources::{SourceState, SourceStatus};
use sidecarta_tests::fake_aws::{ACCOUNT, FakeAws, Fault};
use sidecarta_tests::harness::{
    Encoding, PROTOBUF, Server, ServerOptions, client, eventually_ok, now_ns, post_traces, request_of,
    shop_call,
};
use tempfile::TempDir;

const CALL: [&str; 3] = ["shop", "web-svc", "orders"];
const EDGE: &str = "service:web-svc→service:orders-svc";

/// A fake AWS with two services, of which one calls the other.
async fn aws() -> FakeAws {
    let aws = FakeAws::start().await;
    aws.ecs.put_service("shop", "web-svc", "shop.local", &["web"]);
    aws.ecs.put_service("shop", "orders-svc", "shop.local", &["orders", "orders-admin"]);
    for number in 0..12 {
        aws.ecs.put_service("shop", &format!("job-{number}"), "shop.local", &[]);
    }
    aws
}

/// The last minute that is over for sure, since 1970.
fn minute_now() -> i64 {
    now_ns().cast_signed() / 60_000_000_000 - 1
}

fn options(aws: &FakeAws, folder: &TempDir) -> ServerOptions {
    let config = folder.path().join("sidecarta.toml");
    let text = format!(
        "[[aws]]\nname = 'prod'\nregion = 'eu-west-1'\nendpoint_url = '{}'\n\
         budget = {{ usd_per_day = 1e6, calls_per_second = 1000.0, calls_per_day = 1000000 }}\n\
         service_connect = {{ clusters = ['shop'], interval_ms = 200, settle_ms = 0, list_interval_ms = 300 }}\n",
        aws.url()
    );
    std::fs::write(&config, text).unwrap();
    ServerOptions::default()
        .config(&config)
        .variable("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
        .variable("AWS_SECRET_ACCESS_KEY", "secret")
        .variable("AWS_EC2_METADATA_DISABLED", "true")
        .set("store.move_after_s", 1)
}

/// Puts responses of a class and how long each took into a minute.
fn put(aws: &FakeAws, minute: i64, class: u32, durations_ms: &[f64]) {
    let ones = vec![1.0; durations_ms.len()];
    aws.metrics.put(&format!("HTTPCode_Target_{class}XX_Count"), CALL, minute, &ones);
    aws.metrics.put("TargetResponseTime", CALL, minute, durations_ms);
}

/// Waits until the edge has so many requests and errors.
async fn edge_with(server: &Server, requests: u64, errors: u64) -> Edge {
    eventually_ok("the edge is what CloudWatch holds", async || {
        let graph = server.graph("from=-30d").await;
        let found = graph.edges.iter().find(|edge| edge.id == EDGE).cloned();
        let edge = found.ok_or_else(|| format!("{:?} {:?}", graph.edges, server.log()))?;
        if (edge.requests, edge.errors) == (requests, errors) { Ok(edge) } else { Err(format!("{edge:?}")) }
    })
    .await
}

async fn source_when(server: &Server, what: &str, is: impl Fn(&SourceStatus) -> bool) -> SourceStatus {
    eventually_ok(what, async || {
        let sources = server.sources().await;
        let found = sources.iter().find(|source| source.kind == "aws_service_connect" && is(source)).cloned();
        found.ok_or_else(|| format!("{sources:?}"))
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cloudwatch_holds_is_on_the_graph_with_its_price() {
    let (aws, folder) = (aws().await, tempfile::tempdir().unwrap());
    aws.metrics.page(7);
    let minute = minute_now();
    for ago in 1..=6 {
        put(&aws, minute - ago, 2, &[10.0, 20.0, 30.0, 40.0]);
    }
    put(&aws, minute - 1, 5, &[200.0]);
    let server = options(&aws, &folder).start().await;
    let edge = edge_with(&server, 25, 1).await;
    assert_eq!(edge.evidence.len(), 1);
    assert_eq!((edge.evidence[0].source, edge.evidence[0].requests), (Source::CloudWatch, 25));
    let latency = edge.client_side.unwrap();
    assert_eq!(latency.count, 25);
    let high_ms = latency.p99.high_ms.unwrap();
    assert!(latency.p99.low_ms <= 200.0 && (200.0..240.0).contains(&high_ms), "{latency:?}");
    assert!(latency.p50.low_ms <= 20.0 && latency.p50.high_ms.unwrap() >= 20.0, "{latency:?}");

    let source = source_when(&server, "the account is known", |source| {
        source.cloud.as_ref().is_some_and(|cloud| cloud.account.is_some())
    })
    .await;
    assert_eq!((source.name.as_str(), source.state), ("prod", SourceState::Ok));
    let detail = source.detail.unwrap();
    assert_eq!(detail, "1 edge with 3 metrics by 14 services in shop");
    let cloud = source.cloud.unwrap();
    assert_eq!((cloud.region.as_str(), cloud.account.as_deref()), ("eu-west-1", Some(ACCOUNT)));
    assert!(cloud.calls.iter().any(|calls| calls.api == "GetMetricData" && calls.usd_today > 0.0));
    assert!(cloud.usd_per_day_expected > 0.0 && cloud.lag_seconds.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn late_data_and_kills_change_no_total() {
    let (aws, folder) = (aws().await, tempfile::tempdir().unwrap());
    let mut server = options(&aws, &folder).start().await;
    let mut requests = 0;
    for round in 0..6_u32 {
        // Minutes come late, grow, and appear with new metrics while the server runs, and while it does not.
        let minute = minute_now() - i64::from(round % 5) - 1;
        put(&aws, minute, 2, &[f64::from(round) + 1.0, 50.0]);
        put(&aws, minute, 4, &[5.0]);
        requests += 3;
        if round % 2 == 0 {
            edge_with(&server, requests, 0).await;
        }
        server.kill().await;
        put(&aws, minute - 1, 2, &[70.0]);
        requests += 1;
        server.restart().await;
    }
    let edge = edge_with(&server, requests, 0).await;
    assert_eq!(edge.client_side.unwrap().count, requests);
    let again = aws.calls("GetMetricData") + 4;
    eventually_ok("all of it is read again", async || {
        let calls = aws.calls("GetMetricData");
        if calls >= again { Ok(()) } else { Err(format!("{calls} of {again}")) }
    })
    .await;
    edge_with(&server, requests, 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_past_is_read_once_when_it_is_asked_for() {
    let (aws, folder) = (aws().await, tempfile::tempdir().unwrap());
    let minute = minute_now();
    put(&aws, minute - 2, 2, &[10.0; 4]);
    put(&aws, minute - 300, 2, &[10.0; 9]);
    put(&aws, minute - 2_000, 5, &[10.0; 2]);
    let mut server = options(&aws, &folder).start().await;
    edge_with(&server, 4, 0).await;
    want_two_days(&server).await;
    // It goes on where it was.
    server.kill().await;
    server.restart().await;
    edge_with(&server, 15, 2).await;
    // Asked for again, it is there already.
    want_two_days(&server).await;
    source_when(&server, "the past is read", |source| {
        let words = source.cloud.as_ref().and_then(|cloud| cloud.backfill.as_ref());
        words.is_some_and(|words| !words.contains('%'))
    })
    .await;
    edge_with(&server, 15, 2).await;
}

async fn want_two_days(server: &Server) {
    let body = json!({"kind": "aws_service_connect", "name": "prod", "from": "-48h", "to": "now"});
    eventually_ok("the wish is taken", async || {
        let answer = client().post(server.url("/api/v1/sources/backfill")).json(&body).send().await.unwrap();
        let status = answer.status();
        if status == 202 { Ok(()) } else { Err(format!("{status} {:?}", answer.text().await)) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_are_told_in_words_and_other_sources_go_on() {
    let (aws, folder) = (aws().await, tempfile::tempdir().unwrap());
    put(&aws, minute_now() - 2, 2, &[10.0; 4]);
    aws.fail("GetMetricData", Fault::Throttled, 2);
    aws.fail("GetMetricData", Fault::AnswerLost, 1);
    aws.fail("DescribeServices", Fault::Broken, 1);
    let server = options(&aws, &folder).start().await;
    edge_with(&server, 4, 0).await;
    source_when(&server, "the services are known", |source| {
        source.detail.as_ref().is_some_and(|detail| detail.ends_with("by 14 services in shop"))
    })
    .await;

    aws.fail("GetMetricData", Fault::Denied, u32::MAX);
    let source = source_when(&server, "it fails", |source| source.state == SourceState::Failing).await;
    let words = source.last_error.unwrap();
    assert!(words.contains("cloudwatch:GetMetricData") && words.contains("\"Effect\": \"Allow\""), "{words}");
    let (client, url) = (client(), server.otlp_url("/v1/traces"));
    let request = request_of(shop_call(1).to_vec()).encode_to_vec();
    let sent = post_traces(&client, &url, PROTOBUF, Encoding::Identity, request).await;
    assert!(sent.unwrap().status.is_success());
    server.eventually_holds(2).await;

    put(&aws, minute_now() - 2, 2, &[10.0; 4]);
    aws.heal();
    edge_with(&server, 8, 0).await;
    source_when(&server, "it works again", |source| source.state == SourceState::Ok).await;
}

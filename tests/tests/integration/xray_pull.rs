//! X-Ray is pulled by the real server from a server that answers as AWS does.

use std::fs;
use std::time::Duration;

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use sidecarta_queries::api::sources::SourceState;
use sidecarta_tests::fake_aws::{FakeAws, Fault};
use sidecarta_tests::harness::{
    Encoding, JSON, Server, ServerOptions, SpanDraft, client, eventually, now_ns, post_traces, request_of,
    resource, shop_call,
};
use tempfile::TempDir;
use tokio::net::UdpSocket;

/// Spans that a call of [`call`] becomes.
const SPANS_A_CALL: u64 = 3;

fn now_s() -> f64 {
    now_ns() as f64 / 1e9
}

fn trace_id(number: u64) -> String {
    format!("1-{:08x}-{number:024x}", 0x6b00_0000)
}

/// The documents of a call from `shop` to `stock`, which ended so long ago, s.
fn call(number: u64, age_s: f64) -> [Value; 2] {
    let end = now_s() - age_s;
    let id = |part: u64| format!("{:016x}", number * 8 + part);
    let shop = json!({
        "trace_id": trace_id(number), "id": id(1), "name": "shop", "start_time": end - 0.2, "end_time": end,
        "subsegments": [{
            "id": id(2), "name": "stock", "namespace": "remote", "start_time": end - 0.15, "end_time": end - 0.05,
            "http": {"request": {"method": "GET", "url": "http://stock/items"}, "response": {"status": 200}},
        }],
    });
    let stock = json!({
        "trace_id": trace_id(number), "id": id(3), "parent_id": id(2), "name": "stock",
        "start_time": end - 0.14, "end_time": end - 0.06,
        "http": {"request": {"method": "GET", "url": "http://stock/items"}, "response": {"status": 200}},
    });
    [shop, stock]
}

/// The same segment before it ended.
fn in_progress(document: &Value) -> Value {
    let mut document = document.clone();
    let fields = document.as_object_mut().unwrap();
    fields.remove("end_time");
    fields.remove("subsegments");
    fields.insert("in_progress".to_owned(), true.into());
    document
}

/// A server that pulls from the fake, with the folder of its configuration.
async fn pulling(fake: &FakeAws, more: &str) -> (Server, TempDir) {
    let dir = TempDir::with_prefix("sidecarta-aws-").unwrap();
    let file = dir.path().join("sidecarta.toml");
    let text = format!(
        r#"
        [[aws]]
        name = "cloud"
        region = "eu-west-1"
        endpoint_url = "{}"
        budget = {{ calls_per_second = 1000.0, calls_per_day = 10000000 }}
        [aws.xray]
        interval_ms = 100
        settle_ms = 0
        overlap_ms = 2000
        look_back_ms = 600000
        look_back_every_ms = 300
        retry_ms = 50
        retrieval_poll_ms = 10
        {more}
        "#,
        fake.url()
    );
    fs::write(&file, text).unwrap();
    let options = ServerOptions::default()
        .config(&file)
        .variable("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        .variable("AWS_SECRET_ACCESS_KEY", "secret")
        .variable("AWS_EC2_METADATA_DISABLED", "true");
    (options.start().await, dir)
}

async fn check_edge(server: &Server, requests: u64) {
    let graph = server.graph("from=-1h").await;
    let edges: Vec<_> = graph.edges.iter().map(|edge| (edge.id.as_str(), edge.requests)).collect();
    assert_eq!(edges, [("client:client→service:shop", requests), ("service:shop→service:stock", requests)]);
    let evidence = serde_json::to_value(&graph.edges[1].evidence).unwrap().to_string();
    assert!(evidence.contains("xray"), "{evidence}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn traces_are_pulled_from_a_classic_account() {
    let fake = FakeAws::start().await;
    for number in 1..=11 {
        for document in call(number, 5.0) {
            fake.xray.put(&document);
        }
    }
    let (server, _dir) = pulling(&fake, "filter_expression = 'service(\"shop\")'").await;
    server.eventually_holds(11 * SPANS_A_CALL).await;
    check_edge(&server, 11).await;
    assert_eq!(fake.xray.expressions()[0], "service(\"shop\")");
    assert_eq!(fake.calls("/StartTraceRetrieval"), 0);
    let cloud = server.source("aws_xray").await.cloud.unwrap();
    assert_eq!(cloud.region, "eu-west-1");
    assert!(cloud.usd_today > 0.0, "{cloud:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn traces_are_retrieved_from_an_account_with_transaction_search() {
    let fake = FakeAws::start().await;
    fake.xray.set_transaction_search(true);
    for number in 1..=11 {
        for document in call(number, 5.0) {
            fake.xray.put(&document);
        }
    }
    let (server, _dir) = pulling(&fake, "").await;
    server.eventually_holds(11 * SPANS_A_CALL).await;
    check_edge(&server, 11).await;
    assert_eq!(fake.calls("/Traces"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retrieval_that_is_lost_is_started_again() {
    let fake = FakeAws::start().await;
    fake.xray.set_transaction_search(true);
    fake.fail("/ListRetrievedTraces", Fault::AnswerLost, 1);
    for document in call(1, 5.0) {
        fake.xray.put(&document);
    }
    let (server, _dir) = pulling(&fake, "").await;
    server.eventually_holds(SPANS_A_CALL).await;
    assert!(fake.calls("/StartTraceRetrieval") >= 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trace_that_comes_by_pull_otlp_and_udp_is_one_path() {
    let fake = FakeAws::start().await;
    let (server, _dir) = pulling(&fake, "[xray]\naddress = \"127.0.0.1:0\"").await;
    // `shop` is pulled and calls `stock`, which sends by OTLP and calls `depot`, which sends by UDP.
    let [shop, stock] = call(1, 5.0);
    let (shop_calls, stock_serves, stock_calls) = (8 + 2, 8 + 3, 8 + 4);
    let trace = 0x6b00_0000_u128 << 96 | 1;
    let http = |span: SpanDraft| span.with("http.request.method", "GET");
    let inward = http(SpanDraft::new(trace, stock_serves, SpanKind::Server)).below(shop_calls);
    let outward = http(SpanDraft::new(trace, stock_calls, SpanKind::Client)).below(stock_serves);
    let request = request_of(vec![resource("stock", vec![inward.build(), outward.build()])]);
    let body = serde_json::to_vec(&request).unwrap();
    let url = server.otlp_url("/v1/traces");
    let answer = post_traces(&client(), &url, JSON, Encoding::Identity, body).await.unwrap();
    assert_eq!(answer.status, 200);
    let depot = json!({
        "trace_id": trace_id(1), "id": format!("{:016x}", 8 + 5), "parent_id": format!("{stock_calls:016x}"),
        "name": "depot", "start_time": stock["start_time"], "end_time": stock["end_time"],
        "http": {"request": {"method": "GET", "url": "http://depot/"}, "response": {"status": 200}},
    });
    let packet = format!("{{\"format\": \"json\", \"version\": 1}}\n{depot}");
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let daemon = server.addresses().xray.expect("it takes segments");
    socket.send_to(packet.as_bytes(), daemon).await.unwrap();
    // What `stock` said by OTLP stands in X-Ray as well.
    fake.xray.put(&shop);
    fake.xray.put(&stock);
    server.eventually_holds(5).await;
    let graph = server.graph("from=-1h").await;
    let edges: Vec<_> = graph.edges.iter().map(|edge| (edge.id.as_str(), edge.requests)).collect();
    let expected =
        ["client:client→service:shop", "service:shop→service:stock", "service:stock→service:depot"];
    assert_eq!(edges, expected.map(|id| (id, 1)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_malformed_document_costs_itself_only_and_is_told() {
    let fake = FakeAws::start().await;
    for document in call(1, 5.0) {
        fake.xray.put(&document);
    }
    let id = format!("{:016x}", 14);
    fake.xray.put_raw(&trace_id(1), &id, now_s() - 5.0, "{\"trace_id\": nonsense", Duration::ZERO);
    let (server, _dir) = pulling(&fake, "").await;
    server.eventually_holds(SPANS_A_CALL).await;
    let source = eventually("the document is told of", async || {
        let source = server.source("aws_xray").await;
        source.last_error.is_some().then_some(source)
    })
    .await;
    let error = source.last_error.unwrap();
    assert!(error.contains("a segment cannot be taken") && error.contains("nonsense"), "{error}");
    assert!(source.rejected >= 1);
    assert_eq!(source.state, SourceState::Ok);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_are_told_in_words_and_pass() {
    let fake = FakeAws::start().await;
    let (server, _dir) = pulling(&fake, "").await;
    let eventually_is = async |state: SourceState, words: &str| {
        eventually(words, async || {
            let source = server.source("aws_xray").await;
            let told = source.last_error.unwrap_or_default();
            (source.state == state && (state == SourceState::Ok || told.contains(words))).then_some(())
        })
        .await;
    };
    let faults = [
        (
            Fault::Denied,
            "allow it by a policy with {\"Effect\": \"Allow\", \"Action\": \"xray:GetTraceSummaries\"",
        ),
        (Fault::Expired, "the credentials are not accepted"),
        (Fault::ClockSkew, "the clock of this machine is wrong"),
        (Fault::Broken, "GetTraceSummaries in eu-west-1 does not answer"),
        (Fault::Dropped, "GetTraceSummaries in eu-west-1 does not answer"),
    ];
    for (number, (fault, words)) in (1..).zip(faults) {
        fake.fail("/TraceSummaries", fault, u32::MAX);
        eventually_is(SourceState::Failing, words).await;
        // Others go on.
        let body = serde_json::to_vec(&request_of(shop_call(number).into())).unwrap();
        let url = server.otlp_url("/v1/traces");
        let answer = post_traces(&client(), &url, JSON, Encoding::Identity, body).await.unwrap();
        assert_eq!(answer.status, 200);
        fake.heal();
        eventually_is(SourceState::Ok, "it works again").await;
    }
    let sent = server.status().await.spans;
    for document in call(1, 5.0) {
        fake.xray.put(&document);
    }
    // A segment of half a megabyte among them.
    let mut large = call(2, 5.0);
    large[0]["metadata"] = json!({"default": {"text": "x".repeat(500_000)}});
    for document in &large {
        fake.xray.put(document);
    }
    server.eventually_holds(sent.max(10) + 2 * SPANS_A_CALL).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_range_of_the_past_is_read_on_demand_across_a_crash() {
    let fake = FakeAws::start().await;
    for number in 1..=6 {
        // Longer ago than reading begins by itself.
        for document in call(number, 7_200.0 + 600.0 * number as f64) {
            fake.xray.put(&document);
        }
    }
    let (mut server, _dir) = pulling(&fake, "begin_before_ms = 1000").await;
    let body = json!({"kind": "aws_xray", "name": "cloud", "from": "-4h", "to": "-1h"});
    let answer = client().post(server.url("/api/v1/sources/backfill")).json(&body).send().await.unwrap();
    assert_eq!(answer.status(), 202, "{}", answer.text().await.unwrap_or_default());
    eventually("some of the past is read", async || (fake.calls("/Traces") >= 2).then_some(())).await;
    server.kill().await;
    server.restart().await;
    server.eventually_holds(6 * SPANS_A_CALL).await;
}

/// Every document is put once, some in progress before, some visible only later; the fake loses, delays and throttles,
/// and the server is killed again and again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_document_is_stored_exactly_once_whatever_goes_wrong() {
    const ROUNDS: u64 = 5;
    const CALLS_A_ROUND: u64 = 40;
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let fake = FakeAws::start().await;
    fake.xray.set_unprocessed(0.2);
    let (mut server, _dir) = pulling(&fake, "").await;
    for round in 0..ROUNDS {
        for number in 1..=CALLS_A_ROUND {
            let [shop, stock] = call(round * CALLS_A_ROUND + number, rng.random_range(0.0..20.0));
            if rng.random_bool(0.3) {
                fake.xray.put(&in_progress(&shop));
            }
            fake.xray.put_late(&shop, Duration::from_millis(rng.random_range(0..2_000)));
            fake.xray.put_late(&stock, Duration::from_millis(rng.random_range(0..2_000)));
        }
        for (operation, fault) in [
            ("/Traces", Fault::Throttled),
            ("/Traces", Fault::AnswerLost),
            ("/TraceSummaries", Fault::Broken),
            ("/TraceSummaries", Fault::Late(Duration::from_millis(50))),
        ] {
            if rng.random_bool(0.5) {
                fake.fail(operation, fault, 1);
            }
        }
        let calls = fake.calls("/Traces") + rng.random_range(1..20);
        eventually("some more is fetched", async || (fake.calls("/Traces") >= calls).then_some(())).await;
        server.kill().await;
        server.restart().await;
    }
    server.eventually_holds(ROUNDS * CALLS_A_ROUND * SPANS_A_CALL).await;
    check_edge(&server, ROUNDS * CALLS_A_ROUND).await;
}

//! Traces come in by OTLP, and are found again.

use std::fmt::Write as _;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::ResourceSpans;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use sidecarta_queries::api::compare::{CompareResponse, Comparison};
use sidecarta_queries::api::error::ErrorResponse;
use sidecarta_queries::api::traces::{CompletionResponse, QueryProblem, TracesResponse};
use sidecarta_tests::harness::{
    Answer, Encoding, GrpcSender, Server, ServerOptions, SpanDraft, eventually, request_of, resource,
    shop_call,
};

/// What someone may write to do harm, and what is only odd.
const HOSTILE: [&str; 6] = [
    "'; DROP TABLE store.resources; --",
    "a\" or 1=1",
    "$1 {exact}",
    "\\\"",
    "ünïcødé ☃ \u{202e}",
    "a\tb\nc",
];

/// A text in a query.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// As a part of an address.
fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        write!(encoded, "%{byte:02x}").unwrap();
        encoded
    })
}

async fn ask(server: &Server, path: &str, params: &[(&str, &str)]) -> Answer {
    let params: Vec<String> = params.iter().map(|(key, value)| format!("{key}={}", encoded(value))).collect();
    server.get(&format!("/api/v1/{path}?{}", params.join("&"))).await
}

async fn search(server: &Server, params: &[(&str, &str)]) -> TracesResponse {
    ask(server, "traces", params).await.json()
}

/// The traces that a query finds, as numbers in their order.
async fn found(server: &Server, query: &str) -> Vec<u128> {
    let answer = search(server, &[("q", query), ("from", "-1h")]).await;
    let mut traces: Vec<u128> =
        answer.traces.iter().map(|trace| u128::from_str_radix(&trace.trace_id, 16).unwrap()).collect();
    traces.sort_unstable();
    traces
}

async fn send(server: &Server, spans: Vec<ResourceSpans>) {
    let mut sender = GrpcSender::connect(server.addresses().otlp_grpc, Encoding::Gzip).await.unwrap();
    let request: ExportTraceServiceRequest = request_of(spans);
    sender.send(request).await.unwrap();
}

/// A purchase: `web` calls `orders`, which calls `payments`, where it failed.
fn purchase() -> Vec<ResourceSpans> {
    let trace = 100;
    let web = SpanDraft::new(trace, 1, SpanKind::Server)
        .with("user.tier", "gold")
        .with("http.request.method", "POST")
        .with("http.route", "/cart/{id}")
        .with("http.response.status_code", "503");
    let call = SpanDraft::new(trace, 2, SpanKind::Client).below(1);
    let orders = SpanDraft::new(trace, 3, SpanKind::Server).below(2);
    let pay = SpanDraft::new(trace, 4, SpanKind::Client).below(3);
    let payments = SpanDraft::new(trace, 5, SpanKind::Server).below(4).change(|span| {
        let status = span.status.get_or_insert_default();
        status.code = StatusCode::Error as i32;
        "card declined".clone_into(&mut status.message);
        span.end_time_unix_nano = span.start_time_unix_nano + 2_000_000_000;
    });
    let mut payments = resource("payments", vec![payments.build()]);
    let region = SpanDraft::new(1, 1, SpanKind::Server).with("cloud.region", "eu-1").build().attributes;
    payments.resource.get_or_insert_default().attributes.extend(region);
    vec![
        resource("web", vec![web.build(), call.build()]),
        resource("orders", vec![orders.build(), pay.build()]),
        payments,
    ]
}

async fn check(server: &Server, when: &str) {
    for (query, expected) in [
        ("service=stock", vec![1, 2, 3]),
        ("service=shop or service=payments", vec![1, 2, 3, 100]),
        ("edge(shop, stock)", vec![1, 2, 3]),
        ("edge(stock, shop)", vec![]),
        ("edge(orders, payments) error duration>=2s", vec![100]),
        ("service=web any(service=payments error)", vec![100]),
        ("service=web not any(service=payments error)", vec![]),
        ("user.tier=gold status>=500", vec![100]),
        ("route=\"POST /cart/{id}\"", vec![100]),
        ("cloud.region=eu-1", vec![100]),
        ("\"DECLINED\"", vec![100]),
        ("trace=00000000000000000000000000000002", vec![2]),
        ("error", vec![100]),
        ("nothing.such", vec![]),
    ] {
        assert_eq!(found(server, query).await, expected, "{query}, {when}");
    }
    for (number, text) in (200..).zip(HOSTILE) {
        for query in [format!("note={}", quoted(text)), format!("has({})", quoted(text)), quoted(text)] {
            assert_eq!(found(server, &query).await, [number], "{query}, {when}");
        }
    }
    let answer =
        search(server, &[("service", "service:web"), ("min_duration_ms", "1"), ("error", "true")]).await;
    let row = &answer.traces[0];
    assert_eq!(
        (row.service.as_str(), row.route.as_deref(), row.http_status, row.span_count),
        ("web", Some("POST /cart/{id}"), Some(503), 5),
        "{when}"
    );
    assert_eq!(row.services, ["web", "orders", "payments"], "{when}");
    assert_eq!(
        (row.duration_ms >= 2_000.0, row.matched.span_id.as_str()),
        (true, "0000000000000001"),
        "{when}"
    );
    assert_eq!(answer.search.conditions, ["service=web", "duration>=1ms", "error"], "{when}");
    let slowest = search(server, &[("order", "slowest"), ("limit", "1")]).await;
    assert_eq!(
        (slowest.traces[0].matched.service.as_str(), slowest.search.truncated),
        ("payments", true),
        "{when}"
    );
}

#[tokio::test]
async fn traces_are_found_in_memory_in_the_file_and_after_a_restart() {
    // Nothing is moved into the file before the server ends.
    let mut server = ServerOptions::default().set("store.move_after_s", 3_600).start().await;
    let notes: Vec<ResourceSpans> = (200..)
        .zip(HOSTILE)
        .map(|(trace, text)| {
            let note = SpanDraft::new(trace, 1, SpanKind::Internal).with("note", text).with(text, "there");
            resource("notes", vec![note.build()])
        })
        .collect();
    let calls = (1..4).flat_map(shop_call);
    send(&server, calls.chain(purchase()).chain(notes).collect()).await;
    server.eventually_holds(6 + 5 + HOSTILE.len() as u64).await;
    check(&server, "in memory").await;
    server.restart().await;
    server.eventually_holds(6 + 5 + HOSTILE.len() as u64).await;
    check(&server, "after a restart").await;
    server.kill().await;
    server.restart().await;
    check(&server, "after a crash").await;
}

#[tokio::test]
async fn queries_are_completed_and_refused_with_the_place() {
    let server = Server::start().await;
    send(&server, purchase()).await;
    server.eventually_holds(5).await;
    let completion = eventually("the words of the spans are offered", async || {
        let answer: CompletionResponse =
            ask(&server, "traces/complete", &[("q", "service=pay")]).await.json();
        Some(answer.completion).filter(|completion| !completion.items.is_empty())
    })
    .await;
    assert_eq!((completion.items[0].text.as_str(), completion.from, completion.to), ("payments", 8, 11));
    let answer: CompletionResponse =
        ask(&server, "traces/complete", &[("q", "user.t error"), ("cursor", "6")]).await.json();
    assert_eq!(answer.completion.items[0].text, "user.tier=");

    for (path, params) in [("traces", "q"), ("traces/compare", "selection"), ("traces/compare", "baseline")] {
        let answer = ask(&server, path, &[(params, "duration>fast")]).await;
        assert_eq!(answer.status, 400, "{path}");
        let error = answer.json::<ErrorResponse>().error;
        assert_eq!(error.code, "bad_query", "{path}");
        let problem: QueryProblem = serde_json::from_str(&error.detail.unwrap()).unwrap();
        assert_eq!((problem.from, problem.to), (9, 13), "{path}");
        assert!(error.message.starts_with(params) && problem.message.contains("250ms"), "{}", error.message);
    }
    for (path, params) in [
        ("traces", ("limit", "0")),
        ("traces", ("limit", "1001")),
        ("traces", ("limit", "many")),
        ("traces", ("order", "random")),
        ("traces", ("error", "perhaps")),
        ("traces", ("min_duration_ms", "-1")),
        ("traces", ("min_duration_ms", "NaN")),
        ("traces/complete", ("cursor", "-1")),
    ] {
        let answer = ask(&server, path, &[params]).await;
        assert_eq!(answer.json::<ErrorResponse>().error.code, "bad_parameter", "{path} {params:?}");
    }
    let answer = ask(&server, "traces/compare", &[("baseline_from", "now")]).await;
    assert_eq!(answer.json::<ErrorResponse>().error.code, "bad_time_range");
}

#[tokio::test]
async fn two_sets_of_spans_are_held_against_each_other() {
    let server = Server::start().await;
    let spans = (1..=60_u64).map(|number| {
        let tier = if number % 2 == 0 { "gold" } else { "free" };
        SpanDraft::new(u128::from(number), 1, SpanKind::Server)
            .with("user.tier", tier)
            .with("request.id", &format!("r-{number}"))
            .change(|span| span.end_time_unix_nano += if tier == "gold" { 1_000_000_000 } else { 0 })
            .build()
    });
    send(&server, vec![resource("orders", spans.collect())]).await;
    server.eventually_holds(60).await;
    let params = [("selection", "duration>500ms"), ("baseline", "duration<=500ms")];
    let comparison: Comparison =
        ask(&server, "traces/compare", &params).await.json::<CompareResponse>().comparison;
    assert_eq!((comparison.selection.spans, comparison.baseline.spans), (30, 30));
    assert!(comparison.selection.p50_ms >= 1_000.0 && comparison.baseline.p99_ms < 500.0);
    let first = &comparison.attributes[0];
    assert_eq!((first.key.as_str(), first.is_significant, first.values.len()), ("user.tier", true, 2));
    assert!((first.effect - 1.0).abs() < 1e-9);
    assert!(comparison.attributes.iter().all(|difference| difference.key != "request.id"));
}

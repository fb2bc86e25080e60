//! Spans that cannot be taken, and good ones in the same request, which are.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use sidecarta_tests::harness::{
    Answer, Encoding, GrpcSender, JSON, Server, SpanDraft, client, eventually, request_of, resource,
    shop_call,
};

use super::still_works;

const DAY_NS: u64 = 86_400 * 1_000_000_000;

fn draft(id: u64) -> SpanDraft {
    SpanDraft::new(7, id, SpanKind::Server)
}

fn moved(id: u64, to_ns: impl Fn(u64) -> u64) -> Span {
    let change = |span: &mut Span| {
        span.start_time_unix_nano = to_ns(span.start_time_unix_nano);
        span.end_time_unix_nano = to_ns(span.end_time_unix_nano);
    };
    draft(id).change(change).build()
}

/// Each of these is no span that could be stored.
fn bad_spans() -> Vec<Span> {
    vec![
        draft(1).change(|span| span.trace_id = vec![0; 16]).build(),
        draft(2).change(|span| span.trace_id = vec![1; 8]).build(),
        draft(3).change(|span| span.trace_id.clear()).build(),
        draft(4).change(|span| span.span_id = vec![0; 8]).build(),
        draft(5).change(|span| span.span_id = vec![1; 3]).build(),
        draft(6).change(|span| span.parent_span_id = vec![1; 7]).build(),
        moved(7, |_| 0),
        moved(8, |ns| ns - 400 * DAY_NS),
        moved(9, |ns| ns + DAY_NS),
        moved(10, |_| u64::MAX),
    ]
}

/// Each of these is odd, and still a span.
fn odd_spans() -> Vec<Span> {
    vec![
        draft(11).change(|span| span.end_time_unix_nano = 0).build(),
        draft(12).change(|span| span.end_time_unix_nano = span.start_time_unix_nano - 1).build(),
        draft(13).change(|span| span.kind = 77).build(),
        draft(14).change(|span| span.name = "nul \0 and \u{1f600}".repeat(1_000)).build(),
        draft(15).change(|span| span.parent_span_id = vec![0; 8]).build(),
        moved(16, |ns| ns - DAY_NS),
    ]
}

#[tokio::test]
async fn bad_spans_are_counted_and_take_no_good_one_with_them() {
    let server = Server::start().await;
    let (bad, odd) = (bad_spans(), odd_spans());
    let (rejected, kept) = (bad.len() as i64, odd.len() as u64);
    let mut resources = shop_call(1).to_vec();
    resources.push(resource("odd", [bad, odd].concat()));
    let request = request_of(resources);

    let mut sender = GrpcSender::connect(server.addresses().otlp_grpc, Encoding::Gzip).await.unwrap();
    let partial = sender.send(request.clone()).await.unwrap().partial_success.unwrap();
    assert_eq!(partial.rejected_spans, rejected, "{}", partial.error_message);
    for words in ["trace id", "span id", "parent span id", "outside the time"] {
        assert!(partial.error_message.contains(words), "{words}: {}", partial.error_message);
    }
    server.eventually_holds(2 + kept).await;

    let body = serde_json::to_vec(&request).unwrap();
    let post = client().post(server.otlp_url("/v1/traces")).header("content-type", JSON).body(body);
    let answer: serde_json::Value = Answer::to(post).await.unwrap().json();
    assert_eq!(answer["partialSuccess"]["rejectedSpans"], rejected.to_string(), "{answer}");
    server.eventually_holds(2 + kept).await;
    let source = server.source("otlp_http").await;
    assert_eq!((source.accepted, source.rejected), (2 + kept, rejected as u64));
}

#[tokio::test]
async fn spans_without_a_service_name_are_on_the_graph_all_the_same() {
    let server = Server::start().await;
    let call = SpanDraft::new(1, 1, SpanKind::Client).build();
    let answer = SpanDraft::new(1, 2, SpanKind::Server).below(1).build();
    let mut nameless = resource("", vec![answer]);
    let mut sender = GrpcSender::connect(server.addresses().otlp_grpc, Encoding::Gzip).await.unwrap();
    sender.send(request_of(vec![resource("shop", vec![call]), nameless.clone()])).await.unwrap();
    // Nor is a resource needed at all.
    nameless.resource = None;
    nameless.scope_spans[0].spans = vec![SpanDraft::new(2, 1, SpanKind::Server).build()];
    sender.send(request_of(vec![nameless])).await.unwrap();
    server.eventually_holds(3).await;
    eventually("the graph shows it", async || {
        let graph = server.graph("").await;
        let ids: Vec<&str> = graph.edges.iter().map(|edge| edge.id.as_str()).collect();
        (ids == ["client:client→service:unknown_service", "service:shop→service:unknown_service"])
            .then_some(())
    })
    .await;
}

fn attribute(key: String, value: Value) -> KeyValue {
    KeyValue { key, value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

#[tokio::test]
async fn attribute_bombs_hurt_nobody_else() {
    let server = Server::start().await;
    let many = draft(21).change(|span| {
        let pair = |number| attribute(format!("key-{number}"), Value::StringValue(format!("value {number}")));
        span.attributes = (0..100_000).map(pair).collect();
    });
    let large = draft(22).change(|span| {
        let megabyte = |number| attribute(format!("large-{number}"), Value::StringValue("x".repeat(1 << 20)));
        span.attributes = (0..4).map(megabyte).collect();
    });
    let deep = draft(23).change(|span| {
        // As deep as the encoder of this test can go without running out of stack.
        let nested = (0..200).fold(Value::IntValue(1), |inner, _| {
            Value::ArrayValue(ArrayValue { values: vec![AnyValue { value: Some(inner) }] })
        });
        span.attributes = vec![attribute("deep".to_owned(), nested)];
    });
    let mut resources = shop_call(1).to_vec();
    resources.push(resource("bomb", vec![many.build(), large.build(), deep.build()]));
    let mut sender = GrpcSender::connect(server.addresses().otlp_grpc, Encoding::Identity).await.unwrap();
    let partial = sender.send(request_of(resources)).await.unwrap().partial_success.unwrap();
    assert_eq!(partial.rejected_spans, 1, "{}", partial.error_message);
    for words in ["too deep", "without some of their attributes"] {
        assert!(partial.error_message.contains(words), "{}", partial.error_message);
    }
    server.eventually_holds(4).await;
    still_works(&server, 2).await;
    server.eventually_holds(6).await;
}

#[tokio::test]
async fn json_without_end_is_refused() {
    let server = Server::start().await;
    let deep = format!(r#"{{"resourceSpans":{}"#, "[".repeat(200_000));
    let post = client().post(server.otlp_url("/v1/traces")).header("content-type", JSON).body(deep);
    let answer = Answer::to(post).await.unwrap();
    assert_eq!(answer.status, 400, "{}", answer.text());
    let damaged = request_of(shop_call(1).to_vec());
    let body =
        serde_json::to_string(&damaged).unwrap().replace(r#""kind":2"#, r#""kind":"SPAN_KIND_SERVER""#);
    let post =
        client().post(server.otlp_url("/v1/traces")).header("content-type", JSON).body(body.into_bytes());
    // Names of enums are no OTLP; whether they are refused or read, the server goes on.
    assert!([200, 400].contains(&Answer::to(post).await.unwrap().status.as_u16()));
    still_works(&server, 2).await;
}

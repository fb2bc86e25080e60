//! One trace asked for by its id: whole, in whatever way its spans came, after a restart, and as OTLP again.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList,
};
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link, SpanKind};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, Span, Status};
use serde_json::json;
use sidecarta_queries::api::traces::{LogSource, Trace, TraceResponse};
use sidecarta_tests::harness::{
    Answer, Encoding, GrpcSender, JSON, Server, SpanDraft, client, eventually, now_ns, post_traces,
    request_of, resource,
};

const ID: u128 = 0x5759_e988_bd86_2e3f_e1be_46a9_9427_2793;
const MS: u64 = 1_000_000;

async fn send(server: &Server, spans: Vec<ResourceSpans>) {
    let mut sender = GrpcSender::connect(server.addresses().otlp_grpc, Encoding::Gzip).await.unwrap();
    sender.send(request_of(spans)).await.unwrap();
}

/// The trace, once it has so many spans.
async fn trace_with(server: &Server, id: &str, spans: usize) -> Trace {
    eventually("the trace has its spans", async || {
        let answer = server.get(&format!("/api/v1/traces/{id}")).await;
        let trace = (answer.status == 200).then(|| answer.json::<TraceResponse>().trace)?;
        (trace.spans.len() == spans).then_some(trace)
    })
    .await
}

/// A span of the trace, from so many ms after `start` on.
fn span(start: u64, id: u64, kind: SpanKind, [from_ms, to_ms]: [u64; 2]) -> SpanDraft {
    SpanDraft::new(ID, id, kind).with("http.request.method", "GET").change(|span| {
        span.start_time_unix_nano = start + from_ms * MS;
        span.end_time_unix_nano = start + to_ms * MS;
    })
}

#[tokio::test]
async fn a_trace_is_told_whole_late_spans_included_and_after_a_restart() {
    let mut server = Server::start().await;
    let start = now_ns() - 2_000 * MS;
    let front = [
        span(start, 1, SpanKind::Server, [0, 100]).build(),
        span(start, 2, SpanKind::Client, [10, 60]).below(1).build(),
    ];
    send(&server, vec![resource("shop", front.to_vec())]).await;
    let young = trace_with(&server, "5759e988bd862e3fe1be46a994272793", 2).await;
    assert_eq!(young.warnings.last().unwrap().kind, "still_arriving");
    // The rest comes when the first part is in the file alone.
    server.restart().await;
    let stock = [
        span(start, 3, SpanKind::Server, [12, 58]).below(2).build(),
        span(start, 4, SpanKind::Internal, [20, 30]).below(3).build(),
    ];
    send(&server, vec![resource("stock", stock.to_vec())]).await;
    log(&server, start + 25 * MS, 4).await;

    let mut told = Vec::new();
    for restarted in [false, true] {
        if restarted {
            server.kill().await;
            server.restart().await;
        }
        let mut trace = eventually("the log line is at its place", async || {
            let trace = trace_with(&server, "1-5759E988-bd862e3fe1be46a994272793", 4).await;
            (!trace.logs.is_empty()).then_some(trace)
        })
        .await;
        let traceparent = format!("00-{ID:032x}-0000000000000001-01");
        assert_eq!(trace_with(&server, &traceparent, 4).await.trace_id, format!("{ID:032x}"));
        let order: Vec<_> =
            trace.spans.iter().map(|span| (span.service.as_str(), span.depth, span.hop)).collect();
        assert_eq!(order, [("shop", 0, 0), ("shop", 1, 0), ("stock", 2, 1), ("stock", 3, 1)]);
        let own_ms: Vec<u64> = trace.spans.iter().map(|span| span.self_ns / MS).collect();
        assert_eq!(own_ms, [50, 4, 36, 10]);
        let path: Vec<_> = trace.critical_path.iter().map(|piece| piece.duration_ns / MS).collect();
        assert_eq!(path, [10, 2, 8, 10, 28, 2, 40]);
        let calls: Vec<_> = trace
            .calls
            .iter()
            .map(|call| (call.source.as_str(), call.target.as_str(), call.requests, call.total_ns / MS))
            .collect();
        let expected = [("client:client", "service:shop", 1, 100), ("service:shop", "service:stock", 1, 50)];
        assert_eq!(calls, expected);
        let graph = server.graph("from=-1h").await;
        for (source, target, ..) in expected {
            assert!(
                graph.edges.iter().any(|edge| edge.source == source && edge.target == target),
                "{graph:?}"
            );
        }
        let log = &trace.logs[0];
        assert_eq!((log.body.as_str(), log.span, log.offset_ns), ("no stock left", Some(3), 25 * MS as i64));
        assert_eq!((log.source, log.severity.as_str(), trace.log_count), (LogSource::Log, "WARN", 1));
        assert_eq!(log.service, "stock");
        trace.warnings.clear();
        told.push(trace);
    }
    assert_eq!(told[0], told[1]);
}

/// Sends a log record of `stock` that names a span of the trace.
async fn log(server: &Server, time_ns: u64, span: u64) {
    let request = json!({"resourceLogs": [{
        "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "stock"}}]},
        "scopeLogs": [{"logRecords": [{
            "timeUnixNano": time_ns.to_string(),
            "severityNumber": 13,
            "body": {"stringValue": "no stock left"},
            "traceId": format!("{ID:032x}"),
            "spanId": format!("{span:016x}"),
        }]}],
    }]});
    let url = server.otlp_url("/v1/logs");
    let post = client().post(url).header("content-type", JSON).body(request.to_string());
    assert_eq!(Answer::to(post).await.unwrap().status, 200);
}

fn pair(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

/// Attributes of every type.
fn of_every_type() -> Vec<KeyValue> {
    let text = |text: &str| Value::StringValue(text.to_owned());
    let any = |value: Value| AnyValue { value: Some(value) };
    vec![
        pair("text", text("ünïcode \"quoted\"\n")),
        pair("empty", text("")),
        pair("int", Value::IntValue(-3)),
        pair("large", Value::IntValue(i64::MAX)),
        pair("double", Value::DoubleValue(0.1)),
        pair("whole", Value::DoubleValue(2.0)),
        pair("flag", Value::BoolValue(true)),
        pair("bytes", Value::BytesValue(vec![0, 255, 1])),
        pair("list", Value::ArrayValue(ArrayValue { values: vec![any(text("a")), any(Value::IntValue(1))] })),
        pair("map", Value::KvlistValue(KeyValueList { values: vec![pair("deep", Value::BoolValue(false))] })),
    ]
}

#[tokio::test]
async fn a_trace_written_as_otlp_is_taken_again_as_the_same_spans() {
    let server = Server::start().await;
    let start = now_ns() - 5_000 * MS;
    let rich = |span: &mut Span| {
        span.attributes.extend(of_every_type());
        span.attributes.push(pair("http.response.status_code", Value::IntValue(503)));
        span.attributes.push(pair("http.route", Value::StringValue("/orders/{id}".to_owned())));
        span.events = (0..3)
            .map(|number| Event {
                time_unix_nano: start + number,
                name: format!("event {number}"),
                attributes: of_every_type(),
                ..Event::default()
            })
            .collect();
        let (trace_id, span_id) = (7_u128.to_be_bytes().to_vec(), 8_u64.to_be_bytes().to_vec());
        span.links = vec![Link { trace_id, span_id, attributes: of_every_type(), ..Link::default() }];
        span.status = Some(Status { code: 2, message: "it failed".to_owned() });
    };
    let envoy =
        span(start, 2, SpanKind::Client, [10, 60]).below(1).with("upstream_cluster", "orders").build();
    let mut proxy = resource("shop", vec![envoy]);
    let sdk = pair("telemetry.sdk.name", Value::StringValue("envoy".to_owned()));
    proxy.resource.as_mut().unwrap().attributes.extend(of_every_type().into_iter().chain([sdk]));
    let mut orders = resource("orders", vec![span(start, 3, SpanKind::Server, [20, 50]).below(2).build()]);
    orders.scope_spans[0].scope =
        Some(InstrumentationScope { name: "tracer".to_owned(), ..InstrumentationScope::default() });
    let root = span(start, 1, SpanKind::Server, [0, 100]).change(rich).build();
    let endless = span(start, 4, SpanKind::Internal, [5, 5]).below(1).build();
    send(&server, vec![resource("shop", vec![root, endless]), proxy, orders]).await;
    let sent = trace_with(&server, &format!("{ID:032x}"), 4).await;

    let otlp = server.get(&format!("/api/v1/traces/{ID:032X}/otlp")).await;
    assert_eq!((otlp.status.as_u16(), otlp.header("content-type")), (200, JSON));
    let again = Server::start().await;
    let url = again.otlp_url("/v1/traces");
    let answer = post_traces(&client(), &url, JSON, Encoding::Identity, otlp.body.to_vec()).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.text().as_str()), (200, "{}"));
    let taken = trace_with(&again, &format!("{ID:032x}"), 4).await;
    let without_warnings = |trace: Trace| Trace { warnings: Vec::new(), ..trace };
    assert_eq!(without_warnings(taken), without_warnings(sent.clone()));
    assert_eq!(again.get(&format!("/api/v1/traces/{ID:032x}/otlp")).await.body, otlp.body);

    let root = &sent.spans[0];
    assert_eq!((root.events.len(), root.links.len(), root.http_status), (3, 1, Some(503)));
    assert_eq!(root.status_message.as_deref(), Some("it failed"));
    assert!(sent.spans[2].is_proxy && sent.spans[3].scope.as_deref() == Some("tracer"));
    let missing = again.get("/api/v1/traces/00000000000000000000000000000001/otlp").await;
    assert_eq!(missing.status, 404);
}

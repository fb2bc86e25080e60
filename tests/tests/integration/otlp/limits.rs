//! More than there is room for: refused for good where it can never fit, put off where it can.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use prost::Message as _;
use sidecarta_queries::api::sources::SourceState;
use sidecarta_tests::harness::{
    Encoding, GrpcSender, JSON, PROTOBUF, ServerOptions, SpanDraft, client, eventually, post_traces,
    request_of, resource, with_encoding,
};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tonic::Code;

use super::{RETRY_INFO, RpcStatus, post, still_works};

const LIMIT: usize = 1 << 20;

/// A request of one span that is about this long.
fn request_of_length(trace: u128, bytes: usize) -> ExportTraceServiceRequest {
    let span =
        SpanDraft::new(trace, 1, SpanKind::Server).change(|span| span.name = "x".repeat(bytes)).build();
    request_of(vec![resource("large", vec![span])])
}

#[tokio::test]
async fn what_is_too_large_is_refused_before_and_after_it_is_unpacked() {
    let options =
        ServerOptions::default().set("otlp.max_body_bytes", LIMIT).set("otlp.max_memory_bytes", 16 * LIMIT);
    let server = options.start().await;
    let url = server.otlp_url("/v1/traces");
    let too_large = request_of_length(1, 3 * LIMIT).encode_to_vec();
    for encoding in [Encoding::Identity, Encoding::Gzip, Encoding::Zstd, Encoding::Deflate] {
        for (content_type, body) in [(PROTOBUF, too_large.clone()), (JSON, vec![b' '; 3 * LIMIT])] {
            let body = with_encoding(encoding, &body);
            let answer = post_traces(&client(), &url, content_type, encoding, body).await.unwrap();
            assert_eq!(answer.status, 413, "{content_type} {encoding:?}: {}", answer.text());
            assert_eq!(answer.header("retry-after"), "", "{content_type} {encoding:?}");
        }
    }
    for encoding in [Encoding::Identity, Encoding::Gzip, Encoding::Zstd] {
        let mut sender = GrpcSender::connect(server.addresses().otlp_grpc, encoding).await.unwrap();
        let status = sender.send(request_of_length(1, 3 * LIMIT)).await.unwrap_err();
        assert_eq!(status.code(), Code::ResourceExhausted, "{encoding:?}: {status:?}");
        let details = RpcStatus::decode(status.details()).unwrap().details;
        assert_eq!(details, [], "{encoding:?}: nobody is to send it again");
    }
    // Almost as long as it may be.
    assert_eq!(post(&server, request_of_length(2, LIMIT - 1_000).encode_to_vec()).await.status, 200);
    still_works(&server, 3).await;
    server.eventually_holds(3).await;
}

/// A request of this many spans.
fn request_with(trace: u128, spans: u64) -> ExportTraceServiceRequest {
    let spans = (1..=spans).map(|id| SpanDraft::new(trace, id, SpanKind::Server).build()).collect();
    request_of(vec![resource("many", spans)])
}

/// Whether this answer over HTTP asks to come again.
async fn is_put_off(server: &sidecarta_tests::harness::Server, body: Vec<u8>) -> bool {
    let answer = post(server, body).await;
    if answer.status == 200 {
        return false;
    }
    assert_eq!(answer.status, 429, "{}", answer.text());
    assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1);
    let status = RpcStatus::decode(answer.body).unwrap();
    assert_eq!(status.code, Code::ResourceExhausted as i32);
    assert_eq!(status.details[0].type_url, RETRY_INFO);
    true
}

#[tokio::test]
async fn senders_are_put_off_while_the_store_is_behind_and_taken_when_it_has_caught_up() {
    let options = ServerOptions::default().set("store.queue_mb", 1).set("store.publish_every_ms", 4_000);
    let server = options.start().await;
    let mut sender = GrpcSender::connect(server.addresses().otlp_grpc, Encoding::Gzip).await.unwrap();
    let (mut trace, mut put_off) = (0, None);
    while put_off.is_none() {
        trace += 1;
        assert!(trace < 1_000, "the store takes everything at once");
        match sender.send(request_with(trace, 500)).await {
            Ok(answer) => assert_eq!(answer.partial_success, None),
            Err(status) => put_off = Some(status),
        }
    }
    let status = put_off.unwrap();
    assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
    assert_eq!(RpcStatus::decode(status.details()).unwrap().details[0].type_url, RETRY_INFO);
    let source = server.source("otlp_grpc").await;
    assert_eq!((source.throttled, source.failures, source.accepted), (1, 0, 500 * (trace as u64 - 1)));
    assert_ne!(source.state, SourceState::Failing, "being busy is no failure");

    // The door beside it says the same, in its own words, until there is room; then nothing was lost.
    let again = request_with(trace, 500).encode_to_vec();
    eventually("the request is taken", async || (!is_put_off(&server, again.clone()).await).then_some(()))
        .await;
    server.eventually_holds(500 * trace as u64).await;
}

#[tokio::test]
async fn senders_are_put_off_while_memory_is_used_up() {
    let body = 64 << 10;
    let options =
        ServerOptions::default().set("otlp.max_body_bytes", body).set("otlp.max_memory_bytes", 4 * body);
    let server = options.start().await;
    let request = request_with(1, 40);
    // They begin requests and never end them. One that comes while the memory is used for another moment is refused
    // itself, so that it takes as many as it takes.
    let mut slow = Vec::new();
    while !is_put_off(&server, request.encode_to_vec()).await {
        assert!(slow.len() < 100, "the memory is never used up");
        let mut sender = TcpStream::connect(server.addresses().otlp_http).await.unwrap();
        let head = format!(
            "POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: {PROTOBUF}\r\ncontent-length: {body}\r\n\r\n"
        );
        sender.write_all(head.as_bytes()).await.unwrap();
        sender.write_all(&vec![0; body - 2_000]).await.unwrap();
        slow.push(sender);
    }
    let mut sender = GrpcSender::connect(server.addresses().otlp_grpc, Encoding::Zstd).await.unwrap();
    let status = sender.send(request.clone()).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
    assert_eq!(server.source("otlp_grpc").await.throttled, 1);
    drop(slow);
    eventually("there is memory again", async || {
        (!is_put_off(&server, request.encode_to_vec()).await).then_some(())
    })
    .await;
    server.eventually_holds(40).await;
}

#[tokio::test]
async fn a_request_that_never_finds_memory_is_refused_for_good() {
    let body = 64 << 10;
    let options =
        ServerOptions::default().set("otlp.max_body_bytes", body).set("otlp.max_memory_bytes", 4 * body);
    let server = options.start().await;
    // Short on the wire, and far more rows than fit into the memory.
    let request = request_with(1, 700);
    assert!(request.encoded_len() < body && 700 * 512 > 4 * body);
    let answer = post(&server, request.encode_to_vec()).await;
    assert_eq!(answer.status, 413, "{}", answer.text());
    let mut sender = GrpcSender::connect(server.addresses().otlp_grpc, Encoding::Zstd).await.unwrap();
    let status = sender.send(request).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
    let details = RpcStatus::decode(status.details()).unwrap().details;
    assert!(details.is_empty(), "nothing tells the sender to try again: {status:?}");
    still_works(&server, 2).await;
    server.eventually_holds(2).await;
}

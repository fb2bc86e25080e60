//! What is not an OTLP trace request.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_client::MetricsServiceClient;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message as _;
use reqwest::Method;
use sidecarta_queries::api::sources::SourceState;
use sidecarta_tests::harness::{
    Answer, Encoding, GrpcSender, JSON, PROTOBUF, Server, client, request_of, shop_call, with_encoding,
};
use tonic::Code;
use tonic::transport::Endpoint;

use super::{RpcStatus, still_works};

/// A request that is refused: method, path, content type, content encoding, body; then the status and a part of the words.
type Case<'a> = (Method, &'a str, &'a str, &'a str, Vec<u8>, u16, &'a str);

#[tokio::test]
async fn http_refuses_in_words_and_in_the_format_of_the_request() {
    let server = Server::start().await;
    let good = request_of(shop_call(1).to_vec());
    let (protobuf, json) = (good.encode_to_vec(), serde_json::to_vec(&good).unwrap());
    let gzip = with_encoding(Encoding::Gzip, &protobuf);
    let half = |bytes: &[u8]| bytes[..bytes.len() / 2].to_vec();
    let traces = "/v1/traces";
    let cases: Vec<Case> = vec![
        (Method::POST, traces, PROTOBUF, "", b"<!doctype html>".to_vec(), 400, "protobuf"),
        (Method::POST, traces, PROTOBUF, "", half(&protobuf), 400, "protobuf"),
        (Method::POST, traces, PROTOBUF, "gzip", protobuf.clone(), 400, "gzip"),
        (Method::POST, traces, PROTOBUF, "gzip", half(&gzip), 400, "gzip"),
        (Method::POST, traces, PROTOBUF, "zstd", gzip.clone(), 400, "zstd"),
        (Method::POST, traces, PROTOBUF, "deflate", protobuf.clone(), 400, "deflate"),
        (Method::POST, traces, JSON, "", half(&json), 400, "JSON"),
        (Method::POST, traces, JSON, "", protobuf.clone(), 400, "JSON"),
        (Method::POST, traces, JSON, "", b"[1, 2]".to_vec(), 400, "JSON"),
        (Method::POST, traces, "text/plain", "", json.clone(), 415, "application/json"),
        (Method::POST, traces, "", "", protobuf.clone(), 415, "application/x-protobuf"),
        (Method::POST, traces, PROTOBUF, "br", protobuf.clone(), 415, "gzip"),
        (Method::POST, traces, PROTOBUF, "gzip, gzip", protobuf.clone(), 415, "gzip"),
        (Method::POST, "/v1/metrics", PROTOBUF, "", protobuf.clone(), 400, "data points"),
        (Method::POST, "/v1/logs", PROTOBUF, "", protobuf.clone(), 400, "log records"),
        (Method::POST, "/v1/trace", JSON, "", json, 404, "/v1/traces"),
        (Method::POST, "/", PROTOBUF, "", protobuf, 404, "/v1/traces"),
    ];
    for (method, path, content_type, encoding, body, status, words) in cases {
        let case = format!("{method} {path} {content_type} {encoding} {} B", body.len());
        let mut request = client().request(method, server.otlp_url(path)).body(body);
        for (name, value) in [("content-type", content_type), ("content-encoding", encoding)] {
            if !value.is_empty() {
                request = request.header(name, value);
            }
        }
        let answer = Answer::to(request).await.unwrap();
        assert_eq!(answer.status, status, "{case}: {}", answer.text());
        let message = if content_type == PROTOBUF {
            assert_eq!(answer.header("content-type"), PROTOBUF, "{case}");
            RpcStatus::decode(answer.body.clone()).unwrap().message
        } else {
            assert_eq!(answer.header("content-type"), JSON, "{case}");
            answer.json::<serde_json::Value>()["message"].as_str().unwrap().to_owned()
        };
        assert!(message.to_lowercase().contains(&words.to_lowercase()), "{case}: {message}");
        assert!(answer.header("retry-after").is_empty(), "{case}: nobody is to send it again");
    }
    let answer = Answer::to(client().get(server.otlp_url(traces))).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, "POST"));

    let source = server.source("otlp_http").await;
    assert_eq!(source.state, SourceState::Failing);
    assert!(source.last_error.is_some());
    still_works(&server, 2).await;
    server.eventually_holds(2).await;
    assert_eq!(server.source("otlp_http").await.state, SourceState::Ok);
}

#[tokio::test]
async fn an_empty_request_is_a_success_in_every_format() {
    let server = Server::start().await;
    let bodies = [
        (PROTOBUF, "", Vec::new()),
        (JSON, "{}", b"{}".to_vec()),
        (JSON, "{}", br#"{"resourceSpans":[]}"#.to_vec()),
    ];
    for (content_type, expected, body) in bodies {
        let request =
            client().post(server.otlp_url("/v1/traces")).header("content-type", content_type).body(body);
        let answer = Answer::to(request).await.unwrap();
        assert_eq!((answer.status.as_u16(), answer.text().as_str()), (200, expected));
    }
    let mut sender = GrpcSender::connect(server.addresses().otlp_grpc, Encoding::Gzip).await.unwrap();
    assert_eq!(sender.send(ExportTraceServiceRequest::default()).await.unwrap().partial_success, None);
    server.eventually_holds(0).await;
}

#[tokio::test]
async fn a_body_in_chunks_and_over_http_2_is_taken() {
    let server = Server::start().await;
    let plain = request_of(shop_call(1).to_vec()).encode_to_vec();
    let body = with_encoding(Encoding::Gzip, &plain);
    let old = reqwest::Client::builder().no_proxy().http1_only().build().unwrap();
    let new = reqwest::Client::builder().no_proxy().http2_prior_knowledge().build().unwrap();
    for client in [old, new] {
        let chunks: Vec<_> = body.chunks(11).map(|chunk| Ok::<_, std::io::Error>(chunk.to_vec())).collect();
        let request = client
            .post(server.otlp_url("/v1/traces"))
            .header("content-type", PROTOBUF)
            .header("content-encoding", "gzip")
            .body(reqwest::Body::wrap_stream(futures::stream::iter(chunks)));
        assert_eq!(Answer::to(request).await.unwrap().status, 200);
    }
    server.eventually_holds(2).await;
}

#[tokio::test]
async fn grpc_refuses_in_words() {
    let server = Server::start().await;
    let traces = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
    let good = request_of(shop_call(1).to_vec()).encode_to_vec();
    let framed =
        |flag: u8, message: &[u8]| [&[flag], &(message.len() as u32).to_be_bytes()[..], message].concat();
    let cases: Vec<(&str, &str, Vec<u8>, Code)> = vec![
        (traces, "", framed(0, b"<!doctype html>"), Code::InvalidArgument),
        (traces, "", framed(0, &good[..good.len() - 1]), Code::InvalidArgument),
        (traces, "", framed(0, &good)[..20].to_vec(), Code::InvalidArgument),
        (traces, "", Vec::new(), Code::InvalidArgument),
        (traces, "", framed(1, &good), Code::InvalidArgument),
        (traces, "gzip", framed(1, &good), Code::InvalidArgument),
        (traces, "zstd", framed(1, &good), Code::InvalidArgument),
        (traces, "snappy", framed(1, &good), Code::Unimplemented),
        (
            "/opentelemetry.proto.collector.trace.v1.TraceService/Import",
            "",
            framed(0, &good),
            Code::Unimplemented,
        ),
    ];
    let http_2 = reqwest::Client::builder().no_proxy().http2_prior_knowledge().build().unwrap();
    for (path, encoding, body, code) in cases {
        let case = format!("{path} {encoding} {} B", body.len());
        let mut request = http_2
            .post(format!("http://{}{path}", server.addresses().otlp_grpc))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(body);
        if !encoding.is_empty() {
            request = request.header("grpc-encoding", encoding);
        }
        let answer = Answer::to(request).await.unwrap();
        assert_eq!(answer.status, 200, "{case}");
        assert_eq!(answer.header("grpc-status"), (code as i32).to_string(), "{case}");
        assert!(!answer.header("grpc-message").is_empty(), "{case}");
    }
    let channel = Endpoint::from_shared(format!("http://{}", server.addresses().otlp_grpc)).unwrap();
    let channel = channel.connect().await.unwrap();
    let mut metrics = MetricsServiceClient::new(channel.clone());
    let answer = metrics.export(ExportMetricsServiceRequest::default()).await.unwrap();
    assert_eq!(answer.into_inner().partial_success, None, "nothing was sent, and nothing was refused");
    let mut logs = LogsServiceClient::new(channel);
    let answer = logs.export(ExportLogsServiceRequest::default()).await.unwrap();
    assert_eq!(answer.into_inner().partial_success, None);
    still_works(&server, 2).await;
    server.eventually_holds(2).await;
}

#[tokio::test]
async fn whoever_takes_the_wrong_door_is_told_the_right_one() {
    let server = Server::start().await;
    let grpc = format!("http://{}/v1/traces", server.addresses().otlp_grpc);
    let answer = Answer::to(client().post(grpc).header("content-type", PROTOBUF).body("x")).await.unwrap();
    assert_eq!(answer.status, 415);
    assert!(answer.text().contains("4318"), "{}", answer.text());
    let mut sender = GrpcSender::connect(server.addresses().otlp_http, Encoding::Identity).await.unwrap();
    let status = sender.send(request_of(shop_call(1).to_vec())).await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented, "{status:?}");
}

use std::io::Write as _;

use ::http::header::{ALLOW, CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use ::http::{HeaderMap, Method, Request, StatusCode};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceResponse;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceResponse;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use prost::Message as _;
use serde_json::{Value, json};

use super::*;
use crate::otlp::compression::compress_for_log;
use crate::otlp::status::RpcStatus;

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

async fn send(doors: &Doors, method: Method, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
    send_to(doors.http, method, path, headers, body).await
}

async fn send_to(
    address: SocketAddr,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: Vec<u8>,
) -> Answer {
    let mut request = Request::builder().method(method).uri(format!("http://{address}{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let client = Client::builder(TokioExecutor::new()).build_http();
    let response = client.request(request.body(Full::new(Bytes::from(body))).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer { status: parts.status, headers: parts.headers, body }
}

async fn post(doors: &Doors, content_type: &str, encoding: &str, body: Vec<u8>) -> Answer {
    let headers = [(CONTENT_TYPE.as_str(), content_type), (CONTENT_ENCODING.as_str(), encoding)];
    send(doors, Method::POST, "/v1/traces", &headers, body).await
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn zlib(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn spans_are_taken_in_every_format_and_encoding() {
    let doors = Doors::open().await;
    let request = request_of(&[1, 2]);
    for (content_type, body) in [
        (PROTOBUF, request.encode_to_vec()),
        (JSON, serde_json::to_vec(&request).unwrap()),
        ("Application/JSON; charset=utf-8", serde_json::to_vec(&request).unwrap()),
    ] {
        for (encoding, packed) in [
            ("identity", body.clone()),
            ("gzip", gzip(&body)),
            ("deflate", zlib(&body)),
            ("zstd", compress_for_log(&body).unwrap()),
        ] {
            let answer = post(&doors, content_type, encoding, packed).await;
            assert_eq!(answer.status, StatusCode::OK, "{content_type} {encoding}");
            if content_type == PROTOBUF {
                assert_eq!(answer.headers[CONTENT_TYPE], PROTOBUF);
                assert!(answer.body.is_empty());
            } else {
                assert_eq!(answer.headers[CONTENT_TYPE], JSON);
                assert_eq!(answer.json(), json!({}));
            }
        }
    }
    let status = doors.status("otlp_http");
    assert_eq!((status.requests, status.accepted, status.failures), (12, 24, 0));
    // Twelve times the same two spans.
    doors.eventually_stored(2).await;
}

#[tokio::test]
async fn a_sender_is_told_to_come_again_when_the_store_is_behind() {
    let never = Duration::from_hours(1);
    let doors = Doors::open_on(OtlpConfig::default(), |options| {
        options.queue_bytes = 1;
        options.publish_every = never;
    })
    .await;
    assert_eq!(post(&doors, PROTOBUF, "", request_of(&[1]).encode_to_vec()).await.status, StatusCode::OK);
    let answer = post(&doors, PROTOBUF, "", request_of(&[2]).encode_to_vec()).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(answer.headers.contains_key(RETRY_AFTER));
    assert_eq!(RpcStatus::decode(answer.body).unwrap().details.len(), 1);
    assert_eq!(doors.status("otlp_http").throttled, 1);
}

#[tokio::test]
async fn text_of_any_kind_is_stored() {
    let doors = Doors::open().await;
    let mut request = request_of(&[1, 2]);
    let odd = "nul \0 bell \u{7} emoji \u{1f600} right-to-left \u{202e}".to_owned();
    let span = &mut request.resource_spans[0].scope_spans[0].spans[0];
    for key in [odd.clone(), "http.url".to_owned(), String::new()] {
        let value = Some(AnyValue { value: Some(any_value::Value::StringValue(odd.clone())) });
        span.attributes.push(KeyValue { key, value, ..KeyValue::default() });
    }
    span.name = odd;
    let mut body = request.encode_to_vec();
    // The name of the second span is no UTF-8 any more.
    let name = body.windows(6).position(|window| window == b"span 2").unwrap();
    body[name] = 0xff;
    assert_eq!(post(&doors, PROTOBUF, "", body).await.status, StatusCode::OK);
    doors.eventually_stored(2).await;
}

#[tokio::test]
async fn a_body_without_a_length_is_taken() {
    let doors = Doors::open().await;
    let body = request_of(&[1]).encode_to_vec();
    let chunks: Vec<_> = body
        .chunks(7)
        .map(|chunk| Ok::<_, io::Error>(hyper::body::Frame::data(Bytes::copy_from_slice(chunk))))
        .collect();
    let request = Request::post(format!("http://{}/v1/traces", doors.http))
        .header(CONTENT_TYPE, PROTOBUF)
        .body(StreamBody::new(futures::stream::iter(chunks)))
        .unwrap();
    let client = Client::builder(TokioExecutor::new()).build_http();
    assert_eq!(client.request(request).await.unwrap().status(), StatusCode::OK);
    assert_eq!(doors.status("otlp_http").accepted, 1);
}

#[tokio::test]
async fn spans_that_cannot_be_taken_are_told_in_the_format_of_the_request() {
    let doors = Doors::open().await;
    let request = request_of(&[1, 0, 0]);
    let answer = post(&doors, PROTOBUF, "", request.encode_to_vec()).await;
    let partial = ExportTraceServiceResponse::decode(answer.body).unwrap().partial_success.unwrap();
    assert_eq!((answer.status, partial.rejected_spans), (StatusCode::OK, 2));
    let answer = post(&doors, JSON, "", serde_json::to_vec(&request).unwrap()).await;
    let message = "spans not taken: 2 (no valid span id (8 bytes, not all zero): 2)";
    assert_eq!(answer.json(), json!({"partialSuccess": {"rejectedSpans": "2", "errorMessage": message}}));
}

#[tokio::test]
async fn bad_data_is_refused_in_words() {
    let doors = Doors::open().await;
    let protobuf = request_of(&[1]).encode_to_vec();
    let half = gzip(&protobuf)[..20].to_vec();
    for (content_type, encoding, body) in [
        (PROTOBUF, "", b"<html>".to_vec()),
        (PROTOBUF, "", protobuf[..protobuf.len() - 1].to_vec()),
        (PROTOBUF, "gzip", protobuf.clone()),
        (PROTOBUF, "gzip", half),
        (PROTOBUF, "zstd", protobuf.clone()),
        (JSON, "", b"{\"resourceSpans\": [".to_vec()),
        (JSON, "", protobuf),
    ] {
        let answer = post(&doors, content_type, encoding, body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert_eq!(answer.headers[CONTENT_TYPE], content_type);
        if content_type == JSON {
            assert_eq!(answer.json()["code"], 3);
            assert_ne!(answer.json()["message"], "");
        } else {
            let status = RpcStatus::decode(answer.body).unwrap();
            assert_eq!(status.code, 3);
            assert!(status.message.contains("body"), "{}", status.message);
        }
    }
    assert_eq!(doors.status("otlp_http").failures, 7);
}

#[tokio::test]
async fn what_is_too_large_is_refused_before_and_after_unpacking() {
    let doors = Doors::open_with(OtlpConfig { max_body_bytes: 10_000, ..OtlpConfig::default() }).await;
    let large = vec![0; 20_000];
    for (encoding, body) in [("", large.clone()), ("gzip", gzip(&large)), ("deflate", zlib(&large))] {
        let answer = post(&doors, PROTOBUF, encoding, body).await;
        assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE, "{encoding}");
        assert_eq!(RpcStatus::decode(answer.body).unwrap().details, []);
    }
}

#[tokio::test]
async fn a_sender_is_told_to_come_again_when_memory_is_used_up() {
    let doors = Doors::open().await;
    let mut others = doors.memory.reservation();
    others.grow(doors.memory.free_bytes() - 1_024).unwrap();
    let ids: Vec<u64> = (1..100).collect();
    let answer = post(&doors, JSON, "", serde_json::to_vec(&request_of(&ids)).unwrap()).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(answer.headers[RETRY_AFTER], "1");
    assert_eq!(answer.json()["details"][0]["retryDelay"], "1s");
}

#[tokio::test]
async fn wrong_types_methods_and_paths_are_told_what_is_right() {
    let doors = Doors::open().await;
    let answer = post(&doors, "text/plain", "", Vec::new()).await;
    assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert!(answer.json()["message"].as_str().unwrap().contains("application/x-protobuf"));
    let answer = post(&doors, PROTOBUF, "br", Vec::new()).await;
    assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert!(RpcStatus::decode(answer.body).unwrap().message.contains("gzip, zstd, deflate"));
    let answer = send(&doors, Method::GET, "/v1/traces", &[], Vec::new()).await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(answer.headers[ALLOW], "POST");
    let answer = send(&doors, Method::POST, "/", &[], Vec::new()).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert!(answer.json()["message"].as_str().unwrap().contains("/v1/logs"));
}

#[tokio::test]
async fn metrics_and_logs_are_taken_in_both_formats() {
    let doors = Doors::open().await;
    let post = async |path: &str, content_type: &str, body: Vec<u8>| {
        let headers = [("content-type", content_type), ("content-encoding", "gzip")];
        let answer = send(&doors, Method::POST, path, &headers, gzip(&body)).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert_eq!(answer.headers[CONTENT_TYPE], content_type);
        answer
    };
    let (points, records) = (points_of(&[0, 0]), logs_of(&[0]));
    for (path, protobuf, json) in [
        ("/v1/metrics", points.encode_to_vec(), serde_json::to_vec(&points).unwrap()),
        ("/v1/logs", records.encode_to_vec(), serde_json::to_vec(&records).unwrap()),
    ] {
        assert!(post(path, PROTOBUF, protobuf).await.body.is_empty());
        assert_eq!(post(path, JSON, json).await.json(), json!({}));
    }
    let (points, records) = (points_of(&[0, 1]), logs_of(&[1]));
    let partial = post("/v1/metrics", PROTOBUF, points.encode_to_vec()).await.body;
    let partial = ExportMetricsServiceResponse::decode(partial).unwrap().partial_success.unwrap();
    assert_eq!(partial.rejected_data_points, 1);
    let partial = post("/v1/logs", PROTOBUF, records.encode_to_vec()).await.body;
    let partial = ExportLogsServiceResponse::decode(partial).unwrap().partial_success.unwrap();
    assert_eq!(partial.rejected_log_records, 1);
    let partial = post("/v1/metrics", JSON, serde_json::to_vec(&points).unwrap()).await.json();
    assert_eq!(partial["partialSuccess"]["rejectedDataPoints"], "1");
    let partial = post("/v1/logs", JSON, serde_json::to_vec(&records).unwrap()).await.json();
    assert_eq!(partial["partialSuccess"]["rejectedLogRecords"], "1");

    let status = doors.status("otlp_http");
    assert_eq!((status.requests, status.accepted, status.rejected), (8, 8, 4));
    doors.eventually_published().await;
}

#[tokio::test]
async fn bad_metrics_and_logs_are_refused_in_words() {
    let doors = Doors::open().await;
    for path in ["/v1/metrics", "/v1/logs"] {
        for (content_type, body) in [
            (PROTOBUF, b"<html>".to_vec()),
            // Spans are neither.
            (PROTOBUF, request_of(&[1]).encode_to_vec()),
            (JSON, b"{\"resourceLogs\": 1, \"resourceMetrics\": 1}".to_vec()),
        ] {
            let answer = send(&doors, Method::POST, path, &[("content-type", content_type)], body).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path} {content_type}");
        }
    }
    assert_eq!(doors.status("otlp_http").failures, 6);
    doors.eventually_published().await;
}

#[tokio::test]
async fn a_client_of_the_wrong_door_is_told_so() {
    let doors = Doors::open().await;
    let headers = [("content-type", PROTOBUF)];
    let answer =
        send_to(doors.grpc, Method::POST, "/v1/traces", &headers, request_of(&[1]).encode_to_vec()).await;
    assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert!(String::from_utf8_lossy(&answer.body).contains("this port speaks gRPC"));
}

#[tokio::test]
async fn a_stopped_server_answers_what_it_has_begun_and_takes_nothing_new() {
    let doors = Doors::open().await;
    let address = doors.http;
    let (chunks, body) = tokio::sync::mpsc::channel::<Result<hyper::body::Frame<Bytes>, io::Error>>(1);
    let request = Request::post(format!("http://{address}/v1/traces"))
        .header(CONTENT_TYPE, PROTOBUF)
        .body(StreamBody::new(tokio_stream::wrappers::ReceiverStream::new(body)))
        .unwrap();
    let client = Client::builder(TokioExecutor::new()).build_http();
    let answer = tokio::spawn(client.request(request));
    let bytes = Bytes::from(request_of(&[1]).encode_to_vec());
    chunks.send(Ok(hyper::body::Frame::data(bytes.slice(..5)))).await.unwrap();
    // The second send waits until the first chunk was taken, so that the request has begun.
    chunks.send(Ok(hyper::body::Frame::data(bytes.slice(5..10)))).await.unwrap();
    chunks.send(Ok(hyper::body::Frame::data(bytes.slice(10..)))).await.unwrap();
    let stopped = tokio::spawn(doors.stop());
    drop(chunks);
    assert_eq!(answer.await.unwrap().unwrap().status(), StatusCode::OK);
    stopped.await.unwrap();
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

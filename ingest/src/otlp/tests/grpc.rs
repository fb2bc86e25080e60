use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_client::MetricsServiceClient;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue};
use prost::Message as _;
use sidecarta_queries::api::sources::SourceState;
use tonic::Code;
use tonic::codec::CompressionEncoding;
use tonic::transport::{Channel, Endpoint};

use super::*;
use crate::otlp::status::RpcStatus;

async fn channel(doors: &Doors) -> Channel {
    Endpoint::from_shared(format!("http://{}", doors.grpc)).unwrap().connect().await.unwrap()
}

async fn client(doors: &Doors) -> TraceServiceClient<Channel> {
    TraceServiceClient::new(channel(doors).await).max_encoding_message_size(usize::MAX)
}

#[tokio::test]
async fn spans_are_taken_plain_and_compressed() {
    let doors = Doors::open().await;
    let plain = client(&doors).await;
    let mut clients = vec![
        plain.clone(),
        plain.clone().send_compressed(CompressionEncoding::Gzip),
        plain.send_compressed(CompressionEncoding::Zstd),
    ];
    for client in &mut clients {
        let answer = client.export(request_of(&[1, 2, 3])).await.unwrap().into_inner();
        assert_eq!(answer.partial_success, None);
    }
    let status = doors.status("otlp_grpc");
    assert_eq!((status.requests, status.accepted, status.state), (3, 9, SourceState::Ok));
    assert_eq!(status.name, doors.grpc.to_string());
    doors.eventually_stored(3).await;
}

#[tokio::test]
async fn an_empty_request_is_a_success() {
    let doors = Doors::open().await;
    let answer = client(&doors).await.export(ExportTraceServiceRequest::default()).await.unwrap();
    assert_eq!(answer.into_inner().partial_success, None);
}

#[tokio::test]
async fn spans_that_cannot_be_taken_are_told_and_the_others_kept() {
    let doors = Doors::open().await;
    let answer = client(&doors).await.export(request_of(&[1, 0, 2])).await.unwrap().into_inner();
    let partial = answer.partial_success.unwrap();
    assert_eq!(partial.rejected_spans, 1);
    assert!(partial.error_message.contains("no valid span id"), "{}", partial.error_message);
    let status = doors.status("otlp_grpc");
    assert_eq!((status.accepted, status.rejected), (2, 1));
}

#[tokio::test]
async fn what_is_too_large_is_refused_for_good() {
    let doors = Doors::open_with(OtlpConfig { max_body_bytes: 10_000, ..OtlpConfig::default() }).await;
    let mut request = request_of(&[1]);
    request.resource_spans[0].scope_spans[0].spans[0].name = "x".repeat(20_000);
    let plain = client(&doors).await;
    for mut client in [plain.clone(), plain.send_compressed(CompressionEncoding::Gzip)] {
        let status = client.export(request.clone()).await.unwrap_err();
        assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
        assert!(status.message().contains("10000 bytes"), "{}", status.message());
        assert_eq!(RpcStatus::decode(status.details()).unwrap().details, []);
    }
    assert_eq!(doors.status("otlp_grpc").failures, 2);
}

#[tokio::test]
async fn a_sender_is_told_to_come_again_when_memory_is_used_up() {
    let doors = Doors::open().await;
    let mut others = doors.memory.reservation();
    others.grow(doors.memory.free_bytes() - 1_024).unwrap();
    let ids: Vec<u64> = (1..100).collect();
    let status = client(&doors).await.export(request_of(&ids)).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    let details = RpcStatus::decode(status.details()).unwrap().details;
    assert_eq!(details[0].type_url, "type.googleapis.com/google.rpc.RetryInfo");
    // RetryInfo { retry_delay: Duration { seconds: 1 } }
    assert_eq!(details[0].value, [0x0a, 2, 0x08, 1]);
    assert_eq!(doors.status("otlp_grpc").throttled, 1);
}

#[tokio::test]
async fn values_nested_without_end_are_refused_and_the_server_lives() {
    let doors = Doors::open().await;
    let nested = (0..2_000).fold(AnyValue { value: Some(Value::IntValue(1)) }, |inner, _| AnyValue {
        value: Some(Value::ArrayValue(ArrayValue { values: vec![inner] })),
    });
    let mut request = request_of(&[1]);
    let bomb = KeyValue { key: "bomb".into(), value: Some(nested), ..KeyValue::default() };
    request.resource_spans[0].scope_spans[0].spans[0].attributes = vec![bomb];
    let mut client = client(&doors).await;
    let status = client.export(request).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(status.message().contains("too deep"), "{}", status.message());
    client.export(request_of(&[1])).await.unwrap();
}

#[tokio::test]
async fn metrics_and_logs_are_taken_and_what_is_not_is_told() {
    let doors = Doors::open().await;
    let channel = channel(&doors).await;
    let mut metrics = MetricsServiceClient::new(channel.clone()).send_compressed(CompressionEncoding::Gzip);
    let mut logs = LogsServiceClient::new(channel).send_compressed(CompressionEncoding::Zstd);

    let empty = metrics.export(ExportMetricsServiceRequest::default()).await.unwrap();
    assert_eq!(empty.into_inner().partial_success, None);
    let whole = metrics.export(points_of(&[0, 0])).await.unwrap();
    assert_eq!(whole.into_inner().partial_success, None);
    let partial = metrics.export(points_of(&[0, 1])).await.unwrap().into_inner().partial_success.unwrap();
    assert_eq!(partial.rejected_data_points, 1);
    assert!(partial.error_message.contains("data points not taken: 1"), "{}", partial.error_message);

    let empty = logs.export(ExportLogsServiceRequest::default()).await.unwrap();
    assert_eq!(empty.into_inner().partial_success, None);
    let whole = logs.export(logs_of(&[0, 0, 0])).await.unwrap();
    assert_eq!(whole.into_inner().partial_success, None);
    let partial = logs.export(logs_of(&[0, 1, 1])).await.unwrap().into_inner().partial_success.unwrap();
    assert_eq!(partial.rejected_log_records, 2);
    assert!(partial.error_message.contains("log records not taken: 2"), "{}", partial.error_message);

    let status = doors.status("otlp_grpc");
    assert_eq!((status.requests, status.accepted, status.rejected), (6, 7, 3));
    doors.eventually_published().await;
}

#[tokio::test]
async fn unknown_methods_and_streams_nobody_handles_are_unimplemented() {
    let doors = Doors::open().await;
    for method in [
        "/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export",
        "/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs",
    ] {
        let status = streams::call(&doors, method, Vec::new()).await.unwrap_err();
        assert_eq!(status.code(), Code::Unimplemented, "{method}");
    }
}

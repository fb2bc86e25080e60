//! What a real Envoy pushes: both streams, its OTLP statistics and its OTLP access logs.

use std::collections::BTreeMap;
use std::future::ready;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use sidecarta_ingest::otlp::streams::{
    Handled, OpenStream, StreamHandler, StreamHandlers, StreamMessage, StreamState,
};
use sidecarta_ingest::otlp::{OtlpConfig, Receiver, serve_grpc};
use sidecarta_ingest::pipeline::{Pipeline, PipelineOptions};
use sidecarta_ingest::status::SourceBook;
use sidecarta_queries::rows::envoy::Proxy;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::proxy::Envoy;
use crate::{eventually, upstream};

/// By the name of a stream, who sent on it and how many bytes.
type Seen = Arc<Mutex<BTreeMap<&'static str, (StreamState, usize)>>>;

fn handler(seen: &Seen, stream: &'static str) -> StreamHandler {
    let seen = Arc::clone(seen);
    Arc::new(move |state: &StreamState, message: StreamMessage| {
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        let (sender, bytes) = seen.entry(stream).or_default();
        sender.clone_from(state);
        *bytes += message.bytes.len();
        Box::pin(ready(Ok(Handled { accepted: 1, rejected: 0 })))
    })
}

/// Waits until something came on this stream, and forgets it.
async fn next_on(seen: &Seen, stream: &'static str) -> (StreamState, usize) {
    let take = || seen.lock().unwrap_or_else(PoisonError::into_inner).remove(stream);
    eventually(stream, async || take()).await
}

#[tokio::test]
async fn an_envoy_pushes_all_it_can_and_comes_again_after_a_restart() {
    let data = TempDir::new().expect("a folder");
    let (pipeline, _threads) = Pipeline::start(&PipelineOptions::in_dir(data.path())).expect("a pipeline");
    let (seen, book) = (Seen::default(), SourceBook::default());
    let of_metrics = handler(&seen, "metrics");
    let metrics: OpenStream = Arc::new(move || Arc::clone(&of_metrics));
    let handlers = StreamHandlers { access_logs: handler(&seen, "access logs"), metrics };
    let receiver = Receiver::new(pipeline, book.clone(), &OtlpConfig::default()).with_streams(handlers);
    let receiver = Arc::new(receiver);
    let mut listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let envoy = Envoy::start_with(&configuration(address)).await;
    for _ in 0..2 {
        let shutdown = CancellationToken::new();
        let server = tokio::spawn(serve_grpc(listener, Arc::clone(&receiver), shutdown.clone()));
        assert_eq!(upstream::send(envoy.listener, "/", 3).await, 200);
        let (sender, _) = next_on(&seen, "access logs").await;
        let proxy = Proxy { envoy_version: String::new(), ..sender.proxy.clone() };
        let expected = Proxy {
            id: "gateway-1".to_owned(),
            cluster: "gateway".to_owned(),
            zone: "here".to_owned(),
            address: "127.0.0.1".to_owned(),
            ..Proxy::default()
        };
        assert_eq!((proxy, sender.log_name.as_str()), (expected, "edge"));
        assert!(sender.proxy.envoy_version.starts_with("1."), "{}", sender.proxy.envoy_version);
        let (sender, bytes) = next_on(&seen, "metrics").await;
        assert_eq!((sender.proxy.id.as_str(), sender.log_name.as_str()), ("gateway-1", ""));
        assert!(bytes > 1_000, "{bytes}");
        // The streams last for ever, and end nevertheless.
        shutdown.cancel();
        server.await.expect("no panic").expect("an end");
        listener = TcpListener::bind(address).await.expect("the same port");
    }
    let sources: BTreeMap<String, _> =
        book.list().into_iter().map(|source| (source.kind.clone(), source)).collect();
    let otlp = &sources["otlp_grpc"];
    assert!(otlp.accepted > 100, "{otlp:?}");
    for source in sources.values() {
        assert_eq!((source.rejected, source.failures, source.throttled), (0, 0, 0), "{source:?}");
    }
}

/// An Envoy that answers by itself and pushes to `sidecarta`.
fn configuration(sidecarta: SocketAddr) -> String {
    let (ip, port) = (sidecarta.ip(), sidecarta.port());
    let grpc = "grpc_service: {envoy_grpc: {cluster_name: sidecarta}}";
    format!(
        r#"
node: {{id: gateway-1, cluster: gateway, locality: {{zone: here}}}}
admin: {{address: {{pipe: {{path: admin.sock}}}}}}
stats_flush_interval: 0.2s
stats_sinks:
- name: envoy.stat_sinks.open_telemetry
  typed_config: {{"@type": type.googleapis.com/envoy.extensions.stat_sinks.open_telemetry.v3.SinkConfig, {grpc}}}
- name: envoy.stat_sinks.metrics_service
  typed_config: {{"@type": type.googleapis.com/envoy.config.metrics.v3.MetricsServiceConfig, transport_api_version: V3, emit_tags_as_labels: true, {grpc}}}
static_resources:
  listeners:
  - name: edge
    address: {{socket_address: {{address: 127.0.0.1, port_value: 0}}}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: edge
          access_log:
          - name: envoy.access_loggers.open_telemetry
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.access_loggers.open_telemetry.v3.OpenTelemetryAccessLogConfig
              log_name: edge
              {grpc}
              body: {{string_value: "%REQ(:METHOD)% %RESPONSE_CODE%"}}
          - name: envoy.access_loggers.http_grpc
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig
              common_config: {{log_name: edge, transport_api_version: V3, buffer_flush_interval: 0.1s, {grpc}}}
          route_config:
            virtual_hosts: [{{name: all, domains: ["*"], routes: [{{match: {{prefix: /}}, direct_response: {{status: 200}}}}]}}]
          http_filters: [{{name: envoy.filters.http.router, typed_config: {{"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}}}]
  clusters:
  - name: sidecarta
    type: STATIC
    connect_timeout: 1s
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: {{http2_protocol_options: {{}}}}
    load_assignment: {{cluster_name: sidecarta, endpoints: [{{lb_endpoints: [{{endpoint: {{address: {{socket_address: {{address: {ip}, port_value: {port}}}}}}}}}]}}]}}
"#
    )
}

//! What real Envoys push is counted to the last request, by whichever sink, and however that is set.

use std::net::SocketAddr;
use std::sync::Arc;

use sidecarta_ingest::access_log;
use sidecarta_ingest::envoy::EnvoyConfig;
use sidecarta_ingest::envoy::push::Pushes;
use sidecarta_ingest::envoy::target::ProxyIds;
use sidecarta_ingest::otlp::streams::StreamHandlers;
use sidecarta_ingest::otlp::{OtlpConfig, Receiver, serve_grpc};
use sidecarta_ingest::pipeline::{Pipeline, PipelineOptions, PipelineThreads};
use sidecarta_ingest::status::SourceBook;
use sidecarta_queries::api::sources::SourceState;
use sidecarta_queries::rows::envoy::StatObject;
use sidecarta_queries::store::{Counts, SeriesKey, TimeRange};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::proxy::Envoy;
use crate::{eventually, upstream};

/// A Sidecarta as far as pushing goes.
struct Sidecarta {
    pipeline: Pipeline,
    threads: PipelineThreads,
    book: SourceBook,
    shutdown: CancellationToken,
    server: JoinHandle<std::io::Result<()>>,
    address: SocketAddr,
}

impl Sidecarta {
    async fn start(data: &TempDir, at: SocketAddr, config: &EnvoyConfig) -> Self {
        let (pipeline, threads) = Pipeline::start(&PipelineOptions::in_dir(data.path())).expect("a pipeline");
        let (book, shutdown) = (SourceBook::default(), CancellationToken::new());
        let pushes = Pushes::new(config, &pipeline, &book, &ProxyIds::default());
        let metrics = pushes.stream_handler();
        let access_logs = access_log::stream_handler(&pipeline);
        let handlers = StreamHandlers { access_logs, metrics };
        let receiver = Receiver::new(pipeline.clone(), book.clone(), &OtlpConfig::default());
        let receiver = receiver.with_streams(handlers).with_statistics(pushes.statistics_sink());
        let receiver = Arc::new(receiver);
        let listener = TcpListener::bind(at).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let server = tokio::spawn(serve_grpc(listener, receiver, shutdown.clone()));
        Self { pipeline, threads, book, shutdown, server, address }
    }

    async fn stop(self) {
        self.shutdown.cancel();
        self.server.await.expect("no panic").expect("an end");
        drop(self.pipeline);
        tokio::task::spawn_blocking(|| self.threads.join()).await.expect("the pipeline ends");
    }

    /// Requests, errors and latencies that are stored of a part of the proxy.
    fn counted(&self, object: &StatObject) -> (i64, i64, i64) {
        let mut sum = (Counts::default(), 0);
        let store = self.pipeline.store();
        let series = store.directory(|directory| {
            let found = (0..).map_while(|id| Some((id, directory.series(id)?.clone())));
            let is_it =
                |key: &SeriesKey| matches!(key, SeriesKey::Envoy { object: known, .. } if **known == *object);
            found.filter(|(_, key)| is_it(key)).map(|(id, _)| id).collect::<Vec<u32>>()
        });
        let range = TimeRange::covering(0, 4_000_000_000);
        store
            .rollups(range, |row| {
                if series.contains(&row.series_id) {
                    sum.0.merge(row.counts, 1);
                    sum.1 += row.client.1.iter().chain(row.server.1).sum::<i64>();
                }
            })
            .expect("rollups");
        (sum.0.requests, sum.0.errors, sum.1)
    }

    /// Waits until so many requests and errors, all with a latency but for some, are stored.
    async fn eventually_counted(&self, requests: i64, errors: i64, without_latency: i64) {
        let objects =
            [StatObject::Cluster("live.shop_80".to_owned()), StatObject::Manager("in.bound".to_owned())];
        for object in objects {
            let last = std::sync::Mutex::new((0, 0, 0));
            let expected = (requests, errors, requests - without_latency);
            let is_it = async || {
                let counted = self.counted(&object);
                *last.lock().expect("the last") = counted;
                // More latencies than must be: the interval may have ended before the end.
                let is_it = (counted.0, counted.1) == (expected.0, expected.1) && counted.2 >= expected.2;
                is_it.then_some(())
            };
            eventually(&format!("{expected:?} of {object:?} are stored"), is_it).await;
            let counted = self.counted(&object);
            assert_eq!((counted.0, counted.1), (requests, errors));
            assert!(counted.2 <= requests, "{counted:?}");
        }
    }
}

/// A sink for the metrics service with these settings.
fn metrics_service(settings: &str) -> String {
    let kind = "type.googleapis.com/envoy.config.metrics.v3.MetricsServiceConfig";
    sink("metrics_service", &format!("\"@type\": {kind}, transport_api_version: V3{settings}"))
}

/// A sink for OTLP metrics with these settings, which says who it is.
fn open_telemetry(settings: &str) -> String {
    let kind = "type.googleapis.com/envoy.extensions.stat_sinks.open_telemetry.v3.SinkConfig";
    let detector = "type.googleapis.com/envoy.extensions.tracers.opentelemetry.resource_detectors.v3.StaticConfigResourceDetectorConfig";
    let attributes = "service.name: gateway, service.instance.id: gateway-1";
    let detector = format!(
        "{{name: envoy.tracers.opentelemetry.resource_detectors.static_config, typed_config: {{\"@type\": {detector}, \
         attributes: {{{attributes}}}}}}}"
    );
    sink("open_telemetry", &format!("\"@type\": {kind}, resource_detectors: [{detector}]{settings}"))
}

fn sink(name: &str, settings: &str) -> String {
    let service = "grpc_service: {envoy_grpc: {cluster_name: sidecarta}}";
    format!("{{name: envoy.stat_sinks.{name}, typed_config: {{{settings}, {service}}}}}")
}

async fn is_counted(sink: &str, config: &EnvoyConfig) {
    let data = TempDir::new().expect("a folder");
    let any_port = ([127, 0, 0, 1], 0).into();
    let mut sidecarta = Sidecarta::start(&data, any_port, config).await;
    let address = sidecarta.address;
    let mut envoy = Envoy::start_with(&configuration(address, upstream::start().await, sink)).await;
    upstream::send(envoy.listener, "/status/200", 7).await;
    upstream::send(envoy.listener, "/status/503", 3).await;
    sidecarta.eventually_counted(10, 3, 0).await;

    envoy.restart().await;
    upstream::send(envoy.listener, "/status/200", 4).await;
    sidecarta.eventually_counted(14, 3, 0).await;
    let lines = sidecarta.book.list();
    let line = lines.iter().find(|line| line.kind == "envoy_push").expect("a line");
    assert_eq!(
        (line.name.as_str(), line.state, line.rejected),
        ("gateway-1", SourceState::Ok, 0),
        "{line:?}"
    );
    let how = if sink.contains("SinkConfig") { "as OTLP metrics" } else { "from 127.0.0.1" };
    assert_eq!(line.detail.clone().expect("a detail"), format!("gateway-1, Envoy 1.40.0, pushes {how}"));

    // Another Sidecarta on the same data takes over.
    sidecarta.stop().await;
    sidecarta = Sidecarta::start(&data, address, config).await;
    let pushes_again = async || {
        sidecarta.book.list().iter().any(|line| line.kind == "envoy_push" && line.requests > 0).then_some(())
    };
    eventually("it pushes again", pushes_again).await;
    upstream::send(envoy.listener, "/status/200", 2).await;
    sidecarta.eventually_counted(16, 3, 0).await;
    sidecarta.stop().await;
}

#[tokio::test]
async fn a_sink_as_it_is_by_default() {
    is_counted(&metrics_service(""), &EnvoyConfig::default()).await;
}

#[tokio::test]
async fn a_sink_with_labels_that_sends_histograms_only() {
    let sink = metrics_service(", emit_tags_as_labels: true, histogram_emit_mode: HISTOGRAM");
    is_counted(&sink, &EnvoyConfig::default()).await;
}

#[tokio::test]
async fn a_sink_that_sends_many_small_messages() {
    is_counted(&metrics_service(", batch_size: 3, emit_tags_as_labels: true"), &EnvoyConfig::default()).await;
}

#[tokio::test]
async fn a_sink_that_reports_deltas() {
    let config = EnvoyConfig { push_counters_as_deltas: true, ..EnvoyConfig::default() };
    is_counted(&metrics_service(", report_counters_as_deltas: true"), &config).await;
}

#[tokio::test]
async fn an_otlp_sink_as_it_is_by_default() {
    is_counted(&open_telemetry(""), &EnvoyConfig::default()).await;
}

#[tokio::test]
async fn an_otlp_sink_that_sends_many_small_requests() {
    is_counted(&open_telemetry(", max_data_points_per_request: 7"), &EnvoyConfig::default()).await;
}

#[tokio::test]
async fn an_otlp_sink_with_full_names() {
    is_counted(&open_telemetry(", use_tag_extracted_name: false"), &EnvoyConfig::default()).await;
}

/// A gateway that pushes to `sidecarta`.
fn configuration(sidecarta: SocketAddr, live: SocketAddr, sink: &str) -> String {
    let cluster = |name: &str, address: SocketAddr| {
        let (ip, port) = (address.ip(), address.port());
        format!(
            "name: \"{name}\", type: STATIC, connect_timeout: 1s, load_assignment: {{cluster_name: x, endpoints: \
             [{{lb_endpoints: [{{endpoint: {{address: {{socket_address: {{address: {ip}, port_value: {port}}}}}}}}}]}}]}}"
        )
    };
    let (live, sidecarta) = (cluster("live.shop:80", live), cluster("sidecarta", sidecarta));
    format!(
        r#"
node: {{id: gateway-1, cluster: gateway, locality: {{zone: here}}}}
admin: {{address: {{pipe: {{path: admin.sock}}}}}}
stats_flush_interval: 0.3s
stats_sinks: [{sink}]
static_resources:
  listeners:
  - name: edge
    address: {{socket_address: {{address: 127.0.0.1, port_value: 0}}}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: in.bound
          route_config:
            virtual_hosts: [{{name: shop, domains: ["*"], routes: [{{match: {{prefix: /}}, route: {{cluster: "live.shop:80"}}}}]}}]
          http_filters: [{{name: envoy.filters.http.router, typed_config: {{"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}}}]
  clusters:
  - {{{live}}}
  - {{{sidecarta}, typed_extension_protocol_options: {{envoy.extensions.upstreams.http.v3.HttpProtocolOptions: {{"@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions, explicit_http_config: {{http2_protocol_options: {{}}}}}}}}}}
"#
    )
}

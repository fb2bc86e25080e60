use sidecarta_queries::rows::envoy::{ClusterConfig, StatObject, WeightedRoute};

use super::Configuration;

const RECORDED: &str = include_str!("../../../../tests/fixtures/envoy/config_dump.json");

fn decode(text: &str) -> Configuration {
    Configuration::decode(text.as_bytes()).expect("a configuration dump")
}

fn cluster(name: &str, tls: bool, mtls: bool, telemetry: bool) -> ClusterConfig {
    ClusterConfig { name: name.to_owned(), tls, mtls, telemetry }
}

#[test]
fn a_recorded_dump() {
    let config = decode(RECORDED).proxy;
    assert_eq!(
        config.clusters,
        [
            cluster("dead", false, false, false),
            cluster("orders_v1", false, false, false),
            cluster("orders_v2", false, false, false),
            cluster("secure", true, true, false),
            cluster("secure_badca", true, true, false),
            cluster("secure_rogue", true, true, false),
            cluster("tight", false, false, false),
        ]
    );
    let targets = vec![("orders_v1".to_owned(), 90), ("orders_v2".to_owned(), 10)];
    assert_eq!(config.weighted_routes, [WeightedRoute { name: "shop/orders".to_owned(), targets }]);
    assert_eq!(config.inbound_listeners, ["ingress_http", "ingress_mtls"]);
    assert_eq!(
        config.inbound_clusters,
        ["dead", "orders_v1", "orders_v2", "secure", "secure_badca", "secure_rogue", "tight"]
    );
}

/// What a control plane configures: everything dynamic, secrets and telemetry from clusters of their own.
const DYNAMIC: &str = r#"{"configs": [
  {"@type": "type.googleapis.com/envoy.admin.v3.BootstrapConfigDump", "bootstrap": {
    "dynamic_resources": {"ads_config": {"grpc_services": [{"envoy_grpc": {"cluster_name": "xds"}}]}},
    "stats_sinks": [{"typed_config": {"grpc_service": {"envoy_grpc": {"cluster_name": "metrics"}}}}]}},
  {"@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump",
   "static_clusters": [{"cluster": {"name": "xds"}}, {"cluster": {"name": "metrics"}}, {"cluster": {"name": "sds"}},
     {"cluster": {"name": "otlp"}}, {"cluster": {"name": "logs"}}, {"cluster": {"name": "zipkin"}}],
   "dynamic_active_clusters": [
     {"cluster": {"name": "b:80", "alt_stat_name": "b"}},
     {"cluster": {"name": "a", "transport_socket_matches": [
        {"name": "tls", "transport_socket": {"typed_config": {
          "@type": "type.googleapis.com/envoy.extensions.transport_sockets.http_11_proxy.v3.Http11ProxyUpstreamTransport",
          "transport_socket": {"typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
            "common_tls_context": {"tls_certificate_sds_secret_configs": [{"name": "own", "sds_config":
              {"api_config_source": {"grpc_services": [{"envoy_grpc": {"cluster_name": "sds"}}]}}}]}}}}}},
        {"name": "plain", "transport_socket": {"name": "envoy.transport_sockets.raw_buffer"}}]}},
     {"error_state": {"details": "no cluster here"}}]},
  {"@type": "type.googleapis.com/envoy.admin.v3.ListenersConfigDump", "dynamic_listeners": [
    {"name": "in", "active_state": {"listener": {"traffic_direction": "INBOUND",
      "filter_chains": [{"filters": [{"typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "in:bound",
        "rds": {"route_config_name": "inbound"},
        "tracing": {"provider": {"typed_config": {"http_service": {"http_uri": {"cluster": "otlp"}}}}},
        "access_log": [{"typed_config": {"common_config": {"grpc_service": {"envoy_grpc": {"cluster_name": "logs"}}}}}]}}]}],
      "default_filter_chain": {"filters": [{"typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy", "cluster": "tcp_local"}}]}}}},
    {"name": "out", "active_state": {"listener": {"traffic_direction": "OUTBOUND", "filter_chains": [{"filters": [
      {"typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.network.dubbo_proxy.v3.DubboProxy",
        "stat_prefix": 7, "route_config": [{"name": "not ours"}], "tracing": true}},
      {"typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "outbound", "rds": {"route_config_name": "outbound"},
        "tracing": {"provider": {"typed_config": {"collector_cluster": "zipkin"}}}}}]}]}}},
    {"name": "broken", "error_state": {}}]},
  {"@type": "type.googleapis.com/envoy.admin.v3.RoutesConfigDump", "dynamic_route_configs": [
    {"route_config": {"name": "inbound", "virtual_hosts": [{"name": "local", "routes": [
      {"match": {"prefix": "/"}, "route": {"cluster": "local_app"}}]}]}},
    {"route_config": {"name": "outbound", "virtual_hosts": [{"name": "b", "routes": [
      {"match": {"prefix": "/x"}, "route": {"weighted_clusters": {"clusters": [{"name": "a", "weight": 1}, {"name": "b:80", "weight": 3}]}}},
      {"match": {"prefix": "/x"}, "route": {"weighted_clusters": {"clusters": [{"name": "a", "weight": 2}, {"name": "b:80", "weight": 2}]}}},
      {"match": {"safe_regex": {"regex": "/y.*"}}, "route": {"weighted_clusters": {"clusters": [{"name": "a", "weight": 1}]}}},
      {"match": {"path": "/z"}, "route": {"cluster": "zipkin"}},
      {"redirect": {"path_redirect": "/"}}]}]}}]},
  {"@type": "type.googleapis.com/envoy.admin.v3.SomethingNew", "more": [1, 2, {"cluster": 3}]}
]}"#;

#[test]
fn a_dump_from_a_control_plane() {
    let Configuration { proxy: config, names } = decode(DYNAMIC);
    assert_eq!(
        config.clusters,
        [
            cluster("a", true, true, false),
            cluster("b:80", false, false, false),
            cluster("logs", false, false, true),
            cluster("metrics", false, false, true),
            cluster("otlp", false, false, true),
            cluster("sds", false, false, true),
            cluster("xds", false, false, true),
            // A route leads to it as well, so it carries traffic.
            cluster("zipkin", false, false, false),
        ]
    );
    let route = |name: &str, one, other| WeightedRoute {
        name: name.to_owned(),
        targets: vec![("a".to_owned(), one), ("b:80".to_owned(), other)],
    };
    assert_eq!(config.weighted_routes, [route("b//x*", 1, 3), route("b//x* (2)", 2, 2)]);
    assert_eq!(config.inbound_listeners, ["in:bound"]);
    assert_eq!(config.inbound_clusters, ["local_app", "tcp_local"]);
    let cluster = |name: &str| StatObject::Cluster(name.to_owned());
    assert_eq!(names.configured(&cluster("b")), cluster("b:80"));
    let manager = |prefix: &str| StatObject::Manager(prefix.to_owned());
    assert_eq!(names.configured(&manager("in_bound")), manager("in:bound"));
    assert!(names.has_virtual_host("local"));
}

#[test]
fn other_answers_are_refused() {
    for text in ["{}", "[]", r#"{"configs": 1}"#, "<html>"] {
        assert!(!Configuration::decode(text.as_bytes()).expect_err(text).is_eof(), "{text}");
    }
    let half = &RECORDED.as_bytes()[..RECORDED.len() / 2];
    assert!(Configuration::decode(half).expect_err("half").is_eof());
}

use std::collections::BTreeSet;

use proptest::prelude::*;
use sidecarta_queries::rows::mesh::{MeshCounts, MeshDialect, MeshEdge, MeshLatency, MeshReporter};

use super::*;
use crate::prometheus::exposition::{Format, decode};
use crate::prometheus::tests::{NATIVE, PROTOBUF, TEXT};

const DOTTED: &[u8] = include_bytes!("../../../../tests/fixtures/envoy/stats_prometheus_dotted_names.txt");

fn context() -> MappingContext {
    let labels = [("service", "gateway"), ("version", "7"), ("mesh", "shop")];
    MappingContext {
        instance: "http://10.0.0.1:9901".to_owned(),
        labels: labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
    }
}

fn mapped(body: &[u8], format: Format) -> Mapped {
    let exposition = decode(body, format, crate::prometheus::DecodeLimits::default()).expect("an exposition");
    mesh_counters(&exposition, &context())
}

fn text(text: &str) -> Mapped {
    mapped(text.as_bytes(), Format::Text)
}

fn of<'m>(mapped: &'m Mapped, cluster: &str) -> &'m MeshCounter {
    let mut found = mapped.counters.iter().filter(|counter| counter.edge.cluster == cluster);
    let counter = found.next().unwrap_or_else(|| panic!("{cluster} is not in {mapped:#?}"));
    assert_eq!(found.next(), None);
    counter
}

#[test]
fn a_recorded_envoy_says_what_its_load_was() {
    let mapped = mapped(TEXT, Format::Text);
    assert_eq!((mapped.rejects, mapped.unreadable_names, mapped.remark()), (Rejects::default(), 0, None));
    let orders = of(&mapped, "orders_v1");
    let MeshCounts { requests, classes, errors, attempts, retries, timeouts, .. } = orders.counts;
    assert_eq!((requests, classes, errors), (181, [0, 143, 0, 12, 26], 26));
    assert_eq!((attempts, retries, timeouts), (205, 24, 5));
    let latency = orders.latency.as_ref().expect("a histogram");
    assert_eq!((latency.count, latency.bounds_ms.len(), latency.cumulative[1]), (176, 19, 21));
    assert_eq!((orders.edge.source.name.as_str(), orders.edge.source.version.as_str()), ("gateway", "7"));
    let tight = of(&mapped, "tight").counts;
    assert_eq!((tight.pending_overflows, tight.active_overflows, tight.errors), (22, 14, 36));
    assert_eq!(of(&mapped, "dead").counts.connection_failures, 9);
    assert!(mapped.counters.iter().all(|counter| counter.edge.listener != "admin"));
}

#[test]
fn every_format_says_the_same() {
    let (text, classic, native) =
        (mapped(TEXT, Format::Text), mapped(PROTOBUF, Format::Protobuf), mapped(NATIVE, Format::Protobuf));
    assert_eq!(text, classic);
    let told = |mapped: &Mapped| -> Vec<_> {
        let of = |counter: &MeshCounter| {
            (
                counter.key,
                counter.edge.clone(),
                counter.counts,
                counter.latency.as_ref().map(|latency| latency.count),
            )
        };
        mapped.counters.iter().map(of).collect()
    };
    assert_eq!(told(&classic), told(&native));
    let fine = of(&native, "orders_v1").latency.as_ref().expect("a histogram");
    assert_eq!((&fine.bounds_ms[..2], &fine.cumulative[..2]), (&[0.5, 1.0][..], &[4, 21][..]));
}

#[test]
fn names_with_dots_are_put_together_again() {
    let mapped = mapped(DOTTED, Format::Text);
    let names: Vec<_> = mapped
        .counters
        .iter()
        .map(|counter| (&*counter.edge.cluster, &*counter.edge.target.name, &*counter.edge.target.version))
        .filter(|(cluster, ..)| cluster.contains(".svc."))
        .collect();
    assert_eq!(
        names,
        [
            ("outbound|8080|v2|orders.shop.svc.cluster.local", "orders", "v2"),
            ("orders.shop.svc.cluster.local", "orders.shop.svc.cluster.local", ""),
        ]
    );
    assert!(mapped.unreadable_names > 0, "routes cannot be told");
    assert!(mapped.remark().expect("a remark").contains("envoy.targets"));
}

const APP_MESH: &str = r#"# TYPE envoy_appmesh_RequestCountPerTarget counter
envoy_appmesh_RequestCountPerTarget{Mesh="shop",VirtualNode="gateway",TargetVirtualService="orders.local",TargetVirtualNode="orders-v1"} 90
envoy_appmesh_RequestCountPerTarget{Mesh="shop",VirtualNode="gateway",TargetVirtualService="orders.local",TargetVirtualNode="orders-v2"} 10
# TYPE envoy_appmesh_HTTPCode_Target_2XX_Count counter
envoy_appmesh_HTTPCode_Target_2XX_Count{Mesh="shop",VirtualNode="gateway",TargetVirtualService="orders.local",TargetVirtualNode="orders-v1"} 88
# TYPE envoy_appmesh_HTTPCode_Target_5XX_Count counter
envoy_appmesh_HTTPCode_Target_5XX_Count{Mesh="shop",VirtualNode="gateway",TargetVirtualService="orders.local",TargetVirtualNode="orders-v1"} 2
# TYPE envoy_appmesh_TargetResponseTime histogram
envoy_appmesh_TargetResponseTime_bucket{Mesh="shop",VirtualNode="gateway",TargetVirtualService="orders.local",TargetVirtualNode="orders-v1",le="5"} 80
envoy_appmesh_TargetResponseTime_bucket{Mesh="shop",VirtualNode="gateway",TargetVirtualService="orders.local",TargetVirtualNode="orders-v1",le="+Inf"} 90
envoy_appmesh_TargetResponseTime_sum{Mesh="shop",VirtualNode="gateway",TargetVirtualService="orders.local",TargetVirtualNode="orders-v1"} 400.5
envoy_appmesh_TargetResponseTime_count{Mesh="shop",VirtualNode="gateway",TargetVirtualService="orders.local",TargetVirtualNode="orders-v1"} 90
# TYPE envoy_appmesh_RequestCount counter
envoy_appmesh_RequestCount{Mesh="shop",VirtualNode="gateway"} 101
# TYPE envoy_appmesh_ActiveConnectionCount gauge
envoy_appmesh_ActiveConnectionCount{Mesh="shop",VirtualNode="gateway"} 3
"#;

#[test]
fn the_metrics_extension_is_a_list_of_edges() {
    let mapped = text(APP_MESH);
    let edges: Vec<_> = mapped
        .counters
        .iter()
        .map(|MeshCounter { edge, counts, .. }| {
            (
                edge.reporter,
                &*edge.source.name,
                &*edge.virtual_service,
                &*edge.target.name,
                counts.requests,
                counts.errors,
            )
        })
        .collect();
    assert_eq!(
        edges,
        [
            (MeshReporter::Source, "gateway", "orders.local", "orders-v1", 90, 2),
            (MeshReporter::Source, "gateway", "orders.local", "orders-v2", 10, 0),
            (MeshReporter::Destination, "", "", "gateway", 101, 0),
        ]
    );
    let latency = MeshLatency { bounds_ms: vec![5.0], cumulative: vec![80], count: 90, sum_ms: Some(400.5) };
    assert_eq!(mapped.counters[0].latency, Some(latency));
    assert_eq!(mapped.counters[0].metrics.len(), 4);
    assert!(mapped.counters.iter().all(|counter| counter.edge.mesh == "shop"));
}

#[test]
fn the_agent_cuts_the_prefix_off_and_nobody_else_is_taken_for_it() {
    let mut stripped = text(&APP_MESH.replace("envoy_appmesh_", ""));
    let mut whole = text(APP_MESH);
    for counter in stripped.counters.iter_mut().chain(&mut whole.counters) {
        counter.metrics.clear();
    }
    assert_eq!(stripped, whole);
    let other = text("# TYPE RequestCount counter\nRequestCount{app=\"other\"} 5\n");
    assert_eq!(other.counters, []);
    assert!(other.remark().expect("a remark").contains("none of its metrics"));
}

fn istio(
    reporter: &str,
    protocol: &str,
    code: &str,
    grpc: &str,
    flags: &str,
    policy: &str,
    count: u64,
) -> String {
    format!(
        "istio_requests_total{{reporter=\"{reporter}\",source_workload=\"gateway\",source_workload_namespace=\"shop\",\
         source_canonical_service=\"gateway\",source_canonical_revision=\"latest\",\
         destination_workload=\"orders-v2\",destination_workload_namespace=\"shop\",\
         destination_canonical_service=\"orders\",destination_canonical_revision=\"v2\",\
         destination_service=\"orders.shop.svc.cluster.local\",request_protocol=\"{protocol}\",\
         response_code=\"{code}\",grpc_response_status=\"{grpc}\",response_flags=\"{flags}\",\
         connection_security_policy=\"{policy}\"}} {count}\n"
    )
}

#[test]
fn istio_names_both_ends() {
    let mapped = text(
        &[
            "# TYPE istio_requests_total counter\n".to_owned(),
            istio("destination", "http", "200", "", "-", "mutual_tls", 7),
            istio("destination", "http", "503", "", "UF", "mutual_tls", 1),
            istio("source", "http", "0", "", "DC", "unknown", 2),
            istio("source", "grpc", "200", "14", "-", "unknown", 3),
            istio("source", "grpc", "200", "5", "-", "unknown", 4),
        ]
        .concat(),
    );
    let told: Vec<_> = mapped
        .counters
        .iter()
        .map(|MeshCounter { edge, counts, .. }| {
            (
                edge.response_code,
                &*edge.response_flags,
                edge.grpc_status,
                edge.mtls,
                counts.requests,
                counts.errors,
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (Some(200), "", Some(5), None, 4, 0),
            (Some(200), "", Some(14), None, 3, 3),
            (Some(0), "DC", None, None, 2, 2),
            (Some(200), "", None, Some(true), 7, 0),
            (Some(503), "UF", None, Some(true), 1, 1),
        ]
    );
    let MeshEdge { source, target, virtual_service, dialect, .. } = &mapped.counters[3].edge;
    assert_eq!((&*source.name, &*source.version), ("gateway", "latest"));
    assert_eq!(
        (&*target.name, &*target.namespace, &*target.service, &*target.version),
        ("orders-v2", "shop", "orders", "v2")
    );
    assert_eq!((&**virtual_service, *dialect), ("orders.shop.svc.cluster.local", MeshDialect::Istio));
    assert_eq!(mapped.counters[4].counts.classes, [0, 0, 0, 0, 1]);
}

#[test]
fn istio_durations_belong_to_the_requests_of_the_same_labels() {
    let labels = "reporter=\"source\",source_workload=\"a\",destination_workload=\"b\",response_code=\"200\"";
    let mapped = text(&format!(
        "# TYPE istio_requests_total counter\nistio_requests_total{{{labels}}} 5\n\
         # TYPE istio_request_duration_milliseconds histogram\n\
         istio_request_duration_milliseconds_bucket{{{labels},le=\"10\"}} 4\n\
         istio_request_duration_milliseconds_count{{{labels}}} 5\n\
         istio_request_duration_milliseconds_sum{{{labels}}} 60\n\
         # TYPE istio_response_bytes histogram\nistio_response_bytes_count{{{labels}}} 5\n\
         istio_response_bytes_sum{{{labels}}} 1000\n\
         # TYPE istio_tcp_connections_opened_total counter\nistio_tcp_connections_opened_total{{{labels}}} 2\n"
    ));
    let [requests, connections] = &mapped.counters[..] else { panic!("{mapped:#?}") };
    assert_eq!((requests.counts.requests, requests.counts.response_bytes), (5, 1_000));
    assert_eq!(requests.latency.as_ref().map(|latency| latency.count), Some(5));
    assert_eq!((connections.counts.connections, &*connections.edge.protocol), (2, "tcp"));
}

#[test]
fn tags_of_meshes_name_both_ends_of_a_plain_envoy() {
    let completed = |labels: &str| {
        let body = format!(
            "# TYPE envoy_cluster_upstream_rq_completed counter\nenvoy_cluster_upstream_rq_completed{{{labels}}} 5\n"
        );
        let mapped = text(&body);
        let [counter] = &mapped.counters[..] else { panic!("{mapped:#?}") };
        let MeshEdge { reporter, mesh, source, target, protocol, .. } = counter.edge.clone();
        (reporter, mesh, source.name, target.name, target.version, protocol)
    };
    let told = |reporter, parts: [&str; 5]| {
        let [mesh, source, target, version, protocol] = parts.map(str::to_owned);
        (reporter, mesh, source, target, version, protocol)
    };
    assert_eq!(
        completed(
            "appmesh_mesh=\"my_mesh\",appmesh_virtual_node=\"web_vn\",envoy_cluster_name=\"cds_egress_my_mesh_orders_vn_http2_8080\""
        ),
        told(MeshReporter::Source, ["my_mesh", "web_vn", "orders_vn", "", "http"])
    );
    assert_eq!(
        completed(
            "appmesh_mesh=\"my_mesh\",appmesh_virtual_node=\"web_vn\",envoy_cluster_name=\"cds_ingress_my_mesh_web_vn_grpc_8080\""
        ),
        told(MeshReporter::Destination, ["my_mesh", "", "web_vn", "7", "grpc"])
    );
    assert_eq!(
        completed(
            "consul_source_service=\"web\",consul_destination_service=\"api\",consul_destination_service_subset=\"v2\",envoy_cluster_name=\"v2\""
        ),
        told(MeshReporter::Source, ["shop", "web", "api", "v2", ""])
    );
    assert_eq!(
        completed("cluster_name=\"outbound|80|v1|orders.shop.svc.cluster.local\""),
        told(MeshReporter::Source, ["shop", "gateway", "orders", "v1", ""])
    );
    assert_eq!(
        completed("envoy_cluster_name=\"plain\""),
        told(MeshReporter::Source, ["shop", "gateway", "plain", "", ""])
    );
}

#[test]
fn what_cannot_be_counted_is_left_out_and_counted() {
    let mapped = text(
        "envoy_cluster_upstream_rq_xx{envoy_cluster_name=\"a\",envoy_response_code_class=\"2xx\"} 4\n\
         envoy_cluster_upstream_rq_xx{envoy_cluster_name=\"a\",envoy_response_code_class=\"2xx\"} 9\n\
         envoy_cluster_upstream_rq_xx{envoy_cluster_name=\"a\",envoy_response_code_class=\"7\"} 9\n\
         envoy_cluster_upstream_rq_completed{envoy_cluster_name=\"a\"} -1\n\
         envoy_cluster_upstream_rq_retry{envoy_cluster_name=\"a\"} NaN\n\
         envoy_cluster_upstream_rq_total{envoy_cluster_name=\"a\"} 18446744073709551613\n",
    );
    assert_eq!(mapped.rejects, Rejects { values: 3, labels: 1, duplicates: 1, ..Rejects::default() });
    let [counter] = &mapped.counters[..] else { panic!("{mapped:#?}") };
    // Responses without a count of requests are as many requests.
    assert_eq!((counter.counts.requests, counter.counts.classes), (4, [0, 4, 0, 0, 0]));
}

#[test]
fn keys_stay_whatever_the_order_and_differ_for_other_targets() {
    let (there, back) = (
        "envoy_cluster_upstream_rq_total{envoy_cluster_name=\"a\",x=\"1\"} 1\nenvoy_cluster_upstream_rq_total{envoy_cluster_name=\"b\",x=\"1\"} 2\n",
        "envoy_cluster_upstream_rq_total{x=\"1\",envoy_cluster_name=\"b\"} 2\nenvoy_cluster_upstream_rq_total{x=\"1\",envoy_cluster_name=\"a\"} 1\n",
    );
    assert_eq!(text(there), text(back));
    let exposition = decode(there.as_bytes(), Format::Text, crate::prometheus::DecodeLimits::default());
    let other = MappingContext { instance: "http://10.0.0.2:9901".to_owned(), ..context() };
    let other = mesh_counters(&exposition.expect("an exposition"), &other);
    let keys = |mapped: &Mapped| -> Vec<_> { mapped.counters.iter().map(|counter| counter.key).collect() };
    assert!(keys(&other).iter().all(|key| !keys(&text(there)).contains(key)));
    // A stored series is found again by this: it must not change from one version to the next.
    assert_eq!(
        keys(&text(there)),
        [0x16a7_1445_0d5b_fb72_0aa8_9784_11fa_2116, 0x710a_2f92_5a14_68b7_a895_4e3e_980d_54fd]
    );
}

fn metric_name() -> impl Strategy<Value = String> {
    let start = prop::sample::select(vec![
        "envoy_cluster_",
        "envoy_http_",
        "envoy_vhost_",
        "envoy_appmesh_",
        "istio_",
        "",
    ]);
    let middle = prop::sample::select(vec!["", "a_", "a_zone_b_", "canary_", "route_", "x_vcluster_", "_"]);
    let end = prop::sample::select(vec![
        "upstream_rq_xx",
        "upstream_rq_time",
        "upstream_rq_total",
        "downstream_rq_completed",
        "requests_total",
        "RequestCountPerTarget",
        "request_duration_milliseconds",
        "ssl_handshake",
        "",
    ]);
    (start, middle, end).prop_map(|(start, middle, end)| [start, middle, end].concat())
}

fn labels() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec![
        "envoy_cluster_name",
        "envoy_response_code_class",
        "response_code",
        "Mesh",
        "VirtualNode",
        "appmesh_mesh",
        "envoy_virtual_host",
        "envoy_route",
        "envoy_http_conn_manager_prefix",
        "grpc_response_status",
    ]);
    let value = prop::sample::select(vec![
        "",
        "5",
        "2xx",
        "99999",
        "cds_egress_",
        "cds_egress_m_n_http_80",
        "outbound|",
        "m",
        "|||",
    ]);
    prop::collection::btree_map(name, value, 0..5).prop_map(|labels| {
        let labels: Vec<_> = labels.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
        labels.join(",")
    })
}

proptest! {
    /// Whatever a target says: each number of an edge is the number of one of its series, and each edge has a key of its own.
    #[test]
    fn each_number_is_that_of_one_series(series in prop::collection::vec((metric_name(), labels()), 0..40)) {
        // Powers of two, so that a sum of two would show.
        let lines: String = series
            .iter()
            .enumerate()
            .fold(String::new(), |text, (at, (name, labels))| text + &format!("{name}{{{labels}}} {}\n", 1_u64 << at));
        // Lines without a name are no metrics, and there may be no others.
        let exposition = decode(lines.as_bytes(), Format::Text, crate::prometheus::DecodeLimits::default());
        let Ok(exposition) = exposition else { return Ok(()) };
        let mapped = mesh_counters(&exposition, &context());
        let keys: BTreeSet<_> = mapped.counters.iter().map(|counter| &counter.key).collect();
        prop_assert_eq!(keys.len(), mapped.counters.len());
        for MeshCounter { counts, edge, .. } in &mapped.counters {
            let MeshCounts { classes, attempts, tls_handshakes, .. } = counts;
            for number in classes.iter().chain([attempts, tls_handshakes]) {
                prop_assert!(number.count_ones() <= 1, "{:?} of {:?}", counts, edge);
            }
        }
    }
}

//! Proxies disappear into the workloads they serve.

use super::{clusters, edges, trace};

/// A call through two sidecars that make a span for each try, down to the applications.
const FULL_CHAIN: &str = "
    web@v1 CLIENT grpc host=orders 20ms
      web egress http cluster=orders_v1 19ms
        web router http cluster=orders_v1 18ms
          orders ingress http cluster=local 15ms
            orders router http cluster=local 14ms
              orders@v1 SERVER grpc 12ms
                orders@v1 INTERNAL
                  orders@v1 CLIENT db=postgresql:shop 2ms
";

#[test]
fn a_chain_of_two_sidecars_is_one_edge() {
    let spans = trace(FULL_CHAIN);
    assert_eq!(edges(&spans), ["orders@v1 -> db=postgresql:shop 2/-", "web@v1 -> orders@v1 grpc 20/15"]);
    assert_eq!(clusters(&spans), ["orders: local = orders@v1", "web: orders_v1 = orders@v1"]);
}

#[test]
fn a_sidecar_that_calls_its_span_of_an_outgoing_request_a_servers_is_part_of_the_call() {
    let spans = trace(
        "
         web@v1 SERVER 25ms
           web@v1 CLIENT host=orders 20ms
             web ingress cluster=orders_v1 19ms
               web router cluster=orders_v1 err 3ms
               web router cluster=orders_v1 14ms
                 orders ingress cluster=local 13ms
                   orders@v1 SERVER 12ms
           web@v1 CLIENT host=legacy err 9ms
             web ingress cluster=legacy err 1ms",
    );
    let expected =
        ["client -> web@v1 -/25", "web@v1 -> cluster:legacy err 9/-", "web@v1 -> orders@v1 x2 20/13"];
    assert_eq!(edges(&spans), expected);
    assert_eq!(clusters(&spans), ["orders: local = orders@v1", "web: orders_v1 = orders@v1"]);
}

#[test]
fn proxies_without_a_span_for_each_try_give_the_same_edge() {
    let spans = trace(
        "
         web@v1 CLIENT 20ms
           web egress cluster=orders_v1 19ms
             orders ingress cluster=local 15ms
               orders@v1 SERVER 12ms",
    );
    assert_eq!(edges(&spans), ["web@v1 -> orders@v1 20/15"]);
    assert_eq!(clusters(&spans), ["orders: local = orders@v1", "web: orders_v1 = orders@v1"]);
}

#[test]
fn a_gateway_with_one_server_span_calls_what_is_behind_it() {
    let spans = trace(
        "
         gateway ingress cluster=web 9ms
           web ingress cluster=local 8ms
             web@v1 SERVER 7ms",
    );
    assert_eq!(edges(&spans), ["client -> gateway -/9", "gateway -> web@v1 9/8"]);
    assert_eq!(clusters(&spans), ["gateway: web = web@v1", "web: local = web@v1"]);
}

#[test]
fn a_gateway_with_a_span_for_each_try_calls_what_is_behind_it_once() {
    let spans = trace(
        "
         gateway ingress cluster=web 9ms
           gateway router cluster=web 8ms
             web@v1 SERVER 7ms",
    );
    assert_eq!(edges(&spans), ["client -> gateway -/9", "gateway -> web@v1 9/7"]);
}

#[test]
fn a_dead_upstream_is_the_proxys_cluster() {
    for caller in ["", "web@v1 CLIENT err host=legacy:80"] {
        let spans = trace(&format!(
            "
             {caller}
               web egress cluster=legacy err 5ms
                 web router cluster=legacy err 4ms",
        ));
        let caller = if caller.is_empty() {
            "web -> cluster:legacy err 5/-"
        } else {
            "web@v1 -> cluster:legacy err 1/-"
        };
        assert_eq!(edges(&spans), [caller]);
    }
    let gateway = trace("gateway ingress cluster=legacy err");
    assert_eq!(edges(&gateway), ["client -> gateway err -/1", "gateway -> cluster:legacy err 1/-"]);
}

#[test]
fn a_route_to_nowhere_is_no_call() {
    assert_eq!(edges(&trace("gateway ingress err")), ["client -> gateway err -/1"]);
}

#[test]
fn an_application_without_spans_shows_by_its_proxy() {
    // It passes on the context that it was given, so that its own calls hang below the request it received.
    let spawning = trace(
        "
         web egress cluster=orders
           web router cluster=orders
             orders ingress cluster=local
               orders router cluster=local
                 orders egress cluster=payments
                   orders router cluster=payments
                     payments ingress cluster=local
                 orders egress cluster=stock
                   orders router cluster=stock
                     stock ingress
                 orders egress cluster=legacy err",
    );
    let plain = trace(
        "
         web egress cluster=orders
           orders ingress cluster=local
             orders egress cluster=payments
               payments ingress cluster=local
             orders egress cluster=stock
               stock ingress
             orders egress cluster=legacy err",
    );
    for spans in [spawning, plain] {
        assert_eq!(
            edges(&spans),
            [
                "orders -> cluster:legacy err 1/-",
                "orders -> payments 1/1",
                "orders -> stock 1/1",
                // Whether `local` is the application or another service, its identity tells.
                "payments -> cluster:local 1/-",
                "web -> orders 1/1",
            ]
        );
        assert!(clusters(&spans).contains(&"orders: local = orders".to_owned()));
    }
}

#[test]
fn an_application_with_client_or_internal_spans_only_is_behind_its_proxy() {
    let spans = trace(
        "
         orders ingress cluster=local
           orders@v1 CLIENT service=bank
         orders ingress cluster=local
           orders@v1 INTERNAL",
    );
    assert_eq!(
        edges(&spans),
        ["client -> orders@v1 -/1", "client -> orders@v1 -/1", "orders@v1 -> service=bank 1/-"]
    );
}

#[test]
fn a_dead_application_behind_its_proxy_is_the_proxys_cluster() {
    let spans = trace(
        "
         web egress cluster=orders err
           orders ingress cluster=local err
             orders router cluster=local err",
    );
    assert_eq!(edges(&spans), ["orders -> cluster:local err 1/-", "web -> orders err 1/1"]);
}

#[test]
fn a_nameless_proxy_belongs_to_the_application_that_it_stands_before() {
    let spans = trace(
        "
         gateway ingress cluster=web
           unknown_service:envoy ingress node=web-1 cluster=local
             unknown_service:envoy router cluster=local
               web@v1 SERVER
                 web@v1 CLIENT
                   unknown_service:envoy egress node=web-1 cluster=orders
                     unknown_service:envoy router cluster=orders
                       unknown_service:envoy ingress node=orders-1 cluster=local
                         orders@v2 SERVER",
    );
    assert_eq!(edges(&spans), ["client -> gateway -/1", "gateway -> web@v1 1/1", "web@v1 -> orders@v2 1/1"]);
}

#[test]
fn a_nameless_proxy_without_an_application_is_called_by_its_node() {
    let spans = trace(
        "
         unknown_service:envoy ingress node=edge-7 cluster=web
           unknown_service:envoy router cluster=web
             web ingress cluster=local
               web SERVER
                 web CLIENT
                   web egress cluster=out
                     unknown_service:envoy egress node=out-1 cluster=bank err
         unknown_service:envoy ingress node=lone cluster=local err",
    );
    assert_eq!(
        edges(&spans),
        [
            "client -> edge-7 -/1",
            "client -> lone err -/1",
            "edge-7 -> web 1/1",
            "lone -> cluster:local err 1/-",
            "out-1 -> cluster:bank err 1/-",
            "web -> out-1 1/-",
        ]
    );
}

#[test]
fn what_the_proxy_does_not_say_of_its_workload_the_application_says() {
    let spans = trace(
        "
         shop/web@v3 CLIENT
           web egress cluster=orders
             orders ingress cluster=local
               shop/orders@v1 SERVER env=live",
    );
    assert_eq!(edges(&spans), ["shop/web@v3 -> shop/orders@v1 1/1"]);
}

#[test]
fn services_of_one_name_in_two_namespaces_are_two() {
    let spans = trace(
        "
         blue/orders CLIENT
           orders egress cluster=green
             orders ingress cluster=local
               green/orders SERVER",
    );
    assert_eq!(edges(&spans), ["blue/orders -> green/orders 1/1"]);
}

#[test]
fn a_proxy_that_asks_for_leave_makes_a_call_of_its_own() {
    let spans = trace(
        "
         web CLIENT 9ms
           web egress cluster=orders 8ms
             web router cluster=leave 1ms
               leave SERVER
             web router cluster=orders 5ms
               orders SERVER 4ms
         gateway ingress cluster=legacy err
           gateway router cluster=leave
             leave SERVER",
    );
    assert_eq!(
        edges(&spans),
        [
            "client -> gateway err -/1",
            "gateway -> cluster:legacy err 1/-",
            "gateway -> leave 1/1",
            "web -> leave 1/1",
            "web -> orders 9/4",
        ]
    );
}

//! A request counts once, however often it was tried, and ends as its outermost span says.

use super::{clusters, edges, trace};

#[test]
fn a_retry_is_a_second_attempt_of_one_request() {
    let spans = trace(
        "
         web@v1 CLIENT 20ms
           web egress cluster=stock 19ms
             web router cluster=stock err 5ms
               stock ingress cluster=local err 4ms
                 stock@v1 SERVER err 3ms
             web router cluster=stock 9ms
               stock ingress cluster=local 8ms
                 stock@v1 SERVER 7ms",
    );
    assert_eq!(edges(&spans), ["web@v1 -> stock@v1 x2 20/8"]);
}

#[test]
fn a_retry_without_application_spans_above_counts_once_too() {
    for caller in ["egress", "ingress"] {
        let spans = trace(&format!(
            "
             gateway {caller} cluster=stock 19ms parent=99
               gateway router cluster=stock err 5ms
                 stock SERVER err 4ms
               gateway router cluster=stock 9ms
                 stock SERVER 8ms",
        ));
        let sent: Vec<String> =
            edges(&spans).into_iter().filter(|edge| edge.starts_with("gateway")).collect();
        assert_eq!(sent, ["gateway -> stock x2 19/8"], "{caller}");
    }
}

#[test]
fn a_retry_by_a_proxy_without_spans_for_each_try_shows_by_its_landings() {
    let spans = trace(
        "
         web CLIENT 20ms
           web egress cluster=stock 19ms
             stock ingress err 4ms
             stock ingress 8ms",
    );
    assert_eq!(edges(&spans), ["web -> stock x2 20/8"]);
}

#[test]
fn tries_that_never_arrived_are_attempts() {
    let spans = trace(
        "
         web CLIENT 20ms
           web egress cluster=stock
             web router cluster=stock err
             web router cluster=stock err
             web router cluster=stock
               stock SERVER 8ms
         web CLIENT err 20ms
           web egress cluster=dead err
             web router cluster=dead err
             web router cluster=dead err",
    );
    assert_eq!(edges(&spans), ["web -> cluster:dead err x2 20/-", "web -> stock x3 20/8"]);
}

#[test]
fn an_application_that_retries_through_a_proxy_that_retries_adds_up() {
    let spans = trace(
        "
         web CLIENT 20ms
           web CLIENT err
             web egress cluster=stock err
           web CLIENT
             web egress cluster=stock
               stock ingress err
               stock ingress 3ms",
    );
    assert_eq!(edges(&spans), ["web -> stock x3 20/3"]);
}

#[test]
fn a_retry_that_moves_to_another_version_is_answered_by_that_version() {
    for caller in ["web CLIENT 20ms", ""] {
        let spans = trace(&format!(
            "
             {caller}
               web egress cluster=orders_v2 20ms
                 web router cluster=orders_v1 err 5ms
                   orders ingress cluster=local err 4ms
                     orders@v1 SERVER err 3ms
                 web router cluster=orders_v2 9ms
                   orders ingress cluster=local 8ms
                     orders@v2 SERVER 7ms",
        ));
        assert_eq!(edges(&spans), ["web -> orders@v2 x2 20/8"]);
        assert_eq!(
            clusters(&spans),
            [
                "orders: local = orders@v1",
                "orders: local = orders@v2",
                "web: orders_v1 = orders@v1",
                "web: orders_v2 = orders@v2",
            ]
        );
    }
}

#[test]
fn a_cluster_is_learned_from_the_last_try_only() {
    // Without spans for each try the proxy names the cluster of its last one.
    let spans = trace(
        "
         web egress cluster=orders_v2
           orders@v1 SERVER err
           orders@v2 SERVER",
    );
    assert_eq!(clusters(&spans), ["web: orders_v2 = orders@v2"]);
}

#[test]
fn a_hedge_is_answered_by_the_try_that_did_not_fail() {
    let spans = trace(
        "
         web CLIENT 9ms
           web egress cluster=stock
             web router cluster=stock
               stock@v1 SERVER 8ms
             web router cluster=stock err
               stock@v2 SERVER err 3ms",
    );
    assert_eq!(edges(&spans), ["web -> stock@v1 x2 9/8"]);
}

#[test]
fn a_call_given_up_counts_once_however_late_the_server_is() {
    let before = "
        web CLIENT err timeout 250ms
          web egress cluster=tips err timeout 249ms
            web router cluster=tips err 248ms";
    assert_eq!(edges(&trace(before)), ["web -> cluster:tips err timeout 250/-"]);
    let after = format!(
        "
         {before}
              tips ingress cluster=local at=400 900ms
                tips@v1 SERVER at=400 900ms",
    );
    assert_eq!(edges(&trace(&after)), ["web -> tips@v1 err timeout 250/900"]);
}

#[test]
fn a_time_out_known_to_the_proxy_alone_is_one_of_the_call() {
    let spans = trace(
        "
         web CLIENT err
           web egress cluster=tips err timeout
             tips SERVER",
    );
    assert_eq!(edges(&spans), ["web -> tips err timeout 1/1"]);
}

#[test]
fn a_time_out_that_was_retried_is_none_of_the_request() {
    let tries = |first: &str, last: &str| {
        trace(&format!(
            "
             web CLIENT {last}
               web egress cluster=tips {last}
                 web router cluster=tips {first}
                 web router cluster=tips {last}"
        ))
    };
    assert_eq!(edges(&tries("err timeout", "")), ["web -> cluster:tips x2 1/-"]);
    assert_eq!(edges(&tries("err timeout", "err")), ["web -> cluster:tips err x2 1/-"]);
    assert_eq!(edges(&tries("err", "err timeout")), ["web -> cluster:tips err timeout x2 1/-"]);
}

#[test]
fn wrapped_client_spans_are_one_call() {
    let spans = trace(
        "
         web SERVER
           web CLIENT grpc service=orders 9ms
             web INTERNAL
               web CLIENT http host=orders:80 8ms
                 orders SERVER http 7ms
           web CLIENT sql db=dynamodb:carts 5ms
             web CLIENT http host=dynamodb.example 4ms",
    );
    assert_eq!(
        edges(&spans),
        ["client -> web -/1", "web -> db=dynamodb:carts sql 5/-", "web -> orders grpc 9/7"]
    );
}

#[test]
fn a_client_span_around_calls_to_several_places_is_none_of_them() {
    let spans = trace(
        "
         web CLIENT err 90ms
           web CLIENT 10ms
             orders SERVER 9ms
           web CLIENT err 20ms
             users SERVER err 19ms
           web CLIENT 5ms db=redis:0
           web CLIENT err 4ms
             web egress err cluster=legacy",
    );
    assert_eq!(
        edges(&spans),
        [
            "web -> cluster:legacy err 4/-",
            "web -> db=redis:0 5/-",
            "web -> orders 10/9",
            "web -> users err 20/19",
        ]
    );
}

#[test]
fn landings_in_several_services_below_one_client_span_are_told_by_themselves() {
    let spans = trace(
        "
         web CLIENT err 90ms
           orders SERVER 9ms
           users SERVER err 19ms",
    );
    assert_eq!(edges(&spans), ["web -> orders -/9", "web -> users err -/19"]);
}

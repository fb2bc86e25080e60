//! Who calls and what is called, where one side tells of it.

use super::{edges, trace};

#[test]
fn databases_and_caches_are_called_by_their_names() {
    let spans = trace(
        "
         users CLIENT sql db=redis:0 err 2ms
         users CLIENT sql db=postgresql:shop 3ms",
    );
    assert_eq!(edges(&spans), ["users -> db=postgresql:shop sql 3/-", "users -> db=redis:0 sql err 2/-"]);
}

#[test]
fn a_client_span_around_two_stores_is_a_call_of_each() {
    let spans = trace(
        "
         users CLIENT 9ms
           users CLIENT db=redis:0 2ms
             users CLIENT host=redis-7
           users CLIENT db=postgresql:shop err
           users CLIENT db=postgresql:shop 3ms
         users CLIENT host=driver 5ms
           users CLIENT db=redis:0",
    );
    assert_eq!(
        edges(&spans),
        [
            "users -> db=postgresql:shop 3/-",
            "users -> db=postgresql:shop err 1/-",
            "users -> db=redis:0 2/-",
            "users -> db=redis:0 5/-",
        ]
    );
}

#[test]
fn a_service_or_store_that_is_named_comes_before_a_cluster_and_a_host_after() {
    let through_proxy = |peer: &str| {
        edges(&trace(&format!(
            "
             web CLIENT {peer}
               web egress cluster=outside"
        )))
    };
    assert_eq!(through_proxy("service=bank"), ["web -> service=bank 1/-"]);
    assert_eq!(through_proxy("db=mysql:a"), ["web -> db=mysql:a 1/-"]);
    assert_eq!(through_proxy("host=bank.example"), ["web -> cluster:outside 1/-"]);
    assert_eq!(through_proxy(""), ["web -> cluster:outside 1/-"]);
    assert_eq!(edges(&trace("web CLIENT host=bank.example")), ["web -> host=bank.example 1/-"]);
    assert_eq!(edges(&trace("web CLIENT")), ["web -> host=unknown host 1/-"]);
}

#[test]
fn a_span_that_answers_is_believed_more_than_what_the_caller_says() {
    let spans = trace(
        "
         web CLIENT db=elasticsearch:items
           web egress cluster=search
             search SERVER",
    );
    assert_eq!(edges(&spans), ["web -> search 1/1"]);
}

#[test]
fn a_server_without_a_calling_span_is_called_by_the_service_above() {
    let spans = trace(
        "
         web SERVER 9ms
           web INTERNAL
             orders SERVER err 5ms
             orders SERVER 4ms",
    );
    assert_eq!(edges(&spans), ["client -> web -/9", "web -> orders -/4", "web -> orders err -/5"]);
}

#[test]
fn a_root_server_is_called_by_a_client_and_an_orphan_by_nobody_known() {
    assert_eq!(edges(&trace("web SERVER timeout err")), ["client -> web err timeout -/1"]);
    assert_eq!(edges(&trace("web SERVER parent=99")), ["unknown -> web -/1"]);
    assert_eq!(edges(&trace("web ingress parent=99")), ["unknown -> web -/1"]);
}

#[test]
fn a_root_client_is_called_by_nobody() {
    let spans = trace(
        "
         cron INTERNAL
           cron CLIENT
             web SERVER
         cron INTERNAL",
    );
    assert_eq!(edges(&spans), ["cron -> web 1/1"]);
}

#[test]
fn a_call_to_itself_is_no_edge() {
    let spans = trace(
        "
         orders@v1 SERVER
           orders@v1 CLIENT
             orders egress cluster=orders
               orders ingress node=other cluster=local
                 orders@v2 SERVER
                   orders@v2 CLIENT service=bank
           orders@v1 CLIENT
             orders@v1 SERVER",
    );
    assert_eq!(edges(&spans), ["client -> orders@v1 -/1", "orders@v2 -> service=bank 1/-"]);
}

#[test]
fn a_service_without_server_spans_is_called_once_whatever_it_did() {
    let spans = trace(
        "
         web CLIENT 9ms
           orders CLIENT service=a
           orders CLIENT service=b
           orders INTERNAL
         web SERVER
           orders CLIENT service=a
           orders INTERNAL",
    );
    assert_eq!(
        edges(&spans),
        [
            "client -> web -/1",
            "orders -> service=a 1/-",
            "orders -> service=a 1/-",
            "orders -> service=b 1/-",
            "web -> orders -/-",
            "web -> orders 9/-",
        ]
    );
}

#[test]
fn a_proxy_named_otherwise_than_its_application_is_a_service_of_its_own() {
    // That they are one, their identity tells; the edge between the services is whole either way.
    let spans = trace(
        "
         web CLIENT 9ms
           web.shop egress cluster=orders 8ms
             orders.shop ingress cluster=local 7ms
               orders SERVER 6ms",
    );
    assert_eq!(
        edges(&spans),
        ["orders.shop -> orders 7/6", "web -> web.shop 9/-", "web.shop -> orders.shop 8/7"]
    );
}

#[test]
fn requests_are_counted_in_the_ten_seconds_in_which_their_caller_began() {
    let mut spans = trace(
        "
         web CLIENT at=19999
           orders SERVER at=20001",
    );
    let bucket = |spans: &[_]| crate::trace::contributions(spans).0[0].bucket_s;
    assert_eq!(bucket(&spans), 10);
    spans[0].start_ns = -1;
    assert_eq!(bucket(&spans), -10);
    assert_eq!(bucket(&spans[1..]), 20);
}

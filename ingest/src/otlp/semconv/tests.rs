use sidecarta_queries::rows::span::PeerKind;

use super::*;

fn attributes(pairs: &[(&'static str, &'static str)]) -> Vec<Attribute<'static>> {
    pairs.iter().map(|&(key, value)| (Cow::Borrowed(key), Cow::Borrowed(value))).collect()
}

/// Failed, by time-out.
fn failure(kind: SpanKind, status: SpanStatus, pairs: &[(&'static str, &'static str)]) -> (bool, bool) {
    let attributes = attributes(pairs);
    let meaning = interpret(kind, status, &attributes, false, 512);
    (meaning.is_error, meaning.is_timeout)
}

/// Kind, system and name of a peer.
fn peer(kind: SpanKind, pairs: &[(&'static str, &'static str)]) -> Option<(PeerKind, String, String)> {
    let attributes = attributes(pairs);
    let peer = interpret(kind, SpanStatus::Unset, &attributes, false, 512).peer?;
    Some((peer.kind, peer.system.into_owned(), peer.name.into_owned()))
}

fn client(pairs: &[(&'static str, &'static str)]) -> Option<(PeerKind, String, String)> {
    peer(SpanKind::Client, pairs)
}

/// Protocol, method and route.
fn spoken(pairs: &[(&'static str, &'static str)]) -> (Protocol, String, String) {
    let attributes = attributes(pairs);
    let meaning = interpret(SpanKind::Server, SpanStatus::Unset, &attributes, false, 512);
    (meaning.protocol, meaning.method.into_owned(), meaning.route.into_owned())
}

#[expect(clippy::unnecessary_wraps, reason = "it is compared with what may be none")]
fn is(kind: PeerKind, system: &str, name: &str) -> Option<(PeerKind, String, String)> {
    Some((kind, system.to_owned(), name.to_owned()))
}

#[test]
fn the_http_status_decides_about_failure_where_there_is_one() {
    use SpanKind::{Client, Server};
    use SpanStatus::{Error, Ok, Unset};
    assert_eq!(failure(Server, Unset, &[("http.response.status_code", "500")]), (true, false));
    assert_eq!(failure(Server, Ok, &[("http.status_code", "503")]), (true, false));
    assert_eq!(failure(Client, Error, &[("http.response.status_code", "404")]), (false, false));
    assert_eq!(failure(Client, Error, &[("http.status_code", "429"), ("error", "true")]), (false, false));
    assert_eq!(failure(Client, Error, &[("http.response.status_code", "200")]), (true, false));
    assert_eq!(failure(Client, Error, &[]), (true, false));
    assert_eq!(failure(Client, Unset, &[]), (false, false));
    assert_eq!(failure(Client, Unset, &[("http.status_code", "not a number")]), (false, false));
}

#[test]
fn an_envoy_attempt_without_an_answer_failed() {
    let attempt =
        [("http.status_code", "0"), ("error", "true"), ("component", "proxy"), ("response_flags", "-")];
    assert_eq!(failure(SpanKind::Client, SpanStatus::Unset, &attempt), (true, false));
    let attributes = attributes(&attempt);
    let meaning = interpret(SpanKind::Client, SpanStatus::Unset, &attributes, false, 512);
    assert!(meaning.is_proxy);
    assert_eq!(meaning.http_status, 0);
}

#[test]
fn time_outs_are_known_by_any_of_their_signs() {
    use SpanKind::Client;
    use SpanStatus::{Error, Unset};
    let timeout = (true, true);
    assert_eq!(failure(Client, Unset, &[("http.status_code", "504"), ("response_flags", "UT")]), timeout);
    assert_eq!(failure(Client, Unset, &[("http.response.status_code", "504")]), timeout);
    assert_eq!(failure(Client, Error, &[("response_flags", "UF,SI")]), timeout);
    assert_eq!(failure(Client, Error, &[("rpc.grpc.status_code", "4")]), timeout);
    assert_eq!(failure(Client, Error, &[("rpc.status_code", "DEADLINE_EXCEEDED")]), timeout);
    assert_eq!(failure(Client, Error, &[("error.type", "java.net.SocketTimeoutException")]), timeout);
    assert_eq!(failure(Client, Error, &[("error.type", "deadline_exceeded")]), timeout);
    assert_eq!(failure(Client, Error, &[("error.type", "ConnectionRefused")]), (true, false));
    assert_eq!(failure(Client, Error, &[("response_flags", "UPE")]), (true, false));
    assert_eq!(failure(Client, Unset, &[("error.type", "timeout")]), (false, false));
}

#[test]
fn the_most_telling_name_of_a_peer_wins() {
    let all = [
        ("service.peer.name", "ledger"),
        ("peer.service", "old"),
        ("db.system.name", "postgresql"),
        ("server.address", "db.internal"),
    ];
    assert_eq!(client(&all), is(PeerKind::Service, "", "ledger"));
    assert_eq!(client(&all[1..]), is(PeerKind::Service, "", "old"));
    assert_eq!(client(&all[2..]), is(PeerKind::Database, "postgresql", "db.internal"));
    assert_eq!(client(&all[3..]), is(PeerKind::Host, "", "db.internal"));
    assert_eq!(client(&[]), None);
}

#[test]
fn databases_by_new_and_old_names() {
    let database = |name| is(PeerKind::Database, "mysql", name);
    assert_eq!(client(&[("db.system.name", "mysql"), ("db.namespace", "shop")]), database("shop"));
    assert_eq!(client(&[("db.system", "mysql"), ("db.name", "shop")]), database("shop"));
    assert_eq!(client(&[("db.system", "mysql"), ("net.peer.name", "db-1")]), database("db-1"));
    assert_eq!(client(&[("db.system", "mysql")]), database("mysql"));
    let redis = [("db.system.name", "redis"), ("db.namespace", "0"), ("server.address", "cache")];
    assert_eq!(client(&redis), is(PeerKind::Database, "redis", "cache"));
}

#[test]
fn queues_by_new_and_old_names() {
    let queue = is(PeerKind::Queue, "kafka", "orders");
    let new =
        [("messaging.system", "kafka"), ("messaging.destination.name", "orders"), ("server.address", "k1")];
    assert_eq!(peer(SpanKind::Producer, &new), queue);
    assert_eq!(peer(SpanKind::Consumer, &new), queue);
    let old = [("messaging.system", "kafka"), ("messaging.destination", "orders")];
    assert_eq!(peer(SpanKind::Producer, &old), queue);
    assert_eq!(
        peer(SpanKind::Producer, &[("messaging.system", "kafka")]),
        is(PeerKind::Queue, "kafka", "kafka")
    );
}

#[test]
fn hosts_by_address_service_or_url() {
    let host = |name| is(PeerKind::Host, "", name);
    assert_eq!(client(&[("server.address", "pay.example"), ("server.port", "443")]), host("pay.example"));
    assert_eq!(client(&[("net.peer.name", "127.0.0.1"), ("net.peer.port", "90")]), host("127.0.0.1:90"));
    assert_eq!(
        client(&[("rpc.service", "shop.Pay"), ("network.peer.address", "10.0.0.1")]),
        host("shop.Pay")
    );
    assert_eq!(client(&[("url.full", "https://pay.example/x?y")]), host("pay.example"));
    assert_eq!(client(&[("http.url", "http://localhost:8080/x")]), host("localhost:8080"));
    assert_eq!(
        client(&[("network.peer.address", "10.0.0.1"), ("network.peer.port", "1")]),
        host("10.0.0.1:1")
    );
}

#[test]
fn a_server_and_a_proxy_name_no_address() {
    assert_eq!(peer(SpanKind::Server, &[("server.address", "orders"), ("peer.service", "x")]), None);
    assert_eq!(peer(SpanKind::Internal, &[("db.system", "mysql")]), None);
    assert_eq!(client(&[("component", "proxy"), ("http.url", "http://orders/x")]), None);
}

#[test]
fn protocols_methods_and_routes() {
    let is = |protocol, method: &str, route: &str| (protocol, method.to_owned(), route.to_owned());
    assert_eq!(
        spoken(&[("http.request.method", "GET"), ("http.route", "/orders/{id}"), ("url.path", "/orders/7")]),
        is(Protocol::Http, "GET", "/orders/{id}")
    );
    assert_eq!(
        spoken(&[("http.method", "PUT"), ("http.url", "http://x/7")]),
        is(Protocol::Http, "PUT", "/{id}")
    );
    assert_eq!(
        spoken(&[("rpc.system", "grpc"), ("rpc.service", "shop.Pay"), ("rpc.method", "Charge")]),
        is(Protocol::Grpc, "shop.Pay/Charge", "")
    );
    assert_eq!(
        spoken(&[("rpc.system.name", "grpc"), ("rpc.method", "shop.Pay/Charge")]),
        is(Protocol::Grpc, "shop.Pay/Charge", "")
    );
    assert_eq!(
        spoken(&[("http.method", "POST"), ("grpc.path", "/shop.Pay/Charge"), ("grpc.status_code", "0")]),
        is(Protocol::Grpc, "shop.Pay/Charge", "")
    );
    assert_eq!(spoken(&[("rpc.system", "jsonrpc"), ("rpc.method", "add")]), is(Protocol::Rpc, "add", ""));
    assert_eq!(
        spoken(&[("db.system", "elasticsearch"), ("http.method", "POST")]),
        is(Protocol::Database, "POST", "")
    );
    assert_eq!(spoken(&[("messaging.system", "kafka")]), is(Protocol::Messaging, "", ""));
    assert_eq!(spoken(&[]), is(Protocol::Unknown, "", ""));
}

#[test]
fn names_are_cut() {
    let long: &'static str = "x".repeat(1000).leak();
    let attributes = attributes(&[("http.route", long), ("peer.service", long), ("http.method", long)]);
    let meaning = interpret(SpanKind::Client, SpanStatus::Unset, &attributes, false, 100);
    assert!(meaning.route.len() < 150);
    assert!(meaning.method.len() < 150);
    assert!(meaning.peer.unwrap().name.len() < 150);
}

#[test]
fn what_the_graph_reads_is_known() {
    assert!(is_known("db.name"));
    assert!(is_known("upstream_cluster"));
    assert!(!is_known("http.request.header.x-tenant"));
}

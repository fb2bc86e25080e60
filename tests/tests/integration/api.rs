//! The API and the pages as a browser or a script meets them.

use futures::{Stream, StreamExt as _};
use serde_json::Value;
use sidecarta_queries::api::error::ErrorResponse;
use sidecarta_queries::api::graph::GraphResponse;
use sidecarta_queries::api::live::{GRAPH_EVENT, STATUS_EVENT};
use sidecarta_queries::api::services::{ServiceResponse, ServicesResponse};
use sidecarta_queries::api::status::StatusResponse;
use sidecarta_tests::harness::{
    Answer, Encoding, GrpcSender, JSON, Server, client, eventually, request_of, shop_call,
};

/// Sends calls from `shop` to `stock`, one for each of these traces.
async fn send_calls(server: &Server, traces: std::ops::Range<u128>) {
    let mut sender = GrpcSender::connect(server.addresses().otlp_grpc, Encoding::Gzip).await.unwrap();
    sender.send(request_of(traces.flat_map(shop_call).collect())).await.unwrap();
}

#[tokio::test]
async fn every_address_of_the_description_answers() {
    let server = Server::start().await;
    send_calls(&server, 1..6).await;
    eventually("the graph shows the calls", async || {
        (server.graph("").await.edges.first()?.requests == 5).then_some(())
    })
    .await;

    let description: Value = server.get("/api/v1/openapi.json").await.json();
    let asked =
        description["paths"].as_object().unwrap().iter().filter(|(_, methods)| methods.get("get").is_some());
    let paths: Vec<&String> = asked.map(|(path, _)| path).collect();
    for expected in ["/graph", "/services", "/services/{name}", "/sources", "/status"] {
        assert!(paths.iter().any(|path| path.ends_with(expected)), "{expected} is not among {paths:?}");
    }
    for path in paths {
        let ends = match path.rsplit('/').next() {
            Some("statistics") => "?source=service:shop&target=service:stock",
            Some("identity") => "?name=stock",
            Some("series") => "?service=stock",
            Some("canary") => "?service=stock&baseline=v1&candidate=v2",
            _ => "",
        };
        let address = path
            .replace("{name}", "stock")
            .replace("{id}", "5759e988bd862e3fe1be46a994272793")
            .replace("{at}", "2026-12-01T00:00:00Z");
        let answer = server.get(&format!("{address}{ends}")).await;
        // No proxy is asked here, and no trace or watch has this id.
        let status = if path.contains("/{id}") { 404 } else { 200 };
        assert_eq!((answer.status.as_u16(), answer.header("content-type")), (status, JSON), "{path}");
    }
    let services = server.get("/api/v1/services").await.json::<ServicesResponse>().services;
    let rows: Vec<_> =
        services.iter().map(|row| (row.name.as_str(), row.requests, row.callers, row.callees)).collect();
    assert_eq!(rows, [("shop", 0, 0, 1), ("stock", 5, 1, 0)]);
    let stock = server.get("/api/v1/services/stock").await.json::<ServiceResponse>().service;
    assert_eq!((stock.callers.len(), stock.callees.len(), stock.callers[0].requests), (1, 0, 5));
    assert_eq!(stock.callers[0].source, "service:shop");

    for path in ["/healthz", "/readyz"] {
        assert_eq!(server.get(path).await.status, 200, "{path}");
    }
    let metrics = server.get("/metrics").await.text();
    assert!(metrics.contains("sidecarta_source_accepted_total{kind=\"otlp_grpc\""), "{metrics}");
}

#[tokio::test]
async fn every_failure_has_the_one_shape() {
    let server = Server::start().await;
    let huge_name = format!("/api/v1/identity?name={}", "x".repeat(5_000));
    let cases = [
        ("/api/v1/graph?from=yesterday", 400, "bad_time"),
        ("/api/v1/graph?from=-5x", 400, "bad_time"),
        ("/api/v1/graph?from=now&to=-5m", 400, "bad_time_range"),
        ("/api/v1/graph?from=-99999d", 400, ""),
        ("/api/v1/graph?group=colour", 400, "bad_group"),
        ("/api/v1/graph?min_rate=-1", 400, "bad_min_rate"),
        ("/api/v1/graph?min_rate=many", 400, "bad_parameter"),
        ("/api/v1/graph?depth=-1", 400, "bad_parameter"),
        ("/api/v1/services?from=soon", 400, "bad_time"),
        ("/api/v1/live?from=soon", 400, "bad_time"),
        ("/api/v1/traces/53995c3f42cd8ad8", 400, "bad_trace_id"),
        ("/api/v1/traces/53995c3f42cd8ad8/otlp", 400, "bad_trace_id"),
        ("/api/v1/traces/5759e988bd862e3fe1be46a994272793", 404, "trace_not_found"),
        ("/api/v1/identity", 400, "bad_name"),
        ("/api/v1/identity?name=", 400, "bad_name"),
        ("/api/v1/identity?name=a&kind=colour", 400, "bad_kind"),
        ("/api/v1/identity?name=a&from=soon", 400, "bad_time"),
        (&huge_name, 400, "bad_name"),
        ("/api/v1/services/nobody", 404, "not_found"),
        ("/api/v1/nothing", 404, "not_found"),
        ("/api/v1/", 404, "not_found"),
        ("/api/v2/graph", 404, "not_found"),
        ("/no-such-file.js", 404, "not_found"),
    ];
    let mut wrong = Vec::new();
    for (path, status, code) in cases {
        let answer = server.get(path).await;
        let error = serde_json::from_slice::<ErrorResponse>(&answer.body);
        let is_right = answer.status == status
            && answer.header("content-type") == JSON
            && error.as_ref().is_ok_and(|response| {
                let error = &response.error;
                (code.is_empty() || error.code == code) && !error.code.is_empty() && !error.message.is_empty()
            });
        if !is_right {
            wrong.push(format!("{path}: {} {}", answer.status, answer.text()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    for path in ["/api/v1/graph", "/api/v1/status", "/api/v1/live"] {
        let answer = Answer::to(client().post(server.url(path)).body("{}")).await.unwrap();
        assert_eq!(answer.status, 405, "{path}");
        assert_eq!(answer.json::<ErrorResponse>().error.code, "method_not_allowed", "{path}");
    }
}

/// The events of a stream, each with its name and data.
fn events(answer: reqwest::Response) -> impl Stream<Item = (String, String)> {
    let chunks = answer.bytes_stream().map(|chunk| chunk.expect("the stream goes on").to_vec());
    chunks
        .scan(Vec::new(), |rest, chunk| {
            rest.extend(chunk);
            let mut whole = Vec::new();
            while let Some(end) = rest.windows(2).position(|pair| pair == b"\n\n") {
                let event: Vec<u8> = rest.drain(..end + 2).collect();
                whole.push(String::from_utf8(event).expect("text"));
            }
            std::future::ready(Some(futures::stream::iter(whole)))
        })
        .flatten()
        .filter_map(|event| {
            let field = |name: &str| {
                event.lines().find_map(|line| line.strip_prefix(name)).map(|text| text.trim().to_owned())
            };
            std::future::ready(field("event:").zip(field("data:")))
        })
}

/// Reads on until an event of this name has data that `wanted` takes.
async fn next<T>(
    events: &mut (impl Stream<Item = (String, String)> + Unpin),
    name: &str,
    mut wanted: impl FnMut(&str) -> Option<T>,
) -> T {
    let found = async {
        loop {
            let (event, data) = events.next().await.expect("the stream goes on");
            if let Some(found) = Some(data).filter(|_| event == name).and_then(|data| wanted(&data)) {
                return found;
            }
        }
    };
    let limit = std::time::Duration::from_mins(1);
    tokio::time::timeout(limit, found).await.unwrap_or_else(|_| panic!("no such event `{name}` came"))
}

#[tokio::test]
async fn the_live_stream_moves_as_the_traffic_moves() {
    let mut server = Server::start().await;
    let answer = client().get(server.url("/api/v1/live?from=-5m")).send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    let mut events = Box::pin(events(answer));
    let requests = |data: &str| -> u64 {
        let graph = serde_json::from_str::<GraphResponse>(data).unwrap().graph;
        graph.edges.first().map_or(0, |edge| edge.requests)
    };
    assert_eq!(next(&mut events, GRAPH_EVENT, |data| Some(requests(data))).await, 0);
    send_calls(&server, 1..4).await;
    next(&mut events, GRAPH_EVENT, |data| (requests(data) == 3).then_some(())).await;
    send_calls(&server, 4..11).await;
    next(&mut events, GRAPH_EVENT, |data| (requests(data) == 10).then_some(())).await;
    next(&mut events, STATUS_EVENT, |data| {
        let status = serde_json::from_str::<StatusResponse>(data).unwrap().status;
        (status.spans == 20).then_some(())
    })
    .await;
    // A browser that listens does not keep the server from ending.
    server.stop().await;
    assert!(
        tokio::time::timeout(std::time::Duration::from_mins(1), events.collect::<Vec<_>>()).await.is_ok()
    );
}

#[tokio::test]
async fn pages_come_from_the_binary_and_load_nothing_from_elsewhere() {
    let server = Server::start().await;
    let index = server.get("/").await;
    assert_eq!((index.status.as_u16(), index.header("content-type")), (200, "text/html; charset=utf-8"));
    for page in ["/services", "/services/orders", "/sources", "/traces/0123"] {
        let answer = server.get(page).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.body),
            (200, &index.body),
            "{page} is a link into the dashboard"
        );
    }
    for path in ["/", "/services", "/api/v1/status", "/api/v1/nothing", "/healthz"] {
        let answer = server.get(path).await;
        let policy = answer.header("content-security-policy");
        assert!(
            policy.contains("default-src 'self'") && policy.contains("frame-ancestors 'none'"),
            "{path}: {policy}"
        );
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "same-origin", "{path}");
        assert!(!answer.headers.contains_key("access-control-allow-origin"), "{path}");
    }
    let text = index.text();
    let files: Vec<&str> = text
        .split(['"', '\''])
        .filter(|part| part.starts_with('/') && part.rsplit('/').next().unwrap_or_default().contains('.'))
        .collect();
    assert!(!files.is_empty(), "the page names its files: {text}");
    for file in files {
        assert_eq!(server.get(file).await.status, 200, "{file}");
    }
    assert!(!text.contains("http://") && !text.contains("https://"), "the page names another host: {text}");
}

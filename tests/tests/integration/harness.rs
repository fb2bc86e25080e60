//! The harness itself: what it starts is real, and what it ends is gone.

use sidecarta_tests::harness::{
    Encoding, GrpcSender, JSON, PROTOBUF, Server, ServerOptions, client, eventually, post_traces, request_of,
    shop_call, with_encoding,
};
use tokio::net::TcpStream;

#[tokio::test]
async fn a_server_keeps_its_data_from_start_to_start() {
    let mut server = ServerOptions::default().set("store.move_after_s", 1).start().await;
    let first = server.addresses();
    let mut sender = GrpcSender::connect(first.otlp_grpc, Encoding::Identity).await.unwrap();
    sender.send(request_of(shop_call(1).to_vec())).await.unwrap();
    server.eventually_holds(2).await;

    server.restart().await;
    server.eventually_holds(2).await;
    assert!(TcpStream::connect(first.http).await.is_err(), "the first process is gone");

    server.kill().await;
    server.restart().await;
    server.eventually_holds(2).await;
    let graph = server.graph("from=-5m").await;
    let ids: Vec<&str> = graph.edges.iter().map(|edge| edge.id.as_str()).collect();
    assert_eq!(ids, ["service:shop→service:stock"]);
    assert!(server.log().contains("ready"), "{}", server.log());
}

#[tokio::test]
async fn a_dropped_server_is_gone_with_its_folder() {
    let server = Server::start().await;
    let (http, data) = (server.addresses().http, server.data());
    assert!(data.join("addresses.json").exists());
    drop(server);
    eventually("nobody listens any more", async || TcpStream::connect(http).await.is_err().then_some(()))
        .await;
    assert!(!data.exists());
}

#[tokio::test]
async fn every_way_of_sending_arrives() {
    let server = Server::start().await;
    for (trace, encoding) in [Encoding::Identity, Encoding::Gzip, Encoding::Zstd].into_iter().enumerate() {
        let mut sender = GrpcSender::connect(server.addresses().otlp_grpc, encoding).await.unwrap();
        let answer = sender.send(request_of(shop_call(1 + trace as u128).to_vec())).await.unwrap();
        assert_eq!(answer.partial_success, None);
    }
    let url = server.otlp_url("/v1/traces");
    let request = request_of(shop_call(9).to_vec());
    let bodies =
        [(PROTOBUF, prost::Message::encode_to_vec(&request)), (JSON, serde_json::to_vec(&request).unwrap())];
    for (content_type, body) in bodies {
        for encoding in [Encoding::Identity, Encoding::Gzip, Encoding::Zstd, Encoding::Deflate] {
            let body = with_encoding(encoding, &body);
            let answer = post_traces(&client(), &url, content_type, encoding, body).await.unwrap();
            assert_eq!(answer.status, 200, "{content_type} {encoding:?}: {}", answer.text());
            assert_eq!(answer.header("content-type"), content_type);
        }
    }
    server.eventually_holds(4 * 2).await;
    let sources: Vec<_> =
        server.sources().await.into_iter().map(|source| (source.kind, source.accepted)).collect();
    assert_eq!(sources, [("otlp_grpc".to_owned(), 6), ("otlp_http".to_owned(), 16)]);
}

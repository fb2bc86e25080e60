//! OTLP as the protocol's text has it, spoken to the real server: what is taken, what is refused, and in which words.

#[path = "otlp/bad_spans.rs"]
mod bad_spans;
#[path = "otlp/limits.rs"]
mod limits;
#[path = "otlp/refusals.rs"]
mod refusals;

use prost::Message;
use sidecarta_tests::harness::{
    Answer, Encoding, PROTOBUF, Server, client, post_traces, request_of, shop_call,
};

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, Message)]
struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<Detail>,
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, Message)]
struct Detail {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

const RETRY_INFO: &str = "type.googleapis.com/google.rpc.RetryInfo";

/// Posts plain protobuf.
async fn post(server: &Server, body: Vec<u8>) -> Answer {
    let url = server.otlp_url("/v1/traces");
    post_traces(&client(), &url, PROTOBUF, Encoding::Identity, body).await.unwrap()
}

/// Whatever was done to it, the server takes a good request of two spans.
async fn still_works(server: &Server, trace: u128) {
    let answer = post(server, request_of(shop_call(trace).to_vec()).encode_to_vec()).await;
    assert_eq!((answer.status.as_u16(), answer.text()), (200, String::new()));
}

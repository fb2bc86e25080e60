//! A service behind the proxy, whose answers are in the path, and a client.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::get;
use bytes::Bytes;
use http::Request;
use http_body_util::Empty;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::net::TcpListener;

/// Starts the service. `/status/{code}` answers with that status, `/hang` answers too late for anybody.
pub(crate) async fn start() -> SocketAddr {
    let status = async |Path(code): Path<u16>| StatusCode::from_u16(code).unwrap_or(StatusCode::BAD_REQUEST);
    let hang = async || tokio::time::sleep(Duration::from_hours(1)).await;
    let router = Router::new()
        .route("/status/{code}", get(status))
        .route("/retry/status/{code}", get(status))
        .route("/hang", get(hang));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// An address where nobody listens.
pub(crate) async fn nobody() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    listener.local_addr().expect("an address")
}

/// Sends a request some times, one after another, and gives the last status.
pub(crate) async fn send(address: SocketAddr, path: &str, times: u32) -> u16 {
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let mut status = 0;
    for _ in 0..times {
        let request = Request::get(format!("http://{address}{path}")).body(Empty::new()).expect("a request");
        status = client.request(request).await.expect("an answer").status().as_u16();
    }
    status
}

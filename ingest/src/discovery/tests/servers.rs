use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::addresses;
use crate::discovery::{DiscoveryConfig, HttpConfig, HttpServer, spawn};
use crate::status::SourceBook;
use sidecarta_queries::api::sources::SourceState;

const JSON: &str = "application/json; charset=utf-8";
const GOOD: &str = r#"[{"targets": ["a:1", "b:2"], "labels": {"service": "orders"}}]"#;

/// A server whose answer can be changed.
#[derive(Clone)]
struct Server {
    answer: Arc<Mutex<(StatusCode, &'static str, String)>>,
    url: String,
}

impl Server {
    async fn start() -> Self {
        let answer = Arc::new(Mutex::new((StatusCode::OK, JSON, GOOD.to_owned())));
        let given = Arc::clone(&answer);
        let answering = async move |headers: HeaderMap| -> Response {
            assert_eq!(headers["x-prometheus-refresh-interval-seconds"], "60");
            let (status, content_type, body) = given.lock().expect("an answer").clone();
            let headers = [(header::CONTENT_TYPE, content_type), (header::LOCATION, "http://elsewhere/")];
            (status, headers, body).into_response()
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/targets", listener.local_addr().expect("an address"));
        let router = Router::new().route("/targets", get(answering));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { answer, url }
    }

    fn answers(&self, status: StatusCode, content_type: &'static str, body: &str) {
        *self.answer.lock().expect("an answer") = (status, content_type, body.to_owned());
    }

    fn config(&self) -> HttpConfig {
        HttpConfig { url: self.url.clone(), max_body_bytes: 1_000, ..HttpConfig::default() }
    }
}

#[tokio::test]
async fn a_failing_server_keeps_its_last_good_list_and_says_so() {
    let server = Server::start().await;
    let mut client = HttpServer::new(&server.config(), 10).expect("a URL");
    let good = Some(vec!["a:1".to_owned(), "b:2".to_owned()]);
    assert_eq!(addresses(&client.look().await), good);
    for (status, content_type, body, expected) in [
        (StatusCode::INTERNAL_SERVER_ERROR, JSON, GOOD, "status 500"),
        (StatusCode::FOUND, JSON, "", "redirect to `http://elsewhere/`, which is not followed"),
        (StatusCode::OK, "text/html", "<html>", "content type `text/html`"),
        (StatusCode::OK, JSON, "{\"targets\": []}", "not a JSON list"),
        (StatusCode::OK, JSON, &" ".repeat(1_001), "larger than 1000 bytes"),
    ] {
        server.answers(status, content_type, body);
        let found = client.look().await;
        assert_eq!(addresses(&found), None);
        let reason = &found.failures[0];
        assert!(
            reason.contains(expected) && reason.contains("; its last good list stays in use; see that"),
            "{reason}"
        );
    }
    server.answers(StatusCode::OK, JSON, r#"[{"targets": ["b:2", "c"]}]"#);
    let found = client.look().await;
    assert_eq!((addresses(&found), found.refused_count), (Some(vec!["b:2".to_owned()]), 1));
}

#[tokio::test]
async fn the_sources_page_says_what_was_tried() {
    let server = Server::start().await;
    let dead = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let dead_url = format!("http://{}/", dead.local_addr().expect("an address"));
    drop(dead);
    let config = DiscoveryConfig {
        http: vec![server.config(), HttpConfig { url: dead_url.clone(), ..HttpConfig::default() }],
        ..DiscoveryConfig::default()
    };
    let (book, tasks, shutdown) = (SourceBook::default(), TaskTracker::new(), CancellationToken::new());
    let mut lists = spawn(&config, &book, &tasks, &shutdown).expect("a good configuration");
    assert_eq!(book.list().len(), 2, "each has a line from the start");
    lists[0].changed().await.expect("a list");
    assert_eq!(lists[0].borrow().len(), 2);
    let line = |name: &str| book.list().into_iter().find(|line| line.name == name).expect("a line");
    let answering = line(&format!("http {}", server.url));
    assert_eq!((answering.kind.as_str(), answering.state), ("discovery", SourceState::Ok));
    assert_eq!(answering.detail.as_deref(), Some("2 targets from the server"));
    let dead = format!("http {dead_url}");
    while line(&dead).state != SourceState::Failing {
        tokio::task::yield_now().await;
    }
    let reason = line(&dead).last_error.expect("a reason");
    assert!(
        reason.starts_with("cannot connect: ")
            && reason.contains("; no earlier list of it is known; see that"),
        "{reason}"
    );
    shutdown.cancel();
    tasks.close();
    tasks.wait().await;
}

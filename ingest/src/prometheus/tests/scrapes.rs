//! Targets that answer, and targets that do anything else.

use std::collections::BTreeMap;
use std::io::Write;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::discovery::FileConfig;
use crate::http_get::GetError;
use crate::pipeline::{Pipeline, PipelineOptions};
use crate::status::SourceBook;

const DELIMITED: &str =
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";

/// Serves until the test ends, and gives `host:port`.
async fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// Answers every connection with the same bytes, and then closes it or holds it open.
async fn answer_raw(bytes: Vec<u8>, close: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 1_024];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(&bytes).await;
            if !close {
                open.push(stream);
            }
        }
    });
    address
}

fn target(
    address: &str,
    labels: &[(&str, &str)],
    config: &PrometheusConfig,
) -> Result<Target, UnusableTarget> {
    let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Target::new(DiscoveredTarget::new(address, &labels, "test").expect("a target"), config.limits())
}

async fn scrape(address: &str, config: &PrometheusConfig) -> Result<Scraped, ScrapeError> {
    target(address, &[], config).expect("usable").scrape().await
}

fn negotiated(headers: &HeaderMap) -> (&'static str, Bytes) {
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    if accept.contains("encoding=delimited") {
        (DELIMITED, Bytes::from_static(PROTOBUF))
    } else {
        ("text/plain; charset=UTF-8", Bytes::from_static(TEXT))
    }
}

#[tokio::test]
async fn a_target_is_asked_for_what_is_cheapest_to_read() {
    let router = Router::new()
        .route(
            "/metrics",
            get(async |headers: HeaderMap| {
                let (content_type, body) = negotiated(&headers);
                ([(header::CONTENT_TYPE, content_type)], body)
            }),
        )
        .route(
            "/packed",
            get(async || {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                encoder.write_all(TEXT).expect("packing");
                ([(header::CONTENT_ENCODING, "gzip")], encoder.finish().expect("packing"))
            }),
        );
    let address = serve(router).await;
    let config = PrometheusConfig::default();
    let scraped = scrape(&address, &config).await.expect("an answer");
    assert_eq!(scraped.format, Format::Protobuf);
    assert!(scraped.series > 2_000 && scraped.rejects == Rejects::default(), "{}", scraped.detail);

    let packed = target(&address, &[("__metrics_path__", "/packed")], &config).expect("usable");
    let packed = packed.scrape().await.expect("an answer");
    assert_eq!((packed.format, packed.counters.len()), (Format::Text, scraped.counters.len()));
    let requests =
        |scraped: &Scraped| -> Vec<_> { scraped.counters.iter().map(|counter| counter.counts).collect() };
    assert_eq!(requests(&packed), requests(&scraped));
}

#[tokio::test]
async fn what_is_asked_for_is_what_the_labels_say() {
    let router = Router::new().fallback(async |request: Request| {
        let asked = request.uri().to_string();
        format!("# TYPE RequestCount counter\nRequestCount{{Mesh=\"m\",VirtualNode=\"{asked}\"}} 1\n")
    });
    let address = serve(router).await;
    let labels = [("__metrics_path__", "/stats/prometheus"), ("__param_filter", "metrics_extension")];
    let agent = target(&address, &labels, &PrometheusConfig::default()).expect("usable");
    let scraped = agent.scrape().await.expect("an answer");
    let asked = &scraped.counters[0].edge.target.name;
    assert_eq!(asked, "/stats/prometheus?filter=metrics_extension");
}

#[test]
fn counts_that_are_not_cumulative_are_refused_before_they_are_asked_for() {
    let config = PrometheusConfig::default();
    let delta = target("a:9902", &[("__param_delta", "")], &config).expect_err("delta");
    assert!(delta.to_string().contains("ask without `delta`"), "{delta}");
    let summary =
        target("a:9902", &[("__param_histogram_buckets", "summary")], &config).expect_err("summary");
    assert!(summary.to_string().contains("last flush"), "{summary}");
}

#[tokio::test]
async fn answers_that_are_none_are_told_in_words() {
    let router = Router::new()
        .route("/moved", get(async || (StatusCode::FOUND, [(header::LOCATION, "http://elsewhere/")], "")))
        .route("/gone", get(async || StatusCode::NOT_FOUND))
        .route("/page", get(async || ([(header::CONTENT_TYPE, "text/html")], "<html>")))
        .route("/hidden_page", get(async || "<!doctype html>"))
        .route("/json", get(async || ([(header::CONTENT_TYPE, "application/json")], "{}")))
        .route("/words", get(async || "this is\nnot it\n"))
        .route("/packed", get(async || ([(header::CONTENT_ENCODING, "br")], "x")))
        .route(
            "/huge",
            get(async || {
                // 100 MB, of which nothing more is read than the limit.
                let chunk = Bytes::from(vec![b'a'; 1 << 20]);
                let chunks =
                    futures::stream::iter((0..100).map(move |_| Ok::<_, std::io::Error>(chunk.clone())));
                axum::body::Body::from_stream(chunks).into_response()
            }),
        );
    let address = serve(router).await;
    let config = PrometheusConfig { max_body_bytes: 1 << 20, ..PrometheusConfig::default() };
    for (path, expected) in [
        ("/moved", "redirect to `http://elsewhere/`"),
        ("/gone", "status 404"),
        ("/page", "web page"),
        ("/hidden_page", "web page"),
        ("/json", "content type `application/json`"),
        ("/words", "nothing in the answer is a metric"),
        ("/packed", "packed as `br`"),
        ("/huge", "larger than 1048576 bytes"),
    ] {
        let target = target(&address, &[("__metrics_path__", path)], &config).expect("usable");
        let error = target.scrape().await.expect_err(path).to_string();
        assert!(error.contains(expected), "{path}: {error}");
    }
}

#[tokio::test]
async fn answers_that_break_off_or_never_end_are_told_apart() {
    let config = PrometheusConfig::default();
    let cut = answer_raw(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\na 1\n".to_vec(), true).await;
    assert!(matches!(scrape(&cut, &config).await, Err(ScrapeError::Get(GetError::Cut))));
    let impatient = PrometheusConfig { timeout_ms: 50, ..PrometheusConfig::default() };
    let silent = answer_raw(Vec::new(), false).await;
    assert!(matches!(scrape(&silent, &impatient).await, Err(ScrapeError::Get(GetError::TimedOut { .. }))));
    let foreign = answer_raw(b"SSH-2.0-OpenSSH_9.9\r\n".to_vec(), true).await;
    assert!(matches!(scrape(&foreign, &config).await, Err(ScrapeError::Get(GetError::Http(_)))));
}

#[tokio::test]
async fn hanging_targets_hold_up_no_other() {
    let config = PrometheusConfig { max_concurrent: 1, ..PrometheusConfig::default() };
    let limits = config.limits();
    let silent = answer_raw(Vec::new(), false).await;
    let live = serve(Router::new().route("/metrics", get(async || "a 1\n"))).await;
    let of = |address: &str| {
        let target = DiscoveredTarget::new(address, &BTreeMap::new(), "test").expect("a target");
        Target::new(target, limits.clone()).expect("usable")
    };
    let hanging = of(&silent);
    let live = of(&live);
    tokio::select! {
        biased;
        hung = hanging.scrape() => panic!("it answered: {hung:?}"),
        scraped = live.scrape() => assert_eq!(scraped.expect("an answer").series, 2),
    }
}

#[tokio::test]
async fn targets_come_and_go_with_their_file() {
    let router =
        Router::new().route("/metrics", get(async || ([(header::CONTENT_TYPE, DELIMITED)], PROTOBUF)));
    let address = serve(router).await;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("targets.json");
    let write = |text: String| {
        // Renamed into place, as it should be done.
        let new = folder.path().join("new");
        std::fs::write(&new, text).expect("a file");
        std::fs::rename(new, &path).expect("a file");
    };
    write(format!(r#"[{{"targets": ["{address}"], "labels": {{"service": "gateway", "version": "2"}}}}]"#));
    let file =
        FileConfig { paths: vec![path.display().to_string()], interval_ms: 5, ..FileConfig::default() };
    let config = PrometheusConfig {
        interval_ms: 5,
        discovery: DiscoveryConfig { file: vec![file], ..DiscoveryConfig::default() },
        ..PrometheusConfig::default()
    };
    let data = tempfile::tempdir().expect("a folder");
    let (pipeline, threads) = Pipeline::start(&PipelineOptions::in_dir(data.path())).expect("a pipeline");
    let (book, shutdown) = (SourceBook::default(), CancellationToken::new());
    let tasks = spawn(&config, &pipeline, &book, &shutdown).expect("a good configuration");
    let listed = || book.list().into_iter().find(|source| source.kind == "prometheus");
    while listed().is_none_or(|source| source.accepted == 0) {
        tokio::task::yield_now().await;
    }
    let name = listed().expect("a line").name;
    assert!(pipeline.cursor(&format!("prometheus:{name}")).is_some() || pipeline.counters().pending() > 0);

    write("[]".to_owned());
    // Scrapes go on until the file is read again, and then there are none: only the discovery is left.
    while listed().is_some() {
        tokio::task::yield_now().await;
    }
    assert_eq!(book.list().len(), 1);
    shutdown.cancel();
    tasks.wait().await;
    drop(pipeline);
    tokio::task::spawn_blocking(|| threads.join()).await.expect("the pipeline ends");
}

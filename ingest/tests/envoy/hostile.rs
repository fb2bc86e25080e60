//! Servers that are no Envoy, half an Envoy, or an old one. Each gets a sentence, and none holds up another.

use std::sync::{Arc, Mutex};

use sidecarta_ingest::envoy::EnvoyConfig;
use sidecarta_ingest::envoy::address::Address;
use sidecarta_ingest::envoy::delta::Baseline;
use sidecarta_ingest::envoy::error::ScrapeError;
use sidecarta_ingest::envoy::target::{ProxyIds, Target};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::{target, upstream};

const STARTED: &str =
    r#"{"configs":[{"@type":"x.BootstrapConfigDump","last_updated":"2026-11-23T08:36:50.961Z"}]}"#;
const SERVER_INFO: &str = include_str!("../../../tests/fixtures/envoy/server_info.json");
const CONFIG_DUMP: &str = include_str!("../../../tests/fixtures/envoy/config_dump.json");
const STATS: &str = include_str!("../../../tests/fixtures/envoy/stats.json");
const BOUNDS: &str = include_str!("../../../tests/fixtures/envoy/stats_hist_cumulative.json");

/// A server that answers every request line by `answer`, byte for byte, and closes where that says so.
struct Server {
    address: Address,
    requests: Arc<Mutex<Vec<String>>>,
}

#[derive(Clone)]
enum Answer {
    Bytes(Vec<u8>),
    BytesThenClose(Vec<u8>),
    Endless,
    /// So many megabytes, in chunks, without saying beforehand how many.
    Megabytes(usize),
    Nothing,
}

impl Server {
    async fn start(answer: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address =
            format!("http://{}", listener.local_addr().expect("an address")).parse().expect("an address");
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (answer, seen) = (Arc::new(answer), Arc::clone(&requests));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&answer), Arc::clone(&seen)));
            }
        });
        Self { address, requests }
    }

    /// The answer to everything.
    async fn saying(answer: &str) -> Self {
        let answer = answer.as_bytes().to_vec();
        Self::start(move |_| Answer::BytesThenClose(answer.clone())).await
    }

    /// A recorded Envoy, but for the pages whose request line contains `part`.
    async fn recorded_but(part: &'static str, answer: Answer) -> Self {
        Self::start(move |line| if line.contains(part) { answer.clone() } else { recorded(line) }).await
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("the list").clone()
    }
}

async fn serve(
    mut stream: TcpStream,
    answer: Arc<impl Fn(&str) -> Answer>,
    seen: Arc<Mutex<Vec<String>>>,
) -> Option<()> {
    let mut buffer = Vec::new();
    loop {
        while !buffer.ends_with(b"\r\n\r\n") {
            if stream.read_buf(&mut buffer).await.ok()? == 0 {
                return None;
            }
        }
        let line = String::from_utf8_lossy(&buffer).lines().next()?.to_owned();
        buffer.clear();
        seen.lock().ok()?.push(line.clone());
        match answer(&line) {
            Answer::Bytes(bytes) => stream.write_all(&bytes).await.ok()?,
            Answer::BytesThenClose(bytes) => {
                stream.write_all(&bytes).await.ok()?;
                return None;
            }
            Answer::Endless => {
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\n{").await.ok()?;
                for _ in 0..1024 {
                    stream.write_all(&vec![b' '; 1024 * 1024]).await.ok()?;
                }
            }
            Answer::Megabytes(count) => {
                stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await.ok()?;
                for _ in 0..count {
                    stream.write_all(b"100000\r\n").await.ok()?;
                    stream.write_all(&vec![b' '; 1 << 20]).await.ok()?;
                    stream.write_all(b"\r\n").await.ok()?;
                }
                stream.write_all(b"0\r\n\r\n").await.ok()?;
            }
            Answer::Nothing => std::future::pending().await,
        }
    }
}

fn ok(body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into()
}

/// An Envoy by its recorded answers.
fn recorded(line: &str) -> Answer {
    Answer::Bytes(ok(match line.split([' ', '?']).nth(1) {
        Some("/config_dump") if line.contains("mask=") => STARTED,
        Some("/config_dump") => CONFIG_DUMP,
        Some("/server_info") => SERVER_INFO,
        Some("/stats") => STATS,
        _ => "{}",
    }))
}

async fn error_of(address: &Address) -> ScrapeError {
    target(address).scrape(|_| None).await.expect_err("no scrape")
}

#[tokio::test]
async fn every_other_answer_is_an_error_in_words() {
    let json = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
    let cases = [
        (
            "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n<!doctype html><title>Hello".to_owned(),
            "web page (HTML)",
        ),
        ("HTTP/1.1 200 OK\r\n\r\n  <html>".to_owned(), "web page (HTML)"),
        ("HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n".to_owned(), "status 500"),
        (
            "HTTP/1.1 302 Found\r\nlocation: /quitquitquit\r\ncontent-length: 0\r\n\r\n".to_owned(),
            "status 302",
        ),
        ("HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n".to_owned(), "status 401"),
        (format!("{json}content-length: 5000\r\n\r\n{{\"configs\":["), "broke off"),
        (format!("{json}transfer-encoding: chunked\r\n\r\n5\r\n{{\"con"), "broke off"),
        (format!("{json}connection: close\r\n\r\n{{\"configs\":["), "broke off"),
        (format!("{json}connection: close\r\n\r\n"), "broke off"),
        (format!("{json}content-length: 2\r\n\r\n{{}}"), "not what an Envoy gives"),
        (format!("{json}content-length: 14\r\n\r\n{{\"configs\":[]}}"), "not an Envoy"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\npong".to_owned(), "not what an Envoy gives"),
        ("SSH-2.0-OpenSSH_9.9\r\n".to_owned(), "no answer"),
        (String::new(), "no answer"),
    ];
    for (answer, words) in cases {
        let server = Server::saying(&answer).await;
        let error = error_of(&server.address).await.to_string();
        assert!(error.contains(words), "{answer:?} gives: {error}");
        assert_eq!(server.requests().len(), 1, "{answer:?} is not followed by other questions");
    }
}

#[tokio::test]
async fn nobody_listens() {
    let address = format!("http://{}", upstream::nobody().await).parse().expect("an address");
    assert!(matches!(error_of(&address).await, ScrapeError::Connect(_)));
    let address = "unix:///nonexistent/admin.sock".parse().expect("an address");
    assert!(matches!(error_of(&address).await, ScrapeError::Connect(_)));
}

#[tokio::test]
async fn an_endless_body_is_read_up_to_the_limit() {
    let server = Server::start(|_| Answer::Endless).await;
    let limits = EnvoyConfig { max_body_bytes: 1 << 20, ..EnvoyConfig::default() }.limits();
    let error = Target::new(server.address.clone(), limits, ProxyIds::default()).scrape(|_| None).await;
    assert!(matches!(error.expect_err("too large"), ScrapeError::TooLarge { limit_bytes: 1_048_576, .. }));
}

#[tokio::test]
async fn a_hundred_megabytes_are_refused_and_the_rest_is_not_read() {
    let server = Server::recorded_but("/stats", Answer::Megabytes(100)).await;
    let error = error_of(&server.address).await;
    let limit_bytes = EnvoyConfig::default().max_body_bytes;
    assert!(limit_bytes < 100 << 20);
    assert!(
        matches!(error, ScrapeError::TooLarge { limit_bytes: limit, .. } if limit == limit_bytes),
        "{error}"
    );
}

#[tokio::test]
async fn a_length_that_lies_costs_the_scrape() {
    // Shorter than the body: what is left over is no answer to the next question.
    let shorter = |length: usize, body: &str| {
        format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}").into_bytes()
    };
    let server =
        Server::recorded_but("mask=", Answer::Bytes(shorter(STARTED.len(), &format!("{STARTED}{STARTED}"))))
            .await;
    let error = error_of(&server.address).await.to_string();
    assert!(error.contains("no answer") || error.contains("broke off"), "{error}");
    let server = Server::recorded_but("/stats", Answer::Bytes(shorter(1_000, STATS))).await;
    let error = error_of(&server.address).await.to_string();
    assert!(error.contains("broke off"), "{error}");
    // Longer than it: the connection ends before.
    let server =
        Server::recorded_but("/stats", Answer::BytesThenClose(shorter(STATS.len() + 1, STATS))).await;
    let error = error_of(&server.address).await.to_string();
    assert!(error.contains("broke off"), "{error}");
    // No number at all.
    let server = Server::saying("HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n{}").await;
    error_of(&server.address).await;
}

#[tokio::test]
async fn an_uptime_that_lies_does_not_stop_the_counting() {
    for uptime in ["-1e300s", "1e300s", "infs", "NaNs", "-5s"] {
        let info = SERVER_INFO.replace("\"19s\"", &format!("\"{uptime}\""));
        assert_ne!(info, SERVER_INFO);
        let server = Server::recorded_but("/server_info", Answer::Bytes(ok(&info))).await;
        let scraped = target(&server.address).scrape(|_| None).await.expect(uptime);
        assert!(scraped.series > 1_000, "{uptime}");
    }
}

#[tokio::test]
async fn counters_that_jump_are_told() {
    let jumped = STATS.replace(
        r#""cluster.orders_v1.upstream_rq_completed","value":181"#,
        r#""cluster.orders_v1.upstream_rq_completed","value":9000000000000000000"#,
    );
    assert_ne!(jumped, STATS);
    let asked = std::sync::atomic::AtomicUsize::new(0);
    let server = Server::start(move |line| {
        if !line.contains("histogram_buckets") {
            return recorded(line);
        }
        let is_first = asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0;
        Answer::Bytes(ok(if is_first { STATS } else { &jumped }))
    })
    .await;
    let mut target = target(&server.address);
    let first = target.scrape(|_| None).await.expect("a scrape");
    target.stored(first);
    let second = target.scrape(|_| None).await.expect("another scrape");
    assert!(second.scrape.deltas.is_empty(), "{:?}", second.scrape.deltas);
    assert!(second.detail.contains("1 of its counters jumped"), "{}", second.detail);
}

#[tokio::test]
async fn proxies_that_never_answer_time_out_and_hold_up_no_other() {
    let silent = Server::start(|_| Answer::Nothing).await;
    // The last byte of the answer never comes.
    let stops = Server::start(|_| Answer::Bytes(ok(STATS)[..STATS.len()].to_vec())).await;
    let answering = Server::start(recorded).await;
    // One answer at a time, and a limit that this test would not wait for.
    let patient = EnvoyConfig { max_concurrent: 1, timeout_ms: 3_600_000, ..EnvoyConfig::default() }.limits();
    let target = |server: &Server| Target::new(server.address.clone(), patient.clone(), ProxyIds::default());
    let (mut silent_target, mut stopping, mut works) = (target(&silent), target(&stops), target(&answering));
    let mut silent_scrape = Box::pin(silent_target.scrape(|_| None));
    let mut stopping_scrape = Box::pin(stopping.scrape(|_| None));
    let works = async {
        while silent.requests().is_empty() || stops.requests().is_empty() {
            tokio::task::yield_now().await;
        }
        works.scrape(|_| None).await
    };
    tokio::select! {
        _ = &mut silent_scrape => panic!("the silent proxy answered"),
        _ = &mut stopping_scrape => panic!("the proxy that stops in the middle answered"),
        scraped = works => { scraped.expect("the other proxy is scraped"); }
    }
    let impatient = EnvoyConfig { timeout_ms: 50, ..EnvoyConfig::default() }.limits();
    let error = Target::new(silent.address.clone(), impatient, ProxyIds::default()).scrape(|_| None).await;
    let error = error.expect_err("a time-out");
    assert_eq!(error.to_string(), "no whole answer to /config_dump within 0.05 s");
}

#[tokio::test]
async fn half_of_the_statistics_change_nothing() {
    let server = Server::recorded_but("/stats", Answer::BytesThenClose(ok(STATS)[..50_000].to_vec())).await;
    let error = error_of(&server.address).await.to_string();
    assert_eq!(error, "the answer to /stats broke off in the middle");
}

#[tokio::test]
async fn only_pages_that_change_nothing_are_asked_for() {
    let server = Server::start(recorded).await;
    let mut target = target(&server.address);
    let first = target.scrape(|_| None).await.expect("a scrape");
    assert_eq!(first.scrape.proxy.id, "lab-gateway-1");
    assert!(first.scrape.deltas.is_empty(), "it had been running before anybody looked");
    assert!(first.scrape.config.is_some());
    target.stored(first);
    target.scrape(|_| None).await.expect("another scrape");
    let pages: Vec<String> = server
        .requests()
        .iter()
        .map(|line| line.split(['?', ' ']).take(2).collect::<Vec<_>>().join(" "))
        .collect();
    let [process, stats] = ["GET /config_dump", "GET /stats"];
    let first = [process, "GET /server_info", stats, "GET /config_dump", stats];
    assert_eq!(pages, [&first[..], &[process, stats]].concat());
}

/// An Envoy that refuses these parameters of `/stats`, and knows the cumulative buckets else.
async fn old_envoy(refused: &'static [&'static str]) -> Server {
    let refusal = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n".to_vec();
    Server::start(move |line| {
        if refused.iter().any(|refused| line.contains(refused)) {
            return Answer::Bytes(refusal.clone());
        }
        if line.contains("histogram_buckets=cumulative") { Answer::Bytes(ok(BOUNDS)) } else { recorded(line) }
    })
    .await
}

#[tokio::test]
async fn an_old_envoy_is_asked_for_the_finest_bins_that_it_knows() {
    let cases: [(&[&str], usize, &str); 2] = [
        (&["histogram_buckets=detailed"], 1, "too old to give fine latency bins"),
        (&["histogram_buckets"], 2, "it adds no latency"),
    ];
    for (refused, refusals, words) in cases {
        let server = old_envoy(refused).await;
        let mut target = target(&server.address);
        let scraped = target.scrape(|_| None).await.expect("a scrape");
        assert!(scraped.detail.contains(words), "{}", scraped.detail);
        let baseline: Baseline = Baseline::unpack(&scraped.scrape.baseline).expect("a baseline");
        let has_latency = baseline.totals.counts.iter().any(|counts| !counts.latency.is_empty());
        assert_eq!(has_latency, refusals == 1);
        target.stored(scraped);
        target.scrape(|_| None).await.expect("another scrape");
        let asked_in_vain =
            server.requests().iter().filter(|line| refused.iter().any(|part| line.contains(part))).count();
        assert_eq!(asked_in_vain, refusals, "it is not asked again for what it does not know");
    }
}

#[tokio::test]
async fn counters_do_not_wait_for_a_configuration_that_cannot_be_read() {
    let nonsense = Answer::BytesThenClose(ok(r#"{"configs": 7}"#));
    let server = Server::recorded_but("/config_dump HTTP", nonsense).await;
    let scraped = target(&server.address).scrape(|_| None).await.expect("a scrape");
    assert!(scraped.scrape.config.is_none());
    assert!(scraped.detail.contains("its configuration cannot be read"), "{}", scraped.detail);
    assert!(scraped.series > 1_000);
}

#[tokio::test]
async fn proxies_with_one_node_id_are_kept_apart() {
    let (one, other) = (Server::start(recorded).await, Server::start(recorded).await);
    let limits = EnvoyConfig::default().limits();
    let ids = ProxyIds::default();
    let mut first = Target::new(one.address.clone(), limits.clone(), ids.clone());
    let mut second = Target::new(other.address.clone(), limits.clone(), ids);
    let first = first.scrape(|_| None).await.expect("a scrape");
    let second = second.scrape(|_| None).await.expect("a scrape");
    let apart = format!("lab-gateway-1@{}", other.address);
    assert_eq!(
        (first.scrape.proxy.id.as_str(), second.scrape.proxy.id.as_str()),
        ("lab-gateway-1", apart.as_str())
    );
    assert!(second.detail.contains("another proxy says the same node id"), "{}", second.detail);

    // After a restart it may come first, and still goes by the id that its counts are stored under.
    let stored = |id: &str| (id == apart).then(|| second.scrape.baseline.clone());
    let mut again = Target::new(other.address.clone(), limits, ProxyIds::default());
    assert_eq!(again.scrape(stored).await.expect("a scrape").scrape.proxy.id, apart);
}

#[tokio::test]
async fn a_proxy_without_a_node_id_goes_by_its_address() {
    let nameless = Answer::Bytes(ok(&SERVER_INFO.replace("lab-gateway-1", "")));
    let server = Server::recorded_but("/server_info", nameless).await;
    let scraped = target(&server.address).scrape(|_| None).await.expect("a scrape");
    assert_eq!(scraped.scrape.proxy.id, server.address.to_string());
}

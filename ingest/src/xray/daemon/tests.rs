//! The daemon on real sockets.

use std::time::Duration;

use serde_json::{Value, json};
use sidecarta_queries::api::sources::SourceStatus;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::*;
use crate::pipeline::{PipelineOptions, PipelineThreads};

const GATEWAY: &[u8] = include_bytes!("../../../../tests/fixtures/xray/gateway.good.bin");
const TRY: &[u8] = include_bytes!("../../../../tests/fixtures/xray/router_try.good.bin");

struct Running {
    address: SocketAddr,
    sources: SourceBook,
    pipeline: Pipeline,
    threads: PipelineThreads,
    tasks: TaskTracker,
    shutdown: CancellationToken,
    _dir: TempDir,
}

impl Running {
    async fn start(config: XrayConfig) -> Self {
        let dir = TempDir::new().unwrap();
        let options = PipelineOptions::in_dir(dir.path());
        let (pipeline, threads) =
            tokio::task::spawn_blocking(move || Pipeline::start(&options)).await.unwrap().unwrap();
        let daemon = Daemon::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let (address, sources, shutdown) =
            (daemon.address(), SourceBook::default(), CancellationToken::new());
        let tasks = daemon.spawn(&config, &pipeline, &sources, &shutdown);
        Self { address, sources, pipeline, threads, tasks, shutdown, _dir: dir }
    }

    async fn send(&self, datagrams: &[&[u8]]) {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        for datagram in datagrams {
            socket.send_to(datagram, self.address).await.unwrap();
        }
    }

    fn status(&self) -> SourceStatus {
        self.sources.list().remove(0)
    }

    /// Waits until the Sources page says what is expected.
    async fn until(&self, is_so: impl Fn(&SourceStatus) -> bool) -> SourceStatus {
        for _ in 0..1_000 {
            let status = self.status();
            if is_so(&status) {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{:?}", self.status());
    }

    async fn ask(&self, request: &str, body: &str) -> (String, Value) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let text = format!(
            "{request} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.take(1 << 20).read_to_end(&mut answer).await.unwrap();
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.lines().next().unwrap().to_owned(), serde_json::from_str(body).unwrap())
    }

    async fn stop(self) -> SourceStatus {
        let Self { sources, pipeline, threads, tasks, shutdown, _dir, .. } = self;
        shutdown.cancel();
        tasks.wait().await;
        drop(pipeline);
        tokio::task::spawn_blocking(|| threads.join()).await.unwrap();
        sources.list().remove(0)
    }
}

/// A datagram with a document that began at `now`, s since 1970.
fn datagram(now: i64, id: &str, rest: &str) -> Vec<u8> {
    let trace = format!("1-{now:08x}-000000000000000000000001");
    format!(
        "{{\"format\":\"json\",\"version\":1}}\n{{\"name\":\"web\",\"id\":\"{id}\",\"trace_id\":\"{trace}\",\"start_time\":{now}{rest}}}"
    )
    .into_bytes()
}

#[tokio::test]
async fn what_was_recorded_is_received_and_what_is_no_datagram_is_told() {
    let running = Running::start(XrayConfig::default()).await;
    running.send(&[b"GET / HTTP/1.1\r\n\r\n", TRY, GATEWAY]).await;
    let status = running.until(|status| status.accepted == 2).await;
    assert_eq!((status.rejected, status.kind.as_str()), (1, "xray_daemon"));
    assert!(status.last_error.unwrap().contains("GET / HTTP/1.1"));
    running.stop().await;
}

#[tokio::test]
async fn what_is_in_progress_waits_and_is_stored_at_the_end_at_the_latest() {
    let running = Running::start(XrayConfig::default()).await;
    let now = jiff::Timestamp::now().as_second();
    let open = datagram(now, "00000000000000a1", r#","in_progress":true"#);
    let lost = datagram(now, "00000000000000a2", r#","in_progress":true"#);
    running.send(&[&open, &lost]).await;
    let status = running.until(|status| status.detail.is_some()).await;
    assert_eq!(status.accepted, 0);
    let ended = format!(r#","end_time":{}"#, now + 1);
    running.send(&[&datagram(now, "00000000000000a1", &ended)]).await;
    running.until(|status| status.accepted == 1).await;
    assert_eq!(running.stop().await.accepted, 2);
}

#[tokio::test]
async fn the_sdks_are_told_what_to_sample() {
    let rule = SamplingRuleConfig {
        name: "orders".to_owned(),
        url_path: "/orders/*".to_owned(),
        fixed_rate: 0.5,
        reservoir_size: 10,
        ..SamplingRuleConfig::default()
    };
    let running = Running::start(XrayConfig { rule: vec![rule], ..XrayConfig::default() }).await;
    let (status, rules) = running.ask("POST /GetSamplingRules", "{}").await;
    assert_eq!(status, "HTTP/1.1 200 OK");
    let names: Vec<&str> = rules["SamplingRuleRecords"]
        .as_array()
        .unwrap()
        .iter()
        .map(|record| record["SamplingRule"]["RuleName"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["orders", "Default"]);
    let asked = |client: &str| {
        let document =
            |rule: &str| json!({"RuleName": rule, "ClientID": client, "RequestCount": 1, "Timestamp": 1.5});
        json!({"SamplingStatisticsDocuments": [document("orders"), document("gone")]}).to_string()
    };
    for (client, quota) in [("a", 10), ("b", 5), ("c", 4), ("a", 4)] {
        let (_, targets) = running.ask("POST /SamplingTargets", &asked(client)).await;
        let target = &targets["SamplingTargetDocuments"][0];
        assert_eq!((&target["ReservoirQuota"], &target["FixedRate"]), (&json!(quota), &json!(0.5)));
        assert_eq!(targets["UnprocessedStatistics"][0]["RuleName"], "gone");
    }
    for request in ["POST /TraceSegments", "GET /GetSamplingRules", "GET /"] {
        let (status, answer) = running.ask(request, "").await;
        assert_eq!(status, "HTTP/1.1 404 Not Found");
        assert!(answer["message"].as_str().unwrap().contains("by UDP on this port"));
    }
    assert_eq!(running.ask("POST /SamplingTargets", "{").await.0, "HTTP/1.1 400 Bad Request");
    running.stop().await;
}

#[tokio::test]
async fn documents_without_room_are_dropped_and_counted() {
    let sources = SourceBook::default();
    let handle = sources.source(KIND, "test");
    let (sender, mut waiting) = mpsc::channel(8);
    let room = Arc::new(Semaphore::new(1_000));
    let mut receiver = Receiver::new(sender, room, handle);
    for _ in 0..5 {
        receiver.take(GATEWAY);
    }
    let status = sources.list().remove(0);
    assert_eq!(status.throttled, 4);
    assert!(status.last_error.unwrap().starts_with("4 documents were dropped"));
    drop(waiting.recv().await);
    receiver.take(GATEWAY);
    assert_eq!(sources.list()[0].throttled, 4);
}

#[test]
fn every_bad_value_is_told() {
    let rule = |name: &str| SamplingRuleConfig { name: name.to_owned(), ..SamplingRuleConfig::default() };
    let bad = SamplingRuleConfig { priority: 0, fixed_rate: 2.0, ..rule("x") };
    let config = XrayConfig {
        address: "2000".to_owned(),
        fixed_rate: -1.0,
        reservoir_size: 0,
        rule: vec![rule("Default"), bad, rule("x")],
    };
    let problems = config.problems().join("\n");
    for expected in ["xray.address", "xray.fixed_rate", "Default", "priority", "fixed_rate = 2", "two rules"]
    {
        assert!(problems.contains(expected), "{expected} is not in:\n{problems}");
    }
    assert!(XrayConfig::default().problems().is_empty());
}

//! Streams into a real store.

mod messages;
mod otlp;
mod owners;
mod properties;

use bytes::Bytes;
use sidecarta_queries::api::sources::{SourceState, SourceStatus};
use sidecarta_queries::dictionary::StatId;
use sidecarta_queries::rows::envoy::{Proxy, StatObject};
use sidecarta_queries::store::{self, SeriesKey, TimeRange};
use tempfile::TempDir;

use self::messages::Said;
use super::*;
use crate::otlp::streams::{Handled, StreamMessage, StreamState};
use crate::otlp::{MemoryBudget, Refusal};
use crate::pipeline::{PipelineOptions, PipelineThreads};

const FIRST: &[u8] = include_bytes!("../../../../tests/fixtures/envoy/metrics_service_001.bin");
const THIRD: &[u8] = include_bytes!("../../../../tests/fixtures/envoy/metrics_service_003.bin");

/// A Sidecarta as far as pushing goes.
struct Host {
    dir: TempDir,
    pipeline: Pipeline,
    threads: PipelineThreads,
    book: SourceBook,
    ids: ProxyIds,
    pushes: Pushes,
    /// When it was started, s since 1970. Streams are told times that are relative to it.
    started_s: i64,
}

impl Host {
    fn start(dir: TempDir) -> Self {
        Self::start_with(dir, &EnvoyConfig::default())
    }

    fn start_with(dir: TempDir, config: &EnvoyConfig) -> Self {
        // Nothing is shown before the end, as if all went fast.
        let publish_every = std::time::Duration::from_hours(1);
        let options = PipelineOptions { publish_every, ..PipelineOptions::in_dir(dir.path()) };
        let (pipeline, threads) = Pipeline::start(&options).unwrap();
        let (book, ids) = (SourceBook::default(), ProxyIds::default());
        let pushes = Pushes::new(config, &pipeline, &book, &ids);
        Self { dir, pipeline, threads, book, ids, pushes, started_s: now_ns() / 1_000_000_000 }
    }

    fn empty() -> Self {
        Self::start(TempDir::new().unwrap())
    }

    fn stream(&self, id: &str, peer: &str) -> Stream {
        let proxy = Proxy {
            id: id.to_owned(),
            cluster: "shop".to_owned(),
            address: peer.to_owned(),
            envoy_version: "1.40.0".to_owned(),
            ..Proxy::default()
        };
        Stream {
            handler: (self.pushes.stream_handler())(),
            state: StreamState { proxy, log_name: String::new() },
        }
    }

    fn line(&self, name: &str) -> SourceStatus {
        let lines = self.book.list();
        lines.iter().find(|line| line.name == name).unwrap_or_else(|| panic!("{name} in {lines:#?}")).clone()
    }

    /// Ends it. Streams have to be ended before.
    async fn stop(self) -> TempDir {
        drop((self.pipeline, self.pushes));
        let threads = self.threads;
        tokio::task::spawn_blocking(|| threads.join()).await.unwrap();
        self.dir
    }

    /// What is stored of every cluster after the end: requests and latencies, by proxy and name.
    async fn counted(self) -> BTreeMap<(String, String), (i64, i64)> {
        counted(&self.stop().await)
    }
}

fn counted(dir: &TempDir) -> BTreeMap<(String, String), (i64, i64)> {
    let (store, _writer) = store::open(&PipelineOptions::in_dir(dir.path()).store).unwrap();
    let mut counted = BTreeMap::new();
    let range = TimeRange::covering(0, 4_000_000_000);
    let mut rows = Vec::new();
    store
        .rollups(range, |row| {
            rows.push((row.series_id, row.counts.requests, row.client.1.iter().sum::<i64>()));
        })
        .unwrap();
    store.directory(|directory| {
        for (series, requests, latencies) in rows {
            let Some(SeriesKey::Envoy { proxy, object }) = directory.series(series) else { continue };
            let StatObject::Cluster(cluster) = &**object else { continue };
            let sums: &mut (i64, i64) = counted.entry((proxy.to_string(), cluster.clone())).or_default();
            *sums = (sums.0 + requests, sums.1 + latencies);
        }
    });
    counted
}

/// One stream; it ends with this value.
struct Stream {
    handler: StreamHandler,
    state: StreamState,
}

impl Stream {
    async fn send(&self, message: Bytes, at_s: i64) -> Result<Handled, Refusal> {
        let memory = MemoryBudget::new(64 << 20);
        let received_at_ns = at_s * 1_000_000_000;
        (self.handler)(&self.state, StreamMessage { bytes: message, received_at_ns, memory }).await
    }

    /// Sends what was said when it was said.
    async fn say(&self, said: &Said) -> Handled {
        self.send(said.message(), said.time_ms / 1_000).await.unwrap()
    }
}

fn of(proxy: &str, cluster: &str, counts: (i64, i64)) -> BTreeMap<(String, String), (i64, i64)> {
    BTreeMap::from([((proxy.to_owned(), cluster.to_owned()), counts)])
}

#[tokio::test]
async fn recorded_messages_add_what_happened_between_them() {
    let host = Host::empty();
    let stream = host.stream("lab-sidecar-1", "10.0.0.7");
    let handled = stream.send(Bytes::from_static(FIRST), host.started_s + 5).await.unwrap();
    assert!(handled.accepted > 100 && handled.rejected == 0, "{handled:?}");
    stream.send(Bytes::from_static(THIRD), host.started_s + 15).await.unwrap();
    let line = host.line("lab-sidecar-1");
    assert_eq!((line.kind.as_str(), line.state, line.requests), ("envoy_push", SourceState::Ok, 2));
    assert_eq!(line.detail.as_deref(), Some("lab-sidecar-1, Envoy 1.40.0, pushes from 10.0.0.7"));
    drop(stream);
    assert!(host.book.list().is_empty(), "the line goes with the stream");
    let dir = host.stop().await;
    let orders = |cluster: &str| counted(&dir)[&("lab-sidecar-1".to_owned(), cluster.to_owned())];
    // The histograms of the second message are not among what was recorded: 44 and 0 in the two that are.
    assert_eq!((orders("orders_v1"), orders("orders_v1_app")), ((96, 44), (96, 44)));
    let (store, _writer) = store::open(&PipelineOptions::in_dir(dir.path()).store).unwrap();
    store.directory(|directory| {
        let known = &directory.proxies()["lab-sidecar-1"];
        assert_eq!((known.proxy.cluster.as_str(), known.proxy.address.as_str()), ("shop", "10.0.0.7"));
        let route = StatObject::Route { virtual_host: "shop".to_owned(), name: "orders".to_owned() };
        let baseline: Baseline = Baseline::unpack(&known.baseline).unwrap();
        assert_eq!(baseline.totals.of(&route).unwrap().counts.get(StatId(10_502)), 6);
    });
}

#[tokio::test]
async fn a_process_that_ran_before_anybody_listened_starts_where_it_is() {
    let host = Host::empty();
    let (now_s, stream) = (host.started_s, host.stream("a", "p"));
    let said = |at_s| Said::at(now_s + at_s, now_s - 600);
    stream.say(&said(1).requests("orders", 700).latencies("orders", 3)).await;
    stream.say(&said(6).requests("orders", 705).latencies("orders", 4)).await;
    stream.say(&said(11).requests("orders", 705)).await;
    stream.say(&said(16).requests("orders", 706).requests("new", 2).latencies("orders", 1)).await;
    drop(stream);
    let expected = [of("a", "orders", (6, 5)), of("a", "new", (2, 0))].into_iter().flatten().collect();
    assert_eq!(host.counted().await, expected);
}

#[tokio::test]
async fn counting_goes_on_when_the_stream_is_opened_again_and_when_we_start_again() {
    let host = Host::empty();
    let now_s = host.started_s;
    let said = |at_s, count| Said::at(now_s + at_s, now_s).requests("orders", count);
    host.stream("a", "p").say(&said(5, 3)).await;
    // Queries do not see the first message yet.
    assert_eq!(host.pipeline.envoy_baseline("a"), None);
    host.stream("a", "p").say(&said(10, 5)).await;
    let old = host.stream("a", "p");
    old.say(&said(15, 6)).await;
    // The end of the connection before is not known yet.
    let new = host.stream("a", "p");
    new.say(&said(20, 8)).await;
    let late = old.say(&said(25, 9)).await;
    assert_eq!((late.accepted, late.rejected), (0, 3));
    let words = host.line("a@p").last_error.unwrap();
    assert!(words.starts_with("another process pushes from p under the same node id `a`"), "{words}");
    drop((old, new));

    let host = Host::start(host.stop().await);
    assert_eq!(counted_now(&host), of("a", "orders", (8, 0)));
    let stream = host.stream("a", "p");
    stream.say(&said(30, 10)).await;
    drop(stream);
    assert_eq!(host.counted().await, of("a", "orders", (10, 0)));
}

/// What a running host shows.
fn counted_now(host: &Host) -> BTreeMap<(String, String), (i64, i64)> {
    let mut requests = 0;
    let range = TimeRange::covering(0, 4_000_000_000);
    host.pipeline.store().rollups(range, |row| requests += row.counts.requests).unwrap();
    of("a", "orders", (requests, 0))
}

#[tokio::test]
async fn restarts_are_told_by_the_uptime() {
    let host = Host::empty();
    let (now_s, stream) = (host.started_s, host.stream("a", "p"));
    stream.say(&Said::at(now_s + 5, now_s).requests("orders", 3)).await;
    drop(stream);
    let stream = host.stream("a", "p");
    stream.say(&Said::at(now_s + 15, now_s + 8).requests("orders", 4)).await;
    drop(stream);
    // A hot restart goes on with the uptime, and not with the counters. The old process may push once more.
    let (old, new) = (host.stream("a", "p"), host.stream("a", "p"));
    old.say(&Said::at(now_s + 20, now_s + 8).requests("orders", 5)).await;
    let restarted = |at_s| Said { restart_epoch: 1, ..Said::at(now_s + at_s, now_s + 8) };
    new.say(&restarted(25).requests("orders", 6)).await;
    assert_eq!(old.say(&Said::at(now_s + 26, now_s + 8).requests("orders", 100)).await.accepted, 0);
    new.say(&restarted(30).requests("orders", 7)).await;
    drop((old, new));
    let dir = host.stop().await;
    assert_eq!(counted(&dir), of("a", "orders", (3 + 5 + 7, 0)));
    let (store, _writer) = store::open(&PipelineOptions::in_dir(dir.path()).store).unwrap();
    let lost =
        store.directory(|known| known.proxies()["a"].gaps.iter().filter(|gap| gap.lost_process).count());
    assert_eq!(lost, 2);
}

#[tokio::test]
async fn without_its_uptime_a_proxy_is_counted_as_well_as_can_be() {
    let host = Host::empty();
    let (now_s, stream) = (host.started_s, host.stream("a", "p"));
    let said = |at_s| Said { uptime_s: None, ..Said::at(now_s + at_s, now_s) };
    for (at_s, count) in [(5, 3), (10, 5), (15, 6), (20, 2)] {
        stream.say(&said(at_s).requests("orders", count)).await;
    }
    let detail = host.line("a").detail.unwrap();
    assert!(detail.contains("does not push `server.uptime`"), "{detail}");
    drop(stream);
    assert_eq!(host.counted().await, of("a", "orders", (2 + 1 + 2, 0)));
}

#[tokio::test]
async fn counters_that_are_deltas_need_to_be_configured() {
    let deltas = EnvoyConfig { push_counters_as_deltas: true, ..EnvoyConfig::default() };
    let said = |now_s: i64, at_s: i64, added: u64, count: u64| {
        let mut said = Said::at(now_s + at_s, now_s - 600).requests("orders", count).latencies("orders", 1);
        said.counters.push(("cluster_manager.cluster_added".to_owned(), added));
        said
    };
    let host = Host::start_with(TempDir::new().unwrap(), &deltas);
    let stream = host.stream("a", "p");
    for (at_s, count) in [(5, 4), (10, 0), (15, 3), (20, 2)] {
        stream.say(&said(host.started_s, at_s, 0, count)).await;
    }
    assert!(!host.line("a").detail.unwrap().contains("deltas"));
    for at_s in [25, 30, 35, 40, 45] {
        stream.say(&said(host.started_s, at_s, 7, 0)).await;
    }
    let detail = host.line("a").detail.unwrap();
    assert!(detail.contains("do not look like deltas"), "{detail}");
    drop(stream);
    assert_eq!(host.counted().await, of("a", "orders", (9, 9)));

    let host = Host::empty();
    let stream = host.stream("a", "p");
    for (at_s, count) in [(5, 4), (10, 3), (15, 2), (20, 1), (25, 0)] {
        stream.say(&said(host.started_s, at_s, 0, count)).await;
    }
    let detail = host.line("a").detail.unwrap();
    assert!(detail.contains("set `envoy.push_counters_as_deltas`"), "{detail}");
}

#[tokio::test]
async fn quantiles_alone_are_told() {
    let host = Host::empty();
    let stream = host.stream("a", "p");
    let mut said = Said::at(host.started_s + 5, host.started_s);
    said.counters = vec![("cluster.a.upstream_rq_completed".to_owned(), 1)];
    // A summary without quantiles: kind 2, value in field 4.
    let summary = b"\x12\x0d\x0a\x03a.b\x18\x02\x22\x04\x22\x02\x08\x05";
    let message = Bytes::from([&said.message()[..], summary].concat());
    stream.send(message, host.started_s + 5).await.unwrap();
    let detail = host.line("a").detail.unwrap();
    assert!(detail.contains("it pushes quantiles only"), "{detail}");
}

#[tokio::test]
async fn damage_costs_a_message_and_no_more() {
    let host = Host::empty();
    let (now_s, stream) = (host.started_s, host.stream("a", "p"));
    stream.say(&Said::at(now_s + 5, now_s).requests("orders", 3)).await;
    for damaged in [&b"\xff\xff"[..], b"GET / HTTP/1.1\r\n", &FIRST[..FIRST.len() / 2]] {
        let refused = stream.send(Bytes::copy_from_slice(damaged), now_s + 6).await;
        assert!(matches!(refused, Err(Refusal::Invalid(_))), "{refused:?}");
    }
    // Nothing at all, and a time that cannot be.
    stream.send(Bytes::new(), now_s + 7).await.unwrap();
    let odd = Said { time_ms: i64::MIN, uptime_s: Some(u64::MAX), ..Said::at(now_s + 8, now_s) };
    stream.send(odd.requests("orders", 3).message(), now_s + 8).await.unwrap();
    stream.say(&Said::at(now_s + 10, now_s).requests("orders", 5)).await;
    drop(stream);
    assert_eq!(host.counted().await, of("a", "orders", (5, 0)));
}

#[tokio::test]
async fn a_message_waits_for_memory() {
    let host = Host::empty();
    let stream = host.stream("a", "p");
    let message = Said::at(host.started_s + 5, host.started_s).requests("orders", 3).message();
    let memory = MemoryBudget::new(2 << 10);
    let mut held = memory.reservation();
    held.grow(2 << 10).unwrap();
    let received_at_ns = (host.started_s + 5) * 1_000_000_000;
    let message = StreamMessage { bytes: message, received_at_ns, memory };
    let refused = (stream.handler)(&stream.state, message.clone()).await;
    assert!(matches!(refused, Err(Refusal::Busy { .. })), "{refused:?}");
    drop(held);
    (stream.handler)(&stream.state, message).await.unwrap();
    drop(stream);
    assert_eq!(host.counted().await, of("a", "orders", (3, 0)));
}

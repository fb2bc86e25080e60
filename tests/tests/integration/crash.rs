//! The server dies in the middle of everything, again and again; what it acknowledged is there exactly once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message as _;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sidecarta_tests::harness::{
    Addresses, Encoding, GrpcSender, JSON, PROTOBUF, Server, ServerOptions, client, eventually, post_traces,
    request_of, shop_call, with_encoding,
};
use tokio::sync::watch;
use tokio::task::JoinSet;

const SEED: u64 = 4;
const TRACES: u64 = 4_000;
const TRACES_A_REQUEST: usize = 20;
const KILLS: u64 = 4;

/// Who sends, each in its own way.
#[derive(Clone, Copy, Debug)]
enum Sender {
    Grpc(Encoding),
    Http(&'static str, Encoding),
}

const SENDERS: [Sender; 4] = [
    Sender::Grpc(Encoding::Gzip),
    Sender::Grpc(Encoding::Identity),
    Sender::Http(PROTOBUF, Encoding::Gzip),
    Sender::Http(JSON, Encoding::Identity),
];

impl Sender {
    /// Sends a request once; whether it was acknowledged.
    async fn send(self, to: Addresses, request: &ExportTraceServiceRequest) -> bool {
        match self {
            Self::Grpc(encoding) => {
                let Ok(mut sender) = GrpcSender::connect(to.otlp_grpc, encoding).await else { return false };
                sender.send(request.clone()).await.is_ok()
            }
            Self::Http(content_type, encoding) => {
                let plain = match content_type {
                    JSON => serde_json::to_vec(request).unwrap(),
                    _ => request.encode_to_vec(),
                };
                let url = format!("http://{}/v1/traces", to.otlp_http);
                let body = with_encoding(encoding, &plain);
                let answer = post_traces(&client(), &url, content_type, encoding, body).await;
                answer.is_ok_and(|answer| answer.status == 200)
            }
        }
    }

    /// Sends everything in order, each request until it is acknowledged.
    async fn deliver(
        self,
        requests: Arc<Vec<ExportTraceServiceRequest>>,
        mut server: watch::Receiver<Option<Addresses>>,
        acknowledged: Arc<AtomicU64>,
    ) {
        for request in requests.iter() {
            loop {
                let addresses = *server.wait_for(Option::is_some).await.unwrap();
                if self.send(addresses.unwrap(), request).await {
                    break;
                }
                // Like any exporter it pauses before it tries again.
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            acknowledged.fetch_add(TRACES_A_REQUEST as u64, Ordering::SeqCst);
        }
    }
}

/// For each sender its requests. The two spans of a trace come from different senders.
fn parcels() -> Vec<Arc<Vec<ExportTraceServiceRequest>>> {
    let traces: Vec<_> = (1..=TRACES).map(|trace| shop_call(u128::from(trace))).collect();
    let mut parcels = vec![Vec::new(); SENDERS.len()];
    for (number, traces) in traces.chunks(TRACES_A_REQUEST).enumerate() {
        for side in 0..2 {
            let spans = traces.iter().map(|trace| trace[side].clone()).collect();
            parcels[(number + side) % SENDERS.len()].push(request_of(spans));
        }
    }
    parcels.into_iter().map(Arc::new).collect()
}

/// Waits until queries see all that was acknowledged; no acknowledged span may be missing.
async fn check_nothing_is_missing(server: &Server, acknowledged: u64) {
    let status = eventually("all of the log is seen", async || {
        let status = server.status().await;
        (status.pending_requests == 0).then_some(status)
    })
    .await;
    assert!(status.spans >= acknowledged, "{} spans of {acknowledged} acknowledged ones", status.spans);
}

async fn check_everything_is_there_once(server: &Server) {
    server.eventually_holds(2 * TRACES).await;
    let graph = server.graph("from=-1h").await;
    let counts: Vec<_> = graph
        .edges
        .iter()
        .map(|edge| (edge.id.as_str(), edge.requests, edge.errors, edge.attempts))
        .collect();
    let expected = [("service:shop→service:stock", TRACES, 0, TRACES)];
    assert_eq!(counts, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_kill_9_exactly_once() {
    // Rows move into the database file all the time, so that the kills meet that too.
    let options = ServerOptions::default().set("store.move_after_s", 1).set("store.publish_every_ms", 50);
    let mut server = options.start().await;
    let (addresses, watched) = watch::channel(Some(server.addresses()));
    let acknowledged = Arc::new(AtomicU64::new(0));
    let parcels = parcels();
    let mut senders = JoinSet::new();
    for (sender, parcel) in SENDERS.into_iter().zip(&parcels) {
        senders.spawn(sender.deliver(Arc::clone(parcel), watched.clone(), Arc::clone(&acknowledged)));
    }

    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    for kill in 0..KILLS {
        // Somewhere in each fifth of the way.
        let fifth = 2 * TRACES / (KILLS + 1);
        let moment = kill * fifth + random.random_range(fifth / 4..fifth);
        eventually("the senders get on", async || {
            (acknowledged.load(Ordering::SeqCst) >= moment).then_some(())
        })
        .await;
        tokio::time::sleep(Duration::from_millis(random.random_range(0..30))).await;
        server.kill().await;
        addresses.send_replace(None);
        if kill % 2 == 1 {
            // It dies once more while it reads its log.
            server.launch();
            tokio::time::sleep(Duration::from_millis(random.random_range(0..300))).await;
            server.kill().await;
        }
        server.restart().await;
        check_nothing_is_missing(&server, acknowledged.load(Ordering::SeqCst)).await;
        addresses.send_replace(Some(server.addresses()));
    }
    while let Some(ended) = senders.join_next().await {
        ended.unwrap();
    }

    check_everything_is_there_once(&server).await;
    for (sender, parcel) in SENDERS.into_iter().zip(&parcels) {
        let again = &parcel[parcel.len() / 2];
        assert!(sender.send(server.addresses(), again).await, "{sender:?} sends again");
    }
    check_everything_is_there_once(&server).await;
    server.restart().await;
    check_everything_is_there_once(&server).await;
}

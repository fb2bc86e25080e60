//! Many proxies at once: those that hang hold up no other. And what the fake ones say is what a real Envoy would.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use serde_json::{Value, json};
use sidecarta_queries::api::graph::Source;
use sidecarta_queries::api::sources::{SourceState, SourceStatus};
use sidecarta_tests::fake_admin::stats::{REQUESTS_A_ROUND, Shape};
use sidecarta_tests::fake_admin::{FakeFleet, FleetOptions, bootstrap, cluster_name};
use sidecarta_tests::harness::{Answer, Server, ServerOptions, client, eventually, eventually_ok, program};
use sidecarta_tests::mesh::bound_to_us;
use tokio::net::TcpListener;

/// How often each proxy is to have been asked.
const ROUNDS: u64 = 4;

async fn server_for(fleet: &FakeFleet) -> Server {
    // As few answers at once as there can be, and hardly less patience than this test has.
    let options = ServerOptions::default()
        .set("envoy.interval_ms", 200)
        .set("envoy.timeout_ms", 5_000)
        .set("envoy.max_concurrent", 1);
    let targets = [fleet.targets(), fleet.hanging_targets()].concat();
    targets.into_iter().fold(options, ServerOptions::envoy).start().await
}

async fn envoys(server: &Server) -> BTreeMap<String, SourceStatus> {
    let sources = server.sources().await.into_iter().filter(|source| source.kind == "envoy");
    sources.map(|source| (source.name.clone(), source)).collect()
}

#[tokio::test]
async fn proxies_that_hang_hold_up_no_other_and_are_told_in_words() {
    let shape = Shape { clusters: 8, used: 4, busy: 2 };
    let fleet = FakeFleet::start(FleetOptions { proxies: 25, hanging: 6, shape }).await.unwrap();
    let server = server_for(&fleet).await;
    eventually_ok("every proxy that answers is scraped again and again", async || {
        let scrapes = fleet.scrapes();
        if scrapes.iter().all(|&scrapes| scrapes >= ROUNDS) { Ok(()) } else { Err(format!("{scrapes:?}")) }
    })
    .await;
    // By now none of those that hang has been given up, if they have been asked at all.
    let hung = eventually_ok("those that hang are told", async || {
        let all = envoys(&server).await;
        let hung: Vec<_> = fleet.hanging_targets().iter().map(|target| all[target].clone()).collect();
        let are_told = hung.iter().all(|source| source.state == SourceState::Failing);
        if are_told { Ok(hung) } else { Err(format!("{hung:#?}")) }
    })
    .await;
    for source in hung {
        let error = source.last_error.unwrap_or_default();
        assert!(error.contains("no whole answer to /config_dump within 5 s"), "{error}");
        assert_eq!((source.accepted, source.last_success), (0, None));
    }
    let all = envoys(&server).await;
    for target in fleet.targets() {
        let source = &all[&target];
        assert_eq!((source.state, source.failures), (SourceState::Ok, 0), "{source:#?}");
    }
    assert_eq!(all.len(), 31);
}

#[tokio::test]
async fn what_the_fake_proxies_count_is_on_the_graph_to_the_last_request() {
    let shape = Shape { clusters: 3, used: 2, busy: 1 };
    let fleet = FakeFleet::start(FleetOptions { proxies: 1, hanging: 0, shape }).await.unwrap();
    let server = server_for(&fleet).await;
    eventually_ok("the requests of every round are on the graph", async || {
        // Whichever scrape was the last to be stored, it is one that the proxy has answered.
        let scrapes = fleet.scrapes()[0];
        let graph = server.graph("").await;
        let requests = |number| {
            let name = cluster_name(number);
            let service = name.trim_start_matches("outbound|8080||").split('.').next().unwrap().to_owned();
            let edge = graph.edges.iter().find(|edge| edge.target.contains(&service))?;
            edge.evidence.iter().find(|said| said.source == Source::Envoy).map(|said| said.requests)
        };
        let counted: Vec<u64> = (0..2).filter_map(requests).collect();
        let possible = (1..scrapes).rev().take(10).any(|last| {
            let truth = |cluster| (shape.times_busy(cluster, 0, last) - 1) * REQUESTS_A_ROUND;
            counted == [truth(0), truth(1)]
        });
        let is_enough = scrapes > ROUNDS && counted.iter().all(|&requests| requests > REQUESTS_A_ROUND);
        if is_enough && possible { Ok(()) } else { Err(format!("{scrapes} scrapes: {:#?}", graph.edges)) }
    })
    .await;
}

#[tokio::test]
async fn the_fake_proxies_say_what_a_real_envoy_would() {
    const CLUSTERS: usize = 100;
    const USED: usize = 3;
    let shape = Shape { clusters: CLUSTERS, used: USED, busy: 1 };
    let fleet = FakeFleet::start(FleetOptions { proxies: 1, hanging: 0, shape }).await.unwrap();
    let server = server_for(&fleet).await;
    let asked = eventually("the statistics are asked for", async || {
        fleet.asked().into_iter().find(|path| path.contains("histogram_buckets=detailed"))
    })
    .await;
    assert!(fleet.asked().iter().all(|path| *path == asked || !path.contains("detailed")), "in one way");
    drop(server);

    let upstream = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = upstream.local_addr().unwrap();
    tokio::spawn(axum::serve(upstream, Router::new().fallback(answer)).into_future());
    let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
    let mut configuration = bootstrap(CLUSTERS, anywhere, anywhere, address);
    configuration["stats_flush_interval"] = json!("0.5s");
    let folder = tempfile::tempdir().unwrap();
    let (config, admin) = (folder.path().join("envoy.json"), folder.path().join("admin"));
    std::fs::write(&config, configuration.to_string()).unwrap();
    let _envoy = bound_to_us(&program("SIDECARTA_ENVOY"), "KILL")
        .args(["--concurrency", "1", "--disable-hot-restart", "--log-level", "error"])
        .arg("--config-path")
        .arg(&config)
        .arg("--admin-address-path")
        .arg(&admin)
        .spawn()
        .expect("SIDECARTA_ENVOY names a program that runs");
    let admin = eventually("Envoy writes its admin address", async || {
        std::fs::read_to_string(&admin).ok().filter(|text| !text.is_empty())
    })
    .await;
    let port = eventually("Envoy listens", async || {
        let url = format!("http://{admin}/listeners?format=json");
        let listeners: Value = Answer::to(client().get(url)).await.ok()?.json();
        listeners["listener_statuses"][0]["local_address"]["socket_address"]["port_value"].as_u64()
    })
    .await;
    let client = client();
    for cluster in 0..USED {
        for path in ["ok", "missing", "flaky", "fail"] {
            let url = format!("http://127.0.0.1:{port}/{cluster}/{path}");
            Answer::to(client.get(url)).await.unwrap();
        }
    }
    let fake = Answer::to(client.get(format!("{}{asked}", fleet.targets()[0]))).await.unwrap();
    let fake = said(&fake.json());
    assert!(fake.len() > CLUSTERS && !fake.keys().any(|name| name.contains(".external.")), "{fake:#?}");
    eventually_ok("the real Envoy says the same", async || {
        let real = Answer::to(client.get(format!("http://{admin}{asked}"))).await.unwrap();
        let real = said(&real.json());
        let only = |here: &BTreeMap<String, String>, there: &BTreeMap<String, String>| {
            let here = here.iter().filter(|(name, shape)| there.get(*name) != Some(shape));
            here.map(|(name, shape)| format!("{name}: {shape}")).collect::<Vec<_>>()
        };
        let (only_fake, only_real) = (only(&fake, &real), only(&real, &fake));
        if fake == real {
            Ok(())
        } else {
            Err(format!("only the fake one: {only_fake:#?}, only the real one: {only_real:#?}"))
        }
    })
    .await;
}

/// A service that fails as its path says; what is flaky works when it is tried again.
async fn answer(request: Request) -> Result<(StatusCode, &'static str), Infallible> {
    let attempt = request.headers().get("x-envoy-attempt-count").map(|count| count.as_bytes().to_vec());
    let status = match request.uri().path().rsplit('/').next() {
        Some("fail") => StatusCode::SERVICE_UNAVAILABLE,
        Some("flaky") if attempt.as_deref() == Some(b"1") => StatusCode::SERVICE_UNAVAILABLE,
        Some("missing") => StatusCode::NOT_FOUND,
        _ => StatusCode::OK,
    };
    Ok((status, "ok"))
}

/// The names of all statistics, with what their values look like. Ports differ, and so does whether Envoy has yet had to
/// do with a breaker for requests of high priority, of which there are none, and with requests to its admin interface.
fn said(answer: &Value) -> BTreeMap<String, String> {
    let mut said = BTreeMap::new();
    for element in answer["stats"].as_array().unwrap() {
        if let Some(name) = element["name"].as_str().filter(|name| is_told(name)) {
            let value = if element["value"].is_u64() { "number" } else { "other" };
            said.insert(without_port(name), value.to_owned());
        }
        for histogram in element["histograms"]["details"].as_array().into_iter().flatten() {
            let keys = |part: &Value| -> Vec<String> {
                part[0].as_object().map(|object| object.keys().cloned().collect()).unwrap_or_default()
            };
            let (totals, percentiles) = (keys(&histogram["totals"]), keys(&histogram["percentiles"]));
            let parts: Vec<&String> = histogram.as_object().unwrap().keys().collect();
            let shape = format!("{parts:?}, bins of {totals:?}, percentiles of {percentiles:?}");
            let name = histogram["name"].as_str().unwrap();
            if is_told(name) {
                said.insert(without_port(name), shape);
            }
        }
    }
    said
}

fn is_told(name: &str) -> bool {
    !name.contains(".circuit_breakers.high.") && !name.starts_with("http.admin.")
}

fn without_port(name: &str) -> String {
    let Some((before, after)) = name.split_once("127.0.0.1_") else { return name.to_owned() };
    format!("{before}address{}", after.trim_start_matches(|digit: char| digit.is_ascii_digit()))
}

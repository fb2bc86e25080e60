//! What proxies log, whichever way it comes: requests, errors and durations per route and version are those of the load.

use sidecarta_queries::api::routes::SeenBy;
use sidecarta_tests::harness::{ServerOptions, eventually_ok};
use tempfile::TempDir;

use super::logging_envoys::{
    ALS_LOG, Envoy, FILES, OTLP_LOG, VERSIONS, difference, entry, load, routes, sent_entries, service,
};

/// One entry for each log of each Envoy.
fn server_config(folder: &TempDir) -> String {
    let mut text = sent_entries();
    for version in VERSIONS {
        for (log, format) in FILES {
            let path = folder.path().join(format!("{log}-{version}.log"));
            text += &entry(log, version, format, &path.display().to_string());
        }
    }
    text
}

fn rank(values: &[f64], q: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[((q * sorted.len() as f64).ceil() as usize).max(1) - 1]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_log_tells_of_each_route_and_version_what_happened() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("sidecarta.toml");
    std::fs::write(&config, server_config(&folder)).unwrap();
    let mut server = ServerOptions::default().config(&config).set("store.move_after_s", 1).start().await;
    let (service, otlp) = (service().await, server.addresses().otlp_grpc);
    let envoys = [
        Envoy::start(&folder, VERSIONS[0], service, otlp).await,
        Envoy::start(&folder, VERSIONS[1], service, otlp).await,
    ];
    let truth = load(&envoys).await;
    assert_eq!(truth.len(), 6);

    for restarted in [false, true] {
        for log in FILES.map(|(log, _)| log).into_iter().chain([OTLP_LOG, ALS_LOG]) {
            let routes = eventually_ok("the log is read", async || {
                let routes = routes(&server, log).await;
                let difference = difference(&routes, &truth);
                if difference.is_empty() { Ok(routes) } else { Err(format!("{log}: {difference}")) }
            })
            .await;
            for route in routes {
                let known = &truth[&(route.version.unwrap(), route.route.clone())];
                let latency = route.latency.unwrap();
                assert_eq!((latency.count, route.seen_by), (known.requests, SeenBy::Callee));
                for (quantile, q) in [(latency.p50, 0.5), (latency.p90, 0.9), (latency.p99, 0.99)] {
                    let (least, most) = (rank(&known.least_ms, q), rank(&known.most_ms, q));
                    let words = format!("{log} {} p{q}: {quantile:?}, truth {least} to {most}", route.route);
                    assert!(quantile.low_ms <= most && Some(least) <= quantile.high_ms, "{words}");
                }
            }
        }
        if !restarted {
            server.kill().await;
            server.restart().await;
        }
    }
}

//! The access logs that a real Envoy writes, while it is told to rotate them.

use std::collections::BTreeMap;

use sidecarta_ingest::access_log::follow::Follower;
use sidecarta_ingest::access_log::{AccessLogConfig, LineParser};
use sidecarta_queries::rows::access_log::AccessLogRow;

use crate::proxy::{Envoy, OWN_FORMAT};
use crate::{eventually, upstream};

/// Paths that are asked for, how often, and what each request is: an error, by a time-out, by a failed connection, and
/// how often it is tried.
const LOAD: [(&str, u32, [bool; 3], u32); 5] = [
    ("/status/200?secret=1", 7, [false, false, false], 1),
    ("/status/503", 3, [true, false, false], 1),
    ("/retry/status/503", 2, [true, false, false], 3),
    ("/hang", 2, [true, true, false], 1),
    ("/dead/12345", 4, [true, false, true], 1),
];

/// Requests, errors, time-outs, failed connections and tries of a route.
type Counts = [u32; 5];

fn truth() -> BTreeMap<String, Counts> {
    let mut truth: BTreeMap<String, Counts> = BTreeMap::new();
    for (path, times, is, tries) in LOAD {
        let route = path.split('?').next().unwrap_or(path).replace("12345", "{id}");
        let route = route.replace("200", "{id}").replace("503", "{id}");
        let counts = [1, u32::from(is[0]), u32::from(is[1]), u32::from(is[2]), tries];
        let sum = truth.entry(route).or_default();
        for (sum, count) in sum.iter_mut().zip(counts) {
            // Once before the rotation and once after it.
            *sum += 2 * times * count;
        }
    }
    truth
}

fn counted(rows: &[AccessLogRow]) -> BTreeMap<String, Counts> {
    let mut counted: BTreeMap<String, Counts> = BTreeMap::new();
    for row in rows {
        let counts = [
            u32::from(row.is_request()),
            row.is_error().into(),
            row.is_timeout().into(),
            row.is_connection_failure().into(),
            row.attempts,
        ];
        let sum = counted.entry(row.route.clone()).or_default();
        for (sum, count) in sum.iter_mut().zip(counts) {
            *sum += count;
        }
    }
    counted
}

fn follower(envoy: &Envoy, file: &str, format: &str) -> Follower {
    let config =
        AccessLogConfig { name: file.to_owned(), format: format.to_owned(), ..AccessLogConfig::default() };
    Follower::new(envoy.file(file), LineParser::new(&config).expect("a format"), None, true)
}

async fn send_load(envoy: &Envoy) {
    for (path, times, _, _) in LOAD {
        upstream::send(envoy.listener, path, times).await;
    }
}

/// Reads until there are that many rows.
async fn read(follower: &mut Follower, rows: &mut Vec<AccessLogRow>, wanted: usize) {
    eventually("the log has every request", || {
        let batch = follower.poll(0).expect("the log can be read");
        let raw: Vec<&str> =
            batch.rows.iter().map(|row| row.raw.as_str()).filter(|raw| !raw.is_empty()).collect();
        assert_eq!((raw, batch.notice), (Vec::new(), None));
        rows.extend(batch.rows);
        std::future::ready((rows.len() >= wanted).then_some(()))
    })
    .await;
    assert_eq!(rows.len(), wanted);
}

#[tokio::test]
async fn every_request_is_in_every_log_across_a_rotation() {
    let envoy = Envoy::start(upstream::start().await, upstream::nobody().await).await;
    let mut logs = [("default.log", "envoy"), ("json.log", "json"), ("own.log", OWN_FORMAT)]
        .map(|(file, format)| (file, follower(&envoy, file, format), Vec::new()));
    let sent: u32 = LOAD.iter().map(|(_, times, _, _)| times).sum();
    send_load(&envoy).await;
    for (file, follower, rows) in &mut logs {
        read(follower, rows, sent as usize).await;
        let old = format!("{file}.1");
        std::fs::rename(envoy.file(file), envoy.file(&old)).expect("the log can be renamed");
    }
    envoy.admin_call("POST", "/reopen_logs").await.expect("Envoy opens its logs anew");
    send_load(&envoy).await;
    for (_, follower, rows) in &mut logs {
        read(follower, rows, 2 * sent as usize).await;
    }

    let truth = truth();
    let [default, json, own] = logs.map(|(_, _, rows)| rows);
    assert_eq!(counted(&json), truth);
    assert_eq!(counted(&own), truth);
    // Envoy's own format does not tell how often a request was tried.
    let without_tries = truth.into_iter().map(|(route, [a, b, c, d, _])| (route, [a, b, c, d, 0])).collect();
    assert_eq!(counted(&default), without_tries);

    for ((default, json), own) in default.iter().zip(&json).zip(&own) {
        assert_eq!((default.start_ns, &default.path), (json.start_ns, &json.path));
        assert_eq!(own.start_ns / 1_000_000, default.start_ns / 1_000_000);
        assert_eq!((&own.response_flags, &own.path), (&default.response_flags, &default.path));
        assert_eq!((own.bytes_sent, &own.upstream_cluster), (default.bytes_sent, &json.upstream_cluster));
        // To the last byte sent is a little less than to the end of the request.
        let (to_last_byte, whole) =
            (own.duration_ns.expect("a duration"), default.duration_ns.expect("a duration"));
        assert!(to_last_byte < whole + 1_000_000, "{to_last_byte} {whole}");
        assert_eq!((default.is_whole_ms, own.is_whole_ms), (true, false));
    }
    assert!(default.iter().all(|row| !row.path.contains("secret")), "queries are cut off");
}

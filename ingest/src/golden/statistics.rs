//! `/stats?format=json`, `/config_dump` and `/server_info`.

use sidecarta_queries::dictionary;
use sidecarta_queries::rows::envoy::{ObjectCounts, StatCounts, StatObject};
use sidecarta_queries::sketch::Scheme;

use super::{pairs, sorted};
use crate::envoy::config::Configuration;
use crate::envoy::delta::{Baseline, Process, deltas};
use crate::envoy::names::Names;
use crate::envoy::stats::{Stats, Totals};

const SCRAPE: &str = include_str!("../../../tests/fixtures/envoy/stats.json");
const LATER: &str = include_str!("../../../tests/fixtures/envoy/stats_2.json");
const DETAILED: &str = include_str!("../../../tests/fixtures/envoy/stats_hist_detailed.json");
const CONFIG_DUMP: &str = include_str!("../../../tests/fixtures/envoy/config_dump.json");

const BOUNDS: &str = include_str!("../../../tests/fixtures/envoy/stats_hist_cumulative.json");
/// Quantiles of Envoy's own, which Sidecarta does not ask for.
const SUMMARY: &str = include_str!("../../../tests/fixtures/envoy/stats_hist_summary.json");

fn totals(text: &str) -> Totals {
    Stats::decode(text.as_bytes()).unwrap().totals(&names())
}

fn names() -> Names {
    Configuration::decode(CONFIG_DUMP.as_bytes()).unwrap().names
}

fn counts(counts: &StatCounts) -> String {
    pairs(counts.iter().map(|(stat, count)| (dictionary::words(stat).unwrap().name, count)))
}

fn object(object: &StatObject) -> String {
    match object {
        StatObject::Cluster(name) => format!("cluster {name}"),
        StatObject::Zone { cluster, from, to } => format!("zone {from}>{to} of {cluster}"),
        StatObject::Endpoint { cluster, address } => format!("endpoint {address} of {cluster}"),
        StatObject::Route { virtual_host, name } => format!("route {virtual_host}/{name}"),
        StatObject::VirtualCluster { virtual_host, name } => format!("virtual cluster {virtual_host}/{name}"),
        StatObject::Manager(prefix) => format!("manager {prefix}"),
        StatObject::Listener(address) => format!("listener {address}"),
        StatObject::Server => "server".to_owned(),
    }
}

/// One line an object: what it has counted, and its bins as `from ms:requests`.
fn lines(all: &[ObjectCounts]) -> String {
    sorted(all.iter().map(|found| {
        let mut latency: Vec<_> =
            found.latency.iter().map(|bin| (Scheme::Envoy.bounds_ms(bin.bin), bin)).collect();
        latency.sort_by(|((one, _), _), ((other, _), _)| one.total_cmp(other));
        let bins = latency.into_iter().map(|((low, high), bin)| {
            // The own bins of Envoy go by where they start.
            let bounds = if bin.bin < 0 { format!("{low}-{high}") } else { format!("{low}") };
            (bounds, bin.count)
        });
        let bins = pairs(bins).replace('=', ":");
        let bins = if bins.is_empty() { bins } else { format!(" | ms {bins}") };
        format!("{}: {}{bins}", object(&found.object), counts(&found.counts))
    }))
}

fn baseline(seen_at_s: i64, totals: Totals) -> Baseline {
    let started = "2026-11-23T08:36:50.961Z".to_owned();
    Baseline {
        process: Process { started, started_at_ns: 0, restart_epoch: 0 },
        seen_at_ns: seen_at_s * 1_000_000_000,
        totals,
        ..Baseline::default()
    }
}

#[test]
fn a_later_scrape_has_these_totals() {
    insta::assert_snapshot!("totals_of_the_later_scrape", lines(&totals(LATER).counts));
}

#[test]
fn between_the_scrapes_this_has_happened() {
    let (before, now) = (baseline(10, totals(SCRAPE)), baseline(20, totals(LATER)));
    let deltas = deltas(Some(&before), &now, 0, &names());
    assert!(!deltas.lost_process);
    insta::assert_snapshot!("deltas_of_the_scrapes", lines(&deltas.counts));
    // What was counted by the first scrape and since is what the second one says.
    for now in &now.totals.counts {
        let of = |counts: &[ObjectCounts]| {
            counts
                .iter()
                .find(|counts| counts.object == now.object)
                .map(|found| found.counts.clone())
                .unwrap_or_default()
        };
        let (first, since) = (of(&before.totals.counts), of(&deltas.counts));
        for (stat, count) in now.counts.iter() {
            assert_eq!(first.get(stat) + since.get(stat), count, "{:?} {stat:?}", now.object);
        }
    }
}

#[test]
fn an_attempt_is_a_final_answer_or_a_retry() {
    let found = totals(SCRAPE);
    let orders = found.of(&StatObject::Cluster("orders_v1".to_owned())).unwrap();
    let get = |name: &str| {
        let stat = dictionary::stats().find(|stat| stat.name == name).unwrap().id;
        orders.counts.get(stat)
    };
    let (sent, answered, retried) =
        (get("upstream_rq_total"), get("upstream_rq_completed"), get("retry.upstream_rq_completed"));
    assert_eq!((sent, answered, retried, get("upstream_rq_timeout")), (205, 181, 24, 5));
}

#[test]
fn fine_bins_are_these() {
    insta::assert_snapshot!("fine_bins", lines(&totals(DETAILED).counts));
}

#[test]
fn bins_between_bounds_are_these() {
    insta::assert_snapshot!("bins_between_bounds", lines(&totals(BOUNDS).counts));
}

#[test]
fn quantiles_of_envoys_own_leave_the_counters_alone() {
    insta::assert_snapshot!(lines(&totals(SUMMARY).counts), @r#"
    cluster orders_v1: upstream_rq_timeout=5
    route shop/slow: upstream_rq_timeout=5
    virtual cluster shop/other: upstream_rq_timeout=5
    "#);
}

#[test]
fn a_configuration_is_this() {
    let configuration = Configuration::decode(CONFIG_DUMP.as_bytes()).unwrap().proxy;
    insta::assert_json_snapshot!("configuration", configuration);
}

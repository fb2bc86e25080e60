use std::collections::BTreeMap;

use proptest::prelude::*;
use sidecarta_queries::dictionary::{self, StatId};
use sidecarta_queries::rows::envoy::{LatencyBin, StatObject};
use sidecarta_queries::sketch::Scheme;

use super::place::Places;
use super::{Names, Stats, Totals, not_ending_with, swift};

const RECORDED: &str = include_str!("../../../../tests/fixtures/envoy/stats.json");
const RECORDED_LATER: &str = include_str!("../../../../tests/fixtures/envoy/stats_2.json");
const RECORDED_BINS: &str = include_str!("../../../../tests/fixtures/envoy/stats_hist_detailed.json");
const RECORDED_BUSY: &str = include_str!("../../../../tests/fixtures/envoy/stats_busy_and_idle.json");
const RECORDED_BOUNDS: &str = include_str!("../../../../tests/fixtures/envoy/stats_hist_cumulative.json");

fn decode(text: &str) -> Stats {
    Stats::decode(text.as_bytes()).expect("statistics")
}

fn series(series: &[(&str, &str)]) -> Stats {
    let elements: Vec<String> =
        series.iter().map(|(name, value)| format!(r#"{{"name":"{name}","value":{value}}}"#)).collect();
    decode(&format!(r#"{{"stats":[{}]}}"#, elements.join(",")))
}

fn cluster(name: &str) -> StatObject {
    StatObject::Cluster(name.to_owned())
}

fn manager(prefix: &str) -> StatObject {
    StatObject::Manager(prefix.to_owned())
}

/// Every count of an object, with the names of the dictionary.
fn counts(totals: &Totals, object: &StatObject) -> Vec<(String, u64)> {
    let counts = totals.of(object).map(|found| found.counts.iter().collect::<Vec<_>>()).unwrap_or_default();
    let name = |stat| dictionary::words(stat).expect("a number of the dictionary").name;
    counts.into_iter().map(|(stat, count)| (name(stat), count)).collect()
}

fn get(totals: &Totals, object: &StatObject, name: &str) -> u64 {
    let found = counts(totals, object).into_iter().find(|(known, _)| known == name);
    found.map_or(0, |(_, count)| count)
}

#[test]
fn a_recorded_answer_gives_each_request_once() {
    let totals = decode(RECORDED).totals(&Names::default());
    let clusters: Vec<(&str, u64, u64)> = totals
        .counts
        .iter()
        .filter_map(|found| match &found.object {
            StatObject::Cluster(name) => Some((
                name.as_str(),
                found.counts.get(StatId::REQUESTS),
                found.counts.get(StatId::RESPONSES_5XX),
            )),
            _ => None,
        })
        .collect();
    assert_eq!(
        clusters,
        [
            ("dead", 9, 9),
            ("orders_v1", 181, 26),
            ("orders_v2", 13, 3),
            ("secure", 12, 0),
            ("secure_badca", 1, 1),
            ("secure_rogue", 4, 4),
            ("tight", 54, 36),
        ]
    );
    assert_eq!(get(&totals, &cluster("dead"), "upstream_cx_connect_fail"), 9);
    assert_eq!(get(&totals, &cluster("dead"), "upstream_rq_total"), 0);
    assert_eq!(get(&totals, &cluster("secure"), "ssl.handshake"), 2);
    assert_eq!(get(&totals, &manager("ingress_http"), "downstream_rq_completed"), 265);
    assert_eq!(get(&totals, &manager("ingress_http"), "downstream_rq_5xx"), 79);
    assert_eq!(get(&totals, &manager("ingress_mtls"), "downstream_rq_completed"), 12);
    assert!(
        totals.of(&manager("admin")).is_none()
            && totals.of(&StatObject::Listener("admin".to_owned())).is_none()
    );
}

#[test]
fn a_recorded_answer_is_told_in_full() {
    let totals = decode(RECORDED).totals(&Names::default());
    let mut told = BTreeMap::new();
    for found in &totals.counts {
        told.insert(format!("{:?}", found.object), counts(&totals, &found.object));
    }
    insta::assert_json_snapshot!("counts_of_a_recorded_answer", told);
    let gauges: BTreeMap<String, Vec<(String, u64)>> = totals
        .gauges
        .iter()
        .map(|gauges| {
            let words =
                |(stat, value)| (dictionary::words(stat).expect("a number of the dictionary").name, value);
            (format!("{:?}", gauges.object), gauges.values.iter().map(words).collect())
        })
        .collect();
    insta::assert_json_snapshot!("gauges_of_a_recorded_answer", gauges);
}

#[test]
fn nothing_that_is_kept_counts_a_request_twice() {
    let totals = decode(RECORDED).totals(&Names::default());
    for found in totals.counts.iter().filter(|found| matches!(found.object, StatObject::Cluster(_))) {
        let classes: u64 = (0..5).map(|class| found.counts.get(StatId::class(class))).sum();
        let codes: u64 = found
            .counts
            .iter()
            .filter(|(stat, _)| (10_100..11_000).contains(&stat.0))
            .map(|(_, count)| count)
            .sum();
        let requests = found.counts.get(StatId::REQUESTS);
        assert_eq!((classes, codes), (requests, requests), "{:?}", found.object);
    }
}

#[test]
fn recorded_bins_hold_every_answered_request() {
    let totals = decode(RECORDED_BINS).totals(&Names::default());
    let latency = &totals.of(&cluster("orders_v1")).expect("orders").latency;
    assert_eq!(latency.iter().map(|bin| bin.count).sum::<u64>(), 181 - 5, "time-outs have no latency");
    assert_eq!(latency[..2], [LatencyBin::fine(0, 4), LatencyBin::fine(1, 17)]);
    assert!(latency.is_sorted_by(|one, other| one.bin < other.bin));
    let tight = &totals.of(&cluster("tight")).expect("tight").latency;
    assert_eq!(tight.first(), Some(&LatencyBin::fine(150, 8)));
    assert!(totals.of(&cluster("orders_v1.external")).is_none());
}

#[test]
fn what_is_timed_once_more_is_left_out() {
    let timed =
        |name: &str| format!(r#"{{"name":"{name}","totals":[{{"lower_bound":7,"width":1,"count":2}}]}}"#);
    let copies = ["canary.", "internal.", "external.", "zone.here.there.", ""];
    let timed: Vec<String> =
        copies.iter().map(|copy| timed(&format!("cluster.orders.{copy}upstream_rq_time"))).collect();
    let text = format!(r#"{{"stats":[{{"histograms":{{"details":[{}]}}}}]}}"#, timed.join(","));
    let totals = decode(&text).totals(&Names::default());
    let latency = totals.of(&cluster("orders")).map(|found| found.latency.clone());
    assert_eq!(latency, Some(vec![LatencyBin::fine(7, 2)]));
}

#[test]
fn recorded_bounds_hold_the_same_requests_as_recorded_bins() {
    let fine = decode(RECORDED_BINS).totals(&Names::default());
    let coarse = decode(RECORDED_BOUNDS).totals(&Names::default());
    let bounds = |bin: i16| Scheme::Envoy.bounds_ms(bin);
    assert_eq!(fine.counts.len(), coarse.counts.len());
    for (fine, coarse) in fine.counts.iter().zip(&coarse.counts) {
        assert_eq!(fine.object, coarse.object);
        let mut left: Vec<LatencyBin> = coarse.latency.clone();
        left.sort_by(|one, other| bounds(one.bin).1.total_cmp(&bounds(other.bin).1));
        assert!(left.iter().all(|bin| bin.bin < 0), "{:?}", fine.object);
        // The bins come in order, so the first that has room left is the one that a request must be in.
        for bin in &fine.latency {
            for _ in 0..bin.count {
                let (low, high) = bounds(bin.bin);
                let room = left.iter_mut().find(|bin| bin.count > 0).expect("as many requests");
                let (at_least, at_most) = bounds(room.bin);
                assert!(
                    at_least <= low && high <= at_most,
                    "{low}..{high} is counted as {at_least}..{at_most}"
                );
                room.count -= 1;
            }
        }
        assert!(left.iter().all(|bin| bin.count == 0), "{:?} has more requests than bins", fine.object);
    }
    let orders = &coarse.of(&cluster("orders_v1")).expect("orders").latency;
    assert!(orders.contains(&LatencyBin::between(26.0, 51.0, 91)), "{orders:?}");
}

#[test]
fn bounds_out_of_order_count_nothing_twice() {
    let buckets = |buckets: &str| {
        let text = format!(
            r#"{{"stats":[{{"histograms":[{{"name":"cluster.a.upstream_rq_time","buckets":[{buckets}]}}]}}]}}"#
        );
        let totals = decode(&text).totals(&Names::default());
        totals.of(&cluster("a")).map_or(0, |found| found.latency.iter().map(|bin| bin.count).sum::<u64>())
    };
    let bucket = |bound: &str, count: u64| format!(r#"{{"upper_bound":{bound},"cumulative":{count}}}"#);
    let row = |row: &[(&str, u64)]| {
        buckets(&row.iter().map(|(bound, count)| bucket(bound, *count)).collect::<Vec<_>>().join(","))
    };
    assert_eq!(row(&[("1", 3), ("5", 7), ("10", 7)]), 7);
    assert_eq!(row(&[("5", 7), ("1", 3), ("5", 9), ("10", 8)]), 8);
    assert_eq!(row(&[("-1e99", 1), ("1e99", u64::MAX)]), u64::MAX);
    assert_eq!(row(&[]), 0);
}

#[test]
fn dots_in_names_are_no_borders() {
    let totals = series(&[
        ("cluster.orders.shop.svc.cluster.local.upstream_rq_completed", "5"),
        ("cluster.orders.shop.svc.cluster.local.external.upstream_rq_completed", "5"),
        ("cluster.orders.shop.svc.cluster.local.endpoint.10.0.0.1_80.rq_total", "4"),
        ("cluster.orders.shop.svc.cluster.local.zone.a.b.upstream_rq_503", "2"),
        ("cluster.outbound|8080|v2|orders.shop.ssl.handshake", "2"),
        ("cluster.ssl.upstream_rq_total", "3"),
        ("http.in.bound.downstream_rq_5xx", "5"),
        ("listener.10.0.0.1_443.ssl.fail_verify_san", "6"),
        ("listener.10.0.0.1_443.worker_0.downstream_cx_total", "6"),
        ("vhost.shop.example.com_80.route.check.out.upstream_rq_504", "7"),
        ("vhost.shop.example.com_80.vcluster.other.upstream_rq_timeout", "8"),
    ])
    .totals(&Names::default());
    let orders = "orders.shop.svc.cluster.local".to_owned();
    let host = "shop.example.com_80".to_owned();
    let expected = [
        (cluster(&orders), "upstream_rq_completed", 5),
        (StatObject::Endpoint { cluster: orders.clone(), address: "10.0.0.1_80".to_owned() }, "rq_total", 4),
        (
            StatObject::Zone { cluster: orders, from: "a".to_owned(), to: "b".to_owned() },
            "upstream_rq_503",
            2,
        ),
        (cluster("outbound|8080|v2|orders.shop"), "ssl.handshake", 2),
        (cluster("ssl"), "upstream_rq_total", 3),
        (manager("in.bound"), "downstream_rq_5xx", 5),
        (StatObject::Listener("10.0.0.1_443".to_owned()), "ssl.fail_verify_san", 6),
        (
            StatObject::Route { virtual_host: host.clone(), name: "check.out".to_owned() },
            "upstream_rq_504",
            7,
        ),
        (
            StatObject::VirtualCluster { virtual_host: host, name: "other".to_owned() },
            "upstream_rq_timeout",
            8,
        ),
    ];
    for (object, name, count) in &expected {
        assert_eq!(counts(&totals, object), [((*name).to_owned(), *count)], "{object:?}");
    }
    assert_eq!(totals.counts.len(), expected.len());
}

#[test]
fn the_configuration_decides_where_a_name_ends() {
    let mut names = Names::default();
    names.add_cluster("billing.external", "billing.external");
    names.add_cluster("billing", "billing");
    names.add_virtual_host("a.route.b");
    let totals = series(&[
        ("cluster.billing.external.upstream_rq_completed", "5"),
        ("cluster.billing.upstream_rq_completed", "7"),
        ("vhost.a.route.b.route.c.upstream_rq_completed", "9"),
    ])
    .totals(&names);
    assert_eq!(get(&totals, &cluster("billing.external"), "upstream_rq_completed"), 5);
    assert_eq!(get(&totals, &cluster("billing"), "upstream_rq_completed"), 7);
    let route = StatObject::Route { virtual_host: "a.route.b".to_owned(), name: "c".to_owned() };
    assert_eq!(get(&totals, &route, "upstream_rq_completed"), 9);
}

#[test]
fn of_several_certificates_the_first_to_expire_counts() {
    let totals = series(&[
        ("listener.edge.ssl.certificate.leaf.expiration_unix_time_seconds", "200"),
        ("listener.edge.ssl.certificate.ca.expiration_unix_time_seconds", "100"),
        ("listener.edge.ssl.certificate.other.expiration_unix_time_seconds", "300"),
    ])
    .totals(&Names::default());
    assert_eq!(totals.gauges.len(), 1);
    assert_eq!(totals.gauges[0].values.get(StatId::CERTIFICATE_EXPIRY), 100);
}

#[test]
fn what_is_no_count_is_left_out() {
    let totals = series(&[
        ("cluster.a.upstream_rq_total", "18446744073709551613"),
        ("cluster.b.upstream_rq_total", "-1"),
        ("cluster.c.upstream_rq_total", "1.5"),
        ("cluster.d.upstream_rq_total", r#""many""#),
        ("cluster.e.upstream_rq_total", "null"),
        ("cluster.f.upstream_rq_total", r#"{"nested":[1]}"#),
        ("cluster.g.upstream_rq_total", "0"),
        ("cluster.h.upstream_rq_total", "7"),
        ("upstream_rq_total", "7"),
    ])
    .totals(&Names::default());
    let objects: Vec<&StatObject> = totals.counts.iter().map(|found| &found.object).collect();
    assert_eq!(objects, [&cluster("h")]);
}

#[test]
fn the_process_tells_of_itself() {
    let signs = decode(RECORDED).signs();
    assert!(signs.admin_requests.is_some_and(|count| count > 0));
    assert!(signs.objects_added >= 9 && signs.flushed_at_s.is_some());
}

#[test]
fn a_name_that_comes_twice_counts_once() {
    let histogram = |count| {
        format!(r#"{{"name":"cluster.a.upstream_rq_time","totals":[{{"lower_bound":1,"count":{count}}}]}}"#)
    };
    let totals = decode(&format!(
        r#"{{"stats":[{{"name":"cluster.a.upstream_rq_completed","value":7}},{{"name":"cluster.b.upstream_rq_completed","value":1}},
            {{"name":"cluster.a.upstream_rq_completed","value":5}},{{"name":"cluster.a.membership_total","value":3}},
            {{"name":"cluster.a.membership_total","value":3}},{{"histograms":{{"details":[{},{}]}}}}]}}"#,
        histogram(4),
        histogram(2)
    ))
    .totals(&Names::default());
    assert_eq!(get(&totals, &cluster("a"), "upstream_rq_completed"), 7);
    assert_eq!(get(&totals, &cluster("b"), "upstream_rq_completed"), 1);
    assert_eq!(totals.of(&cluster("a")).unwrap().latency, [LatencyBin::fine(1, 4)]);
    assert_eq!(totals.gauges[0].values.iter().map(|(_, value)| value).collect::<Vec<_>>(), [3]);
}

#[test]
fn latency_of_canary_hosts_is_counted_once() {
    let of = |name: &str| {
        format!(r#"{{"name":"cluster.a.{name}upstream_rq_time","totals":[{{"lower_bound":1,"count":4}}]}}"#)
    };
    let all = ["", "canary.", "external.", "internal.", "zone.x.y."].map(of).join(",");
    let totals =
        decode(&format!(r#"{{"stats":[{{"histograms":{{"details":[{all}]}}}}]}}"#)).totals(&Names::default());
    assert_eq!(totals.counts.len(), 1, "{:?}", totals.counts);
    assert_eq!(totals.counts[0].latency, [LatencyBin::fine(1, 4)]);
}

#[test]
fn the_sign_of_the_configuration_follows_it_and_not_the_traffic() {
    let sign = decode(RECORDED).configuration_sign();
    assert_eq!(sign, decode(RECORDED_LATER).configuration_sign());
    let more = RECORDED.replace(
        r#""cluster_manager.cluster_added","value":7"#,
        r#""cluster_manager.cluster_added","value":8"#,
    );
    assert_ne!(more, RECORDED);
    assert_ne!(sign, decode(&more).configuration_sign());
    let reload = |count| series(&[("http.in.rds.routes.config_reload", count)]).configuration_sign();
    assert_ne!(reload("1"), reload("2"));
}

#[test]
fn half_an_answer_is_told_from_another_answer() {
    let half = Stats::decode(&RECORDED.as_bytes()[..RECORDED.len() / 2]).expect_err("half");
    assert!(half.is_eof());
    let not_a_number = r#"{"stats":[{"name":"cluster.a.upstream_rq_total","value":NaN}]}"#;
    for other in [r#"{"status":"ok"}"#, "[]", "7", r#"{"stats":[7]}"#, "<html>", not_a_number] {
        assert!(!Stats::decode(other.as_bytes()).expect_err(other).is_eof(), "{other}");
    }
}

/// The recorded answer with its statistics in another order.
fn reordered(order: &[usize]) -> String {
    let answer: serde_json::Value = serde_json::from_str(RECORDED).unwrap();
    let mut stats = answer["stats"].as_array().unwrap().clone();
    for (at, &with) in order.iter().enumerate() {
        let (at, with) = (at % stats.len(), with % stats.len());
        stats.swap(at, with);
    }
    serde_json::json!({"stats": stats}).to_string()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn the_order_of_the_statistics_does_not_matter(order in prop::collection::vec(any::<usize>(), 2_000)) {
        prop_assert_eq!(decode(&reordered(&order)).totals(&Names::default()), decode(RECORDED).totals(&Names::default()));
    }
}

#[test]
fn what_envoy_writes_is_read_the_swift_way_and_says_the_same() {
    for recorded in [RECORDED_BINS, RECORDED_BUSY] {
        let swift = swift::decode(recorded.as_bytes()).expect("Envoy's own writing");
        assert_eq!(swift, Stats::decode_carefully(recorded.as_bytes()).expect("statistics"));
        assert!(swift.histograms().any(|(_, bins)| bins.len() > 1));
    }
}

#[test]
fn odd_values_are_read_the_swift_way_too() {
    let text = r#"{"stats":[{"name":"a.é","value":0},{"name":"b","value":18446744073709551615},{"name":"c","value":"text"},{"histograms":{"supported_percentiles":[],"details":[{"name":"d","totals":[],"intervals":[],"percentiles":[]},{"name":"e","totals":[{"lower_bound":0.05,"width":0.01,"count":7}],"intervals":[],"percentiles":[{"cumulative":null}]}]}}]}"#;
    let swift = swift::decode(text.as_bytes()).expect("Envoy's own writing");
    assert_eq!(swift, Stats::decode_carefully(text.as_bytes()).expect("statistics"));
    assert_eq!(swift.values().collect::<Vec<_>>(), [("a.é", 0)]);
}

#[test]
fn other_writing_is_left_to_the_careful_way() {
    for text in [
        r#"{"stats":[]}"#,
        r#"{"stats": [{"name":"a","value":1}]}"#,
        r#"{"stats":[{"value":1,"name":"a"}]}"#,
        r#"{"stats":[{"name":"a\u0062","value":1}]}"#,
        r#"{"stats":[{"name":"a","value":-1}]}"#,
        r#"{"stats":[{"name":"a","value":1e3}]}"#,
        r#"{"stats":[{"name":"a","value":18446744073709551616}]}"#,
        r#"{"stats":[{"name":"a","value":01}]}"#,
        r#"{"stats":[{"name":"a","value":1},]}"#,
        r#"{"stats":[{"name":"a","value":1}]"#,
        r#"{"stats":[{"name":"a","value":1}]}}"#,
        "{\"stats\":[{\"name\":\"a\nb\",\"value\":1}]}",
    ] {
        assert!(swift::decode(text.as_bytes()).is_none(), "{text}");
    }
}

#[test]
fn the_copies_by_origin_are_left_out_by_the_end_of_their_names() {
    assert_eq!(not_ending_with("nal"), "((.*[^l])?|(.*[^a])?l|(.*[^n])?al)");
}

proptest! {
    #[test]
    fn the_swift_way_says_the_same_or_nothing(changes in prop::collection::vec((0..RECORDED_BUSY.len(), any::<u8>()), 1..4)) {
        let mut bytes = RECORDED_BUSY.as_bytes().to_vec();
        for (at, byte) in changes {
            bytes[at] = byte;
        }
        // Parts that are not kept are only looked at by the careful way.
        if let (Some(swift), Ok(careful)) = (swift::decode(&bytes), Stats::decode_carefully(&bytes)) {
            prop_assert_eq!(swift, careful);
        }
    }

    #[test]
    fn what_came_before_does_not_change_where_a_statistic_belongs(
        clusters in prop::collection::vec("(a|b)(\\.(a|b|zone|internal)){0,2}", 0..5),
        names in prop::collection::vec(
            "cluster(\\.(a|b|zone|internal|endpoint)){1,4}\\.(upstream_rq_completed|ssl\\.handshake|rq_total|other)", 1..8
        ),
    ) {
        let mut known = Names::default();
        for name in &clusters {
            known.add_cluster(name, name);
        }
        let mut sorted = names;
        sorted.sort();
        let mut places = Places::new(&known);
        for name in &sorted {
            prop_assert_eq!(places.place(name), Places::new(&known).place(name), "{}", name);
        }
    }

    #[test]
    fn no_series_name_makes_it_panic(name in r"(cluster|http|listener|vhost|server)?[.a-z0-9_é]{0,40}(\.route\.|\.endpoint\.|\.zone\.)?[.a-z]{0,9}(upstream_rq_completed|downstream_rq_time|upstream_rq_time|rq_total)?") {
        let text = format!(
            r#"{{"stats":[{{"name":"{name}","value":1}},{{"histograms":{{"details":[{{"name":"{name}","totals":[{{"lower_bound":-1e99,"count":1}}]}}]}}}}]}}"#
        );
        decode(&text).totals(&Names::default());
    }
}

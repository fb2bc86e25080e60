mod hot_restart;

use std::collections::BTreeMap;

use proptest::prelude::*;
use sidecarta_queries::dictionary::StatId;
use sidecarta_queries::rows::envoy::{LatencyBin, ObjectCounts, StatCounts, StatObject};
use sidecarta_queries::sketch::envoy_bin;

use super::{Baseline, Deltas, MAX_GROWTH, Names, Process, Signs, Totals, deltas};

const SECOND_NS: i64 = 1_000_000_000;
const WATCHED_SINCE_NS: i64 = 1_000 * SECOND_NS;

fn process(started_at_s: i64) -> Process {
    Process {
        started: format!("start at {started_at_s}"),
        started_at_ns: started_at_s * SECOND_NS,
        restart_epoch: 0,
    }
}

fn cluster(name: &str, requests: u64) -> ObjectCounts {
    ObjectCounts {
        object: StatObject::Cluster(name.to_owned()),
        counts: [(StatId::REQUESTS, requests)].into_iter().collect(),
        latency: Vec::new(),
    }
}

fn baseline(process: Process, seen_at_s: i64, requests: u64) -> Baseline {
    let counts = if requests == 0 { Vec::new() } else { vec![cluster("orders", requests)] };
    Baseline {
        process,
        seen_at_ns: seen_at_s * SECOND_NS,
        signs: asked(seen_at_s as u64),
        totals: Totals { counts, gauges: Vec::new() },
        unflushed: Vec::new(),
    }
}

/// Signs of a process whose admin interface was asked so often.
fn asked(admin_requests: u64) -> Signs {
    Signs { admin_requests: Some(admin_requests), ..Signs::default() }
}

fn requests(before: Option<&Baseline>, now: &Baseline) -> u64 {
    let deltas = deltas(before, now, WATCHED_SINCE_NS, &Names::default());
    deltas.counts.iter().map(|counts| counts.counts.get(StatId::REQUESTS)).sum()
}

#[test]
fn the_same_process_adds_what_it_has_grown_by() {
    let before = baseline(process(0), 1_000, 10);
    assert_eq!(requests(Some(&before), &baseline(process(0), 1_005, 13)), 3);
    assert_eq!(requests(Some(&before), &baseline(process(0), 1_005, 10)), 0);
}

#[test]
fn a_series_that_appears_started_at_zero() {
    let before = baseline(process(0), 1_000, 0);
    assert_eq!(requests(Some(&before), &baseline(process(0), 1_005, 3)), 3);
}

#[test]
fn a_counter_that_fell_started_anew() {
    let before = baseline(process(0), 1_000, 10);
    assert_eq!(requests(Some(&before), &baseline(process(0), 1_005, 4)), 4);
}

#[test]
fn a_reset_shows_even_where_a_counter_has_overtaken_itself() {
    let before = baseline(process(0), 1_000, 10);
    let now = Baseline { signs: asked(5), ..baseline(process(0), 1_005, 12) };
    assert_eq!(requests(Some(&before), &now), 12);
    // Others have asked the admin interface meanwhile, or it does not count.
    for admin_requests in [Some(9_000), None] {
        let signs = |objects_added| Signs { admin_requests, objects_added, flushed_at_s: None };
        let before = Baseline { signs: signs(30), ..before.clone() };
        let now = Baseline { signs: signs(2), ..now.clone() };
        assert_eq!(requests(Some(&before), &now), 12);
    }
}

#[test]
fn a_reset_does_not_reach_endpoints() {
    let endpoint = |seen_at_s, count| {
        let mut baseline = baseline(process(0), seen_at_s, count);
        let object = StatObject::Endpoint { cluster: "orders".to_owned(), address: "a".to_owned() };
        baseline.totals.counts[0].object = object;
        baseline
    };
    let now = Baseline { signs: asked(5), ..endpoint(1_005, 12) };
    assert_eq!(requests(Some(&endpoint(1_000, 10)), &now), 2);
}

#[test]
fn a_restarted_process_is_all_new_even_where_it_counts_more() {
    let before = baseline(process(0), 1_000, 10);
    assert_eq!(requests(Some(&before), &baseline(process(1_002), 1_005, 12)), 12);
}

#[test]
fn a_hot_restarted_process_is_all_new_although_it_started_beside_the_old_one() {
    let before = baseline(process(0), 1_000, 10);
    let now = Baseline {
        process: Process { restart_epoch: 1, ..process(970) },
        ..baseline(process(970), 1_005, 4)
    };
    assert_eq!(requests(Some(&before), &now), 4);
}

#[test]
fn another_process_under_the_same_name_adds_nothing_it_counted_before() {
    let before = baseline(process(0), 1_000, 10);
    assert_eq!(requests(Some(&before), &baseline(process(500), 1_005, 700)), 0);
}

#[test]
fn a_process_that_is_gone_is_told() {
    let before = baseline(process(0), 1_000, 10);
    let lost = |now: &Baseline| deltas(Some(&before), now, WATCHED_SINCE_NS, &Names::default()).lost_process;
    assert!(!lost(&baseline(process(0), 1_005, 12)));
    assert!(lost(&baseline(process(1_002), 1_005, 12)));
}

#[test]
fn a_first_look_counts_only_what_happened_under_it() {
    assert_eq!(requests(None, &baseline(process(0), 1_001, 700)), 0);
    assert_eq!(requests(None, &baseline(process(995), 1_001, 7)), 7, "it started just before");
    assert_eq!(requests(None, &baseline(process(2_000), 2_005, 7)), 7, "it started later");
}

#[test]
fn bins_of_another_kind_start_anew() {
    let with = |latency: Vec<LatencyBin>, seen_at_s| {
        let counts = vec![ObjectCounts { latency, ..cluster("orders", 5) }];
        Baseline { totals: Totals { counts, gauges: Vec::new() }, ..baseline(process(0), seen_at_s, 0) }
    };
    let fine = |seen_at_s| with(vec![LatencyBin::fine(7, 5)], seen_at_s);
    let coarse = |count, seen_at_s| with(vec![LatencyBin::between(5.0, 10.0, count)], seen_at_s);
    for (before, now) in [(fine(1_000), coarse(5, 1_005)), (coarse(5, 1_000), fine(1_005))] {
        assert_eq!(deltas(Some(&before), &now, WATCHED_SINCE_NS, &Names::default()).counts, []);
    }
    let found = deltas(Some(&coarse(5, 1_000)), &coarse(8, 1_005), WATCHED_SINCE_NS, &Names::default());
    assert_eq!(found.counts[0].latency, [LatencyBin::between(5.0, 10.0, 3)]);
}

#[test]
fn nothing_is_not_mentioned_and_names_are_the_configured_ones() {
    let mut names = Names::default();
    names.add_cluster("orders:80", "orders:80");
    let rename = |mut baseline: Baseline| {
        baseline.totals.counts[0].object = StatObject::Cluster("orders_80".to_owned());
        baseline
    };
    let before = rename(baseline(process(0), 1_000, 1));
    let now = rename(baseline(process(0), 1_005, 2));
    let found = deltas(Some(&before), &now, WATCHED_SINCE_NS, &names);
    assert_eq!(found.counts, [cluster("orders:80", 1)]);
    assert_eq!(deltas(Some(&now), &now, WATCHED_SINCE_NS, &names), Deltas::default());
}

#[test]
fn clocks_that_jump_change_no_count() {
    // Sidecarta's own clock, back by an hour and on by a day: the same process has grown by what it has grown.
    let before = baseline(process(0), 10_000, 10);
    for seen_at_s in [6_400, 96_400, -9_000_000_000, 9_000_000_000] {
        let now = Baseline { signs: asked(20_000), ..baseline(process(0), seen_at_s, 13) };
        assert_eq!(requests(Some(&before), &now), 3, "seen at {seen_at_s} s");
        let later = Baseline { signs: asked(20_003), ..baseline(process(0), seen_at_s + 5, 14) };
        assert_eq!(requests(Some(&now), &later), 1, "seen at {seen_at_s} s");
    }
    // Under a clock that went back, a new process seems to have run beside the old one all along: nobody knows when it
    // counted, and it is counted from now on.
    let restarted = Baseline { signs: asked(3), ..baseline(process(6_395), 6_400, 40) };
    assert_eq!(requests(Some(&before), &restarted), 0);
    assert_eq!(requests(Some(&restarted), &baseline(process(6_395), 6_405, 42)), 2);
}

#[test]
fn an_uptime_that_lies_is_survived() {
    let at = |started_at_ns| Process { started_at_ns, ..process(0) };
    for started_at_ns in [i64::MIN, i64::MAX] {
        let first = baseline(at(started_at_ns), 1_005, 5);
        // A start in the future is one that has just been.
        assert_eq!(requests(None, &first), if started_at_ns > 0 { 5 } else { 0 });
        let before = baseline(process(7), 1_000, 3);
        assert_eq!(requests(Some(&before), &first), if started_at_ns > 0 { 5 } else { 0 });
    }
}

#[test]
fn counters_that_jump_add_nothing() {
    let found = |old: u64, new: u64| {
        let (before, now) = (baseline(process(0), 1_000, old), baseline(process(0), 1_005, new));
        let found = deltas(Some(&before), &now, WATCHED_SINCE_NS, &Names::default());
        (requests(Some(&before), &now), found.implausible)
    };
    assert_eq!(found(10, 10 + MAX_GROWTH), (MAX_GROWTH, 0));
    assert_eq!(found(10, 11 + MAX_GROWTH), (0, 1));
    assert_eq!(found(10, i64::MAX as u64), (0, 1));
    assert_eq!(found(i64::MAX as u64, 7), (7, 0), "and back again it counts from zero");
}

#[test]
fn bins_that_jump_add_nothing() {
    let with = |counts: [u64; 2]| {
        let mut now = baseline(process(0), 1_005, 1);
        let bins = [1, 5].into_iter().zip(counts).map(|(lower_ms, count)| LatencyBin::fine(lower_ms, count));
        now.totals.counts[0].latency = bins.collect();
        now
    };
    let found = deltas(Some(&with([1, 1])), &with([i64::MAX as u64, 3]), WATCHED_SINCE_NS, &Names::default());
    assert_eq!(found.implausible, 1);
    assert_eq!(found.counts[0].latency, [LatencyBin::fine(5, 2)]);
}

/// What may happen to a proxy and to whoever scrapes it.
#[derive(Clone, Debug)]
enum Event {
    Request {
        cluster: u8,
        latency_ms: u32,
    },
    Flush,
    Scrape,
    /// The proxy does not answer, or the store does not take the scrape.
    FailedScrape,
    Restart,
    ResetCounters,
    /// A series goes away and is seen to be away.
    Vanish {
        cluster: u8,
    },
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        8 => (0..3_u8, 0..2_000_u32).prop_map(|(cluster, latency_ms)| Event::Request { cluster, latency_ms }),
        3 => Just(Event::Flush),
        4 => Just(Event::Scrape),
        2 => Just(Event::FailedScrape),
        1 => Just(Event::Restart),
        1 => Just(Event::ResetCounters),
        1 => (0..3_u8).prop_map(|cluster| Event::Vanish { cluster }),
    ]
}

/// A proxy as Envoy behaves, beside a ledger of what can be known of it.
#[derive(Debug)]
struct Mesh {
    now_s: i64,
    proxy: Baseline,
    unflushed: BTreeMap<String, Vec<u32>>,
    stored: Option<Baseline>,
    /// Requests and latencies that happened, and were not lost with a process or a reset before a scrape saw them.
    knowable: BTreeMap<String, (u64, u64)>,
    unseen: BTreeMap<String, (u64, u64)>,
    counted: BTreeMap<String, (u64, u64)>,
}

impl Mesh {
    fn new() -> Self {
        let proxy = Baseline { signs: asked(1_000_000), ..baseline(process(1_000), 1_000, 0) };
        Self {
            now_s: 1_000,
            proxy,
            unflushed: BTreeMap::new(),
            stored: None,
            knowable: BTreeMap::new(),
            unseen: BTreeMap::new(),
            counted: BTreeMap::new(),
        }
    }

    fn happen(&mut self, event: &Event) {
        self.now_s += 3;
        match event {
            Event::Request { cluster, latency_ms } => self.request(&format!("c{cluster}"), *latency_ms),
            Event::Flush => self.flush(),
            Event::Scrape => self.scrape(),
            Event::FailedScrape => {
                self.ask(|count| count + 3);
            }
            Event::Restart => {
                self.lose(|unseen| *unseen = (0, 0));
                self.unflushed.clear();
                self.proxy =
                    Baseline { signs: asked(900_000), ..baseline(process(self.now_s), self.now_s, 0) };
            }
            Event::ResetCounters => {
                self.lose(|unseen| unseen.0 = 0);
                for cluster in &mut self.proxy.totals.counts {
                    cluster.counts = StatCounts::default();
                }
                // Under a reset that nobody sees nothing is promised, so the admin counter starts high enough.
                self.ask(|count| count / 2);
            }
            Event::Vanish { cluster } => {
                self.flush();
                self.scrape();
                let gone = StatObject::Cluster(format!("c{cluster}"));
                self.proxy.totals.counts.retain(|counts| counts.object != gone);
                self.scrape();
            }
        }
    }

    fn ask(&mut self, count: impl Fn(u64) -> u64) {
        self.proxy.signs.admin_requests = self.proxy.signs.admin_requests.map(count);
    }

    fn request(&mut self, name: &str, latency_ms: u32) {
        let counts = &mut self.proxy.totals.counts;
        let object = StatObject::Cluster(name.to_owned());
        let at = counts.binary_search_by(|counts| counts.object.cmp(&object)).unwrap_or_else(|at| {
            counts.insert(at, ObjectCounts::of(object));
            at
        });
        counts[at].counts.add(StatId::REQUESTS, 1);
        self.unflushed.entry(name.to_owned()).or_default().push(latency_ms);
        for ledger in [&mut self.knowable, &mut self.unseen] {
            let (requests, latencies) = ledger.entry(name.to_owned()).or_default();
            *requests += 1;
            *latencies += 1;
        }
    }

    fn flush(&mut self) {
        for (name, latencies) in std::mem::take(&mut self.unflushed) {
            let object = StatObject::Cluster(name);
            let mut counts = self.proxy.totals.counts.iter_mut();
            let Some(cluster) = counts.find(|counts| counts.object == object) else { continue };
            for lower_ms in latencies {
                match cluster.latency.binary_search_by_key(&envoy_bin(lower_ms), |bin| bin.bin) {
                    Ok(index) => cluster.latency[index].count += 1,
                    Err(index) => cluster.latency.insert(index, LatencyBin::fine(lower_ms, 1)),
                }
            }
        }
    }

    fn scrape(&mut self) {
        self.ask(|count| count + 3);
        self.proxy.seen_at_ns = self.now_s * SECOND_NS;
        let found = deltas(self.stored.as_ref(), &self.proxy, WATCHED_SINCE_NS, &Names::default());
        for counts in found.counts {
            let StatObject::Cluster(name) = counts.object else { continue };
            let (requests, latencies) = self.counted.entry(name).or_default();
            *requests += counts.counts.get(StatId::REQUESTS);
            *latencies += counts.latency.iter().map(|bin| bin.count).sum::<u64>();
        }
        for (name, unseen) in &mut self.unseen {
            *unseen = (0, self.unflushed.get(name).map_or(0, |latencies| latencies.len() as u64));
        }
        // The way through the store.
        let bytes = postcard::to_stdvec(&self.proxy).expect("a baseline");
        self.stored = Some(postcard::from_bytes(&bytes).expect("the same baseline"));
    }

    /// Takes what nobody has seen and nobody will see out of what can be known.
    fn lose(&mut self, keep: impl Fn(&mut (u64, u64))) {
        for (name, unseen) in &mut self.unseen {
            let before = *unseen;
            keep(unseen);
            let knowable = self.knowable.entry(name.clone()).or_default();
            knowable.0 -= before.0 - unseen.0;
            knowable.1 -= before.1 - unseen.1;
        }
    }
}

proptest! {
    #[test]
    fn all_that_can_be_known_is_counted_once(events in prop::collection::vec(event(), 0..200)) {
        let mut mesh = Mesh::new();
        for event in &events {
            mesh.happen(event);
        }
        mesh.flush();
        mesh.scrape();
        mesh.knowable.retain(|_, counts| *counts != (0, 0));
        mesh.counted.retain(|_, counts| *counts != (0, 0));
        prop_assert_eq!(mesh.counted, mesh.knowable);
    }

    #[test]
    fn nothing_is_ever_more_than_a_proxy_has_counted(
        old in prop::collection::vec(0..50_u64, 5), new in prop::collection::vec(0..50_u64, 5),
    ) {
        let manager = |counts: &[u64]| ObjectCounts {
            object: StatObject::Manager("in".to_owned()),
            counts: (0..).map(StatId).zip(counts[..3].iter().copied()).collect(),
            latency: vec![LatencyBin::fine(1, counts[3] + 1), LatencyBin::fine(9, counts[4] + 1)],
        };
        let at = |seen_at_s, counts: &[u64]| Baseline {
            totals: Totals { counts: vec![manager(counts)], gauges: Vec::new() },
            ..baseline(process(0), seen_at_s, 0)
        };
        let found = deltas(Some(&at(1_000, &old)), &at(1_005, &new), WATCHED_SINCE_NS, &Names::default());
        let now = manager(&new);
        for delta in found.counts {
            prop_assert!(delta.counts.iter().all(|(stat, count)| count <= now.counts.get(stat)));
            prop_assert!(delta.latency.iter().all(|bin| now.latency.iter().any(|now| now.bin == bin.bin && bin.count <= now.count)));
        }
    }
}

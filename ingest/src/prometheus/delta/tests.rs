//! What was counted is counted once, whatever a target does to its series.

use proptest::prelude::*;
use sidecarta_queries::rows::mesh::{MeshCounter, MeshCounts, MeshEdge, MeshLatency, MeshWorkload};
use sidecarta_queries::sketch::Scheme;

use super::*;

const WATCHED_SINCE_S: f64 = 1_000.0;

fn counter(key: u128, requests: u64) -> MeshCounter {
    let target = MeshWorkload { name: format!("s{key}"), ..MeshWorkload::default() };
    MeshCounter {
        key,
        edge: MeshEdge { target, response_code: Some(200), ..MeshEdge::default() },
        counts: MeshCounts { requests, ..MeshCounts::default() },
        ..MeshCounter::default()
    }
}

fn told(counters: &[MeshCounter]) -> Told<'_> {
    Told { process: ProcessSign::default(), counters, is_cut: false, at_s: WATCHED_SINCE_S }
}

fn started(counters: &[MeshCounter], started_s: f64) -> Told<'_> {
    Told { process: ProcessSign { started_s: Some(started_s), uptime_s: None }, ..told(counters) }
}

fn requests(before: Option<&Baseline>, told: Told<'_>) -> u64 {
    deltas(before, told, WATCHED_SINCE_S).iter().map(|delta| delta.counts.requests).sum()
}

#[test]
fn an_unknown_target_tells_where_counting_starts_unless_it_has_just_started() {
    let counters = [counter(1, 7)];
    assert_eq!(requests(None, told(&counters)), 0);
    assert_eq!(requests(None, started(&counters, 500.0)), 0);
    assert_eq!(requests(None, started(&counters, 995.0)), 7);
    let uptime = ProcessSign { started_s: None, uptime_s: Some(5.0) };
    assert_eq!(requests(None, Told { process: uptime, ..told(&counters) }), 7);
}

#[test]
fn a_new_process_counts_from_zero_even_where_it_has_counted_more() {
    let (old, new) = ([counter(1, 7)], [counter(1, 9), counter(2, 1)]);
    let before = Baseline::after(None, started(&old, 500.0));
    assert_eq!(requests(Some(&before), started(&new, 500.0)), 2 + 1);
    assert_eq!(requests(Some(&before), started(&new, 900.0)), 9 + 1);
}

#[test]
fn series_that_are_left_out_of_a_cut_answer_are_not_forgotten() {
    let (all, some) = ([counter(1, 7), counter(2, 5)], [counter(1, 8)]);
    let before = Baseline::after(None, told(&all));
    let cut = Baseline::after(Some(&before), Told { is_cut: true, ..told(&some) });
    assert_eq!(requests(Some(&cut), told(&[counter(1, 8), counter(2, 6)])), 1);
    // Of a whole answer they are gone, and count from zero when they are back.
    let whole = Baseline::after(Some(&before), told(&some));
    assert_eq!(requests(Some(&whole), told(&[counter(1, 8), counter(2, 2)])), 2);
}

#[test]
fn responses_of_one_edge_come_together() {
    let coded = |code: u16, requests| {
        let mut coded = counter(u128::from(code), requests);
        coded.edge = MeshEdge { response_code: Some(code), ..MeshEdge::default() };
        coded
    };
    let before = Baseline::after(None, told(&[]));
    let now = [coded(200, 4), coded(404, 2)];
    let found = deltas(Some(&before), told(&now), WATCHED_SINCE_S);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].counts.requests, found[0].edge.response_code), (6, None));
}

#[test]
fn a_class_that_is_reset_takes_no_other_with_it() {
    let classes = |two: u64, five: u64| {
        let counts =
            MeshCounts { requests: two + five, classes: [0, two, 0, 0, five], ..MeshCounts::default() };
        [MeshCounter { counts, ..counter(1, 0) }]
    };
    let before = Baseline::after(None, told(&classes(100, 9)));
    let found = deltas(Some(&before), told(&classes(101, 2)), WATCHED_SINCE_S);
    assert_eq!(found[0].counts.requests, 1 + 2);
    assert_eq!(found[0].counts.classes, [0, 1, 0, 0, 2]);
}

fn histogram(bounds_ms: &[f64], cumulative: &[u64], count: u64) -> [MeshCounter; 1] {
    let latency =
        MeshLatency { bounds_ms: bounds_ms.to_vec(), cumulative: cumulative.to_vec(), count, sum_ms: None };
    [MeshCounter { latency: Some(latency), ..counter(1, 0) }]
}

fn bins(before: Option<&Baseline>, now: &[MeshCounter]) -> Vec<(f64, f64, u64)> {
    let found = deltas(before, told(now), WATCHED_SINCE_S);
    let mut bins: Vec<_> = found
        .iter()
        .flat_map(|delta| &delta.latency)
        .map(|bin| {
            let (low_ms, high_ms) = Scheme::Envoy.bounds_ms(bin.bin);
            (low_ms, high_ms, bin.count)
        })
        .collect();
    bins.sort_by(|one, other| one.0.total_cmp(&other.0));
    bins
}

#[test]
fn latencies_lie_between_the_bounds_of_their_buckets() {
    // The bins of whole milliseconds that start at 5 and at 25 ms are in; the grid has no 26.
    let before = Baseline::after(None, told(&histogram(&[5.0, 25.0], &[2, 4], 5)));
    let now = histogram(&[5.0, 25.0], &[3, 7], 9);
    assert_eq!(bins(Some(&before), &now), [(0.0, 6.0, 1), (6.0, 27.5, 2), (25.0, f64::INFINITY, 1)]);
    assert_eq!(bins(Some(&Baseline::after(None, told(&now))), &now), []);
}

#[test]
fn a_bound_that_was_not_there_had_the_count_of_the_next_lower_one() {
    let before = Baseline::after(None, told(&histogram(&[5.0, 25.0], &[2, 4], 4)));
    let now = histogram(&[5.0, 10.0, 25.0, 50.0], &[2, 3, 5, 6], 6);
    assert_eq!(bins(Some(&before), &now), [(6.0, 11.0, 1), (25.0, 55.0, 1)]);
}

#[test]
fn a_histogram_that_fell_anywhere_was_reset() {
    let before = Baseline::after(None, told(&histogram(&[5.0, 25.0], &[2, 4], 4)));
    assert_eq!(bins(Some(&before), &histogram(&[5.0, 25.0], &[1, 5], 5)), [(0.0, 6.0, 1), (6.0, 27.5, 4)]);
}

#[derive(Clone, Debug)]
enum Event {
    Request(u128, usize),
    Scrape,
    /// Nobody asked, or nobody heard the answer.
    FailedScrape,
    /// One series starts again at zero.
    Reset(u128),
    /// The target forgets a series, which comes back with its next request.
    Evict(u128),
    Restart,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        8 => (0..3_u128, 0..4_usize).prop_map(|(key, bucket)| Event::Request(key, bucket)),
        3 => Just(Event::Scrape),
        1 => Just(Event::FailedScrape),
        1 => (0..3_u128).prop_map(Event::Reset),
        1 => (0..3_u128).prop_map(Event::Evict),
        1 => Just(Event::Restart),
    ]
}

/// A target as it behaves, with a ledger of what a scrape can still see.
struct Target {
    started_s: f64,
    series: BTreeMap<u128, [u64; 4]>,
    /// Since the last scrape, by series.
    unseen: BTreeMap<u128, u64>,
    seen: u64,
    stored: Baseline,
    counted: (u64, u64),
}

impl Target {
    fn scrape(&mut self) {
        let bounds_ms = [5.0, 25.0, 100.0];
        let counters: Vec<MeshCounter> = self
            .series
            .iter()
            .map(|(&key, buckets)| {
                let sum = |to: usize| buckets[..to].iter().sum::<u64>();
                let latency = MeshLatency {
                    bounds_ms: bounds_ms.to_vec(),
                    cumulative: (1..=3).map(sum).collect(),
                    count: sum(4),
                    sum_ms: None,
                };
                MeshCounter { latency: Some(latency), ..counter(key, sum(4)) }
            })
            .collect();
        let told = started(&counters, self.started_s);
        for delta in deltas(Some(&self.stored), told, WATCHED_SINCE_S) {
            self.counted.0 += delta.counts.requests;
            self.counted.1 += delta.latency.iter().map(|bin| bin.count).sum::<u64>();
        }
        let baseline = Baseline::after(Some(&self.stored), told);
        // The way through the store.
        let bytes = postcard::to_stdvec(&baseline).expect("a baseline");
        self.stored = postcard::from_bytes(&bytes).expect("the same baseline");
        self.seen += std::mem::take(&mut self.unseen).values().sum::<u64>();
    }
}

proptest! {
    #[test]
    fn all_that_a_scrape_can_see_is_counted_once(events in prop::collection::vec(event(), 0..150)) {
        let mut target = Target {
            started_s: 900.0,
            series: BTreeMap::new(),
            unseen: BTreeMap::new(),
            seen: 0,
            stored: Baseline::after(None, started(&[], 900.0)),
            counted: (0, 0),
        };
        for event in events {
            match event {
                Event::Request(key, bucket) => {
                    target.series.entry(key).or_default()[bucket] += 1;
                    *target.unseen.entry(key).or_default() += 1;
                }
                Event::Scrape => target.scrape(),
                Event::FailedScrape => {}
                // A series that starts anew and passes where it was before the next scrape cannot be told from one that
                // has gone on, so that a scrape has to see it down.
                Event::Reset(key) => {
                    if let Some(series) = target.series.get_mut(&key) {
                        *series = [0; 4];
                        target.unseen.remove(&key);
                        target.scrape();
                    }
                }
                Event::Evict(key) => {
                    target.series.remove(&key);
                    target.unseen.remove(&key);
                    target.scrape();
                }
                Event::Restart => {
                    target.started_s += 10.0;
                    target.series.clear();
                    target.unseen.clear();
                }
            }
        }
        target.scrape();
        prop_assert_eq!(target.counted, (target.seen, target.seen));
    }

    #[test]
    fn no_histogram_however_odd_counts_more_than_it_says(
        old in prop::collection::vec((0.0_f64..1e4, 0_u64..50), 0..6),
        new in prop::collection::vec((0.0_f64..1e4, 0_u64..50), 0..6),
        counts in (0_u64..99, 0_u64..99),
    ) {
        let odd = |buckets: &[(f64, u64)], count| {
            let (bounds, cumulative): (Vec<f64>, Vec<u64>) = buckets.iter().copied().unzip();
            histogram(&bounds, &cumulative, count)
        };
        let before = Baseline::after(None, told(&odd(&old, counts.0)));
        let most = new.iter().map(|bucket| bucket.1).max().unwrap_or(0).max(counts.1);
        let found = bins(Some(&before), &odd(&new, counts.1));
        prop_assert!(found.iter().map(|bin| bin.2).sum::<u64>() <= most, "{found:?}");
    }
}

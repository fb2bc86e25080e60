use proptest::prelude::*;
use sidecarta_queries::dictionary::StatId;

use super::super::{Baseline, Names, Process, Signs, Totals, deltas, unflushed};
use super::{WATCHED_SINCE_NS, baseline, cluster, process, requests};

/// Three scrapes: the second and the third have seen the process's last flush at these uptimes. The third then stands
/// with 16 requests, of which 6 came after the second.
fn before_a_hot_restart(second_flush: u64, third_flush: u64) -> Baseline {
    let flushed = |at, baseline: Baseline| Baseline {
        signs: Signs { flushed_at_s: Some(at), ..baseline.signs },
        ..baseline
    };
    let scrapes = [
        flushed(1, baseline(process(0), 990, 4)),
        flushed(second_flush, baseline(process(0), 995, 10)),
        flushed(third_flush, baseline(process(0), 1_000, 16)),
    ];
    let [first, mut second, mut third] = scrapes;
    second.unflushed = unflushed(Some(&first), &second);
    third.unflushed = unflushed(Some(&second), &third);
    third
}

/// The process that takes over, which is told by its uptime at the last flush.
fn successor(seen_at_s: i64, count: u64, flushed_at_s: Option<u64>) -> Baseline {
    let baseline = baseline(process(1_002), seen_at_s, count);
    Baseline {
        process: Process { restart_epoch: 1, ..process(1_002) },
        signs: Signs { flushed_at_s, ..baseline.signs },
        ..baseline
    }
}

#[test]
fn what_a_hot_restarted_process_was_handed_over_is_counted_once() {
    let counted = |before: &Baseline, count| requests(Some(before), &successor(1_005, count, Some(12)));
    assert_eq!(counted(&before_a_hot_restart(5, 5), 9), 3, "six of the nine had been scraped");
    assert_eq!(counted(&before_a_hot_restart(1, 1), 15), 3, "twelve had");
    assert_eq!(counted(&before_a_hot_restart(5, 5), 4), 4, "the old process has flushed once more");
    assert_eq!(counted(&before_a_hot_restart(5, 10), 9), 9, "it has flushed before it was last scraped");
    let cold = baseline(process(1_002), 1_005, 9);
    assert_eq!(requests(Some(&before_a_hot_restart(5, 5)), &cold), 9, "nothing was handed over");
}

#[test]
fn a_process_that_has_not_taken_over_yet_is_waited_for() {
    let old = before_a_hot_restart(5, 5);
    let mut early = successor(1_003, 0, None);
    assert_eq!(requests(Some(&old), &early), 0);
    early.unflushed = unflushed(Some(&old), &early);
    let taken_over = successor(1_006, 9, Some(12));
    assert_eq!(requests(Some(&early), &taken_over), 3);
    assert_eq!(unflushed(Some(&early), &taken_over), []);
    // From then on it is a process like any other.
    assert_eq!(requests(Some(&taken_over), &successor(1_009, 19, Some(12))), 10);
}

/// What may happen around hot restarts.
#[derive(Clone, Debug)]
enum Event {
    Request {
        cluster: u8,
    },
    Scrape,
    /// Envoy flushes between two scrapes that see the same.
    Flush,
    /// A process takes over, and may be scraped before it has.
    HotRestart {
        is_scraped_early: bool,
    },
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        8 => (0..3_u8).prop_map(|cluster| Event::Request { cluster }),
        4 => Just(Event::Scrape),
        2 => Just(Event::Flush),
        2 => any::<bool>().prop_map(|is_scraped_early| Event::HotRestart { is_scraped_early }),
    ]
}

const CLUSTERS: [&str; 3] = ["a", "b", "c"];

/// A line of processes as Envoy's hot restart makes it, with one who scrapes them.
#[derive(Debug, Default)]
struct Line {
    now_s: i64,
    process: Process,
    flushed_at_s: Option<u64>,
    /// What the running process has counted, by cluster, and what of that it has not flushed.
    totals: [u64; 3],
    pending: [u64; 3],
    stored: Option<Baseline>,
    happened: [u64; 3],
    counted: [u64; 3],
}

impl Line {
    fn new() -> Self {
        let mut line =
            Self { now_s: 1_000, process: process(1_000), flushed_at_s: Some(0), ..Self::default() };
        line.scrape();
        line
    }

    fn happen(&mut self, event: &Event) {
        self.now_s += 1;
        match event {
            Event::Request { cluster } => {
                for counts in [&mut self.totals, &mut self.pending, &mut self.happened] {
                    counts[usize::from(*cluster)] += 1;
                }
            }
            Event::Scrape => self.scrape(),
            Event::Flush => self.flush(),
            Event::HotRestart { is_scraped_early } => {
                let restart_epoch = self.process.restart_epoch + 1;
                self.process = Process { restart_epoch, ..process(self.now_s) };
                (self.totals, self.flushed_at_s) = ([0; 3], None);
                if *is_scraped_early {
                    self.scrape();
                }
                self.totals = self.pending;
                self.flushed_at_s = Some(self.now_s as u64);
                // Only a flush that is seen tells what the new process will hand over itself.
                self.now_s += 1;
                self.flush();
            }
        }
    }

    fn flush(&mut self) {
        self.scrape();
        self.pending = [0; 3];
        self.flushed_at_s = Some(self.now_s as u64);
        self.scrape();
    }

    fn scrape(&mut self) {
        let counts = CLUSTERS.into_iter().zip(self.totals).filter(|(_, count)| *count > 0);
        let mut now = Baseline {
            process: self.process.clone(),
            signs: Signs { flushed_at_s: self.flushed_at_s, ..Signs::default() },
            totals: Totals {
                counts: counts.map(|(name, count)| cluster(name, count)).collect(),
                gauges: Vec::new(),
            },
            ..baseline(process(0), self.now_s, 0)
        };
        for found in deltas(self.stored.as_ref(), &now, WATCHED_SINCE_NS, &Names::default()).counts {
            let at = CLUSTERS.iter().position(|name| found.object == cluster(name, 0).object);
            self.counted[at.expect("one of the three")] += found.counts.get(StatId::REQUESTS);
        }
        now.unflushed = unflushed(self.stored.as_ref(), &now);
        self.stored = Some(now);
    }
}

proptest! {
    #[test]
    fn hot_restarts_neither_lose_nor_invent_where_flushes_are_seen(
        events in prop::collection::vec(event(), 0..100),
    ) {
        let mut line = Line::new();
        for event in &events {
            line.happen(event);
        }
        line.scrape();
        prop_assert_eq!(line.counted, line.happened);
    }
}

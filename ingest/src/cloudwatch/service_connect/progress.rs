//! Which minutes of which metrics are stored, and what they held then: from it follows what a minute adds that is read for
//! the first time, again, or in another order.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How long CloudWatch keeps minutes, and some more, in minutes.
const KEPT_MINUTES: i64 = 16 * 24 * 60;

/// How far reading has come. It is stored together with what was read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Progress {
    /// Minutes before this one, since 1970, are not read again.
    settled_before: i64,
    /// The minute from which on each cluster is read.
    since: BTreeMap<String, i64>,
    metrics: BTreeMap<u64, MetricProgress>,
}

/// How far one metric has been read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct MetricProgress {
    /// What has been read: ranges of minutes, ends not in them, sorted and apart.
    read: Vec<(i64, i64)>,
    /// What was stored of those minutes that may still grow; nothing where it was zero.
    stored: BTreeMap<i64, u64>,
}

impl Progress {
    /// From which minute on a cluster is read, which is `now` for one that is new.
    pub(super) fn since(&mut self, cluster: &str, now: i64) -> i64 {
        *self.since.entry(cluster.to_owned()).or_insert(now)
    }

    /// Minutes before this one are final. It never goes back, so that no clock makes a minute count twice.
    pub(super) fn settle(&mut self, before: i64) {
        self.settled_before = self.settled_before.max(before);
        let settled = self.settled_before;
        for metric in self.metrics.values_mut() {
            metric.stored = metric.stored.split_off(&settled);
            metric.read.retain(|&(_, to)| to > settled - KEPT_MINUTES);
        }
        self.metrics.retain(|_, metric| !metric.read.is_empty());
    }

    /// Minutes before this one are not read again.
    pub(super) const fn settled_before(&self) -> i64 {
        self.settled_before
    }

    /// The first minute of a range that was never read.
    pub(super) fn first_unread(&self, metric: u64, from: i64, to: i64) -> Option<i64> {
        let read = self.metrics.get(&metric).map_or(&[][..], |metric| &metric.read);
        let mut first = from;
        for &(start, end) in read {
            if start <= first && first < end {
                first = end;
            }
        }
        (first < to).then_some(first)
    }

    /// Takes what a minute of a metric holds, and gives what that adds to what is stored.
    pub(super) fn take(&mut self, metric: u64, minute: i64, holds: u64) -> u64 {
        let settled = minute < self.settled_before;
        let metric = self.metrics.entry(metric).or_default();
        let is_new = metric.mark(minute);
        if settled {
            return if is_new { holds } else { 0 };
        }
        let before = metric.stored.get(&minute).copied().unwrap_or_default();
        if holds > before {
            metric.stored.insert(minute, holds);
        }
        holds.saturating_sub(before)
    }
}

impl MetricProgress {
    /// Marks a minute as read, and says whether it was not before.
    fn mark(&mut self, minute: i64) -> bool {
        let at = self.read.partition_point(|&(from, _)| from <= minute);
        if at > 0 && minute < self.read[at - 1].1 {
            return false;
        }
        let joins_before = at > 0 && self.read[at - 1].1 == minute;
        let joins_after = self.read.get(at).is_some_and(|&(from, _)| from == minute + 1);
        match (joins_before, joins_after) {
            (true, true) => {
                let (_, to) = self.read.remove(at);
                self.read[at - 1].1 = to;
            }
            (true, false) => self.read[at - 1].1 = minute + 1,
            (false, true) => self.read[at].0 = minute,
            (false, false) => self.read.insert(at, (minute, minute + 1)),
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_was_not_read_is_found() {
        let mut progress = Progress::default();
        for minute in [3, 4, 7, 5] {
            progress.take(1, minute, 0);
        }
        assert_eq!(progress.first_unread(1, 0, 10), Some(0));
        assert_eq!(progress.first_unread(1, 3, 10), Some(6));
        assert_eq!(progress.first_unread(1, 3, 6), None);
        assert_eq!(progress.first_unread(1, 7, 9), Some(8));
        progress.take(1, 6, 0);
        assert_eq!(progress.first_unread(1, 3, 10), Some(8));
        assert_eq!(progress.first_unread(2, 3, 10), Some(3));
        assert_eq!((progress.since("prod", 9), progress.since("prod", 12)), (9, 9));
    }

    #[test]
    fn a_clock_that_goes_back_counts_nothing_twice() {
        let mut progress = Progress::default();
        assert_eq!(progress.take(1, 5, 7), 7);
        progress.settle(20);
        progress.settle(1);
        assert_eq!((progress.take(1, 5, 9), progress.take(1, 6, 2), progress.take(1, 6, 2)), (0, 2, 0));
        progress.settle(20 + KEPT_MINUTES);
        assert!(progress.metrics.is_empty());
    }

    /// One thing that can happen.
    #[derive(Clone, Debug)]
    enum Step {
        /// A data point comes, or grows.
        Grow { metric: u64, ago: i64, by: u64 },
        /// Time passes.
        Wait(i64),
        /// These minutes are read, back from the newest complete one.
        Read { ago: i64, minutes: i64 },
        /// A part of the past is read.
        Backfill { from: i64, minutes: i64 },
        /// The process ends before what it read last was stored, and starts anew.
        Crash,
    }

    const LOOK_BACK: i64 = 6;

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0_u64..3, 0..LOOK_BACK, 1_u64..100).prop_map(|(metric, ago, by)| Step::Grow { metric, ago, by }),
            (1_i64..4).prop_map(Step::Wait),
            (0_i64..3, 1_i64..20).prop_map(|(ago, minutes)| Step::Read { ago, minutes }),
            (0_i64..60, 1_i64..20).prop_map(|(from, minutes)| Step::Backfill { from, minutes }),
            Just(Step::Crash),
        ]
    }

    proptest! {
        #[test]
        fn what_is_stored_is_what_there_was_in_the_end(steps in prop::collection::vec(step(), 0..120)) {
            let mut truth: BTreeMap<(u64, i64), u64> = BTreeMap::new();
            let mut stored: BTreeMap<(u64, i64), u64> = BTreeMap::new();
            let mut progress = Progress::default();
            let mut durable = postcard::to_stdvec(&progress).unwrap();
            let mut now = 40_i64;
            let read = |progress: &mut Progress, durable: &mut Vec<u8>, stored: &mut BTreeMap<_, _>, truth: &BTreeMap<_, u64>, minutes: std::ops::Range<i64>| {
                for minute in minutes {
                    let mut next = progress.clone();
                    let mut added = false;
                    for metric in 0..3 {
                        let more = next.take(metric, minute, truth.get(&(metric, minute)).copied().unwrap_or(0));
                        if more > 0 {
                            *stored.entry((metric, minute)).or_default() += more;
                            added = true;
                        }
                    }
                    // A minute that adds nothing is not stored at once.
                    if added {
                        *durable = postcard::to_stdvec(&next).unwrap();
                    }
                    *progress = next;
                }
            };
            for step in steps {
                match step {
                    // What is settled does not grow, or growing would be lost, as the configuration says.
                    Step::Grow { metric, ago, by } => *truth.entry((metric, now - 1 - ago)).or_default() += by,
                    Step::Wait(minutes) => {
                        // The look-back is read before it ends, as rounds do.
                        let settling = now - LOOK_BACK..now;
                        read(&mut progress, &mut durable, &mut stored, &truth, settling);
                        now += minutes.min(LOOK_BACK);
                        progress.settle(now - LOOK_BACK);
                    }
                    Step::Read { ago, minutes } => {
                        let to = now - ago;
                        read(&mut progress, &mut durable, &mut stored, &truth, to - minutes..to);
                    }
                    Step::Backfill { from, minutes } => {
                        let to = (from + minutes).min(now);
                        read(&mut progress, &mut durable, &mut stored, &truth, from..to);
                    }
                    Step::Crash => progress = postcard::from_bytes(&durable).unwrap(),
                }
            }
            read(&mut progress, &mut durable, &mut stored, &truth, 0..now);
            stored.retain(|_, count| *count > 0);
            prop_assert_eq!(stored, truth);
        }
    }
}

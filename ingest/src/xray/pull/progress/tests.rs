//! The law: whatever is told of, in whatever order and with whatever crashes, is fetched after its last revision.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const S: i64 = 1_000_000_000;
const RULES: Rules = Rules {
    settle_ns: 5 * S,
    overlap_ns: 20 * S,
    look_back_ns: 600 * S,
    look_back_every_ns: 60 * S,
    patience_ns: 120 * S,
    retry_ns: 10 * S,
};

#[test]
fn windows_overlap_are_bounded_and_end_where_events_have_settled() {
    let start = 1_000_000 * S;
    let mut progress = Progress::begin(start, start);
    assert_eq!(progress.window(start + 5 * S, &RULES), None);
    let window = progress.window(start + 65 * S, &RULES).unwrap();
    assert_eq!((window.from_ns, window.to_ns), (start - 20 * S, start + 60 * S));
    progress.finish(window, start + 65 * S, &RULES);
    assert!(progress.window(start + 65 * S, &RULES).unwrap().is_look_back);
    // After a day without reading, six hours at once.
    let late = progress.window(start + 86_400 * S, &RULES).unwrap();
    assert_eq!(late.to_ns - late.from_ns, MAX_WINDOW_NS);
}

#[test]
fn a_trace_is_asked_for_again_later_and_later_and_not_for_ever() {
    let mut progress = Progress::begin(0, 0);
    progress.note(7, 1, 0, 0);
    let mut asked = Vec::new();
    for now in 0..3_000 {
        for trace in progress.due(now * S, 10) {
            asked.push(now);
            if progress.missing(trace, now * S, &RULES) {
                assert_eq!(asked, [0, 10, 30, 70, 150, 310, 630, 1_270, 1_910]);
                return;
            }
        }
    }
    panic!("it is never given up: {asked:?}");
}

/// What happens next.
#[derive(Clone, Debug)]
enum Step {
    /// A segment of a trace comes, whose event was so long ago, s, and becomes visible after so long.
    Segment { trace: u128, age: i64, delay: i64 },
    /// Time goes by, s, and everything due is read; of the fetched traces every so-many-th is not processed.
    Round { after: i64, unprocessed: usize },
    /// What was not stored is forgotten.
    Crash,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (1..20_u128, 0..60_i64, 0..200_i64)
            .prop_map(|(trace, age, delay)| Step::Segment { trace, age, delay }),
        4 => (1..90_i64, 1..5_usize).prop_map(|(after, unprocessed)| Step::Round { after, unprocessed }),
        1 => Just(Step::Crash),
    ];
    proptest::collection::vec(step, 1..80)
}

/// X-Ray as far as it matters: of each segment its trace, its event, and when it is visible.
#[derive(Default)]
struct Cloud {
    segments: Vec<(u128, i64, i64)>,
    /// How many segments of each trace were fetched.
    fetched: BTreeMap<u128, usize>,
}

impl Cloud {
    fn visible(&self, trace: u128, now: i64) -> usize {
        self.segments.iter().filter(|&&(of, _, from)| of == trace && from <= now).count()
    }

    fn round(&mut self, progress: &mut Progress, stored: &mut Progress, now: i64, unprocessed: usize) {
        while let Some(window) = progress.window(now, &RULES) {
            for &(trace, event, from) in &self.segments {
                if from <= now && (window.from_ns..window.to_ns).contains(&event) {
                    let revision = i32::try_from(self.visible(trace, now)).unwrap();
                    progress.note(trace, revision, event, now);
                }
            }
            progress.finish(window, now, &RULES);
        }
        for (number, trace) in progress.due(now, usize::MAX).into_iter().enumerate() {
            if unprocessed > 1 && number % unprocessed == 0 {
                progress.again(trace, now, &RULES);
            } else {
                self.fetched.insert(trace, self.visible(trace, now));
                progress.close(trace);
                progress.clone_into(stored);
            }
        }
    }
}

proptest! {
    #[test]
    fn everything_is_fetched_after_its_last_revision(steps in steps()) {
        let mut now = 1_000_000 * S;
        let mut progress = Progress::begin(now - 300 * S, now);
        let mut stored = progress.clone();
        let mut cloud = Cloud::default();
        for step in steps {
            match step {
                Step::Segment { trace, age, delay } => {
                    cloud.segments.push((trace, now - age * S, now + delay * S));
                }
                Step::Round { after, unprocessed } => {
                    now += after * S;
                    cloud.round(&mut progress, &mut stored, now, unprocessed);
                }
                Step::Crash => {
                    let bytes = postcard::to_stdvec(&stored).unwrap();
                    progress = postcard::from_bytes(&bytes).unwrap();
                }
            }
        }
        for _ in 0..30 {
            now += 30 * S;
            cloud.round(&mut progress, &mut stored, now, 1);
        }
        for &(trace, ..) in &cloud.segments {
            prop_assert_eq!(cloud.fetched.get(&trace).copied(), Some(cloud.visible(trace, now)), "trace {}", trace);
        }
        prop_assert_eq!(progress.open(), 0);
    }
}

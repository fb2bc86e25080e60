//! How far the past of a log group has been read that a user wants.

use serde::{Deserialize, Serialize};

use super::position::{Mark, Seen};

/// Separate ranges that are remembered.
const MAX_RANGES: usize = 1_024;

/// What of the past has been read. A range is read once, however often it is asked for, for what is stored twice would
/// count twice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Past {
    /// Ranges that have been read to their end, ms since 1970, their ends not in them; apart from each other, in order.
    done: Vec<(i64, i64)>,
    /// Events that are stored of a range that has not.
    seen: Seen,
}

impl Mark for Past {
    fn seen(&self) -> &Seen {
        &self.seen
    }

    fn seen_mut(&mut self) -> &mut Seen {
        &mut self.seen
    }
}

impl Past {
    /// The first part of a range that has not been read; its end is not in it.
    pub(super) fn next(&self, from_ms: i64, to_ms: i64) -> Option<(i64, i64)> {
        let mut from_ms = from_ms;
        for &(begins, ends) in &self.done {
            if ends <= from_ms {
                continue;
            }
            if begins > from_ms {
                return (from_ms < to_ms).then(|| (from_ms, begins.min(to_ms)));
            }
            from_ms = ends;
        }
        (from_ms < to_ms).then_some((from_ms, to_ms))
    }

    /// Whether one more separate range can be remembered.
    pub(super) fn has_room(&self) -> bool {
        self.done.len() < MAX_RANGES
    }

    /// A range has been read to its end.
    pub(super) fn finish(&mut self, from_ms: i64, to_ms: i64) {
        let (mut from_ms, mut to_ms) = (from_ms, to_ms);
        self.done.retain(|&(begins, ends)| {
            let is_apart = ends < from_ms || begins > to_ms;
            if !is_apart {
                from_ms = from_ms.min(begins);
                to_ms = to_ms.max(ends);
            }
            is_apart
        });
        let at = self.done.partition_point(|&(begins, _)| begins < from_ms);
        self.done.insert(at, (from_ms, to_ms));
        self.seen.forget(from_ms, to_ms);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_moment_is_read_once(wishes in prop::collection::vec((0..300_i64, 1..80_i64), 1..40)) {
            let mut past = Past::default();
            let mut times_read = vec![0; 400];
            for &(from, length) in &wishes {
                while let Some((begins, ends)) = past.next(from, from + length) {
                    prop_assert!(from <= begins && begins < ends && ends <= from + length);
                    // A piece is read in pieces of its own.
                    let ends = ends.min(begins + 7);
                    (begins..ends).for_each(|moment| times_read[usize::try_from(moment).unwrap()] += 1);
                    past.finish(begins, ends);
                }
            }
            for (moment, times) in (0..).zip(times_read) {
                let is_wanted = wishes.iter().any(|&(from, length)| (from..from + length).contains(&moment));
                prop_assert_eq!(times, i32::from(is_wanted), "at {}", moment);
            }
            prop_assert!(past.done.windows(2).all(|pair| pair[0].1 < pair[1].0));
        }
    }
}

//! Why spans were not taken, counted and said in words.

use std::fmt::Write as _;

/// Why one span was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reject {
    TraceId,
    SpanId,
    ParentId,
    Time,
    TooDeep,
    Malformed,
}

/// The reasons in the order in which they are told.
const REASONS: [(Reject, &str); 6] = [
    (Reject::TraceId, "have no valid trace id (16 bytes, not all zero)"),
    (Reject::SpanId, "have no valid span id (8 bytes, not all zero)"),
    (Reject::ParentId, "have a parent span id that is not 8 bytes long"),
    (Reject::Time, "start outside the time that is accepted"),
    (Reject::TooDeep, "have an attribute whose values lie too deep in each other"),
    (Reject::Malformed, "are not valid protobuf"),
];

/// Counts of what was not taken, or not taken whole.
#[derive(Clone, Debug, Default)]
pub(super) struct Rejects {
    counts: [u64; REASONS.len()],
    /// Spans that were taken without some of their attributes, events or links.
    pub(super) cut: u64,
}

impl Rejects {
    pub(super) fn count(&mut self, reason: Reject) {
        self.counts[reason as usize] += 1;
    }

    pub(super) fn of(&self, reason: Reject) -> u64 {
        self.counts[reason as usize]
    }

    pub(super) fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// All of it in a sentence; empty if there is nothing to say.
    pub(super) fn message(&self) -> String {
        let mut message = String::new();
        let total = self.total();
        if total > 0 {
            // Writing to a String cannot fail.
            let _ = write!(message, "{total} spans were not taken");
            let mut separator = ": ";
            for (reason, words) in REASONS {
                let count = self.of(reason);
                if count > 0 {
                    let _ = write!(message, "{separator}{count} {words}");
                    separator = ", ";
                }
            }
        }
        if self.cut > 0 {
            let separator = if total > 0 { "; " } else { "" };
            let _ = write!(
                message,
                "{separator}{} spans were taken without some of their attributes, events or links, which are too many",
                self.cut
            );
        }
        message
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_each_reason_once_with_its_count() {
        let mut rejects = Rejects::default();
        assert_eq!(rejects.message(), "");
        rejects.count(Reject::Time);
        rejects.count(Reject::TraceId);
        rejects.count(Reject::Time);
        assert_eq!(
            rejects.message(),
            "3 spans were not taken: 1 have no valid trace id (16 bytes, not all zero), \
             2 start outside the time that is accepted"
        );
    }

    #[test]
    fn every_reason_has_its_words() {
        for (position, (reason, _)) in REASONS.into_iter().enumerate() {
            assert_eq!(reason as usize, position);
        }
    }
}

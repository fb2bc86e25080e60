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
    (Reject::TraceId, "no valid trace id (16 bytes, not all zero)"),
    (Reject::SpanId, "no valid span id (8 bytes, not all zero)"),
    (Reject::ParentId, "a parent span id that is not 8 bytes long"),
    (Reject::Time, "a start outside the time that is accepted"),
    (Reject::TooDeep, "an attribute with values too deep in each other"),
    (Reject::Malformed, "not valid protobuf"),
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

    /// All of it in words; empty if there is nothing to say.
    pub(super) fn message(&self) -> String {
        let mut message = String::new();
        let total = self.total();
        // Writing to a String cannot fail.
        if total > 0 {
            let _ = write!(message, "spans not taken: {total}");
            let mut separator = " (";
            for (reason, words) in REASONS {
                let count = self.of(reason);
                if count > 0 {
                    let _ = write!(message, "{separator}{words}: {count}");
                    separator = "; ";
                }
            }
            message.push(')');
        }
        if self.cut > 0 {
            let separator = if total > 0 { "; " } else { "" };
            let words =
                "spans taken without some of their attributes, events or links, of which they had too many";
            let _ = write!(message, "{separator}{words}: {}", self.cut);
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
            "spans not taken: 3 (no valid trace id (16 bytes, not all zero): 1; \
             a start outside the time that is accepted: 2)"
        );
    }

    #[test]
    fn every_reason_has_its_words() {
        for (position, (reason, _)) in REASONS.into_iter().enumerate() {
            assert_eq!(reason as usize, position);
        }
    }
}

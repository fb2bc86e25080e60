//! Why records were not taken, counted and said in words.

use std::fmt::Write as _;

use super::signal::Signal;

/// Why one record was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reject {
    TraceId,
    SpanId,
    ParentId,
    Start,
    Time,
    Name,
    Buckets,
    TooManyBuckets,
    TooDeep,
    Malformed,
}

/// The reasons in the order in which they are told.
const REASONS: [(Reject, &str); 10] = [
    (Reject::TraceId, "no valid trace id (16 bytes, not all zero)"),
    (Reject::SpanId, "no valid span id (8 bytes, not all zero)"),
    (Reject::ParentId, "a parent span id that is not 8 bytes long"),
    (Reject::Start, "a start outside the time that is accepted"),
    (Reject::Time, "a time outside the time that is accepted"),
    (Reject::Name, "a metric without a name"),
    (Reject::Buckets, "buckets that do not fit their bounds, or bounds that do not ascend"),
    (Reject::TooManyBuckets, "more buckets than are accepted"),
    (Reject::TooDeep, "an attribute with values too deep in each other"),
    (Reject::Malformed, "not valid protobuf"),
];

/// Counts of what was not taken, or not taken whole.
#[derive(Clone, Debug)]
pub(super) struct Rejects {
    signal: Signal,
    counts: [u64; REASONS.len()],
    /// Records that were taken without some of their parts.
    pub(super) cut: u64,
    /// Log records that were taken without a trace or span id, which they have, but a wrong one.
    pub(super) unlinked: u64,
}

impl Rejects {
    pub(super) fn new(signal: Signal) -> Self {
        Self { signal, counts: [0; REASONS.len()], cut: 0, unlinked: 0 }
    }

    pub(super) fn count(&mut self, reason: Reject) {
        self.count_all(reason, 1);
    }

    /// Counts as many records as that.
    pub(super) fn count_all(&mut self, reason: Reject, records: u64) {
        self.counts[reason as usize] += records;
    }

    pub(super) fn of(&self, reason: Reject) -> u64 {
        self.counts[reason as usize]
    }

    pub(super) fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// All of it in words; empty if there is nothing to say.
    pub(super) fn message(&self) -> String {
        let records = self.signal.records();
        let parts = match self.signal {
            Signal::Traces => "some of their attributes, events or links",
            Signal::Metrics | Signal::Logs => "some of their attributes",
        };
        let mut sentences = Vec::new();
        let total = self.total();
        if total > 0 {
            let mut sentence = format!("{records} not taken: {total}");
            let mut separator = " (";
            for (reason, words) in REASONS {
                let count = self.of(reason);
                if count > 0 {
                    // Writing to a String cannot fail.
                    let _ = write!(sentence, "{separator}{words}: {count}");
                    separator = "; ";
                }
            }
            sentence.push(')');
            sentences.push(sentence);
        }
        if self.cut > 0 {
            let words = format!("{records} taken without {parts}, of which they had too many");
            sentences.push(format!("{words}: {}", self.cut));
        }
        if self.unlinked > 0 {
            let words = format!("{records} taken without their trace or span id, which is not valid");
            sentences.push(format!("{words}: {}", self.unlinked));
        }
        sentences.join("; ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_each_reason_once_with_its_count() {
        let mut rejects = Rejects::new(Signal::Traces);
        assert_eq!(rejects.message(), "");
        rejects.count(Reject::Start);
        rejects.count(Reject::TraceId);
        rejects.count(Reject::Start);
        assert_eq!(
            rejects.message(),
            "spans not taken: 3 (no valid trace id (16 bytes, not all zero): 1; \
             a start outside the time that is accepted: 2)"
        );
    }

    #[test]
    fn says_what_was_taken_in_part() {
        let mut rejects = Rejects::new(Signal::Logs);
        rejects.count_all(Reject::Malformed, 2);
        rejects.cut = 1;
        rejects.unlinked = 3;
        assert_eq!(
            rejects.message(),
            "log records not taken: 2 (not valid protobuf: 2); \
             log records taken without some of their attributes, of which they had too many: 1; \
             log records taken without their trace or span id, which is not valid: 3"
        );
    }

    #[test]
    fn every_reason_has_its_words() {
        for (position, (reason, _)) in REASONS.into_iter().enumerate() {
            assert_eq!(reason as usize, position);
        }
    }
}

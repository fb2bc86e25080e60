//! Documents that wait for others: for the end of what is in progress, for the segment of a subsegment.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::xray::WaitReason;

/// How long a segment may be in progress before it is stored as it is.
const PATIENCE_FOR_END: Duration = Duration::from_mins(15);
/// How long a subsegment waits for its segment before it is stored without.
const PATIENCE_FOR_SEGMENT: Duration = Duration::from_mins(1);
/// What a document takes beside its text, bytes.
const OVERHEAD: usize = 256;

/// A document that waits.
#[derive(Clone, Debug)]
pub(super) struct HeldDocument {
    pub(super) text: String,
    /// When it came.
    pub(super) since: Instant,
    /// When it waits no longer.
    due: Instant,
}

/// All documents that wait, by trace.
#[derive(Debug)]
pub(super) struct Held {
    by_trace: HashMap<u128, Vec<HeldDocument>>,
    bytes: usize,
    max_bytes: usize,
}

impl Held {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self { by_trace: HashMap::new(), bytes: 0, max_bytes }
    }

    /// Lets a document wait that came at `since`.
    pub(super) fn hold(&mut self, trace_id: u128, text: String, since: Instant, reason: WaitReason) {
        let patience = match reason {
            WaitReason::End => PATIENCE_FOR_END,
            WaitReason::Segment => PATIENCE_FOR_SEGMENT,
        };
        self.bytes += text.len() + OVERHEAD;
        let held = HeldDocument { text, since, due: since + patience };
        self.by_trace.entry(trace_id).or_default().push(held);
    }

    /// Takes out what waits in a trace.
    pub(super) fn take(&mut self, trace_id: u128) -> Vec<HeldDocument> {
        let taken = self.by_trace.remove(&trace_id).unwrap_or_default();
        self.bytes -= taken.iter().map(|held| held.text.len() + OVERHEAD).sum::<usize>();
        taken
    }

    /// Takes out, with all else of their traces, what has waited long enough, and as much of what has waited longest as is
    /// too much to keep.
    pub(super) fn take_due(&mut self, now: Instant) -> Vec<HeldDocument> {
        let oldest = |documents: &Vec<HeldDocument>| documents.iter().map(|held| held.due).min();
        let mut traces: Vec<(Instant, u128)> = self
            .by_trace
            .iter()
            .filter_map(|(&trace_id, documents)| Some((oldest(documents)?, trace_id)))
            .filter(|&(due, _)| due <= now || self.bytes > self.max_bytes)
            .collect();
        traces.sort_unstable();
        let mut taken = Vec::new();
        for (due, trace_id) in traces {
            if due <= now || self.bytes > self.max_bytes {
                taken.extend(self.take(trace_id));
            }
        }
        taken
    }

    /// Takes out everything.
    pub(super) fn take_all(&mut self) -> Vec<HeldDocument> {
        self.bytes = 0;
        self.by_trace.drain().flat_map(|(_, documents)| documents).collect()
    }

    /// Documents that wait.
    pub(super) fn len(&self) -> usize {
        self.by_trace.values().map(Vec::len).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_bounded_in_time_and_in_bytes() {
        let now = Instant::now();
        let later = |minutes| now + Duration::from_mins(minutes);
        let mut held = Held::new(3 * OVERHEAD);
        held.hold(1, "end".to_owned(), now, WaitReason::End);
        held.hold(2, "segment".to_owned(), now, WaitReason::Segment);
        assert!(held.take_due(now).is_empty());
        let due: Vec<String> = held.take_due(later(1)).into_iter().map(|held| held.text).collect();
        assert_eq!(due, ["segment"]);
        assert!(held.take_due(later(14)).is_empty());
        for trace in 10..20 {
            held.hold(trace, trace.to_string(), later(trace as u64), WaitReason::End);
        }
        assert_eq!(held.take_due(later(2)).len(), 9);
        assert_eq!((held.len(), held.take(18).len(), held.take(18).len()), (2, 1, 0));
        assert_eq!((held.take_all().len(), held.len(), held.bytes), (1, 0, 0));
    }
}

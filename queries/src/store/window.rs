//! The young traces, whose spans are kept in memory so that new ones can be joined to them, and the memory of all
//! others that they exist.

use std::collections::VecDeque;

use foldhash::{HashMap, HashSet};

use crate::rows::span::Skeleton;

/// Spans of one trace that the graph looks at. What a trace has beyond them is stored, and is neither in the graph nor
/// checked for being a duplicate: some client sends everything under one trace id.
const MAX_TRACE_SPANS: usize = 50_000;

/// The spans of one trace as far as they are known here.
#[derive(Debug, Default)]
pub(super) struct OpenTrace {
    /// In the order of arrival.
    pub(super) spans: Vec<Skeleton>,
    /// How many of the spans the rollups count.
    pub(super) counted: usize,
    /// Span ids, once there are too many to look through.
    ids: HashSet<u64>,
    touched: u64,
}

impl OpenTrace {
    /// Takes a span that is not known yet; returns false for one that is.
    pub(super) fn insert(&mut self, span: Skeleton) -> bool {
        if self.spans.len() >= MAX_TRACE_SPANS {
            return !self.ids.contains(&span.span_id);
        }
        if self.spans.len() < 32 {
            if self.spans.iter().any(|known| known.span_id == span.span_id) {
                return false;
            }
        } else {
            if self.ids.is_empty() {
                self.ids = self.spans.iter().map(|known| known.span_id).collect();
            }
            if !self.ids.insert(span.span_id) {
                return false;
            }
        }
        self.spans.push(span);
        true
    }
}

/// The young traces.
#[derive(Debug, Default)]
pub(super) struct Window {
    traces: HashMap<u128, OpenTrace>,
    /// Traces by the turn in which they were touched; an entry of an older turn than the trace's own is void.
    queue: VecDeque<(u64, u128)>,
    spans: usize,
    turn: u64,
}

impl Window {
    /// Begins a new turn: traces touched in it count as younger than all before.
    pub(super) fn next_turn(&mut self) {
        self.turn += 1;
    }

    pub(super) fn contains(&self, trace_id: u128) -> bool {
        self.traces.contains_key(&trace_id)
    }

    /// Takes a span into its trace; false where the trace has it already. The second value is true the first time that
    /// the trace is touched in this turn.
    pub(super) fn insert(&mut self, span: Skeleton) -> (bool, bool) {
        let trace_id = span.trace_id;
        let trace = self.traces.entry(trace_id).or_default();
        let before = trace.spans.len();
        let new = trace.insert(span);
        self.spans += trace.spans.len() - before;
        let first_touch = trace.touched != self.turn;
        if first_touch {
            trace.touched = self.turn;
            self.queue.push_back((self.turn, trace_id));
        }
        (new, first_touch)
    }

    /// Takes spans that the store holds and the rollups count.
    pub(super) fn restore(&mut self, span: Skeleton) {
        let trace = self.traces.entry(span.trace_id).or_default();
        if trace.insert(span) {
            trace.counted = trace.spans.len();
            self.spans += 1;
        }
    }

    pub(super) fn get_mut(&mut self, trace_id: u128) -> Option<&mut OpenTrace> {
        self.traces.get_mut(&trace_id)
    }

    /// Forgets the spans of a trace that could not be stored.
    pub(super) fn forget_uncounted(&mut self, trace_id: u128) {
        if let Some(trace) = self.traces.get_mut(&trace_id) {
            self.spans -= trace.spans.len() - trace.counted;
            trace.spans.truncate(trace.counted);
            trace.ids.clear();
        }
    }

    /// Forgets the traces that were touched longest ago until no more than `max_spans` are left.
    pub(super) fn shrink(&mut self, max_spans: usize) {
        while self.spans > max_spans {
            let Some((turn, trace_id)) = self.queue.pop_front() else { break };
            if self.traces.get(&trace_id).is_some_and(|trace| trace.touched == turn)
                && let Some(trace) = self.traces.remove(&trace_id)
            {
                self.spans -= trace.spans.len();
            }
        }
    }
}

/// A Bloom filter that grows: says of a trace id that it was surely never seen, or that it probably was.
#[derive(Debug, Default)]
pub(super) struct SeenTraces {
    filters: Vec<Vec<u64>>,
    in_last: usize,
}

impl SeenTraces {
    /// Ids in one filter, with 24 bits each: one id in a hundred thousand is mistaken for a seen one.
    const CAPACITY: usize = 1 << 18;
    const WORDS: usize = Self::CAPACITY * 24 / 64;
    const HASHES: u64 = 16;

    pub(super) fn insert(&mut self, trace_id: u128) {
        if self.filters.is_empty() || self.in_last >= Self::CAPACITY {
            self.filters.push(vec![0; Self::WORDS]);
            self.in_last = 0;
        }
        self.in_last += 1;
        if let Some(filter) = self.filters.last_mut() {
            for bit in bits(trace_id) {
                filter[bit / 64] |= 1 << (bit % 64);
            }
        }
    }

    pub(super) fn contains(&self, trace_id: u128) -> bool {
        self.filters.iter().any(|filter| bits(trace_id).all(|bit| filter[bit / 64] & 1 << (bit % 64) != 0))
    }
}

fn bits(trace_id: u128) -> impl Iterator<Item = usize> {
    let hash = xxhash_rust::xxh3::xxh3_128(&trace_id.to_le_bytes());
    let (first, step) = (hash as u64, (hash >> 64) as u64 | 1);
    let bits = SeenTraces::WORDS as u64 * 64;
    (0..SeenTraces::HASHES).map(move |round| (first.wrapping_add(step.wrapping_mul(round)) % bits) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_is_known_and_hardly_anything_else() {
        let mut seen = SeenTraces::default();
        let id = |number: u64| u128::from(xxhash_rust::xxh3::xxh3_64(&number.to_le_bytes())) << 32;
        (0..300_000).for_each(|number| seen.insert(id(number)));
        assert!((0..300_000).all(|number| seen.contains(id(number))));
        let mistaken = (300_000..400_000).filter(|&number| seen.contains(id(number))).count();
        assert!(mistaken < 20, "{mistaken} of 100,000 mistaken");
    }
}

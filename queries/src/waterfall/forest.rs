//! The spans of a trace in the order in which they are shown.

use std::collections::hash_map::Entry;
use std::sync::Arc;

use foldhash::{HashMap, HashMapExt as _};

use crate::rows::span::{Skeleton, SpanKind, Workload};
use crate::store::StoredSpan;
use crate::trace::tree::{Tree, compare};

/// The spans, a parent before its children and children by their start. Spans are numbered by that.
#[derive(Debug)]
pub(super) struct Forest<'a> {
    pub(super) spans: Vec<Placed<'a>>,
    /// Spans without a stored parent, by their start.
    pub(super) roots: Vec<usize>,
    /// Those of them whose parents make a circle, which is cut open there.
    pub(super) cut: Vec<usize>,
    /// Start of the first span, ns since 1970.
    pub(super) start_ns: i64,
    /// Numbers of the children of all spans, by span and then by start.
    children: Vec<usize>,
    /// For each span where its children begin there; and the end.
    first_child: Vec<usize>,
}

/// A span at its place.
#[derive(Debug)]
pub(super) struct Placed<'a> {
    pub(super) stored: &'a StoredSpan,
    /// Who made it; a proxy that does not say so belongs to the workload it stands before.
    pub(super) workload: Arc<Workload>,
    pub(super) parent: Option<usize>,
    pub(super) depth: u32,
    pub(super) hop: u32,
}

impl Placed<'_> {
    /// Start, ns since 1970.
    pub(super) fn start(&self) -> i128 {
        i128::from(self.stored.skeleton.start_ns)
    }

    /// End, ns since 1970, which may lie beyond all dates.
    pub(super) fn end(&self) -> i128 {
        self.start() + i128::from(self.stored.skeleton.duration_ns)
    }

    pub(super) fn duration_ns(&self) -> u64 {
        self.stored.skeleton.duration_ns
    }

    pub(super) fn kind(&self) -> SpanKind {
        self.stored.skeleton.kind
    }

    /// What a sender's clock leaves out, ns: Envoy knows microseconds, X-Ray's libraries milliseconds.
    pub(super) fn rounding_ns(&self) -> i128 {
        if self.stored.skeleton.flags.xray { 1_000_000 } else { 10_000 }
    }
}

impl<'a> Forest<'a> {
    /// Of these spans, in whatever order. Of several with one id one counts, the same in every order.
    pub(super) fn of(spans: &'a [StoredSpan]) -> Self {
        let by_id = each_once(spans);
        let skeletons: Vec<Skeleton> = by_id.values().map(|span| span.skeleton.clone()).collect();
        let tree = Tree::new(&skeletons);
        let (children, first_child) = children(&tree.parents);
        let mut forest = Self {
            spans: Vec::with_capacity(tree.spans.len()),
            roots: Vec::new(),
            cut: Vec::new(),
            start_ns: tree.spans.first().map_or(0, |span| span.start_ns),
            children: Vec::new(),
            first_child: Vec::new(),
        };
        let mut hops: HashMap<usize, u32> = HashMap::new();
        let roots = (0..tree.spans.len()).filter(|&span| tree.parents[span].is_none());
        // The next one is at the end.
        let mut next: Vec<(usize, Option<usize>)> = roots.map(|root| (root, None)).collect();
        next.reverse();
        while let Some((span, parent)) = next.pop() {
            let skeleton = tree.spans[span];
            let Some(&stored) = by_id.get(&skeleton.span_id) else { continue };
            let number = forest.spans.len();
            let new_hop = hops.len() as u32;
            let hop = *hops.entry(tree.hops[span]).or_insert(new_hop);
            let depth = parent.map_or(0, |parent: usize| forest.spans[parent].depth + 1);
            if parent.is_none() {
                forest.roots.push(number);
                if by_id.contains_key(&skeleton.parent_span_id) {
                    forest.cut.push(number);
                }
            }
            let workload = Arc::clone(tree.workload(span));
            forest.spans.push(Placed { stored, workload, parent, depth, hop });
            let below = &children[first_child[span]..first_child[span + 1]];
            next.extend(below.iter().rev().map(|&child| (child, Some(number))));
        }
        let parents: Vec<Option<usize>> = forest.spans.iter().map(|span| span.parent).collect();
        (forest.children, forest.first_child) = self::children(&parents);
        forest
    }

    /// The children of a span, by their start.
    pub(super) fn children(&self, span: usize) -> &[usize] {
        &self.children[self.first_child[span]..self.first_child[span + 1]]
    }

    /// End of the last span, ns since 1970.
    pub(super) fn end_ns(&self) -> i128 {
        self.spans.iter().map(Placed::end).max().unwrap_or_default()
    }

    /// The root that the trace is about: one that names no parent before one whose parent is not stored, the longest
    /// first.
    pub(super) fn main_root(&self) -> Option<usize> {
        let rank = |&root: &usize| {
            let span = &self.spans[root];
            (span.stored.skeleton.parent_span_id == 0, span.duration_ns(), std::cmp::Reverse(root))
        };
        self.roots.iter().copied().max_by_key(rank)
    }

    /// What the graph needs of the spans.
    pub(super) fn skeletons(&self) -> Vec<Skeleton> {
        self.spans.iter().map(|span| span.stored.skeleton.clone()).collect()
    }
}

/// The spans by their ids.
fn each_once(spans: &[StoredSpan]) -> HashMap<u64, &StoredSpan> {
    let mut by_id: HashMap<u64, &StoredSpan> = HashMap::with_capacity(spans.len());
    let rest = |span: &StoredSpan| {
        let StoredSpan { attributes, status_message, events, links, .. } = span.clone();
        (attributes, status_message, events, links)
    };
    for span in spans {
        match by_id.entry(span.skeleton.span_id) {
            Entry::Vacant(entry) => {
                entry.insert(span);
            }
            Entry::Occupied(mut entry) => {
                let order = compare(&span.skeleton, &entry.get().skeleton);
                if order.then_with(|| rest(span).cmp(&rest(entry.get()))).is_lt() {
                    entry.insert(span);
                }
            }
        }
    }
    by_id
}

/// The children of all spans one after the other, each one's in the order of their numbers, and where each one's begin.
fn children(parents: &[Option<usize>]) -> (Vec<usize>, Vec<usize>) {
    let mut first = vec![0; parents.len() + 1];
    for &parent in parents.iter().flatten() {
        first[parent + 1] += 1;
    }
    for span in 0..parents.len() {
        first[span + 1] += first[span];
    }
    let mut at = first.clone();
    let mut children = vec![0; first[parents.len()]];
    for (child, &parent) in parents.iter().enumerate() {
        if let Some(parent) = parent {
            children[at[parent]] = child;
            at[parent] += 1;
        }
    }
    (children, first)
}

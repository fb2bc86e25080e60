//! From documents to one OTLP request.

use std::collections::{HashMap, HashSet};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};

use super::document::{Entity, Flaw};
use super::origin::Origin;
use super::peer::Inferred;
use super::span::span;

/// Subsegments in each other that are looked at.
const MAX_DEPTH: usize = 64;
/// Flaws of one document that are told; the others are counted with the last of them.
const MAX_REJECTED: usize = 20;

/// What becomes of a segment of which the last word is not there yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Late {
    /// It becomes no span but is named among [`Converted::waiting`].
    Wait,
    /// It becomes a span as it is: without an end, or of an unknown service.
    Store,
}

/// What was made of documents.
#[derive(Clone, Debug, Default)]
pub struct Converted {
    /// The spans, each once.
    pub request: ExportTraceServiceRequest,
    /// How many there are.
    pub spans: u64,
    /// What becomes no span before more comes. Its document is to be given again together with what has come since.
    pub waiting: Vec<Waiting>,
    /// What becomes no span at all.
    pub rejected: Vec<Rejected>,
}

/// A segment or subsegment that is not complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Position of its document.
    pub document: usize,
    /// Its trace.
    pub trace_id: u128,
    /// Its own id.
    pub span_id: u64,
    /// What it waits for.
    pub reason: WaitReason,
}

/// What a segment or subsegment waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitReason {
    /// Its end: it was in progress.
    End,
    /// Its segment, which names the service: it was a subsegment in a document of its own.
    Segment,
}

/// A document, or a subsegment in it, that cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// Position of the document.
    pub document: usize,
    /// Why, in words.
    pub reason: String,
}

/// Makes spans of the segment documents of any number of traces. A document that cannot be read costs itself only, and a
/// subsegment that cannot be read only itself.
///
/// A segment that came both in progress and finished, or more than once, becomes one span, of what is finished. Which
/// service a subsegment in a document of its own belongs to is looked up among the other documents.
pub fn spans(documents: &[&str], late: Late) -> Converted {
    let mut forest = Forest::default();
    for (number, text) in documents.iter().enumerate() {
        forest.plant(number, text);
    }
    forest.convert(late)
}

type Key = (u128, u64);

/// A segment or subsegment in its place.
struct Node<'a> {
    entity: Entity<'a>,
    document: usize,
    /// The node that is its document.
    root: usize,
}

/// All documents, taken apart.
#[derive(Default)]
struct Forest<'a> {
    nodes: Vec<Node<'a>>,
    /// Of each id the node that counts.
    by_id: HashMap<Key, usize>,
    /// What X-Ray inferred, by the subsegment that called.
    inferred: HashMap<Key, Inferred>,
    /// The parent of what X-Ray inferred.
    above_inferred: HashMap<Key, u64>,
    rejected: Vec<Rejected>,
}

impl<'a> Forest<'a> {
    fn plant(&mut self, document: usize, text: &'a str) {
        match Entity::document(text) {
            Ok(entity) if entity.is_inferred() => {
                let Entity { trace_id, id, parent_id, name, object, .. } = entity;
                let origin = object.text("origin").unwrap_or_default();
                self.inferred.insert((trace_id, parent_id), Inferred { name, origin });
                self.above_inferred.insert((trace_id, id), parent_id);
            }
            Ok(entity) => {
                let before = self.rejected.len();
                let root = self.nodes.len();
                self.grow(document, root, entity);
                if self.rejected.len() > before + MAX_REJECTED {
                    let more = self.rejected.len() - before - MAX_REJECTED;
                    self.rejected.truncate(before + MAX_REJECTED);
                    let reason = format!("{more} more subsegments of it cannot be taken");
                    self.rejected.push(Rejected { document, reason });
                }
            }
            Err(flaw) => self.rejected.push(Rejected { document, reason: flaw.to_string() }),
        }
    }

    /// Takes a document in with all subsegments in it.
    fn grow(&mut self, document: usize, root: usize, entity: Entity<'a>) {
        let (trace_id, id) = (entity.trace_id, entity.id);
        let mut open: Vec<(&'a str, u64, usize)> = Vec::new();
        let within = |entity: &Entity<'a>, depth| {
            entity.subsegments().into_iter().rev().map(move |text| (text, depth))
        };
        open.extend(within(&entity, 1).map(|(text, depth)| (text, id, depth)));
        self.add(Node { entity, document, root });
        while let Some((text, above, depth)) = open.pop() {
            let read = if depth > MAX_DEPTH {
                Err(Flaw::TooDeep { limit: MAX_DEPTH })
            } else {
                Entity::embedded(text, trace_id, above)
            };
            match read {
                Ok(entity) => {
                    let id = entity.id;
                    open.extend(within(&entity, depth + 1).map(|(text, depth)| (text, id, depth)));
                    self.add(Node { entity, document, root });
                }
                Err(flaw) => {
                    let reason = format!("a subsegment of it cannot be taken: {flaw}");
                    self.rejected.push(Rejected { document, reason });
                }
            }
        }
    }

    fn add(&mut self, node: Node<'a>) {
        let number = self.nodes.len();
        let counts = self.by_id.entry((node.entity.trace_id, node.entity.id)).or_insert(number);
        // What is finished counts more than what was in progress, and otherwise what is there first.
        if *counts != number && self.nodes[*counts].entity.end_ns.is_none() && node.entity.end_ns.is_some() {
            *counts = number;
        }
        self.nodes.push(node);
    }

    /// The segment that a node is of, where its document is there.
    fn segment(&self, node: usize) -> Option<usize> {
        let mut root = self.nodes[node].root;
        // No way up is longer than that, save in a circle, which only a broken or hostile sender makes.
        for _ in 0..=MAX_DEPTH {
            let entity = &self.nodes[root].entity;
            if entity.is_segment {
                return Some(root);
            }
            root = self.nodes[*self.by_id.get(&(entity.trace_id, entity.parent_id))?].root;
        }
        None
    }

    fn convert(self, late: Late) -> Converted {
        let mut found = Converted::default();
        let mut batches: Vec<Batch> = Vec::new();
        let mut batch_of: HashMap<usize, usize> = HashMap::new();
        let mut waits: HashSet<Key> = HashSet::new();
        for (number, node) in self.nodes.iter().enumerate() {
            let entity = &node.entity;
            let key = (entity.trace_id, entity.id);
            if self.by_id.get(&key) != Some(&number) {
                continue;
            }
            let segment = self.segment(number);
            let reason = match segment {
                _ if entity.end_ns.is_none() => Some(WaitReason::End),
                None => Some(WaitReason::Segment),
                Some(_) => None,
            };
            if let Some(reason) = reason.filter(|_| late == Late::Wait) {
                if waits.insert(key) {
                    let (document, trace_id, span_id) = (node.document, entity.trace_id, entity.id);
                    found.waiting.push(Waiting { document, trace_id, span_id, reason });
                }
                continue;
            }
            let owner = segment.unwrap_or(node.root);
            let batch = *batch_of.entry(owner).or_insert_with(|| {
                let owner = &self.nodes[owner].entity;
                let origin = if segment.is_some() { Origin::of(owner) } else { Origin::unknown(owner) };
                batches.push(Batch { origin, spans: Vec::new() });
                batches.len() - 1
            });
            let parent_id = self.real_parent(entity);
            let batch = &mut batches[batch];
            batch.spans.push(span(entity, parent_id, &batch.origin, self.inferred.get(&key)));
            found.spans += 1;
        }
        found.request.resource_spans = batches.into_iter().map(Batch::into_resource_spans).collect();
        found.rejected = self.rejected;
        found
    }

    /// The parent that becomes a span: what X-Ray inferred does not.
    fn real_parent(&self, entity: &Entity<'_>) -> u64 {
        let above = self.above_inferred.get(&(entity.trace_id, entity.parent_id));
        above.copied().unwrap_or(entity.parent_id)
    }
}

/// The spans of one segment.
struct Batch {
    origin: Origin,
    spans: Vec<Span>,
}

impl Batch {
    fn into_resource_spans(self) -> ResourceSpans {
        let (name, version) = self.origin.sdk;
        let scope = InstrumentationScope { name, version, ..InstrumentationScope::default() };
        ResourceSpans {
            resource: Some(self.origin.resource),
            scope_spans: vec![ScopeSpans { scope: Some(scope), spans: self.spans, ..ScopeSpans::default() }],
            ..ResourceSpans::default()
        }
    }
}

//! Spans as Arrow columns, ready to be appended, with their skeletons beside them.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, FixedSizeBinaryBuilder, Int64Builder, MapBuilder, StringBuilder, UInt8Builder,
    UInt16Builder, UInt64Builder,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;

use super::known::{KNOWN_ATTRIBUTES, REQUEST_ID_ATTRIBUTE, known_column};
use super::{Peer, PeerRef, Skeleton, SpanFlags, SpanRow, Workload};

/// Decoded spans: one row of [`SpanBatch::columns`] for each skeleton, in the same order.
#[derive(Clone, Debug)]
pub struct SpanBatch {
    /// The columns of the table `spans`, in its order.
    pub columns: RecordBatch,
    /// What the graph needs of each row.
    pub skeletons: Vec<Skeleton>,
    /// The resources that the rows name, each once.
    pub resources: Vec<Resource>,
}

/// The attributes of a resource, stored once however many spans share them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// Hash of the attributes, the same in every process.
    pub id: u64,
    /// All attributes as text, sorted by key.
    pub attributes: Vec<(String, String)>,
}

/// Collects [`SpanRow`]s into a [`SpanBatch`].
pub struct SpanBatchBuilder {
    ids: [UInt64Builder; 4],
    start_ns: Int64Builder,
    duration_ns: UInt64Builder,
    small: [UInt8Builder; 4],
    http_status: UInt16Builder,
    flags: [BooleanBuilder; 3],
    texts: Vec<StringBuilder>,
    request_id: FixedSizeBinaryBuilder,
    known: Vec<StringBuilder>,
    tail: MapBuilder<StringBuilder, StringBuilder>,
    resource_id: UInt64Builder,
    current_resource: u64,
    resources: Vec<Resource>,
    resource_ids: HashSet<u64>,
    skeletons: Vec<Skeleton>,
    workload: Arc<Workload>,
    strings: HashMap<String, Arc<str>>,
    peers: HashMap<Peer, Arc<Peer>>,
    /// For each known attribute its value in the current row; kept to be reused.
    row: Vec<Option<usize>>,
}

/// The text columns, in the order of the table. Empty text is stored as NULL.
const TEXTS: [&str; 14] = [
    "service",
    "namespace",
    "version",
    "instance",
    "environment",
    "name",
    "status_message",
    "method",
    "route",
    "peer_system",
    "peer",
    "scope",
    "events",
    "links",
];

impl Default for SpanBatchBuilder {
    fn default() -> Self {
        Self::with_capacity(0)
    }
}

impl SpanBatchBuilder {
    /// A builder with room for `rows` spans.
    pub fn with_capacity(rows: usize) -> Self {
        let ids = || UInt64Builder::with_capacity(rows);
        let small = || UInt8Builder::with_capacity(rows);
        let flag = || BooleanBuilder::with_capacity(rows);
        let text = || StringBuilder::with_capacity(rows, 0);
        Self {
            ids: [ids(), ids(), ids(), ids()],
            start_ns: Int64Builder::with_capacity(rows),
            duration_ns: UInt64Builder::with_capacity(rows),
            small: [small(), small(), small(), small()],
            http_status: UInt16Builder::with_capacity(rows),
            flags: [flag(), flag(), flag()],
            texts: TEXTS.iter().map(|_| text()).collect(),
            request_id: FixedSizeBinaryBuilder::with_capacity(rows, 16),
            known: KNOWN_ATTRIBUTES.iter().map(|_| text()).collect(),
            tail: map_builder(),
            resource_id: UInt64Builder::with_capacity(rows),
            current_resource: 0,
            resources: Vec::new(),
            resource_ids: HashSet::new(),
            skeletons: Vec::with_capacity(rows),
            workload: Arc::default(),
            strings: HashMap::new(),
            peers: HashMap::new(),
            row: vec![None; KNOWN_ATTRIBUTES.len()],
        }
    }

    /// Spans collected so far.
    pub fn len(&self) -> usize {
        self.skeletons.len()
    }

    /// Whether nothing has been collected.
    pub fn is_empty(&self) -> bool {
        self.skeletons.is_empty()
    }

    /// Sets the resource of the spans that follow.
    pub fn set_resource(&mut self, attributes: &[(Cow<'_, str>, Cow<'_, str>)]) {
        let mut attributes: Vec<(String, String)> =
            attributes.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
        attributes.sort();
        let mut hasher = xxhash_rust::xxh3::Xxh3::new();
        for (key, value) in &attributes {
            for text in [key, value] {
                hasher.update(&(text.len() as u64).to_le_bytes());
                hasher.update(text.as_bytes());
            }
        }
        self.current_resource = hasher.digest();
        if self.resource_ids.insert(self.current_resource) {
            self.resources.push(Resource { id: self.current_resource, attributes });
        }
    }

    /// Adds a span of the resource set last.
    ///
    /// # Errors
    /// Only where an Arrow builder refuses a value, which would be a defect of this module.
    pub fn push(&mut self, span: &SpanRow<'_>) -> Result<(), ArrowError> {
        let peer = span.peer.map(|peer| self.peer(peer));
        self.append_scalars(span);
        let (peer_system, peer_name) = span.peer.map_or(("", ""), |peer| (peer.system, peer.name));
        let texts = [
            span.service,
            span.namespace,
            span.version,
            span.instance,
            span.environment,
            span.name,
            span.status_message,
            span.method,
            span.route,
            peer_system,
            peer_name,
            span.scope,
            span.events,
            span.links,
        ];
        for (builder, text) in self.texts.iter_mut().zip(texts) {
            builder.append_option(Some(text).filter(|text| !text.is_empty()));
        }
        self.append_attributes(span.attributes)?;
        self.resource_id.append_value(self.current_resource);

        let upstream_cluster = self.known_value(span.attributes, "upstream_cluster");
        let node_id = self.known_value(span.attributes, "node_id");
        let workload = self.workload(span);
        self.skeletons.push(Skeleton {
            trace_id: span.trace_id,
            span_id: span.span_id,
            parent_span_id: span.parent_span_id,
            start_ns: span.start_ns,
            duration_ns: span.duration_ns,
            workload,
            upstream_cluster: upstream_cluster.filter(|_| span.is_proxy),
            node_id: node_id.filter(|_| span.is_proxy),
            peer,
            kind: span.kind,
            protocol: span.protocol,
            flags: SpanFlags { error: span.is_error, timeout: span.is_timeout, proxy: span.is_proxy },
        });
        Ok(())
    }

    fn append_scalars(&mut self, span: &SpanRow<'_>) {
        let ids = [(span.trace_id >> 64) as u64, span.trace_id as u64, span.span_id, span.parent_span_id];
        for (builder, id) in self.ids.iter_mut().zip(ids) {
            builder.append_value(id);
        }
        self.start_ns.append_value(span.start_ns);
        self.duration_ns.append_value(span.duration_ns);
        let peer_kind = span.peer.map_or(0, |peer| peer.kind as u8);
        let small = [span.kind as u8, span.status as u8, span.protocol as u8, peer_kind];
        for (builder, number) in self.small.iter_mut().zip(small) {
            builder.append_value(number);
        }
        self.http_status.append_value(span.http_status);
        for (builder, flag) in self.flags.iter_mut().zip([span.is_error, span.is_timeout, span.is_proxy]) {
            builder.append_value(flag);
        }
    }

    fn append_attributes(&mut self, attributes: &[(Cow<'_, str>, Cow<'_, str>)]) -> Result<(), ArrowError> {
        self.row.fill(None);
        let mut request_id = None;
        for (position, (key, value)) in attributes.iter().enumerate() {
            if let Some(column) = known_column(key) {
                self.row[column] = Some(position);
            } else if key == REQUEST_ID_ATTRIBUTE
                && let Some(uuid) = parse_uuid(value)
            {
                request_id = Some(uuid);
            } else {
                self.tail.keys().append_value(key);
                self.tail.values().append_value(value);
            }
        }
        self.tail.append(true)?;
        for (builder, position) in self.known.iter_mut().zip(&self.row) {
            builder.append_option(position.map(|position| &*attributes[position].1));
        }
        match request_id {
            Some(uuid) => self.request_id.append_value(uuid)?,
            None => self.request_id.append_null(),
        }
        Ok(())
    }

    /// The current row's value of a known attribute, shared; `-` is Envoy's word for none.
    fn known_value(&mut self, attributes: &[(Cow<'_, str>, Cow<'_, str>)], key: &str) -> Option<Arc<str>> {
        let value = &*attributes[self.row[known_column(key)?]?].1;
        if value.is_empty() || value == "-" {
            return None;
        }
        if let Some(shared) = self.strings.get(value) {
            return Some(Arc::clone(shared));
        }
        let shared: Arc<str> = Arc::from(value);
        self.strings.insert(value.to_owned(), Arc::clone(&shared));
        Some(shared)
    }

    fn peer(&mut self, peer: PeerRef<'_>) -> Arc<Peer> {
        let peer = Peer { kind: peer.kind, system: peer.system.to_owned(), name: peer.name.to_owned() };
        Arc::clone(self.peers.entry(peer).or_insert_with_key(|peer| Arc::new(peer.clone())))
    }

    /// The span's workload, shared with the span before it where they are equal, as in every request they are.
    fn workload(&mut self, span: &SpanRow<'_>) -> Arc<Workload> {
        let last = &self.workload;
        let same = last.service == span.service
            && last.version == span.version
            && last.namespace == span.namespace
            && last.environment == span.environment;
        if !same {
            self.workload = Arc::new(Workload {
                service: span.service.to_owned(),
                namespace: span.namespace.to_owned(),
                version: span.version.to_owned(),
                environment: span.environment.to_owned(),
            });
        }
        Arc::clone(&self.workload)
    }

    /// The columns and skeletons of all spans added.
    ///
    /// # Errors
    /// Only where the columns do not fit together, which would be a defect of this module.
    pub fn finish(mut self) -> Result<SpanBatch, ArrowError> {
        let mut columns: Vec<(String, ArrayRef)> = Vec::with_capacity(80);
        let mut add = |name: &str, array: ArrayRef| columns.push((name.to_owned(), array));
        for (name, mut builder) in
            ["trace_hi", "trace_lo", "span_id", "parent_span_id"].into_iter().zip(self.ids)
        {
            add(name, Arc::new(builder.finish()));
        }
        add("start_ns", Arc::new(self.start_ns.finish()));
        add("duration_ns", Arc::new(self.duration_ns.finish()));
        for (name, mut builder) in ["kind", "status", "protocol", "peer_kind"].into_iter().zip(self.small) {
            add(name, Arc::new(builder.finish()));
        }
        add("http_status", Arc::new(self.http_status.finish()));
        for (name, mut builder) in ["is_error", "is_timeout", "is_proxy"].into_iter().zip(self.flags) {
            add(name, Arc::new(builder.finish()));
        }
        for (name, mut builder) in TEXTS.into_iter().zip(self.texts) {
            add(name, Arc::new(builder.finish()));
        }
        add("request_id", Arc::new(self.request_id.finish()));
        for (key, mut builder) in KNOWN_ATTRIBUTES.into_iter().zip(self.known) {
            add(&format!("@{key}"), Arc::new(builder.finish()));
        }
        add("tail", Arc::new(self.tail.finish()));
        add("resource_id", Arc::new(self.resource_id.finish()));
        let schema = schema_of(&columns);
        let arrays = columns.into_iter().map(|(_, array)| array).collect();
        Ok(SpanBatch {
            columns: RecordBatch::try_new(schema, arrays)?,
            skeletons: self.skeletons,
            resources: self.resources,
        })
    }
}

fn map_builder() -> MapBuilder<StringBuilder, StringBuilder> {
    MapBuilder::new(None, StringBuilder::new(), StringBuilder::new())
}

/// The fields of these columns; the request id is marked as a UUID.
fn schema_of(columns: &[(String, ArrayRef)]) -> SchemaRef {
    let field = |(name, array): &(String, ArrayRef)| {
        let field = Field::new(name, array.data_type().clone(), true);
        match array.data_type() {
            DataType::FixedSizeBinary(16) => field
                .with_metadata(HashMap::from([("ARROW:extension:name".to_owned(), "arrow.uuid".to_owned())])),
            _ => field,
        }
    };
    Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()))
}

/// The bytes of a UUID in its canonical lower-case form, the only one that turns back into the same text.
fn parse_uuid(text: &str) -> Option<[u8; 16]> {
    let bytes = text.as_bytes();
    if bytes.len() != 36 {
        return None;
    }
    let mut uuid = [0_u8; 16];
    let mut digits = 0;
    for (position, &byte) in bytes.iter().enumerate() {
        let digit = match byte {
            b'-' if matches!(position, 8 | 13 | 18 | 23) => continue,
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            _ => return None,
        };
        if digits == 32 {
            return None;
        }
        uuid[digits / 2] = uuid[digits / 2] << 4 | digit;
        digits += 1;
    }
    (digits == 32).then_some(uuid)
}

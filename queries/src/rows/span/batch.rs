//! Spans as Arrow columns and shapes, ready to be appended, with their skeletons beside them.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray as _, FixedSizeBinaryBuilder, Int64Builder, MapBuilder, StringBuilder, UInt64Builder,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, UInt64Type};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;

use super::shape::{BuildHashIsKey, SLOTS, Shape, ShapeWriter, Shapes, ShapesBuilder, VaryingKeys};
use super::{Peer, Skeleton, SpanFlags, SpanRow, Traits, Workload};
use crate::rows::outcome::{Outcome, ResponseFlags, grpc_status};
use crate::rows::resource::ResourcesBuilder;
use crate::rows::route::{OVERFLOW, route_name};
use crate::rows::{Resource, SourceCursor};

/// Decoded spans: one row of [`SpanBatch::columns`] for each skeleton, in the same order.
#[derive(Clone, Debug)]
pub struct SpanBatch {
    /// The columns of the table `spans`, in its order. `shape_id` counts in [`SpanBatch::shapes`].
    pub columns: RecordBatch,
    /// The shapes that the rows name.
    pub shapes: Arc<Shapes>,
    /// What the graph needs of each row.
    pub skeletons: Vec<Skeleton>,
    /// The resources that the shapes name, each once.
    pub resources: Vec<Resource>,
    /// Where the source is read piece by piece: how far.
    pub cursor: Option<SourceCursor>,
}

impl SpanBatch {
    /// For each row the number that its shape has in [`SpanBatch::shapes`].
    pub fn shape_numbers(&self) -> impl Iterator<Item = usize> {
        let numbers = self.columns.column(SHAPE_COLUMN).as_primitive::<UInt64Type>();
        numbers.values().iter().map(|&number| number as usize)
    }

    /// The first `rows` rows, and the others. The resources stay with the first ones; only with the last row has the
    /// source been read as far as the cursor says.
    pub fn split_at(mut self, rows: usize) -> (Self, Self) {
        let skeletons = self.skeletons.split_off(rows);
        let rest = self.columns.num_rows() - rows;
        let later = Self {
            columns: self.columns.slice(rows, rest),
            shapes: Arc::clone(&self.shapes),
            skeletons,
            resources: Vec::new(),
            cursor: self.cursor.take(),
        };
        (Self { columns: self.columns.slice(0, rows), ..self }, later)
    }

    /// Memory that it takes, roughly, in bytes.
    pub fn memory_bytes(&self) -> usize {
        self.columns.get_array_memory_size()
            + self.shapes.memory_bytes()
            + self.skeletons.capacity() * size_of::<Skeleton>()
            + self.shapes.len() * TRAITS_BYTES
    }
}

/// What the [`Traits`] of a shape take, with the names in them.
const TRAITS_BYTES: usize = 250;

/// Collects [`SpanRow`]s into a [`SpanBatch`].
pub struct SpanBatchBuilder {
    ids: [UInt64Builder; 4],
    start_ns: Int64Builder,
    duration_ns: UInt64Builder,
    shape_ids: UInt64Builder,
    uuid: FixedSizeBinaryBuilder,
    values: [StringBuilder; SLOTS],
    texts: [StringBuilder; 3],
    tail: MapBuilder<StringBuilder, StringBuilder>,
    writer: ShapeWriter,
    shapes: ShapesBuilder,
    /// For each shape what the graph needs of it.
    traits: Vec<Arc<Traits>>,
    skeletons: Vec<Skeleton>,
    resources: ResourcesBuilder,
    workload: Arc<Workload>,
    varying: Arc<VaryingKeys>,
    /// Hashes of the services with their routes that were admitted: asking for each span would hold up other decoders.
    admitted: HashSet<u64, BuildHashIsKey>,
    /// The key last seen at each position of a span's attributes, and what it means there. Spans of one sender have
    /// their attributes in one order, so that this saves looking the keys up.
    roles: Vec<(String, Role)>,
}

/// What becomes of an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// It belongs to the shape.
    Shared,
    /// The same, and the graph needs it.
    UpstreamCluster,
    /// The same.
    NodeId,
    /// The same.
    ResponseFlags,
    /// The same.
    GrpcStatus,
    /// It stays with the row.
    Varying,
}

impl Default for SpanBatchBuilder {
    fn default() -> Self {
        Self::new(0, Arc::default())
    }
}

impl SpanBatchBuilder {
    /// A builder with room for `rows` spans, which keeps the values of `varying` out of the shapes.
    pub fn new(rows: usize, varying: Arc<VaryingKeys>) -> Self {
        let ids = || UInt64Builder::with_capacity(rows);
        let text = || StringBuilder::with_capacity(rows, 0);
        Self {
            ids: std::array::from_fn(|_| ids()),
            start_ns: Int64Builder::with_capacity(rows),
            duration_ns: ids(),
            shape_ids: ids(),
            uuid: FixedSizeBinaryBuilder::with_capacity(rows, 16),
            values: std::array::from_fn(|_| text()),
            texts: std::array::from_fn(|_| text()),
            tail: MapBuilder::new(None, StringBuilder::new(), StringBuilder::new()),
            writer: ShapeWriter::default(),
            shapes: ShapesBuilder::for_rows(rows),
            traits: Vec::new(),
            skeletons: Vec::with_capacity(rows),
            resources: ResourcesBuilder::default(),
            workload: Arc::default(),
            varying,
            admitted: HashSet::default(),
            roles: Vec::new(),
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
        // Which keys vary depends on the service.
        self.roles.clear();
        self.resources.set(attributes);
    }

    /// Adds a span of the resource set last.
    ///
    /// # Errors
    /// Only where an Arrow builder refuses a value, which would be a defect of this module.
    pub fn push(&mut self, span: &SpanRow<'_>) -> Result<(), ArrowError> {
        let ids = [(span.trace_id >> 64) as u64, span.trace_id as u64, span.span_id, span.parent_span_id];
        for (builder, id) in self.ids.iter_mut().zip(ids) {
            builder.append_value(id);
        }
        self.start_ns.append_value(span.start_ns);
        self.duration_ns.append_value(span.duration_ns);
        for (builder, text) in self.texts.iter_mut().zip([span.status_message, span.events, span.links]) {
            builder.append_option(Some(text).filter(|text| !text.is_empty()));
        }
        let route = self.admitted_route(span);
        self.writer.begin(&shape_of(span, route, self.resources.current()));
        let named = self.append_attributes(span)?;
        let (shape, is_new) = self.shapes.number(&self.writer);
        if is_new {
            let traits = self.traits_of(span, route, named);
            self.traits.push(Arc::new(traits));
        }
        self.shape_ids.append_value(shape as u64);
        self.skeletons.push(Skeleton {
            trace_id: span.trace_id,
            span_id: span.span_id,
            parent_span_id: span.parent_span_id,
            start_ns: span.start_ns,
            duration_ns: span.duration_ns,
            traits: Arc::clone(&self.traits[shape]),
        });
        Ok(())
    }

    /// The span's route, unless its service has too many.
    fn admitted_route<'a>(&mut self, span: &SpanRow<'a>) -> &'a str {
        if span.route.is_empty() {
            return "";
        }
        let service = xxhash_rust::xxh3::xxh3_64(span.service.as_bytes());
        let hash = xxhash_rust::xxh3::xxh3_64_with_seed(span.route.as_bytes(), service);
        if self.admitted.contains(&hash) {
            return span.route;
        }
        if !self.varying.routes().admit(span.service, span.route) {
            return OVERFLOW;
        }
        self.admitted.insert(hash);
        span.route
    }

    /// Puts each attribute into the shape or into the row; returns what the graph needs of them.
    fn append_attributes<'a>(&mut self, span: &SpanRow<'a>) -> Result<Named<'a>, ArrowError> {
        let mut named = Named::default();
        let mut slots = 0;
        let mut uuid = None;
        let mut has_tail = false;
        for (position, (key, value)) in span.attributes.iter().enumerate() {
            match self.role(position, span.service, key) {
                Role::Varying => {
                    if uuid.is_none()
                        && let Some(parsed) = parse_uuid(value)
                    {
                        uuid = Some(parsed);
                        self.writer.uuid_key(key);
                    } else if let Some(column) = self.values.get_mut(slots) {
                        column.append_value(value);
                        self.writer.slot(slots, key);
                        slots += 1;
                    } else {
                        self.tail.keys().append_value(key);
                        self.tail.values().append_value(value);
                        has_tail = true;
                    }
                    continue;
                }
                Role::Shared => {}
                Role::UpstreamCluster => named.upstream_cluster = stated(value),
                Role::NodeId => named.node_id = stated(value),
                Role::ResponseFlags => named.flags = ResponseFlags::parse(value),
                Role::GrpcStatus => named.grpc_status = named.grpc_status.or_else(|| grpc_status(value)),
            }
            self.writer.attribute(key, value);
        }
        for column in &mut self.values[slots..] {
            column.append_null();
        }
        match uuid {
            Some(uuid) => self.uuid.append_value(uuid)?,
            None => self.uuid.append_null(),
        }
        self.tail.append(has_tail)?;
        Ok(named)
    }

    fn role(&mut self, position: usize, service: &str, key: &str) -> Role {
        if let Some((known, role)) = self.roles.get(position)
            && known == key
        {
            return *role;
        }
        let role = match key {
            "upstream_cluster" => Role::UpstreamCluster,
            "node_id" => Role::NodeId,
            _ if self.varying.contains(service, key) => Role::Varying,
            "response_flags" => Role::ResponseFlags,
            "rpc.status_code" | "rpc.response.status_code" | "rpc.grpc.status_code" | "grpc.status_code" => {
                Role::GrpcStatus
            }
            _ => Role::Shared,
        };
        // Every position before this one has been seen.
        self.roles.truncate(position);
        self.roles.push((key.to_owned(), role));
        role
    }

    fn traits_of(&mut self, span: &SpanRow<'_>, route: &str, named: Named<'_>) -> Traits {
        let peer = |peer: super::PeerRef<'_>| {
            Arc::new(Peer { kind: peer.kind, system: peer.system.to_owned(), name: peer.name.to_owned() })
        };
        let by_proxy = |name: Option<&str>| name.filter(|_| span.is_proxy).map(Arc::from);
        Traits {
            workload: self.workload(span),
            upstream_cluster: by_proxy(named.upstream_cluster),
            node_id: by_proxy(named.node_id),
            peer: span.peer.map(peer),
            kind: span.kind,
            protocol: span.protocol,
            flags: SpanFlags {
                error: span.is_error,
                timeout: span.is_timeout,
                proxy: span.is_proxy,
                xray: span.is_xray,
            },
            route: route_name(span.protocol, span.method, route).map(Arc::from),
            outcome: Outcome {
                http_status: span.http_status,
                grpc_status: named.grpc_status,
                flags: named.flags,
            },
        }
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

    /// The columns, shapes and skeletons of all spans added.
    ///
    /// # Errors
    /// Only where the columns do not fit together, which would be a defect of this module.
    pub fn finish(mut self) -> Result<SpanBatch, ArrowError> {
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(8 + SLOTS + 4);
        for builder in &mut self.ids {
            columns.push(Arc::new(builder.finish()));
        }
        columns.push(Arc::new(self.start_ns.finish()));
        columns.push(Arc::new(self.duration_ns.finish()));
        columns.push(Arc::new(self.shape_ids.finish()));
        columns.push(Arc::new(self.uuid.finish()));
        for builder in self.values.iter_mut().chain(&mut self.texts) {
            columns.push(Arc::new(builder.finish()));
        }
        columns.push(Arc::new(self.tail.finish()));
        Ok(SpanBatch {
            cursor: None,
            columns: RecordBatch::try_new(schema_of(&columns), columns)?,
            shapes: Arc::new(self.shapes.finish()),
            skeletons: self.skeletons,
            resources: self.resources.finish(),
        })
    }
}

/// What the attributes of a span's shape name, as far as they do.
#[derive(Clone, Copy, Debug, Default)]
struct Named<'a> {
    upstream_cluster: Option<&'a str>,
    node_id: Option<&'a str>,
    flags: ResponseFlags,
    grpc_status: Option<u8>,
}

/// A value that says something; `-` is Envoy's word for nothing.
fn stated(value: &str) -> Option<&str> {
    Some(value).filter(|value| !matches!(*value, "" | "-"))
}

/// Everything of a span's shape that is not an attribute.
fn shape_of<'a>(span: &SpanRow<'a>, route: &'a str, resource_id: u64) -> Shape<'a> {
    let (peer_system, peer_name) = span.peer.map_or(("", ""), |peer| (peer.system, peer.name));
    Shape {
        resource_id,
        kind: span.kind,
        status: span.status,
        protocol: span.protocol,
        peer_kind: span.peer.map_or(0, |peer| peer.kind as u8),
        http_status: span.http_status,
        is_error: span.is_error,
        is_timeout: span.is_timeout,
        is_proxy: span.is_proxy,
        is_xray: span.is_xray,
        texts: [
            span.service,
            span.namespace,
            span.version,
            span.instance,
            span.environment,
            span.name,
            span.method,
            route,
            peer_system,
            peer_name,
            span.scope,
        ],
        ..Shape::default()
    }
}

/// Where `shape_id` stands among [`COLUMNS`].
pub const SHAPE_COLUMN: usize = 6;

/// The names of the table's columns.
const COLUMNS: [&str; 8 + SLOTS + 4] = [
    "trace_hi",
    "trace_lo",
    "span_id",
    "parent_span_id",
    "start_ns",
    "duration_ns",
    "shape_id",
    "uuid",
    "value_1",
    "value_2",
    "value_3",
    "value_4",
    "value_5",
    "status_message",
    "events",
    "links",
    "tail",
];

/// The fields of these columns; the column of UUIDs is marked as such.
fn schema_of(columns: &[ArrayRef]) -> SchemaRef {
    let field = |(name, array): (&str, &ArrayRef)| {
        let field = Field::new(name, array.data_type().clone(), true);
        match array.data_type() {
            DataType::FixedSizeBinary(16) => field
                .with_metadata(HashMap::from([("ARROW:extension:name".to_owned(), "arrow.uuid".to_owned())])),
            _ => field,
        }
    };
    Arc::new(Schema::new(COLUMNS.into_iter().zip(columns).map(field).collect::<Vec<_>>()))
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

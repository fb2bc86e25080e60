//! The shapes that the writer knows, and the numbers that it gave them.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, PoisonError, RwLock};

use arrow::array::{
    ArrayRef, BooleanBuilder, ListBuilder, MapBuilder, StringBuilder, UInt8Builder, UInt16Builder,
    UInt64Builder,
};
use arrow::datatypes::{Field, Schema};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use foldhash::HashSet;

use crate::rows::span::{BuildHashIsKey, Peer, SHAPE_TEXTS, Shape, SpanBatch, Traits, VaryingKeys, Workload};

/// Shapes that are known by their hashes at most. Over it all are forgotten: a shape seen again is then stored again
/// under a new number, which takes space and nothing else.
const MAX_KNOWN: usize = 250_000;
/// Values of a key that the shapes of one service may have, while the service has few shapes.
const MAX_VALUES: usize = 64;
/// Each time that a service has had so many new shapes, its keys may have half as many values, down to [`MIN_VALUES`].
const SHAPES_A_STEP: usize = 1_024;
const MIN_VALUES: usize = 4;
/// Values that are kept in mind over all services and keys at most.
const MAX_COUNTED: usize = 500_000;

/// The keys that the decoders keep out of shapes: the writer finds them, everybody reads them.
#[derive(Clone, Debug, Default)]
pub(super) struct SharedVarying(Arc<RwLock<Arc<VaryingKeys>>>);

impl SharedVarying {
    pub(super) fn get(&self) -> Arc<VaryingKeys> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn insert(&self, service: &str, key: &str) {
        let mut keys = self.0.write().unwrap_or_else(PoisonError::into_inner);
        Arc::make_mut(&mut keys).insert(service, key);
    }
}

/// A shape that has a number.
#[derive(Clone, Debug)]
pub(super) struct Numbered {
    pub(super) id: u64,
    /// Kept once for all skeletons of the shape.
    pub(super) traits: Arc<Traits>,
}

/// The writer's dictionary of shapes, for one partition.
#[derive(Debug)]
pub(super) struct KnownShapes {
    numbers: HashMap<u128, Numbered, BuildHashIsKey>,
    last_id: u64,
    /// The hashes that got a number since the last [`KnownShapes::keep`].
    fresh: Vec<u128>,
    variety: Variety,
    parts: TraitParts,
}

/// What the traits of shapes are made of, each once: comparing two that are equal then is comparing two addresses.
#[derive(Debug, Default)]
struct TraitParts {
    workloads: HashSet<Arc<Workload>>,
    peers: HashSet<Arc<Peer>>,
    names: HashSet<Arc<str>>,
}

impl TraitParts {
    fn shared(&mut self, traits: &Traits) -> Arc<Traits> {
        let peer = traits.peer.as_ref().map(|peer| once(&mut self.peers, peer));
        let mut name = |name: &Option<Arc<str>>| name.as_ref().map(|name| once(&mut self.names, name));
        let (upstream_cluster, node_id) = (name(&traits.upstream_cluster), name(&traits.node_id));
        let route = name(&traits.route);
        let workload = once(&mut self.workloads, &traits.workload);
        Arc::new(Traits { workload, upstream_cluster, node_id, peer, route, ..*traits })
    }
}

fn once<T: Eq + Hash + ?Sized>(known: &mut HashSet<Arc<T>>, value: &Arc<T>) -> Arc<T> {
    if let Some(known) = known.get(value) {
        return Arc::clone(known);
    }
    known.insert(Arc::clone(value));
    Arc::clone(value)
}

impl KnownShapes {
    pub(super) fn new(last_id: u64, varying: SharedVarying) -> Self {
        let variety = Variety { varying, shapes: HashMap::default(), values: HashMap::default(), counted: 0 };
        Self {
            numbers: HashMap::default(),
            last_id,
            fresh: Vec::new(),
            variety,
            parts: TraitParts::default(),
        }
    }

    /// The numbers of the shapes that rows of a request name, by the shapes' numbers there. Those that are new go to
    /// `new`.
    pub(super) fn number(&mut self, batch: &SpanBatch, new: &mut ShapeColumns) -> Vec<Option<Numbered>> {
        let mut traits: Vec<Option<&Arc<Traits>>> = vec![None; batch.shapes.len()];
        for (shape, skeleton) in batch.shape_numbers().zip(&batch.skeletons) {
            traits[shape] = Some(&skeleton.traits);
        }
        let shapes = batch.shapes.hashes().zip(traits).enumerate();
        let numbers = shapes.map(|(number, (hash, traits))| {
            let traits = traits?;
            if let Some(known) = self.numbers.get(&hash) {
                return Some(known.clone());
            }
            let shape = batch.shapes.get(number);
            self.variety.look_at(&shape);
            self.last_id += 1;
            let numbered = Numbered { id: self.last_id, traits: self.parts.shared(traits) };
            new.append(numbered.id, &shape);
            self.fresh.push(hash);
            self.numbers.insert(hash, numbered.clone());
            Some(numbered)
        });
        numbers.collect()
    }

    /// What was new is stored.
    pub(super) fn keep(&mut self) {
        self.fresh.clear();
        if self.numbers.len() > MAX_KNOWN {
            self.forget();
        }
    }

    /// What was new could not be stored.
    pub(super) fn take_back(&mut self) {
        for hash in self.fresh.drain(..) {
            self.numbers.remove(&hash);
        }
    }

    /// Forgets every shape, since another partition begins.
    pub(super) fn forget(&mut self) {
        self.numbers.clear();
        self.parts = TraitParts::default();
    }
}

/// Finds the keys that have too many values for shapes. It looks at new shapes alone, of which there are few unless
/// there is such a key.
#[derive(Debug)]
struct Variety {
    varying: SharedVarying,
    /// New shapes by the hash of their service.
    shapes: HashMap<u64, usize, BuildHashIsKey>,
    /// Hashes of the values by that of their service and key.
    values: HashMap<u64, HashSet<u64>, BuildHashIsKey>,
    counted: usize,
}

impl Variety {
    fn look_at(&mut self, shape: &Shape<'_>) {
        if self.counted >= MAX_COUNTED {
            self.values.clear();
            self.shapes.clear();
            self.counted = 0;
        }
        let service = xxhash_rust::xxh3::xxh3_64(shape.service().as_bytes());
        let shapes = self.shapes.entry(service).or_default();
        *shapes += 1;
        let most = (MAX_VALUES >> (*shapes / SHAPES_A_STEP).min(16)).max(MIN_VALUES);
        for (key, value) in &shape.attributes {
            // The graph is made of these two, which have no more values than the mesh has parts.
            if matches!(*key, "upstream_cluster" | "node_id") {
                continue;
            }
            let key_hash = xxhash_rust::xxh3::xxh3_64_with_seed(key.as_bytes(), service);
            let values = self.values.entry(key_hash).or_default();
            self.counted += usize::from(values.insert(xxhash_rust::xxh3::xxh3_64(value.as_bytes())));
            if values.len() > most {
                self.varying.insert(shape.service(), key);
                self.counted -= values.len();
                self.values.remove(&key_hash);
            }
        }
    }
}

/// Rows of the table of shapes in the making.
pub(super) struct ShapeColumns {
    ids: [UInt64Builder; 2],
    small: [UInt8Builder; 4],
    http_status: UInt16Builder,
    flags: [BooleanBuilder; 3],
    is_xray: BooleanBuilder,
    texts: [StringBuilder; SHAPE_TEXTS.len()],
    attributes: MapBuilder<StringBuilder, StringBuilder>,
    slots: ListBuilder<StringBuilder>,
    uuid_key: StringBuilder,
    rows: usize,
}

impl Default for ShapeColumns {
    fn default() -> Self {
        Self {
            ids: std::array::from_fn(|_| UInt64Builder::new()),
            small: std::array::from_fn(|_| UInt8Builder::new()),
            http_status: UInt16Builder::new(),
            flags: std::array::from_fn(|_| BooleanBuilder::new()),
            is_xray: BooleanBuilder::new(),
            texts: std::array::from_fn(|_| StringBuilder::new()),
            attributes: MapBuilder::new(None, StringBuilder::new(), StringBuilder::new()),
            slots: ListBuilder::new(StringBuilder::new()),
            uuid_key: StringBuilder::new(),
            rows: 0,
        }
    }
}

impl ShapeColumns {
    fn append(&mut self, id: u64, shape: &Shape<'_>) {
        self.rows += 1;
        for (builder, id) in self.ids.iter_mut().zip([id, shape.resource_id]) {
            builder.append_value(id);
        }
        let small = [shape.kind as u8, shape.status as u8, shape.protocol as u8, shape.peer_kind];
        for (builder, number) in self.small.iter_mut().zip(small) {
            builder.append_value(number);
        }
        self.http_status.append_value(shape.http_status);
        for (builder, flag) in self.flags.iter_mut().zip([shape.is_error, shape.is_timeout, shape.is_proxy]) {
            builder.append_value(flag);
        }
        for (builder, text) in self.texts.iter_mut().zip(shape.texts) {
            builder.append_option(Some(text).filter(|text| !text.is_empty()));
        }
        for (key, value) in &shape.attributes {
            self.attributes.keys().append_value(key);
            self.attributes.values().append_value(value);
        }
        // It fails only for a map that is null, which this one is not.
        drop(self.attributes.append(true));
        for key in shape.slots {
            self.slots.values().append_value(key);
        }
        self.slots.append(true);
        self.uuid_key.append_value(shape.uuid_key);
        self.is_xray.append_value(shape.is_xray);
    }

    /// Rows of the in-memory table; none where nothing was appended.
    pub(super) fn finish(mut self, generation: u64) -> Result<Option<RecordBatch>, ArrowError> {
        if self.rows == 0 {
            return Ok(None);
        }
        let mut columns: Vec<ArrayRef> = Vec::new();
        columns.extend(self.ids.iter_mut().map(|builder| Arc::new(builder.finish()) as ArrayRef));
        columns.extend(self.small.iter_mut().map(|builder| Arc::new(builder.finish()) as ArrayRef));
        columns.push(Arc::new(self.http_status.finish()));
        columns.extend(self.flags.iter_mut().map(|builder| Arc::new(builder.finish()) as ArrayRef));
        columns.extend(self.texts.iter_mut().map(|builder| Arc::new(builder.finish()) as ArrayRef));
        columns.push(Arc::new(self.attributes.finish()));
        columns.push(Arc::new(self.slots.finish()));
        columns.push(Arc::new(self.uuid_key.finish()));
        columns.push(Arc::new(self.is_xray.finish()));
        let mut generations = UInt64Builder::with_capacity(self.rows);
        generations.append_value_n(generation, self.rows);
        columns.push(Arc::new(generations.finish()));
        let fields: Vec<Field> = columns
            .iter()
            .enumerate()
            .map(|(number, column)| Field::new(format!("c{number}"), column.data_type().clone(), true))
            .collect();
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map(Some)
    }
}

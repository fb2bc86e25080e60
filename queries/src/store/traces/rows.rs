//! The rows of spans, shapes and resources of one trace.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::AsArray as _;
use arrow::datatypes::{Int64Type, UInt8Type, UInt16Type, UInt64Type};
use arrow::record_batch::RecordBatch;
use duckdb::Connection;
use foldhash::HashMap;

use crate::rows::span::{
    Peer, PeerKind, Protocol, SLOTS, Skeleton, SpanFlags, SpanKind, SpanStatus, Traits, Workload,
};

use super::columns::{Texts, maps, optional, texts};
use super::{StoredShape, StoredSpan};

/// Shapes whose numbers are less than this apart are read together.
const SHAPES_TOGETHER: u64 = 4_096;

/// A row of a table of spans, without its trace.
pub(super) struct SpanRecord {
    ids: [u64; 2],
    start_ns: i64,
    duration_ns: u64,
    shape_id: u64,
    uuid: Option<String>,
    values: [Option<String>; SLOTS],
    texts: [String; 3],
    tail: BTreeMap<String, String>,
}

/// A row of a table of shapes.
#[derive(Debug, Default)]
pub(super) struct ShapeRecord {
    shape: Arc<StoredShape>,
    /// The attributes that are the same in all of its spans.
    attributes: BTreeMap<String, String>,
    /// The keys of the values in the rows.
    slots: Vec<String>,
    uuid_key: String,
}

pub(super) fn read_spans(connection: &Connection, sql: &str) -> Result<Vec<SpanRecord>, duckdb::Error> {
    let mut records = Vec::new();
    for batch in connection.prepare(sql)?.query_arrow([])? {
        let numbers = |column: usize| batch.column(column).as_primitive::<UInt64Type>().values();
        let (span_ids, parents, durations, shapes) = (numbers(0), numbers(1), numbers(3), numbers(4));
        let starts = batch.column(2).as_primitive::<Int64Type>().values();
        let uuids = texts(&batch, 5);
        let values: [Texts<'_>; SLOTS] = std::array::from_fn(|slot| texts(&batch, 6 + slot));
        let rest: [Texts<'_>; 3] = std::array::from_fn(|number| texts(&batch, 11 + number));
        let tails = batch.column(14).as_map();
        for row in 0..batch.num_rows() {
            records.push(SpanRecord {
                ids: [span_ids[row], parents[row]],
                start_ns: starts[row],
                duration_ns: durations[row],
                shape_id: shapes[row],
                uuid: optional(uuids, row),
                values: values.map(|values| optional(values, row)),
                texts: rest.map(|texts| optional(texts, row).unwrap_or_default()),
                tail: maps(tails, row),
            });
        }
    }
    Ok(records)
}

impl SpanRecord {
    pub(super) fn with_shape(self, trace_id: u128, shapes: &HashMap<u64, ShapeRecord>) -> StoredSpan {
        let none = ShapeRecord::default();
        let ShapeRecord { shape, attributes, slots, uuid_key } = shapes.get(&self.shape_id).unwrap_or(&none);
        let mut attributes = attributes.clone();
        let varying = slots.iter().zip(self.values).chain([(uuid_key, self.uuid)]);
        attributes.extend(varying.filter_map(|(key, value)| Some((key.clone(), value?))));
        attributes.extend(self.tail);
        let [status_message, events, links] = self.texts;
        StoredSpan {
            skeleton: Skeleton {
                trace_id,
                span_id: self.ids[0],
                parent_span_id: self.ids[1],
                start_ns: self.start_ns,
                duration_ns: self.duration_ns,
                traits: Arc::clone(&shape.traits),
            },
            shape: Arc::clone(shape),
            attributes,
            status_message,
            events,
            links,
        }
    }
}

/// The shapes that rows name, by their numbers.
pub(super) fn read_shapes(
    connection: &Connection,
    shapes_at: &str,
    rows: &[SpanRecord],
) -> Result<HashMap<u64, ShapeRecord>, duckdb::Error> {
    let mut wanted: Vec<u64> = rows.iter().map(|row| row.shape_id).collect();
    wanted.sort_unstable();
    wanted.dedup();
    let mut found = HashMap::default();
    for near in wanted.chunk_by(|one, next| next - one < SHAPES_TOGETHER) {
        let sql = include_str!("../../../sql/trace/shapes.sql")
            .replace("{shapes}", shapes_at)
            .replace("{first}", &near[0].to_string())
            .replace("{last}", &near[near.len() - 1].to_string());
        for batch in connection.prepare(&sql)?.query_arrow([])? {
            let ids = batch.column(0).as_primitive::<UInt64Type>().values();
            for (row, id) in ids.iter().enumerate().filter(|(_, id)| near.binary_search(id).is_ok()) {
                found.insert(*id, shape(&batch, row));
            }
        }
    }
    Ok(found)
}

/// A row of shapes.sql.
fn shape(batch: &RecordBatch, row: usize) -> ShapeRecord {
    let small = |column: usize| batch.column(column).as_primitive::<UInt8Type>().value(row);
    let flag = |column: usize| batch.column(column).as_boolean().value(row);
    let text = |column: usize| optional(texts(batch, column), row).unwrap_or_default();
    let attributes = maps(batch.column(22).as_map(), row);
    let proxy = flag(9);
    let by_proxy = |key: &str| {
        let text = attributes.get(key).filter(|text| proxy && !text.is_empty() && *text != "-");
        text.map(|text| Arc::from(text.as_str()))
    };
    let peer =
        PeerKind::from_number(small(5)).map(|kind| Arc::new(Peer { kind, system: text(19), name: text(20) }));
    let traits = Traits {
        workload: Arc::new(Workload {
            service: text(11),
            namespace: text(12),
            version: text(13),
            environment: text(15),
        }),
        upstream_cluster: by_proxy("upstream_cluster"),
        node_id: by_proxy("node_id"),
        peer,
        kind: SpanKind::from_number(i32::from(small(2))),
        protocol: Protocol::from_number(small(4)),
        flags: SpanFlags { error: flag(7), timeout: flag(8), proxy, xray: flag(10) },
        // What only the rollups ask for.
        ..Traits::default()
    };
    let slots = batch.column(23).as_list::<i32>().value(row);
    let slots = slots.as_string::<i32>();
    let shape = StoredShape {
        resource_id: batch.column(1).as_primitive::<UInt64Type>().value(row),
        traits: Arc::new(traits),
        status: SpanStatus::from_number(u64::from(small(3))),
        http_status: batch.column(6).as_primitive::<UInt16Type>().value(row),
        instance: text(14),
        name: text(16),
        method: text(17),
        route: text(18),
        peer: text(20),
        scope: text(21),
    };
    ShapeRecord {
        shape: Arc::new(shape),
        slots: slots.iter().map(|slot| slot.unwrap_or_default().to_owned()).collect(),
        uuid_key: text(24),
        attributes,
    }
}

pub(super) fn read_resources(
    connection: &Connection,
    shapes: &HashMap<u64, ShapeRecord>,
) -> Result<BTreeMap<u64, BTreeMap<String, String>>, duckdb::Error> {
    let mut ids: Vec<u64> = shapes.values().map(|record| record.shape.resource_id).collect();
    ids.sort_unstable();
    ids.dedup();
    let mut resources = BTreeMap::new();
    if ids.is_empty() {
        return Ok(resources);
    }
    let ids: Vec<String> = ids.iter().map(u64::to_string).collect();
    let sql = include_str!("../../../sql/trace/resources.sql").replace("{ids}", &ids.join(", "));
    for batch in connection.prepare(&sql)?.query_arrow([])? {
        let ids = batch.column(0).as_primitive::<UInt64Type>().values();
        let attributes = batch.column(1).as_map();
        resources.extend(ids.iter().enumerate().map(|(row, id)| (*id, maps(attributes, row))));
    }
    Ok(resources)
}

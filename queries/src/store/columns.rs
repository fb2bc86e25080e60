//! Rows as the tables take them.

use std::sync::Arc;

use arrow::array::{Array, BooleanArray, MapBuilder, StringBuilder, UInt64Array, UInt64Builder};
use arrow::compute::{filter_record_batch, take_arrays};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;

use crate::rows::span::{Resource, SHAPE_COLUMN, SpanBatch};

use super::shapes::Numbered;

/// The rows of a request that are `new`, as the in-memory table takes them: with the numbers of their shapes, and the
/// generation behind the columns of the file.
pub(super) fn span_columns(
    batch: &SpanBatch,
    numbers: &[Option<Numbered>],
    new: &[bool],
    generation: u64,
) -> Result<RecordBatch, ArrowError> {
    let mut fields: Vec<_> = batch.columns.schema().fields().iter().cloned().collect();
    fields.push(Arc::new(Field::new("generation", DataType::UInt64, false)));
    let mut columns = batch.columns.columns().to_vec();
    let shape_ids = batch.shape_numbers().map(|shape| numbers[shape].as_ref().map_or(0, |shape| shape.id));
    columns[SHAPE_COLUMN] = Arc::new(UInt64Array::from_iter_values(shape_ids));
    columns.push(Arc::new(UInt64Array::from_value(generation, batch.columns.num_rows())));
    let rows = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?;
    if new.iter().all(|&new| new) {
        return Ok(rows);
    }
    filter_record_batch(&rows, &BooleanArray::from(new.to_vec()))
}

/// Rows that DuckDB's appender takes at once.
const CHUNK: usize = 2_048;

/// Rows as the in-memory table takes them: with the generation behind the columns of the file, and in chunks that hold
/// nothing else. The appender copies all the entries of a map or list for each chunk that it cuts off itself, which for a
/// large batch is quadratic.
pub(super) fn hot_columns(columns: &RecordBatch, generation: u64) -> Result<Vec<RecordBatch>, ArrowError> {
    let mut fields: Vec<_> = columns.schema().fields().iter().cloned().collect();
    fields.push(Arc::new(Field::new("generation", DataType::UInt64, false)));
    let schema = Arc::new(Schema::new(fields));
    let mut chunks = Vec::new();
    for first in (0..columns.num_rows()).step_by(CHUNK) {
        let rows = CHUNK.min(columns.num_rows() - first);
        let numbers = UInt64Array::from_iter_values((first as u64..).take(rows));
        let mut chunk = take_arrays(columns.columns(), &numbers, None)?;
        chunk.push(Arc::new(UInt64Array::from_value(generation, rows)));
        chunks.push(RecordBatch::try_new(Arc::clone(&schema), chunk)?);
    }
    Ok(chunks)
}

/// The rows of the table `resources`.
pub(super) fn resource_columns(resources: &[Resource]) -> Result<RecordBatch, ArrowError> {
    let mut ids = UInt64Builder::new();
    let mut attributes = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
    for resource in resources {
        ids.append_value(resource.id);
        for (key, value) in &resource.attributes {
            attributes.keys().append_value(key);
            attributes.values().append_value(value);
        }
        attributes.append(true)?;
    }
    let attributes = attributes.finish();
    let fields = vec![
        Field::new("resource_id", DataType::UInt64, false),
        Field::new("attributes", attributes.data_type().clone(), false),
    ];
    RecordBatch::try_new(Arc::new(Schema::new(fields)), vec![Arc::new(ids.finish()), Arc::new(attributes)])
}

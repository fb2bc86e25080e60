//! Log records as Arrow columns, ready to be appended.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Builder, MapBuilder, StringBuilder, UInt8Builder, UInt64Builder};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;

use super::LogRecord;
use crate::rows::resource::ResourcesBuilder;
use crate::rows::{Resource, SourceCursor};

/// Decoded log records, a row each.
#[derive(Clone, Debug)]
pub struct LogBatch {
    /// `time_ns` and `observed_ns` BIGINT, ns since 1970; `trace_hi`, `trace_lo` and `span_id` UBIGINT, zero for none;
    /// `severity_number` UTINYINT, zero for none; `severity_text`, `service`, `namespace`, `version`, `instance`,
    /// `environment`, `scope`, `event_name` and `body` VARCHAR, empty for none; `attributes` MAP(VARCHAR, VARCHAR);
    /// `resource_id` UBIGINT. No value is NULL.
    pub columns: RecordBatch,
    /// The resources that the rows name, each once.
    pub resources: Vec<Resource>,
    /// Where the source is read piece by piece: how far.
    pub cursor: Option<SourceCursor>,
}

impl LogBatch {
    /// Log records in it.
    pub fn len(&self) -> usize {
        self.columns.num_rows()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Memory that it takes, roughly, in bytes.
    pub fn memory_bytes(&self) -> usize {
        self.columns.get_array_memory_size()
    }
}

/// What a row takes whatever is in it.
const ROW_BYTES: usize = 112;
/// What an attribute takes beside its texts.
const ATTRIBUTE_BYTES: usize = 8;

const NAMES: [&str; 17] = [
    "time_ns",
    "observed_ns",
    "trace_hi",
    "trace_lo",
    "span_id",
    "severity_number",
    "severity_text",
    "service",
    "namespace",
    "version",
    "instance",
    "environment",
    "scope",
    "event_name",
    "body",
    "attributes",
    "resource_id",
];

/// Collects [`LogRecord`]s into a [`LogBatch`].
#[derive(Debug)]
pub struct LogBatchBuilder {
    times: [Int64Builder; 2],
    ids: [UInt64Builder; 3],
    severity_number: UInt8Builder,
    texts: [StringBuilder; 9],
    attributes: MapBuilder<StringBuilder, StringBuilder>,
    resource_ids: UInt64Builder,
    resources: ResourcesBuilder,
    rows: usize,
    bytes: usize,
}

impl LogBatchBuilder {
    /// A builder with room for `rows` records.
    pub fn new(rows: usize) -> Self {
        let ids = || UInt64Builder::with_capacity(rows);
        Self {
            times: std::array::from_fn(|_| Int64Builder::with_capacity(rows)),
            ids: std::array::from_fn(|_| ids()),
            severity_number: UInt8Builder::with_capacity(rows),
            texts: std::array::from_fn(|_| StringBuilder::with_capacity(rows, 0)),
            attributes: MapBuilder::new(None, StringBuilder::new(), StringBuilder::new()),
            resource_ids: ids(),
            resources: ResourcesBuilder::default(),
            rows: 0,
            bytes: 0,
        }
    }

    /// Records collected so far.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether nothing has been collected.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Memory that what was collected takes, roughly, in bytes.
    pub fn memory_bytes(&self) -> usize {
        self.bytes
    }

    /// Sets the resource of the records that follow.
    pub fn set_resource(&mut self, attributes: &[(Cow<'_, str>, Cow<'_, str>)]) {
        self.bytes += self.resources.set(attributes);
    }

    /// Adds a record of the resource set last.
    ///
    /// # Errors
    /// Only where an Arrow builder refuses a value, which would be a defect of this module.
    pub fn push(&mut self, record: &LogRecord<'_>) -> Result<(), ArrowError> {
        self.rows += 1;
        self.bytes += ROW_BYTES;
        for (builder, time) in self.times.iter_mut().zip([record.time_ns, record.observed_ns]) {
            builder.append_value(time);
        }
        let ids = [(record.trace_id >> 64) as u64, record.trace_id as u64, record.span_id];
        for (builder, id) in self.ids.iter_mut().zip(ids) {
            builder.append_value(id);
        }
        self.severity_number.append_value(record.severity_number);
        let [service, namespace, version, instance, environment] = record.origin.texts();
        let texts = [
            &record.severity_text,
            service,
            namespace,
            version,
            instance,
            environment,
            record.scope,
            &record.event_name,
            &record.body,
        ];
        for (builder, text) in self.texts.iter_mut().zip(texts) {
            builder.append_value(text);
            self.bytes += text.len();
        }
        for (key, value) in record.attributes {
            self.attributes.keys().append_value(key);
            self.attributes.values().append_value(value);
            self.bytes += key.len() + value.len() + ATTRIBUTE_BYTES;
        }
        self.attributes.append(true)?;
        self.resource_ids.append_value(self.resources.current());
        Ok(())
    }

    /// The columns and resources of all records added.
    ///
    /// # Errors
    /// Only where the columns do not fit together, which would be a defect of this module.
    pub fn finish(mut self) -> Result<LogBatch, ArrowError> {
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(NAMES.len());
        for builder in &mut self.times {
            columns.push(Arc::new(builder.finish()));
        }
        for builder in &mut self.ids {
            columns.push(Arc::new(builder.finish()));
        }
        columns.push(Arc::new(self.severity_number.finish()));
        for builder in &mut self.texts {
            columns.push(Arc::new(builder.finish()));
        }
        columns.push(Arc::new(self.attributes.finish()));
        columns.push(Arc::new(self.resource_ids.finish()));
        let named = NAMES.into_iter().zip(columns).map(|(name, column)| (name, column, true));
        Ok(LogBatch {
            cursor: None,
            columns: RecordBatch::try_from_iter_with_nullable(named)?,
            resources: self.resources.finish(),
        })
    }
}

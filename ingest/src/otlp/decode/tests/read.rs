//! Reading a batch back, and what a request should give, so that the two can be compared.

use std::collections::BTreeMap;

use arrow::array::{Array as _, ArrayRef, ArrowPrimitiveType, AsArray as _, RecordBatch};
use arrow::datatypes::{Float64Type, Int32Type, Int64Type, UInt8Type, UInt32Type, UInt64Type};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use sidecarta_queries::rows::span::{SHAPE_TEXTS, Shape, SpanBatch};

use crate::otlp::value::value_text;

/// The parts of a row that come straight from its span.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) trace_id: u128,
    pub(super) span_id: u64,
    pub(super) parent_span_id: u64,
    pub(super) start_ns: i64,
    pub(super) duration_ns: u64,
    pub(super) service: String,
    pub(super) name: String,
    pub(super) method: String,
    pub(super) route: String,
    pub(super) status_message: String,
    pub(super) scope: String,
    pub(super) events: String,
    pub(super) links: String,
    pub(super) attributes: BTreeMap<String, String>,
}

fn u64s(columns: &RecordBatch, name: &str, row: usize) -> u64 {
    columns.column_by_name(name).unwrap().as_primitive::<UInt64Type>().value(row)
}

fn texts(columns: &RecordBatch, name: &str, row: usize) -> Option<String> {
    let column = columns.column_by_name(name).unwrap().as_string::<i32>();
    column.is_valid(row).then(|| column.value(row).to_owned())
}

pub(super) fn rows(batch: &SpanBatch) -> Vec<Row> {
    let columns = &batch.columns;
    let text = |name, row| texts(columns, name, row).unwrap_or_default();
    let shapes: Vec<usize> = batch.shape_numbers().collect();
    (0..columns.num_rows())
        .map(|row| {
            let shape = batch.shapes.get(shapes[row]);
            let shared = |name: &str| {
                let position = SHAPE_TEXTS.iter().position(|known| *known == name).unwrap();
                shape.texts[position].to_owned()
            };
            Row {
                trace_id: u128::from(u64s(columns, "trace_hi", row)) << 64
                    | u128::from(u64s(columns, "trace_lo", row)),
                span_id: u64s(columns, "span_id", row),
                parent_span_id: u64s(columns, "parent_span_id", row),
                start_ns: columns.column_by_name("start_ns").unwrap().as_primitive::<Int64Type>().value(row),
                duration_ns: u64s(columns, "duration_ns", row),
                service: shared("service"),
                name: shared("name"),
                method: shared("method"),
                route: shared("route"),
                status_message: text("status_message", row),
                scope: shared("scope"),
                events: text("events", row),
                links: text("links", row),
                attributes: attributes(columns, &shape, row),
            }
        })
        .collect()
}

fn attributes(columns: &RecordBatch, shape: &Shape<'_>, row: usize) -> BTreeMap<String, String> {
    let shared = shape.attributes.iter().map(|&(key, value)| (key.to_owned(), value.to_owned()));
    let slots = (1..).zip(shape.slots).filter(|(_, key)| !key.is_empty());
    let varying =
        slots.map(|(slot, key)| (key.to_owned(), texts(columns, &format!("value_{slot}"), row).unwrap()));
    let tail = columns.column_by_name("tail").unwrap().as_map();
    let tail = tail.is_valid(row).then(|| tail.value(row)).into_iter().flat_map(|tail| {
        let (keys, values) = (tail.column(0).as_string::<i32>(), tail.column(1).as_string::<i32>());
        let entry = |entry| (keys.value(entry).to_owned(), values.value(entry).to_owned());
        (0..tail.len()).map(entry).collect::<Vec<_>>()
    });
    let uuid = columns.column_by_name("uuid").unwrap().as_fixed_size_binary();
    let uuid = uuid.is_valid(row).then(|| {
        let digits = format!("{:032x}", u128::from_be_bytes(uuid.value(row).try_into().unwrap()));
        let parts = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
        (shape.uuid_key.to_owned(), parts.join("-"))
    });
    shared.chain(varying).chain(tail).chain(uuid).collect()
}

/// What valid spans without events and links should give, worked out from the messages of another decoder.
pub(super) fn expected(request: &ExportTraceServiceRequest) -> Vec<Row> {
    let id = |bytes: &[u8]| bytes.iter().fold(0_u128, |id, byte| id << 8 | u128::from(*byte));
    let mut rows = Vec::new();
    for resource_spans in &request.resource_spans {
        let resource = resource_spans.resource.as_ref().map_or(&[][..], |resource| &resource.attributes);
        let service = texts_of(resource).remove("service.name").filter_empty();
        for scope_spans in &resource_spans.scope_spans {
            let scope = scope_spans.scope.as_ref().map(|scope| scope.name.clone()).unwrap_or_default();
            for span in &scope_spans.spans {
                let attributes = texts_of(&span.attributes);
                let text = |key: &str| attributes.get(key).cloned().unwrap_or_default();
                rows.push(Row {
                    trace_id: id(&span.trace_id),
                    span_id: id(&span.span_id) as u64,
                    parent_span_id: id(&span.parent_span_id) as u64,
                    start_ns: span.start_time_unix_nano as i64,
                    duration_ns: span.end_time_unix_nano.saturating_sub(span.start_time_unix_nano),
                    service: service.clone().unwrap_or_else(|| "unknown_service".to_owned()),
                    name: span.name.clone(),
                    method: text("http.request.method").filter_empty().unwrap_or_else(|| text("http.method")),
                    route: text("http.route").filter_empty().unwrap_or_else(|| path_of(span, &text)),
                    status_message: span
                        .status
                        .as_ref()
                        .map(|status| status.message.clone())
                        .unwrap_or_default(),
                    scope: scope.clone(),
                    events: String::new(),
                    links: String::new(),
                    attributes,
                });
            }
        }
    }
    rows
}

/// The path that a request's span names, where there are no ids in it.
fn path_of(span: &Span, text: &dyn Fn(&str) -> String) -> String {
    let is_request = [SpanKind::Server as i32, SpanKind::Client as i32].contains(&span.kind);
    let keys = ["url.path", "url.full", "http.url"];
    let url = keys.iter().find_map(|key| text(key).filter_empty()).filter(|_| is_request);
    let url = url.unwrap_or_default();
    let path =
        url.split_once("://").map_or(url.as_str(), |(_, rest)| rest.find('/').map_or("/", |at| &rest[at..]));
    path.split('?').next().unwrap_or_default().to_owned()
}

pub(super) fn texts_of(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |attribute: &KeyValue| {
        let value = attribute.value.as_ref().map(prost::Message::encode_to_vec).unwrap_or_default();
        value_text(&value, usize::MAX).unwrap().into_owned()
    };
    attributes.iter().map(|attribute| (attribute.key.clone(), text(attribute))).collect()
}

/// Empty text is no text.
trait FilterEmpty {
    fn filter_empty(self) -> Option<String>;
}

impl FilterEmpty for String {
    fn filter_empty(self) -> Option<String> {
        Some(self).filter(|text| !text.is_empty())
    }
}

impl FilterEmpty for Option<String> {
    fn filter_empty(self) -> Option<String> {
        self.filter(|text| !text.is_empty())
    }
}

/// One value of a batch.
pub(super) struct Column<'b> {
    pub(super) columns: &'b RecordBatch,
    pub(super) name: &'b str,
    pub(super) row: usize,
}

impl Column<'_> {
    fn array(&self) -> Option<&ArrayRef> {
        Some(self.columns.column_by_name(self.name).unwrap()).filter(|array| array.is_valid(self.row))
    }

    fn primitive<T: ArrowPrimitiveType>(&self) -> Option<T::Native> {
        self.array().map(|array| array.as_primitive::<T>().value(self.row))
    }

    fn list<T: ArrowPrimitiveType>(&self) -> Option<Vec<T::Native>> {
        let list = self.array()?.as_list::<i32>().value(self.row);
        Some(list.as_primitive::<T>().values().to_vec())
    }

    pub(super) fn i64(&self) -> Option<i64> {
        self.primitive::<Int64Type>()
    }

    pub(super) fn i32(&self) -> Option<i32> {
        self.primitive::<Int32Type>()
    }

    pub(super) fn u64(&self) -> Option<u64> {
        self.primitive::<UInt64Type>()
    }

    pub(super) fn u32(&self) -> Option<u32> {
        self.primitive::<UInt32Type>()
    }

    pub(super) fn u8(&self) -> Option<u8> {
        self.primitive::<UInt8Type>()
    }

    pub(super) fn bool(&self) -> Option<bool> {
        self.array().map(|array| array.as_boolean().value(self.row))
    }

    pub(super) fn double_bits(&self) -> Option<u64> {
        self.primitive::<Float64Type>().map(f64::to_bits)
    }

    pub(super) fn double_bits_list(&self) -> Option<Vec<u64>> {
        Some(self.list::<Float64Type>()?.into_iter().map(f64::to_bits).collect())
    }

    pub(super) fn u64_list(&self) -> Option<Vec<u64>> {
        self.list::<UInt64Type>()
    }

    pub(super) fn text(&self) -> String {
        self.array().unwrap().as_string::<i32>().value(self.row).to_owned()
    }

    pub(super) fn map(&self) -> BTreeMap<String, String> {
        let entries = self.array().unwrap().as_map().value(self.row);
        let (keys, values) = (entries.column(0).as_string::<i32>(), entries.column(1).as_string::<i32>());
        (0..entries.len())
            .map(|entry| (keys.value(entry).to_owned(), values.value(entry).to_owned()))
            .collect()
    }
}

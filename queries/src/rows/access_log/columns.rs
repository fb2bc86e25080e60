//! Access logs as the columns of their table.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, Int64Builder, MapBuilder, StringBuilder, UInt8Builder, UInt16Builder,
    UInt32Builder, UInt64Builder,
};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;

use super::{AccessLogRow, Direction};

/// The texts of a row, in the order of the table.
const TEXTS: [&str; 27] = [
    "node_id",
    "node_cluster",
    "version",
    "zone",
    "log_name",
    "method",
    "path",
    "route",
    "route_name",
    "virtual_cluster",
    "authority",
    "protocol",
    "upstream_cluster",
    "upstream_host",
    "downstream_address",
    "response_code_details",
    "response_flags",
    "upstream_failure",
    "connection_termination_details",
    "request_id",
    "user_agent",
    "forwarded_for",
    "downstream_tls_version",
    "downstream_peer",
    "upstream_tls_version",
    "upstream_peer",
    "raw",
];

fn texts(row: &AccessLogRow) -> [&str; TEXTS.len()] {
    [
        &row.node_id,
        &row.node_cluster,
        &row.version,
        &row.zone,
        &row.log_name,
        &row.method,
        &row.path,
        &row.route,
        &row.route_name,
        &row.virtual_cluster,
        &row.authority,
        &row.protocol,
        &row.upstream_cluster,
        &row.upstream_host,
        &row.downstream_address,
        &row.response_code_details,
        &row.response_flags,
        &row.upstream_failure,
        &row.connection_termination_details,
        &row.request_id,
        &row.user_agent,
        &row.forwarded_for,
        &row.downstream_tls.version,
        peer_name(&row.downstream_tls),
        &row.upstream_tls.version,
        peer_name(&row.upstream_tls),
        &row.raw,
    ]
}

/// What the other side's certificate calls it: an alternative name, or else the subject.
fn peer_name(tls: &super::TlsFacts) -> &str {
    if tls.peer_san.is_empty() { &tls.peer_subject } else { &tls.peer_san }
}

/// The rows of the table `access_logs`.
///
/// # Errors
/// Only where the columns do not fit together, which would be a defect of this module.
pub(crate) fn access_log_columns(rows: &[AccessLogRow]) -> Result<RecordBatch, ArrowError> {
    let mut start = Int64Builder::with_capacity(rows.len());
    let mut numbers: [UInt64Builder; 5] = std::array::from_fn(|_| UInt64Builder::with_capacity(rows.len()));
    let mut code = UInt16Builder::with_capacity(rows.len());
    let mut small: [UInt32Builder; 2] = std::array::from_fn(|_| UInt32Builder::with_capacity(rows.len()));
    let mut bytes: [UInt64Builder; 2] = std::array::from_fn(|_| UInt64Builder::with_capacity(rows.len()));
    let mut flags: [BooleanBuilder; 4] = std::array::from_fn(|_| BooleanBuilder::with_capacity(rows.len()));
    let mut direction = UInt8Builder::with_capacity(rows.len());
    let mut columns_of_text: [StringBuilder; TEXTS.len()] = std::array::from_fn(|_| StringBuilder::new());
    let mut attributes = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
    for row in rows {
        start.append_value(row.start_ns);
        let ids = [(row.trace_id >> 64) as u64, row.trace_id as u64, row.span_id].map(Some);
        let values = [row.duration_ns, row.upstream_duration_ns].into_iter().chain(ids);
        numbers.iter_mut().zip(values).for_each(|(builder, value)| builder.append_option(value));
        code.append_value(row.response_code);
        small[0].append_option(row.grpc_status);
        small[1].append_value(row.attempts);
        bytes[0].append_value(row.bytes_received);
        bytes[1].append_value(row.bytes_sent);
        let said = [row.is_whole_ms, row.is_request(), row.is_error(), row.is_timeout()];
        flags.iter_mut().zip(said).for_each(|(builder, flag)| builder.append_value(flag));
        direction.append_value(match row.direction {
            Direction::Unknown => 0,
            Direction::Inbound => 1,
            Direction::Outbound => 2,
        });
        columns_of_text.iter_mut().zip(texts(row)).for_each(|(builder, text)| builder.append_value(text));
        let mut seen: Vec<&str> = Vec::new();
        for (key, value) in &row.attributes {
            // A map has each key once.
            if !seen.contains(&key.as_str()) {
                seen.push(key);
                attributes.keys().append_value(key);
                attributes.values().append_value(value);
            }
        }
        attributes.append(true)?;
    }
    let mut columns: Vec<(&str, ArrayRef)> = vec![("start_ns", Arc::new(start.finish()))];
    let names = ["duration_ns", "upstream_duration_ns", "trace_hi", "trace_lo", "span_id"];
    for (name, builder) in names.into_iter().zip(&mut numbers) {
        columns.push((name, Arc::new(builder.finish())));
    }
    columns.push(("response_code", Arc::new(code.finish())));
    for (name, builder) in ["grpc_status", "attempts"].into_iter().zip(&mut small) {
        columns.push((name, Arc::new(builder.finish())));
    }
    for (name, builder) in ["bytes_received", "bytes_sent"].into_iter().zip(&mut bytes) {
        columns.push((name, Arc::new(builder.finish())));
    }
    for (name, builder) in ["is_whole_ms", "is_request", "is_error", "is_timeout"].into_iter().zip(&mut flags)
    {
        columns.push((name, Arc::new(builder.finish())));
    }
    columns.push(("direction", Arc::new(direction.finish())));
    for (name, builder) in TEXTS.into_iter().zip(&mut columns_of_text) {
        columns.push((name, Arc::new(builder.finish())));
    }
    columns.push(("attributes", Arc::new(attributes.finish())));
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true)))
}

//! Values out of the columns that the database gives.

use std::collections::BTreeMap;

use arrow::array::{Array as _, AsArray as _, MapArray, StringArray};
use arrow::datatypes::{Int64Type, UInt64Type};
use arrow::record_batch::RecordBatch;

use super::StoredLog;

pub(super) type Texts<'a> = &'a StringArray;

pub(super) fn texts(batch: &RecordBatch, column: usize) -> Texts<'_> {
    batch.column(column).as_string()
}

/// The text of a row, where it is not null.
pub(super) fn optional(texts: Texts<'_>, row: usize) -> Option<String> {
    texts.is_valid(row).then(|| texts.value(row).to_owned())
}

/// The map of a row; empty where it is null.
pub(super) fn maps(maps: &MapArray, row: usize) -> BTreeMap<String, String> {
    if maps.is_null(row) {
        return BTreeMap::new();
    }
    let entries = maps.value(row);
    let (keys, values) = (entries.column(0).as_string::<i32>(), entries.column(1).as_string::<i32>());
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    keys.iter().zip(values).map(|(key, value)| (text(key), text(value))).collect()
}

/// Adds the rows of logs.sql, or of `access_logs.sql`, which has one column more.
pub(super) fn log_lines(batch: &RecordBatch, has_duration: bool, lines: &mut Vec<StoredLog>) {
    let times = batch.column(0).as_primitive::<Int64Type>();
    let spans = batch.column(1).as_primitive::<UInt64Type>();
    let durations = has_duration.then(|| batch.column(2).as_primitive::<UInt64Type>());
    let next = if has_duration { 3 } else { 2 };
    let [severities, services, bodies] = [next, next + 1, next + 2].map(|column| texts(batch, column));
    let attributes = batch.column(next + 3).as_map();
    let text = |texts, row| optional(texts, row).unwrap_or_default();
    for row in 0..batch.num_rows() {
        lines.push(StoredLog {
            time_ns: times.value(row),
            span_id: spans.value(row),
            duration_ns: durations
                .filter(|durations| durations.is_valid(row))
                .map(|durations| durations.value(row)),
            severity: text(severities, row),
            service: text(services, row),
            body: text(bodies, row),
            attributes: maps(attributes, row),
        });
    }
}

//! Spans that come when their trace is not in memory any more, and traces known from before a restart.

use std::sync::Arc;

use duckdb::{Connection, Row, params};

use crate::rows::outcome::{Outcome, ResponseFlags, grpc_status};
use crate::rows::route::route_name;
use crate::rows::span::{Peer, PeerKind, Protocol, Skeleton, SpanFlags, SpanKind, Traits, Workload};

use super::window::SeenTraces;

/// The stored spans of these traces, wherever they lie.
pub(super) fn stored_spans(
    connection: &Connection,
    trace_ids: &[u128],
) -> Result<Vec<Skeleton>, duckdb::Error> {
    connection.execute(include_str!("../../sql/store/clear_lookup.sql"), [])?;
    let mut appender = connection.appender("lookup_traces")?;
    for trace_id in trace_ids {
        appender.append_row(params![(trace_id >> 64) as u64, *trace_id as u64])?;
    }
    appender.flush()?;
    drop(appender);
    let mut statement = connection.prepare(include_str!("../../sql/store/lookup_traces.sql"))?;
    let rows = statement.query_map([], skeleton)?;
    rows.collect()
}

fn skeleton(row: &Row<'_>) -> Result<Skeleton, duckdb::Error> {
    let (trace_hi, trace_lo): (u64, u64) = (row.get(0)?, row.get(1)?);
    let peer = match PeerKind::from_number(row.get(8)?) {
        Some(kind) => Some(Arc::new(Peer { kind, system: row.get(16)?, name: row.get(17)? })),
        None => None,
    };
    let proxy: bool = row.get(11)?;
    let text = |column: usize| -> Result<Option<Arc<str>>, duckdb::Error> {
        let text: Option<String> = row.get(column)?;
        Ok(text.filter(|text| proxy && !text.is_empty() && text != "-").map(Arc::from))
    };
    let protocol = Protocol::from_number(row.get(7)?);
    let (method, route): (String, String) = (row.get(21)?, row.get(22)?);
    let (grpc_statuses, flags): (Option<String>, Option<String>) = (row.get(24)?, row.get(25)?);
    let traits = Traits {
        workload: Arc::new(Workload {
            service: row.get(12)?,
            namespace: row.get(13)?,
            version: row.get(14)?,
            environment: row.get(15)?,
        }),
        upstream_cluster: text(18)?,
        node_id: text(19)?,
        peer,
        kind: SpanKind::from_number(i32::from(row.get::<_, u8>(6)?)),
        protocol,
        route: route_name(protocol, &method, &route).map(Arc::from),
        outcome: Outcome {
            http_status: row.get(23)?,
            grpc_status: grpc_statuses.unwrap_or_default().split(',').find_map(grpc_status),
            flags: ResponseFlags::parse(&flags.unwrap_or_default()),
        },
        flags: SpanFlags { error: row.get(9)?, timeout: row.get(10)?, proxy, xray: row.get(20)? },
    };
    Ok(Skeleton {
        trace_id: u128::from(trace_hi) << 64 | u128::from(trace_lo),
        span_id: row.get(2)?,
        parent_span_id: row.get(3)?,
        start_ns: row.get(4)?,
        duration_ns: row.get(5)?,
        traits: Arc::new(traits),
    })
}

/// The ids of all stored traces.
pub(super) fn seen_traces(connection: &Connection) -> Result<SeenTraces, duckdb::Error> {
    let mut seen = SeenTraces::default();
    let mut statement = connection.prepare(include_str!("../../sql/store/read_trace_ids.sql"))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (trace_hi, trace_lo): (u64, u64) = (row.get(0)?, row.get(1)?);
        seen.insert(u128::from(trace_hi) << 64 | u128::from(trace_lo));
    }
    Ok(seen)
}

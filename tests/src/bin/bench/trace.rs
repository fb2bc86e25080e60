//! What it costs to show one trace.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::envoy_spans::Generator;
use crate::process::Server;
use crate::report::{Budget, Figure, Report};
use crate::sender::{Way, send_all};
use crate::{Arguments, Failure};

/// The rate at which the start times of the spans follow one another.
const NOMINAL_RATE: u32 = 50_000;
/// Traces that are asked for, each twice, of which the second time counts.
const TRACES: usize = 200;
/// After this long, everything is in the file.
const MOVED_AFTER: Duration = Duration::from_secs(12);

pub(crate) async fn measure(
    program: &Path,
    arguments: &Arguments,
    report: &mut Report,
) -> Result<(), Failure> {
    let mut generator = Generator::new(6, NOMINAL_RATE)?;
    let load = generator.load(u64::from(arguments.spans), Way::HttpGzip)?;
    let server = Server::start(program, &[]).await?;
    report.set_duckdb_version(&server.duckdb_version().await?);
    send_all(&server.doors, &load, arguments.connections, None).await?;
    server.until_stored(load.spans()).await?;
    let stored = load.spans();
    drop(load);
    tokio::time::sleep(MOVED_AFTER).await;
    let every = (generator.trace_ids.len() / TRACES).max(1);
    let ids: Vec<u128> = generator.trace_ids.iter().copied().step_by(every).take(TRACES).collect();
    let mut spans = 0;
    for &id in &ids {
        spans += ask(&server, id).await?;
    }
    let begun_at_s = server.cpu_s()?;
    let mut wall_ms = Vec::new();
    for &id in &ids {
        let begin = Instant::now();
        ask(&server, id).await?;
        wall_ms.push(begin.elapsed().as_secs_f64() * 1e3);
    }
    let cpu_ms = (server.cpu_s()? - begun_at_s) * 1e3 / ids.len() as f64;
    wall_ms.sort_by(f64::total_cmp);
    server.end().await?;
    report.add(Figure {
        name: format!("trace by id among {:.1} M spans", stored as f64 / 1e6),
        value: cpu_ms,
        unit: "CPU ms",
        budget: Some(Budget::of(100.0, 20.0)),
        how: format!(
            "CPU time of the server for each of {} traces of {:.1} spans, asked for once before, with log lines, calls \
             and critical path; wall clock median {:.1} ms, max {:.0} ms",
            ids.len(),
            spans as f64 / ids.len() as f64,
            wall_ms[ids.len() / 2],
            wall_ms[ids.len() - 1],
        ),
    });
    Ok(())
}

/// Asks for a trace; returns how many spans it has.
async fn ask(server: &Server, id: u128) -> Result<usize, Failure> {
    let answer: Value = server.get(&format!("/api/v1/traces/{id:032x}")).await?;
    let spans = answer["trace"]["spans"].as_array().map_or(0, Vec::len);
    if spans == 0 { Err(format!("the trace {id:032x} has no spans").into()) } else { Ok(spans) }
}

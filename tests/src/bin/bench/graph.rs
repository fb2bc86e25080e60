//! What the graph of a large mesh costs, over a short and over a long time.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::graph_spans::{GraphSpans, MeshSize};
use crate::process::Server;
use crate::report::{Budget, Figure, Report, say};
use crate::search;
use crate::sender::send_all;
use crate::{Arguments, Failure};

const MESH: MeshSize = MeshSize { services: 1_000, edges: 5_000, routes: 0 };
/// Times that a graph is asked for, once it has been asked for.
const TIMES: u32 = 20;
/// After this long, everything is in the file.
const MOVED_AFTER: Duration = Duration::from_secs(12);

pub(crate) async fn measure(
    program: &Path,
    arguments: &Arguments,
    report: &mut Report,
) -> Result<(), Failure> {
    let mut spans = GraphSpans::new(4, MESH)?;
    let server = Server::start(program, &[("SIDECARTA_OTLP__MAX_SPAN_AGE_HOURS", "1000")]).await?;
    report.set_duckdb_version(&server.duckdb_version().await?);
    let past = spans.past(arguments.requests_a_day)?;
    send_all(&server.doors, &past, arguments.connections, None).await?;
    let past_spans = past.spans();
    drop(past);
    let needle = spans.needle()?;
    send_all(&server.doors, &needle, arguments.connections, None).await?;
    let present = spans.present()?;
    send_all(&server.doors, &present, arguments.connections, None).await?;
    server.until_stored(past_spans + needle.spans() + present.spans()).await?;
    tokio::time::sleep(MOVED_AFTER).await;
    let status = server.get("/api/v1/status").await?;
    say(&format!(
        "graph: {} spans, a file of {} bytes",
        status["status"]["spans"], status["status"]["database_bytes"]
    ));
    for (name, seconds, budget) in [
        ("15 min", 15 * 60, Some(Budget::of(100.0, 30.0))),
        ("30 days", 30 * 86_400, Some(Budget::of(200.0, 50.0))),
    ] {
        ask(&server, name, seconds, budget, report).await?;
    }
    search::measure(&server, report).await?;
    let ended = server.end().await?;
    if let Some(keep) = &arguments.keep {
        ended.keep_in(keep, "graph")?;
    }
    Ok(())
}

async fn ask(
    server: &Server,
    name: &str,
    seconds: u32,
    budget: Option<Budget>,
    report: &mut Report,
) -> Result<(), Failure> {
    let answer = server.get(&path(seconds)).await?;
    let count = |of: &str| answer["graph"][of].as_array().map_or(0, Vec::len);
    let requests: u64 = answer["graph"]["edges"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|edge| edge["requests"].as_u64())
        .sum();
    let (nodes, edges) = (count("nodes"), count("edges"));
    if nodes != MESH.services || edges != MESH.edges {
        return Err(format!("the graph over {name} has {nodes} nodes and {edges} edges").into());
    }
    let begun_at_s = server.cpu_s()?;
    let mut wall_ms = Vec::new();
    let mut bytes = 0;
    for time in 1..=TIMES {
        let begin = Instant::now();
        // Each range is another one, since the server keeps an answer for a moment.
        let answer: Value = server.get(&path(seconds + 10 * time)).await?;
        wall_ms.push(begin.elapsed().as_secs_f64() * 1e3);
        bytes = answer.to_string().len();
    }
    let cpu_ms = (server.cpu_s()? - begun_at_s) * 1e3 / f64::from(TIMES);
    wall_ms.sort_by(f64::total_cmp);
    report.add(Figure {
        name: format!("graph of {nodes} services, {edges} edges over {name}"),
        value: cpu_ms,
        unit: "CPU ms",
        budget,
        how: format!(
            "CPU time of the server for each of {TIMES} answers of {:.1} MB about {requests} requests, warm; wall clock \
             median {:.0} ms, max {:.0} ms with reading the answer",
            bytes as f64 / 1e6,
            wall_ms[wall_ms.len() / 2],
            wall_ms[wall_ms.len() - 1],
        ),
    });
    Ok(())
}

fn path(seconds: u32) -> String {
    format!("/api/v1/graph?from=-{seconds}s")
}

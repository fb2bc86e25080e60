//! What the table of routes of a large mesh costs, over a short and over a long time.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::graph_spans::{GraphSpans, MeshSize};
use crate::process::Server;
use crate::report::{Budget, Figure, Report, say};
use crate::sender::send_all;
use crate::{Arguments, Failure};

const MESH: MeshSize = MeshSize { services: 1_000, edges: 5_000, routes: 20 };
/// Times that a table is asked for, once it has been asked for.
const TIMES: u32 = 10;
/// After this long, everything is in the file.
const MOVED_AFTER: Duration = Duration::from_secs(12);
/// Requests of each route on each day of the past.
const A_DAY: u32 = 2;

pub(crate) async fn measure(
    program: &Path,
    arguments: &Arguments,
    report: &mut Report,
) -> Result<(), Failure> {
    let mut spans = GraphSpans::new(4, MESH)?;
    let server = Server::start(program, &[("SIDECARTA_OTLP__MAX_SPAN_AGE_HOURS", "1000")]).await?;
    report.set_duckdb_version(&server.duckdb_version().await?);
    let mut sent = 0;
    let past = spans.past(A_DAY)?;
    send_all(&server.doors, &past, arguments.connections, None).await?;
    sent += past.spans();
    drop(past);
    let present = spans.present()?;
    send_all(&server.doors, &present, arguments.connections, None).await?;
    sent += present.spans();
    drop(present);
    server.until_stored(sent).await?;
    tokio::time::sleep(MOVED_AFTER).await;
    let status = server.get("/api/v1/status").await?;
    say(&format!(
        "routes: {} spans, a file of {} bytes",
        status["status"]["spans"], status["status"]["database_bytes"]
    ));
    for (name, seconds, budget) in
        [("15 min", 15 * 60, Budget::of(150.0, 150.0)), ("30 days", 30 * 86_400, Budget::of(300.0, 300.0))]
    {
        // The service in the middle, so that no other series lie close to its own by chance.
        for (what, filter) in [("all services", ""), ("one service", "&service=service-500")] {
            ask(&server, (name, seconds), (what, filter), budget, report).await?;
        }
    }
    let ended = server.end().await?;
    if let Some(keep) = &arguments.keep {
        ended.keep_in(keep, "routes")?;
    }
    Ok(())
}

async fn ask(
    server: &Server,
    (name, seconds): (&str, u32),
    (what, filter): (&str, &str),
    budget: Budget,
    report: &mut Report,
) -> Result<(), Failure> {
    let path = |seconds: u32| format!("/api/v1/routes?from=-{seconds}s{filter}");
    let answer = server.get(&path(seconds)).await?;
    let total = answer["total"].as_u64().unwrap_or(0) as usize;
    // Nobody calls the first service.
    let expected = if filter.is_empty() { (MESH.services - 1) * MESH.routes } else { MESH.routes };
    if total != expected {
        return Err(format!("the table of {what} over {name} has {total} routes and not {expected}").into());
    }
    let begun_at_s = server.cpu_s()?;
    let mut wall_ms = Vec::new();
    let mut bytes = 0;
    for time in 1..=TIMES {
        let begin = Instant::now();
        let answer: Value = server.get(&path(seconds + 10 * time)).await?;
        wall_ms.push(begin.elapsed().as_secs_f64() * 1e3);
        bytes = answer.to_string().len();
    }
    let cpu_ms = (server.cpu_s()? - begun_at_s) * 1e3 / f64::from(TIMES);
    wall_ms.sort_by(f64::total_cmp);
    report.add(Figure {
        name: format!("routes of {what} over {name}"),
        value: cpu_ms,
        unit: "CPU ms",
        budget: Some(budget),
        how: format!(
            "CPU time of the server for each of {TIMES} answers of {:.1} MB, of {total} routes the 1,000 with the most \
             requests, warm; wall clock median {:.0} ms, max {:.0} ms with reading the answer",
            bytes as f64 / 1e6,
            wall_ms[wall_ms.len() / 2],
            wall_ms[wall_ms.len() - 1],
        ),
    });
    Ok(())
}

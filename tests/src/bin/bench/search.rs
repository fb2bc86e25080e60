//! What looking for traces costs, over the month of the graph's mesh.

use std::time::Instant;

use crate::Failure;
use crate::process::Server;
use crate::report::{Budget, Figure, Report};

/// Times that a question is asked, once it has been asked.
const TIMES: u32 = 10;

/// Each question with what it is called and how many traces it finds; none where it is as many as are shown.
const QUESTIONS: [(&str, &str, Option<usize>); 4] = [
    ("q=db.statement%3Dneedle", "one span by an attribute that varies", Some(1)),
    ("q=service%3Dservice-500%20duration%3E100ms", "50 of a service, by duration", None),
    ("", "newest 50", None),
    ("order=slowest", "slowest 50", None),
];

/// Asks each question over 30 days.
pub(crate) async fn measure(server: &Server, report: &mut Report) -> Result<(), Failure> {
    for (question, name, expected) in QUESTIONS {
        let path = format!("/api/v1/traces?from=-30d&{question}");
        let answer = server.get(&path).await?;
        let traces = answer["traces"].as_array().map_or(0, Vec::len);
        if traces != expected.unwrap_or(50) {
            return Err(format!("{path} finds {traces} traces").into());
        }
        let begun_at_s = server.cpu_s()?;
        let mut wall_ms = Vec::new();
        for _ in 0..TIMES {
            let begin = Instant::now();
            server.get(&path).await?;
            wall_ms.push(begin.elapsed().as_secs_f64() * 1e3);
        }
        let cpu_ms = (server.cpu_s()? - begun_at_s) * 1e3 / f64::from(TIMES);
        wall_ms.sort_by(f64::total_cmp);
        report.add(Figure {
            name: format!("search over 30 days, {name}"),
            value: cpu_ms,
            unit: "CPU ms",
            budget: Some(Budget::of(1_000.0, 200.0)),
            how: format!(
                "CPU time of the server for each of {TIMES} answers with {traces} traces, looked through from {}; wall \
                 clock median {:.0} ms, max {:.0} ms",
                answer["search"]["from"],
                wall_ms[wall_ms.len() / 2],
                wall_ms[wall_ms.len() - 1],
            ),
        });
    }
    Ok(())
}

//! How long after its acknowledgement a span is on the graph.

use std::path::Path;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, sleep};

use crate::envoy_spans::{Generator, encode, now_ns, of_service, text};
use crate::process::Server;
use crate::report::{Budget, Figure, Report};
use crate::sender::{Connection, Doors, Way, send_all};
use crate::{Arguments, Failure};

/// Spans a second beside which is measured.
const RATE: u32 = 20_000;
/// How often a span is sent that is waited for.
const EVERY: Duration = Duration::from_millis(500);
/// How often is looked whether it is there.
const POLL: Duration = Duration::from_millis(50);
/// Longer than this is a defect.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) async fn measure(
    program: &Path,
    arguments: &Arguments,
    report: &mut Report,
) -> Result<(), Failure> {
    let load =
        Generator::new(3, RATE)?.load(u64::from(RATE) * u64::from(arguments.seconds), Way::HttpGzip)?;
    let server = Server::start(program, &[]).await?;
    report.set_duckdb_version(&server.duckdb_version().await?);
    let (doors, connections) = (server.doors.clone(), arguments.connections);
    let pressure = tokio::spawn(async move { send_all(&doors, &load, connections, Some(RATE)).await });
    let mut markers = JoinSet::new();
    let mut ticks = interval(EVERY);
    let count = u64::from(arguments.seconds) * 1_000 / EVERY.as_millis() as u64;
    for number in 0..count {
        ticks.tick().await;
        markers.spawn(until_seen(server.api.clone(), server.doors.clone(), format!("marker-{number}-end")));
    }
    let mut delays_ms = Vec::new();
    while let Some(delay) = markers.join_next().await {
        delays_ms.push(delay??.as_secs_f64() * 1e3);
    }
    let sent = pressure.await??;
    server.end().await?;
    delays_ms.sort_by(f64::total_cmp);
    let at = |share: f64| delays_ms[((delays_ms.len() - 1) as f64 * share).ceil() as usize];
    let how = format!(
        "of {count} spans sent alone beside {RATE} spans/s ({} requests told to wait), from acknowledgement to being \
         in /api/v1/graph, asked every {} ms; wall clock",
        sent.refused,
        POLL.as_millis()
    );
    for (name, share, budget) in [("p50", 0.5, None), ("p99", 0.99, Some(Budget::of(2_000.0, 1_000.0)))] {
        report.add(Figure {
            name: format!("acknowledged to on the graph, {name}"),
            value: at(share),
            unit: "ms",
            budget,
            how: how.clone(),
        });
    }
    Ok(())
}

/// Sends a request to a service that nobody called before, and waits until the graph has it.
async fn until_seen(api: String, doors: Doors, service: String) -> Result<Duration, Failure> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let now = now_ns()?;
    let span = Span {
        trace_id: rand::random::<[u8; 16]>().to_vec(),
        span_id: rand::random::<[u8; 8]>().to_vec(),
        start_time_unix_nano: now - 5_000_000,
        end_time_unix_nano: now,
        name: "ingress".to_owned(),
        kind: 2,
        attributes: vec![text("http.method", "GET".to_owned()), text("http.status_code", "200".to_owned())],
        ..Span::default()
    };
    let request = ExportTraceServiceRequest { resource_spans: vec![of_service(&service, vec![span])] };
    Connection::open(&doors, Way::HttpPlain).await?.send(&encode(&request, false)?).await?;
    let acknowledged = Instant::now();
    let graph = format!("{api}/api/v1/graph?from=-5m&find={service}");
    while acknowledged.elapsed() < PATIENCE {
        let answer = client.get(&graph).send().await?.error_for_status()?;
        let answer: Value = serde_json::from_slice(&answer.bytes().await?)?;
        if answer["graph"]["edges"].as_array().is_some_and(|edges| !edges.is_empty()) {
            return Ok(acknowledged.elapsed());
        }
        sleep(POLL).await;
    }
    Err(format!("{service} was not on the graph after {PATIENCE:?}").into())
}

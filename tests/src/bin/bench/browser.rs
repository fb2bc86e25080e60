//! What the map costs a browser. A script drives Chromium and tells what it saw, while this process keeps the numbers
//! on the map moving.

use std::convert::Infallible;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use tokio::process::Command;
use tokio::time::interval;

use crate::graph_spans::{GraphSpans, MeshSize};
use crate::process::Server;
use crate::report::{Budget, Figure, Report};
use crate::sender::{Doors, send_all};
use crate::{Arguments, Failure};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/browser/bench.mjs");
const LARGE: MeshSize = MeshSize { services: 500, edges: 1_000, routes: 0 };
/// About as large as the demo mesh.
const SMALL: MeshSize = MeshSize { services: 12, edges: 15, routes: 0 };
/// Times that each map is opened.
const LOADS: u32 = 7;
/// From one request of each edge to the next. The server sends a graph as often.
const EVERY: Duration = Duration::from_secs(1);
const PAINT: Budget = Budget { first: 1_500.0, goal: 700.0 };

/// What the script tells.
#[derive(Debug, Deserialize)]
struct Seen {
    chromium: String,
    loads: Vec<Load>,
    updates: Vec<Update>,
}

/// The map opened once.
#[derive(Debug, Deserialize)]
struct Load {
    paint_ms: f64,
    layout_ms: f64,
    boxes: usize,
    arrows: usize,
}

/// What one new graph cost the main thread.
#[derive(Debug, Deserialize)]
struct Update {
    cpu_ms: f64,
    wall_ms: f64,
}

pub(crate) async fn measure(
    program: &Path,
    arguments: &Arguments,
    report: &mut Report,
) -> Result<(), Failure> {
    let mut small = Mesh::start(program, SMALL, report).await?;
    add_paint(&small.open("/", 0).await?, Some(PAINT), report);
    small.server.end().await?;
    let mut large = Mesh::start(program, LARGE, report).await?;
    add_paint(&large.open("/", 0).await?, Some(PAINT), report);
    let whole = large.open("/?all=1", arguments.seconds).await?;
    large.server.end().await?;
    add_paint(&whole, None, report);
    if whole.boxes() != (LARGE.services, LARGE.edges) {
        return Err(format!("the whole map has {}", whole.extent()).into());
    }
    add_layout(&whole, report);
    add_update(&whole, report);
    Ok(())
}

/// A server that knows a mesh.
struct Mesh {
    server: Server,
    spans: GraphSpans,
}

impl Mesh {
    async fn start(program: &Path, size: MeshSize, report: &mut Report) -> Result<Self, Failure> {
        let mut spans = GraphSpans::new(6, size)?;
        let server = Server::start(program, &[]).await?;
        report.set_duckdb_version(&server.duckdb_version().await?);
        let present = spans.present()?;
        send_all(&server.doors, &present, 1, None).await?;
        server.until_stored(present.spans()).await?;
        Ok(Self { server, spans })
    }

    /// Opens a map some times and watches it for so long, with traffic all the time.
    async fn open(&mut self, path: &str, seconds: u32) -> Result<Seen, Failure> {
        let url = format!("{}{path}", self.server.api);
        tokio::select! {
            seen = run_script(&url, seconds) => seen,
            Err(error) = keep_moving(&self.server.doors, &mut self.spans) => Err(error),
        }
    }
}

async fn run_script(url: &str, seconds: u32) -> Result<Seen, Failure> {
    let output = Command::new("node")
        .args([SCRIPT, url, &LOADS.to_string(), &seconds.to_string()])
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|error| format!("cannot start node: {error}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

async fn keep_moving(doors: &Doors, spans: &mut GraphSpans) -> Result<Infallible, Failure> {
    let mut ticks = interval(EVERY);
    loop {
        ticks.tick().await;
        send_all(doors, &spans.now()?, 1, None).await?;
    }
}

impl Seen {
    /// Boxes and arrows of the map.
    fn boxes(&self) -> (usize, usize) {
        self.loads.last().map_or((0, 0), |load| (load.boxes, load.arrows))
    }

    fn extent(&self) -> String {
        let (boxes, arrows) = self.boxes();
        format!("{boxes} boxes, {arrows} arrows")
    }
}

fn add_paint(seen: &Seen, budget: Option<Budget>, report: &mut Report) {
    let times = Times::of(seen.loads.iter().map(|load| load.paint_ms));
    report.add(Figure {
        name: format!("first graph paint, {}", seen.extent()),
        value: times.median,
        unit: "ms",
        budget,
        how: format!(
            "median of {} from the navigation until the frame with the boxes is handed on, nothing cached; wall clock, \
             max {:.0} ms; Chromium {}",
            times.count, times.max, seen.chromium
        ),
    });
}

fn add_layout(seen: &Seen, report: &mut Report) {
    let times = Times::of(seen.loads.iter().map(|load| load.layout_ms));
    report.add(Figure {
        name: format!("layout, {}", seen.extent()),
        value: times.median,
        unit: "ms",
        budget: Some(Budget::of(500.0, 200.0)),
        how: format!(
            "median of {} of the page's own measure \"layout\"; wall clock, max {:.0} ms; Chromium {}",
            times.count, times.max, seen.chromium
        ),
    });
}

fn add_update(seen: &Seen, report: &mut Report) {
    let times = Times::of(seen.updates.iter().map(|update| update.cpu_ms));
    let wall = Times::of(seen.updates.iter().map(|update| update.wall_ms));
    report.add(Figure {
        name: format!("live update, {}", seen.extent()),
        value: times.median,
        unit: "CPU ms",
        budget: Some(Budget::of(100.0, 40.0)),
        how: format!(
            "median of {} of all tasks of the page's main thread from one graph event to the next, max {:.0} ms; wall \
             clock median {:.0} ms; Chromium {}",
            times.count, times.max, wall.median, seen.chromium
        ),
    });
}

/// Some measured times.
struct Times {
    count: usize,
    median: f64,
    max: f64,
}

impl Times {
    fn of(times: impl Iterator<Item = f64>) -> Self {
        let mut times: Vec<f64> = times.collect();
        times.sort_by(f64::total_cmp);
        let at = |index: usize| times.get(index).copied().unwrap_or(f64::NAN);
        Self { count: times.len(), median: at(times.len() / 2), max: at(times.len().saturating_sub(1)) }
    }
}

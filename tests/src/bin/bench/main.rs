//! The benchmarks: what Sidecarta costs, beside what it may cost. See `docs/benchmarks.md`.
//!
//! Each row starts a server of its own on free ports and with an empty store, loads it from this process, and reads
//! what it cost off `/proc`, or off Chromium's trace for what the dashboard costs. The server's CPU seconds are the figure
//! wherever its time is meant, since they stay the same on a busy machine; what this process costs is not in them.

mod browser;
mod browser_page;
mod canary;
mod envoy_spans;
mod envoys;
mod freshness;
mod graph;
mod graph_spans;
mod ingest;
mod process;
mod report;
mod routes;
mod search;
mod sender;
mod trace;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use report::Report;

/// Why a row could not be measured.
type Failure = Box<dyn Error + Send + Sync>;

/// Measures what Sidecarta costs, and prints it beside the budgets.
#[derive(Debug, Parser)]
struct Arguments {
    /// The rows to measure; all of them if none is named.
    rows: Vec<Row>,
    /// The server; by default the `sidecarta` beside this program.
    #[arg(long, env = "SIDECARTA_BIN")]
    sidecarta: Option<PathBuf>,
    /// Spans that are sent for `ingest`, `disk` and `trace`.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(10_000..=20_000_000))]
    spans: u32,
    /// Connections that send.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=64))]
    connections: u32,
    /// Spans a second for `memory`.
    #[arg(long, default_value_t = 50_000, value_parser = clap::value_parser!(u32).range(100..=1_000_000))]
    rate: u32,
    /// Seconds that `memory` and `freshness` take each, and that `browser` watches live updates.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(5..=600))]
    seconds: u32,
    /// Requests of each edge a day for `graph`.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=200))]
    requests_a_day: u32,
    /// Runs of each kind of traffic for `canary`.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(10..=100_000))]
    runs: u32,
    /// Proxies that `envoys` scrapes.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(10..=10_000))]
    proxies: u32,
    /// Clusters of each proxy that have ever had a request, of 100, for `envoys`; a quarter of them is busy at a time.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(4..=100))]
    used_clusters: u32,
    /// Folder where the servers' data is kept after `ingest` and `graph`, to be looked at.
    #[arg(long)]
    keep: Option<PathBuf>,
}

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Row {
    /// CPU seconds per million spans, sent gzipped and plain.
    Ingest,
    /// Bytes a span takes on disk; comes with `ingest`.
    Disk,
    /// From the acknowledgement of a span to its being on the graph.
    Freshness,
    /// Peak memory under a steady load.
    Memory,
    /// The graph of 1,000 services over 15 minutes and over 30 days.
    Graph,
    /// One trace by its id, told whole.
    Trace,
    /// Traces looked for over 30 days; comes with `graph`.
    Search,
    /// The table of routes of 1,000 services with 20 routes each over 15 minutes and over 30 days.
    Routes,
    /// CPU seconds per round of scraping a thousand Envoys, and whether slow ones hold up others.
    Envoys,
    /// How often canary verdicts are wrong, and how long they take.
    Canary,
    /// Bytes that a browser fetches.
    Page,
    /// Layout, live updates and first paint of the map in Chromium.
    Browser,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut report = Report::default();
    let measured = measure(&arguments, &mut report).await;
    report.print();
    match measured {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report::say(&format!("Not measured:\n{error}"));
            ExitCode::FAILURE
        }
    }
}

async fn measure(arguments: &Arguments, report: &mut Report) -> Result<(), Failure> {
    let sidecarta = match &arguments.sidecarta {
        Some(path) => path.clone(),
        None => std::env::current_exe()?.with_file_name("sidecarta"),
    };
    if !sidecarta.is_file() {
        return Err(
            format!("there is no {}: build it, or name another by --sidecarta", sidecarta.display()).into()
        );
    }
    let mut failures = Vec::new();
    for row in [
        Row::Page,
        Row::Browser,
        Row::Ingest,
        Row::Memory,
        Row::Freshness,
        Row::Graph,
        Row::Trace,
        Row::Routes,
        Row::Envoys,
        Row::Canary,
    ] {
        let with_disk = row == Row::Ingest && arguments.rows.contains(&Row::Disk);
        let with_search = row == Row::Graph && arguments.rows.contains(&Row::Search);
        if !(arguments.rows.is_empty() || arguments.rows.contains(&row) || with_disk || with_search) {
            continue;
        }
        let measured = match row {
            Row::Page => browser_page::measure(&sidecarta, report).await,
            Row::Browser => browser::measure(&sidecarta, arguments, report).await,
            Row::Ingest | Row::Disk => ingest::measure(&sidecarta, arguments, report).await,
            Row::Memory => ingest::measure_memory(&sidecarta, arguments, report).await,
            Row::Freshness => freshness::measure(&sidecarta, arguments, report).await,
            Row::Trace => trace::measure(&sidecarta, arguments, report).await,
            Row::Graph | Row::Search => graph::measure(&sidecarta, arguments, report).await,
            Row::Routes => routes::measure(&sidecarta, arguments, report).await,
            Row::Envoys => envoys::measure(&sidecarta, arguments, report).await,
            Row::Canary => canary::measure(arguments, report).await,
        };
        if let Err(error) = measured {
            failures.push(format!("{row:?}: {error}"));
        }
    }
    if failures.is_empty() { Ok(()) } else { Err(failures.join("\n").into()) }
}

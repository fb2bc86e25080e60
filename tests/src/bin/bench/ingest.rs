//! What taking spans in costs: processor, disk, memory.

use std::path::Path;

use crate::envoy_spans::Generator;
use crate::process::Server;
use crate::report::{Budget, Figure, Report};
use crate::sender::{Way, send_all};
use crate::{Arguments, Failure};

/// The rate at which the start times of the spans follow one another where they are sent as fast as possible.
const NOMINAL_RATE: u32 = 50_000;

/// CPU seconds and bytes on disk, gzipped and plain.
pub(crate) async fn measure(
    program: &Path,
    arguments: &Arguments,
    report: &mut Report,
) -> Result<(), Failure> {
    for (way, encoding) in
        [(Way::HttpGzip, "HTTP gzip"), (Way::HttpPlain, "HTTP plain"), (Way::GrpcGzip, "gRPC gzip")]
    {
        let load = Generator::new(1, NOMINAL_RATE)?.load(u64::from(arguments.spans), way)?;
        let server = Server::start(program, &[]).await?;
        report.set_duckdb_version(&server.duckdb_version().await?);
        let sent = send_all(&server.doors, &load, arguments.connections, None).await?;
        server.until_stored(load.spans()).await?;
        let ended = server.end().await?;
        let spans = load.spans() as f64;
        report.add(Figure {
            name: format!("OTLP ingest, {encoding}"),
            value: ended.cpu_s / spans * 1e6,
            unit: "CPU s/M spans",
            budget: Some(Budget::of(12.0, 5.0)),
            how: format!(
                "user and system time of the server from ready to ended, with everything in its file, for {spans} \
                 spans of {:.0} bytes as prepared; {:.0} spans/s acknowledged over {} connections, {} times told to wait",
                load.bytes() as f64 / spans,
                spans / sent.elapsed.as_secs_f64(),
                arguments.connections,
                sent.refused,
            ),
        });
        if way == Way::HttpGzip {
            report.add(Figure {
                name: "disk".to_owned(),
                value: ended.disk_bytes as f64 / spans,
                unit: "bytes/span",
                budget: Some(Budget::of(80.0, 50.0)),
                how: format!("all files of the data folder after the server has ended, for {spans} spans"),
            });
        }
        if let Some(keep) = &arguments.keep {
            ended.keep_in(keep, &encoding.replace(' ', "-"))?;
        }
    }
    Ok(())
}

/// Peak memory under a steady load.
pub(crate) async fn measure_memory(
    program: &Path,
    arguments: &Arguments,
    report: &mut Report,
) -> Result<(), Failure> {
    let spans = u64::from(arguments.rate) * u64::from(arguments.seconds);
    let load = Generator::new(2, arguments.rate)?.load(spans, Way::HttpGzip)?;
    let server = Server::start(program, &[]).await?;
    report.set_duckdb_version(&server.duckdb_version().await?);
    let sent = send_all(&server.doors, &load, arguments.connections * 4, Some(arguments.rate)).await?;
    server.until_stored(load.spans()).await?;
    let peak = server.peak_memory_bytes()?;
    let ended = server.end().await?;
    report.add(Figure {
        name: format!("peak memory at {} spans/s", arguments.rate),
        value: peak as f64 / 1e6,
        unit: "MB",
        budget: Some(Budget::of(600.0, 400.0)),
        how: format!(
            "VmHWM of the server; {:.0} spans/s were reached for {:.0} s, {} requests told to wait, {:.1} CPU s",
            load.spans() as f64 / sent.elapsed.as_secs_f64(),
            sent.elapsed.as_secs_f64(),
            sent.refused,
            ended.cpu_s,
        ),
    });
    Ok(())
}

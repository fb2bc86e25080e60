//! What it costs to move rows into the database file in portions of different sizes: the measurement behind
//! `docs/storage.md`. Run with `cargo run --release -p sidecarta-queries --example portions`.

use std::borrow::Cow;
use std::error::Error;
use std::fs;
use std::io::Write as _;
use std::sync::Arc;

use sidecarta_queries::rows::span::{Protocol, SpanBatch, SpanBatchBuilder, SpanKind, SpanRow};
use sidecarta_queries::store::{self, StoreOptions};

const SPANS: u64 = 500_000;
const SPANS_PER_REQUEST: u64 = 512;
const SPANS_PER_TRACE: u64 = 8;
/// Clock ticks a second in `/proc/self/stat`, the same on every Linux.
const TICKS: f64 = 100.0;

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = std::io::stdout();
    writeln!(out, "rows a move | CPU s per million spans | bytes a span")?;
    for move_rows in [2_048, 16_384, 122_880] {
        let dir = tempfile::tempdir()?;
        let options = StoreOptions { move_rows, ..StoreOptions::in_dir(dir.path()) };
        let (store, mut writer) = store::open(&options)?;
        let mut spent = 0.0;
        for (sequence, first) in (1..).zip((0..SPANS).step_by(SPANS_PER_REQUEST as usize)) {
            let batch = request(first)?;
            let before = cpu_seconds()?;
            writer.stage_spans(sequence, batch);
            if sequence % 40 == 0 {
                writer.publish()?;
            }
            spent += cpu_seconds()? - before;
        }
        let before = cpu_seconds()?;
        writer.publish()?;
        writer.move_into_file()?;
        writer.checkpoint()?;
        spent += cpu_seconds()? - before;
        let bytes = store.database_bytes();
        let millions = SPANS as f64 / 1e6;
        writeln!(
            out,
            "{move_rows:>11} | {:>23.2} | {:>12.1}",
            spent / millions,
            bytes as f64 / SPANS as f64
        )?;
    }
    Ok(())
}

/// A request of spans as Envoy sends them, decoded.
fn request(first: u64) -> Result<SpanBatch, Box<dyn Error>> {
    let mut builder = SpanBatchBuilder::new(SPANS_PER_REQUEST as usize, Arc::default());
    let start_ns = jiff::Timestamp::now().as_nanosecond() as i64;
    for number in first..first + SPANS_PER_REQUEST {
        let (trace, place) = (number / SPANS_PER_TRACE, number % SPANS_PER_TRACE);
        let service = format!("service-{}", (trace * 7 + place) % 40);
        let route = format!("http://{service}/api/v1/things/{}", random(trace) % 200);
        let request_id = uuid(random(trace ^ 0xA5A5), random(trace ^ 0x5A5A));
        let size = (random(number) % 5_000).to_string();
        let pairs = [
            ("node_id", "sidecar"),
            ("zone", "eu-west-1a"),
            ("guid:x-request-id", &*request_id),
            ("http.url", &*route),
            ("http.method", "GET"),
            ("downstream_cluster", "-"),
            ("user_agent", "shop/1.4"),
            ("http.protocol", "HTTP/1.1"),
            ("peer.address", "10.0.3.17"),
            ("request_size", "0"),
            ("response_size", &*size),
            ("component", "proxy"),
            ("upstream_cluster", &*service),
            ("upstream_cluster.name", &*service),
            ("http.status_code", "200"),
            ("response_flags", "-"),
        ];
        let attributes = pairs.map(|(key, value)| (Cow::from(key), Cow::from(value)));
        builder.set_resource(&[(Cow::from("service.name"), Cow::from(&*service))]);
        builder.push(&SpanRow {
            trace_id: u128::from(random(trace)) << 64 | u128::from(random(trace + 1)),
            span_id: random(number ^ 0xFFFF_0000) | 1,
            parent_span_id: if place == 0 { 0 } else { random((number - 1) ^ 0xFFFF_0000) | 1 },
            start_ns: start_ns + (number * 1_000) as i64,
            duration_ns: 1_000 * (1_000 + random(number) % 90_000),
            service: &service,
            kind: if place % 2 == 0 { SpanKind::Server } else { SpanKind::Client },
            name: "egress",
            is_proxy: true,
            protocol: Protocol::Http,
            method: "GET",
            http_status: 200,
            attributes: &attributes,
            ..SpanRow::default()
        })?;
    }
    Ok(builder.finish()?)
}

/// Numbers without order, the same in every run.
fn random(seed: u64) -> u64 {
    xxhash_rust::xxh3::xxh3_64(&seed.to_le_bytes())
}

fn uuid(high: u64, low: u64) -> String {
    let digits = format!("{high:016x}{low:016x}");
    [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")
}

/// CPU time of this process, user and system.
fn cpu_seconds() -> Result<f64, Box<dyn Error>> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    Ok((fields[11].parse::<f64>()? + fields[12].parse::<f64>()?) / TICKS)
}

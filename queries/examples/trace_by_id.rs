//! What it costs to find a trace by its id in a large store: the measurement behind `docs/storage.md`. Run with
//! `cargo run --release --workspace --example trace_by_id -- 100 /some/folder`: a hundred million spans in that folder.

use std::borrow::Cow;
use std::error::Error;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use sidecarta_queries::graph::IdentityRules;
use sidecarta_queries::rows::span::{Protocol, SpanBatch, SpanBatchBuilder, SpanKind, SpanRow};
use sidecarta_queries::store::{self, Store, StoreOptions};
use sidecarta_queries::waterfall;

type Failure = Box<dyn Error>;

const SPANS_A_REQUEST: u64 = 4_096;
const SPANS_A_TRACE: u64 = 8;
const SERVICES: u64 = 40;
const ROUTES: u64 = 200;
/// Traces that are looked up, each twice, of which the second time counts.
const LOOKUPS: u64 = 200;
/// Clock ticks a second in `/proc/self/stat`, the same on every Linux.
const TICKS: f64 = 100.0;

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let millions: u64 = arguments.next().map_or(Ok(20), |text| text.parse())?;
    let temporary = tempfile::tempdir()?;
    let dir = arguments.next().map_or_else(|| temporary.path().to_owned(), PathBuf::from);
    let (store, mut writer) = store::open(&StoreOptions::in_dir(&dir))?;
    let marks = [1, 5, 20, 50, millions];
    let mut stored = store.row_counts()?.spans;
    let before = stored;
    for &mark in marks.iter().filter(|&&mark| mark <= millions && mark * 1_000_000 > before) {
        while stored < mark * 1_000_000 {
            writer.stage_spans(stored / SPANS_A_REQUEST + 1, request(stored)?);
            stored += SPANS_A_REQUEST;
            if (stored / SPANS_A_REQUEST).is_multiple_of(8) {
                writer.publish()?;
            }
        }
        writer.publish()?;
        writer.move_into_file()?;
        writer.checkpoint()?;
        measure(&store, stored)?;
    }
    drop((store, writer));
    let (begin, cpu_s) = (Instant::now(), cpu_seconds()?);
    let (store, _writer) = store::open(&StoreOptions::in_dir(&dir))?;
    let mut out = std::io::stdout();
    writeln!(
        out,
        "opened again in {:.1} s, {:.1} CPU s",
        begin.elapsed().as_secs_f64(),
        cpu_seconds()? - cpu_s
    )?;
    measure(&store, stored)
}

fn measure(store: &Store, stored: u64) -> Result<(), Failure> {
    let mut out = std::io::stdout();
    let size = store.trace_index_size();
    writeln!(
        out,
        "{stored} spans, {:.1} bytes a span, index of {} portions and {:.3} bytes a span ({:.2} %)",
        store.database_bytes() as f64 / stored as f64,
        size.portions,
        size.bytes as f64 / stored as f64,
        size.bytes as f64 / store.database_bytes() as f64 * 100.0,
    )?;
    let traces = stored / SPANS_A_TRACE;
    let known: Vec<u128> = (0..LOOKUPS).map(|number| trace_id(traces / LOOKUPS * number)).collect();
    let unknown: Vec<u128> = known.iter().map(|id| id ^ 1 << 127).collect();
    let rules = IdentityRules::default();
    look_up("the spans of a trace", &known, |id| Ok(store.trace(id, 20_000)?.spans.len()))?;
    look_up("a trace that is not there", &unknown, |id| Ok(store.trace(id, 20_000)?.spans.len()))?;
    look_up("the whole trace", &known, |id| {
        let trace = waterfall::trace(store, &rules, id, 0)?;
        Ok(trace.map_or(0, |trace| trace.spans.len()))
    })
}

fn look_up(
    what: &str,
    ids: &[u128],
    mut look_up: impl FnMut(u128) -> Result<usize, Failure>,
) -> Result<(), Failure> {
    let mut spans = 0;
    for &id in ids {
        spans += look_up(id)?;
    }
    let cpu_s = cpu_seconds()?;
    let mut wall_ms = Vec::new();
    for &id in ids {
        let begin = Instant::now();
        look_up(id)?;
        wall_ms.push(begin.elapsed().as_secs_f64() * 1e3);
    }
    wall_ms.sort_by(f64::total_cmp);
    writeln!(
        std::io::stdout(),
        "  {what}: {:.2} CPU ms, wall clock median {:.2} ms, p99 {:.2} ms ({:.1} spans each)",
        (cpu_seconds()? - cpu_s) * 1e3 / ids.len() as f64,
        wall_ms[ids.len() / 2],
        wall_ms[ids.len() * 99 / 100],
        spans as f64 / ids.len() as f64,
    )?;
    Ok(())
}

fn trace_id(trace: u64) -> u128 {
    u128::from(random(trace)) << 64 | u128::from(random(trace ^ 0xA5A5_0000_0000))
}

/// A request of spans as Envoy sends them, decoded: two at each of four services.
fn request(first: u64) -> Result<SpanBatch, Failure> {
    let mut builder = SpanBatchBuilder::new(SPANS_A_REQUEST as usize, Arc::default());
    let start_ns = jiff::Timestamp::now().as_nanosecond() as i64;
    let mut url = String::new();
    for number in first..first + SPANS_A_REQUEST {
        // The last span of a trace comes a request later.
        let number =
            if number % SPANS_A_TRACE == 7 { number.saturating_sub(SPANS_A_REQUEST) } else { number };
        let (trace, place) = (number / SPANS_A_TRACE, number % SPANS_A_TRACE);
        let route = random(trace) % ROUTES;
        let service = format!("service-{:02}", (route * 7 + place / 2 * 11) % SERVICES);
        url.clear();
        url.push_str("http://");
        url.push_str(&service);
        url.push_str("/api/v1/things/");
        url.push_str(&route.to_string());
        let size = (random(number) % 5_000).to_string();
        let pairs = [
            ("node_id", &*service),
            ("zone", "eu-west-1a"),
            ("http.url", &*url),
            ("http.method", "GET"),
            ("downstream_cluster", "-"),
            ("user_agent", "shop/1.4"),
            ("http.protocol", "HTTP/1.1"),
            ("request_size", "0"),
            ("response_size", &*size),
            ("component", "proxy"),
            ("upstream_cluster", &*service),
            ("http.status_code", "200"),
            ("response_flags", "-"),
        ];
        let attributes = pairs.map(|(key, value)| (Cow::from(key), Cow::from(value)));
        builder.set_resource(&[(Cow::from("service.name"), Cow::from(&*service))]);
        builder.push(&SpanRow {
            trace_id: trace_id(trace),
            span_id: random(number ^ 0xFFFF_0000_0000) | 1,
            parent_span_id: if place == 0 { 0 } else { random((number - 1) ^ 0xFFFF_0000_0000) | 1 },
            start_ns: start_ns + (number % 1_000_000) as i64,
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

/// CPU time of this process, user and system.
fn cpu_seconds() -> Result<f64, Failure> {
    let stat = fs::read_to_string(Path::new("/proc/self/stat"))?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    Ok((fields[11].parse::<f64>()? + fields[12].parse::<f64>()?) / TICKS)
}

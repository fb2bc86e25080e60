//! What it costs to scrape a thousand Envoys, and whether those that hang hold up the others.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use sidecarta_tests::fake_admin::stats::Shape;
use sidecarta_tests::fake_admin::{FakeFleet, FleetOptions};
use tokio::time::{Instant, sleep};

use crate::process::Server;
use crate::report::{Budget, Figure, Report, say};
use crate::{Arguments, Failure};

/// From one scrape of a proxy to the next.
const INTERVAL: Duration = Duration::from_secs(10);
/// Every how many of the used clusters one is busy.
const USED_PER_BUSY: usize = 4;
const CLUSTERS: usize = 100;
/// For how long is measured: a minute's rollup is closed in it, too.
const MEASURED: Duration = Duration::from_mins(1);
/// Of so many proxies one hangs, in the second part.
const ANSWERING_PER_HANGING: usize = 9;
/// For how long is looked whether proxies that hang hold up others.
const WATCHED: Duration = Duration::from_secs(30);
/// How often is looked how old the last scrapes are.
const LOOK: Duration = Duration::from_secs(1);
/// How long the first two rounds may take.
const PATIENCE: Duration = Duration::from_mins(2);
const POLL: Duration = Duration::from_millis(100);

pub(crate) async fn measure(
    program: &Path,
    arguments: &Arguments,
    report: &mut Report,
) -> Result<(), Failure> {
    let used = arguments.used_clusters as usize;
    let shape = Shape { clusters: CLUSTERS, used, busy: used / USED_PER_BUSY };
    let proxies = arguments.proxies as usize;
    let fleet = FakeFleet::start(FleetOptions { proxies, hanging: 0, shape }).await?;
    measure_rounds(program, &fleet, shape, report).await?;
    drop(fleet);
    let hanging = proxies / (ANSWERING_PER_HANGING + 1);
    let options = FleetOptions { proxies: proxies - hanging, hanging, shape };
    measure_starvation(program, &FakeFleet::start(options).await?, report).await
}

async fn measure_rounds(
    program: &Path,
    fleet: &FakeFleet,
    shape: Shape,
    report: &mut Report,
) -> Result<(), Failure> {
    let server = start(program, fleet).await?;
    report.set_duckdb_version(&server.duckdb_version().await?);
    let proxies = fleet.targets().len();
    warm_up(fleet).await?;
    let (cpu_s, scrapes) = (server.cpu_s()?, scrapes(fleet));
    sleep(MEASURED).await;
    let cpu_s = server.cpu_s()? - cpu_s;
    let scrapes_made = self::scrapes(fleet) - scrapes;
    let memory_mb = server.peak_memory_bytes()? as f64 / 1e6;
    let status = server.get("/api/v1/status").await?;
    let failing = sources(&server).await?.iter().filter(|source| source["state"] != "ok").count();
    server.end().await?;
    if failing > 0 || scrapes_made == 0 {
        return Err(format!("{failing} proxies of {proxies} could not be scraped").into());
    }
    let cpu_s_a_scrape = cpu_s / scrapes_made as f64;
    let how = format!(
        "{scrapes_made} scrapes of {proxies} proxies in {} s cost {cpu_s:.1} CPU s; {CLUSTERS} clusters each, {} of them \
         with traffic in a round, {} used before; {} MB in the log and {} MB in the file at the end",
        MEASURED.as_secs(),
        shape.busy,
        shape.used - shape.busy,
        status["status"]["log_bytes"].as_u64().unwrap_or_default() / 1_000_000,
        status["status"]["database_bytes"].as_u64().unwrap_or_default() / 1_000_000,
    );
    let interval_s = INTERVAL.as_secs_f64();
    let mut add = |name: &str, value, unit, budget| {
        report.add(Figure { name: name.to_owned(), value, unit, budget, how: how.clone() });
    };
    let round = Budget::of(interval_s / 2.0, interval_s / 8.0);
    add("a round of 1,000 Envoys", cpu_s_a_scrape * 1e3, "CPU s", Some(round));
    add(
        "the same every 10 s",
        cpu_s_a_scrape * 1e5 / interval_s,
        "% of a core",
        Some(Budget::of(50.0, 12.5)),
    );
    add("Envoys scraped every 10 s, a core", interval_s / cpu_s_a_scrape, "Envoys", None);
    add("peak memory scraping them", memory_mb, "MB", Some(Budget::of(500.0, 500.0)));
    Ok(())
}

async fn measure_starvation(program: &Path, fleet: &FakeFleet, report: &mut Report) -> Result<(), Failure> {
    let server = start(program, fleet).await?;
    warm_up(fleet).await?;
    let begun_at = Instant::now();
    let mut oldest_s: f64 = 0.0;
    while begun_at.elapsed() < WATCHED {
        sleep(LOOK).await;
        let now = Timestamp::now();
        for source in sources(&server).await? {
            let Some(last) = source["last_success"].as_str() else { continue };
            let age = now.duration_since(last.parse::<Timestamp>()?);
            oldest_s = oldest_s.max(age.as_secs_f64());
        }
    }
    let sources = sources(&server).await?;
    let said = |state: &str| sources.iter().filter(|source| source["state"] == state).count();
    let (ok, failing) = (said("ok"), said("failing"));
    server.end().await?;
    let (answering, hanging) = (fleet.targets().len(), fleet.hanging_targets().len());
    let fewest = fleet.scrapes().into_iter().min().unwrap_or_default();
    say(&format!("envoys: {ok} of {answering} proxies answer, {failing} of {hanging} are told as failing"));
    report.add(Figure {
        name: format!("oldest scrape beside {hanging} that hang"),
        value: oldest_s,
        unit: "s",
        budget: Some(Budget::of(2.0 * INTERVAL.as_secs_f64(), 1.2 * INTERVAL.as_secs_f64())),
        how: format!(
            "of {answering} Envoys that answer, asked of /api/v1/sources every second for {} s; every one was scraped at \
             least {fewest} times; wall clock",
            WATCHED.as_secs()
        ),
    });
    Ok(())
}

async fn start(program: &Path, fleet: &FakeFleet) -> Result<Server, Failure> {
    let targets = [fleet.targets(), fleet.hanging_targets()].concat();
    let configuration = format!("[envoy]\ninterval_ms = {}\ntargets = {targets:?}\n", INTERVAL.as_millis());
    Server::start_with(program, &[], &configuration).await
}

/// Waits until every proxy was scraped twice, since the first time its configuration is read as well.
async fn warm_up(fleet: &FakeFleet) -> Result<(), Failure> {
    let deadline = Instant::now() + PATIENCE;
    while fleet.scrapes().iter().any(|&scrapes| scrapes < 2) {
        if Instant::now() > deadline {
            return Err("not every proxy was scraped twice".into());
        }
        sleep(POLL).await;
    }
    Ok(())
}

fn scrapes(fleet: &FakeFleet) -> u64 {
    fleet.scrapes().iter().sum()
}

/// The line of every proxy.
async fn sources(server: &Server) -> Result<Vec<Value>, Failure> {
    let answer = server.get("/api/v1/sources").await?;
    let sources = answer["sources"].as_array().cloned().unwrap_or_default();
    Ok(sources.into_iter().filter(|source| source["kind"] == "envoy").collect())
}

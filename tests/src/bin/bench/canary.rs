//! How often canary verdicts are wrong, and how long the right ones take, beside two other judges on the same traffic.
//!
//! Everything is made up here, from a seed: requests arrive at random, fail at random, and take as long as chance says. No
//! server is started, since the judge is a library.

mod flagger;
mod kayenta;
mod traffic;

use std::sync::Arc;
use std::time::Instant;

use sidecarta_queries::api::policy::Policy;
use sidecarta_queries::canary::{Judge, StratumKey};
use sidecarta_queries::sketch::Scheme;

use self::flagger::Flagger;
use self::kayenta::Kayenta;
use self::traffic::{Bursts, Scenario, Shape, Stream};
use crate::report::{Budget, Figure, Report, say};
use crate::{Arguments, Failure};

/// Length of a step and of a run, seconds.
const STEP_S: i64 = 10;
const RUN_S: i64 = 3_600;
/// Share of runs in which a verdict that is meant to come has come.
const POWER: f64 = 0.8;

/// What one judge said in one run: after how many seconds it failed the candidate, or passed it.
#[derive(Clone, Copy, Debug, Default)]
struct Said {
    failed_s: Option<i64>,
    passed_s: Option<i64>,
}

/// What the three judges said in one run.
type Run = [Said; 3];

pub(crate) async fn measure(arguments: &Arguments, report: &mut Report) -> Result<(), Failure> {
    let begin = Instant::now();
    say(
        "| traffic | difference | Sidecarta fails | passes | 80 % after | Kayenta fails | 80 % after | Flagger fails | 80 % after |",
    );
    say("|---|---|---|---|---|---|---|---|---|");
    let mut worst: f64 = 0.0;
    for (number, scenario) in scenarios().into_iter().enumerate() {
        let runs = runs(scenario, arguments.runs, number as u64).await?;
        say(&line(&scenario, &runs));
        let is_alarm = scenario.is_alike() && scenario.bursts != Bursts::OfCandidate;
        if is_alarm {
            worst = worst.max(share(&runs, |run| run[0].failed_s.is_some()));
        }
    }
    report.add(Figure {
        name: "false alarms of the canary".to_owned(),
        value: 100.0 * worst,
        unit: "%",
        budget: Some(Budget::of(5.0, 5.0)),
        how: format!(
            "the most of any kind of traffic without a difference, {} runs of an hour each, looked at every 10 s; {:.0} s in all",
            arguments.runs,
            begin.elapsed().as_secs_f64()
        ),
    });
    Ok(())
}

/// The kinds of traffic: without a difference, at the margin, and with differences.
fn scenarios() -> Vec<Scenario> {
    let calm = Scenario::default();
    let mut all = Vec::new();
    for rate in [1.0, 10.0, 100.0, 1_000.0, 10_000.0] {
        all.push(Scenario { rate, errors: 0.01, ..calm });
    }
    for errors in [0.0, 0.001, 0.05] {
        all.push(Scenario { rate: 100.0, errors, ..calm });
    }
    all.push(Scenario { shape: Shape::Bimodal, ..calm });
    all.push(Scenario { candidate_share: 0.1, ..calm });
    for bursts in [Bursts::OfBoth, Bursts::OfCandidate] {
        for rate in [10.0, 1_000.0] {
            all.push(Scenario { rate, bursts, ..calm });
        }
    }
    all.push(Scenario { more_errors: 0.005, ..calm });
    for (rate, more_errors) in [
        (10.0, 0.01),
        (10.0, 0.02),
        (10.0, 0.05),
        (100.0, 0.01),
        (100.0, 0.02),
        (1_000.0, 0.0075),
        (1_000.0, 0.01),
    ] {
        all.push(Scenario { rate, more_errors, ..calm });
    }
    all.push(Scenario { errors: 0.0, more_errors: 0.01, rate: 10.0, ..calm });
    all.push(Scenario { bursts: Bursts::OfBoth, more_errors: 0.02, ..calm });
    all.push(Scenario { candidate_share: 0.1, more_errors: 0.02, ..calm });
    for (rate, slower) in [(10.0, 1.5), (10.0, 2.0), (100.0, 1.3), (100.0, 1.5), (1_000.0, 1.3)] {
        all.push(Scenario { rate, slower, ..calm });
    }
    all.push(Scenario { shape: Shape::Bimodal, slower: 1.5, ..calm });
    all
}

/// As many runs of a scenario, on all cores.
async fn runs(scenario: Scenario, count: u32, number: u64) -> Result<Vec<Run>, Failure> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from) as u32;
    let stream = Arc::new(Stream::new(scenario)?);
    let parts = (0..cores).map(|core| {
        let stream = Arc::clone(&stream);
        tokio::task::spawn_blocking(move || {
            let seeds = (0..count).filter(|seed| seed % cores == core);
            seeds.map(|seed| run(&stream, number << 32 | u64::from(seed))).collect::<Vec<Run>>()
        })
    });
    let mut all = Vec::new();
    for part in parts.collect::<Vec<_>>() {
        all.extend(part.await?);
    }
    Ok(all)
}

fn run(stream: &Stream, seed: u64) -> Run {
    let policy = Policy { warm_up_s: 0, ..Policy::default() };
    let mut judge = Judge::new(&policy, vec![StratumKey::default()], (Scheme::Log, STEP_S));
    let mut kayenta = Kayenta::default();
    let mut flagger = Flagger::new(stream.scenario(), &policy);
    let mut said = Run::default();
    for (step, sides) in stream.steps(seed).take((RUN_S / STEP_S) as usize).enumerate() {
        let now_s = (step as i64 + 1) * STEP_S;
        judge.push(std::slice::from_ref(&sides));
        let [ours, of_kayenta, of_flagger] = &mut said;
        if ours.failed_s.is_none() && judge.has_failed() {
            ours.failed_s = Some(now_s);
        }
        // Whoever waits for a verdict stops at the first.
        if ours.passed_s.is_none() && ours.failed_s.is_none() && now_s % 60 == 0 && judge.has_passed() {
            ours.passed_s = Some(now_s);
        }
        kayenta.push(&sides);
        if of_kayenta.failed_s.is_none() && kayenta.fails(now_s) {
            of_kayenta.failed_s = Some(now_s);
        }
        flagger.push(&sides);
        if of_flagger.failed_s.is_none() && flagger.fails(now_s) {
            of_flagger.failed_s = Some(now_s);
        }
    }
    said
}

fn share(runs: &[Run], is: impl Fn(&Run) -> bool) -> f64 {
    runs.iter().filter(|run| is(run)).count() as f64 / runs.len().max(1) as f64
}

fn line(scenario: &Scenario, runs: &[Run]) -> String {
    let percent = |share: f64| format!("{:.1} %", 100.0 * share);
    let fails = |judge: usize| percent(share(runs, |run| run[judge].failed_s.is_some()));
    // The time by which the share of all runs that is wanted has come.
    let after = |of: &dyn Fn(&Run) -> Option<i64>| {
        let mut times: Vec<i64> = runs.iter().filter_map(of).collect();
        times.sort_unstable();
        let wanted = (POWER * runs.len() as f64).ceil() as usize;
        times.get(wanted.max(1) - 1).map_or_else(|| "–".to_owned(), |seconds| duration(*seconds))
    };
    let ours = if scenario.is_alike() {
        after(&|run: &Run| run[0].passed_s)
    } else {
        after(&|run: &Run| run[0].failed_s)
    };
    format!(
        "| {} | {} | {} | {} | {ours} | {} | {} | {} | {} |",
        scenario.traffic(),
        scenario.difference(),
        fails(0),
        percent(share(runs, |run| run[0].passed_s.is_some())),
        fails(1),
        after(&|run: &Run| run[1].failed_s),
        fails(2),
        after(&|run: &Run| run[2].failed_s),
    )
}

fn duration(seconds: i64) -> String {
    if seconds < 120 { format!("{seconds} s") } else { format!("{:.1} min", seconds as f64 / 60.0) }
}

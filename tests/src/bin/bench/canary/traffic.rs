//! Made-up traffic to two versions.

use rand::SeedableRng as _;
use rand::distr::Distribution as _;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Binomial, Poisson};
use sidecarta_queries::canary::{Both, Side};
use sidecarta_queries::sketch::{Bins, Scheme, log_bin};

use super::STEP_S;
use crate::Failure;

/// How long requests take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Log-normal around 20 ms.
    LogNormal,
    /// Four of five around 10 ms, one around 200 ms.
    Bimodal,
}

/// When failures come in bursts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bursts {
    Never,
    /// What both depend on breaks now and then.
    OfBoth,
    /// Something of the candidate alone does.
    OfCandidate,
}

/// What is made up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scenario {
    /// Requests a second, of both sides.
    pub(super) rate: f64,
    pub(super) candidate_share: f64,
    /// Error rate of the baseline.
    pub(super) errors: f64,
    /// How much higher the candidate's is.
    pub(super) more_errors: f64,
    /// How many times as slow the candidate is.
    pub(super) slower: f64,
    pub(super) shape: Shape,
    pub(super) bursts: Bursts,
}

impl Default for Scenario {
    fn default() -> Self {
        Self {
            rate: 100.0,
            candidate_share: 0.5,
            errors: 0.01,
            more_errors: 0.0,
            slower: 1.0,
            shape: Shape::LogNormal,
            bursts: Bursts::Never,
        }
    }
}

impl Scenario {
    /// Whether there is nothing to be found.
    pub(super) fn is_alike(&self) -> bool {
        self.more_errors == 0.0 && (self.slower - 1.0).abs() < 1e-9
    }

    pub(super) fn traffic(&self) -> String {
        let mut told = format!("{}/s, {} % fail", self.rate, 100.0 * self.errors);
        if self.candidate_share < 0.5 {
            let share = 100.0 * self.candidate_share;
            told = format!("{told}, {share} % to the candidate");
        }
        if self.shape == Shape::Bimodal {
            told += ", two speeds";
        }
        match self.bursts {
            Bursts::Never => {}
            Bursts::OfBoth => told += ", bursts of failures on both sides",
            Bursts::OfCandidate => told += ", bursts of failures of the candidate alone",
        }
        told
    }

    pub(super) fn difference(&self) -> String {
        if self.more_errors > 0.0 {
            format!("{} points more fail", 100.0 * self.more_errors)
        } else if self.slower > 1.0 {
            format!("{} times as slow", self.slower)
        } else {
            "none".to_owned()
        }
    }

    /// The 99th percentile of the baseline, ms.
    pub(super) fn p99_ms(&self) -> f64 {
        let mut so_far = 0.0;
        let bins = bins(self.shape, 1.0);
        let p99 = bins.iter().find(|(_, share)| {
            so_far += share;
            so_far >= 0.99
        });
        p99.map_or(0.0, |(bin, _)| Scheme::Log.bounds_ms(*bin).1)
    }
}

/// A burst begins in one step of so many, and ends in one of so many; while it lasts, so many requests fail.
const BEGINS: f64 = 1.0 / 60.0;
const ENDS: f64 = 1.0 / 4.0;
const BURST_ERRORS: f64 = 0.3;

/// A scenario, ready to be run.
#[derive(Debug)]
pub(super) struct Stream {
    scenario: Scenario,
    /// Requests in each bin of each step.
    arrivals: Both<Vec<(i16, Poisson<f64>)>>,
}

impl Stream {
    pub(super) fn new(scenario: Scenario) -> Result<Self, Failure> {
        let requests = scenario.rate * STEP_S as f64;
        let of = |requests: f64, slower: f64| -> Result<Vec<_>, Failure> {
            let arrivals = bins(scenario.shape, slower)
                .into_iter()
                .map(|(bin, share)| Ok((bin, Poisson::new(requests * share)?)));
            arrivals.collect()
        };
        let arrivals = [
            of(requests * (1.0 - scenario.candidate_share), 1.0)?,
            of(requests * scenario.candidate_share, scenario.slower)?,
        ];
        Ok(Self { scenario, arrivals })
    }

    pub(super) fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// The steps of a run, without an end.
    pub(super) fn steps(&self, seed: u64) -> impl Iterator<Item = Both<Side>> + '_ {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut bursting = false;
        std::iter::repeat_with(move || {
            let turn = rand::Rng::random::<f64>(&mut random);
            bursting = if bursting { turn >= ENDS } else { turn < BEGINS };
            std::array::from_fn(|side| {
                let is_burst = match self.scenario.bursts {
                    Bursts::Never => false,
                    Bursts::OfBoth => bursting,
                    Bursts::OfCandidate => bursting && side == 1,
                };
                let more = if side == 1 { self.scenario.more_errors } else { 0.0 };
                let rate = if is_burst { BURST_ERRORS } else { self.scenario.errors } + more;
                self.side(side, rate, &mut random)
            })
        })
    }

    fn side(&self, side: usize, error_rate: f64, random: &mut ChaCha8Rng) -> Side {
        let mut told = Side::default();
        let counts = self.arrivals[side].iter().map(|(bin, requests)| (*bin, requests.sample(random) as i64));
        told.latency = counts.filter(|one| one.1 > 0).collect::<Bins>();
        told.requests = told.latency.iter().map(|one| one.1).sum();
        told.errors =
            Binomial::new(told.requests as u64, error_rate).map_or(0, |errors| errors.sample(random) as i64);
        told
    }
}

/// The bins of a shape, with the share of requests in each.
fn bins(shape: Shape, slower: f64) -> Vec<(i16, f64)> {
    /// Parts that the distribution is cut into.
    const PARTS: u32 = 20_000;
    let normal = |median_ms: f64, spread: f64, at: f64| median_ms * (spread * quantile_of_normal(at)).exp();
    let value = |at: f64| match shape {
        Shape::LogNormal => normal(20.0, 0.5, at),
        Shape::Bimodal if at < 0.8 => normal(10.0, 0.3, at / 0.8),
        Shape::Bimodal => normal(200.0, 0.3, (at - 0.8) / 0.2),
    };
    let mut bins: Vec<(i16, f64)> = Vec::new();
    for part in 0..PARTS {
        let ms = value((f64::from(part) + 0.5) / f64::from(PARTS)) * slower;
        let bin = log_bin((ms * 1e6) as u64);
        match bins.iter_mut().find(|one| one.0 == bin) {
            Some((_, share)) => *share += 1.0 / f64::from(PARTS),
            None => bins.push((bin, 1.0 / f64::from(PARTS))),
        }
    }
    bins.sort_unstable_by_key(|one| one.0);
    bins
}

/// The quantile of the normal distribution, by bisection over its distribution function.
fn quantile_of_normal(share: f64) -> f64 {
    let (mut low, mut high) = (-8.0_f64, 8.0_f64);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if share_of_normal(middle) < share {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

/// The distribution function of the normal distribution, by the rational approximation 26.2.17 of Abramowitz and Stegun.
pub(super) fn share_of_normal(value: f64) -> f64 {
    const FACTORS: [f64; 5] = [0.319_381_530, -0.356_563_782, 1.781_477_937, -1.821_255_978, 1.330_274_429];
    let t = 1.0 / (1.0 + 0.231_641_9 * value.abs());
    let sum = FACTORS.iter().rev().fold(0.0, |sum, factor| (sum + factor) * t);
    let tail = (-value * value / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt() * sum;
    if value >= 0.0 { 1.0 - tail } else { tail }
}

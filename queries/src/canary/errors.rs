//! Whether the candidate fails more often than the baseline, by more than a margin: a test that may be looked at after
//! every block of requests.
//!
//! The claim under test is `p ≤ k·q + δ` in every block, where `p` and `q` are the shares of requests that fail on the
//! candidate's and the baseline's side. A bet `u` multiplies the stake by
//! `(1 + u)^e · (1 - r·k·u)^f · exp(-δ·n·u)` for a block in which `e` of the candidate's `n` requests failed, and `f` of the
//! baseline's, which had `n / r`. As `1 + x ≤ exp(x)`, its mean is at most `exp(n·u·(p - k·q - δ))`, whatever `p` and `q`
//! are in that block: what makes both sides fail together does not count, however violent it is. With `δ = 0` it is the
//! likelihood ratio of how the failures fall on the sides, given how many there are, so that rare ones are no problem.
//! Bets on `u < 0` test the claim that the candidate is worse by at least that much.

use super::bets::{self, SIZES, last_refuted};

/// Requests and failures of both sides over a stretch of time, in which the split of traffic hardly changes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Trials {
    /// Requests to the baseline.
    pub baseline: f64,
    /// Those of them that failed.
    pub baseline_errors: f64,
    /// Requests to the candidate.
    pub candidate: f64,
    /// Those of them that failed.
    pub candidate_errors: f64,
}

impl Trials {
    /// Adds others.
    pub fn add(&mut self, other: &Self) {
        self.baseline += other.baseline;
        self.baseline_errors += other.baseline_errors;
        self.candidate += other.candidate;
        self.candidate_errors += other.candidate_errors;
    }

    /// Share of the baseline's requests that failed.
    pub fn baseline_rate(&self) -> f64 {
        if self.baseline > 0.0 { self.baseline_errors / self.baseline } else { 0.0 }
    }

    /// Share of the candidate's requests that failed.
    pub fn candidate_rate(&self) -> f64 {
        if self.candidate > 0.0 { self.candidate_errors / self.candidate } else { 0.0 }
    }
}

/// Which claim is under test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The candidate is not worse than the margin allows. Refuted, it fails.
    NotWorse,
    /// The candidate is worse by the margin or more. Refuted, it passes.
    Worse,
}

/// How much worse the candidate may be: `k·q + δ` for a baseline of `q`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Allowance {
    /// `δ`: part of all requests.
    Absolute(f64),
    /// `k - 1`: part of the baseline's error rate.
    Relative(f64),
}

/// The evidence of all blocks so far, against every margin of one kind at once.
#[derive(Clone, Debug)]
struct Stakes {
    claim: Claim,
    /// Logarithms of what each bet is worth against a margin of zero.
    ln_worth: [f64; SIZES],
    /// What an absolute margin takes from that, by its unit.
    slope: [f64; SIZES],
}

/// The part of its stake that the largest bet on fewer failures keeps where one comes: a bet that loses all never returns.
const KEPT: f64 = 1e-3;

impl Stakes {
    fn new(claim: Claim) -> Self {
        Self { claim, ln_worth: [0.0; SIZES], slope: [0.0; SIZES] }
    }

    fn add(&mut self, block: &Trials, factor: f64) {
        let ratio = block.candidate / block.baseline * factor;
        for at in 0..SIZES {
            let odds = match self.claim {
                Claim::NotWorse => 1.0 + bets::excess(at),
                Claim::Worse => (1.0 / (1.0 + bets::excess(at))).max(KEPT),
            };
            // What failures on the candidate's side multiply the stake by, and those on the baseline's.
            let (more, less) =
                (odds * (1.0 + ratio) / (1.0 + ratio * odds), (1.0 + ratio) / (1.0 + ratio * odds));
            self.ln_worth[at] += block.candidate_errors * more.ln() + block.baseline_errors * less.ln();
            self.slope[at] += block.candidate * (more - 1.0);
        }
    }

    /// Natural logarithm of the stake against a margin, had there been `times` as much of the same traffic.
    fn ln_stake(&self, absolute: f64, times: f64) -> f64 {
        let ln_parts = bets::ln_parts();
        let worth = |at: usize| ln_parts[at] + times * (self.ln_worth[at] - absolute * self.slope[at]);
        bets::ln_sum((0..SIZES).map(worth))
    }
}

/// The test of one comparison. Costs some hundred operations a block, and remembers no block.
#[derive(Clone, Debug)]
pub struct ErrorTest {
    allowance: Allowance,
    not_worse: Stakes,
    worse: Stakes,
    /// Against no margin at all, for the interval of the difference.
    plain: Option<[Stakes; 2]>,
    total: Trials,
    /// Failures of the candidate beyond what the baseline's rate in the same blocks would have made of its requests.
    excess: f64,
}

impl ErrorTest {
    /// A test that nothing was seen in.
    pub fn new(allowance: Allowance) -> Self {
        let both = || [Stakes::new(Claim::NotWorse), Stakes::new(Claim::Worse)];
        let [not_worse, worse] = both();
        let plain = matches!(allowance, Allowance::Relative(_)).then(both);
        Self { allowance, not_worse, worse, plain, total: Trials::default(), excess: 0.0 }
    }

    /// The same test, in which nothing was seen.
    #[must_use]
    pub fn fresh(&self) -> Self {
        Self::new(self.allowance)
    }

    /// Adds a block. One without requests on either side compares nothing and is left out.
    pub fn add(&mut self, block: &Trials) {
        if block.baseline <= 0.0 || block.candidate <= 0.0 {
            return;
        }
        let factor = match self.allowance {
            Allowance::Absolute(_) => 1.0,
            Allowance::Relative(part) => 1.0 + part,
        };
        self.not_worse.add(block, factor);
        self.worse.add(block, factor);
        for stakes in self.plain.iter_mut().flatten() {
            stakes.add(block, 1.0);
        }
        self.total.add(block);
        self.excess += block.candidate_errors - block.baseline_rate() * block.candidate;
    }

    /// Failures of the candidate beyond what the baseline would have had in its place.
    pub fn excess(&self) -> f64 {
        self.excess
    }

    /// Difference of the error rates, candidate less baseline, as if the baseline had had the candidate's requests.
    pub fn difference(&self) -> f64 {
        if self.total.candidate > 0.0 { self.excess / self.total.candidate } else { 0.0 }
    }

    /// Everything that was compared.
    pub fn total(&self) -> &Trials {
        &self.total
    }

    /// Natural logarithm of the evidence against a claim about the margin: an e-value, which is larger than `1/α` at any
    /// time with a chance of at most `α` while the claim holds.
    pub fn ln_evidence(&self, claim: Claim) -> f64 {
        self.ln_evidence_after(claim, 1.0)
    }

    /// The same after `times` as much of the same traffic.
    pub fn ln_evidence_after(&self, claim: Claim, times: f64) -> f64 {
        let absolute = match self.allowance {
            Allowance::Absolute(absolute) => absolute,
            Allowance::Relative(_) => 0.0,
        };
        match claim {
            Claim::NotWorse => self.not_worse.ln_stake(absolute, times),
            Claim::Worse => self.worse.ln_stake(absolute, times),
        }
    }

    /// The differences of the error rates, candidate less baseline, that are not refuted at `alpha` to either side. It
    /// holds the truth at all times at once with a chance of `1 - 2·alpha` at least.
    pub fn interval(&self, alpha: f64) -> (f64, f64) {
        let [not_worse, worse] = match &self.plain {
            Some([not_worse, worse]) => [not_worse, worse],
            None => [&self.not_worse, &self.worse],
        };
        let enough = -alpha.ln();
        // The larger the difference that is claimed not to be exceeded, the less speaks against it.
        let low = last_refuted(1.0, |difference| not_worse.ln_stake(difference, 1.0) >= enough);
        let high = -last_refuted(1.0, |difference| worse.ln_stake(-difference, 1.0) >= enough);
        (low.min(high), high.max(low))
    }
}

#[cfg(test)]
mod tests;

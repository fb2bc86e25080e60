//! Whether a quantile of the candidate's latencies is larger than the baseline's by more than a margin: a test on whole
//! distributions in bins, whose own width counts against whoever claims something.
//!
//! The claim that the candidate is not slower says that there is an `x`, the baseline's quantile, which is not known, such
//! that a share `q` of the baseline's requests takes no longer than `x`, and as large a share of the candidate's at least
//! no longer than `m(x)`, where `m` adds the margin. For a given `x` both are claims about shares, and bets on fewer slow
//! requests of the baseline, and on more of the candidate's, are multiplied. What the bets are worth against the claim is
//! the least that they are worth for any `x`: for the true one they are not worth much, if the claim is true.
//!
//! Requests that timed out are slower than anything. A bin is taken for slow or fast as is worse for the bet.

use super::bets::{self, SIZES, last_refuted, ln_sum};
use super::errors::Claim;

/// How long requests took: bounds of a bin in milliseconds, the upper one infinite where none is known, and requests in it.
/// Requests that timed out have two infinite bounds.
pub type Bin = (f64, f64, f64);

/// The latencies of one side.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Distribution {
    /// In the order of lower bounds, with the requests so far.
    lows: Vec<(f64, f64)>,
    /// In the order of upper bounds, with the requests so far.
    highs: Vec<(f64, f64)>,
    total: f64,
}

impl Distribution {
    /// Of bins in any order, which may overlap.
    pub fn new(bins: impl IntoIterator<Item = Bin>) -> Self {
        let mut lows = Vec::new();
        let mut highs = Vec::new();
        for (low, high, requests) in bins {
            if requests > 0.0 {
                lows.push((low, requests));
                highs.push((high, requests));
            }
        }
        let mut total = 0.0;
        for bounds in [&mut lows, &mut highs] {
            bounds.sort_by(|(one, _), (other, _)| one.total_cmp(other));
            total = 0.0;
            for (_, requests) in bounds.iter_mut() {
                total += *requests;
                *requests = total;
            }
        }
        Self { lows, highs, total }
    }

    /// Requests in all.
    pub fn total(&self) -> f64 {
        self.total
    }

    /// Requests that may have taken less than `ms`; all others certainly took as long or longer.
    fn not_slow(&self, ms: f64) -> f64 {
        let place = self.lows.partition_point(|&(bound, _)| bound < ms);
        place.checked_sub(1).map_or(0.0, |last| self.lows[last].1)
    }

    /// The bounds between which a quantile lies, ms; nothing where there was no request.
    pub fn quantile(&self, quantile: f64) -> Option<(f64, f64)> {
        let rank = (quantile * self.total).max(f64::MIN_POSITIVE);
        let at = |bounds: &[(f64, f64)]| {
            let place = bounds.partition_point(|&(_, so_far)| so_far < rank * (1.0 - 1e-12));
            bounds.get(place).or(bounds.last()).map(|&(bound, _)| bound)
        };
        Some((at(&self.lows)?, at(&self.highs)?))
    }
}

/// How much slower the candidate may be: `factor · x + plus_ms`, or `x + least_ms` where that is more.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slower {
    /// What the baseline's latency is multiplied by.
    pub factor: f64,
    /// And what is added, ms.
    pub plus_ms: f64,
    /// Differences below this are none.
    pub least_ms: f64,
}

impl Slower {
    /// So many times as slow.
    pub fn times(factor: f64) -> Self {
        Self { factor, plus_ms: 0.0, least_ms: f64::NEG_INFINITY }
    }

    /// Slower by so much, ms.
    pub fn by_ms(plus_ms: f64) -> Self {
        Self { factor: 1.0, plus_ms, least_ms: f64::NEG_INFINITY }
    }

    fn of(&self, ms: f64) -> f64 {
        (ms * self.factor + self.plus_ms).max(ms + self.least_ms)
    }

    /// What this is allowed for.
    fn before(&self, ms: f64) -> f64 {
        ((ms - self.plus_ms) / self.factor).min(ms - self.least_ms)
    }
}

/// The test of one quantile.
#[derive(Clone, Debug)]
pub struct QuantileTest {
    /// For bets on more slow requests than there should be, what a slow and a fast one multiply the stake by, as logarithms.
    more_slow: [(f64, f64); SIZES],
    /// For bets on fewer.
    fewer_slow: [(f64, f64); SIZES],
    quantile: f64,
}

impl QuantileTest {
    /// A test of the quantile, between 0 and 1.
    pub fn new(quantile: f64) -> Self {
        let slow = 1.0 - quantile;
        let bet = |share: f64| ((share / slow).ln(), ((1.0 - share) / quantile).ln());
        // Odds, so that no bet is on a share of nothing or of all.
        let odds = slow / quantile;
        let share = |odds: f64| odds / (1.0 + odds);
        Self {
            more_slow: std::array::from_fn(|at| bet(share(odds * (1.0 + bets::excess(at))))),
            fewer_slow: std::array::from_fn(|at| bet(share(odds / (1.0 + bets::excess(at))))),
            quantile,
        }
    }

    /// Which quantile is tested.
    pub fn quantile(&self) -> f64 {
        self.quantile
    }

    /// Natural logarithm of the evidence against a claim about the candidate's quantile and what the baseline's allows, had
    /// there been `times` as much of the same traffic. Not more than `enough` is told.
    pub fn ln_evidence(
        &self,
        claim: Claim,
        both: (&Distribution, &Distribution),
        slower: Slower,
        (times, enough): (f64, f64),
    ) -> f64 {
        self.ln_against(claim, both, slower, (times, enough), f64::NEG_INFINITY)
    }

    /// Whether that reaches `enough`, which is quicker to tell.
    pub fn refutes(
        &self,
        claim: Claim,
        both: (&Distribution, &Distribution),
        slower: Slower,
        (times, enough): (f64, f64),
    ) -> bool {
        self.ln_against(claim, both, slower, (times, enough), enough) >= enough
    }

    fn ln_against(
        &self,
        claim: Claim,
        (baseline, candidate): (&Distribution, &Distribution),
        slower: Slower,
        (times, most): (f64, f64),
        least: f64,
    ) -> f64 {
        let range = (least, most);
        match claim {
            Claim::NotWorse => self.ln_less((baseline, candidate), |ms| slower.of(ms), times, range),
            Claim::Worse => self.ln_less((candidate, baseline), |ms| slower.before(ms), times, range),
        }
    }

    /// The factors between the quantiles, candidate's to baseline's, that are not refuted at `alpha` to either side.
    pub fn ratio(&self, both: (&Distribution, &Distribution), alpha: f64) -> (f64, f64) {
        const MOST: f64 = 1e4;
        let to = |ln: f64| Slower::times(ln.exp());
        let (low, high) = self.interval(both, alpha, MOST.ln(), to);
        (
            if low <= -MOST.ln() { 0.0 } else { low.exp() },
            if high >= MOST.ln() { f64::INFINITY } else { high.exp() },
        )
    }

    /// The differences of the quantiles, candidate's less baseline's, ms, that are not refuted at `alpha` to either side.
    pub fn difference_ms(&self, both: (&Distribution, &Distribution), alpha: f64) -> (f64, f64) {
        let finite =
            |bounds: &[(f64, f64)]| bounds.iter().rev().map(|one| one.0).find(|bound| bound.is_finite());
        let longest = [both.0, both.1].into_iter().filter_map(|side| finite(&side.lows)).fold(1.0, f64::max);
        let most = 2.0 * longest;
        let (low, high) = self.interval(both, alpha, most, Slower::by_ms);
        (if low <= -most { f64::NEG_INFINITY } else { low }, if high >= most { f64::INFINITY } else { high })
    }

    /// Between `-most` and `most`.
    fn interval(
        &self,
        both: (&Distribution, &Distribution),
        alpha: f64,
        most: f64,
        slower: impl Fn(f64) -> Slower,
    ) -> (f64, f64) {
        let enough = -alpha.ln();
        let is_refuted = |claim: Claim, at: f64| self.refutes(claim, both, slower(at), (1.0, enough));
        let low = last_refuted(most, |at| is_refuted(Claim::NotWorse, at));
        let high = -last_refuted(most, |at| is_refuted(Claim::Worse, -at));
        (low.min(high), high.max(low))
    }

    /// Evidence against the claim that the quantile of `slow` is at most what that of `fast` is mapped to: at most `most`,
    /// and exact unless it is below `least`.
    ///
    /// Between two upper bounds of `fast` its bets are worth the same, and those on `slow` are worth least just before the
    /// second.
    fn ln_less(
        &self,
        both: (&Distribution, &Distribution),
        map: impl Fn(f64) -> f64,
        times: f64,
        (least, most): (f64, f64),
    ) -> f64 {
        let (fast, slow) = both;
        if fast.total <= 0.0 || slow.total <= 0.0 {
            return most.min(0.0);
        }
        let finite = fast.highs.partition_point(|&(bound, _)| bound < f64::INFINITY);
        let at = |place: usize| {
            let known_fast = place.checked_sub(1).map_or(0.0, |last| fast.highs[last].1);
            let bound = if place < finite { map(fast.highs[place].0) } else { f64::INFINITY };
            self.ln_at(both, (known_fast, slow.not_slow(bound)), times)
        };
        // If there is little to be had, then around the quantile.
        let middle = fast.highs[..finite].partition_point(|&(_, so_far)| so_far < self.quantile * fast.total);
        let mut found = most.min(at(middle));
        for place in 0..=finite {
            if found < least {
                break;
            }
            found = found.min(at(place));
        }
        found
    }

    /// What the bets are worth where so many requests of one side are known to be fast, and those of the other not to be slow.
    fn ln_at(
        &self,
        (fast, slow): (&Distribution, &Distribution),
        (known_fast, not_slow): (f64, f64),
        times: f64,
    ) -> f64 {
        ln_stake(&self.fewer_slow, fast.total - known_fast, known_fast, times)
            + ln_stake(&self.more_slow, slow.total - not_slow, not_slow, times)
    }
}

fn ln_stake(bets: &[(f64, f64); SIZES], slow: f64, fast: f64, times: f64) -> f64 {
    let ln_parts = bets::ln_parts();
    let worth = |at: usize| ln_parts[at] + times * (slow * bets[at].0 + fast * bets[at].1);
    ln_sum((0..SIZES).map(worth))
}

#[cfg(test)]
mod tests;

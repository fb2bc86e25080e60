//! Whether one version of a service is worse than another: a verdict that may be looked at as often as one likes.
//!
//! 1. [`traffic`] puts together what both sides did: the steps of each route and caller are cut into blocks, and both sides
//!    are brought to the same mix.
//! 2. [`errors`] and [`latency`] are the tests: how much the data speak against a claim, as an e-value. [`bets`] holds what
//!    they have in common.
//! 3. [`judge`] runs them over the whole and over its parts, against the margins of a policy.
//! 4. [`guards`] look for what else might make the verdict wrong, and [`sentence`] puts it into words.
//! 5. [`verdict`] does all of this with what the store holds, and [`backtest`] with what it held when a version came.
//!
//! `docs/canary.md` explains all of it to those who use it.

mod backtest;
mod bets;
mod errors;
mod guards;
mod judge;
mod latency;
mod sentence;
mod shares;
mod traffic;
mod verdict;

pub use backtest::{summed_up, try_rollout};
pub use errors::{Allowance, Claim, ErrorTest, Trials};
pub use judge::{Judge, Judged, StratumKey};
pub use latency::{Bin, Distribution, QuantileTest, Slower};
pub use traffic::{Both, Side};
pub use verdict::{CanaryQuestion, LATE_S, canary};

#[cfg(test)]
mod tests;

//! What a policy would have done to a rollout that is over.

use crate::api::backtest::{Backtest, TriedRollout};
use crate::api::canary::Outcome;
use crate::api::policy::Policy;
use crate::graph::{ErrorRules, IdentityRules, Rollout};
use crate::store::{Store, StoreError, TimeRange};

use super::verdict::{CanaryQuestion, first_verdict, rfc3339};

/// Tries a policy on a rollout, as if somebody had looked at it all the time. Blocks.
///
/// # Errors
/// Where the store cannot be read.
pub fn try_rollout(
    store: &Store,
    rules: (&IdentityRules, &ErrorRules),
    (rollout, policy): (&Rollout, &Policy),
    now_s: i64,
) -> Result<TriedRollout, StoreError> {
    let from_s = rollout.range.from_s;
    let until_s = rollout.range.to_s.min(from_s + i64::from(policy.longest_s));
    let question = CanaryQuestion {
        service: rollout.service.clone(),
        baseline: rollout.baseline.clone(),
        candidate: rollout.candidate.clone(),
        range: TimeRange::covering(from_s, until_s),
        baseline_until_s: rollout.one_after_the_other.then_some(from_s),
        policy: policy.clone(),
        is_final: true,
        now_s,
    };
    let (verdict, decided_s) = first_verdict(store, rules, &question)?;
    Ok(TriedRollout {
        service: rollout.service.clone(),
        baseline: rollout.baseline.clone(),
        candidate: rollout.candidate.clone(),
        from: rfc3339(from_s),
        to: rfc3339(rollout.range.to_s),
        before_after: rollout.one_after_the_other,
        result: verdict.result,
        decided_at: decided_s.map(rfc3339),
        decided_after_s: decided_s.map(|decided_s| (decided_s - from_s).max(0).cast_unsigned()),
        candidate_requests: verdict.checks.first().map_or(0, |check| check.candidate.requests),
        excess_errors: verdict.traffic.excess_errors,
        summary: verdict.summary,
    })
}

/// What a policy did to all rollouts of a range, beside so many that were not tried.
pub fn summed_up(range: TimeRange, policy: Policy, rollouts: Vec<TriedRollout>, not_tried: u64) -> Backtest {
    let count = |result: Outcome| rollouts.iter().filter(|tried| tried.result == result).count() as u64;
    Backtest {
        from: rfc3339(range.from_s),
        to: rfc3339(range.to_s),
        stopped: count(Outcome::Fail),
        let_through: count(Outcome::Pass),
        undecided: count(Outcome::Insufficient),
        not_tried,
        rollouts,
        policy,
    }
}

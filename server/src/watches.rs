//! Judging watches as they fall due.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use sidecarta_ingest::watch::submission;
use sidecarta_queries::canary::{CanaryQuestion, LATE_S};
use sidecarta_queries::rows::watch::{Watch, WatchEvent};
use sidecarta_queries::store::TimeRange;
use tokio::time::MissedTickBehavior;

use crate::error::{ApiError, causes};
use crate::state::AppState;

/// How often one looks which watches are due.
const TICK: Duration = Duration::from_secs(1);

/// Judges every watch when it is due, one after the other, until the server ends.
pub async fn run(state: AppState) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // When each was judged last: what came of it is seen a moment later, and a question that failed is not asked again at
    // once.
    let mut asked: HashMap<String, i64> = HashMap::new();
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = state.shutdown().cancelled() => return,
        }
        let now_s = Timestamp::now().as_second();
        let due: Vec<Watch> = state.pipeline().store().directory(|directory| {
            asked.retain(|id, _| directory.watches().get(id).is_some_and(|watch| watch.ended_s.is_none()));
            directory.watches().values().filter(|watch| is_due(watch, &asked, now_s)).cloned().collect()
        });
        for watch in due {
            asked.insert(watch.id.clone(), now_s);
            if let Err(error) = judge(&state, &watch).await {
                let error = error.response().error;
                tracing::warn!(
                    watch = watch.id,
                    code = error.code,
                    error.message,
                    "A watch cannot be judged"
                );
            }
        }
    }
}

fn is_due(watch: &Watch, asked: &HashMap<String, i64>, now_s: i64) -> bool {
    let again = asked.get(&watch.id).map_or(i64::MIN, |asked_s| asked_s + i64::from(watch.every_s));
    watch.due_s().is_some_and(|due_s| due_s.max(again) <= now_s)
}

/// Judges a watch by what there is now, and hands the verdict to the store.
async fn judge(state: &AppState, watch: &Watch) -> Result<(), ApiError> {
    let now_s = Timestamp::now().as_second();
    // Everything up to its end has come by then.
    let is_last = now_s >= watch.until_s() + LATE_S;
    let question = CanaryQuestion {
        service: watch.service.clone(),
        baseline: watch.baseline.clone(),
        candidate: watch.candidate.clone(),
        range: TimeRange::covering(watch.from_s, now_s.min(watch.until_s())),
        baseline_until_s: None,
        policy: watch.policy.clone(),
        is_final: is_last,
        now_s,
    };
    let verdict = state.verdict(question).await?;
    keep(state, WatchEvent::Judged { id: watch.id.clone(), at_s: now_s, is_last, verdict: Box::new(verdict) })
        .await
}

/// Stores what happened to a watch.
///
/// # Errors
/// Where the store takes nothing now.
pub async fn keep(state: &AppState, event: WatchEvent) -> Result<(), ApiError> {
    let refused = |error: &dyn std::error::Error| ApiError::unavailable("not_stored", causes(error));
    let submission = submission(event).map_err(|error| refused(&error))?;
    state.pipeline().submit(submission).await.map_err(|error| refused(&error))
}

#[cfg(test)]
mod tests {
    use sidecarta_queries::rows::watch::LastVerdict;

    use super::*;

    #[test]
    fn a_watch_is_due_once_its_time_has_passed_since_the_last_verdict_and_the_last_try() {
        let mut watch = Watch { id: "w".to_owned(), from_s: 1_000, every_s: 60, ..Watch::default() };
        let mut asked = HashMap::new();
        assert!(!is_due(&watch, &asked, 1_059) && is_due(&watch, &asked, 1_060));
        // Its verdict is on its way, or there was none.
        asked.insert("w".to_owned(), 1_060);
        assert!(!is_due(&watch, &asked, 1_061) && is_due(&watch, &asked, 1_120));
        watch.last = Some(LastVerdict { at_s: 1_061, ..LastVerdict::default() });
        assert!(!is_due(&watch, &asked, 1_120) && is_due(&watch, &asked, 1_121));
        watch.ended_s = Some(1_100);
        assert!(!is_due(&watch, &asked, 2_000));
    }
}

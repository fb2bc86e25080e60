//! Watches in the words of the API, and what they found.

use duckdb::OptionalExt as _;
use jiff::Timestamp;

use crate::api::canary::{Interval, Outcome, Verdict};
use crate::api::watches::{KeptVerdict, LastVerdict, Watch};
use crate::rows::watch::Watch as WatchRow;
use crate::store::{Store, StoreError};

/// All watches, those that go on first, then the one that began last.
pub fn watches(store: &Store) -> Vec<Watch> {
    let mut rows: Vec<WatchRow> =
        store.directory(|directory| directory.watches().values().cloned().collect());
    rows.sort_by_key(|watch| (watch.ended_s.is_some(), std::cmp::Reverse(watch.from_s), watch.id.clone()));
    rows.iter().map(watch).collect()
}

/// One watch by its id, if there is such a one.
pub fn find_watch(store: &Store, id: &str) -> Option<Watch> {
    store.directory(|directory| directory.watches().get(id).map(watch))
}

/// A watch in the words of the API.
pub fn watch(row: &WatchRow) -> Watch {
    Watch {
        id: row.id.clone(),
        service: row.service.clone(),
        baseline: row.baseline.clone(),
        candidate: row.candidate.clone(),
        from: rfc3339(row.from_s),
        until: rfc3339(row.until_s()),
        ended_at: row.ended_s.map(rfc3339),
        every_s: row.every_s,
        policy: row.policy.clone(),
        last: row.last.as_ref().map(|last| LastVerdict {
            at: rfc3339(last.at_s),
            result: last.result,
            summary: last.summary.clone(),
        }),
    }
}

/// What a watch found, the oldest first. Blocks.
///
/// # Errors
/// Where the store cannot be read.
pub fn verdicts(store: &Store, id: &str) -> Result<Vec<KeptVerdict>, StoreError> {
    store.read("read the verdicts of a watch", |connection| {
        let mut statement = connection.prepare(include_str!("../sql/canary/verdicts_of_watch.sql"))?;
        let found = statement.query_map([id], |row| {
            let (time_ns, result): (i64, String) = (row.get(0)?, row.get(1)?);
            Ok(KeptVerdict {
                at: rfc3339(time_ns.div_euclid(1_000_000_000)),
                result: Outcome::named(&result).unwrap_or_default(),
                summary: row.get(2)?,
                baseline_requests: row.get(3)?,
                baseline_errors: row.get(4)?,
                candidate_requests: row.get(5)?,
                candidate_errors: row.get(6)?,
                difference: row.get(7)?,
                interval: Interval { low: row.get(8)?, high: row.get(9)? },
            })
        })?;
        found.collect()
    })
}

/// The whole verdict that a watch gave at a time, if it gave one then. Blocks.
///
/// # Errors
/// Where the store cannot be read.
pub fn verdict_at(store: &Store, id: &str, at: Timestamp) -> Result<Option<Verdict>, StoreError> {
    let time_ns = at.as_second().saturating_mul(1_000_000_000);
    let json: Option<String> = store.read("read a verdict of a watch", |connection| {
        let sql = include_str!("../sql/canary/verdict_at.sql");
        connection.query_row(sql, duckdb::params![id, time_ns], |row| row.get(0)).optional()
    })?;
    // One of an older version may lack what there is now, and then has defaults; else it is not readable.
    Ok(json.and_then(|json| {
        let read = serde_json::from_str(&json);
        read.inspect_err(|error| tracing::error!(watch = id, %error, "a kept verdict cannot be read")).ok()
    }))
}

fn rfc3339(seconds: i64) -> String {
    Timestamp::from_second(seconds).map(|time| time.to_string()).unwrap_or_default()
}

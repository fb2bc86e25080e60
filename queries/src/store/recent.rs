//! Requests with logs and metrics that were stored a short while ago, by a hash of their bytes. Log records and data points
//! have no ids, so a request that its sender sends again, because the answer did not reach it, is known by this alone.

use std::collections::VecDeque;

use duckdb::{Connection, params};
use foldhash::{HashSet, HashSetExt as _};

/// How long a sender may take to send a request again, seconds.
const KEPT_SECONDS: i64 = 3_600;
/// Requests that are kept at most, about 60 bytes each.
const MAX_KEPT: usize = 250_000;

/// The requests that are known.
#[derive(Debug, Default)]
pub(super) struct RecentRequests {
    known: HashSet<u128>,
    /// With the second in which each was received, oldest first.
    order: VecDeque<(i64, u128)>,
    /// Those at the end that are not in the file.
    unsaved: usize,
}

impl RecentRequests {
    pub(super) fn load(connection: &Connection, now_s: i64) -> Result<Self, duckdb::Error> {
        let mut recent = Self { known: HashSet::new(), ..Self::default() };
        let mut statement = connection.prepare(include_str!("../../sql/store/read_recent_requests.sql"))?;
        let mut rows = statement.query(params![now_s - KEPT_SECONDS])?;
        while let Some(row) = rows.next()? {
            let (high, low): (u64, u64) = (row.get(0)?, row.get(1)?);
            recent.insert(u128::from(high) << 64 | u128::from(low), row.get(2)?);
        }
        recent.unsaved = 0;
        Ok(recent)
    }

    pub(super) fn contains(&self, hash: u128) -> bool {
        self.known.contains(&hash)
    }

    pub(super) fn insert(&mut self, hash: u128, received_s: i64) {
        if !self.known.insert(hash) {
            return;
        }
        self.order.push_back((received_s, hash));
        self.unsaved += 1;
        let is_old = |&(since_s, _): &(i64, u128)| since_s < received_s - KEPT_SECONDS;
        while self.order.len() > MAX_KEPT || self.order.front().is_some_and(is_old) {
            if let Some((_, gone)) = self.order.pop_front() {
                self.known.remove(&gone);
            }
        }
        self.unsaved = self.unsaved.min(self.order.len());
    }

    /// Writes what is new into the file. Part of the transaction that moves a generation there.
    pub(super) fn save(&self, connection: &Connection, now_s: i64) -> Result<(), duckdb::Error> {
        if self.unsaved == 0 {
            return Ok(());
        }
        connection
            .execute(include_str!("../../sql/store/forget_requests.sql"), params![now_s - KEPT_SECONDS])?;
        let mut appender = connection.appender_to_catalog_and_db("recent_requests", "store", "main")?;
        for (received_s, hash) in self.order.iter().skip(self.order.len() - self.unsaved) {
            appender.append_row(params![(hash >> 64) as u64, *hash as u64, received_s])?;
        }
        appender.flush()
    }

    pub(super) fn saved(&mut self) {
        self.unsaved = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_older_than_a_sender_waits_is_forgotten() {
        let mut recent = RecentRequests::default();
        recent.insert(1, 100);
        recent.insert(2, 200);
        assert!(recent.contains(1) && recent.contains(2) && !recent.contains(3));
        recent.insert(3, 100 + KEPT_SECONDS + 1);
        assert!(!recent.contains(1) && recent.contains(2) && recent.contains(3));
        assert_eq!(recent.unsaved, 2);
    }
}

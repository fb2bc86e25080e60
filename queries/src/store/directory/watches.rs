//! The watches that there are.

use std::collections::BTreeMap;

use duckdb::{Connection, params};
use foldhash::HashSet;

use crate::rows::watch::{LastVerdict, Watch, WatchEvent};

/// Watches that are kept at most; of more, those that ended first are forgotten. Their verdicts stay.
const MAX_WATCHES: usize = 1_000;

/// Watches by their ids.
#[derive(Debug, Default)]
pub(super) struct WatchBook {
    watches: BTreeMap<String, Watch>,
    /// What is to be written, or forgotten.
    unsaved: HashSet<String>,
}

impl WatchBook {
    pub(super) fn all(&self) -> &BTreeMap<String, Watch> {
        &self.watches
    }

    /// Takes what happened. The same twice changes nothing.
    pub(super) fn take(&mut self, event: &WatchEvent) {
        let id = match event {
            WatchEvent::Registered(watch) => {
                self.watches.entry(watch.id.clone()).or_insert_with(|| Watch::clone(watch));
                self.forget_the_first();
                &watch.id
            }
            WatchEvent::Judged { id, at_s, is_last, verdict } => {
                if let Some(watch) = self.watches.get_mut(id) {
                    let (result, summary) = (verdict.result, verdict.summary.clone());
                    watch.last = Some(LastVerdict { at_s: *at_s, result, summary });
                    if *is_last {
                        watch.ended_s.get_or_insert(*at_s);
                    }
                }
                id
            }
            WatchEvent::Ended { id, at_s } => {
                if let Some(watch) = self.watches.get_mut(id) {
                    watch.ended_s.get_or_insert(*at_s);
                }
                id
            }
        };
        self.unsaved.insert(id.clone());
    }

    fn forget_the_first(&mut self) {
        while self.watches.len() > MAX_WATCHES {
            let ended = self.watches.values().filter_map(|watch| Some((watch.ended_s?, watch.id.clone())));
            let Some((_, id)) = ended.min() else { return };
            self.watches.remove(&id);
            self.unsaved.insert(id);
        }
    }

    pub(super) fn save(&self, connection: &Connection) -> Result<(), duckdb::Error> {
        for id in &self.unsaved {
            if let Some(watch) = self.watches.get(id) {
                let json = serde_json::to_string(watch).unwrap_or_default();
                connection.execute(include_str!("../../../sql/store/save_watch.sql"), params![id, json])?;
            } else {
                connection.execute(include_str!("../../../sql/store/forget_watch.sql"), params![id])?;
            }
        }
        Ok(())
    }

    pub(super) fn saved(&mut self) {
        self.unsaved.clear();
    }

    pub(super) fn load(&mut self, connection: &Connection) -> Result<(), duckdb::Error> {
        let mut statement = connection.prepare("FROM store.watches")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (id, json): (String, String) = (row.get(0)?, row.get(1)?);
            match serde_json::from_str(&json) {
                Ok(watch) => {
                    self.watches.insert(id, watch);
                }
                Err(error) => tracing::error!(watch = id, %error, "a watch cannot be read and is left out"),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::canary::{Outcome, Verdict};

    fn registered(id: usize) -> WatchEvent {
        WatchEvent::Registered(Box::new(Watch { id: format!("{id:04}"), every_s: 60, ..Watch::default() }))
    }

    #[test]
    fn a_watch_that_was_ended_stays_so() {
        let mut book = WatchBook::default();
        book.take(&registered(1));
        let id = "0001".to_owned();
        let verdict = Verdict { result: Outcome::Fail, ..Verdict::default() };
        let judged =
            WatchEvent::Judged { id: id.clone(), at_s: 90, is_last: false, verdict: Box::new(verdict) };
        book.take(&judged);
        assert_eq!(book.all()[&id].due_s(), Some(150));
        book.take(&WatchEvent::Ended { id: id.clone(), at_s: 100 });
        // What was on its way then, and a request that was sent again.
        book.take(&judged);
        book.take(&registered(1));
        let watch = &book.all()[&id];
        assert_eq!((watch.ended_s, watch.due_s()), (Some(100), None));
        assert_eq!(watch.last.as_ref().map(|last| last.result), Some(Outcome::Fail));
    }

    #[test]
    fn of_too_many_those_that_ended_first_are_forgotten() {
        let mut book = WatchBook::default();
        for id in 0..MAX_WATCHES {
            book.take(&registered(id));
        }
        book.take(&WatchEvent::Ended { id: "0007".to_owned(), at_s: 200 });
        book.take(&WatchEvent::Ended { id: "0003".to_owned(), at_s: 300 });
        book.take(&registered(MAX_WATCHES));
        assert_eq!(book.all().len(), MAX_WATCHES);
        assert!(!book.all().contains_key("0007") && book.all().contains_key("0003"));
    }
}

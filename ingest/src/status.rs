//! How each source is doing, counted where it happens and read by the Sources page.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sidecarta_queries::api::sources::{SourceState, SourceStatus};

/// The states of all sources, by kind and name. Cheap to clone; all clones are one.
#[derive(Clone, Debug, Default)]
pub struct SourceBook {
    sources: Arc<Mutex<BTreeMap<(String, String), Line>>>,
}

#[derive(Debug, Default)]
struct Line {
    status: SourceStatus,
    /// How often it was asked for and not yet retired.
    claims: u32,
}

impl SourceBook {
    /// A handle for one source, which is listed as waiting from now on.
    pub fn source(&self, kind: &str, name: &str) -> SourceHandle {
        let key = (kind.to_owned(), name.to_owned());
        let new = || Line {
            status: SourceStatus { kind: kind.to_owned(), name: name.to_owned(), ..SourceStatus::default() },
            claims: 0,
        };
        self.lock().entry(key.clone()).or_insert_with(new).claims += 1;
        SourceHandle { book: self.clone(), key }
    }

    /// Every source as it is now, sorted by kind and name.
    pub fn list(&self) -> Vec<SourceStatus> {
        self.lock().values().map(|line| line.status.clone()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(String, String), Line>> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One source's own line in the book.
#[derive(Clone, Debug)]
pub struct SourceHandle {
    book: SourceBook,
    key: (String, String),
}

impl SourceHandle {
    /// Changes the line in any way.
    pub fn update(&self, change: impl FnOnce(&mut SourceStatus)) {
        if let Some(line) = self.book.lock().get_mut(&self.key) {
            change(&mut line.status);
        }
    }

    /// Takes the line out of the book, since its source is gone. It stays where somebody else has asked for the same line.
    pub fn retire(self) {
        let mut sources = self.book.lock();
        if let Some(line) = sources.get_mut(&self.key) {
            line.claims = line.claims.saturating_sub(1);
            if line.claims == 0 {
                sources.remove(&self.key);
            }
        }
    }

    /// Counts a request or scrape that worked.
    pub fn succeeded(&self, accepted: u64, rejected: u64) {
        self.update(|status| {
            status.state = SourceState::Ok;
            status.last_success = Some(jiff::Timestamp::now().to_string());
            status.requests += 1;
            status.accepted += accepted;
            status.rejected += rejected;
        });
    }

    /// Counts a request or scrape that did not work, with the reason in words.
    pub fn failed(&self, reason: impl Into<String>) {
        self.update(|status| {
            status.state = SourceState::Failing;
            status.requests += 1;
            status.failures += 1;
            status.last_error = Some(reason.into());
            status.last_failure = Some(jiff::Timestamp::now().to_string());
        });
    }

    /// Counts a request that was told to come again later.
    pub fn throttled(&self) {
        self.update(|status| {
            status.requests += 1;
            status.throttled += 1;
        });
    }
}

#[cfg(test)]
mod tests {
    use super::SourceBook;

    #[test]
    fn a_line_goes_with_the_last_who_asked_for_it() {
        let book = SourceBook::default();
        let (first, second) = (book.source("envoy", "a"), book.source("envoy", "a"));
        first.retire();
        second.succeeded(1, 0);
        assert_eq!(book.list().len(), 1);
        let kept = second.clone();
        second.retire();
        assert!(book.list().is_empty());
        kept.failed("too late to be told");
        assert!(book.list().is_empty());
        assert_eq!(book.source("envoy", "a").book.list()[0].requests, 0);
    }
}

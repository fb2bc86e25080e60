//! What a source's line of the Sources page says.

use super::Found;
use crate::status::{SourceBook, SourceHandle};

/// The line of one source.
#[derive(Debug)]
pub(super) struct Report {
    source: SourceHandle,
    known: usize,
    failing: bool,
}

impl Report {
    pub(super) fn new(sources: &SourceBook, name: &str) -> Self {
        Self { source: sources.source("discovery", name), known: 0, failing: false }
    }

    /// Tells of one look at the source.
    pub(super) fn looked(&mut self, found: &Found) {
        if let Some(targets) = &found.targets {
            self.known = targets.len();
        }
        let mut details = vec![format!("{} from {}", targets_in_words(self.known), found.looked_at)];
        if found.over_limit > 0 {
            details.push(format!("{} more than `max_targets` allows are left out", found.over_limit));
        }
        if found.refused_count > 0 {
            details.push(format!("{} entries are no targets", found.refused_count));
        }
        self.source.update(|status| status.detail = Some(details.join("; ")));
        let mut reasons = found.failures.clone();
        let is_broken = !reasons.is_empty();
        reasons.extend(found.refused.iter().cloned());
        if found.over_limit > 0 {
            reasons.push("there are more targets than `max_targets` allows: raise it".to_owned());
        }
        let reason = reasons.join("; ");
        if is_broken {
            self.warn(&reason);
            self.source.failed(reason);
            return;
        }
        self.failing = false;
        match &found.targets {
            Some(targets) => {
                self.source.succeeded(targets.len() as u64, found.refused_count + found.over_limit);
            }
            None => self.source.succeeded(0, 0),
        }
        self.source.update(|status| status.last_error = Some(reason).filter(|reason| !reason.is_empty()));
    }

    /// Once for each time that it begins to fail.
    fn warn(&mut self, reason: &str) {
        if !self.failing {
            tracing::warn!(error = reason, "a list of targets cannot be read");
        }
        self.failing = true;
    }
}

/// What becomes of the list of a source that cannot be read.
pub(super) fn kept(is_list_known: bool) -> &'static str {
    if is_list_known { "its last good list stays in use" } else { "no earlier list of it is known" }
}

fn targets_in_words(count: usize) -> String {
    match count {
        0 => "no target".to_owned(),
        1 => "1 target".to_owned(),
        _ => format!("{count} targets"),
    }
}

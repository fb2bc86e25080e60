//! What the load generator and the services know of requests that belong together.

use std::collections::HashMap;

use super::load::Sent;
use super::upstream::{Deed, Seen};

/// What is known of the requests to one cluster, along one route, or of one virtual cluster.
#[derive(Clone, Debug, Default)]
pub(super) struct Requests {
    pub(super) sent: Vec<Sent>,
    pub(super) seen: Vec<Seen>,
}

impl Requests {
    /// Attempts that were made of each request.
    pub(super) fn attempts(&self) -> HashMap<u64, usize> {
        let mut attempts = HashMap::new();
        for seen in &self.seen {
            let most = attempts.entry(seen.order).or_insert(0);
            *most = seen.attempt.max(*most);
        }
        attempts
    }

    /// How many attempts met something.
    pub(super) fn met(&self, deed: Deed) -> usize {
        self.seen.iter().filter(|seen| seen.deed == deed).count()
    }

    pub(super) fn answered(&self) -> impl Iterator<Item = (&Sent, u16)> {
        self.sent.iter().filter_map(|sent| Some((sent, sent.status?)))
    }

    /// Requests that were answered with this status.
    pub(super) fn with_status(&self, status: u16) -> usize {
        self.answered().filter(|(_, answer)| *answer == status).count()
    }

    pub(super) fn given_up(&self) -> usize {
        self.sent.len() - self.answered().count()
    }

    /// The attempts that were answered but not passed on, by status.
    pub(super) fn retried(&self) -> Vec<u16> {
        let attempts = self.attempts();
        let is_retried = |seen: &&Seen| seen.attempt < attempts[&seen.order];
        let status = |seen: &Seen| match seen.deed {
            Deed::Answer(status) => Some(status),
            _ => None,
        };
        self.seen.iter().filter(is_retried).filter_map(status).collect()
    }

    /// Requests whose answer came from the service.
    pub(super) fn served(&self, unmeasured: &[u64]) -> usize {
        let attempts = self.attempts();
        let last = |sent: &Sent| {
            self.seen
                .iter()
                .find(|seen| seen.order == sent.number && Some(&seen.attempt) == attempts.get(&sent.number))
        };
        let is_served = |(sent, status): &(&Sent, u16)| {
            let is_passed_on = *status != 504
                && last(sent).is_some_and(|last| !matches!(last.deed, Deed::Hang | Deed::Reset));
            (is_passed_on || sent.order.route == "secure") && !unmeasured.contains(&sent.number)
        };
        self.answered().filter(is_served).count()
    }

    /// How many of these attempts had an answer that is no 5xx and was passed on, and how many failed in whichever way.
    /// Those of callers who went away are neither.
    pub(super) fn good_and_bad(&self, seen: &[Seen]) -> (usize, usize) {
        let attempts = self.attempts();
        let is_good = |seen: &Seen| {
            let is_answer = match seen.deed {
                Deed::Answer(status) => status < 500,
                Deed::Late(_) | Deed::Hold => true,
                Deed::Hang | Deed::Reset => false,
            };
            is_answer && seen.attempt == attempts[&seen.order]
        };
        let is_given_up =
            |seen: &Seen| self.sent.iter().any(|sent| sent.number == seen.order && sent.status.is_none());
        let good = seen.iter().filter(|seen| is_good(seen)).count();
        (good, seen.iter().filter(|seen| !is_good(seen) && !is_given_up(seen)).count())
    }
}

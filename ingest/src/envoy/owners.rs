//! Which source counts for which proxy, so that none is counted twice.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::address::Address;
use super::delta::Process;
use super::push::process::is_same;

/// Who bears which proxy id. The first to come with an id keeps it as long as it is there. Clones are one.
#[derive(Clone, Debug, Default)]
pub struct ProxyIds {
    owners: Arc<Mutex<BTreeMap<String, Owner>>>,
}

/// Who has an id.
#[derive(Clone, Debug)]
enum Owner {
    /// The target at this address.
    Scraped(Address),
    Pushed(Pusher),
}

/// A proxy that pushes.
#[derive(Clone, Debug)]
pub(super) struct Pusher {
    /// Number of the stream, which no other ever had.
    pub(super) stream: u64,
    /// The address that it pushes from, without a port; empty of one whose statistics come as OTLP metrics.
    pub(super) peer: String,
    /// Its process.
    pub(super) process: Process,
    /// When it last pushed, ns since 1970.
    pub(super) seen_at_ns: i64,
}

/// What came of asking for an id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Claim {
    /// It belongs to who asked.
    Granted,
    /// It belongs to the target at this address.
    Scraped(Address),
    /// It belongs to a proxy that pushes from this address, which is empty where that comes as OTLP metrics.
    Pushed(String),
}

impl ProxyIds {
    /// Asks for `id` for the target at `address`.
    pub(super) fn claim(&self, id: &str, address: &Address) -> Claim {
        let mut owners = self.lock();
        match owners.entry(id.to_owned()).or_insert_with(|| Owner::Scraped(address.clone())) {
            Owner::Scraped(owner) if owner == address => Claim::Granted,
            Owner::Scraped(owner) => Claim::Scraped(owner.clone()),
            Owner::Pushed(owner) => Claim::Pushed(owner.peer.clone()),
        }
    }

    /// Asks for `id` for a proxy that pushes. It is taken away from another stream where that is an earlier one of the same
    /// process, or of the process before; `may_take_over` is whether it may be.
    pub(super) fn claim_pushed(&self, id: &str, pusher: &Pusher, may_take_over: bool) -> Claim {
        let mut owners = self.lock();
        match owners.get_mut(id) {
            None => {
                owners.insert(id.to_owned(), Owner::Pushed(pusher.clone()));
                Claim::Granted
            }
            Some(Owner::Scraped(address)) => Claim::Scraped(address.clone()),
            Some(Owner::Pushed(owner)) => {
                let is_later = || {
                    let is_reconnected =
                        owner.peer == pusher.peer && is_same(&owner.process, &pusher.process);
                    let is_successor = pusher.process.started_at_ns > owner.seen_at_ns
                        || (owner.peer == pusher.peer
                            && pusher.process.restart_epoch > owner.process.restart_epoch);
                    is_reconnected || is_successor
                };
                if owner.stream == pusher.stream || (may_take_over && is_later()) {
                    owner.clone_from(pusher);
                    Claim::Granted
                } else {
                    Claim::Pushed(owner.peer.clone())
                }
            }
        }
    }

    /// Gives up what belongs to the target at `address`, which is gone: its proxy may come back under another one.
    pub fn release(&self, address: &Address) {
        self.lock().retain(|_, owner| !matches!(owner, Owner::Scraped(owner) if owner == address));
    }

    /// Gives up what belongs to a stream that has ended.
    pub(super) fn release_pushed(&self, stream: u64) {
        self.lock().retain(|_, owner| !matches!(owner, Owner::Pushed(owner) if owner.stream == stream));
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Owner>> {
        self.owners.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND_NS: i64 = 1_000_000_000;

    fn pusher(stream: u64, peer: &str, started_s: i64, seen_at_s: i64) -> Pusher {
        let process = Process {
            started: format!("pushed {started_s}/0"),
            started_at_ns: started_s * SECOND_NS,
            restart_epoch: 0,
        };
        Pusher { stream, peer: peer.to_owned(), process, seen_at_ns: seen_at_s * SECOND_NS }
    }

    fn address(text: &str) -> Address {
        text.parse().expect("an address")
    }

    #[test]
    fn who_comes_first_keeps_an_id_until_it_goes() {
        let ids = ProxyIds::default();
        let (one, other) = (address("http://a:1"), address("http://b:1"));
        assert_eq!(ids.claim("x", &one), Claim::Granted);
        assert_eq!(ids.claim("x", &one), Claim::Granted);
        assert_eq!(ids.claim("x", &other), Claim::Scraped(one.clone()));
        assert_eq!(ids.claim_pushed("x", &pusher(1, "p", 50, 60), true), Claim::Scraped(one.clone()));
        ids.release(&one);
        assert_eq!(ids.claim_pushed("x", &pusher(1, "p", 50, 60), true), Claim::Granted);
        assert_eq!(ids.claim("x", &other), Claim::Pushed("p".to_owned()));
        ids.release(&one);
        ids.release_pushed(2);
        assert_eq!(ids.claim("x", &other), Claim::Pushed("p".to_owned()));
        ids.release_pushed(1);
        assert_eq!(ids.claim("x", &other), Claim::Granted);
    }

    #[test]
    fn a_stream_gives_way_to_a_later_one_of_its_proxy_and_to_no_other() {
        let claim = |pusher: &Pusher, may_take_over| {
            let ids = ProxyIds::default();
            assert_eq!(ids.claim_pushed("x", &self::pusher(1, "p", 50, 60), true), Claim::Granted);
            ids.claim_pushed("x", pusher, may_take_over)
        };
        let taken = Claim::Pushed("p".to_owned());
        assert_eq!(claim(&pusher(2, "p", 51, 62), true), Claim::Granted, "the same process, connected again");
        assert_eq!(claim(&pusher(2, "p", 51, 62), false), taken, "it has lost the id already");
        assert_eq!(claim(&pusher(2, "q", 50, 62), true), taken, "a replica that started at the same time");
        assert_eq!(claim(&pusher(2, "q", 61, 66), true), Claim::Granted, "it started later, elsewhere");
        assert_eq!(claim(&pusher(2, "p", 40, 62), true), taken, "another process that has been there long");
        let mut hot = pusher(2, "p", 50, 62);
        hot.process = Process { started: "pushed 50/1".to_owned(), restart_epoch: 1, ..hot.process };
        assert_eq!(claim(&hot, true), Claim::Granted, "a hot restart");
    }
}

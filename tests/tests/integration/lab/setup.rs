//! The lab: services, relays, an Envoy before them, and a Sidecarta that scrapes it.

use std::collections::BTreeMap;

use sidecarta_tests::harness::{Server, ServerOptions};
use sidecarta_tests::mesh::{Authority, ReservedPort};
use tempfile::TempDir;

use super::config::{PLAIN, Places};
use super::envoy::Envoy;
use super::load::{Load, Sent};
use super::parts::Parts;
use super::relay::Relay;
use super::upstream::{Ailment, Upstream};

/// Clusters with one service without TLS.
const SINGLE: [&str; 10] =
    [PLAIN, "tries", "once", "thrifty", "slow", "broken", "streams", "tight", "narrow", "paced"];
/// Clusters that lead to the Envoy's own listener with mutual TLS.
const TLS: [&str; 5] = ["secure", "wrong_authority", "wrong_name", "no_certificate", "stranger"];

/// Everything that a test needs.
#[derive(Debug)]
pub(super) struct Lab {
    pub(super) server: Server,
    pub(super) envoy: Envoy,
    pub(super) load: Load,
    /// The services behind each cluster.
    pub(super) upstreams: BTreeMap<&'static str, Vec<Upstream>>,
    /// What stands before the endpoint of each cluster with TLS.
    relays: BTreeMap<&'static str, Relay>,
    pub(super) places: Places,
    /// What had been counted before counting began anew.
    pub(super) earlier: Parts,
    /// How often each listener got what is no request.
    pub(super) garbage: usize,
    /// How often the flaky service was ejected.
    pub(super) ejections: usize,
    /// Whether it is by the process that runs.
    pub(super) is_ejected: bool,
    /// Requests that ended in a process which had handed over to the next: Envoy hands over counters only.
    pub(super) unmeasured: Vec<u64>,
    _ports: Vec<ReservedPort>,
    _certificates: TempDir,
}

/// What is known of the load from all who took part in it.
#[derive(Debug)]
pub(super) struct Records<'a> {
    pub(super) clusters: &'a [&'static str],
    pub(super) sent: &'a [Sent],
    pub(super) upstreams: &'a BTreeMap<&'static str, Vec<Upstream>>,
    pub(super) relays: &'a BTreeMap<&'static str, Relay>,
    pub(super) garbage: usize,
    pub(super) ejections: usize,
    pub(super) unmeasured: &'a [u64],
}

impl Lab {
    /// Starts everything and waits until it serves.
    pub(super) async fn start() -> Self {
        Self::start_with("0.1s").await
    }

    /// Likewise, with an Envoy that flushes its statistics at this interval.
    pub(super) async fn start_with(flush_interval: &str) -> Self {
        let ports: Vec<ReservedPort> = (0..4).map(|_| ReservedPort::new().unwrap()).collect();
        let [admin, egress, mtls, dead] = std::array::from_fn(|at| ports[at].address());
        let upstreams = upstreams().await;
        let mut relays = BTreeMap::from([("silent", Relay::start(None).await)]);
        for name in TLS {
            relays.insert(name, Relay::start(Some(mtls)).await);
        }
        let mut endpoints: BTreeMap<_, Vec<_>> = BTreeMap::from([("dead", vec![dead])]);
        for (name, services) in &upstreams {
            endpoints.insert(name, services.iter().map(|service| service.address).collect());
        }
        endpoints.extend(relays.iter().map(|(name, relay)| (*name, vec![relay.address])));
        let certificates = tempfile::tempdir().unwrap();
        let [identity, stranger] = ["ours", "theirs"].map(|authority| {
            let folder = certificates.path().join(authority);
            std::fs::create_dir(&folder).unwrap();
            Authority::new(&folder).unwrap().identity("lab", "lab-1").unwrap()
        });
        let places = Places { admin, egress, mtls, endpoints, identity, stranger };
        let envoy = Envoy::start(&places, flush_interval);
        let options = ServerOptions::default().set("envoy.interval_ms", 100).set("store.move_after_s", 1);
        let (server, ()) = tokio::join!(options.envoy(envoy.admin_url()).start(), envoy.ready());
        Self {
            server,
            envoy,
            load: Load::new(egress),
            upstreams,
            relays,
            places,
            earlier: Parts::default(),
            garbage: 0,
            ejections: 0,
            is_ejected: false,
            unmeasured: Vec::new(),
            _ports: ports,
            _certificates: certificates,
        }
    }

    /// What is known of the load by now, of which `sent` is what was sent.
    pub(super) fn records<'a>(&'a self, sent: &'a [Sent]) -> Records<'a> {
        Records {
            clusters: self.envoy.clusters(),
            sent,
            upstreams: &self.upstreams,
            relays: &self.relays,
            garbage: self.garbage,
            ejections: self.ejections,
            unmeasured: &self.unmeasured,
        }
    }
}

async fn upstreams() -> BTreeMap<&'static str, Vec<Upstream>> {
    let mut upstreams = BTreeMap::new();
    let (well, unwell) = (Ailment::None, Ailment::FailsChecks);
    let single = SINGLE.map(|name| (name, vec![well]));
    let special = [
        ("flaky", vec![Ailment::FailsRequests, well]),
        ("mixed", vec![well, unwell]),
        ("panicking", vec![unwell]),
        ("gone", vec![unwell]),
    ];
    for (name, ailments) in single.into_iter().chain(special) {
        let services = ailments.into_iter().map(Upstream::start);
        upstreams.insert(name, futures::future::join_all(services).await);
    }
    upstreams
}

//! What really happened, from the records of the load generator, the services and the relays: what each statistic that
//! they can know has to be.

use std::collections::BTreeMap;

use super::config::{PLAIN, ZONES, short};
use super::load::Sent;
use super::parts::{Part, Parts};
use super::relay::Relay;
use super::requests::Requests;
use super::setup::Records;
use super::upstream::{Deed, Seen, Upstream};

/// Counters by part and name, zeros among them; and of how many requests the latency is known.
#[derive(Debug, Default)]
pub(super) struct Truth {
    counters: BTreeMap<(Part, String), i64>,
    latencies: BTreeMap<Part, u64>,
}

impl Truth {
    /// What the records say.
    pub(super) fn of(records: &Records<'_>) -> Self {
        let mut truth = Self::default();
        let mut of_host: BTreeMap<bool, Requests> = BTreeMap::new();
        for &cluster in records.clusters {
            let route = short(cluster);
            let sent = || records.sent.iter().filter(|sent| sent.order.route == route).cloned();
            let services = records.upstreams.get(cluster).map_or(&[] as &[_], Vec::as_slice);
            let seen: Vec<Seen> = services.iter().flat_map(Upstream::seen).collect();
            let requests = Requests { sent: sent().collect(), seen };
            truth.cluster(cluster, &requests, records);
            truth.requests(&Part::new("route", route, "shop.lab"), &requests, records);
            for is_checkout in [false, true] {
                let of_virtual_cluster = of_host.entry(is_checkout).or_default();
                let belongs = |sent: &Sent| (sent.order.path == "checkout") == is_checkout;
                let numbers: Vec<u64> = sent().filter(belongs).map(|sent| sent.number).collect();
                of_virtual_cluster.sent.extend(sent().filter(belongs));
                let seen = requests.seen.iter().filter(|seen| numbers.contains(&seen.order));
                of_virtual_cluster.seen.extend(seen);
            }
        }
        for (name, is_checkout) in [("other", false), ("checkout", true)] {
            let part = Part::new("virtual_cluster", name, "shop.lab");
            truth.requests(&part, &of_host[&is_checkout], records);
        }
        truth.downstream(records);
        truth
    }

    /// Without latencies, and without the health checks that are done before anybody can look.
    pub(super) fn without_lagging(mut self) -> Self {
        self.latencies.clear();
        self.counters.retain(|(_, name), _| !name.starts_with("health_check."));
        self
    }

    fn say(&mut self, part: &Part, name: &str, count: impl TryInto<i64>) {
        let count = count.try_into().ok().unwrap();
        *self.counters.entry((part.clone(), name.to_owned())).or_default() += count;
    }

    /// Final answers by class and code.
    fn answers(&mut self, part: &Part, prefix: &str, answers: impl Iterator<Item = u16>) {
        self.say(part, &format!("{prefix}completed"), 0);
        for class in 2..=5 {
            self.say(part, &format!("{prefix}{class}xx"), 0);
        }
        for status in answers {
            self.say(part, &format!("{prefix}completed"), 1);
            self.say(part, &format!("{prefix}{}xx", status / 100), 1);
            if part.kind != "manager" {
                self.say(part, &format!("{prefix}{status}"), 1);
            }
        }
    }

    /// What is counted of clusters, routes and virtual clusters alike.
    fn requests(&mut self, part: &Part, requests: &Requests, records: &Records<'_>) {
        let Requests { sent, seen } = requests;
        self.answers(part, "upstream_rq_", requests.answered().map(|(_, status)| status));
        let attempts = requests.attempts();
        let secured = sent.iter().filter(|sent| sent.order.route == "secure").count();
        self.say(part, "upstream_rq_total", seen.len() + secured);
        self.say(part, "upstream_rq_retry", seen.iter().filter(|seen| seen.attempt > 1).count());
        let retried = |sent: &Sent| attempts.get(&sent.number).is_some_and(|&attempts| attempts > 1);
        let ended = |has_failed: bool| {
            let answered = requests.answered();
            answered.filter(|(sent, status)| retried(sent) && (*status >= 500) == has_failed).count()
        };
        self.say(part, "upstream_rq_retry_success", ended(false));
        self.say(part, "upstream_rq_retry_limit_exceeded", ended(true));
        let on = |route: &str| sent.iter().filter(|sent| sent.order.route == route).count();
        self.say(part, "upstream_rq_retry_overflow", on("thrifty"));
        self.say(part, "upstream_rq_timeout", on("slow"));
        self.latencies.insert(part.clone(), requests.served(records.unmeasured) as u64);
    }

    fn cluster(&mut self, cluster: &str, requests: &Requests, records: &Records<'_>) {
        let part = Part::cluster(cluster);
        self.requests(&part, requests, records);
        let answers = || requests.answered().map(|(_, status)| status);
        let zone = Part::new("zone", &format!("{} → {}", ZONES.0, ZONES.1), cluster);
        // What is answered before a host is chosen belongs to no zone.
        if cluster == PLAIN {
            self.answers(&zone, "upstream_rq_", answers());
            self.answers(&part, "canary.upstream_rq_", answers());
        }
        self.answers(&part, "retry.upstream_rq_", requests.retried().into_iter());
        let is_h2 = matches!(cluster, "streams" | "narrow");
        let [of_streams, of_connections] = [is_h2, !is_h2].map(i64::from);
        let (resets, hung) = (requests.met(Deed::Reset) as i64, requests.met(Deed::Hang) as i64);
        self.say(&part, "upstream_rq_rx_reset", resets * of_streams);
        self.say(&part, "upstream_rq_tx_reset", hung * of_streams);
        self.say(&part, "upstream_cx_destroy_remote_with_active_rq", resets * of_connections);
        self.say(&part, "upstream_cx_destroy_local_with_active_rq", hung * of_connections);
        let tries_in_time = matches!(cluster, "tries" | "once");
        self.say(&part, "upstream_rq_per_try_timeout", if tries_in_time { hung } else { 0 });
        let only = |name: &str, count: usize| if cluster == name { count } else { 0 };
        let refused = requests.with_status(503);
        self.say(&part, "upstream_rq_pending_overflow", only("tight", refused));
        self.say(&part, "upstream_rq_active_overflow", only("narrow", refused));
        self.say(&part, "upstream_rq_cancelled", only("tight", requests.given_up()));
        self.say(&part, "upstream_cx_none_healthy", only("gone", refused));
        self.say(&part, "lb_healthy_panic", only("panicking", requests.with_status(200)));
        for name in ["total", "consecutive_5xx"] {
            let name = format!("outlier_detection.ejections_enforced_{name}");
            self.say(&part, &name, only("flaky", records.ejections));
        }
        self.connections(&part, requests, records);
    }

    fn connections(&mut self, part: &Part, requests: &Requests, records: &Records<'_>) {
        let cluster = part.name.as_str();
        let relayed = records.relays.get(cluster).map_or(0, Relay::connections);
        let services = records.upstreams.get(cluster).map_or(&[] as &[_], Vec::as_slice);
        let [mut made, mut passed, mut failed] = [0, 0, 0];
        for service in services {
            let checks = service.health_checks();
            made += service.connections() - checks;
            *(if service.passes_checks() { &mut passed } else { &mut failed }) += checks;
        }
        self.say(part, "health_check.attempt", passed + failed);
        self.say(part, "health_check.success", passed);
        self.say(part, "health_check.failure", failed);
        let refused = if cluster == "dead" { requests.with_status(503) as u64 } else { 0 };
        let unmade = refused + if cluster == "secure" { 0 } else { relayed };
        self.say(part, "upstream_cx_total", made + refused + relayed);
        self.say(part, "upstream_cx_connect_fail", unmade);
        self.say(part, "upstream_rq_pending_failure_eject", unmade);
        let of = |names: &[&str]| if names.contains(&cluster) { relayed } else { 0 };
        self.say(part, "upstream_cx_connect_timeout", of(&["silent"]));
        self.say(part, "ssl.handshake", of(&["secure"]));
        self.say(part, "ssl.fail_verify_error", of(&["wrong_authority"]));
        self.say(part, "ssl.fail_verify_san", of(&["wrong_name"]));
        self.say(part, "ssl.connection_error", of(&["no_certificate", "stranger"]));
        for service in services {
            self.endpoint(cluster, service, requests, records);
        }
    }

    fn endpoint(&mut self, cluster: &str, service: &Upstream, requests: &Requests, records: &Records<'_>) {
        let seen = service.seen();
        let (good, bad) = requests.good_and_bad(&seen);
        let refused = if cluster == "narrow" { requests.with_status(503) } else { 0 };
        let lost = seen.iter().filter(|seen| records.unmeasured.contains(&seen.order)).count();
        let endpoint = Part::new("endpoint", &service.address.to_string().replace(':', "_"), cluster);
        self.say(&endpoint, "rq_total", seen.len());
        self.say(&endpoint, "rq_success", good - lost);
        self.say(&endpoint, "rq_error", bad + refused);
        self.say(&endpoint, "cx_total", service.connections() - service.health_checks());
    }

    /// What is counted where requests come in.
    fn downstream(&mut self, records: &Records<'_>) {
        let garbage = records.garbage;
        let (egress, sent) = (Part::new("manager", "egress", ""), records.sent);
        // What is no request is answered with 400.
        let garbled = std::iter::repeat_n(400, garbage);
        self.answers(&egress, "downstream_rq_", sent.iter().filter_map(|sent| sent.status).chain(garbled));
        let given_up = sent.iter().filter(|sent| sent.status.is_none()).count();
        let on = |route: &str| sent.iter().filter(|sent| sent.order.route == route).count();
        for (name, count) in [
            ("downstream_rq_total", sent.len() + garbage),
            ("downstream_cx_protocol_error", garbage),
            ("downstream_rq_rx_reset", given_up + garbage),
            ("downstream_cx_destroy_remote_active_rq", given_up),
            ("no_route", on("nowhere")),
            ("no_cluster", on("unknown")),
            ("rq_direct_response", on("direct") + on("moved")),
        ] {
            self.say(&egress, name, count);
        }
        let measured = sent.len() - given_up + garbage - records.unmeasured.len();
        self.latencies.insert(egress, measured as u64);
        self.say(&Part::new("listener", "egress", ""), "downstream_cx_total", sent.len() + garbage);

        let (manager, listener) = (Part::new("manager", "mtls", ""), Part::new("listener", "mtls", ""));
        self.answers(&manager, "downstream_rq_", std::iter::repeat_n(200, on("secure")));
        self.latencies.insert(manager.clone(), on("secure") as u64);
        let relayed = |cluster: &str| records.relays[cluster].connections();
        let tls = ["secure", "wrong_authority", "wrong_name", "no_certificate", "stranger"].map(relayed);
        let [secure, wrong_authority, wrong_name, no_certificate, stranger] = tls;
        let all = tls.iter().sum::<u64>() + garbage as u64;
        self.say(&manager, "downstream_cx_ssl_total", all);
        for (name, count) in [
            ("downstream_cx_total", all),
            ("ssl.handshake", secure),
            ("ssl.fail_verify_no_cert", no_certificate),
            ("ssl.fail_verify_error", stranger),
            ("ssl.connection_error", wrong_authority + wrong_name + garbage as u64),
        ] {
            self.say(&listener, name, count);
        }
    }

    /// What is stored otherwise, a line a statistic; empty if nothing is.
    pub(super) fn difference(&self, stored: &Parts) -> String {
        let counters = self
            .counters
            .iter()
            .map(|((part, name), &count)| (part, name.as_str(), stored.counter(part, name), count));
        let latencies = self
            .latencies
            .iter()
            .map(|(part, &count)| (part, "latency", stored.latency(part) as i64, count as i64));
        let differing = counters.chain(latencies).filter(|(.., stored, count)| stored != count);
        let line =
            |(part, name, stored, count)| format!("{part} {name}: stored {stored}, happened {count}\n");
        differing.map(line).collect()
    }
}

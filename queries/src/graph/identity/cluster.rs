//! Where an upstream cluster of an Envoy leads.
//!
//! What was learned from traces stands before what the configuration and the name say: it is who answered, under the
//! name that the spans use, so that all evidence of one workload meets at one node. Where spans say no version, the
//! configuration does.

use std::borrow::Cow;

use crate::api::identity::{IdentityRule, NameKind};
use crate::rows::span::Workload;
use crate::store::ProxyRecord;

use super::super::grammar::{self, ClusterName};
use super::known::{Known, common};
use super::{Asked, Identity, Rules, Target};

/// The rules for clusters.
pub(in super::super) const CLUSTER_RULES: &Rules = &[
    (IdentityRule::User, by_user),
    (IdentityRule::TelemetryCluster, by_telemetry),
    (IdentityRule::Learned, by_learned),
    (IdentityRule::LearnedElsewhere, by_learned_elsewhere),
    (IdentityRule::InboundCluster, by_inbound),
    (IdentityRule::WeightedRoute, by_route),
    (IdentityRule::Grammar, by_grammar),
    (IdentityRule::VersionSuffix, by_version_suffix),
    (IdentityRule::BareName, by_bare_name),
];

fn by_user(identity: &Identity<'_>, asked: &Asked<'_>) -> Option<Target> {
    identity.say_user(NameKind::Cluster, asked.name)
}

fn by_telemetry(_: &Identity<'_>, asked: &Asked<'_>) -> Option<Target> {
    let is_telemetry = |record: &&ProxyRecord| {
        let clusters = &record.config.clusters;
        let at = clusters.binary_search_by(|cluster| cluster.name.as_str().cmp(asked.name));
        at.is_ok_and(|at| clusters[at].telemetry)
    };
    let is_telemetry = asked.records.iter().any(is_telemetry) || grammar::is_of_the_proxy(asked.name);
    is_telemetry.then_some(Target::Telemetry)
}

fn by_learned(identity: &Identity<'_>, asked: &Asked<'_>) -> Option<Target> {
    let found = common(identity.learned.get(&(Cow::Borrowed(asked.caller), asked.name))?)?;
    Some(identity.answered(asked, found))
}

fn by_learned_elsewhere(identity: &Identity<'_>, asked: &Asked<'_>) -> Option<Target> {
    // What this caller's own traces say, though it be of several services, is not known better elsewhere.
    if identity.learned.contains_key(&(Cow::Borrowed(asked.caller), asked.name)) {
        return None;
    }
    Some(identity.answered(asked, common(identity.learned_anywhere.get(asked.name)?)?))
}

fn by_inbound(identity: &Identity<'_>, asked: &Asked<'_>) -> Option<Target> {
    let is_inbound =
        |record: &&ProxyRecord| record.config.inbound_clusters.iter().any(|inbound| inbound == asked.name);
    let comes_back = !identity.gateways.contains(asked.caller) && asked.records.iter().any(is_inbound);
    comes_back.then_some(Target::Itself)
}

fn by_route(identity: &Identity<'_>, asked: &Asked<'_>) -> Option<Target> {
    let (service, version) = identity.target_of_route(asked)?;
    let words = format!("cluster {}: target of a weighted route", asked.name);
    Some(Target::Node(identity.named(&service, &version, ""), words))
}

fn by_grammar(identity: &Identity<'_>, asked: &Asked<'_>) -> Option<Target> {
    let name = read(asked.name, asked)?;
    if name.inbound {
        return Some(Target::Itself);
    }
    let words = format!("cluster {}: name by the grammar of {}", asked.name, name.grammar);
    let (service, version) = match name.version {
        Some(version) => (name.service, version),
        None => identity.known_version(name.service).unwrap_or((name.service, "")),
    };
    Some(Target::Node(identity.named(service, version, name.namespace.unwrap_or_default()), words))
}

fn by_version_suffix(identity: &Identity<'_>, asked: &Asked<'_>) -> Option<Target> {
    let (service, version) = identity.known_version(asked.name)?;
    let words = format!("cluster {}: service and version", asked.name);
    Some(Target::Node(identity.named(service, version, ""), words))
}

#[expect(clippy::unnecessary_wraps, reason = "a rule like the others")]
fn by_bare_name(identity: &Identity<'_>, asked: &Asked<'_>) -> Option<Target> {
    let words = format!("cluster {}: the bare name", asked.name);
    Some(Target::Node(identity.named(asked.name, "", ""), words))
}

/// Reads a name by the known grammars. A proxy of App Mesh says which mesh it is in.
fn read<'n>(name: &'n str, asked: &Asked<'_>) -> Option<ClusterName<'n>> {
    let mesh = asked.records.iter().find_map(|record| grammar::mesh_resource(&record.proxy.id));
    grammar::read(name, mesh.map(|resource| resource.mesh))
}

impl Identity<'_> {
    /// A workload that answered for a cluster, with whether its spans say a version.
    fn answered(&self, asked: &Asked<'_>, (mut known, says_version): (Known<'_>, bool)) -> Target {
        if known.workload.service == asked.caller {
            return Target::Itself;
        }
        if !says_version && let Some(version) = self.configured_version(asked) {
            known.workload.to_mut().version = version;
        }
        let rule = format!("cluster {}: {} answered there", asked.name, known.workload.service);
        Target::Node(self.known(&known), rule)
    }

    /// The version that the configuration and the name of a cluster say.
    fn configured_version(&self, asked: &Asked<'_>) -> Option<String> {
        if let Some((_, version)) = self.target_of_route(asked) {
            return Some(version);
        }
        read(asked.name, asked).and_then(|name| name.version.map(str::to_owned))
    }

    /// The known service and the version that a name holds.
    fn known_version<'n>(&self, name: &'n str) -> Option<(&'n str, &'n str)> {
        grammar::without_version(name).filter(|(service, _)| self.services.contains(*service))
    }

    /// Service and version of a cluster that shares a weighted route with others.
    fn target_of_route(&self, asked: &Asked<'_>) -> Option<(String, String)> {
        let routes = asked.records.iter().flat_map(|record| &record.config.weighted_routes);
        for route in routes.filter(|route| route.targets.iter().any(|(target, _)| target == asked.name)) {
            // A sibling whose service is known gives the name; else what all names begin with.
            let siblings = route.targets.iter().map(|(target, _)| target.as_str());
            let answered = siblings.clone().find_map(|sibling| {
                let of_caller = self.learned.get(&(Cow::Borrowed(asked.caller), sibling));
                let (known, _) = common(of_caller.or_else(|| self.learned_anywhere.get(sibling))?)?;
                Some(Workload::clone(&known.workload).service)
            });
            let (_, version) = service_and_version(asked.name, asked);
            let service = || common_service(siblings.map(|sibling| service_and_version(sibling, asked)));
            if let Some(service) = answered.or_else(service) {
                return Some((service, version.unwrap_or(asked.name).to_owned()));
            }
        }
        None
    }
}

/// Service and version by the name of a target alone: by its grammar, and by what it ends in.
fn service_and_version<'n>(target: &'n str, asked: &Asked<'_>) -> (Option<&'n str>, Option<&'n str>) {
    let name = match read(target, asked) {
        Some(ClusterName { service, version: Some(version), .. }) => return (Some(service), Some(version)),
        Some(name) => name.service,
        None => target,
    };
    grammar::without_version(name).map_or((None, None), |(service, version)| (Some(service), Some(version)))
}

/// The service that all targets of a route name.
fn common_service<'n>(
    mut targets: impl Iterator<Item = (Option<&'n str>, Option<&'n str>)>,
) -> Option<String> {
    let service = targets.next()?.0?;
    targets.all(|(other, _)| other == Some(service)).then(|| service.to_owned())
}

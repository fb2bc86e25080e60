//! What is known of workloads: their names as the user has them, where they are at home, and which are gateways.

use std::borrow::Cow;
use std::collections::BTreeSet;

use foldhash::{HashMap, HashMapExt as _, HashSet};

use crate::api::graph::NodeKind;
use crate::api::identity::NameKind;
use crate::rows::span::Workload;
use crate::store::Directory;

use super::super::rules::{IdentityRules, UserNamed, UserSaid};
use super::Identity;

/// A workload as its spans name it, or as the user's rules rename those.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Known<'a> {
    pub(super) workload: Cow<'a, Workload>,
    /// What it is, where a rule of the user says so.
    pub(super) kind: Option<NodeKind>,
}

impl<'a> Known<'a> {
    pub(super) fn of(rules: &IdentityRules, workload: &'a Workload) -> Self {
        let Some((_, UserSaid::Named(named))) = rules.say(NameKind::Service, &workload.service) else {
            return Self { workload: Cow::Borrowed(workload), kind: None };
        };
        let or = |text: String, other: &String| if text.is_empty() { other.clone() } else { text };
        Self::from(UserNamed {
            version: or(named.version, &workload.version),
            namespace: or(named.namespace, &workload.namespace),
            environment: or(named.environment, &workload.environment),
            ..named
        })
    }

    /// Whether a rule of the user has named it.
    pub(super) const fn is_renamed(&self) -> bool {
        matches!(self.workload, Cow::Owned(_))
    }

    pub(super) fn service(&self) -> Cow<'a, str> {
        match &self.workload {
            Cow::Borrowed(workload) => Cow::Borrowed(&workload.service),
            Cow::Owned(workload) => Cow::Owned(workload.service.clone()),
        }
    }
}

impl From<UserNamed> for Known<'_> {
    fn from(named: UserNamed) -> Self {
        let UserNamed { service, version, namespace, environment, kind } = named;
        Self { workload: Cow::Owned(Workload { service, namespace, version, environment }), kind }
    }
}

/// The name of a service as the user has it.
pub(super) fn service<'a>(rules: &IdentityRules, name: &'a str) -> Cow<'a, str> {
    match rules.say(NameKind::Service, name) {
        Some((_, UserSaid::Named(named))) => Cow::Owned(named.service),
        _ => Cow::Borrowed(name),
    }
}

/// What workloads that answered for one name have in common: one service, and its version where that is one too.
/// Beside it, whether any of them says a version.
pub(super) fn common<'a>(workloads: &BTreeSet<Known<'a>>) -> Option<(Known<'a>, bool)> {
    let mut workloads = workloads.iter();
    let first = workloads.next()?;
    let mut version = first.workload.version.as_str();
    let (mut says_version, mut is_one) = (!version.is_empty(), true);
    for Known { workload, .. } in workloads {
        if workload.service != first.workload.service {
            return None;
        }
        if version.is_empty() {
            version = &workload.version;
        } else if !workload.version.is_empty() && workload.version != version {
            is_one = false;
        }
        says_version |= !workload.version.is_empty();
    }
    let version = if is_one { version } else { "" };
    if version == first.workload.version {
        return Some((first.clone(), says_version));
    }
    let workload = Workload { version: version.to_owned(), ..Workload::clone(&first.workload) };
    Some((Known { workload: Cow::Owned(workload), kind: first.kind }, says_version))
}

/// Namespaces and environments of services.
#[derive(Debug, Default)]
pub(super) struct Homes<'a> {
    /// Those of each service whose spans all agree on one.
    agreed: HashMap<Cow<'a, str>, (String, String)>,
    /// Those of each service that has several.
    several: HashMap<Cow<'a, str>, BTreeSet<(String, String)>>,
}

impl<'a> Homes<'a> {
    pub(super) fn of<'k>(workloads: impl Iterator<Item = &'k Known<'a>>) -> Self
    where
        'a: 'k,
    {
        let mut all: HashMap<Cow<'a, str>, BTreeSet<(String, String)>> = HashMap::new();
        for known in workloads {
            let Workload { namespace, environment, .. } = &*known.workload;
            if !namespace.is_empty() || !environment.is_empty() {
                let homes = all.entry(known.service()).or_default();
                // Most are known already, and looking costs less than copying.
                if !homes.iter().any(|(n, e)| n == namespace && e == environment) {
                    homes.insert((namespace.clone(), environment.clone()));
                }
            }
        }
        let mut homes = Self::default();
        for (service, of_service) in all {
            // The fullest home counts where the others only say less.
            let fullest = of_service.iter().max_by_key(|(namespace, environment)| {
                usize::from(!namespace.is_empty()) + usize::from(!environment.is_empty())
            });
            let Some((namespace, environment)) = fullest.cloned() else { continue };
            let agrees = |(n, e): &(String, String)| {
                (n.is_empty() || *n == namespace) && (e.is_empty() || *e == environment)
            };
            if of_service.iter().all(agrees) {
                homes.agreed.insert(service, (namespace, environment));
            } else {
                homes.several.insert(service, of_service);
            }
        }
        homes
    }

    /// The one home of a service.
    pub(super) fn of_service(&self, service: &str) -> Option<(&str, &str)> {
        self.agreed.get(service).map(|(namespace, environment)| (&**namespace, &**environment))
    }

    /// The home in a namespace of a service that has several homes, where there is but one in it.
    pub(super) fn in_namespace(&self, service: &str, namespace: &str) -> Option<(&str, &str)> {
        let mut there = self.several.get(service)?.iter().filter(|(known, _)| known == namespace);
        match (there.next(), there.next()) {
            (Some((namespace, environment)), None) if !namespace.is_empty() => Some((namespace, environment)),
            _ => None,
        }
    }
}

impl<'a> Identity<'a> {
    /// The services of proxies beside which no application reports, and which hand on what comes in to other services.
    /// A sidecar before an application without spans hands on to that application.
    pub(super) fn find_gateways(&self, directory: &'a Directory) -> HashSet<Cow<'a, str>> {
        let learned = || directory.learned_proxies();
        let name = |proxy: &'a crate::trace::LearnedProxy| service(self.rules, &proxy.workload.service);
        let with_application: HashSet<Cow<'a, str>> =
            learned().filter(|proxy| proxy.has_application).map(name).collect();
        let leads = |found: &BTreeSet<Known<'a>>, caller: &str, itself: bool| {
            found.iter().any(|known| (known.workload.service == caller) == itself)
        };
        let comes_back: HashSet<&str> = self
            .learned
            .iter()
            .filter(|((caller, _), found)| leads(found, caller, true))
            .map(|((caller, _), _)| &**caller)
            .collect();
        let hands_on = |caller: &str, cluster: &str| {
            self.learned
                .get(&(Cow::Borrowed(caller), cluster))
                .is_some_and(|found| leads(found, caller, false))
        };
        learned()
            .map(name)
            .filter(|service| !with_application.contains(service) && !comes_back.contains(&**service))
            .filter(|service| {
                let records = self.records_of(service).iter();
                let mut inbound = records.flat_map(|record| &record.config.inbound_clusters).peekable();
                inbound.peek().is_none() || inbound.any(|cluster| hands_on(service, cluster))
            })
            .collect()
    }
}

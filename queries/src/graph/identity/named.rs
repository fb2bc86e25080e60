//! What the names of services and hosts stand for.

use crate::api::identity::{IdentityRule, NameKind};

use super::{Asked, BY_SPANS, Identity, Rules, Target};

/// The rules for names of services.
pub(in super::super) const SERVICE_RULES: &Rules = &[
    (IdentityRule::User, service_by_user),
    (IdentityRule::Spans, service_by_spans),
    (IdentityRule::BareName, by_bare_name),
];

/// The rules for hosts that spans call.
pub(in super::super) const HOST_RULES: &Rules = &[
    (IdentityRule::User, host_by_user),
    (IdentityRule::HostLabel, host_by_label),
    (IdentityRule::BareName, by_bare_name),
];

fn service_by_user(identity: &Identity<'_>, asked: &Asked<'_>) -> Option<Target> {
    identity.say_user(NameKind::Service, asked.name)
}

fn service_by_spans(identity: &Identity<'_>, asked: &Asked<'_>) -> Option<Target> {
    let is_seen = identity.services.contains(asked.name);
    is_seen.then(|| Target::Node(identity.named(asked.name, "", ""), BY_SPANS.to_owned()))
}

fn host_by_user(identity: &Identity<'_>, asked: &Asked<'_>) -> Option<Target> {
    identity.say_user(NameKind::Host, asked.name)
}

fn host_by_label(identity: &Identity<'_>, asked: &Asked<'_>) -> Option<Target> {
    let label = asked.name.split('.').next()?;
    // A name that ECS Service Connect gives a service leads to it, whatever it calls itself.
    let service = identity.discovery_names.get(label).copied().filter(|_| !identity.services.contains(label));
    match service {
        Some(service) => {
            let node = identity.in_namespace(service, "", "");
            Some(Target::Node(node, "the name that ECS Service Connect gives it".to_owned()))
        }
        None => identity.services.contains(label).then(|| by_callers(identity, label)),
    }
}

#[expect(clippy::unnecessary_wraps, reason = "a rule like the others")]
fn by_bare_name(identity: &Identity<'_>, asked: &Asked<'_>) -> Option<Target> {
    Some(by_callers(identity, asked.name))
}

fn by_callers(identity: &Identity<'_>, name: &str) -> Target {
    Target::Node(identity.named(name, "", ""), "named by its callers' spans".to_owned())
}

//! Which workload a proxy stands before.

use crate::api::graph::NodeKind;
use crate::api::identity::{IdentityRule, NameKind};
use crate::rows::span::Workload;

use super::super::grammar;
use super::known::common;
use super::{Asked, Identity, NodeKey, Rules, Target};

/// The rules for proxies. Those of the user are asked for the `node.id`, then for the `node.cluster`.
pub(in super::super) const PROXY_RULES: &Rules = &[
    (IdentityRule::User, by_user),
    (IdentityRule::LearnedProxy, by_learned),
    (IdentityRule::Grammar, by_grammar),
    (IdentityRule::NodeCluster, by_node_cluster),
    (IdentityRule::BareName, by_node_id),
];

fn by_user(identity: &Identity<'_>, asked: &Asked<'_>) -> Option<Target> {
    let by_cluster = || identity.say_user(NameKind::Proxy, asked.node_cluster);
    identity.say_user(NameKind::Proxy, asked.name).or_else(by_cluster)
}

fn by_learned(identity: &Identity<'_>, asked: &Asked<'_>) -> Option<Target> {
    let (known, _) = common(identity.proxies.get(asked.name)?)?;
    let words = format!("proxy {}: its spans stand beside the application's", asked.name);
    Some(Target::Node(identity.known(&known), words))
}

fn by_grammar(identity: &Identity<'_>, asked: &Asked<'_>) -> Option<Target> {
    let stated = if asked.node_cluster.is_empty() { asked.name } else { asked.node_cluster };
    let resource = grammar::mesh_resource(stated)?;
    let node = proxied(identity, resource.name);
    let kind = if resource.is_gateway { NodeKind::Gateway } else { node.kind };
    let words = format!("proxy {}: name by the grammar of App Mesh", asked.name);
    Some(Target::Node(NodeKey { kind, ..node }, words))
}

fn by_node_cluster(identity: &Identity<'_>, asked: &Asked<'_>) -> Option<Target> {
    let words = || format!("proxy {}: node.cluster", asked.name);
    let is_stated = !asked.node_cluster.is_empty();
    is_stated.then(|| Target::Node(proxied(identity, asked.node_cluster), words()))
}

#[expect(clippy::unnecessary_wraps, reason = "a rule like the others")]
fn by_node_id(identity: &Identity<'_>, asked: &Asked<'_>) -> Option<Target> {
    Some(Target::Node(proxied(identity, asked.name), "a proxy's node id".to_owned()))
}

fn proxied(identity: &Identity<'_>, service: &str) -> NodeKey {
    identity.workload(&Workload { service: service.to_owned(), ..Workload::default() })
}

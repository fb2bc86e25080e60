//! Which nodes the ends of an edge are that a target in Prometheus' format counts, by its labels.

use std::collections::BTreeMap;

use crate::api::graph::NodeKind;
use crate::rows::mesh::{MeshDialect, MeshEdge, MeshReporter, MeshWorkload};

use super::grammar;
use super::identity::{Identity, NodeKey, Target, client};

/// A node with the rule that named it.
type Named = (NodeKey, String);

/// Services and versions of App Mesh's virtual nodes, by their names.
pub(super) type VirtualNodes<'a> = BTreeMap<&'a str, (&'a str, &'a str)>;

/// What the virtual services say of the nodes behind them: those that are called as one virtual service are its versions,
/// as far as their names begin like its name.
pub(super) fn virtual_nodes<'a>(edges: impl Iterator<Item = &'a MeshEdge>) -> VirtualNodes<'a> {
    let mut nodes = VirtualNodes::new();
    for edge in edges.filter(|edge| edge.dialect == MeshDialect::AppMesh) {
        let service = edge.virtual_service.split('.').next().unwrap_or_default();
        // App Mesh's controller for Kubernetes puts the namespace behind the name.
        let node = edge.target.name.split('_').next().unwrap_or_default();
        if service.is_empty() || node.is_empty() {
            continue;
        }
        if node == service {
            nodes.insert(&edge.target.name, (service, ""));
        } else if let Some((name, version)) = grammar::without_version(node)
            && name == service
        {
            nodes.insert(&edge.target.name, (service, version));
        }
    }
    nodes
}

/// The services of ECS behind the names that others discover them by. One that several services have leads to none.
pub(super) type DiscoveryNames<'a> = BTreeMap<&'a str, &'a str>;

/// What CloudWatch's edges say of such names.
pub(super) fn discovery_names<'a>(edges: impl Iterator<Item = &'a MeshEdge>) -> DiscoveryNames<'a> {
    let mut names = DiscoveryNames::new();
    let edges = edges.filter(|edge| edge.dialect == MeshDialect::ServiceConnect);
    for MeshWorkload { name, service, .. } in edges.flat_map(|edge| [&edge.source, &edge.target]) {
        if !name.is_empty() && !service.is_empty() && *names.entry(name).or_insert(service) != service {
            names.insert(name, "");
        }
    }
    names.retain(|_, service| !service.is_empty());
    names
}

impl Identity<'_> {
    /// Both ends of a counted edge; nothing where it counts what another edge counts too, or leads nowhere.
    pub(super) fn counted(&self, edge: &MeshEdge) -> Option<[Named; 2]> {
        if !edge.route.is_empty() {
            // The same requests again, by another order.
            return None;
        }
        match edge.reporter {
            MeshReporter::Source => {
                let source = self.mesh_workload(&edge.source, edge)?;
                let target = self.counted_target(edge, &source.0.name)?;
                Some([source, target])
            }
            MeshReporter::Destination => {
                let target = self.mesh_workload(&edge.target, edge)?;
                // A sidecar does not say who called it unless it is Istio's; what comes in at a gateway comes from outside.
                let source = match self.mesh_workload(&edge.source, edge) {
                    Some(source) => source,
                    None if edge.dialect == MeshDialect::Istio || target.0.kind == NodeKind::Gateway => {
                        (client("client"), "the way in: requests from outside the mesh".to_owned())
                    }
                    None => return None,
                };
                Some([source, target])
            }
        }
    }

    fn counted_target(&self, edge: &MeshEdge, caller: &str) -> Option<Named> {
        if edge.dialect == MeshDialect::Envoy {
            if edge.cluster.is_empty() {
                return None;
            }
            let is_resolved = !edge.target.service.is_empty();
            return match self.cluster(&edge.cluster, caller, None) {
                Target::Node(node, rule) if !is_resolved || !rule.ends_with("the bare name") => {
                    Some((node, rule))
                }
                Target::Node(..) => self.mesh_workload(&edge.target, edge),
                Target::Itself | Target::Telemetry => None,
            };
        }
        let by_virtual_service = || {
            let name = edge.virtual_service.as_str();
            let rule = "the service as its caller named it".to_owned();
            (!name.is_empty()).then(|| (self.named(name, "", ""), rule))
        };
        self.mesh_workload(&edge.target, edge).or_else(by_virtual_service)
    }

    /// What a service of ECS calls itself: its spans and logs say its name or the one that others discover it by.
    fn connected<'w>(&'w self, discovery: &'w str, service: &'w str) -> &'w str {
        let known = self.discovery_names.get(discovery).copied().unwrap_or_default();
        let service = if service.is_empty() { known } else { service };
        let fallback = if service.is_empty() { discovery } else { service };
        [service, discovery].into_iter().find(|name| self.reports(name)).unwrap_or(fallback)
    }

    fn mesh_workload(&self, workload: &MeshWorkload, edge: &MeshEdge) -> Option<Named> {
        let MeshWorkload { name, namespace, service, version } = workload;
        let labels = match edge.dialect {
            MeshDialect::Envoy => "labels of its metrics",
            MeshDialect::AppMesh => "labels of App Mesh's metrics",
            MeshDialect::Istio => "labels of Istio's metrics",
            MeshDialect::ServiceConnect => "the ECS service that CloudWatch names",
        };
        let (service, version, rule) = match self.virtual_nodes.get(name.as_str()) {
            Some((service, version)) if edge.dialect == MeshDialect::AppMesh => {
                (*service, *version, format!("virtual node {name}: behind a virtual service of its name"))
            }
            _ if edge.dialect == MeshDialect::ServiceConnect => {
                (self.connected(name, service), version.as_str(), labels.to_owned())
            }
            _ if !service.is_empty() => (service.as_str(), version.as_str(), labels.to_owned()),
            _ => (name.as_str(), version.as_str(), labels.to_owned()),
        };
        (!service.is_empty()).then(|| (self.in_namespace(service, version, namespace), rule))
    }
}

#[cfg(test)]
mod tests;

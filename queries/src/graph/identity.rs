//! Which node a proxy, a cluster or a span is. For each kind of name there is one ordered list of rules, of which the
//! first that says something decides; the rule that decided is kept and shown. `docs/graph.md` says why they stand in
//! this order.

mod cluster;
mod known;
mod named;
mod proxy;

use std::borrow::Cow;
use std::collections::BTreeSet;

use foldhash::{HashMap, HashMapExt as _, HashSet};

use crate::api::graph::NodeKind;
use crate::api::identity::{IdentityRule, NameKind};
use crate::rows::mesh::{MeshDialect, MeshEdge, MeshReporter, MeshWorkload};
use crate::rows::span::{Peer, PeerKind, Workload};
use crate::store::{Directory, ProxyRecord};
use crate::trace::Endpoint;

use super::counted::{DiscoveryNames, VirtualNodes, discovery_names, virtual_nodes};
use super::rules::{IdentityRules, UserRule, UserSaid};
use known::{Homes, Known};

pub(super) use cluster::CLUSTER_RULES;
pub(super) use named::{HOST_RULES, SERVICE_RULES};
pub(super) use proxy::PROXY_RULES;

/// How the rule that reads spans begins; it stands before all others of the same node.
pub(super) const BY_SPANS: &str = "named by its spans";

/// A node of the graph, before it is known whether versions are told apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct NodeKey {
    pub(super) kind: NodeKind,
    pub(super) name: String,
    pub(super) namespace: String,
    pub(super) environment: String,
    pub(super) version: String,
    pub(super) system: String,
}

/// Where a name leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// To a node, by a rule in words.
    Node(NodeKey, String),
    /// Back to the service the proxy stands before.
    Itself,
    /// Out of the mesh's traffic: to a collector or a control plane, or to what the user has us ignore.
    Telemetry,
}

/// A name that is to be resolved.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Asked<'q> {
    /// The name: a cluster, `node.id` of a proxy, a service, a host.
    pub(super) name: &'q str,
    /// Of a cluster: the service that the proxy stands before.
    pub(super) caller: &'q str,
    /// Of a cluster: the proxies that may have it.
    pub(super) records: &'q [&'q ProxyRecord],
    /// Of a proxy: its `node.cluster`.
    pub(super) node_cluster: &'q str,
}

/// A rule: where it says that a name leads, if it says anything.
pub(super) type Rule = fn(&Identity<'_>, &Asked<'_>) -> Option<Target>;
/// Rules in their order.
pub(super) type Rules = [(IdentityRule, Rule)];

/// The rules with everything they look at.
pub(super) struct Identity<'a> {
    rules: &'a IdentityRules,
    homes: Homes<'a>,
    /// Workloads by the caller and the cluster that led to them.
    learned: HashMap<(Cow<'a, str>, &'a str), BTreeSet<Known<'a>>>,
    /// Workloads other than the caller by the cluster that led to them from anywhere.
    learned_anywhere: HashMap<&'a str, BTreeSet<Known<'a>>>,
    /// Workloads by the node id of the proxies that stand before them.
    proxies: HashMap<&'a str, BTreeSet<Known<'a>>>,
    /// Services that are proxies with no application behind them.
    gateways: HashSet<Cow<'a, str>>,
    /// Every service that reports for itself.
    services: HashSet<Cow<'a, str>>,
    /// The scraped proxies by the service that their `node.cluster` names.
    records: HashMap<Cow<'a, str>, Vec<&'a ProxyRecord>>,
    /// What is known of App Mesh's virtual nodes.
    pub(super) virtual_nodes: VirtualNodes<'a>,
    /// What is known of names that services of ECS are discovered by.
    pub(super) discovery_names: DiscoveryNames<'a>,
}

impl<'a> Identity<'a> {
    /// The rules over what is known, where `seen` are the workloads that the range's rollups name, and `counted` the edges.
    pub(super) fn new(
        directory: &'a Directory,
        rules: &'a IdentityRules,
        seen: &[&'a Workload],
        counted: impl Iterator<Item = &'a MeshEdge> + Clone,
    ) -> Self {
        let mut identity = Self {
            rules,
            homes: Homes::default(),
            learned: HashMap::new(),
            learned_anywhere: HashMap::new(),
            proxies: HashMap::new(),
            gateways: HashSet::default(),
            services: HashSet::default(),
            records: HashMap::new(),
            virtual_nodes: virtual_nodes(counted.clone()),
            discovery_names: discovery_names(counted.clone()),
        };
        // Whoever counts stands in the mesh. What CloudWatch calls a service may have another name of its own.
        let own = counted.filter(|edge| edge.dialect != MeshDialect::ServiceConnect).map(|edge| {
            match edge.reporter {
                MeshReporter::Source => &edge.source,
                MeshReporter::Destination => &edge.target,
            }
        });
        let service = |own: &'a MeshWorkload| {
            identity.virtual_nodes.get(own.name.as_str()).map_or_else(|| own.called(), |node| node.0)
        };
        let own: Vec<&'a str> = own.map(service).filter(|service| !service.is_empty()).collect();
        identity.services.extend(own.into_iter().map(|service| known::service(rules, service)));
        let seen: Vec<Known<'a>> = seen.iter().map(|workload| Known::of(rules, workload)).collect();
        identity.services.extend(seen.iter().map(Known::service));
        for cluster in directory.learned_clusters() {
            let known = Known::of(rules, &cluster.workload);
            let caller = known::service(rules, &cluster.caller);
            // That one service's cluster leads back to it says nothing of another's cluster of the same name.
            if known.workload.service != *caller {
                identity.learned_anywhere.entry(&cluster.cluster).or_default().insert(known.clone());
            }
            identity.learned.entry((caller, &cluster.cluster)).or_default().insert(known);
        }
        for proxy in directory.learned_proxies() {
            let known = Known::of(rules, &proxy.workload);
            identity.services.insert(known.service());
            identity.proxies.entry(&proxy.node_id).or_default().insert(known);
        }
        let mut stated = Vec::new();
        for record in directory.proxies().values() {
            let proxy = &record.proxy;
            let said = |name| rules.say(NameKind::Proxy, name);
            let service = match said(&proxy.id).or_else(|| said(&proxy.cluster)) {
                Some((_, UserSaid::Named(named))) => {
                    let known = Known::from(named);
                    stated.push(known.clone());
                    known.service()
                }
                _ => known::service(rules, &proxy.cluster),
            };
            identity.records.entry(service).or_default().push(record);
        }
        identity.gateways = identity.find_gateways(directory);
        identity.homes = Homes::of(seen.iter().chain(identity.proxies.values().flatten()).chain(&stated));
        identity
    }

    /// With further services that report for themselves.
    pub(super) fn with_services(mut self, services: impl Iterator<Item = &'a str>) -> Self {
        let rules = self.rules;
        self.services.extend(services.map(|service| known::service(rules, service)));
        self
    }

    /// A service of the mesh that says its namespace itself.
    pub(super) fn in_namespace(&self, service: &str, version: &str, namespace: &str) -> NodeKey {
        self.workload(&Workload {
            service: service.to_owned(),
            version: version.to_owned(),
            namespace: namespace.to_owned(),
            environment: String::new(),
        })
    }

    /// The node of a workload. What it does not say of its namespace and environment, its service's other spans do.
    pub(super) fn workload(&self, workload: &Workload) -> NodeKey {
        self.known(&Known::of(self.rules, workload))
    }

    /// The node of a workload that has its final name.
    fn known(&self, known: &Known<'_>) -> NodeKey {
        let workload = &*known.workload;
        let (namespace, environment) = self
            .homes
            .of_service(&workload.service)
            .unwrap_or((workload.namespace.as_str(), workload.environment.as_str()));
        let gateway = self.gateways.contains(workload.service.as_str());
        NodeKey {
            kind: known.kind.unwrap_or(if gateway { NodeKind::Gateway } else { NodeKind::Service }),
            name: workload.service.clone(),
            namespace: namespace.to_owned(),
            environment: environment.to_owned(),
            version: workload.version.clone(),
            system: String::new(),
        }
    }

    /// A service of which only the name and perhaps version and namespace are known.
    pub(super) fn named(&self, service: &str, version: &str, namespace: &str) -> NodeKey {
        let workload =
            Workload { service: service.to_owned(), version: version.to_owned(), ..Workload::default() };
        let known = Known::of(self.rules, &workload);
        let node = self.known(&known);
        if known.kind.is_some() {
            return node;
        }
        let is_known = self.is_known(&node.name);
        let own_namespace = !node.namespace.is_empty() || known.is_renamed();
        let (namespace, environment) = match self.homes.in_namespace(&node.name, namespace) {
            Some(home) if !own_namespace => home,
            // Of what nobody knows otherwise, two in different namespaces are two.
            None if !own_namespace && !is_known => (namespace, ""),
            _ => (&*node.namespace, &*node.environment),
        };
        let kind = if is_known { node.kind } else { NodeKind::External };
        NodeKey { namespace: namespace.to_owned(), environment: environment.to_owned(), kind, ..node }
    }

    /// Whether a service of this name, or as the user renames it, reports for itself, or a proxy for it.
    pub(super) fn reports(&self, name: &str) -> bool {
        !name.is_empty() && self.is_known(&known::service(self.rules, name))
    }

    /// Whether a service reports for itself, or a proxy for it.
    fn is_known(&self, service: &str) -> bool {
        self.services.contains(service) || self.records.contains_key(service)
    }

    /// Where the user's rules say that a name leads.
    fn say_user(&self, kind: NameKind, name: &str) -> Option<Target> {
        let (rule, said) = self.rules.say(kind, name)?;
        Some(self.target_of_user((kind, name), rule, said))
    }

    /// Where a rule of the user says that a name leads.
    pub(super) fn target_of_user(
        &self,
        (kind, name): (NameKind, &str),
        rule: &UserRule,
        said: UserSaid,
    ) -> Target {
        let UserSaid::Named(named) = said else { return Target::Telemetry };
        let words = format!("{} {name}: {}", kind.word(), rule.words());
        // Whoever has a proxy is part of the mesh.
        let is_known = kind == NameKind::Proxy || named.kind.is_some() || self.is_known(&named.service);
        let (namespace, environment) = (named.namespace.clone(), named.environment.clone());
        let node = self.known(&Known::from(named));
        let or = |text: String, other: String| if text.is_empty() { other } else { text };
        let node = NodeKey {
            kind: if is_known { node.kind } else { NodeKind::External },
            namespace: or(namespace, node.namespace),
            environment: or(environment, node.environment),
            ..node
        };
        Target::Node(node, words)
    }

    /// The node of one end of an edge that traces saw, for the caller of this name.
    pub(super) fn endpoint(&self, endpoint: &Endpoint, caller: &str) -> Target {
        match endpoint {
            Endpoint::Client => {
                Target::Node(client("client"), "the way in: requests without a calling span".to_owned())
            }
            Endpoint::Unknown => {
                Target::Node(client("unknown caller"), "the calling spans did not arrive".to_owned())
            }
            Endpoint::Workload(workload) => match self.rules.say(NameKind::Service, &workload.service) {
                None => Target::Node(self.workload(workload), BY_SPANS.to_owned()),
                Some((_, UserSaid::Ignored)) => Target::Telemetry,
                Some((rule, UserSaid::Named(_))) => {
                    let words = format!("{BY_SPANS}, as {} says", rule.words());
                    Target::Node(self.workload(workload), words)
                }
            },
            Endpoint::Peer(peer) => self.peer(peer),
            Endpoint::Cluster(cluster) => self.cluster(cluster, &known::service(self.rules, caller), None),
        }
    }

    fn peer(&self, peer: &Peer) -> Target {
        let by_callers = |node| Target::Node(node, "named by its callers' spans".to_owned());
        let asked = Asked { name: &peer.name, ..Asked::default() };
        let kind = match peer.kind {
            PeerKind::Database => NodeKind::Database,
            PeerKind::Queue => NodeKind::Queue,
            PeerKind::Service => {
                let target = self.say_user(NameKind::Service, &peer.name);
                return target.unwrap_or_else(|| by_callers(self.named(&peer.name, "", "")));
            }
            PeerKind::Host => return self.first(HOST_RULES, &asked),
        };
        by_callers(NodeKey { kind, system: peer.system.clone(), ..plain(&peer.name) })
    }

    /// The workload that a proxy stands before.
    pub(super) fn proxy(&self, record: &ProxyRecord) -> (NodeKey, String) {
        self.proxy_of(&record.proxy.id, &record.proxy.cluster)
    }

    /// The workload that a proxy stands before, by its `node.id` and `node.cluster`.
    pub(super) fn proxy_of(&self, id: &str, cluster: &str) -> (NodeKey, String) {
        let asked = Asked { name: id, node_cluster: cluster, ..Asked::default() };
        match self.first(PROXY_RULES, &asked) {
            Target::Node(node, words) => (node, words),
            Target::Itself | Target::Telemetry => (plain(id), String::new()),
        }
    }

    /// Where a cluster leads that the proxy of this caller knows.
    pub(super) fn cluster(&self, cluster: &str, caller: &str, record: Option<&ProxyRecord>) -> Target {
        let records = match &record {
            Some(record) => std::slice::from_ref(record),
            None => self.records_of(caller),
        };
        self.first(CLUSTER_RULES, &Asked { name: cluster, caller, records, ..Asked::default() })
    }

    /// The proxies that stand before a service as they are configured.
    pub(super) fn records_of(&self, service: &str) -> &[&'a ProxyRecord] {
        self.records.get(service).map_or(&[], Vec::as_slice)
    }

    /// What the first rule says that says anything.
    fn first(&self, rules: &Rules, asked: &Asked<'_>) -> Target {
        let found = rules.iter().find_map(|(_, rule)| rule(self, asked));
        found.unwrap_or_else(|| Target::Node(plain(asked.name), String::new()))
    }
}

fn plain(name: &str) -> NodeKey {
    NodeKey {
        kind: NodeKind::External,
        name: name.to_owned(),
        namespace: String::new(),
        environment: String::new(),
        version: String::new(),
        system: String::new(),
    }
}

/// A caller from outside.
pub(super) fn client(name: &str) -> NodeKey {
    NodeKey { kind: NodeKind::Client, ..plain(name) }
}

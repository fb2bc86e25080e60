//! Which node a proxy, a cluster or a span is: one ordered list of rules. The rule that decided is kept and shown.
//!
//! 1. What spans say of themselves: `service.name`, `service.version`, `service.namespace`.
//! 2. Learned from traces: the workload whose span answered below a proxy's span ties the proxy's cluster to it, and a
//!    proxy whose spans stand beside an application's belongs to that application.
//! 3. Route configuration: the targets of one weighted route are versions of one service.
//! 4. Names with a known grammar.
//! 5. `node.cluster`, by custom the service that a proxy stands before.
//! 6. The bare name.

use std::collections::{BTreeMap, BTreeSet};

use foldhash::{HashMap, HashMapExt as _};

use crate::api::graph::NodeKind;
use crate::rows::envoy::ClusterConfig;
use crate::rows::mesh::{MeshEdge, MeshReporter};
use crate::rows::span::{Peer, PeerKind, Workload};
use crate::store::{Directory, ProxyRecord};
use crate::trace::Endpoint;

use super::counted::{VirtualNodes, virtual_nodes};
use super::grammar;

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

/// Where a cluster of a proxy leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// To a node, by a rule in words.
    Node(NodeKey, String),
    /// Back to the service the proxy stands before.
    Itself,
    /// Out of the mesh's traffic: to a collector or a control plane.
    Telemetry,
}

/// The rules with everything they look at.
pub(super) struct Identity<'a> {
    directory: &'a Directory,
    /// Namespace and environment of each service name, where all its spans agree on one.
    homes: HashMap<&'a str, (String, String)>,
    /// Workloads by the caller and the cluster that led to them.
    learned: HashMap<(&'a str, &'a str), BTreeSet<&'a Workload>>,
    /// Workloads by the cluster that led to them from anywhere.
    learned_anywhere: HashMap<&'a str, BTreeSet<&'a Workload>>,
    /// Workloads by the node id of the proxies that stand before them.
    proxies: HashMap<&'a str, BTreeSet<&'a Workload>>,
    /// Services that are proxies with no application behind them.
    gateways: BTreeSet<&'a str>,
    /// Every service that reports for itself.
    services: BTreeSet<&'a str>,
    /// What is known of App Mesh's virtual nodes.
    pub(super) virtual_nodes: VirtualNodes<'a>,
}

impl<'a> Identity<'a> {
    /// The rules over what is known, where `seen` are the workloads that the range's rollups name, and `counted` the edges.
    pub(super) fn new(
        directory: &'a Directory,
        seen: &[&'a Workload],
        counted: impl Iterator<Item = &'a MeshEdge> + Clone,
    ) -> Self {
        let mut identity = Self {
            directory,
            homes: HashMap::new(),
            learned: HashMap::new(),
            learned_anywhere: HashMap::new(),
            proxies: HashMap::new(),
            gateways: BTreeSet::new(),
            services: seen.iter().map(|workload| workload.service.as_str()).collect(),
            virtual_nodes: virtual_nodes(counted.clone()),
        };
        // Whoever counts stands in the mesh.
        let own = counted.map(|edge| match edge.reporter {
            MeshReporter::Source => &edge.source,
            MeshReporter::Destination => &edge.target,
        });
        let own = own.map(|own| {
            identity.virtual_nodes.get(own.name.as_str()).map_or_else(|| own.called(), |node| node.0)
        });
        identity.services.extend(own.filter(|service| !service.is_empty()).collect::<Vec<_>>());
        for cluster in directory.learned_clusters() {
            let workload = &*cluster.workload;
            identity.learned.entry((&cluster.caller, &cluster.cluster)).or_default().insert(workload);
            identity.learned_anywhere.entry(&cluster.cluster).or_default().insert(workload);
        }
        for proxy in directory.learned_proxies() {
            identity.proxies.entry(&proxy.node_id).or_default().insert(&proxy.workload);
            identity.services.insert(&proxy.workload.service);
        }
        identity.gateways = identity.find_gateways();
        let mut homes: BTreeMap<&str, BTreeSet<(&str, &str)>> = BTreeMap::new();
        for workload in seen.iter().copied().chain(identity.proxies.values().flatten().copied()) {
            if !workload.namespace.is_empty() || !workload.environment.is_empty() {
                let home = (workload.namespace.as_str(), workload.environment.as_str());
                homes.entry(&workload.service).or_default().insert(home);
            }
        }
        for (service, homes) in homes {
            // The fullest home counts where the others only say less.
            let fullest = homes.iter().max_by_key(|(namespace, environment)| {
                usize::from(!namespace.is_empty()) + usize::from(!environment.is_empty())
            });
            if let Some(&(namespace, environment)) = fullest
                && homes
                    .iter()
                    .all(|(n, e)| (n.is_empty() || *n == namespace) && (e.is_empty() || *e == environment))
            {
                identity.homes.insert(service, (namespace.to_owned(), environment.to_owned()));
            }
        }
        identity
    }

    /// With further services that report for themselves.
    pub(super) fn with_services(mut self, services: impl Iterator<Item = &'a str>) -> Self {
        self.services.extend(services);
        self
    }

    /// The services of proxies beside which no application reports, and which hand on what comes in to other services.
    /// A sidecar before an application without spans hands on to that application.
    fn find_gateways(&self) -> BTreeSet<&'a str> {
        let leads_to = |caller: &str, cluster: &str, itself: bool| {
            let workloads = self.learned.get(&(caller, cluster));
            workloads.is_some_and(|found| found.iter().any(|workload| (workload.service == caller) == itself))
        };
        let mut services: BTreeSet<&'a str> =
            self.directory.learned_proxies().map(|proxy| proxy.workload.service.as_str()).collect();
        for proxy in self.directory.learned_proxies().filter(|proxy| proxy.has_application) {
            services.remove(proxy.workload.service.as_str());
        }
        services.retain(|service| {
            let comes_back = self
                .learned
                .keys()
                .any(|(caller, cluster)| caller == service && leads_to(caller, cluster, true));
            let mut inbound = self
                .directory
                .proxies()
                .values()
                .filter(|record| record.proxy.cluster == **service)
                .flat_map(|record| &record.config.inbound_clusters)
                .peekable();
            let unknown = inbound.peek().is_none();
            !comes_back && (unknown || inbound.any(|cluster| leads_to(service, cluster, false)))
        });
        services
    }

    /// The node of a workload. What it does not say of its namespace and environment, its service's other spans do.
    pub(super) fn workload(&self, workload: &Workload) -> NodeKey {
        let (namespace, environment) = self
            .homes
            .get(workload.service.as_str())
            .cloned()
            .unwrap_or_else(|| (workload.namespace.clone(), workload.environment.clone()));
        let gateway = self.gateways.contains(workload.service.as_str());
        NodeKey {
            kind: if gateway { NodeKind::Gateway } else { NodeKind::Service },
            name: workload.service.clone(),
            namespace,
            environment,
            version: workload.version.clone(),
            system: String::new(),
        }
    }

    /// A service of which only the name and perhaps the version are known.
    pub(super) fn named(&self, service: &str, version: &str) -> NodeKey {
        let workload =
            Workload { service: service.to_owned(), version: version.to_owned(), ..Workload::default() };
        let known = self.services.contains(service)
            || self.directory.proxies().values().any(|record| record.proxy.cluster == service);
        let node = self.workload(&workload);
        if known { node } else { NodeKey { kind: NodeKind::External, ..node } }
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

    /// Whether a node is a proxy with no application behind it.
    pub(super) fn is_gateway(&self, node: &NodeKey) -> bool {
        node.kind == NodeKind::Gateway
    }

    /// The node of one end of an edge that traces saw, for the caller of this name.
    pub(super) fn endpoint(&self, endpoint: &Endpoint, caller: &str) -> Target {
        let by_span = |node| Target::Node(node, "named by its spans".to_owned());
        match endpoint {
            Endpoint::Client => {
                Target::Node(client("client"), "the way in: requests without a calling span".to_owned())
            }
            Endpoint::Unknown => {
                Target::Node(client("unknown caller"), "the calling spans did not arrive".to_owned())
            }
            Endpoint::Workload(workload) => by_span(self.workload(workload)),
            Endpoint::Peer(peer) => Target::Node(self.peer(peer), "named by its callers' spans".to_owned()),
            Endpoint::Cluster(cluster) => self.cluster(cluster, caller, None),
        }
    }

    fn peer(&self, peer: &Peer) -> NodeKey {
        let kind = match peer.kind {
            PeerKind::Database => NodeKind::Database,
            PeerKind::Queue => NodeKind::Queue,
            PeerKind::Service => return self.named(&peer.name, ""),
            PeerKind::Host => {
                let label = peer.name.split('.').next().unwrap_or(&peer.name);
                return self.named(if self.services.contains(label) { label } else { &peer.name }, "");
            }
        };
        NodeKey { kind, system: peer.system.clone(), ..plain(&peer.name) }
    }

    /// The workload that a proxy stands before.
    pub(super) fn proxy(&self, record: &ProxyRecord) -> (NodeKey, String) {
        self.proxy_of(&record.proxy.id, &record.proxy.cluster)
    }

    /// The workload that a proxy stands before, by its `node.id` and `node.cluster`.
    pub(super) fn proxy_of(&self, id: &str, cluster: &str) -> (NodeKey, String) {
        if let Some(workloads) = self.proxies.get(id)
            && let Some(workload) = common(workloads)
        {
            return (
                self.workload(&workload),
                format!("proxy {id}: its spans stand beside the application's"),
            );
        }
        if !cluster.is_empty() {
            return (self.proxied(cluster), format!("proxy {id}: node.cluster"));
        }
        (self.proxied(id), "a proxy's node id".to_owned())
    }

    fn proxied(&self, service: &str) -> NodeKey {
        self.workload(&Workload { service: service.to_owned(), ..Workload::default() })
    }

    /// Where a cluster leads that the proxy of this caller knows.
    pub(super) fn cluster(&self, cluster: &str, caller: &str, record: Option<&ProxyRecord>) -> Target {
        let config = record.map(|record| &record.config);
        let telemetry = |known: &ClusterConfig| known.telemetry && known.name == cluster;
        if config.is_some_and(|config| config.clusters.iter().any(telemetry))
            || grammar::is_of_the_proxy(cluster)
        {
            return Target::Telemetry;
        }
        let learned = self.learned.get(&(caller, cluster)).or_else(|| self.learned_anywhere.get(cluster));
        if let Some(workload) = learned.and_then(common) {
            if workload.service == caller {
                return Target::Itself;
            }
            let rule = format!("cluster {cluster}: {} answered there", workload.service);
            return Target::Node(self.workload(&workload), rule);
        }
        let inbound =
            |record: &ProxyRecord| record.config.inbound_clusters.iter().any(|inbound| inbound == cluster);
        if !self.gateways.contains(caller) && self.records_of(caller, record).any(inbound) {
            return Target::Itself;
        }
        if let Some((service, version)) = self.by_route(cluster, caller, record) {
            return Target::Node(
                self.named(&service, &version),
                format!("cluster {cluster}: target of a weighted route"),
            );
        }
        if let Some(name) = grammar::read(cluster) {
            if name.inbound {
                return Target::Itself;
            }
            let rule = format!("cluster {cluster}: name by the grammar of {}", name.grammar);
            return Target::Node(self.named(name.service, name.version.unwrap_or_default()), rule);
        }
        if let Some((service, version)) = grammar::without_version(cluster)
            && self.services.contains(service)
        {
            return Target::Node(
                self.named(service, version),
                format!("cluster {cluster}: service and version"),
            );
        }
        Target::Node(self.named(cluster, ""), format!("cluster {cluster}: the bare name"))
    }

    /// The proxies of a caller: the one that is asked about, or all that stand before a service of this name.
    fn records_of<'b>(
        &'b self,
        caller: &'b str,
        record: Option<&'b ProxyRecord>,
    ) -> impl Iterator<Item = &'b ProxyRecord> {
        let of_caller = move |known: &&ProxyRecord| match record {
            Some(record) => record.proxy.id == known.proxy.id,
            None => known.proxy.cluster == caller,
        };
        self.directory.proxies().values().filter(of_caller)
    }

    /// Service and version of a cluster that shares a weighted route with others.
    fn by_route(
        &self,
        cluster: &str,
        caller: &str,
        record: Option<&ProxyRecord>,
    ) -> Option<(String, String)> {
        let routes = self.records_of(caller, record).flat_map(|record| &record.config.weighted_routes);
        for route in routes.filter(|route| route.targets.iter().any(|(target, _)| target == cluster)) {
            // A sibling whose service is known gives the name; else what all names begin with.
            let siblings = route.targets.iter().map(|(target, _)| target.as_str());
            let answered = siblings.clone().find_map(|sibling| {
                let workloads =
                    self.learned.get(&(caller, sibling)).or_else(|| self.learned_anywhere.get(sibling));
                workloads.and_then(common).map(|workload| workload.service)
            });
            let version = grammar::without_version(cluster).map_or(cluster, |(_, version)| version);
            if let Some(service) = answered.or_else(|| common_prefix(siblings)) {
                return Some((service, version.to_owned()));
            }
        }
        None
    }
}

/// What workloads that answered for one name have in common: one service, and its version where that is one too.
fn common(workloads: &BTreeSet<&Workload>) -> Option<Workload> {
    let mut workloads = workloads.iter();
    let mut common = Workload::clone(workloads.next()?);
    for workload in workloads {
        if workload.service != common.service {
            return None;
        }
        if common.version.is_empty() {
            common.version.clone_from(&workload.version);
        } else if !workload.version.is_empty() && workload.version != common.version {
            return Some(Workload { version: String::new(), ..common });
        }
    }
    Some(common)
}

/// The name that versions of one service begin with, without the separator behind it.
fn common_prefix<'a>(names: impl Iterator<Item = &'a str>) -> Option<String> {
    let mut services = names.map(|name| grammar::without_version(name).map(|(service, _)| service));
    let first = services.next()??;
    services.all(|service| service == Some(first)).then(|| first.to_owned())
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

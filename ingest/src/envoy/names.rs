//! From names of statistics back to the names of what they count.
//!
//! Names of clusters, connection managers and virtual hosts hold dots, and statistics are dotted paths, so a path alone
//! does not say where the name ends. The configuration's names do; `stats::place` falls back on the dictionary.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::LazyLock;

use sidecarta_queries::rows::envoy::StatObject;

/// What `internal` and `external` have in common.
pub(super) const COPIES_END: &str = "ternal";

/// The configured names, by the form that they take in statistics.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    clusters: BTreeMap<String, String>,
    listeners: HashMap<String, String>,
    virtual_hosts: HashMap<String, String>,
}

impl Names {
    /// None: the configuration is not known.
    pub(super) fn none() -> &'static Self {
        static NONE: LazyLock<Names> = LazyLock::new(Names::default);
        &NONE
    }

    /// Tells of a cluster: its name and the name it counts under, which is `alt_stat_name` where that is set.
    pub fn add_cluster(&mut self, name: &str, counted_as: &str) {
        let stat_name = as_in_statistics(counted_as);
        self.clusters
            .entry(stat_name.clone())
            // Clusters that count under one name cannot be told apart; only that name is true of their sum.
            .and_modify(|known| {
                if known != name {
                    *known = stat_name;
                }
            })
            .or_insert_with(|| name.to_owned());
    }

    /// Tells of a connection manager's `stat_prefix`.
    pub fn add_listener(&mut self, prefix: &str) {
        self.listeners.insert(as_in_statistics(prefix), prefix.to_owned());
    }

    /// Tells of a virtual host.
    pub fn add_virtual_host(&mut self, name: &str) {
        self.virtual_hosts.insert(as_in_statistics(name), name.to_owned());
    }

    /// Whether a cluster counts under this name.
    pub fn has_cluster(&self, stat_name: &str) -> bool {
        self.clusters.contains_key(stat_name)
    }

    /// Whether a cluster counts under this name, and none under a longer one that goes on behind a dot.
    pub fn is_whole_cluster(&self, stat_name: &str) -> bool {
        let longer = format!("{stat_name}.");
        let next = self.clusters.range::<str, _>((Bound::Included(longer.as_str()), Bound::Unbounded)).next();
        self.has_cluster(stat_name) && next.is_none_or(|(name, _)| !name.starts_with(&longer))
    }

    /// Whether the name of a cluster ends like the names of Envoy's copies by origin, `internal` and `external`.
    pub fn has_cluster_like_copies(&self) -> bool {
        self.clusters.keys().any(|name| name.ends_with(COPIES_END))
    }

    /// Whether a connection manager counts under this name.
    pub fn has_listener(&self, stat_prefix: &str) -> bool {
        self.listeners.contains_key(stat_prefix)
    }

    /// Whether a virtual host counts under this name.
    pub fn has_virtual_host(&self, stat_name: &str) -> bool {
        self.virtual_hosts.contains_key(stat_name)
    }

    /// The object by the names of the configuration, as far as they are known.
    pub fn configured(&self, object: &StatObject) -> StatObject {
        let name = |names: &HashMap<String, String>, stat_name: &String| {
            names.get(stat_name).unwrap_or(stat_name).clone()
        };
        let cluster_name = |stat_name: &String| self.clusters.get(stat_name).unwrap_or(stat_name).clone();
        match object {
            StatObject::Cluster(cluster) => StatObject::Cluster(cluster_name(cluster)),
            StatObject::Zone { cluster, from, to } => {
                StatObject::Zone { cluster: cluster_name(cluster), from: from.clone(), to: to.clone() }
            }
            StatObject::Endpoint { cluster, address } => {
                StatObject::Endpoint { cluster: cluster_name(cluster), address: address.clone() }
            }
            StatObject::Route { virtual_host, name: route } => StatObject::Route {
                virtual_host: name(&self.virtual_hosts, virtual_host),
                name: route.clone(),
            },
            StatObject::VirtualCluster { virtual_host, name: cluster } => StatObject::VirtualCluster {
                virtual_host: name(&self.virtual_hosts, virtual_host),
                name: cluster.clone(),
            },
            StatObject::Manager(prefix) => StatObject::Manager(name(&self.listeners, prefix)),
            StatObject::Listener(_) | StatObject::Server => object.clone(),
        }
    }
}

/// How Envoy writes a name into the path of a statistic.
fn as_in_statistics(name: &str) -> String {
    name.replace("://", "_").replace(":/", "_").replace([':', '\0'], "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(name: &str) -> StatObject {
        StatObject::Cluster(name.to_owned())
    }

    #[test]
    fn dotted_names_stay_whole() {
        let mut names = Names::default();
        names.add_cluster("orders.shop.svc.cluster.local:80", "orders.shop.svc.cluster.local:80");
        assert!(names.has_cluster("orders.shop.svc.cluster.local_80"));
        assert_eq!(
            names.configured(&cluster("orders.shop.svc.cluster.local_80")),
            cluster("orders.shop.svc.cluster.local:80")
        );
        assert_eq!(names.configured(&cluster("never.heard.of")), cluster("never.heard.of"));
    }

    #[test]
    fn a_name_is_whole_where_no_other_goes_on_behind_it() {
        let mut names = Names::default();
        for name in ["orders", "orders-v2", "orders.v2", "payments", "payments_v2"] {
            names.add_cluster(name, name);
        }
        let whole = |name| names.is_whole_cluster(name);
        assert!(whole("orders-v2") && whole("orders.v2") && whole("payments") && whole("payments_v2"));
        assert!(!whole("orders"), "it may be the beginning of orders.v2");
        assert!(!whole("pay") && !whole("payments.v2"), "there is none of this name");
        assert!(!names.has_cluster_like_copies());
        names.add_cluster("orders.shop.internal", "orders.shop.internal");
        assert!(names.has_cluster_like_copies());
    }

    #[test]
    fn an_alternative_name_leads_back_unless_it_is_shared() {
        let mut names = Names::default();
        names.add_cluster("orders_v1_blue", "orders_v1");
        assert_eq!(names.configured(&cluster("orders_v1")), cluster("orders_v1_blue"));
        names.add_cluster("orders_v1_green", "orders_v1");
        assert_eq!(names.configured(&cluster("orders_v1")), cluster("orders_v1"));
    }

    #[test]
    fn connection_managers_and_virtual_hosts_get_their_colons_back() {
        let mut names = Names::default();
        names.add_listener("in:bound");
        names.add_virtual_host("shop.example.com:80");
        let manager = |prefix: &str| StatObject::Manager(prefix.to_owned());
        assert_eq!(names.configured(&manager("in_bound")), manager("in:bound"));
        let route = |host: &str| StatObject::Route { virtual_host: host.to_owned(), name: "r".to_owned() };
        assert_eq!(names.configured(&route("shop.example.com_80")), route("shop.example.com:80"));
    }
}
